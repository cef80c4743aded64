"""A command on a router that answers before the program is imported: nobody notices but by its speed."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.app import main as whole
from dmvpn.app import start
from dmvpn.face.calling import MAX_DATA, MAX_LINE, PROTOCOL, output_line
from dmvpn.face.messages import Answer, Done, Hello, Message, Output, Signal
from dmvpn.face.protocol import Decoder, encode, encode_output
from dmvpn.shells import index
from dmvpn.shells.index import remembered
from dmvpn.shells.lab import control, sockets
from dmvpn.shells.lab.places import LabFolder
from support.command import command, dmvpn_here, variables
from support.fake_router import FakeRouter, Live
from support.services import short_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

#: What a router of each name sends after the hello; "" is its hello.
_BROKEN: Final[dict[str, Sequence[Message | bytes]]] = {
    "NEWER": (Hello("NEWER", PROTOCOL + 1),),
    "CLOSED": (),
    "DYING": (Hello("DYING"), Output(b"half an answer")),
    "FULL": (Hello("FULL"), Done(2, "all terminal lines are in use")),
    "FOREIGN": (Hello("FOREIGN"), b"HTTP/1.1 400 Bad Request\n"),
    "STRANGE": (Hello("STRANGE"), encode(Output(b"x")).replace(b"eA==", b"eA=")),
    "LATE": (Hello("LATE"), Answer("a value that nobody asked for")),
    "ENDLESS": (Hello("ENDLESS"), b"x" * (MAX_LINE + 1)),
    "ODD": (Hello("ODD"), Output(b"said\n"), Done(77)),
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with two labs, of which one has a dead router, a service, and a lab that died."""
    with short_folder() as folder, contextlib.ExitStack() as over:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        monkeypatch.setattr(sockets, "SERVICES", str(folder / "services"))
        monkeypatch.setattr("dmvpn.shells.lab.places._PATIENCE", 0.01)  # these labs answer nobody
        labs = {name: LabFolder.of(name) for name in ("one", "two", "dead")}
        (folder / "services" / "run-R9").mkdir(parents=True)
        labs["run-R9"] = LabFolder(folder / "services" / "run-R9")
        for name, routers in (("one", "R1 R2 R4"), ("two", "R2 R3"), ("dead", "R1"), ("run-R9", "R9")):
            if name != "run-R9":
                labs[name].make(routers.split())
            if name != "dead":
                over.enter_context(control.listen(labs[name].control))
        labs["one"].storage("R4")
        labs["dead"].storage("R1")
        for name, router in (("one", "R1"), ("one", "R2"), ("two", "R2"), ("run-R9", "R9")):
            over.callback(Live(labs[name].management(router), FakeRouter(f"hostname {router}\n")).close)
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(labs["two"].management("R3")))
        (labs["dead"].path / "R7.sock").touch()
        for router, said in _BROKEN.items():
            over.enter_context(_says(labs["two"].management(router), partial(_what_is_said, said)))
        yield folder


def _what_is_said(said: Sequence[Message | bytes], _: socket.socket) -> Sequence[Message | bytes]:
    return said


@contextlib.contextmanager
def _says(path: Path, answers: Callable[[socket.socket], Iterable[Message | bytes]]) -> Iterator[None]:
    """A router that sends this to whoever connects, the hello at once and the rest after an order, and hangs up."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    connected, _ = listening.accept()
                except OSError:
                    return
                with connected, contextlib.suppress(OSError):
                    for number, message in enumerate(answers(connected)):
                        connected.sendall(message if isinstance(message, bytes) else encode(message))
                        if number == 0:
                            connected.recv(MAX_LINE)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("line", "typed", "quickly"),
    [
        ("-r one/R1 show privilege", None, True),
        ("--router one/R1 show privilege", None, True),
        ("-r one/R1 show numbers 3 | json", None, True),
        ("-r one/R1 show --json", None, True),
        ("-r one/R1 --json show privilege", None, True),
        ("-r one/R1 show nonsense", None, True),
        ("-r one/R1 show numbers 20000", None, True),
        ("-r one/R1 -", "show privilege\nshow nonsense\nshow numbers 2\n", True),
        ("-r one/R1 -", "", True),
        ("-r one/R1 -", "\n".join(["show privilege " + " " * 1000] * 100), True),
        ("-r one/R1 -", f"banner motd #{'x' * MAX_LINE}#", True),
        ("-r one/R1 configure terminal", None, True),
        ("-r run-R9/R9 show privilege", None, True),
        ("-r R9 show privilege", None, True),
        ("-r one/R1 show é\udcff", None, True),
        *((f"-r two/{router} show privilege", None, True) for router in _BROKEN),
        ("-r two/R3 show privilege", None, True),
        ("-r R1 show privilege", None, False),  # the dead lab, too, has the router's folder
        ("-r R2 show privilege", None, False),
        ("-r R3 show privilege", None, True),
        ("-r R4 show privilege", None, False),
        ("-r one/R4 show privilege", None, False),
        ("-r one/R5 show privilege", None, False),
        ("-r R5 -", "show privilege", False),
        ("-r R7 show privilege", None, False),
        ("-r dead/R7 show privilege", None, False),
        ("-r three/R1 show privilege", None, False),
        ("-r one/one/R1 show privilege", None, False),
        ("-r /R1 show privilege", None, False),
        ("-r one/ show privilege", None, False),
        ("-r ../labs/one/R1 show privilege", None, False),
        ("-r one/supervisor show privilege", None, False),
        ("-r supervisor show privilege", None, False),
        ("-r run-R8/R8 show privilege", None, False),
        ("-r", None, False),
        ("-r one/R1", "show privilege\n", False),
        ("--json -r one/R1 show privilege", None, False),
        ("--router=one/R1 show privilege", None, False),
    ],
)
def test_the_quick_way_prints_and_returns_what_the_whole_program_does(
    line: str, typed: str | None, quickly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over: list[list[str]] = []
    carry_out = whole.carry_out

    def noted(words: list[str]) -> int:
        handed_over.append(words)
        return carry_out(words)

    words = line.split(" ")
    monkeypatch.setattr(whole, "carry_out", noted)
    quick = dmvpn_here(*words, typed=typed, begin=start.main)
    assert handed_over == ([] if quickly else [words])
    by_all = dmvpn_here(*words, typed=typed)
    assert (quick.stdout, quick.stderr, quick.returncode) == (by_all.stdout, by_all.stderr, by_all.returncode)
    assert quick.stdout + quick.stderr or typed == ""


@pytest.mark.parametrize("begin", [start.main, whole.main])
def test_control_c_breaks_off_the_command_and_a_second_one_does_not_wait(
    begin: Callable[[list[str]], int], machine: Path
) -> None:
    over = threading.Event()

    def ping(connected: socket.socket) -> Iterator[Message | bytes]:
        yield Hello("PING")
        os.kill(os.getpid(), signal.SIGINT)
        assert Decoder().feed(connected.recv(MAX_LINE)) == [Signal()]
        yield Output(b"broken off\n")
        if over.is_set():
            yield Done(0)
            return
        os.kill(os.getpid(), signal.SIGINT)
        over.wait(10)

    with _says(machine / "dmvpn/labs/one/PING.sock", ping):
        twice = dmvpn_here("-r", "PING", "ping", "10.0.0.1", begin=begin)
        over.set()
        once = dmvpn_here("-r", "PING", "ping", "10.0.0.1", begin=begin)
    assert (once.returncode, once.stdout, once.stderr) == (130, "broken off\n", "")
    assert (twice.returncode, twice.stderr) == (130, "")


@pytest.mark.lengthy
@pytest.mark.parametrize("way", ["dmvpn.app.start", "dmvpn.app.main"])
def test_who_has_read_enough_hears_no_complaint(way: str) -> None:
    code = f"import sys; from {way} import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "-r", "one/R1", "show", "numbers", "20000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 1\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 141)


def test_a_command_imports_next_to_nothing_before_its_answer() -> None:
    """A module that the client imports by mistake doubles the time of each command."""
    code = (
        "import sys; before = {*sys.modules}; from dmvpn.app.start import main; main(); "
        "print(*({each.partition('.')[0] for each in sys.modules if each not in before} - {'dmvpn'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command("-r", "one/R1", "show", "privilege")[3:]],
        capture_output=True,
        text=True,
        env=variables(),
        check=True,
    )
    said, _, modules = done.stdout.strip().rpartition("\n")
    assert said == "Current privilege level is 15"
    assert {*modules.split()} <= {"__future__", "_json", "_signal", "_socket", "binascii", "gc"}


@pytest.mark.parametrize("octets", [b"", b"one", bytes(range(256)) * 256])
def test_output_that_the_client_writes_itself_is_the_protocol_s(octets: bytes) -> None:
    assert len(octets) <= MAX_DATA
    assert output_line(octets) == encode(Output(octets))
    assert Decoder().feed(encode_output(octets)) == [Output(octets)] * bool(octets)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only file of the program, as far as the index goes, which is in a folder beside it."""
    (tmp_path / "program").mkdir()
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(index, "PROGRAM", str(tmp_path / "program"))
    monkeypatch.setattr(index, "PLACE", str(tmp_path / "kept" / "index"))
    file = tmp_path / "program" / "source.py"
    file.write_text("one")
    return file


def test_the_index_is_passed_over_if_a_file_of_the_program_is_another_one(program: Path) -> None:
    made: list[str] = []

    def make() -> str:
        made.append(program.read_text())
        return made[-1]

    def look() -> int:
        assert remembered("what", make) == made[-1]
        return len(made)

    assert [look(), look()] == [1, 1]
    program.write_text("seven")
    assert [look(), look()] == [2, 2]
    os.utime(program, (1, 1))
    assert [look(), look()] == [3, 3]
    (program.parent / "more.txt").touch()
    assert [look(), look()] == [4, 4]
    program.rename(program.parent / "another.py")
    assert remembered("what", lambda: "made") == "made"
    (program.parent / ".#source.py").symlink_to("an editor's lock")
    assert remembered("what", lambda: "made again") == "made again"


@pytest.mark.parametrize("there", [b"", b"no index", b"\xfb", b"i\x01\0\0\0"])
def test_an_index_that_is_damaged_or_cannot_be_written_is_as_none(there: bytes, program: Path) -> None:
    place = program.parents[1] / "kept" / "index"
    place.write_bytes(there)
    assert [remembered("what", lambda: 1), remembered("what", lambda: 2)] == [1, 1]
    place.unlink()
    place.parent.rmdir()
    assert [remembered("what", lambda: 3), remembered("what", lambda: 4)] == [3, 4]


def test_what_changes_while_a_value_is_made_is_not_kept(program: Path) -> None:
    def change() -> str:
        program.write_text("changed")
        return "of half the old"

    assert remembered("what", change) == "of half the old"
    assert remembered("what", lambda: "new") == "new"


def test_the_index_keeps_the_newest_of_many_words_and_no_word_pushes_out_the_list_of_labs(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST", 2)
    assert [remembered(key, lambda: 1) for key in ("lab list", "word a", "word b", "word c")] == [1, 1, 1, 1]
    assert [remembered(key, lambda: 2) for key in ("word c", "word b", "lab list", "word a")] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    "words", ["DT2", "--json DT2", "show dmvpn", "%NHRP-3-PAKREPLY", "nosuchword", "->", "", "-x y"]
)
def test_a_word_is_explained_by_the_index_as_without_it(words: str, program: Path) -> None:
    first, again, whole_way = (
        dmvpn_here("explain", *words.split(" "), begin=begin) for begin in (start.main, start.main, whole.main)
    )
    for each in (first, again):
        assert (each.stdout, each.stderr) == (whole_way.stdout, whole_way.stderr)
        assert each.returncode == whole_way.returncode


@pytest.mark.lengthy
@pytest.mark.parametrize("asked", ["crypto isakmp key S3cret address 192.0.2.1", "S3cret", "S3cret" * 9])
def test_nothing_that_may_be_a_secret_is_in_the_index(asked: str, program: Path) -> None:
    dmvpn_here("explain", asked, begin=start.main)
    dmvpn_here("explain", "DT2", begin=start.main)
    kept = (program.parents[1] / "kept" / "index").read_bytes()
    assert b"DT2" in kept
    assert b"S3cret" not in kept


@pytest.mark.lengthy
def test_labs_that_run_are_never_in_the_index(program: Path, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.labs.catalog.PATIENCE", 0.01)  # these labs answer nobody
    with_labs = dmvpn_here("lab", "list").stdout
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(machine / "services"))
    monkeypatch.setattr(sockets, "SERVICES", str(machine / "none"))
    without = dmvpn_here("lab", "list").stdout
    common, _, yours = with_labs.partition("yours:")
    assert "(a folder of yours)" in yours
    assert without == common


def test_a_process_that_the_command_starts_runs_no_second_command() -> None:
    """It reads the start script again: each campaign with several jobs ended with that."""
    read = runpy.run_path(str(Path(__file__).parents[2] / "contrib/dmvpn"), run_name="__mp_main__")
    assert callable(read["main"])
