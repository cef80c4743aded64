"""At the prompt: `dmvpn shell R31` on a terminal, in a simulated lab that needs no privileges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.command import command, variables
from support.labs import Labs
from support.terminal import CTRL_A, CTRL_C, CTRL_SHIFT_6, CTRL_W, CTRL_Z, TAB, UP, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "R31#"


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """`lab up notes-phase3 --simulated`."""
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated")
        yield labs


@pytest.fixture
def shell(labs: Labs) -> Iterator[Terminal]:
    """`dmvpn shell R31`, at its first prompt."""
    with Terminal(command("shell", "R31"), variables(labs.environment)) as terminal:
        terminal.until(PROMPT)
        yield terminal


def test_the_prompt_is_privileged_and_exit_ends_the_session(shell: Terminal) -> None:
    assert shell.line("show privilege", PROMPT) == ["Current privilege level is 15"]
    shell.type("exit\r")
    assert shell.ended() == 0


def test_keywords_may_be_abbreviated(shell: Terminal) -> None:
    lines = shell.line("sh ip nh nh d", PROMPT)
    assert lines[0] == "Legend: E=Expecting replies, R=Responding, W=Waiting, D=Dynamic"
    assert shell.line("sh int tu100 | i line protocol", PROMPT) == ["Tunnel100 is up, line protocol is up "]


def test_an_invalid_word_gets_the_caret_under_its_first_bad_character_counted_from_the_prompt(shell: Terminal) -> None:
    assert shell.line("show ip nrhp", PROMPT) == [
        " " * len("R31#show ip n") + "^",
        "% Invalid input detected at '^' marker.",
        "",
    ]


def test_incomplete_and_ambiguous_commands_are_refused_in_the_words_of_ios(shell: Terminal) -> None:
    assert shell.line("show ip", PROMPT) == ["% Incomplete command.", ""]
    assert shell.line("c", PROMPT) == ['% Ambiguous command:  "c"', ""]


def test_a_question_mark_lists_what_may_follow_and_shows_the_line_again(shell: Terminal) -> None:
    shell.line("terminal length 0", PROMPT)
    shell.type("show ip nhrp ?")
    shown = shell.until("R31#show ip nhrp ")
    lines = shown.split("\n")
    words = [line.split()[0] for line in lines if line.startswith("  ")]
    assert {"brief", "detail", "nhs", "traffic", "<cr>"} <= set(words)
    assert all(re.match(r"  \S+ +\S", line) or line.strip() == "<cr>" for line in lines if line.startswith("  "))
    shell.type("nhs\r")
    assert shell.until(PROMPT).split("\n")[1].startswith("Legend: E=Expecting")


def test_a_question_mark_behind_a_fragment_lists_the_words_that_begin_so(shell: Terminal) -> None:
    shell.type("sh?")
    shown = shell.until("R31#sh")
    assert "  show" in shown.split("\n")[1]
    shell.type(CTRL_C)


def test_tab_completes_a_unique_word_on_a_new_line(shell: Terminal) -> None:
    shell.type("sho" + TAB)
    shell.until("R31#show ")
    shell.type("clo" + TAB)
    shell.until("R31#show clock ")
    shell.type("\r")
    assert " UTC " in shell.until(PROMPT)


def test_keys_edit_the_line_and_bring_earlier_ones_back(shell: Terminal) -> None:
    shell.type("clock nonsense" + CTRL_W + CTRL_A + "show " + "\r")
    assert " UTC " in shell.until(PROMPT)
    shell.type(UP + "\r")
    assert " UTC " in shell.until(PROMPT)


def test_long_output_stops_at_more_and_a_blank_goes_on(shell: Terminal) -> None:
    shell.type("show interfaces\r")
    first = shell.until(" --More-- ")
    assert len(first.split("\n")) == 25  # the line typed, 23 lines, and the word itself
    shell.type(" ")
    second = shell.until(" --More-- ")
    assert second != first
    shell.type("\r")
    assert len(shell.until(" --More-- ").strip("\b ").split("\n")) <= 3
    shell.type("q")
    shell.until(PROMPT)


def test_terminal_length_0_ends_paging_for_the_session(shell: Terminal) -> None:
    shell.line("terminal length 0", PROMPT)
    lines = shell.line("show running-config", PROMPT)
    assert lines[0] == "Building configuration..."
    assert "end" in lines
    assert not any("--More--" in line for line in lines)


def test_configuration_mode_has_its_prompts_and_end_logs_who_configured(shell: Terminal) -> None:
    entered = shell.line("conf t", "R31(config)#")
    assert entered == ["Enter configuration commands, one per line.  End with CNTL/Z."]
    shell.line("int tu100", "R31(config-if)#")
    assert shell.line("description made by hand", "R31(config-if)#") == []
    assert (
        shell.line("tunnel mode gre multiprotocol", "R31(config-if)#")[1] == "% Invalid input detected at '^' marker."
    )
    shell.line("router eigrp GRE-OVERLAY", "R31(config-router)#")
    shell.line("exit", "R31(config)#")
    shell.line("do show clock", "R31(config)#")
    shell.type("end\r")
    assert "%SYS-5-CONFIG_I: Configured from console by " in shell.until("SYS-5-CONFIG_I") + shell.until("\n")
    shell.line("show running-config interface tunnel 100 | include description", PROMPT)


def test_control_z_carries_the_line_out_and_leaves_configuration_mode(shell: Terminal) -> None:
    shell.line("configure terminal", "R31(config)#")
    shell.type("interface Loopback9" + CTRL_Z)
    shell.until("%SYS-5-CONFIG_I")
    assert any(line.startswith("Loopback9 ") for line in shell.line("show ip interface brief", PROMPT))
    shell.line("configure terminal", "R31(config)#")
    shell.line("no interface Loopback9", "R31(config)#")
    shell.type(CTRL_Z)
    shell.until("%SYS-5-CONFIG_I")


def test_a_new_hostname_is_in_the_next_prompt(shell: Terminal) -> None:
    shell.line("configure terminal", "R31(config)#")
    shell.line("hostname Branch", "Branch(config)#")
    shell.line("hostname R31", "R31(config)#")
    shell.type(CTRL_Z)
    shell.until(PROMPT)


def test_ping_shows_its_marks_one_by_one(shell: Terminal) -> None:
    shell.type("ping 10.4.4.1 source 10.3.3.1\r")
    shell.until("Packet sent with a source address of 10.3.3.1 \n")
    assert shell.until("\n") == "!!!!!\n"
    assert re.match(
        r"Success rate is 100 percent \(5/5\), round-trip min/avg/max = \d+/\d+/\d+ ms\n", shell.until(PROMPT)
    )


def test_control_shift_6_breaks_a_ping_off(shell: Terminal) -> None:
    shell.type("ping 10.4.4.1 source 10.3.3.1 repeat 1000000\r")
    shell.until("!!!")
    shell.type(CTRL_SHIFT_6)
    (sent,) = re.findall(r"Success rate is 100 percent \((\d+)/\1\)", shell.until(PROMPT))
    assert int(sent) < 1000000


def test_debug_lines_come_to_who_monitors(labs: Labs, shell: Terminal) -> None:
    shell.line("terminal monitor", PROMPT)
    assert shell.line("debug nhrp", PROMPT) == ["NHRP debugging is on"]
    assert shell.line("debug nhrp packet", PROMPT) == ["NHRP packet debugging is on"]
    labs.on("R31", "clear ip nhrp")
    # Another pair of addresses than elsewhere here: the hub says the same of a pair only every eight seconds.
    labs.on("R31", "ping 10.4.4.100 source 10.3.3.1")
    shown = shell.silence()
    for line in (
        "NHRP: Receive Traffic Indication via Tunnel100 vrf: global(0x0), packet size: ",
        "NHRP: Send Resolution Request via Tunnel100 vrf: global(0x0), packet size: ",
        " (F) afn: AF_IP(1), type: IP(800), hop: 255, ver: 1",
        "      src NBMA: 172.16.31.1",
        "NHRP: Receive Resolution Reply via Tunnel100 vrf: global(0x0), packet size: ",
    ):
        assert line in shown
    stamps = [line[:21] for line in shown.split("\n") if "NHRP:" in line]
    assert all(re.match(r"\*[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3}:", stamp) for stamp in stamps)
    assert shell.line("undebug all", PROMPT) == ["All possible debugging has been turned off"]


def test_two_sessions_on_one_router_see_each_others_changes(labs: Labs, shell: Terminal) -> None:
    with Terminal(command("shell", "R31"), variables(labs.environment)) as other:
        other.until(PROMPT)
        other.line("configure terminal", "R31(config)#")
        other.line("interface Loopback5", "R31(config-if)#")
        assert any(line.startswith("Loopback5 ") for line in shell.line("show ip interface brief", PROMPT))
        other.line("no interface Loopback5", "R31(config)#")
        other.type(CTRL_Z)
        other.until(PROMPT)


def test_the_terminal_is_as_before_when_the_session_has_ended(labs: Labs) -> None:
    words = [
        "sh",
        "-c",
        'stty -g > $XDG_RUNTIME_DIR/before; "$@"; stty -g > $XDG_RUNTIME_DIR/after',
        "sh",
        *command("shell", "R31"),
    ]
    with Terminal(words, variables(labs.environment)) as terminal:
        terminal.until(PROMPT)
        terminal.type("exit\r")
        assert terminal.ended() == 0
    assert (labs.folder / "before").read_text() == (labs.folder / "after").read_text()
