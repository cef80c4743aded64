"""AUTH: how a side proves who it is, RFC 7296 §2.15: by a pre-shared key, or by one of the `signatures`.

A proof always says the same: the holder of the key saw exactly our first messages, nonces and identities.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.identity import Identification, name_of
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Evidence
from dmvpn.features.ike.translation import written
from dmvpn.features.ike.trust import method_name
from dmvpn.features.ike.v2.numbers import AuthMethod, HashId
from dmvpn.features.ike.v2.packet import Authentication, Certificate, Chain, encoded

if TYPE_CHECKING:
    from dmvpn.features.ike.crypto import PrfAlgorithm
    from dmvpn.features.ike.peer_settings import Expectation, Terms
    from dmvpn.features.ike.v2.sa import IkeSa

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
