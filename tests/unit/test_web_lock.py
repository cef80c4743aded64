"""The parts of the lock of `dmvpn web`: roles, tokens on disk, wrong attempts, connections, the audit."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.base.metrics import families
from dmvpn.face.messages import Counts
from dmvpn.labs import classes
from dmvpn.shells.lab.places import labs_folder
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import TABLE, Bound, Bounds
from dmvpn.web.connections import Crowd, Visitor
from dmvpn.web.entrance import (
    CODE_LIFE,
    FREE_ATTEMPTS,
    MOST_ADDRESSES,
    SECONDS_PER_ATTEMPT,
    SESSION_LIFE,
    Attempts,
    Audit,
    Entrance,
)
from dmvpn.web.fleet import Fleet
from dmvpn.web.guard import MOST_HEADERS, Guard, Names, fits
from dmvpn.web.lab_events import id_of, positions_of
from dmvpn.web.labs import check_new, up_words
from dmvpn.web.metrics import PEERS, Exposition, Format, Wish, escaped, labels_of
from dmvpn.web.permission import FILE, Limits, Role, TokenFile, hold_roles, needed_by_path, resource
from dmvpn.web.resources import application
from dmvpn.web.serving import usual_role
from support.callers import asked, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping
    from pathlib import Path

    from starlette.requests import Request


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


@pytest.mark.parametrize(
    ("listen", "proxies", "role"),
    [
        ("127.0.0.1:8080", (), Role.CONFIGURE),
        ("[::1]:0", (), Role.CONFIGURE),
        ("127.0.0.1:8080", ("127.0.0.1",), Role.VIEW),
        ("0.0.0.0:8443", (), Role.VIEW),
        ("192.0.2.1:8443", (), Role.VIEW),
        ("[::]:8443", (), Role.VIEW),
    ],
)
def test_the_printed_code_is_for_everything_only_where_the_owner_alone_uses_it(
    listen: str, proxies: tuple[str, ...], role: Role
) -> None:
    """The page of `dmvpn lab web` only looked, and did not say so."""
    assert usual_role(ip_address(listen.rpartition(":")[0].strip("[]")), proxies) is role


@pytest.mark.parametrize("path", ["/", "/login"])
@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html, application/json"]
)
def test_a_browser_without_a_session_gets_the_front_door(path: str, accept: str) -> None:
    """The address without a path was an error of JSON."""
    headers, page = front_door(path, accept)
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert '<script type="module" src="page/home.js"></script>' in page
    assert page.count("<script") == 1


def test_a_program_gets_the_paths_at_the_front_door() -> None:
    headers, text = front_door("/", "application/json")
    assert headers["content-type"] == "application/json"
    assert json.loads(text)["description"] == "/api/v1/openapi.json"


def front_door(path: str, accept: str) -> tuple[dict[str, str], str]:
    """Headers and body of the answer to a stranger."""
    sent: list[MutableMapping[str, object]] = []
    guard = application(Fleet(), Entrance(Role.VIEW), Audit(), Names(), Bounds())
    assert asyncio.run(asked(guard, "GET", path, "", headers={"accept": accept}, sent=sent)) == 200
    headers = {name.decode(): value.decode() for name, value in cast("list[tuple[bytes, bytes]]", sent[0]["headers"])}
    return headers, b"".join(cast("bytes", message["body"]) for message in sent[1:]).decode()


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


def test_what_was_begun_in_an_exam_ends_with_its_time(tmp_path: Path) -> None:
    """A capture of a wire, begun in the last minute, went on for minutes after the end."""
    now = [0.0]
    file = TokenFile(tmp_path / "web", clock=lambda: now[0])
    entrance = Entrance(Role.VIEW, file, clock=lambda: now[0])
    session = entrance.open_session(file.create("anna", Role.CONFIGURE, 10, "", Limits(closes=60.0))[0])
    assert session is not None
    caller = entrance.by_session(session.cookie, session.key, "::1")
    assert caller is not None
    now[0] = 59.0
    assert entrance.is_valid(caller)
    now[0] = 60.0
    assert not entrance.is_valid(caller)
    looking = entrance.by_session(session.cookie, session.key, "::1")
    assert looking is not None
    assert entrance.is_valid(looking)


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
    token, _ = file.create("anna", Role.OPERATE, 10, "anna-*", Limits(most_labs=3, memory=256))
    session = entrance.open_session(token)
    assert session is not None
    for most_labs, memory in ((3, 256), (1, 512)):
        file.bound("anna", Limits(most_labs=most_labs, memory=memory))
        caller = entrance.by_session(session.cookie, session.key, "::1")
        assert caller is not None
        assert (caller.most_labs, caller.memory, caller.labs) == (most_labs, memory, "anna-*")


def test_a_new_token_in_the_place_of_a_lost_one_ends_its_sessions_and_keeps_its_bounds(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "web")
    entrance = Entrance(Role.VIEW, file)
    lost, _ = file.create("anna", Role.OPERATE, 10, "anna-*", Limits(most_labs=3))
    session = entrance.open_session(lost)
    assert session is not None
    fresh, _ = file.renew("anna", 10)
    assert entrance.by_session(session.cookie, session.key, "::1") is None
    assert entrance.open_session(lost) is None
    caller = entrance.by_token(fresh, "::1")
    assert caller is not None
    assert (caller.name, caller.role, caller.labs, caller.most_labs) == ("anna", Role.OPERATE, "anna-*", 3)
    with pytest.raises(UserError, match="there is no token ben"):
        file.renew("ben", 10)


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
    assert [attempts.wrong("192.0.2.1", 0.0) for _ in range(FREE_ATTEMPTS)] == [0.0] * FREE_ATTEMPTS
    assert attempts.wrong("192.0.2.1", 0.0) > 0
    assert attempts.wrong("192.0.2.2", 0.0) == 0
    assert attempts.wrong("192.0.2.1", SECONDS_PER_ATTEMPT + 0.01) == 0
    for number in range(5000):
        attempts.wrong(f"10.0.{number >> 8}.{number & 255}", 1.0)
    assert len(attempts) == MOST_ADDRESSES


def test_a_network_of_ipv6_is_one_stranger() -> None:
    attempts = Attempts()
    waits = [attempts.wrong(f"2001:db8::{number:x}", 0.0) for number in range(1, FREE_ATTEMPTS + 2)]
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


# Metrics as text: hostile names come back as they went in, and each client gets the format that it asks for.

PEER = Counts(
    "peers",
    1.0,
    2,
    ("interface", "peer", "dmvpn_peer_sent_bytes_total", "dmvpn_peer_up"),
    (("Tunnel0", "10.0.0.1", 7, 1), ("Tunnel0", "10.0.0.2", 8, 0.5)),
    (("counter", 'Octets to a "peer" \\ of ours.'), ("gauge", "Whether it is up.")),
)
ENDS = Counts("ends", 1.0, 1, ("source", "dmvpn_tunnel_info"), (("192.0.2.1", 1),), (("info", "Ends."),))
MORE = Counts("peers", 1.0, 2, PEER.columns, (("Tunnel1", "10.1.0.1", 9, 1),))

PROMETHEUS = """\
# HELP dmvpn_peer_sent_bytes_total Octets to a "peer" \\\\ of ours.
# TYPE dmvpn_peer_sent_bytes_total counter
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 7
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 8
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 9
# HELP dmvpn_peer_up Whether it is up.
# TYPE dmvpn_peer_up gauge
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 1
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 0.5
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 1
# HELP dmvpn_tunnel_info Ends.
# TYPE dmvpn_tunnel_info gauge
dmvpn_tunnel_info{lab="l",router="R1",source="192.0.2.1"} 1
"""
OPENMETRICS = """\
# TYPE dmvpn_peer_sent_bytes counter
# UNIT dmvpn_peer_sent_bytes bytes
# HELP dmvpn_peer_sent_bytes Octets to a \\"peer\\" \\\\ of ours.
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 7
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 8
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 9
# TYPE dmvpn_peer_up gauge
# HELP dmvpn_peer_up Whether it is up.
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 1
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 0.5
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 1
# TYPE dmvpn_tunnel info
# HELP dmvpn_tunnel Ends.
dmvpn_tunnel_info{lab="l",router="R1",source="192.0.2.1"} 1
# EOF
"""


@pytest.mark.parametrize(("form", "text"), [(Format.PROMETHEUS, PROMETHEUS), (Format.OPENMETRICS, OPENMETRICS)])
def test_all_numbers_of_a_name_are_together_behind_what_they_mean(form: Format, text: str) -> None:
    written = Exposition(form)
    for table in (PEER, ENDS, MORE):
        written.put(table, labels_of(lab="l", router="R1"))
    assert written.text() == text


def test_routers_that_are_written_apart_are_one_text() -> None:
    whole, apart = Exposition(Format.OPENMETRICS), Exposition(Format.OPENMETRICS)
    for router in ("R1", "R2"):
        part = Exposition(Format.OPENMETRICS)
        for each in (whole, part):
            each.put_one(families("gauge dmvpn_up :: It answers.")[0], labels_of(router=router), 1)
            each.put(PEER, labels_of(router=router))
        apart.add(part)
    assert apart.text() == whole.text()


#: A value of a label as Prometheus reads it.
_VALUE = re.compile(r'hostile="((?:[^"\\\n]|\\["\\n])*)"\} 1\n')


@given(st.text(), st.text())
@example('10.0.0.1"} 1\nfake_metric 7', "%s %d %")
@example("\\", "\\n\n\0\ud800")
def test_a_hostile_name_is_a_value_and_nothing_else(hostile: str, lab: str) -> None:
    written = Exposition(Format.PROMETHEUS)
    written.put(Counts("x", 1.0, 1, ("hostile", "dmvpn_x"), ((hostile, 1),), (("gauge", "X."),)), labels_of(lab=lab))
    text = written.text().encode().decode()
    assert text.count("\n") == 3
    found = _VALUE.search(text)
    assert found
    read = re.sub(r"\\(.)", lambda pair: {"n": "\n"}.get(pair[1], pair[1]), found[1])
    assert read == "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in hostile)
    assert f'lab="{escaped(lab)}"' in text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing: scripts/debian-packages interop")
def test_promtool_finds_nothing_wrong_with_hostile_names() -> None:
    written = Exposition(Format.PROMETHEUS)
    names = ('a"b', "c\\d", "e\nf", "g\0h", "\u202e", "ä%s", "", "\ud83d")
    rows = tuple((name, 1) for name in names)
    written.put(Counts("x", 1.0, 1, ("hostile", "dmvpn_x"), rows, (("gauge", "X."),)), labels_of(lab='"\n'))
    promtool = ["promtool", "check", "metrics"]
    run = subprocess.run(promtool, input=written.text().encode(), capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.PROMETHEUS),
        ("*/*", Format.PROMETHEUS),
        ("text/html", Format.PROMETHEUS),
        ("text/plain;version=0.0.4", Format.PROMETHEUS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        # As Prometheus 2.42 asks.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format.OPENMETRICS,
        ),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.5", Format.PROMETHEUS),
        ("Application/OpenMetrics-Text; Q=1", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0", Format.PROMETHEUS),
        ("application/openmetrics-text;q=x", Format.PROMETHEUS),
        (";;;,,;q=,", Format.PROMETHEUS),
    ],
)
def test_a_client_gets_the_format_that_it_asks_for(accept: str, form: Format) -> None:
    assert Format.accepted(accept) is form


@given(st.text())
def test_no_accept_header_is_a_crash(accept: str) -> None:
    assert Format.accepted(accept) in Format


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"peers": "many"}, "peers is a number from 0 to 100000"),
        ({"peers": "-1"}, "peers is a number"),
        ({"peers": "100001"}, "peers is a number"),
        ({"peers": "9" * 5000}, "peers is a number"),
        ({"peers": "٣"}, "peers is a number"),
        ({"peer": "3"}, "metrics take lab, router and peers"),
    ],
)
def test_a_wrong_parameter_is_one_error(query: dict[str, str], why: str) -> None:
    with pytest.raises(Problem, match=why):
        Wish.of(query, {})


@pytest.mark.parametrize(
    ("header", "seconds"), [("10", 9.5), ("0.4", 0.2), ("1e9", 60.0), ("-1", 9.0), ("nan", 9.0), ("soon", 9.0)]
)
def test_a_scrape_gives_up_before_the_scraper_does(header: str, seconds: float) -> None:
    wish = Wish.of({}, {"x-prometheus-scrape-timeout-seconds": header})
    assert wish.patience == seconds
    assert wish.peers == PEERS


# The labs that `dmvpn web` serves: a request about one of them wakes no other lab, and none comes up for nothing.


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, socket.socket]]:
    """Three labs of one router each: the sockets of their supervisors."""
    with ExitStack() as stack:
        monkeypatch.setenv("XDG_RUNTIME_DIR", stack.enter_context(tempfile.TemporaryDirectory()))
        found: dict[str, socket.socket] = {}
        for name in ("one", "two", "three"):
            folder = labs_folder() / name
            folder.mkdir(mode=0o700)
            (folder / "R1.sock").touch()
            found[name] = stack.enter_context(socket.socket(socket.AF_UNIX))
            found[name].bind(str(folder / "supervisor.sock"))
            found[name].listen(1)
            found[name].setblocking(False)
        yield found


def was_asked(listener: socket.socket) -> bool:
    """Whether somebody connected since the last time."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize(
    "ask",
    [
        lambda fleet: fleet.socket("two", "R1"),
        lambda fleet: fleet.sockets("two"),
        lambda fleet: fleet.routers("two"),
        lambda fleet: fleet.lab_for_orders("two"),
    ],
)
def test_a_request_about_one_lab_asks_no_other_lab(
    listeners: dict[str, socket.socket], ask: Callable[[Fleet], object]
) -> None:
    assert ask(Fleet())
    assert {name: was_asked(one) for name, one in listeners.items()} == {"one": False, "two": True, "three": False}


def test_a_teacher_sees_a_lab_that_does_not_answer(
    listeners: dict[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab that hung was left out, and the class looked as if it had never been up."""
    monkeypatch.setattr(classes, "PATIENCE", 0.01)
    listeners["three"].close()
    seen = classes.overview()
    assert [(one.lab, one.silent, one.running, one.routers) for one in seen] == [
        ("one", True, 1, 1),
        ("two", True, 1, 1),
    ]


def test_results_of_a_class_are_no_formulas_for_a_spreadsheet() -> None:
    """The scenario of a lab that a student brings up is called as the student likes."""
    desk = classes.Desk(
        lab="@anna-1", student="", scenario='=HYPERLINK("http://x","y")', simulated=True, silent=False, running=1,
        routers=1, complaint="-1, +2", hints=0, fixed=2, graded=1e9, checks=3, left=("+1\n", "b"), memory=0,
        processor=0.0,
    )  # fmt: skip
    _, row, never = csv.reader(io.StringIO(classes.as_csv([desk, replace(desk, graded=0.0)]), newline=""))
    assert row[:3] == ["", "'@anna-1", '\'=HYPERLINK("http://x","y")']
    assert row[3:] == ["2001-09-09T01:46:40+00:00", "1", "3", "'+1\n; b", "2", "0", "'-1, +2"]
    assert never[3:7] == ["", "", "", ""], "never graded is not the same as no check passed"


@pytest.mark.parametrize("name", ["none", "", ".", "..", "../labs/two", "two/", "two\x00"])
def test_only_a_name_that_exists_finds_a_lab(listeners: dict[str, socket.socket], name: str) -> None:
    with pytest.raises(Problem) as caught:
        Fleet().sockets(name)
    assert caught.value.status is HTTPStatus.NOT_FOUND
    assert not any(map(was_asked, listeners.values()))


def test_a_server_of_one_lab_finds_no_other_one_and_a_dead_lab_is_none(listeners: dict[str, socket.socket]) -> None:
    with pytest.raises(Problem):
        Fleet(lab="one").sockets("two")
    assert [one["name"] for one in Fleet(lab="one").labs()] == ["one"]
    listeners["two"].close()
    with pytest.raises(Problem):
        Fleet().sockets("two")
    assert [one["name"] for one in Fleet().labs()] == ["one", "three"]


def test_a_token_has_as_many_labs_as_its_teacher_allows(listeners: dict[str, socket.socket]) -> None:
    """The bounds of a class held for the labs that the teacher made, and a student brought up as many as it liked."""
    check_new(Fleet(), "t4", replace(user("t", "t*"), most_labs=3))
    with pytest.raises(Problem, match="2 at a time"):
        check_new(Fleet(), "t4", replace(user("t", "t*"), most_labs=2))
    check_new(Fleet(), "one4", replace(user("o", "one*"), most_labs=2))
    words = up_words("notes-phase1", "t4", replace(user("t", "t*"), memory=256), simulated=True)
    assert words == ("lab", "up", "notes-phase1", "--name", "t4", "--simulated", "--memory", "256")


@pytest.mark.timeout(20)
def test_a_lab_that_is_stopped_lets_nobody_wait(listeners: dict[str, socket.socket]) -> None:
    """Its socket takes no more connections, and each command and each request waited for it."""
    place = str(labs_folder() / "two" / "supervisor.sock")
    with ExitStack() as waiting:
        try:
            while True:
                caller = waiting.enter_context(socket.socket(socket.AF_UNIX))
                caller.setblocking(False)
                caller.connect(place)
        except BlockingIOError:
            pass
        assert [one["name"] for one in Fleet().labs()] == ["one", "three", "two"]


def test_a_lab_whose_page_cannot_be_served_does_not_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab came up first, and then the command failed: it had to be found and brought down."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tokens = tmp_path / "state" / "dmvpn" / ".web" / "tokens.json"
    tokens.parent.mkdir(mode=0o700, parents=True)
    tokens.touch()
    tokens.chmod(0o666)
    assert main(["lab", "up", "notes-phase1", "--simulated", "--web"]) == 1
    assert "tokens.json: others may read or write it" in capsys.readouterr().err
    assert list(labs_folder().glob("*")) == []


# The id of an event of a lab's stream: where the reader is at each router, there and back.

LIFE = "01234567"
numbers = st.integers(0, 10**18 - 1)
lives = st.binary(min_size=4, max_size=4).filter(any).map(bytes.hex)
positions = st.one_of(st.just(""), st.builds("{}.{}.{}".format, lives, numbers, numbers))


@given(st.dictionaries(st.text(min_size=1), positions))
def test_an_id_has_the_position_at_each_router(since: dict[str, str]) -> None:
    assert positions_of(id_of(since), since) == since


@given(st.one_of(st.text(), st.text("AQgw-_"), st.binary().map(lambda octets: octets.hex())))
def test_whatever_a_reader_sends_is_an_id_or_refused(given_id: str) -> None:
    with contextlib.suppress(Problem):
        assert positions_of(given_id, ["R1", "R2"]).keys() == {"R1", "R2"}


def test_an_id_of_other_routers_and_a_cut_one_are_not_believed() -> None:
    number = id_of({"R1": f"{LIFE}.7.300"})
    assert len(number) < 32
    assert positions_of(number, ["R2"]) == {"R2": ""}
    for wrong in (number[:-4], number + "AAAA"):
        with pytest.raises(Problem):
            positions_of(wrong, ["R1"])


def test_the_id_of_the_largest_lab_fits_into_the_headers_of_a_request() -> None:
    """A reader of a lab of 1,000 routers that lost its connection got 431, and never came back."""
    since = {f"SPOKE{number}": f"{LIFE}.2000000.16000" for number in range(TABLE["followed"].share)}
    assert len(id_of(since)) < MOST_HEADERS - 2048
