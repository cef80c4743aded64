"""One direction of a security association: octets of a payload in, an ESP packet out; and the reverse."""

from __future__ import annotations

import hmac
import os
import struct
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dmvpn.base.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.dataplane.esp.replay import ReplayWindow
    from dmvpn.dataplane.esp.suite import EspSuite

_HEADER: Final = struct.Struct("!4sI")
_ESN_AAD: Final = struct.Struct("!4sQ")
_PADDING: Final = bytes(range(1, 256))
_LAST: Final = (1 << 32) - 1
_LAST_EXTENDED: Final = (1 << 64) - 1


class EspError(WireError):
    """A packet that fails authentication or decryption: forged, damaged, or not ours."""


class Replayed(EspError):
    """A packet that is a duplicate, or older than the window (RFC 4303 §3.4.3)."""


class Exhausted(Exception):
    """The sequence numbers of an SA are used up: nothing may be sent on it any more (RFC 4303 §3.3.3)."""


class _Protection(Protocol):
    """The cipher's operations on one packet."""

    def seal(self, header: bytes, number: int, text: bytes) -> bytes: ...

    def open(self, header: bytes, number: int, sealed: bytes) -> bytes: ...


class _Gcm:
    """RFC 4106: the IV is the sequence number, which never repeats under one key."""

    __slots__ = ("_aead", "_esn", "_salt")

    def __init__(self, suite: EspSuite, key: bytes, esn: bool) -> None:
        self._aead, self._salt, self._esn = AESGCM(key[: suite.key]), key[suite.key :], esn

    def seal(self, header: bytes, number: int, text: bytes) -> bytes:
        iv = number.to_bytes(8, "big")
        return iv + self._aead.encrypt(self._salt + iv, text, self._associated(header, number))

    def open(self, header: bytes, number: int, sealed: bytes) -> bytes:
        try:
            return self._aead.decrypt(self._salt + sealed[:8], sealed[8:], self._associated(header, number))
        except InvalidTag as error:
            raise EspError("an ESP packet does not open", offset=8, clause="RFC 4106 §3") from error

    def _associated(self, header: bytes, number: int) -> bytes:
        return _ESN_AAD.pack(header[:4], number) if self._esn else header


class _Cbc:
    """RFC 3602 with RFC 2404 or RFC 4868: encrypt, then authenticate."""

    __slots__ = ("_algorithm", "_esn", "_integrity_key", "_random", "_suite")

    def __init__(
        self, suite: EspSuite, key: bytes, integrity_key: bytes, esn: bool, random: Callable[[int], bytes]
    ) -> None:
        self._algorithm, self._integrity_key = algorithms.AES(key), integrity_key
        self._suite, self._esn, self._random = suite, esn, random

    def seal(self, header: bytes, number: int, text: bytes) -> bytes:
        iv = self._random(self._suite.iv)
        encryptor = Cipher(self._algorithm, modes.CBC(iv)).encryptor()
        body = iv + encryptor.update(text) + encryptor.finalize()
        return body + self._icv(header + body, number)

    def open(self, header: bytes, number: int, sealed: bytes) -> bytes:
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


def _protection(
    suite: EspSuite, key: bytes, integrity_key: bytes, esn: bool, random: Callable[[int], bytes]
) -> _Protection:
    if len(key) != suite.keymat:
        raise ValueError(f"{len(key)} octets of key where {suite.keymat} are needed")
    return _Gcm(suite, key, esn) if suite.is_aead else _Cbc(suite, key, integrity_key, esn, random)


class Outbound:
    """Our sending direction. spi: 4 octets, the peer's. packets, octets: encrypted so far (octets of payload)."""

    __slots__ = ("_esn", "_protection", "octets", "packets", "spi", "suite")

    def __init__(
        self,
        suite: EspSuite,
        spi: bytes,
        key: bytes,
        integrity_key: bytes = b"",
        *,
        esn: bool = False,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.suite, self.spi = suite, spi
        self._protection, self._esn = _protection(suite, key, integrity_key, esn, random), esn
        self.packets = self.octets = 0

    def seal(self, payload: bytes, next_header: int) -> bytes:
        """Return the ESP packet, from SPI to ICV. Raises Exhausted."""
        if self.packets >= (_LAST_EXTENDED if self._esn else _LAST):
            raise Exhausted
        self.packets += 1
        self.octets += len(payload)
        padding = self.suite.padding(len(payload))
        text = payload + _PADDING[:padding] + bytes((padding, next_header))
        header = _HEADER.pack(self.spi, self.packets & _LAST)
        return header + self._protection.seal(header, self.packets, text)


class Inbound:
    """Our receiving direction. spi: 4 octets, ours. replayed, broken: refused packets, by reason."""

    __slots__ = ("_esn", "_least", "_protection", "broken", "octets", "packets", "replayed", "spi", "suite", "window")

    def __init__(
        self,
        suite: EspSuite,
        spi: bytes,
        key: bytes,
        integrity_key: bytes = b"",
        *,
        window: ReplayWindow,
        esn: bool = False,
    ) -> None:
        self.suite, self.spi, self.window = suite, spi, window
        self._protection, self._esn = _protection(suite, key, integrity_key, esn, os.urandom), esn
        self._least = suite.overhead(0) - suite.padding(0)
        self.packets = self.octets = self.replayed = self.broken = 0

    def open(self, packet: bytes) -> tuple[bytes, int]:
        """Return payload and next header of an ESP packet. Raises EspError; the window has not moved then."""
        try:
            return self._open(packet)
        except Replayed:
            self.replayed += 1
            raise
        except EspError:
            self.broken += 1
            raise

    def _open(self, packet: bytes) -> tuple[bytes, int]:
        if len(packet) < self._least:
            raise EspError("an ESP packet is cut off", offset=len(packet), clause="RFC 4303 §2")
        header = packet[:8]
        low = int.from_bytes(header[4:], "big")
        number = self.window.full_number(low) if self._esn else low
        if not self.window.is_fresh(number):
            raise Replayed(f"sequence number {number} came before, or too late", offset=4, clause="RFC 4303 §3.4.3")
        text = self._protection.open(header, number, packet[8:])
        padding, next_header = text[-2], text[-1]
        if padding + 2 > len(text):
            raise EspError("more padding than octets", offset=len(packet), clause="RFC 4303 §2.4")
        self.window.note(number)
        payload = text[: -2 - padding]
        self.packets += 1
        self.octets += len(payload)
        return payload, next_header
