"""A trustpoint, parsed: the one place where credentials in DER become keys and certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from dmvpn.base.certificates import certificate_of
from dmvpn.features.ikev2.crypto.certificates import Anchors, Checks, Untrusted
from dmvpn.features.ikev2.trust import Proof
from dmvpn.features.ikev2.wire.numbers import IdType
from dmvpn.features.ikev2.wire.payloads import Identification

if TYPE_CHECKING:
    from datetime import datetime

    from dmvpn.base.protection import Credentials
    from dmvpn.features.ikev2.crypto.signatures import PublicKey


@dataclass(frozen=True, slots=True)
class Trustpoint:
    """What a trustpoint gives. given: of what it was made. requests: what CERTREQ says. proof: None: we are nobody."""

    given: Credentials
    anchors: Anchors
    requests: tuple[bytes, ...]
    proof: Proof | None

    def believe(
        self, chain: tuple[bytes, ...], theirs: Identification, when: datetime, checks: Checks
    ) -> PublicKey | Untrusted:
        """The key of a chain that leads to an authority and names the peer. Or why not."""
        try:
            return self.anchors.believe(chain, theirs, when, checks)
        except Untrusted as error:
            return error


def parsed(given: Credentials) -> Trustpoint:
    """Credentials that somebody looked through when they were configured."""
    anchors = Anchors(
        tuple(certificate_of(octets) for octets in given.anchors),
        tuple(x509.load_der_x509_crl(octets) for octets in given.crls),
        given.revocation,
        tuple(certificate_of(octets) for octets in given.intermediates),
        given.any_use,
    )
    return Trustpoint(given, anchors, anchors.requests, _proof_of(given))


def _proof_of(given: Credentials) -> Proof | None:
    if not given.chain or not given.key:
        return None
    key = load_der_private_key(given.key, None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return None
    subject = certificate_of(given.chain[0]).subject
    return Proof(key=key, chain=given.chain, name=Identification(IdType.DER_ASN1_DN, subject.public_bytes()))
