"""The codec of the management socket: every message there and back, and nothing that could hurt."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.events import EnteredLine, JobAborted, LinesEntered
from dmvpn.face.calling import MAX_DATA, MAX_LINE
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.face.messages import (
    Access,
    Answer,
    Ask,
    AskAccess,
    AskConfiguration,
    Configure,
    Count,
    Counts,
    Done,
    Execute,
    Hello,
    Input,
    Message,
    News,
    OpenShell,
    Output,
    Report,
    Resize,
    Signal,
    Watch,
)
from dmvpn.face.protocol import Decoder, ProtocolError, encode, encode_output
from dmvpn.features.system import ConfigurationLeft
from support.fake_router import CountersCleared, FakeRouter

#: Of a place in the history of a router.
ID = "01234567.12.3"
#: Of a configuration.
TAG = "0123456789abcdef" * 2

MESSAGES: list[tuple[Message, str]] = [
    (Hello("R31"), '{"type":"hello","name":"R31","protocol":2}'),
    (
        Execute(("conf t", "end")),
        '{"type":"execute","lines":["conf t","end"],"user":"","privilege":15,"vty":false,"location":""}',
    ),
    (
        OpenShell(50, 132, "bob", 7, True, "10.0.0.5"),
        '{"type":"open-shell","rows":50,"columns":132,"user":"bob","privilege":7,"vty":true,"location":"10.0.0.5"}',
    ),
    (AskAccess("10.0.0.5", "RED"), '{"type":"ask-access","location":"10.0.0.5","vrf":"RED"}'),
    (
        Access("", 30, 3, (("bob", 7, 9, "$9$x"),), (("bob", 7, "ab"),), scp=True),
        '{"type":"access","refused":"","time_out":30,"tries":3,"users":[["bob",7,9,"$9$x"]],"keys":[["bob",7,"ab"]],'
        '"scp":true}',
    ),
    (
        Report("bob", "10.0.0.5", 22, True),
        '{"type":"report","user":"bob","location":"10.0.0.5","port":22,"accepted":true,"vrf":""}',
    ),
    (Input(b"sh\r"), '{"type":"input","data":"c2gN"}'),
    (Resize(1, 2), '{"type":"resize","rows":1,"columns":2}'),
    (Signal(), '{"type":"signal","what":"abort"}'),
    (Output(b"\xff\x00"), '{"type":"output","data":"/wA="}'),
    (Watch(), '{"type":"watch","since":"","topics":["history"],"past_routes":true}'),
    (Watch(ID, ("log", "history")), f'{{"type":"watch","since":"{ID}","topics":["log","history"],"past_routes":true}}'),
    (
        News(lines=({"number": 7},), now=1.5, missed=2, begins=True, addresses=("10.0.0.1",), id=ID, log=({"a": 1},)),
        '{"type":"news","lines":[{"number":7}],"now":1.5,"missed":2,"begins":true,"addresses":["10.0.0.1"],'
        f'"id":"{ID}","log":[{{"a":1}}]}}',
    ),
    (
        Ask("show dmvpn", "bob", 7, "10.0.0.5"),
        '{"type":"ask","show":"show dmvpn","user":"bob","privilege":7,"location":"10.0.0.5"}',
    ),
    (
        AskConfiguration("bob", 7, "10.0.0.5"),
        '{"type":"ask-configuration","user":"bob","privilege":7,"location":"10.0.0.5"}',
    ),
    (
        Configure(("banner motd \x03", "\tx"), True, True, TAG, 5, "bob", 15, True, "10.0.0.5"),
        '{"type":"configure","lines":["banner motd \\u0003","\\tx"],"whole":true,"dry":true,'
        f'"tag":"{TAG}","minutes":5,"user":"bob","privilege":15,"vty":true,"location":"10.0.0.5"}}',
    ),
    (Answer('{"peers":[]}'), '{"type":"answer","text":"{\\"peers\\":[]}"}'),
    (Count(), '{"type":"count","topics":["interfaces","drops","sas"],"peers":0}'),
    (Count(("metrics",), 7), '{"type":"count","topics":["metrics"],"peers":7}'),
    (
        Counts("interfaces", 1.5, 1, ("interface", "sent"), (("Tunnel0", 1 << 70),)),
        '{"type":"counts","topic":"interfaces","now":1.5,"labels":1,"columns":["interface","sent"],'
        '"rows":[["Tunnel0",1180591620717411303424]],"families":[],"cut":false}',
    ),
    (
        Counts("peers", 1.5, 1, ("peer", "dmvpn_peer_up"), (("10.0.0.1", 1),), (("gauge", "Up."),), cut=True),
        '{"type":"counts","topic":"peers","now":1.5,"labels":1,"columns":["peer","dmvpn_peer_up"],'
        '"rows":[["10.0.0.1",1]],"families":[["gauge","Up."]],"cut":true}',
    ),
    (Done(1, "idle"), '{"type":"done","status":1,"reason":"idle"}'),
]


@pytest.mark.parametrize(("message", "line"), MESSAGES)
def test_each_message_has_exactly_one_encoding(message: Message, line: str) -> None:
    assert encode(message) == line.encode() + b"\n"
    assert Decoder().feed(line.encode() + b"\n") == [message]


def test_messages_arrive_in_pieces_of_any_size() -> None:
    stream = b"".join(encode(message) for message, _ in MESSAGES)
    decoder = Decoder()
    received = [message for octet in stream for message in decoder.feed(bytes([octet]))]
    assert received == [message for message, _ in MESSAGES]
    assert Decoder().feed(stream) == received


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"hello", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "unknown type"),
        (b'{"type":7}', "unknown type"),
        (b'{"type":"fire"}', "unknown type 'fire'"),
        (b'{"type":"input"}', "without 'data'"),
        (b'{"type":"input","data":7}', "data is no text"),
        (b'{"type":"input","data":"%%%"}', "not base 64"),
        (b'{"type":"input","data":"\\u00e4"}', "not base 64"),
        (b'{"type":"resize","rows":-1,"columns":2}', "rows is no number"),
        (b'{"type":"resize","rows":true,"columns":2}', "rows is no number"),
        (b'{"type":"resize","rows":1,"columns":20000}', "columns is no number"),
        (b'{"type":"execute","lines":"x"}', "lines is no list"),
        (b'{"type":"execute","lines":[],"user":"a\\nb"}', "user is no name"),
        (b'{"type":"open-shell","rows":1,"columns":1,"privilege":16}', "privilege is no number"),
        (b'{"type":"access","refused":"","time_out":1,"tries":1,"users":[[1]]}', "users is no list of users"),
        (b'{"type":"execute","lines":[1]}', "line is no text"),
        (b'{"type":"news"}', "without 'lines'"),
        (b'{"type":"news","lines":[7],"addresses":[],"now":1}', "lines is no list of objects"),
        (b'{"type":"news","lines":[],"addresses":[],"now":true}', "now is no time"),
        (b'{"type":"news","lines":[],"addresses":[],"now":Infinity}', "now is no time"),
        (b'{"type":"news","lines":[],"addresses":7,"now":1}', "addresses is no list"),
        (b'{"type":"news","lines":[],"addresses":[7],"now":1,"missed":0,"begins":false}', "address is no text"),
        (b'{"type":"watch"}', "without 'since'"),
        (b'{"type":"watch","since":"7","topics":["history"]}', "since is no id"),
        (b'{"type":"watch","since":"0123456789abcdef.1.-1","topics":["history"]}', "since is no id"),
        (f'{{"type":"watch","since":"0123456789abcdef.{"9" * 30}.1","topics":["log"]}}'.encode(), "since is no id"),
        (b'{"type":"watch","since":"","topics":[]}', "topics is no list of history, log"),
        (b'{"type":"watch","since":"","topics":"log"}', "topics is no list"),
        (b'{"type":"watch","since":"","topics":["log","log"]}', "each once"),
        (b'{"type":"watch","since":"","topics":[["log"]]}', "something else than history, log"),
        (b'{"type":"ask"}', "without 'show'"),
        (b'{"type":"ask","show":"show dmvpn\\nclear ip nhrp"}', "show is no line"),
        (f'{{"type":"ask","show":"{"x" * 2000}"}}'.encode(), "show is no line of at most 1024"),
        (b'{"type":"ask","show":"show dmvpn","privilege":99}', "privilege is no number"),
        (b'{"type":"configure","lines":["a\\nb"],"tag":""}', "characters that cannot be typed"),
        (b'{"type":"configure","lines":["\\ud800"],"tag":""}', "characters that cannot be typed"),
        (b'{"type":"configure","lines":[],"tag":"x"}', "tag is no tag"),
        (b'{"type":"configure","lines":[],"tag":"","minutes":121,"whole":true,"dry":true}', "minutes is no number"),
        (b'{"type":"answer","text":7}', "text is no text"),
        (b'{"type":"count","topics":["secrets"]}', "something else than interfaces"),
        (b'{"type":"counts","topic":"a","now":1,"labels":2,"columns":["a"],"rows":[]}', "labels is no number"),
        (b'{"type":"counts","topic":"a","now":1,"labels":0,"columns":["a"],"rows":[[1,2]]}', "a value for each column"),
        (b'{"type":"counts","topic":"a","now":1,"labels":0,"columns":["a"],"rows":[[true]]}', "of another kind"),
        (b'{"type":"counts","topic":"a","now":1,"labels":1,"columns":["a"],"rows":[[1]]}', "of another kind"),
        (b'{"type":"counts","topic":"a","now":1,"labels":0,"columns":{},"rows":[]}', "columns or rows is no list"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_message_is_refused(line: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        Decoder().feed(line + b"\n")


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    decoder = Decoder()
    assert decoder.feed(b"x" * (MAX_LINE - 1)) == []
    with pytest.raises(ProtocolError, match="a line of more than"):
        decoder.feed(b"x")


def test_more_data_than_a_message_may_have_is_refused() -> None:
    with pytest.raises(ProtocolError, match="data of more than"):
        Decoder().feed(encode(Output(bytes(MAX_DATA + 1))))


def test_a_message_that_nobody_would_take_is_not_made() -> None:
    with pytest.raises(ValueError, match="a message of"):
        encode(Execute(("x" * MAX_LINE,)))


def test_much_output_becomes_several_messages() -> None:
    data = bytes(range(256)) * 1024
    messages = Decoder().feed(encode_output(data))
    assert len(messages) == 4
    assert b"".join(message.data for message in messages if isinstance(message, Output)) == data
    assert encode_output(b"") == b""


@given(st.binary(max_size=MAX_DATA))
def test_octets_come_out_as_they_went_in(data: bytes) -> None:
    assert Decoder().feed(encode(Input(data))) == [Input(data)]


@pytest.mark.lengthy
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["type", "data", "lines", "rows"]), inner),
    )
)
def test_no_json_breaks_the_decoder(value: object) -> None:
    with contextlib.suppress(ProtocolError):
        Decoder().feed(json.dumps(value).encode() + b"\n")


# Lines that nobody types: what a shell script reads, and the status that it gets.


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
