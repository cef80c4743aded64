"""What entries of access lists refer to by name: object groups of networks and of services, and time ranges.

The ports of an access list entry as one value: `eq 80`, `eq isakmp non500-isakmp`, `range 1024 65535`. And TTLs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from ipaddress import IPv4Address, summarize_address_range
from itertools import pairwise
from typing import Final, cast

from dmvpn.base.filters import Ranges
from dmvpn.base.translation import Addresses
from dmvpn.base.values import collected
from dmvpn.features.policy.config.conditions import ICMP, icmp_of
from dmvpn.features.policy.model import ANY, DAY, PROTOCOLS, ObjectGroup, Period, Service, TimeRange
from dmvpn.ios import Args, ConfigLine, Mode, Section, ValueType, register_type
from dmvpn.ios.common import read_date
from dmvpn.ios.values import Misfit, Read, Reading, Token, Unfinished

# ------------------------------------------------------------------------------------------------ ports


_OPERATORS: Final = {
    "eq": "This port, or one of these",
    "gt": "Higher ports",
    "lt": "Lower ports",
    "neq": "Any other port",
    "range": "From one port to another",
}
#: The least and the greatest number of ports behind an operator.
_COUNTS: Final = {"eq": (1, 10), "gt": (1, 1), "lt": (1, 1), "neq": (1, 10), "range": (2, 2)}
#: IOS's names, of TCP and UDP alike: no name has two numbers.
_NAMES: Final = {
    "bgp": 179,
    "biff": 512,
    "bootpc": 68,
    "bootps": 67,
    "chargen": 19,
    "cmd": 514,
    "daytime": 13,
    "discard": 9,
    "dnsix": 195,
    "domain": 53,
    "drip": 3949,
    "echo": 7,
    "exec": 512,
    "finger": 79,
    "ftp": 21,
    "ftp-data": 20,
    "gopher": 70,
    "hostname": 101,
    "ident": 113,
    "irc": 194,
    "isakmp": 500,
    "klogin": 543,
    "kshell": 544,
    "login": 513,
    "lpd": 515,
    "mobile-ip": 434,
    "msrpc": 135,
    "nameserver": 42,
    "netbios-dgm": 138,
    "netbios-ns": 137,
    "netbios-ss": 139,
    "nntp": 119,
    "non500-isakmp": 4500,
    "ntp": 123,
    "pim-auto-rp": 496,
    "pop2": 109,
    "pop3": 110,
    "rip": 520,
    "ripv6": 521,
    "smtp": 25,
    "snmp": 161,
    "snmptrap": 162,
    "sunrpc": 111,
    "syslog": 514,
    "tacacs": 49,
    "talk": 517,
    "telnet": 23,
    "tftp": 69,
    "time": 37,
    "uucp": 540,
    "who": 513,
    "whois": 43,
    "www": 80,
    "xdmcp": 177,
}


class Ports(ValueType):
    """An operator and its numbers. The value: the text, and the first and last numbers of all ranges that are meant."""

    def __init__(self, name: str, last: int, names: Mapping[str, int]) -> None:
        """last: the greatest number. names: of numbers."""
        super().__init__(name, "eq", lambda text: None, spell=_spelled)
        self._last, self._names = last, names

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        begun = self.words(tokens[index].text)
        if len(begun) != 1:
            return Misfit()
        operator = begun[0]
        least, most = _COUNTS[operator]
        first = index + 1
        ports: list[int] = []
        # Only the leading ones: what comes behind a word that is no port belongs to something else.
        for token in tokens[first : first + most]:
            port = self._port(token.text)
            if port is None:
                break
            ports.append(port)
        count = len(ports)
        if count < least:
            place = first + count
            if place == len(tokens):
                return Unfinished(f"<0-{self._last}>", "Number")
            return Misfit(tokens[place].start - tokens[index].start)
        end = first + count
        text = " ".join((operator, *(token.text.lower() for token in tokens[first:end])))
        return Reading((text, tuple(_ranges_of(operator, sorted(ports), self._last))), text, end)

    def _port(self, text: str) -> int | None:
        if text.lower() in self._names:
            return self._names[text.lower()]
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(self._last)) else -1
        return number if 0 <= number <= self._last else None

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        return [(word, text) for word, text in _OPERATORS.items() if word.startswith(fragment.lower())]

    def words(self, fragment: str) -> list[str]:
        return [word for word, _ in self.hints(fragment)]


def _spelled(value: Hashable) -> str:
    return str(value[0]) if isinstance(value, tuple) and value else ""


def _ranges_of(operator: str, ports: list[int], last: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last port of each range; `lt 0` has none."""
    match operator:
        case "range":
            yield ports[0], ports[1]
        case "lt" if ports[0] > 0:
            yield 0, ports[0] - 1
        case "gt" if ports[0] < last:
            yield ports[0] + 1, last
        case "eq":
            yield from ((port, port) for port in ports)
        case "neq":
            limits = (-1, *ports, last + 1)
            yield from ((low + 1, high - 1) for low, high in pairwise(limits) if low + 1 <= high - 1)


PORTS: Final = register_type(Ports("acl-ports", 65_535, _NAMES))
TTL: Final = register_type(Ports("acl-ttl", 255, {}))


# ----------------------------------------------------------------------------------------------- groups and time ranges


_NETWORKS, _SERVICES, _TIMES = "network-group", "service-group", "time-range"
MODES: Final = (
    Mode(_NETWORKS, "config-network-group"),
    Mode(_SERVICES, "config-service-group"),
    Mode(_TIMES, "config-time-range"),
)
_TCP, _UDP = PROTOCOLS["tcp"], PROTOCOLS["udp"]
_BARE = " | ".join(word for word in PROTOCOLS if word not in ("icmp", "tcp", "udp"))
_PORTED = f"[ source {{source_ports:{PORTS.name}}} ] [ {{destination_ports:{PORTS.name}}} ]"
_HELP: Final = {
    "object-group": "Several networks or services under one name",
    "network": "Networks, for sources and destinations",
    "service": "Protocols and ports",
    "name": "Its name",
    "description": "Text for people",
    "text": "The text",
    "host": "One address",
    "address": "A network",
    "mask": "Its mask",
    "length": "Its mask as a number of bits",
    "range": "From one address to another",
    "first": "The first one",
    "last": "The last one",
    "any": "Any address",
    "group-object": "All members of another group",
    "group": "Its name",
    "source": "Ports of the sender",
    "source_ports": "Ports of the sender",
    "destination_ports": "Ports of the receiver",
    "message": "Type of message",
    "protocol": "Number of a protocol",
    "tcp-udp": "Protocols 6 and 17",
    "ip": "Any protocol",
    **{word: f"Protocol {number}" for word, number in PROTOCOLS.items() if number is not None},
}

NETWORK_GROUP: Final = ConfigLine(
    "global", "object-group network {name:word}", _HELP, key=("name",), order=590, opens=_NETWORKS, sort=("name",)
)
SERVICE_GROUP: Final = ConfigLine(
    "global", "object-group service {name:word}", _HELP, key=("name",), order=591, opens=_SERVICES, sort=("name",)
)
NETWORK_DESCRIPTION: Final = ConfigLine(_NETWORKS, "description {text:line}", _HELP, order=10)
NETWORK: Final = ConfigLine(
    _NETWORKS,
    "( host {host:address} | {address:address} {mask:mask} | range {first:address} {last:address} | any "
    "| group-object {group:word} )",
    _HELP,
    key=(),
    order=20,
    check=lambda args, _: (
        "% The range ends before it begins"
        if "range" in args and args.address("first") > args.address("last")
        else None
    ),
)
SERVICE_DESCRIPTION: Final = ConfigLine(_SERVICES, "description {text:line}", _HELP, order=10)
SERVICE: Final = ConfigLine(
    _SERVICES,
    f"( tcp {_PORTED} | udp {_PORTED} | tcp-udp {_PORTED} | icmp [ {{message:{ICMP.name}}} ] | {_BARE} "
    "| {protocol:0-255} | group-object {group:word} )",
    _HELP,
    key=(),
    order=20,
)


def _check_absolute(args: Args, _section: object) -> str | None:
    start, end, is_right = _absolute(args.text("text"))
    if is_right and (start is None or end is None or start <= end):
        return None
    return "% Times are [start HH:MM DAY MONTH YEAR] [end HH:MM DAY MONTH YEAR]"


def _check_periodic(args: Args, _section: object) -> str | None:
    if _periods(args.text("text")) is not None:
        return None
    return "% Days are daily, weekdays, weekend or names of days, then HH:MM to [DAY] HH:MM"


_WORDS: Final = {
    "time-range": "Times at which entries of access lists count",
    "name": "Its name",
    "absolute": "From one moment to another",
    "text": "start HH:MM DAY MONTH YEAR end HH:MM DAY MONTH YEAR",
    "periodic": "In every week",
}
TIME_RANGE: Final = ConfigLine(
    "global", "time-range {name:word}", _WORDS, key=("name",), order=592, opens=_TIMES, sort=("name",)
)
ABSOLUTE: Final = ConfigLine(_TIMES, "absolute {text:line}", _WORDS, order=10, check=_check_absolute)
PERIODIC: Final = ConfigLine(
    _TIMES,
    "periodic {text:line}",
    {**_WORDS, "text": "Days, and HH:MM to HH:MM"},
    key=(),
    order=20,
    check=_check_periodic,
)
LINES: Final = collected(ConfigLine, vars())


# ------------------------------------------------------------------------------------------------ networks


def network_group(args: Args, section: Section) -> tuple[str, ObjectGroup[Addresses]]:
    """Return the name of a group of networks, and the group."""
    members = section.all(NETWORK)
    group = ObjectGroup(
        section.args(NETWORK_DESCRIPTION).text("text", ""),
        tuple(NETWORK.text(member) for member in members),
        tuple(each for member in members for each in _addresses(member)),
        _groups(members),
    )
    return args.text("name"), group


def _addresses(args: Args) -> Iterator[Addresses]:
    if "any" in args:
        yield Addresses(ANY.address, ANY.wildcard)
    elif "host" in args:
        yield Addresses(args.address("host"), IPv4Address(0))
    elif "range" in args:
        for network in summarize_address_range(args.address("first"), args.address("last")):
            yield Addresses(network.network_address, network.hostmask)
    elif "address" in args.values_given:
        mask = int(cast("IPv4Address", args.get("mask")))
        address = IPv4Address(int(args.address("address")) & mask)
        yield Addresses(address, IPv4Address(mask ^ 0xFFFFFFFF))


def _groups(members: Iterable[Args]) -> tuple[str, ...]:
    return tuple(member.text("group") for member in members if "group-object" in member)


# ------------------------------------------------------------------------------------------------ services


def service_group(args: Args, section: Section) -> tuple[str, ObjectGroup[Service]]:
    """Return the name of a group of services, and the group."""
    members = section.all(SERVICE)
    group = ObjectGroup(
        section.args(SERVICE_DESCRIPTION).text("text", ""),
        tuple(SERVICE.text(member) for member in members),
        tuple(each for member in members for each in _members(member)),
        _groups(members),
    )
    return args.text("name"), group


def _members(args: Args) -> Iterator[Service]:
    if "group-object" in args:
        return
    if "protocol" in args.values_given:
        yield Service(protocol=args.integer("protocol"))
        return
    if "icmp" in args:
        icmp = icmp_of(args.text("message"), 4) if "message" in args.values_given else None
        yield Service(protocol=PROTOCOLS["icmp"], icmp=icmp)
        return
    word = next(word for word in ("tcp-udp", *PROTOCOLS) if word in args)
    for protocol in (_TCP, _UDP) if word == "tcp-udp" else (PROTOCOLS[word],):
        yield Service(
            protocol=protocol,
            source_ports=_ranges(args, "source_ports"),
            destination_ports=_ranges(args, "destination_ports"),
        )


def _ranges(args: Args, name: str) -> Ranges | None:
    # The value type of ports makes such a pair of the words.
    ports = cast("tuple[str, Ranges] | None", args.get(name))
    return None if ports is None else ports[1]


# ------------------------------------------------------------------------------------------------ times

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SETS: Final = {"daily": range(7), "weekdays": range(5), "weekend": range(5, 7)}
#: Words of a moment: time, day, month, year.
_MOMENT: Final = 4


def time_range(args: Args, section: Section) -> tuple[str, TimeRange]:
    """Return the name of a time range, and the time range."""
    absolute, periodic = section.get(ABSOLUTE), section.all(PERIODIC)
    start, end, _ = _absolute(absolute.text("text")) if absolute is not None else (None, None, True)
    periods = tuple(period for line in periodic for period in _periods(line.text("text")) or ())
    lines = (*(() if absolute is None else (ABSOLUTE.text(absolute),)), *map(PERIODIC.text, periodic))
    return args.text("name"), TimeRange(start, end, periods, lines)


def _absolute(text: str) -> tuple[datetime | None, datetime | None, bool]:
    """Return start and end, and whether the text is right."""
    words, found = text.lower().split(), dict[str, datetime | None]()
    while words and words[0] in ("start", "end") and words[0] not in found:
        found[words[0]] = _moment(words[1 : 1 + _MOMENT])
        words = words[1 + _MOMENT :]
    is_right = not words and bool(found) and None not in found.values()
    return found.get("start"), found.get("end"), is_right


def _moment(words: list[str]) -> datetime | None:
    if len(words) != _MOMENT:
        return None
    minute, on = _minute(words[0]), read_date(*words[1:])
    return datetime.combine(on, time(*divmod(minute, 60))) if minute is not None and on is not None else None


def _minute(text: str) -> int | None:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and len(hour) < 3 and len(minute) < 3):
        return None
    return int(hour) * 60 + int(minute) if int(hour) < 24 and int(minute) < 60 else None


def _periods(text: str) -> tuple[Period, ...] | None:
    """Return the periods of `weekdays 8:00 to 17:00` or `Friday 20:00 to Monday 8:00`; None: it is no such text."""
    words = text.lower().split()
    if "to" not in words:
        return None
    place = words.index("to")
    days, start = _days(words[: place - 1]), _minute(words[place - 1]) if place else None
    match words[place + 1 :]:
        case [time]:
            until, end = None, _minute(time)
        case [day, time]:
            until, end = _days([day]), _minute(time)
            if len(until) != 1 or len(days) != 1:
                return None
        case _:
            return None
    if not days or start is None or end is None:
        return None
    if until:
        return (Period(days[0] * DAY + start, until[0] * DAY + end),)
    nights = DAY if end < start else 0  # `daily 22:00 to 6:00` ends on the next day
    return tuple(Period(day * DAY + start, day * DAY + end + nights) for day in days)


def _days(words: list[str]) -> list[int]:
    if len(words) == 1 and words[0] in _SETS:
        return list(_SETS[words[0]])
    found = [next((number for number, day in enumerate(_DAYS) if day.startswith(word)), -1) for word in words]
    return found if min(found, default=-1) >= 0 and all(len(word) > 1 for word in words) else []
