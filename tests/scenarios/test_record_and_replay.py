"""A recorded life is lived again, to the last octet; one seed gives one world, however Python hashes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet
from dmvpn.base.recording import Recorder, load
from dmvpn.base.shell import NO_PLANE
from dmvpn.features.system import SystemMachine
from dmvpn.ios import CliError
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.tools.replaying import live_again
from support.command import dmvpn, dmvpn_here
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.router.router import Router

SHOWS = (
    "show dmvpn detail",
    "show ip nhrp detail",
    "show ip nhrp traffic detail",
    "show ip route",
    "show ip cef",
    "show ip eigrp neighbors",
    "show interfaces",
    "show running-config",
    "show logging",
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dmvpn simulate notes-phase3 --seed 7 --record FILE`."""
    path = tmp_path_factory.mktemp("recording") / "life.jsonl"
    result = dmvpn("simulate", "notes-phase3", "--seed", "7", "--record", path)
    assert result.returncode == 0, result.stderr
    return path


def shown(router: Router, command: str, now: float) -> list[str]:
    """What a show command prints on a router."""
    match = exec_parser(FEATURES).match(command)
    assert not isinstance(match, CliError)
    return list(match.lines(router.context(now)))


# ---------------------------------------------------------------------------------------------------------- simulate


def test_a_simulation_says_that_all_went_direct_and_nothing_was_lost() -> None:
    result = dmvpn_here("simulate", "notes-phase3")
    assert result.returncode == 0
    assert "1 of 1 spoke pairs went direct; 0 of 5 packets lost" in result.stdout


@pytest.mark.parametrize("name", ["notes-gre", "notes-phase1"])
def test_a_scenario_in_which_nobody_can_go_direct_is_no_failure(name: str) -> None:
    result = dmvpn_here("simulate", name)
    assert result.returncode == 0, result.stderr
    assert "0 of 0 spoke pairs went direct" in result.stdout


def test_one_seed_is_one_world_under_two_hash_seeds(tmp_path: Path) -> None:
    results = []
    for hash_seed in ("1", "4242"):
        path = tmp_path / hash_seed
        environment = {"PYTHONHASHSEED": hash_seed}
        result = dmvpn("simulate", "notes-phase3", "--seed", "7", "--record", path, environment=environment)
        results.append((result.stdout.rpartition(" ")[2], path.read_bytes()))
    assert results[0] == results[1]


def test_two_seeds_are_two_worlds() -> None:
    digests = [dmvpn_here("simulate", "notes-phase3", "--seed", seed).stdout.rpartition(" ")[2] for seed in ("7", "8")]
    assert digests[0] != digests[1]


# ------------------------------------------------------------------------------------------------------------ replay


def test_replay_does_what_was_recorded(recording: Path) -> None:
    result = dmvpn_here("replay", recording)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("4 routers, ")
    assert result.stdout.endswith(" seconds: as recorded\n")


def test_replay_shows_what_the_live_run_showed() -> None:
    """With traffic, a ping, a change of the configuration, and a hub that dies and begins again."""
    written: list[str] = []
    world = World("notes-phase3", seed=3, record=written.append).converge()
    world.stream("H3", "10.4.4.100", seconds=1, rate=20)
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.configure("R41", "interface Tunnel100", "ip nhrp holdtime 600", "end")
    world.sim.kill("R11")
    world.run_for(30)
    world.sim.boot("R11", world.scenario.configurations["R11"])
    world.converge()
    world.run_for(10)
    lives = live_again("".join(written).splitlines())
    assert set(lives) == {"R11", "R31", "R41", "TRANSPORT"}
    for name, life in lives.items():
        assert life.differences == []
        assert life.router is not None
        live = world.sim.routers[name].router
        live.counting = NO_PLANE  # a recorded life has none: its counters are the last ones that the router was told
        for command in SHOWS:
            assert shown(life.router, command, world.now) == shown(live, command, world.now), (name, command)


def test_replay_shows_one_router_on_the_command_line(recording: Path) -> None:
    result = dmvpn_here("replay", recording, "--show", "show dmvpn detail", "--router", "R31")
    assert result.returncode == 0, result.stderr
    head, command, *printed = result.stdout.splitlines()
    assert head.startswith("1 routers, ")
    assert command == "R31#show dmvpn detail"
    life = live_again(recording.read_text().splitlines(), "R31")["R31"]
    assert life.router is not None
    assert printed == shown(life.router, "show dmvpn detail", life.last)
    assert any("DT2        10.4.4.0/24" in line for line in printed)


def test_replay_names_the_first_thing_that_was_done_otherwise(recording: Path, tmp_path: Path) -> None:
    lines = recording.read_text().splitlines()
    number = next(number for number, line in enumerate(lines) if '"R31"' in line and "NhrpReceived" in line)
    lines[number + 1] = re.sub(r'"did":"\w+"', '"did":"0"', lines[number + 1])
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text("\n".join(lines))
    result = dmvpn_here("replay", damaged)
    assert result.returncode == 1
    assert result.stdout.endswith(": 1 differences or faults\n")
    assert re.fullmatch(r"R31 at \d+\.\d+, told NhrpReceived: not what it did when it was recorded\n", result.stderr)


def test_replay_says_who_draws_other_random_numbers_than_recorded(recording: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(re.sub(r'"drew":"\w+"', '"drew":""', recording.read_text()))
    result = dmvpn_here("replay", damaged)
    assert result.returncode == 1
    assert re.match(r"dmvpn: R\d+ at \d+\.\d+, told \w+: more random numbers are drawn", result.stderr)


def test_a_recorded_fault_happens_again_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: SystemMachine, event: object, now: float) -> list[Effect | Notice]:
        raise ZeroDivisionError("a fault of ours")

    written: list[str] = []
    recorder = Recorder("R1", written.append)
    recorder.begin(SeededEntropy(1))
    recorder.event(ClockSet(0.0), 1.5)
    recorder.fault()
    monkeypatch.setattr(SystemMachine, "handle", fail)
    (difference,) = live_again(written)["R1"].differences
    assert difference.startswith("R1 at 1.500000, told ClockSet: the recorded fault happens again\n")
    assert difference.endswith("ZeroDivisionError: a fault of ours\n")


def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path) -> None:
    tick = '{"router":"R1","t":0,"event":"Tick","fields":{}}'
    for text in ("hello", "{}", tick.replace("Tick", "os.system"), tick):
        path = tmp_path / "nonsense"
        path.write_text(text)
        result = dmvpn_here("replay", path)
        assert result.returncode == 1
        assert result.stderr.startswith("dmvpn: ")
        assert len(result.stderr.splitlines()) == 1


def test_a_recording_is_for_its_owner_alone(recording: Path) -> None:
    assert recording.stat().st_mode & 0o077 == 0
    assert all(load(line) for line in recording.read_text().splitlines())
