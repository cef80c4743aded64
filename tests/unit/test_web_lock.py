"""The parts of the lock of `dmvpn web`: roles, tokens on disk, wrong attempts, connections, the audit."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from dmvpn.base.errors import UserError
from dmvpn.web.attempts import BURST, MOST, SECONDS, Attempts
from dmvpn.web.audit import Audit
from dmvpn.web.bounds import TABLE, Bound, Bounds
from dmvpn.web.connections import Crowd, Visitor
from dmvpn.web.entrance import CODE_LIFE, SESSION_LIFE, Entrance
from dmvpn.web.guard import Guard
from dmvpn.web.origin import Names, fits
from dmvpn.web.permission import hold_roles, needed_by_path, resource
from dmvpn.web.roles import Role
from dmvpn.web.tokens import FILE, TokenFile
from support.callers import asked, user

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request


# ---------------------------------------------------------------------------------------------------- roles


async def look(_: Request) -> JSONResponse:
    return JSONResponse("seen")


@resource("POST", "/orders/{lab}", role=Role.OPERATE)
async def order(_: Request) -> JSONResponse:
    return JSONResponse("done")


async def forgotten(_: Request) -> JSONResponse:
    return JSONResponse("changed")


ROUTES = [
    Route("/look", look),
    Route("/orders/{lab}", order, methods=["POST"]),
    Route("/forgotten", forgotten, methods=["PUT", "DELETE"]),
]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/look", [Role.VIEW, Role.OPERATE, Role.CONFIGURE]),
        ("HEAD", "/look", [Role.VIEW, Role.OPERATE, Role.CONFIGURE]),
        ("POST", "/orders/x", [Role.OPERATE, Role.CONFIGURE]),
        ("PUT", "/forgotten", [Role.CONFIGURE]),
        ("DELETE", "/forgotten", [Role.CONFIGURE]),
    ],
)
def test_each_role_may_do_what_the_table_says(method: str, path: str, allowed: list[Role]) -> None:
    assert [role for role in Role if ask(role, method, path) == 200] == allowed
    assert all(ask(role, method, path) == 403 for role in Role if role not in allowed)
    assert ask(None, method, path) == 401


def test_the_description_finds_the_role_of_a_path() -> None:
    assert needed_by_path(ROUTES, "/orders/{lab}", "POST") is Role.OPERATE
    assert needed_by_path(ROUTES, "/forgotten", "DELETE") is Role.CONFIGURE
    assert needed_by_path(ROUTES, "/look", "GET") is Role.VIEW
    assert needed_by_path(ROUTES, "/look", "POST") is None


def ask(role: Role | None, method: str, path: str) -> int:
    """The status of an answer to a caller with this role."""
    entrance = Entrance(role or Role.VIEW)
    token = entrance.exchange(entrance.code) if role else "wrong"
    routes = [Route(route.path, route.endpoint, methods=[*(route.methods or ())]) for route in ROUTES]
    hold_roles(routes)
    guard = Guard(Starlette(routes=routes), entrance, Audit(), Names(), Bounds())
    return asyncio.run(asked(guard, method, path, token or ""))


# ---------------------------------------------------------------------------------------------------- coming in


def test_the_code_works_once_and_for_ten_minutes() -> None:
    now = [0.0]
    entrance = Entrance(Role.VIEW, clock=lambda: now[0])
    assert entrance.exchange("") is entrance.exchange("wrong") is None
    now[0] = CODE_LIFE
    assert entrance.exchange(entrance.code) is None
    now[0] = CODE_LIFE - 1
    assert entrance.exchange(entrance.code) is not None
    assert entrance.exchange(entrance.code) is None
    assert entrance.open_session(entrance.code) is None


def test_a_session_ends_after_half_a_day_and_the_oldest_of_very_many_ends(tmp_path: Path) -> None:
    now = [0.0]
    file = TokenFile(tmp_path / "web", clock=lambda: now[0])
    entrance = Entrance(Role.VIEW, file, clock=lambda: now[0])
    token, _ = file.create("anna", Role.OPERATE, 10)
    first = entrance.open_session(token)
    assert first is not None
    caller = entrance.by_session(first.cookie, first.key, "::1")
    assert caller is not None
    assert (caller.name, caller.role) == ("anna", Role.OPERATE)
    now[0] = SESSION_LIFE
    assert entrance.by_session(first.cookie, first.key, "::1") is None
    assert not entrance.is_valid(caller)
    second = entrance.open_session(token)
    for _ in range(TABLE["sessions"].share):
        last = entrance.open_session(token)
    assert second is not None
    assert last is not None
    assert entrance.by_session(second.cookie, second.key, "::1") is None
    assert entrance.by_session(last.cookie, last.key, "::1") is not None


def test_bounds_of_a_token_hold_for_sessions_that_it_opened_before(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "web")
    entrance = Entrance(Role.VIEW, file)
    token, _ = file.create("anna", Role.OPERATE, 10, "anna-*", most_labs=3, memory=256)
    session = entrance.open_session(token)
    assert session is not None
    for most_labs, memory in ((3, 256), (1, 512)):
        file.bound("anna", most_labs=most_labs, memory=memory)
        caller = entrance.by_session(session.cookie, session.key, "::1")
        assert caller is not None
        assert (caller.most_labs, caller.memory, caller.labs) == (most_labs, memory, "anna-*")


# ---------------------------------------------------------------------------------------------------- tokens on disk


TOKEN = (
    '{"version": 1, "tokens": '
    '[{"name": "anna", "role": "view", "hash": "HASH", "created": 0, "expires": 9, "used": 0}]}'
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "tokens": []}',
        '{"version": 1, "tokens": [{}]}',
        '{"version": 1, "tokens": {"a": 1}}',
        '{"version": 1, "tokens": 7}',
        TOKEN.replace("view", "root"),
        TOKEN.replace("HASH", "00"),
        TOKEN.replace("anna", "../anna"),
        TOKEN.replace("9", "[]"),
        "[" * 100_000,
        " " * 2_000_000,
        "\x00\xff",
    ],
)
def test_a_file_that_is_no_list_of_tokens_gives_one_error_and_no_token(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE
    tmp_path.chmod(0o700)
    path.write_text(text.replace("HASH", "0" * 64), encoding="latin-1")
    path.chmod(0o600)
    file = TokenFile(tmp_path)
    for _ in range(2):  # the second time it is not read again, and is still no good
        with pytest.raises(UserError, match="no tokens of this version"):
            file.tokens()
    with pytest.raises(UserError, match="no tokens of this version"):
        file.create("a", Role.VIEW, 1)
    entrance = Entrance(Role.VIEW, file)
    assert entrance.by_token("x", "::1") is None
    assert "no tokens of this version" in entrance.trouble


def test_a_date_that_is_no_number_never_lasts(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "web")
    token, made = file.create("anna", Role.VIEW, 1)
    path = file.folder / FILE
    path.write_text(path.read_text().replace(str(made.expires), "NaN"))
    assert Entrance(Role.VIEW, file).by_token(token, "::1") is None


def test_a_pipe_in_the_place_of_the_file_does_not_hold_anybody_up(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.mkfifo(tmp_path / FILE, 0o600)
    with pytest.raises(UserError):
        TokenFile(tmp_path).tokens()


# ---------------------------------------------------------------------------------------------------- strangers


def test_wrong_ones_are_counted_by_address_in_bounded_memory() -> None:
    attempts = Attempts()
    assert [attempts.wrong("192.0.2.1", 0.0) for _ in range(BURST)] == [0.0] * BURST
    assert attempts.wrong("192.0.2.1", 0.0) > 0
    assert attempts.wrong("192.0.2.2", 0.0) == 0
    assert attempts.wrong("192.0.2.1", SECONDS + 0.01) == 0
    for number in range(5000):
        attempts.wrong(f"10.0.{number >> 8}.{number & 255}", 1.0)
    assert len(attempts) == MOST


def test_a_network_of_ipv6_is_one_stranger() -> None:
    attempts = Attempts()
    waits = [attempts.wrong(f"2001:db8::{number:x}", 0.0) for number in range(1, BURST + 2)]
    assert waits[-1] > 0
    assert attempts.wrong("2001:db8:0:1::1", 0.0) == 0
    assert attempts.wrong("::ffff:192.0.2.1", 0.0) == 0
    assert len(attempts) == 3


def test_a_flood_of_connections_displaces_itself() -> None:
    ended: list[str] = []
    crowd = Crowd(strangers=4, bound=Bound("connections", 2, share=2))

    def visitor(place: str, name: str) -> Visitor:
        made = Visitor(place)
        made.end = lambda: ended.append(name)
        crowd.admit(made)
        return made

    guest = visitor("192.0.2.1", "guest")
    assert crowd.prove(guest, user("anna"))
    other = visitor("192.0.2.2", "other")
    flood = [visitor("192.0.2.66", f"flood {number}") for number in range(9)]
    assert ended == [f"flood {number}" for number in range(6)]
    assert crowd.prove(other, user("anna"))
    assert not crowd.prove(flood[-1], user("anna"))  # a user displaces nobody but ...
    assert crowd.prove(flood[-1], user("bea"))
    assert ended[6:] == ["guest"]  # ... the one who has most
    crowd.doubt(other)
    assert crowd.prove(visitor("192.0.2.3", "next"), user("carl"))


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("a.example", "a.example", True),
        ("a.example", "*.example", True),
        ("a.b.example", "*.example", False),
        ("example", "*.example", False),
        (".example", "*.example", False),
        ("aexample", "*.example", False),
        ("a.example.evil", "*.example", False),
    ],
)
def test_names_of_certificates(name: str, pattern: str, expected: bool) -> None:
    assert fits(name, pattern) is expected


# ---------------------------------------------------------------------------------------------------- audit


def test_strangers_cannot_fill_the_audit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dmvpn.web.audit")
    now = [0.0]
    audit = Audit(clock=lambda: now[0])
    for _ in range(1000):
        audit.refusal("wrong token", **{"from": "192.0.2.1"})
    assert len(caplog.messages) == 100
    audit.note("login", user="anna")
    assert json.loads(caplog.messages[-1])["left_out"] == 900
    now[0] = 2.0
    audit.refusal("no token")
    assert "left_out" not in json.loads(caplog.messages[-1])


def test_a_line_of_the_audit_is_one_line_of_plain_characters(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dmvpn.web.audit")
    Audit().note("change", path="/a\r\n\x1b[2J\u2028" + "x" * 10_000)
    (line,) = caplog.messages
    assert line.isprintable()
    assert line.isascii()
    assert len(line) < 400
