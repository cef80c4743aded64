"""Why a tunnel is up or down: the questions of IOS's "linestate evaluation", in their order.

A point-to-point tunnel needs a source address, a destination, and a route to the destination that does not lead
through the tunnel itself; a multipoint tunnel needs its source only. What a keepalive, NHRP or a hold-down after
recursive routing add to that is the machine's business.
"""

from __future__ import annotations

from collections.abc import Iterable

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import DfBit, TunnelSpec
from dmvpn.base.negotiation import ProtectionDecided
from dmvpn.base.notices import InterfaceState
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value, project
from dmvpn.features.tunnel.model import TunnelSettings
from dmvpn.features.tunnel.reasons import TunnelReason

_ETHERNET_MTU = 1500
#: RFC 791: every link takes it.
_LEAST_MTU = 68
#: Octets of the outer IP header, and of ESP's padding length and next header (RFC 4303 §2).
_IP_HEADER, _TRAILER = 20, 2


class TunnelSource(Value):
    """Our end: the NBMA address, None while there is none, and the interface that has it."""

    address: IPAddress | None
    interface: str
    state: InterfaceState | None


def find_source(settings: TunnelSettings, ports: Ports) -> TunnelSource:
    """Return our NBMA address as of now."""
    if settings.source_interface:
        state = ports.interfaces.get(settings.source_interface)
        return TunnelSource(state.address if state else None, settings.source_interface, state)
    if settings.source_address is not None:
        state = ports.interfaces.owner(settings.source_address, settings.front)
        return TunnelSource(settings.source_address if state else None, state.name if state else "", state)
    return TunnelSource(None, "", None)


def default_ip_mtu(settings: TunnelSettings, source: TunnelSource, ports: Ports) -> int:
    """Return octets of the largest inner packet that leaves the egress interface in one piece (1476, with a key 1472).

    `sealing` returns ESP's overhead.
    """
    egress, table = source.state, ports.rib_of(settings.front)
    if settings.destination is not None and not settings.multipoint and table is not None:
        hops = table.forwarding(settings.destination)
        egress = ports.interfaces.get(hops[0].interface) if hops and hops[0].interface != settings.name else egress
    mtu = egress.ip_mtu if egress is not None and not egress.name.startswith("Loopback") else _ETHERNET_MTU
    return max(mtu - settings.overhead, _LEAST_MTU)  # or no end, if the source is the tunnel itself


def sealing(settings: TunnelSettings, mtu: int, decision: ProtectionDecided | None) -> int:
    """Return how many octets less than `mtu` fit into the egress interface when the GRE packet is sealed.

    GRE packet, padding, 2 octets of trailer, and in tunnel mode an IP header fill whole blocks (RFC 4303 §2.4).
    """
    if not settings.protection or decision is None or decision.reason is not None:
        return 0
    gre = settings.overhead - _IP_HEADER
    room = mtu + gre - decision.overhead
    room -= (room + decision.inside + _TRAILER) % decision.block
    return mtu - (room - gre)


def make_spec(
    settings: TunnelSettings, source: TunnelSource, mtu: int, decision: ProtectionDecided | None = None
) -> TunnelSpec | None:
    """Return the data plane's settings, or None while the tunnel cannot exist at all."""
    if source.address is None or settings.foreign_mode:
        return None
    if source.state is not None and source.state.vrf != settings.front:
        return None
    if not settings.multipoint and settings.destination is None:
        return None
    return project(
        TunnelSpec,
        settings,
        source=source.address,
        destination=None if settings.multipoint else settings.destination,
        mtu=settings.ip_mtu or mtu,
        protected=bool(settings.protection),
        df=_df_bit(settings, decision),
        barred=decision.barred if decision is not None else (),
    )


def _df_bit(settings: TunnelSettings, decision: ProtectionDecided | None) -> DfBit:
    """Return DF of the outer header: GRE copies it with `tunnel path-mtu-discovery` and clears it without, then comes
    ESP.
    """
    if settings.protection and decision is not None and decision.df is not DfBit.COPY:
        return decision.df
    return DfBit.COPY if settings.path_mtu_discovery else DfBit.CLEAR


def missing(settings: TunnelSettings, source: TunnelSource, ports: Ports) -> Reason | None:
    """Return what the tunnel lacks in itself, before any route is looked at."""
    if settings.shutdown:
        return Reason(TunnelReason.SHUT)
    if settings.unbuilt is not None:
        return settings.unbuilt
    if ports.rib_of(settings.front) is None:
        return Reason(TunnelReason.VRF, (settings.front,))
    if not settings.source_interface and settings.source_address is None:
        return Reason(TunnelReason.NO_SOURCE)
    if source.state is None:
        return Reason(TunnelReason.NO_INTERFACE, (_nowhere(settings),))
    if source.state.vrf != settings.front:
        return Reason(TunnelReason.SOURCE_VRF, (source.interface, _table(source.state.vrf), _table(settings.front)))
    if not source.state.line:
        return Reason(TunnelReason.SOURCE_DOWN, (source.interface,))
    if source.address is None:
        return Reason(TunnelReason.SOURCE_WITHOUT_ADDRESS, (source.interface,))
    if not settings.multipoint and settings.destination is None:
        return Reason(TunnelReason.NO_DESTINATION)
    return None


def _nowhere(settings: TunnelSettings) -> str:
    """Return why no interface is the source."""
    if settings.source_interface:
        return f"{settings.source_interface} is not there"
    where = f" in the VRF {settings.front}" if settings.front else ""
    return f"no interface{where} has the address {settings.source_address}"


def _table(vrf: str) -> str:
    return f"the VRF {vrf}" if vrf else "the global table"


def no_route(settings: TunnelSettings, ports: Ports) -> Reason | None:
    """Return why packets to the destination go nowhere, or None."""
    table = ports.rib_of(settings.front)
    if settings.destination is None or (table is not None and table.forwarding(settings.destination)):
        return None
    if settings.front:
        return Reason(TunnelReason.NO_ROUTE_IN_VRF, (settings.destination, settings.front))
    return Reason(TunnelReason.NO_ROUTE, (settings.destination,))


def unprotected(settings: TunnelSettings, decision: ProtectionDecided | None) -> Reason | None:
    """Return why a protected tunnel may not send, or None."""
    if not settings.protection:
        return None
    if decision is None:
        return Reason(TunnelReason.UNPROTECTED, (settings.protection,))
    return decision.reason


def rivals(specs: Iterable[TunnelSpec]) -> dict[str, str]:
    """Return tunnels whose received packets would match an earlier tunnel, each with the name of that tunnel.

    GRE packets are sorted by VRF, local address, key and, for point-to-point tunnels, remote address (RFC 2890 §2.1).
    """
    first: dict[tuple[str, IPAddress, int | None, IPAddress | None], str] = {}
    losers: dict[str, str] = {}
    for spec in specs:
        winner = first.setdefault((spec.front, spec.source, spec.key, spec.destination), spec.name)
        if winner != spec.name:
            losers[spec.name] = winner
    return losers


def rivalry(spec: TunnelSpec, winner: str) -> Reason:
    """Return the reason for the tunnel that stays down."""
    key = "no tunnel key" if spec.key is None else f"tunnel key {spec.key}"
    return Reason(TunnelReason.RIVAL, (winner, spec.source, key))


def leads_through(name: str, destination: IPAddress, front: str, ports: Ports) -> bool:
    """Return whether the route to `destination` leads through the tunnel `name`, directly or inside other tunnels.

    front: the VRF of the outer packets. Each tunnel on the way has one of its own.
    """
    waiting = [(front, destination)]
    seen = {*waiting}
    while waiting:
        vrf, address = waiting.pop()
        table = ports.rib_of(vrf)
        for hop in table.forwarding(address) if table is not None else ():
            if hop.interface == name:
                return True
            outer = ports.tunnels.get(hop.interface) if hop.interface.startswith("Tunnel") else None
            if outer is None or outer.destination is None or (outer.front, outer.destination) in seen:
                continue
            seen.add((outer.front, outer.destination))
            waiting.append((outer.front, outer.destination))
    return False
