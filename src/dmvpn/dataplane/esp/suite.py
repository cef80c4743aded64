"""How an SA protects a packet: the cipher, and the hash if the cipher does not authenticate. RFC 8221."""

from __future__ import annotations

from typing import Final

from dmvpn.base.errors import UserError, WireError
from dmvpn.base.protection import EspCipher, EspTransform
from dmvpn.base.values import Value


class EspError(WireError):
    """A packet that fails authentication or decryption: forged, damaged, or not ours."""


class EspSuite(Value):
    """Lengths in octets.

    key: of the cipher, without salt.
    integrity: hash of HMAC, "" for AES-GCM.
    iv: in the packet.
    icv: integrity check value.
    align: multiple that padding fills up to (RFC 4303 §2.4).
    """

    key: int
    integrity: str = ""
    icv: int = 16
    iv: int = 8
    align: int = 4
    salt: int = 4

    @property
    def is_aead(self) -> bool:
        """Whether the cipher authenticates by itself."""
        return not self.integrity

    @classmethod
    def gcm(cls, bits: int) -> EspSuite:
        """Return AES-GCM with a 16-octet tag."""
        return cls(bits // 8)

    @classmethod
    def cbc(cls, bits: int, integrity: str) -> EspSuite:
        """Return AES-CBC with HMAC over sha1, sha256, sha384 or sha512, truncated as its standard says.

        Raises KeyError.
        """
        return cls(bits // 8, integrity, _ICV[integrity], 16, 16, 0)

    @classmethod
    def of(cls, transform: EspTransform) -> EspSuite:
        """Return the suite of a negotiated transform. Raises UserError for a combination that ESP does not have."""
        if transform.bits not in (128, 192, 256):
            raise UserError(f"AES has no keys of {transform.bits} bits")
        if transform.cipher is EspCipher.AES_GCM:
            return cls.gcm(transform.bits)
        if transform.hash is None:
            raise UserError("AES-CBC without a hash does not authenticate (RFC 8221 §4)")
        return cls.cbc(transform.bits, transform.hash.value)

    @property
    def keymat(self) -> int:
        """Octets of the cipher's key material, salt included."""
        return self.key + self.salt

    def overhead(self, size: int) -> int:
        """Return how much longer than a payload of `size` octets its ESP packet is."""
        return 8 + self.iv + self.padding(size) + 2 + self.icv

    def largest(self, room: int) -> int:
        """Return octets of the largest payload whose ESP packet has at most `room` octets."""
        text = room - 8 - self.iv - self.icv
        return text - text % self.align - 2

    def padding(self, size: int) -> int:
        """Return octets of padding for a payload."""
        return -(size + 2) % self.align


#: RFC 2404 and RFC 4868.
_ICV: Final = {"sha1": 12, "sha256": 16, "sha384": 24, "sha512": 32}
