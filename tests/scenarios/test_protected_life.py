"""What happens to IPsec in the life of a cloud: keys that are replaced, routers that restart, people who clear SAs.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.net import ip
from support.cases import every_day_but
from support.nats import attributes, lost
from support.secured import at, ike_sas, said, short_lives, spis, states, without_dpd
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from dmvpn.router.router import Router

HUB, SPOKE10, SPOKE20 = "198.51.100.1", "203.0.113.10", "203.0.113.20"


# ------------------------------------------------------------------------------------------------- keys are replaced


@pytest.mark.parametrize("seed", every_day_but((2,), (1, 2)))
def test_all_keys_are_replaced_under_traffic_and_not_one_packet_is_lost(seed: int) -> None:
    world = World("intro-phase3", seed=seed, change=short_lives).converge()
    world.run_for(5)
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    before = spis(world, "SPOKE10", HUB), spis(world, "SPOKE10", SPOKE20)
    assert lost(world, "H10", "192.168.20.100", seconds=400, rate=5) == 0
    after = spis(world, "SPOKE10", HUB), spis(world, "SPOKE10", SPOKE20)
    assert before[0]
    assert before[1]
    assert not set(before[0]) & set(after[0])
    assert not set(before[1]) & set(after[1])
    assert len(ike_sas(world, "SPOKE10", HUB)) == 1
    assert len(ike_sas(world, "SPOKE10", SPOKE20)) == 1


def test_keys_are_replaced_on_a_bad_wire_and_only_the_wire_loses_packets() -> None:
    world = World("intro-phase3", change=short_lives).converge()
    world.run_for(5)
    world.sim.segment_of("SPOKE10", "GigabitEthernet1").impairment.loss = 0.05
    sent = 2000
    missing = lost(world, "H10", "192.168.20.100", seconds=sent / 5, rate=5)
    assert missing < sent * 0.2  # each echo crosses the bad wire twice or, by the hub, more often
    assert states(world, "SPOKE10")[HUB] == "UP"


# ------------------------------------------------------------------------------------------------- somebody clears


@pytest.mark.parametrize("router", ["HUB", "SPOKE10"])
def test_after_clear_crypto_session_everything_is_back_within_seconds(router: str) -> None:
    world = World("intro-phase3").converge()
    world.run_for(5)
    lost(world, "H10", "192.168.20.100", seconds=3)
    world.do(router, "clear crypto session")
    assert lost(world, "H10", "192.168.20.100", seconds=30) < 5 * 20
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    assert states(world, "SPOKE10")[HUB] == "UP"
    assert len(ike_sas(world, "SPOKE10", HUB)) == 1


# ------------------------------------------------------------------------------------------------- somebody dies


def test_a_hub_that_restarts_is_found_again_within_seconds_though_nobody_asks_whether_it_lives() -> None:
    """It answers ESP that it does not know with INVALID_SPI, and that makes the spokes try a new IKE SA."""
    world = World("intro-phase3", change=without_dpd).converge()
    world.run_for(30)
    world.sim.kill("HUB")
    world.run_for(2)
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    back = world.wait_until(
        lambda: world.lacks() == [] and states(world, "HUB") == {SPOKE10: "UP", SPOKE20: "UP"}, limit=30
    )
    assert back, world.lacks()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_spoke_registers_as_soon_as_a_restarted_hub_has_proved_itself(seed: int) -> None:
    """It was a registration that found out, a minute after the one before it, and it was lost with the old SA."""
    quiet = at("SPOKE10", (" tunnel source", " if-state nhrp\n tunnel source"))
    world = World("intro-phase3", seed=seed, change=quiet).converge()
    world.run_for(30)
    world.sim.kill("HUB")
    world.run_for(150)
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    assert world.wait_until(lambda: bool(ike_sas(world, "HUB", SPOKE10)), limit=90)
    world.run_for(1)
    assert "10.0.0.10/32 via 10.0.0.10" in world.lines("HUB", "ip nhrp")


def test_a_spoke_that_restarts_is_taken_back_at_once_and_its_old_sas_go() -> None:
    world = World("intro-phase3").converge()
    world.run_for(30)
    world.sim.kill("SPOKE10")
    world.run_for(3)
    world.sim.boot("SPOKE10", world.scenario.configurations["SPOKE10"])
    assert world.wait_until(lambda: world.lacks() == [], limit=30), world.lacks()
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    world.run_for(30)
    assert len(ike_sas(world, "HUB", SPOKE10)) == 1


# ------------------------------------------------------------------------------------------------- they do not agree


def test_a_wrong_key_is_named_at_both_ends_and_the_tunnel_stays_closed() -> None:
    world = World("intro-phase3", change=at("SPOKE10", ("DMVPN_KEY", "WRONG_KEY")))
    world.run_for(30)
    assert states(world, "HUB").get(SPOKE10) != "UP"
    assert states(world, "SPOKE10")[HUB] == "IKE"
    assert any("pre-shared key" in message for message in said(world, "HUB", SPOKE10))
    assert any("authentication failed" in message for message in said(world, "SPOKE10", HUB))
    assert states(world, "SPOKE20")[HUB] == "UP"


def test_transforms_that_do_not_fit_are_named_at_both_ends() -> None:
    other = ("esp-aes 256 esp-sha256-hmac", "esp-aes 128 esp-sha-hmac")
    world = World("intro-phase3", change=at("SPOKE10", other))
    world.run_for(30)
    assert states(world, "SPOKE10")[HUB] == "IPSEC"  # IKE itself has come to an end
    assert said(world, "HUB", SPOKE10)
    assert said(world, "SPOKE10", HUB)
    world.configure("SPOKE10", "crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac", "mode transport")
    assert world.wait_until(lambda: world.lacks() == [], limit=120), world.lacks()


# ------------------------------------------------------------------------------------------------- somebody cheats


@pytest.mark.parametrize("bound", [False, True])
def test_a_rogue_spoke_takes_the_tunnel_address_of_another_one_unless_it_is_bound_to_its_identity(bound: bool) -> None:
    """Both have valid keys, and neither insists on being unique: `ip nhrp bind identity` at the hub decides."""

    def change(router: str, text: str) -> str:
        line = " ip nhrp bind identity\n" if router == "HUB" and bound else ""
        text = text.replace(" ip nhrp nhs", " ip nhrp registration no-unique\n ip nhrp nhs")
        return text.replace(" ip nhrp network-id", f"{line} ip nhrp network-id")

    world = World("intro-phase3", change=change).converge()
    world.run_for(10)
    world.configure("SPOKE20", "interface Tunnel0", "ip address 10.0.0.10 255.255.255.0")

    def is_held_by(spoke: str) -> bool:
        return f"   NBMA address: {spoke} " in world.lines("HUB", "ip nhrp 10.0.0.10")

    assert world.wait_until(lambda: is_held_by(SPOKE20), 60) is not bound, "without the line the last registration wins"
    assert is_held_by(SPOKE10) is bound
    assert bool(said(world, "HUB", "%NHRP-4-IDENTITY: Tunnel0: (Tunnel: 10.0.0.10")) is bound, world.messages("HUB")


# Hours of random life on protected tunnels: what is over leaves nothing behind.

SPOKES = ("R31", "R32", "R41")
HOSTS = {"H3": "10.3.3.100", "H32": "10.3.2.100", "H4": "10.4.4.100"}


def _needed(router: Router) -> set[tuple[str, str]]:
    """Where NHRP's entries lead to."""
    return {
        (tunnel.name, str(entry.nbma))
        for tunnel in router.machine(NhrpMachine).tunnels
        for entry in tunnel.cache.entries()
        if entry.nbma not in (None, tunnel.nbma)
    }


def test_after_hours_of_random_life_exactly_that_is_protected_which_an_entry_leads_to() -> None:
    world = World("ipsec-two-spokes-one-nat", change=short_lives).converge()
    chance = random.Random(5)
    for _ in range(15):
        spoke = chance.choice(SPOKES)
        match chance.choice(("traffic", "traffic", "clear crypto session", "clear ip nhrp", "kill", "shut")):
            case "traffic":
                one, other = chance.sample(sorted(HOSTS), 2)
                world.stream(one, HOSTS[other], seconds=3, rate=5)
            case "kill":
                world.sim.kill(spoke)
                world.run_for(chance.choice((5, 100)))
                world.sim.boot(spoke, short_lives(spoke, world.scenario.configurations[spoke]))
            case "shut":
                world.configure(spoke, "interface Tunnel100", "shutdown")
                world.run_for(10)
                world.configure(spoke, "interface Tunnel100", "no shutdown")
            case command:
                world.do(chance.choice((*SPOKES, "R11")), command, "")
        world.run_for(chance.choice((1, 20, 200)))
    world.run_for(1000)
    assert world.lacks() == []
    for name in ("R11", *SPOKES):
        router = world.sim.routers[name].router
        protection, tunnels = router.ports.protection, router.machine(NhrpMachine).tunnels
        assert {(pair.tunnel, str(pair.remote)) for pair in protection.pairs()} == _needed(router)
        numbers = {connection.number for connection in protection.connections()}
        bound = {entry.connection for tunnel in tunnels for entry in tunnel.cache.entries() if entry.connection}
        assert bound <= numbers
        assert {account for tunnel in tunnels for account in tunnel.usage if isinstance(account, int)} <= numbers
        assert {ike.connection.number for ike in router.ports.ike.sas() if ike.connection is not None} == numbers


# Spokes behind translators, with IPsec: ESP in UDP port 4500, bound to connections and not to addresses.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.

HUB_NBMA, NAT1, NAT2 = "172.16.11.1", "172.16.31.1", "172.16.41.1"
R31, R32, R41 = "192.168.100.31", "192.168.100.32", "192.168.100.41"


def settled(name: str, *, seed: int = 1) -> World:
    world = World(name, seed=seed).converge()
    world.run_for(10)
    return world


def is_direct(world: World, router: str, destination: str, source: str) -> bool:
    """Is the second traceroute one hop long?"""
    text = world.do(router, f"traceroute {destination} source {source}")
    return len(re.findall(r"^ +\d+ [\d.]+ ", text, re.MULTILINE)) == 1


# ------------------------------------------------------------------------------------------------- one spoke


def test_a_spoke_behind_a_translator_uses_port_4500_and_shows_what_it_claims() -> None:
    world = settled("ipsec-spoke-behind-nat")
    tap = world.watch("R11", "GigabitEthernet0/1")
    lost(world, "H3", "10.1.1.100", seconds=2)
    flows = [ip.peek_flow(packet) for _, packet in tap.packets]
    from_nat = [flow for flow in flows if str(flow.source) == NAT1]
    assert from_nat
    assert {(flow.protocol, flow.destination_port) for flow in from_nat} == {(17, 4500)}
    assert "     (Claimed NBMA address: 192.168.31.10) " in world.lines("R11", f"ip nhrp {R31}")
    assert attributes(world, "R11", R31) == ["DN"]
    assert len(ike_sas(world, "R11", NAT1)) == 1


@pytest.mark.parametrize(("source", "destination"), [("H3", "10.4.4.100"), ("H4", "10.3.3.100")])
def test_whoever_begins_the_spokes_go_direct_and_nothing_is_lost(source: str, destination: str) -> None:
    world = settled("ipsec-spoke-behind-nat")
    assert lost(world, source, destination, seconds=5) == 0
    assert is_direct(world, "R31", "10.4.4.1", "10.3.3.1")
    assert is_direct(world, "R41", "10.3.3.1", "10.4.4.1")


def test_in_tunnel_mode_a_spoke_behind_a_translator_works_as_in_transport_mode() -> None:
    """Inside it goes by the address that the translator hides: the hub used to refuse it."""
    world = World("ipsec-spoke-behind-nat", change=lambda _, text: text.replace("mode transport", "mode tunnel"))
    world.converge()
    world.run_for(10)
    assert lost(world, "H3", "10.1.1.100", seconds=2) == 0
    assert lost(world, "H4", "10.3.3.100", seconds=5) == 0
    assert is_direct(world, "R31", "10.4.4.1", "10.3.3.1")
    assert "in use settings ={Tunnel" in world.show("R11", "crypto ipsec sa")


def test_a_translator_that_forgets_its_flows_is_survived_within_seconds() -> None:
    """The spoke's packets come from another port now: good packets move the connection there."""
    world = settled("ipsec-spoke-behind-nat")
    lost(world, "H4", "10.3.3.100", seconds=5)
    world.sim.gateways["NAT1"].rebind()
    assert lost(world, "H4", "10.3.3.100", seconds=20) <= 6 * 20
    assert lost(world, "H3", "10.1.1.100", seconds=5) == 0
    assert len(ike_sas(world, "R11", NAT1)) == 1


# ------------------------------------------------------------------------------------------------- two behind one


@pytest.mark.conforms("frr-8308")
def test_two_spokes_behind_one_translator_stay_up_for_an_hour_and_each_gets_its_own_packets() -> None:
    world = settled("ipsec-two-spokes-one-nat")
    for _ in range(6):
        for spoke in ("10.3.3.100", "10.3.2.100"):
            assert lost(world, "H1", spoke, seconds=2) == 0
            assert lost(world, "H4", spoke, seconds=2) == 0
        world.run_for(590)
    assert len(ike_sas(world, "R11", NAT1)) == 2
    assert world.lacks() == []
    for router in ("R31", "R32"):
        assert states(world, router)[HUB_NBMA] == "UP"


def test_two_spokes_behind_one_translator_talk_to_each_other() -> None:
    """Directly or by the hub, as their translator lets them; nothing is lost either way."""
    world = settled("ipsec-two-spokes-one-nat")
    assert lost(world, "H3", "10.3.2.100", seconds=10) == 0
    assert lost(world, "H32", "10.3.3.100", seconds=10) == 0


# ------------------------------------------------------------------------------------------------- two translators


@pytest.mark.conforms("frr-3475")
@pytest.mark.parametrize(("source", "destination"), [("H3", "10.4.4.100"), ("H4", "10.3.3.100")])
def test_spokes_behind_different_translators_go_direct_because_both_begin(source: str, destination: str) -> None:
    world = settled("ipsec-both-behind-nat")
    assert lost(world, source, destination, seconds=10) == 0
    assert is_direct(world, "R31", "10.4.4.1", "10.3.3.1")
    assert is_direct(world, "R41", "10.3.3.1", "10.4.4.1")
    assert len(ike_sas(world, "R31", NAT2)) == len(ike_sas(world, "R41", NAT1)) == 1


def test_behind_symmetric_translators_everything_stays_with_the_hub_and_nothing_is_lost() -> None:
    world = settled("ipsec-symmetric-nat")
    assert lost(world, "H3", "10.4.4.100", seconds=60, rate=10) == 0
    assert lost(world, "H4", "10.3.3.100", seconds=60, rate=10) == 0
    trace = world.do("R31", "traceroute 10.4.4.1 source 10.3.3.1")
    assert re.findall(r"^ +\d+ ([\d.]+) ", trace, re.MULTILINE) == ["192.168.100.11", R41]


def test_show_dmvpn_detail_says_why_there_is_no_direct_path() -> None:
    world = settled("ipsec-symmetric-nat")
    lost(world, "H3", "10.4.4.100", seconds=60, rate=2)
    text = world.show("R31", "dmvpn detail")
    assert "the peer and we are both behind NAT (no answer to IKE_SA_INIT" in text


# Scenario intro-phase3, in which the hub and SPOKE20 have a tunnel of their own as well, with a profile of its own.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.

_FAR_ENDS = {"HUB": SPOKE20, "SPOKE20": HUB}
_PAIR = file_text("protected_life_pair.cfg")


def paired(router: str, text: str) -> str:
    far = _FAR_ENDS.get(router)
    return text if far is None else text.removesuffix("end\n") + _PAIR.format(far=far, host=len(router)) + "end\n"


@pytest.fixture
def world() -> World:
    world = World("intro-phase3", change=paired)
    world.run_for(40)
    return world


# Scenario notes-gre with protection: a point-to-point tunnel whose settings are changed while it runs.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.

R11_NBMA, R31_NBMA = "172.16.11.1", "172.16.31.1"
CRYPTO = file_text("point_to_point_crypto.cfg")
PROTECTION = "tunnel protection ipsec profile"


def protected(_router: str, text: str) -> str:
    return text.replace("hostname", f"{CRYPTO}hostname", 1).replace(
        " tunnel source", f" {PROTECTION} P\n tunnel source"
    )


@pytest.fixture
def point_to_point() -> World:
    world = World("notes-gre", change=protected).converge()
    world.run_for(5)
    return world


def line(world: World, router: str = "R11") -> str:
    """The first line of `show interface`."""
    return world.lines(router, "interface tunnel 100")[0]


def test_the_tunnel_is_protected_and_keepalives_go_and_come_in_esp(point_to_point: World) -> None:
    assert lost(point_to_point, "H1", "10.3.3.100", seconds=5) == 0
    point_to_point.run_for(60)
    assert line(point_to_point) == "Tunnel100 is up, line protocol is up "
    assert len(ike_sas(point_to_point, "R11", R31_NBMA)) == 1
    assert said(point_to_point, "R11", "changed state to down") == []


def test_another_profile_at_both_ends_replaces_the_sas(point_to_point: World) -> None:
    before = spis(point_to_point, "R11", R31_NBMA)
    assert before
    for router in ("R11", "R31"):
        point_to_point.configure(router, "interface Tunnel100", f"{PROTECTION} Q")
    point_to_point.run_for(10)
    after = spis(point_to_point, "R11", R31_NBMA)
    assert after
    assert not set(before) & set(after)
    assert any(
        "transform: esp-gcm 256" in text for text in point_to_point.lines("R11", f"crypto ipsec sa peer {R31_NBMA}")
    )
    assert lost(point_to_point, "H1", "10.3.3.100", seconds=5) == 0


def test_a_profile_of_ike_that_the_tunnel_names_itself_is_the_one_that_is_used() -> None:
    """The tunnel stayed down, although both profiles were there."""

    def named(router: str, text: str) -> str:
        text = protected(router, text).replace(" set ikev2-profile IKE\n", " set ikev2-profile ABSENT\n")
        return text.replace(f" {PROTECTION} P\n", f" {PROTECTION} P ikev2-profile IKE\n")

    world = World("notes-gre", change=named).converge()
    world.run_for(5)
    assert line(world) == "Tunnel100 is up, line protocol is up "
    assert len(ike_sas(world, "R11", R31_NBMA)) == 1
    assert lost(world, "H1", "10.3.3.100", seconds=5) == 0


def test_an_end_without_protection_is_not_listened_to_and_the_other_one_says_so() -> None:
    world = World("notes-gre", change=lambda name, text: protected(name, text) if name == "R11" else text)
    world.run_for(60)
    assert said(
        world,
        "R11",
        f"Rec'd packet not an IPSEC packet. (ip) vrf/dest_addr= /{R11_NBMA}, src_addr= {R31_NBMA}, prot= 47",
    )
    assert not [text for text in world.lines("R11", "ip route eigrp") if "10.3.3" in text]
    assert len(said(world, "R11", "RECVD_PKT_NOT_IPSEC")) <= 2
    world.configure("R31", *CRYPTO.splitlines(), "interface Tunnel100", f"{PROTECTION} P")
    assert world.wait_until(lambda: world.lacks() == [], limit=60), world.lacks()


def test_a_profile_that_protects_nothing_takes_the_tunnel_down_and_a_good_one_brings_it_back(
    point_to_point: World,
) -> None:
    point_to_point.configure("R11", "interface Tunnel100", f"{PROTECTION} WEAK")
    assert line(point_to_point) == "Tunnel100 is up, line protocol is down "
    assert said(
        point_to_point,
        "R11",
        "%CRYPTO-4-CANNOT_PROTECT: Tunnel100 stays down: the IPsec profile has no usable transform",
    )
    point_to_point.run_for(5)
    assert ike_sas(point_to_point, "R11", R31_NBMA) == []
    assert spis(point_to_point, "R31", R11_NBMA) == ["0x0"]  # it was told
    point_to_point.configure("R11", "interface Tunnel100", f"{PROTECTION} P")
    assert point_to_point.wait_until(lambda: point_to_point.lacks() == [], limit=60), point_to_point.lacks()


def test_a_tunnel_that_is_shut_and_opened_is_back_within_seconds(point_to_point: World) -> None:
    point_to_point.configure("R11", "interface Tunnel100", "shutdown")
    point_to_point.run_for(5)
    assert spis(point_to_point, "R11", R31_NBMA) == []
    assert spis(point_to_point, "R31", R11_NBMA) == ["0x0"]  # wanted, and not there
    point_to_point.configure("R11", "interface Tunnel100", "no shutdown")
    assert point_to_point.wait_until(lambda: point_to_point.lacks() == [], limit=30), point_to_point.lacks()
    assert lost(point_to_point, "H1", "10.3.3.100", seconds=5) == 0


def test_clear_crypto_session_costs_a_second_at_most(point_to_point: World) -> None:
    point_to_point.do("R31", "clear crypto session")
    assert lost(point_to_point, "H1", "10.3.3.100", seconds=10) <= 20
    assert lost(point_to_point, "H1", "10.3.3.100", seconds=5) == 0
    assert len(ike_sas(point_to_point, "R11", R31_NBMA)) == 1


def test_clear_crypto_sa_changes_the_keys_and_costs_nothing(point_to_point: World) -> None:
    before = spis(point_to_point, "R11", R31_NBMA)
    point_to_point.do("R11", "clear crypto sa")
    assert lost(point_to_point, "H1", "10.3.3.100", seconds=10) == 0
    assert not set(before) & set(spis(point_to_point, "R11", R31_NBMA))


def tunnel(number: int, address: str, far_end: str, profile: str) -> str:
    return (
        f"interface Tunnel{number}\n ip address {address} 255.255.255.252\n tunnel source GigabitEthernet0/1\n"
        f" tunnel destination {far_end}\n {PROTECTION} {profile}\n"
    )


def test_tunnels_from_one_address_to_two_peers_have_profiles_of_their_own_whoever_begins() -> None:
    tunnels = {
        "R11": tunnel(1, "10.99.1.1", "172.16.31.1", "P") + tunnel(2, "10.99.2.1", "172.16.41.1", "Q"),
        "R31": tunnel(1, "10.99.1.2", "172.16.11.1", "P"),
        "R41": tunnel(2, "10.99.2.2", "172.16.11.1", "Q"),
    }
    world = World(
        "notes-phase3", change=lambda name, text: text.replace("\nend\n", f"\n{CRYPTO}{tunnels.get(name, '')}end\n")
    )
    for router in ("R11", "R31", "R41"):
        world.run_for(20)
        for address in ("10.99.1.2", "10.99.2.2"):
            assert "Success rate is 100 percent" in world.do("R11", f"ping {address}")
        peers = [text.split()[1] for text in world.lines("R11", "crypto ipsec sa") if "current_peer" in text]
        assert peers == ["172.16.31.1", "172.16.41.1"]
        for peer, transform in (("172.16.31.1", "esp-256-aes esp-sha256-hmac"), ("172.16.41.1", "esp-gcm 256")):
            shown = world.show("R11", f"crypto ipsec sa peer {peer}")
            assert shown.count("transform: ") == shown.count(f"transform: {transform} ,") == 2
        world.do(router, "clear crypto session")
