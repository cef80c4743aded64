"""Leased addresses of either version of IP: bindings with their ends, shares of them, and the file that keeps them."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context, Timer, TimerQueue
from dmvpn.base.effects import Store
from dmvpn.base.values import Mutable
from dmvpn.features.dhcp.model import Drop

#: Seconds for which an address is kept for a client that got an offer.
OFFERED: Final = 60.0
#: Conflicts of a router.
MOST_CONFLICTS: Final = 65_536
#: Offers of a pool on one port that are not taken yet, addresses of one hardware address, bindings of all pools.
MOST: Final = {Drop.OFFERS: 256, Drop.CLIENT: 16, Drop.POOL: 65_536}
#: Conflicts that clients of one port may report, in a second and at once: the others free the address.
DECLINES: Final = (1 / 60, 16.0)

#: A VRF and an address.
Place = tuple[str, IPAddress]


class BindingState(enum.Enum):
    """As `show ip dhcp binding` says it; a declined address of IPv6 is not leased until the binding ends."""

    SELECTING = "Selecting"
    ACTIVE = "Active"
    DECLINED = "Declined"


class Binding(Mutable):
    """An address of a client. ends: seconds monotonic, None: never. interface: the port that the client came by.

    identity: over IPv6 the DUID, and the number of the client's port. source: over IPv6 where it sends from.
    hardware: of the client, over IPv6 its DUID, b"": not known.
    """

    address: IPAddress
    vrf: str
    pool: str
    identity: bytes
    interface: str
    ends: float | None
    state: BindingState = BindingState.SELECTING
    manual: bool = False
    hardware: bytes = b""
    source: IPAddress | None = None

    @property
    def shares(self) -> tuple[tuple[Drop, str | bytes], ...]:
        """The shares that the binding takes a part of."""
        lasting = ((Drop.POOL, self.pool), (Drop.CLIENT, self.hardware))
        offered = (Drop.OFFERS, f"{self.pool} {self.interface}")
        return (*lasting, offered) if self.state is BindingState.SELECTING else lasting


class Leases:
    """The leased addresses of a router.

    stored: the file of bindings, in the router's storage. freed: called with each binding that is gone.
    of_client: bindings by VRF, pool and identity. expired: how many ended by themselves.
    write_delay: seconds from a change to the file; None: nothing is kept.
    read, written: seconds monotonic, None: never. writes: how often.
    """

    def __init__(self, context: Context, stored: str, freed: Callable[[Binding], None]) -> None:
        self.bindings: dict[Place, Binding] = {}
        self.of_client: dict[tuple[str, str, bytes], Binding] = {}
        self.expired = 0
        self.write_delay: int | None = None
        self.read: float | None = None
        self.written: float | None = None
        self.writes = 0
        self._context, self._stored, self._freed = context, stored, freed
        self._shares: Counter[tuple[Drop, str | bytes]] = Counter()
        self._ends: TimerQueue[Place] = TimerQueue(context, "a lease is over", self._end, most=64)
        self._write = Timer("write the bindings", self._store)

    def leased(self, pool: str) -> int:
        """Return how many addresses of a pool are bound, or offered."""
        return self._shares[Drop.POOL, pool]

    def exhausted(self, wanted: Binding, pools: int) -> Drop | None:
        """Return the share that has no room for a binding; None: there is room. pools: of the router."""
        for kind, name in wanted.shares:
            if name and self._shares[kind, name] >= MOST[kind] // (pools if kind is Drop.POOL else 1):
                return kind
        return None

    def add(self, binding: Binding) -> None:
        """Keep an address for a client, until the binding ends."""
        place = (binding.vrf, binding.address)
        self.bindings[place] = self.of_client[binding.vrf, binding.pool, binding.identity] = binding
        self._count(binding, 1)
        if binding.ends is None:
            self._ends.cancel(place)
        else:
            self._ends.set(place, binding.ends)

    def bind(self, binding: Binding, interface: str, seconds: int | None, source: IPAddress | None = None) -> None:
        """Lease the address of a binding for so long, None: forever. source: over IPv6 where the client sends from."""
        self._count(binding, -1)
        binding.state, binding.interface, binding.source = BindingState.ACTIVE, interface, source
        binding.ends = self._context.now + seconds if seconds is not None else None
        self.add(binding)
        self._changed()

    def forget(self, place: Place) -> None:
        """Forget a binding, if there is one."""
        binding = self.bindings.pop(place, None)
        if binding is not None:
            self.of_client.pop((binding.vrf, binding.pool, binding.identity), None)
            self._count(binding, -1)
            self._ends.cancel(place)
            self._freed(binding)
            self._changed()

    def forget_those(self, address: IPAddress | None, vrf: str | None) -> None:
        """Forget the bindings of one address or all, of one VRF or (None) all."""
        for place in [one for one in self.bindings if address in (None, one[1]) and vrf in (None, one[0])]:
            self.forget(place)

    def keep(self, write_delay: int | None, *, restores: bool) -> None:
        """Write bindings to the file after so many seconds, None: never. restores: read those of an earlier life."""
        self.write_delay = write_delay
        if not restores or write_delay is None:
            return
        self.read = now = self._context.now
        wall = self._context.ports.clock.wall(now).timestamp() - now
        for binding in _restored(self._context.ports.kept.get(self._stored, b"[]"), wall):
            is_possible = binding.ends is None or now < binding.ends <= now + 2**32  # no lease is longer
            if is_possible and (binding.vrf, binding.address) not in self.bindings:
                self.add(binding)

    def _count(self, binding: Binding, by: int) -> None:
        for share in binding.shares:
            self._shares[share] += by
            if not self._shares[share]:
                del self._shares[share]

    def _end(self, place: Place) -> None:
        self.expired += self.bindings[place].state is BindingState.ACTIVE
        self.forget(place)

    def _changed(self) -> None:
        if self.write_delay is not None and not self._context.is_running(self._write):
            self._context.start(self._write, self.write_delay)

    def _store(self) -> None:
        import json  # not for the names of states

        wall = self._context.ports.clock.wall(self._context.now).timestamp() - self._context.now
        kept = [
            [str(one.address), one.vrf, one.pool, one.identity.hex(), one.interface, one.ends and one.ends + wall]
            for one in self.bindings.values()
            if one.state is BindingState.ACTIVE and not one.manual
        ]
        self.written, self.writes = self._context.now, self.writes + 1
        self._context.emit(Store(self._stored, json.dumps(kept).encode()))


def _restored(octets: bytes, wall: float) -> Iterator[Binding]:
    """Yield the bindings of a file; none if it is damaged."""
    import json  # not for the names of states

    try:
        for address, vrf, pool, identity, interface, ends in json.loads(octets):
            until = None if ends is None else float(ends) - wall
            place = (ip_address(address), str(vrf), str(pool), bytes.fromhex(identity), str(interface))
            yield Binding(*place, until, BindingState.ACTIVE)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return
