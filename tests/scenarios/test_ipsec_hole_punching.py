"""Two spokes behind different translators: the hub tells each by which UDP port it hears the other one.

Of two spokes behind one translator the second has another port there than 4500. The translators let in only what comes
from where somebody inside has sent to, so both ends must begin, and each at the right port.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp.transit import Transit
from support.nats import derived, lost, two_and_one, two_and_two
from support.secured import ike_sas
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

NAT1, NAT2 = "172.16.31.1", "172.16.41.1"
HUB, R31, R32, R41 = "192.168.100.11", "192.168.100.31", "192.168.100.32", "192.168.100.41"
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
    assert ways(world, "R31", "R32") == [[HUB, R32], [HUB, R31]]
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
    assert ways(world, "R31", "R41") == [[HUB, R41], [HUB, R31]]
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
    assert lost_between(world, "R41", "R32", seconds=15) <= 60
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
    assert ways(world, "R41", "R32") == [[HUB, R32], [HUB, R41]]
    assert any("the hub does not say at which UDP port" in reason for reason in reasons(world, "R32"))
