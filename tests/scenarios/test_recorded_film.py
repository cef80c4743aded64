"""The film of a recording has what its routers reported at every moment, although each of them forgets."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.base.chronicle import LONGEST_CONTENTS
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.events import ClockSet
from dmvpn.base.recording import Recorder, load
from dmvpn.base.shell import NO_PLANE
from dmvpn.face.messages import WATCH_TOPICS, Watch
from dmvpn.face.protocol import message_to_plain
from dmvpn.face.watching import Watching
from dmvpn.features.chronicle import machine as chronicle
from dmvpn.features.system import SystemMachine
from dmvpn.ios import CliError
from dmvpn.labs import films
from dmvpn.labs.films import WHOLE, Part, recording_film
from dmvpn.labs.replayed import ReplayedRouter, frozen_handle
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.tools.replaying import live_again, moments
from support.command import dmvpn, dmvpn_here
from support.films import NODE, played
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.router.router import Router

needs_node = pytest.mark.skipif(not NODE, reason="no node: scripts/debian-packages interop")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a network whose spokes register every other second; a spoke dies and comes back."""
    written: list[str] = []
    world = World("notes-phase3", seed=3, record=written.append).converge()
    for router in ("R31", "R41"):
        world.configure(router, "interface Tunnel100", "ip nhrp registration timeout 2", "end")
    world.run_for(300)
    world.sim.kill("R41")
    world.run_for(60)
    world.sim.boot("R41", world.scenario.configurations["R41"])
    world.converge()
    world.run_for(240)
    path = tmp_path_factory.mktemp("film") / "life.rec"
    path.write_text("".join(written))
    return path


def film_of(path: Path, part: Part = WHOLE) -> dict[str, Any]:
    return recording_film(path, part)


def lines(film: dict[str, Any], router: str) -> list[dict[str, Any]]:
    return [line for news in film["news"] if news["router"] == router for line in news.get("lines", ())]


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Routers keep fewer lines than the recording has."""
    monkeypatch.setattr(chronicle, "LARGEST_MESSAGES", 100)
    monkeypatch.setattr(chronicle, "LARGEST_CHANGES", 100)
    monkeypatch.setattr(chronicle, "LARGEST_READABLE", 70)


@pytest.mark.usefixtures("short_memory")
def test_a_film_begins_at_the_beginning_although_routers_have_forgotten_it(recording: Path) -> None:
    film = film_of(recording)
    told = lines(film, "R31")
    messages = [line for line in told if "way" in line]
    assert len(messages) > 200
    assert told[0]["time"] == min(line["time"] for line in told)
    assert "configuration" in [line.get("topic") for line in told[:20]]
    assert [line["time"] for line in told] == sorted(line["time"] for line in told)
    assert "notes" not in film


@pytest.mark.usefixtures("short_memory")
def test_each_message_of_a_long_film_has_its_fields_from_one_of_its_ends(recording: Path) -> None:
    film = film_of(recording)
    every = [line for router in ("R11", "R31", "R41") for line in lines(film, router) if "way" in line]
    readable = {line["mark"] for line in every if "contents" in line}
    assert {line["mark"] for line in every} == readable
    assert sum("contents" in line for line in every) < 0.6 * len(every)


@needs_node
def test_a_router_that_was_killed_and_started_is_gone_and_then_begins_again(recording: Path) -> None:
    film = film_of(recording)
    (last,) = played(film, "last")
    about = [step for step in last["steps"] if step.get("topic") == "router" and step["router"] == "R41"]
    assert [step["sign"] for step in about] == ["-", "+"]
    gone, back = (step["time"] for step in about)
    assert 55 < back - gone < 70
    before, dead, after = played(film, gone - 1, gone + 30, "last")

    def condition(moment: dict[str, Any]) -> str:
        (tunnel,) = (each for each in moment["tunnels"] if {each["here"], each["there"]} == {"R11", "R41"})
        return str(tunnel["condition"])

    assert [condition(before), condition(dead), condition(after)] == ["registered", "broken", "registered"]


def test_a_router_that_was_killed_for_good_is_gone_in_its_film(tmp_path: Path) -> None:
    written: list[str] = []
    world = World("notes-phase3", seed=3, record=written.append).converge()
    world.sim.kill("R41")
    world.run_for(10)
    (tmp_path / "life.rec").write_text("".join(written))
    film = film_of(tmp_path / "life.rec")
    assert [news["router"] for news in film["news"] if news.get("gone")] == ["R41"]
    assert "R41" in [node["name"] for node in film["stage"]["nodes"]]


@needs_node
def test_a_part_of_a_recording_begins_with_the_state_of_its_first_moment(recording: Path) -> None:
    whole, part = film_of(recording), film_of(recording, Part(100.0, 200.0))
    (last,) = played(whole, "last")
    begins = part["begins"]
    assert isinstance(begins, float)
    inside = [step["time"] for step in last["steps"] if begins <= step["time"]]
    first, end = played(part, "first", "last")
    assert first["time"] == min(inside)
    assert 95 < end["time"] - begins <= 100
    assert first["tunnels"] == played(whole, first["time"])[0]["tunnels"]


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        (Part(99_999.0), "--from 99999 is behind its end"),
        (Part(20.0, 10.0), "--until 10 is not after --from 20"),
        (Part(0.0, 0.0), "--until 0 is not after --from 0"),
    ],
)
def test_a_part_that_has_nothing_is_refused(recording: Path, part: Part, problem: str) -> None:
    """The film was an empty page."""
    with pytest.raises(UserError, match=problem):
        film_of(recording, part)


def test_a_recording_whose_last_line_was_cut_off_has_a_film_of_all_other_lines(recording: Path, tmp_path: Path) -> None:
    """A router that is killed, or still writes, leaves half a line."""
    *whole, last = recording.read_text().splitlines(keepends=True)
    cut, expected = tmp_path / "life.rec", tmp_path / "whole.rec"
    cut.write_text("".join([*whole, last[:-20]]))
    expected.write_text("".join(whole))
    assert film_of(cut)["news"] == film_of(expected)["news"]


def test_a_line_that_is_no_json_within_a_recording_is_an_error(recording: Path, tmp_path: Path) -> None:
    first, second, *_ = recording.read_text().splitlines(keepends=True)
    broken = tmp_path / "life.rec"
    broken.write_text(f"{first}{second[:-20]}\n{second}")
    with pytest.raises(UserError, match=r":2: not a line of a recording"):
        film_of(broken)


def test_a_film_that_would_be_too_long_ends_with_a_note(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MOST_LINES", 150)
    film = film_of(recording)
    (note,) = film["notes"]
    count = sum(len(news.get("lines", ())) for news in film["news"])
    assert 150 <= count < 400
    assert "the film ends at " in note
    since = float(note.partition("--from ")[2].split()[0])
    follows = film_of(recording, Part(since))
    assert follows["begins"] is not None


def test_fields_beyond_the_room_of_a_film_are_left_out_with_a_note(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(films, "MOST_FIELDS", 5_000)
    film = film_of(recording)
    (note,) = film["notes"]
    assert note.startswith("messages after ")
    told = [line for router in ("R11", "R31", "R41") for line in lines(film, router) if "way" in line]
    sizes = [len(line.get("contents", "") + line.get("octets", "")) for line in told]
    assert 5_000 < sum(sizes) < 5_000 + LONGEST_CONTENTS


#: Secrets of `intro-phase3`, as text and in base 16 and 64; and one that a user enters while it runs.
SECRETS = ("NHRPSEC", "DMVPN_KEY", "N3WSECR1")


def spelled(secret: str) -> set[str]:
    octets = secret.encode()
    return {
        secret,
        octets.hex(),
        octets.hex().upper(),
        octets.hex(" ").upper(),
        base64.b64encode(octets).decode().rstrip("="),
    }


def test_no_secret_is_in_a_film_nor_in_what_the_role_view_may_follow() -> None:
    """The page, the API and a film of a lab send what `Watching` gives, and ask for no privilege."""
    written: list[str] = []
    world = World("intro-phase3", seed=3, record=written.append)
    world.sim.remembers = True
    for router in ("HUB", "SPOKE10", "SPOKE20"):
        world.do(router, "enable", "debug nhrp packet", "debug nhrp extension", "debug crypto ikev2 packet")
    world.converge()
    world.configure("SPOKE10", "interface Tunnel0", "ip nhrp authentication N3WSECR1", "end")
    world.do("SPOKE10", "ping 192.168.20.1 source 192.168.10.1")
    world.run_for(400)
    assert all(any(spelling in "".join(written) for spelling in spelled(secret)) for secret in SECRETS)
    whole = films.RecordedNews()
    for life in moments("".join(written).splitlines()):
        whole.take(life)
    whole.finish()
    texts = [json.dumps(whole.news)]
    for life in live_again("".join(written).splitlines()).values():
        assert life.router is not None
        handle = frozen_handle(life.router, ReplayedRouter(life.router, life.last).now)
        watching = Watching(handle, Watch("", WATCH_TOPICS))
        while (news := watching.news()) is not None:
            texts.append(json.dumps(message_to_plain(news)))
    text = "\n".join(texts)
    assert "a password, which is hidden here" in text
    assert "type:Cleartext(1), data:(hidden, 8 octets)" in text
    found = [secret for secret in SECRETS for spelling in spelled(secret) if spelling in text]
    assert found == []


# A recorded life is lived again, to the last octet; one seed gives one world, however Python hashes.

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
def replayable(tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def test_replay_does_what_was_recorded(replayable: Path) -> None:
    result = dmvpn_here("replay", replayable)
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


def test_replay_shows_one_router_on_the_command_line(replayable: Path) -> None:
    result = dmvpn_here("replay", replayable, "--show", "show dmvpn detail", "--router", "R31")
    assert result.returncode == 0, result.stderr
    head, command, *printed = result.stdout.splitlines()
    assert head.startswith("1 routers, ")
    assert command == "R31#show dmvpn detail"
    life = live_again(replayable.read_text().splitlines(), "R31")["R31"]
    assert life.router is not None
    assert printed == shown(life.router, "show dmvpn detail", life.last)
    assert any("DT2        10.4.4.0/24" in line for line in printed)


def test_replay_names_the_first_thing_that_was_done_otherwise(replayable: Path, tmp_path: Path) -> None:
    lines = replayable.read_text().splitlines()
    number = next(number for number, line in enumerate(lines) if '"R31"' in line and "NhrpReceived" in line)
    lines[number + 1] = re.sub(r'"did":"\w+"', '"did":"0"', lines[number + 1])
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text("\n".join(lines))
    result = dmvpn_here("replay", damaged)
    assert result.returncode == 1
    assert result.stdout.endswith(": 1 differences or faults\n")
    assert re.fullmatch(r"R31 at \d+\.\d+, told NhrpReceived: not what it did when it was recorded\n", result.stderr)


def test_replay_says_who_draws_other_random_numbers_than_recorded(replayable: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(re.sub(r'"drew":"\w+"', '"drew":""', replayable.read_text()))
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


def test_a_recording_is_for_its_owner_alone(replayable: Path) -> None:
    assert replayable.stat().st_mode & 0o077 == 0
    assert all(load(line) for line in replayable.read_text().splitlines())
