"""Suites out of the words of the configuration."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from dmvpn.base.protection import EspCipher, EspHash, EspTransform
from dmvpn.features.ikev2.algorithms import Encryption, Hash
from dmvpn.features.ikev2.crypto.groups import SUPPORTED
from dmvpn.features.ikev2.offers import Suite
from dmvpn.features.ikev2.wire.numbers import Encr, Esn, Group, Integ, Prf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.features.ikev2.model import Proposal

_CIPHERS: Final = {
    Encryption.AES_CBC_128: (Encr.AES_CBC, 128),
    Encryption.AES_CBC_192: (Encr.AES_CBC, 192),
    Encryption.AES_CBC_256: (Encr.AES_CBC, 256),
    Encryption.AES_GCM_128: (Encr.AES_GCM_16, 128),
    Encryption.AES_GCM_256: (Encr.AES_GCM_16, 256),
}
_PRFS: Final = {
    Hash.SHA1: Prf.HMAC_SHA1,
    Hash.SHA256: Prf.HMAC_SHA2_256,
    Hash.SHA384: Prf.HMAC_SHA2_384,
    Hash.SHA512: Prf.HMAC_SHA2_512,
}
_INTEGS: Final = {
    Hash.SHA1: Integ.HMAC_SHA1_96,
    Hash.SHA256: Integ.HMAC_SHA2_256_128,
    Hash.SHA384: Integ.HMAC_SHA2_384_192,
    Hash.SHA512: Integ.HMAC_SHA2_512_256,
}
_ESP_INTEGS: Final = {
    EspHash.SHA1: Integ.HMAC_SHA1_96,
    EspHash.SHA256: Integ.HMAC_SHA2_256_128,
    EspHash.SHA384: Integ.HMAC_SHA2_384_192,
    EspHash.SHA512: Integ.HMAC_SHA2_512_256,
}
#: 1024 and 1536 bits.
_LEGACY_GROUPS: Final = (Group.MODP_1024, Group.MODP_1536)
_ESP_CIPHERS: Final = {EspCipher.AES_CBC: Encr.AES_CBC, EspCipher.AES_GCM: Encr.AES_GCM_16}


def lacking(group: int, *, legacy: bool) -> bool:
    """Is this Diffie-Hellman group none that we use? legacy: those that RFC 8247 §2.4 advises against are permitted."""
    return group not in SUPPORTED or (group in _LEGACY_GROUPS and not legacy)


def ike_suites(proposals: Iterable[Proposal], *, legacy: bool = False) -> tuple[Suite, ...]:
    """Every suite that the proposals allow, the best first; what we do not have (3DES, MD5) is left out."""
    return tuple(dict.fromkeys(suite for proposal in proposals for suite in _suites(proposal, legacy=legacy)))


def _suites(proposal: Proposal, *, legacy: bool) -> Iterator[Suite]:
    groups = [group for group in proposal.groups if not lacking(group, legacy=legacy)]
    prfs = [_PRFS[name] for name in proposal.prf or proposal.integrity if name in _PRFS]
    integs = [_INTEGS[name] for name in proposal.integrity if name in _INTEGS]
    for name, group in product(proposal.encryption, groups):
        if name not in _CIPHERS:
            continue
        encr, bits = _CIPHERS[name]
        for integ in (Integ.NONE,) if encr == Encr.AES_GCM_16 else integs:
            for prf in prfs:
                yield Suite(encr, bits, prf, integ, Group(group))


def esp_suites(transforms: Iterable[EspTransform], group: int = 0, *, esn: bool = False) -> tuple[Suite, ...]:
    """Suites of a child SA. group: of perfect forward secrecy, 0: none. esn: 64-bit sequence numbers are preferred."""
    return tuple(
        Suite(
            _ESP_CIPHERS[transform.cipher],
            transform.bits,
            0,
            _ESP_INTEGS[transform.hash] if transform.hash else Integ.NONE,
            group,
            number,
        )
        for transform in transforms
        for number in ((Esn.YES, Esn.NO) if esn else (Esn.NO,))
    )


def esp_transform(suite: Suite) -> EspTransform:
    """The algorithms of a child SA as data planes know them."""
    cipher = next(word for word, encr in _ESP_CIPHERS.items() if encr == suite.encr)
    return EspTransform(
        cipher, suite.key_bits, next((h for h, integ in _ESP_INTEGS.items() if integ == suite.integ), None)
    )
