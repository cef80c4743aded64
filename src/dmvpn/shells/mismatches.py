"""Neighbors of routing protocols that never come up, because the two ends of a link do not match.

    refused_by_ospf(...)    one end drops the other's packets, because of its configuration
    types_of_ospf(...)      the two have incompatible network types
    one_sided(...)          one end of a tunnel wants a neighbor, and the other runs the protocol elsewhere

One-sided neighbors count on tunnels only, and only where the two share no routing protocol at all: a network that
changes its protocol runs the old one beside the new one. If `network 0.0.0.0` of EIGRP includes a tunnel, too, that
does not count where the other end runs no EIGRP in its tunnel: the process may be there for the underlay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.reasons import OspfReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.ospf.facts import OspfInterfaceFacts
    from dmvpn.router.facts import RouterFacts

#: A router, an interface of it, and its address on that link.
Seat = tuple[str, str, "Address"]

_EVERYTHING: Final = 0xFFFFFFFF
_ELECTED: Final = ("broadcast", "non-broadcast")


def refused_by_ospf(mine: RouterFacts, here: Seat, there: Seat) -> bool:
    """Return whether this end drops the packets of the other."""
    return any(
        one.address == there[2] and one.interface == here[1] and one.reason.is_one(*OspfReason)
        for one in mine.neighbors
        if one.protocol.startswith("ospf ") and not one.up
    )


def types_of_ospf(mine: RouterFacts, theirs: RouterFacts, here: Seat, there: Seat) -> str:
    """Return how the network types differ, "" if both elect a designated router, or neither does."""
    ours, other = _ospf_on(mine, here[1]), _ospf_on(theirs, there[1])
    if ours is None or other is None or (ours.network in _ELECTED) == (other.network in _ELECTED):
        return ""
    return f"the network type is {ours.network} here and {other.network} there"


def one_sided(mine: RouterFacts, theirs: RouterFacts, here: Seat, there: Seat) -> Iterator[str]:
    """Yield the protocols that this end runs towards a tunnel's other end, and that one does not run."""
    if not (_is_up_tunnel(mine, here[1]) and _is_up_tunnel(theirs, there[1])):
        return
    own, other = _spoken(mine, here[1]), _spoken(theirs, there[1])
    if any(protocol in other for protocol in own) or _share_bgp(mine, theirs):
        return
    takes_all = any(int(wildcard) == _EVERYTHING for process in mine.eigrp for _, wildcard in process.networks)
    is_meant = not takes_all or any(protocol.startswith("EIGRP") for protocol in other)
    for protocol in own:
        if protocol.startswith("EIGRP") and not is_meant:
            continue
        why = _why_not(theirs, there, protocol)
        if why:
            yield f"{protocol} has no neighbor {there[2]} ({there[0]}) on {here[1]}: {why}"


def _is_up_tunnel(router: RouterFacts, interface: str) -> bool:
    return any(tunnel.name == interface and tunnel.up for tunnel in router.tunnels)


def _spoken(router: RouterFacts, interface: str) -> list[str]:
    """Return the protocols that want neighbors on an interface."""
    rip = router.rip.interfaces if router.rip is not None else ()
    return [
        *(
            f"EIGRP {process.autonomous_system}"
            for process in router.eigrp
            if any(one.name == interface and not one.passive for one in process.interfaces)
        ),
        *(["OSPF"] if (ospf := _ospf_on(router, interface)) is not None and ospf.speaks else []),
        *(["RIP"] if any(one.name == interface and not one.passive for one in rip) else []),
    ]


def _ospf_on(router: RouterFacts, interface: str) -> OspfInterfaceFacts | None:
    return next((one for process in router.ospf for one in process.interfaces if one.name == interface), None)


def _share_bgp(mine: RouterFacts, theirs: RouterFacts) -> bool:
    """Return whether one of them configures a BGP session with the other."""
    return any(
        address in addresses
        for one, other in ((mine, theirs), (theirs, mine))
        for addresses in other.addresses.values()
        for address in one.bgp.called
    )


def _why_not(router: RouterFacts, there: Seat, protocol: str) -> str:
    """Return why a router that runs the protocol does not run it on an interface; "" if it does not run it at all."""
    name, interface, _ = there
    if protocol == "OSPF":
        return _absence(interface, is_there=_ospf_on(router, interface) is not None) if router.ospf else ""
    if protocol == "RIP":
        rip = router.rip
        return _absence(interface, is_there=any(one.name == interface for one in rip.interfaces)) if rip else ""
    same = [process for process in router.eigrp if protocol == f"EIGRP {process.autonomous_system}"]
    if same:
        return _absence(
            interface, is_there=any(one.name == interface for process in same for one in process.interfaces)
        )
    systems = " and ".join(str(process.autonomous_system) for process in router.eigrp)
    return f"{name} runs EIGRP {systems}" if systems else ""


def _absence(interface: str, *, is_there: bool) -> str:
    return f"{interface} is passive there" if is_there else f"no `network` holds {interface} there"
