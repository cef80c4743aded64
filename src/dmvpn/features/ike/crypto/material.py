"""What keys are made of, and those of a child SA, for both versions. None of it appears in a `repr`.

Ciphers in CBC mode: AES (RFC 3602) for both versions, each with its own IVs and padding; 3DES for IKEv1 alone.

Keys as Wireshark reads them, for the owner of a lab who captures its packets.

If the log is off, it forgets at once what it is given. If it is on, each IKE SA and each pair of SAs of ESP makes lines
for Wireshark's "user accessible tables": the file `esp_sa` of a configuration folder, and one for each version of IKE.
The lines have no addresses: behind NAT these are different on every link, and SPIs are random anyway.
"""

from __future__ import annotations

import enum
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import Effect, ReportKey
from dmvpn.base.negotiation import SaNegotiated
from dmvpn.base.protection import EspCipher, EspHash, EspSa
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    from dmvpn.base.notices import Notice


# ------------------------------------------------------------------------------------------------ ciphers


class BlockCipher(enum.Enum):
    """A cipher; the value is the octets of its block, and of its IV."""

    AES = 16
    TRIPLE_DES = 8

    def __init__(self, block: int) -> None:
        """Keep the value where reading it is cheap."""
        self.block = block

    def encrypt(self, key: bytes, iv: bytes, octets: bytes) -> bytes:
        """Encrypt whole blocks. Raises ValueError if they are not whole."""
        encryptor = _in_cbc(self)(key, iv).encryptor()
        return encryptor.update(octets) + encryptor.finalize()

    def decrypt(self, key: bytes, iv: bytes, octets: bytes) -> bytes:
        """Decrypt whole blocks. Raises ValueError if they are not whole."""
        decryptor = _in_cbc(self)(key, iv).decryptor()
        return decryptor.update(octets) + decryptor.finalize()


@cache
def _in_cbc(cipher: BlockCipher) -> Callable[[bytes, bytes], Cipher[modes.CBC]]:
    """Load a cipher in CBC mode, of a key and an IV, the first time that it is used."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.base import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    algorithm = AES if cipher is BlockCipher.AES else TripleDES
    return lambda key, iv: Cipher(algorithm(key), CBC(iv))


#: Octets of a block of AES, and of an IV.
BLOCK: Final = BlockCipher.AES.value
encrypt, decrypt = BlockCipher.AES.encrypt, BlockCipher.AES.decrypt


# ------------------------------------------------------------------------------------------------ keys


class ChildKeys(Value):
    """Key material of a child SA, by direction: cipher key (with the salt of an AEAD at its end), integrity key."""

    initiator: tuple[bytes, bytes] = field(repr=False)
    responder: tuple[bytes, bytes] = field(repr=False)


class Nonces(Value):
    """What both sides contributed.

    initiator, responder: of the exchange that made the SA.
    """

    initiator: bytes = field(repr=False)
    responder: bytes = field(repr=False)

    @property
    def joined(self) -> bytes:
        """Ni | Nr."""
        return self.initiator + self.responder

    @property
    def lowest(self) -> bytes:
        """The lowest of both: of two exchanges that replace an SA, that with the lowest goes (RFC 7296 §2.8.1)."""
        return min(self.initiator, self.responder)


# -------------------------------------------------------------------------------------------- keys for a packet capture


ESP_TABLE: Final = "esp_sa"
#: Wireshark's "AES-GCM [RFC4106]" has no check value: what it opens ends 16 octets too late, and is not dissected.
_ESP_CIPHERS: Final = {EspCipher.AES_CBC: "AES-CBC [RFC3602]", EspCipher.AES_GCM: "AES-GCM with 16 octet ICV [RFC4106]"}
_ESP_HASHES: Final = {
    None: "NULL",
    EspHash.SHA1: "HMAC-SHA-1-96 [RFC2404]",
    EspHash.SHA256: "HMAC-SHA-256-128 [RFC4868]",
    EspHash.SHA384: "HMAC-SHA-384-192 [RFC4868]",
    EspHash.SHA512: "HMAC-SHA-512-256 [RFC4868]",
}


class KeyLog:
    """Lines about keys. Those about IKE SAs wait here for `take` at the end of the event.

    wanted: a capture with keys is on.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._lines: list[ReportKey] = []

    def turn(self, *, on: bool) -> None:
        """Begin or stop to make lines."""
        self.wanted = on

    def drop(self) -> None:
        """Drop lines that wait."""
        if self._lines:
            self._lines = []

    def ike(self, table: str, line: str) -> None:
        """Note the keys of an IKE SA, if a capture wants them.

        table: of Wireshark.
        """
        self._lines.append(ReportKey(table, line))

    def take(self, results: Iterable[Effect | Notice]) -> list[ReportKey]:
        """Return the lines, once: of IKE SAs, and of the pairs of SAs that are in these results."""
        if not self.wanted:
            return []
        lines, self._lines = self._lines, []
        for pair in (result.sa for result in results if isinstance(result, SaNegotiated)):
            lines.append(_direction(pair, pair.spi_in, pair.key_in, pair.hash_key_in))
            lines.append(_direction(pair, pair.spi_out, pair.key_out, pair.hash_key_out))
        return lines


def _direction(sa: EspSa, spi: int, key: bytes, hash_key: bytes) -> ReportKey:
    fields = (
        f"IPv{sa.local.version}",
        "*",
        "*",
        f"0x{spi:08x}",
        _ESP_CIPHERS[sa.transform.cipher],
        f"0x{key.hex()}",
        _ESP_HASHES[sa.transform.hash],
        f"0x{hash_key.hex()}" if hash_key else "",
    )
    return ReportKey(ESP_TABLE, ",".join(f'"{each}"' for each in fields))
