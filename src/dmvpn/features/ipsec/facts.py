"""SAs as facts, and the peers without any."""

from __future__ import annotations

from dmvpn.base.facts import Address, Fact, PeerFacts, reason_facts
from dmvpn.base.ports import Protection
from dmvpn.base.protection import ProtectionPhase, SaView
from dmvpn.base.values import project


class SaFacts(Fact):
    """A pair of SAs.

    connection: the peer as IKE knows it.
    transform: "AES-GCM 256", "AES-CBC 256 SHA256".
    local_port, remote_port: of UDP, 0: protocol 50.
    sent, received, broken, replayed: packets, as of the last count.
    used: we send on it.
    front: the VRF of both addresses, "": the global table.
    """

    connection: int
    local: Address
    remote: Address
    local_port: int = 0
    remote_port: int = 0
    spi_in: int
    spi_out: int
    transform: str
    transport: bool
    used: bool
    age: float
    expires_in: float
    sent: int = 0
    received: int = 0
    broken: int = 0
    replayed: int = 0
    front: str = ""


def facts(protection: Protection, now: float) -> tuple[SaFacts, ...]:
    """Return what there is to say about all pairs of SAs."""
    return tuple(_sa(view, now) for view in protection.sas())


def unsecured(protection: Protection, tunnel: str) -> tuple[PeerFacts, ...]:
    """Return the peers that a tunnel should protect and does not."""
    return tuple(
        PeerFacts(nbma=pair.remote, reason=reason_facts(pair.state.reason), front=pair.front)
        for pair in protection.pairs()
        if pair.tunnel == tunnel and pair.state.phase is not ProtectionPhase.SECURED
    )


def _sa(view: SaView, now: float) -> SaFacts:
    connection, transform, count = view.connection, view.transform, view.count
    cipher = f"{transform.cipher.value} {transform.bits}"
    return project(
        SaFacts,
        view,
        connection=connection.number,
        local=connection.local,
        remote=connection.remote,
        local_port=connection.local_port,
        remote_port=connection.remote_port,
        transform=cipher if transform.hash is None else f"{cipher} {transform.hash.value}",
        age=now - view.since,
        expires_in=view.expires - now,
        sent=count.sent if count else 0,
        received=count.received if count else 0,
        broken=count.broken if count else 0,
        replayed=count.replayed if count else 0,
        front=connection.front,
    )
