"""Both versions of IKE as one: a datagram goes to its version, and a session to the version that speaks it.

Octet 17 of a datagram says its version (RFC 2408 §3.1, RFC 7296 §3.1). IKEv2 refuses octets that are no header at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from dmvpn.base.addresses import Ends
from dmvpn.base.context import earliest
from dmvpn.base.entropy import Entropy
from dmvpn.base.notices import Notice
from dmvpn.base.protection import IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import version_of
from dmvpn.features.ike.peer_settings import ChildTerms, DatagramPath, PeerSettings, Terms
from dmvpn.features.ike.session import Established, Output, Session, StartedAgain
from dmvpn.features.ike.table import HalfOpen
from dmvpn.features.ike.v1.sas import IsakmpSas
from dmvpn.features.ike.v2.sas import IkeSas


class Versions:
    """All sessions: v1 has those of IKEv1, v2 those of IKEv2.

    What these return are outputs, to be followed. A session that is given to them is one of theirs.
    """

    def __init__(self, settings: PeerSettings, entropy: Entropy) -> None:
        self._half_open = HalfOpen()
        self.v1, self.v2 = IsakmpSas(settings, entropy, self._half_open), IkeSas(settings, entropy, self._half_open)

    def _of(self, version: IkeVersion) -> IsakmpSas | IkeSas:
        return self.v1 if version is IkeVersion.V1 else self.v2

    def _by(self, octets: bytes) -> IsakmpSas | IkeSas:
        return self._of(version_of(octets))

    def _followed(self, outputs: list[Output]) -> list[Output]:
        """Drop what the other version has with a peer that has forgotten us."""
        forgotten: list[Output] = []
        for output in outputs:
            if (isinstance(output, Established) and output.sa.is_alone) or isinstance(output, StartedAgain):
                other = self.v2 if output.sa.version is IkeVersion.V1 else self.v1
                forgotten += other.forget_older(output.sa)
        return outputs + forgotten

    def __iter__(self) -> Iterator[Session]:
        yield from self.v1
        yield from self.v2

    def get(self, own_spi: bytes) -> Session | None:
        """Return the session to which we gave this SPI or cookie."""
        return self.v2.get(own_spi) or self.v1.get(own_spi)

    def knows(self, octets: bytes, path: DatagramPath) -> bool:
        """Return whether this is a message with an SPI of ours, and came in the front door of that session."""
        return self._by(octets).knows(octets, path)

    def half_open(self, ends: Ends) -> Session | None:
        """Return the session that a peer began last between these addresses, if the peer has not proved itself yet."""
        return self._half_open.newest(ends)

    def limit(self, cookies_from: int, largest_number: int, largest_half_open: int) -> None:
        """Take over the configured limits, for each version; 0: the default."""
        self._half_open.permit(largest_half_open)
        self.v1.limit(cookies_from, largest_number, largest_half_open)
        self.v2.limit(cookies_from, largest_number, largest_half_open)

    def initiate(self, path: DatagramPath, terms: Terms, now: float) -> tuple[Session, list[Output]]:
        """Begin a session with its first child, in the version that the terms name."""
        return self._of(terms.version).initiate(path, terms, now)

    def extend(self, session: Session, terms: ChildTerms, now: float) -> list[Output]:
        """Ask for another child."""
        return self._followed(self._of(session.version).extend(session, terms, now))

    def probe(self, session: Session, now: float) -> list[Output]:
        """Ask the peer whether it lives."""
        return self._followed(self._of(session.version).probe(session, now))

    def renew(self, session: Session, spi_in: bytes, now: float) -> list[Output]:
        """Replace a child."""
        return self._followed(self._of(session.version).renew(session, spi_in, now))

    def move(self, session: Session, path: DatagramPath, now: float) -> list[Output]:
        """Reach the peer there, as packets of its children have proved."""
        return self._followed(self._of(session.version).move(session, path, now))

    def close(self, session: Session, reason: Reason, now: float) -> list[Output]:
        """End a session, with a message to the peer if the peer believes in it."""
        return self._followed(self._of(session.version).close(session, reason, now))

    def handle(self, octets: bytes, path: DatagramPath, now: float) -> list[Output]:
        """Take in a datagram. Never raises, whatever the octets are."""
        return self._followed(self._by(octets).handle(octets, path, now))

    def complaint(self, spi: int, version: IkeVersion) -> bytes:
        """Return a message, outside of any session, that there is no child with this inbound SPI."""
        return self._of(version).complaint(spi)

    def passed(self, octets: bytes, path: DatagramPath, *, sent: bool) -> list[Notice]:
        """Return the line of the chronicle about a datagram; none if it cannot be read."""
        return self._by(octets).passed(octets, path, sent=sent)

    def lines(self, octets: bytes, path: DatagramPath, *, sent: bool) -> list[str]:
        """Return what debugs say of a datagram, as far as it is not sealed."""
        return self._by(octets).lines(octets, path, sent=sent)

    def next_deadline(self) -> float | None:
        """Return when `tick` must be called."""
        return earliest(self.v1.next_deadline(), self.v2.next_deadline())

    def tick(self, now: float) -> list[Output]:
        """Act on the time that has passed."""
        return self._followed(self.v1.tick(now) + self.v2.tick(now))
