"""Authentication of packets on an interface, sent and received: MD5 with a key chain, HMAC-SHA-256.

An interface that must be authenticated and cannot be (no key chain, no key that is valid now, an unreadable password)
is blocked, with the reason, and never falls back to plain packets.

HMAC-SHA-256 is verified only by captures of IOS XE; FRR 8.4 computes it from wrong inputs.
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
    from dmvpn.features.eigrp.state import State

#: Octets of the authentication TLV.
_LENGTHS: Final = {None: 0, AuthenticationMode.MD5: 40, AuthenticationMode.HMAC_SHA_256: 56}
#: Maximum seconds until lifetimes are checked again: the clock may be set.
_LONGEST_SLEEP: Final = 3600.0


class Seals:
    """Authenticates and verifies the packets of one process."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = state.context

    def length(self, interface: EigrpInterface) -> int:
        """Return how many octets of each packet the authentication TLV takes."""
        return _LENGTHS[interface.settings.authentication]

    def obstacle(self, interface: EigrpInterface) -> Reason | None:
        """Return why packets of this interface cannot be authenticated as configured; None: they can, or
        need not be.
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
        """Return whether the packet is authenticated as configured on this interface.

        Without authentication, a packet with a digest is refused: its sender would not accept our packets either (IOS:
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
        """Return the type of authentication on this interface; None: none."""
        mode = interface.settings.authentication
        if mode is None:
            return None
        return AuthenticationType.MD5 if mode is AuthenticationMode.MD5 else AuthenticationType.SHA256

    def seal(self, interface: EigrpInterface, packet: EigrpPacket) -> bytes | None:
        """Return the encoded packet, authenticated as configured; None: that is not possible."""
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
        """Return the seconds until the valid keys of an interface change, an hour at most; None: never."""
        chain = self._key_chain(interface.settings)
        if interface.settings.authentication is not AuthenticationMode.MD5 or chain is None:
            return None
        left = chain.changes_in(self._context.ports.clock, self._context.now)
        return min(left, _LONGEST_SLEEP) if left is not None else None

    def _key_chain(self, settings: InterfaceSettings) -> KeyChain | None:
        chain = self._state.config.key_chain(settings.key_chain)
        return chain if chain and chain.keys else None
