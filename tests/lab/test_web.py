"""`dmvpn web` as a program has it: a simulated lab, its shows as JSON by HTTP, and strangers who get nothing."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from support.served import MAIN, Served, dmvpn, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


R31 = "/api/v1/labs/notes-phase3/routers/R31"


class Web(Served):
    """A process whose printed code has become a token."""

    def __init__(self, environment: Mapping[str, str], *options: str) -> None:
        super().__init__(environment, *options)
        self.come_in()

    def dmvpn(self, *words: str) -> str:
        return dmvpn(self.environment, *words)

    @property
    def pid(self) -> int:
        return self.process.pid


@pytest.fixture(scope="module")
def web(environment: dict[str, str]) -> Iterator[Web]:
    served = Web(environment, "--role", "view")
    yield served
    served.close()


def test_a_program_sees_labs_routers_and_shows_as_their_schemas_say(web: Web) -> None:
    assert web.ask("/api/v1/session").fields["role"] == "view"
    assert web.ask("/healthz", token="").value == {"status": "ok"}
    labs = web.ask("/api/v1/labs").value
    assert isinstance(labs, list)
    (lab,) = labs
    assert lab["name"] == "notes-phase3"
    assert "R31" in lab["routers"]
    state = web.ask("/api/v1/labs/notes-phase3").value
    assert isinstance(state, dict)
    assert state["simulated"] is True
    assert {"name": "R31", "alive": True} in web.ask("/api/v1/labs/notes-phase3/routers").value  # type: ignore[operator]
    shown = web.ask(f"{R31}/show/ip/route/10.0.0.0%2F8")
    assert shown.status == 200
    assert shown.fields.keys() == web.ask(f"{R31}/show/ip/route%2010.0.0.0%2F8").fields.keys()  # times go on
    subnets = web.ask(f"{R31}/show/ip/route/10.3.3.0%2F24%20longer-prefixes").value
    assert [one["prefix"] for one in subnets["entries"]] == ["10.3.3.0/24", "10.3.3.1/32"]  # type: ignore[index]
    shown = web.ask(f"{R31}/show/dmvpn")
    typed = json.loads(web.dmvpn("-r", "R31", "show dmvpn | json"))
    assert isinstance(shown.value, dict)
    assert shown.value["tunnels"][0]["name"] == typed["tunnels"][0]["name"] == "Tunnel100"
    assert shown.value.keys() == typed.keys()
    document = web.ask("/api/v1/openapi.json").value
    assert isinstance(document, dict)
    (path,) = [path for path in document["paths"] if path.endswith("/show/dmvpn")]
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    assert not list(Draft202012Validator(whole).iter_errors(shown.value))


def test_a_line_that_is_no_show_has_one_error_and_changes_nothing(web: Web) -> None:
    assert problem(web.ask(f"{R31}/show/nonsense"), 400)
    assert problem(web.ask(f"{R31}/show/dmvpn%0Areload"), 404)
    assert problem(web.ask(f"{R31}/show/dmvpn%1B"), 400)
    assert problem(web.ask(f"{R31}/show/dmvpn%20%7C%20json"), 400)
    assert problem(web.ask(f"{R31}/show/" + "x" * 5000), 400)
    assert problem(web.ask(f"{R31}/show/dmvpn", method="DELETE"), 405)


def test_a_method_that_a_resource_lacks_is_answered_by_all_that_it_has(web: Web) -> None:
    """`Allow` had the methods of one of its functions: for PATCH of a lab GET and HEAD alone."""
    for path, methods in (("/api/v1/labs", "GET, HEAD, POST"), ("/api/v1/labs/notes-phase3", "DELETE, GET, HEAD, PUT")):
        assert web.ask(path, method="PATCH").headers["allow"] == methods


def test_a_long_list_comes_in_parts_with_a_link_to_the_next_one(web: Web) -> None:
    path, found = "/api/v1/labs/notes-phase3/routers", []
    whole = web.ask(path)
    assert "link" not in whole.headers
    following = f"{path}?limit=3"
    while following:
        part = web.ask(following)
        assert isinstance(part.value, list)
        found += part.value
        link = part.headers.get("link", "")
        following = link.partition(">")[0].removeprefix("<") if link.endswith('; rel="next"') else ""
    assert found == whole.value
    assert web.ask(f"{path}?offset=100").value == []
    for query in ("limit=0", "limit=-1", "offset=x", "limit=1e3", "limit=9999999"):
        assert "is a number from" in problem(web.ask(f"{path}?{query}"), 400)


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/api/v1/labs/none",
        "/api/v1/labs/..%2F..",
        "/api/v1/labs/%00/routers",
        "/api/v1/labs/notes-phase3/routers/..%2FR31/show/dmvpn",
        "/api/v1/labs/notes-phase3/routers/supervisor/show/dmvpn",
        "/api/v1/labs/notes-phase3/routers/%FF%FE/show/dmvpn",
        "/api/v1/labs/a%0D%0ASet-Cookie:x",
    ],
)
def test_a_hostile_name_is_no_resource(web: Web, path: str) -> None:
    assert problem(web.ask(path), 404)


@pytest.mark.parametrize("token", ["", "wrong", "x" * 10_000, "\xff"])
def test_nobody_sees_anything_without_the_token(web: Web, token: str) -> None:
    assert "token" in problem(web.ask("/api/v1/labs", token=token), 401)


def test_the_code_is_good_for_one_token(web: Web) -> None:
    again = web.ask("/api/v1/tokens", method="POST", body=json.dumps({"code": web.code}), token="")
    assert "already used" in problem(again, 403)
    for body in ("", "[]", "{", '{"code": 1}', "[" * 4000):
        assert problem(web.ask("/api/v1/tokens", method="POST", body=body, token=""), 400)


def test_pages_of_other_servers_are_refused(web: Web) -> None:
    assert problem(web.ask("/api/v1/labs", headers={"Host": "evil.example"}), 421)
    assert problem(web.ask("/api/v1/labs", headers={"Origin": "http://evil.example"}), 403)
    assert problem(web.ask("/api/v1/labs", headers={"Origin": f"http://localhost:{web.port}"}), 403)
    assert web.ask("/api/v1/labs", headers={"Origin": f"http://127.0.0.1:{web.port}"}).status == 200


def test_a_large_body_is_refused_with_and_without_its_length(web: Web) -> None:
    chunk = b"%x\r\n%b\r\n" % (5000, b"x" * 5000)  # the end of the body never comes
    for length, body in ((b"Content-Length: 2000000", b""), (b"Transfer-Encoding: chunked", chunk)):
        with socket.create_connection(("127.0.0.1", web.port), timeout=20) as raw:
            raw.sendall(
                b"POST /api/v1/tokens HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%b\r\n\r\n%b" % (web.port, length, body)
            )
            assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_secrets_are_for_the_role_configure(environment: dict[str, str], web: Web) -> None:
    web.dmvpn("-r", "R31", "show clock")
    assert problem(web.ask(f"{R31}/show/running-config"), 400)
    own = Web(environment, "--role", "configure", "--router", "R31")
    try:
        assert own.ask(f"{R31}/show/running-config").status == 200
        assert problem(own.ask("/api/v1/labs/notes-phase3/routers/R41/show/dmvpn"), 404)
    finally:
        own.close()


def test_a_router_that_was_killed_is_named(web: Web) -> None:
    web.dmvpn("lab", "kill", "R41")
    try:
        dead = web.ask("/api/v1/labs/notes-phase3/routers/R41/show/dmvpn")
        assert "R41" in problem(dead, 503)
    finally:
        web.dmvpn("lab", "start", "R41")


def test_it_listens_on_loopback_only(environment: dict[str, str]) -> None:
    for listen in ("0.0.0.0:0", "127.0.0.1", "127.0.0.1:99999", "here:80"):
        said = subprocess.run(
            [*MAIN, "web", "--listen", listen], check=False, capture_output=True, text=True, env=environment, timeout=30
        )
        assert (said.returncode, said.stdout) == (1, "")
        assert said.stderr.startswith(f"dmvpn: --listen {listen}: ")
        assert said.stderr.count("\n") == 1
