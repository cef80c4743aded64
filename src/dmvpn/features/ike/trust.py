"""Who a peer is: AUTH, by which each end proves its identity, and the certificates behind it. RFC 7296 §2.15.

What our trustpoints give is parsed once, and not for every handshake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.identity import Identification, Proof, name_of
from dmvpn.features.ike.model import AuthenticationMethod as Method
from dmvpn.features.ike.model import Profile
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.translation import ISAKMP, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.ports import Ports
    from dmvpn.features.ike.crypto.certificates import PrivateKey, PublicKey, Trustpoint

_SIGNATURES = (Method.RSA_SIGNATURE, Method.ECDSA_SIGNATURE)


class Trust:
    """Answers what a profile may use."""

    def __init__(self, ports: Ports | None = None) -> None:
        self._ports = ports
        self._parsed: dict[str, Trustpoint] = {}

    def _of(self, trustpoint: str) -> Trustpoint | None:
        given = self._ports.pki.credentials(trustpoint) if self._ports is not None else None
        if given is None:
            self._parsed.pop(trustpoint, None)
            return None
        known = self._parsed.get(trustpoint)
        if known is None or known.given is not given:
            # X.509 takes longer to import than all of IKE, and most routers have no certificates.
            from dmvpn.features.ike.crypto.certificates import parsed

            known = self._parsed[trustpoint] = parsed(given)
        return known

    def _verifying(self, profile: Profile) -> list[Trustpoint]:
        """Return the trustpoints whose authorities a profile believes; if it names none, all."""
        names: Iterable[str] = profile.verify_trustpoints
        if not (profile.verify_trustpoints or profile.sign_trustpoints) and self._ports is not None:
            names = self._ports.pki.trustpoints()
        return [parsed for name in names if (parsed := self._of(name)) is not None]

    def requests(self, profile: Profile) -> tuple[bytes, ...]:
        """Return the authorities that a peer of this profile may name, as a CERTREQ has them."""
        return tuple(dict.fromkeys(one for parsed in self._verifying(profile) for one in parsed.requests))

    def names(self, profile: Profile) -> tuple[bytes, ...]:
        """Return the same as a peer of IKEv1 is asked: their names in DER."""
        return tuple(dict.fromkeys(one for parsed in self._verifying(profile) for one in parsed.names))

    def proof(self, profile: Profile, method: Method) -> Proof | Reason:
        """Return what we sign with by this method, or why we cannot."""
        named, trustpoints = _named(profile), profile.sign_trustpoints
        if not trustpoints and profile.any_trustpoint and self._ports is not None:
            trustpoints = self._ports.pki.trustpoints()
        if not trustpoints:
            return Reason(IkeReason.NO_TRUSTPOINT, (named, method.value))
        why: Reason | None = None
        for name in trustpoints:
            parsed = self._of(name)
            if parsed is None or parsed.proof is None:
                why = why or Reason(IkeReason.NO_CERTIFICATE, (named, name))
            elif parsed.proof.key is None or method_of(parsed.proof.key) is not method:
                why = why or Reason(IkeReason.OTHER_KIND_OF_KEY, (named, name, method.value))
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

    def believe(
        self, profile: Profile, theirs: Identification, chain: tuple[bytes, ...], now: float
    ) -> PublicKey | Reason:
        """Return the key of a chain that leads to an authority of the profile and names the peer; or why not."""
        trustpoints = self._verifying(profile)
        if not trustpoints:
            return Reason(IkeReason.NO_AUTHORITY, (_named(profile),))
        from dmvpn.features.ike.crypto.certificates import Checks, UnknownIssuer, Untrusted

        why: Untrusted | None = None
        checks, date = Checks(), surely(self._ports).clock.wall(now)
        for parsed in trustpoints:
            key = parsed.believe(chain, theirs, date, checks)
            if isinstance(key, Untrusted):
                # Of several trustpoints, the one that knows the issuer has the better reason.
                why = key if why is None or isinstance(why, UnknownIssuer) else why
                continue
            if method_of(key) not in profile.remote_authentication:
                return Reason(IkeReason.KEY_REFUSED, (name_of(theirs), written(profile.name)))
            return key
        return Reason(IkeReason.NOT_BELIEVED, (name_of(theirs), why))


def _named(profile: Profile) -> str:
    """Return whose certificates are missing, for people: the global lines of IKEv1 are more than keys."""
    return "crypto isakmp policy" if profile.name == ISAKMP else written(profile.name)


def takes_certificates(profile: Profile) -> bool:
    """Return whether a peer of this profile may prove itself with a certificate."""
    return any(method in _SIGNATURES for method in profile.remote_authentication)


def method_of(key: PrivateKey | PublicKey) -> Method:
    """Return the method by which a key proves something."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    is_rsa = isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey)
    return Method.RSA_SIGNATURE if is_rsa else Method.ECDSA_SIGNATURE


def method_name(key: PrivateKey | PublicKey) -> str:
    """Name what a key proves with, for shows."""
    return "RSA" if method_of(key) is Method.RSA_SIGNATURE else "ECDSA"
