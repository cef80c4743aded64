"""Transcripts of sessions, byte for byte: what a terminal shows when somebody types."""

from __future__ import annotations

import pytest

from dmvpn.base.effects import JobDone, JobOutput
from dmvpn.base.events import EnteredLine, JobAborted, LinesEntered
from dmvpn.face.context import TerminalLine, User, new_session
from dmvpn.face.session import ConsoleSession
from dmvpn.features.system import ConfigurationLeft
from support.fake_router import CountersCleared, FakeRouter, Terminal

VTY = TerminalLine("vty", 0, "admin", "10.0.0.5")
UPDOWN_LINE = "*Nov 20 06:00:00.000: %LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel0, changed state to up"


# ------------------------------------------------------------------------------------------------ exec mode


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_the_prompt_is_there_at_once_and_again_after_return(terminal: Terminal) -> None:
    assert terminal.screen == "R1#"
    assert terminal.type("\r") == "\r\nR1#"


def test_a_command_is_echoed_answered_and_followed_by_the_prompt() -> None:
    assert Terminal().type("show privilege\r") == "show privilege\r\nCurrent privilege level is 15\r\nR1#"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_every_end_of_line_is_one_return(end: str) -> None:
    assert Terminal().type(f"sh priv{end}") == "sh priv\r\nCurrent privilege level is 15\r\nR1#"


def test_many_lines_in_one_piece_are_echoed_behind_their_prompts() -> None:
    assert Terminal().type("terminal width 511\nterminal length 0\n\n") == (
        "terminal width 511\r\nR1#terminal length 0\r\nR1#\r\nR1#"
    )


def test_a_wrong_word_gets_its_caret_under_what_was_typed() -> None:
    assert Terminal().type("show privilexe\r") == (
        "show privilexe\r\n               ^\r\n% Invalid input detected at '^' marker.\r\n\r\nR1#"
    )


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("show", "% Incomplete command.\r\n\r\n"),
        ("show h", '% Ambiguous command:  "show h"\r\n\r\n'),
        ("foo", "% Unknown command or computer name, or unable to find computer address\r\n"),
        ("! a comment", ""),
        ("   ", ""),
    ],
)
def test_ios_words_for_what_is_not_understood(line: str, answer: str) -> None:
    assert Terminal().type(f"{line}\r") == f"{line}\r\n{answer}R1#"


def test_output_filters_and_json(terminal: Terminal) -> None:
    assert terminal.type("show numbers 20 | include 1$\r").endswith("1$\r\nline 1\r\nline 11\r\nR1#")
    assert terminal.type("show numbers 20 | count 1\r").endswith("Number of lines which match regexp = 11\r\nR1#")
    assert terminal.type("show privilege | json\r").endswith('{\r\n  "level": 15\r\n}\r\nR1#')


def test_help_shows_the_line_again() -> None:
    assert Terminal().type("show pri?") == "show pri?\r\n  privilege  \r\n\r\nR1#show pri"


def test_help_goes_on_behind_the_cursor(terminal: Terminal) -> None:
    terminal.type("show privilege ?")
    assert terminal.screen.endswith("R1#show privilege ")
    assert terminal.type("\r") == "\r\nCurrent privilege level is 15\r\nR1#"


def test_tab_completes_on_a_new_line() -> None:
    assert Terminal().type("show priv\t") == "show priv\r\nR1#show privilege "


def test_control_c_drops_the_line() -> None:
    assert Terminal().type("show pri\x03") == "show pri\r\nR1#"


def test_control_c_ends_configuration_mode_without_the_line_that_is_there(terminal: Terminal) -> None:
    """As on IOS: tools send it to get back to a prompt that they know."""
    terminal.type("configure terminal\rinterface Tunnel9\r")
    assert terminal.type("hostname OTHER\x03").endswith("\r\nR1#")
    assert "Configured from console by console" in "".join(terminal.router.system.syslog.lines)
    assert "interface Tunnel9" in terminal.type("show running-config\r")


def test_one_letter_that_begins_several_commands_is_ambiguous(terminal: Terminal) -> None:
    assert terminal.type("s\r") == 's\r\n% Ambiguous command:  "s"\r\n\r\nR1#'
    assert "R1" in terminal.type("sh clock\r")
    assert terminal.type("systat\r").splitlines()[1:] == terminal.type("show users\r").splitlines()[1:]


def test_exit_closes_the_session() -> None:
    for word in ("exit", "quit", "logout"):
        terminal = Terminal()
        assert terminal.type(f"{word}\rshow privilege\r") == f"{word}\r\n"
        assert terminal.session.closed
        assert terminal.type("x") == ""


def test_history_is_remembered_and_shown(terminal: Terminal) -> None:
    terminal.type("terminal length 0\r")
    assert terminal.type("show history\r").endswith("  terminal length 0\r\n  show history\r\nR1#")
    assert terminal.type("\x10\x10") == "terminal length 0"


def test_the_size_of_the_history_can_be_set(terminal: Terminal) -> None:
    for line in ("terminal history size 2", "show clock", "show version | count x"):
        terminal.type(f"{line}\r")
    assert terminal.type("show history\r").endswith("\r\n  show version | count x\r\n  show history\r\nR1#")


# ------------------------------------------------------------------------------------------------ pages


def test_a_long_answer_stops_at_more_and_goes_on(terminal: Terminal) -> None:
    first = terminal.type("show numbers 30\r")
    assert first.endswith("line 23\r\n --More-- ")
    assert terminal.type("\r") == "\b" * 10 + " " * 10 + "\b" * 10 + "line 24\r\n --More-- "
    assert terminal.type(" ").endswith("line 25\r\nline 26\r\nline 27\r\nline 28\r\nline 29\r\nline 30\r\nR1#")


def test_any_other_key_ends_it(terminal: Terminal) -> None:
    terminal.type("show numbers 100\r")
    assert terminal.type("q") == "\b" * 10 + " " * 10 + "\b" * 10 + "R1#"
    terminal.type("show numbers 100\r")
    assert terminal.type("\x03").endswith("R1#")


def test_terminal_length_0_ends_paging(terminal: Terminal) -> None:
    assert terminal.type("terminal length 0\rshow numbers 100\r").endswith("line 99\r\nline 100\r\nR1#")


def test_the_window_decides_unless_somebody_else_has(terminal: Terminal) -> None:
    terminal.session.resize(10, 80)
    assert terminal.type("show numbers 30\r").endswith("line 9\r\n --More-- ")
    terminal.type("q")
    terminal.type("terminal length 5\r")
    terminal.session.resize(20, 80)
    assert terminal.type("show numbers 30\r").endswith("line 4\r\n --More-- ")


def test_a_line_can_be_configured_without_pages() -> None:
    terminal = Terminal("hostname R1\nline vty 0 4\n length 0\n", line=VTY)
    assert "--More--" not in terminal.type("show numbers 100\r")


def test_log_messages_wait_while_a_page_is_on_the_screen(terminal: Terminal) -> None:
    terminal.type("show numbers 30\r")
    assert terminal.happen() == ""
    assert terminal.type("q").endswith(f"{UPDOWN_LINE}\r\nR1#")


# ------------------------------------------------------------------------------------------------ configuration


def test_a_configuration_session_byte_for_byte() -> None:
    terminal = Terminal("hostname R1\nno logging console\n")
    terminal.type("configure terminal\rinterface Tunnel0\rip mtu 1400\rhostname R2\rinterface Gi0/1\rexit\rend\r")
    assert terminal.screen == (
        "R1#configure terminal\r\n"
        "Enter configuration commands, one per line.  End with CNTL/Z.\r\n"
        "R1(config)#interface Tunnel0\r\n"
        "R1(config-if)#ip mtu 1400\r\n"
        "R1(config-if)#hostname R2\r\n"
        "R2(config)#interface Gi0/1\r\n"
        "R2(config-if)#exit\r\n"
        "R2(config)#end\r\n"
        "R2#"
    )
    assert terminal.router.running.render() == [
        "hostname R2", "!", "no logging console", "!", "interface Tunnel0", " ip mtu 1400", "!",
        "interface GigabitEthernet0/1", "!",
    ]  # fmt: skip


def test_each_line_is_in_effect_before_the_next_prompt(terminal: Terminal) -> None:
    terminal.type("conf t\rint tu0\r")
    assert terminal.router.posted == [LinesEntered((EnteredLine((), "int tu0"),), by="console")]
    terminal.type("ip mtu 1400\r")
    line = EnteredLine(("interface Tunnel0",), "ip mtu 1400")
    assert terminal.router.posted[-1] == LinesEntered((line,), by="console")
    assert terminal.router.running.render() == ["hostname R1", "!", "interface Tunnel0", " ip mtu 1400", "!"]


def test_lines_that_change_nothing_are_not_posted() -> None:
    terminal = Terminal("hostname R1\ninterface Tunnel0\n ip mtu 1400\n")
    terminal.type("conf t\rhostname R1\rint tu0\rip mtu 1400\r! nothing\rno shutdown\rfoo\r")
    assert terminal.router.posted == []


def test_a_wrong_line_has_its_caret_and_changes_nothing(terminal: Terminal) -> None:
    terminal.type("conf t\rint tu0\r")
    before = list(terminal.router.posted)
    assert terminal.type("ip mtu 12\r") == (
        "ip mtu 12\r\n                     ^\r\n% Invalid input detected at '^' marker.\r\n\r\nR1(config-if)#"
    )
    assert terminal.router.posted == before


def test_do_runs_an_exec_command_with_its_caret_where_it_belongs(terminal: Terminal) -> None:
    terminal.type("conf t\r")
    assert terminal.type("do show priv\r") == "do show priv\r\nCurrent privilege level is 15\r\nR1(config)#"
    assert terminal.type("do show prix\r") == (
        f"do show prix\r\n{' ' * 22}^\r\n% Invalid input detected at '^' marker.\r\n\r\nR1(config)#"
    )


def test_leaving_configuration_mode_is_logged_on_the_console(terminal: Terminal) -> None:
    assert terminal.type("conf t\rend\r").endswith(
        "R1(config)#end\r\n*Nov 20 06:00:00.000: %SYS-5-CONFIG_I: Configured from console by console\r\nR1#"
    )
    assert terminal.router.posted == [ConfigurationLeft("console", "console")]


def test_a_vty_is_named_with_its_user_and_address() -> None:
    terminal = Terminal(line=VTY)
    assert terminal.type("conf t\rint tu0\rexit\rexit\r").endswith("R1(config)#exit\r\nR1#")
    assert terminal.router.posted == [
        LinesEntered((EnteredLine((), "int tu0"),), by="admin"),
        ConfigurationLeft("admin", "vty0 (10.0.0.5)"),
    ]


def test_control_z_carries_the_line_out_and_leaves() -> None:
    terminal = Terminal(line=VTY)
    assert terminal.type("conf t\rint tu0\rip mtu 1400\x1a").endswith("R1(config-if)#ip mtu 1400^Z\r\nR1#")
    assert terminal.router.running.render() == ["hostname R1", "!", "interface Tunnel0", " ip mtu 1400", "!"]
    assert terminal.type("\x1a") == "^Z\r\nR1#"


def test_help_in_configuration_mode_is_that_of_the_mode() -> None:
    terminal = Terminal(line=VTY)
    terminal.type("conf t\rint tu0\r")
    assert terminal.type("ip mtu ?") == ("ip mtu ?\r\n  <68-17940>  Octets\r\n\r\nR1(config-if)#ip mtu ")


def test_two_people_configure_side_by_side() -> None:
    terminal = Terminal(line=VTY)
    other = ConsoleSession(terminal.router, new_session(), line=VTY)
    other.start()
    terminal.type("conf t\rint tu0\r")
    other.feed(b"conf t\rint tu1\rip mtu 1300\r")
    terminal.type("ip mtu 1400\r")
    assert terminal.router.running.render()[2:] == [
        "interface Tunnel0", " ip mtu 1400", "!", "interface Tunnel1", " ip mtu 1300", "!",
    ]  # fmt: skip


def test_a_long_name_is_cut_in_configuration_mode_only() -> None:
    terminal = Terminal("hostname A-very-long-name-for-a-router\n", line=VTY)
    assert terminal.screen == "A-very-long-name-for-a-router#"
    assert terminal.type("conf t\r").endswith("\r\nA-very-long-name-for(config)#")


def test_hanging_up_in_configuration_mode_leaves_it(terminal: Terminal) -> None:
    terminal.type("conf t\r")
    terminal.session.hang_up()
    assert terminal.router.posted == [ConfigurationLeft("console", "console")]
    assert terminal.session.closed


def test_configure_alone_asks_from_where() -> None:
    terminal = Terminal(line=VTY)
    assert terminal.type("configure\r") == ("configure\r\nConfiguring from terminal, memory, or network [terminal]? ")
    assert terminal.type("\r") == ("\r\nEnter configuration commands, one per line.  End with CNTL/Z.\r\nR1(config)#")
    terminal.type("end\rconfigure\r")
    assert terminal.type("network\r").endswith("% Error: configuration comes from the terminal only\r\nR1#")


# ------------------------------------------------------------------------------------------------ privilege


def test_without_a_secret_enable_just_works(terminal: Terminal) -> None:
    assert terminal.type("disable\rconf t\renable\r") == (
        "disable\r\nR1>conf t\r\n   ^\r\n% Invalid input detected at '^' marker.\r\n\r\nR1>enable\r\nR1#"
    )


def test_a_secret_is_asked_for_and_not_shown() -> None:
    terminal = Terminal("hostname R1\nenable secret 0 Cisco?123\n")
    terminal.type("disable\r")
    assert terminal.type("enable\rCisco?123\r") == "enable\r\nPassword: \r\nR1#"
    assert terminal.type("show history\r").endswith("  enable\r\n  show history\r\nR1#")


def test_three_wrong_secrets_are_enough() -> None:
    terminal = Terminal("hostname R1\nenable secret 0 right\n")
    terminal.type("disable\r")
    assert terminal.type("enable\ra\rb\rc\r") == (
        "enable\r\nPassword: \r\nPassword: \r\nPassword: \r\n% Bad secrets\r\n\r\nR1>"
    )


def test_users_do_not_see_what_they_may_not_do(terminal: Terminal) -> None:
    terminal.type("disable\r")
    shown = terminal.type("show ?")
    assert "running-config" not in shown
    assert "privilege" in shown


# ------------------------------------------------------------------------------------------------ files, questions


def test_write_memory_saves_what_runs(terminal: Terminal) -> None:
    assert terminal.type("write memory\r") == "write memory\r\nBuilding configuration...\r\n[OK]\r\nR1#"
    assert terminal.router.startup_text == "! Written by dmvpn\nversion 17.9\n!\nhostname R1\n!\nend\n"
    assert terminal.type("show startup-config\r") == (
        "show startup-config\r\nUsing 52 out of 33554432 bytes\r\n"
        "! Written by dmvpn\r\nversion 17.9\r\n!\r\nhostname R1\r\n!\r\nend\r\n\r\nR1#"
    )


def test_a_configuration_that_cannot_be_stored_is_said_to_be_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.type("enable\r")

    def refuse(text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(terminal.router, "save", refuse)
    shown = terminal.type("write memory\r")
    assert "Building configuration...\r\n%Error writing startup-config (No space left on device)\r\n" in shown
    assert "[OK]" not in shown


def test_copy_asks_for_the_name_and_return_takes_the_offer(terminal: Terminal) -> None:
    assert terminal.type("copy run start\r") == "copy run start\r\nDestination filename [startup-config]? "
    assert terminal.type("\r") == "\r\nBuilding configuration...\r\n[OK]\r\nR1#"
    terminal.type("copy run start\r")
    assert terminal.type("other\r") == "other\r\n% Error: only startup-config can be written here\r\nR1#"
    assert terminal.type("\x10").endswith("copy run start")


def test_copy_back_merges_the_startup_configuration() -> None:
    terminal = Terminal(line=VTY)
    terminal.router.startup_text = "interface Tunnel0\n ip mtu 1400\n"
    assert terminal.type("copy startup-config running-config\r\r").endswith(
        "bytes copied in 0.001 secs (31000 bytes/sec)\r\nR1#"
    )
    assert terminal.router.running.render() == ["hostname R1", "!", "interface Tunnel0", " ip mtu 1400", "!"]


@pytest.mark.parametrize(("key", "agreed"), [("\r", True), ("y", True), ("Y", True), ("n", False), ("\x03", False)])
def test_confirm_takes_return_or_y(terminal: Terminal, key: str, agreed: bool) -> None:
    asked = terminal.type("clear counters\r")
    assert asked == 'clear counters\r\nClear "show interface" counters on all interfaces [confirm]'
    shown = terminal.type(key)
    assert shown.endswith("\r\nR1#")
    assert terminal.router.posted == ([CountersCleared()] if agreed else [])


def test_clear_logging_empties_the_buffer_after_asking(terminal: Terminal) -> None:
    terminal.happen()
    assert terminal.type("clear logging\r").endswith("Clear logging buffer [confirm]")
    terminal.type("\r")
    assert terminal.router.system.syslog.lines == ()


def test_erase_asks_and_reload_is_refused(terminal: Terminal) -> None:
    terminal.type("write erase\r")
    assert terminal.type("\r") == "\r\n[OK]\r\nErase of nvram: complete\r\nR1#"
    assert terminal.router.startup_text == ""
    assert terminal.type("show startup-config\r").endswith("startup-config is not present\r\nR1#")
    assert "% Error: reload is not possible from here" in terminal.type("reload\r")


def test_a_question_mark_in_an_answer_shows_no_commands(terminal: Terminal) -> None:
    terminal.type("copy run start\r")
    assert terminal.type("?") == "?\r\n\r\nDestination filename [startup-config]? "
    assert terminal.type("\x03") == "\r\nR1#"
    assert terminal.type("show priv\r").endswith("Current privilege level is 15\r\nR1#")


# ------------------------------------------------------------------------------------------------ jobs


def test_a_ping_byte_for_byte() -> None:
    assert Terminal().type("ping 10.4.4.1 repeat 3\r") == (
        "ping 10.4.4.1 repeat 3\r\n"
        "Type escape sequence to abort.\r\n"
        "Sending 3, 100-byte ICMP Echos to 10.4.4.1, timeout is 2 seconds:\r\n"
        "!!!\r\n"
        "Success rate is 100 percent (3/3), round-trip min/avg/max = 1/1/1 ms\r\n"
        "R1#"
    )


def test_marks_come_one_by_one_and_what_is_typed_meanwhile_is_kept() -> None:
    terminal = Terminal(answers=False)
    assert terminal.type("ping 10.4.4.1 repeat 2\r").endswith("timeout is 2 seconds:\r\n")
    assert terminal.type("show priv\r") == ""
    assert terminal.pass_time() == "."
    assert terminal.pass_time() == (
        ".\r\nSuccess rate is 0 percent (0/2)\r\nR1#show priv\r\nCurrent privilege level is 15\r\nR1#"
    )


@pytest.mark.parametrize("key", ["\x1e", "\x03"])
def test_the_escape_sequence_breaks_it_off(key: str) -> None:
    terminal = Terminal(answers=False)
    terminal.type("ping 10.4.4.1\r")
    terminal.pass_time()
    assert terminal.type(key) == "\r\nSuccess rate is 0 percent (0/1)\r\nR1#"
    assert terminal.router.posted[-1] == JobAborted(terminal.number)


@pytest.mark.parametrize("key", ["\x1e", "\x03"])
def test_the_escape_sequence_breaks_it_off_while_its_output_is_shown(key: str) -> None:
    """On a busy machine a ping went on: what showed its marks was broken off, and the key was gone."""
    terminal = Terminal(answers=False)
    terminal.type("ping 10.4.4.1\r")
    terminal.pass_time()
    assert not terminal.session.type_ahead(key.encode())
    assert terminal.type("") == "\r\nSuccess rate is 0 percent (0/1)\r\nR1#"
    assert terminal.router.posted[-1] == JobAborted(terminal.number)


def test_hanging_up_ends_the_job() -> None:
    terminal = Terminal(answers=False)
    terminal.type("ping 10.4.4.1\r")
    terminal.session.hang_up()
    assert terminal.router.posted[-1] == JobAborted(terminal.number)


def test_jobs_of_others_do_not_show_here(terminal: Terminal) -> None:
    terminal.session.effect(JobOutput(terminal.number + 1000, "!!!"))
    terminal.session.effect(JobDone(terminal.number + 1000))
    terminal.session.pump()
    assert terminal.session.take_output() == b""


def test_a_debug_says_that_it_is_on(terminal: Terminal) -> None:
    assert terminal.type("debug nhrp\r") == "debug nhrp\r\nNHRP debugging is on\r\nR1#"
    assert terminal.type("undebug all\r") == "undebug all\r\nAll possible debugging has been turned off\r\nR1#"


# ------------------------------------------------------------------------------------------------ log messages


def test_a_message_is_on_a_line_of_its_own_and_the_prompt_is_not_repeated(terminal: Terminal) -> None:
    terminal.type("show pri")
    assert terminal.happen() == f"\r\n{UPDOWN_LINE}\r\n"
    assert terminal.happen() == f"{UPDOWN_LINE}\r\n"
    assert terminal.type("v\r") == "v\r\nCurrent privilege level is 15\r\nR1#"


def test_with_logging_synchronous_the_interrupted_input_is_repeated() -> None:
    terminal = Terminal("hostname R1\nline con 0\n logging synchronous\n")
    terminal.type("show pri")
    assert terminal.happen() == f"\r\n{UPDOWN_LINE}\r\nR1#show pri"
    assert terminal.type("v\r") == "v\r\nCurrent privilege level is 15\r\nR1#"


def test_a_vty_shows_messages_after_terminal_monitor_only() -> None:
    terminal = Terminal(line=VTY)
    assert terminal.happen() == ""
    terminal.type("terminal monitor\r")
    assert terminal.happen() == f"\r\n{UPDOWN_LINE}\r\n"
    terminal.type("terminal no monitor\r")
    assert terminal.happen() == ""


def test_the_console_needs_no_terminal_monitor() -> None:
    assert Terminal().type("term mon\r") == "term mon\r\n% Console already monitors\r\nR1#"


def test_levels_of_console_and_monitor_hold_for_each_by_itself() -> None:
    text = "hostname R1\nlogging console errors\n"
    assert Terminal(text).happen() == ""
    vty = Terminal(text, line=VTY)
    vty.type("terminal monitor\r")
    assert UPDOWN_LINE in vty.happen()
    quiet = Terminal("hostname R1\nlogging monitor errors\n", line=VTY)
    quiet.type("terminal monitor\r")
    assert quiet.happen() == ""


def test_a_message_between_the_marks_of_a_ping_starts_a_new_line() -> None:
    terminal = Terminal(answers=False)
    terminal.type("ping 10.4.4.1 repeat 2\r")
    terminal.pass_time()
    assert terminal.happen() == f"\r\n*Nov 20 06:00:02.000: {UPDOWN_LINE.partition(': ')[2]}\r\n"


# ------------------------------------------------------------------------------------------------ who is there


def test_show_users_marks_the_line_on_which_it_is_read() -> None:
    router = FakeRouter()
    console = TerminalLine()
    session = ConsoleSession(
        router, new_session(), line=VTY, users=lambda: (User(console, idle=65.0), User(VTY, here=True))
    )
    session.feed(b"")
    session.start()
    session.feed(b"show users\r")
    assert session.take_output().decode() == (
        "R1#show users\r\n"
        "    Line       User       Host(s)              Idle       Location\r\n"
        "   0 con 0                 idle                 00:01:05\r\n"
        "*  1 vty 0      admin      idle                 00:00:00   10.0.0.5\r\n"
        "\r\n"
        "  Interface    User               Mode         Idle     Peer Address\r\n"
        "\r\n"
        "R1#"
    )


def test_the_limit_of_silence_is_that_of_the_line() -> None:
    assert Terminal().session.idle_limit == 0
    assert Terminal(line=VTY).session.idle_limit == 600
    assert Terminal("line con 0\n exec-timeout 5 30\n").session.idle_limit == 330
