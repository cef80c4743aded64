"""Pairs of keys that `crypto key generate` makes. They are kept outside of the configuration, as on IOS."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final

from dmvpn.base.values import dataclass

RSA, EC = "RSA", "EC"
#: Of one router.
MOST: Final = 32
_STORED: Final = re.compile(rb"(RSA|EC) (\d{1,12}) ([^\n]{1,256})\n(.+)", re.DOTALL)
_NAME: Final = re.compile(r"keypair-[0-9a-f]{2,512}\Z")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair.

    kind: RSA or EC.
    made: seconds since 1970.
    private: PKCS #8 in DER.
    """

    name: str
    kind: str
    made: int
    private: bytes = field(repr=False)

    @property
    def stored_as(self) -> str:
        """The name under which the router keeps it."""
        return f"keypair-{f'{self.kind} {self.name}'.encode().hex()}"

    @property
    def stored(self) -> bytes:
        """What the router keeps."""
        return f"{self.kind} {self.made} {self.name}\n".encode() + self.private

    @property
    def public(self) -> bytes:
        """The public half: SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

        public = load_der_private_key(self.private, None).public_key()
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def is_keypair(name: str) -> bool:
    """Return whether a pair is kept under this name."""
    return _NAME.match(name) is not None


def remembered(name: str, octets: bytes) -> KeyPair | None:
    """Return the pair that a router kept under this name; None: the name is not a key pair's, or the pair is damaged,
    or was removed.
    """
    found = _STORED.fullmatch(octets) if is_keypair(name) else None
    if found is None:
        return None
    kind, made, label, private = found.groups()
    pair = KeyPair(label.decode("utf-8", "replace"), kind.decode(), int(made), private)
    try:
        return pair if pair.stored_as == name and pair.public else None
    except (ValueError, TypeError):
        return None


def generated(name: str, kind: str, bits: int, made: int) -> KeyPair:
    """Generate a new pair; it takes up to seconds, so a session calls this in a thread."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    curves = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
    key = rsa.generate_private_key(65537, bits) if kind == RSA else ec.generate_private_key(curves[bits])
    return KeyPair(name, kind, made, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
