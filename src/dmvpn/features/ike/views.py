"""What others see of IKE SAs and child SAs: `IkeView` and `SaView` for shows, `EspSa` for data planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.base.protection import EspSa, IkeView, SaView
from dmvpn.features.ike import translation
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.numbers import Encr, Integ, Prf
from dmvpn.features.ike.peer_settings import NAT_PORT
from dmvpn.features.ike.suites import esp_transform
from dmvpn.features.ike.trust import method_name
from dmvpn.net.ipv4 import ipv4_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.protection import Connection
    from dmvpn.features.ike.chain import TrafficSelector
    from dmvpn.features.ike.children import ChildSa
    from dmvpn.features.ike.session import Session

_ENCRYPTIONS: Final[dict[int, str]] = {Encr.AES_CBC: "AES-CBC", Encr.AES_GCM_16: "AES-GCM", Encr.TRIPLE_DES: "3DES"}
_PRFS: Final[dict[int, str]] = {
    Prf.HMAC_MD5: "MD5",
    Prf.HMAC_SHA1: "SHA1",
    Prf.HMAC_SHA2_256: "SHA256",
    Prf.HMAC_SHA2_384: "SHA384",
    Prf.HMAC_SHA2_512: "SHA512",
}
_INTEGS: Final[dict[int, str]] = {
    Integ.NONE: "None",
    Integ.HMAC_SHA1_96: "SHA96",
    Integ.HMAC_SHA2_256_128: "SHA256",
    Integ.HMAC_SHA2_384_192: "SHA384",
    Integ.HMAC_SHA2_512_256: "SHA512",
}


def view_of(sa: Session, connection: Connection | None) -> IkeView:
    """Return what anybody may know of an IKE SA."""
    local, remote, terms, suite = sa.path.local, sa.path.remote, sa.terms, sa.suite
    profile = terms.profile if terms else ""
    is_isakmp = translation.is_isakmp(profile)
    return IkeView(
        number=sa.number,
        version=sa.version,
        phase=sa.phase,
        connection=connection,
        local=local.address,
        local_port=local.port,
        remote=remote.address,
        remote_port=remote.port,
        local_spi=sa.own_spi,
        remote_spi=sa.peer_spi,
        initiator=sa.is_initiator,
        encryption=_ENCRYPTIONS.get(suite.encr, "") if suite else "",
        bits=suite.key_bits if suite else 0,
        prf=_PRFS.get(suite.prf, "") if suite else "",
        integrity=_INTEGS.get(suite.integ, "") if suite else "",
        group=suite.group if suite else 0,
        local_auth=("PSK" if terms.key is None else method_name(terms.key)) if terms else "",
        remote_auth=sa.evidence.by,
        local_identity=name_of(terms.identity) if terms else "",
        remote_identity=name_of(sa.theirs) if sa.theirs else "",
        lifetime=int(terms.lifetime) if terms else 86_400,
        since=sa.since,
        heard=sa.heard,
        dpd=int(terms.dpd) if terms else 0,
        dpd_retry=int(terms.dpd_retry) if terms else 0,
        fragmentation=sa.fragments,
        nat_inside=sa.nat.local,
        nat_outside=sa.nat.remote,
        ikev2_profile="" if is_isakmp else profile,
        isakmp_profile=translation.plain(profile) if is_isakmp else "",
        front=sa.path.front,
        next_request=sa.message_ids[0],
        next_answer=sa.message_ids[1],
    )


# ------------------------------------------------------------------------------------------------------------ child SAs


#: A pair is worn after so much of its octets, less some by chance: the two ends seldom find so at the same moment.
_WORN: Final = 0.9
_SPREAD: Final = 0.1


def number_of(spi: bytes) -> int:
    """Return an SPI as others write it."""
    return int.from_bytes(spi, "big")


def esp_ports(sa: Session, *, udp: bool) -> tuple[int, int]:
    """Return the UDP ports of ESP at both ends, 0: protocol 50. If IKE stayed on port 500, ESP goes to port 4500."""
    if not udp:
        return 0, 0
    return NAT_PORT, sa.path.remote.port if sa.path.local.port == NAT_PORT else NAT_PORT


def esp_sa(sa: Session, child: ChildSa, connection: int) -> EspSa:
    """Return the pair for the data plane."""
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
        front=sa.path.front,
    )


def sa_view(child: ChildSa, connection: Connection, *, used: bool) -> SaView:
    """Return the pair for shows."""
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
    """Return the one address that is selected, if it is one."""
    addresses = {end for selector in selectors for end in (selector.first, selector.last)}
    return addresses.pop() if len(addresses) == 1 else None


def _selector(selectors: tuple[TrafficSelector, ...]) -> str:
    """Return the widest selector as IOS writes it: address/mask/protocol/port."""
    if not selectors:
        return ""
    widest = selectors[0]
    if len(selectors) > 1:
        widest = next((each for each in selectors if all(other in each for other in selectors)), widest)
    end = f"{widest.protocol}/{widest.port}"
    differ = int(widest.first) ^ int(widest.last)
    if widest.first.version == 6:
        return f"{widest.first}/{128 - differ.bit_length()}/{end}"
    mask = ipv4_address((0xFFFFFFFF ^ differ).to_bytes(4, "big"))
    return f"{widest.first!s}/{mask!s}/{end}"
