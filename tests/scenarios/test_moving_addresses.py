"""A spoke whose NBMA address changes under it: registered from the new one at once, or refused while the old one lives.

Scenario notes-phase3; R31's address is a lease of the host (`ip address dhcp`), and the provider takes any of
172.16.31.0/24 on the link to it.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.base.events import AddressAssigned
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.parts import CieCode
from support.phase3 import nbma_on_the_hub
from support.world import World

PORT = "GigabitEthernet0/1"
OLD, NEW = "172.16.31.1", "172.16.31.77"
REFUSED = "%NHRP-3-PAKREPLY: Receive Registration Reply packet with error - unique address registered already(14)"


def leased(router: str, text: str) -> str:
    """R31 gets its address by DHCP."""
    if router == "TRANSPORT":
        return text.replace("172.16.31.2 255.255.255.252", "172.16.31.2 255.255.255.0")
    if router == "R31":
        return text.replace("ip address 172.16.31.1 255.255.255.252", "ip address dhcp")
    return text


def not_unique(router: str, text: str) -> str:
    """The same, and R31 registers without the unique flag."""
    text = leased(router, text)
    if router == "R31":
        text = text.replace(" ip nhrp shortcut\n", " ip nhrp registration no-unique\n ip nhrp shortcut\n")
    return text


def lease(world: World, address: str | None) -> None:
    """The host's DHCP client has this address from now on."""
    world.sim.post("R31", AddressAssigned(PORT, IPv4Address(address) if address else None, 24))


def test_without_a_lease_the_tunnel_waits_and_says_for_what() -> None:
    world = World("notes-phase3", change=leased)
    world.run_for(20)
    assert "  Internet address will be negotiated using DHCP" in world.lines("R31", f"interfaces {PORT}")
    assert "  Internet address will be negotiated using DHCP" in world.lines("R31", f"ip interface {PORT}")
    assert [line.split()[1:4] for line in world.lines("R31", "ip interface brief") if line.startswith(PORT)] == [
        ["unassigned", "YES", "DHCP"]
    ]
    assert any("Tunnel100 is down: tunnel source interface has no IPv4 address" in text for text in world.lacks())
    lease(world, OLD)
    assert world.wait_until(lambda: nbma_on_the_hub(world) == OLD, 0.2)


def test_a_new_lease_is_registered_at_once_and_refused_while_the_old_binding_lives() -> None:
    world = World("notes-phase3", change=leased)
    lease(world, OLD)
    world.converge().run_for(60)
    tap = world.watch("R31", PORT)
    lease(world, NEW)
    moved = world.now
    world.run_for(1)
    (first, request), *_ = tap.nhrp(nhrp.RegistrationRequest)
    assert first.time - moved < 0.01
    assert first.way == (NEW, "172.16.11.1")
    assert str(request.source_nbma) == NEW
    assert {reply.cies[0].code for _, reply in tap.nhrp(nhrp.RegistrationReply)} == {CieCode.UNIQUE_ADDRESS_REGISTERED}
    assert tap.nhrp(nhrp.PurgeRequest) == []  # what the hub holds is ours until it expires
    assert REFUSED in world.messages("R31")
    assert nbma_on_the_hub(world) == OLD
    world.run_for(7200 + 64)
    assert nbma_on_the_hub(world) == NEW


def test_registered_no_unique_the_new_lease_takes_the_entry_over_at_once() -> None:
    world = World("notes-phase3", change=not_unique)
    lease(world, OLD)
    world.converge().run_for(60)
    lease(world, NEW)
    assert world.wait_until(lambda: nbma_on_the_hub(world) == NEW, 0.2)
    assert REFUSED not in world.messages("R31")
    assert world.wait_until(lambda: not world.lacks(), 30)
    world.ping("H3", "10.1.1.100", 5)
    world.run_for(1)
    assert 5 in world.replies("H3")


def test_between_two_leases_the_tunnel_is_down_and_its_entry_at_the_hub_stands() -> None:
    world = World("notes-phase3", change=not_unique)
    lease(world, OLD)
    world.converge().run_for(60)
    lease(world, None)
    world.run_for(5)
    assert world.lines("R31", "interfaces tunnel 100")[0] == "Tunnel100 is up, line protocol is down "
    assert nbma_on_the_hub(world) == OLD
    lease(world, NEW)
    assert world.wait_until(lambda: nbma_on_the_hub(world) == NEW, 0.2)
    assert world.wait_until(lambda: not world.lacks(), 30)


def test_a_direct_path_follows_a_spoke_that_moved() -> None:
    """R41 had a shortcut to the old address; what it sends must arrive again, at the latest after three seconds."""
    world = World("notes-phase3", change=not_unique)
    lease(world, OLD)
    world.converge().run_for(60)
    world.stream("H4", "10.3.3.100", seconds=2, rate=20)
    assert "172.16.31.1" in world.show("R41", "dmvpn")
    lease(world, NEW)
    world.wait_until(lambda: not world.lacks(), 30)
    world.run_for(3)
    before = len(world.replies("H4"))
    sent = world.stream("H4", "10.3.3.100", seconds=5, rate=20)
    world.run_for(1)
    assert len(world.replies("H4")) - before == sent
    assert world.wait_until(lambda: NEW in world.show("R41", "dmvpn"), 30)
