"""`dmvpn.client` as scripts change things: configurations as transactions, labs, jobs, events of a whole lab."""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("httpx2")

from dmvpn import client as api
from dmvpn.client import aio
from support.served import new_token, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.served import Served

SCENARIO, LAB = "notes-phase1", "mine"
LOOPBACK = ("interface Loopback77", " ip address 7.7.7.7 255.255.255.255")


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for sockets
        yield {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment, "--role", "configure") as found:
        found.come_in()
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[api.Client]:
    """A client, and a lab that it brought up."""
    with api.connect(f"http://127.0.0.1:{served.port}", token=served.token) as found:
        job = found.up(SCENARIO, name=LAB, simulated=True)
        assert (job.what, job.lab, job.by, job.state) == ("up", LAB, "web", "running")
        done = found.wait(job)
        assert (done.state, done.id) == ("done", job.id)
        assert isinstance(done.result, dict)
        assert done.result["missing"] == []
        yield found
        found.lab(LAB).down()
        assert found.labs() == ()


@pytest.fixture
def router(client: api.Client) -> Iterator[api.Router]:
    """A router, which is left as it was."""
    made = client.router("R31", lab=LAB)
    before = made.configuration()
    yield made
    made.configure(before.text, replace=True, tag="*")


# ------------------------------------------------------------------------------------------------ configurations


def test_lines_are_tried_then_entered_over_the_text_that_was_read(router: api.Router) -> None:
    seen = router.configuration()
    assert "hostname R31\n" in seen.text
    assert seen.rollback is None
    tried = router.configure(LOOPBACK, dry_run=True, tag=seen.tag)
    assert (tried.applied, tried.tag, router.configuration()) == (False, seen.tag, seen)
    assert tried.differences == ("+interface Loopback77", " +ip address 7.7.7.7 255.255.255.255")
    made = router.configure("\n".join(LOOPBACK) + "\n", tag=seen.tag)
    assert (made.applied, made.differences) == (True, tried.differences)
    assert router.configuration().tag == made.tag != seen.tag


def test_a_writer_that_saw_an_older_text_changes_nothing_and_learns_the_tag_of_today(router: api.Router) -> None:
    seen = router.configuration()
    made = router.configure(LOOPBACK)
    with pytest.raises(api.OutdatedError, match="another configuration") as caught:
        router.configure(["no interface Loopback77"], tag=seen.tag)
    assert caught.value.tag == made.tag == router.configuration().tag
    with pytest.raises(api.OutdatedError):
        router.configure(seen.text, replace=True, tag=seen.tag)
    back = router.configure(seen.text, replace=True, tag=made.tag)
    assert back.differences == ("-interface Loopback77", " -ip address 7.7.7.7 255.255.255.255")
    assert router.configuration() == seen


def test_refused_lines_are_named_in_the_words_of_the_router_and_nothing_changes(router: api.Router) -> None:
    seen = router.configuration()
    lines = [*LOOPBACK, "interface Tunnel100", " ip mtuu 1400"]
    with pytest.raises(api.InvalidError, match="nothing was changed") as caught:
        router.configure(lines)
    (line,) = caught.value.refused
    assert (line.number, line.text) == (4, " ip mtuu 1400")
    assert "% Invalid input" in "\n".join(line.said)
    assert router.configure(lines, dry_run=True).refused == (line,)
    assert router.configuration() == seen


def test_a_change_that_waits_is_confirmed_or_taken_back(router: api.Router) -> None:
    with pytest.raises(api.ConflictError, match="No Rollback"):
        router.confirm()
    with pytest.raises(api.ConflictError, match="archive"):
        router.configure(LOOPBACK, confirm_within=5)
    router.configure(["archive", "path flash:bak"])
    before = router.configuration()
    made = router.configure(LOOPBACK, confirm_within=5)
    assert made.rollback is not None
    assert (made.rollback.minutes, made.rollback.by) == (5, "web")
    router.revert(within=3)
    waiting = router.configuration().rollback
    assert waiting is not None
    assert waiting.minutes == 3
    assert router.revert() == ("Rollback Done", "")
    assert router.configuration() == before
    router.configure(LOOPBACK, confirm_within=1)
    router.confirm()
    assert router.configuration().rollback is None


def test_a_token_that_may_only_look_changes_no_configuration_and_no_lab(
    environment: dict[str, str], client: api.Client
) -> None:
    with api.connect(client.url, token=new_token(environment, "eve")) as other:
        with pytest.raises(api.RoleError, match="configure"):
            other.router("R31", lab=LAB).configure(LOOPBACK)
        with pytest.raises(api.RoleError):
            other.lab(LAB).kill("R31")
        with pytest.raises(api.RoleError):
            other.up("notes-phase3", simulated=True)


# ------------------------------------------------------------------------------------------------ labs


def test_scenarios_say_whether_they_are_up(client: api.Client) -> None:
    up = {one.name: one.up for one in client.scenarios()}
    assert (up[SCENARIO], up["notes-phase3"], up["exercise-01"]) == (True, False, False)
    with pytest.raises(api.ConflictError, match="up already"):
        client.up(SCENARIO, name=LAB, simulated=True)
    with pytest.raises(api.InvalidError, match="no scenario") as caught:
        client.up("/etc/passwd")
    assert caught.value.refused == ()


def test_a_job_that_is_broken_off_has_failed(client: api.Client) -> None:
    job = client.up("phase2-eigrp", simulated=True)
    assert client.cancel(job).id == job.id
    assert client.wait(job, check=False).state == "failed"
    assert [one.name for one in client.labs()] == [LAB]


def test_time_passes_as_a_job(client: api.Client) -> None:
    before = client.router("R31", lab=LAB).plain("version")
    job = client.wait(client.lab(LAB).clock(7200))
    assert (job.what, job.state, job.result) == ("clock", "done", {"lab": LAB, "seconds": 7200.0})
    after = client.router("R31", lab=LAB).plain("version")
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert float(str(after["uptime"])) >= float(str(before["uptime"])) + 7200
    assert replace(job, result=None) in client.jobs(), "a list is without results, which may be long"
    with pytest.raises(api.RefusedError, match="30 days"):
        client.lab(LAB).clock(-1)
    with pytest.raises(api.MissingError, match="no lab"):
        client.lab("none").clock(1)


def impaired(client: api.Client) -> object:
    state = client.state(LAB)
    assert isinstance(state, dict)
    return state["impaired"]


def test_a_wire_gets_bad_and_good_again(client: api.Client) -> None:
    lab = client.lab(LAB)
    lab.impair("R31:GigabitEthernet0/1", delay=20, loss=1.5, block="gre")
    assert all(word in str(impaired(client)) for word in ("delay", "loss", "gre"))
    lab.impair("R31:GigabitEthernet0/1")
    assert impaired(client) == {}
    with pytest.raises(api.ConflictError):
        lab.impair("R31:NoSuchPort", cut=True)


def test_trouble_is_made_hinted_at_and_graded(client: api.Client) -> None:
    lab = client.lab(LAB)
    assert client.wait(lab.break_(seed=7)).state == "done"
    assert client.wait(lab.hint()).result
    graded = client.wait(lab.grade())
    assert (graded.state, graded.healthy) == ("done", False)
    assert lab.reset() == ()


# ------------------------------------------------------------------------------------------------ events


def test_events_of_a_lab_name_their_routers_and_go_on_behind_the_last_one(client: api.Client) -> None:
    lab = client.lab(LAB)
    names = {one.name for one in client.routers(LAB)}
    last = ""
    for event in lab.events("log"):
        assert isinstance(event, api.LabNews)
        names.discard(event.router)
        last = event.id
        if not names:
            break
    client.router("R31", lab=LAB).configure(["interface Loopback78"])
    found = next(
        one
        for one in lab.events("log", since=last)
        if isinstance(one, api.LabNews) and "Loopback78" in str(one.news.log)
    )
    assert (found.router, found.news.begins, found.news.missed) == ("R31", False, 0)
    client.router("R31", lab=LAB).configure(["no interface Loopback78"])
    with pytest.raises(api.RefusedError, match="Last-Event-ID"):
        next(lab.events(since="x y"))


def test_the_front_for_asyncio_does_the_same(served: Served, client: api.Client) -> None:
    async def change() -> None:
        async with aio.connect(client.url, token=served.token) as found:
            router, lab = found.router("R31", lab=LAB), found.lab(LAB)
            seen = await router.configuration()
            made = await router.configure(LOOPBACK, tag=seen.tag)
            with pytest.raises(api.OutdatedError):
                await router.configure(LOOPBACK, tag=seen.tag)
            assert (await router.configure(seen.text, replace=True, tag=made.tag)).applied
            assert (await found.wait(await lab.clock(1))).state == "done"
            events = lab.events("history")
            async for event in events:
                if isinstance(event, api.LabNews) and event.router == "R41":
                    await lab.kill("R41")
                if event == api.Gone("R41"):
                    break
            await lab.start("R41")

    asyncio.run(change())
    assert all(one.alive for one in client.routers(LAB))
