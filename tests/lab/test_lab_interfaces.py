"""Interfaces of a lab's router as its kernel reports them: no carrier that is none, none that was lost in between."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar

import pytest

from dmvpn.base.effects import SetInterface
from dmvpn.base.events import Event, LinkChanged
from dmvpn.dataplane import netlink
from dmvpn.dataplane.tap import TRANSMIT_QUEUE, Tap
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.router.facts import SetupFacts
from dmvpn.shells.facts import read_setups
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.impair import Impairments
from dmvpn.shells.lab.namespaces import inside_network, new_network
from dmvpn.shells.lab.syscalls import peer_credentials
from dmvpn.shells.lab.wiring import Cable, Wiring
from dmvpn.shells.lab.wiring import plug_in as plug_in_cable
from dmvpn.shells.lab_model import LinkSpec
from support.labs import eventually
from support.namespaces import USERS, patiently, run_in_lab_as

if TYPE_CHECKING:
    from dmvpn.shells.lab.forked import Json
    from support.labs import Labs

PORT, LINUX = "GigabitEthernet0/1", "Gi0-1"
HERE, THERE = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")


class Router:
    """The kernel's side of a router with one interface. carriers: what was reported of it, without repetitions."""

    def __init__(self, *, manage: bool = True) -> None:
        self.carriers: list[Json] = []
        self.kernel = Kernel(InterfaceNames({PORT: LINUX}), self._report, manage=manage)
        self.kernel.start()

    def begin(self) -> None:
        """As a router starts: its configuration first, then a look at what is there."""
        self.kernel.set_interface(SetInterface(PORT, True, ((HERE, 24),)))
        self.kernel.adopt(PORT)

    def _report(self, event: Event) -> None:
        if isinstance(event, LinkChanged) and self.carriers[-1:] != [event.up]:
            self.carriers.append(event.up)


def cable() -> int:
    """An interface here; its other end, down, in the namespace that is returned."""
    far = new_network()
    with netlink.NetlinkSocket() as kernel:
        kernel.call(netlink.create_veth(netlink.VethEnd(name=LINUX), netlink.VethEnd(name="far", namespace=far)))
    return far


def plug_in(far: int) -> None:
    """The other end comes up, with its address."""
    with inside_network(far), netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("far")
        assert link is not None
        kernel.call(netlink.add_address(netlink.InterfaceAddress(link.index, THERE, 24)), netlink.set_up(link.index))


@pytest.mark.lab
@pytest.mark.parametrize("user", USERS)
def test_a_router_that_starts_before_its_neighbor_has_no_carrier_until_the_neighbor_is_there(user: str) -> None:
    """Its tunnel came up, went down and came up again, and what EIGRP had begun with the hub meanwhile was lost."""

    def start() -> Json:
        far, router = cable(), Router()
        router.begin()
        router.kernel.read_notifications()
        plug_in(far)
        for _ in patiently():
            router.kernel.read_notifications()
            if router.carriers[-1:] == [True]:
                break
        return router.carriers

    assert run_in_lab_as(user, start) == [False, True]


@pytest.mark.lab
@pytest.mark.parametrize("user", USERS)
def test_a_link_that_came_up_while_the_router_was_busy_never_was_down(user: str) -> None:
    """What the kernel said of the link in the meantime is read late, and over by then."""

    def start() -> Json:
        far, router = cable(), Router()
        router.kernel.set_interface(SetInterface(PORT, True, ((HERE, 24),)))
        plug_in(far)
        with netlink.NetlinkSocket() as kernel:
            for _ in patiently():
                link = kernel.find_link(LINUX)
                if link is not None and netlink.LinkFlag.RUNNING in link.flags and link.carrier:
                    break
        router.kernel.adopt(PORT)
        router.kernel.read_notifications()
        return router.carriers

    assert run_in_lab_as(user, start) == [True]


@pytest.mark.lab
@pytest.mark.parametrize("user", USERS)
def test_an_adopted_interface_that_somebody_takes_down_by_hand_has_no_carrier(user: str) -> None:
    """`ip link set lan0 down` on a machine that is a router: its LAN was offered to all neighbors as before."""

    def start() -> Json:
        far, router = cable(), Router(manage=False)
        plug_in(far)
        _set(LINUX, up=True)
        router.begin()
        _read(router)
        _set(LINUX, up=False)
        _read(router)
        while_down = router.carriers[-1]
        _set(LINUX, up=True)
        _read(router)
        return [while_down, router.carriers[-1]]

    assert run_in_lab_as(user, start) == [False, True]


@pytest.mark.lab
@pytest.mark.parametrize("user", USERS)
def test_a_router_tells_who_is_on_its_wires_who_it_is(user: str) -> None:
    """Else a neighbor that asked before we were there asks again only after a second, and its packets wait."""

    def start() -> Json:
        far, router = cable(), Router()
        plug_in(far)
        asked = _ask_for(far, HERE)
        router.begin()
        return asked and any(_is_known(far, HERE) for _ in patiently(0.5))

    assert run_in_lab_as(user, start) is True


class Grabbed(Tap):
    """A TAP, made beside a router that takes every port that it finds into a VRF, at once."""

    home: ClassVar[int]
    vrf: ClassVar[int]

    def __init__(self, name: str) -> None:
        super().__init__(name)
        with inside_network(self.home), netlink.NetlinkSocket() as kernel:
            if (link := kernel.find_link(self.name)) is not None:
                kernel.call(netlink.set_link(link.index, netlink.LinkSettings(namespace=self.vrf)))


@pytest.mark.lab
@pytest.mark.parametrize("user", USERS)
def test_a_bad_wire_is_plugged_in_even_if_its_router_takes_it_into_a_vrf_at_once(
    user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lab impair` said "interface Gi0-1: No such device", and the wire was cut."""
    monkeypatch.setattr("dmvpn.shells.lab.impair.Tap", Grabbed)

    def impair() -> Json:
        here, there, Grabbed.vrf = (new_network() for _ in range(3))
        Grabbed.home = here
        cable = Cable((("R1", PORT), ("R2", PORT)), LinkSpec(ends=["R1:Gi0/1", "R2:Gi0/1"]))
        wiring = Wiring(namespaces={"R1": here, "R2": there}, cables=[cable])
        with netlink.NetlinkSocket() as kernel, selectors.DefaultSelector() as selector:
            plug_in_cable(wiring, cable, kernel)
            Impairments(wiring, selector).set(cable, Badness(delay=5))
            taps = [key.fileobj for key in selector.get_map().values()]
            with inside_network(there), netlink.NetlinkSocket() as inside:
                link = inside.find_link(LINUX)
        return [len(taps), link is not None and link.transmit_queue_length]

    assert run_in_lab_as(user, impair) == [2, TRANSMIT_QUEUE]


def _set(name: str, *, up: bool) -> None:
    with netlink.NetlinkSocket() as kernel:
        link = kernel.find_link(name)
        assert link is not None
        kernel.call(netlink.set_up(link.index) if up else netlink.set_down(link.index))


def _read(router: Router) -> None:
    """All that the kernel says of its links; it gathers changes of carrier, for up to a second."""
    for _ in patiently(1.5):
        router.kernel.read_notifications()


def _ask_for(far: int, address: IPv4Address) -> bool:
    """A host at the far end has something for this address. Does it look for it?"""
    with inside_network(far), netlink.NetlinkSocket() as kernel:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waiting:
            waiting.sendto(b"waits", (str(address), 9))
        return any(entry.address == address for entry in kernel.neighbors())


def _is_known(far: int, address: IPv4Address) -> bool:
    with inside_network(far), netlink.NetlinkSocket() as kernel:
        return any(entry.address == address and entry.lladdr for entry in kernel.neighbors())


def test_a_router_that_is_busy_is_set_up_as_it_was_and_no_dead_one(labs: Labs) -> None:
    """Seen: the page drew a busy router without its addresses, as one that was killed."""
    labs.up("notes-gre")
    folder = labs.folder / "dmvpn" / "labs" / "notes-gre"

    def setups(**known: str) -> dict[str, SetupFacts | None]:
        return read_setups(control.order(folder / "supervisor.sock", do="facts", known={**known}), {})

    before = setups()
    assert before["R31"] is not None
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(next(folder.glob("R31*.sock"))))
        process = peer_credentials(client).pid
    os.kill(process, signal.SIGSTOP)
    try:
        assert setups(R31=before["R31"].tag)["R31"] == SetupFacts(tag=before["R31"].tag)
        assert setups()["R31"] is None, "of a client that knows nothing"
    finally:
        os.kill(process, signal.SIGCONT)
    assert eventually(lambda: setups() == before)
    labs.configure("R31", "interface Loopback9", "ip address 10.99.0.1 255.255.255.0")
    after = setups(R31=before["R31"].tag)["R31"]
    assert after is not None
    assert "interface Loopback9" in after.configuration
    labs.say("lab", "kill", "R31")
    assert setups(R31=after.tag)["R31"] is None
