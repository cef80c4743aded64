"""The words of a walk's steps: routes, next hops, sizes, NHRP entries."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.effects import NextHop, TunnelSpec
    from dmvpn.features.ipsec.facts import SaFacts
    from dmvpn.features.nhrp.facts import MappingFacts
    from dmvpn.features.rib.facts import HopFacts, OfferFacts, RouteFacts
    from dmvpn.tools.walk.values import Refusal
    from dmvpn.tools.walk.view import Match

#: Of the routes that a longest match is longer than, so many are named.
_NAMED = 2
#: Protocols of which there may be several.
_NUMBERED = ("eigrp", "ospf", "bgp")


def route(found: RouteFacts) -> str:
    """Return "route 10.4.4.0/24: eigrp 100 [90/27904] via 192.168.100.11, Tunnel100"."""
    ways = " and ".join(hop(it) for it in found.next_hops) or ("Null0" if found.drops else "")
    if found.source in ("connected", "local"):
        return f"route {found.prefix}: {found.source}, {ways}"
    imported = f", imported from VRF {found.imported}" if found.imported else ""
    return f"route {found.prefix}: {_known_via(found)} {ways}{imported}"


def _known_via(offer: RouteFacts | OfferFacts) -> str:
    # Only routing protocols have processes that people know: an autonomous system, a process number.
    process = f" {offer.process}" if offer.source in _NUMBERED else ""
    return f"{offer.source}{process} [{offer.distance}/{offer.metric}]"


def why_this_route(match: Match) -> str:
    """Return the alternatives that the route beats: other routes to its prefix, and shorter prefixes."""
    beaten = [_known_via(offer) for offer in match.route.beaten if offer.usable]
    beaten += [str(other.prefix) for other in match.others[:_NAMED]]
    beaten += ["..."] if len(match.others) > _NAMED else []
    unusable = [f"{_known_via(offer)} cannot be used now" for offer in match.route.beaten if not offer.usable]
    return "; ".join([*([f"beats {', '.join(beaten)}"] if beaten else []), *unusable])


def hop(found: HopFacts | NextHop) -> str:
    """Return "via 192.168.100.11, Tunnel100", or the interface alone."""
    if not found.interface and found.vrf:
        return f"by the table of VRF {found.vrf}"
    return found.interface if found.address is None else f"via {found.address}, {found.interface}"


def mapping(entry: MappingFacts) -> str:
    """Return "dynamic, router nhop", and why it is as it is. Whether it is in use changes with every packet."""
    parts = [entry.kind]
    flags = " ".join(flag for flag in entry.flags if flag != "used")
    if flags:
        parts.append(flags)
    if entry.reason:
        parts.append(str(entry.reason))
    return ", ".join(parts)


def sizes(pieces: tuple[int, ...]) -> str:
    """Return "2 x 1500 + 68"."""
    counted = [(octets, len(list(same))) for octets, same in groupby(pieces)]
    return " + ".join(str(octets) if count == 1 else f"{count} x {octets}" for octets, count in counted)


def transform(sa: SaFacts) -> str:
    """Return "aes-gcm 256, transport mode"."""
    return f"{sa.transform}, {'transport' if sa.transport else 'tunnel'} mode"


def key(number: int | None) -> str:
    """Return "key 100", "no key"."""
    return "no key" if number is None else f"key {number}"


def protocol(number: int) -> str:
    """Return "GRE", "ESP"."""
    names = {int(one): one.name for one in IpProtocol}
    return names.get(number, str(number))


def header(found: TunnelSpec) -> str:
    """Return the optional fields of a GRE header: "key 100", "no key, checksum, sequence number"."""
    more = (("checksum", found.checksum), ("sequence number", found.sequence))
    return ", ".join((key(found.key), *(name for name, is_there in more if is_there)))


def refusal(said: Refusal) -> str:
    """Return "R31 tells 10.3.3.100: fragmentation needed, next-hop MTU 1400"."""
    mtu = "" if said.mtu is None else f", next-hop MTU {said.mtu}"
    return f"{said.by} tells {said.to}: {said.what}{mtu}"
