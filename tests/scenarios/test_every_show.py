"""Every show exists; the pages and pictures that the simulator makes are up to date."""

from __future__ import annotations

import json
import re
from dataclasses import is_dataclass
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from dmvpn.base.explanations import WordKind
from dmvpn.face.language import exec_parser
from dmvpn.ios.exec_parser import Match
from dmvpn.ios.filters import to_plain
from dmvpn.ios.from_plain import reader_of
from dmvpn.ios.shapes import schema_of
from dmvpn.router.features import FEATURES
from dmvpn.router.vocabulary import vocabulary
from dmvpn.tools.picture import as_svg, picture_of
from dmvpn.tools.picture.model import Kind, TunnelState
from support.knots import LIVES, PAGE, CallTracer, traced
from support.phases_page import Case, cases, measure, page, row, rows_of_the_page
from support.pictures import FOLDER, PICTURES, drawing
from support.shows_page import REFUSED, ROUTERS, Router
from support.world import World

if TYPE_CHECKING:
    from dmvpn.ios import ExecCommand


# Every show that people and tools ask of a DMVPN router exists, says what is so on that router, and has JSON.
#
# The JSON fulfills the schema that is made from the types of the show (`ios/shapes.py`), and becomes the same value
# again (`ios/from_plain.py`).


@pytest.mark.parametrize("router", ROUTERS, ids=lambda router: f"{router.scenario}-{router.name}")
def test_each_says_what_is_so_in_text_and_as_data(router: Router) -> None:
    world = World(router.scenario).converge()
    if router.scenario == "notes-phase3":
        world.stream("H4", "10.3.3.100", seconds=2, rate=10)
    wrong = []
    for command, says in router.shows:
        shown = world.do(router.name, command)
        if says not in shown or "% Invalid" in shown or "% Incomplete" in shown:
            wrong.append((command, says, shown))
        data = world.do(router.name, f"{command} | json")
        value = _read(data)
        if not isinstance(value, dict):
            wrong.append((command, "JSON", data))
            continue
        wrong += [(command, "schema", text) for text in _unlike_its_schema(command, value)]
        again = reader_of(_command(command))(value)
        assert is_dataclass(again)
        if to_plain(again) != value:
            wrong.append((command, "read again", data))
    assert wrong == []


def test_what_a_router_has_not_is_refused_in_the_words_that_tools_know() -> None:
    world = World("bgp-phase3").converge()
    for command, _ in REFUSED:
        assert "% Invalid input detected" in world.do("SPOKE1", command), command


def _read(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_json)
    except ValueError:
        return None


def _no_json(text: str) -> object:
    raise ValueError(f"{text} is Python, not JSON")


def _command(line: str) -> ExecCommand:
    match = exec_parser(FEATURES).match(line)
    assert isinstance(match, Match)
    return match.command


def _unlike_its_schema(line: str, value: object) -> list[str]:
    """What the value of a show has that its schema does not allow."""
    validator = Draft202012Validator(schema_of(_command(line)))
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


# docs/reference/phases.md says what the simulator measures.

#: Rows that are measured again in every run; the others with the slow tests.
QUICK = (
    Case("EIGRP", 3, summary=False, hubs=2),
    Case("OSPF point-to-multipoint", 3, summary=False, hubs=2),
    Case("iBGP", 2, summary=False, hubs=2),
    Case("eBGP", 3, summary=True, hubs=1),
)


def test_the_page_has_a_row_for_each_case_and_nothing_else() -> None:
    rows = list(rows_of_the_page())
    assert len(rows) == len(cases())
    assert page(rows).endswith(rows[-1] + "\n")
    for case, line in zip(cases(), rows, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[:4] == [case.protocol, str(case.phase), "yes" if case.summary else "no", str(case.hubs)]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in cases()],
    ids=lambda case: f"{case.protocol}-{case.phase}-{'summary' if case.summary else 'all'}-{case.hubs}",
)
def test_a_network_does_what_its_row_says(case: Case) -> None:
    line = row(case, measure(case))
    assert line in rows_of_the_page(), "run in tests/: python -m support.phases_page"


# Pictures of networks that run: tunnels that are up or down, direct tunnels, and the pictures of the documentation.


def states(world: World) -> dict[tuple[str, str], TunnelState]:
    facts = world.sim.facts(world.scenario)
    picture = picture_of(world.scenario, "test", facts.routers, facts.links)
    return {(tunnel.here, tunnel.there): tunnel.state for tunnel in picture.tunnels}


def test_a_direct_tunnel_is_drawn_when_two_spokes_have_one() -> None:
    world = World("notes-phase3").converge()
    assert states(world) == {("R31", "R11"): TunnelState.UP, ("R41", "R11"): TunnelState.UP}
    world.stream("H3", "10.4.4.100", seconds=3, rate=1)
    assert states(world)["R31", "R41"] is TunnelState.DIRECT


def test_tunnels_of_a_dead_hub_are_down_and_the_picture_says_why() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R11")
    facts = world.sim.facts(world.scenario)
    picture = picture_of(world.scenario, "test", facts.routers, facts.links)
    assert {tunnel.state for tunnel in picture.tunnels} == {TunnelState.DOWN}
    svg = as_svg(picture)
    assert "R11 does not run" in svg
    assert "tunnel that is down" in svg
    (hub,) = (node for node in picture.nodes if node.kind is Kind.HUB)
    assert not hub.runs


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_of_the_documentation_is_the_one_that_its_network_makes(name: str) -> None:
    drawn = drawing(PICTURES[name])
    assert 'class="tunnel direct"' in drawn
    old = f"docs/pictures/{name} is old: python -m support.pictures (from the folder tests)"
    assert (FOLDER / name).read_text() == drawn, old


def test_no_other_picture_is_in_the_documentation() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(PICTURES)


# Files of a feature that call each other in both directions are few, and do not become more.

ROW = re.compile(r"\| (?P<feature>\w+) \| \d+ \| (?P<pairs>\d+) \| (?P<knot>\d+) \|")


def test_files_that_call_each_other_over_a_third_one_are_one_knot() -> None:
    tracer = CallTracer()
    for calling, called in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d")):
        tracer.count("some", calling, called)
    found = tracer.knots("some")
    assert found.largest == ("a", "b", "c")
    assert found.pairs == (("d", "e"),)


@pytest.mark.parametrize("feature", LIVES)
def test_no_more_files_of_a_feature_are_knotted_together_than_the_page_says(feature: str) -> None:
    page = {row["feature"]: row for row in ROW.finditer(PAGE.read_text("utf-8"))}
    found = traced(feature)
    assert len(found.pairs) <= int(page[feature]["pairs"]), found.pairs
    assert len(found.largest) <= int(page[feature]["knot"]), found.largest


# Networks live with every debug on: each line that their routers print is one that `dmvpn explain` knows.

DEBUGS = (
    "debug dmvpn all all",
    *("debug nhrp", "debug nhrp packet", "debug nhrp extension", "debug nhrp cache", "debug nhrp detail"),
    *("debug nhrp error", "debug nhrp rate", "debug nhrp routing", "debug nhrp group"),
    *("debug eigrp packets", "debug eigrp fsm", "debug eigrp neighbors", "debug ip rip", "debug ip routing"),
    *("debug crypto ikev2", "debug crypto ikev2 packet", "debug crypto ikev2 error", "debug crypto ipsec"),
    *("debug tunnel", "debug tunnel keepalive"),
)
STAMP = re.compile(r"^\*?\w{3} +\d+ [\d:.]+: ")
#: Octets of a quoted packet; names of payloads.
OCTETS = re.compile(r"\s+([0-9A-F]{2} ?)+$")
PAYLOAD = re.compile(r"[A-Z][A-Z0-9_]+(?=\))|[A-Za-z]+(?!\()")
WORDS = vocabulary(FEATURES)


def unknown(lines: list[str]) -> list[str]:
    texts = [STAMP.sub("", line) for line in lines]
    return [text for before, text in zip(["", *texts], texts, strict=False) if not _is_known(before, text)]


def _is_known(before: str, text: str) -> bool:
    if before == "Payload contents:":
        return all(WORDS.meanings(name) for name in PAYLOAD.findall(text.replace("NOTIFY(", "(")))
    return WORDS.of_line(text) is not None or _is_log(text) or OCTETS.match(text) is not None


def _is_log(line: str) -> bool:
    mnemonic = re.search(r"%[A-Z0-9_]+-\d-[A-Z0-9_]+", line)
    return mnemonic is not None and any(found.group.kind is WordKind.LOG for found in WORDS.meanings(mnemonic[0]))


@pytest.mark.parametrize(
    ("name", "spokes"),
    [("notes-phase3", ("R31", "R41")), ("intro-phase3", ("SPOKE10", "SPOKE20")), ("notes-gre", ("R11",))],
)
def test_every_line_of_a_network_under_debug_is_explained(name: str, spokes: tuple[str, ...]) -> None:
    world = World(name)
    for router in world.console:
        world.do(router, *DEBUGS)
    world.converge()
    for spoke in spokes:
        world.do(spoke, "clear ip nhrp", "clear ip eigrp neighbors", "clear crypto ikev2 sa")
    world.run_for(40)
    printed = [line for router in world.console for line in world.console[router]]
    assert len(printed) > 100
    assert unknown(printed) == []


def test_a_screen_is_explained_at_the_prompt_of_a_router() -> None:
    world = World("notes-phase3").converge()
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    shown = world.show("R31", "dmvpn | explain")
    screen, below = shown[: shown.index("column Attrb:")], shown[shown.index("column Attrb:") :]
    assert "DT2" in screen
    assert re.findall(r"(?m)^  (\S{1,2})  ", below) == ["D", "T2", "T1", "S", "UP"]
    assert world.show("R31", "dmvpn | e UP") == world.show("R31", "dmvpn | exclude UP")
