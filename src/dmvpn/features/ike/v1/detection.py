"""NAT detection, RFC 3947 §3.2: both sides say which addresses they think they use, with the negotiated hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ike.udp import Nat, endpoint_hash
from dmvpn.features.ike.v1.packet import NatDetection

if TYPE_CHECKING:
    from dmvpn.features.ike.crypto import PrfAlgorithm
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.v1.packet import Chain


def detection(
    cookies: bytes, path: DatagramPath, prf: PrfAlgorithm, *, force: bool = False
) -> tuple[NatDetection, NatDetection]:
    """Make our two payloads: first the peer's address, then ours.

    prf: HMAC of the negotiated hash.
    force: pretend that our address is translated, so that both sides use port 4500.
    """
    source = bytes(prf.size) if force else endpoint_hash(cookies, path.local, prf.hash)
    return NatDetection(endpoint_hash(cookies, path.remote, prf.hash)), NatDetection(source)


def detect(message: Chain, cookies: bytes, path: DatagramPath, prf: PrfAlgorithm, *, forces: bool = False) -> Nat:
    """Compare the peer's hashes with the addresses of the datagram.

    cookies: as they were in its header.
    forces: we pretend to be translated, and behave so.
    """
    payloads = message.all(NatDetection)
    if len(payloads) < 2:
        return Nat()
    ours, *theirs = (payload.data for payload in payloads)
    return Nat(  # several sources: of a peer with several addresses, one of which must fit
        local=forces or ours != endpoint_hash(cookies, path.local, prf.hash),
        remote=endpoint_hash(cookies, path.remote, prf.hash) not in theirs,
        supported=True,
    )
