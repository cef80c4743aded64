"""Offers and choices: which proposals we make, which of the peer's we take, and what to say when none fits.

RFC 7296 §2.7: the responder takes one proposal whole, and one transform of each type in it. Its own order decides, so
that an administrator who prefers GCM gets it also where the peer lists it last; but a group of which the peer has sent
a public value already comes before those that would cost another round trip.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

from dmvpn.features.ikev2.crypto.sealing import Cipher, cipher_of
from dmvpn.features.ikev2.wire.numbers import Encr, Esn, Group, Integ, ProtocolId, TransformType
from dmvpn.features.ikev2.wire.proposals import Proposal, Transform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TYPES_OF_IKE: Final = (TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE)
_TYPES_OF_ESP: Final = (TransformType.ENCR, TransformType.INTEG, TransformType.KE, TransformType.ESN)
_AEAD: Final = (Encr.AES_GCM_8, Encr.AES_GCM_12, Encr.AES_GCM_16, Encr.CHACHA20_POLY1305)
_WORDS: Final = {
    TransformType.ENCR: "encryption",
    TransformType.PRF: "prf",
    TransformType.INTEG: "integrity",
    TransformType.KE: "group",
    TransformType.ESN: "extended sequence numbers",
}


@dataclass(frozen=True, slots=True)
class Suite:
    """One algorithm of each type, as both sides have agreed. group: 0 without (a child SA without PFS)."""

    encr: int
    key_bits: int
    prf: int = 0
    integ: int = Integ.NONE
    group: int = Group.NONE
    esn: int = Esn.NO

    @property
    def cipher(self) -> Cipher:
        """What protects the messages of an IKE SA with this suite. Raises ValueError if we have no such cipher."""
        cipher = cipher_of(self.encr, self.key_bits, self.integ)
        if cipher is None:
            raise ValueError(f"no cipher {self.encr} with {self.key_bits} bits and integrity {self.integ}")
        return cipher

    def transforms(self, kinds: tuple[TransformType, ...]) -> tuple[Transform, ...]:
        """As the responder writes it down."""
        values = {
            TransformType.ENCR: Transform(TransformType.ENCR, self.encr, self.key_bits),
            TransformType.PRF: Transform(TransformType.PRF, self.prf),
            TransformType.INTEG: Transform(TransformType.INTEG, self.integ),
            TransformType.KE: Transform(TransformType.KE, self.group),
            TransformType.ESN: Transform(TransformType.ESN, self.esn),
        }
        absent = {kind for kind in (TransformType.INTEG, TransformType.KE) if not values[kind].id}
        return tuple(values[kind] for kind in kinds if kind not in absent)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the responder takes: the suite, and the offer it stands in (its number and SPI go into the answer)."""

    suite: Suite
    offer: Proposal

    def answer(self, spi: bytes) -> Proposal:
        """The one proposal of the response. spi: ours."""
        kinds = _TYPES_OF_IKE if self.offer.protocol == ProtocolId.IKE else _TYPES_OF_ESP
        return replace(self.offer, spi=spi, transforms=self.suite.transforms(kinds))


def ike_offer(suites: Iterable[Suite], spi: bytes = b"") -> tuple[Proposal, ...]:
    """Proposals for an IKE SA: AEAD ciphers in one, the others in another (RFC 5282 §8)."""
    return _offers(tuple(suites), ProtocolId.IKE, _TYPES_OF_IKE, spi)


def esp_offer(suites: Iterable[Suite], spi: bytes) -> tuple[Proposal, ...]:
    """Proposals for a child SA. spi: ours, to which the peer will send; one for all proposals."""
    return _offers(tuple(suites), ProtocolId.ESP, _TYPES_OF_ESP, spi)


def _offers(
    suites: tuple[Suite, ...], protocol: ProtocolId, kinds: tuple[TransformType, ...], spi: bytes
) -> tuple[Proposal, ...]:
    """As few proposals as say exactly these suites: suites are merged while every combination is one that we want."""
    merged: list[list[Suite]] = []
    for suite in suites:
        for group in merged:
            if _is_closed([*group, suite], suites, kinds):
                group.append(suite)
                break
        else:
            merged.append([suite])
    return tuple(
        Proposal(number, protocol, spi, tuple(_transforms(group, kinds))) for number, group in enumerate(merged, 1)
    )


def _transforms(group: list[Suite], kinds: tuple[TransformType, ...]) -> Iterator[Transform]:
    for kind in kinds:
        yield from dict.fromkeys(
            transform for suite in group for transform in suite.transforms(kinds) if transform.type == kind
        )


def _is_closed(group: list[Suite], wanted: tuple[Suite, ...], kinds: tuple[TransformType, ...]) -> bool:
    if len({suite.encr in _AEAD for suite in group}) > 1:
        return False
    transforms = list(_transforms(group, kinds))
    options = [[t for t in transforms if t.type == kind] for kind in kinds]
    if any(len(suite.transforms(kinds)) != sum(bool(option) for option in options) for suite in group):
        return False
    everything = {suite.transforms(kinds) for suite in wanted}
    return all(combination in everything for combination in product(*(option for option in options if option)))


def choose(
    ours: Iterable[Suite], theirs: tuple[Proposal, ...], protocol: ProtocolId, *, has_group: int | None = None
) -> Choice | None:
    """The first of our suites that an offer allows; None: none. has_group: a public value of this group is here."""
    suites = tuple(ours)
    if has_group is not None:
        suites = (*(s for s in suites if s.group == has_group), *(s for s in suites if s.group != has_group))
    for suite in suites:
        for offer in theirs:
            if offer.protocol == protocol and _allows(offer, suite):
                return Choice(suite, offer)
    return None


def _allows(offer: Proposal, suite: Suite) -> bool:
    """Does the offer have every transform of the suite, and no type that the suite has not?"""
    kinds = _TYPES_OF_IKE if offer.protocol == ProtocolId.IKE else _TYPES_OF_ESP
    wanted = {transform.type: transform for transform in suite.transforms(kinds)}
    for kind in sorted({transform.type for transform in offer.transforms}):
        offered = [transform for transform in offer.transforms if transform.type == kind]
        if kind in wanted:
            if wanted[kind] not in offered:
                return False
        elif not any(transform.id == 0 for transform in offered):
            return False  # a type that we do not have, and NONE is not among its transforms
    offered_kinds = {transform.type for transform in offer.transforms}
    optional = {TransformType.ESN} if suite.esn == Esn.NO else set()
    return all(kind in offered_kinds or kind in optional for kind in wanted)


def accepted(ours: Iterable[Suite], answer: tuple[Proposal, ...], protocol: ProtocolId) -> Suite | None:
    """The suite of the one proposal in a response; None: it is not one that we offered (RFC 7296 §2.7)."""
    if len(answer) != 1 or answer[0].protocol != protocol:
        return None
    kinds = _TYPES_OF_IKE if protocol == ProtocolId.IKE else _TYPES_OF_ESP
    named = [t for t in answer[0].transforms if t.id or t.type == TransformType.ESN]
    given = {t.type: t for t in named}
    if protocol == ProtocolId.ESP:
        given.setdefault(TransformType.ESN, Transform(TransformType.ESN, Esn.NO))
    if len({t.type for t in named}) != len(named):
        return None
    return next((suite for suite in ours if {t.type: t for t in suite.transforms(kinds)} == given), None)


def mismatch(ours: Iterable[Suite], theirs: tuple[Proposal, ...], protocol: ProtocolId) -> str:
    """Why nothing fits, in a line for the log: the first type of algorithm on which no offer and no suite agree."""
    suites = tuple(ours)
    kinds = _TYPES_OF_IKE if protocol == ProtocolId.IKE else _TYPES_OF_ESP
    for kind in kinds:
        mine = dict.fromkeys(str(t) for suite in suites for t in suite.transforms(kinds) if t.type == kind)
        yours = dict.fromkeys(str(t) for offer in theirs for t in offer.transforms if t.type == kind)
        if (mine or yours) and not set(mine) & set(yours):
            return f"{_WORDS[kind]}: ours {', '.join(mine) or 'none'}; the peer's {', '.join(yours) or 'none'}"
    return "no combination of algorithms is in both lists"
