"""Offers and choices of IKEv1: the proposals that we make, the transform of the peer's that we take, and mismatches.

RFC 2408 §4.2, RFC 2409 §5: a transform is a whole suite, and the responder returns one transform of one proposal as it
came. Its own order decides, as with IKEv2. An initiator compares what the answer means, not its octets: strongSwan
numbers proposals and transforms again, and writes their attributes in an order of its own.

Attributes of a transform become a `Suite` with the numbers of `ike/numbers.py`, a lifetime and a choice, and the
reverse: RFC 2409 appendix A for ISAKMP SAs, RFC 2407 §4.5 for SAs of ESP. The choice is what IKEv2 says in other
payloads: the authentication method of an ISAKMP SA, or the encapsulation mode of SAs of ESP.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.crypto import PRFS, PrfAlgorithm
from dmvpn.features.ike.crypto.material import BlockCipher
from dmvpn.features.ike.numbers import Encr, Esn, Group, Integ, Prf, ProtocolId, TransformType
from dmvpn.features.ike.reasons import AlgorithmKind, IkeReason, listed
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.v1.numbers import (
    KEY_IKE,
    AuthMethod,
    EncapsulationMode,
    Encryption,
    EspAttribute,
    EspAuth,
    HashAlgorithm,
    IkeAttribute,
    LifeType,
)
from dmvpn.features.ike.v1.proposals import Attribute, Proposal, Transform

# ------------------------------------------------------------------------------------------------ transforms


_ENCRS: Final[dict[int, Encr]] = {Encryption.TRIPLE_DES_CBC: Encr.TRIPLE_DES, Encryption.AES_CBC: Encr.AES_CBC}
_PRFS: Final[dict[int, Prf]] = {
    HashAlgorithm.MD5: Prf.HMAC_MD5,
    HashAlgorithm.SHA1: Prf.HMAC_SHA1,
    HashAlgorithm.SHA2_256: Prf.HMAC_SHA2_256,
    HashAlgorithm.SHA2_384: Prf.HMAC_SHA2_384,
    HashAlgorithm.SHA2_512: Prf.HMAC_SHA2_512,
}
_INTEGS: Final[dict[int, Integ]] = {
    EspAuth.NONE: Integ.NONE,
    EspAuth.HMAC_MD5: Integ.HMAC_MD5_96,
    EspAuth.HMAC_SHA1: Integ.HMAC_SHA1_96,
    EspAuth.HMAC_SHA2_256: Integ.HMAC_SHA2_256_128,
    EspAuth.HMAC_SHA2_384: Integ.HMAC_SHA2_384_192,
    EspAuth.HMAC_SHA2_512: Integ.HMAC_SHA2_512_256,
}
#: A value that no algorithm has, for numbers that we do not know.
_UNKNOWN: Final = -1
_64_BITS: Final = 1
#: Seconds and kilobytes; more means the same.
_LONGEST_LIFE: Final = 0xFFFFFFFF
_LARGEST_NAMED: Final = 0xFFFF
#: Seconds that SAs of both phases live if their transform does not say: RFC 2407 §4.5. RFC 2409 leaves it open.
DEFAULT_LIFETIME: Final = 28_800
#: Seconds and kilobytes: we keep an SA for as long whatever the peer says, because each successor may cost a
#: Diffie-Hellman. The peer deletes it earlier if it likes.
SHORTEST_LIFETIME: Final = 10
LEAST_KILOBYTES: Final = 2560

_OF_IKE: Final = frozenset(
    (
        *(IkeAttribute.ENCRYPTION, IkeAttribute.HASH, IkeAttribute.AUTHENTICATION),
        *(IkeAttribute.GROUP, IkeAttribute.KEY_LENGTH),
    )
)
_OF_ESP: Final = frozenset(
    (
        *(EspAttribute.GROUP, EspAttribute.ENCAPSULATION, EspAttribute.AUTHENTICATION),
        *(EspAttribute.KEY_LENGTH, EspAttribute.SEQUENCE_NUMBERS),
    )
)


class Lifetime(NamedTuple):
    """How long an SA lives. 0: not limited."""

    seconds: int = 0
    kilobytes: int = 0

    def shorter(self, other: Lifetime) -> Lifetime:
        """Return what both ends keep to: the shorter of both times, and of both amounts."""
        seconds = [each for each in (self.seconds, other.seconds) if each]
        kilobytes = [each for each in (self.kilobytes, other.kilobytes) if each]
        return Lifetime(min(seconds, default=0), min(kilobytes, default=0))

    @property
    def kept(self) -> Lifetime:
        """How long we keep an SA at least, if this was agreed on."""
        seconds = max(self.seconds, SHORTEST_LIFETIME) if self.seconds else 0
        return Lifetime(seconds, max(self.kilobytes, LEAST_KILOBYTES) if self.kilobytes else 0)


class TransformTerms(NamedTuple):
    """The meaning of a transform.

    choice: authentication method, or encapsulation mode.
    """

    suite: Suite
    choice: int
    lifetime: Lifetime = Lifetime()


# ------------------------------------------------------------------------------------------------------------- writing


def write(protocol: ProtocolId, number: int, terms: TransformTerms) -> Transform:
    """Return our transform, with its attributes in the order of IOS. Raises KeyError for a suite without numbers."""
    if protocol == ProtocolId.IKE:
        return Transform(number, KEY_IKE, tuple(Attribute.of(*pair) for pair in _ike_pairs(terms)))
    return Transform(number, terms.suite.encr, tuple(Attribute.of(*pair) for pair in _esp_pairs(terms)))


def _ike_pairs(terms: TransformTerms) -> list[tuple[int, int]]:
    suite = terms.suite
    return [
        (IkeAttribute.ENCRYPTION, _reverse(_ENCRS)[suite.encr]),
        *([(IkeAttribute.KEY_LENGTH, suite.key_bits)] if suite.key_bits else []),
        (IkeAttribute.HASH, _reverse(_PRFS)[suite.prf]),
        (IkeAttribute.GROUP, suite.group),
        (IkeAttribute.AUTHENTICATION, terms.choice),
        *_life_pairs(terms.lifetime, IkeAttribute.LIFE_TYPE, IkeAttribute.LIFE_DURATION),
    ]


def _esp_pairs(terms: TransformTerms) -> list[tuple[int, int]]:
    suite = terms.suite
    pairs = [
        (EspAttribute.AUTHENTICATION, _reverse(_INTEGS)[suite.integ]),
        (EspAttribute.KEY_LENGTH, suite.key_bits),
        (EspAttribute.GROUP, suite.group),
        (EspAttribute.SEQUENCE_NUMBERS, _64_BITS if suite.esn == Esn.YES else 0),
    ]
    return [
        (EspAttribute.ENCAPSULATION, terms.choice),
        *_life_pairs(terms.lifetime, EspAttribute.LIFE_TYPE, EspAttribute.LIFE_DURATION),
        *(pair for pair in pairs if pair[1]),
    ]


def _life_pairs(lifetime: Lifetime, kind: int, duration: int) -> list[tuple[int, int]]:
    values = ((LifeType.SECONDS, lifetime.seconds), (LifeType.KILOBYTES, lifetime.kilobytes))
    return [pair for unit, value in values if value for pair in ((kind, unit), (duration, value))]


def _reverse(numbers: dict[int, Encr] | dict[int, Prf] | dict[int, Integ]) -> dict[int, int]:
    return {value: number for number, value in numbers.items()}


# ------------------------------------------------------------------------------------------------------------- reading


def read(protocol: int, transform: Transform) -> TransformTerms | None:
    """Return what a transform means; None: it has an attribute that we do not know, twice, or in a wrong place."""
    values, lifetime = _values(protocol, transform)
    if lifetime is None:
        return None
    if protocol == ProtocolId.IKE:
        return _read_ike(values, lifetime) if transform.id == KEY_IKE and values.keys() <= _OF_IKE else None
    if values.keys() <= _OF_ESP and values.get(EspAttribute.SEQUENCE_NUMBERS, _64_BITS) == _64_BITS:
        suite = Suite(
            transform.id,
            values.get(EspAttribute.KEY_LENGTH, 0),
            0,
            _INTEGS.get(values.get(EspAttribute.AUTHENTICATION, 0), _UNKNOWN),
            values.get(EspAttribute.GROUP, 0),
            Esn.YES if EspAttribute.SEQUENCE_NUMBERS in values else Esn.NO,
        )
        return TransformTerms(suite, values.get(EspAttribute.ENCAPSULATION, 0), lifetime)
    return None


def _read_ike(values: dict[int, int], lifetime: Lifetime) -> TransformTerms:
    suite = Suite(
        _ENCRS.get(values.get(IkeAttribute.ENCRYPTION, 0), _UNKNOWN),
        values.get(IkeAttribute.KEY_LENGTH, 0),
        _PRFS.get(values.get(IkeAttribute.HASH, 0), _UNKNOWN),
        Integ.NONE,
        values.get(IkeAttribute.GROUP, 0),
    )
    return TransformTerms(suite, values.get(IkeAttribute.AUTHENTICATION, 0), lifetime)


def _values(protocol: int, transform: Transform) -> tuple[dict[int, int], Lifetime | None]:
    """Return the first value of each attribute but lifetimes, and the lifetime; None: attributes contradict."""
    of_ike = protocol == ProtocolId.IKE
    kind = IkeAttribute.LIFE_TYPE if of_ike else EspAttribute.LIFE_TYPE
    duration = IkeAttribute.LIFE_DURATION if of_ike else EspAttribute.LIFE_DURATION
    values: dict[int, int] = {}
    lives: dict[int, int] = {}
    unit, is_sound = 0, True
    for attribute in transform.attributes:
        if attribute.kind == kind:
            unit = attribute.value
        elif attribute.kind == duration:
            is_sound = is_sound and unit in (LifeType.SECONDS, LifeType.KILOBYTES) and unit not in lives
            lives[unit] = min(attribute.value, _LONGEST_LIFE)
        else:
            is_sound = is_sound and attribute.kind not in values
            values.setdefault(attribute.kind, attribute.value)
    if not is_sound:
        return values, None
    return values, Lifetime(lives.get(LifeType.SECONDS, 0), lives.get(LifeType.KILOBYTES, 0))


# -------------------------------------------------------------------------------------------------------------- naming


def names(protocol: int, transform: Transform) -> dict[TransformType, str]:
    """Return the names of the algorithms of a transform, known to us or not; "" if an algorithm is absent."""
    values, _ = _values(protocol, transform)
    if protocol == ProtocolId.IKE:
        cipher = values.get(IkeAttribute.ENCRYPTION, 0)
        encr = _ENCRS[cipher].name if cipher in _ENCRS else name_of(Encryption, cipher)
        hashed = values.get(IkeAttribute.HASH, 0)
        return {
            TransformType.ENCR: _with_bits(encr, values.get(IkeAttribute.KEY_LENGTH, 0)),
            TransformType.PRF: _PRFS[hashed].name if hashed in _PRFS else name_of(HashAlgorithm, hashed),
            TransformType.KE: name_of(Group, values.get(IkeAttribute.GROUP, 0)),
        }
    auth, group = values.get(EspAttribute.AUTHENTICATION, 0), values.get(EspAttribute.GROUP, 0)
    integ = _INTEGS[auth].name if auth in _INTEGS else name_of(EspAuth, auth)
    return {
        TransformType.ENCR: _with_bits(name_of(Encr, transform.id), values.get(EspAttribute.KEY_LENGTH, 0)),
        TransformType.INTEG: integ if auth else "",
        TransformType.KE: name_of(Group, group) if group else "",
    }


def choice_name(protocol: int, transform: Transform) -> str:
    """Return the name of the authentication method, or of the encapsulation mode."""
    values, _ = _values(protocol, transform)
    if protocol == ProtocolId.IKE:
        return name_of(AuthMethod, values.get(IkeAttribute.AUTHENTICATION, 0))
    return name_of(EncapsulationMode, values.get(EspAttribute.ENCAPSULATION, 0))


def name_of(kind: type[enum.IntEnum], value: int) -> str:
    """Return the name of a number; an unknown one is its own name."""
    try:
        return kind(value).name
    except ValueError:
        return str(value) if value <= _LARGEST_NAMED else "a large number"


def _with_bits(name: str, bits: int) -> str:
    return f"{name}_{bits if bits <= _LARGEST_NAMED else 'large'}" if bits else name


# ------------------------------------------------------------------------------------------------ offers and choices


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


class Wanted(Value):
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
    return Wanted(ProtocolId.ESP, tuple([TransformTerms(suite, mode, lifetime) for suite in suites for mode in modes]))


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


class ChosenOffer(Value):
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
    numbers = [offer.number for offer in theirs]
    for offer in theirs:
        if offer.protocol == protocol and numbers.count(offer.number) == 1:
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
