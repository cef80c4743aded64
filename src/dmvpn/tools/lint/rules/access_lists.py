"""Rules about access lists by themselves, wherever they are used: entries and names that do nothing."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.findings import Rule, Severity
from dmvpn.base.shadows import ListedEntry, shadows
from dmvpn.features.policy.config import access_lists, listed_entries, objects
from dmvpn.network.access_entries import entry_at, inverted
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.policy.model import AccessEntry, AddressRange
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

SHADOWED: Final = Rule(
    id="list-entry-shadowed",
    severity=Severity.WARNING,
    title="An entry of an access list decides on nothing, because earlier entries decide on all of its packets",
    why="The first entry that fits decides. An entry behind another entry for the same packets never counts a packet, "
    "whatever it says; it belongs before that one. Advice where it says the same as the earlier entries.",
    bad="ip access-list extended LAN\n permit ip any any\n deny tcp any any eq telnet",
    fix="ip access-list extended LAN\n deny tcp any any eq telnet\n permit ip any any",
)
MASK: Final = Rule(
    id="list-mask-not-wildcard",
    severity=Severity.WARNING,
    title="An entry of an access list has a subnet mask where a wildcard belongs",
    why="In a wildcard the bits that are 1 do not matter. With a subnet mask in its place the entry fits addresses "
    "that end in zeros in all networks, and no station of the network that it names.",
    bad="ip access-list standard LAN\n permit 192.168.1.0 255.255.255.0",
    fix="ip access-list standard LAN\n permit 192.168.1.0 0.0.0.255",
)
UNUSED: Final = Rule(
    id="list-unused",
    severity=Severity.ADVICE,
    title="No line names an access list, an object group or a time range",
    why="It does nothing. Perhaps the line that applies it is missing (`ip access-group`), or names another list.",
    bad="ip access-list extended WAN-IN\n permit esp any any\ninterface GigabitEthernet1\n"
    " ip address 192.0.2.2 255.255.255.0",
    fix="interface GigabitEthernet1\n ip access-group WAN-IN in",
)
RULES: Final = (SHADOWED, MASK, UNUSED)
#: Earlier entries that a finding names, and findings about one list.
_NAMED, _MOST = 3, 20
#: Names that a finding about unused ones has.
_UNUSED: Final = 5


class _List(NamedTuple):
    """An access list of a router."""

    device: Device
    name: str
    extended: bool

    @property
    def header(self) -> str:
        """The line that opens it, or would."""
        return (access_lists.EXTENDED if self.extended else access_lists.STANDARD).of(name=self.name)

    def at(self, entry: AccessEntry | ListedEntry) -> tuple[str, ...]:
        """Return the words of the line of an entry."""
        return entry_at(self.device, self.name, entry, extended=self.extended)

    def text(self, entry: AccessEntry | ListedEntry) -> str:
        """Return the entry without the name of its list, "" if its line is not found."""
        placed = self.device.places.find(self.at(entry))
        words = placed.text.split() if placed is not None else []
        return " ".join(words[2 if words[:1] == ["access-list"] else 1 :])


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield entries and names that do nothing."""
    for device in network.devices:
        for name, extended in device.policy.access_lists:
            yield from _entries(_List(device, name, extended))
        yield from _unused(device)


def _entries(listed: _List) -> Iterator[NetworkConcern]:
    device, config = listed.device, listed.device.policy
    entries = config.access_lists[listed.name, listed.extended]
    for entry in entries:
        yield from _mask(listed, entry)
    for count, shadow in enumerate(shadows(listed_entries(config, entries))):
        if count == _MOST:
            return
        own = shadow.entry
        at = listed.at(own)
        others = " and ".join(_said(listed, one) for one in shadow.by[:_NAMED])
        more = f" and {len(shadow.by) - _NAMED} more" if len(shadow.by) > _NAMED else ""
        verb = "fits" if len(shadow.by) == 1 else "fit"
        effect = "permits later fragments alone" if shadow.permits_fragments else "decides on nothing"
        what = f"{_said(listed, own)} of {listed.name} {effect}: {others}{more} before it {verb} all of its packets"
        yield found(SHADOWED, device, at, what, severity=None if shadow.changes else Severity.ADVICE)


def _said(listed: _List, entry: ListedEntry) -> str:
    text = listed.text(entry)
    return f"entry {entry.sequence}" + (f" ({text})" if text else "")


# ------------------------------------------------------------------------------------------------ masks


def _mask(listed: _List, entry: AccessEntry) -> Iterator[NetworkConcern]:
    for end in (entry.source, entry.destination):
        if inverted(f"{end.address} {end.wildcard}") and not int(end.address):
            yield from _masked(listed, entry, end)
            return


def _masked(listed: _List, entry: AccessEntry, end: AddressRange) -> Iterator[NetworkConcern]:
    """Yield an entry whose line has a network before the mask: of other lines the author may mean what they say."""
    text = listed.text(entry)
    words = text.split()
    if str(end.wildcard) not in words:
        return
    place = words.index(str(end.wildcard))
    network = _address(words[place - 1])
    if not network & int(end.wildcard) or network & ~int(end.wildcard):
        return
    what = (
        f"entry {entry.sequence} of {listed.name} has {end.wildcard} behind {words[place - 1]}: no station of that "
        "network has an address that fits"
    )
    words[place - 1 : place + 1] = [inverted(f"{words[place - 1]} {end.wildcard}")]
    fix = f"{listed.header}\n no {entry.sequence}\n {entry.sequence} {' '.join(words)}"
    yield found(MASK, listed.device, listed.at(entry), what, fix)


def _address(text: str) -> int:
    try:
        return int(IPv4Address(text))
    except AddressValueError:
        return 0


# ------------------------------------------------------------------------------------------------ names


def _unused(device: Device) -> Iterator[NetworkConcern]:
    """Yield names that are in no line but their own. Lines upon which nothing here acts count, so do remarks."""
    config = device.policy
    if not device.interface_names or not (config.access_lists or config.networks or config.services):
        return  # without interfaces it is an excerpt
    named = _words(device)
    lists = [(name, _header(device, name, extended=extended)) for name, extended in config.access_lists]
    networks = [(name, objects.NETWORK_GROUP.of(name=name)) for name in config.networks]
    services = [(name, objects.SERVICE_GROUP.of(name=name)) for name in config.services]
    times = [(name, objects.TIME_RANGE.of(name=name)) for name in config.time_ranges]
    for kind, known in (("access list", lists), ("object group", [*networks, *services]), ("time range", times)):
        unused = [one for one in known if one[0] not in named]
        if unused:
            names = ", ".join(name for name, _ in unused[:_UNUSED])
            more = f" and {len(unused) - _UNUSED} more" if len(unused) > _UNUSED else ""
            related = tuple((device, (line,)) for _, line in unused[1:])
            what = f"no line names the {kind}{'s' if len(unused) > 1 else ''} {names}{more}"
            yield found(UNUSED, device, (unused[0][1],), what, related=related)


def _header(device: Device, name: str, *, extended: bool) -> str:
    """Return how the first line of a list begins."""
    header = f"ip access-list {'extended' if extended else 'standard'} {name}"
    return header if device.places.find((header,)) is not None else f"access-list {name}"


def _words(device: Device) -> dict[str, None]:
    """Return all words of the configuration, except for the names in lines that define an object of that name."""
    found: dict[str, None] = {}
    for line in device.text.splitlines():
        words = line.split()
        match words:
            case ["ip", "access-list", "standard" | "extended", _]:
                continue
            case ["object-group", "network" | "service", _, *_] | ["time-range", _]:
                continue
            case ["access-list", _, *rest]:
                found.update(dict.fromkeys(rest))
            case _:
                found.update(dict.fromkeys(words))
    return found
