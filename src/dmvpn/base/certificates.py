"""Requirements for certificates, checked before any computation with them: sizes of keys, and permitted uses.

A router makes the same checks for its own certificate as for a peer's, so an import reports in advance why peers would
refuse it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

#: Bits of an RSA modulus: shorter ones are weak (RFC 8247 §4.1), checking longer ones costs too much.
SHORTEST_RSA: Final = 2048
LONGEST_RSA: Final = 8192
#: Bits of an RSA exponent. 65537 is usual; an exponent as long as the modulus makes a check cost a thousand times as
#: much.
LONGEST_EXPONENT: Final = 64
#: Bits of an elliptic curve.
SHORTEST_CURVE: Final = 256
#: Octets of a certificate.
LARGEST: Final = 16_384
#: How far the clock of the issuer of revocation lists may be ahead of ours.
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
#: ipsecIKE, the use that drafts before it had, and anyExtendedKeyUsage (RFC 4945 §5.1.3.12).
_IKE: Final = frozenset(
    x509.ObjectIdentifier(text) for text in ("1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.8.2.2", "2.5.29.37.0")
)
#: Uses as OpenSSL calls them.
_NAMES: Final = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
}


def certificate_of(octets: bytes) -> x509.Certificate:
    """Read DER or PEM. Raises ValueError.

    Mistakes of old authorities, such as a serial number of zero, are accepted silently (RFC 5280 §4.1.2.2). The library
    would warn about them on standard error, and any stranger could cause such a warning.
    """
    with _in_silence():
        return (x509.load_pem_x509_certificate if b"-----BEGIN" in octets else x509.load_der_x509_certificate)(octets)


def serial_number(certificate: x509.Certificate) -> int:
    """Return the serial number, whatever it is: negative ones, too."""
    with _in_silence():
        return certificate.serial_number


@contextmanager
def _in_silence() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


def weakness(key: object) -> str:
    """Return why signatures of this key must not be accepted, "" if it is sound. Computes nothing with the key."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SHORTEST_RSA:
            return f"an RSA key of {key.key_size} bits is too short"
        if key.key_size > LONGEST_RSA:
            return f"an RSA key of {key.key_size} bits is too long"
        exponent = key.public_numbers().e
        if exponent.bit_length() > LONGEST_EXPONENT or exponent < 3 or exponent % 2 == 0:
            return f"its RSA exponent, of {exponent.bit_length()} bits, is not acceptable"
        return ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        too_short = key.curve.key_size < SHORTEST_CURVE
        return f"a key on a curve of {key.curve.key_size} bits is too short" if too_short else ""
    is_known = isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    return "" if is_known else "a key of a kind that is not used"


def other_use(certificate: x509.Certificate) -> str:
    """Name the uses of a certificate whose extended key usage leaves out IKE (RFC 4945 §5.1.3.12); "" if it allows IKE.

    Raises the library's exceptions for extensions that cannot be read.
    """
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    return "" if any(oid in _IKE for oid in usage) else ", ".join(_NAMES.get(oid, oid.dotted_string) for oid in usage)
