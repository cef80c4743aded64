"""AES in CBC mode, RFC 3602. Both versions of IKE encrypt with it, each with its own IVs and padding."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

#: Octets of a block, and of an IV.
BLOCK: Final = 16


def encrypt(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """Encrypt whole blocks. Raises ValueError if they are not whole."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(octets) + encryptor.finalize()


def decrypt(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """Decrypt whole blocks. Raises ValueError if they are not whole."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(octets) + decryptor.finalize()
