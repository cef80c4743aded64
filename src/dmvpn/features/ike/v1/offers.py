"""Offers and choices of IKEv1: the proposals that we make, the transform of the peer's that we take, and mismatches.

RFC 2408 §4.2, RFC 2409 §5: a transform is a whole suite, and the responder returns one transform of one proposal as it
came. Its own order decides, as with IKEv2. An initiator compares what the answer means, not its octets: strongSwan
numbers proposals and transforms again, and writes their attributes in an order of its own.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ike.crypto import PRFS, PrfAlgorithm
from dmvpn.features.ike.crypto.blocks import BlockCipher
from dmvpn.features.ike.numbers import Encr, Prf, ProtocolId, TransformType
from dmvpn.features.ike.reasons import AlgorithmKind, IkeReason, listed
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.v1.numbers import EncapsulationMode
from dmvpn.features.ike.v1.proposals import Proposal
from dmvpn.features.ike.v1.transforms import Lifetime, TransformTerms, choice_name, names, read, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.features.ike.v1.proposals import Transform

#: Of an ISAKMP SA: cipher, and octets of its key where no attribute says them; hash.
CIPHERS: Final = {Encr.AES_CBC: (BlockCipher.AES, 0), Encr.TRIPLE_DES: (BlockCipher.TRIPLE_DES, 24)}
HASHES: Final = {**PRFS, Prf.HMAC_MD5: PrfAlgorithm.MD5}
#: The number of transforms has one octet.
_MOST_TRANSFORMS: Final = 255
_KINDS: Final[dict[ProtocolId, tuple[TransformType, ...]]] = {
    ProtocolId.IKE: (TransformType.ENCR, TransformType.PRF, TransformType.KE),
    ProtocolId.ESP: (TransformType.ENCR, TransformType.INTEG, TransformType.KE),
}
_UDP: Final = (EncapsulationMode.UDP_TRANSPORT, EncapsulationMode.UDP_TRANSPORT_DRAFT)
_UDP_TUNNEL: Final = (EncapsulationMode.UDP_TUNNEL, EncapsulationMode.UDP_TUNNEL_DRAFT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What we offer, or accept: transforms, the best first."""

    protocol: ProtocolId
    terms: tuple[TransformTerms, ...]

    def offer(self, spi: bytes = b"") -> tuple[Proposal, ...]:
        """Return our proposals: one with all transforms. spi: ours, for ESP."""
        transforms = tuple(write(self.protocol, *each) for each in enumerate(self.terms[:_MOST_TRANSFORMS], 1))
        return (Proposal(1, self.protocol, spi, transforms),) if transforms else ()

    def describe(self) -> str:
        """Return our transforms for people."""
        transforms = [transform for offer in self.offer() for transform in offer.transforms]
        return _listed(" ".join(filter(None, names(self.protocol, each).values())) for each in transforms)


def ike_wanted(wanted: Iterable[tuple[Suite, float, int]]) -> Wanted:
    """Return what we want of an ISAKMP SA. Suites that IKEv1 cannot have are left out: AEAD, or no hash.

    wanted: suites, each with its lifetime in seconds and its method of authentication, the best first.
    """
    possible = (
        TransformTerms(Suite(suite.encr, suite.key_bits, suite.prf, group=suite.group), method, Lifetime(int(lifetime)))
        for suite, lifetime, method in wanted
        if suite.encr in CIPHERS and suite.prf in HASHES
    )
    return Wanted(ProtocolId.IKE, tuple(dict.fromkeys(possible)))


def esp_wanted(suites: Iterable[Suite], modes: tuple[int, ...], lifetime: Lifetime) -> Wanted:
    """Return what we want of SAs of ESP: each suite in each of these encapsulation modes, the best first."""
    return Wanted(
        ProtocolId.ESP, tuple(TransformTerms(suite, mode, lifetime) for suite, mode in product(suites, modes))
    )


def encapsulation_modes(*, transport: bool, udp: bool, may_tunnel: bool = False) -> tuple[EncapsulationMode, ...]:
    """Return the modes that we accept, of which an initiator offers the first. RFC 3947 §5.1.

    udp: there is a NAT between us.
    may_tunnel: tunnel mode is accepted from a peer that insists.
    """
    in_transport = _UDP if udp else (EncapsulationMode.TRANSPORT,)
    in_tunnel = _UDP_TUNNEL if udp else (EncapsulationMode.TUNNEL,)
    if not transport:
        return in_tunnel
    return (*in_transport, *in_tunnel) if may_tunnel else in_transport


def is_transport(mode: int) -> bool:
    """Return whether a mode is transport mode, in UDP or not."""
    return mode in (EncapsulationMode.TRANSPORT, *_UDP)


def is_in_udp(mode: int) -> bool:
    """Return whether a mode puts ESP into UDP."""
    return mode in (*_UDP, *_UDP_TUNNEL)


@dataclass(frozen=True, slots=True)
class ChosenOffer:
    """The transform that the responder takes, and its meaning, with the shorter lifetime of both ends."""

    terms: TransformTerms
    offer: Proposal
    transform: Transform

    def answer(self, spi: bytes = b"") -> Proposal:
        """Return the one proposal of the response. spi: ours, for ESP."""
        return Proposal(self.offer.number, self.offer.protocol, spi, (self.transform,))


def choose(wanted: Wanted, theirs: tuple[Proposal, ...]) -> ChosenOffer | None:
    """Return the transform that we want most; None: no transform is acceptable."""
    places: dict[tuple[Suite, int], int] = {}
    for place, mine in enumerate(wanted.terms):
        places.setdefault((mine.suite, mine.choice), place)
    offered = [each for each in _offered(wanted.protocol, theirs) if (each[0].suite, each[0].choice) in places]
    if not offered:
        return None
    terms, offer, transform = min(offered, key=lambda each: places[each[0].suite, each[0].choice])
    return ChosenOffer(_agreed(wanted.terms[places[terms.suite, terms.choice]], terms), offer, transform)


def accepted(wanted: Wanted, answer: tuple[Proposal, ...]) -> TransformTerms | None:
    """Return what the responder took; None: it is not one transform of ours (RFC 2408 §4.2)."""
    found = list(_offered(wanted.protocol, answer))
    if len(answer) != 1 or len(answer[0].transforms) != 1 or not found:
        return None
    terms = found[0][0]
    mine = next((each for each in wanted.terms if (each.suite, each.choice) == (terms.suite, terms.choice)), None)
    return _agreed(mine, terms) if mine is not None else None


def _agreed(ours: TransformTerms, theirs: TransformTerms) -> TransformTerms:
    return TransformTerms(theirs.suite, theirs.choice, theirs.lifetime.shorter(ours.lifetime))


def _offered(
    protocol: ProtocolId, theirs: tuple[Proposal, ...]
) -> Iterator[tuple[TransformTerms, Proposal, Transform]]:
    """Yield each transform of a protocol that we understand. Proposals that are wanted together are left out."""
    numbers = Counter(offer.number for offer in theirs)
    for offer in theirs:
        if offer.protocol == protocol and numbers[offer.number] == 1:
            for transform in offer.transforms:
                if terms := read(protocol, transform):
                    yield terms, offer, transform


def mismatch(wanted: Wanted, theirs: tuple[Proposal, ...]) -> Reason:
    """Return why nothing fits, for the log: the first type of algorithm on which no transforms agree."""
    protocol = wanted.protocol
    mine = [transform for offer in wanted.offer() for transform in offer.transforms]
    yours = [transform for offer in theirs if offer.protocol == protocol for transform in offer.transforms]
    named = [[names(protocol, each) for each in side] for side in (mine, yours)]
    for kind in _KINDS[protocol]:
        ours, others = ([each[kind] for each in side] for side in named)
        if not set(ours) & set(others):
            return Reason(IkeReason.MISMATCH, (AlgorithmKind(kind), _listed(ours), _listed(others)))
    ours, others = ([choice_name(protocol, each) for each in side] for side in (mine, yours))
    if not set(ours) & set(others):
        reason = IkeReason.AUTHENTICATION if protocol == ProtocolId.IKE else IkeReason.ENCAPSULATION
        return Reason(reason, (_listed(ours), _listed(others)))
    return Reason(IkeReason.NO_COMBINATION)


def _listed(found: Iterable[str]) -> str:
    return listed(name for name in dict.fromkeys(found) if name)
