"""Authentication of RIP packets on an interface, sent and received: RFC 2453 §4.1, RFC 4822.

The keys are those of a key chain, each while it is valid; key rollover needs no negotiation. A received packet that is
not authenticated as configured is dropped, and a packet that cannot be authenticated as configured is not sent.

MD5, RFC 2082 §3.2, as IOS and FRR use it: the digest is over the packet with the four octets of the trailer before the
digest, and the key, padded or cut to 16 octets, behind them (checked against IOS-XE and FRR 8.4.4 with known keys).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.features.rip.model import LAST_KEY, AuthenticationMode
from dmvpn.features.rip.packet import Command, KeyedDigest, Password, RipPacket
from dmvpn.features.rip.reasons import RipReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.keychains import Key, KeyChain
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.model import RipConfig, RipInterfaceSettings
    from dmvpn.net.octets import Octets

_DIGEST_LENGTH = 16
_KEY_LENGTH = 16


def seal_md5(packet: RipPacket, *, key_id: int, key: bytes, sequence: int) -> bytes:
    """Encode the packet with a digest made with this key, and the authentication length that IOS sends."""
    authentication = KeyedDigest(key_id=key_id, sequence=sequence, digest=b"")
    covered = replace(packet, authentication=authentication).serialize()
    return covered + _md5_digest(covered, key)


def verify_md5(data: Octets, *, key: bytes) -> bool:
    """Return whether the last 16 octets of the packet are the MD5 digest of the octets before them and this key.

    For packets to which `RipPacket.parse` gave a `KeyedDigest`, whose `key_id` identifies the key.
    """
    covered, digest = bytes(data[:-_DIGEST_LENGTH]), bytes(data[-_DIGEST_LENGTH:])
    return hmac.compare_digest(digest, _md5_digest(covered, key))


def _md5_digest(covered: bytes, key: bytes) -> bytes:
    padded = key[:_KEY_LENGTH].ljust(_KEY_LENGTH, b"\x00")
    return hashlib.md5(covered + padded, usedforsecurity=False).digest()


_CLAUSE: Final = "RFC 4822 §2.2"
#: Maximum octets of a password, RFC 2453 §4.1.
_PASSWORD_LENGTH = 16


class Mismatch(WireError):
    """A packet is not authenticated as configured. theirs, ours: the authentication of each side."""

    def __init__(self, text: str, given: Password | KeyedDigest | None, wanted: AuthenticationMode | None) -> None:
        super().__init__(text, offset=4, clause=_CLAUSE if wanted is AuthenticationMode.MD5 else "RFC 2453 §5.2")
        self.theirs = _name(given)
        self.ours = wanted.value if wanted is not None else "no authentication"


class Seals:
    """Authenticates and verifies packets. Remembers the last sequence number of each authenticated sender."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._sequences: dict[tuple[str, IPAddress, bool], tuple[int, float]] = {}

    def obstacle(self, config: RipConfig, settings: RipInterfaceSettings, now: float) -> Reason | None:
        """Return why packets cannot be authenticated as configured; None: they can, or need not be."""
        if settings.authentication is None:
            return None
        chain = config.key_chain(settings.key_chain)
        if not settings.key_chain:
            return Reason(RipReason.NO_KEY_CHAIN, since=now)
        if chain is None or not any(key.number <= LAST_KEY for key in chain.keys):
            return Reason(RipReason.NO_KEY, (settings.key_chain,), now)
        if self._key(chain, now) is None:
            return Reason(RipReason.NO_VALID_KEY, (settings.key_chain,), now)
        return None

    def seal(self, packet: RipPacket, config: RipConfig, settings: RipInterfaceSettings, now: float) -> bytes | None:
        """Return the encoded packet, authenticated as configured; None: that is not possible."""
        if settings.authentication is None:
            return packet.serialize()
        chain = config.key_chain(settings.key_chain)
        key = self._key(chain, now) if chain is not None else None
        if key is None:
            return None
        if settings.authentication is AuthenticationMode.TEXT:
            return replace(packet, authentication=Password(password=_password(key))).serialize()
        # Seconds of the wall clock do not go back, not even over a restart.
        sequence = int(self._ports.clock.wall(now).timestamp()) & 0xFFFFFFFF
        return seal_md5(packet, key_id=key.number, key=key.text.encode(), sequence=sequence)

    def check(
        self,
        packet: RipPacket,
        octets: bytes,
        config: RipConfig,
        settings: RipInterfaceSettings,
        source: IPAddress,
        now: float,
    ) -> None:
        """Check the authentication of a packet. Raises Mismatch, and WireError for an old sequence number."""
        given = packet.authentication
        match settings.authentication:
            case None if given is not None:
                raise Mismatch("authentication that is not configured here", given, None)
            case AuthenticationMode.TEXT:
                accepted = self._accepted(config, settings, now)
                offered = given.password if isinstance(given, Password) else None
                if offered is None or not any(hmac.compare_digest(offered, _password(key)) for key in accepted):
                    raise Mismatch("the password is missing or wrong", given, AuthenticationMode.TEXT)
            case AuthenticationMode.MD5:
                if not isinstance(given, KeyedDigest):
                    raise Mismatch("no digest", given, AuthenticationMode.MD5)
                keys = [key for key in self._accepted(config, settings, now) if key.number == given.key_id]
                if not any(verify_md5(octets, key=key.text.encode()) for key in keys):
                    raise Mismatch(f"the digest is wrong (key {given.key_id})", given, AuthenticationMode.MD5)
                waits = packet.command != Command.UPDATE_ACKNOWLEDGE
                self._check_sequence(given, (settings.name, source, waits), config.timers.invalid, now)
            case _:
                pass

    def _check_sequence(
        self, given: KeyedDigest, sender: tuple[str, IPAddress, bool], patience: float, now: float
    ) -> None:
        """Check that the sequence number does not decrease, unless the sender was silent for so long that it is
        forgotten.

        Packets that may be queued have a count of their own, apart from packets that are processed at once.
        """
        sequence, heard = self._sequences.get(sender, (0, now))
        if given.sequence < sequence and now < heard + patience:
            raise WireError(f"an old sequence number, {given.sequence}", offset=12, clause=_CLAUSE)
        self._sequences[sender] = given.sequence, now

    def _key(self, chain: KeyChain, now: float) -> Key | None:
        key = chain.sending(self._ports.clock, now)
        return key if key is not None and key.number <= LAST_KEY else None

    def _accepted(self, config: RipConfig, settings: RipInterfaceSettings, now: float) -> tuple[Key, ...]:
        chain = config.key_chain(settings.key_chain)
        return chain.accepting(self._ports.clock, now) if chain is not None else ()


def _password(key: Key) -> bytes:
    return key.text.encode()[:_PASSWORD_LENGTH]


def _name(given: Password | KeyedDigest | None) -> str:
    if given is None:
        return "no authentication"
    kind = AuthenticationMode.TEXT if isinstance(given, Password) else AuthenticationMode.MD5
    return kind.value
