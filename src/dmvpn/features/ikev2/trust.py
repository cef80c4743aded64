"""Certificates as an IKE SA needs them: what our trustpoints give, parsed once and not for every handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.identity import name_of
from dmvpn.features.ikev2.model import Authentication
from dmvpn.features.ikev2.reasons import IkeReason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dmvpn.base.ports import Ports
    from dmvpn.features.ikev2.crypto.certificates import Trustpoint
    from dmvpn.features.ikev2.crypto.signatures import Proof, PublicKey
    from dmvpn.features.ikev2.model import Profile
    from dmvpn.features.ikev2.wire.payloads import Identification

#: What a method of a profile takes for a key.
_KINDS = {
    Authentication.RSA_SIGNATURE: (rsa.RSAPublicKey, rsa.RSAPrivateKey),
    Authentication.ECDSA_SIGNATURE: (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey),
}


class Trust:
    """Answers what a profile may use.

    now: monotonic seconds, as of the event that is being handled.
    """

    def __init__(self, ports: Ports | None = None) -> None:
        self._ports = ports
        self._parsed: dict[str, Trustpoint] = {}
        self.now = 0.0

    def _of(self, trustpoint: str) -> Trustpoint | None:
        given = self._ports.pki.credentials(trustpoint) if self._ports is not None else None
        if given is None:
            self._parsed.pop(trustpoint, None)
            return None
        known = self._parsed.get(trustpoint)
        if known is None or known.given is not given:
            # X.509 takes longer to import than all of IKE, and most routers have no certificates.
            from dmvpn.features.ikev2.crypto.certificates import parsed

            known = self._parsed[trustpoint] = parsed(given)
        return known

    def _verifying(self, profile: Profile) -> list[Trustpoint]:
        """Return the trustpoints whose authorities a profile believes; if it names none, all."""
        names: Iterable[str] = profile.verify_trustpoints
        if not (profile.verify_trustpoints or profile.sign_trustpoints) and self._ports is not None:
            names = self._ports.pki.trustpoints()
        return [parsed for name in names if (parsed := self._of(name)) is not None]

    def requests(self, profile: Profile) -> tuple[bytes, ...]:
        """Return the CERTREQ for a peer that may prove itself with a certificate."""
        if not takes_certificates(profile):
            return ()
        return tuple(dict.fromkeys(one for parsed in self._verifying(profile) for one in parsed.requests))

    def proof(self, profile: Profile) -> Proof | Reason:
        """Return what we sign with, or why we cannot."""
        method = surely(profile.local_authentication)
        if not profile.sign_trustpoints:
            return Reason(IkeReason.NO_TRUSTPOINT, (profile.name, method.value))
        why: Reason | None = None
        for name in profile.sign_trustpoints:
            parsed = self._of(name)
            if parsed is None or parsed.proof is None:
                why = why or Reason(IkeReason.NO_CERTIFICATE, (profile.name, name))
            elif not isinstance(parsed.proof.key, _KINDS[method]):
                why = why or Reason(IkeReason.OTHER_KIND_OF_KEY, (profile.name, name, method.value))
            else:
                return parsed.proof
        return surely(why)

    def means(self, profile: Profile, chain: tuple[bytes, ...]) -> bool:
        """Return whether a certificate map of the profile means the first certificate of a chain, believed or not."""
        ports = self._ports
        return (
            ports is not None
            and bool(chain)
            and any(ports.pki.fits(name, chain[0]) for name in profile.certificate_maps)
        )

    def believe(self, profile: Profile, theirs: Identification, chain: tuple[bytes, ...]) -> PublicKey | Reason:
        """Return the key of a chain that leads to an authority of the profile and names the peer; or why not."""
        trustpoints = self._verifying(profile)
        if not trustpoints:
            return Reason(IkeReason.NO_AUTHORITY, (profile.name,))
        from dmvpn.features.ikev2.crypto.certificates import Checks, UnknownIssuer, Untrusted

        why: Untrusted | None = None
        checks = Checks()
        for parsed in trustpoints:
            key = parsed.believe(chain, theirs, self._wall(), checks)
            if isinstance(key, Untrusted):
                # Of several trustpoints, the one that knows the issuer has the better reason.
                why = key if why is None or isinstance(why, UnknownIssuer) else why
                continue
            if not any(isinstance(key, _KINDS[method]) for method in profile.remote_authentication if method in _KINDS):
                return Reason(IkeReason.KEY_REFUSED, (name_of(theirs), profile.name))
            return key
        return Reason(IkeReason.NOT_BELIEVED, (name_of(theirs), why))

    def _wall(self) -> datetime:
        return surely(self._ports).clock.wall(self.now)


def takes_certificates(profile: Profile) -> bool:
    """Return whether a peer of this profile may prove itself with a certificate."""
    return any(method in _KINDS for method in profile.remote_authentication)
