"""`dmvpn lab film`: what happened in a lab, as a file that plays it, by node and in Chromium."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.app.main import main
from support.browser import CHROMIUM, DRIVER, Browser
from support.films import NODE, film_in, played
from support.labs import Labs

if TYPE_CHECKING:
    from pathlib import Path

needs_node = pytest.mark.skipif(not NODE, reason="no node: scripts/debian-packages interop")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The film of a lab in which two spokes have talked, and that of its recording."""
    folder = tmp_path_factory.mktemp("films")
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated", "--record", folder / "life.rec")
        labs.say("lab", "exec", "H3", "ping", "-c", "3", "10.4.4.100")
        labs.say("lab", "film", "--output", folder / "lab.html")
        labs.say("lab", "down", "notes-phase3")
        labs.say("lab", "film", folder / "life.rec", "--output", folder / "recording.html")
    return {"lab": folder / "lab.html", "recording": folder / "recording.html"}


def conditions(moment: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(*sorted((each["here"], each["there"])),): each["condition"] for each in moment["tunnels"]}


@needs_node
@pytest.mark.parametrize("kind", ["lab", "recording"])
def test_a_film_shows_spokes_that_register_and_then_a_shortcut(files: dict[str, Path], kind: str) -> None:
    film = film_in(files[kind].read_text())
    first, last = played(film, "first", "last")
    assert set(conditions(first).values()) <= {"none", "registering"}
    assert conditions(last) == {
        ("R11", "R31"): "registered",
        ("R11", "R41"): "registered",
        ("R31", "R41"): "direct",
    }
    redirect = next(step for step in last["steps"] if step.get("name") == "Traffic Indication")
    (before,) = played(film, redirect["time"] - 0.001)
    assert ("R31", "R41") not in conditions(before)
    assert conditions(before)["R11", "R31"] == "registered"


@needs_node
def test_both_ends_of_a_message_are_one_arrow_of_the_ladder(files: dict[str, Path]) -> None:
    (last,) = played(film_in(files["lab"].read_text()), "last")
    arrows = [step for step in last["steps"] if step["type"] == "arrow" and step["arrived"]]
    asked = [(step["sender"], step["receiver"]) for step in arrows if step["name"] == "Registration Request"]
    answered = [(step["receiver"], step["sender"]) for step in arrows if step["name"] == "Registration Reply"]
    assert sorted(asked) == sorted(answered) == [("R31", "R11"), ("R41", "R11")]
    assert any(text.startswith("R11 sends to R31: NHRP Traffic Indication") for text in last["ladder"])


@needs_node
def test_each_moment_is_the_same_forwards_backwards_and_alone(files: dict[str, Path]) -> None:
    film = film_in(files["lab"].read_text())
    (whole,) = played(film, "last")
    times = sorted({step["time"] for step in whole["steps"]})
    there = [moment["tunnels"] for moment in played(film, *times)]
    back = [moment["tunnels"] for moment in played(film, *reversed(times))]
    assert there == back[::-1]
    assert there[len(times) // 2] == played(film, times[len(times) // 2])[0]["tunnels"]


@needs_node
def test_no_two_nodes_have_the_same_place(files: dict[str, Path]) -> None:
    (last,) = played(film_in(files["lab"].read_text()), "last")
    points = {name: (place["x"], place["y"]) for name, place in last["places"].items()}
    assert set(points) == {"R11", "R31", "R41", "TRANSPORT", "H1", "H3", "H4"}
    assert len({(round(x / 20), round(y / 20)) for x, y in points.values()}) == len(points)


@needs_browser
def test_a_browser_plays_a_film_without_a_server(files: dict[str, Path]) -> None:
    with Browser() as browser:
        browser.open(f"{files['recording'].as_uri()}#end")
        browser.wait(lambda: "1 direct" in browser.text("summary"))
        assert browser.text("summary") == "2 registered, 1 direct, 0 encrypted, 0 broken"
        browser.run("document.querySelectorAll('#routers button')[1].click()")
        browser.wait(lambda: "NHRP cache" in browser.text("detail"))
        assert browser.complaints() == []


@needs_browser
def test_hostile_names_are_text_in_a_film(files: dict[str, Path], tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=document.title='taken'>"
    page = files["lab"].read_text()
    written = page.replace("Registration Request", hostile.replace("<", "\\u003c"))
    assert written != page
    assert html.escape(hostile) not in page
    (tmp_path / "film.html").write_text(written)
    with Browser() as browser:
        browser.open(f"{(tmp_path / 'film.html').as_uri()}#end")
        browser.wait(lambda: hostile in browser.text("ladder"))
        assert browser.run("return document.images.length") == 0
        assert browser.run("return document.title") != "taken"


@needs_node
def test_a_film_of_a_lab_with_a_dead_router_shows_it_dead(tmp_path: Path) -> None:
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated")
        labs.say("lab", "kill", "R41")
        labs.say("lab", "film", "--output", tmp_path / "film.html")
        labs.say("lab", "down", "notes-phase3")
    (last,) = played(film_in((tmp_path / "film.html").read_text()), "last")
    assert conditions(last) == {("R11", "R31"): "registered", ("R11", "R41"): "broken"}


@pytest.mark.parametrize("verb", ["film", "picture"])
def test_what_is_drawn_takes_the_place_of_no_recording(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lab film life.rec --output life.rec` left a page, and the recording was gone."""
    recording, link = tmp_path / "life.svg", tmp_path / "link.svg"
    recording.write_text('{"event": 1}\n')
    link.symlink_to(recording)
    for output in (recording, link):
        assert main(["lab", verb, str(recording), "--output", str(output)]) == 1
        assert (
            capsys.readouterr().err
            == f"dmvpn: {output} is a recording, which this would overwrite: name another file\n"
        )
    assert recording.read_text() == '{"event": 1}\n'


def note(router: str, time: float, subject: str, sign: str = "+") -> dict[str, Any]:
    line = {"time": time, "topic": "mapping", "sign": sign, "subject": subject, "interface": "Tunnel0", "text": ""}
    line |= {"kind": "resolved", "nbma": "192.0.2.2", "next_hop": "10.0.0.2"}
    return {"router": router, "begins": False, "now": time, "missed": 0, "addresses": [], "lines": [line]}


@needs_node
def test_a_router_that_answers_again_in_the_same_life_still_knows_what_it_knew() -> None:
    nodes = [
        {"name": "R1", "kind": "spoke", "addresses": ["10.0.0.1"]},
        {"name": "R2", "kind": "spoke", "addresses": ["10.0.0.2"]},
    ]
    stage = {"title": "", "nodes": nodes, "wires": [], "tunnels": []}
    known, gone, back = note("R1", 1.0, "10.2.0.0/16"), {"router": "R1", "now": 2.0, "gone": True}, note("R1", 3.0, "x")
    film = {"stage": stage, "news": [known, gone, back]}
    (last,) = played(film, "last")
    assert [(each["here"], each["there"]) for each in last["tunnels"]] == [("R1", "R2")]


@needs_node
def test_news_of_routers_that_come_late_are_in_the_order_of_time() -> None:
    nodes: list[dict[str, Any]] = [{"name": name, "kind": "spoke", "addresses": []} for name in ("R1", "R2")]
    stage = {"title": "", "nodes": nodes, "wires": [], "tunnels": []}
    news = [note("R1", time, "10.2.0.0/16") for time in (1.0, 5.0, 9.0)] + [
        note("R2", time, "y") for time in (2.0, 7.0)
    ]
    (last,) = played({"stage": stage, "news": news}, "last")
    assert [step["time"] for step in last["steps"]] == [1.0, 2.0, 5.0, 7.0, 9.0]
