"""Child SAs: pairs of ESP SAs that a session has agreed on, by either version of IKE."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import Mutable, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ike.chain import TrafficSelector
    from dmvpn.features.ike.peer_settings import ChildTerms
    from dmvpn.features.ike.suites import Suite

#: Seconds for which a replaced child SA still takes packets that were on their way.
LINGER: Final = 5.0


class EspKeys(Value):
    """Keys of one direction.

    cipher: with the salt of an AEAD at its end.
    integrity: empty for an AEAD.
    """

    cipher: bytes = field(repr=False)
    integrity: bytes = field(repr=False)


_NO_KEYS: Final = EspKeys(b"", b"")


class ChildSa(Value, kw_only=True):
    """A pair of ESP SAs.

    spi_in: ours, that the peer puts into what it sends; 4 octets.
    spi_out: the peer's; 4 octets.
    udp: in UDP port 4500.
    lowest_nonce: of the exchange that made it, for the rule about simultaneous rekeys (§2.8.1).
    eager: our packets take it at once; else when the peer's do, or when there is no other.
    """

    spi_in: bytes
    spi_out: bytes
    suite: Suite
    keys_in: EspKeys
    keys_out: EspKeys
    transport: bool
    udp: bool
    local: tuple[TrafficSelector, ...]
    remote: tuple[TrafficSelector, ...]
    terms: ChildTerms
    since: float
    rekey_at: float
    lowest_nonce: bytes
    eager: bool

    @property
    def expires(self) -> float:
        """When it is given up even without a successor, seconds monotonic."""
        return self.since + self.terms.seconds


class Children(Mutable):
    """All child SAs of one IKE SA, by their inbound SPI, oldest first.

    lingering: only wait for late packets, until then.
    rekeying: are being replaced.
    rivals: the peer replaced them while we do the same; with the lowest nonce of its exchange.
    """

    active: dict[bytes, ChildSa] = field(default_factory=dict)
    lingering: dict[bytes, float] = field(default_factory=dict)
    rekeying: dict[bytes, None] = field(default_factory=dict)
    rivals: dict[bytes, bytes] = field(default_factory=dict)

    def __iter__(self) -> Iterator[ChildSa]:
        return iter(tuple(self.active.values()))

    def __len__(self) -> int:
        return len(self.active)

    def add(self, child: ChildSa) -> None:
        """Add a pair that can carry packets."""
        self.active[child.spi_in] = child

    def end(self, spi_in: bytes, until: float) -> bool:
        """End it, and let it linger until then. Returns False if it is not there."""
        if self.active.pop(spi_in, None) is None:
            return False
        self.rekeying.pop(spi_in, None)
        self.lingering[spi_in] = until
        return True

    def forget_lingering(self, now: float) -> list[bytes]:
        """Forget the pairs that have lingered long enough, and return their inbound SPIs."""
        due = [spi for spi, until in self.lingering.items() if now >= until]
        for spi in due:
            del self.lingering[spi]
        return due

    def adopt(self, other: Children) -> None:
        """Take over all children of another session with the same peer. A rekey that it has begun must begin again."""
        self.active.update(other.active)
        self.lingering.update(other.lingering)
        other.active, other.lingering, other.rekeying = {}, {}, {}

    def begin_rekey(self, spi_in: bytes) -> bool:
        """Note that it is being replaced. Returns False if it is so already, or not there."""
        if spi_in not in self.active or spi_in in self.rekeying:
            return False
        self.rekeying[spi_in] = None
        return True

    def postpone(self, spi_in: bytes, when: float) -> None:
        """Replace it at this moment: it could not be replaced just now."""
        child = self.active.get(spi_in)
        if child is not None:
            self.rekeying.pop(spi_in, None)
            self.active[spi_in] = replace(child, rekey_at=when)

    def newest_like(self, child: ChildSa) -> ChildSa | None:
        """Return the newest pair for the same packets under the same IPsec profile."""
        alike = [
            each
            for each in self.active.values()
            if (each.terms.profile, each.local, each.remote) == (child.terms.profile, child.local, child.remote)
        ]
        return max(alike, key=lambda each: each.since, default=None)

    def crossed(self, spi_in: bytes, lowest: bytes) -> None:
        """Note that the peer has replaced it while we do."""
        self.rivals[spi_in] = lowest

    def take_rival(self, spi_in: bytes) -> bytes | None:
        """Return the lowest nonce of the exchange by which the peer replaced it while we did, once."""
        return self.rivals.pop(spi_in, None)

    def forget_keys(self, spi_in: bytes) -> None:
        """Forget its keys: the data plane has them now, and no other part needs them."""
        child = self.active.get(spi_in)
        if child is not None:
            self.active[spi_in] = replace(child, keys_in=_NO_KEYS, keys_out=_NO_KEYS)

    def by_outbound(self, spi: bytes) -> ChildSa | None:
        """Return the child SA that the peer knows by this SPI of its own."""
        return next((child for child in self.active.values() if child.spi_out == spi), None)
