"""The keys that seal packets of a session, and the keys that are accepted: keys of a key chain, RFC 5880 §6.7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.features.bfd.packet import LAST_KEY, Drop, Dropped, is_genuine, may_follow, seal
from dmvpn.features.bfd.reasons import BfdReason

if TYPE_CHECKING:
    from dmvpn.base.keychains import Key, KeyChain
    from dmvpn.base.pages import Pages
    from dmvpn.base.ports import Ports
    from dmvpn.features.bfd.packet import ControlPacket
    from dmvpn.features.bfd.session import Session

_CLAUSE: Final = "RFC 5880 §6.7"
_NOTHING: Final = "nothing"


class Seals:
    """Seals and opens. key_chains: those of the configuration."""

    def __init__(self, ports: Ports, key_chains: Pages[KeyChain] | tuple[KeyChain, ...]) -> None:
        self._key_chains = key_chains
        self._ports = ports

    def sealed(self, packet: ControlPacket, session: Session, now: float) -> bytes | None:
        """Return the octets of a packet; None: it must be sealed, and there is no key for it now."""
        wanted = session.parameters.authentication if session.parameters is not None else None
        if wanted is None:
            return packet.serialize()
        key = self._key(wanted.chain, now)
        if key is None:
            session.disbelieve(Reason(BfdReason.NO_KEY, (wanted.chain,), now))
            return None
        text = key.text.encode()
        more = 3 + len(text[:16]) if wanted.type.word == "password" else wanted.type.length
        sequence = session.next_sequence(self._ports.entropy)
        return seal(packet.serialize(more), wanted.type, key.number, text, sequence)

    def check(self, packet: ControlPacket, octets: bytes, session: Session, now: float) -> None:
        """Check that it is sealed as configured. Raises WireError; the session keeps the reason."""
        wanted = session.parameters.authentication if session.parameters is not None else None
        given = packet.authentication
        here, there = (wanted.type.word if wanted else _NOTHING), (given.type.word if given else _NOTHING)
        if here != there:
            session.disbelieve(Reason(BfdReason.OTHER_AUTHENTICATION, (here, there), now))
            raise Dropped(Drop.AUTH_FAILED, f"authentication: {here} here, {there} there", offset=1, clause=_CLAUSE)
        if wanted is None or given is None:
            session.believe()
            return
        keys = [key for key in self._accepted(wanted.chain, now) if key.number == given.key]
        if not any(is_genuine(octets, given, key.text.encode()) for key in keys):
            session.disbelieve(Reason(BfdReason.WRONG_DIGEST, (given.key,), now))
            raise Dropped(Drop.AUTH_FAILED, f"the digest is wrong (key {given.key})", offset=24, clause=_CLAUSE)
        last = session.remote_sequence
        if last is not None and now < session.received.last + 2 * session.patience:
            meticulous = given.type.is_meticulous
            if not may_follow(given.sequence, last, packet.multiplier, meticulous=meticulous):
                session.disbelieve(Reason(BfdReason.OLD_NUMBER, (given.sequence,), now))
                raise Dropped(
                    Drop.AUTH_SEQUENCE, f"sequence number {given.sequence} after {last}", offset=28, clause=_CLAUSE
                )
        session.believe(given.sequence)

    def _chain(self, name: str) -> KeyChain | None:
        return next((chain for chain in self._key_chains if chain.name == name), None)

    def _key(self, name: str, now: float) -> Key | None:
        chain = self._chain(name)
        key = chain.sending(self._ports.clock, now) if chain is not None else None
        return key if key is not None and key.number <= LAST_KEY else None

    def _accepted(self, name: str, now: float) -> tuple[Key, ...]:
        chain = self._chain(name)
        return chain.accepting(self._ports.clock, now) if chain is not None else ()
