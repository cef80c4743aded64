"""One address from two providers, each in a front door of its own: protected tunnels between the same addresses.

The world itself fails at the first packet in clear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import check_scenario
from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.network import Impairment
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.trial import attempt
from dmvpn.tools.walk import as_text, walk
from support.doctors import ExaminedWorld, as_it_runs
from support.networks import CRYPTO, HUB, PAIRS, PROVIDERS, SPOKE, spi_of, write
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import Wiretap

KINDS = [pytest.param(crypto, nat, id=crypto + (", NAT" if nat else "")) for crypto in CRYPTO for nat in (False, True)]


def network(
    folder: Path, crypto: str, *, nat: bool = False, seed: int = 1, change: tuple[str, str] = ("", "")
) -> World:
    scenario = Scenario.load(str(write(folder, crypto, nat=nat)))
    check_scenario(scenario)
    texts = {name: text.replace(*change) if change[0] else text for name, text in scenario.configurations.items()}
    world = World.of(Scenario(scenario.name, scenario.lab, texts), seed=seed)
    world.run_for(3)
    return world.converge()


@pytest.fixture(params=CRYPTO)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return network(tmp_path, request.param)


def talk(world: World, vrf: str, count: int = 5) -> int:
    """Send from the host of a provider, and return how many replies came."""
    host, target = PAIRS[vrf]
    before = len(world.replies(host))
    world.stream(host, target, seconds=count, rate=1)
    world.run_for(1)
    return len(world.replies(host)) - before


def taps(world: World) -> dict[str, Wiretap]:
    """Listen on the wire of each provider, at the hub."""
    return {vrf: world.watch("HUB", port) for vrf, (_, port) in PROVIDERS.items()}


def seen(tap: Wiretap) -> set[int]:
    """Return the SPIs of the ESP packets on a wire."""
    return {spi for _, packet in tap.packets if (spi := spi_of(packet))}


def spis(world: World, vrf: str, router: str = "SPOKE") -> set[int]:
    """Return the SPIs of both directions that a router shows of the tunnel of a provider."""
    lines = world.lines(router, f"crypto ipsec sa interface {PROVIDERS[vrf][0]}")
    return {int(line.split("(")[1].rstrip(") ")) for line in lines if line.strip().startswith("spi: 0x")}


@pytest.mark.parametrize(("crypto", "nat"), KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_both_tunnels_come_up_and_each_carries_its_packets_by_its_own_provider(
    tmp_path: Path, crypto: str, nat: bool, seed: int
) -> None:
    """The second one stayed down: `Tunnel1 protects the same source in another VRF`."""
    world = network(tmp_path, crypto, nat=nat, seed=seed)
    talk(world, "EAST", 1), talk(world, "WEST", 1)  # next hops are resolved
    heard = taps(world)
    assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 5]
    assert {vrf: seen(tap) for vrf, tap in heard.items()} == {vrf: spis(world, vrf) for vrf in PROVIDERS}
    assert not spis(world, "EAST") & spis(world, "WEST")
    assert not [ends for tap in heard.values() for ends in tap.ends() if any(one.startswith("10.") for one in ends)]


def test_shows_name_the_front_door_of_each_session(world: World) -> None:
    for router in ("SPOKE", "HUB"):
        for vrf, (tunnel, _) in PROVIDERS.items():
            chosen = world.show(router, f"crypto session fvrf {vrf} detail")
            assert [line for line in chosen.splitlines() if line.startswith("Interface")] == [f"Interface: {tunnel}"]
            assert f"fvrf: {vrf} ivrf: (none)" in chosen
            assert world.show(router, f"dmvpn interface {tunnel} detail").count(f"fvrf: {vrf},") == 1
            assert f'Tunnel VRF "{vrf}"' in world.show(router, f"dmvpn interface {tunnel} detail")


def test_the_tables_of_ike_have_a_line_for_each_front_door(tmp_path: Path) -> None:
    world = network(tmp_path, "ikev2, one profile")
    for vrf, other in (("EAST", "WEST"), ("WEST", "EAST")):
        shown = world.show("HUB", f"crypto ikev2 sa fvrf {vrf}")
        assert f"{vrf}/none" in shown
        assert f"{other}/none" not in shown


def test_isakmp_sas_are_shown_by_front_door(tmp_path: Path) -> None:
    world = network(tmp_path, "ikev1, keyrings")
    assert world.show("HUB", "crypto isakmp sa").count("QM_IDLE") == 2
    assert [world.show("HUB", f"crypto isakmp sa vrf {vrf}").count("QM_IDLE") for vrf in PROVIDERS] == [1, 1]
    assert world.show("HUB", "crypto isakmp peers").count(f"Peer: {SPOKE} ") == 2


@pytest.mark.parametrize("line", ["clear crypto session fvrf EAST", f"clear crypto sa peer vrf EAST {HUB}"])
def test_what_is_cleared_in_one_front_door_stays_in_the_other(world: World, line: str) -> None:
    before = {vrf: spis(world, vrf) for vrf in PROVIDERS}
    world.do("SPOKE", line)
    world.run_for(15)
    assert spis(world, "WEST") == before["WEST"]
    assert not spis(world, "EAST") & before["EAST"]
    assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 5]


def test_a_packet_of_one_provider_is_not_opened_when_it_comes_by_the_other(world: World) -> None:
    """Neither is it counted as a replay afterwards, nor is its peer taken to have moved."""
    heard = world.watch("SPOKE", PROVIDERS["EAST"][1])
    assert talk(world, "EAST", 1) == 1
    octets = next(packet for _, packet in heard.packets if spi_of(packet) and packet[16:20] == bytes((100, 64, 0, 1)))
    spi = spi_of(octets)
    received = len(world.sim.hosts["S1"].received)
    world.deliver("HUB", PROVIDERS["WEST"][1], Ipv4Packet.parse(octets))
    world.run_for(2)
    assert len(world.sim.hosts["S1"].received) == received
    assert f"invalid spi for destaddr={HUB}, prot=50, spi=0x{spi:X}" in world.show("HUB", "logging")
    assert f"input interface={PROVIDERS['WEST'][1]}" in world.show("HUB", "logging")
    assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 5]
    assert "replay" not in world.show("HUB", "logging")
    assert spi in spis(world, "EAST")


def test_what_one_provider_says_of_an_spi_of_the_other_is_no_hint(world: World) -> None:
    """A forged INVALID_SPI from the same address of another VRF would have made the router begin again there."""
    before = {vrf: spis(world, vrf) for vrf in PROVIDERS}
    heard = world.watch("SPOKE", PROVIDERS["EAST"][1])
    world.run_for(20)
    assert talk(world, "EAST", 1) == 1
    octets = next(packet for _, packet in heard.packets if spi_of(packet) and packet[16:20] == bytes((100, 64, 0, 1)))
    world.deliver("HUB", PROVIDERS["WEST"][1], Ipv4Packet.parse(octets))  # it says so, by way of WEST
    world.run_for(30)
    assert {vrf: spis(world, vrf) for vrf in PROVIDERS} == before


def test_a_dead_provider_takes_its_own_peer_down_and_not_the_other(world: World) -> None:
    _, port = PROVIDERS["EAST"]
    before = spis(world, "WEST")
    world.cut("SPOKE", port)
    world.run_for(120)
    sessions = {vrf: world.show("SPOKE", f"crypto session fvrf {vrf}") for vrf in PROVIDERS}
    assert "UP-ACTIVE" not in sessions["EAST"]
    assert "UP-ACTIVE" in sessions["WEST"]
    assert talk(world, "WEST") == 5
    assert talk(world, "EAST") == 0
    assert spis(world, "WEST") == before
    world.cut("SPOKE", port, cut=False)
    world.run_for(120)
    assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 5]


def test_a_router_that_restarts_gets_both_tunnels_back(world: World) -> None:
    for name in ("SPOKE", "HUB"):
        text = world.scenario.configurations[name]
        world.sim.kill(name)
        world.run_for(3)
        world.sim.boot(name, text)
        world.run_for(120)
        assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 5]


@pytest.mark.parametrize(("crypto", "nat"), KINDS)
def test_through_rekeys_each_sa_stays_with_its_provider(tmp_path: Path, crypto: str, nat: bool) -> None:
    short = " set security-association lifetime seconds 120"
    world = network(tmp_path, crypto, nat=nat)
    for name in ("SPOKE", "HUB"):
        for profile in dict.fromkeys(CRYPTO[crypto][1].values()):
            world.configure(name, f"crypto ipsec profile {profile}", short)
        world.do(name, "clear crypto session")
    world.run_for(30)
    before = {vrf: spis(world, vrf) for vrf in PROVIDERS}
    heard = taps(world)
    for _ in range(30):
        world.ping("PC1", PAIRS["EAST"][1])
        world.ping("PC2", PAIRS["WEST"][1])
        world.run_for(10)
    assert len(world.replies("PC1")) == len(world.replies("PC2")) == 30
    wires = {vrf: seen(tap) for vrf, tap in heard.items()}
    assert not wires["EAST"] & wires["WEST"]
    for vrf in PROVIDERS:
        assert len(wires[vrf]) >= 6, "each direction has had three SAs at least"
        assert spis(world, vrf)
        assert not spis(world, vrf) & before[vrf]


def test_one_provider_blocks_udp_4500_and_only_its_tunnel_goes_without(world: World) -> None:
    """IKE behind port 4500 and ESP in UDP are tried, and given up, for each front door by itself."""
    wire = world.sim.segment_of("SPOKE", PROVIDERS["EAST"][1])
    wire.impairment = Impairment.of(Badness(block=("udp-4500",)))
    world.do("SPOKE", "clear crypto session")
    world.run_for(90)
    assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 5]
    ports = {vrf: f"Peer: {HUB} port " in world.show("SPOKE", f"crypto session fvrf {vrf}") for vrf in PROVIDERS}
    assert all(ports.values())
    assert f"Peer: {HUB} port 500 " in world.show("SPOKE", "crypto session fvrf EAST")
    assert f"Peer: {HUB} port 4500 " in world.show("SPOKE", "crypto session fvrf WEST")


def test_keys_of_one_front_door_do_not_serve_the_other(tmp_path: Path) -> None:
    """A key that the hub has for peers in VRF WEST is none for the same address in VRF EAST."""
    world = network(tmp_path, "ikev1, keyrings")
    world.configure(
        "SPOKE", "crypto keyring RING-EAST vrf EAST", "no pre-shared-key address 0.0.0.0 0.0.0.0 key of-east"
    )
    world.configure("SPOKE", "crypto keyring RING-EAST vrf EAST", "pre-shared-key address 0.0.0.0 0.0.0.0 key of-west")
    world.do("SPOKE", "clear crypto session")
    world.run_for(60)
    assert talk(world, "EAST") == 0
    assert talk(world, "WEST") == 5


def test_a_tunnel_that_moves_to_the_other_front_door_leaves_nothing_behind(tmp_path: Path) -> None:
    world = network(tmp_path, "ikev2, one profile")
    world.configure("SPOKE", "interface Tunnel2", "shutdown")
    world.run_for(10)
    assert "UP-ACTIVE" not in world.show("SPOKE", "crypto session fvrf WEST")
    assert talk(world, "EAST") == 5
    world.configure("SPOKE", "interface Tunnel2", "no shutdown")
    world.run_for(30)
    assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 5]


@pytest.mark.parametrize(("crypto", "nat"), KINDS)
def test_a_walk_goes_by_the_provider_of_its_tunnel(tmp_path: Path, crypto: str, nat: bool) -> None:
    """The outer packet was looked up in the first VRF that has its source, and opened with the SAs of its tunnel."""
    world = network(tmp_path, crypto, nat=nat)
    assert [talk(world, vrf, 2) for vrf in PROVIDERS]
    facts = world.sim.facts(world.scenario)
    for number, (vrf, (_, target)) in enumerate(PAIRS.items(), 1):
        (tunnel, port), other = PROVIDERS[vrf], PROVIDERS["WEST" if vrf == "EAST" else "EAST"]
        told = "\n".join(as_text(walk(facts, f"10.2.{number}.100", target)))
        assert f"delivered at S{number}" in told
        assert f"delivered at PC{number}" in told
        assert tunnel in told
        assert port in told
        assert not [name for name in other if name in told]


def test_the_doctor_accuses_nobody_where_both_work(world: World) -> None:
    world.run_for(60)
    assert attempt(visit(ExaminedWorld(world)), CopiedLab(as_it_runs(world))).findings == ()


@pytest.mark.parametrize(
    ("crypto", "opening", "key"),
    [
        (
            "ikev1, keyrings",
            ("crypto keyring RING-WEST vrf WEST", "no pre-shared-key address 0.0.0.0 0.0.0.0 key of-west"),
            "pre-shared-key address 0.0.0.0 0.0.0.0 key of-nobody",
        ),
        (
            "ikev2, a profile each",
            ("crypto ikev2 keyring KEYS-WEST", "peer ANY", "no pre-shared-key of-WEST"),
            "pre-shared-key of-nobody",
        ),
    ],
)
def test_the_doctor_names_the_key_of_the_front_door_that_fails(
    tmp_path: Path, crypto: str, opening: tuple[str, ...], key: str
) -> None:
    """It named the first keyring that has a key for this address, which is for the other front door."""
    world = network(tmp_path, crypto)
    world.configure("SPOKE", *opening, key)
    world.do("SPOKE", "clear crypto session fvrf WEST")
    world.run_for(120)
    first = visit(ExaminedWorld(world)).findings[0]
    assert first.cause is Cause.PSK
    assert first.fix[0] == opening[0]


def test_a_list_that_cuts_one_provider_is_named_at_its_port_and_with_its_session(tmp_path: Path) -> None:
    """The port of the other provider, which has the same address, was asked for its list."""
    world = network(tmp_path, "ikev2, one profile")
    port = PROVIDERS["WEST"][1]
    world.configure("SPOKE", "ip access-list extended IN", "permit icmp any any")
    world.configure("SPOKE", f"interface {port}", "ip access-group IN in")
    world.do("SPOKE", "clear crypto session fvrf WEST")
    world.run_for(60)
    assert [talk(world, vrf) for vrf in PROVIDERS] == [5, 0]
    said = {vrf: world.show("SPOKE", f"crypto session fvrf {vrf} detail") for vrf in PROVIDERS}
    assert f"inbound on {port}, denies" in said["WEST"]
    assert "denies" not in said["EAST"]
    found = visit(ExaminedWorld(world)).findings
    assert [one.what for one in found if one.cause is Cause.LIST_CUTS_TUNNEL and f"inbound on {port}" in one.what]
