"""What can be configured of IPsec, as values; algorithms go by the words of the command language."""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.effects import DfBit
from dmvpn.base.protection import Encapsulation
from dmvpn.base.values import Value

#: Seconds and kilobytes after which an SA is replaced.
DEFAULT_SECONDS: Final = 3_600
DEFAULT_KILOBYTES: Final = 4_608_000
#: Packets of the replay window.
DEFAULT_WINDOW: Final = 64


class Cipher(enum.Enum):
    """What encrypts; GCM authenticates besides."""

    AES_CBC = "esp-aes"
    AES_GCM = "esp-gcm"
    AES_GMAC = "esp-gmac"
    TRIPLE_DES = "esp-3des"
    DES = "esp-des"
    NULL = "esp-null"


class Integrity(enum.Enum):
    """What authenticates."""

    SHA1 = "esp-sha-hmac"
    SHA256 = "esp-sha256-hmac"
    SHA384 = "esp-sha384-hmac"
    SHA512 = "esp-sha512-hmac"
    MD5 = "esp-md5-hmac"


class TransformSet(Value, kw_only=True):
    """`crypto ipsec transform-set`.

    key_bits: of the cipher, 0 where it has one size.
    transport: else tunnel mode.
    """

    name: str
    cipher: Cipher
    key_bits: int = 0
    integrity: Integrity | None = None
    transport: bool = False
    require_transport: bool = False


class Lifetime(Value, kw_only=True):
    """When an SA is replaced. None: not said here, so the next wider setting holds. kilobytes 0: by time alone."""

    seconds: int | None = None
    kilobytes: int | None = None


class IpsecProfile(Value, kw_only=True):
    """`crypto ipsec profile`, what `tunnel protection` names.

    transform_sets: in order of preference.
    pfs_group: Diffie-Hellman group of a new child SA, 0: none.
    idle_time: seconds, None: as the global setting says.
    replay_window: packets, 0: no replay protection, None: global setting.
    esn: sequence numbers of 64 bits are offered (RFC 4303 §2.2.1).
    """

    name: str
    transform_sets: tuple[str, ...] = ()
    ikev2_profile: str = ""
    isakmp_profile: str = ""
    pfs_group: int = 0
    lifetime: Lifetime = Lifetime()
    idle_time: int | None = None
    replay_window: int | None = None
    responder_only: bool = False
    esn: bool = False


class IpsecConfig(Value, kw_only=True):
    """The configuration of IPsec.

    idle_time: seconds, 0: SAs do not idle out.
    df_bit: of the packets that carry ESP.
    fragment_first: the `ip mtu` of tunnels leaves room for ESP, so that packets are cut before they are encrypted.
    nat_traversal: UDP port 4500 is used where there is NAT between the peers.
    encapsulation: where else.
    """

    transform_sets: tuple[TransformSet, ...] = ()
    profiles: tuple[IpsecProfile, ...] = ()
    lifetime: Lifetime = Lifetime(seconds=DEFAULT_SECONDS, kilobytes=DEFAULT_KILOBYTES)
    idle_time: int = 0
    replay_window: int = DEFAULT_WINDOW
    df_bit: DfBit = DfBit.COPY
    fragment_first: bool = True
    nat_traversal: bool = True
    encapsulation: Encapsulation = Encapsulation.AUTO
