"""Lines that several features share: interfaces with what several features ask of them, the router's name, key chains.

They belong to the features `interface`, `system` and `policy`, which put them into their grammars; the constants are
here because several features ask the tree for them, and features do not import each other.

Lifetimes of keys are spelled as IOS does: `[local] 00:00:00 Jan 1 2026 ( infinite | duration 3600 | ... Feb 1 2026 )`.
Day and month may be the other way round.

Twins: commands that exist twice, in other words and with other values, such as `ip nhrp ...` and `ipv6 nhrp ...`.

A feature declares one of them and the words in which the other one differs. So what one learns the other one has too,
and one function makes the models of both: it asks a `Spoken` section in the words of the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import field, replace
from datetime import date, datetime, time, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeVar

from dmvpn.base.addresses import Prefix, is_one_station, spelled
from dmvpn.base.credentials import Lifetime
from dmvpn.base.pages import Pages
from dmvpn.base.values import Value
from dmvpn.ios.config_line import ConfigLine, Mode
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section, Statement

# ------------------------------------------------------------------------------------------------ dates


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def read_date(day: str, month: str, year: str) -> date | None:
    """Return a date whose month is in lower case; None: there is no such day."""
    if month[:3] not in _MONTHS or not (day.isdecimal() and year.isdecimal()):
        return None
    try:
        return date(int(year), _MONTHS.index(month[:3]) + 1, int(day))
    except (ValueError, OverflowError):
        return None


# ------------------------------------------------------------------------------------------------ lifetimes of keys


_LONGEST: Final = 2_147_483_646


def read_lifetime(text: str) -> Lifetime | None:
    """Return what the words say; None if they are no lifetime."""
    words = text.lower().split()
    local = words[:1] == ["local"]
    words = words[local:]
    start = _moment(words[:4])
    if start is None:
        return None
    match words[4:]:
        case ["infinite"]:
            return Lifetime(start, None, local)
        case ["duration", seconds]:
            end = _after(start, seconds)
            return Lifetime(start, end, local) if end is not None else None
        case [*rest] if (end := _moment(rest)) is not None and end > start:
            return Lifetime(start, end, local)
    return None


def _moment(words: list[str]) -> datetime | None:
    """Read `HH:MM:SS Month Day Year`, or with the day before the month."""
    if len(words) != 4:
        return None
    clock, first, second, year = words
    month, day = (second, first) if first.isdecimal() else (first, second)
    on, parts = read_date(day, month, year), clock.split(":")
    if on is None or len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    try:
        hour, minute, seconds = map(int, parts)
        return datetime.combine(on, time(hour, minute, seconds))
    except (ValueError, OverflowError):
        return None


def _after(start: datetime, seconds: str) -> datetime | None:
    """Return the end of a duration, None: it is too short or too long, or ends behind the last year."""
    if not seconds.isdecimal():
        return None
    try:
        duration = int(seconds)
        return start + timedelta(seconds=duration) if 0 < duration <= _LONGEST else None
    except (ValueError, OverflowError):
        return None


# ------------------------------------------------------------------------------------------------ shared lines


INTERFACE_MODE: Final = Mode("interface", "config-if")

#: The prompt and files take it apart before; what arrives here names no interfaces.
INTERFACE_RANGE: Final = ConfigLine(
    "global",
    "interface range {interfaces:line}",
    {"interface": "Configure an interface", "range": "Several interfaces at once", "interfaces": "gi0/1 - 3, gi0/5"},
    check=lambda _, __: "% Invalid range: write it as gi0/1 - 3, gi0/5",
    order=300,
)
INTERFACE: Final = ConfigLine(
    "global",
    "interface {name:interface} "
    "[ point-to-point | multipoint | type ( tunnel | ethernet | serial | atm | vlan | ip ) ]",
    {
        "interface": "Configure an interface",
        "name": "The interface",
        "point-to-point": "A sub-interface with one far end",
        "multipoint": "A sub-interface with several",
        "type": "What a template is for",
        **dict.fromkeys(("tunnel", "ethernet", "serial", "atm", "vlan", "ip"), "Such interfaces"),
    },
    key=("name",),
    order=300,
    opens="interface",
)

_HELP: Final = {
    "hostname": "Set the name of this router",
    "name": "Its name",
    "host": "Give an address a name",
    "vrf": "A name in this VRF only",
    "address": "The address",
    "mtu": "Largest IP packet",
    "octets": "Octets",
    "tcp": "TCP sessions through this router",
    "adjust-mss": "Clamp the maximum segment size",
    "access-group": "Filter packets by an access list",
    "in": "What comes in",
    "out": "What goes out",
    "verify": "Drop packets with a forged sender",
    "unicast": "Of packets to one station",
    "source": "The sender",
    "reachable-via": "There is a route to it",
    "any": "By any interface",
    "rx": "By the interface that the packet came by",
    "reverse-path": "There is a route to the sender by the interface that the packet came by",
    "allow-default": "The default route is a route, too",
    "encapsulation": "Frames of this subinterface",
    "dot1Q": "IEEE 802.1Q, with the tag of a VLAN",
    "vlan": "The VLAN",
    "native": "The VLAN of frames without a tag",
    "second-dot1q": "A second tag inside",
    "inner": "Its VLAN",
    "unreachables": "Send ICMP destination unreachable",
    "key": "Keys of routing protocols",
    "chain": "A list of keys",
    "number": "Its number, which travels in packets",
    "key-string": "The key itself",
    "0": "It follows in clear",
    "secret": "The key",
    "accept-lifetime": "When packets with this key are taken",
    "text": "From when until when",
    "send-lifetime": "When packets are sent with this key",
}
HOSTNAME: Final = ConfigLine("global", "hostname {name:host-name}", _HELP, order=20)

#: Names of hosts: feature `system` owns the lines; features that are configured with names read them.
_DOMAIN_HELP: Final = {"name": "The domain of names without a dot", "domain": "Its name"}
DOMAIN_NAME: Final = ConfigLine(
    "global", "ip domain name {domain:word}", _DOMAIN_HELP, order=91, beside=("ip domain name vrf",)
)
# As releases before 12.2 wrote it: shown back as typed.
DOMAIN_NAME_OLD: Final = ConfigLine("global", "ip domain-name {domain:word}", _DOMAIN_HELP, order=91)
HOST: Final = ConfigLine(
    "global",
    "ip host [ vrf {vrf:word} ] {name:word} {address:address}",
    {**_HELP, "name": "The name"},
    key=("vrf", "name"),
    order=92,
)


def host_of(args: Args) -> tuple[str, IPv4Address] | None:
    """Return name and address of a `HOST` line; None: it is for a VRF."""
    return None if "vrf" in args else (args.text("name"), args.address("address"))


def host_in_vrf(args: Args) -> tuple[str, str, IPv4Address] | None:
    """Return VRF, name and address of a `HOST` line; None: it is for the global table."""
    return (args.text("vrf"), args.text("name"), args.address("address")) if "vrf" in args else None


#: Lines of an interface that both its own feature and the tunnel's ask for. Feature `interface` owns them.
IP_MTU: Final = ConfigLine("interface", "ip mtu {octets:68-17940}", _HELP, order=50)
ADJUST_MSS: Final = ConfigLine("interface", "ip tcp adjust-mss {octets:500-1460}", _HELP, order=75)
#: Lines of packet filters: feature `filter` owns them, the interface shows them.
ACCESS_GROUP: Final = ConfigLine(
    "interface",
    "ip access-group {name:word} ( in | out )",
    {**_HELP, "name": "Name or number of the list"},
    key=("in",),
    order=39,
)
TRAFFIC_FILTER: Final = replace(
    ACCESS_GROUP,
    syntax="ipv6 traffic-filter {name:word} ( in | out )",
    help={
        "traffic-filter": "Filter packets of IPv6 by an access list",
        "name": "Name of the list",
        "in": "What comes in",
        "out": "What goes out",
    },
    order=89,
)


def lists_of(section: Section, line: ConfigLine) -> tuple[str, str]:
    """Return the names of the inbound and the outbound list of a port, by one of these lines."""
    groups = {"in" in group: group.text("name") for group in section.all(line)}
    return groups.get(True, ""), groups.get(False, "")


VERIFY_SOURCE: Final = ConfigLine(
    "interface",
    "ip verify unicast ( source reachable-via ( any | rx ) [ allow-default ] | reverse-path [ allow-default ] )",
    _HELP,
    order=153,
)


def _check_encapsulation(args: Args, section: Section) -> str | None:
    """Refuse a tag where there is none, two tags, and the VLAN of another subinterface, as IOS does."""
    name = section.opened_by.interface("name") if section.opened_by is not None else ""
    port, _, number = name.partition(".")
    if not number:
        return "% encapsulation dot1Q is for subinterfaces"
    if "inner" in args:
        return "% Two tags (second-dot1q) are not supported"
    vlan = args.integer("vlan")
    if vlan in (0, 4095):
        return f"% Invalid VLAN {vlan}: VLANs are 1 to 4094"
    for opened, other in section.root.sections(INTERFACE):
        there = opened.interface("name")
        if there != name and there.partition(".")[0] == port and other.args(ENCAPSULATION).integer("vlan", 0) == vlan:
            return (
                f"% Configuration of multiple subinterfaces of the same main interface with the same VID ({vlan}) is "
                f"not permitted: it is on {there}"
            )
    return None


#: Feature `switching` owns it, the interface shows it.
ENCAPSULATION: Final = ConfigLine(
    "interface",
    "encapsulation dot1Q {vlan:0-4095} [ native | second-dot1q {inner:word} ]",
    _HELP,
    order=28,
    check=_check_encapsulation,
)
UNREACHABLES: Final = ConfigLine("interface", "ip unreachables", _HELP, order=41, default_on=True)
DESCRIPTION: Final = ConfigLine(
    "interface", "description {text:line}", {"description": "What this interface is for", "text": "Text"}, order=10
)
SHUTDOWN: Final = ConfigLine("interface", "shutdown", "Switch the interface off", order=86)

#: Key chains: feature `policy` owns the lines, every protocol that authenticates reads them.
KEY_CHAIN_MODES: Final = (
    Mode("key-chain", "config-keychain"),
    Mode("key-chain-key", "config-keychain-key", "key-chain"),
)
KEY_CHAIN: Final = ConfigLine("global", "key chain {name:word}", _HELP, key=("name",), order=100, opens="key-chain")
KEY: Final = ConfigLine(
    "key-chain", "key {number:0-2147483647}", {**_HELP, "key": "One key"}, key=("number",), opens="key-chain-key"
)
KEY_STRING: Final = ConfigLine("key-chain-key", "key-string [ 0 ] {secret:line}", _HELP, order=10)


def _check_lifetime(args: Args, _section: object) -> str | None:
    """Refuse an invalid lifetime: a key that is valid at another time than was meant keeps neighbors down."""
    if read_lifetime(args.text("text")) is not None:
        return None
    return "% A lifetime is [local] HH:MM:SS MONTH DAY YEAR, then infinite, duration SECONDS or a later moment"


KEY_ACCEPT: Final = ConfigLine("key-chain-key", "accept-lifetime {text:line}", _HELP, order=20, check=_check_lifetime)
KEY_SEND: Final = ConfigLine("key-chain-key", "send-lifetime {text:line}", _HELP, order=20, check=_check_lifetime)
KEY_ALGORITHM: Final = ConfigLine(
    "key-chain-key",
    "cryptographic-algorithm ( md5 | hmac-sha-1 | hmac-sha-256 | hmac-sha-384 | hmac-sha-512 )",
    {
        "cryptographic-algorithm": "What OSPF makes digests with; others say themselves what they use",
        "md5": "MD5",
        **{f"hmac-sha-{bits}": f"HMAC with SHA-{bits}" for bits in (1, 256, 384, 512)},
    },
    order=21,
)
KEY_CHAIN_LINES: Final = (KEY_CHAIN, KEY, KEY_STRING, KEY_ACCEPT, KEY_SEND, KEY_ALGORITHM)


# -------------------------------------------------------------------------------------------- commands that exist twice


V = TypeVar("V")


class Twins:
    """The twins of some lines."""

    def __init__(
        self,
        lines: Iterable[ConfigLine],
        words: Mapping[str, str],
        *,
        help: Mapping[str, str],
        order: int | None = None,
        mode: str | None = None,
    ) -> None:
        """words: pieces of syntax and their replacements. help: of new words. order: of all the twins, mode: theirs;
        None: that of each line.
        """
        self._words = dict(words)
        self._help = dict(help)
        self._order = order
        self._mode = mode
        self._by_serial = {line.serial: self._made(line) for line in lines}

    @property
    def lines(self) -> tuple[ConfigLine, ...]:
        """The twins themselves, for the language."""
        return tuple(self._by_serial.values())

    def twin(self, line: ConfigLine) -> ConfigLine:
        """Return the twin of a line. Raises KeyError."""
        return self._by_serial[line.serial]

    def spoken(self, section: Section) -> Spoken:
        """Return a section that answers for the twins."""
        return Spoken(section, self._by_serial)

    def _made(self, line: ConfigLine) -> ConfigLine:
        syntax = self._translated(line.syntax)
        places = re.findall(r"[\w-]+", syntax)
        return replace(
            line,
            mode=self._mode or line.mode,
            syntax=syntax,
            help={**self._help, **line.help} if not isinstance(line.help, str) else line.help,
            default=self._translated(line.default) if line.default is not None else None,
            key=tuple(name for name in line.key if name in places) if line.key else line.key,
            order=line.order if self._order is None else self._order,
        )

    def _translated(self, text: str) -> str:
        for old, new in self._words.items():
            text = text.replace(old, new)
        return text


class Spoken(Value):
    """A section, asked in the words of the first of the twins. Without twins it answers for the lines themselves."""

    section: Section
    twins: Mapping[int, ConfigLine] = field(default_factory=dict)

    def get(self, line: ConfigLine) -> Args | None:
        """Return what a line says, or None."""
        return self.section.get(self._spelled(line))

    def args(self, line: ConfigLine) -> Args:
        """Return what a line says; without it, arguments that have nothing."""
        return self.section.args(self._spelled(line))

    def all(self, line: ConfigLine) -> list[Args]:
        """Return what each entry of a line says."""
        return self.section.all(self._spelled(line))

    def made(self, line: ConfigLine, make: Callable[..., V | None]) -> Pages[V]:
        """Return the values made from each entry of a line (`Section.made`)."""
        return self.section.made(self._spelled(line), make)

    def entries(self, line: ConfigLine) -> list[Statement]:
        """Return the entries of a line."""
        return self.section.entries(self._spelled(line))

    def flag(self, line: ConfigLine) -> bool:
        """Return whether it is switched on."""
        return self.section.flag(self._spelled(line))

    def negated(self, line: ConfigLine, **values: Hashable) -> bool:
        """Return whether it is negated (`Section.negated`)."""
        return self.section.negated(self._spelled(line), **values)

    def _spelled(self, line: ConfigLine) -> ConfigLine:
        return self.twins.get(line.serial, line)


def refusing_impossible(
    *names: str, answer: str = "% {} is no address of a neighbor"
) -> Callable[[Args, Section], str | None]:
    """Return the check that refuses a line with an address that no neighbor can have in one of these values."""

    def check(args: Args, _: Section) -> str | None:
        for value in map(args.said, names):
            one = value.address if isinstance(value, Prefix) and value.is_host else value
            if isinstance(one, IPv4Address | IPv6Address) and not is_one_station(one):
                return answer.format(spelled(one))
        return None

    return check
