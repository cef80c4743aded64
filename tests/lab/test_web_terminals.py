"""Terminals of routers through `dmvpn web`: who may have one, what it shows, and when it ends."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import zipfile
from typing import Any, Self

import pytest

from dmvpn.web.bounds import TABLE
from support.served import Served, dmvpn, new_token, problem

LAB = "/api/v1/labs/notes-phase3"
R31, R41, R11 = (f"{LAB}/routers/{name}" for name in ("R31", "R41", "R11"))
SIZE = json.dumps({"rows": 24, "columns": 80})


class Terminal:
    """One terminal, as the page has it."""

    def __init__(self, served: Served, path: str = R31, token: str | None = None) -> None:
        self._served = served
        self._token = served.token if token is None else token
        self._connection = http.client.HTTPConnection(served.host, served.port, timeout=30)
        headers = {"Authorization": f"Bearer {self._token}"}
        self._connection.request("POST", f"{path}/terminals", SIZE, headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        self.number: str = self.event()[1]["terminal"]
        self.screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream, as a browser does whose page is closed."""
        self._answer.close()
        self._connection.close()

    def event(self) -> tuple[str, dict[str, Any]]:
        """The next event: its type and its data."""
        kind = ""
        while True:
            line = self._answer.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if line.startswith("data: "):
                return kind, json.loads(line.removeprefix("data: "))

    def rest(self) -> bytes:
        """Everything until the end of the stream."""
        return self._answer.read()

    def until(self, text: str) -> str:
        """What the screen got until a text is there."""
        while text not in self.screen:
            kind, data = self.event()
            assert kind == "output", (data, self.screen)
            self.screen += base64.b64decode(data["data"]).decode()
        seen, _, self.screen = self.screen.partition(text)
        return seen + text

    def type(self, keys: str) -> None:
        path, body = f"/api/v1/terminals/{self.number}", json.dumps({"keys": keys})
        answer = self._served.ask(path, method="POST", body=body, token=self._token)
        assert answer.status == 200, answer

    def ended(self) -> str:
        """Why it ends, when it does."""
        while True:
            kind, data = self.event()
            if kind == "ended":
                reason: str = data["reason"]
                return reason


def test_each_role_has_its_level_and_view_has_no_terminal(web: Served, environment: dict[str, str]) -> None:
    tokens = {role: new_token(environment, f"{role}-terminal", role) for role in ("view", "operate", "configure")}
    refused = web.ask(f"{R31}/terminals", method="POST", body=SIZE, token=tokens["view"])
    assert problem(refused, 403) == "this needs the role operate; the token is for view"
    for role, level in (("operate", 7), ("configure", 15)):
        with Terminal(web, token=tokens[role]) as terminal:
            terminal.until("R31#")
            terminal.type("show privilege\r")
            terminal.until(f"Current privilege level is {level}")


def test_enable_asks_for_a_password_that_an_operator_may_not_have(web: Served, environment: dict[str, str]) -> None:
    operator = new_token(environment, "enabling", "operate")
    with Terminal(web, token=operator) as terminal:
        terminal.until("R31#")
        terminal.type("enable\r")
        terminal.until("% No password set")


def test_only_the_user_of_a_terminal_types_in_it(web: Served, environment: dict[str, str]) -> None:
    other = new_token(environment, "other", "configure")
    with Terminal(web) as terminal:
        path = f"/api/v1/terminals/{terminal.number}"
        assert "has ended" in problem(web.ask(path, method="POST", body='{"keys": "x"}', token=other), 404)
        assert problem(web.ask(path, method="POST", body='{"keys": "x"}', token=""), 401)


@pytest.mark.parametrize(
    "body",
    ["{}", '{"keys": ""}', '{"keys": 1}', '{"keys": "\\ud800"}', '{"rows": 0, "columns": 80}', '{"rows": 24}', "[]"],
)
def test_keys_and_sizes_are_checked(web: Served, body: str) -> None:
    with Terminal(web) as terminal:
        answer = web.ask(f"/api/v1/terminals/{terminal.number}", method="POST", body=body)
        assert problem(answer, 400)
        terminal.type("show clock\r")
        terminal.until("UTC")


def test_a_terminal_takes_a_new_size(web: Served) -> None:
    with Terminal(web) as terminal:
        terminal.until("R31#")
        size = json.dumps({"rows": 40, "columns": 132})
        assert web.ask(f"/api/v1/terminals/{terminal.number}", method="POST", body=size).status == 200
        terminal.type("show terminal\r")
        terminal.until("Length: 40 lines, Width: 132 columns")


def test_a_page_that_is_closed_ends_its_session_at_the_router(web: Served) -> None:
    with Terminal(web, R11) as first:
        first.until("R11#")
        second = Terminal(web, R11)
        second.until("R11#")
        seen = sessions(first)
        assert seen == 2
        second.close()
        while seen == 2:
            seen = sessions(first)


def sessions(terminal: Terminal) -> int:
    """How many users of the page a router has."""
    terminal.type("show users\r")
    return terminal.until("R11#").count("127.0.0.1")


def test_one_user_has_a_bounded_number_of_terminals(web: Served, environment: dict[str, str]) -> None:
    token = new_token(environment, "many", "operate")
    with contextlib.ExitStack() as stack:
        for _ in range(TABLE["terminals"].share):
            stack.enter_context(Terminal(web, token=token))
        answer = web.ask(f"{R31}/terminals", method="POST", body=SIZE, token=token)
        assert problem(answer, 503) == f"too many terminals: one user has at most {TABLE['terminals'].share}"


def test_a_terminal_ends_with_its_token_and_at_the_exec_timeout_of_its_line(
    web: Served, environment: dict[str, str]
) -> None:
    token = new_token(environment, "shortly", "configure")
    with Terminal(web, token=token) as terminal:
        terminal.until("R31#")
        dmvpn(environment, "web", "token", "revoke", "shortly")
        with contextlib.suppress(http.client.HTTPException, ConnectionError):
            assert terminal.rest() == b""
    with Terminal(web, R41) as terminal:
        terminal.until("R41#")
        terminal.type("configure terminal\rline vty 0 4\rexec-timeout 0 1\rend\r")
        assert terminal.ended() == "idle for too long"


def test_the_audit_has_the_opening_of_a_terminal_and_no_keys(web: Served, environment: dict[str, str]) -> None:
    with Terminal(web, R11, new_token(environment, "audited", "operate")) as terminal:
        terminal.until("R11#")
        terminal.type("show clock\r")
        terminal.until("R11#")
    (opened,) = [line for line in web.audit("terminal") if line["user"] == "audited"]
    wanted = {"role": "operate", "from": "127.0.0.1", "lab": "notes-phase3", "router": "R11"}
    assert {name: opened[name] for name in wanted} == wanted
    assert "show clock" not in web.said()
    assert [line for line in web.audit("change") if line["user"] == "audited"] == []


def test_a_lab_is_saved_as_a_file_that_lab_up_takes(web: Served, environment: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(web.host, web.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", f"{LAB}/saved", headers={"Authorization": f"Bearer {web.token}"})
        answer = connection.getresponse()
        assert answer.status == 200
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    assert "ip nhrp redirect" in archive.read("notes-phase3/R11.cfg").decode()
    assert "R31" in archive.read("notes-phase3/lab.yaml").decode()
    operator = new_token(environment, "operator", "operate")
    assert "configure" in problem(web.ask(f"{LAB}/saved", token=operator), 403)
    assert [line["lab"] for line in web.audit("saved")] == ["notes-phase3"]


def test_the_texts_of_a_lab_for_a_link_have_no_line_with_a_key(web: Served, environment: dict[str, str]) -> None:
    body = json.dumps({"lines": ["interface Tunnel100", "ip nhrp authentication SECRET9"]})
    assert web.ask(f"{R31}/configuration", method="POST", body=body).status == 200
    shared = web.ask(f"{LAB}/texts")
    assert "SECRET9" not in shared.text
    assert shared.fields["left_out"] == ["R31: ip nhrp authentication *******"]
    files = shared.fields["files"]
    assert isinstance(files, dict)
    assert {"lab.yaml", "R31.cfg", "R11.cfg"} <= files.keys()
    assert "interface Tunnel100" in files["R31.cfg"]
    operator = new_token(environment, "sharing", "operate")
    assert "configure" in problem(web.ask(f"{LAB}/texts", token=operator), 403)
