"""How soon the kernel has back what somebody takes from its tables.

A data plane, a process of its own as in `dmvpn run` but without protocols, routes into a protected tunnel, so that each
prefix has its guard, too. Another process is the thief.

    one      a route is deleted as `ip route del` does it; from the kernel's consent to its notification that the route
             is there again. Different prefixes, so that nobody gives way to a fight
    flush    all routes of protocol 54 in main are deleted as `ip route flush proto 54` does it, in batches; from the
             last consent until a dump of the table has all of them (it takes half a second itself)
"""

from __future__ import annotations

import os
import select
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from bench import dataplane
from bench.figures import Figure
from bench.labs import need_namespaces
from bench.loop import Loop
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, SetCarrier, SetInterface, SetRoute, SetTunnel, TunnelSpec
from dmvpn.dataplane import netlink
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.netlink.route import dump_routes
from dmvpn.dataplane.userspace import UserspacePlane
from dmvpn.shells.lab.forked import end_with, fork
from dmvpn.shells.lab.namespaces import inside_network, new_network, run_in_lab

if TYPE_CHECKING:
    from dmvpn.shells.lab.forked import Json

ROUTES: Final = 50_000
ONES: Final = 50
FLUSHES: Final = 3
#: Seconds after which a figure is a failure.
_PATIENCE: Final = 30.0
#: Seconds between flushes: the last one is no fight any more.
_REST: Final = 1.0
_TUNNEL: Final = "Tunnel0"
_HOP: Final = IPv4Address("10.88.0.2")


def measure(*, quick: bool) -> list[Figure]:
    """Both figures. Raises Skipped."""
    need_namespaces()
    routes, ones, flushes = (5_000, 10, 1) if quick else (ROUTES, ONES, FLUSHES)
    measured = run_in_lab(lambda: _measure(routes, ones, flushes))
    assert isinstance(measured, dict)
    one, flush = (tuple(float(str(value)) for value in _runs(measured, name)) for name in ("one", "flush"))
    return [
        Figure(name="a lost route, until it is back", unit="ms", values=one, goal=50.0, floor=1000.0),
        Figure(
            name=f"{routes:,} routes flushed, from the end of that until all are back", unit="s", values=flush, goal=3
        ),
    ]


def _runs(measured: dict[str, Json], name: str) -> list[Json]:
    runs = measured[name]
    assert isinstance(runs, list)
    return runs


def _measure(routes: int, ones: int, flushes: int) -> Json:
    space = new_network()
    with inside_network(space), netlink.NetlinkSocket() as kernel:
        kernel.call(netlink.set_up("lo"))
    prefixes = [Prefix.of(IPv4Address(0x14000000 + (number << 8)), 24) for number in range(routes)]
    child, ready = _router(space, prefixes)
    try:
        with os.fdopen(ready, "rb") as pipe:
            assert pipe.read(1), "the router did not start"
        with inside_network(space):
            one = [_lose_one(prefix) for prefix in prefixes[:ones]]
            flush = [_flush(routes) for _ in range(flushes)]
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return {"one": list(one), "flush": list(flush)}


def _router(space: int, prefixes: list[Prefix]) -> tuple[int, int]:
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        os.close(reader)
        end_with(lambda: _run(space, prefixes, writer))
    os.close(writer)
    return child, reader


def _run(space: int, prefixes: list[Prefix], ready: int) -> int:
    loop = Loop()
    with inside_network(space):
        plane = UserspacePlane(lambda event: None, loop, choose(dataplane.engines()[-1]), manage=True)
        plane.start()
        spec = TunnelSpec(
            name=_TUNNEL, source=IPv4Address("127.0.0.1"), destination=None, key=None, mtu=1400, protected=True
        )
        plane.execute(SetTunnel(spec))
        plane.execute(SetInterface(_TUNNEL, True, ((IPv4Address("10.88.0.1"), 24),)))
        plane.execute(SetCarrier(_TUNNEL, True))
        for prefix in prefixes:
            plane.execute(SetRoute(prefix, (NextHop(_TUNNEL, _HOP),)))
        loop.run(0.2)
        os.write(ready, b".")
        loop.run()
    return 0


def _lose_one(prefix: Prefix) -> float:
    """Milliseconds."""
    with (
        netlink.NetlinkSocket() as thief,
        netlink.NetlinkMonitor(netlink.NotificationGroup.IPV4_ROUTE, ignored_port=thief.port) as monitor,
    ):
        thief.call(netlink.delete_route(netlink.KernelRoute(prefix)))
        begun = time.monotonic()
        while select.select([monitor], [], [], _PATIENCE)[0]:
            for event in monitor.read_events():
                if isinstance(event, netlink.RouteEvent) and event.route.prefix == prefix:
                    return (time.monotonic() - begun) * 1000
    raise AssertionError(f"{prefix} did not come back")


def _flush(routes: int) -> float:
    """Seconds."""
    time.sleep(_REST)
    with netlink.NetlinkSocket() as thief:
        stolen = _in_main(thief)
        assert len(stolen) == routes
        thief.execute([netlink.delete_route(route) for route in stolen])
        begun = time.monotonic()
        while time.monotonic() < begun + _PATIENCE:
            if _how_many(thief) == routes:
                return time.monotonic() - begun
            time.sleep(0.02)
    raise AssertionError("the routes did not come back")


def _how_many(kernel: netlink.NetlinkSocket) -> int:
    """Routes of ours in main, counted by table and owner of each message: to read them all would take longer."""
    found = kernel.dump(dump_routes())
    return sum(message.body[4] == netlink.TABLE_MAIN and message.body[5] == netlink.ROUTE_PROTOCOL for message in found)


def _in_main(kernel: netlink.NetlinkSocket) -> list[netlink.KernelRoute]:
    return [route for route in kernel.routes(protocol=netlink.ROUTE_PROTOCOL) if route.table == netlink.TABLE_MAIN]
