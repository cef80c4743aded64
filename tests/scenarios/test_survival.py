"""Routers that die, restart and say goodbye, and how quickly their neighbors know."""

from __future__ import annotations

import re
from collections import Counter
from ipaddress import IPv4Address
from typing import Final

import pytest

from dmvpn.base.events import AddressAssigned, Event, NhrpReceived
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.model import Withdraw
from dmvpn.features.nhrp.packet import PacketType, RegistrationRequest, parse
from dmvpn.features.nhrp.parts import CieCode
from dmvpn.judge.variants import vary
from dmvpn.labs.proofs.networks import Case, well_rows
from dmvpn.shells.handle import Handle
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.topologies import phase3
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles.stage import Stage
from support.cases import every_day_but
from support.networks import CLOUDS, by_udp, is_esp, logging, nbma_on_the_hub, short_lived
from support.outages import Call
from support.secured import said, spis, states
from support.world import World

CALL = Call(("H3", "10.3.3.100"), ("H4", "10.4.4.100"))
TO_THE_HUB = Call(("H3", "10.3.3.100"), ("H1", "10.1.1.100"))

#: Seconds after which EIGRP gives up a neighbor that is silent.
HOLD_TIME = 15.0
#: Seconds within which traffic flows again after a spoke has started: registration and EIGRP with a hub that is there.
SPOKE_LIMIT = 1.0
#: Seconds within which the clients of a restarted hub have asked it again: the longest pause between two tries.
HUB_LIMIT = 64 * 1.1 + 1.0


def if_state(router: str, text: str) -> str:
    """The scenario with `if-state nhrp` on the spokes."""
    return logging(router, text).replace(" ip nhrp shortcut\n", " ip nhrp shortcut\n if-state nhrp\n")


def without_default(world: World) -> World:
    """Spokes that have a route to the provider's networks, and none to everything else."""
    for spoke, gateway in (("R31", "172.16.31.2"), ("R41", "172.16.41.2")):
        world.configure(spoke, f"ip route 172.16.0.0 255.255.0.0 {gateway}", f"no ip route 0.0.0.0 0.0.0.0 {gateway}")
    world.run_for(1)
    return world


def start(world: World, router: str) -> None:
    """Start a router that was killed, with its configuration."""
    world.sim.boot(router, world.scenario.configurations[router])


def attributes(world: World, router: str) -> dict[str, str]:
    """Target and attributes of each line of `show dmvpn detail`."""
    rows = [line.split() for line in world.lines(router, "dmvpn detail")]
    return {row[-1]: row[-2] for row in rows if len(row) > 4 and re.fullmatch(r"[\d.]+/\d+", row[-1])}


def talking(change: object = logging, *, default: bool = True) -> World:
    """The spokes' hosts talk to each other, by a shortcut."""
    world = World("notes-phase3", change=change).converge()  # type: ignore[arg-type]
    if not default:
        without_default(world)
    assert CALL.talk(world, seconds=5, rate=10).is_complete
    assert attributes(world, "R31")["10.4.4.0/24"] == "DT2"
    return world


# ------------------------------------------------------------------------------------------------ all hubs dead


@pytest.mark.parametrize("default", [True, False], ids=["default route", "no default route"])
def test_with_the_hub_dead_a_shortcut_in_use_loses_nothing_even_beyond_its_holding_time(default: bool) -> None:
    """T2 becomes T1 when EIGRP gives the hub up; the other spoke itself renews what it said."""
    world = talking(short_lived, default=default)
    world.sim.kill("R11")
    assert CALL.talk(world, seconds=HOLD_TIME + 5, rate=20).is_complete
    assert attributes(world, "R31")["10.4.4.0/24"] == attributes(world, "R41")["10.3.3.0/24"] == "DT1"
    assert CALL.talk(world, seconds=200, rate=10).is_complete
    assert attributes(world, "R31")["10.4.4.0/24"] == "DT1"


def test_when_the_hub_returns_the_shortcut_is_an_override_again_and_nothing_is_lost() -> None:
    world = talking()
    world.sim.kill("R11")
    CALL.talk(world, seconds=120, rate=2)
    start(world, "R11")
    assert CALL.talk(world, seconds=HUB_LIMIT, rate=10).is_complete
    assert attributes(world, "R31")["10.4.4.0/24"] == attributes(world, "R41")["10.3.3.0/24"] == "DT2"


def test_the_statistics_add_up_when_an_override_becomes_a_route_and_an_override_again() -> None:
    """Added less deleted is what is there."""
    world = talking()

    def present() -> tuple[int, int]:
        CALL.talk(world, seconds=HUB_LIMIT + HOLD_TIME, rate=1)
        text = world.do("R31", "show nhrp stats Tunnel100")
        route, gone, override, over = (int(n) for n in re.findall(r"(?:Add|Del) (?:Route|NHO) +: (\d+)", text))
        return route - gone, override - over

    assert present() == (1, 1)
    world.sim.kill("R11")
    assert present() == (2, 0)
    start(world, "R11")
    assert present() == (1, 1)


def test_a_shortcut_that_nobody_uses_ends_with_its_holding_time_also_while_the_hub_is_dead() -> None:
    world = talking(short_lived)
    world.sim.kill("R11")
    world.run_for(150)
    assert list(attributes(world, "R31")) == ["192.168.100.11/32"]
    assert "10.4.4.0" not in world.show("R31", "ip route")


def test_with_the_hub_dead_a_direct_path_that_fails_is_kept_because_there_is_no_better_way() -> None:
    """It carries packets in the moment in which it works again, not when it is tried next."""
    world = talking()
    world.sim.kill("R11")
    CALL.talk(world, seconds=30, rate=10)
    world.cut("R41", "GigabitEthernet0/1")
    CALL.talk(world, seconds=200, rate=2)
    world.cut("R41", "GigabitEthernet0/1", cut=False)
    assert CALL.talk(world, seconds=60, rate=10).is_complete
    start(world, "R11")
    assert CALL.talk(world, seconds=HUB_LIMIT + 60, rate=2).is_complete
    assert attributes(world, "R31")["10.4.4.0/24"] == "DT2"


# ------------------------------------------------------------------------------------------------ kill -9


@pytest.mark.parametrize("down", [0.2, 5.0, 30.0])
@pytest.mark.parametrize("victim", ["R31", "R41"])
def test_a_spoke_that_was_killed_and_started_again_has_traffic_within_a_second(victim: str, down: float) -> None:
    world = talking()
    world.sim.kill(victim)
    CALL.talk(world, seconds=down, rate=10)
    start(world, victim)
    after = CALL.talk(world, seconds=30, rate=20)
    assert all(when <= after.sent[0] + SPOKE_LIMIT for host in ("H3", "H4") for when in after.missed(host))


def test_packets_for_a_spoke_that_was_killed_go_by_the_hub_and_directly_again_when_it_is_back() -> None:
    """R31's entries are stale but true: the restarted spoke has the same addresses, and needs no purge."""
    world = talking()
    world.sim.kill("R41")
    CALL.talk(world, seconds=10, rate=10)
    assert attributes(world, "R31")["10.4.4.0/24"] == "DI2"
    assert [line for line in world.messages("R31") if "NHRP_NHP_DOWN" in line]
    start(world, "R41")
    CALL.talk(world, seconds=60, rate=10)
    assert CALL.talk(world, seconds=10, rate=10).is_complete
    assert attributes(world, "R31")["10.4.4.0/24"] == attributes(world, "R41")["10.3.3.0/24"] == "DT2"


def test_a_spoke_that_stops_in_good_order_is_forgotten_at_once_by_those_who_had_a_shortcut_to_it() -> None:
    """Another spoke with the same LAN could be found at once; of one that was killed, echoes have to tell first."""
    world = talking()
    world.sim.post("R41", Withdraw())
    world.sim.kill("R41")
    CALL.talk(world, seconds=0.5, rate=10)
    assert list(attributes(world, "R31")) == ["10.3.3.0/24", "192.168.100.11/32"]
    assert "172.16.41.1" not in world.show("R11", "dmvpn")
    start(world, "R41")
    assert world.wait_until(lambda: not world.lacks(), SPOKE_LIMIT)
    CALL.talk(world, seconds=5, rate=10)
    assert CALL.talk(world, seconds=5, rate=10).is_complete
    assert attributes(world, "R31")["10.4.4.0/24"] == "DT2"


@pytest.mark.parametrize("down", [0.2, 5.0, 30.0, 200.0])
def test_a_hub_that_was_killed_and_started_again_has_its_clients_within_one_retry(down: float) -> None:
    world = World("notes-phase3").converge()
    TO_THE_HUB.talk(world, seconds=5, rate=10)
    world.sim.kill("R11")
    TO_THE_HUB.talk(world, seconds=down, rate=2)
    start(world, "R11")
    after = TO_THE_HUB.talk(world, seconds=HUB_LIMIT + 10, rate=4)
    assert all(when <= after.sent[0] + HUB_LIMIT for host in ("H3", "H1") for when in after.missed(host))


def test_a_killed_hub_costs_a_shortcut_nothing_not_even_when_it_returns_at_once() -> None:
    world = talking()
    for down in (0.2, 3.0, 20.0):
        world.sim.kill("R11")
        assert CALL.talk(world, seconds=down, rate=20).is_complete
        start(world, "R11")
        assert CALL.talk(world, seconds=30, rate=20).is_complete


# ------------------------------------------------------------------------------------------------ if-state, shutdown


def test_with_if_state_the_line_follows_the_server_and_routes_with_it() -> None:
    world = talking(if_state)
    world.sim.kill("R11")
    CALL.talk(world, seconds=12, rate=5)
    assert "Tunnel100 is up, line protocol is down" in world.show("R31", "interfaces Tunnel100")
    assert "Tunnel100" not in world.show("R31", "ip route")
    assert "INTF" in world.show("R31", "dmvpn")
    start(world, "R11")
    assert world.wait_until(lambda: not world.lacks(), HUB_LIMIT)
    lines = [
        line for line in world.messages("R31") if "LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100" in line
    ]
    assert [line.split()[-1] for line in lines] == ["up", "down", "up"]
    world.run_for(1)
    assert CALL.talk(world, seconds=10, rate=10).is_complete


def test_with_if_state_the_routing_protocol_starts_as_soon_as_the_line_is_up() -> None:
    """Its first Hello goes out while the line is still down; another must follow, not an interval later."""
    world = talking(if_state)
    world.configure("R31", "interface Tunnel100", "shutdown")
    world.run_for(5)
    world.configure("R31", "interface Tunnel100", "no shutdown")
    assert world.wait_until(lambda: not world.lacks(), 1.0)


def test_a_tunnel_that_was_shut_down_registers_and_routes_again_at_once() -> None:
    world = talking()
    for pause in (1.0, 10.0, 30.0):
        world.configure("R31", "interface Tunnel100", "shutdown")
        world.run_for(pause)
        assert "192.168.100.31    UP" in world.show("R11", "dmvpn")  # a registration ends by order or by time only
        world.configure("R31", "interface Tunnel100", "no shutdown")
        assert world.wait_until(lambda: not world.lacks(), 1.0)
    assert CALL.talk(world, seconds=5, rate=10).missed("H3") == []


# ------------------------------------------------------------------------------------------------ logging dmvpn


def flaps(change: object) -> list[str]:
    """What R31 logs of its server while the cable of the hub is pulled out and put in again three times."""
    world = World("notes-phase3", change=change).converge()  # type: ignore[arg-type]
    for _ in range(3):
        world.cut("R11", "GigabitEthernet0/1")
        TO_THE_HUB.talk(world, seconds=12, rate=10)
        world.cut("R11", "GigabitEthernet0/1", cut=False)
        TO_THE_HUB.talk(world, seconds=18, rate=10)
    return [word for line in world.messages("R31") for word in re.findall(r"NHRP_NHS_(UP|DOWN)", line)]


def test_logging_dmvpn_says_when_a_server_is_lost_and_found() -> None:
    assert flaps(logging) == ["UP", *["DOWN", "UP"] * 3]


def test_without_logging_dmvpn_nothing_is_said() -> None:
    assert flaps(lambda _router, text: text) == []


def test_with_a_rate_limit_a_message_of_one_kind_comes_once_in_so_many_seconds() -> None:
    assert flaps(lambda *args: logging(*args).replace("logging dmvpn", "logging dmvpn rate-limit 45")) == [
        "UP",
        "DOWN",
        "UP",
        "DOWN",
    ]


# A router whose tunnel is shut down says goodbye while packets still leave it: nobody waits for a holding time.


def test_after_no_shutdown_all_is_as_before() -> None:
    world = World("notes-phase3").converge()
    world.run_for(10)
    world.configure("R31", "interface Tunnel100", "shutdown")
    world.run_for(3)
    world.configure("R31", "interface Tunnel100", "no shutdown")
    assert world.wait_until(lambda: not world.lacks(), 30), world.lacks()
    world.run_for(60)
    assert not world.lacks()
    assert "192.168.100.31/32" in world.show("R11", "ip nhrp")


def test_a_protected_spoke_says_goodbye_sealed_and_ends_its_sas() -> None:
    world = World("intro-phase3").converge()
    world.run_for(10)
    world.configure("SPOKE10", "interface Tunnel0", "shutdown")
    world.run_for(0.5)
    assert any("10.0.0.10 (Tunnel0) is down: Interface Goodbye received" in line for line in world.messages("HUB"))
    assert world.lines("HUB", "crypto ikev2 sa").count("203.0.113.10") == 0


# A hub restarts, and all its spokes want to be registered again: they come spread out, and all are served.
#
# `dmvpn simulate phase3` with EIGRP, so every spoke sends to the hub all the time and soon notices that it is gone.
# What the hub is told is counted in slices of 100 ms; a hub answers about 1,000 registrations in one on one processor
# (docs/reference/performance.md).

#: Slices in which load is counted, seconds.
SLICE = 0.1
_TYPE_AT = 17


class Storm:
    """Many spokes and a hub. load: Registration Requests that the hub was told, by the slice of time."""

    def __init__(self, spokes: int, seed: int = 1) -> None:
        self.spokes = spokes
        self.scenario = phase3(spokes)
        self.world = Simulator.of(self.scenario, seed)
        self.load: Counter[int] = Counter()
        self.askers: Counter[str] = Counter()
        self.world.run_for(30)
        self.world.routers["HUB"].watch = self._count

    def _count(self, event: Event) -> None:
        if isinstance(event, NhrpReceived) and event.data[_TYPE_AT] == PacketType.REGISTRATION_REQUEST:
            self.load[int(self.world.now / SLICE)] += 1
            request = parse(event.data)
            assert isinstance(request, RegistrationRequest)
            self.askers[str(request.source_protocol)] += 1

    def restart(self, outage: float) -> None:
        """The hub dies, and is back after so many seconds."""
        self.world.kill("HUB")
        self.world.run_for(outage)
        self.load.clear()
        self.askers.clear()
        self.world.boot("HUB", self.scenario.configurations["HUB"])

    def registered(self) -> int:
        """How many clients the hub says it has."""
        node = self.world.routers["HUB"]
        handle = Handle(lambda: node.router, lambda: self.world.now, lambda event: None, lambda name, octets: None)
        text = OneShot(handle, new_session(), ["show ip nhrp summary"]).step()
        dynamic = text.splitlines()[1].split("static")[1].split()[0]
        return int(dynamic)

    def served_within(self, seconds: float) -> float:
        """Seconds until all are registered; more than `seconds` fails the test."""
        began = self.world.now
        assert self.world.run_while(lambda: self.registered() < self.spokes, seconds, 0.5), self.registered()
        return self.world.now - began

    @property
    def peak(self) -> float:
        """The share of all spokes that came in the worst slice."""
        return max(self.load.values()) / self.spokes


def outlast(storm: Storm, outage: float, within: float, peak: float) -> None:
    """A restart, and what must hold of it."""
    storm.restart(outage)
    storm.served_within(within)
    storm.world.run_for(20)
    assert storm.peak <= peak, sorted(storm.load.items())
    # Nobody had to ask twice because the hub was overrun; one whose request met a hub that was just starting may.
    assert sum(storm.askers.values()) <= 1.1 * storm.spokes
    assert len(storm.askers) == storm.spokes
    lacks = storm.world.missing(storm.scenario)
    assert lacks == []


#: An outage in seconds, seconds in which all are back, the largest share of all spokes in a slice. A hundred are few:
#: by chance some come together.
OUTAGES = [(3, 15, 0.22), pytest.param(20, 20, 0.15, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("outage", "within", "peak"), OUTAGES)
def test_a_hundred_spokes_come_back_spread_out(outage: float, within: float, peak: float) -> None:
    outlast(Storm(100), outage, within, peak)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_five_thousand_spokes_come_back_spread_out() -> None:
    storm = Storm(5000)
    outlast(storm, 10, 20, 0.08)
    assert max(storm.load.values()) < 1000


@pytest.mark.slow
def test_spokes_that_wait_long_ask_at_times_of_their_own() -> None:
    """After five minutes without a hub they come over the whole minute that the longest retry takes."""
    storm = Storm(60, seed=3)
    storm.world.kill("HUB")
    storm.world.run_for(300)
    storm.load.clear()
    storm.world.boot("HUB", storm.scenario.configurations["HUB"])
    began = storm.world.now
    storm.world.run_for(71)
    in_ten_seconds: Counter[int] = Counter()
    for number, count in storm.load.items():
        in_ten_seconds[int((number * SLICE - began) // 10)] += count
    assert storm.registered() == storm.spokes
    assert max(in_ten_seconds.values()) <= 0.6 * storm.spokes
    assert len(in_ten_seconds) >= 4


# A hub restarts unnoticed, and a spoke talks to another one directly: what is said to it comes by the hub.


def test_a_spoke_that_talks_directly_notices_that_its_server_has_forgotten_it() -> None:
    texts = vary(Scenario.load("notes-phase3"), ("static",)).configurations
    world = World("notes-phase3", change=lambda router, _: texts[router]).converge()
    world.run_for(20)
    world.sim.kill("R11")
    world.sim.boot("R11", texts["R11"])
    world.stream("H4", "10.1.1.100", seconds=20, rate=2)
    world.stream("H3", "10.4.4.100", seconds=20, rate=2)
    before = len(world.replies("H3"))
    world.stream("H3", "10.4.4.100", seconds=5, rate=2)
    world.run_for(1)
    assert len(world.replies("H3")) - before >= 9


# A wire over a satellite is slow, and that is all: who judges it by another wire's time takes it for a broken one.


@pytest.mark.parametrize("delay", [600.0, 1250.0])
@pytest.mark.parametrize("name", ["phase2-eigrp", "notes-phase3"])
def test_a_slow_wire_loses_nothing_and_takes_nobody_off_the_direct_way(name: str, delay: float) -> None:
    """With a round trip of 1.2 s packets went by the hub every other second, and all large ones counted as lost."""
    scenario = Scenario.load(name)
    case = Case(scenario, 1)
    well = well_rows(case)
    stage = Stage.of(scenario)
    spoke = stage.actors[stage.spokes[0]]
    case.bench.impair(f"{spoke.name}:{spoke.wan}", Badness(delay=delay))
    case.wait(180)
    assert worse(case.rows(), well) == ()
    assert visit(case.examined).healthy


# A wire that drops a part of what protects a tunnel, in both versions of IKE, where no line asks for probes.

#: What shows print where there is none.
NO_SPI: Final = "0x0"
SEEDS: Final = pytest.mark.parametrize("seed", every_day_but((2, 3), (1, 2, 3)))
BOTH: Final = pytest.mark.parametrize("version", [1, 2])


@SEEDS
@BOTH
def test_where_port_4500_is_blocked_later_packets_go_without_udp_within_half_a_minute(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    cloud.drop(world, lambda packet: by_udp(packet, 4500))
    world.run_for(40)
    assert world.lacks() == []
    assert states(world, cloud.spoke)[cloud.hub] == "UP"
    assert world.stream(cloud.pinger, cloud.host, seconds=5, rate=5) == 25
    world.run_for(1)
    assert len(world.replies(cloud.pinger)) == 25


@SEEDS
@BOTH
def test_where_only_esp_is_dropped_the_sas_of_a_peer_that_lives_stay(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    before = spis(world, cloud.spoke, cloud.hub)
    cloud.drop(world, is_esp)
    world.run_for(300)
    assert spis(world, cloud.spoke, cloud.hub) == before
    assert said(world, cloud.spoke, "no ESP of it has come") == [], "it had come before"
    cloud.drop(world, lambda _: False)
    assert world.wait_until(lambda: world.lacks() == [], limit=120), world.lacks()


@SEEDS
@BOTH
def test_where_esp_never_came_the_log_names_what_may_be_dropped_once(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = World(cloud.scenario, seed=seed)
    cloud.drop(world, is_esp)
    world.run_for(300)
    assert len(said(world, cloud.spoke, f"Peer {cloud.hub} answers IKE, but no ESP of it has come")) == 1


@SEEDS
@BOTH
def test_a_peer_that_is_gone_is_given_up_within_a_minute(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    world.sim.kill(cloud.spoke)
    assert world.wait_until(lambda: set(spis(world, "HUB", cloud.address)) <= {NO_SPI}, limit=60)


# A spoke whose NBMA address changes under it: registered from the new one at once, or refused while the old one lives.
#
# Scenario notes-phase3; R31's address is a lease of the host (`ip address dhcp`), and the provider takes any of
# 172.16.31.0/24 on the link to it.

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
