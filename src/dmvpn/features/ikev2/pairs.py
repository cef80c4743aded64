"""A child SA as data planes and shows know it: `EspSa`, `SaView`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.base.protection import EspSa, SaView
from dmvpn.features.ikev2.suites import esp_transform
from dmvpn.features.ikev2.terms import NAT_PORT

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.protection import Connection
    from dmvpn.features.ikev2.children import ChildSa
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.wire.selectors import TrafficSelector

#: A pair is worn after so much of its octets, less some by chance: the two ends seldom find so at the same moment.
_WORN: Final = 0.9
_SPREAD: Final = 0.1


def number_of(spi: bytes) -> int:
    """An SPI as others write it."""
    return int.from_bytes(spi, "big")


def esp_ports(sa: IkeSa, *, udp: bool) -> tuple[int, int]:
    """UDP ports of ESP at both ends, 0: protocol 50. Where IKE itself stayed on port 500, ESP goes to port 4500."""
    if not udp:
        return 0, 0
    return NAT_PORT, sa.path.remote.port if sa.path.local.port == NAT_PORT else NAT_PORT


def esp_sa(sa: IkeSa, child: ChildSa, connection: int) -> EspSa:
    """For the data plane."""
    local_port, remote_port = esp_ports(sa, udp=child.udp)
    limit = child.terms.octets
    return EspSa(
        connection=connection,
        spi_in=number_of(child.spi_in),
        spi_out=number_of(child.spi_out),
        transform=esp_transform(child.suite),
        key_in=child.keys_in.cipher,
        key_out=child.keys_out.cipher,
        hash_key_in=child.keys_in.integrity,
        hash_key_out=child.keys_out.integrity,
        local=sa.path.local.address,
        remote=sa.path.remote.address,
        local_port=local_port,
        remote_port=remote_port,
        esn=bool(child.suite.esn),
        window=child.terms.window,
        tunnel_mode=not child.transport,
        inner_local=None if child.transport else _host(child.local),
        inner_remote=None if child.transport else _host(child.remote),
        soft_octets=int(limit * (_WORN - _SPREAD * fraction(sa.entropy))) if limit else 0,
        hard_octets=limit,
    )


def sa_view(child: ChildSa, connection: Connection, *, used: bool) -> SaView:
    """For shows."""
    return SaView(
        connection=connection,
        spi_in=number_of(child.spi_in),
        spi_out=number_of(child.spi_out),
        transform=esp_transform(child.suite),
        transport=child.transport,
        esn=bool(child.suite.esn),
        window=child.terms.window,
        pfs_group=child.suite.group,
        since=child.since,
        expires=child.expires,
        rekey_at=child.rekey_at,
        kilobytes=child.terms.octets >> 10,
        used=used,
        local_selector=_selector(child.local),
        remote_selector=_selector(child.remote),
    )


def _host(selectors: tuple[TrafficSelector, ...]) -> IPAddress | None:
    """The one address that is selected, if it is one."""
    addresses = {end for selector in selectors for end in (selector.first, selector.last)}
    return addresses.pop() if len(addresses) == 1 else None


def _selector(selectors: tuple[TrafficSelector, ...]) -> str:
    """As IOS writes it: address/mask/protocol/port."""
    if not selectors:
        return ""
    first = selectors[0]
    if first.first.version == 6:
        return f"{first.first}/{128 - (int(first.first) ^ int(first.last)).bit_length()}/{first.protocol}/0"
    mask = 0xFFFFFFFF ^ (int(first.first) ^ int(first.last))
    return f"{first.first}/{'.'.join(str(octet) for octet in mask.to_bytes(4, 'big'))}/{first.protocol}/0"
