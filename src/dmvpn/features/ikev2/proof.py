"""Proofs of identity, made and checked: which credential for whom, RFC 7296 §2.15."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.crypto.signatures import (
    holds_key,
    knows_secret,
    prove_with_key,
    prove_with_secret,
    signed_octets,
)
from dmvpn.features.ikev2.identity import name_of
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.wire.numbers import AuthMethod
from dmvpn.features.ikev2.wire.payloads import Authentication, Certificate

if TYPE_CHECKING:
    from dmvpn.features.ikev2.crypto.signatures import PrivateKey, PublicKey
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import Terms
    from dmvpn.features.ikev2.wire.message import Chain
    from dmvpn.features.ikev2.wire.payloads import Identification


def our_proof(sa: IkeSa, terms: Terms, identity: Identification) -> Authentication:
    """The AUTH payload that shows that we are `identity`."""
    keys = surely(sa.keys)
    first, nonce, sk_p = (
        (sa.init_request, sa.nonces.responder, keys.pi)
        if sa.is_initiator
        else (sa.init_response, sa.nonces.initiator, keys.pr)
    )
    octets = signed_octets(sa.prf, first, nonce, identity, sk_p)
    if terms.key is not None:
        return prove_with_key(terms.key, octets, sa.peer_hashes)
    return prove_with_secret(sa.prf, terms.secret or b"", octets)


def check_proof(sa: IkeSa, terms: Terms, identity: Identification, message: Chain) -> Reason | None:
    """Why the peer is not believed to be `identity`; None if it is."""
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
        sa.proved_by, sa.entry, sa.named = "PSK", expected.entry, expected.named
        return None
    if not expected.certificates:
        return Reason(IkeReason.OTHER_KEY, (who, terms.profile))
    chain = tuple(payload.data for payload in message.all(Certificate))
    key = sa.book.believe(terms, identity, chain)
    if isinstance(key, Reason):
        return key
    if not holds_key(key, octets, proof):
        return Reason(IkeReason.NOT_THE_HOLDER, (who,))
    sa.proved_by, sa.chain = method_name(key), chain
    return None


def _by(method: int) -> str:
    """A method of AUTH, for the log."""
    return "a pre-shared key" if method == AuthMethod.SHARED_KEY else f"a signature (method {method})"


def method_name(key: PrivateKey | PublicKey) -> str:
    """What a key proves with, as shows say it."""
    return "RSA" if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey) else "ECDSA"
