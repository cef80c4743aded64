"""The film of a recording has what its routers reported at every moment, although each of them forgets."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.base.chronicle import LONGEST_CONTENTS
from dmvpn.base.errors import UserError
from dmvpn.face.messages import WATCH_TOPICS, Watch
from dmvpn.face.protocol import message_to_plain
from dmvpn.face.watching import Watching
from dmvpn.features.chronicle import machine as chronicle
from dmvpn.labs import films
from dmvpn.labs.films import WHOLE, Part, recording_film
from dmvpn.labs.replayed import ReplayedRouter, frozen_handle
from dmvpn.tools.replaying import live_again, moments
from support.films import NODE, played
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

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
    sizes = [len(line.get("contents", "")) for line in told]
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
