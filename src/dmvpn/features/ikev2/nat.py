"""NAT detection, RFC 7296 §2.23: both sides say which addresses they think they use, as a hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.features.ikev2.wire.numbers import NotifyType
from dmvpn.features.ikev2.wire.payloads import Notify

if TYPE_CHECKING:
    from dmvpn.features.ikev2.terms import Endpoint, Path
    from dmvpn.features.ikev2.wire.message import Chain


@dataclass(frozen=True, slots=True)
class Nat:
    """What NAT detection found, RFC 7296 §2.23. supported: the peer said something about it at all."""

    local: bool = False
    remote: bool = False
    supported: bool = False

    @property
    def found(self) -> bool:
        """Somebody translates addresses between us."""
        return self.local or self.remote


def detection_hash(spis: bytes, end: Endpoint) -> bytes:
    """SHA-1 of SPIi | SPIr | address | port. No secret: whoever is on the path knows all of it."""
    octets = spis + end.address.packed + end.port.to_bytes(2, "big")
    return hashlib.sha1(octets, usedforsecurity=False).digest()


def detection(spis: bytes, path: Path, *, force: bool = False) -> tuple[Notify, Notify]:
    """Our two notifies. force: pretend that our address is translated, so that both sides use port 4500."""
    source = bytes(20) if force else detection_hash(spis, path.local)
    return (
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, source),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, detection_hash(spis, path.remote)),
    )


def detect(message: Chain, spis: bytes, path: Path, *, forces: bool) -> Nat:
    """Compare the peer's hashes with the addresses of the datagram.

    spis: as they were in its header. forces: we pretend to be translated, and so we behave.
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
