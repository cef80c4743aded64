"""`dmvpn doctor` as it is typed: what it says of an address, and exit codes that a pipeline can tell apart."""

from __future__ import annotations

import json
import shutil
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.app.main import main
from dmvpn.labs import prompts
from dmvpn.shells.lab import finding
from dmvpn.shells.scenario import BUILT_IN
from dmvpn.tools.doctor import visit
from support.bench import WorldBench
from support.doctors import WorldPatient, as_it_runs
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.doctor import Diagnosis


class Patient(WorldPatient):
    """A world behind the prompts of a lab."""

    def only_router(self) -> None:
        """There are several."""

    def earlier(self) -> list[dict[str, str]]:
        """The routers have saved nothing."""
        return []

    def scenario(self) -> Scenario:
        """What the routers run."""
        return as_it_runs(self.world)


def lab(monkeypatch: pytest.MonkeyPatch, *lines: str) -> WorldPatient:
    """notes-phase3 is up, and R31 has these lines more."""
    world = World("notes-phase3").converge()
    WorldBench(world).configure("R31", lines)
    world.run_for(60)
    patient = Patient(world)
    monkeypatch.setattr(finding, "find_lab", lambda _name, _command: None)
    monkeypatch.setattr(finding, "find_node", lambda text, _command: (None, text))
    monkeypatch.setattr(finding, "some_router", lambda: "R31")
    monkeypatch.setattr(prompts, "Prompts", lambda _folder: patient)
    return patient


def test_exit_codes_tell_what_is_well_from_what_is_broken_and_both_from_a_wrong_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error in the name of a router was 1, as if the network were broken."""
    lab(monkeypatch)
    assert main(["doctor"]) == 0
    assert main(["doctor", "R31", "--one-end"]) == 0
    capsys.readouterr()
    for words, complaint in (
        (["R31", "banana"], "banana is no address: dmvpn doctor R31 A.B.C.D"),
        (["R99"], "there is no router R99 in this lab; it has R11, R31, R41, TRANSPORT"),
        (["--one-end"], "--one-end needs a router: dmvpn doctor R31 --one-end"),
    ):
        assert main(["doctor", *words]) == 2
        said = capsys.readouterr()
        assert (said.out, said.err) == ("", f"dmvpn: {complaint}\n")


def test_a_broken_network_is_exit_code_1_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    lab(monkeypatch, "interface Tunnel100", "tunnel key 4711")
    assert [main(["doctor", *words]) for words in ((), ("R31",), ("R31", "10.4.4.100"), ("R31", "--one-end"))] == [
        1
    ] * 4


def test_the_lines_that_work_are_written_for_a_review_and_nothing_is_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    patient, folder = lab(monkeypatch, "interface Tunnel100", "tunnel key 4711"), tmp_path / "review"
    assert main(["doctor", "--fix", str(folder)]) == 1
    assert capsys.readouterr().err == f"dmvpn: {folder}/remedies.diff and R31: for a review; nothing was typed\n"
    assert "+ tunnel key 100\n" in (folder / "remedies.diff").read_text()
    assert "tunnel key 100\n" in (folder / "R31.cfg").read_text()
    assert "tunnel key 4711" in patient.world.show("R31", "running-config")
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir()), "there are keys in it"


def test_a_file_of_somebody_else_is_overwritten_only_by_force(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lab(monkeypatch, "interface Tunnel100", "tunnel key 4711")
    (tmp_path / "R31.cfg").write_text("mine\n")
    assert main(["doctor", "--fix", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"dmvpn: {tmp_path}/R31.cfg is there already: name another folder, or add --force\n"
    )
    assert (tmp_path / "R31.cfg").read_text() == "mine\n"
    assert main(["doctor", "--fix", str(tmp_path), "--force"]) == 1
    assert "tunnel key 100\n" in (tmp_path / "R31.cfg").read_text()


def test_where_nothing_is_broken_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lab(monkeypatch)
    assert main(["doctor", "--fix", str(tmp_path / "review")]) == 0
    assert capsys.readouterr().err == "dmvpn: no lines were tried that work, so nothing was written\n"
    assert not (tmp_path / "review").exists()


def test_a_folder_of_configurations_is_examined_and_fixed_without_a_lab(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(BUILT_IN / "notes-phase3", tmp_path / "net")
    spoke = tmp_path / "net" / "R31.cfg"
    spoke.write_text(spoke.read_text().replace("tunnel key 100", "tunnel key 4711"))
    assert main(["doctor", "--files", str(tmp_path / "net"), "--fix", str(tmp_path / "net"), "--force"]) == 1
    assert "tried: with these lines R11 and R31 reach each other directly" in capsys.readouterr().out
    assert main(["doctor", "--files", str(tmp_path / "net")]) == 0


def test_of_two_folders_the_part_of_their_difference_that_breaks_the_network_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (tmp_path / name / "notes-gre" for name in ("old", "new"))
    for folder in (old, new):
        shutil.copytree(BUILT_IN / "notes-gre", folder)
    text = (new / "R31.cfg").read_text()
    lines = "ip prefix-list SPARE seq 5 permit 198.18.0.0/15\nend"
    (new / "R31.cfg").chmod(0o644)
    (new / "R31.cfg").write_text(text.replace(" network 172.16.0.0\n", "").replace("end", lines))
    assert main(["doctor", "--files", str(new), "--since", str(old)]) == 1
    said = capsys.readouterr().out
    assert "3 routers: broken at underlay (network statement missing), at R31" in said
    assert "the last good configuration differs here: a copy with its line is well" in said
    assert "    router rip\n     network 172.16.0.0\n" in said


def test_contradictions_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words, complaint in (
        (
            ["R31", "--one-end", "--fix", "x"],
            "--fix writes lines that were tried in a copy: leave out --one-end and --no-trial",
        ),
        (["--force"], "--force goes with --fix"),
        (["--files", "x", "--lab", "y"], "--files and --lab name two networks: leave one out"),
        (
            ["--since", "x", "--no-trial"],
            "--since compares copies of both networks: leave out --one-end and --no-trial",
        ),
        (["--files", "nowhere"], "no scenario 'nowhere'"),
    ):
        assert main(["doctor", *words]) == 2
        assert capsys.readouterr().err.startswith(f"dmvpn: {complaint}")


def test_brief_prints_the_verdict_and_the_lines_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab(monkeypatch, "interface Tunnel100", "tunnel key 4711")
    assert main(["doctor", "--brief"]) == 1
    line = "4 routers: broken at GRE (tunnel key), at R31; on R31: interface Tunnel100 / tunnel key 100\n"
    assert capsys.readouterr().out == line
    assert main(["doctor", "R31", "--one-end", "--brief"]) == 1
    assert capsys.readouterr().out.startswith("R31: one end alone is in view")
    assert main(["doctor", "--brief", "--json"]) == 2


def test_lines_that_were_not_tried_are_not_shown_and_the_place_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines that nobody had tried cut off a spoke that worked."""
    lab(monkeypatch, "interface Tunnel100", "tunnel key 4711")
    assert main(["doctor", "--no-trial"]) == 1
    said = capsys.readouterr().out
    assert "to fix it, on R31" not in said
    assert "  to fix it: look at 'tunnel key' under 'interface Tunnel100', of R31\n" in said
    assert "  no lines are shown, because none were tried: --no-trial\n" in said
    assert main(["doctor", "--no-trial", "--json"]) == 1
    (found,) = (one for one in json.loads(capsys.readouterr().out)["findings"] if not one["advice"])
    assert (found["fix"], found["untried"]) == ([], "--no-trial")


def test_a_secret_to_fill_in_is_marked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The line had the word PASSWORD, which a router takes for the password."""
    patient = lab(monkeypatch, "interface Tunnel100", "ip nhrp authentication APART", "shutdown", "no shutdown")
    for name in ("R11", "R41"):
        patient.world.configure(name, "interface Tunnel100", "ip nhrp authentication TOGETHER")
    patient.wait(300)
    main(["doctor"])
    said = capsys.readouterr().out
    assert "     ip nhrp authentication <secret>\n" in said
    assert "  <secret> is for you to fill in, as the other end has it; so these lines were not tried\n" in said


def test_a_branch_that_was_shut_down_is_exit_code_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab(monkeypatch, "interface Tunnel100", "shutdown")
    assert main(["doctor", "--brief"]) == 0
    verdict = "4 routers: likely broken at line protocol (tunnel shut down), at R31, unless that is meant\n"
    assert capsys.readouterr().out == verdict


def fine(diagnosis: Diagnosis) -> list[str]:
    """What was checked."""
    assert diagnosis.healthy
    return [one.what for one in diagnosis.fine]


def test_a_hub_that_is_asked_about_an_address_behind_a_spoke_says_how_it_gets_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It printed not one word about the address."""
    found = fine(visit(lab(monkeypatch), "R11", ip_address("10.4.4.1")))
    assert "10.4.4.1 is behind R41, and the tunnel of R11 leads straight there" in found
    assert "pings from R11 to 10.4.4.1 (behind R41): 5 of 5 came back" in found


def test_pings_between_sites_that_came_back_are_among_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    patient = lab(monkeypatch)
    assert not any("pings from R31 to 10.4.4.1" in text for text in fine(visit(patient))), "it builds no shortcut"
    patient.ask([("R31", "ping 10.4.4.1 source 10.3.3.1 repeat 5")])
    whole = [text for text in fine(visit(patient)) if text.startswith("pings from R31 to 10.4.4.1")]
    assert whole == ["pings from R31 to 10.4.4.1 (behind R41): 4 of 4 came back"]
    towards = fine(visit(patient, "R31", ip_address("10.4.4.100")))
    assert "pings from R31 to 10.4.4.100 (behind R41): 5 of 5 came back" in towards


def test_a_spoke_that_was_never_redirected_to_an_address_says_by_whom_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = fine(visit(lab(monkeypatch), "R31", ip_address("10.4.4.100"), probing=False))
    assert "R31 has sent no request for 10.4.4.100 yet: packets for it go through the hub" in found


def test_pings_between_sites_that_get_lost_are_not_among_what_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = visit(lab(monkeypatch), "R31", ip_address("10.4.4.77"))
    assert not any("pings from R31 to 10.4.4.77" in one.what for one in diagnosis.fine)
    assert not diagnosis.healthy
