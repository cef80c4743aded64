"""The lines `track` and `ip sla`, and the model they make."""

from __future__ import annotations

from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.track.model import Operation, TrackConfig, Tracked, TrackKind
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section
from dmvpn.ios.vrfs import refusal

MODES: Final = (
    Mode("track", "config-track"),
    Mode("sla", "config-ip-sla"),
    Mode("sla-echo", "config-ip-sla-echo", "sla"),
)
_TRACK: Final = {"track": "Objects whose state others follow", "number": "Number of the object"}
_SLA: Final = {"sla": "Measure what others can do", "number": "Number of the operation"}
#: Milliseconds.
_TIMEOUT: Final = 5000
#: Of an object in a list.
_WEIGHT: Final = 10
_NUMBER: Final = "{number:1-1000}"
_OPERATION: Final = "{number:1-2147483647}"


def _concern(levels: Args, args: Args) -> bool:
    """Return whether thresholds are of the kind that the list has."""
    return "threshold" in args and ("weight" in levels) is ("weight" in args)


def _drop_members(args: Args, inner: Section) -> None:
    """Drop the members of an object that is no longer a list, thresholds of another kind, and the VRF of an object that
    is no longer a route.
    """
    if "route" not in args:
        for entry in inner.entries(TRACK_VRF):
            inner.drop(entry)
    if "list" not in args:
        for entry in inner.entries(MEMBER):
            inner.drop(entry)
    for entry in inner.entries(LEVELS):
        if not _concern(entry.args, args):
            inner.drop(entry)


def _check_vrf(args: Args, section: Section) -> str | None:
    return refusal(section, args.text("vrf"))


def _check_vrf_of_route(args: Args, section: Section) -> str | None:
    """Refuse a VRF that does not exist, and one of an object that is not a route."""
    opened = section.opened_by
    if opened is not None and "route" not in opened:
        return f"% Track {opened.integer('number')} is not of an IP route"
    return _check_vrf(args, section)


def _check_frequency(args: Args, section: Section) -> str | None:
    """Refuse requests that leave before an answer to the last one counts as lost, as IOS does."""
    timeout = section.args(TIMEOUT).integer("milliseconds", _TIMEOUT)
    if args.integer("seconds") * 1000 >= timeout:
        return None
    return f"%Illegal Value: Cannot set Frequency to be less than Timeout ({timeout} milliseconds)"


def _check_timeout(args: Args, section: Section) -> str | None:
    frequency = section.get(FREQUENCY)
    if frequency is None or frequency.integer("seconds") * 1000 >= args.integer("milliseconds"):
        return None
    return f"%Illegal Value: Cannot set Timeout to be greater than Frequency ({frequency.integer('seconds')} seconds)"


TRACK: Final = ConfigLine(
    "global",
    f"track {_NUMBER} ( interface {{interface:interface}} ( line-protocol | ( ip | ipv6 ) routing ) "
    "| ip sla {operation:1-2147483647} [ reachability | state ] "
    "| ip route ( {prefix:prefix} | {network:address} {mask:mask} ) reachability "
    "| ipv6 route {prefix:prefix6} reachability | list ( boolean ( and | or ) | threshold ( weight | percentage ) ) )",
    {
        **_TRACK,
        "interface": "An interface",
        "line-protocol": "Its line protocol is up",
        "routing": "It is up and has an address",
        "ipv6": "Internet Protocol, version 6",
        "sla": "An operation of IP SLA",
        "operation": "Number of the operation",
        "reachability": "It is answered, or the route is there",
        "state": "It is answered in time",
        "route": "A route",
        "prefix": "Network",
        "network": "Network",
        "mask": "Its mask",
        "list": "Other objects",
        "boolean": "By what they are together",
        "and": "All are up",
        "or": "At least one is up",
        "threshold": "By how many of them are up",
        "weight": "By the weights of the objects that are up",
        "percentage": "By their part of all",
    },
    key=("number",),
    order=564,
    sort=("number",),
    opens="track",
    turns=_drop_members,
)
DELAY: Final = ConfigLine(
    "track",
    "delay ( up {up:0-180} [ down {down:0-180} ] | down {down:0-180} [ up {up:0-180} ] )",
    {"delay": "A change has to last", "up": "Before the object is up", "down": "Before it is down"},
    order=20,
)
_HELP: Final = {
    "object": "An object of the list",
    "not": "Counts when it is down",
    "weight": "What it counts where the threshold is a weight",
    "threshold": "How many objects have to be up",
    "percentage": "By their part of all",
    "ip": "Which table has the route",
    "vrf": "The routing table of a VRF",
    "icmp-echo": "Echo requests",
    "destination": "To this address",
    "source-ip": "From this address",
    "source": "Address",
    "source-interface": "From the address of an interface",
    "interface": "Interface",
    "timeout": "Time to wait for an answer",
    "milliseconds": "Milliseconds",
    "request-data-size": "Octets of data in a request",
    "octets": "Octets",
    "schedule": "When it runs",
    "life": "For how long",
    "forever": "Without end",
    "start-time": "From when on",
    "now": "At once",
    "pending": "Not by itself",
    "after": "So much later: HH:MM:SS",
    "ageout": "Kept for the record",
    "recurring": "Kept for the record",
}
MEMBER: Final = ConfigLine(
    "track", "object {object:1-1000} [ not | weight {weight:0-255} ]", _HELP, key=("object",), order=10
)
LEVELS: Final = ConfigLine(
    "track",
    "threshold ( weight ( up {up:0-255} [ down {down:0-255} ] | down {down:0-255} [ up {up:0-255} ] ) "
    "| percentage ( up {up:0-100} [ down {down:0-100} ] | down {down:0-100} [ up {up:0-100} ] ) )",
    {
        **_HELP,
        "weight": "By their weights",
        "up": "The list is up from this on",
        "down": "Once up, it is down from this downwards",
    },
    order=15,
)
TRACK_VRF: Final = ConfigLine("track", "ip vrf {vrf:word}", _HELP, order=5, check=_check_vrf_of_route)
SLA: Final = ConfigLine(
    "global", f"ip sla {_OPERATION}", _SLA, key=("number",), order=560, sort=("number",), opens="sla"
)
ECHO: Final = ConfigLine(
    "sla",
    "icmp-echo ( {destination:address} [ source-ip {source:address} | source-interface {interface:interface} ] "
    "| {destination:address6} [ source-ip {source:address6} | source-interface {interface:interface} ] )",
    _HELP,
    key=("icmp-echo",),
    order=10,
    opens="sla-echo",
)
FREQUENCY: Final = ConfigLine(
    "sla-echo",
    "frequency {seconds:1-604800}",
    {"frequency": "Time between requests", "seconds": "Seconds"},
    order=21,  # as on IOS behind the timeout, on which it depends
    check=_check_frequency,
)
TIMEOUT: Final = ConfigLine("sla-echo", "timeout {milliseconds:0-604800000}", _HELP, order=20, check=_check_timeout)
THRESHOLD: Final = ConfigLine(
    "sla-echo",
    "threshold {milliseconds:0-60000}",
    {**_HELP, "threshold": "An answer that took longer is late"},
    order=20,
)
SIZE: Final = ConfigLine("sla-echo", "request-data-size {octets:0-16384}", _HELP, order=20)
TOS: Final = ConfigLine("sla-echo", "tos {tos:0-255}", {"tos": "Type of service"}, order=20)
TAG: Final = ConfigLine("sla-echo", "tag {tag:word}", {"tag": "A name for people"}, order=20)
OWNER: Final = ConfigLine("sla-echo", "owner {owner:word}", {"owner": "Whose operation it is"}, order=20)
SLA_VRF: Final = ConfigLine(
    "sla-echo", "vrf {vrf:word}", {**_HELP, "vrf": "Send requests in this VRF"}, order=19, check=_check_vrf
)
SCHEDULE: Final = ConfigLine(
    "global",
    f"ip sla schedule {_OPERATION} [* life ( forever | {{life:1-2147483647}} ) "
    "| start-time ( now | pending | after {after:word} ) | ageout {ageout:0-2073600} | recurring ]",
    {**_SLA, **_HELP},
    key=("number",),
    order=561,
    sort=("number",),
    check=lambda args, _: None if "after" not in args or _clock(args.text("after")) is not None else "%Invalid time",
)
LINES: Final = collected(ConfigLine, vars())


def _clock(text: str) -> float | None:
    """Return seconds of HH:MM:SS."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts):
        return None
    hours, minutes, seconds = (int(part) for part in parts)
    return 3600.0 * hours + 60 * minutes + seconds


def model(tree: ConfigTree) -> TrackConfig | None:
    """Return what the configuration says of both; None: nothing."""
    objects = sorted(tree.made(TRACK, _tracked), key=lambda one: one.number)
    schedules = {args.integer("number"): args for args in tree.all(SCHEDULE)}
    operations = [
        found
        for args, section in tree.sections(SLA)
        if (found := _operation(args.integer("number"), section, schedules.get(args.integer("number")))) is not None
    ]
    operations.sort(key=lambda one: one.number)
    return TrackConfig(tuple(objects), tuple(operations)) if objects or operations else None


def _tracked(args: Args, section: Section) -> Tracked:
    delay = section.get(DELAY)
    entries = section.all(MEMBER)
    levels = section.get(LEVELS)
    up, down = _levels(levels if levels is not None and _concern(levels, args) else None)
    prefix = args.any_prefix(None)
    return Tracked(
        number=args.integer("number"),
        kind=_kind(args),
        version=args.version,
        interface=args.interface("interface", ""),
        operation=args.integer("operation", 0),
        prefix=prefix,
        vrf=section.args(TRACK_VRF).text("vrf", "") if prefix is not None else "",
        members=tuple((entry.integer("object"), "not" in entry) for entry in entries),
        weights=tuple(entry.integer("weight", _WEIGHT) for entry in entries),
        up_level=up,
        down_level=down,
        up_delay=delay.integer("up", 0) if delay is not None else 0,
        down_delay=delay.integer("down", 0) if delay is not None else 0,
    )


def _levels(said: Args | None) -> tuple[int, int]:
    """Return from where on a list is up, and from where downwards it is down: next to each other unless both are
    said.
    """
    if said is None:
        return 1, 0
    up, down = said.integer("up", None), said.integer("down", None)
    if up is None:
        up = (down or 0) + 1
    return up, up - 1 if down is None else down


def _kind(args: Args) -> TrackKind:
    if "threshold" in args:
        return TrackKind.WEIGHT if "weight" in args else TrackKind.PERCENTAGE
    if "list" in args:
        return TrackKind.ALL if "and" in args else TrackKind.ANY
    if "interface" in args:
        return TrackKind.LINE if "line-protocol" in args else TrackKind.ROUTING
    if "operation" in args:
        return TrackKind.REACHABLE if "reachability" in args else TrackKind.STATE
    return TrackKind.ROUTE


def _operation(number: int, section: Section, schedule: Args | None) -> Operation | None:
    opened = next(iter(section.sections(ECHO)), None)
    if opened is None:
        return None
    args, own = opened

    def value(line: ConfigLine, name: str, otherwise: int) -> int:
        said = own.get(line)
        return said.integer(name) if said is not None else otherwise

    def text(line: ConfigLine, name: str) -> str:
        said = own.get(line)
        return said.text(name) if said is not None else ""

    return Operation(
        number=number,
        destination=args.any_address("destination"),
        source=args.any_address("source", None),
        interface=args.interface("interface", ""),
        vrf=text(SLA_VRF, "vrf"),
        frequency=float(value(FREQUENCY, "seconds", 60)),
        timeout=value(TIMEOUT, "milliseconds", _TIMEOUT) / 1000,
        threshold=value(THRESHOLD, "milliseconds", 5000) / 1000,
        size=value(SIZE, "octets", 28),
        tos=value(TOS, "tos", 0),
        tag=text(TAG, "tag"),
        owner=text(OWNER, "owner"),
        scheduled=schedule is not None,
        after=_after(schedule) if schedule is not None else None,
        life=_life(schedule) if schedule is not None else None,
    )


def _after(schedule: Args) -> float | None:
    if "now" in schedule:
        return 0.0
    return _clock(schedule.text("after")) if "after" in schedule else None


def _life(schedule: Args) -> float | None:
    """Return an hour unless the line says otherwise."""
    return None if "forever" in schedule else float(schedule.integer("life", 3600))
