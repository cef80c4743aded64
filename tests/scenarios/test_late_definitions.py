"""A file that defines a VRF below its first use: refused line by line, as on IOS, and told what to move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main

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
_ADVICE = "Move `{definition}` (line 6), with its address family, above the lines that name it"


def _file(folder: Path, use: str) -> tuple[Path, str]:
    definition = _FORMS[use]
    file = folder / "R1.cfg"
    file.write_text(f"hostname R1\n{_PORT.format(use=use)}{definition}end\n")
    return file, _ADVICE.format(definition=definition.splitlines()[0])


@pytest.mark.parametrize("use", _FORMS)
@pytest.mark.parametrize("command", [["config", "check"], ["lint"], ["import"], ["run", "--plan"]])
def test_a_file_with_a_late_definition_says_which_lines_to_move(
    command: list[str], use: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The port sat in the global table, and the refusal said that there is no such VRF, which the file defines."""
    file, advice = _file(tmp_path, use)
    main([*command, str(file)])
    said = capsys.readouterr()
    assert advice in said.out + said.err


def test_a_vrf_that_is_defined_nowhere_has_nothing_to_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "R1.cfg"
    file.write_text(f"hostname R1\n{_PORT.format(use='vrf forwarding ISP')}vrf definition OTHER\nend\n")
    main(["config", "check", str(file)])
    said = capsys.readouterr()
    assert "VRF ISP does not exist" in said.out + said.err
    assert "Move" not in said.out + said.err
