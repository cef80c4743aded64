"""How an IKE SA begins, RFC 7296 §1.2: IKE_SA_INIT and IKE_AUTH as their initiator asks them, and both ends' proofs.

    Init    algorithms, Diffie-Hellman, nonces, NAT detection; cookies (§2.6), other groups
    Auth    who are we, who are you, and the first child SA
    proofs  AUTH, made and checked: which credential for whom (§2.15)

The responder's half is in `responder.py` and `answers.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from cryptography.hazmat.primitives.asymmetric import rsa

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.crypto.groups import draw
from dmvpn.features.ikev2.crypto.keys import Nonces
from dmvpn.features.ikev2.crypto.signatures import (
    HASHES,
    holds_key,
    knows_secret,
    prove_with_key,
    prove_with_secret,
    signed_octets,
)
from dmvpn.features.ikev2.exchanges import NONCE_SIZE, DeleteIke
from dmvpn.features.ikev2.identity import name_of
from dmvpn.features.ikev2.life import Abilities, Evidence
from dmvpn.features.ikev2.negotiation import Agreement, Ask, Refused
from dmvpn.features.ikev2.offers import accepted, ike_offer, mismatch
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sa import Exchange
from dmvpn.features.ikev2.terms import NAT_PORT
from dmvpn.features.ikev2.udp import Nat, detect, detection
from dmvpn.features.ikev2.wire.message import NO_SPI, parse_header
from dmvpn.features.ikev2.wire.numbers import AuthMethod, CertEncoding, ExchangeType, NotifyType, ProtocolId
from dmvpn.features.ikev2.wire.payloads import (
    Authentication,
    Certificate,
    CertificateRequest,
    InitiatorId,
    KeyExchange,
    Nonce,
    Notify,
    Payload,
    ResponderId,
    SecurityAssociation,
    VendorId,
)

if TYPE_CHECKING:
    from dmvpn.features.ikev2.crypto.signatures import PrivateKey, PublicKey
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import Terms, UdpUse
    from dmvpn.features.ikev2.wire.message import Chain
    from dmvpn.features.ikev2.wire.payloads import Identification

#: Answers that make us ask again: cookies and groups. After more than a few, the peer is not serious.
_LARGEST_NUMBER_OF_CHANGES: Final = 6


#: A vendor identifier of our own: its sender takes IKE and ESP by UDP port 4500 even where nobody translates, and goes
#: back to port 500 and protocol 50 if nothing comes through. MD5 of "dmvpn: UDP port 4500 preferred".
PREFERS_UDP: Final = bytes.fromhex("b39cf42a827b28d34bd75dce2fff7c3d")


class Init(Exchange):
    """The first exchange of a new IKE SA, as its initiator."""

    KIND: ClassVar = ExchangeType.IKE_SA_INIT

    def __init__(self, sa: IkeSa) -> None:
        super().__init__(sa)
        self.suites, self.udp = sa.book.suites(sa.path), sa.book.udp(sa.path)
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.secret = draw(self.suites[0].group, sa.entropy)
        self.group = self.suites[0].group
        self.cookie: Notify | None = None
        self._changes = 0

    def request(self) -> tuple[Payload, ...]:
        """Return `[N(COOKIE)] SAi1 KEi Ni N(NAT_DETECTION...) ...`."""
        sa = self.sa
        cookie = (self.cookie,) if self.cookie else ()
        return (
            *cookie,
            SecurityAssociation(ike_offer(self.suites)),
            KeyExchange(self.group, self.secret.public),
            Nonce(self.nonce),
            *(detection(sa.spi_i + NO_SPI, sa.path, force=self._forces_udp) if self.udp.detects else ()),
            *abilities(fragments=sa.terms is not None and sa.terms.fragment is not None, prefers_udp=self.udp.prefers),
        )

    @property
    def _forces_udp(self) -> bool:
        """Return whether we pretend to be translated, and behave so."""
        return self.sa.terms is not None and self.sa.terms.force_udp

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Take in an answer that anybody could have sent: what does not fit is ignored, and the request repeated."""
        if notify := answer.error or answer.notify(NotifyType.COOKIE):
            self._noted(notify)
            return
        chosen, theirs, nonce = answer.find(SecurityAssociation), answer.find(KeyExchange), answer.find(Nonce)
        header, _ = parse_header(octets)
        if chosen is None or theirs is None or nonce is None or header.spi_r == NO_SPI:
            return
        sa = self.sa
        suite = accepted(self.suites, chosen.proposals, ProtocolId.IKE)
        if suite is None or suite.group != theirs.group or theirs.group != self.group:
            why = mismatch(self.suites, chosen.proposals, ProtocolId.IKE)
            sa.trouble(Reason(IkeReason.NOT_OFFERED, (why,)))
            return
        try:
            shared = self.secret.agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            return
        sa.outgoing.answered()
        sa.heard_first(header.spi_r, octets)
        forces = self._forces_udp
        nat = detect(answer, sa.spis, sa.path, forces=forces) if self.udp.detects else Nat()
        sa.agreed(suite, shared, Nonces(self.nonce, nonce.data), nat, abilities_of(answer, self.udp))
        if (nat.found or sa.abilities.prefers_udp) and sa.path.local.port != NAT_PORT:
            sa.use_port(NAT_PORT)
        sa.queue(following(sa), urgent=True)

    def _noted(self, notify: Notify) -> None:
        sa = self.sa
        self._changes += 1
        if self._changes > _LARGEST_NUMBER_OF_CHANGES:
            return
        if notify.kind == NotifyType.COOKIE and 1 <= len(notify.data) <= 64:
            self.cookie = Notify(NotifyType.COOKIE, notify.data)
            sa.send_request(self.KIND, self.request())
        elif notify.kind == NotifyType.INVALID_KE_PAYLOAD and len(notify.data) == 2:
            group = int.from_bytes(notify.data, "big")
            if group == self.group or group not in {suite.group for suite in self.suites}:
                return
            self.group, self.secret = group, draw(group, sa.entropy)
            sa.send_request(self.KIND, self.request())
        elif notify.is_error:  # not authentic: people are told, but the request is still repeated (§2.21.1)
            sa.trouble(Reason(IkeReason.INIT_REFUSED, (notify.name, _offered(self))))


def _offered(exchange: Init) -> str:
    return "; ".join(str(proposal) for proposal in ike_offer(exchange.suites))


def following(sa: IkeSa) -> Exchange:
    """Return what is asked when IKE_SA_INIT is done.

    The place for IKE_INTERMEDIATE (RFC 9242): if both sides said INTERMEDIATE_EXCHANGE_SUPPORTED, an exchange of that
    kind comes from here, and `Auth` is what it queues when it is answered; `answers.answer` gets the other half. Each
    one adds to the octets that proofs sign (IntAuth, RFC 9242 §3.3.2), and with further key exchanges (RFC 9370) it
    gives the IKE SA the next SKEYSEED. The initiator's path and state are those of IKE_AUTH by then.
    """
    return Auth(sa)


def abilities(*, fragments: bool, prefers_udp: bool = False) -> tuple[Payload, ...]:
    """Return our abilities: fragments (RFC 7383 §2.3), signatures with these hashes (RFC 7427 §4), port 4500."""
    hashes = b"".join(number.to_bytes(2, "big") for number in HASHES)
    cuts = (Notify(NotifyType.FRAGMENTATION_SUPPORTED),) if fragments else ()
    ours = (VendorId(PREFERS_UDP),) if prefers_udp else ()
    return (*cuts, Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, hashes), *ours)


def abilities_of(message: Chain, udp: UdpUse) -> Abilities:
    """Return the peer's abilities."""
    hashes = message.notify(NotifyType.SIGNATURE_HASH_ALGORITHMS)
    data = hashes.data if hashes else b""
    return Abilities(
        tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)),
        message.notify(NotifyType.FRAGMENTATION_SUPPORTED) is not None,
        udp.prefers and any(vendor.data == PREFERS_UDP for vendor in message.all(VendorId)),
    )


# ------------------------------------------------------------------------------------------------------------ IKE_AUTH


def certificates(terms: Terms) -> tuple[Certificate, ...]:
    """Return our chain, if we prove ourselves with one."""
    return tuple(Certificate(CertEncoding.X509_SIGNATURE, octets) for octets in terms.chain)


def request_for(authorities: tuple[bytes, ...]) -> tuple[CertificateRequest, ...]:
    """Return whom we believe, if we believe certificates at all."""
    return (CertificateRequest(CertEncoding.X509_SIGNATURE, b"".join(authorities)),) if authorities else ()


class Auth(Exchange):
    """The second exchange of a new IKE SA, as its initiator."""

    KIND: ClassVar = ExchangeType.IKE_AUTH

    def __init__(self, sa: IkeSa) -> None:
        super().__init__(sa)
        self.terms = surely(sa.terms)
        self.ask = Ask.of(sa, self.terms.child, first=True)

    def request(self) -> tuple[Payload, ...]:
        """Return `SK {IDi, [CERT], [N(INITIAL_CONTACT)], [CERTREQ], AUTH, N(USE_TRANSPORT_MODE), SAi2, TSi, TSr}`."""
        identity = InitiatorId(self.terms.identity.kind, self.terms.identity.data)
        contact = (Notify(NotifyType.INITIAL_CONTACT),) if self.terms.initial_contact else ()
        proof = our_proof(self.sa, self.terms, identity)
        shown = (*certificates(self.terms), *contact, *request_for(self.terms.authorities))
        return (identity, *shown, proof, *self.ask.front(), *self.ask.back())

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Take in the responder's proof; a child SA that failed does not undo it (§1.2)."""
        sa = self.sa
        identity = answer.find(ResponderId)
        if identity is None:
            sa.end(_refusal(answer))
            return
        evidence = check_proof(sa, self.terms, identity, answer)
        if isinstance(evidence, Reason):
            sa.trouble(evidence)
            sa.queue(DeleteIke(sa, evidence), urgent=True)
            return
        contact = answer.notify(NotifyType.INITIAL_CONTACT) is not None
        sa.proved(self.terms, identity, evidence, initial_contact=contact)
        try:
            sa.add_child(self.ask.conclude(sa, answer, Agreement(sa.nonces)))
        except Refused as refused:
            sa.trouble(Reason(IkeReason.NO_CHILD, (refused.why,)))


def _refusal(answer: Chain) -> Reason:
    error = answer.error
    if error is None:
        return Reason(IkeReason.ANSWER_WITHOUT_IDENTITY)
    if error.kind == NotifyType.AUTHENTICATION_FAILED:
        return Reason(IkeReason.PROOF_REFUSED)
    return Reason(IkeReason.REFUSED, (error.name,))


# -------------------------------------------------------------------------------------------------------------- proofs


def our_proof(sa: IkeSa, terms: Terms, identity: Identification) -> Authentication:
    """Make the AUTH payload that shows that we are `identity`."""
    keys = surely(sa.keys)
    first, nonce, sk_p = (
        (sa.init_request, sa.nonces.responder, keys.pi)
        if sa.is_initiator
        else (sa.init_response, sa.nonces.initiator, keys.pr)
    )
    octets = signed_octets(sa.prf, first, nonce, identity, sk_p)
    if terms.key is not None:
        return prove_with_key(terms.key, octets, sa.abilities.hashes)
    return prove_with_secret(sa.prf, terms.secret or b"", octets)


def check_proof(sa: IkeSa, terms: Terms, identity: Identification, message: Chain) -> Evidence | Reason:
    """Return with what the peer proves to be `identity`; a `Reason` if it is not believed."""
    keys = surely(sa.keys)
    proof = message.find(Authentication)
    who = name_of(identity)
    if proof is None:
        return Reason(IkeReason.NO_PROOF, (who,))
    expected = sa.book.expectation(terms, sa.path, identity)
    if isinstance(expected, Reason):
        return expected
    if proof.method not in expected.methods:
        return Reason(IkeReason.METHOD_REFUSED, (who, _by(proof.method), terms.profile))
    first, nonce, sk_p = (
        (sa.init_response, sa.nonces.initiator, keys.pr)
        if sa.is_initiator
        else (sa.init_request, sa.nonces.responder, keys.pi)
    )
    octets = signed_octets(sa.prf, first, nonce, identity, sk_p)
    if any(knows_secret(sa.prf, secret, octets, proof) for secret in expected.secrets):
        return Evidence("PSK", expected.entry, expected.named)
    if not expected.certificates:
        return Reason(IkeReason.OTHER_KEY, (who, terms.profile))
    chain = tuple(payload.data for payload in message.all(Certificate))
    key = sa.book.believe(terms, identity, chain)
    if isinstance(key, Reason):
        return key
    if not holds_key(key, octets, proof):
        return Reason(IkeReason.NOT_THE_HOLDER, (who,))
    return Evidence(method_name(key), chain=chain)


def _by(method: int) -> str:
    """Name a method of AUTH, for the log."""
    return "a pre-shared key" if method == AuthMethod.SHARED_KEY else f"a signature (method {method})"


def method_name(key: PrivateKey | PublicKey) -> str:
    """Name what a key proves with, for shows."""
    return "RSA" if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey) else "ECDSA"
