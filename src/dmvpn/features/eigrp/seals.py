"""What packets of an interface are sealed with, and which seals are believed there: MD5 of a key chain, HMAC-SHA-256.

Authentication is all or nothing: an interface that is to be authenticated and cannot be (no key chain, no key that is
valid now, a password that cannot be read) is blocked, with the reason, and never falls back to clear.

HMAC-SHA-256 is proved by captures of IOS XE alone; FRR 8.4 computes it from wrong inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.features.eigrp import auth
from dmvpn.features.eigrp.model import AuthenticationMode
from dmvpn.features.eigrp.reasons import EigrpReason
from dmvpn.features.eigrp.tlv import Authentication, AuthenticationType

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.keychains import KeyChain
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.packet import EigrpPacket
    from dmvpn.features.eigrp.surroundings import Surroundings

#: Octets of the TLV.
_LENGTHS: Final = {None: 0, AuthenticationMode.MD5: 40, AuthenticationMode.HMAC_SHA_256: 56}
#: Seconds after which lifetimes are looked at again at the latest: somebody may set the clock.
_LONGEST_SLEEP: Final = 3600.0


class Seals:
    """Those of one process."""

    def __init__(self, process: Surroundings) -> None:
        self._process = process
        self._context = process.context

    def length(self, interface: EigrpInterface) -> int:
        """Return how many octets of each packet the seal takes."""
        return _LENGTHS[interface.settings.authentication]

    def obstacle(self, interface: EigrpInterface) -> Reason | None:
        """Return why packets of this interface cannot be authenticated as configured, None if they can (or need
        not).
        """
        settings, since = interface.settings, self._context.now
        if settings.authentication is None:
            return None
        if settings.authentication is AuthenticationMode.HMAC_SHA_256:
            hidden = Reason(EigrpReason.HIDDEN, since=since)
            return None if settings.password else hidden
        if not settings.key_chain:
            return Reason(EigrpReason.NO_KEY_CHAIN, since=since)
        chain = self._key_chain(settings)
        if chain is None:
            return Reason(EigrpReason.NO_KEY, (settings.key_chain,), since)
        if chain.sending(self._context.ports.clock, since) is None:
            return Reason(EigrpReason.NO_VALID_KEY, (settings.key_chain,), since)
        return None

    def is_authentic(self, interface: EigrpInterface, packet: EigrpPacket, payload: bytes, source: IPAddress) -> bool:
        """Return whether the packet is what this interface's authentication asks for.

        Without authentication a digest is none of ours: its sender would not believe our answers either (IOS:
        "authentication off or key-chain missing").
        """
        settings, digest = interface.settings, packet.find(Authentication)
        if settings.authentication is None or digest is None:
            return settings.authentication is None and digest is None
        if settings.authentication is AuthenticationMode.HMAC_SHA_256:
            password = settings.password.encode()
            return bool(password) and auth.verify_sha256(payload, password=password, source=source)
        chain = self._key_chain(settings)
        accepted = chain.accepting(self._context.ports.clock, self._context.now) if chain is not None else ()
        keys = (key for key in accepted if key.number == digest.key_id)
        return any(auth.verify_md5(payload, key=key.text.encode()) for key in keys)

    @staticmethod
    def kind(interface: EigrpInterface) -> AuthenticationType | None:
        """Return how packets on this interface are sealed; None: not at all."""
        mode = interface.settings.authentication
        if mode is None:
            return None
        return AuthenticationType.MD5 if mode is AuthenticationMode.MD5 else AuthenticationType.SHA256

    def seal(self, interface: EigrpInterface, packet: EigrpPacket) -> bytes | None:
        """Return the octets of the packet, sealed as configured; None: they cannot be."""
        settings = interface.settings
        if settings.authentication is None:
            return packet.serialize()
        if settings.authentication is AuthenticationMode.HMAC_SHA_256:
            address = interface.address
            if not settings.password or address is None:
                return None
            return auth.seal_sha256(packet, password=settings.password.encode(), source=address)
        chain = self._key_chain(settings)
        key = chain.sending(self._context.ports.clock, self._context.now) if chain is not None else None
        return auth.seal_md5(packet, key_id=key.number, key=key.text.encode()) if key is not None else None

    def changes_in(self, interface: EigrpInterface) -> float | None:
        """Return seconds until other keys are valid on an interface, an hour at most; None: never."""
        chain = self._key_chain(interface.settings)
        if interface.settings.authentication is not AuthenticationMode.MD5 or chain is None:
            return None
        left = chain.changes_in(self._context.ports.clock, self._context.now)
        return min(left, _LONGEST_SLEEP) if left is not None else None

    def _key_chain(self, settings: InterfaceSettings) -> KeyChain | None:
        chain = self._process.config.key_chain(settings.key_chain)
        return chain if chain and chain.keys else None
