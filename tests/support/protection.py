"""What IKE would say of connections and SAs, made up for tests."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.negotiation import ConnectionChanged, SaNegotiated
from dmvpn.base.protection import Connection, EspCipher, EspSa, EspTransform, SaCount, SaView

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

GCM = EspTransform(EspCipher.AES_GCM, 256)


def connection(number: int, local: IPAddress | str, remote: IPAddress | str, **more: object) -> Connection:
    """Return a peer of the IPsec profile P; more: what else is to be said of it."""
    plain = Connection(
        number=number, local=IPv4Address(str(local)), remote=IPv4Address(str(remote)), identity=str(remote), profile="P"
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # a test says only what there is


def came(peer: Connection) -> ConnectionChanged:
    """IKE has a new connection."""
    return ConnectionChanged(None, peer)


def negotiated(
    peer: Connection, spi: int, *, eager: bool = True, replaces: int | None = None, since: float = 0.0
) -> SaNegotiated:
    """IKE has a pair of SAs."""
    sa = EspSa(
        connection=peer.number,
        spi_in=spi,
        spi_out=spi + 1,
        transform=GCM,
        key_in=bytes(36),
        key_out=bytes(36),
        local=peer.local,
        remote=peer.remote,
    )
    view = SaView(
        connection=peer,
        spi_in=spi,
        spi_out=spi + 1,
        transform=GCM,
        transport=True,
        esn=False,
        window=1024,
        pfs_group=0,
        since=since,
        expires=since + 3600,
        rekey_at=since + 3000,
        kilobytes=4_608_000,
        used=eager,
        local_selector=f"{peer.local}/255.255.255.255/47/0",
        remote_selector=f"{peer.remote}/255.255.255.255/47/0",
    )
    return SaNegotiated(connection=peer, sa=sa, view=view, eager=eager, replaces=replaces)


def counted(spi: int, sent: int = 0, received: int = 0, **more: int) -> SaCount:
    """Return what a plane counted for one pair."""
    return replace(SaCount(spi_in=spi, sent=sent, received=received), **more)
