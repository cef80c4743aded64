"""The configuration of RIP, as values."""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.credentials import KeyChain
from dmvpn.base.distribution import NOTHING, Distribution, Redistribution
from dmvpn.base.notices import InterfaceState
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value

#: The largest key number in a packet.
LAST_KEY: Final = 255


class AuthenticationMode(enum.Enum):
    """How packets are authenticated."""

    TEXT = "text"
    MD5 = "md5"


class RipTimers(Value):
    """`timers basic`, seconds: between updates, until a silent route is unreachable, how long worse alternatives are
    then ignored, until the route is removed (counted from the last update).
    """

    update: int = 30
    invalid: int = 180
    holddown: int = 180
    flush: int = 240


class RipInterfaceSettings(Value, kw_only=True):
    """The `ip rip`, `ip split-horizon` and `ip summary-address rip` lines of one interface.

    send, receive: versions; (): as configured for the process. bfd: BFD watches gateways; None: as configured for the
    process.
    """

    name: str
    split_horizon: bool = True
    authentication: AuthenticationMode | None = None
    key_chain: str = ""
    summaries: tuple[Prefix, ...] = ()
    triggered: bool = False
    send: tuple[int, ...] = ()
    receive: tuple[int, ...] = ()
    bfd: bool | None = None


class RipConfig(Value, kw_only=True):
    """`router rip`.

    enabled: it is configured.
    version: None: version 1 is sent, and both versions are accepted.
    networks: classful.
    passive: interfaces that only receive; with `passive_default` all interfaces except `active`.
    neighbors: receive updates by unicast.
    bfd: every gateway is watched by BFD; watched: only these are.
    """

    enabled: bool = False
    version: int | None = None
    networks: tuple[Prefix, ...] = ()
    passive_default: bool = False
    passive: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    neighbors: tuple[IPAddress, ...] = ()
    bfd: bool = False
    watched: tuple[IPAddress, ...] = ()
    timers: RipTimers = RipTimers()
    distance: int = 120
    maximum_paths: int = 4
    auto_summary: bool = True
    default_originate: bool = False
    default_metric: int | None = None
    redistributions: tuple[Redistribution, ...] = ()
    distribution: Distribution = NOTHING
    interfaces: tuple[RipInterfaceSettings, ...] = ()
    key_chains: Pages[KeyChain] = NONE

    def interface(self, name: str) -> RipInterfaceSettings:
        """Return the settings of an interface, or the defaults."""
        found = (settings for settings in self.interfaces if settings.name == name)
        return next(found, RipInterfaceSettings(name=name))

    def sends(self, name: str) -> tuple[int, ...]:
        """Return the versions to send on an interface."""
        return self.interface(name).send or (self.version or 1,)

    def receives(self, name: str) -> tuple[int, ...]:
        """Return the versions to accept on an interface."""
        return self.interface(name).receive or ((1, 2) if self.version is None else (self.version,))

    def key_chain(self, name: str) -> KeyChain | None:
        """Return the key chain of this name."""
        return next((chain for chain in self.key_chains if chain.name == name), None)

    def is_passive(self, name: str) -> bool:
        """Return whether nothing may be multicast on this interface."""
        return name in self.passive or (self.passive_default and name not in self.active)

    def watches(self, interface: str, gateway: IPAddress) -> bool:
        """Return whether BFD watches this gateway: the line of the interface precedes `bfd all-interfaces`."""
        own = self.interface(interface).bfd
        return self.enabled and (gateway in self.watched or (self.bfd if own is None else own))

    def networks_of(self, state: InterfaceState | None) -> tuple[Prefix, ...]:
        """Return the networks of an interface that `network` lines cover, while its line is up."""
        addresses = state.addresses if self.enabled and state is not None and state.line else ()
        return tuple(Prefix.of(address, length) for address, length in addresses if self.covers(address))

    def covers(self, address: IPAddress | None) -> bool:
        """Return whether a `network` line covers this address."""
        return address is not None and any(address in network for network in self.networks)
