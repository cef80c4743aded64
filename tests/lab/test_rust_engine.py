"""The Rust engine and the interfaces it is given: what is taken away is let go, by whomever it is taken."""

from __future__ import annotations

import os
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import TunnelSpec
from dmvpn.base.errors import UserError
from dmvpn.dataplane.netlink import NetlinkSocket, delete_link, set_up
from dmvpn.dataplane.tap import Tap
from dmvpn.shells.lab.namespaces import run_in_lab
from support.links import index_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event

dmvpn_engine = pytest.importorskip("dmvpn_engine", reason="dmvpn-engine is not installed: 'make engine' builds it")
from dmvpn.dataplane.engine import RustEngine  # noqa: E402  (it needs dmvpn_engine)

LOOPBACK = IPv4Address("127.0.0.1")
MAC = bytes.fromhex("020100000001")


class Watched:
    """A `Watch` that only remembers."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        self.descriptors.append(descriptor)

    def remove(self, descriptor: int) -> None:
        self.descriptors.remove(descriptor)


def ignore(event: Event) -> None:
    """Nobody listens."""


def spec(name: str) -> TunnelSpec:
    return TunnelSpec(name=name, source=LOOPBACK, destination=None, key=None, mtu=1400)


def in_lab(test: Callable[[RustEngine], None]) -> None:
    def call() -> None:
        with NetlinkSocket() as kernel:
            kernel.call(set_up(index_of(kernel, "lo")))
        watch = Watched()
        engine = RustEngine(ignore, watch)
        test(engine)
        engine.close()
        engine.close()
        assert watch.descriptors == []

    run_in_lab(call)


def links() -> list[str]:
    with NetlinkSocket() as kernel:
        return [link.name for link in kernel.links()]


@pytest.mark.lab
def test_the_interface_of_a_removed_tunnel_disappears_with_its_tap() -> None:
    def test(engine: RustEngine) -> None:
        for name in ("Tunnel1", "Tunnel2"):
            tap = Tap(name, vnet_hdr=True)
            engine.set_tunnel(spec(name), tap, MAC)
            engine.remove_tunnel(name)
            tap.close()
            assert name not in links()

    in_lab(test)


@pytest.mark.lab
def test_nothing_is_held_after_the_engine_is_closed() -> None:
    def test(engine: RustEngine) -> None:
        before = len(os.listdir("/proc/self/fd"))
        tap = Tap("Tunnel1", vnet_hdr=True)
        engine.set_tunnel(spec("Tunnel1"), tap, MAC)
        engine.close()
        tap.close()
        assert "Tunnel1" not in links()
        assert len(os.listdir("/proc/self/fd")) <= before

    in_lab(test)


@pytest.mark.lab
def test_an_interface_that_somebody_else_deletes_costs_no_time() -> None:
    """A thread that asks a dead descriptor again and again would burn a processor."""

    def test(engine: RustEngine) -> None:
        taps = [Tap(name, vnet_hdr=True) for name in ("Tunnel1", "Tunnel2")]
        for tap in taps:
            engine.set_tunnel(spec(tap.name), tap, MAC)
        with NetlinkSocket() as kernel:
            link = kernel.find_link("Tunnel1")
            assert link is not None
            kernel.call(delete_link(link.index))
        time.sleep(0.05)
        begun = time.process_time()
        time.sleep(0.2)
        assert time.process_time() - begun < 0.05
        for tap in taps:
            engine.remove_tunnel(tap.name)
            tap.close()

    in_lab(test)


def test_an_engine_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dmvpn_engine, "INTERFACE", 0)
    with pytest.raises(UserError, match="not made for this dmvpn"):
        RustEngine(ignore, Watched())
