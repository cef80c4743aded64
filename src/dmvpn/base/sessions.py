"""Crypto sessions: what `show crypto session` and `show dmvpn detail` count as one, made of what IKE and IPsec answer.

A session is a peer on a tunnel, with its IKE SAs and the traffic that is protected. A peer that is wanted but not
connected is a session, too: then it has a reason.

Lines about a crypto session that `show crypto session detail` and `show dmvpn detail` have in common.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.breath import breathing
from dmvpn.base.entrances import Entrances
from dmvpn.base.moments import clock
from dmvpn.base.ports import Ports
from dmvpn.base.protection import (
    Connection,
    EspCipher,
    EspTransform,
    IkeVersion,
    IkeView,
    Protected,
    ProtectedPair,
    ProtectionPhase,
    SaView,
    conn_id,
)
from dmvpn.base.shell import NO_PLANE, Counting, fresh
from dmvpn.base.values import Value, project

# ------------------------------------------------------------------------------------------------ sessions


IKE_PORT: Final = 500


class SessionStatus(enum.Enum):
    """Of a session, in the words of IOS."""

    UP_ACTIVE = "UP-ACTIVE"
    UP_IDLE = "UP-IDLE"
    UP_NO_IKE = "UP-NO-IKE"
    DOWN_NEGOTIATING = "DOWN-NEGOTIATING"
    DOWN = "DOWN"


class SessionIke(Value, kw_only=True):
    """An IKE SA of a session; number 0: there is none.

    capabilities: letters of `show crypto session detail`.
    lifetime: seconds that are left.
    """

    number: int
    version: IkeVersion = IkeVersion.V2
    local: IPAddress
    local_port: int
    remote: IPAddress
    remote_port: int
    active: bool
    capabilities: str = ""
    lifetime: float = 0.0


class SessionFlow(Value, kw_only=True):
    """The traffic of a session, over all its SAs.

    sas: one for each direction of a pair.
    text: as in an access list ("permit 47 host 198.51.100.1 host 203.0.113.1"). *_left: of the pair that we send on, in
        kilobytes (None: without limit) and seconds.
    spi: what we send with, 0: nothing.
    """

    text: str
    sas: int = 0
    received: int = 0
    received_dropped: int = 0
    sent: int = 0
    sent_dropped: int = 0
    received_kilobytes_left: int | None = 0
    sent_kilobytes_left: int | None = 0
    seconds_left: int = 0
    spi: int = 0
    transform: str = ""


class CryptoSession(Value, kw_only=True):
    """A peer on a tunnel.

    number: of the IKE session, 0 while there is none.
    tunnel: "" if its tunnel is gone.
    profile: of IKE.
    uptime: seconds, None while it is down.
    reason: why it is.
    vrf: of the packets inside the tunnel, front: of the GRE packets; "": the global table.
    denied: which inbound list of ours cuts it now, "": none.
    """

    number: int
    tunnel: str
    profile: str
    status: SessionStatus
    uptime: float | None
    peer: IPAddress
    port: int
    identity: str
    ikes: tuple[SessionIke, ...]
    flow: SessionFlow
    reason: str = ""
    unproved: str = ""
    vrf: str = ""
    front: str = ""
    denied: str = ""


def sessions(ports: Ports, now: float, counting: Counting = NO_PLANE) -> tuple[CryptoSession, ...]:
    """Return all sessions: first the sessions that tunnels want, in the order of tunnels and addresses, then the rest.

    counting: answers with the current counters.
    """
    known = _Known(ports, counting)
    entrances = Entrances(ports)
    made: list[tuple[CryptoSession, Connection | None]] = []
    listed: set[int] = set()
    for pair in breathing(tuple(ports.protection.pairs())):
        connections = known.between(pair)
        listed.update(connection.number for connection in connections)
        made += ((_session(known, pair.tunnel, each, pair.state, now), each) for each in connections)
        if not connections:
            made.append((_absent(pair, known.attempts(pair), now), None))
    for connection in breathing(known.connections):
        if connection.number not in listed:
            names = tunnels_of(ports, connection) or ("",)
            made += ((_session(known, name, connection, None, now), connection) for name in names)
    return tuple(_in_its_place(ports, entrances, *each) for each in made)


def _in_its_place(
    ports: Ports, entrances: Entrances, session: CryptoSession, connection: Connection | None
) -> CryptoSession:
    """Return a session with the VRF of its packets, and with what cuts it."""
    tunnel = ports.tunnels.get(session.tunnel)
    vrf = "" if tunnel is None else tunnel.vrf
    denied = entrances.cut((OuterAddress(session.ikes[0].local, session.front), session.peer), connection)
    if not vrf and denied is None:
        return session
    return replace(session, vrf=vrf, denied="" if denied is None else str(denied))


def tunnels_of(ports: Ports, connection: Connection) -> tuple[str, ...]:
    """Return the tunnels that this connection can serve, by source, IPsec profile and destination."""
    return tuple(
        tunnel.name
        for tunnel in ports.tunnels.all()
        if tunnel.protection
        and (tunnel.outer, tunnel.protection) == (connection.ends[0], connection.profile)
        and tunnel.destination in (None, connection.remote)
    )


def inside_of(ports: Ports) -> Callable[[IkeView], str]:
    """Return a function of an IKE SA: the VRF of the packets inside its tunnel; "": the global table.

    Of several tunnels with the peer, the first one counts.
    """
    inside: dict[Ends, str] = {}
    for pair in breathing(tuple(ports.protection.pairs())):
        tunnel = ports.tunnels.get(pair.tunnel)
        inside.setdefault(pair.ends, tunnel.vrf if tunnel is not None else "")
    return lambda view: inside.get(view.ends, "")


def transform_words(transform: EspTransform) -> str:
    """Return a transform as IOS writes it where SAs are shown: "esp-256-aes esp-sha256-hmac", "esp-gcm 256"."""
    bits = "" if transform.bits == 128 else str(transform.bits)
    if transform.cipher is EspCipher.AES_GCM:
        return f"esp-gcm {bits}".strip()
    cipher = f"esp-{bits}-aes" if bits else "esp-aes"
    if transform.hash is None:
        return cipher
    return f"{cipher} esp-{transform.hash.value.replace('sha1', 'sha')}-hmac"


def flow_text(local_selector: str, remote_selector: str) -> str:
    """Return two selectors ("203.0.113.1/255.255.255.255/47/0") as a line of an access list."""
    protocol = local_selector.split("/")[2]
    return f"permit {'ip' if protocol == '0' else protocol} {_host(local_selector)} {_host(remote_selector)}"


def _host(selector: str) -> str:
    address, mask = selector.split("/")[:2]
    return f"host {address}" if mask in ("255.255.255.255", "128", "ffff:" * 7 + "ffff") else f"{address}/{mask}"


class _Known:
    """What IKE and IPsec answer, by connection: a hub has thousands. trying: IKE SAs without a connection yet, by
    addresses.
    """

    def __init__(self, ports: Ports, counting: Counting) -> None:
        self.ikes: dict[int, list[IkeView]] = {}
        self.pairs: dict[int, list[SaView]] = {}
        self.trying: dict[Ends, list[IkeView]] = {}
        found: dict[int, Connection] = {}
        for ike in breathing(tuple(ports.ike.sas())):
            if ike.connection is None:
                self.trying.setdefault(ike.ends, []).append(ike)
            else:
                self.ikes.setdefault(ike.connection.number, []).append(ike)
                found[ike.connection.number] = ike.connection
        for sa in breathing(tuple(fresh(ports.protection.sas(), counting))):
            self.pairs.setdefault(sa.connection.number, []).append(sa)
            found[sa.connection.number] = sa.connection
        found.update((connection.number, connection) for connection in ports.protection.connections())
        self.connections = sorted(found.values(), key=lambda connection: connection.number)
        self._between: dict[tuple[Ends, str], list[Connection]] = {}
        for connection in self.connections:
            self._between.setdefault((connection.ends, connection.profile), []).append(connection)

    def between(self, pair: ProtectedPair) -> list[Connection]:
        """Return those of this pair of addresses; several peers may be behind one of them."""
        found = self._between.get((pair.ends, pair.profile), [])
        return [connection for connection in found if pair.remote_port in (0, connection.remote_port)]

    def attempts(self, pair: ProtectedPair) -> list[IkeView]:
        """Return IKE SAs without a connection yet that may become this pair's."""
        found = self.trying.get(pair.ends, [])
        return [ike for ike in found if pair.remote_port in (0, ike.remote_port) or ike.remote_port == IKE_PORT]


def _session(known: _Known, tunnel: str, connection: Connection, state: Protected | None, now: float) -> CryptoSession:
    ikes, pairs = known.ikes.get(connection.number, []), known.pairs.get(connection.number, [])
    ready = any(ike.phase.is_ready for ike in ikes)
    reason = state.reason if state is not None and not pairs else None
    return CryptoSession(
        identity=connection.identity,
        unproved=connection.unproved,
        front=connection.front,
        number=min((ike.number for ike in ikes), default=0),
        tunnel=tunnel,
        profile=connection.ike_profile,
        status=_status(pairs=bool(pairs), ready=ready, trying=bool(ikes)),
        uptime=now - connection.since if pairs or ready else None,
        peer=connection.remote,
        port=connection.remote_port or next((ike.remote_port for ike in ikes), IKE_PORT),
        ikes=tuple(_ike(ike, now) for ike in ikes) or (_no_ike(connection.local, connection.remote),),
        flow=_flow(pairs, now) if pairs else _empty_flow(connection.local, connection.remote),
        reason=str(reason) if reason is not None else "",
    )


def _absent(pair: ProtectedPair, trying: list[IkeView], now: float) -> CryptoSession:
    """Return a peer that is wanted and has proved nothing yet."""
    local, remote, state = pair.local, pair.remote, pair.state
    negotiating = bool(trying) or state.phase in (ProtectionPhase.IKE, ProtectionPhase.IPSEC)
    return CryptoSession(
        number=0,
        tunnel=pair.tunnel,
        profile=next((ike.ikev2_profile or ike.isakmp_profile for ike in trying), ""),
        status=_status(pairs=False, ready=False, trying=negotiating),
        uptime=None,
        peer=remote,
        port=next((ike.remote_port for ike in trying), pair.remote_port or IKE_PORT),
        identity="",
        ikes=tuple(_ike(ike, now) for ike in trying) or (_no_ike(local, remote),),
        flow=_empty_flow(local, remote),
        reason=str(state.reason) if state.reason is not None else "",
        front=pair.front,
    )


def _status(*, pairs: bool, ready: bool, trying: bool) -> SessionStatus:
    if pairs:
        return SessionStatus.UP_ACTIVE if ready else SessionStatus.UP_NO_IKE
    if ready:
        return SessionStatus.UP_IDLE
    return SessionStatus.DOWN_NEGOTIATING if trying else SessionStatus.DOWN


def _ike(ike: IkeView, now: float) -> SessionIke:
    ready = ike.phase.is_ready
    letters = (("D", ike.dpd > 0), ("N", ike.nat_inside or ike.nat_outside), ("F", ike.fragmentation))
    return project(
        SessionIke,
        ike,
        active=ready,
        capabilities="".join(letter for letter, has in letters if has and ready),
        lifetime=max(0.0, ike.since + ike.lifetime - now) if ready else 0.0,
    )


def _no_ike(local: IPAddress, remote: IPAddress) -> SessionIke:
    return SessionIke(number=0, local=local, local_port=IKE_PORT, remote=remote, remote_port=IKE_PORT, active=False)


def _flow(pairs: Sequence[SaView], now: float) -> SessionFlow:
    used = next((pair for pair in reversed(pairs) if pair.used), pairs[-1])
    counts = [pair.count for pair in pairs if pair.count is not None]
    earlier = [pair.before for pair in pairs if pair.before is not None]
    counts += earlier[:1]  # the oldest pair's: those of younger ones count the older pairs again
    limit, own = used.kilobytes or None, used.count
    return SessionFlow(
        text=flow_text(used.local_selector, used.remote_selector),
        sas=2 * len(pairs),
        received=sum(count.received for count in counts),
        received_dropped=sum(count.replayed + count.broken for count in counts),
        sent=sum(count.sent for count in counts),
        sent_dropped=sum(count.unsent for count in counts),
        received_kilobytes_left=kilobytes_left(limit, own.received_octets if own else 0),
        sent_kilobytes_left=kilobytes_left(limit, own.sent_octets if own else 0),
        seconds_left=max(0, int(used.expires - now)),
        spi=used.spi_out,
        transform=transform_words(used.transform),
    )


def kilobytes_left(limit: int | None, octets: int) -> int | None:
    """Return whole kilobytes until the limit; None: there is none."""
    return None if limit is None else max(0, (limit * 1024 - octets) // 1024)


def _empty_flow(local: IPAddress, remote: IPAddress) -> SessionFlow:
    return SessionFlow(text=f"permit 47 host {local} host {remote}")


# ------------------------------------------------------------------------------------------------ their lines


def ike_line(ike: SessionIke) -> str:
    """Return an IKE SA, in short."""
    state = "Active" if ike.active else "Inactive"
    ends = f"local {ike.local}/{ike.local_port} remote {ike.remote}/{ike.remote_port}"
    return f"  IKEv{ike.version.value} SA: {ends} {state} "


def ike_lines(ike: SessionIke) -> Iterator[str]:
    """Yield an IKE SA, with what it can do and how long it lives."""
    yield ike_line(ike)
    number = conn_id(ike.number) if ike.version == IkeVersion.V1 else ike.number
    lifetime = clock(ike.lifetime) if ike.active else "0"
    yield f"          Capabilities:{ike.capabilities or '(none)'} connid:{number} lifetime:{lifetime}"


def flow_lines(flow: SessionFlow) -> Iterator[str]:
    """Yield the lines of a protected flow and its counters."""
    yield f"  IPSEC FLOW: {flow.text} "
    yield f"        Active SAs: {flow.sas}, origin: crypto map"
    received, sent = _kilobytes(flow.received_kilobytes_left), _kilobytes(flow.sent_kilobytes_left)
    yield (
        f"        Inbound:  #pkts dec'ed {flow.received} drop {flow.received_dropped} "
        f"life (KB/Sec) {received}/{flow.seconds_left}"
    )
    yield (
        f"        Outbound: #pkts enc'ed {flow.sent} drop {flow.sent_dropped} life (KB/Sec) {sent}/{flow.seconds_left}"
    )


def _kilobytes(left: int | None) -> str:
    return "KB Vol Rekey Disabled" if left is None else str(left)
