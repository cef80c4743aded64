"""Passwords of the configuration: their stored forms, and the check of a typed password.

    0    plain text
    4    SHA-256 of the password alone, 43 characters; IOS 15.3 wrote it for a while
    5    MD5 in a thousand rounds, `$1$salt$hash`, as crypt(3) has it
    7    obfuscated, not encrypted: the well-known key of `service password-encryption`
    8    PBKDF2-HMAC-SHA256, 20,000 rounds, `$8$salt$hash`
    9    scrypt, N 16384, r 1, p 1, `$9$salt$hash`

A form that cannot be checked here is refused when it is entered: otherwise nothing that a user types would match, and
all users would be locked out.

Key chains: keys of routing protocols under one name, and when each of them is valid.

A key without lifetimes is valid at all times. A packet is sent with one key; a received packet may use any key that is
accepted at that time. So keys roll over without loss of neighbors, if their lifetimes overlap.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import field
from datetime import datetime

from dmvpn.base.pages import Pages
from dmvpn.base.ports import Clock
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ passwords


PLAIN, SHA256, MD5, HIDDEN, PBKDF2, SCRYPT = 0, 4, 5, 7, 8, 9

#: The key that type 7 is XORed with, from the offset in its first two digits.
_TYPE_7_KEY = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: 32 octets, or the 16 of MD5; six bits a character.
_HASH_CHARACTERS, _MD5_CHARACTERS = 43, 22
_MD5_ROUNDS = 1_000
_MD5_SALT = 8
#: Characters of the salts that are made here, as IOS makes them.
_SALT, _MD5_SALT_MADE = 14, 4


class SecretError(ValueError):
    """A secret that cannot be right; the text is for the user."""


def check_secret(kind: int, secret: str) -> None:
    """Check that this is a secret of that kind. Raises SecretError."""
    if kind == PLAIN:
        return
    if kind == HIDDEN:
        _reveal(secret)
    elif kind == MD5:
        _split_md5(secret)
    elif kind == SHA256:
        if not _is_hash(secret, _HASH_CHARACTERS):
            raise SecretError("A secret of type 4 is 43 characters")
    elif kind in (PBKDF2, SCRYPT):
        _split_hash(kind, secret)
    else:
        raise SecretError(f"A secret of type {kind} cannot be checked here; use type 0, 8 or 9")


def is_right(kind: int, secret: str, typed: str) -> bool:
    """Return whether `typed` is the password. A wrong one takes as long as the right one."""
    octets = typed.encode()
    if not can_hash(kind):
        return False
    if kind == HIDDEN:
        return hmac.compare_digest(_reveal(secret), octets)
    if kind == SHA256:
        return hmac.compare_digest(_encode(hashlib.sha256(octets).digest()), secret)
    if kind == MD5:
        salt, wanted = _split_md5(secret)
        return hmac.compare_digest(_md5_crypt(octets, salt), wanted)
    if kind == PBKDF2:
        salt, wanted = _split_hash(kind, secret)
        return hmac.compare_digest(_encode(_pbkdf2(octets, salt)), wanted)
    if kind == SCRYPT:
        salt, wanted = _split_hash(kind, secret)
        return hmac.compare_digest(_encode(_scrypt(octets, salt)), wanted)
    return hmac.compare_digest(secret.encode(), octets)


def hashed(kind: int, plain: str, octets: bytes) -> str:
    """Return the hash of a password as type 5, 8 or 9 is written. octets: at least 14 unpredictable ones, for the
    salt.
    """
    octets_of_password = plain.encode()
    if kind == MD5:
        salt = _salt(octets, _MD5_SALT_MADE)
        return f"$1${salt}${_md5_crypt(octets_of_password, salt.encode())}"
    salt = _salt(octets, _SALT)
    made = _pbkdf2(octets_of_password, salt.encode()) if kind == PBKDF2 else _scrypt(octets_of_password, salt.encode())
    return f"${kind}${salt}${_encode(made)}"


def can_hash(kind: int) -> bool:
    """Return whether this Python makes hashes of that type: without OpenSSL, as in a browser, it lacks types 8 and 9.

    No password is right for a hash that it lacks.
    """
    return kind not in (PBKDF2, SCRYPT) or hasattr(hashlib, "scrypt")


def _salt(octets: bytes, length: int) -> str:
    return "".join(_ALPHABET[octet & 0x3F] for octet in octets[:length])


def _pbkdf2(password: bytes, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password, salt, 20_000, 32)


def _scrypt(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=16384, r=1, p=1, dklen=32)


def _reveal(secret: str) -> bytes:
    try:
        start, hidden = int(secret[:2]), bytes.fromhex(secret[2:])
    except ValueError:
        raise SecretError("A secret of type 7 is two digits and hexadecimal octets") from None
    return bytes(octet ^ _TYPE_7_KEY[(start + index) % len(_TYPE_7_KEY)] for index, octet in enumerate(hidden))


def _split_hash(kind: int, secret: str) -> tuple[bytes, str]:
    empty, _, rest = secret.partition(f"${kind}$")
    salt, _, hashed = rest.partition("$")
    if empty or not salt or not _is_hash(hashed, _HASH_CHARACTERS):
        raise SecretError(f"A secret of type {kind} is $%s$salt$hash" % kind)
    return salt.encode(), hashed


def _is_hash(text: str, length: int) -> bool:
    return len(text) == length and not set(text) - set(_ALPHABET)


def _split_md5(secret: str) -> tuple[bytes, str]:
    empty, _, rest = secret.partition("$1$")
    salt, _, hashed = rest.partition("$")
    if empty or not 1 <= len(salt) <= _MD5_SALT or not _is_hash(hashed, _MD5_CHARACTERS):
        raise SecretError("A secret of type 5 is $1$salt$hash")
    return salt.encode(), hashed


def _md5_crypt(password: bytes, salt: bytes) -> str:
    """Return the hash that FreeBSD's crypt(3) made first, and that IOS calls type 5."""
    inner = hashlib.md5(password + salt + password, usedforsecurity=False).digest()
    begun = password + b"$1$" + salt + (inner * (len(password) // 16 + 1))[: len(password)]
    length = len(password)
    while length:
        begun += b"\0" if length & 1 else password[:1]
        length >>= 1
    final = hashlib.md5(begun, usedforsecurity=False).digest()
    for number in range(_MD5_ROUNDS):
        made = password if number & 1 else final
        made += (salt if number % 3 else b"") + (password if number % 7 else b"")
        made += final if number & 1 else password
        final = hashlib.md5(made, usedforsecurity=False).digest()
    triples = [(index, index + 6, 12 + index if index < 4 else 5) for index in range(5)]
    groups = [(final[high] << 16 | final[middle] << 8 | final[low], 4) for high, middle, low in triples]
    return "".join(
        _ALPHABET[bits >> 6 * index & 0x3F] for bits, count in (*groups, (final[11], 2)) for index in range(count)
    )


def _encode(octets: bytes) -> str:
    """Encode in base 64 with the alphabet of crypt(3), most significant bits first, without padding."""
    bits = int.from_bytes(octets, "big") << (-len(octets) * 8 % 6)
    count = (len(octets) * 8 + 5) // 6
    return "".join(_ALPHABET[bits >> 6 * (count - 1 - index) & 0x3F] for index in range(count))


# ------------------------------------------------------------------------------------------------ key chains


class Lifetime(Value):
    """From when and until when, without a time zone.

    end: None: infinite.
    local: in the router's own time zone, not in UTC.
    """

    start: datetime
    end: datetime | None = None
    local: bool = False

    def holds(self, clock: Clock, now: float) -> bool:
        """Return whether it is now."""
        at = self._at(clock, now)
        return self.start <= at and (self.end is None or at < self.end)

    def is_over(self, clock: Clock, now: float) -> bool:
        """Return whether it has ended."""
        return self.ended_ago(clock, now) is not None

    def ended_ago(self, clock: Clock, now: float) -> float | None:
        """Return the seconds since it ended; None: it has not."""
        at = self._at(clock, now)
        return (at - self.end).total_seconds() if self.end is not None and self.end <= at else None

    def changes_in(self, clock: Clock, now: float) -> float | None:
        """Return seconds until it begins or ends; None: it does neither any more."""
        at = self._at(clock, now)
        left = [(moment - at).total_seconds() for moment in (self.start, self.end) if moment is not None]
        return min((seconds for seconds in left if seconds > 0), default=None)

    def _at(self, clock: Clock, now: float) -> datetime:
        return (clock.local(now) if self.local else clock.wall(now)).replace(tzinfo=None)


class Key(Value):
    """One key of a key chain.

    algorithm: as `cryptographic-algorithm` has it, "" if nothing is said.
    accept, send: when it opens, and when it seals; None: always.
    """

    number: int
    text: str = field(repr=False)
    algorithm: str = ""
    accept: Lifetime | None = None
    send: Lifetime | None = None


class KeyChain(Value):
    """`key chain`. keys: the keys with a key string, by number; each protocol chooses the key for sending."""

    name: str
    keys: Pages[Key]

    def sending(self, clock: Clock, now: float) -> Key | None:
        """Return the key that EIGRP and RIP seal with: the lowest number that is valid, as on IOS."""
        return next((key for key in self.keys if key.send is None or key.send.holds(clock, now)), None)

    def accepting(self, clock: Clock, now: float) -> tuple[Key, ...]:
        """Return the keys that open what comes."""
        return tuple(key for key in self.keys if key.accept is None or key.accept.holds(clock, now))

    def changes_in(self, clock: Clock, now: float) -> float | None:
        """Return seconds until other keys are valid; None: never."""
        lifetimes = [one for key in self.keys for one in (key.accept, key.send) if one is not None]
        left = [seconds for one in lifetimes if (seconds := one.changes_in(clock, now)) is not None]
        return min(left, default=None)
