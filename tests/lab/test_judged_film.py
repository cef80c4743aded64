"""`dmvpn simulate --faults ... --film FILE`: a failure as a story that plays, by node and in Chromium."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.app.campaign import film_command
from dmvpn.app.main import main
from dmvpn.features.nhrp.path import DirectPath, PathOutput
from dmvpn.judge import faults
from dmvpn.judge.campaign import Plan, run
from dmvpn.judge.campaigns import Order
from dmvpn.labs import judged_films
from dmvpn.labs.judged_films import FilmWitness, judged_film, words_of
from dmvpn.shells.scenario import Scenario
from dmvpn.web.exported import as_page
from support.browser import CHROMIUM, DRIVER, Browser
from support.films import NODE, film_in, played

if TYPE_CHECKING:
    from pathlib import Path

needs_node = pytest.mark.skipif(not NODE, reason="no node: scripts/debian-packages interop")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)
#: Seconds since convergence. A direct path that nobody watches does not bear the last one.
HAPPENS = (
    faults.Cut(at=5.0, seconds=4.0, router="R31"),
    faults.Kill(at=12.0, seconds=4.0, router="R41"),
    faults.Impair(at=24.0, seconds=4.0, router="R31", loss=0.12),
    faults.ClockStep(at=30.0, router="R41", step=-86400.0),
    faults.Partition(at=45.0, seconds=30.0, one="R31", other="R41"),
)
ROW = "[...document.querySelectorAll('.step')]"


def blind(_path: DirectPath, _now: float) -> list[PathOutput]:
    return []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film of a run whose direct paths nobody watches, as the command writes it."""
    folder = tmp_path_factory.mktemp("judged")
    order = Order(scenario="notes-phase3", seed=1, seconds=60.0, faults=HAPPENS)
    (folder / "faults.json").write_text(order.to_json())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DirectPath, "check", blind)
        words = ["--faults", str(folder / "faults.json"), "--film", str(folder / "failure.html")]
        assert main(["simulate", "notes-phase3", *words]) == 1
    return folder / "failure.html"


def begin(moment: dict[str, Any], kind: str, sign: str = "+") -> float:
    """When a fault begins, in seconds since 1970."""
    steps = [step for step in moment["steps"] if step["type"] == "fault"]
    return float(next(step["time"] for step in steps if (step["kind"], step["sign"]) == (kind, sign)))


@needs_node
def test_the_last_rows_of_a_failure_are_its_violations_and_the_faults_stand_before_them(page: Path) -> None:
    (last,) = played(film_in(page.read_text()), "last")
    assert last["ladder"][-1].startswith("Violation of “black hole”: packet ")
    assert "it was seen H3-R31, R31-TRANSPORT" in last["ladder"][-1]
    assert "Fault: packets between R31 and R41 vanish in the provider's network" in last["ladder"]
    assert last["faults"] == ["packets between R31 and R41 vanish in the provider's network"]


@needs_node
def test_each_fault_begins_and_ends_on_the_map_at_its_time(page: Path) -> None:
    film = film_in(page.read_text())
    (last,) = played(film, "last")
    cut, kill, lossy, stepped = (begin(last, kind) for kind in ("cut", "kill", "impair", "partition"))
    during, after, dead, alive, bad, apart = played(film, cut + 1, cut + 5, kill + 1, kill + 5, lossy + 1, stepped + 1)
    assert during["bad"] == ["R31 Gi0/1 to TRANSPORT Gi0/2: the wire of R31 passes no packets"]
    assert after["bad"] == []
    assert dead["dead"] == ["R41"]
    assert alive["dead"] == []
    assert bad["bad"] == ["R31 Gi0/1 to TRANSPORT Gi0/2: the wire of R31 loses 0.12 of its packets"]
    assert {(leg["from"], leg["to"]) for leg in apart["legs"]} == {("R31", "R41"), ("R41", "R31")}


@needs_node
def test_a_router_whose_clock_jumps_stays_in_the_order_of_time(page: Path) -> None:
    """Its lines would be a day before all others."""
    (last,) = played(film_in(page.read_text()), "last")
    times = [step["time"] for step in last["steps"]]
    assert max(times) - min(times) < 120
    assert begin(last, "clock-step", "~") > begin(last, "kill")


@needs_node
def test_a_router_that_is_killed_has_reported_what_it_did_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says goodbye and is gone in the same moment; a second later nobody could ask it."""
    monkeypatch.setattr(judged_films, "OFTEN", 1e6)
    happens = (faults.Restart(at=20.0, seconds=5.0, router="R41"),)
    order = Order(scenario="notes-phase3", seed=1, seconds=30.0, faults=happens)
    (last,) = played(judged_film(order, 30.0), "last")
    said = [step for step in last["steps"] if step.get("sender") == "R41" and step["type"] == "arrow"]
    assert any(step["name"] == "Purge Request" for step in said), {step["name"] for step in said}


def test_a_witness_changes_nothing() -> None:
    plan = Plan(scenario=Scenario.load("notes-phase3"), seed=1, seconds=60.0, faults=HAPPENS)
    assert run(plan, FilmWitness(0.0)) == run(plan)


@needs_node
def test_a_long_run_is_filmed_from_the_last_minutes_on_with_the_state_at_that_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judged_films, "LAST", 20.0)
    order = Order(
        scenario="notes-phase3", seed=1, seconds=100.0, faults=(faults.Kill(at=95.0, seconds=3.0, router="R41"),)
    )
    film: dict[str, Any] = judged_film(order, 100.0)
    first, last = played(film, film["begins"] + 1, "last")
    assert last["steps"][0]["time"] >= film["begins"]
    assert {each["condition"] for each in first["tunnels"]} == {"registered", "direct"}


def test_a_busy_film_keeps_the_newest_messages_and_all_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged_films, "MOST_MESSAGES", 10)
    order = Order(scenario="notes-phase3", seed=1, seconds=20.0, faults=())
    film: dict[str, Any] = judged_film(order, 20.0)
    lines = [line for each in film["news"] for line in each.get("lines", ())]
    messages = [line for line in lines if "way" in line]
    assert len(messages) <= 12
    assert min(line["time"] for line in messages) >= film["begins"]
    assert any(line.get("topic") == "server" and line["time"] < film["begins"] for line in lines)


@needs_node
def test_a_network_that_never_converges_has_a_film_that_ends_with_that(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = Scenario.load("notes-phase3")
    texts = dict(scenario.configurations)
    texts["R31"] = texts["R31"].replace("ip nhrp network-id", "no ip nhrp network-id")
    broken = Scenario("broken", scenario.lab, texts)
    order = Order(scenario="notes-phase3", seed=1, seconds=20.0, faults=())
    plan = Plan(scenario=broken, seed=1, seconds=20.0, faults=())
    monkeypatch.setattr(Order, "plan", lambda _: plan)
    (last,) = played(judged_film(order, 0.0), "last")
    assert last["ladder"][-1].startswith("Violation of “convergence”: not ready after 90 s")


@pytest.mark.parametrize("kind", faults.KINDS)
def test_each_kind_of_fault_is_a_sentence_about_its_routers(kind: str) -> None:
    given: dict[str, Any] = {"kind": kind, "at": 1.0, "seconds": 2.0, "router": "R31"}
    if kind == "partition":
        given = {"kind": kind, "at": 1.0, "one": "R31", "other": "R41"}
    more: dict[str, dict[str, Any]] = {"renumber": {"network": 7}, "clock-step": {"step": 60.0}}
    forged = {"pretended": "R11", "count": 3} if kind in ("purges", "malformed") else {}
    fault = faults.from_json(given | more.get(kind, {}) | forged)
    assert all(name in words_of(fault).begin for name in fault.places)


# ------------------------------------------------------------------------------------------------ the command


def test_the_command_that_a_campaign_prints_repeats_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    order = Order(scenario="notes-phase3", variants=("static", "short"), seed=7, seconds=360.0)
    words = film_command(order).split()
    assert words[:2] == ["dmvpn", "simulate"]
    asked: list[Order] = []

    def refuse(order: Order, **_: object) -> None:
        asked.append(order)
        raise KeyboardInterrupt

    monkeypatch.setattr("dmvpn.app.campaign.carry_out", refuse)
    assert main(words[1:]) == 130
    assert asked == [order]


def test_a_film_overwrites_neither_its_faults_nor_a_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed, recording = tmp_path / "faults.json", tmp_path / "life.rec"
    listed.write_text('{"scenario": "notes-phase3", "seed": 1, "seconds": 20, "faults": []}')
    recording.write_text('{"event": 1}\n')
    for film in (listed, recording):
        kept = film.read_text()
        assert main(["simulate", "notes-phase3", "--faults", str(listed), "--film", str(film)]) == 1
        assert "which this would overwrite: name another file" in capsys.readouterr().err
        assert film.read_text() == kept


@pytest.mark.parametrize(("place", "problem"), [("", "Is a directory"), ("none/x.html", "No such file or directory")])
def test_a_film_that_cannot_be_written_is_refused_before_the_run(
    place: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours of a run ended with the error, and without a verdict."""
    monkeypatch.setattr("dmvpn.app.campaign.carry_out", lambda *_, **__: pytest.fail("it ran"))
    film = tmp_path / place
    assert main(["simulate", "notes-phase3", "--faults", "random", "--film", str(film)]) == 1
    assert capsys.readouterr().err == f"dmvpn: {film}: {problem}\n"


@pytest.mark.parametrize("more", [[], ["--campaign", "1"]])
def test_a_film_is_of_one_judged_run(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *more, "--film", "x.html"]) == 1
    assert "--film goes with --faults" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ the page


@needs_browser
def test_a_browser_plays_a_failure_to_its_violation(page: Path) -> None:
    with Browser() as browser:
        browser.open(f"{page.as_uri()}#end")
        browser.wait(lambda: "violation of “black hole”" in browser.text("summary"))
        assert "packets between R31 and R41 vanish" in browser.text("summary")
        assert browser.text("title") == "notes-phase3, seed 1: black hole"
        assert browser.run(f"return {ROW}.pop().matches('.violation')")
        browser.run(f"{ROW}.pop().click()")
        browser.wait(lambda: "Path of the packet:" in browser.text("message"))
        browser.run(f"{ROW}.find((row) => row.textContent.includes('R41 is killed')).click()")
        browser.wait(lambda: "Fault: kill" in browser.text("message"))
        browser.run("[...document.querySelectorAll('#message button')].pop().click()")
        browser.wait(lambda: "R41" in browser.text("router"))
        assert browser.complaints() == []


@needs_browser
def test_hostile_words_of_a_judged_run_are_text(page: Path, tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=document.title='taken'>"
    film = film_in(page.read_text())
    text = json.dumps(film).replace("R31", hostile.replace("'", "")).replace("R41 is killed", hostile)
    (tmp_path / "film.html").write_text(as_page(json.loads(text)))
    with Browser() as browser:
        browser.open(f"{(tmp_path / 'film.html').as_uri()}#end")
        browser.wait(lambda: "violation of" in browser.text("summary"))
        assert "<img src=x" in browser.text("ladder")
        assert browser.run("return document.images.length") == 0
        assert browser.run("return document.title") != "taken"
