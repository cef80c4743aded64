"""Keys: SKEYSEED, SK_* and KEYMAT (RFC 7296 §2.14, §2.17 and §2.18), and those of an IKE SA as Wireshark reads them.

They never appear in a `repr`.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ike.crypto.material import ChildKeys
from dmvpn.features.ike.numbers import Encr, Integ

if TYPE_CHECKING:
    from dmvpn.features.ike.crypto import Cipher, PrfAlgorithm
    from dmvpn.features.ike.crypto.material import Nonces


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeKeys:
    """The seven keys of an IKE SA, RFC 7296 §2.14. An AEAD cipher has no SK_a; its SK_e ends with the salt."""

    d: bytes = field(repr=False)
    ai: bytes = field(default=b"", repr=False)
    ar: bytes = field(default=b"", repr=False)
    ei: bytes = field(default=b"", repr=False)
    er: bytes = field(default=b"", repr=False)
    pi: bytes = field(default=b"", repr=False)
    pr: bytes = field(default=b"", repr=False)


def first_seed(prf: PrfAlgorithm, nonces: Nonces, shared: bytes) -> bytes:
    """Return SKEYSEED of a new IKE SA: prf(Ni | Nr, g^ir). RFC 7296 §2.14."""
    return prf(nonces.joined, shared)


def rekeyed_seed(old: PrfAlgorithm, d: bytes, nonces: Nonces, shared: bytes) -> bytes:
    """Return SKEYSEED of an IKE SA that replaces another: prf(SK_d (old), g^ir | Ni | Nr), with the old prf. §2.18."""
    return old(d, shared + nonces.joined)


def ike_keys(prf: PrfAlgorithm, cipher: Cipher, seed: bytes, nonces: Nonces, spis: bytes) -> IkeKeys:
    """Make SK_* out of SKEYSEED.

    spis: SPIi | SPIr, 16 octets.
    """
    sizes = (prf.size, *(cipher.integrity_size,) * 2, *(cipher.key_size,) * 2, *(prf.size,) * 2)
    d, ai, ar, ei, er, pi, pr = _cut(prf.expand(seed, nonces.joined + spis, sum(sizes)), sizes)
    return IkeKeys(d=d, ai=ai, ar=ar, ei=ei, er=er, pi=pi, pr=pr)


def child_keys(prf: PrfAlgorithm, d: bytes, nonces: Nonces, sizes: tuple[int, int], shared: bytes = b"") -> ChildKeys:
    """Make KEYMAT. §2.17.

    sizes: octets of cipher key (with salt) and of integrity key.
    shared: g^ir with PFS.
    """
    cipher, integrity = sizes
    octets = prf.expand(d, shared + nonces.joined, 2 * (cipher + integrity))
    ei, ai, er, ar = _cut(octets, (cipher, integrity, cipher, integrity))
    return ChildKeys((ei, ai), (er, ar))


def _cut(octets: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    parts, at = [], 0
    for size in sizes:
        parts.append(octets[at : at + size])
        at += size
    return parts


# ----------------------------------------------------------------------------------------- keys as Wireshark reads them


IKE_TABLE: Final = "ikev2_decryption_table"

_IKE_CIPHERS: Final[dict[tuple[int, int], str]] = {
    (Encr.AES_CBC, 128): "AES-CBC-128 [RFC3602]",
    (Encr.AES_CBC, 192): "AES-CBC-192 [RFC3602]",
    (Encr.AES_CBC, 256): "AES-CBC-256 [RFC3602]",
    (Encr.AES_GCM_16, 128): "AES-GCM-128 with 16 octet ICV [RFC5282]",
    (Encr.AES_GCM_16, 192): "AES-GCM-192 with 16 octet ICV [RFC5282]",
    (Encr.AES_GCM_16, 256): "AES-GCM-256 with 16 octet ICV [RFC5282]",
}
_IKE_HASHES: Final[dict[int, str]] = {
    Integ.NONE: "NONE [RFC4306]",
    Integ.HMAC_SHA1_96: "HMAC_SHA1_96 [RFC2404]",
    Integ.HMAC_SHA2_256_128: "HMAC_SHA2_256_128 [RFC4868]",
    Integ.HMAC_SHA2_384_192: "HMAC_SHA2_384_192 [RFC4868]",
    Integ.HMAC_SHA2_512_256: "HMAC_SHA2_512_256 [RFC4868]",
}


def ike_line(spis: tuple[bytes, bytes], keys: IkeKeys, cipher: tuple[int, int], integ: int) -> str:
    """Return the line of `IKE_TABLE` about an IKE SA.

    spis: the initiator's and the responder's.
    cipher: its transform identifier, and the bits of its key.
    """
    fields = (spis[0].hex(), spis[1].hex(), keys.ei.hex(), keys.er.hex(), f'"{_IKE_CIPHERS.get(cipher, "")}"')
    return ",".join((*fields, keys.ai.hex(), keys.ar.hex(), f'"{_IKE_HASHES.get(integ, "")}"'))
