"""AUTH, by which each end of an IKE SA proves its identity. RFC 7296 §2.15."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Evidence
from dmvpn.features.ike.translation import written
from dmvpn.features.ike.trust import method_name
from dmvpn.features.ike.v2.authentication import (
    holds_key,
    knows_secret,
    prove_with_key,
    prove_with_secret,
    signed_octets,
)
from dmvpn.features.ike.v2.numbers import AuthMethod
from dmvpn.features.ike.v2.packet import Authentication, Certificate

if TYPE_CHECKING:
    from dmvpn.features.ike.identification import Identification
    from dmvpn.features.ike.peer_settings import Expectation, Terms
    from dmvpn.features.ike.v2.packet import Chain
    from dmvpn.features.ike.v2.sa import Agreement


def our_proof(sa: Agreement, terms: Terms, identity: Identification) -> Authentication:
    """Make the AUTH payload that shows that we are `identity`."""
    octets = _signed(sa, identity, by_initiator=sa.is_initiator)
    if terms.key is not None:
        return prove_with_key(terms.key, octets, sa.abilities.hashes)
    return prove_with_secret(sa.prf, terms.secret or b"", octets)


def check_proof(sa: Agreement, terms: Terms, identity: Identification, message: Chain) -> Evidence | Reason:
    """Return with what the peer proves to be `identity`; a `Reason` if it is not believed."""
    proof = message.find(Authentication)
    if proof is None:
        return Reason(IkeReason.NO_PROOF if sa.is_initiator else IkeReason.EAP, (name_of(identity),))
    expected = sa.book.expectation(terms, sa.path, identity)
    if isinstance(expected, Reason):
        return expected
    if proof.method not in _methods(expected):
        return Reason(IkeReason.METHOD_REFUSED, (name_of(identity), _by(proof.method), written(terms.profile)))
    octets = _signed(sa, identity, by_initiator=not sa.is_initiator)
    if any(knows_secret(sa.prf, secret, octets, proof) for secret in expected.secrets):
        return Evidence("PSK", expected.entry, expected.named)
    if not expected.certificates:
        return Reason(IkeReason.OTHER_KEY, (name_of(identity), written(terms.profile)))
    chain = tuple(payload.data for payload in message.all(Certificate))
    key = sa.book.believe(terms, identity, chain, sa.now)
    if isinstance(key, Reason):
        return key
    if not holds_key(key, octets, proof):
        return Reason(IkeReason.NOT_THE_HOLDER, (name_of(identity),))
    return Evidence(method_name(key), chain=chain)


def _signed(sa: Agreement, identity: Identification, *, by_initiator: bool) -> bytes:
    """Return what one end signs: its own first message, the other end's nonce, and its identity."""
    keys = surely(sa.keys)
    if by_initiator:
        return signed_octets(sa.prf, sa.init_request, sa.nonces.responder, identity, keys.pi)
    return signed_octets(sa.prf, sa.init_response, sa.nonces.initiator, identity, keys.pr)


def _by(method: int) -> str:
    """Name a method of AUTH, for the log."""
    return "a pre-shared key" if method == AuthMethod.SHARED_KEY else f"a signature (method {method})"


def _methods(expected: Expectation) -> frozenset[int]:
    """Return the methods of AUTH that can satisfy us."""
    shared = {AuthMethod.SHARED_KEY} if expected.secrets else set()
    return frozenset(shared | (set(AuthMethod) - {AuthMethod.SHARED_KEY} if expected.certificates else set()))
