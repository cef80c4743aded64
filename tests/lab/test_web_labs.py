"""Labs by HTTP: up and down as jobs that can be asked, wires, the clock, and what each role may do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.shells.lab.places import LabFolder
from support.served import Served, new_token, problem, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.served import Answer

T = TypeVar("T")

LABS = "/api/v1/labs"
HERE = f"{LABS}/notes-phase3"


def post(web: Served, path: str, token: str | None = None, **body: object) -> Answer:
    return post_object(web, path, body, token)


def post_object(web: Served, path: str, body: dict[str, object], token: str | None = None) -> Answer:
    return web.ask(path, method="POST", body=json.dumps(body), token=token)


def ended(web: Served, begun: Answer) -> dict[str, object]:
    """Wait for the end of a job."""
    assert begun.status == 202, begun
    place = begun.headers["location"]
    end = time.monotonic() + 100
    while (job := web.ask(place).fields)["state"] == "running":
        assert time.monotonic() < end, job
        time.sleep(0.1)
    assert job["ended"] is not None
    return job


def test_a_lab_comes_up_as_a_job_and_goes_down(web: Served) -> None:
    known = web.ask("/api/v1/scenarios").value
    assert isinstance(known, list)
    up = {one["name"]: one["up"] for one in known}
    assert (up["notes-phase3"], up["notes-phase1"], up["exercise-01"]) == (True, False, False)
    job = ended(web, post(web, LABS, scenario="notes-phase1", simulated=True))
    assert (job["what"], job["lab"], job["by"], job["state"]) == ("up", "notes-phase1", "web", "done"), job
    assert isinstance(job["result"], dict)
    assert (job["result"]["simulated"], job["result"]["missing"]) == (True, [])
    assert web.ask(f"{LABS}/notes-phase1/routers/R31/show/clock").status in (200, 404)
    assert "up already" in problem(post(web, LABS, scenario="notes-phase1", simulated=True), 409)
    named = ended(web, post(web, LABS, scenario="notes-phase1", simulated=True, name="anna-1"))
    assert (named["lab"], named["state"]) == ("anna-1", "done"), named
    assert web.ask(f"{LABS}/anna-1").fields["scenario"] == "notes-phase1"
    assert web.ask(f"{LABS}/anna-1", method="DELETE").fields == {}
    assert web.ask(f"{LABS}/notes-phase1", method="DELETE").fields == {}
    assert problem(web.ask(f"{LABS}/notes-phase1"), 404)
    assert {**job, "result": None} in (web.ask("/api/v1/jobs").value or [])  # type: ignore[operator]
    end = time.monotonic() + 5
    while not web.audit("job") and time.monotonic() < end:
        time.sleep(0.05)
    assert (web.audit("job")[0]["job"], web.audit("job")[0]["state"]) == (job["id"], "done")


def broken_off_on_its_way(web: Served, folder: Path) -> dict[str, object]:
    """Break off the job that brings a lab up when it has made the folder. Its process stands still meanwhile."""
    begun = post(web, LABS, scenario=folder.name, simulated=True)
    process = until(lambda: child(web.process.pid, folder.name), every=0.02)
    until(folder.exists)
    os.kill(process, signal.SIGSTOP)
    try:
        assert web.ask(begun.headers["location"], method="DELETE").status == 200
    finally:
        os.kill(process, signal.SIGCONT)
    return ended(web, begun)


def until(found: Callable[[], T | None], every: float = 0.002) -> T:
    """Return what is found as soon as it is. every: seconds between two looks."""
    end = time.monotonic() + 60
    while not (one := found()):
        assert time.monotonic() < end
        time.sleep(every)
    return one


def child(parent: int, word: str) -> int | None:
    """The number of the child with this word in its command line."""
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            of = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            if of == parent and word in (each / "cmdline").read_text().split("\0"):
                return int(each.name)
    return None


def test_a_lab_that_comes_up_can_be_broken_off_and_nothing_is_left(web: Served, environment: dict[str, str]) -> None:
    folder = Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn" / "labs" / "phase2-eigrp"
    while (job := broken_off_on_its_way(web, folder))["state"] == "done" or LabFolder(folder).alive():
        # It was up before it was stopped.
        assert web.ask(f"{LABS}/phase2-eigrp", method="DELETE").status == 200
    assert job["state"] == "failed"
    assert not folder.exists()
    again = post(web, LABS, scenario="phase2-eigrp", simulated=True)
    assert web.ask(again.headers["location"], method="DELETE").status == 200  # before its process has begun
    job = ended(web, again)
    assert (job["state"], job["notes"]) == ("failed", ["broken off"])
    assert "phase2-eigrp" not in web.ask(LABS).text


def test_the_clock_and_the_wires_of_a_lab_obey(web: Served) -> None:
    job = ended(web, post(web, f"{HERE}/clock", seconds=7200))
    assert (job["state"], job["result"]) == ("done", {"lab": "notes-phase3", "seconds": 7200.0})
    assert float(str(web.ask(f"{HERE}/routers/R31/show/version").fields["uptime"])) > 7200
    assert post(web, f"{HERE}/wires", link="R31:GigabitEthernet0/1", loss=100).fields == {}
    (bad,) = web.ask(HERE).fields["impaired"].values()  # type: ignore[attr-defined]
    assert "loss" in str(bad)
    assert post(web, f"{HERE}/wires", link="R31:GigabitEthernet0/1").fields == {}
    assert web.ask(HERE).fields["impaired"] == {}
    assert post(web, f"{HERE}/routers/R41/kill").status == 200
    assert problem(web.ask(f"{HERE}/routers/R41/show/clock"), 503)
    assert post(web, f"{HERE}/routers/R41/start").status == 200
    assert "missing" in post(web, f"{HERE}/reset").fields


def test_a_leap_of_a_month_ends_with_its_job_and_the_lab_answers(web: Served) -> None:
    begun = post(web, f"{HERE}/clock", seconds=2_591_999)
    assert web.ask(f"{HERE}").status == 200
    assert web.ask(begun.headers["location"], method="DELETE").status == 200
    assert ended(web, begun)["state"] == "failed"
    job = ended(web, post(web, f"{HERE}/clock", seconds=1))
    assert job["state"] == "done", job


def test_what_is_broken_by_http_is_complained_of_hinted_at_and_graded(web: Served) -> None:
    broken = ended(web, post(web, f"{HERE}/break", seed=7))
    assert broken["state"] == "done", broken
    assert isinstance(broken["result"], dict)
    assert broken["result"]["complaint"]
    hint = ended(web, post(web, f"{HERE}/hint"))
    assert isinstance(hint["result"], dict)
    assert hint["result"]["number"] == 1
    graded = ended(web, post(web, f"{HERE}/grade"))
    assert (graded["state"], graded["healthy"]) == ("done", False)
    post(web, f"{HERE}/reset")


def test_each_role_may_do_its_part(environment: dict[str, str], web: Served) -> None:
    operate, view = new_token(environment, "otto", "operate"), new_token(environment, "vera")
    for path in (LABS, f"{HERE}/reset"):
        assert "configure" in problem(post(web, path, token=operate, scenario="notes-phase1"), 403)
    assert "configure" in problem(web.ask(HERE, method="DELETE", token=operate), 403)
    for verb in ("clock", "wires", "break", "hint", "grade", "routers/R31/kill", "routers/R31/start"):
        assert "operate" in problem(post(web, f"{HERE}/{verb}", token=view), 403)
    ended(web, post(web, f"{HERE}/clock", token=operate, seconds=1))
    begun = post(web, f"{HERE}/hint")
    assert "configure" in problem(web.ask(begun.headers["location"], method="DELETE", token=operate), 403)
    ended(web, begun)


def test_a_server_of_one_lab_brings_no_other_one_up(environment: dict[str, str]) -> None:
    for which, status in (("--lab=notes-phase3", 202), ("--router=notes-phase3/R31", 403)):
        with serving(environment, "--role", "configure", which) as served:
            served.come_in()
            assert "another lab" in problem(post(served, LABS, scenario="notes-phase1"), 403)
            assert post(served, f"{HERE}/clock", seconds=1).status == status


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (LABS, {}, 400),
        (LABS, {"scenario": "/etc"}, 422),
        (LABS, {"scenario": "../notes-phase1"}, 422),
        (LABS, {"scenario": "--help"}, 422),
        (LABS, {"scenario": "notes-phase1", "name": "../up"}, 422),
        (LABS, {"scenario": "notes-phase1", "name": "--record=x"}, 422),
        (LABS, {"scenario": "notes-phase1", "name": ["anna"]}, 400),
        (LABS, {"scenario": "notes-phase1", "record": "x"}, 400),
        (LABS, {"scenario": "notes-phase1", "simulated": "yes"}, 400),
        (f"{HERE}/clock", {"seconds": -1}, 400),
        (f"{HERE}/clock", {"seconds": 1e300}, 400),
        (f"{HERE}/clock", {"seconds": float("nan")}, 400),
        (f"{HERE}/clock", {"seconds": True}, 400),
        (f"{HERE}/clock", {"seconds": 10**400}, 400),
        (f"{HERE}/wires", {"link": "R31:Nothing9"}, 409),
        (f"{HERE}/wires", {"link": "\ud800"}, 400),
        (f"{HERE}/wires", {"link": "R31:GigabitEthernet0/1", "loss": 101}, 422),
        (f"{HERE}/wires", {"link": "R31:GigabitEthernet0/1", "sender": "x"}, 400),
        (f"{HERE}/wires", {"link": "R31:GigabitEthernet0/1", "block": ["x"]}, 422),
        (f"{HERE}/break", {"name": "--list"}, 400),
        (f"{HERE}/break", {"seed": "1"}, 400),
        (f"{HERE}/routers/R99/kill", {}, 404),
        (f"{HERE}/routers/supervisor/kill", {}, 404),
        (f"{LABS}/none/reset", {}, 404),
        ("/api/v1/jobs/none", {}, 405),
    ],
)
def test_what_is_no_order_is_one_error(web: Served, path: str, body: dict[str, object], status: int) -> None:
    assert problem(post_object(web, path, body), status)


def test_a_host_pings_and_traces_as_jobs(web: Served) -> None:
    job = ended(web, post(web, f"{HERE}/hosts/H3/ping", target="10.4.4.100"))
    result = job["result"]
    assert isinstance(result, dict)
    assert (job["what"], job["state"], result["exit_code"]) == ("exec", "done", 0), job
    assert "5 packets transmitted, 5 received, 0% packet loss" in str(result["output"])
    result = ended(web, post(web, f"{HERE}/hosts/H3/traceroute", target="10.4.4.100"))["result"]
    assert isinstance(result, dict)
    assert " 1  10.3.3.1  " in str(result["output"])
    lost = ended(web, post(web, f"{HERE}/hosts/H3/ping", target="10.99.9.9"))
    assert (lost["state"], lost["healthy"]) == ("done", False)
    assert "100% packet loss" in str(lost["result"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"target": "H4"},
        {"target": "-f"},
        {"target": "10.4.4.100 -c 100000"},
        {"target": "fe80::1%eth0"},
        {"target": 168_034_404},
        {"target": "10.4.4.100", "count": 100_000},
    ],
)
def test_a_host_pings_one_address_and_takes_no_options(web: Served, body: dict[str, object]) -> None:
    assert problem(post_object(web, f"{HERE}/hosts/H3/ping", body), 400).startswith("the body is {")


def test_only_hosts_ping_as_hosts_and_who_looks_lets_none_ping(web: Served, environment: dict[str, str]) -> None:
    for name in ("R31", "TRANSPORT", "H9", "--help"):
        assert "no such host" in problem(post(web, f"{HERE}/hosts/{name}/ping", target="10.4.4.100"), 404)
    token = new_token(environment, "host-looker", "view")
    assert "operate" in problem(post(web, f"{HERE}/hosts/H3/ping", token, target="10.4.4.100"), 403)
    token = new_token(environment, "host-operator", "operate")
    assert ended(web, post(web, f"{HERE}/hosts/H3/ping", token, target="10.4.4.100"))["by"] == "host-operator"
