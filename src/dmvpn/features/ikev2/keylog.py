"""Keys as Wireshark reads them, for whoever owns the lab and captures its packets.

Off, this forgets at once what it is told. On, each IKE SA and each pair of SAs of ESP makes lines for two of
Wireshark's "user accessible tables", the files `ikev2_decryption_table` and `esp_sa` of a configuration folder.
Addresses are left out of them: behind NAT they are different on every link, and SPIs are random anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import Effect, ReportKey
from dmvpn.base.notices import Notice, SaNegotiated
from dmvpn.base.protection import EspCipher, EspHash
from dmvpn.features.ikev2.wire.numbers import Encr, Integ

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.protection import EspSa
    from dmvpn.features.ikev2.crypto.keys import IkeKeys
    from dmvpn.features.ikev2.offers import Suite

IKE_TABLE: Final = "ikev2_decryption_table"
ESP_TABLE: Final = "esp_sa"

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
#: Wireshark's "AES-GCM [RFC4106]" has no check value: what it opens ends 16 octets too late, and is not dissected.
_ESP_CIPHERS: Final = {
    EspCipher.AES_CBC: "AES-CBC [RFC3602]",
    EspCipher.AES_GCM: "AES-GCM with 16 octet ICV [RFC4106]",
}
_ESP_HASHES: Final = {
    None: "NULL",
    EspHash.SHA1: "HMAC-SHA-1-96 [RFC2404]",
    EspHash.SHA256: "HMAC-SHA-256-128 [RFC4868]",
    EspHash.SHA384: "HMAC-SHA-384-192 [RFC4868]",
    EspHash.SHA512: "HMAC-SHA-512-256 [RFC4868]",
}


class KeyLog:
    """wanted: somebody captures with keys. Lines about IKE SAs wait here for `take` at the end of the event."""

    def __init__(self) -> None:
        self.wanted = False
        self._lines: list[ReportKey] = []

    def ike(self, spi_i: bytes, spi_r: bytes, suite: Suite, keys: IkeKeys) -> None:
        """An IKE SA has its keys."""
        if self.wanted:
            cipher = _IKE_CIPHERS.get((suite.encr, suite.key_bits), "")
            fields = (spi_i.hex(), spi_r.hex(), keys.ei.hex(), keys.er.hex(), f'"{cipher}"')
            hashes = (keys.ai.hex(), keys.ar.hex(), f'"{_IKE_HASHES.get(suite.integ, "")}"')
            self._lines.append(ReportKey(IKE_TABLE, ",".join((*fields, *hashes))))

    def take(self, results: Iterable[Effect | Notice]) -> list[ReportKey]:
        """What there is to say, once: of IKE SAs, and of the pairs of SAs that are in these results."""
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
