"""Tokens for some labs: students have labs on one machine, and none sees or changes those of another one."""

from __future__ import annotations

import json
import os
import re
import resource
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.lab.forked import NICE
from dmvpn.web.bounds import Bounds
from dmvpn.web.entrance import Entrance
from dmvpn.web.fleet import Fleet
from dmvpn.web.guard import OPEN
from dmvpn.web.permission import AIDS, Limits, Role, TokenFile
from dmvpn.web.resources import routes
from lab.test_web_events import stream
from lab.test_web_load import owner_of
from support.served import Served, dmvpn, new_token, problem, refused, token_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.test_web_events import Stream

LABS = "/api/v1/labs"
#: Resources that answer about a caller's labs alone, or about none.
APART = (
    "/api/v1/class",
    "/api/v1/class/results",
    "/api/v1/class/message",
    "/api/v1/session",
    "/api/v1/openapi.json",
    "/api/v1/scenarios",
    LABS,
    "/api/v1/jobs",
    "/api/v1/meanings",
    "/api/v1/jobs/{job}",
)
#: A terminal belongs to the token that opened it.
OWN = ("/api/v1/terminals/{terminal}",)
PAGES = ("/labs/{lab}", "/page/{name}", "/page/vendor/{name}")


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        found = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        for name in ("anna-1", "annabel-1"):
            dmvpn(found, "lab", "up", "notes-phase3", "--simulated", "--name", name)
        yield found
        for name in ("anna-1", "annabel-1"):
            dmvpn(found, "lab", "down", name)


@pytest.fixture(scope="module")
def anna(environment: dict[str, str]) -> str:
    return new_token(environment, "anna", "configure", "--labs", "anna-*")


def every_resource() -> list[tuple[str, str]]:
    """Each path that needs a token, with a method, at a lab and router of another student."""
    return [
        (route.path, method)
        for route in routes(Fleet(), Entrance(Role.VIEW), Bounds())
        for method in sorted((route.methods or set()) - {"HEAD"})
        if (route.path, method) not in OPEN and route.path not in (*APART, *OWN, *PAGES)
    ]


def test_labs_that_a_student_brings_up_have_the_bounds_of_its_token(web: Served, environment: dict[str, str]) -> None:
    """`dmvpn class begin --memory` bounded the labs of the teacher, and those of students had no bound at all."""
    carl = new_token(environment, "carl", "configure", "--labs", "carl-*", "--most", "1", "--memory", "512")
    body = json.dumps({"scenario": "notes-phase1", "simulated": True, "name": "carl-1"})
    begun = web.ask(LABS, method="POST", body=body, token=carl)
    while web.ask(begun.headers["location"], token=carl).fields["state"] == "running":
        pass
    try:
        process = owner_of(Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn/labs/carl-1/supervisor.sock")
        assert resource.prlimit(process, resource.RLIMIT_DATA) == (512 << 20, 512 << 20)
        assert os.getpriority(os.PRIO_PROCESS, process) >= NICE
        again = web.ask(LABS, method="POST", body=body.replace("carl-1", "carl-2"), token=carl)
        assert "1 at a time" in problem(again, 503)
        assert "carl-*, 1 at a time, 512 MiB" in dmvpn(environment, "web", "token", "list")
    finally:
        dmvpn(environment, "lab", "down", "carl-1")


@pytest.mark.parametrize(("path", "method"), every_resource())
def test_no_resource_lets_a_student_at_the_lab_of_another_one(web: Served, anna: str, path: str, method: str) -> None:
    filled = path.replace("{lab}", "annabel-1").replace("{router}", "R31").replace("{words:path}", "clock")
    answer = web.ask(re.sub(r"\{\w+\}", "x", filled), method=method, body="{}", token=anna)
    if "{lab}" in path:
        assert problem(answer, 404) == "no lab of this name runs"
    else:
        assert problem(answer, 403) == "the token is for anna-* alone"


def test_a_student_sees_and_changes_an_own_lab(web: Served, anna: str) -> None:
    assert [lab["name"] for lab in web.ask(LABS, token=anna).value] == ["anna-1"]  # type: ignore[attr-defined]
    assert len(web.ask(LABS).value) == 2  # type: ignore[arg-type]
    shown = web.ask(f"{LABS}/anna-1/routers/R31/show/dmvpn", token=anna)
    assert shown.status == 200
    wires = web.ask(f"{LABS}/anna-1/wires", method="POST", body='{"link": "R31:Gi0/1"}', token=anna)
    assert wires.fields == {}


def test_a_student_reads_what_messages_mean(web: Served, anna: str) -> None:
    """The page of a student opened no message: their meanings were refused, though they are about no lab."""
    assert web.ask("/api/v1/meanings", token=anna).value == web.ask("/api/v1/meanings").value


def test_a_student_brings_up_labs_of_own_names_alone(web: Served, anna: str) -> None:
    for name in ("ben-2", "annabel-2", "notes-phase1"):
        body = json.dumps({"scenario": "notes-phase1", "simulated": True, "name": name})
        assert "anna-* alone" in problem(web.ask(LABS, method="POST", body=body, token=anna), 403)


def test_what_other_students_have_up_is_not_up_for_a_student(
    environment: dict[str, str], web: Served, anna: str
) -> None:
    ben = new_token(environment, "ben", "view", "--labs", "ben-*")
    for token, is_up in ((web.token, True), (anna, True), (ben, False)):
        listed = web.ask("/api/v1/scenarios", token=token).value
        assert [one["up"] for one in listed if one["name"] == "notes-phase3"] == [is_up]  # type: ignore[attr-defined]


def test_no_lab_is_called_as_a_service(web: Served) -> None:
    """It took no orders, since it counted as a service, and could not be ended by HTTP."""
    body = json.dumps({"scenario": "notes-phase1", "simulated": True, "name": "run-HUB"})
    assert "run-" in problem(web.ask(LABS, method="POST", body=body), 422)


def test_the_jobs_of_other_students_do_not_exist(web: Served, anna: str) -> None:
    begun = web.ask(f"{LABS}/annabel-1/clock", method="POST", body='{"seconds": 1}').fields
    place = f"/api/v1/jobs/{begun['id']}"
    assert web.ask(place).status == 200
    assert "no such job" in problem(web.ask(place, token=anna), 404)
    assert "no such job" in problem(web.ask(place, method="DELETE", token=anna), 404)
    assert web.ask("/api/v1/jobs", token=anna).value == []


def test_a_session_of_a_student_is_for_the_same_labs(web: Served, anna: str) -> None:
    opened = web.ask("/api/v1/session", method="POST", body=json.dumps({"token": anna}), token="")
    cookie = str(opened.headers["set-cookie"]).partition(";")[0]
    headers = {"Cookie": cookie, "X-Session-Key": str(opened.fields["key"])}
    assert web.ask("/api/v1/session", token="", headers=headers).fields["labs"] == "anna-*"
    assert problem(web.ask(f"{LABS}/annabel-1", token="", headers=headers), 404)


def test_an_exam_refuses_what_the_teacher_has_switched_off_and_hides_it_in_the_jobs_of_others(
    environment: dict[str, str], web: Served
) -> None:
    lab = f"{LABS}/anna-1"
    tokens = TokenFile(token_file(environment).parent)
    fred, _ = tokens.create("fred", Role.CONFIGURE, 1, "anna-*", Limits(without=AIDS))
    for method, path in (
        *(("POST", f"{lab}/{aid}") for aid in ("doctor", "walk", "hint", "grade", "reset")),
        ("GET", f"{lab}/lint"),
        ("POST", LABS),
        ("PUT", f"{LABS}/anna-2"),
    ):
        aid = path.rpartition("/")[2] if path.startswith(f"{lab}/") else "up"
        said = problem(web.ask(path, method=method, body="{}", token=fred), 403)
        assert said == f"your teacher has switched this off for you: {aid}"
    begun = web.ask(f"{lab}/walk", method="POST", body='{"source": "H3", "destination": "H4"}').fields
    while web.ask(f"/api/v1/jobs/{begun['id']}").fields["state"] == "running":
        pass
    assert problem(web.ask(f"/api/v1/jobs/{begun['id']}", token=fred), 404)
    assert begun["id"] not in {job["id"] for job in web.ask("/api/v1/jobs", token=fred).value}  # type: ignore[attr-defined]
    assert web.ask(f"{lab}/routers/R31/run", method="POST", body='{"command": "show clock"}', token=fred).status == 200


def test_from_the_end_of_an_exam_on_a_student_looks_and_changes_nothing(
    environment: dict[str, str], web: Served
) -> None:
    tokens = TokenFile(token_file(environment).parent)
    gina, _ = tokens.create("gina", Role.CONFIGURE, 1, "anna-*", Limits(closes=1e9))
    router = f"{LABS}/anna-1/routers/R31"
    assert web.ask("/api/v1/session", token=gina).fields["role"] == "view"
    assert web.ask(f"{router}/show/clock", token=gina).status == 200
    for path, body in (
        (f"{router}/run", {"command": "clear ip nhrp"}),
        (f"{router}/terminals", {"rows": 24, "columns": 80}),
        ("/api/v1/terminals/x", {"keys": "x"}),
        (f"{router}/configuration", {"lines": ["hostname X"]}),
        (f"{LABS}/anna-1/grade", {}),
        (LABS, {"scenario": "notes-phase1", "simulated": True, "name": "anna-2"}),
    ):
        said = problem(web.ask(path, method="POST", body=json.dumps(body), token=gina), 403)
        assert said == "the time ended at 2001-09-09 01:46 UTC: you may look, and change nothing"
    tokens.bound("gina", Limits(closes=4e9))
    assert web.ask("/api/v1/session", token=gina).fields["role"] == "configure", "the teacher gave more time"


def test_the_labs_of_a_token_are_listed_and_checked(environment: dict[str, str], anna: str) -> None:
    assert anna
    listed = [line.split()[:3] for line in dmvpn(environment, "web", "token", "list").splitlines()]
    assert ["anna", "configure", "anna-*"] in listed
    for wrong in ("*", "../x", "a*b", "-x"):
        said = refused(environment, "web", "token", "create", "--name", "eve", f"--labs={wrong}")
        assert "names no labs" in said


def test_the_traffic_of_a_lab_comes_to_its_student_and_that_of_no_other_lab_does(
    environment: dict[str, str], web: Served, anna: str
) -> None:
    """Routers of both labs have the same names; the packets of one lab are 14 times as long as those of the other."""
    own, other = (f"{LABS}/{lab}/events?topics=traffic" for lab in ("anna-1", "annabel-1"))
    assert problem(web.ask(other, token=anna), 404) == "no lab of this name runs"
    with stream(web, own, {"Authorization": f"Bearer {anna}"}) as read, stream(web, other) as teacher:
        assert any(octets(rate) > 1000 for rate in until_pings_are_seen(teacher, environment, "annabel-1", size=1400))
        seen = until_pings_are_seen(read, environment, "anna-1", size=100)
    assert max(map(octets, seen)) < 500


def until_pings_are_seen(read: Stream, environment: dict[str, str], lab: str, *, size: int) -> list[dict[str, float]]:
    """Let a router of the lab ping until the stream has more packets than those of protocols; all rates until then."""
    ping = ("ping", "10.4.4.1", "source", "10.3.3.1", "size", str(size), "repeat", "20")
    seen: list[dict[str, float]] = []
    while not any(rate["out"] > 8 for rate in seen):
        dmvpn(environment, "-r", f"{lab}/R31", *ping)
        event = read.next()
        assert event.kind == "traffic", event
        seen += event.data["rates"]  # type: ignore[arg-type]
    return seen


def octets(rate: dict[str, float]) -> float:
    """The mean length of the packets that leave."""
    return rate["bits_out"] / 8 / rate["out"] if rate["out"] else 0.0
