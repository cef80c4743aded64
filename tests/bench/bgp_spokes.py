"""Many neighbors of one BGP router, in one process: `python -m bench.bgp_spokes HUB AS COUNT EACH`.

Each has an address of 10.32.0.0/16, tells EACH prefixes of 10.64.0.0/10 as soon as its session is up, and reads
whatever comes. One of a hundred is asked what it heard: it must have all prefixes of the others. Of the rest only
octets are counted, or this process would be the slowest of all. Prints one line of JSON: seconds since the first call
until all sessions were up, and until the last UPDATE came; octets that came in all, and at whoever heard least.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp import packet
from dmvpn.features.bgp.attributes import Attributes, write

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds without an UPDATE after which everything has been told, and those that all of it may take.
_QUIET: Final = 3.0
_LATEST: Final = 300.0
#: Sessions that begin at a time.
_AT_ONCE: Final = 64
_KEEPALIVE: Final = packet.serialize(packet.Keepalive())


class Spoke:
    """One neighbor. heard: prefixes, of those that are asked."""

    def __init__(self, number: int, system: int, each: int, *, asked: bool) -> None:
        self.address = IPv4Address("10.32.0.1") + number
        self.octets = 0
        self.is_up = False
        self.asked = asked
        self.heard: set[Prefix] = set()
        first = 0x0A400000 + 256 * number * each
        self.own = [Prefix.of(IPv4Address(first + 256 * one), 24) for one in range(each)]
        self._system = system
        self._head = bytearray()
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((str(self.address), 0))

    def opens(self) -> None:
        """The connection is there."""
        capabilities = [
            packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, packet.IPV4_UNICAST),
            packet.CapabilityValue(packet.Capability.FOUR_OCTET_AS, self._system.to_bytes(4, "big")),
        ]
        self.sock.setblocking(True)
        self.sock.sendall(
            packet.serialize(packet.Open.with_capabilities(self._system, 240, self.address, capabilities))
        )
        self.sock.setblocking(False)

    def reads(self) -> None:
        """Octets came."""
        octets = self.sock.recv(1 << 18)
        if not octets:
            raise ConnectionResetError(f"{self.address}: the session is over")
        self.octets += len(octets)
        if self.is_up and not self.asked:
            return
        self._head += octets
        for message in map(packet.parse, packet.split(self._head)):
            if isinstance(message, packet.Open):
                self.sock.send(_KEEPALIVE)
            elif isinstance(message, packet.Keepalive) and not self.is_up:
                self.is_up = True
                attributes = Attributes(next_hop=self.address, local_pref=100)
                self.sock.send(
                    packet.serialize(packet.Update(attributes=write(attributes, wide=True), announced=tuple(self.own)))
                )
            elif isinstance(message, packet.Update):
                self.heard.difference_update(message.withdrawn)
                self.heard.update(map(packet.prefix_of, message.announced))


def main(hub: str, system: int, count: int, each: int) -> dict[str, float]:
    """Bring all of them up and wait until nothing comes any more."""
    spokes = [Spoke(number, system, each, asked=number % 100 == 0) for number in range(count)]
    selector = selectors.DefaultSelector()
    begun = last = time.monotonic()
    up_at, waiting = 0.0, iter(spokes)
    octets = pending = ups = 0
    while time.monotonic() - last < _QUIET or not up_at:
        if time.monotonic() - begun > _LATEST:
            raise TimeoutError(f"{sum(one.is_up for one in spokes)} sessions, {octets} octets")
        for spoke in _few(waiting, _AT_ONCE - pending):
            spoke.sock.connect_ex((hub, 179))
            selector.register(spoke.sock, selectors.EVENT_WRITE, spoke)
            pending += 1
        for key, _ in selector.select(0.05):
            spoke = key.data
            if key.events == selectors.EVENT_WRITE:
                spoke.opens()
                selector.modify(spoke.sock, selectors.EVENT_READ, spoke)
                continue
            was_up, before = spoke.is_up, spoke.octets
            spoke.reads()
            octets += spoke.octets - before
            pending -= spoke.is_up and not was_up
            ups += spoke.is_up and not was_up
            if spoke.octets - before > len(_KEEPALIVE):
                last = time.monotonic()
        if not up_at and ups == count:
            up_at = time.monotonic()
    every = {prefix for one in spokes for prefix in one.own}
    for one in spokes:
        if one.asked and (missing := every - one.heard - set(one.own)):
            raise AssertionError(f"{one.address} was not told of {len(missing)} prefixes")
    return {"up": up_at - begun, "told": last - begun, "octets": octets, "least": min(one.octets for one in spokes)}


def _few(waiting: Iterator[Spoke], most: int) -> Iterator[Spoke]:
    for _ in range(most):
        found = next(waiting, None)
        if found is None:
            return
        yield found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
