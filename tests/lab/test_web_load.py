"""`dmvpn web` under load: many connections, readers that stall, a router that dies in the middle of an answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.face.messages import Answer as Piece
from dmvpn.face.messages import Done, Hello
from dmvpn.face.protocol import Decoder, encode
from support.callers import every_request
from support.served import Served, dmvpn, new_token, problem, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.face.messages import Message

LABS = "/api/v1/labs"
HERE = f"{LABS}/notes-phase3"
R31 = f"{HERE}/routers/R31"


@pytest.fixture(scope="module")
def web(environment: dict[str, str]) -> Iterator[Served]:
    # Not a fork: what that shares with others counts as its own memory when it is touched.
    with serving(environment, "--role", "configure", words=("env",)) as served:
        served.come_in()
        yield served


def memory(web: Served) -> float:
    """Resident MiB."""
    pages = int(Path(f"/proc/{web.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def follow(
    web: Served, path: str, room: int | None = None, *, method: str = "GET", body: str = "", token: str = ""
) -> socket.socket:
    """Send a request, as for a stream, and do not wait for its answer. room: octets of the receive buffer."""
    client = socket.socket()
    if room is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.settimeout(30)
    client.connect(("127.0.0.1", web.port))
    client.sendall(
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Bearer {token or web.token}\r\n\r\n{body}".encode()
    )
    return client


def test_two_hundred_connections_get_their_answers(web: Served) -> None:
    def ask(number: int) -> object:
        path = (f"{R31}/show/dmvpn", f"{R31}/configuration", HERE, f"{R31}/show/nonsense")[number % 4]
        answer = web.ask(path)
        return answer.status if answer.status != 502 else answer.text

    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(ask, range(200)))
    assert found == [200, 200, 200, 400] * 50


def test_readers_that_stall_cost_little_and_hold_nobody_up(web: Served) -> None:
    """Sixty streams of the lab that nobody reads, while routers log a lot."""
    before = memory(web)
    with contextlib.ExitStack() as held:
        for _ in range(60):
            held.enter_context(follow(web, f"{HERE}/events", room=4096))
        reader = held.enter_context(follow(web, f"{HERE}/events?topics=log"))
        for number in range(40):
            lines = [f"interface Loopback{100 + number}", "exit", f"interface Loopback{200 + number}"]
            for router in ("R11", "R31", "R41"):
                made = web.ask(
                    f"{HERE}/routers/{router}/configuration", method="POST", body=json.dumps({"lines": lines})
                )
                assert made.status == 200
        seen = b""
        while b"Loopback239" not in seen:
            seen = seen[-20:] + reader.recv(1 << 16)
        assert web.ask(f"{R31}/show/clock").status == 200
        assert memory(web) - before < 60


class Liar:
    """A router that says what a test wants, at the socket of one that was killed."""

    def __init__(self, path: Path, *said: Message, raw: bytes = b"") -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(8)
        self.said = said
        self._raw = raw
        self._path = path
        self._ended = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, contextlib.suppress(OSError):
                    client.sendall(encode(Hello("R41")))
                    data = client.recv(1 << 16)
                    if data and Decoder().feed(data):
                        client.sendall(b"".join(encode(message) for message in self.said) + self._raw)

    def close(self) -> None:
        self._server.close()
        self._path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("said", "raw"),
    [
        ((), b""),
        ((Piece('{"half": '),), b""),
        ((Piece('{"half": '),), b'{"type":"answer","text":"'),
        ((), b"\x00\xff not JSON\n"),
        ((Done(2, "a message of the unknown type"),), b""),
        ((Piece("x"),), b'{"type":"answer"}\n'),
    ],
)
def test_a_router_that_dies_or_lies_in_the_middle_of_an_answer_is_one_error(
    environment: dict[str, str], web: Served, said: tuple[Message, ...], raw: bytes
) -> None:
    dmvpn(environment, "lab", "kill", "R41")
    liar = Liar(Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn/labs/notes-phase3/R41.sock", *said, raw=raw)
    router = f"{HERE}/routers/R41"
    try:
        lines = json.dumps({"lines": ["hostname X"]})
        for answer in (
            web.ask(f"{router}/show/dmvpn"),
            web.ask(f"{router}/configuration"),
            web.ask(f"{router}/configuration", method="POST", body=lines),
            web.ask(f"{router}/run", method="POST", body='{"command": "clear ip nhrp"}'),
        ):
            assert answer.status in (502, 503), answer
            assert problem(answer, answer.status)
        assert 'dmvpn_up{lab="notes-phase3",router="R41"} 0' in web.ask("/metrics").text
        assert web.ask(f"{R31}/show/clock").status == 200
    finally:
        liar.close()
        dmvpn(environment, "lab", "start", "R41")


def test_a_router_that_answers_without_json_is_one_error(environment: dict[str, str], web: Served) -> None:
    """The answer was 500."""
    dmvpn(environment, "lab", "kill", "R41")
    liar = Liar(Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn/labs/notes-phase3/R41.sock")
    place, lines = f"{HERE}/routers/R41/configuration", json.dumps({"lines": ["hostname X"]})
    try:
        for text in ("no JSON", "", "[]", "{}", '{"tag": 1, "text": ""}', '{"tag": "x", "text": NaN}', "[" * 100_000):
            liar.said = (Piece(text), Done(0))
            for answer in (web.ask(place), web.ask(place, method="POST", body=lines)):
                assert "cannot be read" in problem(answer, 502)
    finally:
        liar.close()
        dmvpn(environment, "lab", "start", "R41")


def test_a_caller_learns_no_path_of_the_server(environment: dict[str, str], web: Served) -> None:
    dmvpn(environment, "lab", "kill", "R41")
    path = Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn/labs/notes-phase3/R41.sock"
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        for resource in ("show/dmvpn", "configuration"):
            found = web.ask(f"{HERE}/routers/R41/{resource}")
            assert problem(found, 502) == "R41: no router is running there"
    path.unlink()
    dmvpn(environment, "lab", "start", "R41")


def test_a_lab_that_is_killed_ends_its_streams_and_is_gone(environment: dict[str, str]) -> None:
    up = dmvpn(environment, "lab", "up", "notes-phase1", "--simulated", "--json")
    assert json.loads(up)["lab"] == "notes-phase1"
    with serving(environment) as served:
        served.come_in()
        with follow(served, f"{LABS}/notes-phase1/events") as stream:
            seen = stream.recv(1 << 16)
            control = Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn/labs/notes-phase1/supervisor.sock"
            os.kill(owner_of(control), signal.SIGKILL)
            while b"event: ended" not in seen:
                seen = seen[-20:] + stream.recv(1 << 16)
        assert problem(served.ask(f"{LABS}/notes-phase1"), 404)


@pytest.mark.slow
def test_no_resource_of_a_lab_that_is_stopped_holds_up_another_lab(environment: dict[str, str]) -> None:
    """Eighty requests for one lab as a file, while it was busy, kept everybody from the list of labs for 29 s."""
    dmvpn(environment, "lab", "up", "notes-phase1", "--simulated", "--name", "stopped")
    many = new_token(environment, "many", "configure")
    owner = owner_of(Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn/labs/stopped/supervisor.sock")
    with serving(environment, "--role", "configure") as served:
        served.come_in()
        os.kill(owner, signal.SIGSTOP)
        try:
            for method, path, body in every_request(lab="stopped", router="R31", host="H31"):
                with contextlib.ExitStack() as held:
                    for _ in range(45):
                        held.enter_context(follow(served, path, method=method, body=body, token=many))
                    for asked in (LABS, f"{R31}/show/clock"):
                        answer = served.ask(asked, patience=10)
                        assert answer.status == 200, (method, path, asked, answer)
            assert served.ask("/api/v1/class", patience=20).status == 200
        finally:
            os.kill(owner, signal.SIGKILL)


def owner_of(path: Path) -> int:
    """The process that listens at a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")


def test_no_stream_of_errors_is_anything_but_one_object_each(web: Served) -> None:
    """Whatever is asked, an error is one problem, and no fault of ours."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for path in ("/", "/metrics/x", HERE, f"{R31}/configuration/x", f"{R31}/configuration", f"{HERE}/events/x"):
            if (method, path) in (("GET", "/"), ("GET", HERE), ("DELETE", HERE), ("GET", f"{R31}/configuration")):
                continue
            answer = web.ask(path, method=method)
            assert answer.status in (400, 404, 405), (method, path, answer)
            assert problem(answer, answer.status)
    assert web.ask("/healthz").status == 200
