"""The entries of access lists as texts that can be changed: another protocol, swapped ports, a corrected mask.

    Entry       one entry of a list, its words by what they are about
    entries_of  the entries of a list, from the lines of a configuration
    entry_line  the words of one
    entry_at    its place in a text that was read
    edit        the lines that change entries of a list

An entry of `access-list N` has no number of its own: it counts from 10 in steps of 10, as `ip access-list extended N`
and the shows have it.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.packetsets import ListedEntry
    from dmvpn.features.policy.model import AccessEntry
    from dmvpn.network.device import Device

_STEP: Final = 10
#: How far before another entry a new one comes, if there is room.
_BEFORE: Final = 5
#: Words behind which ports follow, and how many words a range of ports has.
_PORTS: Final = ("eq", "neq", "gt", "lt", "range")
_ALL: Final = 0xFFFFFFFF
#: The number of a list that has no numbers below: extended lists are numbered from here, and from 2000 to 2699.
_STANDARD: Final = (*range(1, 100), *range(1300, 2000))


class Entry(Value, kw_only=True):
    """One entry. source, destination: "any", "host ADDRESS", "ADDRESS WILDCARD", "object-group NAME".

    protocol: "" in a standard list, as are the other fields behind it. source_ports, destination_ports: "eq 443".
    rest: what else it asks ("established", "time-range OFFICE"), and `log`.
    """

    sequence: int
    permit: bool
    protocol: str = ""
    source: str
    source_ports: str = ""
    destination: str = ""
    destination_ports: str = ""
    rest: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, sequence: int) -> Entry | None:
        """Return an entry from its text without a number ("permit tcp any any eq 443"); None: it is a remark."""
        words = text.split()
        if words[:1] not in (["permit"], ["deny"]):
            return None
        permit, rest = words[0] == "permit", words[1:]
        protocol, rest = (
            ("", rest) if _begins_address(rest) else (_protocol(rest), rest[len(_protocol(rest).split()) :])
        )
        source, rest = _address(rest)
        source_ports, rest = _ports(rest) if protocol else ("", rest)
        destination, rest = _address(rest) if protocol else ("", rest)
        destination_ports, rest = _ports(rest) if protocol else ("", rest)
        return cls(
            sequence=sequence,
            permit=permit,
            protocol=protocol,
            source=source,
            source_ports=source_ports,
            destination=destination,
            destination_ports=destination_ports,
            rest=tuple(rest),
        )

    @property
    def text(self) -> str:
        """The line, with its number."""
        words = (
            str(self.sequence),
            "permit" if self.permit else "deny",
            *(self.protocol, self.source, self.source_ports, self.destination, self.destination_ports),
            *self.rest,
        )
        return " ".join(word for word in words if word)

    def at(self, sequence: int) -> Entry:
        """Return the same entry with another number."""
        return replace(self, sequence=sequence)

    def repaired(self, own: Sequence[IPv4Network | IPv6Network]) -> Iterator[Entry]:
        """Yield what may be meant instead: one thing is different in each. own: networks of the router's LANs."""
        source, destination = inverted(self.source), inverted(self.destination)
        if source:
            yield replace(self, source=source)
        if destination:
            yield replace(self, destination=destination)
        if source and destination:
            yield replace(self, source=source, destination=destination)
        if self.source_ports or self.destination_ports:
            yield replace(self, source_ports=self.destination_ports, destination_ports=self.source_ports)
        other = {"tcp": "udp", "udp": "tcp"}.get(self.protocol, "")
        if other:
            yield replace(self, protocol=other, rest=_without_flags(self.rest))
        if _without_flags(self.rest) != self.rest:
            yield replace(self, rest=_without_flags(self.rest))
        if "time-range" in self.rest:
            place = self.rest.index("time-range")
            yield replace(self, rest=(*self.rest[:place], *self.rest[place + 2 :]))
        for network in own:
            spelled = spell(network)
            if self.source not in ("any", spelled):
                yield replace(self, source=spelled)
            if self.destination not in ("any", "", spelled):
                yield replace(self, destination=spelled)
        if self.destination and self.source != self.destination:
            yield replace(self, source=self.destination, destination=self.source)


def spell(network: IPv4Network | IPv6Network) -> str:
    """Return a network as entries have it: "10.1.1.0 0.0.0.255", "2001:DB8:1::/64", "host 10.1.1.7", "any"."""
    if network.prefixlen == 0:
        return "any"
    if network.prefixlen == network.max_prefixlen:
        return f"host {str(network.network_address).upper()}"
    if network.version == 6:
        return str(network).upper()
    return f"{network.network_address} {network.hostmask}"


def inverted(words: str) -> str:
    """Return an address with its mask as a wildcard, where the wildcard is a mask; "": it is none."""
    parts = words.split()
    if len(parts) != 2 or parts[0] in ("host", "object-group") or ":" in parts[0]:
        return ""
    wildcard = int(IPv4Address(parts[1]))
    rest = ~wildcard & _ALL
    is_mask = wildcard not in (0, _ALL) and not rest & (rest + 1)
    return f"{parts[0]} {IPv4Address(rest)}" if is_mask else ""


def entries_of(configuration: Iterable[str], name: str) -> tuple[Entry, ...]:
    """Return the entries of a list, remarks left out. configuration: the lines of a running configuration."""
    found = (Entry.of(text, sequence) for sequence, text in _lines(configuration, name))
    return tuple(entry for entry in found if entry is not None)


def entry_line(configuration: Iterable[str], name: str, sequence: int) -> str:
    """Return the words of an entry behind its number, "" if its line is not found."""
    known = (text for number, text in _lines(configuration, name) if number == sequence)
    return next((text for text in known if not text.startswith("remark")), "")


def _lines(configuration: Iterable[str], name: str) -> Iterator[tuple[int, str]]:
    """Yield the numbers and words of the lines of a list, with remarks."""
    is_inside, numbered = False, 0
    for line in configuration:
        words = line.split()
        if line[:1] != " ":
            is_inside = words[:2] in (["ip", "access-list"], ["ipv6", "access-list"]) and words[-1] == name
            if words[:2] == ["access-list", name]:
                numbered += _STEP  # remarks have their numbers, too
                yield numbered, " ".join(words[2:])
        elif is_inside and words:
            words = words[words[0] == "sequence" :]
            if words and words[0].isdigit():
                yield int(words[0]), " ".join(words[1:])


def entry_at(device: Device, name: str, entry: AccessEntry | ListedEntry, *, extended: bool) -> tuple[str, ...]:
    """Return the words of the line of an entry, as `Places.find` takes them."""
    verdict = "permit" if entry.permit else "deny"
    if name in device.policy.ipv6_lists:
        return f"ipv6 access-list {name}", f"sequence {entry.sequence} {verdict}"
    numbered = device.numbered_lists.get(name)
    if not numbered:
        header = f"ip access-list {'extended' if extended else 'standard'} {name}"
        return header, f"{entry.sequence} {verdict}"
    place = entry.sequence // _STEP - 1
    return (numbered[place] if place < len(numbered) else f"access-list {name}",)


def header_of(configuration: Iterable[str], name: str) -> str:
    """Return the line that opens a list; a list that does not exist is an extended one."""
    for line in configuration:
        words = line.split()
        if words[:2] in (["ip", "access-list"], ["ipv6", "access-list"]) and words[-1] == name:
            return " ".join(words)
    is_standard = name.isdigit() and int(name) in _STANDARD
    return f"ip access-list {'standard' if is_standard else 'extended'} {name}"


def edit(header: str, remove: Iterable[Entry] = (), add: Iterable[Entry] = ()) -> tuple[str, ...]:
    """Return the lines that take entries out of a list and put others in."""
    number = "sequence " if header.startswith("ipv6 ") else ""
    return header, *(f"no {number}{one.sequence}" for one in remove), *(f"{number}{one.text}" for one in add)


def numbers_before(known: Iterable[int], sequence: int, count: int = 1) -> list[int]:
    """Return so many free numbers before an entry, or as many as there are. known: the numbers of all entries."""
    before = max((one for one in known if one < sequence), default=0)
    first = max(before + 1, sequence - max(_BEFORE, count))
    return list(range(first, min(sequence, first + count)))


def number_behind(entries: Sequence[Entry]) -> int:
    """Return a number behind all entries."""
    last = max((one.sequence for one in entries), default=0)
    return (last // _STEP + 1) * _STEP


def _begins_address(words: Sequence[str]) -> bool:
    """Return whether an address comes first, as in a standard list; a service group has one more before it."""
    if not words:
        return True
    if words[0] == "object-group":
        return not any(_is_address_word(word) for word in words[2:])
    return _is_address_word(words[0])


def _is_address_word(word: str) -> bool:
    return word in ("any", "host", "object-group") or word.count(".") == 3 or ":" in word


def _protocol(words: Sequence[str]) -> str:
    return " ".join(words[:2]) if words[0] == "object-group" else words[0]


def _address(words: list[str]) -> tuple[str, list[str]]:
    """Return the words of an address, and the words behind them. An address alone is a host, as in a standard list."""
    if words[:1] == ["any"] or not words:
        return "any", words[1:]
    if words[0] in ("host", "object-group"):
        return " ".join(words[:2]), words[2:]
    if "/" in words[0]:
        return words[0], words[1:]
    if len(words) > 1 and words[1].count(".") == 3:
        return " ".join(words[:2]), words[2:]
    return f"host {words[0]}", words[1:]


def _ports(words: list[str]) -> tuple[str, list[str]]:
    """Return the words about ports, and the words behind them: `eq` may have several ports."""
    if words[:1] == ["range"]:
        return " ".join(words[:3]), words[3:]
    if not words or words[0] not in _PORTS:
        return "", words
    end = 2
    while (
        words[0] in ("eq", "neq")
        and end < len(words)
        and not _is_address_word(words[end])
        and words[end] not in _NO_PORT
    ):
        end += 1
    return " ".join(words[:end]), words[end:]


#: Words that may follow ports and are no port.
_NO_PORT: Final = frozenset(
    (
        *("established", "ack", "fin", "psh", "rst", "syn", "urg", "match-any", "match-all", "fragments", "dscp"),
        *("precedence", "tos", "option", "ttl", "time-range", "reflect", "log", "log-input"),
    )
)


def _without_flags(rest: tuple[str, ...]) -> tuple[str, ...]:
    """Return what an entry asks without TCP flags."""
    return tuple(word for word in rest if word not in ("established", "ack", "fin", "psh", "rst", "syn", "urg"))
