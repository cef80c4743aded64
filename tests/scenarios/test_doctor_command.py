"""`dmvpn doctor`: what is typed, and what one router, a whole lab and counters can tell it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.findings import Cause
from dmvpn.labs import prompts
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.networks import FEW
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.lab import places
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.trial import attempt
from support.bench import WorldBench
from support.doctors import ExaminedWorld, as_it_runs, no_advice
from support.nats import derived
from support.one_end import measure
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.shells.scenario import Scenario


# `dmvpn doctor` as it is typed: what it says of an address, and exit codes that a pipeline can tell apart.


class PromptedWorld(ExaminedWorld):
    """A world behind the prompts of a lab."""

    def only_router(self) -> None:
        """There are several."""

    def earlier(self) -> list[dict[str, str]]:
        """The routers have saved nothing."""
        return []

    def scenario(self) -> Scenario:
        """What the routers run."""
        return as_it_runs(self.world)


def lab(monkeypatch: pytest.MonkeyPatch, *lines: str) -> ExaminedWorld:
    """notes-phase3 is up, and R31 has these lines more."""
    world = World("notes-phase3").converge()
    WorldBench(world).configure("R31", lines)
    world.run_for(60)
    examined = PromptedWorld(world)
    monkeypatch.setattr(places, "find_lab", lambda _name, _command: None)
    monkeypatch.setattr(places, "find_node", lambda text, _command: (None, text))
    monkeypatch.setattr(places, "some_router", lambda: "R31")
    monkeypatch.setattr(prompts, "Prompts", lambda _folder: examined)
    return examined


def test_exit_codes_tell_what_is_well_from_what_is_broken_and_both_from_a_wrong_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error in the name of a router was 1, as if the network were broken."""
    lab(monkeypatch)
    assert main(["doctor"]) == 0
    assert main(["doctor", "R31", "--one-end"]) == 0
    capsys.readouterr()
    for words, complaint in (
        (["R31", "banana"], "banana is not an address: dmvpn doctor R31 A.B.C.D"),
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
    examined, folder = lab(monkeypatch, "interface Tunnel100", "tunnel key 4711"), tmp_path / "review"
    assert main(["doctor", "--fix", str(folder)]) == 1
    assert capsys.readouterr().err == f"dmvpn: {folder}/remedies.diff and R31: for a review; nothing was typed\n"
    assert "+ tunnel key 100\n" in (folder / "remedies.diff").read_text()
    assert "tunnel key 100\n" in (folder / "R31.cfg").read_text()
    assert "tunnel key 4711" in examined.world.show("R31", "running-config")
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
        (["--force"], "--force needs --fix"),
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
    examined = lab(monkeypatch, "interface Tunnel100", "ip nhrp authentication APART", "shutdown", "no shutdown")
    for name in ("R11", "R41"):
        examined.world.configure(name, "interface Tunnel100", "ip nhrp authentication TOGETHER")
    examined.wait(300)
    main(["doctor"])
    said = capsys.readouterr().out
    assert "     ip nhrp authentication <secret>\n" in said
    assert "  <secret> is for you to fill in, as the other end has it; so these lines were not tried\n" in said


def test_a_branch_that_was_shut_down_is_exit_code_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab(monkeypatch, "interface Tunnel100", "shutdown")
    assert main(["doctor", "--brief"]) == 0
    verdict = "4 routers: likely broken at line protocol (tunnel shut down), at R31, unless intended\n"
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
    examined = lab(monkeypatch)
    assert not any("pings from R31 to 10.4.4.1" in text for text in fine(visit(examined))), "it builds no shortcut"
    examined.ask([("R31", "ping 10.4.4.1 source 10.3.3.1 repeat 5")])
    whole = [text for text in fine(visit(examined)) if text.startswith("pings from R31 to 10.4.4.1")]
    assert whole == ["pings from R31 to 10.4.4.1 (behind R41): 4 of 4 came back"]
    towards = fine(visit(examined, "R31", ip_address("10.4.4.100")))
    assert "pings from R31 to 10.4.4.100 (behind R41): 5 of 5 came back" in towards


def test_a_spoke_that_was_never_redirected_to_an_address_says_by_whom_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = fine(visit(lab(monkeypatch), "R31", ip_address("10.4.4.100"), probing=False))
    assert "R31 has sent no request for 10.4.4.100 yet: packets for it go through the hub" in found


def test_pings_between_sites_that_get_lost_are_not_among_what_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = visit(lab(monkeypatch), "R31", ip_address("10.4.4.77"))
    assert not any("pings from R31 to 10.4.4.77" in one.what for one in diagnosis.fine)
    assert not diagnosis.healthy


# What one router can know by itself: hypotheses, what it cannot see, and whom to ask what.


def from_one_end(world: World, router: str, address: str = "") -> Diagnosis:
    """Asked there."""
    return visit(ExaminedWorld(world), router, ip_address(address) if address else None, one_end=True)


def test_the_ends_and_pairs_that_are_not_seen_are_named_with_commands_that_their_routers_take() -> None:
    world = World("intro-phase3").converge()
    WorldBench(world).ask([("SPOKE10", "ping 192.168.20.100 source 192.168.10.1")])
    found = {one.whom: one for one in from_one_end(world, "SPOKE10", "192.168.20.100").unseen}
    assert list(found) == ["10.0.0.1 at 198.51.100.1", "10.0.0.20", "the router of 192.168.20.100"]
    assert found["10.0.0.20"].about == "the pair SPOKE10 and 10.0.0.20"
    assert "show ip nhrp 10.0.0.10" in found["10.0.0.1 at 198.51.100.1"].ask
    for router, one in (("HUB", "10.0.0.1 at 198.51.100.1"), ("SPOKE20", "the router of 192.168.20.100")):
        for command in found[one].ask:
            assert "%" not in world.do(router, command).splitlines()[0:1], command
            assert "Invalid" not in world.do(router, command), command


def test_a_hub_says_that_it_sees_nobody_who_never_came() -> None:
    world = World("intro-phase3").converge()
    about = [one.about for one in from_one_end(world, "HUB").unseen]
    assert about[-1] == "spokes that never came to HUB"
    assert "the pair HUB and 10.0.0.10" in about


def test_where_nothing_is_seen_and_somebody_complains_it_says_what_is_left_to_look_at() -> None:
    world = World("notes-phase3").converge()
    diagnosis = from_one_end(world, "R31", "10.4.4.100")
    assert diagnosis.healthy
    left = (Cause.HOST_GATEWAY, Cause.MTU, Cause.ADDRESS_CONFLICT, Cause.LAN_OVERLAP)
    assert tuple(one.cause for one in diagnosis.hypotheses)[-4:] == left
    assert from_one_end(world, "R31").hypotheses == ()
    text = list(as_text(diagnosis))
    assert "if users complain nevertheless:" in text
    assert "not seen from here, and whom to ask:" in text


def test_of_a_dead_router_nobody_else_is_named() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R31")
    assert from_one_end(world, "R31").unseen == ()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_of_faults_that_nobody_listed_most_are_among_three_hypotheses_of_the_spoke_that_suffers() -> None:
    harmful = [one for one in measure("committed", 60, FEW, jobs=2) if one.bad]
    assert len(harmful) > 30
    assert sum(one.suspected for one in harmful) >= 0.75 * len(harmful), "\n".join(map(str, harmful))


# What the doctor is not certain of: lines that stop a tunnel which passes packets, and what only time can tell.


def after(*typed: str, seconds: float = 20) -> World:
    """Phase 3, where somebody typed this at R31."""
    world = World("notes-phase3").converge()
    world.run_for(20)
    world.configure("R31", *typed)
    world.run_for(seconds)
    return world


def test_a_password_that_differs_while_packets_pass_is_likely_and_the_next_registration_decides() -> None:
    """It is asked for at the next registration, up to a third of the holding time later."""
    world = after("interface Tunnel100", "ip nhrp authentication OTHERS", seconds=0)
    diagnosis = visit(ExaminedWorld(world))
    found = diagnosis.findings[0]
    assert found.cause is Cause.AUTHENTICATION
    assert not found.certain
    assert "the next registration, in " in found.decide
    text = "\n".join(as_text(diagnosis))
    assert text.startswith("4 routers: likely broken at registration (NHRP authentication), at R31")
    assert f"to decide: {found.decide.partition(', in ')[0]}" in text


def test_what_is_felt_is_certain() -> None:
    world = after("interface Tunnel100", "tunnel key 4711", seconds=120)
    first = no_advice(world)[0]
    assert (first.cause, first.router) == (Cause.KEY, "R31")
    assert first.certain
    assert first.decide == ""


def test_what_passes_packets_hides_nothing_that_stops_them() -> None:
    """The password is compared on an earlier step than the routes."""
    lines = ("interface Tunnel100", "ip nhrp authentication OTHERS", "exit", "router eigrp GRE-OVERLAY")
    family = "address-family ipv4 unicast autonomous-system 100"
    world = after(*lines, family, "af-interface Tunnel100", "passive-interface", seconds=0)
    causes = [one.cause for one in no_advice(world)]
    assert causes.index(Cause.PASSIVE_INTERFACE) < causes.index(Cause.AUTHENTICATION)


def test_a_server_that_was_just_put_right_is_not_judged_before_the_clients_ask_again() -> None:
    world = World("notes-phase3").converge()
    world.run_for(20)
    world.configure("R11", "interface Tunnel100", "no ip nhrp network-id")
    world.run_for(400)
    world.configure("R11", "interface Tunnel100", "ip nhrp network-id 100")
    found = [one for one in no_advice(world) if one.cause is Cause.UNDECIDED]
    assert {one.router for one in found} == {"R31", "R41"}
    for one in found:
        assert f"not known before the next registration of {one.router}, in " in one.decide
    world.run_for(70)
    assert no_advice(world) == []


def test_a_refusal_from_before_somebody_configured_the_server_is_not_certain() -> None:
    world = World("notes-phase3").converge()
    world.configure("R31", "interface Tunnel100", "ip nhrp authentication APART", "shutdown", "no shutdown")
    world.configure("R11", "interface Tunnel100", "ip nhrp authentication TOGETHER")
    world.configure("R41", "interface Tunnel100", "ip nhrp authentication TOGETHER")
    world.run_for(400)
    before = no_advice(world)[0]
    assert (before.cause, before.router, before.certain) == (Cause.AUTHENTICATION, "R31", True)
    world.configure("R11", "interface Tunnel100", "ip nhrp authentication APART")
    now = next(one for one in no_advice(world) if one.router == "R31" and one.cause is Cause.AUTHENTICATION)
    assert not now.certain
    assert now.decide.startswith("R11 was configured since then, so not known before the next registration of R31, in ")


def test_from_one_end_it_says_when_the_router_asks_again() -> None:
    world = after("interface Tunnel100", "tunnel key 4711", seconds=120)
    diagnosis = visit(ExaminedWorld(world), "R31", one_end=True)
    assert "it asks again in " in diagnosis.hypotheses[0].why


def test_lines_that_help_in_a_copy_make_a_finding_certain_and_those_that_do_nothing_make_it_likely() -> None:
    world = after("interface Tunnel100", "tunnel key 4711", seconds=120)
    diagnosis = visit(ExaminedWorld(world))
    doubted = replace(diagnosis, findings=tuple(replace(one, decide="?") for one in diagnosis.findings))
    first = attempt(doubted, CopiedLab(as_it_runs(world))).findings[0]
    assert first.certain
    useless = tuple(replace(one, fix=("interface Tunnel100", "description x")) for one in diagnosis.findings)
    first = attempt(replace(diagnosis, findings=useless), CopiedLab(as_it_runs(world))).findings[0]
    assert not first.certain
    assert "changed nothing in the copy" in first.decide


def test_lines_that_undo_lines_which_helped_are_not_shown() -> None:
    """Two remedies gave one line two values. Each helped in the copy, where sessions were up, and together they did
    not.
    """
    world = after("interface Tunnel100", "no ip nhrp network-id", seconds=0)
    world.configure("R41", "interface Tunnel100", "no ip nhrp network-id")
    world.run_for(120)
    diagnosis = visit(ExaminedWorld(world))
    here, there = (next(one for one in diagnosis.findings if one.router == name) for name in ("R31", "R41"))
    first = replace(here, fix=(*here.fix, "description first"))
    second = replace(here, fix=(here.fix[0], "description second"))
    tried = attempt(replace(diagnosis, findings=(first, second, there)), CopiedLab(as_it_runs(world))).findings
    trials = [one.trial for one in tried]
    assert [trial is not None and trial.works for trial in trials] == [True, False, True]
    assert trials[1] is not None
    assert trials[1].worse == ("'description first', which helped, is undone",)
    assert tried[1].fix == ()


# `dmvpn doctor R31`: one wrong thing in notes-phase3 from the start, and what the view of the whole lab says of it.

TYPED = read("whole_lab")


def findings(world: World, router: str = "R31") -> list[Finding]:
    """After half a minute."""
    world.run_for(30)
    return [one for one in visit(ExaminedWorld(world, blind=False), router).findings if not one.advice]


def with_line(router: str, old: str, new: str) -> World:
    """notes-phase3 with another line in one configuration."""

    def change(name: str, text: str) -> str:
        assert name != router or old in text
        return text.replace(old, new) if name == router else text

    return World("notes-phase3", change=change)


def test_a_router_that_is_registered_lacks_nothing() -> None:
    world = World("notes-phase3").converge()
    assert findings(world) == findings(world, "R11") == []


@pytest.mark.parametrize("what", TYPED)
def test_one_wrong_line_is_named(what: str) -> None:
    router, cause, words = TYPED[what].found
    finding = findings(World(TYPED[what].network, change=TYPED[what].change))[0]
    assert (finding.cause, finding.router) == (cause, router)
    assert words in finding.what


def test_the_lines_to_enter_give_a_tunnel_its_mask_again() -> None:
    world = with_line("R31", "192.168.100.31 255.255.255.0", "192.168.100.31 255.255.255.254")
    finding = findings(world)[0]
    said = world.configure(finding.router, *finding.fix)
    assert "Invalid" not in said
    world.run_for(90)
    assert findings(world) == []
    assert world.lacks() == []


def test_a_tunnel_whose_address_was_refused_is_named() -> None:
    """192.168.100.31 is the broadcast address of that network, so the line is not taken."""
    finding = findings(with_line("R31", "100.31 255.255.255.0", "100.31 255.255.255.252"))[0]
    assert (finding.cause, finding.what) == (Cause.NO_ADDRESS, "Tunnel100 of R31 has no address")


def test_a_dead_server_is_named() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R11")
    finding = findings(world)[0]
    assert (finding.cause, finding.order) == (Cause.ROUTER_DEAD, "dmvpn lab start R11")


def test_a_dead_router_is_named() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R31")
    finding = findings(world)[0]
    assert finding.cause is Cause.ROUTER_DEAD


@pytest.mark.parametrize("router", ["R31", "R11"])
def test_a_cut_link_is_named_at_either_end(router: str) -> None:
    world = World("notes-phase3").converge()
    world.cut(router, "GigabitEthernet0/1")
    finding = findings(world)[0]
    assert finding.cause is Cause.LINK_CUT
    assert f"{router}:GigabitEthernet0/1" in finding.what


def test_a_cut_link_behind_the_translator_is_named() -> None:
    world = World("spoke-behind-nat").converge()
    world.cut("NAT1", "outside")
    finding = findings(world)[0]
    assert (finding.cause, finding.order) == (Cause.LINK_CUT, "dmvpn lab impair NAT1:outside")


def test_a_refusal_is_the_servers_own_word() -> None:
    """Two spokes with the same tunnel address: the second is refused, because the first registered it uniquely."""
    world = with_line("R31", "192.168.100.31 255", "192.168.100.41 255")
    world.run_for(5)
    finding = findings(world, "R31")[0]
    assert finding.cause is Cause.ADDRESS_CONFLICT
    assert any("unique address registered already" in evidence for evidence in finding.evidence)


@pytest.mark.parametrize(
    ("router", "words"),
    [
        ("R11", "192.168.100.11 answers: authentication failure (11)"),
        ("R31", "the reply of the next hop server has another password than ours, or none"),
    ],
)
def test_a_password_that_only_one_side_has_is_named_whichever_it_is(router: str, words: str) -> None:
    world = with_line(router, " ip nhrp network-id 100\n", " ip nhrp network-id 100\n ip nhrp authentication DMVPN\n")
    for _ in range(5):  # and it does not depend on when one looks
        world.run_for(7)
        finding = findings(world)[0]
        assert finding.cause is Cause.AUTHENTICATION
        assert f"R31 says: {words}" in finding.evidence
    for command in ("ip nhrp nhs detail", "dmvpn detail"):
        assert f"     {words}" in world.lines("R31", command)


def test_servers_of_an_ipv6_network_are_looked_for_too() -> None:
    world = World("ipv6-phase3", change=lambda _, text: text.replace("nbma 172.16.11.1", "nbma 172.16.11.9"))
    finding = findings(world)[0]
    assert finding.cause is Cause.NHS_NBMA
    line = "ipv6 nhrp nhs 2001:DB8:100::11 nbma 172.16.11"
    assert finding.fix == ("interface Tunnel100", f"no {line}.9", f"{line}.1 multicast")


def filtered() -> World:
    """Protocol 47 is filtered by somebody whom nobody can ask."""
    world = World("notes-phase3")
    world.sim.segment_of("R31", "GigabitEthernet0/1").gate = lambda _from, _to, packet: packet[9] != 47
    return world


def test_what_passes_and_what_does_not_tells_of_a_filter() -> None:
    finding = findings(filtered())[0]
    assert finding.cause is Cause.GRE_BLOCKED
    assert any("10 of 10 came back" in evidence for evidence in finding.evidence)


def test_without_probes_it_does_not_say_what_it_cannot_know() -> None:
    world = filtered()
    world.run_for(30)
    finding = visit(ExaminedWorld(world), "R31", probing=False).findings[0]
    assert finding.cause is Cause.UNDECIDED
    assert any("protocol 47 (GRE) is filtered on the way" in evidence for evidence in finding.evidence)


def test_a_server_that_is_itself_behind_a_translator_cannot_be_reached(tmp_path: Path) -> None:
    """The spokes know the public address of the box before the hub, which lets nothing in unasked."""
    lab = (
        (
            '["R11:GigabitEthernet0/1", "TRANSPORT:GigabitEthernet0/1"]',
            '["NAT1:outside", "TRANSPORT:GigabitEthernet0/1"]\n  - ends: ["R11:GigabitEthernet0/1", "NAT1:inside"]',
        ),
        (
            "hosts:\n",
            "gateways:\n  NAT1: {outside: 172.16.11.1/30, gateway: 172.16.11.2, inside: 192.168.11.1/24}\nhosts:\n",
        ),
    )
    hub = (("172.16.11.1 255.255.255.252", "192.168.11.10 255.255.255.0"), ("172.16.11.2", "192.168.11.1"))
    (finding,) = findings(World(derived(tmp_path, "notes-phase3", lab=lab, R11=hub)))
    assert finding.cause is Cause.SERVER_BEHIND_NAT


def test_a_spoke_that_knows_the_hubs_lan_alone_suspects_no_missing_redirect() -> None:
    """Its packets end at the hub: nobody would be redirected."""
    world = World("notes-phase3").converge()
    world.sim.kill("R41")
    world.run_for(60)
    assert visit(ExaminedWorld(world), "R31", one_end=True).healthy


def test_the_other_spoke_of_a_dead_one_is_well() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R41")
    world.run_for(60)
    assert findings(world, "R31") == []
    assert findings(world, "R41")[0].cause is Cause.ROUTER_DEAD
