"""Offers and choices: which proposals we make, which of the peer's we take, and what to say when none fits.

RFC 7296 §2.7: the responder takes one proposal whole, and one transform of each type in it. Its own order decides, so
that an administrator who prefers GCM gets it even if the peer lists it last; but a group of which the peer has already
sent a public value comes before those that would cost another round trip.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ike.numbers import Encr, Esn, ProtocolId, TransformType
from dmvpn.features.ike.reasons import AlgorithmKind, IkeReason, listed
from dmvpn.features.ike.v2.proposals import Proposal, Transform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.features.ike.suites import Suite


_TYPES_OF_IKE: Final = (TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE)
_TYPES_OF_ESP: Final = (TransformType.ENCR, TransformType.INTEG, TransformType.KE, TransformType.ESN)
_AEAD: Final = (Encr.AES_GCM_8, Encr.AES_GCM_12, Encr.AES_GCM_16, Encr.CHACHA20_POLY1305)
_NO_ESN: Final = Transform(TransformType.ESN, Esn.NO)


@lru_cache(maxsize=256)
def transforms_of(suite: Suite, kinds: tuple[TransformType, ...]) -> tuple[Transform, ...]:
    """Return the transforms of a suite as the responder writes them; a router has few suites."""
    values = {
        TransformType.ENCR: Transform(TransformType.ENCR, suite.encr, suite.key_bits),
        TransformType.PRF: Transform(TransformType.PRF, suite.prf),
        TransformType.INTEG: Transform(TransformType.INTEG, suite.integ),
        TransformType.KE: Transform(TransformType.KE, suite.group),
        TransformType.ESN: Transform(TransformType.ESN, suite.esn),
    }
    absent = {kind for kind in (TransformType.INTEG, TransformType.KE) if not values[kind].id}
    return tuple(values[kind] for kind in kinds if kind not in absent)


@dataclass(frozen=True, slots=True)
class ChosenOffer:
    """What the responder takes: the suite, and the offer that has it (its number and SPI go into the answer)."""

    suite: Suite
    offer: Proposal

    def answer(self, spi: bytes) -> Proposal:
        """Return the one proposal of the response.

        spi: ours.
        """
        number, protocol = self.offer.number, self.offer.protocol
        return Proposal(number, protocol, spi, transforms_of(self.suite, _kinds(protocol)))


def _kinds(protocol: int) -> tuple[TransformType, ...]:
    return _TYPES_OF_IKE if protocol == ProtocolId.IKE else _TYPES_OF_ESP


def ike_offer(suites: Iterable[Suite], spi: bytes = b"") -> tuple[Proposal, ...]:
    """Return the proposals for an IKE SA: AEAD ciphers in one, the others in another (RFC 5282 §8)."""
    return _offers(tuple(suites), ProtocolId.IKE, _TYPES_OF_IKE, spi)


def esp_offer(suites: Iterable[Suite], spi: bytes) -> tuple[Proposal, ...]:
    """Return the proposals for a child SA.

    spi: ours, to which the peer will send; one for all proposals.
    """
    return _offers(tuple(suites), ProtocolId.ESP, _TYPES_OF_ESP, spi)


def _offers(
    suites: tuple[Suite, ...], protocol: ProtocolId, kinds: tuple[TransformType, ...], spi: bytes
) -> tuple[Proposal, ...]:
    return tuple(
        Proposal(number, protocol, spi, transforms) for number, transforms in enumerate(_merged(suites, kinds), 1)
    )


@lru_cache(maxsize=64)
def _merged(suites: tuple[Suite, ...], kinds: tuple[TransformType, ...]) -> tuple[tuple[Transform, ...], ...]:
    """Return as few lists as say exactly these suites, merged while every combination is one that we want.

    A router has few lists of suites and offers each of them to everybody.
    """
    merged: list[list[Suite]] = []
    for suite in suites:
        for group in merged:
            if _is_closed([*group, suite], suites, kinds):
                group.append(suite)
                break
        else:
            merged.append([suite])
    return tuple(tuple(_transforms(group, kinds)) for group in merged)


def _transforms(group: list[Suite], kinds: tuple[TransformType, ...]) -> Iterator[Transform]:
    for kind in kinds:
        yield from dict.fromkeys(
            transform for suite in group for transform in transforms_of(suite, kinds) if transform.type == kind
        )


def _is_closed(group: list[Suite], wanted: tuple[Suite, ...], kinds: tuple[TransformType, ...]) -> bool:
    if len({suite.encr in _AEAD for suite in group}) > 1:
        return False
    transforms = list(_transforms(group, kinds))
    options = [[t for t in transforms if t.type == kind] for kind in kinds]
    if any(len(transforms_of(suite, kinds)) != sum(bool(option) for option in options) for suite in group):
        return False
    everything = {transforms_of(suite, kinds) for suite in wanted}
    return all(combination in everything for combination in product(*(option for option in options if option)))


def choose(
    ours: Iterable[Suite], theirs: tuple[Proposal, ...], protocol: ProtocolId, *, has_group: int | None = None
) -> ChosenOffer | None:
    """Return the first of our suites that an offer allows; None: none.

    has_group: a public value of this group is here.
    """
    suites = tuple(ours)
    if has_group is not None:
        suites = (*(s for s in suites if s.group == has_group), *(s for s in suites if s.group != has_group))
    offered = [(offer, _by_type(offer)) for offer in theirs if offer.protocol == protocol]
    kinds = _kinds(protocol)
    for suite in suites:
        wanted = {transform.type: transform for transform in transforms_of(suite, kinds)}
        for offer, options in offered:
            if _allows(options, wanted):
                return ChosenOffer(suite, offer)
    return None


def _by_type(offer: Proposal) -> dict[int, set[Transform]]:
    options: dict[int, set[Transform]] = {}
    for transform in offer.transforms:
        options.setdefault(transform.type, set()).add(transform)
    return options


def _allows(options: dict[int, set[Transform]], wanted: dict[int, Transform]) -> bool:
    """Return whether an offer has every transform that we want, and requires none of another type."""
    for kind, transforms in options.items():
        ours = wanted.get(kind)
        if ours not in transforms if ours is not None else all(transform.id for transform in transforms):
            return False  # of a type that we do not have, at least NONE would have to be offered
    return all(kind in options or transform == _NO_ESN for kind, transform in wanted.items())


def accepted(ours: Iterable[Suite], answer: tuple[Proposal, ...], protocol: ProtocolId) -> Suite | None:
    """Return the suite of the one proposal in a response; None: it is not one that we offered (RFC 7296 §2.7)."""
    if len(answer) != 1 or answer[0].protocol != protocol:
        return None
    kinds = _kinds(protocol)
    named = [t for t in answer[0].transforms if t.id or t.type == TransformType.ESN]
    given = {t.type: t for t in named}
    if protocol == ProtocolId.ESP:
        given.setdefault(TransformType.ESN, _NO_ESN)
    if len({t.type for t in named}) != len(named):
        return None
    return next((suite for suite in ours if {t.type: t for t in transforms_of(suite, kinds)} == given), None)


def mismatch(ours: Iterable[Suite], theirs: tuple[Proposal, ...], protocol: ProtocolId) -> Reason:
    """Return why nothing fits, for the log: the first type of algorithm on which no offer and no suite agree."""
    suites = tuple(ours)
    kinds = _kinds(protocol)
    for kind in kinds:
        mine = dict.fromkeys(str(t) for suite in suites for t in transforms_of(suite, kinds) if t.type == kind)
        yours = dict.fromkeys(str(t) for offer in theirs for t in offer.transforms if t.type == kind)
        if (mine or yours) and not set(mine) & set(yours):
            return Reason(IkeReason.MISMATCH, (AlgorithmKind(kind), listed(mine), listed(yours)))
    return Reason(IkeReason.NO_COMBINATION)
