"""Log lines on stderr: for people with time and level, for systemd's journal with its priority."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import struct
import sys
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.journal import BURST, PER_SECOND, JournalFormatter, JournalHandler, JsonFormatter, Messages, is_journal
from support.fakes import log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d "


def record(text: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("dmvpn", level, __file__, 1, "%s", (text,), None)


@pytest.fixture
def printed(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


@pytest.mark.parametrize(("severity", "word"), [(0, "emergency"), (3, "error"), (5, "notice"), (7, "debug")])
def test_a_message_has_the_level_of_its_own_number(printed: pytest.LogCaptureFixture, severity: int, word: str) -> None:
    Messages()(log(f"SYS-{severity}-THING", "it happened"))
    (found,) = printed.records
    assert re.fullmatch(
        rf"{_STAMP}{word}: %SYS-{severity}-THING: it happened", JournalFormatter(journal=False).format(found)
    )
    assert JournalFormatter(journal=True).format(found) == f"<{severity}>%SYS-{severity}-THING: it happened"


def test_a_program_gets_one_object_on_one_line(printed: pytest.LogCaptureFixture) -> None:
    Messages(router="R31")(log("NHRP-3-PAKERROR", 'peer says: "\x1b[2J\u202e"\nnext'))
    line = JsonFormatter().format(printed.records[0])
    assert line.isascii()
    assert "\n" not in line
    found = json.loads(line)
    assert re.fullmatch(_STAMP.rstrip(), found.pop("time"))
    assert found == {
        "severity": 3,
        "level": "error",
        "message": 'peer says: "\x1b[2J\u202e"\nnext',
        "router": "R31",
        "facility": "NHRP",
        "mnemonic": "PAKERROR",
    }
    of_ours = json.loads(JsonFormatter().format(record("%SYS-5-X: not of the router", logging.ERROR)))
    assert (of_ours["level"], of_ours["message"]) == ("error", "%SYS-5-X: not of the router")
    assert "router" not in of_ours


def test_each_line_has_its_priority_in_the_journal() -> None:
    assert JournalFormatter(journal=True).format(record("one\ntwo", logging.ERROR)) == "<3>one\n<3>two"
    assert JournalFormatter(journal=False).format(record("one\ntwo")).endswith("warning: one\ntwo")


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    found = record("internal fault", logging.ERROR)
    try:
        raise ValueError("x")
    except ValueError:
        found.exc_info = sys.exc_info()
    lines = JournalFormatter(journal=True).format(found).splitlines()
    assert lines[:2] == ["<3>internal fault", "<3>Traceback (most recent call last):"]
    assert lines[-1] == "<3>ValueError: x"


def test_words_of_a_peer_steer_no_terminal_and_make_no_priority() -> None:
    text = JournalFormatter(journal=True).format(record("peer \x1b[2J\x07 says\n<0>panic"))
    assert text == "<4>peer ?[2J? says\n<4><0>panic"


def test_who_makes_it_log_without_end_fills_no_disk(printed: pytest.LogCaptureFixture) -> None:
    now = 0.0
    messages = Messages(lambda: now)
    for _ in range(BURST + 50):
        messages(log("SYS-5-THING", "again"))
    assert len(printed.records) == BURST
    now = 1.0
    for _ in range(int(PER_SECOND) + 1):
        messages(log("SYS-5-THING", "later"))
    after = [found.getMessage() for found in printed.records[BURST:]]
    assert after[0].startswith("50 log messages were not printed")
    assert len(after) == 1 + PER_SECOND


def test_only_the_stream_that_systemd_names_is_its_journal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        found = os.fstat(file.fileno())
        assert is_journal(file.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": "rubbish"})
        assert not is_journal(file.fileno(), {})


def fields_of(entry: bytes) -> dict[str, str]:
    """An entry of the journal's own protocol, read as systemd reads it."""
    found: dict[str, str] = {}
    while entry:
        line, _, rest = entry.partition(b"\n")
        name, given, value = line.partition(b"=")
        if not given:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[8 + length :].removeprefix(b"\n")
        found[name.decode()], entry = value.decode(), rest
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taking:
        taking.settimeout(10)
        taking.bind(str(tmp_path / "journal"))
        yield taking


def test_the_journal_gets_the_parts_of_a_message_as_fields(
    printed: pytest.LogCaptureFixture, journal: socket.socket
) -> None:
    """`journalctl DMVPN_MNEMONIC=CONFIG_I` found nothing: the journal had lines of text alone."""
    Messages(router="R31")(log("SYS-5-CONFIG_I", "Configured from console by lab\nand another line"))
    handler = JournalHandler(journal.getsockname())
    handler.emit(printed.records[0])
    handler.close()
    assert fields_of(journal.recv(65536)) == {
        "MESSAGE": "%SYS-5-CONFIG_I: Configured from console by lab\nand another line",
        "PRIORITY": "5",
        "SYSLOG_IDENTIFIER": "dmvpn",
        "DMVPN_FACILITY": "SYS",
        "DMVPN_MNEMONIC": "CONFIG_I",
        "DMVPN_ROUTER": "R31",
    }


def test_words_of_a_peer_make_no_field(printed: pytest.LogCaptureFixture, journal: socket.socket) -> None:
    Messages()(log("SYS-5-THING", "peer says\nPRIORITY=0\n<0>\x1b[2J"))
    handler = JournalHandler(journal.getsockname())
    handler.emit(printed.records[0])
    handler.close()
    found = fields_of(journal.recv(65536))
    assert found["MESSAGE"] == "%SYS-5-THING: peer says\nPRIORITY=0\n<0>?[2J"
    assert found["PRIORITY"] == "5"


@pytest.mark.lengthy
@pytest.mark.parametrize("text", ["it happened", "x" * 4_000_000])
def test_a_message_that_the_journal_does_not_take_is_a_line(tmp_path: Path, text: str, journal: socket.socket) -> None:
    where = str(tmp_path / "nobody") if len(text) < 100 else journal.getsockname()
    with (tmp_path / "stderr").open("w") as stream:
        handler = JournalHandler(where, stream)
        handler.setFormatter(JournalFormatter(journal=True))
        handler.emit(record(text))
        handler.close()
    assert (tmp_path / "stderr").read_text() == f"<4>{text}\n"
