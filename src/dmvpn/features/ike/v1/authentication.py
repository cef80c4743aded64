"""How an end of main mode proves who it is: by a pre-shared key, or by an RSA signature. RFC 2409 §5.1 and §5.4.

Both ends prove the same octets, HASH_I and HASH_R. With a pre-shared key the keys follow from it, and the right hash is
the proof. With signatures every peer of the Diffie-Hellman has the right hash, and its signature is the proof: PKCS #1
version 1.5 around the hash as it is, without the name of the hash function in front.

The hash covers no certificates, and nothing else protects them; so a failed proof may be an honest proof that was
damaged on its way.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.identity import LONGEST_PATH, name_of
from dmvpn.features.ike.numbers import CertEncoding
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Evidence
from dmvpn.features.ike.translation import written
from dmvpn.features.ike.trust import method_name
from dmvpn.features.ike.udp import mark_of
from dmvpn.features.ike.v1.packet import Certificate, CertificateRequest, Chain, Hash, IdentificationPayload, Signature

if TYPE_CHECKING:
    from dmvpn.features.ike.crypto.certificates import PrivateKey, PublicKey
    from dmvpn.features.ike.v1.sa import IsakmpSa

_UDP: Final = 17
#: Protocol and port of an identity of phase 1. RFC 2407 has the first two; routers behind a NAT send the others.
_OWN_PORTS: Final = ((0, 0), (_UDP, IKE_PORT), (_UDP, 0), (_UDP, NAT_PORT))
#: Proofs of one peer that fail, each at the price of a chain of certificates and a signature.
_MOST_FAILURES: Final = 8
_CLAUSE = "RFC 2409 §5"


class Claim(Value):
    """Whom a peer claims to be, and its proof.

    proof: HASH_I or HASH_R, or a signature of it.
    chain: certificates in DER, its own first.
    """

    identity: IdentificationPayload
    proof: bytes
    chain: tuple[bytes, ...] = ()


def claim_of(message: Chain, *, signed: bool) -> Claim:
    """Return what message 5 or 6 claims. Raises WireError if it lacks an identity or the proof."""
    identity, proof = message.find(IdentificationPayload), message.find(Signature if signed else Hash)
    if identity is None or proof is None:
        raise WireError("an identity or its proof is missing", offset=0, clause=_CLAUSE)
    shown = (each.data for each in message.all(Certificate) if each.encoding == CertEncoding.X509_SIGNATURE)
    return Claim(identity, proof.data, tuple(shown)[: LONGEST_PATH + 1] if signed else ())


def certificates(terms: Terms) -> tuple[Certificate, ...]:
    """Return our chain. RFC 2408 §3.9."""
    return tuple(Certificate(CertEncoding.X509_SIGNATURE, octets) for octets in terms.chain)


def requests_for(authorities: tuple[bytes, ...]) -> tuple[CertificateRequest, ...]:
    """Return whom we believe, a payload for each: strongSwan shows its certificate only if it is asked. §3.10."""
    return tuple(CertificateRequest(CertEncoding.X509_SIGNATURE, name) for name in authorities)


# ---------------------------------------------------------------------------------------------------- pre-shared keys


def knows_secret(sa: IsakmpSa, terms: Terms, claim: Claim, secret: bytes) -> Evidence | Reason:
    """Return how the peer has proved its identity, if this secret proves it: its hash was right."""
    if odd := _odd_identity(claim):
        return odd
    expected = sa.settings.expectation(terms, sa.path, claim.identity)
    if isinstance(expected, Reason):
        return expected
    if not any(hmac.compare_digest(secret, each) for each in expected.secrets):
        return Reason(IkeReason.OTHER_KEY, (name_of(claim.identity), terms.profile))
    return Evidence("PSK", expected.entry, expected.named)


def _odd_identity(claim: Claim) -> Reason | None:
    theirs = claim.identity
    if (theirs.protocol, theirs.port) in _OWN_PORTS:
        return None
    what = f"an identity with protocol {theirs.protocol} and port {theirs.port}"
    return Reason(IkeReason.OF_WIRE, (WireError(what, offset=0, clause="RFC 2407 §4.6.2"),))


# --------------------------------------------------------------------------------------------------------- signatures


def sign(key: PrivateKey | None, digest: bytes) -> Signature:
    """Return the signature of HASH_I or HASH_R."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("main mode signs with RSA alone")
    return Signature(key.sign(digest, padding.PKCS1v15(), NoDigestInfo()))


def is_signed(key: PublicKey, digest: bytes, signature: bytes) -> bool:
    """Return whether the holder of this key has signed HASH_I or HASH_R."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        signed = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
    except InvalidSignature:
        return False
    return hmac.compare_digest(signed, digest)


def holds_key(sa: IsakmpSa, terms: Terms, claim: Claim, digest: bytes) -> Evidence | Reason:
    """Return how the peer has proved its identity, if we believe its certificate and its holder signed the hash."""
    if odd := _odd_identity(claim):
        return odd
    if terms.key is None:
        return Reason(IkeReason.NO_WAY, (written(terms.profile), name_of(claim.identity)))
    key = sa.settings.believe(terms, claim.identity, claim.chain, sa.now)
    if isinstance(key, Reason):
        return key
    if not is_signed(key, digest, claim.proof):
        return Reason(IkeReason.NOT_THE_HOLDER, (name_of(claim.identity),))
    return Evidence(method_name(key), chain=claim.chain)


class Failures:
    """Failed proofs of the peer. The same octets a second time were not damaged on their way."""

    __slots__ = ("_reasons",)

    def __init__(self) -> None:
        self._reasons: dict[bytes, Reason] = {}

    def known(self, octets: bytes) -> Reason | None:
        """Return why these octets failed before."""
        return self._reasons.get(mark_of(octets))

    def add(self, octets: bytes, why: Reason) -> bool:
        """Note that they fail. Returns whether the peer may try again."""
        self._reasons[mark_of(octets)] = why
        return len(self._reasons) < _MOST_FAILURES


def negotiated(terms: Terms, *, signed: bool) -> Terms:
    """Return the terms with the one proof that both ends have agreed on."""
    return replace(terms, secret=None) if signed else replace(terms, key=None, chain=())
