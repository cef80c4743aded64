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
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.numbers import Encr
from dmvpn.features.ike.repetition import HALF_OPEN
from dmvpn.features.ike.udp import PREFERS_UDP
from dmvpn.features.ike.v1 import proofs
from dmvpn.features.ike.v1.detection import detect, detection
from dmvpn.features.ike.v1.exchange import Exchange
from dmvpn.features.ike.v1.keys import first_iv, ike_keys, proof, skeyid_of_secret, skeyid_of_signatures
from dmvpn.features.ike.v1.numbers import AuthMethod, ExchangeType, NotifyType, Vendor
from dmvpn.features.ike.v1.offers import CIPHERS, ike_wanted
from dmvpn.features.ike.v1.packet import Hash, IdentificationPayload, KeyExchange, Nonce, Notify, VendorId
from dmvpn.features.ike.v1.sealed import PHASE_1, Channel

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.crypto import PrivateValue
    from dmvpn.features.ike.crypto.material import Nonces
    from dmvpn.features.ike.peer_settings import DatagramPath, Terms
    from dmvpn.features.ike.session import Evidence
    from dmvpn.features.ike.v1.keys import IkeKeys
    from dmvpn.features.ike.v1.packet import Chain, Message
    from dmvpn.features.ike.v1.sa import IsakmpSa

#: Octets, as strongSwan and IOS have it.
NONCE_SIZE: Final = 32
#: "FRAGMENTATION", and that we take fragments of main mode.
_FRAGMENTATION: Final = Vendor.FRAGMENTATION.value + bytes.fromhex("80000000")
#: What may be said in messages 3 and 4, too, as IOS does.
ABILITIES: Final[tuple[VendorId, ...]] = (VendorId(Vendor.DPD.value), VendorId(_FRAGMENTATION))
_CLAUSE = "RFC 2409 §5"


@dataclass(frozen=True, slots=True)
class Candidate:
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
        self.opening, self.signed = sa.book.main_mode(sa.path), False
        sa.sends_whole(self.opening.fragment)
        self.wanted = ike_wanted(
            (one.suite, one.lifetime, AuthMethod.RSA_SIGNATURE if one.signs else AuthMethod.PRE_SHARED_KEY)
            for one in self.opening.transforms
            if self._is_able(signs=one.signs)
        )
        self.offers = self.nonce = self.theirs = b""
        self.secret: PrivateValue | None = None
        self._failures = proofs.Failures()

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
        asked = proofs.requests_for(self.opening.authorities) if self.signed else ()
        mine = (KeyExchange(surely(self.secret).public), Nonce(self.nonce), *asked)
        if not self._detects:
            return mine
        return (*mine, *detection(sa.cookies, sa.path, sa.prf, force=self.forces_udp))

    def find_nat(self, message: Message, path: DatagramPath) -> None:
        """Compare the hashes of addresses in message 3 or 4 with the path on which it came."""
        if self._detects:
            sa = self.sa
            sa.found(detect(message, sa.cookies, path, sa.prf, forces=self.forces_udp))

    def candidate(self, secret: bytes | None, theirs: KeyExchange, shared: bytes, nonces: Nonces) -> Candidate:
        """Return keys and channel that follow from a secret; None: from the nonces alone, with signatures."""
        sa, suite = self.sa, surely(self.sa.suite)
        of_nonces = skeyid_of_signatures(sa.prf, shared, nonces)
        skeyid = of_nonces if secret is None else skeyid_of_secret(sa.prf, secret, nonces)
        cipher, size = CIPHERS[Encr(suite.encr)]
        keys = ike_keys(sa.prf, skeyid, shared, sa.cookies, suite.key_bits // 8 or size)
        ours = surely(self.secret).public
        publics = (ours, theirs.data) if sa.is_initiator else (theirs.data, ours)
        return Candidate(secret, keys, Channel(keys, first_iv(sa.prf, *publics, cipher.value), cipher))

    def digest(self, keys: IkeKeys, identity: IdentificationPayload, *, ours: bool) -> bytes:
        """Return HASH_I or HASH_R. ours: we prove ourselves with it."""
        sa = self.sa
        publics, cookies = (surely(self.secret).public, self.theirs), (sa.own_spi, sa.peer_spi)
        if not ours:
            publics, cookies = (publics[1], publics[0]), (cookies[1], cookies[0])
        return proof(keys, publics, cookies, self.offers, identity.body())

    def proved(self, keys: IkeKeys, terms: Terms) -> tuple[Payload, ...]:
        """Return our identity and its proof."""
        identity = IdentificationPayload(terms.identity.kind, terms.identity.data)
        digest = self.digest(keys, identity, ours=True)
        if not self.signed:
            return identity, Hash(digest)
        return (identity, *proofs.certificates(terms), proofs.sign(terms.key, digest))

    def claim(self, keys: IkeKeys, message: Chain) -> proofs.Claim:
        """Return what the peer claims; with a pre-shared key it has proved to know that. Raises WireError."""
        claim = proofs.claim_of(message, signed=self.signed)
        expected = self.digest(keys, claim.identity, ours=False)
        if not self.signed and not hmac.compare_digest(expected, claim.proof):
            raise WireError("the hash is wrong", offset=0, clause=_CLAUSE)
        return claim

    def judge(self, used: Candidate, terms: Terms | Reason, claim: proofs.Claim) -> Evidence | Reason:
        """Return how the peer has proved what it claims, or why it is not believed."""
        if isinstance(terms, Reason):
            return terms
        if used.secret is not None:
            return proofs.knows_secret(self.sa, terms, claim, used.secret)
        return proofs.holds_key(self.sa, terms, claim, self.digest(used.keys, claim.identity, ours=False))

    def may_be_damaged(self, octets: bytes, why: Reason) -> bool:
        """Return whether to wait for another proof: a wrong signature may be a damaged message."""
        if not self.signed or self._failures.known(octets) is not None or not self._failures.add(octets, why):
            return False
        self.sa.trouble(why)
        return True

    def refuse(self, why: Reason) -> None:
        """End: the peer can read us, and we do not want its identity or its proof. It learns only that it failed."""
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


def announces(theirs: bytes, mine: VendorId) -> bool:
    """Return whether a vendor ID of the peer means what ours does, in as many octets at least."""
    meant = next((vendor.value for vendor in Vendor if mine.data.startswith(vendor.value)), mine.data)
    return theirs.startswith(meant) and len(theirs) >= len(mine.data)


def says_alone(message: Chain) -> bool:
    """Return whether the peer has no other SA with us (RFC 2407 §4.6.3.3)."""
    return message.notify(NotifyType.INITIAL_CONTACT) is not None
