"""Signatures in AUTH: RSA of RFC 7296 §3.8, ECDSA of RFC 4754, digital signatures of RFC 7427."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from dmvpn.base.values import Value
from dmvpn.features.ike.v2.numbers import AuthMethod, HashId
from dmvpn.features.ike.v2.packet import Authentication

if TYPE_CHECKING:
    from dmvpn.features.ike.crypto.certificates import PrivateKey, PublicKey


class _Algorithm(Value):
    """A signature algorithm of RFC 7427.

    identifier: its AlgorithmIdentifier in DER (appendix A).
    """

    hash: hashes.HashAlgorithm
    hash_id: int
    elliptic: bool
    pss: bool
    identifier: bytes


def _der(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)


_PKCS1 = "300d06092a864886f70d0101{:02x}0500"
_ECDSA = "300a06082a8648ce3d0403{:02x}"


def _pss(hash_octet: int, size: int, *, trailer: bool) -> str:
    """Return the AlgorithmIdentifier of RSASSA-PSS with one hash, MGF1 with the same, a salt as long as the hash.

    trailer: RFC 7427 A.4.3 writes the default trailer field down, which DER leaves out; both are seen.
    """
    digest = f"300d06096086480165030402{hash_octet:02x}0500"
    fields = f"a00f{digest}a11c301a06092a864886f70d010108{digest}a2030201{size:02x}" + "a303020101" * trailer
    parameters = f"30{len(fields) // 2:02x}{fields}"
    return f"30{11 + len(parameters) // 2:02x}06092a864886f70d01010a{parameters}"


#: In the order in which we would use them.
ALGORITHMS: Final = (
    _Algorithm(hashes.SHA256(), HashId.SHA2_256, True, False, _der(_ECDSA.format(2))),
    _Algorithm(hashes.SHA384(), HashId.SHA2_384, True, False, _der(_ECDSA.format(3))),
    _Algorithm(hashes.SHA512(), HashId.SHA2_512, True, False, _der(_ECDSA.format(4))),
    _Algorithm(hashes.SHA256(), HashId.SHA2_256, False, False, _der(_PKCS1.format(11))),
    _Algorithm(hashes.SHA384(), HashId.SHA2_384, False, False, _der(_PKCS1.format(12))),
    _Algorithm(hashes.SHA512(), HashId.SHA2_512, False, False, _der(_PKCS1.format(13))),
    *(
        _Algorithm(digest, hash_id, False, True, _der(_pss(octet, digest.digest_size, trailer=trailer)))
        for octet, digest, hash_id in (
            (1, hashes.SHA256(), HashId.SHA2_256),
            (2, hashes.SHA384(), HashId.SHA2_384),
            (3, hashes.SHA512(), HashId.SHA2_512),
        )
        for trailer in (False, True)
    ),
)
#: Methods of RFC 4754: the curve fixes the hash, and both numbers of the signature have a fixed width.
_FIXED: Final = {
    256: (AuthMethod.ECDSA_SHA256_P256, hashes.SHA256(), 32),
    384: (AuthMethod.ECDSA_SHA384_P384, hashes.SHA384(), 48),
    521: (AuthMethod.ECDSA_SHA512_P521, hashes.SHA512(), 66),
}
#: For RSA keys with method 1, RFC 7296 §3.8; SHA-1 is what every peer can.
_RSA_HASHES: Final = (hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())  # noqa: S303


def prove_with_key(key: PrivateKey, octets: bytes, peer_hashes: tuple[int, ...]) -> Authentication:
    """Return the AUTH of a side that has a certificate.

    peer_hashes: of its SIGNATURE_HASH_ALGORITHMS; none: the old methods.
    """
    for algorithm in _fitting(key):
        if algorithm.hash_id in peer_hashes:
            signature = _sign(key, octets, algorithm.hash)
            prefix = bytes((len(algorithm.identifier),)) + algorithm.identifier
            return Authentication(AuthMethod.DIGITAL_SIGNATURE, prefix + signature)
    if isinstance(key, rsa.RSAPrivateKey):
        return Authentication(AuthMethod.RSA_SIGNATURE, _sign(key, octets, _RSA_HASHES[0]))
    method, digest, width = _FIXED[key.curve.key_size]
    r, s = decode_dss_signature(_sign(key, octets, digest))
    return Authentication(method, r.to_bytes(width, "big") + s.to_bytes(width, "big"))


def _fitting(key: PrivateKey) -> list[_Algorithm]:
    """Return what a key may sign with, the best first: a curve with the hash of its size, as RFC 4754 pairs them.

    A smaller hash would be the weakest part of the signature; so it comes last, the largest of them first.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return [algorithm for algorithm in ALGORITHMS if not algorithm.elliptic and not algorithm.pss]
    wanted = _FIXED[key.curve.key_size][1].digest_size if key.curve.key_size in _FIXED else 0
    elliptic = [algorithm for algorithm in ALGORITHMS if algorithm.elliptic]
    large = [algorithm for algorithm in elliptic if algorithm.hash.digest_size >= wanted]
    return large + [algorithm for algorithm in reversed(elliptic) if algorithm not in large]


def _sign(key: PrivateKey, octets: bytes, digest: hashes.HashAlgorithm) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), digest)
    return key.sign(octets, ec.ECDSA(digest))


def holds_key(key: PublicKey, octets: bytes, proof: Authentication) -> bool:
    """Return whether the AUTH payload proves the private key of this public one."""
    match proof.method:
        case AuthMethod.RSA_SIGNATURE:
            return isinstance(key, rsa.RSAPublicKey) and any(
                _fits(key, octets, proof.data, digest) for digest in _RSA_HASHES
            )
        case AuthMethod.DIGITAL_SIGNATURE:
            return _fits_identified(key, octets, proof.data)
        case _:
            return isinstance(key, ec.EllipticCurvePublicKey) and _fits_fixed(key, octets, proof)


def _fits_identified(key: PublicKey, octets: bytes, data: bytes) -> bool:
    length = data[0] if data else 0
    identifier, signature = data[1 : 1 + length], data[1 + length :]
    elliptic = isinstance(key, ec.EllipticCurvePublicKey)
    for algorithm in ALGORITHMS:
        if algorithm.identifier == identifier and algorithm.elliptic is elliptic:
            return _fits(key, octets, signature, algorithm.hash, pss=algorithm.pss)
    return False


def _fits_fixed(key: ec.EllipticCurvePublicKey, octets: bytes, proof: Authentication) -> bool:
    if key.curve.key_size not in _FIXED:
        return False
    method, digest, width = _FIXED[key.curve.key_size]
    if proof.method != method or len(proof.data) != 2 * width:
        return False
    r, s = int.from_bytes(proof.data[:width], "big"), int.from_bytes(proof.data[width:], "big")
    return _fits(key, octets, encode_dss_signature(r, s), digest)


def _fits(key: PublicKey, octets: bytes, signature: bytes, digest: hashes.HashAlgorithm, *, pss: bool = False) -> bool:
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, octets, ec.ECDSA(digest))
        elif pss:
            salted = padding.PSS(padding.MGF1(digest), digest.digest_size)
            key.verify(signature, octets, salted, digest)
        else:
            key.verify(signature, octets, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True
