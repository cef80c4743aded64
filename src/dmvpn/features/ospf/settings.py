"""The settings of OSPF on one interface: its own lines, those of process and area, and the defaults of its type.

Defaults are those of IOS: a tunnel is point-to-point whatever its mode, Hellos go out every 10 s where one router
speaks for all or there is one neighbor, and every 30 s elsewhere; silence for four times that ends a neighbor.

Packets are authenticated as of RFC 2328 Appendix D (none, a password in clear, MD5) and RFC 5709 (HMAC-SHA). A digest
follows the packet; the authentication field of the header carries the key ID, the length of the digest and a sequence
number that never decreases. All or nothing: packets that cannot be authenticated as configured are neither sent nor
accepted.

MD5 is checked against FRR 8.4.4 and BIRD, HMAC-SHA against BIRD 2.0.12 (with keys as long as the digest at most:
longer ones RFC 5709 hashes, and BIRD only beyond the block of the hash). Numbers of 64 bits and digests that cover the
sender's address (RFC 7474, AuType 3) are not here: neither IOS-XE 17 nor FRR nor BIRD has them.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
from dataclasses import field, replace
from ipaddress import IPv4Address
from operator import itemgetter, methodcaller
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import Value, project
from dmvpn.features.ospf.model import HMAC_TRAILER, TRAILER, Area, AuthenticationType, Interface, NetworkType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.credentials import KeyChain, Lifetime
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.pages import Pages
    from dmvpn.base.ports import Clock
    from dmvpn.features.ospf.model import NeighborLine, NetworkLine, ProcessSettings
    from dmvpn.features.ospf.packet import OspfPacket


# ------------------------------------------------------------------------------------------------ authentication


_FIELD = struct.Struct("!HBBI")
_KEY_LENGTH: Final = 16
_PASSWORD_LENGTH: Final = 8
_APAD: Final = bytes.fromhex("878FE1F3")
#: Behind a key: no digest of another protocol is made with it.
_OSPF_VERSION_3: Final = b"\x00\x01"


class Algorithm(enum.Enum):
    """How a digest is made. The value is hashlib's name."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def word(self) -> str:
        """As `cryptographic-algorithm` has it."""
        return "md5" if self is Algorithm.MD5 else f"hmac-sha-{self.value.removeprefix('sha')}"


_LENGTHS: Final = {algorithm: hashlib.new(algorithm.value).digest_size for algorithm in Algorithm}


class DigestKey(Value):
    """A key of digests. number: travels in packets. accept, send: when it opens and when it seals, None: always."""

    number: int
    secret: bytes = field(repr=False)
    algorithm: Algorithm = Algorithm.MD5
    accept: Lifetime | None = None
    send: Lifetime | None = None

    @property
    def length(self) -> int:
        """Octets of a digest."""
        return _LENGTHS[self.algorithm]


class AuthenticationSettings(Value):
    """The authentication of an interface. keys: the last valid one seals packets, all are accepted. chain: where they
    are from.
    """

    type: AuthenticationType = AuthenticationType.NULL
    password: bytes = field(default=b"", repr=False)
    keys: tuple[DigestKey, ...] = ()
    chain: str = ""

    @property
    def overhead(self) -> int:
        """Octets behind each packet."""
        if self.type is not AuthenticationType.CRYPTOGRAPHIC:
            return 0
        return max((key.length for key in self.keys), default=0)

    def sending(self, clock: Clock, now: float) -> DigestKey | None:
        """Return the key that seals new packets: the valid key with the highest number, as on IOS.

        When the last one is over it goes on (RFC 2328 §D.3): the keys that neighbors had agreed on are better than an
        outage. None: none has begun.
        """
        return next(reversed(_valid([(key, key.send) for key in self.keys], clock, now)), None)

    def accepting(self, clock: Clock, now: float) -> tuple[DigestKey, ...]:
        """Return the keys for received packets; when all have expired, the last one."""
        return _valid([(key, key.accept) for key in self.keys], clock, now)

    def seal(
        self,
        packet: OspfPacket,
        sequence: int,
        key: DigestKey | None = None,
        sender: IPAddress | None = None,
        serialize: Callable[[OspfPacket], bytes] = methodcaller("serialize"),
    ) -> bytes:
        """Encode the packet as this interface sends it. sequence: of digests. key: None: the last one.

        sender, serialize: of a packet of version 3.
        """
        if self.type is AuthenticationType.NULL:
            return serialize(packet)
        if self.type is AuthenticationType.SIMPLE:
            password = self.password[:_PASSWORD_LENGTH].ljust(_PASSWORD_LENGTH, b"\x00")
            return serialize(replace(packet, auth_type=self.type.value, auth=password))
        key = key or self.keys[-1]
        if sender is None:
            auth = _FIELD.pack(0, key.number, key.length, sequence)
        else:
            auth = TRAILER.pack(HMAC_TRAILER, TRAILER.size + key.length, 0, key.number, sequence)
        covered = serialize(replace(packet, auth_type=self.type.value, auth=auth))
        return covered + _digest(covered, key, sender)

    def _words(self) -> str:
        """Return our authentication, in words."""
        if self.type is not AuthenticationType.CRYPTOGRAPHIC:
            return "no authentication" if self.type is AuthenticationType.NULL else "a password in clear"
        keys = (f"key {key.number} with {key.algorithm.word} ({key.length} octets)" for key in self.keys)
        return " or ".join(keys)

    def refusal(
        self,
        packet: OspfPacket,
        payload: bytes,
        accepted: tuple[DigestKey, ...] | None = None,
        sender: IPAddress | None = None,
    ) -> str:
        """Return the difference between the packet's authentication and the interface's, in words; "": none. accepted:
        None: all keys. sender: of a packet of version 3.
        """
        if packet.auth_type != self.type.value:
            return f"theirs is {_words(packet)}, ours is {self._words()}"
        if self.type is AuthenticationType.SIMPLE:
            password = self.password[:_PASSWORD_LENGTH].ljust(_PASSWORD_LENGTH, b"\x00")
            return "" if hmac.compare_digest(packet.auth, password) else "another password"
        if self.type is AuthenticationType.NULL:
            return ""
        number, length, _ = _digest_of(packet)
        key = next((key for key in self.keys if key.number == number), None)
        if key is None or length != key.length:
            return f"theirs is {_words(packet)}, ours is {self._words()}"
        if accepted is not None and key not in accepted:
            return f"key {number} is not valid now (`accept-lifetime`)"
        if len(packet.trailer) < length:
            return f"a digest of {length} octets of which {len(packet.trailer)} came"
        covered = payload[: len(payload) - len(packet.trailer)]
        good = hmac.compare_digest(packet.trailer[:length], _digest(covered, key, sender))
        return "" if good else f"a digest made with another key {number}"


def _valid(keys: list[tuple[DigestKey, Lifetime | None]], clock: Clock, now: float) -> tuple[DigestKey, ...]:
    """Return the keys that are valid now; if no key is valid, the key that expired last."""
    valid = tuple(key for key, lifetime in keys if lifetime is None or lifetime.holds(clock, now))
    if valid:
        return valid
    ended = [(lifetime.ended_ago(clock, now), key) for key, lifetime in keys if lifetime is not None]
    over = [(ago, key) for ago, key in ended if ago is not None]
    return tuple(key for _, key in sorted(over, key=itemgetter(0), reverse=True)[-1:])


def _words(packet: OspfPacket) -> str:
    """Return a packet's authentication, in words."""
    if packet.auth_type == AuthenticationType.CRYPTOGRAPHIC.value:
        number, length, _ = _digest_of(packet)
        return f"key {number} with a digest of {length} octets"
    names = {AuthenticationType.NULL.value: "no authentication", AuthenticationType.SIMPLE.value: "a password in clear"}
    return names.get(packet.auth_type, f"authentication of type {packet.auth_type}")


def _digest_of(packet: OspfPacket) -> tuple[int, int, int]:
    """Return the number of the key, the octets of the digest and the sequence number of a packet that has one."""
    if len(packet.auth) == _FIELD.size:
        _, number, length, sequence = _FIELD.unpack(packet.auth)
        return number, length, sequence
    _, whole, _, number, sequence = TRAILER.unpack(packet.auth)
    return number, whole - TRAILER.size, sequence


def sequence_of(packet: OspfPacket) -> int:
    """Return the sequence number of a packet with a digest. A packet with a smaller number than the last one is a
    replay.
    """
    return _digest_of(packet)[2]


def key_of(packet: OspfPacket) -> int:
    """Return the number of the key of a packet with a digest."""
    return _digest_of(packet)[0]


def _digest(covered: bytes, key: DigestKey, sender: IPAddress | None = None) -> bytes:
    """Return the digest of a packet. sender: of one of version 3, whose digest covers it, too (RFC 7166 §4.5)."""
    if key.algorithm is Algorithm.MD5:
        padded = key.secret[:_KEY_LENGTH].ljust(_KEY_LENGTH, b"\x00")
        return hashlib.md5(covered + padded, usedforsecurity=False).digest()
    length = key.length
    secret, filler = key.secret, _APAD * (length // 4)
    if sender is not None:
        secret, filler = secret + _OSPF_VERSION_3, sender.packed + filler[: length - 16]
    # RFC 5709 §3.3: a key longer than the digest is hashed, a shorter one filled with zeros; then RFC 2104.
    if len(secret) > length:
        secret = hashlib.new(key.algorithm.value, secret).digest()
    return hmac.digest(secret.ljust(length, b"\x00"), covered + filler, key.algorithm.value)


# --------------------------------------------------------------------------------------------- settings of an interface


#: Those whose Hellos are seldom (IOS; RFC 2328 §C.3 leaves it to the administrator).
_SLOW: Final = (
    NetworkType.NON_BROADCAST,
    NetworkType.POINT_TO_MULTIPOINT,
    NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST,
)
#: Those where a designated router is elected.
ELECTING: Final = (NetworkType.BROADCAST, NetworkType.NON_BROADCAST)
#: Those where neighbors are configured, and everything goes to each of them alone.
BY_UNICAST: Final = (NetworkType.NON_BROADCAST, NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST)
_LARGEST_TTL: Final = 255
#: The number of a key has one octet in packets.
_LAST_KEY: Final = 255
_ALGORITHMS: Final = {algorithm.word: algorithm for algorithm in Algorithm}
_MULTIPOINT: Final = (NetworkType.POINT_TO_MULTIPOINT, NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST)


class Settings(Value, kw_only=True):
    """Times are seconds. cost: None: by bandwidth. sent_interval: what Hellos say, 0: of Hellos faster than seconds.

    obstacle: why no packet can be sent with this configuration, or "". bfd: neighbors are watched.
    least_ttl: that packets may have; 0: any. neighbors: that are configured, perhaps on other links. instance: of
    version 3.
    """

    area: Area
    network: NetworkType
    hello_interval: float
    sent_interval: int
    dead_interval: int
    cost: int | None
    priority: int
    retransmit_interval: int
    transmit_delay: int
    passive: bool
    ignore_mtu: bool
    filter_database: bool
    suppress_prefixes: bool
    authentication: AuthenticationSettings
    obstacle: str = ""
    bfd: bool = False
    least_ttl: int = 0
    neighbors: tuple[NeighborLine, ...] = ()
    instance: int = 0

    @property
    def elects(self) -> bool:
        """Whether a designated router is elected on this network type."""
        return self.network in ELECTING

    @property
    def by_unicast(self) -> bool:
        """Whether neighbors are configured and addressed by unicast."""
        return self.network in BY_UNICAST

    @property
    def is_multipoint(self) -> bool:
        """Whether each pair of neighbors counts as a link."""
        return self.network in _MULTIPOINT


def timers(interface: Interface, default: NetworkType = NetworkType.POINT_TO_POINT) -> tuple[int, int]:
    """Return hello and dead interval in seconds. default: the network type where none is configured."""
    hello = interface.hello_interval or (30 if (interface.network or default) in _SLOW else 10)
    return hello, interface.dead_interval or 4 * hello


def default_network(name: str) -> NetworkType:
    """Return the default network type of an interface."""
    return NetworkType.POINT_TO_POINT if name.startswith(("Tunnel", "Serial", "Dialer")) else NetworkType.BROADCAST


def area_on(process: ProcessSettings, own: Interface, state: InterfaceState) -> int | None:
    """Return the area that an interface is in by its own line or by a `network`; None: OSPF does not run there."""
    if own.process is not None or process.family.version == 6:
        return own.area if own.process == process.number else None
    line = network_line(process, state.address)
    return line.area if line is not None else None


def network_line(process: ProcessSettings, address: IPAddress | None) -> NetworkLine | None:
    """Return the `network` that matches an address: the most specific one, as on IOS from 12.0."""
    if not isinstance(address, IPv4Address):
        return None
    matching = [line for line in process.networks if line.matches(address)]
    return min(matching, key=lambda line: line.wildcard, default=None)


def settings_of(process: ProcessSettings, own: Interface, number: int, chains: Pages[KeyChain]) -> Settings:
    """Return the settings of an interface that is in area `number`. chains: all key chains."""
    area = next((area for area in process.areas if area.number == number), Area(number=number))
    network = own.network or default_network(own.name)
    hello, dead = timers(own, network)
    fast = own.hello_multiplier
    passive = own.name in process.passive or (process.passive_default and own.name not in process.active)
    suppresses = process.suppress_prefixes and not passive if own.suppress_prefixes is None else own.suppress_prefixes
    authentication, obstacle = authentication_of(own, area, chains, process.family.version)
    hops = process.ttl_hops if own.checks_ttl is None else own.ttl_hops if own.checks_ttl else None
    return project(
        Settings,
        own,
        area=area,
        network=network,
        hello_interval=hello if fast is None else 1 / fast,
        sent_interval=hello if fast is None else 0,
        dead_interval=dead if fast is None else 1,
        passive=passive,
        suppress_prefixes=suppresses,
        authentication=authentication,
        obstacle=obstacle,
        bfd=process.bfd if own.bfd is None else own.bfd,
        least_ttl=0 if hops is None else _LARGEST_TTL - hops,
        neighbors=process.neighbors or own.neighbors,
    )


def authentication_of(
    own: Interface, area: Area, chains: Pages[KeyChain], version: int = 4
) -> tuple[AuthenticationSettings, str]:
    """Return the authentication of packets, and why it is impossible. version: of IP."""
    kind = area.authentication if own.authentication is None else own.authentication
    if kind is AuthenticationType.SIMPLE:
        return AuthenticationSettings(kind, own.password.encode()), ""
    if kind is AuthenticationType.NULL:
        return AuthenticationSettings(), ""
    if own.key_chain:
        keys = tuple(key for chain in chains if chain.name == own.key_chain for key in _keys(chain))
        missing = "" if keys else f'no key of the key chain "{own.key_chain}" has a text and a number below 256'
        if version == 6:  # RFC 7166 §4.2 has no MD5
            keys = tuple(key for key in keys if key.algorithm is not Algorithm.MD5)
            missing = missing or (
                "" if keys else f'no key of the key chain "{own.key_chain}" has an algorithm of HMAC-SHA'
            )
        return AuthenticationSettings(kind, keys=keys, chain=own.key_chain), missing
    keys = tuple(DigestKey(key.number, key.text.encode()) for key in own.keys)
    return AuthenticationSettings(kind, keys=keys), "" if keys else "authentication without a message-digest-key"


def _keys(chain: KeyChain) -> Iterator[DigestKey]:
    """Yield the keys of a chain that OSPF can use, the highest number last: new packets are sealed with that, as on
    IOS.
    """
    for key in chain.keys:
        if key.number <= _LAST_KEY:
            algorithm = _ALGORITHMS[key.algorithm] if key.algorithm else Algorithm.MD5
            yield DigestKey(key.number, key.text.encode(), algorithm, key.accept, key.send)


def cost_of(settings: Settings, state: InterfaceState, reference: int) -> int:
    """Return the output cost of an interface. reference: Mbit/s that cost 1 (`auto-cost`)."""
    if settings.cost is not None:
        return settings.cost
    if state.name.startswith("Loopback"):
        return 1
    return min(max(1000 * reference // max(state.bandwidth, 1), 1), 0xFFFF)


def router_id(process: ProcessSettings, states: tuple[InterfaceState, ...]) -> IPv4Address | None:
    """Return the configured one, else the highest address of a loopback, else that of any interface that is not shut
    down.
    """
    if process.router_id is not None:
        return process.router_id
    up = [state for state in states if state.enabled and state.address is not None]
    loopbacks = [state for state in up if state.name.startswith("Loopback")]
    addresses = [
        address for state in loopbacks or up for address, _ in state.addresses if isinstance(address, IPv4Address)
    ]
    return max(addresses, default=None)
