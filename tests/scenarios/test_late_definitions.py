"""A file that defines a VRF below its first use: taken as if the definition were above it, with a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.router.intake import take_in

if TYPE_CHECKING:
    from pathlib import Path

_PORT = """interface GigabitEthernet0/1
 {use}
 ip address 198.51.100.1 255.255.255.252
 no shutdown
"""
_FORMS = {
    "vrf forwarding ISP": "vrf definition ISP\n address-family ipv4\n",
    "ip vrf forwarding ISP": "ip vrf ISP\n",
}
_SAID = "taken as if it were above line 3, which names this VRF"


def _file(folder: Path, use: str) -> Path:
    file = folder / "R1.cfg"
    file.write_text(f"hostname R1\n{_PORT.format(use=use)}{_FORMS[use]} rd 1:1\nend\n")
    return file


@pytest.mark.parametrize("use", _FORMS)
@pytest.mark.parametrize("command", [["config", "check"], ["lint"], ["import"], ["run", "--plan"]])
def test_a_late_definition_is_moved_and_named(
    command: list[str], use: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line of the port was refused, and no router of the folder came up."""
    main([*command, str(_file(tmp_path, use))])
    said = capsys.readouterr()
    assert _SAID in said.out + said.err
    assert "does not exist" not in said.out + said.err


@pytest.mark.parametrize("use", _FORMS)
def test_a_file_that_is_written_for_it_has_the_definition_first(use: str, tmp_path: Path) -> None:
    intake = take_in(_file(tmp_path, use).read_text())
    kept = intake.to_keep.splitlines()
    assert kept.index(_FORMS[use].splitlines()[0]) < kept.index(f" {use}")
    assert take_in(intake.to_keep).result.problems == ()


def test_a_vrf_that_is_defined_nowhere_has_nothing_to_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "R1.cfg"
    file.write_text(f"hostname R1\n{_PORT.format(use='vrf forwarding ISP')}vrf definition OTHER\nend\n")
    main(["config", "check", str(file)])
    said = capsys.readouterr()
    assert "VRF ISP does not exist" in said.out + said.err
    assert "taken as if" not in said.out + said.err
