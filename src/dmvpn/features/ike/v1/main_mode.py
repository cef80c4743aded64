"""Main mode with pre-shared keys and with signatures, RFC 2409 §5.4 and §5.1, at both ends.

    1  HDR, SA                                   -->
    2                                       <--  HDR, SA
    3  HDR, KE, Ni, [CERTREQ], [NAT-D, NAT-D]    -->
    4                                       <--  HDR, KE, Nr, [CERTREQ], [NAT-D, NAT-D]
    5  HDR*, IDii, HASH_I, [N]                   -->       or  HDR*, IDii, CERT, SIG_I, [N]
    6                                       <--  HDR*, IDir, HASH_R, [N]    or  HDR*, IDir, CERT, SIG_R, [N]

The responder computes no Diffie-Hellman before message 3 has returned its cookie (RFC 2408 §2.5.3), and believes and
checks nothing of a certificate before message 5, which only a peer with the result of that can encrypt.

The keys of a pre-shared key need it, and the peer's identity comes encrypted with them, so a responder finds the secret
by the peer's address; when the identity is known, this very secret must prove it. A wrong secret shows only as a
message 5 that cannot be read, or as none. We do not answer it: the peer learns nothing.

NAT detection, RFC 3947 §3.2: both ends say which addresses they think they use, with the negotiated hash.

`MainMode` has what both ends share, `Initiation` and `Response` what each end does.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar, Final

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import HEADER_LENGTH, NO_SPI, Payload
from dmvpn.features.ike.crypto import PrfAlgorithm, PrivateValue, draw
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.numbers import Encr, ProtocolId
from dmvpn.features.ike.peer_settings import NAT_PORT, DatagramPath, Terms
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ike.session import Evidence, Reply
from dmvpn.features.ike.udp import HALF_OPEN, PREFERS_UDP, Nat, endpoint_hash
from dmvpn.features.ike.v1 import authentication, packet
from dmvpn.features.ike.v1.authentication import Claim, negotiated
from dmvpn.features.ike.v1.keys import (
    PHASE_1,
    Channel,
    IkeKeys,
    first_iv,
    ike_keys,
    proof,
    skeyid_of_secret,
    skeyid_of_signatures,
)
from dmvpn.features.ike.v1.numbers import AuthMethod, ExchangeType, NotifyType, Vendor
from dmvpn.features.ike.v1.offers import CIPHERS, DEFAULT_LIFETIME, accepted, choose, ike_wanted, mismatch
from dmvpn.features.ike.v1.sa import IsakmpSa, SaState
from dmvpn.features.ike.v1.transmission import Retransmission

# ------------------------------------------------------------------------------------------------ an exchange


class Exchange(ABC):
    """One exchange on an ISAKMP SA: main mode, or a quick mode.

    over_at: it is over, and kept until then to answer repetitions.
    old: inbound SPI of the child that is to be replaced.
    ANSWERS_AGAIN: whether a message that comes again is answered again (`Retransmission`).
    """

    KIND: ClassVar[ExchangeType]
    ANSWERS_AGAIN: ClassVar[bool] = True
    old: bytes | None = None

    def __init__(self, sa: IsakmpSa, message_id: int) -> None:
        self.sa, self.message_id = sa, message_id
        self.retransmission = Retransmission()
        self.over_at: float | None = None

    @abstractmethod
    def hear(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        """Take in the peer's next message. Raises WireError if it is not: nothing has changed then."""

    @abstractmethod
    def unanswered(self) -> None:
        """Act on a peer that answers none of the repetitions."""

    def describe(self) -> str:
        """Return what we offer, for people."""
        return ""

    def expire(self) -> None:
        """Act on the end of the time for which it is kept."""
        self.sa.finished(self.message_id)

    def open(self, message: packet.Message) -> packet.Chain:
        """Return the payloads inside. The chain of IVs stays. Raises WireError."""
        if self.sa.channel is None:
            raise WireError("an encrypted message before there are keys", offset=0, clause="RFC 2409 §5")
        return self.sa.channel.open(message)

    def accept(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        """Take an encrypted message as the peer's: its hash was right."""
        surely(self.sa.channel).accept(message)
        self.retransmission.hears(octets)
        self.sa.hears(path)

    def say(self, datagram: bytes, *, awaits: bool) -> None:
        """Send our next message. awaits: an answer must come."""
        self.retransmission.says(datagram, self.sa.now, awaits=awaits)
        self.sa.transmit(datagram)

    def gave_up(self, name: str, why: Reason | None = None) -> Reason:
        """Return that the peer did not answer a message of this name; why: a guess, if nothing else is known."""
        return self.sa.silence(name, self.retransmission.tries, why)


# --------------------------------------------------------------------------------------------- main mode: NAT detection


def detection(
    cookies: bytes, path: DatagramPath, prf: PrfAlgorithm, *, force: bool = False
) -> tuple[packet.NatDetection, packet.NatDetection]:
    """Make our two payloads: first the peer's address, then ours.

    prf: HMAC of the negotiated hash.
    force: pretend that our address is translated, so that both sides use port 4500.
    """
    source = bytes(prf.size) if force else endpoint_hash(cookies, path.local, prf.hash)
    return packet.NatDetection(endpoint_hash(cookies, path.remote, prf.hash)), packet.NatDetection(source)


def detect(
    message: packet.Chain, cookies: bytes, path: DatagramPath, prf: PrfAlgorithm, *, forces: bool = False
) -> Nat:
    """Compare the peer's hashes with the addresses of the datagram.

    cookies: as they were in its header.
    forces: we pretend to be translated, and behave so.
    """
    payloads = message.all(packet.NatDetection)
    if len(payloads) < 2:
        return Nat()
    ours, *theirs = (payload.data for payload in payloads)
    return Nat(  # several sources: of a peer with several addresses, one of which must fit
        local=forces or ours != endpoint_hash(cookies, path.local, prf.hash),
        remote=endpoint_hash(cookies, path.remote, prf.hash) not in theirs,
        supported=True,
    )


# ------------------------------------------------------------------------------------------------ both ends


#: Octets, as strongSwan and IOS have it.
NONCE_SIZE: Final = 32
#: "FRAGMENTATION", and that we take fragments of main mode.
_FRAGMENTATION: Final = Vendor.FRAGMENTATION.value + bytes.fromhex("80000000")
#: What may be said in messages 3 and 4, too, as IOS does.
ABILITIES: Final[tuple[packet.VendorId, ...]] = (packet.VendorId(Vendor.DPD.value), packet.VendorId(_FRAGMENTATION))
#: Octets of a vendor ID that say what it is; flags may follow.
_NAME: Final = 16
_CLAUSE = "RFC 2409 §5"


class Candidate(Value):
    """A secret that the peer may have, and what follows from it. None: with signatures there is no such secret."""

    secret: bytes | None
    keys: IkeKeys
    channel: Channel


class MainMode(Exchange):
    """What both ends do.

    offers: body of the initiator's SA payload.
    nonce, secret: ours.
    theirs: the peer's public value.
    signed: both ends prove themselves by signatures.
    """

    KIND: ClassVar = ExchangeType.MAIN

    def __init__(self, sa: IsakmpSa) -> None:
        super().__init__(sa, PHASE_1)
        self.opening, self.signed = sa.settings.main_mode(sa.path), False
        sa.sends_whole(self.opening.fragment)
        self.wanted = ike_wanted(
            (one.suite, one.lifetime, AuthMethod.RSA_SIGNATURE if one.signs else AuthMethod.PRE_SHARED_KEY)
            for one in self.opening.transforms
            if self._is_able(signs=one.signs)
        )
        self.offers = self.nonce = self.theirs = b""
        self.secret: PrivateValue | None = None
        self._failures = authentication.Failures()

    def _is_able(self, *, signs: bool) -> bool:
        """Return whether we can prove ourselves so."""
        if self.sa.terms is not None:
            return (self.sa.terms.key if signs else self.sa.terms.secret) is not None
        return self.opening.unsigned is None if signs else bool(self.opening.secrets)

    @property
    def forces_udp(self) -> bool:
        """Whether we pretend to be translated."""
        return self.sa.terms.force_udp if self.sa.terms else self.opening.udp.forces

    @property
    def _detects(self) -> bool:
        return self.opening.udp.detects and Vendor.NAT_T in self.sa.abilities

    def vendors(self) -> tuple[packet.VendorId, ...]:
        """Return what we can do besides RFC 2409."""
        detects = (packet.VendorId(Vendor.NAT_T.value),) if self.opening.udp.detects else ()
        ours = (packet.VendorId(PREFERS_UDP),) if self.opening.udp.prefers else ()
        return (*detects, *ABILITIES, *ours)

    def draw(self) -> None:
        """Draw our private value and our nonce."""
        sa = self.sa
        self.secret, self.nonce = draw(surely(sa.suite).group, sa.entropy), sa.entropy.octets(NONCE_SIZE)

    def contribution(self) -> tuple[Payload, ...]:
        """Return the payloads of our message 3 or 4."""
        sa = self.sa
        asked = authentication.requests_for(self.opening.authorities) if self.signed else ()
        mine = (packet.KeyExchange(surely(self.secret).public), packet.Nonce(self.nonce), *asked)
        if not self._detects:
            return mine
        return (*mine, *detection(sa.spis, sa.path, sa.prf, force=self.forces_udp))

    def find_nat(self, message: packet.Message, path: DatagramPath) -> None:
        """Compare the hashes of addresses in message 3 or 4 with the path on which it came."""
        if self._detects:
            sa = self.sa
            sa.found(detect(message, sa.spis, path, sa.prf, forces=self.forces_udp))

    def candidate(self, secret: bytes | None, theirs: packet.KeyExchange, shared: bytes, nonces: Nonces) -> Candidate:
        """Return keys and channel that follow from a secret; None: from the nonces alone, with signatures."""
        sa, suite = self.sa, surely(self.sa.suite)
        of_nonces = skeyid_of_signatures(sa.prf, shared, nonces)
        skeyid = of_nonces if secret is None else skeyid_of_secret(sa.prf, secret, nonces)
        cipher, size = CIPHERS[Encr(suite.encr)]
        keys = ike_keys(sa.prf, skeyid, shared, sa.spis, suite.key_bits // 8 or size)
        ours = surely(self.secret).public
        publics = (ours, theirs.data) if sa.is_initiator else (theirs.data, ours)
        return Candidate(secret, keys, Channel(keys, first_iv(sa.prf, *publics, cipher.block), cipher))

    def digest(self, keys: IkeKeys, identity: packet.IdentificationPayload, *, ours: bool) -> bytes:
        """Return HASH_I or HASH_R. ours: we prove ourselves with it."""
        sa = self.sa
        publics, cookies = (surely(self.secret).public, self.theirs), (sa.own_spi, sa.peer_spi)
        if not ours:
            publics, cookies = (publics[1], publics[0]), (cookies[1], cookies[0])
        return proof(keys, publics, cookies, self.offers, identity.body())

    def proved(self, keys: IkeKeys, terms: Terms) -> tuple[Payload, ...]:
        """Return our identity and its proof."""
        identity = packet.IdentificationPayload(terms.identity.kind, terms.identity.data)
        digest = self.digest(keys, identity, ours=True)
        if not self.signed:
            return identity, packet.Hash(digest)
        return (identity, *authentication.certificates(terms), authentication.sign(terms.key, digest))

    def claim(self, keys: IkeKeys, message: packet.Chain) -> authentication.Claim:
        """Return what the peer claims; with a pre-shared key it has proved to know that. Raises WireError."""
        claim = authentication.claim_of(message, signed=self.signed)
        expected = self.digest(keys, claim.identity, ours=False)
        if not self.signed and not hmac.compare_digest(expected, claim.proof):
            raise WireError("the hash is wrong", offset=0, clause=_CLAUSE)
        return claim

    def judge(self, used: Candidate, terms: Terms | Reason, claim: authentication.Claim) -> Evidence | Reason:
        """Return how the peer has proved what it claims, or why it is not believed."""
        if isinstance(terms, Reason):
            return terms
        if used.secret is not None:
            return authentication.knows_secret(self.sa, terms, claim, used.secret)
        return authentication.holds_key(self.sa, terms, claim, self.digest(used.keys, claim.identity, ours=False))

    def may_be_damaged(self, octets: bytes, why: Reason) -> bool:
        """Return whether to wait for another proof: a wrong signature may be a damaged message."""
        if not self.signed or self._failures.known(octets) is not None or not self._failures.add(octets, why):
            return False
        self.sa.trouble(why)
        return True

    def refuse(self, why: Reason) -> None:
        """End: the peer can read us, and we do not want its identity or its proof. It learns only that it failed."""
        self.sa.trouble(why)
        self.sa.inform(packet.Notify(NotifyType.AUTHENTICATION_FAILED))
        self.sa.end(why)

    def describe(self) -> str:
        """Return what we offer, for people."""
        return self.wanted.describe()

    def over(self) -> None:
        """Forget what only main mode needs, and after a while the rest."""
        self.secret, self.nonce, self.offers = None, b"", b""
        self.over_at = self.sa.now + HALF_OPEN


def says_alone(message: packet.Chain) -> bool:
    """Return whether the peer has no other SA with us (RFC 2407 §4.6.3.3)."""
    return message.notify(NotifyType.INITIAL_CONTACT) is not None


# ------------------------------------------------------------------------------------------------ the initiator


#: Which message of the initiator waits for its answer.
_STEPS: Final = {SaState.NO_STATE: 1, SaState.SA_SETUP: 3}


class Initiation(MainMode):
    """Main mode as its initiator, which repeats its messages until the last answer has come."""

    ANSWERS_AGAIN: ClassVar[bool] = False

    def __init__(self, sa: IsakmpSa) -> None:
        super().__init__(sa)
        self._made: Candidate | None = None

    def begin(self) -> None:
        """Send message 1."""
        offer = packet.SecurityAssociation(self.wanted.offer())
        self.offers = offer.body()
        self.say(self.sa.plain((offer, *self.vendors())), awaits=True)

    def hear(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
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

    def _hear_choice(self, message: packet.Message, octets: bytes) -> None:
        sa, chosen = self.sa, message.find(packet.SecurityAssociation)
        if chosen is None or message.header.cookie_r == NO_SPI:
            raise WireError("message 2 lacks an SA or a cookie", offset=0, clause=_CLAUSE)
        terms = accepted(self.wanted, chosen.proposals)
        if terms is None:
            sa.trouble(Reason(IkeReason.NOT_OFFERED, (mismatch(self.wanted, chosen.proposals),)))
            return
        self.retransmission.hears(octets)
        self.signed = terms.choice == AuthMethod.RSA_SIGNATURE
        sa.heard_first(message.header.cookie_r)
        sa.chose(
            terms.suite,
            float(terms.lifetime.kept.seconds or DEFAULT_LIFETIME),
            message,
            prefers_udp=self.opening.udp.prefers,
        )
        self.draw()
        self.say(sa.plain(self.contribution()), awaits=True)

    def _hear_key(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        sa, theirs, nonce = self.sa, message.find(packet.KeyExchange), message.find(packet.Nonce)
        if theirs is None or nonce is None:
            raise WireError("message 4 lacks a key or a nonce", offset=0, clause=_CLAUSE)
        try:
            shared = surely(self.secret).agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            return
        self.retransmission.hears(octets)
        sa.learns(message)
        self.find_nat(message, path)
        self.theirs, nonces = theirs.data, Nonces(self.nonce, nonce.data)
        terms = surely(sa.terms)
        self._made = made = self.candidate(None if self.signed else terms.secret, theirs, shared, nonces)
        sa.keyed(nonces)
        sa.use(made.keys, made.channel)
        if (sa.nat.found or sa.prefers_udp) and sa.path.local.port != NAT_PORT:
            sa.use_port(NAT_PORT)
        contact = (packet.Notify(NotifyType.INITIAL_CONTACT, protocol=1, spi=sa.spis),) if terms.initial_contact else ()
        self.say(sa.sealed(self.KIND, PHASE_1, (*self.proved(made.keys, terms), *contact)), awaits=True)

    def _hear_proof(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        sa, terms, made = self.sa, surely(self.sa.terms), surely(self._made)
        inside = self.open(message)
        claim = self.claim(made.keys, inside)
        evidence = self._failures.known(octets) or self.judge(made, terms, claim)
        if isinstance(evidence, Reason) and self.may_be_damaged(octets, evidence):
            return
        self.accept(message, octets, path)
        if isinstance(evidence, Reason):
            self.refuse(evidence)
            return
        self.over()
        agreed = replace(negotiated(terms, signed=self.signed), lifetime=sa.lifetime)
        sa.proved(agreed, claim.identity, evidence, initial_contact=says_alone(inside))

    def unanswered(self) -> None:
        """End the ISAKMP SA: the peer is dead, or does not want us."""
        number = _STEPS.get(self.sa.state, 5)
        silent = IkeReason.SILENT_SIGNATURE if self.signed else IkeReason.SILENT_PROOF
        why = Reason(silent) if number == 5 else None
        self.sa.end(self.gave_up(main_mode_message(number), why))


# ------------------------------------------------------------------------------------------------ the responder


#: Octets of an SA payload that a stranger makes us keep: some hundred transforms.
LARGEST_OFFER: Final = 8192


class Response(MainMode):
    """Main mode as its responder."""

    def __init__(self, sa: IsakmpSa) -> None:
        super().__init__(sa)
        self._candidates: tuple[Candidate, ...] = ()
        self._unsaid = ABILITIES

    def welcome(self, message: packet.Message, octets: bytes) -> Reason | None:
        """Answer message 1, with fewer octets: its sender may be forged. Returns why it is not answered."""
        sa, offers = self.sa, message.find(packet.SecurityAssociation)
        if offers is None:
            return Reason(IkeReason.INIT_LACKS)
        if why := self._unable():
            return why
        self.offers = offers.body()
        if len(self.offers) > LARGEST_OFFER:
            large = WireError(f"an offer of {len(self.offers)} octets", offset=HEADER_LENGTH, clause=_CLAUSE)
            return Reason(IkeReason.OF_WIRE, (large,))
        choice = choose(self.wanted, offers.proposals)
        if choice is None:
            return mismatch(self.wanted, offers.proposals)
        self.retransmission.hears(octets)
        self.signed = choice.terms.choice == AuthMethod.RSA_SIGNATURE
        lifetime = choice.terms.lifetime.kept.seconds or DEFAULT_LIFETIME
        sa.chose(choice.terms.suite, float(lifetime), message, prefers_udp=self.opening.udp.prefers)
        answer = packet.SecurityAssociation((choice.answer(),))
        # What the peer announces, too, in as many octets at least: it means what ours does by the first 16, an MD5.
        theirs = sorted([vendor.data for vendor in message.all(packet.VendorId)], key=len)
        longest = {each[:_NAME]: len(each) for each in theirs}
        said = tuple([mine for mine in self.vendors() if longest.get(mine.data[:_NAME], 0) >= len(mine.data)])
        self._unsaid = tuple(mine for mine in ABILITIES if mine not in said)
        self.say(sa.plain((answer, *said)), awaits=False)
        return None

    def _unable(self) -> Reason | None:
        """Return why we can prove ourselves by nothing that the policies want, if so."""
        if self.wanted.terms or (self.opening.secrets and not self.opening.transforms):
            return None
        wants_signature = any(one.signs for one in self.opening.transforms[:1])
        why = self.opening.unsigned if wants_signature else self.opening.keyless
        return why or Reason(IkeReason.NO_KEY_FOR, (self.sa.path.remote.address,))

    def refusal(self, message: packet.Message) -> tuple[Reply, ...]:
        """Return NO-PROPOSAL-CHOSEN in clear, if that is why: the peer's people learn what both ends lack."""
        if self.offers and self.wanted.terms:
            header = message.header
            answer = replace(header, exchange=ExchangeType.INFORMATIONAL, message_id=self.sa.fresh_message_id())
            refused = packet.Message(
                (packet.Notify(NotifyType.NO_PROPOSAL_CHOSEN, protocol=ProtocolId.IKE),), header=answer
            )
            return (Reply(self.sa.path, refused.serialize()),)
        return ()

    def hear(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        """Take in message 3 or 5. Raises WireError."""
        match self.sa.state:
            case SaState.SA_SETUP:
                self._hear_key(message, octets, path)
            case SaState.KEY_EXCH:
                self._hear_proof(message, octets, path)
            case _:
                raise WireError("main mode is over", offset=0, clause=_CLAUSE)

    def _hear_key(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        sa, theirs, nonce = self.sa, message.find(packet.KeyExchange), message.find(packet.Nonce)
        if theirs is None or nonce is None:
            raise WireError("message 3 lacks a key or a nonce", offset=0, clause=_CLAUSE)
        self.draw()
        try:
            shared = surely(self.secret).agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            sa.end(surely(sa.hint))
            return
        self.retransmission.hears(octets)
        sa.learns(message)
        self.find_nat(message, path)
        self.theirs, nonces = theirs.data, Nonces(nonce.data, self.nonce)
        secrets = (None,) if self.signed else self.opening.secrets
        self._candidates = tuple(self.candidate(each, theirs, shared, nonces) for each in secrets)
        sa.keyed(nonces)
        self.say(sa.plain((*self.contribution(), *self._unsaid)), awaits=False)

    def _hear_proof(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        sa = self.sa
        if message.sealed is None:
            raise WireError("message 5 is not encrypted", offset=HEADER_LENGTH, clause=_CLAUSE)
        found = self._read(message)
        if found is None:
            if not self.signed:
                sa.trouble(Reason(IkeReason.UNREADABLE_PROOF, (sa.path.remote.address,)))
            return
        used, inside, claim = found
        terms = sa.settings.terms(sa.path, claim.identity, None, claim.chain, sa.version)
        evidence = self._failures.known(octets) or self.judge(used, terms, claim)
        if isinstance(evidence, Reason) and self.may_be_damaged(octets, evidence):
            return
        sa.use(used.keys, used.channel)
        self.accept(message, octets, path)
        if isinstance(evidence, Reason) or isinstance(terms, Reason):
            self.refuse(evidence if isinstance(evidence, Reason) else Reason(IkeReason.NO_IDENTITY))
            return
        if sa.admission is not None and (*claim.identity.key, evidence.entry) not in sa.admission.who:
            self.refuse(sa.admission.refusal)
            return
        self.say(sa.sealed(self.KIND, PHASE_1, self.proved(used.keys, terms)), awaits=False)
        self.over()
        self._candidates = ()
        agreed = replace(negotiated(terms, signed=self.signed), lifetime=sa.lifetime, initial_contact=False)
        sa.proved(agreed, claim.identity, evidence, initial_contact=says_alone(inside))

    def _read(self, message: packet.Message) -> tuple[Candidate, packet.Chain, Claim] | None:
        """Return with which keys message 5 was made, and its contents; None: with none of ours."""
        for each in self._candidates:
            try:
                inside = each.channel.open(message)
                return each, inside, self.claim(each.keys, inside)
            except WireError:
                continue
        return None

    def unanswered(self) -> None:
        """Do nothing: a responder repeats nothing unasked."""
