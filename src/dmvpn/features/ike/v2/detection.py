"""NAT detection, RFC 7296 §2.23: both sides say which addresses they think they use, as a hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ike.udp import Nat, endpoint_hash
from dmvpn.features.ike.v2.numbers import NotifyType
from dmvpn.features.ike.v2.packet import Notify

if TYPE_CHECKING:
    from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
    from dmvpn.features.ike.v2.packet import Chain


def detection_hash(spis: bytes, end: Endpoint) -> bytes:
    """Return SHA-1 of SPIi | SPIr | address | port. It is no secret: each router on the path knows all of it."""
    return endpoint_hash(spis, end, "sha1")


def detection(spis: bytes, path: DatagramPath, *, force: bool = False) -> tuple[Notify, Notify]:
    """Make our two notifies.

    force: pretend that our address is translated, so that both sides use port 4500.
    """
    source = bytes(20) if force else detection_hash(spis, path.local)
    return (
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, source),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, detection_hash(spis, path.remote)),
    )


def detect(message: Chain, spis: bytes, path: DatagramPath, *, forces: bool) -> Nat:
    """Compare the peer's hashes with the addresses of the datagram.

    spis: as they were in its header.
    forces: we pretend to be translated, and behave so.
    """
    notifies = message.all(Notify)
    theirs = [notify.data for notify in notifies if notify.kind == NotifyType.NAT_DETECTION_SOURCE_IP]
    ours = [notify.data for notify in notifies if notify.kind == NotifyType.NAT_DETECTION_DESTINATION_IP]
    if not (theirs and ours):
        return Nat()
    return Nat(  # several sources: of a peer with several addresses, one of which must fit
        remote=detection_hash(spis, path.remote) not in theirs,
        local=forces or detection_hash(spis, path.local) not in ours,
        supported=True,
    )
