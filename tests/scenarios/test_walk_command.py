"""`dmvpn walk` as it is typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dmvpn.app import walk
from dmvpn.app.main import main
from support.world import World

if TYPE_CHECKING:
    from dmvpn.shells.facts import LabFacts


@pytest.fixture(scope="module")
def lab() -> LabFacts:
    """notes-phase3, whose R41 cannot reach H1 any more."""
    world = World("notes-phase3").converge()
    world.configure("R41", "ip route 10.1.1.100 255.255.255.255 Null0")
    return world.sim.facts(world.scenario)


@pytest.fixture(autouse=True)
def _is_up(lab: LabFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "_facts", lambda _name: lab)


def test_a_packet_that_arrives_and_is_answered_is_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk", "H3", "H4"]) == 0
    assert capsys.readouterr().out.endswith("both directions take the same way\n")


def test_a_packet_whose_answer_does_not_come_back_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk", "H1", "H4", "--json"]) == 1
    read = json.loads(capsys.readouterr().out)
    assert (read["forth"]["end"]["outcome"], read["back"]["end"]["outcome"]) == ("delivered", "dropped")


def test_an_end_is_named_with_its_lab_and_both_are_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk", "A/H3", "H4", "--from", "A/R31"]) == 0
    assert main(["walk", "A/H3", "B/H4"]) == 1
    assert capsys.readouterr().err == "dmvpn: a packet stays in one lab: A and B are two\n"


def test_size_and_df_are_those_of_the_packet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk", "H3", "H4", "--size", "1401", "--df"]) == 1
    assert "10.3.3.100 -> 10.4.4.100, 1401 octets, must not be cut (DF)" in capsys.readouterr().out


@pytest.mark.parametrize("size", ["27", "65536", "much", "-1"])
def test_what_no_packet_can_have_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["walk", "H3", "H4", f"--size={size}"])
    assert stopped.value.code == 2
    assert f"{size}: octets from 28 to 65535" in capsys.readouterr().err


def test_a_name_that_nobody_has_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk", "H3", "H9"]) == 1
    assert capsys.readouterr().err.startswith("dmvpn: H9: neither an address nor a name; this lab has H1")
