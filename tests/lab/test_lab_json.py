"""`--json` of every `dmvpn lab` verb: one object of the documented shape on standard output, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.lab_words import function_of
from support.command import lab_verbs
from support.labs import Labs

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lab-json.md"


def documented(verb: str) -> set[str]:
    """The names that the page has for a verb, whatever object they are in."""
    row = next(line for line in PAGE.read_text().splitlines() if re.match(rf"\| [^|]*`{verb}`[^|]*\|", line))
    return set(re.findall(r"`([a-z_0-9]+)`", row.split("|")[2]))


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """spoke-behind-nat, simulated: it has everything that there is to have."""
    with Labs() as labs:
        labs.up("spoke-behind-nat", "--simulated")
        yield labs


def ask(labs: Labs, *words: str | Path, code: int = 0) -> dict[str, object]:
    """The object of a verb. Its names are those of the page."""
    answer = labs.run("lab", *words)
    assert answer.returncode == code, answer.stderr
    found = json.loads(answer.stdout)
    assert set(found) <= documented(str(words[0])), words
    assert isinstance(found, dict)
    return found


def test_every_verb_takes_json_and_is_on_the_page() -> None:
    verbs = lab_verbs()
    for verb, parser in verbs.items():
        assert callable(function_of(parser.get_default("function"))), verb
        assert "--json" in parser._option_string_actions, verb
        assert verb in ("watch", "web") or documented(verb), verb


def test_each_verb_prints_its_object_and_nothing_else(labs: Labs, tmp_path: Path) -> None:
    name = "spoke-behind-nat"
    assert ask(labs, "list", "--json")["own"] == []
    assert {"ok", "findings"} == set(json.loads(labs.run("lab", "check", "--json").stdout))
    status = ask(labs, "status", "--json")
    assert (status["lab"], status["simulated"], status["impaired"]) == (name, True, {})
    hosts, routers, gateways = status["hosts"], status["routers"], status["gateways"]
    assert isinstance(hosts, dict)
    assert isinstance(routers, dict)
    assert isinstance(gateways, dict)
    assert ask(labs, "up", name, "--simulated", "--json")["already"] is True
    (host, address), *_ = hosts.items()
    ping = ask(labs, "exec", "--json", host, "ping", "-c", "1", address.partition("/")[0])
    assert "1 received" in str(ping["output"])
    assert ping["exit_code"] == 0
    spoke = [router for router in routers if router not in list(status["providers"])][-1]  # type: ignore[call-overload]
    assert ask(labs, "kill", spoke, "--json") == {"lab": name, "router": spoke, "alive": False}
    assert ask(labs, "start", spoke, "--json")["alive"] is True
    link = f"{host}:eth0"
    assert ask(labs, "impair", link, "--loss", "5", "--json")["impairment"] == {"loss": 5.0}
    assert ask(labs, "impair", link, "--json")["impairment"] == {}
    assert ask(labs, "rebind", next(iter(gateways)), "--json")["lab"] == name
    captured = ask(labs, "capture", host, "--seconds", "0", "--output", tmp_path, "--json")
    assert captured["files"] == {str(tmp_path / f"{host}-eth0.pcap"): 0}
    assert ask(labs, "clock", "+60", "--json")["seconds"] == 60.0
    assert labs.run("lab", "watch", "--seconds", "0", "--json").stdout == ""
    film = tmp_path / "film.html"
    assert ask(labs, "film", "--output", film, "--json") == {"file": str(film), "octets": film.stat().st_size}
    assert "until Ctrl-C" in labs.run("lab", "web", "--json").stderr
    assert ask(labs, "save", tmp_path / "kept", "--json")["not_saved"] == []
    assert ask(labs, "reset", "--json")["missing"] == []


def test_lessons_print_their_objects(labs: Labs) -> None:
    assert ask(labs, "break", "--list", "--json")["troubles"]
    assert ask(labs, "break", "--random", "--seed", "1", "--json")["complaint"]
    assert ask(labs, "hint", "--json")["number"] == 1
    graded = ask(labs, "grade", "--json", code=1)
    assert graded["done"] is False
    assert isinstance(graded["checks"], list)
    assert {"title", "good", "now", "hint"} == set(graded["checks"][0])
    ask(labs, "reset", "--json")


def test_steps_of_a_watched_lab_are_an_object_each(labs: Labs) -> None:
    seen = labs.run("lab", "watch", "--since", "1h", "--seconds", "1", "--json").stdout.splitlines()
    steps = [json.loads(line) for line in seen]
    page = PAGE.read_text()
    assert {step["step"] for step in steps} == {"message", "note"}
    assert all(f"`{name}`" in page for step in steps for name in step)


def test_a_refused_verb_prints_no_object_but_its_complaint(labs: Labs) -> None:
    refused = labs.run("lab", "kill", "R99", "--json")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("dmvpn: there is no R99")


def test_phase_and_exercises_print_their_objects(labs: Labs) -> None:
    labs.up("notes-phase3", "--simulated")
    changed = ask(labs, "phase", "1", "notes-phase3", "--json")
    assert changed["already"] is False
    assert isinstance(changed["changes"], dict)
    assert "R31" in changed["changes"]
    assert ask(labs, "down", "notes-phase3", "--json") == {"lab": "notes-phase3"}
    labs.run("lab", "up", "exercise-01", "--simulated", "--json")
    assert ask(labs, "grade", "exercise-01", "--json", code=1)["done"] is False
    labs.say("lab", "down", "exercise-01")
