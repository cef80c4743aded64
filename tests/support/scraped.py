"""`dmvpn web` and the programs that scrape it, for tests: each is a process that the test ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

from support.warm import warm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PATIENCE: Final = 60.0


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str


class Web:
    """A process of `dmvpn web`, and a token for it."""

    def __init__(self, environment: Mapping[str, str], *options: str) -> None:
        self.process = warm().start(["web", "--listen", "127.0.0.1:0", *options], environment=environment)
        found = re.match(r"http://127\.0\.0\.1:(\d+)/", self.process.stdout.readline())
        assert found
        self.port = int(found[1])
        code = self.process.stdout.readline().split()[-1]
        given = self.ask("/api/v1/tokens", body=json.dumps({"code": code}))
        self.token = json.loads(given.text)["token"]

    def ask(self, path: str, headers: Mapping[str, str] | None = None, body: str | None = None) -> Answer:
        """Get a page with the token, or post a body without it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        known = {} if body is not None else {"Authorization": f"Bearer {self.token}"}
        with contextlib.closing(connection):
            connection.request("GET" if body is None else "POST", path, body, {**known, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read().decode())

    def close(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)


class Prometheus:
    """A process of Prometheus in a folder with its configuration, which is the example of `contrib` in seconds."""

    def __init__(self, folder: Path, configuration: str) -> None:
        (folder / "prometheus.yml").write_text(configuration)
        with socket.create_server(("127.0.0.1", 0)) as free:  # Prometheus does not say which port it chose
            self.port = free.getsockname()[1]
        self._log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [
                "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        for _ in _tries():
            assert self.process.poll() is None, (folder / "log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return

    def ask(self, path: str, **query: str) -> object:
        """Return the data of an answer of its HTTP API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/{path}?{urlencode(query)}")
            answer = json.loads(connection.getresponse().read())
        assert answer["status"] == "success", (path, query, answer)
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the series of an expression at this moment, with their labels."""
        data = self.ask("query", query=expression)
        assert isinstance(data, dict)
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def eventually(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Wait until an expression has series."""
        for _ in _tries():
            found = self.query(expression)
            if found:
                return found
        raise AssertionError(f"no data for {expression}")

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=30)
        self._log.close()


def _tries() -> Iterator[None]:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        yield
        time.sleep(0.25)
