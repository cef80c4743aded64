"""Files of strangers that end too early: what was lost could be what protects a tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import startable
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.features.tunnel.config import PROTECTION
from dmvpn.ios import INTERFACE, Fate
from dmvpn.router.features import FEATURES
from dmvpn.router.intake import report, take_in
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = "Building configuration...\n\nCurrent configuration : {0} bytes\n!\n"
_SAVED = "!\nversion 15.4\n!\n"
_ROUTER = """hostname R1
!
crypto ipsec transform-set T esp-aes esp-sha256-hmac
crypto ipsec profile P
 set transform-set T
!
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
"""
_PLAIN = _ROUTER.replace("crypto ipsec profile P\n set transform-set T\n", "")
_PAGER = " --More-- "
_MORE_LINES = """ tunnel protection ipsec profile P
!
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
!
"""
_VTY = "line vty 0 4\n login\n!\n"


def _said(text: str) -> list[tuple[int, str]]:
    problems = take_in(text).result.problems
    return [(problem.line_number, problem.message_lines[0]) for problem in problems if "cut off" in str(problem)]


def _in_clear(text: str) -> list[str]:
    intake = take_in(text)
    names = [
        args.interface("name")
        for args, section in intake.tree.sections(INTERFACE)
        if section.get(PROTECTION) is None and args.interface("name") not in intake.held
    ]
    return [name for name in names if name.startswith("Tunnel")]


@pytest.mark.parametrize(
    "text",
    [
        _ROUTER + _PAGER,
        _PLAIN + _PAGER + "\n",
        "R1#show running-config\n" + _PLAIN + _PAGER + "\nR1#\n",
        _PLAIN + "<--- More --->",
        _SHOWN.format(5000) + _ROUTER,
        _SHOWN.format(5000) + _PLAIN,
        "R1#sh run\n" + _SAVED + _PLAIN + "R1#\n",
        _SAVED + _ROUTER,
        _SAVED + _PLAIN,
        _ROUTER,
        _ROUTER.replace(" tunnel mode gre multipoint\n", ""),
    ],
)
def test_no_tunnel_comes_up_in_clear_because_its_file_was_cut_off(text: str) -> None:
    """The line that names the profile is the last of a tunnel: a cut takes it away, and the rest looked complete."""
    last = next(number for number, line in reversed([*enumerate(text.splitlines(), 1)]) if line.startswith(" tunnel "))
    assert [number for number, _ in _said(text)] == [last]
    assert take_in(text).held == ("Tunnel0",)
    assert _in_clear(text) == []


def test_a_tunnel_in_which_a_file_ends_is_held_even_with_a_profile() -> None:
    """`tunnel protection ipsec profile P ikev2-profile I` may have lost its end."""
    intake = take_in(_SAVED + _ROUTER + " tunnel protection ipsec profile P\n")
    (line,) = intake.why_held("R1.cfg")
    assert line.startswith("Tunnel0 stays shut down: R1.cfg:15: the file is cut off here")


@pytest.mark.parametrize("text", [_SAVED + _ROUTER + _MORE_LINES, _SHOWN.format(5000) + _ROUTER + _MORE_LINES])
def test_a_file_cut_off_behind_its_tunnels_is_said_and_holds_none(text: str) -> None:
    assert len(_said(text)) == 1
    assert take_in(text).held == ()


def test_the_count_of_octets_tells_how_much_is_missing() -> None:
    text = _SHOWN.format(5000) + _PLAIN
    (said,) = _said(text)
    behind = len(text) - text.index(" bytes\n") - len(" bytes\n")
    assert f"{behind} of the 5000 octets" in said[1]


@pytest.mark.parametrize(
    "text",
    [
        _PLAIN,
        _PLAIN + "!\n",
        _ROUTER + _MORE_LINES,
        _ROUTER + "!\n",
        _SAVED + _ROUTER + _MORE_LINES + "end\n",
        _SAVED + _ROUTER + _MORE_LINES + _VTY,
        _SHOWN.format(5000) + _ROUTER + _MORE_LINES + "end\n\nR1#",
        _SHOWN.format(len(_ROUTER)) + _ROUTER + _MORE_LINES,
        "R1#show run | section Tunnel\n" + _SHOWN.format(5000) + _PLAIN,
        _PLAIN.replace(" ip nhrp", f"{_PAGER}\n ip nhrp"),
        _SAVED + _PLAIN + "!\n...\n",
        "conf t\n" + _PLAIN,
    ],
)
def test_what_is_whole_or_was_written_by_hand_is_not_cut_off(text: str) -> None:
    assert _said(text) == []
    assert take_in(text).held == ()


def test_a_router_refuses_a_file_that_is_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "R1.cfg"
    file.write_text(_SAVED + _ROUTER + _MORE_LINES)
    with pytest.raises(UserError, match="nothing was changed"):
        startable(file, file.read_text(), (), configurator(FEATURES))
    assert main(["config", "check", str(file)]) == 1
    said = capsys.readouterr().err
    assert f"{file}:19: in interface mode\n!\n% The file is cut off here" in said


def test_what_import_writes_of_a_file_that_is_cut_off_says_so_itself() -> None:
    """The written file ends with `end`; its tunnel is shut down."""
    kept = take_in(_SAVED + _ROUTER).to_keep
    assert kept.endswith("\nend\n")
    again = take_in(kept)
    assert again.result.problems == ()
    assert " shutdown" in kept


_AFTERWARDS = [
    "R1#\nR1#show run | section router\nrouter eigrp 1\n network 10.0.0.0\nR1#\n",
    "R1#show run int Gi0/0\nBuilding configuration...\n\nCurrent configuration : 60 bytes\n!\n"
    "interface GigabitEthernet0/0\n ip address 192.0.2.1 255.255.255.0\nend\n\nR1#\n",
    "R1#conf t\nR1(config)#int GigabitEthernet0/0\nR1(config-if)#no shutdown\nR1(config-if)#end\nR1#\n",
    "\b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\bR1#show clock\n10:42:07.000 UTC\nR1#\n",
]


@pytest.mark.parametrize("afterwards", _AFTERWARDS)
@pytest.mark.parametrize("shown", [_SHOWN.format(5000) + _ROUTER, _SAVED + _ROUTER, _ROUTER])
def test_a_pager_that_was_left_cuts_off_though_the_log_goes_on(shown: str, afterwards: str) -> None:
    """Whoever reads a log sees `--More--` and then the next command; the rest of the tunnel was never shown."""
    text = f"R1#show running-config\n{shown}{_PAGER}{'' if afterwards[0] == chr(8) else chr(10)}{afterwards}"
    last = next(number for number, line in enumerate(text.splitlines(), 1) if line == " tunnel mode gre multipoint")
    assert [number for number, _ in _said(text)] == [last]
    assert take_in(text).held == ("Tunnel0",)
    assert _in_clear(text) == []


_WHOLE = _SHOWN.format(5000) + _SAVED + _ROUTER + _MORE_LINES + "end\n\n"


def test_a_configuration_that_is_shown_again_to_its_end_is_whole() -> None:
    text = f"R1#sh run\n{_SHOWN.format(5000)}{_SAVED}{_ROUTER}{_PAGER}\nR1#terminal length 0\nR1#sh run\n{_WHOLE}R1#\n"
    assert _said(text) == []
    assert take_in(text).held == ()


def test_a_second_look_that_is_cut_off_before_makes_nothing_whole() -> None:
    again = _SHOWN.format(5000) + _SAVED + "hostname R1\n"
    text = f"R1#sh run\n{_SHOWN.format(5000)}{_SAVED}{_ROUTER}{_PAGER}\nR1#sh run\n{again}{_PAGER}\nR1#\n"
    assert len(_said(text)) == 2
    assert take_in(text).held == ("Tunnel0",)


@pytest.mark.parametrize("behind", ["", "\nR1#\n"])
def test_a_pager_of_other_output_cuts_no_configuration_off(behind: str) -> None:
    text = f"R1#sh run\n{_WHOLE}R1#show ip route\nCodes: L - local\n{_PAGER}{behind}"
    assert _said(text) == []


_BANNER = "hostname R1\nbanner motd #Keep out\n"


@pytest.mark.parametrize("behind", ["", "end\n", _PLAIN + "!\nrouter eigrp 1\n network 10.0.0.0\nend\n"])
def test_a_banner_without_an_end_is_reported_where_it_begins(behind: str) -> None:
    """It was reported at the last line of the file, and nobody knew what was lost."""
    problems = take_in(_BANNER + behind).result.problems
    assert [(problem.line_number, problem.text) for problem in problems][:1] == [(2, "banner motd #Keep out")]


def test_a_banner_without_an_end_says_what_of_a_configuration_it_took() -> None:
    text = (
        "interface Tunnel9\n tunnel mode gre multipoint\n"
        + _BANNER
        + _ROUTER
        + "!\nrouter eigrp 1\n network 10.0.0.0\nend\n"
    )
    intake = take_in(text)
    first = next(problem for problem in intake.result.problems if problem.line_number == 4)
    assert first.message_lines == (
        "% A text has no end: #; it took what is behind it, 9 lines of a configuration among that",
    )
    entries = [entry for entry in intake.of(Fate.REFUSED) if entry.number == 4]
    assert [entry.text for entry in entries] == ["banner motd #Keep out"]
    assert intake.held == ("Tunnel9",)
    assert any("Tunnel9 stays shut down: line " in line for line in report(intake))
