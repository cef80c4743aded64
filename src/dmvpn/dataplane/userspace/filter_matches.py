"""What nf_tables compares for a piece of a list: fields of headers, one rule after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.filters import PATH_ECHO_SERVICE, merged
from dmvpn.dataplane.netlink.expressions import header_words
from dmvpn.dataplane.netlink.nftables import Compare, compare, masked, network_header, transport_header
from dmvpn.dataplane.netlink.sets import is_member, load
from dmvpn.dataplane.userspace.filter_pieces import WHOLE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.filters import Condition, Flags
    from dmvpn.base.translation import Addresses
    from dmvpn.dataplane.userspace.filter_chains import Rules
    from dmvpn.dataplane.userspace.filter_pieces import Piece

#: Where the headers of IP and behind IP begin, as nf_tables numbers them.
IP, BEHIND_IP = 1, 2
#: Octets of the IP header.
PROTOCOL, SOURCE, DESTINATION = 9, 12, 16
_SERVICE, _TTL, _TCP_FLAGS = 1, 8, 13
#: The first octet of a header of 20 octets; "more fragments" and the offset; type and code except for `PATH_ECHO_ICMP`.
_WITHOUT_OPTIONS: Final = 0x45
_FRAGMENTS: Final = b"\x3f\xff"
_ECHOES: Final = b"\xf7\xff"


def is_protocol(number: int) -> tuple[bytes, bytes]:
    """Return the match for the protocol in the IP header."""
    return network_header(PROTOCOL, 1), compare(Compare.EQUAL, bytes((number,)))


def fields(piece: Piece) -> Iterator[bytes]:
    """Yield the matches for addresses that are no group, and for ports or the type of ICMP."""
    condition, box = piece.entry.condition, piece.box
    if not condition.sources:
        yield from addresses(SOURCE, condition.source)
    if not condition.destinations:
        yield from addresses(DESTINATION, condition.destination)
    for offset, numbers in enumerate((box.first, box.second)):
        if piece.kind is Kind.FIRST and numbers != WHOLE:
            yield from _between(transport_header(2 * offset, 2), numbers, octets=2)


def guards(rules: Rules, piece: Piece) -> Iterator[tuple[bytes, ...]]:
    """Yield what a piece asks for besides `fields`, the protocol, and a certain option: any of the results fits."""
    condition = piece.entry.condition
    found = tuple(_guards(rules, piece))
    for ttl in merged(condition.ttl) if condition.ttl is not None else (None,):
        yield found if ttl is None else (*found, *_between(network_header(_TTL, 1), ttl, octets=1))


def _guards(rules: Rules, piece: Piece) -> Iterator[bytes]:
    condition = piece.entry.condition
    if condition.service is not None:
        value, mask = condition.service
        yield from (network_header(_SERVICE, 1), masked(bytes((mask,))), compare(Compare.EQUAL, bytes((value,))))
    if condition.option is not None and condition.option < 0:
        yield from header_words(Compare.MORE, 5)
    if piece.kind is Kind.FIRST and condition.flags is not None:
        yield from _flags(condition.flags)
    yield from _members(rules, condition)


def _members(rules: Rules, condition: Condition) -> Iterator[bytes]:
    """Yield the matches for addresses of a group, each of which is a set."""
    for offset, members in ((SOURCE, condition.sources), (DESTINATION, condition.destinations)):
        if members:
            yield load(IP, PROTOCOL, 1, 0)
            yield load(IP, offset, 4, 1)
            yield is_member(rules.members(members))


def addresses(offset: int, meant: Addresses) -> tuple[bytes, ...]:
    """Return the match for an address in the IP header."""
    if meant.is_any:
        return ()
    mask = ~int(meant.wildcard) & 0xFFFFFFFF
    wanted = (int(meant.address) & mask).to_bytes(4, "big")
    loads = (network_header(offset, 4), *([masked(mask.to_bytes(4, "big"))] if mask != 0xFFFFFFFF else []))
    return (*loads, compare(Compare.EQUAL, wanted))


def path_echo(subnet: Addresses) -> tuple[bytes, ...]:
    """Return the match for ICMP between two addresses of a subnet that `PortFilters.is_path_echo` means."""
    plain = network_header(0, 2), compare(Compare.EQUAL, bytes((_WITHOUT_OPTIONS, PATH_ECHO_SERVICE)))
    whole = network_header(6, 2), masked(_FRAGMENTS), compare(Compare.EQUAL, bytes(2))
    kind = transport_header(0, 2), masked(_ECHOES), compare(Compare.EQUAL, bytes(2))
    return (*plain, *whole, *kind, *addresses(SOURCE, subnet), *addresses(DESTINATION, subnet))


def _between(loaded: bytes, numbers: tuple[int, int], *, octets: int) -> tuple[bytes, ...]:
    first, last = (number.to_bytes(octets, "big") for number in numbers)
    if first == last:
        return loaded, compare(Compare.EQUAL, first)
    return loaded, compare(Compare.AT_LEAST, first), compare(Compare.AT_MOST, last)


def _flags(flags: Flags) -> tuple[bytes, ...]:
    """Return the match for TCP flags, of which `Flags` may ask the impossible."""
    loaded = transport_header(_TCP_FLAGS, 1)
    asked, both = (flags.set | flags.clear) & 0xFF, flags.set & flags.clear
    if flags.is_any:
        if both:
            return (loaded,)
        return loaded, masked(bytes((asked,))), compare(Compare.NOT_EQUAL, bytes((flags.clear & 0xFF,)))
    wanted = flags.set & 0xFF
    if both:  # a bit that is set and clear: masked away, and asked for
        return loaded, masked(bytes((asked & ~both,))), compare(Compare.EQUAL, bytes((wanted | both,)))
    return loaded, masked(bytes((asked,))), compare(Compare.EQUAL, bytes((wanted,)))
