"""Keys of IKEv1: SKEYID and its children, proofs, KEYMAT and IVs (RFC 2409 §5 and appendix B).

prf is always HMAC of the negotiated hash. Keys and nonces never appear in a `repr`.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ike.crypto.blocks import BLOCK
from dmvpn.features.ike.crypto.material import ChildKeys

if TYPE_CHECKING:
    from dmvpn.features.ike.crypto import PrfAlgorithm
    from dmvpn.features.ike.crypto.material import Nonces


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeKeys:
    """The keys of an ISAKMP SA, RFC 2409 §5.

    prf: HMAC of the negotiated hash.
    d, a, e: SKEYID_d for KEYMAT, SKEYID_a for hashes, SKEYID_e.
    cipher: Ka, the key of the cipher.
    """

    prf: PrfAlgorithm
    skeyid: bytes = field(repr=False)
    d: bytes = field(repr=False)
    a: bytes = field(repr=False)
    e: bytes = field(repr=False)
    cipher: bytes = field(repr=False)


def skeyid_of_secret(prf: PrfAlgorithm, secret: bytes, nonces: Nonces) -> bytes:
    """Return SKEYID with a pre-shared key: prf(key, Ni | Nr). RFC 2409 §5."""
    return prf(secret, nonces.joined)


def skeyid_of_signatures(prf: PrfAlgorithm, shared: bytes, nonces: Nonces) -> bytes:
    """Return SKEYID with signatures: prf(Ni | Nr, g^xy). RFC 2409 §5."""
    return prf(nonces.joined, shared)


def ike_keys(prf: PrfAlgorithm, skeyid: bytes, shared: bytes, cookies: bytes, size: int) -> IkeKeys:
    """Make all keys out of SKEYID. RFC 2409 §5.

    shared: g^xy.
    cookies: CKY-I | CKY-R.
    size: octets of the cipher's key.
    """
    d = prf(skeyid, shared + cookies + b"\x00")
    a = prf(skeyid, d + shared + cookies + b"\x01")
    e = prf(skeyid, a + shared + cookies + b"\x02")
    return IkeKeys(prf=prf, skeyid=skeyid, d=d, a=a, e=e, cipher=cipher_key(prf, e, size))


def cipher_key(prf: PrfAlgorithm, e: bytes, size: int) -> bytes:
    """Return SKEYID_e, cut to `size` octets, or expanded if it is too short. RFC 2409 appendix B."""
    return e[:size] if size <= len(e) else _feed_back(prf, e, b"\x00", b"", size)


def _feed_back(prf: PrfAlgorithm, key: bytes, first: bytes, seed: bytes, size: int) -> bytes:
    """Return K1 | K2 | ... of which each is prf(key, the previous one | seed), the first prf(key, first | seed)."""
    octets, block = b"", first
    while len(octets) < size:
        block = prf(key, block + seed)
        octets += block
    return octets[:size]


# ------------------------------------------------------------------------------------------------------------- hashes


def proof(
    keys: IkeKeys, publics: tuple[bytes, bytes], cookies: tuple[bytes, bytes], sa: bytes, identity: bytes
) -> bytes:
    """Return HASH_I or HASH_R, by which an end proves itself: RFC 2409 §5. With signatures, these octets are signed.

    publics, cookies: of the end that proves itself, then of its peer.
    sa: body of the SA payload of the initiator.
    identity: body of the ID payload of the end that proves itself.
    """
    return keys.prf(keys.skeyid, b"".join((*publics, *cookies, sa, identity)))


def hash_1(keys: IkeKeys, message_id: int, payloads: bytes) -> bytes:
    """Return HASH(1) of quick mode, and the hash of an informational exchange. RFC 2409 §5.5 and §5.7.

    payloads: everything behind the HASH payload, with generic headers and without padding.
    """
    return keys.prf(keys.a, _id_octets(message_id) + payloads)


def hash_2(keys: IkeKeys, message_id: int, nonce: bytes, payloads: bytes) -> bytes:
    """Return HASH(2) of quick mode. RFC 2409 §5.5. nonce: of its initiator; payloads: as for `hash_1`."""
    return keys.prf(keys.a, _id_octets(message_id) + nonce + payloads)


def hash_3(keys: IkeKeys, message_id: int, nonces: Nonces) -> bytes:
    """Return HASH(3) of quick mode. RFC 2409 §5.5."""
    return keys.prf(keys.a, b"\x00" + _id_octets(message_id) + nonces.joined)


def _id_octets(message_id: int) -> bytes:
    return message_id.to_bytes(4, "big")


# ------------------------------------------------------------------------------------------------------------- KEYMAT


@dataclass(frozen=True, slots=True)
class KeySource:
    """Of what quick mode makes the keys of its SAs. RFC 2409 §5.5.

    shared: g^xy of quick mode with PFS, else empty.
    """

    nonces: Nonces
    protocol: int
    shared: bytes = field(default=b"", repr=False)


def keymat(keys: IkeKeys, source: KeySource, spi: bytes, size: int) -> bytes:
    """Return KEYMAT of the SA into the end that chose this SPI. RFC 2409 §5.5.

    size: octets.
    """
    seed = source.shared + bytes((source.protocol,)) + spi + source.nonces.joined
    return _feed_back(keys.prf, keys.d, b"", seed, size)


def child_keys(keys: IkeKeys, source: KeySource, spis: tuple[bytes, bytes], sizes: tuple[int, int]) -> ChildKeys:
    """Return the keys of both SAs, by the end that sends with them. RFC 2409 §5.5, RFC 2407 §4.5.

    spis: chosen by the initiator of quick mode, and by its responder.
    sizes: octets of cipher key (with salt) and of integrity key.
    """
    to_initiator, to_responder = (keymat(keys, source, spi, sum(sizes)) for spi in spis)
    cipher = sizes[0]
    return ChildKeys(
        initiator=(to_responder[:cipher], to_responder[cipher:]),
        responder=(to_initiator[:cipher], to_initiator[cipher:]),
    )


# ---------------------------------------------------------------------------------------------------------------- IVs


def first_iv(prf: PrfAlgorithm, public_i: bytes, public_r: bytes, size: int = BLOCK) -> bytes:
    """Return the first IV of phase 1: hash(g^xi | g^xr). RFC 2409 appendix B. size: octets of the cipher's block."""
    return _digest(prf, public_i + public_r)[:size]


def exchange_iv(prf: PrfAlgorithm, last_block: bytes, message_id: int, size: int = BLOCK) -> bytes:
    """Return the first IV of a later exchange: hash(last block of phase 1 | message ID). RFC 2409 appendix B."""
    return _digest(prf, last_block + _id_octets(message_id))[:size]


def _digest(prf: PrfAlgorithm, octets: bytes) -> bytes:
    return hashlib.new(prf.hash, octets, usedforsecurity=False).digest()


# ----------------------------------------------------------------------------------------- keys as Wireshark reads them


IKE_TABLE: Final = "ikev1_decryption_table"


def ike_line(cookie_i: bytes, keys: IkeKeys) -> str:
    """Return the line of `IKE_TABLE` about an ISAKMP SA: the initiator's cookie, and the key of the cipher."""
    return f"{cookie_i.hex()},{keys.cipher.hex()}"
