"""Orders to a lab: whatever arrives on its socket is answered in one line, and never ends it."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells import admission
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.syscalls import PeerCredentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _answer(tmp_path: Path, octets: bytes, obey: Callable[[dict[str, control.Json]], control.Json]) -> str:
    """What a lab that obeys like this answers to these octets."""
    path = tmp_path / "supervisor.sock"
    with control.listen(path) as server, socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(path))
        asker.sendall(octets)
        asker.shutdown(socket.SHUT_WR)
        control.serve(server, obey)
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
    assert "an order failed" in caplog.text


def test_an_order_of_another_user_is_not_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mode of a socket can be changed; who connects cannot."""
    orders: list[dict[str, control.Json]] = []
    monkeypatch.setattr(admission, "peer_credentials", lambda connection: PeerCredentials(1, 4711, 4711))
    with pytest.raises((ConnectionError, json.JSONDecodeError)):
        json.loads(_answer(tmp_path, b'{"do": "down"}\n', lambda request: orders.append(request)))
    assert orders == []


def test_an_order_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.sock"
    with control.listen(path) as server:
        server.setblocking(True)
        lab = threading.Thread(target=control.serve, args=(server, lambda request: request["do"]))
        lab.start()
        assert control.order(path, do="status") == "status"
        lab.join()


def test_a_lab_lends_a_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.sock"
    with control.listen(path) as server, (tmp_path / "lent").open("wb") as file:
        server.setblocking(True)
        lab = threading.Thread(target=control.serve, args=(server, lambda request: control.Lent(file.fileno())))
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
        {"loss": 101},
        {"loss": "nan"},
        {"rate": "nan"},
        {"rate": "inf"},
        {"rate": 1e-9},
        {"rate": "quick"},
        {"colour": 1},
    ],
)
def test_a_wire_that_cannot_be_is_refused(settings: dict[str, control.Json]) -> None:
    with pytest.raises(UserError):
        Badness.read({"do": "impair", "link": "R1:Gi0/1", **settings})
