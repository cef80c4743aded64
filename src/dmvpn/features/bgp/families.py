"""Address families as values: what their routes and next hops look like in messages, and their names (RFC 4760).

A session carries a set of families. Each family has its own neighbors, Adj-RIB-In, table, update groups and shows;
those parts know no family by its name. IPv4 unicast alone has fields of its own in an UPDATE. The routes of any other
family travel in MP_REACH_NLRI and MP_UNREACH_NLRI. A route is a `Prefix`: a family with other routes makes a subclass
of `Prefix` and brings its own `decode` and `encode`, in one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED_OF, IPAddress, Prefix, is_link_local, spelled
from dmvpn.base.values import dataclass
from dmvpn.features.bgp import packet
from dmvpn.features.bgp.packet import Nlri
from dmvpn.net.ipv4 import ip_address

#: Codes of the attributes that have the routes of a family, and their flags.
REACH: Final = 14
UNREACH: Final = 15
_OPTIONAL: Final = 0x80
_EXTENDED: Final = 0x10
#: Octets of these attributes besides the routes: the head with a length of two octets, the family, two next hops.
_HEAD: Final = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """An address family, with the subsequent one.

    key: both numbers, as most messages have them. title: as shows have it; words: as commands have it.
    version: of IP, of its prefixes and its next hops; number: its place in IOS, from 0.
    largest: octets of the longest route with its path identifier. overhead: what an UPDATE needs besides routes and
    attributes.
    in_table: its routes are offered to the routing table.
    decode: reads the routes in a part of a message; the last argument says whether they have path identifiers.
    """

    key: bytes
    title: str
    words: str
    number: int
    version: int
    largest: int
    overhead: int = _HEAD + 5 + 32
    in_table: bool = True
    decode: Callable[[bytes, int, int, bool], Iterator[Nlri]]
    encode: Callable[[Nlri], bytes] = packet.encoded

    @cached_property
    def capability(self) -> packet.CapabilityValue:
        """The multiprotocol capability, RFC 4760 §8."""
        return packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, self.key[:2] + bytes((0, self.key[2])))

    @cached_property
    def default(self) -> Prefix:
        """The default route."""
        return Prefix.of(UNSPECIFIED_OF[self.version], 0)

    @cached_property
    def end_of_table(self) -> bytes:
        """The End-of-RIB marker, RFC 4724 §2."""
        return packet.update_octets(b"", b"", b"") if self.key == packet.IPV4_KEY else self.withdrawal(b"")

    def refresh(self, subtype: int = 0) -> packet.RouteRefresh:
        """Return a ROUTE-REFRESH: a request, or the begin (1) or end (2) of a refresh."""
        return packet.RouteRefresh(int.from_bytes(self.key[:2], "big"), subtype, self.key[2])

    def mark(self, subtype: int) -> bytes:
        """Return the encoded begin or end of a refresh."""
        return packet.serialize(self.refresh(subtype))

    def hops(self, octets: bytes) -> tuple[IPAddress, ...]:
        """Return the next hop, which a link-local address may follow (RFC 2545 §3). Raises ValueError."""
        size = 4 if self.version == 4 else 16
        if len(octets) not in ((4,) if size == 4 else (16, 32)):
            raise ValueError(f"a next hop of {len(octets)} octets")
        return tuple(ip_address(octets[at : at + size]) for at in range(0, len(octets), size))

    def withdrawal(self, routes: bytes) -> bytes:
        """Return an UPDATE that withdraws these encoded routes, RFC 4760 §4."""
        return packet.update_octets(b"", self._attribute(UNREACH, self.key + routes), b"")

    def announcement(self, hops: tuple[IPAddress, ...], attributes: bytes, routes: bytes) -> bytes:
        """Return an UPDATE with these encoded attributes and routes. MP_REACH_NLRI is first: RFC 7606 §5.1."""
        packed = b"".join(one.packed for one in hops)
        reach = self._attribute(REACH, self.key + bytes((len(packed),)) + packed + b"\0" + routes)
        return packet.update_octets(b"", reach + attributes, b"")

    @staticmethod
    def _attribute(code: int, value: bytes) -> bytes:
        return packet.Attribute(_OPTIONAL | _EXTENDED, code, value).serialize()


def prefixes(version: int) -> Callable[[bytes, int, int, bool], Iterator[Nlri]]:
    """Return the `decode` of prefixes of this IP version."""
    return partial(packet.decoded, version=version)


IPV4: Final = Family(
    key=packet.IPV4_KEY,
    title="IPv4 Unicast",
    words="ipv4 unicast",
    number=0,
    version=4,
    largest=9,
    overhead=0,
    decode=prefixes(4),
)
IPV6: Final = Family(
    key=b"\x00\x02\x01", title="IPv6 Unicast", words="ipv6 unicast", number=1, version=6, largest=21, decode=prefixes(6)
)
#: Routes of IPv4 unicast may have next hops of IPv6: the family with a subsequent one of two octets, and that of the
#: next hop (RFC 8950 §4).
EXTENDED: Final = packet.CapabilityValue(packet.Capability.EXTENDED_NEXT_HOP, packet.IPV4_UNICAST + b"\0\2")
#: All families that are known, by key.
FAMILIES: Final[dict[bytes, Family]] = {one.key: one for one in (IPV4, IPV6)}


# ------------------------------------------------------------------------------------------------ received UPDATEs


def parts(update: packet.Update, families: Mapping[bytes, bool], *, extended: bool = False) -> Iterator[packet.Update]:
    """Yield the parts of an UPDATE, one a family. Raises MessageError where routes cannot be delimited (RFC 7606 §5.3).

    families: those of the session, and whether their routes have path identifiers; other families are ignored.
    extended: next hops of IPv4 routes may be addresses of IPv6.
    """
    found = [one for one in update.attributes if one.code in (REACH, UNREACH)]
    if not found:
        if update.damage and not update.announced:
            raise _unreadable("attributes cut short, without routes", b"")  # RFC 7606 §5.2
        yield update
        return
    if len({one.code for one in found}) < len(found):
        raise _error("routes of a family twice", packet.UpdateError.MALFORMED_LIST, b"")  # RFC 7606 §3 (g)
    rest = tuple(one for one in update.attributes if one.code not in (REACH, UNREACH))
    if update.withdrawn or update.announced:
        yield replace(update, attributes=rest)
    for one in found:
        part = _part(one, rest, families, update.damage, extended=extended)
        if part is not None:
            yield part


def _part(
    attribute: packet.Attribute,
    rest: tuple[packet.Attribute, ...],
    families: Mapping[bytes, bool],
    damage: str,
    *,
    extended: bool,
) -> packet.Update | None:
    """Return the part that one attribute has; None: it is of a family that the session does not carry."""
    value, key = attribute.value, attribute.value[:3]
    if len(key) < 3:
        raise _unreadable("an attribute without a family", attribute.serialize())
    if key not in families:
        return None
    family, numbered = FAMILIES[key], families[key]
    if attribute.code == UNREACH:
        return packet.Update(family=key, withdrawn=_routes(family, attribute, 3, numbered=numbered))
    at = 4 + value[3] if len(value) > 3 else 4
    if at >= len(value):
        raise _unreadable("a next hop that does not fit", attribute.serialize())
    in_ipv6 = extended and family is IPV4 and value[3] != 4  # RFC 8950: its next hops are written as those of IPv6
    try:
        hops = (IPV6 if in_ipv6 else family).hops(value[4:at])
    except ValueError as error:
        raise _unreadable(str(error), attribute.serialize()) from error
    if attribute.flags & 0xC0 != _OPTIONAL:
        damage = damage or f"MP_REACH_NLRI: flags {attribute.flags:#04x}"
    if _is_useless(hops[0]):
        damage = damage or f"{spelled(hops[0])} is not a valid next hop"
    routes = _routes(family, attribute, at + 1, numbered=numbered)
    return packet.Update(family=key, attributes=rest, announced=routes, damage=damage, hops=hops)


def _is_useless(hop: IPAddress) -> bool:
    """Return whether a routing table cannot look this next hop up: its default route would match. RFC 2545 §3."""
    is_local = is_link_local(hop) or getattr(hop, "ipv4_mapped", None) is not None
    return is_local or hop.is_multicast or hop.is_loopback or hop.is_unspecified


def _routes(family: Family, attribute: packet.Attribute, at: int, *, numbered: bool) -> tuple[Nlri, ...]:
    try:
        return tuple(family.decode(attribute.value, at, len(attribute.value), numbered))
    except packet.MessageError as error:
        raise _unreadable(error.what, attribute.serialize()) from error


def _unreadable(what: str, data: bytes) -> packet.MessageError:
    return _error(what, packet.UpdateError.BAD_OPTIONAL, data)


def _error(what: str, subcode: packet.UpdateError, data: bytes) -> packet.MessageError:
    return packet.MessageError(what, code=packet.ErrorCode.UPDATE, subcode=subcode, clause="RFC 7606 §5.3", data=data)
