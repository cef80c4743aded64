"""What IPsec wants of IKE: the terms of `crypto ipsec profile`, resolved for one tunnel, in words that both know."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


class EspCipher(enum.Enum):
    """What encrypts."""

    AES_CBC = "aes-cbc"
    AES_GCM = "aes-gcm"


class EspHash(enum.Enum):
    """What authenticates, where the cipher does not."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


@dataclass(frozen=True, slots=True)
class EspTransform:
    """One choice of algorithms. bits: of the key. hash: None with AES-GCM."""

    cipher: EspCipher
    bits: int
    hash: EspHash | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionPolicy:
    """How packets between `local` and any peer are protected. name: of the IPsec profile; ikev2_profile: "": any.

    transforms: the best first. pfs_group: Diffie-Hellman group of later child SAs, 0: none. may_tunnel: tunnel mode is
    taken from a peer that insists. seconds, kilobytes: lifetime of a child SA. replay_window: packets.
    """

    name: str
    local: IPAddress
    ikev2_profile: str
    transforms: tuple[EspTransform, ...]
    transport: bool = True
    may_tunnel: bool = False
    pfs_group: int = 0
    seconds: float = 3600.0
    kilobytes: int = 4_608_000
    replay_window: int = 1024
    responder_only: bool = False
