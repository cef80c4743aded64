"""Main mode with pre-shared keys, RFC 2409 §5.4, at both ends.

    1  HDR, SA                        -->
    2                            <--  HDR, SA
    3  HDR, KE, Ni, [NAT-D, NAT-D]    -->
    4                            <--  HDR, KE, Nr, [NAT-D, NAT-D]
    5  HDR*, IDii, HASH_I, [N]        -->
    6                            <--  HDR*, IDir, HASH_R, [N]

The responder computes no Diffie-Hellman before message 3 has returned its cookie (RFC 2408 §2.5.3). The keys need the
secret, and the peer's identity comes encrypted with them, so a responder finds the secret by the peer's address; when
the identity is known, this very secret must prove it.

A wrong secret shows only as a message 5 that cannot be read, or as none. We do not answer it: the peer learns nothing.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ike.acts import Reply
from dmvpn.features.ike.chain import HEADER_LENGTH, NO_SPI
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.numbers import Encr, ProtocolId
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ike.repetition import HALF_OPEN
from dmvpn.features.ike.session import Evidence
from dmvpn.features.ike.terms import IKE_PORT, NAT_PORT
from dmvpn.features.ike.udp import PREFERS_UDP
from dmvpn.features.ike.v1.detection import detect, detection
from dmvpn.features.ike.v1.exchange import Exchange
from dmvpn.features.ike.v1.keys import first_iv, ike_keys, proof, skeyid_of_secret
from dmvpn.features.ike.v1.offers import CIPHERS, accepted, choose, ike_wanted, mismatch
from dmvpn.features.ike.v1.sealed import PHASE_1, Channel
from dmvpn.features.ike.v1.states import SaState
from dmvpn.features.ike.v1.transforms import DEFAULT_LIFETIME
from dmvpn.features.ike.v1.wire import Message
from dmvpn.features.ike.v1.wire.numbers import AuthMethod, ExchangeType, NotifyType, Vendor
from dmvpn.features.ike.v1.wire.payloads import (
    Hash,
    IdentificationPayload,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    VendorId,
)

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.crypto import PrivateValue
    from dmvpn.features.ike.terms import DatagramPath, Terms
    from dmvpn.features.ike.v1.keys import IkeKeys
    from dmvpn.features.ike.v1.sa import IsakmpSa
    from dmvpn.features.ike.v1.wire import Chain

_UDP: Final = 17
#: Octets, as strongSwan and IOS have it.
NONCE_SIZE: Final = 32
#: Octets of an SA payload that a stranger makes us keep: some hundred transforms.
LARGEST_OFFER: Final = 8192
#: "FRAGMENTATION", and that we take fragments of main mode.
_FRAGMENTATION: Final = Vendor.FRAGMENTATION.value + bytes.fromhex("80000000")
#: What may be said in messages 3 and 4, too, as IOS does.
ABILITIES: Final[tuple[VendorId, ...]] = (VendorId(Vendor.DPD.value), VendorId(_FRAGMENTATION))
_CLAUSE = "RFC 2409 §5.4"
#: Protocol and port of an identity of phase 1. RFC 2407 has the first two; routers behind a NAT send the others.
_OWN_PORTS: Final = ((0, 0), (_UDP, IKE_PORT), (_UDP, 0), (_UDP, NAT_PORT))
_IDENTITY_CLAUSE = "RFC 2407 §4.6.2"
#: Which message of the initiator waits for its answer.
_STEPS: Final = {SaState.NO_STATE: 1, SaState.SA_SETUP: 3}


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A secret that the peer may have, and what follows from it."""

    secret: bytes
    keys: IkeKeys
    channel: Channel


class MainMode(Exchange):
    """What both ends do.

    offers: body of the initiator's SA payload.
    nonce, secret: ours.
    theirs: the peer's public value.
    """

    KIND: ClassVar = ExchangeType.MAIN

    def __init__(self, sa: IsakmpSa) -> None:
        super().__init__(sa, PHASE_1)
        self.opening = sa.book.main_mode(sa.path)
        suites = [(transform.suite, transform.lifetime) for transform in self.opening.transforms]
        self.wanted = ike_wanted(suites, (AuthMethod.PRE_SHARED_KEY,))
        self.offers = self.nonce = self.theirs = b""
        self.secret: PrivateValue | None = None

    @property
    def forces_udp(self) -> bool:
        """Whether we pretend to be translated."""
        return self.sa.terms.force_udp if self.sa.terms else self.opening.udp.forces

    @property
    def _detects(self) -> bool:
        return self.opening.udp.detects and Vendor.NAT_T in self.sa.abilities

    def vendors(self) -> tuple[VendorId, ...]:
        """Return what we can do besides RFC 2409."""
        detects = (VendorId(Vendor.NAT_T.value),) if self.opening.udp.detects else ()
        ours = (VendorId(PREFERS_UDP),) if self.opening.udp.prefers else ()
        return (*detects, *ABILITIES, *ours)

    def draw(self) -> None:
        """Draw our private value and our nonce."""
        sa = self.sa
        self.secret, self.nonce = draw(surely(sa.suite).group, sa.entropy), sa.entropy.octets(NONCE_SIZE)

    def contribution(self) -> tuple[Payload, ...]:
        """Return the payloads of our message 3 or 4."""
        sa = self.sa
        mine = (KeyExchange(surely(self.secret).public), Nonce(self.nonce))
        if not self._detects:
            return mine
        return (*mine, *detection(sa.cookies, sa.path, sa.prf, force=self.forces_udp))

    def find_nat(self, message: Message, path: DatagramPath) -> None:
        """Compare the hashes of addresses in message 3 or 4 with the path on which it came."""
        if self._detects:
            sa = self.sa
            sa.found(detect(message, sa.cookies, path, sa.prf, forces=self.forces_udp))

    def candidate(self, secret: bytes, theirs: KeyExchange, shared: bytes, nonces: Nonces) -> _Candidate:
        """Return keys and channel that follow from a secret."""
        sa, suite = self.sa, surely(self.sa.suite)
        skeyid = skeyid_of_secret(sa.prf, secret, nonces)
        cipher, size = CIPHERS[Encr(suite.encr)]
        keys = ike_keys(sa.prf, skeyid, shared, sa.cookies, suite.key_bits // 8 or size)
        ours = surely(self.secret).public
        publics = (ours, theirs.data) if sa.is_initiator else (theirs.data, ours)
        return _Candidate(secret, keys, Channel(keys, first_iv(sa.prf, *publics, cipher.value), cipher))

    def proof(self, keys: IkeKeys, identity: IdentificationPayload, *, ours: bool) -> Hash:
        """Return HASH_I or HASH_R. ours: we prove ourselves with it."""
        sa = self.sa
        publics, cookies = (surely(self.secret).public, self.theirs), (sa.own_spi, sa.peer_spi)
        if not ours:
            publics, cookies = (publics[1], publics[0]), (cookies[1], cookies[0])
        return Hash(proof(keys, publics, cookies, self.offers, identity.body()))

    def check(self, keys: IkeKeys, message: Chain) -> IdentificationPayload:
        """Return the identity that the peer has proved to know the secret with. Raises WireError."""
        identity, given = message.find(IdentificationPayload), message.find(Hash)
        if identity is None or given is None:
            raise WireError("an identity or its hash is missing", offset=0, clause=_CLAUSE)
        expected = self.proof(keys, identity, ours=False)
        if not hmac.compare_digest(expected.data, given.data):
            raise WireError("the hash is wrong", offset=0, clause=_CLAUSE)
        return identity

    def refuse(self, why: Reason) -> None:
        """End: the peer has our secret, and an identity that we do not want. It learns only that it failed."""
        self.sa.trouble(why)
        self.sa.inform(Notify(NotifyType.AUTHENTICATION_FAILED))
        self.sa.end(why)

    def describe(self) -> str:
        """Return what we offer, for people."""
        return self.wanted.describe()

    def over(self) -> None:
        """Forget what only main mode needs, and after a while the rest."""
        self.secret, self.nonce, self.offers = None, b"", b""
        self.over_at = self.sa.now + HALF_OPEN


def believed(sa: IsakmpSa, terms: Terms, theirs: IdentificationPayload, secret: bytes) -> Evidence | Reason:
    """Return how the peer has proved this identity, if this secret proves it."""
    if (theirs.protocol, theirs.port) not in _OWN_PORTS:
        odd = WireError(
            f"an identity with protocol {theirs.protocol} and port {theirs.port}", offset=0, clause=_IDENTITY_CLAUSE
        )
        return Reason(IkeReason.OF_WIRE, (odd,))
    expected = sa.book.expectation(terms, sa.path, theirs)
    if isinstance(expected, Reason):
        return expected
    if not any(hmac.compare_digest(secret, each) for each in expected.secrets):
        return Reason(IkeReason.OTHER_KEY, (name_of(theirs), terms.profile))
    return Evidence("PSK", expected.entry, expected.named)


def _announces(theirs: bytes, mine: VendorId) -> bool:
    """Return whether a vendor ID of the peer means what ours does, in as many octets at least."""
    meant = next((vendor.value for vendor in Vendor if mine.data.startswith(vendor.value)), mine.data)
    return theirs.startswith(meant) and len(theirs) >= len(mine.data)


def says_alone(message: Chain) -> bool:
    """Return whether the peer has no other SA with us (RFC 2407 §4.6.3.3)."""
    return message.notify(NotifyType.INITIAL_CONTACT) is not None


# ----------------------------------------------------------------------------------------------------------- initiator


class Initiation(MainMode):
    """Main mode as its initiator, which repeats its messages until the last answer has come."""

    ANSWERS_AGAIN: ClassVar[bool] = False

    def begin(self) -> None:
        """Send message 1."""
        offer = SecurityAssociation(self.wanted.offer())
        self.offers = offer.body()
        self.say(self.sa.plain((offer, *self.vendors())), awaits=True)

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take in message 2, 4 or 6. Raises WireError."""
        match self.sa.state:
            case SaState.NO_STATE:
                self._hear_choice(message, octets)
            case SaState.SA_SETUP:
                self._hear_key(message, octets, path)
            case SaState.KEY_EXCH:
                self._hear_proof(message, octets, path)
            case _:
                raise WireError("main mode is over", offset=0, clause=_CLAUSE)

    def _hear_choice(self, message: Message, octets: bytes) -> None:
        sa, chosen = self.sa, message.find(SecurityAssociation)
        if chosen is None or message.header.cookie_r == NO_SPI:
            raise WireError("message 2 lacks an SA or a cookie", offset=0, clause=_CLAUSE)
        terms = accepted(self.wanted, chosen.proposals)
        if terms is None:
            sa.trouble(Reason(IkeReason.NOT_OFFERED, (mismatch(self.wanted, chosen.proposals),)))
            return
        self.turns.hears(octets)
        sa.heard_first(message.header.cookie_r)
        sa.chose(
            terms.suite,
            float(terms.lifetime.kept.seconds or DEFAULT_LIFETIME),
            message,
            prefers_udp=self.opening.udp.prefers,
        )
        self.draw()
        self.say(sa.plain(self.contribution()), awaits=True)

    def _hear_key(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa, theirs, nonce = self.sa, message.find(KeyExchange), message.find(Nonce)
        if theirs is None or nonce is None:
            raise WireError("message 4 lacks a key or a nonce", offset=0, clause=_CLAUSE)
        try:
            shared = surely(self.secret).agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            return
        self.turns.hears(octets)
        sa.learns(message)
        self.find_nat(message, path)
        self.theirs, nonces = theirs.data, Nonces(self.nonce, nonce.data)
        terms = surely(sa.terms)
        made = self.candidate(terms.secret or b"", theirs, shared, nonces)
        sa.keyed(nonces)
        sa.use(made.keys, made.channel)
        if (sa.nat.found or sa.prefers_udp) and sa.path.local.port != NAT_PORT:
            sa.use_port(NAT_PORT)
        identity = IdentificationPayload(terms.identity.kind, terms.identity.data)
        contact = (Notify(NotifyType.INITIAL_CONTACT, protocol=1, spi=sa.cookies),) if terms.initial_contact else ()
        payloads = (identity, self.proof(made.keys, identity, ours=True), *contact)
        self.say(sa.sealed(self.KIND, PHASE_1, payloads), awaits=True)

    def _hear_proof(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa, terms = self.sa, surely(self.sa.terms)
        inside = self.open(message)
        theirs = self.check(surely(sa.keys), inside)
        self.accept(message, octets, path)
        evidence = believed(sa, terms, theirs, terms.secret or b"")
        if isinstance(evidence, Reason):
            self.refuse(evidence)
            return
        self.over()
        agreed = replace(terms, lifetime=sa.lifetime)
        sa.proved(agreed, theirs, evidence, initial_contact=says_alone(inside))

    def unanswered(self) -> None:
        """End the ISAKMP SA: the peer is dead, or does not want us."""
        number = _STEPS.get(self.sa.state, 5)
        why = Reason(IkeReason.SILENT_PROOF) if number == 5 else None
        self.sa.end(self.gave_up(main_mode_message(number), why))


# ----------------------------------------------------------------------------------------------------------- responder


class Response(MainMode):
    """Main mode as its responder."""

    def __init__(self, sa: IsakmpSa) -> None:
        super().__init__(sa)
        self._candidates: tuple[_Candidate, ...] = ()
        self._unsaid = ABILITIES

    def welcome(self, message: Message, octets: bytes) -> Reason | None:
        """Answer message 1, with fewer octets: its sender may be forged. Returns why it is not answered."""
        sa, offers = self.sa, message.find(SecurityAssociation)
        if offers is None:
            return Reason(IkeReason.INIT_LACKS)
        if not self.opening.secrets:
            return Reason(IkeReason.NO_KEY_FOR, (sa.path.remote.address,))
        self.offers = offers.body()
        if len(self.offers) > LARGEST_OFFER:
            large = WireError(f"an offer of {len(self.offers)} octets", offset=HEADER_LENGTH, clause=_CLAUSE)
            return Reason(IkeReason.OF_WIRE, (large,))
        choice = choose(self.wanted, offers.proposals)
        if choice is None:
            return mismatch(self.wanted, offers.proposals)
        self.turns.hears(octets)
        lifetime = choice.terms.lifetime.kept.seconds or DEFAULT_LIFETIME
        sa.chose(choice.terms.suite, float(lifetime), message, prefers_udp=self.opening.udp.prefers)
        answer = SecurityAssociation((choice.answer(),))
        theirs = [vendor.data for vendor in message.all(VendorId)]
        said = tuple(mine for mine in self.vendors() if any(_announces(each, mine) for each in theirs))
        self._unsaid = tuple(mine for mine in ABILITIES if mine not in said)
        self.say(sa.plain((answer, *said)), awaits=False)
        return None

    def refusal(self, message: Message) -> tuple[Reply, ...]:
        """Return NO-PROPOSAL-CHOSEN in clear, if that is why: the peer's people learn what both ends lack."""
        if self.offers and self.opening.secrets and self.wanted.terms:
            header = message.header
            answer = replace(header, exchange=ExchangeType.INFORMATIONAL, message_id=self.sa.fresh_message_id())
            refused = Message((Notify(NotifyType.NO_PROPOSAL_CHOSEN, protocol=ProtocolId.IKE),), header=answer)
            return (Reply(self.sa.path, refused.serialize()),)
        return ()

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take in message 3 or 5. Raises WireError."""
        match self.sa.state:
            case SaState.SA_SETUP:
                self._hear_key(message, octets, path)
            case SaState.KEY_EXCH:
                self._hear_proof(message, octets, path)
            case _:
                raise WireError("main mode is over", offset=0, clause=_CLAUSE)

    def _hear_key(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa, theirs, nonce = self.sa, message.find(KeyExchange), message.find(Nonce)
        if theirs is None or nonce is None:
            raise WireError("message 3 lacks a key or a nonce", offset=0, clause=_CLAUSE)
        self.draw()
        try:
            shared = surely(self.secret).agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            sa.end(surely(sa.hint))
            return
        self.turns.hears(octets)
        sa.learns(message)
        self.find_nat(message, path)
        self.theirs, nonces = theirs.data, Nonces(nonce.data, self.nonce)
        self._candidates = tuple(self.candidate(each, theirs, shared, nonces) for each in self.opening.secrets)
        sa.keyed(nonces)
        self.say(sa.plain((*self.contribution(), *self._unsaid)), awaits=False)

    def _hear_proof(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa = self.sa
        if message.sealed is None:
            raise WireError("message 5 is not encrypted", offset=HEADER_LENGTH, clause=_CLAUSE)
        found = self._read(message)
        if found is None:
            sa.trouble(Reason(IkeReason.UNREADABLE_PROOF, (sa.path.remote.address,)))
            return
        used, inside, theirs = found
        sa.use(used.keys, used.channel)
        self.accept(message, octets, path)
        terms = sa.book.terms(sa.path, theirs, None, version=sa.version)
        evidence = terms if isinstance(terms, Reason) else believed(sa, terms, theirs, used.secret)
        if isinstance(evidence, Reason) or isinstance(terms, Reason):
            self.refuse(evidence if isinstance(evidence, Reason) else Reason(IkeReason.NO_IDENTITY))
            return
        if sa.admission is not None and (*theirs.key, evidence.entry) not in sa.admission.who:
            self.refuse(sa.admission.refusal)
            return
        identity = IdentificationPayload(terms.identity.kind, terms.identity.data)
        mine = self.proof(used.keys, identity, ours=True)
        self.say(sa.sealed(self.KIND, PHASE_1, (identity, mine)), awaits=False)
        self.over()
        self._candidates = ()
        agreed = replace(terms, lifetime=sa.lifetime, initial_contact=False)
        sa.proved(agreed, theirs, evidence, initial_contact=says_alone(inside))

    def _read(self, message: Message) -> tuple[_Candidate, Chain, IdentificationPayload] | None:
        """Return the secret with which message 5 was made, and its contents; None: we have no such secret."""
        for each in self._candidates:
            try:
                inside = each.channel.open(message)
                return each, inside, self.check(each.keys, inside)
            except WireError:
                continue
        return None

    def unanswered(self) -> None:
        """Do nothing: a responder repeats nothing unasked."""
