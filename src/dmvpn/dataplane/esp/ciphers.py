"""The two ciphers of ESP on one packet, by the package `cryptography`: AES-GCM, and AES-CBC with HMAC."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dmvpn.dataplane.esp.suite import EspError, EspSuite

_ESN_AAD: Final = struct.Struct("!4sQ")


class Gcm:
    """RFC 4106: the IV is the sequence number, which never repeats under one key."""

    __slots__ = ("_aead", "_esn", "_salt")

    def __init__(self, suite: EspSuite, key: bytes, esn: bool) -> None:
        self._aead, self._salt, self._esn = AESGCM(key[: suite.key]), key[suite.key :], esn

    def seal(self, header: bytes, number: int, text: bytes) -> bytes:
        """Return IV to ICV."""
        iv = number.to_bytes(8, "big")
        return iv + self._aead.encrypt(self._salt + iv, text, self._associated(header, number))

    def open(self, header: bytes, number: int, sealed: bytes) -> bytes:
        """Return the text. Raises EspError."""
        try:
            return self._aead.decrypt(self._salt + sealed[:8], sealed[8:], self._associated(header, number))
        except InvalidTag as error:
            raise EspError("an ESP packet does not open", offset=8, clause="RFC 4106 §3") from error

    def _associated(self, header: bytes, number: int) -> bytes:
        return _ESN_AAD.pack(header[:4], number) if self._esn else header


class Cbc:
    """RFC 3602 with RFC 2404 or RFC 4868: encrypt, then authenticate."""

    __slots__ = ("_algorithm", "_esn", "_integrity_key", "_random", "_suite")

    def __init__(
        self, suite: EspSuite, key: bytes, integrity_key: bytes, esn: bool, random: Callable[[int], bytes]
    ) -> None:
        self._algorithm, self._integrity_key = algorithms.AES(key), integrity_key
        self._suite, self._esn, self._random = suite, esn, random

    def seal(self, header: bytes, number: int, text: bytes) -> bytes:
        """Return IV to ICV."""
        iv = self._random(self._suite.iv)
        encryptor = Cipher(self._algorithm, modes.CBC(iv)).encryptor()
        body = iv + encryptor.update(text) + encryptor.finalize()
        return body + self._icv(header + body, number)

    def open(self, header: bytes, number: int, sealed: bytes) -> bytes:
        """Return the text. Raises EspError."""
        suite = self._suite
        body = sealed[: -suite.icv]
        if not hmac.compare_digest(self._icv(header + body, number), sealed[-suite.icv :]):
            raise EspError("an ESP packet does not open", offset=8, clause="RFC 4303 §3.4.4")
        if (len(body) - suite.iv) % suite.align:
            raise EspError("an ESP packet has a wrong length", offset=8, clause="RFC 4303 §2.4")
        decryptor = Cipher(self._algorithm, modes.CBC(body[: suite.iv])).decryptor()
        return decryptor.update(body[suite.iv :]) + decryptor.finalize()

    def _icv(self, octets: bytes, number: int) -> bytes:
        if self._esn:  # the upper half is not sent, but authenticated: RFC 4303 §2.2.1
            octets += (number >> 32).to_bytes(4, "big")
        return hmac.digest(self._integrity_key, octets, self._suite.integrity)[: self._suite.icv]
