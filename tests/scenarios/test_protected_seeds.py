"""Other configurations with IPsec: IKEv1, OSPF, and a point-to-point tunnel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp.transit import Transit
from dmvpn.net import ip
from support.nats import derived, lost, two_and_one, two_and_two
from support.secured import ike_sas, states
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def isakmp_sas(world: World, router: str, peer: str) -> list[str]:
    """Return the lines of `show crypto isakmp sa` with a peer."""
    return [line for line in world.lines(router, "crypto isakmp sa") if peer in line.split()[:2]]


def test_isakmp_lines_run_as_ikev1_in_tunnel_mode_and_the_spokes_go_direct() -> None:
    world = World("course-lab").converge()
    world.run_for(10)
    assert lost(world, "H2", "10.3.0.100", seconds=5) == 0
    text = world.do("SPOKE1", "traceroute 10.3.0.1 source 10.2.0.1")
    assert re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE) == ["10.0.0.3"]
    (line,) = isakmp_sas(world, "SPOKE1", "192.168.3.1")
    assert "QM_IDLE" in line
    assert ike_sas(world, "SPOKE1", "192.168.3.1") == []
    assert "crypto isakmp lines run as IKEv1" in world.show("HUB", "logging")


def as_ikev2(*routers: str) -> Callable[[str, str], str]:
    """Return the change by which the isakmp lines of some routers run as IKEv2."""

    def change(router: str, text: str) -> str:
        line = "crypto isakmp run-as ikev2\n" if router in routers else ""
        return text.replace("crypto isakmp key", f"{line}crypto isakmp key", 1)

    return change


@pytest.mark.parametrize("routers", [("HUB",), ("SPOKE1",), ("HUB", "SPOKE1", "SPOKE2")])
def test_both_versions_live_in_one_cloud_and_the_spokes_go_direct(routers: tuple[str, ...]) -> None:
    """Each router takes the version with which its peer begins."""
    world = World("course-lab", change=as_ikev2(*routers)).converge()
    world.run_for(10)
    assert lost(world, "H2", "10.3.0.100", seconds=5) == 0
    text = world.do("SPOKE1", "traceroute 10.3.0.1 source 10.2.0.1")
    assert re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE) == ["10.0.0.3"]
    to_hub = len(isakmp_sas(world, "SPOKE1", "192.168.1.1")), len(ike_sas(world, "SPOKE1", "192.168.1.1"))
    assert to_hub == ((0, 1) if "SPOKE1" in routers else (1, 0))
    before = lost(world, "H2", "10.1.0.100", seconds=5)
    assert before == 0


def test_tunnel_mode_costs_twenty_octets_more_than_transport_mode() -> None:
    sizes = []
    for change in (
        lambda _, text: text,
        lambda _, text: re.sub(r"^( *crypto ipsec transform.*\n)", r"\1 mode transport\n", text, flags=re.M),
    ):
        world = World("course-lab", change=change).converge()
        world.run_for(10)
        tap = world.watch("SPOKE1", "GigabitEthernet0/0")
        world.ping("H2", "10.1.0.100")
        world.run_for(0.2)
        flows = [(ip.peek_flow(packet), len(packet)) for _, packet in tap.packets]
        sizes.append(max(size for flow, size in flows if flow.destination_port == 4500 or flow.protocol == 50))
    assert 16 <= sizes[0] - sizes[1] <= 32, "20 octets, and what they do to the padding"


@pytest.mark.parametrize("name", ["guide-phase2", "guide-phase2-broadcast"])
def test_ospf_needs_no_packet_in_clear(name: str) -> None:
    world = World(name).converge()
    assert states(world, "HUB1") == {"198.51.100.1": "UP", "198.51.100.2": "UP"}
    for spoke in ("SPOKE1", "SPOKE2"):
        assert states(world, spoke) == {"203.0.113.1": "UP"}
        assert len(ike_sas(world, spoke, "203.0.113.1")) == 1
    assert "Success rate is 100 percent" in world.do("SPOKE1", "ping 10.0.0.1")


def test_the_guide_timers_keep_a_registration_and_its_keys_alive_behind_a_translator() -> None:
    """`ip nhrp holdtime 120` and `registration timeout 60`: reached after an hour without any traffic of its own."""

    def static(router: str, text: str) -> str:
        lans = {
            "R11": "ip route 10.3.3.0 255.255.255.0 192.168.100.31\n",
            "R31": "ip route 10.1.1.0 255.255.255.0 192.168.100.11\n",
        }
        head, mark, rest = text.partition("router eigrp")
        return head + lans.get(router, "") + rest[rest.index("ip route") :] if mark else text

    world = World("ipsec-spoke-behind-nat", change=static)
    world.run_for(3600)
    world.ping("H1", "10.3.3.100", 1)
    world.run_for(2)
    assert world.replies("H1") == [1]


def test_a_dual_hub_with_ipsec_moves_to_the_other_hub_and_back() -> None:
    world = World("ipsec-dual-hub").converge()
    world.run_for(10)
    world.sim.kill("HUB1")
    assert lost(world, "H1", "10.1.10.100", seconds=40, rate=5) < 20 * 5
    assert lost(world, "H1", "10.1.10.100", seconds=5, rate=5) == 0
    world.sim.boot("HUB1", world.scenario.configurations["HUB1"])
    assert world.wait_until(lambda: world.lacks() == [], limit=90), world.lacks()
    assert lost(world, "H1", "10.1.10.100", seconds=5, rate=5) == 0


# The networks of IKEv1: direct paths under protection, NAT, and both versions in one cloud.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.

#: Spokes, and addresses behind them.
OLD, NEW, BOTH = ("R31", "10.3.3.1"), ("R41", "10.4.4.1"), ("R51", "10.5.5.1")


def isakmp_states(world: World, router: str, peer: str) -> list[str]:
    """Return the states of the ISAKMP SAs of a router with a peer."""
    lines = (line.split() for line in world.lines(router, "crypto isakmp sa"))
    return [words[2] for words in lines if peer in words[:2]]


def hops(world: World, router: str, source: str, target: str) -> list[str]:
    """Return the hops of the second traceroute."""
    world.do(router, f"traceroute {target} source {source}")
    world.run_for(5)
    text = world.do(router, f"traceroute {target} source {source}")
    return re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE)


def test_spokes_with_a_wildcard_key_are_direct_neighbors_in_ikev1() -> None:
    world = World("isakmp-phase3").converge()
    assert hops(world, "SPOKE1", "10.1.1.1", "10.1.2.1") == ["10.255.0.12"]
    assert "QM_IDLE" in isakmp_states(world, "SPOKE1", "198.51.100.5")
    assert ike_sas(world, "SPOKE1", "198.51.100.5") == []
    assert "in use settings ={Transport" in world.show("SPOKE1", "crypto ipsec sa")
    assert lost(world, "H1", "10.1.2.100", seconds=5) == 0


def test_a_session_by_the_keys_of_crypto_isakmp_key_has_no_profile() -> None:
    """`show crypto session` said `Profile: crypto isakmp`, which nobody had configured; IOS has no such line."""
    world = World("isakmp-phase3").converge()
    text = world.show("HUB", "crypto session")
    assert text.count("UP-ACTIVE") == 2
    assert "Profile:" not in text


def test_two_spokes_behind_one_nat_are_two_peers_of_the_hub_in_ikev1() -> None:
    world = World("isakmp-nat").converge()
    world.run_for(10)
    assert isakmp_states(world, "R11", "172.16.31.1") == ["QM_IDLE", "QM_IDLE"]
    text = world.show("R11", "crypto session")
    ports = re.findall(r"^Peer: 172\.16\.31\.1 port (\d+)", text, re.MULTILINE)
    assert len(set(ports)) == 2, text
    for host in ("H3", "H32"):
        assert lost(world, host, "10.1.1.100", seconds=3) == 0
    assert hops(world, "R31", "10.3.3.1", "10.4.4.1") == ["192.168.100.41"]


@pytest.mark.parametrize(("source", "target"), [(OLD, NEW), (NEW, OLD), (OLD, BOTH), (BOTH, OLD), (NEW, BOTH)])
def test_spokes_of_different_versions_of_ike_talk_directly(source: tuple[str, str], target: tuple[str, str]) -> None:
    world = World("isakmp-and-ikev2").converge()
    assert hops(world, *source, target[1]) == [f"192.168.100.{target[0][1:]}"]


def test_a_hub_answers_each_spoke_in_the_version_with_which_it_begins() -> None:
    world = World("isakmp-and-ikev2").converge()
    world.run_for(10)
    assert isakmp_states(world, "R11", "172.16.31.1") == ["QM_IDLE"]
    assert ike_sas(world, "R11", "172.16.31.1") == []
    for spoke in ("172.16.41.1", "172.16.51.1"):
        assert isakmp_states(world, "R11", spoke) == []
        assert len(ike_sas(world, "R11", spoke)) == 1
    text = world.show("R11", "crypto session")
    assert (text.count("IKEv1 SA: "), text.count("IKEv2 SA: "), text.count("UP-ACTIVE")) == (1, 2, 3)


def test_a_spoke_in_tunnel_mode_behind_a_nat_is_reached() -> None:
    """SAs came up, the hub decrypted what R41 sent, and dropped it: the inner header has the address before the NAT."""
    tunnel = (" mode transport\n", " mode tunnel\n")
    world = World("isakmp-nat", change=lambda name, text: text.replace(*tunnel) if name == "R41" else text)
    world.run_for(30)
    assert isakmp_states(world, "R11", "172.16.41.1") == ["QM_IDLE"]
    assert lost(world, "H4", "10.1.1.100", seconds=5) == 0
    assert lost(world, "H1", "10.4.4.100", seconds=5) == 0


def test_a_spoke_in_tunnel_mode_behind_a_nat_is_reached_after_rekeys_by_either_end() -> None:
    tunnel = (" mode transport\n", " mode tunnel\n")
    often = (
        "crypto ipsec profile DMVPN\n",
        "crypto ipsec profile DMVPN\n set security-association lifetime seconds 120\n",
    )

    def change(name: str, text: str) -> str:
        return text.replace(*tunnel).replace(*often) if name == "R41" else text.replace(*often)

    world = World("isakmp-nat", change=change)
    world.run_for(30)
    assert lost(world, "H4", "10.1.1.100", seconds=300, rate=2) == 0


# Scenario intro-phase3: hub and two spokes, IKEv2 with its smart defaults, ESP under every packet, EIGRP inside.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.

HUB, SPOKE10, SPOKE20 = "198.51.100.1", "203.0.113.10", "203.0.113.20"


NETWORK, SETTLED_AFTER = "intro-phase3", 5


def traceroute(world: World, router: str, command: str) -> list[str]:
    """The addresses of the hops."""
    text = world.do(router, f"traceroute {command}")
    return re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE)


def test_everything_is_up_within_seconds_and_registered() -> None:
    world = World("intro-phase3").converge()
    assert world.now < 12
    assert states(world, "HUB") == {SPOKE10: "UP", SPOKE20: "UP"}
    assert states(world, "SPOKE10") == states(world, "SPOKE20") == {HUB: "UP"}


def test_a_spoke_learns_the_other_lan_by_eigrp_through_the_tunnel(world: World) -> None:
    assert any("192.168.20.0/24" in line and "10.0.0.1" in line for line in world.lines("SPOKE10", "ip route eigrp"))


def test_the_second_traceroute_is_direct_and_no_packet_is_lost_on_the_way(world: World) -> None:
    assert traceroute(world, "SPOKE10", "192.168.20.1 source 192.168.10.1") == ["10.0.0.1", "10.0.0.20"]
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    assert traceroute(world, "SPOKE10", "192.168.20.1 source 192.168.10.1") == ["10.0.0.20"]
    assert states(world, "SPOKE10") == {HUB: "UP", SPOKE20: "UP"}
    assert states(world, "SPOKE20") == {HUB: "UP", SPOKE10: "UP"}


def test_the_direct_path_is_encrypted_between_the_spokes_themselves(world: World) -> None:
    tap = world.watch("SPOKE20", "GigabitEthernet1")
    lost(world, "H10", "192.168.20.100", seconds=5)
    tap.packets.clear()
    assert lost(world, "H10", "192.168.20.100", seconds=2) == 0
    ends = {tuple(sorted((source, destination))) for source, destination in tap.ends()}
    direct = [pair for pair in tap.ends() if set(pair) == {SPOKE10, SPOKE20}]
    assert len(direct) >= 2 * 40
    assert ends <= {tuple(sorted((SPOKE10, SPOKE20))), tuple(sorted((HUB, SPOKE20)))}


def test_simultaneous_traffic_of_both_spokes_ends_in_one_pair_of_sas(world: World) -> None:
    for sequence in range(40):
        world.ping("H10", "192.168.20.100", sequence)
        world.ping("H20", "192.168.10.100", sequence)
        world.run_for(0.05)
    world.run_for(60)
    assert sorted(world.replies("H10")) == sorted(world.replies("H20")) == list(range(40))
    for router, other in (("SPOKE10", SPOKE20), ("SPOKE20", SPOKE10)):
        assert len(ike_sas(world, router, other)) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_seed_gives_the_same_octets(seed: int) -> None:
    digests = []
    for _ in range(2):
        world = World("intro-phase3", seed=seed).converge()
        lost(world, "H10", "192.168.20.100", seconds=1)
        digests.append(world.sim.digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("seed", [1, 4])
def test_packets_that_overtake_the_end_of_a_negotiation_make_nobody_begin_again(seed: int) -> None:
    """The responder sends at once; on a long wire its first packet may be there before the initiator has the keys."""
    world = World("intro-phase3", seed=seed)
    for segment in world.sim.segments:
        segment.impairment.delay, segment.impairment.jitter = 0.03, 0.01
    world.converge().run_for(10)
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    assert len(ike_sas(world, "SPOKE10", SPOKE20)) == 1


def test_without_its_hub_a_spoke_sends_nothing_for_other_sites_to_the_provider(world: World) -> None:
    """The routes of EIGRP went with the hub, and packets for the other LAN took the default route, in clear."""
    world.sim.kill("HUB")
    world.run_for(60)
    assert world.lines("SPOKE10", "ip route eigrp | include 192.168.20") == []
    tap = world.watch("SPOKE10", "GigabitEthernet1")
    assert lost(world, "H10", "192.168.20.100", seconds=2) > 0
    assert [pair for pair in tap.ends() if "192.168.20.100" in map(str, pair)] == []


# Two spokes behind different translators: the hub tells each by which UDP port it hears the other one.
#
# Of two spokes behind one translator the second has another port there than 4500. The translators let in only what
# comes from where somebody inside has sent to, so both ends must begin, and each at the right port.

NAT1, NAT2 = "172.16.31.1", "172.16.41.1"
HUB_TUNNEL, R31, R32, R41 = "192.168.100.11", "192.168.100.31", "192.168.100.32", "192.168.100.41"
ADDRESS = {"R31": R31, "R32": R32, "R41": R41, "R42": "192.168.100.42"}
#: Router -> an address behind it, and one of its hosts.
LAN = {"R31": ("10.3.3.1", "H3"), "R32": ("10.3.2.1", "H32"), "R41": ("10.4.4.1", "H4"), "R42": ("10.4.2.1", "H42")}


def settled(scenario: str) -> World:
    world = World(scenario).converge()
    world.run_for(10)
    return world


def of_kinds(folder: Path, one: str, other: str) -> str:
    """ipsec-both-behind-nat with translators of these kinds."""
    kinds = (("NAT1", one), ("NAT2", other))
    lab = tuple((f"{name}: {{kind: port-restricted", f"{name}: {{kind: {kind}") for name, kind in kinds)
    return derived(folder, "ipsec-both-behind-nat", lab=lab)


def ways(world: World, one: str, other: str) -> list[list[str]]:
    """The hops of a traceroute from one router's LAN to the other's, and back."""
    ends = [(one, LAN[other][0], LAN[one][0]), (other, LAN[one][0], LAN[other][0])]
    texts = [world.do(router, f"traceroute {there} source {here}") for router, there, here in ends]
    return [re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE) for text in texts]


def host(router: str) -> str:
    return f"{LAN[router][0].rpartition('.')[0]}.100"


def lost_between(world: World, one: str, other: str, *, seconds: float = 5, rate: float = 20) -> int:
    return lost(world, LAN[one][1], host(other), seconds=seconds, rate=rate)


def reasons(world: World, router: str) -> list[str]:
    """Why peers are not reached directly, as `show dmvpn detail` says it."""
    return [line.strip() for line in world.lines(router, "dmvpn detail") if " NAT (" in line]


# ------------------------------------------------------------------------------------------------- it works


@pytest.mark.parametrize(("one", "other"), [("R32", "R41"), ("R41", "R32")])
def test_a_spoke_that_its_translator_shows_by_another_port_is_met_there(tmp_path: Path, one: str, other: str) -> None:
    world = settled(two_and_one(tmp_path))
    world.ping(LAN[one][1], host(other))
    world.run_for(1)
    assert [len(way) for way in ways(world, one, other)] == [1, 1]
    (line,) = ike_sas(world, "R41", NAT1)
    assert f" {NAT1}/4500 " not in line


def test_packets_leave_the_hub_in_peace(tmp_path: Path) -> None:
    world = settled(two_and_one(tmp_path))
    assert lost_between(world, "R32", "R41", seconds=2) == 0
    tap = world.watch("R11", "GigabitEthernet0/1")
    assert lost_between(world, "R32", "R41", seconds=5) == 0
    assert len(tap.packets) < 30


def test_two_behind_one_address_and_two_behind_another_all_meet(tmp_path: Path) -> None:
    world = settled(two_and_two(tmp_path))
    pairs = [(one, other) for one in ("R31", "R32") for other in ("R41", "R42")]
    for _ in range(40):
        for one, other in pairs:
            world.ping(LAN[one][1], host(other))
            world.ping(LAN[other][1], host(one))
        world.run_for(0.05)
    world.run_for(2)
    assert sum(len(world.replies(name)) for _, name in LAN.values()) == 8 * 40
    for one, other in pairs:
        assert ways(world, one, other) == [[ADDRESS[other]], [ADDRESS[one]]]
    for router, nat in (("R31", NAT2), ("R32", NAT2), ("R41", NAT1), ("R42", NAT1)):
        assert len(ike_sas(world, router, nat)) == 2
    peers = re.findall(r"^Peer: ([\d.]+) port (\d+) ", world.show("R41", "crypto session detail"), re.MULTILINE)
    assert len({*peers}) == len(peers) == 3


def test_two_behind_one_address_that_does_not_let_them_out_and_in_again_stay_with_the_hub() -> None:
    world = settled("ipsec-two-spokes-one-nat")
    assert lost_between(world, "R31", "R32", seconds=40, rate=5) == 0
    assert ways(world, "R31", "R32") == [[HUB_TUNNEL, R32], [HUB_TUNNEL, R31]]
    (reason,) = reasons(world, "R31")
    assert reason.startswith("the peer and we are behind the same NAT (no answer to IKE_SA_INIT")


@pytest.mark.parametrize("kinds", [("cone", "cone"), ("symmetric", "cone"), ("cone", "symmetric")])
def test_where_one_translator_lets_everybody_in_the_other_may_be_of_any_kind(
    tmp_path: Path, kinds: tuple[str, str]
) -> None:
    world = settled(of_kinds(tmp_path, *kinds))
    assert lost_between(world, "R31", "R41", seconds=3) == 0
    assert ways(world, "R31", "R41") == [[R41], [R31]]


# ------------------------------------------------------------------------------------------------- it cannot work


@pytest.mark.parametrize(
    "kinds", [("symmetric", "port-restricted"), ("port-restricted", "symmetric"), ("symmetric", "symmetric")]
)
def test_where_it_cannot_work_nothing_is_lost_and_both_ends_say_why(tmp_path: Path, kinds: tuple[str, str]) -> None:
    world = settled(of_kinds(tmp_path, *kinds))
    assert lost_between(world, "R31", "R41", seconds=60, rate=4) == 0
    assert ways(world, "R31", "R41") == [[HUB_TUNNEL, R41], [HUB_TUNNEL, R31]]
    for router, nat in (("R31", NAT2), ("R41", NAT1)):
        (reason,) = reasons(world, router)
        assert reason.startswith("the peer and we are both behind NAT (no answer to IKE_SA_INIT, sent ")
        assert re.search(rf" to {nat}:\d+; the hub hears it at UDP port \d+, a symmetric NAT would show us", reason)
        sessions = world.show(router, "crypto session detail")
        assert "Session status: DOWN-NEGOTIATING\nCrypto tunnel is down: no answer to IKE_SA_INIT" in sessions


def test_in_vain_is_tried_ever_more_seldom(tmp_path: Path) -> None:
    world = settled(of_kinds(tmp_path, "symmetric", "symmetric"))
    lost_between(world, "R31", "R41", seconds=60, rate=1)
    world.run_for(600)
    tap = world.watch("TRANSPORT", "GigabitEthernet0/2")
    world.run_for(600)
    between = [ends for ends in tap.ends() if set(ends) == {NAT1, NAT2}]
    assert len(between) <= 2 * 7 * 8  # two ends, seven datagrams an attempt, an attempt in 75 seconds at most


# ------------------------------------------------------------------------------------------------- later


def test_a_translator_that_forgets_its_flows_shows_other_ports_and_they_meet_there(tmp_path: Path) -> None:
    world = settled(two_and_one(tmp_path))
    assert lost_between(world, "R41", "R32") == 0
    before = ike_sas(world, "R41", NAT1)
    world.sim.gateways["NAT1"].rebind()
    assert lost_between(world, "R41", "R32", seconds=15) <= 80
    assert ways(world, "R41", "R32") == [[R32], [R41]]
    world.run_for(120)
    (after,) = ike_sas(world, "R41", NAT1)
    assert after.split()[2] != before[0].split()[2]


def test_an_idle_shortcut_is_kept_open_through_both_translators(tmp_path: Path) -> None:
    """Linux forgets a UDP flow after three minutes; the timers are the guide's, holdtime 120, registration 60."""
    world = settled(two_and_one(tmp_path))
    assert lost_between(world, "R41", "R32", seconds=2) == 0
    for _ in range(12):
        world.run_for(300)
        assert lost_between(world, "R41", "R32", seconds=1) == 0
    assert ways(world, "R41", "R32") == [[R32], [R41]]
    assert world.lacks() == []


# ------------------------------------------------------------------------------------------------- others


@pytest.fixture
def foreign_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that passes on what it does not know, and adds nothing: IOS, FRR."""
    monkeypatch.setattr(Transit, "_mapped", lambda _self, extensions, *_: extensions)


@pytest.mark.usefixtures("foreign_hub")
def test_a_hub_that_does_not_know_the_extension_breaks_nothing(tmp_path: Path) -> None:
    """Where both translators leave port 500 alone they meet there; where not, packets go by the hub."""
    world = settled(two_and_one(tmp_path))
    assert lost_between(world, "R41", "R31") == 0
    assert ways(world, "R41", "R31") == [[R31], [R41]]
    assert lost_between(world, "R41", "R32", seconds=40, rate=5) == 0
    assert ways(world, "R41", "R32") == [[HUB_TUNNEL, R32], [HUB_TUNNEL, R41]]
    assert any("the hub does not say at which UDP port" in reason for reason in reasons(world, "R32"))
