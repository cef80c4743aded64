"""The settings of OSPF on one interface: its own lines, those of process and area, and the defaults of its type.

Defaults are those of IOS: a tunnel is point-to-point whatever its mode, Hellos go out every 10 s where one router
speaks for all or there is one neighbor, and every 30 s elsewhere; silence for four times that ends a neighbor.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass, project
from dmvpn.features.ospf.auth import Algorithm, AuthenticationSettings, DigestKey
from dmvpn.features.ospf.model import Area, AuthenticationType, Interface, NetworkType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.keychains import KeyChain
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.pages import Pages
    from dmvpn.features.ospf.model import NetworkLine, ProcessSettings

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times are seconds. cost: None: by bandwidth. told_interval: what Hellos say, 0: of Hellos faster than seconds.

    obstacle: why no packet can be sent with this configuration, or "". bfd: neighbors are watched.
    least_ttl: that packets may have; 0: any.
    """

    area: Area
    network: NetworkType
    hello_interval: float
    told_interval: int
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
    if own.process is not None:
        return own.area if own.process == process.number else None
    line = network_line(process, state.address)
    return line.area if line is not None else None


def network_line(process: ProcessSettings, address: IPAddress | None) -> NetworkLine | None:
    """Return the `network` that matches an address: the first one, as on IOS."""
    if not isinstance(address, IPv4Address):
        return None
    return next((line for line in process.networks if line.matches(address)), None)


def settings_of(process: ProcessSettings, own: Interface, number: int, chains: Pages[KeyChain]) -> Settings:
    """Return the settings of an interface that is in area `number`. chains: all key chains."""
    area = next((area for area in process.areas if area.number == number), Area(number=number))
    network = own.network or default_network(own.name)
    hello, dead = timers(own, network)
    fast = own.hello_multiplier
    passive = own.name in process.passive or (process.passive_default and own.name not in process.active)
    suppresses = process.suppress_prefixes and not passive if own.suppress_prefixes is None else own.suppress_prefixes
    authentication, obstacle = authentication_of(own, area, chains)
    return project(
        Settings,
        own,
        area=area,
        network=network,
        hello_interval=hello if fast is None else 1 / fast,
        told_interval=hello if fast is None else 0,
        dead_interval=dead if fast is None else 1,
        passive=passive,
        suppress_prefixes=suppresses,
        authentication=authentication,
        obstacle=obstacle,
        bfd=process.bfd if own.bfd is None else own.bfd,
        least_ttl=_least_ttl(process, own),
    )


def _least_ttl(process: ProcessSettings, own: Interface) -> int:
    hops = process.ttl_hops if own.checks_ttl is None else own.ttl_hops if own.checks_ttl else None
    return 0 if hops is None else _LARGEST_TTL - hops


def authentication_of(own: Interface, area: Area, chains: Pages[KeyChain]) -> tuple[AuthenticationSettings, str]:
    """Return the authentication of packets, and why it is impossible."""
    kind = area.authentication if own.authentication is None else own.authentication
    if kind is AuthenticationType.SIMPLE:
        return AuthenticationSettings(kind, own.password.encode()), ""
    if kind is AuthenticationType.NULL:
        return AuthenticationSettings(), ""
    if own.key_chain:
        keys = tuple(key for chain in chains if chain.name == own.key_chain for key in _keys(chain))
        missing = "" if keys else f'no key of the key chain "{own.key_chain}" has a text and a number below 256'
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
