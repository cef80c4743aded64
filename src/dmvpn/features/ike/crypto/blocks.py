"""Ciphers in CBC mode: AES (RFC 3602) for both versions, each with its own IVs and padding; 3DES for IKEv1 alone."""

from __future__ import annotations

import enum
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class BlockCipher(enum.Enum):
    """A cipher; the value is the octets of its block, and of its IV."""

    AES = 16
    TRIPLE_DES = 8

    def __init__(self, block: int) -> None:
        """Keep the value where reading it is cheap."""
        self.block = block

    def encrypt(self, key: bytes, iv: bytes, octets: bytes) -> bytes:
        """Encrypt whole blocks. Raises ValueError if they are not whole."""
        encryptor = self._of(key, iv).encryptor()
        return encryptor.update(octets) + encryptor.finalize()

    def decrypt(self, key: bytes, iv: bytes, octets: bytes) -> bytes:
        """Decrypt whole blocks. Raises ValueError if they are not whole."""
        decryptor = self._of(key, iv).decryptor()
        return decryptor.update(octets) + decryptor.finalize()

    def _of(self, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(key) if self is BlockCipher.AES else TripleDES(key), modes.CBC(iv))


#: Octets of a block of AES, and of an IV.
BLOCK: Final = BlockCipher.AES.value
encrypt, decrypt = BlockCipher.AES.encrypt, BlockCipher.AES.decrypt
