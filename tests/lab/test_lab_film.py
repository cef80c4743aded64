"""`dmvpn lab film`: what happened in a lab, as a file that plays it, by node and in Chromium."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.app.main import main
from dmvpn.web.exported import as_page
from support.browser import CHROMIUM, DRIVER, Browser
from support.films import NODE, film_in, opened, played, wires
from support.labs import Labs

if TYPE_CHECKING:
    from pathlib import Path

needs_node = pytest.mark.skipif(not NODE, reason="no node: scripts/debian-packages interop")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)


#: The rows of the ladder, for scripts.
STEP = "[...document.querySelectorAll('.step')]"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The film of a lab in which two spokes have talked, and that of its recording."""
    folder = tmp_path_factory.mktemp("films")
    names = ("lab", "recording", "protected", "ipv6", "ipv6-recording")
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated", "--record", folder / "life.rec")
        labs.say("lab", "exec", "H3", "ping", "-c", "3", "10.4.4.100")
        labs.say("lab", "film", "--output", folder / "lab.html")
        labs.say("lab", "down", "notes-phase3")
        labs.say("lab", "film", folder / "life.rec", "--output", folder / "recording.html")
        labs.up("intro-phase3", "--simulated")
        labs.say("-r", "SPOKE10", "ping", "192.168.20.1", "source", "192.168.10.1")
        labs.say("lab", "film", "--output", folder / "protected.html")
        labs.say("lab", "down", "intro-phase3")
        labs.up("ipv6-only", "--simulated", "--record", folder / "life6.rec")
        labs.say("lab", "exec", "H3", "ping", "-c", "3", "2001:db8:4::100")
        labs.say("lab", "film", "--output", folder / "ipv6.html")
        labs.say("lab", "down", "ipv6-only")
        labs.say("lab", "film", folder / "life6.rec", "--output", folder / "ipv6-recording.html")
    return {name: folder / f"{name}.html" for name in names}


def conditions(moment: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(*sorted((each["here"], each["there"])),): each["condition"] for each in moment["tunnels"]}


@needs_node
@pytest.mark.parametrize("kind", ["lab", "recording", "ipv6", "ipv6-recording"])
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
@pytest.mark.parametrize("kind", ["lab", "recording"])
def test_a_message_of_a_film_opens_with_its_fields_and_their_clauses(files: dict[str, Path], kind: str) -> None:
    request = opened(film_in(files[kind].read_text()), "R31 sends to R11: NHRP Resolution Request")
    found = {field["name"]: field for field in request["fields"]}
    assert found["Destination Protocol Address"]["value"] == "10.4.4.100"
    assert found["Destination Protocol Address"]["meaning"]["clause"] == "RFC 2332 §5.2.0.1"
    assert request["about"]["clause"] == "RFC 2332 §5.2.1"
    assert [name for name, field in found.items() if not field["meaning"].get("what")] == []


#: In the order of time: IKE between both ends is due to the first of the two requests.
CHAIN = (
    "HUB sends to SPOKE10: NHRP Traffic Indication (192.168.10.1 to 192.168.20.1)",
    "SPOKE10 sends to HUB: NHRP Resolution Request (192.168.20.1?)",
    "HUB forwards to SPOKE20: NHRP Resolution Request (192.168.20.1?)",
    "SPOKE20 sends to SPOKE10: IKEv2 IKE_AUTH request",
    "SPOKE10: protection 203.0.113.20 new, SAs with 203.0.113.20",
    "SPOKE20 sends to SPOKE10: NHRP Resolution Reply (192.168.20.0/24 = 203.0.113.20)",
    "SPOKE10: mapping 192.168.20.0/24 changed, = 203.0.113.20 (shortcut T2, was resolved)",
)


@needs_node
@pytest.mark.parametrize("first", CHAIN)
def test_each_step_from_a_redirect_to_its_shortcut_leads_to_all_others(files: dict[str, Path], first: str) -> None:
    found = opened(film_in(files["protected"].read_text()), first)["cause"]
    assert [sentence for sentence in found if sentence in CHAIN] == list(CHAIN)
    assert not any("192.168.10.1?" in sentence or "registered" in sentence for sentence in found)


@needs_node
def test_a_registration_is_followed_from_ike_to_the_server_that_answers(files: dict[str, Path]) -> None:
    found = opened(film_in(files["protected"].read_text()), "HUB: mapping 10.0.0.20 new")
    assert "SPOKE20 sends to HUB: IKEv2 IKE_AUTH request" in found["cause"]
    assert found["cause"][-1] == "SPOKE20: server 10.0.0.1 new, answers"
    assert {(way["from"], way["to"]) for way in found["ways"]} == {("SPOKE20", "HUB"), ("HUB", "SPOKE20")}


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


@needs_node
def test_a_click_in_the_middle_of_a_wire_finds_it_and_its_name_at_the_server(files: dict[str, Path]) -> None:
    links = ["R31:GigabitEthernet0/1 TRANSPORT:GigabitEthernet0/2", "R31:GigabitEthernet0/2 H3:eth0"]
    said = wires(film_in(files["lab"].read_text()), links)
    assert all(each["found"] == each["named"] for each in said["found"])
    assert {each["named"]: each["link"] for each in said["found"] if "R31" in each["named"]} == {
        "R31 Gi0/1 to TRANSPORT Gi0/2": links[0],
        "R31 Gi0/2 to H3": links[1],
    }
    assert said["nowhere"] == {"wire": None, "card": None}
    assert said["card"]["title"] == "TRANSPORT provider"
    assert said["pair"] == ["H3", "H4"], "the first visit pings between two sites, not to the hub's"
    assert said["described"] == "delay 20 ms, loss 3 %, MTU 1400, drops esp, from R31"


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
def test_a_message_that_is_clicked_shows_its_fields_and_its_whole_cause(files: dict[str, Path]) -> None:
    with Browser() as browser:
        browser.open(f"{files['protected'].as_uri()}#end")
        browser.wait(lambda: "1 direct" in browser.text("summary"))
        browser.run(f"{STEP}.find((row) => row.textContent.includes({CHAIN[1]!r})).click()")
        browser.wait(lambda: "Destination Protocol Address 192.168.20.1" in browser.text("message"))
        assert "RFC 2332 §5.2.1" in browser.text("message")
        assert "on HUB, SPOKE10, SPOKE20" in browser.text("cause-text")
        linked = browser.run(f"return {STEP}.filter((row) => row.matches('.linked')).map((row) => row.textContent)")
        assert [text for text in CHAIN if not any(text in row for row in linked)] == []
        browser.run("document.getElementById('only-cause').click()")
        browser.wait(lambda: browser.run(f"return {STEP}.every((row) => row.matches('.linked'))"))
        browser.run("document.getElementById('message').querySelector('button').click()")
        browser.wait(lambda: browser.text("message") == "")
        assert browser.complaints() == []


@needs_browser
def test_a_search_without_a_find_says_so(files: dict[str, Path]) -> None:
    with Browser() as browser:
        browser.open(f"{files['lab'].as_uri()}#end")
        browser.wait(lambda: "R31" in browser.text("routers"))
        browser.run(
            "const box = document.getElementById('search'); box.value = '10.99.'; box.dispatchEvent(new Event('input'))"
        )
        browser.wait(lambda: browser.text("routers") == "No router or host matches.")


@needs_browser
def test_a_filter_leaves_the_routers_in_a_condition_at_each_moment(files: dict[str, Path]) -> None:
    with Browser() as browser:
        browser.open(f"{files['lab'].as_uri()}#end")
        browser.wait(lambda: "R31" in browser.text("routers"))
        choose = (
            "const box = document.getElementById('condition'); box.value = %r; box.dispatchEvent(new Event('change'))"
        )
        browser.run(choose % "direct")
        browser.wait(lambda: browser.text("routers") == "R31R41")
        browser.run("document.getElementById('search').value = '10.4.4.'")
        browser.run("document.getElementById('search').dispatchEvent(new Event('input'))")
        browser.wait(lambda: browser.text("routers") == "R41")
        browser.run("document.getElementById('search').value = ''")
        browser.run(choose % "unregistered")
        browser.wait(lambda: browser.text("routers") == "No router or host matches.")
        browser.run(
            "const box = document.getElementById('moment'); box.value = 0; box.dispatchEvent(new Event('input'))"
        )
        browser.wait(lambda: browser.text("routers") == "R31R41")
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


def sent(router: str, way: str, peer: str, time: float) -> dict[str, Any]:
    line = {"time": time, "protocol": "NHRP", "name": "Registration Request", "way": way, "peer": peer}
    line |= {"subject": "10.0.0.1", "interface": "Tunnel0", "mark": "1"}
    return {"router": router, "begins": False, "now": time, "missed": 0, "addresses": [], "lines": [line]}


@needs_browser
def test_the_ladder_shows_that_a_message_arrived_when_its_receiver_reports_it_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: the row went on saying that the message did not arrive until the next step came."""
    nodes = [{"name": name, "kind": "spoke", "addresses": [f"10.0.0.{name[1]}"]} for name in ("R1", "R2")]
    stage = {"title": "", "nodes": nodes, "wires": [], "tunnels": []}
    film = {"stage": stage, "news": [sent("R1", "sent", "10.0.0.2", 1.0)], "meanings": {}}
    script = (
        "import { Film } from 'film.js'; import { Assembler } from 'lines.js'; import { Story } from 'story.js';"
        f"const [stage, first, late] = {json.dumps([stage, film['news'], sent('R2', 'received', '10.0.0.1', 1.0)])};"
        "const film = new Film(stage); const assembler = new Assembler(stage);"
        "const story = new Story(film, () => {}, async () => ({}));"
        "film.add(assembler.hear(first[0])); story.show(1, '');"
        "window.before = document.getElementById('ladder').textContent;"
        "film.add(assembler.hear(late)); film.revision = assembler.completed;"
        "const frame = () => { story.show(1, ''); requestAnimationFrame(frame);"
        " window.after = document.getElementById('ladder').textContent; }; frame();"
    )
    monkeypatch.setattr("dmvpn.web.exported.entry_of", lambda _: script)
    page = as_page(film)
    (tmp_path / "late.html").write_text(page)
    with Browser() as browser:
        browser.open((tmp_path / "late.html").as_uri())
        browser.wait(lambda: browser.run("return window.after !== undefined"))
        assert "R1 sends to R2: NHRP" in browser.run("return window.before")
        assert ", lost" in browser.run("return window.before")
        browser.wait(lambda: ", lost" not in browser.run("return window.after"))
