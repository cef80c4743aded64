"""Lines that nobody types: what a shell script reads, and the status that it gets."""

from __future__ import annotations

import pytest

from dmvpn.base.events import EnteredLine, JobAborted, LinesEntered
from dmvpn.face.handle import new_session
from dmvpn.face.oneshot import OneShot
from dmvpn.features.system import ConfigurationLeft
from support.fake_router import CountersCleared, FakeRouter


def run(router: FakeRouter, *lines: str) -> tuple[str, int]:
    """Everything that these lines say, and the status."""
    shot = OneShot(router, new_session(), lines)
    stop = router.subscribe(shot.effect)
    text = ""
    while not shot.done:
        piece = shot.step()
        assert piece or shot.done, "it waits for something that will not come"
        text += piece
    stop()
    return text, shot.status


def test_a_show_is_its_lines_and_nothing_else() -> None:
    assert run(FakeRouter(), "show privilege") == ("Current privilege level is 15\n", 0)


def test_there_are_no_pages_and_no_limit() -> None:
    text, status = run(FakeRouter(), "show numbers 3000")
    assert (text.count("\n"), status) == (3000, 0)


def test_a_refused_line_is_printed_over_its_caret_and_gives_status_1() -> None:
    assert run(FakeRouter(), "show privilexe") == (
        "show privilexe\n            ^\n% Invalid input detected at '^' marker.\n\n",
        1,
    )


def test_a_refused_line_is_printed_without_its_key() -> None:
    """The output of a script is kept in logs."""
    text, _ = run(FakeRouter(), "show privilexe key Geheim123")
    assert text.startswith("show privilexe key *********\n            ^\n")


@pytest.mark.parametrize("line", ["show", "foo", "reload", "show run interface tu9", "ping nowhere"])
def test_whatever_answers_with_a_percent_sign_gives_status_1(line: str) -> None:
    text, status = run(FakeRouter(), line)
    assert text.startswith("%")
    assert status == 1


def test_a_later_success_does_not_hide_an_earlier_failure() -> None:
    assert run(FakeRouter(), "foo", "show privilege")[1] == 1


def test_a_script_configures_and_leaves_configuration_mode() -> None:
    router = FakeRouter()
    text, status = run(router, "configure terminal", "interface Tunnel0", "ip mtu 1400", "do show privilege")
    assert text == ("Enter configuration commands, one per line.  End with CNTL/Z.\nCurrent privilege level is 15\n")
    assert status == 0
    entered = (EnteredLine((), "interface Tunnel0"), EnteredLine(("interface Tunnel0",), "ip mtu 1400"))
    assert router.posted == [
        LinesEntered(entered, by="console"),
        ConfigurationLeft("console", "console"),
    ]


def test_a_wrong_line_does_not_stop_a_script() -> None:
    router = FakeRouter()
    _, status = run(router, "conf t", "interface Tunnel0", "ip mtu 7", "ip mtu 1400", "end")
    assert status == 1
    assert " ip mtu 1400" in router.running.render()


def test_questions_are_answered_with_return() -> None:
    router = FakeRouter()
    assert run(router, "clear counters") == ("", 0)
    assert router.posted == [CountersCleared()]
    assert run(router, "copy running-config startup-config") == ("Building configuration...\n[OK]\n", 0)


def test_a_password_cannot_be_answered() -> None:
    router = FakeRouter("hostname R1\nenable secret 0 x\n")
    text, status = run(router, "disable", "enable", "show privilege")
    assert text == "% Bad secrets\n\nCurrent privilege level is 1\n"
    assert status == 1


def test_exit_ends_a_script() -> None:
    assert run(FakeRouter(), "exit", "show privilege") == ("", 0)


def test_a_ping_comes_piece_by_piece() -> None:
    text, status = run(FakeRouter(), "ping 10.4.4.1 repeat 2", "show privilege")
    assert text.endswith(
        "!!\nSuccess rate is 100 percent (2/2), round-trip min/avg/max = 1/1/1 ms\nCurrent privilege level is 15\n"
    )
    assert status == 0


def test_while_a_ping_waits_there_is_nothing_to_read() -> None:
    router = FakeRouter(answers=False)
    session = new_session()
    shot = OneShot(router, session, ["ping 10.4.4.1 repeat 1", "show privilege"])
    router.subscribe(shot.effect)
    assert shot.step().endswith("timeout is 2 seconds:\n")
    assert (shot.step(), shot.done) == ("", False)
    router.pass_time()
    assert shot.step() == ".\nSuccess rate is 0 percent (0/1)\n"
    assert shot.step() == "Current privilege level is 15\n"
    assert (shot.step(), shot.done) == ("", True)


def test_breaking_off_ends_the_job_and_the_script() -> None:
    router = FakeRouter(answers=False)
    session = new_session()
    shot = OneShot(router, session, ["ping 10.4.4.1", "show privilege"])
    router.subscribe(shot.effect)
    assert shot.step().startswith("Type escape sequence to abort.")
    shot.abort()
    assert router.posted[-1] == JobAborted(session)
    assert shot.step() == "Success rate is 0 percent (0/0)\n"
    assert (shot.step(), shot.done) == ("", True)


def test_a_question_mark_is_help_as_at_the_prompt() -> None:
    """`echo '?' | dmvpn -r R31` was an invalid line."""
    text, status = run(FakeRouter(), "show ?", "sh?")
    assert "  numbers " in text
    assert text.endswith("  show  \n")
    assert status == 0


def test_a_question_mark_in_a_text_of_the_configuration_is_text() -> None:
    router = FakeRouter()
    text, status = run(router, "configure terminal", "snmp-server contact who?", "interface Tunnel0", "ip ?", "end")
    assert ("  mtu " in text, status) == (True, 0)
    assert "snmp-server contact who?" in router.running.render()
