"""`dmvpn diff`: the change itself, many candidates, and clouds that never come up."""

from __future__ import annotations

import json
import os
import re
import shutil
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.app import diff_each
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.lab_model import GatewaySpec, Lab, LinkSpec, RouterSpec
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.behavior import ChangeVerdict, Topic
from dmvpn.tools.diff.comparison import (
    FORM,
    CandidateResult,
    CandidateRow,
    CandidateTask,
    as_text,
    candidate_task,
    compare_networks,
    try_candidate,
)
from dmvpn.tools.diff.migration import migrate, unite
from dmvpn.tools.pool.local import LocalPool
from dmvpn.tools.pool.results import ResultFile
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# `dmvpn diff` and the change itself: on which network it is entered, and what is said when it cannot be tried.


def _site(text: str, number: int) -> str:
    """The configuration of R31 of the notes for the site R<number>1: with other addresses everywhere."""
    text = text.replace("R31", f"R{number}1").replace("10.3.3.", f"10.{number}.{number}.")
    return text.replace("192.168.100.31", f"192.168.100.{number}1").replace(".31.", f".{number}1.")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The routers of notes-phase3 without `lab.yaml`; and the same with R21, before R31 and R41 in every order."""
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
        for name in ("R11", "R31", "R41"):
            (folder / f"{name}.cfg").write_text((BUILT_IN / "notes-phase3" / f"{name}.cfg").read_text())
    (after / "R21.cfg").write_text(_site((after / "R31.cfg").read_text(), 2))
    return before, after


def _ports(scenario: Scenario) -> dict[str, list[str]]:
    """By port of the provider: who is there."""
    return {
        next(end for end in link.ends if end.startswith("PROVIDER")): [
            end for end in link.ends if not end.startswith("PROVIDER")
        ]
        for link in scenario.lab.links
    }


def test_a_site_in_the_middle_moves_the_providers_ports_and_the_change_is_tried(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It was "not tried", and exit code 0 with a limit that nobody had looked at."""
    before, after = map(str, folders)
    assert _ports(Scenario.load(before)) != _ports(Scenario.load(after)), "else this proves nothing"
    assert main(["diff", "--before", before, "--after", after, "--max-outage", "0"]) == 0
    assert "no pair loses a packet" in capsys.readouterr().out
    assert main(["diff", "--before", after, "--after", before, "--max-outage", "0"]) == 0
    assert "no pair loses a packet" in capsys.readouterr().out


def test_both_sides_together_have_each_site_where_it_was_and_the_new_one_besides(folders: tuple[Path, Path]) -> None:
    before, after = (Scenario.load(str(folder)) for folder in folders)
    world, alike = unite(before, after)
    was, now = _ports(before), _ports(world)
    assert {port: now[port] for port in was} == was
    (new,) = now.keys() - was.keys()
    assert now[new] == ["R21:GigabitEthernet0/1"]
    assert re.search(rf"interface {re.escape(new.partition(':')[2])}\n ip address 172.16.21.2 ", _provider(alike))
    assert _provider(world) == _provider(before), "it begins as it was"


def _provider(scenario: Scenario) -> str:
    return scenario.configurations["PROVIDER"]


def test_a_site_that_gets_another_address_stays_where_it_is_plugged_in(folders: tuple[Path, Path]) -> None:
    before, _ = folders
    text = (before / "R31.cfg").read_text()
    text = text.replace(" ip nhrp shortcut", " ip nhrp registration no-unique\n ip nhrp shortcut")
    (before / "R31.cfg").write_text(text)
    old = Scenario.load(str(before))
    (before / "R31.cfg").write_text(text.replace("172.16.31.", "172.16.77."))
    migration = migrate(old, Scenario.load(str(before)), 1, "together")
    assert not migration.untried
    assert {name for outage in migration.outages for name in outage.pair} == {"R11", "R31", "R41"}
    assert all("R31" in outage.pair and outage.back for outage in migration.outages)


def test_a_provider_of_another_name_is_still_the_provider(folders: tuple[Path, Path]) -> None:
    """A folder without `lab.yaml` calls it PROVIDER, the built-in scenario TRANSPORT."""
    before, _ = folders
    assert not migrate(Scenario.load("notes-phase3"), Scenario.load(str(before)), 1, "together").untried


def _with_a_second_translator() -> tuple[Scenario, Scenario]:
    """spoke-behind-nat, and the same with R21 behind a box of its own, which is called NAT1 from then on."""
    before = Scenario.load("spoke-behind-nat")
    texts = {"R21": _site(before.configurations["R31"], 2), **before.configurations}
    texts["TRANSPORT"] += "interface GigabitEthernet0/4\n ip address 172.16.21.2 255.255.255.252\n no shutdown\n"
    old = before.lab.gateways["NAT1"]
    at = IPv4Address("172.16.21.2")
    new = GatewaySpec(kind=old.kind, outside="172.16.21.1/30", gateway=at, inside="192.168.21.1/24")
    links = [
        link.model_copy(update={"ends": [end.replace("NAT1", "NAT2") for end in link.ends]})
        for link in before.lab.links
    ]
    more = [["NAT1:outside", "TRANSPORT:GigabitEthernet0/4"], ["R21:GigabitEthernet0/1", "NAT1:inside"]]
    lab = before.lab.model_copy(
        update={
            "routers": {**before.lab.routers, "R21": RouterSpec(role="spoke")},
            "gateways": {"NAT1": new, "NAT2": old},
            "links": [*links, *(LinkSpec(ends=ends) for ends in more)],
        }
    )
    return before, Scenario("after", lab, texts)


def test_a_new_site_behind_a_translator_is_tried_whatever_its_number() -> None:
    """Translators had to be the same on both sides."""
    before, after = _with_a_second_translator()
    world, _ = unite(before, after)
    assert {name: spec.outside for name, spec in world.lab.gateways.items()} == {
        "NAT1": "172.16.31.1/30",
        "NAT3": "172.16.21.1/30",
    }
    for one, other in ((before, after), (after, before)):
        migration = migrate(one, other, 1, "together")
        assert (migration.untried, migration.outages) == ("", ())


def test_a_translator_of_another_kind_cannot_be_put_there_while_all_runs() -> None:
    before, after = _with_a_second_translator()
    kinds = {name: spec.model_copy(update={"kind": "symmetric"}) for name, spec in after.lab.gateways.items()}
    changed = Scenario("after", after.lab.model_copy(update={"gateways": kinds}), after.configurations)
    assert migrate(before, changed, 1, "together").untried == "the translator NAT1 is another one afterwards"


def _plugged(*ends: list[str]) -> Scenario:
    scenario = Scenario.load("notes-phase3")
    lab = scenario.lab.model_copy(update={"links": [LinkSpec(ends=wire) for wire in ends], "hosts": {}})
    return Scenario("plugged", lab, scenario.configurations)


def test_cables_that_would_have_to_be_plugged_over_are_named() -> None:
    together = _plugged(["R11:Gi0/1", "R31:Gi0/1", "R41:Gi0/1"])
    apart = _plugged(["R11:Gi0/1", "R31:Gi0/1"], ["R41:Gi0/1", "TRANSPORT:Gi0/3"])
    with pytest.raises(UserError, match=r"R11:Gig.*0/1 and R41:.*0/1 are on two wires afterwards, and on one before"):
        unite(together, apart)
    with pytest.raises(UserError, match=r"R11:Gig.*0/1 and R41:.*0/1 are on one wire afterwards, and on two before"):
        unite(apart, together)


def test_a_limit_that_could_not_be_tried_ends_with_2(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended with 0, so a pipeline took the change for proved."""
    before, after = folders
    ends = '["R11:GigabitEthernet0/1", "R31:GigabitEthernet0/1", "R41:GigabitEthernet0/1"]'
    (after / "R21.cfg").unlink()
    (after / "lab.yaml").write_text(f"links:\n- ends: {ends}\n")
    asked = ["diff", "--before", str(before), "--after", str(after), "--max-outage", "30"]
    assert main(asked) == 2
    refusal = capsys.readouterr().err
    assert re.search(r"--max-outage 30 could not be checked: R11:.* are on one wire afterwards", refusal)
    assert main([*asked, "--order", "none"]) == 2
    assert "--order none skips" in capsys.readouterr().err


def test_a_change_that_nobody_talks_through_is_not_tried(folders: tuple[Path, Path]) -> None:
    """It was "no pair loses a packet": there was no pair."""
    before, _ = folders
    for name in ("R31", "R41"):
        (before / f"{name}.cfg").unlink()
    alone = Scenario.load(str(before))
    assert migrate(alone, alone, 1, "together").untried.startswith("no two LANs reach each other")


def test_what_was_decided_about_either_folder_is_said(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = map(str, folders)
    main(["diff", "--before", before, "--after", after, "--order", "none"])
    added = "the lab adds a router for that, PROVIDER"
    assert capsys.readouterr().err.splitlines() == [
        f"note: before: no configuration has 172.16.11.2, 172.16.31.2, 172.16.41.2: {added}",
        f"note: after: no configuration has 172.16.11.2, 172.16.21.2, 172.16.31.2, 172.16.41.2: {added}",
    ]


# `dmvpn diff --each`: one network, many candidates, a table of verdicts.

NETWORK = "intro-phase3"


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    """A folder with a candidate that changes nothing, one that cuts a spoke off, and one with a line that is wrong."""
    folder = tmp_path / "candidates"
    for name in ("1-same", "2-cut", "3-typo"):
        shutil.copytree(BUILT_IN / NETWORK, folder / name)
    _change(folder / "2-cut", lambda text: re.sub(r"(?m)^ tunnel source .*$", " shutdown", text))
    _change(folder / "3-typo", lambda text: text + "intreface Tunnel9\n")
    return folder


def _change(folder: Path, change: Callable[[str], str]) -> None:
    """Change the configuration of the last router with a tunnel."""
    path = [path for path in sorted(folder.glob("*.cfg")) if "interface Tunnel" in path.read_text()][-1]
    before = path.read_text()
    assert change(before) != before
    path.write_text(change(before))


@pytest.mark.lengthy
def test_each_candidate_gets_its_row_and_one_that_cannot_be_read_does_not_end_the_rest(
    candidates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["diff", "--before", NETWORK, "--each", str(candidates), "--order", "none"]
    assert main([*words, "--jobs", "2"]) == 2
    head, same, cut, typo = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["candidate", "verdict"]
    assert same.split()[:5] == ["1-same", "ok", "0", "0", "0"]
    assert cut.split()[:2] == ["2-cut", "worse"]
    assert "reachability: " in cut
    assert typo.startswith("3-typo     not tried")
    assert "intreface" in typo
    shutil.rmtree(candidates / "3-typo")
    assert main([*words, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["verdict"]) for row in rows] == [("1-same", "ok"), ("2-cut", "worse")]


def test_a_folder_without_candidates_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", NETWORK, "--each", str(tmp_path)]) == 2
    assert "no folder in it" in capsys.readouterr().err


def test_workers_without_candidates_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", NETWORK, "--after", NETWORK, "--jobs", "2"]) == 2
    assert "go with --each" in capsys.readouterr().err


def test_a_worker_with_another_version_reads_no_network() -> None:
    network = Scenario.load(NETWORK)
    task = candidate_task("x", network, network, seed=1, order=None, max_outage=None)
    with pytest.raises(UserError, match=r"dmvpn 1\+other, and the worker has dmvpn"):
        try_candidate(CandidateTask(name=task.name, inputs=task.inputs, version="1+other", octets=b"no pickle"))


# ------------------------------------------------------------------------------------------------ a file of results

TASKS = [CandidateTask(name=f"c{number}", inputs=f"{number}" * 16, version="1+a") for number in range(1, 4)]
RESULTS = [
    CandidateResult(TASKS[0], CandidateRow(name="c1", worse=1, outage=2.5, why="reachability: A to B: gone")),
    CandidateResult(TASKS[1], CandidateRow(name="c2", untried=True, why="cannot be")),
    CandidateResult(TASKS[2], CandidateRow(name="c3")),
]


def test_a_file_gives_back_the_rows_that_were_added(tmp_path: Path) -> None:
    with ResultFile(tmp_path / "rows", FORM) as file:
        assert list(file.read_results(TASKS)) == []
        for result in RESULTS:
            file.add(result)
    with ResultFile(tmp_path / "rows", FORM) as file:
        assert list(file.read_results(TASKS)) == RESULTS


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("hello", r"rows:2: not a result of diff --each"),
        ('{"task": {"network": "x"}}', r"rows:2: not a result of diff --each: a row: not an object"),
        (RESULTS[1].to_json().replace('"worse": 0', '"worse": true'), r"rows:2: .*worse: True is not int"),
        (RESULTS[1].to_json().replace("2222", "3333"), r"rows:2: candidate c2 .*was another one: use another file"),
        (RESULTS[1].to_json().replace('"c2"', '"c9"'), r"rows:2: candidate c9 is not here"),
        (RESULTS[1].to_json().replace("1+a", "2+b"), r"rows:2: .*of dmvpn 2\+b, and this program is 1\+a"),
        (RESULTS[0].to_json(), r"rows:2: candidate c1 is in line 1, too"),
    ],
)
def test_a_foreign_row_is_an_error_of_its_line_and_the_file_stays(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "rows"
    path.write_text(f"{RESULTS[0].to_json()}\n{line}\n")
    before = path.read_bytes()
    with ResultFile(path, FORM) as file, pytest.raises(UserError, match=problem):
        list(file.read_results(TASKS))
    assert path.read_bytes() == before


def test_a_fingerprint_is_of_contents_and_settings_and_not_of_places(tmp_path: Path) -> None:
    def inputs(folder: Path, *, seed: int = 1, order: str | None = "together", longest: float | None = None) -> str:
        before, after = Scenario.load(NETWORK), Scenario.load(str(folder))
        return candidate_task("x", before, after, seed=seed, order=order, max_outage=longest).inputs

    for name in ("one", "two", "other"):
        shutil.copytree(BUILT_IN / NETWORK, tmp_path / name)
    _change(tmp_path / "other", lambda text: text + "!\n")
    first = inputs(tmp_path / "one")
    assert inputs(tmp_path / "two") == first
    different = {
        inputs(tmp_path / "other"),
        inputs(tmp_path / "one", seed=2),
        inputs(tmp_path / "one", order=None),
        inputs(tmp_path / "one", longest=1.0),
    }
    assert len(different - {first}) == 4


def test_a_result_goes_back_without_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **_settings: object) -> None:
        raise UserError("cannot be compared")

    monkeypatch.setattr("dmvpn.tools.diff.comparison.compare_networks", refuse)
    network = Scenario.load(NETWORK)
    task = candidate_task("x", network, network, seed=1, order=None, max_outage=None)
    result = try_candidate(task)
    assert result == CandidateResult(task, CandidateRow(name="x", why="cannot be compared", untried=True))
    assert result.task.octets == b""


@pytest.mark.lengthy
def test_a_comparison_that_was_cut_off_goes_on_and_prints_the_same_table(
    candidates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows"
    words = ["diff", "--before", NETWORK, "--each", str(candidates), "--order", "none", "--results", str(path)]
    assert main(words) == 2
    whole = capsys.readouterr().out
    lines = path.read_text().splitlines(keepends=True)
    assert [json.loads(line)["task"]["candidate"] for line in lines] == ["1-same", "2-cut"]
    path.write_text(lines[1] + lines[0][:40])
    assert main([*words, "--jobs", "2"]) == 2
    again = capsys.readouterr()
    assert again.out == whole
    assert f"{path} has 1 of these candidates" in again.err
    assert sorted(path.read_text().splitlines(keepends=True)) == sorted(lines)
    _change(candidates / "2-cut", lambda text: text + "!\n")
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{path}:1: candidate 2-cut " in said.err
    assert "use another file" in said.err


def test_a_file_of_results_without_candidates_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", NETWORK, "--after", NETWORK, "--results", "x"]) == 2
    assert "go with --each" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ odd folders


def test_a_folder_whose_name_is_no_utf8_has_a_row_that_can_be_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal that takes nothing but UTF-8 got a traceback in place of the table."""
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    words = ["diff", "--before", NETWORK, "--each", str(tmp_path), "--order", "none"]
    assert main(words) == 2
    said = capsys.readouterr().out
    assert said.encode()  # raises UnicodeEncodeError for octets that are no UTF-8
    assert "caf\\xe9    not tried" in said
    assert main([*words, "--json"]) == 2
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["caf\\xe9"]


def test_a_bad_file_of_results_is_refused_before_any_network_is_read(
    candidates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "--before", "nowhere", "--each", str(candidates), "--results", "/"]) == 2
    assert "/: Is a directory; --results wants a file" in capsys.readouterr().err


def test_a_candidate_that_changes_while_the_command_runs_ends_it(
    candidates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row belongs to the contents that were there at the beginning."""

    def opened_late(*_: object) -> LocalPool:
        _change(candidates / "1-same", lambda text: re.sub(r"(?m)^ tunnel source .*$", " shutdown", text))
        return LocalPool(1)

    monkeypatch.setattr(diff_each, "chosen_pool", lambda _: opened_late)
    assert main(["diff", "--before", NETWORK, "--each", str(candidates), "--order", "none"]) == 2
    assert "1-same: changed while this command ran" in capsys.readouterr().err


# `dmvpn diff` of a network with two front doors, where a cloud never comes up after the change.

_DOORS: Final = (1, 2)
_VRF = file_text("diff_front_door.cfg")
_LAN = """hostname {name}
interface GigabitEthernet3
 ip address 10.1.{host}.1 255.255.255.0
 no shutdown
router eigrp 1
 network 10.0.0.0
"""


def two_front_doors() -> Scenario:
    """Two hubs, each at a provider of its own, and two spokes with a front door to each provider."""
    texts: dict[str, str] = {}
    for n in _DOORS:
        dynamic = "ip nhrp map multicast dynamic\n no ip split-horizon eigrp 1"
        texts[f"HUB{n}"] = _LAN.format(name=f"HUB{n}", host=n) + _VRF.format(n=n, host=n, nhrp=dynamic)
    for host in (11, 12):
        name = f"SPOKE{host - 10}"
        doors = (
            _VRF.format(n=n, host=host, nhrp=f"ip nhrp nhs 10.255.{n}.{n} nbma 203.0.{n}.{n} multicast") for n in _DOORS
        )
        texts[name] = _LAN.format(name=name, host=host) + "".join(doors)
    links = [{"ends": [f"{name}:GigabitEthernet{n}" for name in (f"HUB{n}", "SPOKE1", "SPOKE2")]} for n in _DOORS]
    roles = {name: {"role": name.rstrip("12").lower()} for name in texts}
    return Scenario("two-front-doors", Lab.model_validate({"routers": roles, "links": links}), texts)


def test_a_cloud_that_never_comes_up_after_the_change_is_named_with_its_tunnel() -> None:
    """It said that all clients register after 0.25 s, and that the death of HUB1 costs nothing."""
    before = two_front_doors()
    changed = {**before.configurations, "SPOKE1": before.configurations["SPOKE1"].replace(" match fvrf ISP2\n", "")}
    comparison = compare_networks(before, Scenario(before.name, before.lab, changed), order=None)
    (registration,) = [one for one in comparison.changes if one.topic is Topic.REGISTRATION]
    assert registration.verdict is ChangeVerdict.WORSE
    assert registration.before == "all are there"
    assert registration.after.startswith("1 missing: SPOKE1: Tunnel2 is not registered with 10.255.2.2: ")
    text = "\n".join(as_text(comparison))
    assert "HUB1 costs nothing" not in text
    deaths = [one for one in comparison.changes if one.topic is Topic.DEATH]
    assert any("SPOKE1" in one.subject and "HUB1" in one.subject for one in deaths)
