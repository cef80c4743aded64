"""What a lab remembers of its lesson, and how two examinations are compared; a lab that is written down."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import Scenario, described, from_description
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.wallclock import LONGEST, MOST_BEHIND, SLICE, FollowedClock
from dmvpn.tools import answers
from dmvpn.tools.lessons import Check, Health, Lesson, examine, forget, grade
from dmvpn.tools.saving import save
from dmvpn.tools.troubles import TROUBLES, trouble
from dmvpn.tools.troubles.faults import Fault
from dmvpn.tools.troubles.stage import Stage
from dmvpn.web.lab_events import MOST_ASKED, Counted, Passed, Traffic, rows
from support.films import NODE, dots, flows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dmvpn.shells.lab.badness import Badness
    from dmvpn.shells.lab.control import Json

STAGE = Stage.of(Scenario.load("notes-phase3"))
WELL = Health({(Check.REACH, "a"): 1, (Check.PATH, "a"): 2, (Check.RUNNING, "R1"): 1, (Check.LARGE, "a"): 0})


def bad(now: dict[tuple[Check, str], int]) -> list[str]:
    return [str(verdict) for verdict in grade(WELL, Health(now)) if not verdict.is_good]


def test_what_was_good_must_be_good_and_what_was_not_need_not() -> None:
    assert bad(dict(WELL.found)) == []
    assert bad({**WELL.found, (Check.LARGE, "a"): 1}) == []
    assert bad({**WELL.found, (Check.REACH, "a"): 0}) == ["a is reached"]


def test_what_was_bad_before_is_nobodys_task() -> None:
    assert {verdict.check for verdict in grade(WELL, WELL)} == {Check.REACH, Check.PATH, Check.RUNNING}


def test_what_is_not_there_any_more_is_bad() -> None:
    assert bad({}) == ["a is reached", "a is reached by the short way: no hops, and it was 2", "R1 runs"]


@pytest.mark.parametrize(("hops", "is_bad"), [(1, False), (2, False), (3, True), (0, True)])
def test_a_path_may_become_shorter_and_not_longer(hops: int, is_bad: bool) -> None:
    assert bool(bad({**WELL.found, (Check.PATH, "a"): hops})) == is_bad


def test_a_health_is_written_and_read() -> None:
    assert Health.loads(WELL.dumps()) == WELL
    for text in ("", '[["NOTHING", "a", 1]]', "[1]"):
        with pytest.raises(UserError, match="cannot be read"):
            Health.loads(text)


def test_a_lesson_is_remembered_for_the_owner_alone_without_the_name_of_the_trouble(tmp_path: Path) -> None:
    assert Lesson.read(tmp_path) is None
    for known in TROUBLES:
        Lesson.begin(Fault(known, STAGE, ()), WELL, {"R1": "hostname R1\n"}, "it is slow").write(tmp_path)
        (path,) = tmp_path.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert known.id not in path.read_text()
        lesson = Lesson.read(tmp_path)
        assert lesson is not None
        assert lesson.trouble is known
        assert lesson.health == WELL
    forget(tmp_path)
    assert Lesson.read(tmp_path) is None


def test_hints_are_counted(tmp_path: Path) -> None:
    Lesson.begin(Fault(trouble("psk"), STAGE, ()), WELL, {}, "").hinted().hinted().write(tmp_path)
    lesson = Lesson.read(tmp_path)
    assert lesson is not None
    assert lesson.hints == 2


@pytest.mark.parametrize("text", ["", "[]", '{"salt": ""}'])
def test_a_lesson_that_cannot_be_read_says_how_to_begin_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "lesson.json").write_text(text)
    with pytest.raises(UserError, match="lab reset"):
        Lesson.read(tmp_path)


def test_a_trouble_that_does_not_exist_says_where_all_are() -> None:
    with pytest.raises(UserError, match="lab break --list"):
        trouble("rain")


class Asked:
    """A bench whose routers have one EIGRP neighbor each, for as long as is said, and nothing else."""

    def __init__(self, uptime: str) -> None:
        self.uptime = uptime
        self.waited = 0.0

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """An answer about EIGRP."""
        neighbor = {"address": "10.0.0.1", "interface": "Tunnel0", "uptime": self.uptime, "state": "up"}
        answer = json.dumps({"tables": [{"neighbors": [neighbor]}]})
        return [answer if "eigrp" in line else "" for _, line in questions]

    def wait(self, seconds: float) -> None:
        """Time passes, and the neighbor is as young as before."""
        self.waited += seconds

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Nobody does that here."""
        raise NotImplementedError

    def impair(self, link: str, badness: Badness) -> None:
        """Nobody does that here."""
        raise NotImplementedError

    def kill(self, router: str) -> None:
        """Nobody does that here."""
        raise NotImplementedError

    def set_nat(self, gateway: str, kind: str) -> None:
        """Nobody does that here."""
        raise NotImplementedError


@pytest.mark.parametrize(
    ("uptime", "lasts"), [("00:00:05", False), ("00:00:13", True), ("01:00:00", True), ("1d02h", True)]
)
def test_a_neighbor_counts_when_it_has_lasted(uptime: str, lasts: bool) -> None:
    stage = Stage.of(Scenario.load("notes-phase3"))
    neighbor = (Check.ADJACENCY, "R31: 10.0.0.1 on Tunnel0")
    assert examine(Asked(uptime), stage).found[neighbor] == 1, "of a lab that just came up nothing is held against it"
    bench = Asked(uptime)
    assert examine(bench, stage, Health({neighbor: 1})).found[neighbor] == lasts


class Comes(Asked):
    """The neighbor is there again since a second ago, from the second question on."""

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """The first time nobody is there."""
        if not self.uptime:
            self.uptime = "there soon"
            return [""] * len(questions)
        self.uptime = f"00:00:{int(1 + self.waited):02}"
        return super().ask(questions)


def test_who_comes_back_while_it_is_graded_gets_the_time_to_last() -> None:
    neighbor = (Check.ADJACENCY, "R31: 10.0.0.1 on Tunnel0")
    stage = Stage.of(Scenario.load("notes-phase3"))
    assert examine(Comes(""), stage, Health({neighbor: 1})).found[neighbor] == 1


# ---------------------------------------------------------------------------------------------------- save


def status(impaired: dict[str, Json]) -> Json:
    return {"links": ["wire0", "wire1", "wire2", "h1", "h2", "h3"], "impaired": impaired}


def test_a_lab_that_was_saved_is_the_same_lab(tmp_path: Path) -> None:
    scenario = Scenario.load("notes-phase3")
    folder = tmp_path / "new" / "lab"
    folder.mkdir(0o755, parents=True)
    running = {**scenario.configurations, "R31": "hostname R31\n! changed\nend\n"}
    impaired: dict[str, Json] = {"wire1": {"delay": 5.0, "loss": 1.5, "rate": 64.0, "cut": 0.0}}
    assert save(scenario, running, status(impaired), folder) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    again = Scenario.load(str(folder))
    assert again.configurations == running
    assert again.lab.hosts == scenario.lab.hosts
    assert again.lab.ready == scenario.lab.ready
    assert {name: again.role(name) for name in running} == {name: scenario.role(name) for name in running}
    assert [(link.ends, link.delay, link.loss, link.rate) for link in again.lab.links][1] == (
        scenario.lab.links[1].ends,
        5.0,
        1.5,
        64,
    )


def test_gateways_and_needs_are_saved_too(tmp_path: Path) -> None:
    scenario = Scenario.load("ipsec-both-behind-nat")
    links = [f"wire{number}" for number, _ in enumerate(scenario.segments())]
    assert save(scenario, scenario.configurations, {"links": list(links), "impaired": {}}, tmp_path / "lab") == []
    assert Scenario.load(str(tmp_path / "lab")).lab == scenario.lab


def test_what_a_lab_file_cannot_say_is_said(tmp_path: Path) -> None:
    scenario = Scenario.load("notes-phase3")
    impaired: dict[str, Json] = {
        "wire0": {"block": ["esp"]},
        "wire1": {"loss": 100.0, "sender": "R31"},
        "wire2": {"cut": 1.0},
        "h1": {"delay": 3.0},
    }
    dead = {name: text for name, text in scenario.configurations.items() if name != "R41"}
    notes = save(scenario, dead, status(impaired), tmp_path / "lab")
    assert notes == [
        "wire0: block esp",
        "wire1: loss 100 from R31",
        "wire2: cut",
        "h1: delay 3: a host's wire is always good in lab.yaml",
        "what R41 runs: it does not answer; its configuration is that of the scenario",
    ]
    assert Scenario.load(str(tmp_path / "lab")).lab == scenario.lab


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    with pytest.raises(UserError, match="not empty"):
        save(Scenario.load("notes-phase3"), {}, status({}), tmp_path)
    assert (tmp_path / "R1.cfg").read_text() == "hostname R1\n"


def test_a_running_lab_describes_its_scenario_to_who_asks() -> None:
    scenario = Scenario.load("ipsec-spoke-behind-nat")
    again = from_description(described(scenario))
    assert (again.name, again.lab, again.configurations) == (scenario.name, scenario.lab, scenario.configurations)
    with pytest.raises(UserError, match="description of the running lab cannot be read"):
        from_description({"name": "x"})


# The time of a simulated lab follows the machine's, as far as the machine can.


class Machine:
    """A clock, and a simulation that has an event each millisecond, of which each takes the machine some time."""

    def __init__(self, cost: float) -> None:
        self.time = 100.0
        self.now = 0.0
        self._cost = cost

    def clock(self) -> float:
        """Return the machine's time."""
        return self.time

    def run_until(self, time: float, is_enough: Callable[[], bool] | None = None) -> None:
        """Simulate."""
        while self.now < time:
            self.time += self._cost
            self.now = min(time, self.now + 0.001)
            if is_enough is not None and is_enough():
                break

    def next_event(self) -> float | None:
        """Return the next millisecond."""
        return self.now + 0.001


def test_a_quick_simulation_is_at_the_time_of_the_machine() -> None:
    machine = Machine(cost=0.0)
    clock = FollowedClock(machine, machine.clock)
    machine.time += 3600.0
    clock.catch_up()
    assert abs(machine.now - 3600.0) < 0.01
    assert abs((clock.due() or 0.0) - machine.time) < 0.01


def test_a_simulation_that_is_too_slow_leaves_the_machine_time_for_keys_and_falls_behind() -> None:
    """A ping with many repeats kept a simulated lab busy for half a minute at a time: Ctrl-Shift-6 had to wait."""
    machine = Machine(cost=0.002)
    clock = FollowedClock(machine, machine.clock)
    for _ in range(100):
        begun = machine.time
        machine.time += 0.05
        clock.catch_up()
        assert machine.time - begun < 0.05 + LONGEST + 0.05
    assert (clock.due() or 0.0) > machine.time - MOST_BEHIND - 0.1


def test_a_moment_at_which_many_routers_act_is_not_simulated_in_one_go() -> None:
    world = Simulator(seed=1)
    done: list[int] = []
    machine = Machine(cost=0.0)

    def act() -> None:
        done.append(1)
        machine.time += 0.005

    for _ in range(100):
        world.after(0.5, act)
    clock = FollowedClock(world, machine.clock)
    machine.time += 0.5
    clock.catch_up()
    assert len(done) * 0.005 <= LONGEST + 0.005
    for _ in range(100):
        clock.catch_up()
    assert len(done) == 100


def test_a_leap_is_made_in_slices_and_the_time_goes_on_from_there() -> None:
    machine = Machine(cost=0.002)
    clock = FollowedClock(machine, machine.clock)
    begun, slices = machine.time, 0
    for share in clock.leap(3.0):
        assert machine.now == pytest.approx(3.0 * share)
        assert machine.time - begun < SLICE + 0.05, "requests wait for as long"
        clock.catch_up()
        assert machine.now == pytest.approx(3.0 * share), "the clock stands while it is set"
        assert clock.due() is None
        begun, slices = machine.time, slices + 1
    assert slices > 50
    assert machine.now == 3.0
    assert abs((clock.due() or 0.0) - machine.time) < 0.01


def test_a_leap_of_a_month_that_is_given_up_ends_where_it_is() -> None:
    """Nobody could end a lab whose clock a student had set a month ahead before leaving it."""
    machine = Machine(cost=0.002)
    clock = FollowedClock(machine, machine.clock)
    leap = clock.leap(30 * 86400.0)
    assert 0.0 < next(leap) < 0.01
    leap.close()
    reached = machine.now
    clock.catch_up()
    assert machine.now == pytest.approx(reached)
    assert abs((clock.due() or 0.0) - machine.time) < 0.01


# What lessons and exercises read in the answers of routers, and in those that nobody gave.


def _neighbor(**values: str) -> str:
    row = {"address": "10.0.0.1", "interface": "Tunnel0", "uptime": "00:01:05", "state": "up", **values}
    return json.dumps({"tables": [{"neighbors": [row, None]}, 7]})


def test_a_neighbor_has_its_age_in_seconds() -> None:
    (found,) = answers.neighbors(_neighbor())
    assert found == answers.NeighborRow("10.0.0.1", "Tunnel0", is_up=True, age=65.0)


@pytest.mark.parametrize(
    ("uptime", "steady"), [("00:00:12", False), ("00:00:13", True), ("1d02h", True), ("never", True), ("", True)]
)
def test_who_has_been_there_for_longer_than_a_clock_shows_is_steady(uptime: str, steady: bool) -> None:
    (found,) = answers.neighbors(_neighbor(uptime=uptime))
    assert found.is_steady is steady


@pytest.mark.parametrize("answer", ["", "% Invalid input", "[]", "3", '{"tables": 3, "tunnels": {}}', "null"])
def test_an_answer_that_is_no_table_has_no_rows(answer: str) -> None:
    assert list(answers.neighbors(answer)) == []
    assert list(answers.servers(answer)) == []


def test_a_server_is_registered_with_or_says_why_not() -> None:
    rows = [{"address": "10.0.0.1", "letters": "RE"}, {"address": "10.0.0.2", "letters": "E", "reason": "no reply"}]
    found = answers.servers(json.dumps({"tunnels": [{"tunnel": "Tunnel0", "servers": rows}]}))
    assert [(one.address, one.is_registered, one.reason) for one in found] == [
        ("10.0.0.1", True, ""),
        ("10.0.0.2", False, "no reply"),
    ]


def test_packets_are_counted_as_the_router_prints_them() -> None:
    assert answers.rate("!!.!!\nSuccess rate is 80 percent (4/5), round-trip ...") == 80
    assert answers.rate("") == 0
    assert answers.hops("Tracing\n  1 10.0.0.1 0 msec\n  2 *\n 10 10.4.4.100 1 msec\n") == [
        "10.0.0.1",
        "*",
        "10.4.4.100",
    ]
    assert answers.ping("10.1.1.1", "10.2.2.2") == "ping 10.1.1.1 source 10.2.2.2"


# The traffic of a lab: rates between two answers of a router, and the dots that the page makes of rates.

PEER = ("Tunnel0", "192.0.2.1")
with_node = pytest.mark.skipif(NODE is None, reason="no node")


def answer(now: float, sent: tuple[int, int], received: tuple[int, int]) -> Counted:
    """What a router has counted of one peer: packets and octets."""
    return Counted(now, {PEER: (Passed(*sent), Passed(*received))})


def test_a_rate_is_what_passed_between_two_answers_for_each_second() -> None:
    before, after = answer(10.0, (100, 9000), (40, 4000)), answer(12.0, (120, 14000), (41, 4100))
    assert rows("R1", before, after) == [
        {
            "router": "R1",
            "interface": "Tunnel0",
            "nbma": "192.0.2.1",
            "out": 10.0,
            "in": 0.5,
            "bits_out": 20_000,
            "bits_in": 400,
        }
    ]


def test_a_peer_without_packets_has_no_row() -> None:
    assert rows("R1", answer(10.0, (100, 9000), (40, 4000)), answer(11.0, (100, 9000), (40, 4000))) == []


def test_counters_of_a_tunnel_that_was_made_again_begin_at_zero() -> None:
    (row,) = rows("R1", answer(10.0, (100, 9000), (40, 4000)), answer(11.0, (7, 700), (3, 300)))
    assert (row["out"], row["in"], row["bits_out"], row["bits_in"]) == (7.0, 3.0, 5600, 2400)


def test_packets_of_a_new_tunnel_that_are_larger_than_the_old_ones_begin_at_zero_as_well() -> None:
    (row,) = rows("R1", answer(10.0, (100, 9000), (0, 0)), answer(11.0, (7, 9800), (0, 0)))
    assert (row["out"], row["bits_out"]) == (7.0, 78_400)


def test_a_router_of_a_large_lab_has_its_turn_after_all_others() -> None:
    assert Traffic([f"R{number}" for number in range(MOST_ASKED)]).period == 1
    assert Traffic([f"R{number}" for number in range(MOST_ASKED + 1)]).period == 2


def test_few_routers_are_asked_for_their_traffic_at_the_same_time(tmp_path: Path) -> None:
    open_now, most = 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        for _ in range(5):
            await asyncio.sleep(0)
        open_now -= 1
        writer.close()

    async def ask() -> None:
        async with await asyncio.start_unix_server(serve, tmp_path / "routers"):
            names = [f"R{number}" for number in range(MOST_ASKED)]
            assert await Traffic(names).rates(dict.fromkeys(names, tmp_path / "routers")) == []

    asyncio.run(ask())
    assert 0 < most <= 4


@with_node
def test_both_ends_count_a_flow_and_the_larger_numbers_are_shown() -> None:
    rates = [
        {"router": "A", "nbma": "192.0.2.2", "out": 9, "in": 0, "bits_out": 7200, "bits_in": 0},
        {"router": "B", "nbma": "192.0.2.1", "out": 0, "in": 10, "bits_out": 0, "bits_in": 8000},
    ]
    found = flows(rates, {"192.0.2.1": "A", "192.0.2.2": "B"})
    assert found == [{"from": "A", "to": "B", "rate": 10, "bits": 8000, "kbit": "8.0"}]


@with_node
def test_more_packets_are_more_and_faster_dots() -> None:
    found = dots([{"from": "A", "to": "B", "rate": 1}, {"from": "C", "to": "D", "rate": 1000}])
    assert found["ways"]["A B"] < found["ways"]["C D"]
    assert found["far"]["A B"] < found["far"]["C D"]


@with_node
def test_a_map_of_thousands_of_routers_has_a_bounded_number_of_dots() -> None:
    found = dots([{"from": f"R{number}", "to": "HUB", "rate": 10_000} for number in range(4000)])
    assert found["count"] <= 1500
