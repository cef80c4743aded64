"""Files of strangers that end too early: what was lost could be what protects a tunnel."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.app.config import startable
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.features.tunnel.config import PROTECTION
from dmvpn.ios import INTERFACE, ConfigLine, ConfigSession, Fate, known_commands
from dmvpn.ios.config_line import FREE
from dmvpn.ios.transcript import decode
from dmvpn.ios.tree import ConfigTree
from dmvpn.labs.unsupported_lines import refuse_left_out
from dmvpn.router.entered_text import report, take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.scenario import Scenario
from support.pki import Console
from support.texts import file_text

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = "Building configuration...\n\nCurrent configuration : {0} bytes\n!\n"
_SAVED = "!\nversion 15.4\n!\n"
_ROUTER = file_text("cut_off_files_router.cfg")
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
        "% A text is not terminated: #; it took the rest, 9 lines of a configuration among that",
    )
    entries = [entry for entry in intake.with_fate(Fate.REFUSED) if entry.number == 4]
    assert [entry.text for entry in entries] == ["banner motd #Keep out"]
    assert intake.held == ("Tunnel9",)
    assert any("Tunnel9 stays shut down: line " in line for line in report(intake))


# Lines that secure, restrict or divert are never passed over: a user who relies on one hears it before a run.

LANGUAGE = configurator(FEATURES)
PORT: Final = ("interface GigabitEthernet0/1",)
VTY: Final = ("line vty 0 4",)

LINES: Final = (
    *((PORT, f"{line}") for line in (
        "macsec", "mka policy P", "dot1x pae authenticator", "authentication port-control auto", "cts manual", "mab",
        "access-session closed", "access-session port-control auto", "switchport port-security maximum 2",
        "ip dhcp snooping limit rate 10", "ip arp inspection limit rate 10", "ipv6 nd raguard attach-policy P",
        "ip admission NAC", "ip auth-proxy WEB", "ppp authentication chap",
        "storm-control broadcast level 10.00", "rate-limit input 8000 1500 2000 conform-action transmit",
        "service-policy type inspect P", "ip security dedicated secret genser", "ip tcp intercept list 101",
        "crypto map M", "crypto ipsec client ezvpn HOME",
        "ip audit AUDIT in", "utd enable", "ip wccp web-cache redirect in",
    )),
    *((VTY, line) for line in (
        "authorization exec VTY", "authorization commands 15 VTY", "autocommand show users",
        "login tacacs", "session-limit 2", "absolute-timeout 60",
    )),
    *(((), line) for line in (
        "ip tcp intercept list 101", "ip options drop", "dot1x system-auth-control", "access-session mac-move deny",
        "cts role-based enforcement", "ip dhcp snooping", "ip arp inspection vlan 10",
        "login delay 5", "security authentication failure rate 3 log", "security passwords min-length 10",
        "privilege configure level 15 interface", "privilege interface all level 7 ip", "parser view OPERATORS",
        "aaa authorization exec default group tacacs+ local", "aaa authorization commands 15 default group tacacs+",
        "aaa authorization config-commands", "aaa authorization console",
        "aaa local authentication attempts max-fail 3",
        "aaa authentication enable default group tacacs+ enable",
        "username admin access-class 10", "username guest autocommand show users",
        "ip nat outside source static 192.0.2.1 10.9.9.9",
        "ip nat inside destination list 1 pool P",
    )),
    (("control-plane",), "service-policy input COPP"),
    (("control-plane host",), "management-interface GigabitEthernet0/1 allow ssh"),
    (("ip nat pool P prefix-length 24",), "address 192.0.2.5 192.0.2.9"),
    (("crypto pki trustpoint T",), "match certificate PEERS"),
    (("crypto pki trustpoint T",), "authorization list PEERS"),
    (("crypto ikev2 profile P",), "shutdown"),
    (("crypto isakmp profile P",), "client authentication list USERS"),
)  # fmt: skip


@pytest.mark.parametrize(("section", "line"), LINES)
def test_a_line_that_secures_is_named_and_left_out_and_run_asks_first(section: tuple[str, ...], line: str) -> None:
    """It was kept in silence, and `config check` called the file good."""
    text = "\n".join((*section, f"{' ' * len(section)}{line}", "end"))
    intake = take_in(text)
    (entry,) = intake.with_fate(Fate.LEFT_OUT)
    assert (entry.text, entry.number) == (line, len(section) + 1)
    assert any(entry.shown in said for said in report(intake))
    assert line not in "\n".join(intake.tree.render())
    with pytest.raises(UserError):
        refuse_left_out("R1.cfg", intake.result, ())


@pytest.mark.parametrize(("section", "line"), LINES)
def test_the_prompt_refuses_a_line_that_secures_and_says_why(section: tuple[str, ...], line: str) -> None:
    session = ConfigSession(LANGUAGE, ConfigTree())
    for opener in section:
        session.enter(opener)
    result = session.enter(line)
    assert result.refused
    assert result.output_lines[0].startswith("% Error: no ")


def test_somebody_may_agree_to_go_without_all_lines_of_a_kind() -> None:
    lines = "".join(f" authorization commands {level} VTY\n" for level in range(16))
    result = take_in(f"line vty 0 4\n{lines}end\n").result
    with pytest.raises(UserError, match="all of this kind: --without 'limits of logins and of commands'"):
        refuse_left_out("R1.cfg", result, ())
    refuse_left_out("R1.cfg", result, ["limits of logins and of commands"])
    with pytest.raises(UserError):
        refuse_left_out("R1.cfg", result, ["guards of ports"])


# ------------------------------------------------------------------------------------------------ the whole table

#: Words of lines that let somebody in, keep something away, or send it elsewhere.
_SECURE: Final = re.compile(
    r"auth|access-|macsec|dot1x|\bcts\b|secure|security(?!-association)|guard|filter|inspect|firewall|intercept|storm|limit|restrict|privilege"
    r"|lockable|login|verify|snooping|maximum-prefix|redirect in|policing|\bacl\b|block|attempts|autocommand|shutdown"
)
#: Those that are kept, and why nobody is less safe: by how the line begins in its mode.
_SAFE: Final = {
    "services that nobody reaches here, and users who do not dial in": (
        "global ip http", "call-home", "isakmp-client", "webvpn", "ikev2-authorization",
        "global crypto ikev2 authorization", "global crypto isakmp xauth", "global crypto xauth",
        "isakmp-profile isakmp authorization",
    ),
    "definitions: the line that applies one to traffic is left out": (
        "global mac access-list", "global ip access-list", "global ip inspect",
        "global ip urlfilter", "global zone", "global key chain", "global access-expression",
        "policy-map-class inspect", "others",
    ),
    "users of the configuration, which count here in any case, and lists that no line here names": (
        "global aaa authentication", "global aaa authorization", "line login",
    ),
    "protocols that do not run here, so nobody is their neighbor": (
        "isis", "eigrp-vrf", "bgp-vrf", "interface ipv6 authentication", "router-bgp address-family",
    ),
    "bounds that this program has of its own": (
        "global crypto ikev2 limit", "global logging", "global ip icmp rate-limit", "router-ospf limit",
        "router-ospf-ipv6 limit",
        "router-ospfv3 limit", "router-ospfv3-family limit",
    ),
    "tags of packets, and the servers for them: `cts role-based enforcement` is left out": ("global cts",),
    "words that mean something else": (
        "interface tx-", "policy-map-class queue-limit", "global multilink", "global ip tftp", "archive rollback",
        "sla", "global ipv6 hop-limit", "interface ipv6 nd ra hop-limit",
        "global banner", "pki-server shutdown", "voice", "controller",
        "interface spanning-tree",
    ),
}  # fmt: skip


def _text(line: ConfigLine) -> str:
    return f"{line.mode} {line.syntax.removesuffix(FREE)}"


def _secures(line: ConfigLine) -> bool:
    return _SECURE.search(line.syntax) is not None


def test_every_known_line_that_sounds_like_security_is_left_out_or_has_a_reason() -> None:
    reasons = tuple(beginning for beginnings in _SAFE.values() for beginning in beginnings)
    passed_over = [
        _text(line)
        for line in known_commands()[0]
        if _secures(line)
        and line.group is not None
        and not line.group.is_left_out
        and not _text(line).startswith(reasons)
    ]
    assert passed_over == []


def test_every_reason_is_that_of_a_line() -> None:
    texts = [_text(line) for line in known_commands()[0] if _secures(line)]
    idle = [one for ones in _SAFE.values() for one in ones if not any(text.startswith(one) for text in texts)]
    assert idle == []


# Files that hold no configuration: empty ones, comments alone, archives. Each is named as what it is.

_TEXT = b"hostname A\ninterface Loopback0\n ip address 192.0.2.1 255.255.255.255\n"


@pytest.mark.parametrize("command", [["import"], ["config", "check"], ["lint"], ["run"], ["lab", "up", "--simulated"]])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("!\n! nothing yet\nend\n", "no line of a configuration is in it"),
        ("R1#show clock\n*10:00:00.000 UTC Mon Mar 1 1993\nR1#\n", "no line of a configuration is in it"),
    ],
)
def test_a_file_without_a_line_does_not_run(
    command: list[str], text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`dmvpn import` said of an empty file that everything in it runs."""
    file = tmp_path / "r1.cfg"
    file.write_text(text)
    assert main([*command, str(file)]) != 0
    out, err = capsys.readouterr()
    assert f"{file}: {said}" in err
    assert "runs" not in out


def test_a_folder_goes_without_an_empty_file_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.cfg").write_bytes(_TEXT)
    (tmp_path / "b.cfg").write_text("")
    assert main(["import", str(tmp_path), "--to", str(tmp_path / "taken")]) == 0
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["A.cfg"]
    assert f"{tmp_path / 'b.cfg'}: it is empty: it is left out" in capsys.readouterr().out
    main(["lint", str(tmp_path)])
    assert f"{tmp_path / 'b.cfg'}: it is empty: it is left out" in capsys.readouterr().err


def test_a_folder_with_its_files_in_folders_is_taken_with_all_of_them(tmp_path: Path) -> None:
    """`dmvpn import` said that there is no configuration in it."""
    for name in ("site-a/configs", "site-b", ".git"):
        (tmp_path / "net" / name).mkdir(parents=True)
        (tmp_path / "net" / name / "r.cfg").write_text(f"hostname R-{name[-1]}\ninterface Loopback0\n")
    (tmp_path / "net" / "README.txt").write_text("About the routers: router ospf 1 runs on all of them\n")
    (tmp_path / "net" / "loop").symlink_to(tmp_path / "net")
    assert main(["import", str(tmp_path / "net"), "--to", str(tmp_path / "taken")]) == 0
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["R-b.cfg", "R-s.cfg"]


def _zip() -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.cfg", _TEXT)
        return file.getvalue()


def _tar() -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            member = tarfile.TarInfo("a.cfg")
            member.size = len(_TEXT)
            archive.addfile(member, io.BytesIO(_TEXT))
        return file.getvalue()


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (gzip.compress(_TEXT, mtime=0), "a gzip file: unpack it first"),
        (_zip(), "a zip archive"),
        (_tar(), "a tar archive"),
        (bz2.compress(_TEXT), "a bzip2 file"),
        (lzma.compress(_TEXT), "an xz file"),
        (b"%PDF-1.4\n1 0 obj\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_an_archive_is_named_as_what_it_is(
    octets: bytes, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was "not text: it has zero octets in it"; a PDF was a configuration whose lines nobody knows."""
    file = tmp_path / "r1.cfg"
    file.write_bytes(octets)
    assert main(["import", str(file)]) != 0
    assert f"{file}: not text but {kind}" in capsys.readouterr().err


@pytest.mark.parametrize("beginning", ["PK", "BZh", "GIF", "7z", "Rar!"])
def test_a_text_that_begins_like_the_mark_of_an_archive_is_text(beginning: str) -> None:
    assert decode(f"{beginning}-R1#show run\n".encode()) == f"{beginning}-R1#show run\n"


def test_a_router_of_a_described_lab_may_begin_without_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("title: one to configure\nrouters:\n  B:\n    role: router\n")
    (tmp_path / "A.cfg").write_bytes(_TEXT)
    (tmp_path / "B.cfg").write_text("")
    assert sorted(Scenario.load(str(tmp_path)).configurations) == ["A", "B"]


# Lines and commands that tools send to every router, and that nothing acts upon here: taken back without a trace.


@pytest.mark.parametrize(
    "line",
    [
        *("ip domain list example.net", "ip domain lookup source-interface GigabitEthernet0/1"),
        "logging host 192.0.2.1 transport tls port 6514",
        "logging host ipv6 2001:db8::1",
    ],
)
def test_a_line_that_a_tool_sends_is_kept_and_taken_back(line: str) -> None:
    console = Console("hostname R1\nip vrf RED\n")
    before = console.running
    status, said = console.type("configure terminal", line, "end")
    assert (status, "Invalid" in said) == (0, False)
    assert line in console.running
    assert console.type("configure terminal", f"no {line}", "end")[0] == 0
    assert console.running == before


def test_who_types_tclsh_is_told_where_loops_are() -> None:
    """It was an unknown command, and perhaps the name of a host."""
    status, said = Console("hostname R1").type("tclsh")
    assert status == 1
    assert said.startswith("% Error: there is no Tcl here; loop outside:")


def test_all_route_maps_is_not_the_name_of_one() -> None:
    """`show route-map all` said that it was not found, which Ansible takes for a failure."""
    console = Console("route-map A permit 10\nroute-map B deny 20\n")
    assert console.type("show route-map all") == console.type("show route-map")
    assert "route-map B, deny, sequence 20" in console.type("show route-map all")[1]


def test_import_leaves_out_a_second_copy_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders of courses hold a file twice, as text and as the router saved it; another text is another router."""
    for name, address in (("R9", "10.0.0.1"), ("R9.txt", "10.0.0.1"), ("R9-old.txt", "10.0.0.2")):
        text = f"hostname R9\ninterface Loopback0\n ip address {address} 255.255.255.255\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
    both, made = [str(tmp_path / "R9"), str(tmp_path / "R9.txt")], tmp_path / "made"
    assert main(["import", *both, "--to", str(made)]) == 0
    assert f"{both[1]} says what {both[0]} says: it is left out" in "".join(capsys.readouterr())
    assert [each.name for each in made.iterdir()] == ["R9.cfg"]
    assert main(["import", *both, str(tmp_path / "R9-old.txt"), "--to", str(tmp_path / "none")]) == 1
    assert "give one of them another hostname" in capsys.readouterr().err
