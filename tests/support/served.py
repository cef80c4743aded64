"""`dmvpn web` as a process, and a client of it: for tests of who may come in."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from support.warm import Started, warm

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

MAIN = (sys.executable, "-m", "dmvpn")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def value(self) -> object:
        return json.loads(self.text)

    @property
    def fields(self) -> dict[str, object]:
        found = self.value
        assert isinstance(found, dict)
        return found


class Served:
    """One process. words: before the command, such as `ip netns exec`; then it is a new Python, and no fork."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *options: str,
        listen: str = "127.0.0.1:0",
        context: ssl.SSLContext | None = None,
        words: tuple[str, ...] = (),
    ) -> None:
        self.environment = environment
        self.context = context
        # The program and we share the place in the file, so it appends, and we read without a place.
        self._errors = tempfile.TemporaryFile("a+")  # noqa: SIM115 - `close` closes it
        command = ["web", "--listen", listen, *options]
        self.process: Started | subprocess.Popen[str] = (
            subprocess.Popen(
                [*words, *MAIN, *command], stdout=subprocess.PIPE, stderr=self._errors, text=True, env=environment
            )
            if words
            else warm().start(command, environment=environment, stderr=self._errors)
        )
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline()
        found = re.match(r"(https?)://(\[?[\w.:]+?\]?):(\d+)/", self.first)
        assert found, (self.first, self.said())
        self.host, self.port = found[2].strip("[]"), int(found[3])
        self.second = self.process.stdout.readline()
        self.third = self.process.stdout.readline() if found[1] == "https" else ""
        self.address = self.second.split()[-1]
        self.token = ""

    @property
    def code(self) -> str:
        return self.address.partition("#")[2]

    @property
    def name(self) -> str:
        """What `Host` is."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def come_in(self) -> str:
        """Change the code for a token."""
        answer = self.ask("/api/v1/tokens", method="POST", body=json.dumps({"code": self.code}))
        assert answer.status == 200, answer
        self.token = str(answer.fields["token"])
        return self.token

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: str | Iterator[bytes] | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        source: str | None = None,
        patience: float = 30.0,
    ) -> Answer:
        """Send one request on a connection of its own. source: the client's address; patience: seconds."""
        token = self.token if token is None else token
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        origin = (source, 0) if source else None
        connection = (
            http.client.HTTPConnection(self.host, self.port, timeout=patience, source_address=origin)
            if self.context is None
            else http.client.HTTPSConnection(self.host, self.port, timeout=patience, context=self.context)
        )
        with contextlib.closing(connection):
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))

    def said(self) -> str:
        """What it wrote to stderr until now."""
        file = self._errors.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode()

    def audit(self, event: str = "") -> list[dict[str, object]]:
        """The whole lines of the audit, those of an event or all."""
        lines = [json.loads(line) for line in self.said().rpartition("\n")[0].splitlines()]
        return [line for line in lines if line["event"] == event or not event]

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=20)
        finally:
            self.process.kill()
            self._errors.close()


@contextlib.contextmanager
def serving(environment: Mapping[str, str], *options: str, **where: object) -> Iterator[Served]:
    """Have a process for a while."""
    served = Served(environment, *options, **where)  # type: ignore[arg-type]
    try:
        yield served
    finally:
        served.close()


def dmvpn(environment: Mapping[str, str], *words: str, typed: str = "") -> str:
    """What a command prints that reads `typed`."""
    said = subprocess.run(
        [warm().program, *words], check=True, capture_output=True, text=True, env=environment, input=typed, timeout=120
    )
    return said.stdout


def refused(environment: Mapping[str, str], *words: str) -> str:
    """The one line of a command that fails."""
    said = subprocess.run(
        [warm().program, *words], check=False, capture_output=True, text=True, env=environment, timeout=60
    )
    assert (said.returncode, said.stdout) == (1, ""), said
    assert said.stderr.startswith("dmvpn: ")
    assert said.stderr.count("\n") == 1
    return said.stderr


def new_token(environment: Mapping[str, str], name: str, role: str = "view", *more: str) -> str:
    return dmvpn(environment, "web", "token", "create", "--name", name, "--role", role, *more).strip()


def token_file(environment: Mapping[str, str]) -> Path:
    return Path(environment["XDG_STATE_HOME"]) / "dmvpn" / ".web" / "tokens.json"


def problem(answer: Answer, status: int) -> str:
    """The detail of the one error."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.fields["status"] == status
    return str(answer.fields["detail"])
