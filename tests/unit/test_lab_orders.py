"""Orders to a lab: whatever arrives on its socket is answered in one line, and never ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import socket
import threading
from typing import TYPE_CHECKING, cast

import pytest

from dmvpn.app.completion import candidates
from dmvpn.app.main import argument_parser
from dmvpn.base.errors import UserError
from dmvpn.shells import admission
from dmvpn.shells.admission import Admission
from dmvpn.shells.lab import control, sockets
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.places import LabFolder, find_lab, find_node, find_router, some_router
from dmvpn.shells.lab.router_process import borrow, lend
from dmvpn.shells.lab.syscalls import PeerCredentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dmvpn.shells.lab.control import Json

    Open = Callable[..., LabFolder]


def _answer(tmp_path: Path, octets: bytes, obey: Callable[[dict[str, control.Json]], control.Json]) -> str:
    """What a lab that obeys like this answers to these octets."""
    path = tmp_path / "supervisor.sock"
    with control.listen(path) as server, socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(path))
        asker.sendall(octets)
        asker.shutdown(socket.SHUT_WR)
        control.serve(server, obey, control.Answer.send)
        asker.settimeout(5)
        return asker.recv(65536).decode()


@pytest.mark.parametrize(
    "octets",
    [b"", b"{}", b"\xff\xfe\n", b"[]\n", b"null\n", b"[" * 30_000 + b"\n", b"x" * 70_000 + b"\n"],
    ids=["nothing", "no line end", "no text", "a list", "null", "nested", "long"],
)
def test_what_is_no_order_is_answered_with_an_error(tmp_path: Path, octets: bytes) -> None:
    answer = json.loads(_answer(tmp_path, octets, lambda request: None))
    assert "request" in answer["error"]


def test_a_fault_while_obeying_is_an_answer_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def obey(request: dict[str, control.Json]) -> control.Json:
        raise RuntimeError("it broke")

    assert "it broke" in json.loads(_answer(tmp_path, b'{"do": "x"}\n', obey))["error"]
    assert "internal fault while carrying out an order: RuntimeError: it broke" in caplog.text


def test_an_order_of_another_user_is_not_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mode of a socket can be changed; who connects cannot."""
    orders: list[dict[str, control.Json]] = []
    monkeypatch.setattr(admission, "peer_credentials", lambda connection: PeerCredentials(1, 4711, 4711))
    with pytest.raises((ConnectionError, json.JSONDecodeError)):
        json.loads(_answer(tmp_path, b'{"do": "down"}\n', lambda request: orders.append(request)))
    assert orders == []


class _Dripping:
    """An asker that sends an octet whenever it is nearly given up, for as long as anybody listens."""

    def __init__(self) -> None:
        self.now = 0.0
        self._patience = 0.0

    def monotonic(self) -> float:
        return self.now

    def settimeout(self, seconds: float) -> None:
        self._patience = seconds

    def recv(self, most: int) -> bytes:
        if self._patience < 0.9:
            self.now += self._patience
            raise TimeoutError
        self.now += 0.9
        return b"{"


def test_octets_that_drip_do_not_prolong_the_patience_of_a_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    asker = _Dripping()
    monkeypatch.setattr(control, "time", asker)
    assert control.receive_order(cast("socket.socket", asker)) == b"{"
    assert asker.now == pytest.approx(control.LAB_PATIENCE)


def test_a_router_works_on_while_an_asker_says_half_of_an_order(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.sock"

    async def router() -> tuple[control.Json, bytes]:
        with socket.socket(socket.AF_UNIX) as slow:
            async with control.attending(path, lambda request: request["do"]):
                slow.connect(str(path))
                slow.sendall(b'{"do": ')
                answer = await asyncio.to_thread(control.order, path, do="status")
                slow.sendall(b'"more"}\n')
                slow.settimeout(30)
                return answer, await asyncio.to_thread(slow.recv, 65536)

    answer, other = asyncio.run(router())
    assert answer == "status"
    assert b"ok" in other or b"whole within" in other, "how soon depends on the machine"


def test_an_asker_that_says_nothing_is_told_so_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "LAB_PATIENCE", 0.01)
    path = tmp_path / "supervisor.sock"

    async def router() -> bytes:
        with socket.socket(socket.AF_UNIX) as silent:
            async with control.attending(path, lambda request: None):
                silent.connect(str(path))
                silent.settimeout(30)
                return await asyncio.to_thread(silent.recv, 65536)

    assert b"not there whole" in asyncio.run(router())


def test_a_member_of_the_group_asks_and_does_not_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "peer_credentials", lambda connection: PeerCredentials(1, 4711, 4712))
    path = tmp_path / "supervisor.sock"
    orders: list[control.Json] = []

    async def router() -> None:
        async with control.attending(path, lambda request: orders.append(request["do"]), Admission(os.getgid())):
            monkeypatch.setattr(admission, "peer_groups", lambda connection: (os.getgid(),))
            await asyncio.to_thread(control.order, path, do="status")
            with pytest.raises(UserError, match="the user that runs the lab may do that"):
                await asyncio.to_thread(control.order, path, do="down")
            monkeypatch.setattr(admission, "peer_groups", lambda connection: ())
            with pytest.raises(UserError):
                await asyncio.to_thread(control.order, path, do="status")

    asyncio.run(router())
    assert orders == ["status"]


@pytest.mark.parametrize("name", ["4294967295", "99999999999", "9" * 5000, "٣", "no-such-group-here", "a\0b"])
def test_a_group_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="group"):
        Admission.of(name)
    assert Admission.of("4294967294") == Admission(4294967294)


def test_an_order_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.sock"
    with control.listen(path) as server:
        server.setblocking(True)
        lab = threading.Thread(target=control.serve, args=(server, lambda request: request["do"], control.Answer.send))
        lab.start()
        assert control.order(path, do="status") == "status"
        lab.join()


@pytest.mark.parametrize("rest", [b'{"ok": 3}\n', b'{"busy": "half"}\n{"ok": 3}\n'], ids=["apart", "in one piece"])
def test_a_client_hears_how_far_long_work_is_before_the_answer(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "supervisor.sock"
    heard: list[str] = []

    def work(server: socket.socket) -> None:
        with server.accept()[0] as asked:
            asked.recv(65536)
            asked.sendall(b'{"busy": "begun"}\n')
            asked.sendall(rest)

    with control.listen(path) as server:
        server.setblocking(True)
        lab = threading.Thread(target=work, args=(server,), daemon=True)
        lab.start()
        assert control.order(path, 30.0, heard.append, do="clock") == 3
        lab.join()
    assert heard in (["begun"], ["begun", "half"])
    assert len(heard) == 1 + rest.count(b"busy")


def test_a_lab_sees_that_the_client_of_its_work_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.sock"
    asked: list[control.Answer] = []
    with control.listen(path) as server, socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(path))
        asker.sendall(b'{"do": "clock"}\n')
        asker.shutdown(socket.SHUT_WR)
        control.serve(server, lambda request: None, asked.append)
        assert asked[0].is_awaited(), "it only says nothing more"
        asked[0].noted = 0.0
        asked[0].note("31 %")
        assert json.loads(asker.recv(65536)) == {"busy": "31 %"}
        asker.close()
        assert not asked[0].is_awaited()
        assert asked[0].send(), "it is done with"


def test_a_large_answer_arrives_whole_however_slowly_its_client_reads(tmp_path: Path) -> None:
    """`lab up` of two hundred routers failed on a busy machine: the lab broke its answer off after a second."""
    path = tmp_path / "supervisor.sock"

    async def lab() -> tuple[int, control.Json]:
        loop = asyncio.get_running_loop()
        with control.listen(path) as server, socket.socket(socket.AF_UNIX) as asker:
            asker.connect(str(path))
            asker.setblocking(False)
            asker.sendall(b'{"do": "facts"}\n')
            control.serve(server, lambda request: "x" * 3_000_000, control.deliver)
            octets, turns = b"", 0
            while not octets.endswith(b"\n"):
                octets += await loop.sock_recv(asker, 65536)
                turns += 1
            return turns, json.loads(octets)["ok"]

    turns, value = asyncio.run(lab())
    assert turns > 10, "it does not fit into the socket"
    assert value == "x" * 3_000_000


def test_work_that_fails_is_an_answer_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "supervisor.sock"

    def work(answer: control.Answer) -> None:
        with answer.failing():
            raise RuntimeError("it broke")
        answer.send()

    with control.listen(path) as server, socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(path))
        asker.sendall(b'{"do": "clock"}\n')
        control.serve(server, lambda request: None, work)
        assert "it broke" in json.loads(asker.recv(65536))["error"]


def test_a_lab_lends_a_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.sock"
    with control.listen(path) as server, (tmp_path / "lent").open("wb") as file:
        server.setblocking(True)
        lab = threading.Thread(
            target=control.serve, args=(server, lambda request: control.Lent(file.fileno()), control.Answer.send)
        )
        lab.start()
        descriptor, _ = control.borrow_namespace(path, "R1")
        lab.join()
        with open(descriptor, "wb") as borrowed:
            borrowed.write(b"x")
    assert (tmp_path / "lent").read_bytes() == b"x"


def test_badness_is_read_from_an_order() -> None:
    request: dict[str, control.Json] = {"do": "impair", "link": "R1:Gi0/1", "delay": 5, "loss": 2.5}
    assert Badness.read(request) == Badness(delay=5.0, loss=2.5)
    assert Badness.read({"do": "impair", "link": "R1:Gi0/1"}).harmless


@pytest.mark.parametrize(
    "settings",
    [
        {"delay": -1},
        {"delay": "inf"},
        {"delay": "nan"},
        {"delay": 10_001},
        {"mtu": 1400.5},
        {"loss": 101},
        {"loss": "nan"},
        {"rate": "nan"},
        {"rate": "inf"},
        {"rate": 1e-9},
        {"mtu": 67},
        {"mtu": 65_536},
        {"rate": "quick"},
        {"color": 1},
    ],
)
def test_a_wire_that_cannot_be_is_refused(settings: dict[str, control.Json]) -> None:
    with pytest.raises(UserError):
        Badness.read({"do": "impair", "link": "R1:Gi0/1", **settings})


@pytest.mark.parametrize("said", [b"", b'{"ok": {"scena'], ids=["nothing", "a part"])
def test_a_lab_that_ends_in_the_middle_of_its_answer_is_one_error(tmp_path: Path, said: bytes) -> None:
    """A request to a lab that was killed meanwhile never returned, and kept a processor busy."""
    path = tmp_path / "supervisor.sock"

    def end(server: socket.socket) -> None:
        with server.accept()[0] as asked:
            asked.recv(65536)
            asked.sendall(said)

    with control.listen(path) as server:
        server.setblocking(True)
        lab = threading.Thread(target=end, args=(server,), daemon=True)
        lab.start()
        with pytest.raises(UserError, match="the lab ended while it was asked"):
            control.order(path, do="status")
        lab.join()


# Names on the command line: which lab, router or host they mean, and what is said where that is not clear.


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Brings a lab up as far as names need it: sockets, and somebody who answers for its status."""
    short = tmp_path / "r"
    short.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    over = contextlib.ExitStack()
    selector = selectors.DefaultSelector()
    ending = threading.Event()

    def bring_up(name: str, routers: str, hosts: str = "", dead: str = "") -> LabFolder:
        folder = LabFolder.of(name)
        folder.make(routers.split())
        for router in routers.split():
            folder.storage(router)
            if router not in dead.split():
                folder.management(router).touch()
        nodes: dict[str, Json] = {
            "routers": {router: router not in dead.split() for router in routers.split()},
            "hosts": dict.fromkeys(hosts.split(), "10.0.0.1/24"),
        }
        listener = over.enter_context(control.listen(folder.control))
        selector.register(
            listener, selectors.EVENT_READ, lambda: control.serve(listener, lambda _request: nodes, control.Answer.send)
        )
        return folder

    def answer() -> None:
        while not ending.is_set():
            for key, _ in selector.select(0.02) if selector.get_map() else ():
                key.data()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield bring_up
    finally:
        ending.set()
        thread.join()
        over.close()
        selector.close()


def test_a_router_that_one_lab_alone_has_needs_no_name_of_a_lab(lab: Open) -> None:
    """With two labs up, `-r R41` was refused though one of them alone had it."""
    one = lab("one", "R11 R31")
    other = lab("two", "R11 R41")
    assert find_router("R31", str) == (one, "R31")
    assert find_router("R41", str) == (other, "R41")


def test_where_two_labs_have_the_router_both_are_named_and_the_command_that_works(lab: Open) -> None:
    lab("one", "R11 R31")
    lab("two", "R11 R41")
    with pytest.raises(UserError) as refused:
        find_router("R11", lambda name: f"dmvpn -r {name} show dmvpn")
    assert str(refused.value) == "the labs one and two have R11: say which, as in 'dmvpn -r one/R11 show dmvpn'"


def test_where_no_lab_has_the_router_the_routers_that_there_are_are_named(lab: Open) -> None:
    lab("one", "R11 R31")
    lab("two", "HUB")
    with pytest.raises(UserError, match="no lab that is up has R99: one has R11, R31; two has HUB"):
        find_router("R99", str)


def test_a_dead_router_is_found_and_the_advice_names_it_as_it_was_typed(lab: Open) -> None:
    lab("one", "R11 R31", dead="R31")
    lab("two", "HUB")
    with pytest.raises(UserError, match="R31 is not running; 'dmvpn lab start R31' starts it"):
        find_router("R31", str)
    with pytest.raises(UserError, match="R31 is not running; 'dmvpn lab start one/R31' starts it"):
        find_router("one/R31", str)


def test_a_host_that_one_lab_alone_has_needs_no_name_of_a_lab(lab: Open) -> None:
    lab("one", "R11", hosts="H1 H2")
    other = lab("two", "R11", hosts="H1 H3")
    assert find_node("H3", str) == (other, "H3")
    with pytest.raises(UserError, match="the labs one and two have H1: say which, as in 'exec one/H1'"):
        find_node("H1", "exec {}".format)


def test_the_only_lab_needs_no_name_and_of_several_one_is_asked_for_by_an_exact_command(lab: Open) -> None:
    one = lab("one", "R11")
    assert find_lab(None) == one
    assert some_router() == "R11"
    lab("two", "R12")
    with pytest.raises(UserError, match=r"several labs are up \(one, two\): say which, as in 'dmvpn lab down one'"):
        find_lab(None, "dmvpn lab down {}".format)
    assert some_router() == "one/R11"


def test_tab_offers_hosts_where_a_command_takes_them(
    lab: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sockets, "SERVICES", str(tmp_path / "none"))
    lab("one", "R11", hosts="H1")
    assert candidates(argument_parser(), ["lab", "exec", "H"]) == ["H1"]
    assert candidates(argument_parser(), ["walk", "H1", ""]) == ["H1", "R11", "one/H1", "one/R11"]


# Answers of a router to its supervisor arrive whole, however large they are.


@pytest.fixture
def pipe() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@pytest.mark.parametrize("length", [0, 1, 300_000, 5_000_000])
def test_what_is_lent_arrives_whole(pipe: tuple[socket.socket, socket.socket], length: int) -> None:
    """The facts of a hub with hundreds of spokes did not fit into a packet of the pipe."""
    ours, theirs = pipe
    with ours, theirs:
        theirs.setblocking(False)
        octets = bytes(range(256)) * (length // 256) + bytes(length % 256)
        lend(theirs, octets)
        assert borrow(ours) == octets


def test_a_packet_without_octets_is_no_answer(pipe: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipe
    with ours, theirs:
        theirs.send(b"[]")
        with pytest.raises(ValueError, match="without its octets"):
            borrow(ours)
