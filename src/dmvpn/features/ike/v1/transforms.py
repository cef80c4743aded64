"""What transforms of IKEv1 mean: their attributes as a `Suite`, a lifetime and a choice, and the reverse.

RFC 2409 appendix A for ISAKMP SAs, RFC 2407 §4.5 for SAs of ESP. A suite has the numbers of `ike/numbers.py`. The
choice is what IKEv2 says in other payloads: the authentication method of an ISAKMP SA, or the encapsulation mode of SAs
of ESP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ike.numbers import Encr, Esn, Group, Integ, Prf, ProtocolId, TransformType
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
from dmvpn.features.ike.v1.proposals import Attribute, Transform

if TYPE_CHECKING:
    import enum

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


@dataclass(frozen=True, slots=True)
class Lifetime:
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


@dataclass(frozen=True, slots=True)
class TransformTerms:
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
        return _read_esp(transform.id, values, lifetime)
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


def _read_esp(cipher: int, values: dict[int, int], lifetime: Lifetime) -> TransformTerms:
    suite = Suite(
        cipher,
        values.get(EspAttribute.KEY_LENGTH, 0),
        0,
        _INTEGS.get(values.get(EspAttribute.AUTHENTICATION, 0), _UNKNOWN),
        values.get(EspAttribute.GROUP, 0),
        Esn.YES if EspAttribute.SEQUENCE_NUMBERS in values else Esn.NO,
    )
    return TransformTerms(suite, values.get(EspAttribute.ENCAPSULATION, 0), lifetime)


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
