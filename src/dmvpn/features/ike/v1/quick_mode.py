"""Quick mode, RFC 2409 §5.5, at both ends: a pair of SAs of ESP.

    1  HDR*, HASH(1), SA, Ni, [KE], IDci, IDcr  -->
    2                                       <--  HDR*, HASH(2), SA, Nr, [KE], IDci, IDcr
    3  HDR*, HASH(3)                            -->

The responder can receive on the pair before it sends message 2, and the initiator before it sends message 3. Other
responders can only when message 3 has come (strongSwan), so an initiator that has an older pair goes on sending on that
until the peer uses the new one, or the old one is deleted: nothing is lost while both change over. The responder
repeats message 2 until message 3 comes: then it sends on the pair, too.

A pair replaces the one for the same packets. IKEv1 has no word for that, so both ends act by themselves: the initiator
deletes the old pair some seconds after message 3; if both ends began, there are two new ones, and only the newest of
them is replaced again.

Identities here are the packets that a pair protects. IKEv1 cannot narrow them: the responder takes them or refuses.
Behind a NAT a peer writes the address that it has there; it counts as the address under which we know the peer.
"""

from __future__ import annotations

import hmac
from dataclasses import field, replace
from typing import ClassVar, Final, TypeAlias

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import TrafficSelector, is_reserved, serialize_chain
from dmvpn.features.ike.children import ChildSa, EspKeys
from dmvpn.features.ike.crypto import PrivateValue, cipher_of, draw
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.peer_settings import ChildTerms, DatagramPath
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.suites import lacking
from dmvpn.features.ike.udp import REPETITION_TIME
from dmvpn.features.ike.v1.keys import KeySource, child_keys, hash_1, hash_2, hash_3
from dmvpn.features.ike.v1.main_mode import NONCE_SIZE, Exchange
from dmvpn.features.ike.v1.numbers import EspAttribute, ExchangeType, Flag, LifeType, NotifyType
from dmvpn.features.ike.v1.offers import (
    DEFAULT_LIFETIME,
    Lifetime,
    TransformTerms,
    Wanted,
    accepted,
    choose,
    encapsulation_modes,
    esp_wanted,
    is_in_udp,
    is_transport,
    mismatch,
    read,
)
from dmvpn.features.ike.v1.packet import (
    Chain,
    Hash,
    IdentificationPayload,
    KeyExchange,
    Message,
    Nonce,
    Notify,
    OriginalAddress,
    SecurityAssociation,
    identity_of,
    selector_of,
)
from dmvpn.features.ike.v1.proposals import Attribute, Proposal, parse_attributes
from dmvpn.features.ike.v1.sa import MOST_CHILDREN, RETRY, IsakmpSa, Unconfirmed

# ------------------------------------------------------------------------------------------------ the pair of SAs


#: Packets of ours, and packets of the peer's.
Inner: TypeAlias = "tuple[TrafficSelector, TrafficSelector]"


class PairRefused(Exception):
    """No pair comes out of this.

    kind: for the peer, which learns no more than that.
    why: for our log.
    """

    def __init__(self, kind: NotifyType, why: Reason) -> None:
        super().__init__(str(why))
        self.kind, self.why = kind, why


def acceptable(sa: IsakmpSa, terms: ChildTerms, theirs: tuple[Proposal, ...]) -> Wanted:
    """Return what we accept. Without a group of ours, IOS accepts any that the peer adds, and so do we."""
    ways = (sa.uses_udp, not sa.uses_udp) if sa.chooses_port else (sa.uses_udp,)
    modes = [
        mode
        for udp in ways
        for mode in encapsulation_modes(transport=terms.transport, udp=udp, may_tunnel=terms.may_tunnel)
    ]
    suites = terms.suites
    if not any(suite.group for suite in suites):
        offered = dict.fromkeys(
            attribute.value
            for proposal in theirs
            for transform in proposal.transforms
            for attribute in transform.attributes
            if attribute.kind == EspAttribute.GROUP
        )
        known = surely(sa.suite).group  # it is permitted in main mode, so in quick mode, too
        groups = [group for group in offered if group == known or not lacking(group, weak=terms.weak)]
        suites = (*suites, *(suite._replace(group=group) for group in groups for suite in suites))
    return esp_wanted(suites, tuple(modes), _lifetime(terms))


def _lifetime(terms: ChildTerms) -> Lifetime:
    return Lifetime(int(terms.seconds), terms.octets >> 10)


# ---------------------------------------------------------------------------------------------------------- lifetimes


def shorter_than(offered: Lifetime, agreed: Lifetime, spi: bytes) -> tuple[Notify, ...]:
    """Return RESPONDER-LIFETIME if we keep to less than the peer offers (RFC 2407 §4.6.3.1)."""
    if agreed == offered:
        return ()
    pairs = (
        (LifeType.SECONDS, agreed.seconds if agreed.seconds != offered.seconds else 0),
        (LifeType.KILOBYTES, agreed.kilobytes if agreed.kilobytes != offered.kilobytes else 0),
    )
    attributes = [
        attribute
        for unit, value in pairs
        if value
        for attribute in (Attribute.of(EspAttribute.LIFE_TYPE, unit), Attribute.of(EspAttribute.LIFE_DURATION, value))
    ]
    data = b"".join(attribute.serialize() for attribute in attributes)
    return (Notify(NotifyType.RESPONDER_LIFETIME, data, ProtocolId.ESP, spi),) if data else ()


def responder_lifetime(answer: Chain) -> Lifetime:
    """Return the lifetime to which the responder keeps, if it says so. Raises WireError."""
    notify = answer.notify(NotifyType.RESPONDER_LIFETIME)
    if notify is None:
        return Lifetime()
    unit, found = 0, {LifeType.SECONDS: 0, LifeType.KILOBYTES: 0}
    for attribute in parse_attributes(notify.data):
        if attribute.kind == EspAttribute.LIFE_TYPE:
            unit = attribute.value
        elif attribute.kind == EspAttribute.LIFE_DURATION and unit in found:
            found[LifeType(unit)] = min(attribute.value, 0xFFFFFFFF)
    return Lifetime(found[LifeType.SECONDS], found[LifeType.KILOBYTES])


# ---------------------------------------------------------------------------------------------------------- identities


def check_identities(sa: IsakmpSa, terms: ChildTerms, message: Chain, *, ours_first: bool) -> Inner:
    """Check that both ends protect the same packets, and return those as they are in tunnel mode. Raises PairRefused.

    Without identities the initiator wants all packets between the peers (RFC 2409 §5.5), and a tunnel has GRE alone.
    In tunnel mode a NAT does not translate the inner header, so it has the addresses of the identities.
    ours_first: we are the initiator, whose identity comes first.
    """
    identities = message.all(IdentificationPayload)
    if not identities and ours_first:
        return terms.local, terms.remote
    if not identities:
        everything = Reason(IkeReason.WIDER_IDENTITIES, (terms.local, "all packets between both addresses"))
        raise PairRefused(NotifyType.INVALID_ID_INFORMATION, everything)
    if len(identities) != 2:
        raise PairRefused(NotifyType.INVALID_ID_INFORMATION, Reason(IkeReason.NO_SELECTORS))
    try:
        selectors = [selector_of(identity) for identity in identities]
    except WireError as error:
        raise PairRefused(NotifyType.INVALID_ID_INFORMATION, Reason(IkeReason.OF_WIRE, (error,))) from error
    local, remote = selectors if ours_first else reversed(selectors)
    for given, mine in ((local, terms.local), (remote, terms.remote)):
        seen = _as_here(given, mine) if sa.nat.found else given
        if mine != seen:
            code = IkeReason.WIDER_IDENTITIES if mine in seen else IkeReason.NO_IDENTITIES
            raise PairRefused(NotifyType.INVALID_ID_INFORMATION, Reason(code, (mine, given)))
    if not sa.nat.found:
        return terms.local, terms.remote
    return _as_here(terms.local, local), _as_here(terms.remote, remote)


def _as_here(given: TrafficSelector, mine: TrafficSelector) -> TrafficSelector:
    """Return a selector of one host, with the address of another one."""
    hosts = all(each.first == each.last for each in (given, mine))
    if not hosts or given.first.version != mine.first.version:
        return given
    return replace(given, first=mine.first, last=mine.last)


def original_addresses(sa: IsakmpSa, *, transport: bool) -> tuple[OriginalAddress, ...]:
    """Return NAT-OAi and NAT-OAr as we see both addresses, if a NAT is between us (RFC 3947 §5.2)."""
    if not transport or not sa.nat.found:
        return ()
    ends = (sa.path.local.address, sa.path.remote.address)
    initiator, responder = ends if sa.is_initiator else (ends[1], ends[0])
    return _original(initiator), _original(responder)


def _original(address: IPAddress) -> OriginalAddress:
    return OriginalAddress(1 if address.version == 4 else 5, address.packed)


# ---------------------------------------------------------------------------------------------------------------- keys


class Draft(Value, kw_only=True):
    """A pair before it has keys.

    spi_i, spi_r: of the initiator of quick mode, and of its responder.
    inner: packets of ours and of the peer's, as they are in tunnel mode.
    shared: the Diffie-Hellman secret with PFS, else empty.
    """

    terms: ChildTerms
    agreed: TransformTerms
    nonces: Nonces
    spi_i: bytes
    spi_r: bytes
    inner: Inner
    shared: bytes = field(default=b"", repr=False)

    def pair(self, sa: IsakmpSa, *, initiated: bool) -> ChildSa:
        """Return the pair. Raises PairRefused."""
        suite, ours, theirs = self.agreed.suite, self.spi_i, self.spi_r
        if not initiated:
            ours, theirs = theirs, ours
        cipher = cipher_of(suite.encr, suite.key_bits, suite.integ)
        if cipher is None or sa.keys is None or is_reserved(theirs):
            raise PairRefused(NotifyType.INVALID_SPI, Reason(IkeReason.NO_SPI, (theirs.hex() or "empty",)))
        source = KeySource(self.nonces, ProtocolId.ESP, self.shared)
        keys = child_keys(sa.keys, source, (self.spi_i, self.spi_r), (cipher.key_size, cipher.integrity_size))
        mine, peers = (keys.initiator, keys.responder) if initiated else (keys.responder, keys.initiator)
        terms, life = self.terms, self.agreed.lifetime.kept
        seconds = float(life.seconds or DEFAULT_LIFETIME)
        transport = is_transport(self.agreed.choice)
        local, remote = (terms.local, terms.remote) if transport else self.inner
        return ChildSa(
            spi_in=ours,
            spi_out=theirs,
            suite=suite,
            keys_in=EspKeys(*peers),
            keys_out=EspKeys(*mine),
            transport=transport,
            udp=is_in_udp(self.agreed.choice),
            local=(local,),
            remote=(remote,),
            terms=replace(terms, local=local, remote=remote, seconds=seconds, octets=life.kilobytes << 10),
            since=sa.now,
            rekey_at=sa.now + seconds if terms.responder_only else sa.rekey_time(seconds),
            lowest_nonce=self.nonces.lowest,
            eager=initiated,
        )


# ------------------------------------------------------------------------------------------------ the exchange


#: Seconds until a replaced pair is deleted: message 3, and packets on their way, come first.
CHANGE_OVER: Final = 3.0
#: Seconds for which a pair waits for CONNECTED, if the responder set the commit bit (RFC 2408 §3.1).
_COMMIT: Final = 5.0
_CLAUSE = "RFC 2409 §5.5"


class QuickMode(Exchange):
    """What both ends do."""

    KIND: ClassVar = ExchangeType.QUICK

    def __init__(self, sa: IsakmpSa, message_id: int, terms: ChildTerms) -> None:
        super().__init__(sa, message_id)
        self.terms = terms
        self.spi = sa.settings.esp_spis.fresh(sa.entropy)
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.secret: PrivateValue | None = None

    def key(self, group: int) -> tuple[KeyExchange, ...]:
        """Return our key exchange, if there is a group: perfect forward secrecy."""
        if not group:
            return ()
        self.secret = draw(group, self.sa.entropy)
        return (KeyExchange(self.secret.public),)

    def shared(self, theirs: KeyExchange | None) -> bytes:
        """Return the Diffie-Hellman secret, empty without PFS. Raises PairRefused."""
        if self.secret is None:
            return b""
        if theirs is None:
            raise PairRefused(NotifyType.INVALID_KEY_INFORMATION, Reason(IkeReason.NO_KEY_OF_GROUP))
        try:
            return self.secret.agree(theirs.data)
        except WireError as error:
            raise PairRefused(NotifyType.INVALID_KEY_INFORMATION, Reason(IkeReason.ILLEGAL_KEY, (error,))) from error

    def over(self) -> None:
        """Keep the exchange a while, to answer a repetition of its last message."""
        self.over_at = self.sa.now + REPETITION_TIME
        self.secret = None

    def refused(self, refusal: PairRefused, spi: bytes) -> None:
        """Report why there is no pair. The peer gets the bare notification, again if it repeats its message."""
        sa = self.sa
        sa.trouble(Reason(IkeReason.NO_CHILD, (refusal.why,)))
        notify = Notify(refusal.kind, protocol=ProtocolId.ESP, spi=spi)
        self.say(sa.information(surely(sa.keys), notify), awaits=False)
        self.over()

    def check(self, chain: Chain, expected: bytes) -> None:
        """Check the hash, which comes first. Raises WireError."""
        given = chain.payloads[0]
        if not isinstance(given, Hash) or not hmac.compare_digest(given.data, expected):
            raise WireError("the hash is wrong", offset=0, clause=_CLAUSE)


def covered(chain: Chain) -> bytes:
    """Return the octets behind the hash that it covers."""
    return serialize_chain(chain.payloads[1:])


# ----------------------------------------------------------------------------------------------------------- initiator


class QuickAsk(QuickMode):
    """Quick mode as its initiator."""

    def __init__(self, sa: IsakmpSa, terms: ChildTerms, old: bytes | None = None) -> None:
        super().__init__(sa, sa.fresh_message_id(), terms)
        self.old = old
        # What we offer: all suites in our mode.
        modes = encapsulation_modes(transport=terms.transport, udp=sa.uses_udp)[:1]
        self.wanted = esp_wanted(terms.suites, modes, _lifetime(terms))
        self._held: ChildSa | None = None

    @property
    def is_held(self) -> bool:
        """Whether a pair waits for CONNECTED."""
        return self._held is not None

    @property
    def is_open(self) -> bool:
        """Whether the peer may have made a pair that we have not taken."""
        return self.retransmission.awaits or self.is_held

    def describe(self) -> str:
        """Return what we offer, for people."""
        return self.wanted.describe()

    def begin(self) -> None:
        """Send message 1."""
        sa = self.sa
        group = self.terms.suites[0].group
        identities = identity_of(self.terms.local), identity_of(self.terms.remote)
        origins = original_addresses(sa, transport=self.terms.transport)
        offer = SecurityAssociation(self.wanted.offer(self.spi))
        payloads = (offer, Nonce(self.nonce), *self.key(group), *identities, *origins)
        proof = Hash(hash_1(surely(sa.keys), self.message_id, serialize_chain(payloads)))
        self.say(sa.sealed(self.KIND, self.message_id, (proof, *payloads)), awaits=True)

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take in message 2, and answer it. Raises WireError."""
        if not self.retransmission.awaits:
            raise WireError("quick mode is over", offset=0, clause=_CLAUSE)
        sa, keys = self.sa, surely(self.sa.keys)
        inside = self.open(message)
        self.check(inside, hash_2(keys, self.message_id, self.nonce, covered(inside)))
        self.accept(message, octets, path)
        try:
            child, nonces = self._conclude(inside)
        except PairRefused as refused:
            self.refused(refused, self.spi)
            self._lost()
            return
        proof = Hash(hash_3(keys, self.message_id, nonces))
        if message.header.flags & Flag.COMMIT:
            self._held = child
            self.over_at = sa.now + _COMMIT
        else:
            self._take(child)
        self.say(sa.sealed(self.KIND, self.message_id, (proof,)), awaits=False)

    def _conclude(self, answer: Chain) -> tuple[ChildSa, Nonces]:
        sa = self.sa
        chosen, nonce = answer.find(SecurityAssociation), answer.find(Nonce)
        if chosen is None or nonce is None:
            raise PairRefused(NotifyType.PAYLOAD_MALFORMED, Reason(IkeReason.QUICK_LACKS))
        agreed = accepted(self.wanted, chosen.proposals)
        if agreed is None:
            why = Reason(IkeReason.NOT_OFFERED, (mismatch(self.wanted, chosen.proposals),))
            raise PairRefused(NotifyType.NO_PROPOSAL_CHOSEN, why)
        inner = check_identities(sa, self.terms, answer, ours_first=True)
        try:
            lifetime = responder_lifetime(answer)
        except WireError as error:
            raise PairRefused(NotifyType.PAYLOAD_MALFORMED, Reason(IkeReason.OF_WIRE, (error,))) from error
        agreed = TransformTerms(agreed.suite, agreed.choice, agreed.lifetime.shorter(lifetime))
        nonces = Nonces(self.nonce, nonce.data)
        shared = self.shared(answer.find(KeyExchange))
        draft = Draft(
            terms=self.terms,
            agreed=agreed,
            nonces=nonces,
            spi_i=self.spi,
            spi_r=chosen.proposals[0].spi,
            inner=inner,
            shared=shared,
        )
        return draft.pair(sa, initiated=True), nonces

    def _take(self, child: ChildSa) -> None:
        sa = self.sa
        old = self.old if self.old in sa.children.active else None
        if sa.children.newest_like(child) is not None:  # until then message 3 may be on its way
            child = replace(child, eager=False)
        sa.add_child(child, replaces=old)
        if old is not None:
            sa.replaces(old, sa.now + CHANGE_OVER)
        self.over()

    def connected(self) -> None:
        """Use the pair for which the responder had asked us to wait: it is ready, or has been silent for long."""
        held, self._held = self._held, None
        if held is not None:
            self._take(held)

    def expire(self) -> None:
        """Take the pair that nothing confirmed; else forget the exchange."""
        if self.is_held:
            self.connected()
        else:
            super().expire()

    def was_refused(self, name: str) -> None:
        """Note that the peer refuses the pair with this notification."""
        why = Reason(IkeReason.NO_CHILD, (self._explain(name),))
        self.sa.trouble(why)
        self._lost()
        self.sa.finished(self.message_id)

    def _explain(self, name: str) -> Reason:
        """Return what a refusal means, with what we had asked for."""
        if name == NotifyType.NO_PROPOSAL_CHOSEN.name:
            return Reason(IkeReason.NONE_ACCEPTED, (self.describe(),))
        if name == NotifyType.INVALID_ID_INFORMATION.name:
            return Reason(IkeReason.SELECTORS_REFUSED, (self.terms.local, self.terms.remote))
        return Reason(IkeReason.ANSWER, (name,))

    def _lost(self) -> None:
        """Let a child that was not replaced be replaced a little later."""
        if self.old is not None:
            self.sa.children.postpone(self.old, self.sa.now + RETRY)

    def unanswered(self) -> None:
        """Give up the ISAKMP SA: the peer is dead, or has deleted it."""
        self.sa.gives_up(self.gave_up("quick mode"))


# ----------------------------------------------------------------------------------------------------------- responder


class QuickAnswer(QuickMode):
    """Quick mode as its responder."""

    def __init__(self, sa: IsakmpSa, message_id: int) -> None:
        super().__init__(sa, message_id, sa.settings.child(surely(sa.terms).child))
        self._nonces = Nonces(b"", b"")
        self._asked = b""

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take in message 1 or 3. Raises WireError."""
        if self.over_at is not None:
            raise WireError("quick mode is over", offset=0, clause=_CLAUSE)
        inside, keys = self.open(message), surely(self.sa.keys)
        if self._nonces.initiator:
            self.check(inside, hash_3(keys, self.message_id, self._nonces))
            self.accept(message, octets, path)
            self.retransmission.ends()
            self.over()
            return
        self.check(inside, hash_1(keys, self.message_id, covered(inside)))
        self.accept(message, octets, path)
        self.sa.begins(self)
        try:
            self._answer(inside)
        except PairRefused as refused:
            self._nonces = Nonces(b"", b"")
            self.refused(refused, self._asked)

    def _answer(self, request: Chain) -> None:
        sa = self.sa
        offers, nonce = request.find(SecurityAssociation), request.find(Nonce)
        if offers is None or nonce is None:
            raise PairRefused(NotifyType.PAYLOAD_MALFORMED, Reason(IkeReason.QUICK_LACKS))
        self._asked = offers.proposals[0].spi
        if len(request.all(SecurityAssociation)) > 1:
            several = WireError("several SA payloads in one quick mode", offset=0, clause=_CLAUSE)
            raise PairRefused(NotifyType.NO_PROPOSAL_CHOSEN, Reason(IkeReason.OF_WIRE, (several,)))
        if len(sa.children) >= MOST_CHILDREN:
            many = Reason(IkeReason.TOO_MANY_CHILDREN, (len(sa.children),))
            raise PairRefused(NotifyType.NO_PROPOSAL_CHOSEN, many)
        wanted = acceptable(sa, self.terms, offers.proposals)
        choice = choose(wanted, offers.proposals)
        if choice is None:
            raise PairRefused(NotifyType.NO_PROPOSAL_CHOSEN, mismatch(wanted, offers.proposals))
        inner = check_identities(sa, self.terms, request, ours_first=False)
        key = self.key(choice.terms.suite.group)
        shared = self.shared(request.find(KeyExchange))
        self._nonces = Nonces(nonce.data, self.nonce)
        draft = Draft(
            terms=self.terms,
            agreed=choice.terms,
            nonces=self._nonces,
            spi_i=choice.offer.spi,
            spi_r=self.spi,
            inner=inner,
            shared=shared,
        )
        child = draft.pair(sa, initiated=False)
        chosen = SecurityAssociation((choice.answer(self.spi),))
        offered = read(ProtocolId.ESP, choice.transform)
        notify = shorter_than(offered.lifetime, choice.terms.lifetime, self.spi) if offered else ()
        origins = original_addresses(self.sa, transport=is_transport(choice.terms.choice))
        payloads = (chosen, Nonce(self.nonce), *key, *request.all(IdentificationPayload), *origins, *notify)
        proof = Hash(hash_2(surely(sa.keys), self.message_id, nonce.data, serialize_chain(payloads)))
        old = sa.children.newest_like(child)
        sa.add_child(child, replaces=old.spi_in if old else None)
        if old is not None:
            sa.children.begin_rekey(old.spi_in)  # the peer does it, and deletes it
        self.say(sa.sealed(self.KIND, self.message_id, (proof, *payloads)), awaits=True)

    def unanswered(self) -> None:
        """Give up the pair: the initiator has not taken it."""
        sa, child = self.sa, self.sa.children.active.get(self.spi)
        if child is not None:
            sa.withdraw(child, Reason(IkeReason.NOT_CONFIRMED))
        else:
            sa.emit(Unconfirmed(sa, self.spi))
        sa.finished(self.message_id)
