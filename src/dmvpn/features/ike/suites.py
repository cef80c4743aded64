"""Suites: one algorithm of each type, as the configuration wants them and both sides agree on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final, NamedTuple

from dmvpn.base.protection import EspCipher, EspHash, EspTransform
from dmvpn.features.ike.crypto import SUPPORTED, Cipher, cipher_of
from dmvpn.features.ike.model import AuthenticationMethod, ConfiguredProposal, Encryption, Hash, IsakmpPolicy
from dmvpn.features.ike.numbers import Encr, Esn, Group, Integ, Prf


class Suite(NamedTuple):
    """One algorithm of each type, as both sides have agreed.

    group: 0 without (a child SA without PFS).
    """

    encr: int
    key_bits: int
    prf: int = 0
    integ: int = Integ.NONE
    group: int = Group.NONE
    esn: int = Esn.NO

    @property
    def cipher(self) -> Cipher:
        """Return the cipher of an IKE SA with this suite. Raises ValueError if we have no such cipher."""
        cipher = cipher_of(self.encr, self.key_bits, self.integ)
        if cipher is None:
            raise ValueError(f"no cipher {self.encr} with {self.key_bits} bits and integrity {self.integ}")
        return cipher


# --------------------------------------------------------------------------------------------------------- out of words


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
_METHODS: Final = (AuthenticationMethod.PRE_SHARED_KEY, AuthenticationMethod.RSA_SIGNATURE)
#: 1024 and 1536 bits.
WEAK_GROUPS: Final = (Group.MODP_1024, Group.MODP_1536)
_ESP_CIPHERS: Final = {EspCipher.AES_CBC: Encr.AES_CBC, EspCipher.AES_GCM: Encr.AES_GCM_16}
_ESP_CIPHERS_OF: Final[dict[int, EspCipher]] = {encr: cipher for cipher, encr in _ESP_CIPHERS.items()}
_ESP_HASHES_OF: Final[dict[int, EspHash]] = {integ: hashed for hashed, integ in _ESP_INTEGS.items()}


def lacking(group: int, *, weak: bool) -> bool:
    """Return whether we do not use this Diffie-Hellman group.

    weak: groups that RFC 8247 §2.4 advises against are permitted.
    """
    return group not in SUPPORTED or (group in WEAK_GROUPS and not weak)


def ike_suites(proposals: Iterable[ConfiguredProposal], *, weak: bool = False) -> tuple[Suite, ...]:
    """Return every suite that the proposals allow, the best first; what we do not have (3DES, MD5) is left out."""
    return tuple(dict.fromkeys(suite for proposal in proposals for suite in _suites(proposal, weak=weak)))


def _suites(proposal: ConfiguredProposal, *, weak: bool) -> Iterator[Suite]:
    groups = [group for group in proposal.groups if not lacking(group, weak=weak)]
    prfs = [_PRFS[name] for name in proposal.prf or proposal.integrity if name in _PRFS]
    integs = [_INTEGS[name] for name in proposal.integrity if name in _INTEGS]
    for name, group in product(proposal.encryption, groups):
        if name not in _CIPHERS:
            continue
        encr, bits = _CIPHERS[name]
        for integ in (Integ.NONE,) if encr == Encr.AES_GCM_16 else integs:
            for prf in prfs:
                yield Suite(encr, bits, prf, integ, Group(group))


#: What IKEv1 can do besides, where it is permitted.
_WEAK_CIPHERS: Final = {Encryption.TRIPLE_DES: (Encr.TRIPLE_DES, 0)}
_WEAK_HASHES: Final = {Hash.MD5: Prf.HMAC_MD5}


def _permitted(*, weak: bool) -> tuple[dict[Encryption, tuple[Encr, int]], dict[Hash, Prf]]:
    """Return the ciphers and hashes that an ISAKMP SA may have."""
    return (_CIPHERS | _WEAK_CIPHERS, _PRFS | _WEAK_HASHES) if weak else (_CIPHERS, _PRFS)


def isakmp_lacks(policy: IsakmpPolicy, *, weak: bool) -> tuple[str, ...]:
    """Return why we do not use an isakmp policy: what it asks for and we do not have, or do not permit.

    weak: weak algorithms are permitted.
    """
    ciphers, hashes = _permitted(weak=weak)
    missing = [policy.encryption.value] if policy.encryption not in ciphers else []
    missing += [policy.hash.value] if policy.hash not in hashes else []
    missing += [f"group {policy.group}"] if lacking(policy.group, weak=weak) else []
    missing += [policy.authentication.value] if policy.authentication not in _METHODS else []
    return tuple(missing)


def isakmp_suite(policy: IsakmpPolicy, *, weak: bool) -> Suite | None:
    """Return the suite of an ISAKMP SA (IKEv1), whose hash is its `prf`; None: the policy is not used."""
    if isakmp_lacks(policy, weak=weak):
        return None
    ciphers, hashes = _permitted(weak=weak)
    encr, bits = ciphers[policy.encryption]
    return Suite(encr, bits, hashes[policy.hash], group=Group(policy.group))


def esp_suites(transforms: Iterable[EspTransform], group: int = 0, *, esn: bool = False) -> tuple[Suite, ...]:
    """Return the suites of a child SA.

    group: of perfect forward secrecy, 0: none.
    esn: 64-bit sequence numbers are preferred.
    """
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
    """Return the algorithms of a child SA as data planes know them."""
    return EspTransform(_ESP_CIPHERS_OF[suite.encr], suite.key_bits, _ESP_HASHES_OF.get(suite.integ))
