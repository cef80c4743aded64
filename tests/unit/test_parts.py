"""Files with several routers in them, with Markdown around them, and those of other devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import check_scenario
from dmvpn.app.main import main
from dmvpn.ios import parts
from dmvpn.ios.markdown import fenced, hostname_of
from dmvpn.ios.parts import other_device, parts_of
from dmvpn.ios.transcript import BLOCK, LONGEST_FILE, Transcript, decode
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.folders import configurations_in
from dmvpn.shells.router_files import read_routers
from dmvpn.shells.scenario import Scenario
from support.texts import file_text, is_golden
from support.work import calls

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.ios.parts import RouterText

LANGUAGE = configurator(FEATURES)

HUB = """\
hostname HUB
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
end
"""
SPOKE = file_text("parts_spoke.cfg")


def names(text: str) -> list[str]:
    return [part.name for part in parts_of(text)]


def lines(part: RouterText) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(part.text.split("\n"), 1) if line.strip()]


def test_a_second_hostname_begins_another_router_with_the_head_above_it() -> None:
    hub, spoke = parts_of(f"{HUB}!\n! ==== SPOKE ====\nversion 15.4\n{SPOKE}")
    assert (hub.name, spoke.name) == ("HUB", "SPOKE")
    assert lines(spoke)[:4] == [(10, "!"), (11, "! ==== SPOKE ===="), (12, "version 15.4"), (13, "hostname SPOKE")]
    assert lines(hub)[-1] == (9, "end")


def test_a_configuration_that_is_shown_twice_is_of_one_router() -> None:
    assert names(HUB + HUB) == [""] or names(HUB + HUB) == ["HUB"]
    assert parts_of(HUB + HUB)[0].text == HUB + HUB


def test_a_terminal_that_goes_to_and_fro_leaves_the_lines_of_each_router() -> None:
    text = (
        "Router>en\nRouter#conf t\nRouter(config)#hostname R1\nR1(config)#interface Loopback0\n"
        "Router>en\nRouter#conf t\nRouter(config)#host R2\nR2(config)#interface Loopback1\n"
        "R1(config-if)#ip address 192.0.2.1 255.255.255.255\nPC1>ping 192.0.2.1\n"
    )
    first, second = parts_of(text)
    assert [(part.name, [number for number, _ in lines(part)]) for part in (first, second)] == [
        ("R1", [1, 2, 3, 4, 9]),
        ("R2", [5, 6, 7, 8]),
    ]


def test_a_router_that_is_renamed_at_its_prompt_remains_one() -> None:
    assert len(parts_of("A(config)#hostname B\nB(config)#hostname C\nC(config)#interface Loopback0\n")) == 1


def test_prompts_that_never_changed_do_not_make_one_router_two() -> None:
    text = "Router(config)#hostname R1\nRouter(config)#interface Loopback0\nRouter(config-if)#shutdown\n"
    assert len(parts_of(text)) == 1
    again = text.replace("R1", "R2").replace("Loopback0", "Loopback1")
    assert names(text + again) == ["R1", "R2"]


def test_a_hostname_in_a_banner_or_in_what_a_command_printed_is_nobodys() -> None:
    assert len(parts_of("hostname A\nbanner motd ^C\nhostname B\n^C\ninterface Loopback0\n")) == 1
    assert len(parts_of("A#show run\nhostname A\ninterface Loopback0\nA#show ip nhrp\nhostname B\n")) == 1


def test_too_many_routers_are_refused_before_they_take_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="more than 200 routers"):
        parts_of("".join(f"hostname R{number}\ninterface Loopback0\n" for number in range(500)))
    monkeypatch.setattr(parts, "MOST_LINES", 10)
    with pytest.raises(ValueError, match="too many routers"):
        parts_of(HUB + SPOKE)


def test_import_writes_a_file_of_each_router_and_run_says_who_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = tmp_path / "both.txt"
    both.write_text(HUB + SPOKE)
    assert main(["import", str(both), "--to", str(tmp_path / "lab")]) == 0
    assert sorted(path.name for path in (tmp_path / "lab").iterdir()) == ["HUB.cfg", "SPOKE.cfg"]
    assert main(["config", "check", str(both)]) == 0
    assert f"{both}: SPOKE: good" in capsys.readouterr().out
    assert main(["run", str(both)]) != 0
    assert "2 routers are in it (HUB, SPOKE); 'dmvpn import" in capsys.readouterr().err
    assert main(["lint", str(both)]) in (0, 1)


def test_a_message_about_the_second_router_names_the_line_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = tmp_path / "both.txt"
    both.write_text(HUB + SPOKE.replace("tunnel mode", "tunnle mode"))
    assert main(["config", "check", str(both)]) == 1
    assert f"{both}:18: in interface mode" in capsys.readouterr().err


def test_one_file_of_several_routers_is_a_network(tmp_path: Path) -> None:
    (tmp_path / "both.txt").write_text(HUB + SPOKE)
    for name in (tmp_path, tmp_path / "both.txt"):
        scenario = Scenario.load(str(name))
        assert {"HUB", "SPOKE"} <= set(scenario.configurations)
        assert any("2 routers" in note for note in scenario.notes)


# Markdown ------------------------------------------------------------------------------------------------------------


def test_of_markdown_what_is_between_fences_is_taken_at_its_line() -> None:
    text = f"# My lab\n\nRouter number one:\n\n```cisco\n{HUB}```\n\ntunnel source is what *matters*\n"
    (part,) = parts_of(text)
    assert lines(part) == [(number, line) for number, line in enumerate(HUB.split("\n")[:-1], 6)]


def test_a_block_that_was_never_closed_ends_where_the_next_begins() -> None:
    assert fenced("a\n```\nb\n```ios\nc\n```\nd") == f"\n{BLOCK}\nb\n{BLOCK}\nc\n\n"
    assert fenced("one ``` alone") == "one ``` alone"


def test_a_block_may_end_behind_its_last_line() -> None:
    """A fence behind `exit` was a line of the configuration, and so was the prose behind it."""
    text = (
        "# R1\n```\ninterface Tunnel0\n ip mtu 1400\nexit```\nThen shutdown the port.\n\n```\nip domain name a.b\n```\n"
    )
    found = [line for line in fenced(text).split("\n") if line.strip() and line != BLOCK and not line.startswith("!")]
    assert found == ["interface Tunnel0", " ip mtu 1400", "exit", "ip domain name a.b"]


def test_a_block_may_begin_behind_its_fence_or_be_one_line() -> None:
    is_golden(
        fenced("```interface Tunnel0\n mtu 9\n```\n``` ip cef ```\n").split("\n")[:4],
        "parts/a_block_may_begin_behind_its_fence_or_be_one_line",
    )


_RULES = "whose rules are not taken (access lists are, as `ip access-group` applies them)"

# Other devices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("ASA Version 9.8(2)\nhostname FW\n", "a Cisco ASA (line 1: ASA Version 9.8(2))"),
        ("interface Vlan1\n nameif outside\n", "a Cisco ASA (line 2: nameif outside)"),
        ("ASA Version 9.12(4)\nrouter eigrp 1\n network 10.0.0.0\n", "a Cisco ASA (line 1: ASA Version 9.12(4))"),
        ("version 9.3(8)\nfeature eigrp\nrouter eigrp E\n", "a Nexus (NX-OS) (line 2: feature eigrp)"),
        ("feature bgp\nvrf context X\n", "a Nexus (NX-OS) (line 1: feature bgp)"),
        ("version 12.1X46-D40;\nsystem {\n", "Junos (line 2: system {)"),
        ("set system host-name r1\n", "Junos (line 1: set system host-name r1)"),
        ("frr version 8.1\nhostname r1\n", "FRR (line 1: frr version 8.1)"),
        ("conn %default\n ike=aes256\n", "strongSwan (line 1: conn %default)"),
        ("*filter\n:INPUT DROP [0:0]\n-A INPUT -p esp -j ACCEPT\n", f"iptables, {_RULES} (line 1: *filter)"),
        ("iptables -A INPUT -p esp -j ACCEPT\n", f"iptables, {_RULES} (line 1: iptables -A INPUT -p esp -j ACCEPT)"),
        ("table inet filter {\n chain input {\n", f"nftables, {_RULES} (line 1: table inet filter {{)"),
        (f"{HUB}table inet filter {{\n", ""),
        (HUB, ""),
        (f"{HUB}object network LAN\n", ""),
    ],
)
def test_another_device_is_named_in_one_sentence(text: str, device: str) -> None:
    assert other_device(text) == device


def test_a_folder_goes_without_the_file_of_another_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fw.cfg").write_text("ASA Version 9.8(2)\ninterface Vlan1\n nameif outside\n")
    assert main(["config", "check", str(tmp_path / "fw.cfg")]) != 0
    assert (
        "this is of a Cisco ASA (line 1: ASA Version 9.8(2)); only IOS and IOS XE are read" in capsys.readouterr().err
    )
    (tmp_path / "hub.cfg").write_text(HUB)
    assert main(["import", str(tmp_path)]) == 0
    assert "only IOS and IOS XE are read: it is left out" in capsys.readouterr().out


FIREWALL = "hostname FW\ninterface GigabitEthernet0/0\n nameif outside\n ip address 192.0.2.9 255.255.255.0\n"


@pytest.mark.parametrize(
    ("text", "device"),
    [
        (f"{HUB}: Saved\n:\nASA Version 9.8(2)\n!\n{FIREWALL}", "FW is a Cisco ASA"),
        (f"R1#sh run\n{HUB}FW# sh run\nASA Version 9.8(2)\n{FIREWALL}", "FW is a Cisco ASA"),
        (f"{HUB}FW(config)# interface Gi0/0\nFW(config-if)# nameif outside\n", "FW is a Cisco ASA"),
        (f"{HUB}admin@SRX> show configuration\nset system host-name SRX\n", "admin@SRX is Junos"),
        (f"{HUB}!Command: show running-config\nversion 9.3(8)\nhostname N9K\nfeature bgp\n", "N9K is a Nexus (NX-OS)"),
    ],
)
def test_another_device_among_routers_in_one_file_is_left_out_and_named(
    text: str, device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A firewall in a log of several devices was taken for a router, and its lines were refused one by one."""
    path = tmp_path / "all.log"
    path.write_text(text)
    notes: list[str] = []
    (router,) = read_routers(path, say=notes.append)
    assert hostname_of(router.text) == hostname_of(HUB)
    assert "ASA" not in router.text
    assert len(notes) == 1
    assert notes[0].startswith(f"{path}: {device} (line ")
    assert main(["lint", str(path)]) in (0, 1)
    assert f"note: {notes[0]}" in capsys.readouterr().err
    assert any(device in note for note in configurations_in(tmp_path).notes)


def test_a_log_of_one_router_is_named_after_its_prompts(tmp_path: Path) -> None:
    for name, prompt in (("monday.log", "R7"), ("tuesday.log", "Router")):
        lines = ("interface Loopback0", "ip address 10.0.0.7 255.255.255.255")
        (tmp_path / name).write_text("".join(f"{prompt}(config-if)#{line}\n" for line in lines))
    assert list(configurations_in(tmp_path).texts) == ["R7", "tuesday"]


# Headings ------------------------------------------------------------------------------------------------------------

BARE = "interface Tunnel0\n ip address 10.0.0.{0} 255.255.255.0\n ip nhrp network-id 1\n"


@pytest.mark.parametrize("heading", ["! ===== {} =====", "{}:", "#### {}", "*** {} ***"])
def test_headings_tell_routers_apart_that_configure_the_same_interface(heading: str) -> None:
    text = "".join(f"{heading.format(name)}\n{BARE.format(1)}" for name in ("R1", "SPOKE-2"))
    assert names(text) == ["R1", "SPOKE-2"]


def test_a_comment_that_says_where_a_wire_leads_is_no_heading() -> None:
    text = "! R2\ninterface Ethernet0/0\n no shutdown\n! R3\ninterface Ethernet0/1\n no shutdown\n"
    assert len(parts_of(text)) == 1
    assert len(parts_of(BARE.format(1) + f"! R2\n{BARE.format(1)}! R3\n{BARE.format(1)}")) == 1


def test_of_a_number_and_a_role_in_a_heading_the_number_is_the_name() -> None:
    """`# R5 - Branch` named two routers, so nobody: a page of four routers became one with the last one's tunnel."""
    text = "".join(f"# {name}\n```\n{BARE.format(1)}```\n" for name in ("R11-HUB", "R5 - Branch", "R14 - Spoke"))
    assert [part.name for part in parts_of(text)] == ["R11-HUB", "R5", "R14"]


@pytest.mark.parametrize("heading", ["PEER {}", "! --- Spoke {} ---", "ROUTER {}:"])
def test_a_heading_may_be_a_role_and_a_letter_or_a_number(heading: str) -> None:
    text = "".join(f"{heading.format(number)}\nconfigure terminal\n{BARE.format(number)}" for number in (1, 2))
    assert [name[-2:] for name in names(text)] == ["-1", "-2"]


def test_a_device_and_its_role_with_numbers_are_one_router() -> None:
    """`R2 (Spoke1)` named nobody: what was below it became the hub's."""
    text = "".join(f"## {name}\n```\n{BARE.format(1)}```\n" for name in ("R1 (Hub)", "RT2 (Spoke1)", "R3 Spoke2"))
    assert [part.name for part in parts_of(text)] == ["R1", "RT2", "R3"]


@pytest.mark.parametrize("heading", ["R1, R2 and R3 (alike)", "R1 / R2 / R3", "R1 (Hub) & R2 (Spoke1) & R3 (Spoke2)"])
def test_a_block_under_the_names_of_several_routers_is_of_each(heading: str) -> None:
    own = "".join(f"## R{number}\n```\n{BARE.format(number)}```\n" for number in (1, 2, 3))
    shared = f"## {heading}\n```\ncrypto isakmp policy 10\n group 14\n```\n"
    parts = parts_of(own + shared)
    assert [part.name for part in parts] == ["R1", "R2", "R3"]
    assert all((21, "crypto isakmp policy 10") in lines(part) for part in parts)


def test_several_routers_that_nothing_tells_apart_are_not_taken_for_one() -> None:
    """The last one's tunnel had taken the others' away, and nobody said so."""
    one, two = (f"conf t\n{BARE.format(number)}" for number in (1, 2))
    with pytest.raises(ValueError, match=r"Tunnel0 has 10\.0\.0\.1 \(line 3\) and 10\.0\.0\.2 \(line 7\)"):
        parts_of(one + two)
    again = BARE.format(1) + BARE.format(2)
    for text in (one + one, again, f"hostname R1\n{one}{two}", f"R1(config)#{BARE.format(1)}```\nR1#conf t\n{again}"):
        assert len(parts_of(text)) == 1


def test_headings_of_markdown_name_the_routers_of_the_blocks_below_them() -> None:
    page = "# Lab 3\n## Configuration of R1\n```\n{}```\n<summary>R2</summary>\n```\n{}```\nR1 pings R2 now.\n"
    first, second = parts_of(page.format(BARE.format(1), BARE.format(2)))
    assert (first.name, second.name) == ("R1", "R2")
    assert (5, " ip address 10.0.0.1 255.255.255.0") in lines(first)
    assert (11, " ip address 10.0.0.2 255.255.255.0") in lines(second)


# Hostile texts -------------------------------------------------------------------------------------------------------


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "text",
    [
        "\n" * 400_000,
        " " * 1_000_000 + "x",
        "```" + " " * 1_000_000 + "x",
        "```\n" + "`" * 1_000_000 + "\n```",
        "/ip " + " " * 1_000_000 + "x",
        "hostname a" + " " * 1_000_000 + "x\nhostname b\n",
        "interface " + "a" * 1_000_000 + "\n" + "x#" * 300_000,
        "! R1\n" * 50_000 + "interface Tunnel0\n",
        "R1#\n" * 50_000,
    ],
)
def test_hostile_texts_take_no_more_than_a_look(text: str) -> None:
    assert len(parts_of(text)) <= 1
    assert other_device(text) in ("", other_device(text))


def test_reading_two_names_in_turn_grows_as_the_file_does() -> None:
    turn = "hostname A\n!\n!\nhostname B\n!\n"
    short = calls(lambda: parts_of(turn * 50))
    assert calls(lambda: parts_of(turn * 400)) < 12 * short


@pytest.mark.parametrize("ruler", ["~~~~~~~~~~~~", "```", "  ~~~"])
@pytest.mark.parametrize("before", ["", "R1(config)#"])
def test_rulers_in_a_banner_are_no_fences(ruler: str, before: str) -> None:
    """All of the configuration was outside of them, and dropped without a word."""
    text = f"{before}banner motd ^C\n{ruler}\n Authorized only\n{ruler}\n^C\n{HUB}"
    assert fenced(text) == text
    assert fenced(HUB + text) == HUB + text


def test_rulers_of_tildes_are_no_fences() -> None:
    text = f"{HUB}~~~~~~~~~~~\n{SPOKE}~~~~~~~~~~~\n"
    assert names(text) == ["HUB", "SPOKE"]


def test_a_configuration_outside_of_fences_is_read_if_none_is_inside() -> None:
    """Some pages have fences only around what the routers showed."""
    (part,) = parts_of(f"## Hub\n{HUB}\n```\nSuccess rate is 100 percent (5/5)\n```\n")
    assert [number for number, line in lines(part) if line.startswith("interface ")] == [3, 5]


@pytest.mark.lengthy
def test_many_banners_without_an_end_are_passed_over_fast() -> None:
    def banners(count: int) -> str:
        return "```\n```\n" + "".join(f"banner motd {chr(0x4E00 + number)}\n" for number in range(count))

    assert calls(lambda: fenced(banners(4000))) < 5 * calls(lambda: fenced(banners(1000)))


# Headings of routers that have a hostname, too -----------------------------------------------------------------------

PARIS = "hostname Paris\ninterface GigabitEthernet0/0\n ip address 192.0.2.1 255.255.255.0\n"
LONDON = "hostname London\ninterface GigabitEthernet0/0\n ip address 192.0.2.2 255.255.255.0\n"


@pytest.mark.parametrize(
    "heading",
    [
        *("! ===== {} =====", "{}:", "#### {}", "*** {} ***", "[{}]", "=== {} ===", "# {} #"),
        *("Step 2: tunnel ({})", "2. Tunnel of the branch ({}):", "! --- the tunnel ({}) ---", "**Tunnel ({})**"),
    ],
)
def test_a_heading_that_is_a_hostname_goes_back_to_that_router(heading: str) -> None:
    """All that a page said of its routers later was the last one's, whose tunnel then had two addresses."""
    later = "".join(f"{heading.format(name)}\n{BARE.format(number)}" for number, name in ((1, "Paris"), (2, "London")))
    paris, london = parts_of(PARIS + LONDON + later)
    assert (6 + 3, " ip nhrp network-id 1") not in lines(paris)
    assert [line for _, line in lines(paris) if "10.0.0." in line] == [" ip address 10.0.0.1 255.255.255.0"]
    assert [line for _, line in lines(london) if "10.0.0." in line] == [" ip address 10.0.0.2 255.255.255.0"]


@pytest.mark.parametrize("heading", ["### {}", "### On {}:", "### The tunnel of one of our sites ({})", "<h3>{}</h3>"])
def test_a_heading_of_markdown_that_is_a_hostname_goes_back_to_that_router(heading: str) -> None:
    """`### Paris` was no heading, for no pattern knew that name."""
    page = "".join(f"# Site\n```\n{text}```\n" for text in (PARIS, LONDON))
    for number, name in enumerate(("Paris", "London"), 1):
        page += f"{heading.format(name)}\n```\n{BARE.format(number)}```\n"
    paris, london = parts_of(page)
    assert [line for _, line in lines(paris) if "10.0.0." in line] == [" ip address 10.0.0.1 255.255.255.0"]
    assert [line for _, line in lines(london) if "10.0.0." in line] == [" ip address 10.0.0.2 255.255.255.0"]


def test_a_block_under_the_hostnames_of_several_routers_is_of_each() -> None:
    shared = "## Paris and London (alike)\n```\ncrypto isakmp policy 10\n group 14\n```\n"
    page = "".join(f"```\n{text}```\n" for text in (PARIS, LONDON)) + shared
    assert all("crypto isakmp policy 10" in part.text for part in parts_of(page))


def test_a_name_in_brackets_tells_routers_without_hostnames_apart() -> None:
    """They were an error: nothing told them apart."""
    page = "".join(
        f"### Tunnel of the {what} ({name})\n```\n{BARE.format(number)}```\n"
        for number, what, name in ((1, "head office", "HQ-GW"), (2, "branch", "SPOKE-A"))
    )
    assert names(page) == ["HQ-GW", "SPOKE-A"]


def test_a_comment_with_another_router_s_name_says_where_a_wire_leads() -> None:
    for comment in ("! London", "! to the other site (London)"):
        text = PARIS.replace("interface", f"{comment}\ninterface") + LONDON
        paris, london = parts_of(text)
        assert "ip address 192.0.2.1" in paris.text
        assert "ip address 192.0.2.1" not in london.text


def test_a_comment_is_a_heading_if_a_router_would_have_two_addresses_otherwise() -> None:
    later = "".join(f"! {name}\n{BARE.format(number)}" for number, name in ((1, "Paris"), (2, "London")))
    paris, london = parts_of(PARIS + LONDON + later)
    assert "ip address 10.0.0.1 " in paris.text
    assert "ip address 10.0.0.1 " not in london.text


def test_a_line_that_ends_in_brackets_is_no_heading() -> None:
    text = PARIS + "ip route 0.0.0.0 0.0.0.0 192.0.2.2 (London)\nip cef\n" + LONDON
    assert "ip cef" in parts_of(text)[0].text


def test_a_heading_is_no_line_of_the_router(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was kept, as a line that nobody knows."""
    file = tmp_path / "page.txt"
    file.write_text(f"{PARIS}{LONDON}Step 2: tunnel (Paris)\n{BARE.format(1)}")
    assert main(["import", str(file)]) == 0
    assert f"{file}: Paris: everything runs\n{file}: London: everything runs\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["import"], ["config", "check"], ["lint"]])
def test_a_second_address_of_an_interface_is_said(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last one counted, and nobody heard that two routers may have become one."""
    file = tmp_path / "r1.cfg"
    file.write_text(PARIS + BARE.format(1) + BARE.format(2))
    main([*command, str(file)])
    out, err = capsys.readouterr()
    assert "Tunnel0 had the address 10.0.0.1 (line 5), and the last one counts" in out + err


@pytest.mark.parametrize(
    "later",
    [
        "interface GigabitEthernet0/0\n ip address 192.0.2.1 255.255.255.0\n",
        "interface GigabitEthernet0/0\n ip address 192.0.2.9 255.255.255.0 secondary\n",
        "interface GigabitEthernet0/0\n no ip address\n ip address 192.0.2.9 255.255.255.0\n",
        "default interface g0/0\ninterface GigabitEthernet0/0\n ip address 192.0.2.9 255.255.255.0\n",
        "interface GigabitEthernet0/1\n ip address 192.0.2.9 255.255.255.0\n",
    ],
)
def test_an_address_that_is_no_second_one_is_not_said_to_be(later: str) -> None:
    said = [line for problem in LANGUAGE.parse_text(PARIS + later).problems for line in problem.message_lines]
    assert not any("had the address" in line for line in said)


def test_a_lab_says_that_an_interface_got_a_second_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r1.cfg").write_text(PARIS + BARE.format(1) + BARE.format(2))
    check_scenario(Scenario.load(str(tmp_path)))
    assert "Paris: line 8: Tunnel0 had the address 10.0.0.1 (line 5)" in capsys.readouterr().err


# What people keep as a configuration: logs of terminals, backups, files of other encodings.

LOG = file_text("parts_log.cfg")


def rendered(text: str) -> list[str]:
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    return [line for line in result.tree.render() if line != "!"]


def test_the_log_of_a_terminal_leaves_what_was_shown_and_typed_as_configuration() -> None:
    is_golden(rendered(LOG)[2:], "parts/the_log_of_a_terminal_leaves_what_was_shown_and_typed_as_configuration")


def test_a_prompt_says_that_a_line_is_global() -> None:
    lines = rendered("R1(config)#int tu0\nR1(config-if)#no shut\nR1(config)#ip route 10.0.0.0 255.0.0.0 Null0\n")
    assert "ip route 10.0.0.0 255.0.0.0 Null0" in lines


def test_messages_name_the_lines_of_the_file() -> None:
    (problem,) = LANGUAGE.parse_text("R1#sh run\r\nBuilding configuration...\r\n\r\nhostnaem R1\r\n").problems
    assert (problem.line_number, problem.text) == (4, "hostnaem R1")


@pytest.mark.parametrize(
    "octets",
    [
        "interface Tunnel0\n description Zürich".encode("latin-1"),
        b"\xef\xbb\xbfinterface Tunnel0\r\n description Z\xc3\xbcrich",
        "interface Tunnel0\r description Zürich".encode("utf-16"),
    ],
)
def test_encodings_and_line_ends_of_other_systems_are_read(octets: bytes) -> None:
    assert rendered(decode(octets)) == ["interface Tunnel0", " description Zürich"]


def test_text_inside_a_banner_is_not_taken_for_a_prompt_or_a_header() -> None:
    lines = rendered("banner motd ^C\nR1#sh run\n--More--\n[OK]\n^C\n")
    assert lines == ["banner motd ^C", "R1#sh run", "--More--", "[OK]", "^C"]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (" ip address 10.0.0.1 255.0.0.0 ! LAN", " ip address 10.0.0.1 255.0.0.0"),
        (" description to HQ ! urgent", " description to HQ ! urgent"),
        (" ip nhrp authentication !secret", " ip nhrp authentication !secret"),
        (" ip nhrp authentication one ! two", " ip nhrp authentication one"),
    ],
)
def test_a_comment_behind_a_line_goes_and_texts_keep_their_exclamation_marks(line: str, left: str) -> None:
    assert rendered(f"interface Tunnel0\n{line}") == ["interface Tunnel0", left]


def test_no_text_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="zero octets"):
        decode(b"abc\0def")
    with pytest.raises(ValueError, match="longer than"):
        decode(b" " * (LONGEST_FILE + 1))


@pytest.mark.lengthy
def test_a_line_of_a_megabyte_costs_no_more_than_its_length() -> None:
    transcript = Transcript()
    for hostile in ("\b" * 1_000_000, "a\b" * 500_000, "--More--" * 100_000, "a" * 1_000_000 + "#", "! " * 500_000):
        transcript.take(hostile)


def test_a_remark_may_have_the_number_of_the_entry_that_it_is_about() -> None:
    text = "ip access-list extended X\n 10 remark web\n 10 permit ip any any"
    assert rendered(text) == text.split("\n")


def test_what_show_printed_is_no_configuration_though_no_prompt_is_before() -> None:
    text = (
        "interface Tunnel0\n ip nhrp network-id 1\n"
        "Tunnel0 is up, line protocol is up\n  Internet address is 10.0.0.1/24\n"
        "IPv4 Crypto ISAKMP SA\ndst             src             state\n192.0.2.2  192.0.2.1  QM_IDLE\n"
        "interface: Tunnel0\n    Crypto map tag: Tunnel0-head-0\n"
        "interface Loopback0\n description Codes: none\n"
    )
    assert {"interface Loopback0", " description Codes: none", " ip nhrp network-id 1"} <= set(rendered(text))
    assert not any("Crypto map" in line or "QM_IDLE" in line for line in rendered(text))


@pytest.mark.parametrize("octets", [b"\x9b31m", b"\xc2\x9b31m", b"\x1bP1q", b"\x90q"])
def test_nothing_of_a_file_moves_the_cursor_of_whoever_reads_about_it(octets: bytes) -> None:
    result = LANGUAGE.parse_text(decode(b"interface Tunnel0\n frobnicate " + octets + b"\n"))
    said = "".join(problem.text + "".join(problem.message_lines) for problem in result.problems)
    assert "frobnicate" in said
    assert said.isprintable()


def test_quotation_marks_of_windows_are_what_they_are_there() -> None:
    assert decode(b"description \x93the hub\x94 \x96 caf\xe9") == "description \u201cthe hub\u201d \u2013 caf\xe9"


def test_a_tab_that_a_program_wrote_out_is_a_tab() -> None:
    """The `quit` of a certificate was `\\tquit`, which ended nothing and held the tunnels down."""
    text = (
        "crypto pki trustpoint CA\ncrypto pki certificate chain CA\n certificate ca 01\n"
        "  30820330 30820218\n  \\tquit\n"
        "hostname R2\ninterface Loopback0\n description C:\\temp\n"
    )
    assert not LANGUAGE.parse_text(text).problems
    assert {"hostname R2", " description C:\\temp"} <= set(rendered(text))


@pytest.mark.parametrize(
    "title", ["Tunnel configuration", "Hub 1 Configuration:", "Spoke-2 OSPF config", "Crypto Configs"]
)
def test_a_heading_that_says_what_comes_next_is_no_line(title: str) -> None:
    """`Tunnel configuration` between two sections was taken for a line of a tunnel, and held them all down."""
    result = LANGUAGE.parse_text(f"hostname R1\n{title}\ninterface Tunnel0\n ip nhrp network-id 1\n{title}\n")
    assert not result.problems
    assert all(entry.text != title for entry in result.entries)


@pytest.mark.parametrize("line", ["Tunnel protection ipsec configuration", "Description Tunnel configuration"])
def test_what_only_looks_like_a_heading_stays_a_line(line: str) -> None:
    result = LANGUAGE.parse_text(f"interface Tunnel0\n{line}\n")
    assert result.problems or any("Tunnel configuration" in text for text in result.tree.render())


def test_a_remark_in_other_letters_behind_a_dash_is_no_part_of_the_line() -> None:
    """`ip mtu 1400 - (a word in Cyrillic)` was refused, with all lines below it."""
    text = "interface Tunnel0\n ip mtu 1400 - \u0440\u0430\u0437\u043c\u0435\u0440\n description a - \u0431\n"
    assert not LANGUAGE.parse_text(text).problems
    assert {" ip mtu 1400", " description a - \u0431"} <= set(rendered(text))


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        ("   //sJ6qlZlkyKD7aDuAdTM8kntNSK6lbGoxUzhHEpKKrV65Pwru/yPRn5i2Srn/A/NlAHoL6Q", True),
        ("   //sJ6qlZlkyKD7aA==", True),
        ("// the hub", False),
        ("//------------------------", False),
        ("# the hub", False),
    ],
)
def test_a_piece_of_a_public_key_that_begins_with_slashes_is_no_comment(line: str, is_kept: bool) -> None:
    """A user whose RSA key has such a piece, one in six hundred, did not get in."""
    assert (Transcript().take(line) is not None) is is_kept
