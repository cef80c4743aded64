"""Words and figures that several shows of IPsec have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.protection import EspCipher, EspHash
from dmvpn.features.ipsec.model import Cipher

if TYPE_CHECKING:
    from dmvpn.base.protection import EspTransform
    from dmvpn.features.ipsec.model import TransformSet

_IPV4, _UDP, _ESP, _TRAILER, _ALIGNMENT = 20, 8, 8, 2, 4
_AES_BLOCK = 16
_GCM_VECTOR, _GCM_TAG = 8, 16
#: Octets of the check value: half a hash's, except SHA-1's (RFC 2404, RFC 4868).
_TAGS: Final = {EspHash.SHA1: 12, EspHash.SHA256: 16, EspHash.SHA384: 24, EspHash.SHA512: 32}
_IPV6_EXTRA = 20


def map_name(tunnel: str) -> str:
    """Return the crypto map that IOS makes for a protected tunnel."""
    return f"{tunnel}-head-0"


def set_words(transform_set: TransformSet) -> str:
    """Return the algorithms of a set as IOS shows them: "esp-256-aes esp-sha256-hmac", "esp-gcm 256"."""
    cipher, bits = transform_set.cipher, transform_set.key_bits
    if bits in (0, 128):
        words = cipher.value
    elif cipher is Cipher.AES_CBC:
        words = f"esp-{bits}-aes"
    else:
        words = f"{cipher.value} {bits}"
    return words if transform_set.integrity is None else f"{words} {transform_set.integrity.value}"


def vector_octets(transform: EspTransform) -> int:
    """Return the octets of the initialization vector in each packet."""
    return _GCM_VECTOR if transform.cipher is EspCipher.AES_GCM else _AES_BLOCK


def plaintext_mtu(transform: EspTransform, path_mtu: int, *, transport: bool, udp: bool, version: int) -> int:
    """Return the largest packet, its own IP header counted, that fits into `path_mtu` when it is encrypted (RFC 4303
    §2).
    """
    is_gcm = transform.cipher is EspCipher.AES_GCM
    tag = _GCM_TAG if is_gcm else _TAGS[transform.hash] if transform.hash is not None else 0
    header = _IPV4 if version == 4 else _IPV4 + _IPV6_EXTRA
    room = path_mtu - header - (_UDP if udp else 0) - _ESP - vector_octets(transform) - tag
    room -= room % (_ALIGNMENT if is_gcm else _AES_BLOCK)
    return room - _TRAILER + (header if transport else 0)
