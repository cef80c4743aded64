"""What both ends agree on: proposals of IKE SAs and child SAs; suites, mode, selectors and keys of a child SA.

Offers and choices: which proposals we make, which of the peer's we take, and what to say when none fits.

RFC 7296 §2.7: the responder takes one proposal whole, and one transform of each type in it. Its own order decides, so
that an administrator who prefers GCM gets it even if the peer lists it last; but a group of which the peer has already
sent a public value comes before groups that would cost another round trip.

A child SA, RFC 7296 §1.3.1, §2.9, §2.17 and §2.23.1: the initiator makes an `Ask` and puts its payloads into a request;
`conclude` reads the answer. The responder calls `settle`. Both end with a `ChildSa`, or with the reason why there is
none.
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import Payload, TrafficSelector, is_reserved
from dmvpn.features.ike.children import ChildSa, EspKeys
from dmvpn.features.ike.crypto import cipher_of
from dmvpn.features.ike.numbers import Encr, Esn, ProtocolId, TransformType
from dmvpn.features.ike.reasons import AlgorithmKind, IkeReason, listed
from dmvpn.features.ike.v2.channel import child_keys
from dmvpn.features.ike.v2.numbers import NotifyType
from dmvpn.features.ike.v2.packet import InitiatorSelectors, Notify, ResponderSelectors, SecurityAssociation, Selectors
from dmvpn.features.ike.v2.proposals import Proposal, Transform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.features.ike.crypto import PrivateValue
    from dmvpn.features.ike.crypto.material import Nonces
    from dmvpn.features.ike.peer_settings import ChildTerms
    from dmvpn.features.ike.suites import Suite
    from dmvpn.features.ike.v2.packet import Chain, KeyExchange
    from dmvpn.features.ike.v2.sa import IkeSa


# ------------------------------------------------------------------------------------------------ proposals


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


class ChosenOffer(Value):
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
    """Return few lists for exactly these suites: suites are merged while every combination is a suite that we want.

    A router has few lists of suites and offers each of them to every peer.
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
        suites = (*[s for s in suites if s.group == has_group], *[s for s in suites if s.group != has_group])
    offered = [_Offered.of(offer) for offer in theirs if offer.protocol == protocol]
    kinds = _kinds(protocol)
    for suite in suites:
        wanted = transforms_of(suite, kinds)
        for each in offered:
            if each.allows(wanted):
                return ChosenOffer(suite, each.offer)
    return None


class _Offered(NamedTuple):
    """An offer, and the types of its transforms. required: those of which it offers no NONE."""

    offer: Proposal
    transforms: set[Transform]
    types: set[int]
    required: set[int]

    @classmethod
    def of(cls, offer: Proposal) -> Self:
        types = {transform.type for transform in offer.transforms}
        optional = {transform.type for transform in offer.transforms if not transform.id}
        return cls(offer, set(offer.transforms), types, types - optional)

    def allows(self, wanted: tuple[Transform, ...]) -> bool:
        """Return whether it has every transform that we want, and requires none of another type."""
        for transform in wanted:
            if transform not in self.transforms and (transform != _NO_ESN or transform.type in self.types):
                return False
        return self.required <= {transform.type for transform in wanted}


def accepted(ours: Iterable[Suite], answer: tuple[Proposal, ...], protocol: ProtocolId) -> Suite | None:
    """Return the suite of the one proposal in a response; None: we did not offer this suite (RFC 7296 §2.7)."""
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


# ------------------------------------------------------------------------------------------------ child SAs


#: Of the peer's suites, in a line of the log.
_MOST_SELECTORS: Final = 8
_TRANSPORT = Notify(NotifyType.USE_TRANSPORT_MODE)


class ChildRefused(Exception):
    """No child SA comes out of this.

    notify: for the peer (its type is all it learns).
    why: for our log.
    """

    def __init__(self, kind: NotifyType, why: Reason, data: bytes = b"") -> None:
        super().__init__(str(why))
        self.notify = Notify(kind, data)
        self.why = why


class Contributions(Value):
    """What both sides contributed: nonces of the exchange, and the Diffie-Hellman secret if there was one (PFS)."""

    nonces: Nonces
    shared: bytes = field(default=b"", repr=False)


def shared_secret(ours: PrivateValue, theirs: KeyExchange) -> bytes:
    """Return what perfect forward secrecy adds to the keys. Raises ChildRefused for an illegal public value."""
    try:
        return ours.agree(theirs.data)
    except WireError as error:
        raise ChildRefused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.ILLEGAL_KEY, (error,))) from error


class Ask(Value):
    """A child SA that we want.

    spi: ours.
    """

    terms: ChildTerms
    suites: tuple[Suite, ...]
    spi: bytes

    @classmethod
    def of(cls, sa: IkeSa, terms: ChildTerms, *, first: bool) -> Ask:
        """Return the terms; first: in IKE_AUTH, where there is no key exchange of its own."""
        return cls(terms, terms.first_suites if first else terms.suites, sa.settings.esp_spis.fresh(sa.entropy))

    def front(self) -> tuple[Payload, ...]:
        """Return what comes before the nonce: mode and offers."""
        mode = (_TRANSPORT,) if self.terms.transport else ()
        return (*mode, SecurityAssociation(esp_offer(self.suites, self.spi)))

    def back(self) -> tuple[Payload, ...]:
        """Return what comes at the end: selectors."""
        return InitiatorSelectors((self.terms.local,)), ResponderSelectors((self.terms.remote,))

    def conclude(self, sa: IkeSa, answer: Chain, given: Contributions) -> ChildSa:
        """Return the child SA of the answer. Raises ChildRefused; a child SA that was made all the same is deleted."""
        if error := answer.error:
            odd = ChildRefused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.ERROR, (error.kind,)))
            raise ChildRefused(NotifyType(error.kind), self._explain(error)) if _is_known(error) else odd
        chosen = answer.find(SecurityAssociation)
        ours, theirs = answer.find(InitiatorSelectors), answer.find(ResponderSelectors)
        if chosen is None or ours is None or theirs is None:
            raise ChildRefused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.ANSWER_LACKS_SA))
        suite = accepted(self.suites, chosen.proposals, ProtocolId.ESP)
        if suite is None:
            why = mismatch(self.suites, chosen.proposals, ProtocolId.ESP)
            raise ChildRefused(NotifyType.NO_PROPOSAL_CHOSEN, Reason(IkeReason.NOT_OFFERED, (why,)))
        transport = answer.notify(NotifyType.USE_TRANSPORT_MODE) is not None
        if self.terms.transport and not transport and not self.terms.may_tunnel:
            raise ChildRefused(NotifyType.NO_PROPOSAL_CHOSEN, Reason(IkeReason.MODE))
        as_seen_here = transport and sa.nat.found
        local = _within(ours, self.terms.local, translated=as_seen_here)
        remote = _within(theirs, self.terms.remote, translated=as_seen_here)
        draft = _Draft(self.terms, suite, self.spi, chosen.proposals[0].spi, transport and self.terms.transport)
        return draft.child(sa, given, local, remote, initiated=True)

    def _explain(self, error: Notify) -> Reason:
        """Return what the peer's refusal means, with what we had asked for."""
        match error.kind:
            case NotifyType.NO_PROPOSAL_CHOSEN:
                offer = "; ".join(str(proposal) for proposal in esp_offer(self.suites, self.spi))
                return Reason(IkeReason.NONE_ACCEPTED, (offer,))
            case NotifyType.TS_UNACCEPTABLE:
                return Reason(IkeReason.SELECTORS_REFUSED, (self.terms.local, self.terms.remote))
            case _:
                return Reason(IkeReason.ANSWER, (error.name,))


def _is_known(error: Notify) -> bool:
    return error.kind in {member.value for member in NotifyType}


def _within(payload: Selectors, wanted: TrafficSelector, *, translated: bool) -> tuple[TrafficSelector, ...]:
    """Return the selectors of an answer, all of them part of what we asked for. Raises ChildRefused.

    translated: the peer may have written the addresses as it sees them; ours count (RFC 7296 §2.23.1).
    """
    selectors = payload.selectors
    if translated:
        selectors = tuple(_as_here(selector, wanted) for selector in selectors)
    if not selectors or any(selector not in wanted for selector in selectors):
        raise ChildRefused(NotifyType.TS_UNACCEPTABLE, Reason(IkeReason.WIDER_SELECTORS))
    return selectors


def _as_here(selector: TrafficSelector, wanted: TrafficSelector) -> TrafficSelector:
    """Return a selector of one host, with the address by which we know it."""
    if selector.first != selector.last or selector.first.version != wanted.first.version:
        return selector
    return replace(selector, first=wanted.first, last=wanted.last)


class _Draft(Value):
    terms: ChildTerms
    suite: Suite
    spi_in: bytes
    spi_out: bytes
    transport: bool

    def child(
        self,
        sa: IkeSa,
        given: Contributions,
        of_initiator: tuple[TrafficSelector, ...],
        of_responder: tuple[TrafficSelector, ...],
        *,
        initiated: bool,
    ) -> ChildSa:
        cipher = cipher_of(self.suite.encr, self.suite.key_bits, self.suite.integ)
        if cipher is None or sa.keys is None or is_reserved(self.spi_out):
            raise ChildRefused(
                NotifyType.NO_PROPOSAL_CHOSEN, Reason(IkeReason.NO_SPI, (self.spi_out.hex() or "empty",))
            )
        sizes = (cipher.key_size, cipher.integrity_size)
        keys = child_keys(sa.prf, sa.keys.d, given.nonces, sizes, given.shared)
        ours, theirs = (keys.initiator, keys.responder) if initiated else (keys.responder, keys.initiator)
        local, remote = (of_initiator, of_responder) if initiated else (of_responder, of_initiator)
        return ChildSa(
            spi_in=self.spi_in,
            spi_out=self.spi_out,
            suite=self.suite,
            keys_in=EspKeys(*theirs),
            keys_out=EspKeys(*ours),
            transport=self.transport,
            udp=sa.uses_udp,
            local=local,
            remote=remote,
            terms=self.terms,
            since=sa.now,
            rekey_at=sa.rekey_time(self.terms.seconds),
            lowest_nonce=given.nonces.lowest,
            eager=initiated,
        )


class Settlement(Value):
    """What the responder answers with, and what it has.

    front, back: payloads before and behind nonce and key.
    """

    child: ChildSa
    front: tuple[Payload, ...]
    back: tuple[Payload, ...]


def choice_for(request: Chain, suites: tuple[Suite, ...], *, has_group: int | None = None) -> ChosenOffer:
    """Return which of our suites a request for a child SA gets. Raises ChildRefused."""
    offers = request.find(SecurityAssociation)
    if offers is None:
        raise ChildRefused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.NO_PROPOSALS))
    choice = choose(suites, offers.proposals, ProtocolId.ESP, has_group=has_group)
    if choice is None:
        raise ChildRefused(NotifyType.NO_PROPOSAL_CHOSEN, mismatch(suites, offers.proposals, ProtocolId.ESP))
    return choice


def settle(sa: IkeSa, request: Chain, terms: ChildTerms, choice: ChosenOffer, given: Contributions) -> Settlement:
    """Do the responder's half. Raises ChildRefused.

    choice: of `choice_for`.
    """
    initiator, responder = request.find(InitiatorSelectors), request.find(ResponderSelectors)
    if initiator is None or responder is None:
        raise ChildRefused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.NO_SELECTORS))
    transport = request.notify(NotifyType.USE_TRANSPORT_MODE) is not None and terms.transport
    if terms.transport and not transport and not terms.may_tunnel:
        raise ChildRefused(NotifyType.NO_PROPOSAL_CHOSEN, Reason(IkeReason.MODE))
    theirs = _narrow(initiator, terms.remote, translated=sa.nat.found)
    ours = _narrow(responder, terms.local, translated=sa.nat.found)
    spi = sa.settings.esp_spis.fresh(sa.entropy)
    local, remote = (ours.here, theirs.here) if transport else (ours.answer, theirs.answer)
    if not transport:  # a NAT hides what is inside, and we will ask for it again
        terms = replace(terms, local=local, remote=remote)
    draft = _Draft(terms, choice.suite, spi, choice.offer.spi, transport)
    child = draft.child(sa, given, (remote,), (local,), initiated=False)
    mode = (_TRANSPORT,) if transport else ()
    front = (*mode, SecurityAssociation((choice.answer(spi),)))
    return Settlement(child, front, (InitiatorSelectors((theirs.answer,)), ResponderSelectors((ours.answer,))))


class _Narrowed(Value):
    """What both ends protect.

    here: with the addresses by which we know it. In transport mode it counts (RFC 7296 §2.23.1).
    answer: with the addresses that the peer wrote; in tunnel mode they are those of the packets inside.
    """

    here: TrafficSelector
    answer: TrafficSelector


def _narrow(offered: Selectors, wanted: TrafficSelector, *, translated: bool) -> _Narrowed:
    """Return the intersection of an offered selector and ours: the first, or a later intersection that contains it.

    The first one may be the packet for which the peer asks, with a port that later packets do not have (RFC 7296 §2.9).
    Raises ChildRefused. translated: the peer wrote addresses as it sees them, and the answer repeats them.
    """
    chosen: _Narrowed | None = None
    for selector in offered.selectors:
        seen = _as_here(selector, wanted) if translated else selector
        common = seen.common(wanted)
        if common is None:
            continue
        answer = common if seen is selector else replace(common, first=selector.first, last=selector.last)
        if chosen is None or (chosen.answer in answer and chosen.answer != answer):
            chosen = _Narrowed(common, answer)
    if chosen is not None:
        return chosen
    mine, yours = str(wanted), ", ".join(str(selector) for selector in offered.selectors[:_MOST_SELECTORS])
    raise ChildRefused(NotifyType.TS_UNACCEPTABLE, Reason(IkeReason.SELECTORS, (mine, yours or "none")))
