"""IKEv1 read by RFC 2408 and RFC 2409 alone: main mode, quick mode and informational messages of a capture.

It shares no line with the decoders of the project, so that a mistake there is not repeated here. It checks captures
against their keys files: `tests/unit/test_ikev1_captures.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAIN_MODE, INFORMATIONAL, QUICK_MODE = 2, 5, 32
SA, KE, ID, CERT, HASH, SIG, NONCE, NOTIFY, DELETE = 1, 4, 5, 6, 8, 9, 10, 11, 12
_HEADER = struct.Struct("!8s8sBBBB4sI")
_ENCRYPTED = 1
#: RFC 2409 appendix A, and draft-ietf-ipsec-ike-auth-hash / RFC 4868 for the last.
HASHES = {1: "md5", 2: "sha1", 4: "sha256"}
#: Octets of the keys of ESP by their attribute or transform: RFC 2407 §4.4.4, §4.5; RFC 4868.
_INTEGRITY_KEYS = {1: 16, 2: 20, 5: 32}
_TRIPLE_DES = (5, 24, 8)  # number in phase 1, octets of the key, octets of a block


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload without its generic header."""

    type: int
    body: bytes
    octets: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message; body: behind the header, as on the wire."""

    cookie_i: bytes
    cookie_r: bytes
    first: int
    exchange: int
    encrypted: bool
    message_id: bytes
    body: bytes

    @classmethod
    def parse(cls, octets: bytes) -> Message:
        cookie_i, cookie_r, first, version, exchange, flags, message_id, length = _HEADER.unpack_from(octets)
        assert version == 0x10
        assert length == len(octets)
        body = octets[_HEADER.size :]
        return cls(cookie_i, cookie_r, first, exchange, bool(flags & _ENCRYPTED), message_id, body)


def payloads(first: int, octets: bytes) -> list[Payload]:
    """Divide octets into payloads; padding behind the last is allowed."""
    found: list[Payload] = []
    while first:
        following, reserved, length = struct.unpack_from("!BBH", octets)
        if reserved or not 4 <= length <= len(octets):
            raise ValueError("no payloads")
        found.append(Payload(first, octets[4:length], octets[:length]))
        first, octets = following, octets[length:]
    return found


def body_of(chain: Iterable[Payload], kind: int) -> bytes:
    """Return the first body of this kind, b"" without one."""
    return next((payload.body for payload in chain if payload.type == kind), b"")


def attributes(octets: bytes) -> dict[int, int]:
    """Return the data attributes behind a transform, RFC 2408 §3.3."""
    found: dict[int, int] = {}
    while octets:
        kind, value = struct.unpack_from("!HH", octets)
        if kind & 0x8000:
            found[kind & 0x7FFF], octets = value, octets[4:]
        else:
            found[kind], octets = int.from_bytes(octets[4 : 4 + value], "big"), octets[4 + value :]
    return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an answering SA payload of a single proposal and transform says. transform: its number, RFC 2407 §4.4."""

    protocol: int
    spi: bytes
    transform: int
    attributes: dict[int, int]

    @classmethod
    def parse(cls, body: bytes) -> Chosen:
        proposal = body[8:]
        protocol, spi_size = proposal[5], proposal[6]
        transform = proposal[8 + spi_size :]
        (length,) = struct.unpack_from("!H", transform, 2)
        return cls(protocol, proposal[8 : 8 + spi_size], transform[5], attributes(transform[8:length]))

    @property
    def keymat_lengths(self) -> tuple[int, int]:
        """Octets of the encryption key and of the integrity key of ESP: 3DES is 3, AES is 12."""
        return 24 if self.transform == 3 else self.attributes[6] // 8, _INTEGRITY_KEYS[self.attributes[5]]


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys of a phase 1, RFC 2409 §5 and appendix B."""

    hash: str
    skeyid: bytes
    skeyid_d: bytes
    skeyid_a: bytes
    skeyid_e: bytes
    encryption_key: bytes
    first_iv: bytes

    def prf(self, key: bytes, *parts: bytes) -> bytes:
        return hmac.digest(key, b"".join(parts), self.hash)

    @property
    def block(self) -> int:
        return len(self.first_iv)

    def decrypt(self, iv: bytes, octets: bytes) -> bytes:
        algorithm: CipherAlgorithm = (TripleDES if self.block == 8 else algorithms.AES)(self.encryption_key)
        opener = Cipher(algorithm, modes.CBC(iv)).decryptor()
        return opener.update(octets) + opener.finalize()

    def iv_of(self, last_block: bytes, message_id: bytes) -> bytes:
        """Return the IV of the first message with this Message ID."""
        return hashlib.new(self.hash, last_block + message_id).digest()[: self.block]

    def keymat(self, length: int, shared: bytes, spi: bytes, nonces: bytes) -> bytes:
        """Return the keys of ESP with this SPI, §5.5. shared: b"" without PFS."""
        seed, octets, block = shared + b"\x03" + spi + nonces, b"", b""
        while len(octets) < length:
            block = self.prf(self.skeyid_d, block, seed)
            octets += block
        return octets[:length]


@dataclass(slots=True)
class Phase1:
    """A main mode as far as it came. What each end sent is a pair: initiator, responder."""

    cookie_i: bytes
    cookie_r: bytes = b""
    offer: bytes = b""
    chosen: Chosen | None = None
    ke: list[bytes] = field(default_factory=list)
    nonces: list[bytes] = field(default_factory=list)
    sealed: list[Message] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return self.chosen is not None and len(self.ke) == 2

    def derive(self, shared: bytes, psk: bytes | None) -> Secrets:
        """Return all keys. psk: None with signatures."""
        assert self.chosen is not None
        said, (ni, nr) = self.chosen.attributes, self.nonces
        name = HASHES[said[2]]
        skeyid = hmac.digest(psk, ni + nr, name) if psk is not None else hmac.digest(ni + nr, shared, name)
        end, keys = shared + self.cookie_i + self.cookie_r, [b""]
        for number in range(3):
            keys.append(hmac.digest(skeyid, keys[-1] + end + bytes([number]), name))
        length, block = (_TRIPLE_DES[1:]) if said[1] == _TRIPLE_DES[0] else (said[14] // 8, 16)
        key, part = keys[3], b"\0"
        if len(key) < length:
            key = b""
            while len(key) < length:
                part = hmac.digest(keys[3], part, name)
                key += part
        iv = hashlib.new(name, self.ke[0] + self.ke[1]).digest()[:block]
        return Secrets(name, skeyid, keys[1], keys[2], keys[3], key[:length], iv)

    def proof(self, secrets: Secrets, identity: bytes, *, initiator: bool) -> bytes:
        """Return HASH_I or HASH_R, §5."""
        order = 1 if initiator else -1
        ke, cookies = b"".join(self.ke[::order]), b"".join((self.cookie_i, self.cookie_r)[::order])
        return secrets.prf(secrets.skeyid, ke, cookies, self.offer, identity)


@dataclass(frozen=True, slots=True)
class Opened:
    """A decrypted message. iv: what it was decrypted with."""

    message: Message
    iv: bytes
    inside: list[Payload]

    @property
    def behind_hash(self) -> bytes:
        return b"".join(payload.octets for payload in self.inside[1:])


@dataclass(slots=True)
class Reader:
    """Reads the messages of a capture in their order; repeated ones once."""

    phases: dict[bytes, Phase1] = field(default_factory=dict)
    later: list[Message] = field(default_factory=list)

    def read(self, datagrams: Iterable[bytes]) -> Reader:
        for octets in dict.fromkeys(datagrams):
            message = Message.parse(octets)
            if message.exchange == MAIN_MODE:
                self._main(message)
            else:
                self.later.append(message)
        return self

    def _main(self, message: Message) -> None:
        phase = self.phases.setdefault(message.cookie_i, Phase1(message.cookie_i))
        if message.encrypted:
            phase.sealed.append(message)
            return
        chain = payloads(message.first, message.body)
        offered, ke = body_of(chain, SA), body_of(chain, KE)
        if ke:
            phase.ke.append(ke)
            phase.nonces.append(body_of(chain, NONCE))
        elif any(message.cookie_r):
            phase.cookie_r, phase.chosen = message.cookie_r, Chosen.parse(offered)
        else:
            phase.offer = offered

    def phase2(self, phase: Phase1, secrets: Secrets) -> Iterator[Opened]:
        """Open everything that came under this phase 1 when its main mode was over."""
        base = phase.sealed[-1].body[-secrets.block :]
        ivs: dict[bytes, bytes] = {}
        for message in self.later:
            if message.cookie_i != phase.cookie_i or not message.encrypted:
                continue
            iv = ivs.get(message.message_id) or secrets.iv_of(base, message.message_id)
            ivs[message.message_id] = message.body[-secrets.block :]
            yield opened(message, secrets, iv)


def opened(message: Message, secrets: Secrets, iv: bytes) -> Opened:
    """Decrypt a message. Raises ValueError where the keys do not fit."""
    try:
        return Opened(message, iv, payloads(message.first, secrets.decrypt(iv, message.body)))
    except struct.error as problem:
        raise ValueError("no payloads") from problem


def main_mode(phase: Phase1, secrets: Secrets) -> list[Opened]:
    """Open messages 5 and 6."""
    iv, found = secrets.first_iv, []
    for message in phase.sealed:
        found.append(opened(message, secrets, iv))
        iv = message.body[-secrets.block :]
    return found


@dataclass(slots=True)
class Quick:
    """A quick mode of three messages: answer is the SA that the responder chose, ke with PFS."""

    message_id: bytes
    messages: list[Opened]

    def sent(self, number: int, kind: int) -> bytes:
        return body_of(self.messages[number].inside, kind)

    @property
    def nonces(self) -> bytes:
        return self.sent(0, NONCE) + self.sent(1, NONCE)

    @property
    def spis(self) -> tuple[bytes, bytes]:
        """Of the initiator, whose offer may have several proposals with the same SPI, and of the responder."""
        return Chosen.parse(self.sent(0, SA)).spi, Chosen.parse(self.sent(1, SA)).spi

    def keymats(self, secrets: Secrets, shared: bytes) -> tuple[bytes, bytes]:
        """Return the keys of the SA into the initiator and of the SA into the responder."""
        length = sum(Chosen.parse(self.sent(1, SA)).keymat_lengths)
        spi_i, spi_r = self.spis
        return (
            secrets.keymat(length, shared, spi_i, self.nonces),
            secrets.keymat(length, shared, spi_r, self.nonces),
        )

    def hashes(self, secrets: Secrets) -> list[bytes]:
        """Return HASH(1), HASH(2) and HASH(3) as §5.5 has them."""
        key, mid, (first, second, _) = secrets.skeyid_a, self.message_id, self.messages
        return [
            secrets.prf(key, mid, first.behind_hash),
            secrets.prf(key, mid, self.sent(0, NONCE), second.behind_hash),
            secrets.prf(key, b"\0", mid, self.nonces),
        ]


def quick_modes(found: Iterable[Opened]) -> list[Quick]:
    """Return the quick modes that came to their end."""
    by_id: dict[bytes, Quick] = {}
    for one in found:
        if one.message.exchange == QUICK_MODE:
            by_id.setdefault(one.message.message_id, Quick(one.message.message_id, [])).messages.append(one)
    return [quick for quick in by_id.values() if len(quick.messages) == 3]
