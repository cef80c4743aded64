"""How an IKE SA begins, RFC 7296 §1.2: IKE_SA_INIT at both ends, and IKE_AUTH as its initiator asks it.

    Init         algorithms, Diffie-Hellman, nonces, NAT detection; cookies (§2.6), other groups
    Auth         both identities and their proofs, and the first child SA; `events.py` has the other end
    InitRequest  the first message of an unknown peer: §2.6 and §2.10

A stranger costs one Diffie-Hellman at most, and while many of them come at once not even that: then each must first
show, with a cookie, that it receives what we send to the address that it claims.

NAT detection, RFC 7296 §2.23: both sides say which addresses they think they use, as a hash.

AUTH: how a side proves who it is, RFC 7296 §2.15: by a pre-shared key, or by one of the `signatures`.

A proof always says the same: the holder of the key saw exactly our first messages, nonces and identities.
"""

from __future__ import annotations

import hmac
from typing import ClassVar, Final

from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import HEADER, NO_SPI, Payload
from dmvpn.features.ike.crypto import PrfAlgorithm, draw
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.identity import Identification, name_of
from dmvpn.features.ike.numbers import CertEncoding, ProtocolId
from dmvpn.features.ike.peer_settings import NAT_PORT, DatagramPath, Endpoint, Expectation, PeerSettings, Terms, UdpUse
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Evidence
from dmvpn.features.ike.translation import written
from dmvpn.features.ike.trust import method_name
from dmvpn.features.ike.udp import PREFERS_UDP, Nat, endpoint_hash
from dmvpn.features.ike.v2 import packet
from dmvpn.features.ike.v2.exchanges import NONCE_SIZE, DeleteIke, Probe
from dmvpn.features.ike.v2.negotiation import Ask, ChildRefused, Contributions, accepted, choose, ike_offer, mismatch
from dmvpn.features.ike.v2.numbers import AuthMethod, ExchangeType, HashId, NotifyType
from dmvpn.features.ike.v2.packet import Authentication, Certificate, Chain, encoded
from dmvpn.features.ike.v2.sa import Abilities, Exchange, IkeSa

_KEY_PAD: Final = b"Key Pad for IKEv2"


def signed_octets(
    prf: PrfAlgorithm, first_message: bytes, nonce: bytes, identity: Identification, sk_p: bytes
) -> bytes:
    """Return what AUTH covers.

    first_message: the signer's own IKE_SA_INIT message as it was on the wire, without non-ESP marker.
    nonce: the other side's, without header.
    sk_p: SK_pi or SK_pr of the signer.
    """
    return first_message + nonce + prf(sk_p, encoded(identity))


def shared_key_mic(prf: PrfAlgorithm, secret: bytes, octets: bytes) -> bytes:
    """Return prf(prf(Shared Secret, "Key Pad for IKEv2"), octets)."""
    return prf(prf(secret, _KEY_PAD), octets)


def knows_secret(prf: PrfAlgorithm, secret: bytes, octets: bytes, proof: Authentication) -> bool:
    """Return whether the AUTH payload proves the pre-shared key."""
    is_method = proof.method == AuthMethod.SHARED_KEY
    return is_method and hmac.compare_digest(shared_key_mic(prf, secret, octets), proof.data)


#: What we tell in SIGNATURE_HASH_ALGORITHMS.
HASHES: Final = (HashId.SHA2_256, HashId.SHA2_384, HashId.SHA2_512)


def our_proof(sa: IkeSa, terms: Terms, identity: Identification) -> Authentication:
    """Make the AUTH payload that shows that we are `identity`."""
    octets = _signed(sa, identity, by_initiator=sa.is_initiator)
    if terms.key is not None:
        from dmvpn.features.ike.v2.signatures import prove_with_key

        return prove_with_key(terms.key, octets, sa.abilities.hashes)
    return Authentication(AuthMethod.SHARED_KEY, shared_key_mic(sa.prf, terms.secret or b"", octets))


def check_proof(sa: IkeSa, terms: Terms, identity: Identification, message: Chain) -> Evidence | Reason:
    """Return with what the peer proves to be `identity`; a `Reason` if it is not believed."""
    proof = message.find(Authentication)
    if proof is None:
        return Reason(IkeReason.NO_PROOF if sa.is_initiator else IkeReason.EAP, (name_of(identity),))
    expected = sa.settings.expectation(terms, sa.path, identity)
    if isinstance(expected, Reason):
        return expected
    if proof.method not in _methods(expected):
        by = "a pre-shared key" if proof.method == AuthMethod.SHARED_KEY else f"a signature (method {proof.method})"
        return Reason(IkeReason.METHOD_REFUSED, (name_of(identity), by, written(terms.profile)))
    octets = _signed(sa, identity, by_initiator=not sa.is_initiator)
    if any(knows_secret(sa.prf, secret, octets, proof) for secret in expected.secrets):
        return Evidence("PSK", expected.entry, expected.named)
    if not expected.certificates:
        return Reason(IkeReason.OTHER_KEY, (name_of(identity), written(terms.profile)))
    chain = tuple(payload.data for payload in message.all(Certificate))
    key = sa.settings.believe(terms, identity, chain, sa.now)
    if isinstance(key, Reason):
        return key
    from dmvpn.features.ike.v2.signatures import holds_key

    if not holds_key(key, octets, proof):
        return Reason(IkeReason.NOT_THE_HOLDER, (name_of(identity),))
    return Evidence(method_name(key), chain=chain)


def _signed(sa: IkeSa, identity: Identification, *, by_initiator: bool) -> bytes:
    """Return what one end signs: its own first message, the other end's nonce, and its identity."""
    keys = surely(sa.keys)
    if by_initiator:
        return signed_octets(sa.prf, sa.init_request, sa.nonces.responder, identity, keys.pi)
    return signed_octets(sa.prf, sa.init_response, sa.nonces.initiator, identity, keys.pr)


def _methods(expected: Expectation) -> frozenset[int]:
    """Return the methods of AUTH that can satisfy us."""
    shared = {AuthMethod.SHARED_KEY} if expected.secrets else set()
    return frozenset(shared | (set(AuthMethod) - {AuthMethod.SHARED_KEY} if expected.certificates else set()))


def detection_hash(spis: bytes, end: Endpoint) -> bytes:
    """Return SHA-1 of SPIi | SPIr | address | port. It is no secret: each router on the path knows all of it."""
    return endpoint_hash(spis, end, "sha1")


def detection(spis: bytes, path: DatagramPath, *, force: bool = False) -> tuple[packet.Notify, packet.Notify]:
    """Make our two notifies.

    force: pretend that our address is translated, so that both sides use port 4500.
    """
    source = bytes(20) if force else detection_hash(spis, path.local)
    return (
        packet.Notify(NotifyType.NAT_DETECTION_SOURCE_IP, source),
        packet.Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, detection_hash(spis, path.remote)),
    )


def detect(message: packet.Chain, spis: bytes, path: DatagramPath, *, forces: bool) -> Nat:
    """Compare the peer's hashes with the addresses of the datagram.

    spis: as they were in its header.
    forces: we pretend to be translated, and behave so.
    """
    notifies = message.all(packet.Notify)
    theirs = [notify.data for notify in notifies if notify.kind == NotifyType.NAT_DETECTION_SOURCE_IP]
    ours = [notify.data for notify in notifies if notify.kind == NotifyType.NAT_DETECTION_DESTINATION_IP]
    if not (theirs and ours):
        return Nat()
    return Nat(  # several sources: of a peer with several addresses, one of which must fit
        remote=detection_hash(spis, path.remote) not in theirs,
        local=forces or detection_hash(spis, path.local) not in ours,
        supported=True,
    )


#: Answers that make us ask again: cookies and groups. After more than a few, the peer is not serious.
_LARGEST_NUMBER_OF_CHANGES: Final = 6


class Init(Exchange):
    """The first exchange of a new IKE SA, as its initiator."""

    KIND: ClassVar = ExchangeType.IKE_SA_INIT

    def __init__(self, sa: IkeSa) -> None:
        super().__init__(sa)
        opening = sa.settings.opening(sa.path)
        self.suites, self.udp = opening.suites, opening.udp
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.secret = draw(self.suites[0].group, sa.entropy)
        self.group = self.suites[0].group
        self.cookie: packet.Notify | None = None
        self._changes = 0

    def request(self) -> tuple[Payload, ...]:
        """Return `[N(COOKIE)] SAi1 KEi Ni N(NAT_DETECTION...) ...`."""
        sa = self.sa
        cookie = (self.cookie,) if self.cookie else ()
        return (
            *cookie,
            packet.SecurityAssociation(ike_offer(self.suites)),
            packet.KeyExchange(self.group, self.secret.public),
            packet.Nonce(self.nonce),
            *(detection(sa.spi_i + NO_SPI, sa.path, force=self._forces_udp) if self.udp.detects else ()),
            *abilities(fragments=sa.terms is not None and sa.terms.fragment is not None, prefers_udp=self.udp.prefers),
        )

    @property
    def _forces_udp(self) -> bool:
        """Return whether we pretend to be translated, and behave so."""
        return self.sa.terms is not None and self.sa.terms.force_udp

    def answered(self, answer: packet.Chain, octets: bytes) -> None:
        """Take in an answer that any host could have sent: what does not fit is ignored, and the request repeated."""
        if notify := answer.error or answer.notify(NotifyType.COOKIE):
            self._noted(notify)
            return
        chosen, theirs, nonce = (
            answer.find(packet.SecurityAssociation),
            answer.find(packet.KeyExchange),
            answer.find(packet.Nonce),
        )
        header, _ = packet.parse_header(octets)
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
        # The place for IKE_INTERMEDIATE (RFC 9242): if both sides said INTERMEDIATE_EXCHANGE_SUPPORTED, an exchange of
        # that kind comes here, and `Auth` is what it queues when it is answered; `events.answer` gets the other half.
        # Each adds to the octets that proofs sign (IntAuth, RFC 9242 §3.3.2), and with further key exchanges (RFC 9370)
        # gives the IKE SA the next SKEYSEED. The initiator's path and state are those of IKE_AUTH by then.
        sa.queue(Auth(sa), urgent=True)

    def _noted(self, notify: packet.Notify) -> None:
        sa = self.sa
        self._changes += 1
        if self._changes > _LARGEST_NUMBER_OF_CHANGES:
            return
        if notify.kind == NotifyType.COOKIE and 1 <= len(notify.data) <= 64:
            self.cookie = packet.Notify(NotifyType.COOKIE, notify.data)
            sa.send_request(self.KIND, self.request())
        elif notify.kind == NotifyType.INVALID_KE_PAYLOAD and len(notify.data) == 2:
            group = int.from_bytes(notify.data, "big")
            if group == self.group or group not in {suite.group for suite in self.suites}:
                return
            self.group, self.secret = group, draw(group, sa.entropy)
            sa.send_request(self.KIND, self.request())
        elif notify.is_error:  # not authentic: people are told, but the request is still repeated (§2.21.1)
            offered = "; ".join(str(proposal) for proposal in ike_offer(self.suites))
            sa.trouble(Reason(IkeReason.INIT_REFUSED, (notify.name, offered)))


def abilities(*, fragments: bool, prefers_udp: bool = False) -> tuple[Payload, ...]:
    """Return our abilities: fragments (RFC 7383 §2.3), signatures with these hashes (RFC 7427 §4), port 4500."""
    hashes = b"".join(number.to_bytes(2, "big") for number in HASHES)
    cuts = (packet.Notify(NotifyType.FRAGMENTATION_SUPPORTED),) if fragments else ()
    ours = (packet.VendorId(PREFERS_UDP),) if prefers_udp else ()
    return (*cuts, packet.Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, hashes), *ours)


def abilities_of(message: packet.Chain, udp: UdpUse) -> Abilities:
    """Return the peer's abilities."""
    hashes = message.notify(NotifyType.SIGNATURE_HASH_ALGORITHMS)
    data = hashes.data if hashes else b""
    return Abilities(
        tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)),
        message.notify(NotifyType.FRAGMENTATION_SUPPORTED) is not None,
        udp.prefers and any(vendor.data == PREFERS_UDP for vendor in message.all(packet.VendorId)),
        message.notify(NotifyType.USE_PPK) is not None,
    )


# ------------------------------------------------------------------------------------------------------------ IKE_AUTH


def certificates(terms: Terms) -> tuple[packet.Certificate, ...]:
    """Return our chain, if we prove ourselves with one."""
    return tuple(packet.Certificate(CertEncoding.X509_SIGNATURE, octets) for octets in terms.chain)


def request_for(authorities: tuple[bytes, ...]) -> tuple[packet.CertificateRequest, ...]:
    """Return whom we believe, if we believe certificates at all."""
    return (packet.CertificateRequest(CertEncoding.X509_SIGNATURE, b"".join(authorities)),) if authorities else ()


class Auth(Exchange):
    """The second exchange of a new IKE SA, as its initiator."""

    KIND: ClassVar = ExchangeType.IKE_AUTH

    def __init__(self, sa: IkeSa) -> None:
        super().__init__(sa)
        self.terms = surely(sa.terms)
        self.ask = Ask.of(sa, self.terms.child, first=True)

    def request(self) -> tuple[Payload, ...]:
        """Return `SK {IDi, [CERT], [N(INITIAL_CONTACT)], [CERTREQ], AUTH, N(USE_TRANSPORT_MODE), SAi2, TSi, TSr}`."""
        identity = packet.InitiatorId(self.terms.identity.kind, self.terms.identity.data)
        contact = (packet.Notify(NotifyType.INITIAL_CONTACT),) if self.terms.initial_contact else ()
        proof = our_proof(self.sa, self.terms, identity)
        shown = (*certificates(self.terms), *contact, *request_for(self.terms.authorities))
        return (identity, *shown, proof, *self.ask.front(), *self.ask.back())

    def answered(self, answer: packet.Chain, octets: bytes) -> None:
        """Take in the responder's proof; a child SA that failed does not undo it (§1.2)."""
        sa = self.sa
        identity = answer.find(packet.ResponderId)
        if identity is None:
            sa.end(_refusal(answer))
            return
        if answer.asks_for_eap:
            sa.trouble(Reason(IkeReason.EAP, (name_of(identity),)))
            sa.end(surely(sa.hint))
            return
        evidence = check_proof(sa, self.terms, identity, answer)
        if isinstance(evidence, Reason):
            sa.trouble(evidence)
            sa.queue(DeleteIke(sa, evidence), urgent=True)
            return
        contact = answer.notify(NotifyType.INITIAL_CONTACT) is not None
        sa.proved(self.terms, identity, evidence, initial_contact=contact)
        try:
            sa.add_child(self.ask.conclude(sa, answer, Contributions(sa.nonces)))
        except ChildRefused as refused:
            sa.trouble(Reason(IkeReason.NO_CHILD, (refused.why,)))
        if sa.path.local.port != NAT_PORT and sa.chooses_port:
            sa.queue(Probe(sa))  # shows the responder that we left port 4500; a repetition of IKE_AUTH does not


def _refusal(answer: packet.Chain) -> Reason:
    error = answer.error
    if error is None:
        return Reason(IkeReason.ANSWER_WITHOUT_IDENTITY)
    if error.kind == NotifyType.AUTHENTICATION_FAILED:
        return Reason(IkeReason.PROOF_REFUSED)
    return Reason(IkeReason.REFUSED, (error.name,))


# ------------------------------------------------------------------------------------------- a stranger's first message


#: Seconds after which the secret of the cookies changes; cookies of the one before are still taken.
_SECRET_LIFE: Final = 60.0
_COOKIE_SIZE: Final = 24


class Cookies:
    """Cookies without memory: HMAC of what the stranger will send again. RFC 7296 §2.6."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._secrets: list[bytes] = []
        self._changed = 0.0

    def cookie(self, message: packet.Message, nonce: bytes, path: DatagramPath, now: float) -> bytes:
        """Return what the stranger has to send back."""
        if not self._secrets or now >= self._changed + _SECRET_LIFE:
            self._secrets = [self._entropy.octets(32), *self._secrets[:1]]
            self._changed = now
        return self._of(self._secrets[0], message, nonce, path)

    def is_good(self, message: packet.Message, nonce: bytes, path: DatagramPath) -> bool:
        """Return whether the message has a cookie that we gave."""
        notify = message.notify(NotifyType.COOKIE)
        return notify is not None and any(
            hmac.compare_digest(self._of(secret, message, nonce, path), notify.data) for secret in self._secrets
        )

    @staticmethod
    def _of(secret: bytes, message: packet.Message, nonce: bytes, path: DatagramPath) -> bytes:
        place = path.remote.address.packed + path.remote.port.to_bytes(2, "big")
        seen = nonce + place + message.header.spi_i + path.front.encode()
        return hmac.digest(secret, seen, "sha256")[:_COOKIE_SIZE]


def plain_answer(request: bytes, payloads: tuple[Payload, ...], spi_r: bytes = NO_SPI) -> bytes:
    """Make a response without encryption: of IKE_SA_INIT, or an error about a message of no known SA."""
    spi_i, given, _, _, exchange, flags, message_id, _ = HEADER.unpack_from(request)
    response = packet.RESPONSE if flags & packet.FROM_INITIATOR else packet.RESPONSE | packet.FROM_INITIATOR
    header = packet.Header(
        spi_i=spi_i, spi_r=spi_r if given == NO_SPI else given, exchange=exchange, flags=response, message_id=message_id
    )
    return packet.Message(payloads, header=header).serialize()


def invalid_spi(spi: int) -> bytes:
    """Return a message, outside of any IKE SA, that there is no child SA with this inbound SPI (§1.5)."""
    header = packet.Header(
        spi_i=NO_SPI, spi_r=NO_SPI, exchange=ExchangeType.INFORMATIONAL, flags=packet.FROM_INITIATOR, message_id=0
    )
    return packet.Message((packet.Notify(NotifyType.INVALID_SPI, spi.to_bytes(4, "big")),), header=header).serialize()


class InitRequest:
    """An IKE_SA_INIT request that was read but is not believed."""

    def __init__(self, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
        self.message, self.octets, self.path = message, octets, path
        self.offers = message.find(packet.SecurityAssociation)
        self.key = message.find(packet.KeyExchange)
        self.nonce = message.find(packet.Nonce)

    @property
    def is_complete(self) -> bool:
        """Whether it has everything that a request must have."""
        header = self.message.header
        is_first = header.message_id == 0 and header.spi_r == NO_SPI and header.exchange == ExchangeType.IKE_SA_INIT
        return is_first and None not in (self.offers, self.key, self.nonce)

    @property
    def nonce_octets(self) -> bytes:
        """Its nonce; the request must be complete."""
        return surely(self.nonce).data

    def ask_for_cookie(self, cookies: Cookies, now: float) -> bytes:
        """Answer that we have no time for strangers without a cookie."""
        cookie = cookies.cookie(self.message, self.nonce_octets, self.path, now)
        return plain_answer(self.octets, (packet.Notify(NotifyType.COOKIE, cookie),))

    def answer(self, settings: PeerSettings, entropy: Entropy, now: float) -> tuple[IkeSa | None, bytes, Reason | None]:
        """Return the IKE SA that begins (None: none does), the answer, and why none does."""
        offers, key, nonce = surely(self.offers), surely(self.key), surely(self.nonce)
        opening = settings.opening(self.path)
        suites, udp = opening.suites, opening.udp
        choice = choose(suites, offers.proposals, ProtocolId.IKE, has_group=key.group)
        if choice is None:
            why = mismatch(suites, offers.proposals, ProtocolId.IKE)
            return None, plain_answer(self.octets, (packet.Notify(NotifyType.NO_PROPOSAL_CHOSEN),)), why
        suite = choice.suite
        if suite.group != key.group:
            wanted = packet.Notify(NotifyType.INVALID_KE_PAYLOAD, suite.group.to_bytes(2, "big"))
            return None, plain_answer(self.octets, (wanted,)), None
        secret = draw(suite.group, entropy)
        try:
            shared = secret.agree(key.data)
        except WireError as error:
            return (
                None,
                plain_answer(self.octets, (packet.Notify(NotifyType.INVALID_SYNTAX),)),
                Reason(IkeReason.OF_WIRE, (error,)),
            )
        spi_i = self.message.header.spi_i
        sa = IkeSa(settings=settings, entropy=entropy, path=self.path, is_initiator=False, now=now, peer_spi=spi_i)
        nonces = Nonces(nonce.data, entropy.octets(NONCE_SIZE))
        nat = detect(self.message, spi_i + NO_SPI, self.path, forces=udp.forces) if udp.detects else Nat()
        can = abilities_of(self.message, udp)
        sa.agreed(suite, shared, nonces, nat, can)
        response = plain_answer(
            self.octets,
            (
                packet.SecurityAssociation((choice.answer(b""),)),
                packet.KeyExchange(suite.group, secret.public),
                packet.Nonce(nonces.responder),
                *(detection(sa.spis, self.path, force=udp.forces) if nat.supported else ()),
                *request_for(opening.authorities),
                *abilities(fragments=can.fragments, prefers_udp=can.prefers_udp),
            ),
            sa.spi_r,
        )
        sa.said_first(self.octets, response)
        return sa, response, None
