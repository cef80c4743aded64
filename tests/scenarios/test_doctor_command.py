"""`dmvpn doctor` as it is typed: what it says of an address, and exit codes that a pipeline can tell apart."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.app import prompts
from dmvpn.app.main import main
from dmvpn.shells.lab import finding
from dmvpn.tools.doctor import visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.world import World

if TYPE_CHECKING:
    import pytest

    from dmvpn.tools.doctor import Diagnosis


class Patient(WorldPatient):
    """A world behind the prompts of a lab."""

    def only_router(self) -> None:
        """There are several."""


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
    assert "R31 has asked nobody for 10.4.4.100 yet: what is for it goes by the hub" in found


def test_pings_between_sites_that_get_lost_are_not_among_what_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = visit(lab(monkeypatch), "R31", ip_address("10.4.4.77"))
    assert not any("pings from R31 to 10.4.4.77" in one.what for one in diagnosis.fine)
    assert not diagnosis.healthy
