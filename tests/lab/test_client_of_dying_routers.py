"""A program asks a router that dies or falls silent in mid-answer: it hears so, and does not wait forever."""

from __future__ import annotations

import socket
import tempfile
import threading
from pathlib import Path

import pytest

from dmvpn.base.errors import UserError
from dmvpn.face.calling import PROTOCOL
from dmvpn.face.client import RefusedError, answer_text
from dmvpn.face.messages import Answer, Ask, Done, Hello, Message
from dmvpn.face.protocol import encode

HALF = Answer('{"peers": [')


@pytest.mark.parametrize(
    ("rest", "stays", "error", "text"),
    [
        ((HALF,), False, UserError, "gone away"),
        ((HALF,), True, UserError, "does not answer"),
        ((HALF, Done(1, "no such show")), True, RefusedError, "no such show"),
    ],
)
def test_half_an_answer_is_an_error(rest: tuple[Message, ...], stays: bool, error: type[UserError], text: str) -> None:
    over = threading.Event()
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        path = Path(folder) / "R1.sock"
        server.bind(str(path))
        server.listen()

        def router() -> None:
            connected, _ = server.accept()
            with connected:
                connected.sendall(encode(Hello("R1", PROTOCOL)))
                connected.recv(1 << 16)
                connected.sendall(b"".join(map(encode, rest)))
                if stays:
                    over.wait(10)

        thread = threading.Thread(target=router)
        thread.start()
        try:
            with pytest.raises(error, match=text):
                answer_text(path, Ask("show dmvpn"), patience=0.3)
        finally:
            over.set()
            thread.join()
