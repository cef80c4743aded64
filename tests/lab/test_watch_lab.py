"""`dmvpn lab watch`: the ladder of a lab as it grows, with real packets and simulated, and its end."""

from __future__ import annotations

import contextlib
import fcntl
import select
import signal
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab

KINDS = ["simulated", "real"]


@contextlib.contextmanager
def phase3(request: pytest.FixtureRequest, kind: str) -> Iterator[Labs]:
    """Phase 3 of one of the kinds."""
    if kind == "real":
        request.getfixturevalue("runs_labs")
    with Labs() as labs:
        labs.environment |= {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
        labs.up("notes-phase3", *(["--simulated"] if kind == "simulated" else []))
        # One test after the other lets the same two meet: else the hub says so only every 8 seconds.
        labs.configure("R11", "interface Tunnel100", "ip nhrp redirect timeout 2")
        yield labs


@pytest.fixture(scope="module", params=KINDS)
def lab(request: pytest.FixtureRequest) -> Iterator[Labs]:
    """A lab for tests that leave it as it was: they run in any order."""
    with phase3(request, request.param) as labs:
        yield labs


def watched(lab: Labs, *words: str) -> subprocess.Popen[str]:
    """A watch that has begun, over a hub that knows the way to both sites."""
    assert eventually(lambda: all(lan in lab.on("R11", "show ip route eigrp") for lan in ("10.3.3.0", "10.4.4.0")), 30)
    process = lab.start("lab", "watch", *words)
    assert process.stdout is not None
    while "R31" not in process.stdout.readline():
        pass
    time.sleep(0.5)  # it has connected, too
    return process


def printed(process: subprocess.Popen[str]) -> str:
    """What it printed from then on, when it has ended by itself."""
    text, _ = process.communicate(timeout=20)
    assert process.returncode == 0, text
    return text


def part(lab: Labs) -> None:
    """R31 and its hub part, and meet again: something happens, whatever was before."""
    lab.on("R31", "clear ip eigrp neighbors")


def unread(process: subprocess.Popen[str]) -> int:
    """Octets that wait in the pipe."""
    assert process.stdout is not None
    return int.from_bytes(fcntl.ioctl(process.stdout, termios.FIONREAD, bytes(4)), sys.byteorder)


def shortcut(lab: Labs) -> None:
    """R31 and R41 meet."""
    for router in ("R31", "R41"):
        lab.on(router, "clear ip nhrp")

    def is_there() -> bool:
        lab.on("R31", "ping 10.4.4.1 source 10.3.3.1 repeat 2 timeout 1")
        return "10.4.4.0/24" in lab.on("R31", "show ip nhrp shortcut")

    assert eventually(is_there, 20)


def test_a_shortcut_is_seen_while_it_comes_to_be(lab: Labs, tmp_path: Path) -> None:
    saved = tmp_path / "story.md"
    process = watched(lab, "--save", str(saved))
    shortcut(lab)
    time.sleep(0.5)  # what they told each other is printed, too
    process.send_signal(signal.SIGINT)
    text = printed(process)
    for line in (
        "  │────▶│     │   redirect 10.3.3.1 to 10.4.4.1",
        "  │◀────│     │   resolution 10.4.4.1?",
        "  │══════════▶│   resolution 10.4.4.1?",
        "  │     │◀────│   reply 10.4.4.0/24 = 172.16.41.1",
        "  │     +     │   10.4.4.0/24 = 172.16.41.1 (",  # resolved, or a shortcut at once if R41 asked first
    ):
        assert line in text, text
    assert "\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}" not in text
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith(("0", "1", "2", " ")))
    story = saved.read_text()
    assert "R31 asks R11: who has 10.4.4.1?" in story
    assert "sequenceDiagram\n    participant p1 as R11" in story


def test_what_has_happened_before_can_be_watched_too(lab: Labs) -> None:
    shortcut(lab)
    text = lab.say("lab", "watch", "--since", "1h", "--seconds", "1", "--only", "R31", "--ascii")
    assert text.isascii()
    assert "reply 10.4.4.0/24 = 172.16.41.1 (from R41)" in text
    assert "registration 192.168.100.31 = 172.16.31.1 (to R11)" in text


def test_ctrl_c_ends_it_cleanly(lab: Labs) -> None:
    process = watched(lab)
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in printed(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_story_is_saved_whoever_ends_it(lab: Labs, tmp_path: Path, number: signal.Signals) -> None:
    """Seen: after SIGTERM, or when its terminal was closed, there was an empty file."""
    saved = tmp_path / "story.md"
    process = watched(lab, "--since", "1h", "--save", str(saved))
    shortcut(lab)
    process.send_signal(number)
    assert printed(process).endswith(f"the story was saved in {saved}\n")
    assert "reply 10.4.4.0/24 = 172.16.41.1" in saved.read_text()


def test_a_story_goes_on_when_nobody_reads_the_ladder(lab: Labs, tmp_path: Path) -> None:
    """Seen: with `| head` there was an empty file."""
    saved = tmp_path / "story.md"
    process = watched(lab, "--seconds", "4", "--since", "1h", "--save", str(saved))
    assert process.stdout is not None
    process.stdout.close()
    shortcut(lab)
    assert process.wait(timeout=20) == 0
    assert "reply 10.4.4.0/24 = 172.16.41.1" in saved.read_text()


def test_without_a_story_nobody_watches_on_when_nobody_reads(lab: Labs) -> None:
    process = watched(lab)
    assert process.stdout is not None
    process.stdout.close()
    part(lab)
    assert process.wait(timeout=20) == 141


@pytest.mark.slow
def test_a_reader_who_reads_no_more_and_stays_keeps_nobody_from_ending(lab: Labs, tmp_path: Path) -> None:
    """As `| less` does: the pipe is full, and writing waits forever."""
    saved = tmp_path / "story.md"
    process = watched(lab, "--routes", "--save", str(saved))
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, select.PIPE_BUF)

    def is_full() -> bool:
        part(lab)
        return unread(process) > select.PIPE_BUF - 300  # a line is whole, or waits

    assert eventually(is_full, 30)
    part(lab)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    process.stdout.close()
    assert "manually cleared" in saved.read_text()


def test_in_a_pipe_no_line_is_cut(lab: Labs) -> None:
    """Seen: `dmvpn lab watch | grep T2` found nothing, for lines ended at column 80."""
    shortcut(lab)
    lab.on("R31", "ping 10.4.4.1 source 10.3.3.1 repeat 2 timeout 1")
    wide = lab.environment.pop("COLUMNS")
    try:
        text = lab.say("lab", "watch", "--since", "1h", "--seconds", "1")
    finally:
        lab.environment["COLUMNS"] = wide
    assert "(shortcut T2" in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--only", "R99"], "there is no R99 in this lab; it has R11, "),
        (["--since", "yesterday"], "yesterday: not a time span"),
        (["--save", "/nowhere/story.md"], "/nowhere/story.md: No such file or directory"),
    ],
)
def test_what_cannot_be_watched_is_said(lab: Labs, words: list[str], why: str) -> None:
    result = lab.run("lab", "watch", *words)
    assert result.returncode == 1
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_terminal_that_is_too_narrow_is_told_who_would_fit(lab: Labs) -> None:
    wide, lab.environment["COLUMNS"] = lab.environment["COLUMNS"], "56"
    try:
        result = lab.run("lab", "watch")
    finally:
        lab.environment["COLUMNS"] = wide
    assert "3 routers do not fit into 56 columns, 2 would: choose with --only R11,R31" in result.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_router_that_is_killed_and_started_is_watched_again_and_the_end_of_the_lab_is_the_end(
    kind: str, request: pytest.FixtureRequest
) -> None:
    with phase3(request, kind) as lab:
        process = watched(lab)
        assert process.stdout is not None
        lab.say("lab", "kill", "R41")
        lab.say("lab", "start", "R41")
        seen: list[str] = []
        # Its own news may come behind that of the hub on a busy machine.
        for news in ("│◀──────────│   registration 192.168.100.41 = 172.16.41.1", "R41: restarted"):
            while news not in "".join(seen):
                seen.append(process.stdout.readline())
                assert seen[-1], seen
        lab.say("lab", "down")
        rest = printed(process)
    if kind == "real":  # simulated, it may be back before anybody looks
        assert "".join(seen).count("R41: gone") == 1
    assert "R11: gone" not in "".join(seen)
    assert rest.rstrip().endswith("lab notes-phase3 has ended")
