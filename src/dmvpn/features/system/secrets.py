"""Passwords of the configuration: what is written there, and whether what somebody types is it.

    0    plain text
    7    hidden from a glance, not from anybody who wants to know: the well-known key of `service password-encryption`
    8    PBKDF2-HMAC-SHA256, 20,000 rounds, `$8$salt$hash`
    9    scrypt, N 16384, r 1, p 1, `$9$salt$hash`

A form that cannot be checked here (5: MD5) is refused when it is entered: a secret that nobody could ever type right
would lock everybody out.
"""

from __future__ import annotations

import hashlib
import hmac

PLAIN, HIDDEN, PBKDF2, SCRYPT = 0, 7, 8, 9

#: What type 7 is XORed with, from a starting place that its first two digits tell.
_TYPE_7_KEY = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HASH_CHARACTERS = 43  # 32 octets, six bits a character


class SecretError(ValueError):
    """A secret that cannot be right; the text is for the user."""


def check_secret(kind: int, secret: str) -> None:
    """Is this a secret of that kind? Raises SecretError."""
    if kind == PLAIN:
        return
    if kind == HIDDEN:
        _reveal(secret)
    elif kind in (PBKDF2, SCRYPT):
        _split_hash(kind, secret)
    else:
        raise SecretError(f"A secret of type {kind} cannot be checked here; use type 0, 8 or 9")


def is_right(kind: int, secret: str, typed: str) -> bool:
    """Did somebody type the password? Takes as long for a wrong one as for the right one."""
    octets = typed.encode()
    if kind == HIDDEN:
        return hmac.compare_digest(_reveal(secret), octets)
    if kind == PBKDF2:
        salt, wanted = _split_hash(kind, secret)
        made = hashlib.pbkdf2_hmac("sha256", octets, salt, 20_000, 32)
        return hmac.compare_digest(_encode(made), wanted)
    if kind == SCRYPT:
        salt, wanted = _split_hash(kind, secret)
        made = hashlib.scrypt(octets, salt=salt, n=16384, r=1, p=1, dklen=32)
        return hmac.compare_digest(_encode(made), wanted)
    return hmac.compare_digest(secret.encode(), octets)


def _reveal(secret: str) -> bytes:
    try:
        start, hidden = int(secret[:2]), bytes.fromhex(secret[2:])
    except ValueError:
        raise SecretError("A secret of type 7 is two digits and hexadecimal octets") from None
    return bytes(octet ^ _TYPE_7_KEY[(start + index) % len(_TYPE_7_KEY)] for index, octet in enumerate(hidden))


def _split_hash(kind: int, secret: str) -> tuple[bytes, str]:
    empty, _, rest = secret.partition(f"${kind}$")
    salt, _, hashed = rest.partition("$")
    if empty or not salt or len(hashed) != _HASH_CHARACTERS or set(hashed) - set(_ALPHABET):
        raise SecretError(f"A secret of type {kind} is $%s$salt$hash" % kind)
    return salt.encode(), hashed


def _encode(octets: bytes) -> str:
    """Base 64 with the alphabet of crypt(3), most significant bits first, without padding."""
    bits = int.from_bytes(octets, "big") << (-len(octets) * 8 % 6)
    count = (len(octets) * 8 + 5) // 6
    return "".join(_ALPHABET[bits >> 6 * (count - 1 - index) & 0x3F] for index in range(count))
