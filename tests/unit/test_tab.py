"""A lab in a tab: one process with one thread has the lab, its clients and the application of `dmvpn web`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.app import tab
from dmvpn.app.tab import Tab
from dmvpn.base.events import KeysWanted
from dmvpn.face.server import ManagementServer
from dmvpn.shells import slices
from dmvpn.shells.lab import memory
from dmvpn.shells.lab.memory import HostedLoop
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator, wallclock
from dmvpn.shells.simulator.wallclock import FollowedClock
from support.services import short_folder
from support.tab import EPOCH, LAB, Page, in_a_tab

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Generator, Iterator, Sequence

    from dmvpn.ios.filters import Plain
    from dmvpn.shells.handle import Handle


ROOT = Path(__file__).parents[2]
#: Prints the modules that a tab imports ahead.
AHEAD = """
import json, runpy, sys
print(json.dumps(runpy.run_path(sys.argv[1])["later"]()))
"""
#: Gives them to a tab; jobs begin at once. Prints the most modules that came between two breaths, and the most calls of
#: functions in the first job: a tab makes 400 of them in a millisecond.
STEPS = """
import json, sys
sys.modules["cryptography"] = sys.modules["bcrypt"] = None
from dmvpn.shells.lab.memory import Aside
from support import tab
tab.LAB = "/api/v1/labs/ospf-phase3"
modules, last, longest, calls = [0], [0], [0], [0]
pause, begin = Aside.pause, Aside._go_on
def breathe(self):
    modules.append(len(sys.modules) - last[0])
    last[0] = len(sys.modules)
    longest.append(calls[0])
    pause(self)
    calls[0] = 0
def go_on(self):
    calls[0] = 0
    begin(self)
def count(frame, event, argument):
    calls[0] += event == "call"
async def use(page):
    last[0] = len(sys.modules)
    Aside.pause, Aside._go_on = breathe, go_on
    page.tab.read_ahead(sys.stdin.read())
    sys.setprofile(count)
    await page.job("doctor", {})
    sys.setprofile(None)
    for what in ("break", "doctor", "grade"):
        await page.job(what, {"seed": 3} if what == "break" else {})
    await page.ask("GET", f"{tab.LAB}/lint")
    modules.append(len(sys.modules) - last[0])
tab.in_a_tab({"lab": "ospf-phase3", "seed": 7}, use)
print(max(modules), max(longest))
"""


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield


def test_shows_terminals_events_and_jobs_answer_in_one_thread() -> None:
    async def use(page: Page) -> None:
        assert page.boots[-1].get("ready"), page.boots[-1]
        assert page.boots[-1]["lab"] == "notes-phase3"
        status, shown = await page.ask("GET", f"{LAB}/routers/R31/show/dmvpn")
        assert status == 200
        assert "172.16.11.1" in str(shown["tunnels"])
        status, stage = await page.ask("GET", f"{LAB}/stage")
        assert {"R11", "R31", "H3"} <= {node["name"] for node in stage["nodes"]}
        news = page.begin("GET", f"{LAB}/events")

        terminal = page.begin("POST", f"{LAB}/routers/R31/terminals", {"rows": 24, "columns": 80})
        await page.until(lambda: page.events(terminal))
        keys = f"/api/v1/terminals/{page.events(terminal)[0]['terminal']}"

        await page.ask("POST", keys, {"keys": "ping 10.4.4.1\rshow clock\r"})
        await page.until(lambda: "UTC" in page.printed(terminal))
        assert "Success rate is 100 percent" in page.printed(terminal)

        # A job of lost pings takes minutes of the lab's time, and the router's clock has them.
        broken = await page.job("break", {"seed": 3})
        assert "cut off" in broken["result"]["complaint"]
        found = await page.job("doctor", {})
        assert (found["state"], found["healthy"]) == ("done", False)
        assert found["result"]["findings"]
        assert any("R31" in str(one) for one in page.events(news))

        page.tab.take(json.dumps({"id": news, "abort": True}))
        status, refused = await page.ask("POST", "/api/v1/labs", {"scenario": "notes-gre"})
        assert (status, refused["detail"]) == (501, "a tab holds one lab: open another tab for another lab")

    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_a_terminal_answers_while_a_job_runs_and_a_job_is_broken_off() -> None:
    """The tab was deaf until the doctor had ended."""

    async def use(page: Page) -> None:
        terminal = page.begin("POST", f"{LAB}/routers/R31/terminals", {"rows": 24, "columns": 80})
        await page.until(lambda: page.events(terminal))
        keys = f"/api/v1/terminals/{page.events(terminal)[0]['terminal']}"
        asked: list[int] = []

        def look() -> None:
            if not asked:
                asked.append(page.begin("POST", keys, {"keys": "show clock\r"}))
            elif "UTC" in page.printed(terminal) and len(asked) == 1:
                asked.append(page.begin("DELETE", f"/api/v1/jobs/{json.loads(page.octets[doctor])['id']}"))

        page.look = look
        doctor = page.begin("POST", f"{LAB}/doctor", {})
        await page.until(lambda: len(asked) > 1 and page.octets[asked[1]])
        _, found = await page.ask("GET", f"/api/v1/jobs/{json.loads(page.octets[doctor])['id']}")
        assert (found["state"], found["notes"]) == ("failed", ["broken off"])
        status, linted = await page.ask("GET", f"{LAB}/lint")  # what comes next is not broken off
        assert (status, linted["counts"]["error"]) == (200, 0)

    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_a_job_that_begins_before_a_tab_has_done_all_that_is_slow_once_breathes_in_between() -> None:
    """The first doctor imported two hundred modules at once, made the parser of all words of this program, and read the
    syntax of a thousand commands; no key was answered for a quarter of a second.
    """

    def printed(program: str, given: str, *words: str) -> str:
        command = [sys.executable, "-c", program, *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd=ROOT / "tests")
        assert done.returncode == 0, done.stderr
        return done.stdout

    names = printed(AHEAD, "", str(ROOT / "scripts" / "tab-finish.py"))
    assert len(json.loads(names)) > 100
    modules, calls = map(int, printed(STEPS, names).split())
    assert modules <= 40  # a package that imports its parts comes whole
    assert calls < 30_000


def test_clients_have_the_turns_that_a_key_needs_between_two_slices_of_a_leap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step on the way of a key through the lab waited for a slice of its own."""
    turns, between = [0], []
    leap = FollowedClock.leap

    async def turn() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    def watched(clock: FollowedClock, seconds: float, within: float) -> Generator[float]:
        turning = asyncio.get_running_loop().create_task(turn())
        for share in leap(clock, seconds, within):
            between.append(turns[0])
            turns[0] = 0
            yield share
        turning.cancel()

    async def use(page: Page) -> None:
        monkeypatch.setattr(wallclock, "SLICE", 0.001)
        monkeypatch.setattr(FollowedClock, "leap", watched)
        await page.job("clock", {"seconds": 7200})
        assert min(between[1:]) >= 5

    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_a_key_has_the_turns_that_it_needs_although_a_step_of_the_lab_took_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lab went on for 31 ms, and the answer to a key waited for the next look of the job."""
    monkeypatch.setattr(memory, "LONGEST_PUMP", 0.0)
    steps: list[int] = []

    async def use() -> None:
        loop = HostedLoop()

        def step(left: int) -> None:
            steps.append(left)
            if left:
                loop.call_soon(step, left - 1)

        loop.call_soon(step, 5)
        loop.pump()
        loop.close()

    asyncio.run(use())
    assert steps == [5, 4, 3, 2, 1, 0]


def test_garbage_is_collected_while_the_page_is_silent_and_no_job_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second after a job, a key waited for a third of a second with sixty routers."""
    heard: list[float] = []
    collected: list[float] = []
    jobs: list[bool] = []
    ended = asyncio.Event()
    take, run = Tab.take, Tab.run

    def hear(tab: Tab, message: str, body: bytes = b"") -> None:
        heard.append(time.monotonic())
        take(tab, message, body)

    def work(tab: Tab, words: Sequence[str], notes: deque[str], other: object) -> tuple[int, Plain]:
        jobs.append(True)
        try:
            return run(tab, words, notes, other)
        finally:
            jobs.pop()

    def collect() -> None:
        collected.append(0.0 if jobs else time.monotonic() - heard[-1])
        ended.set()

    async def use(page: Page) -> None:
        monkeypatch.setattr(gc, "collect", collect)
        await page.job("doctor", {})
        await page.job("clock", {"seconds": 7200})
        await ended.wait()
        assert min(collected) >= 0.5

    monkeypatch.setattr(Tab, "take", hear)
    monkeypatch.setattr(Tab, "run", work)
    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_what_jobs_leave_does_not_stay_and_many_jobs_are_collected_after_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the youngest garbage was collected, and the rest was kept for good: 4,600 objects of each doctor."""
    kept: list[int] = []
    collected = asyncio.Event()
    freeze, threshold = gc.freeze, gc.get_threshold()

    def keep() -> None:
        freeze()
        kept.append(gc.get_freeze_count())
        collected.set()

    async def use(page: Page) -> None:
        monkeypatch.setattr(gc, "freeze", keep)
        gc.set_threshold(700, 10, 10)  # as in a browser: what lives for a while is not the youngest
        for jobs in (1, 2, 2):
            collected.clear()
            for _ in range(jobs):
                await page.job("doctor", {})
            await collected.wait()
        assert len(kept) == 3
        assert kept[2] - kept[1] < 3000

    try:
        in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)
    finally:
        gc.set_threshold(*threshold)


def test_clients_of_a_lab_that_is_behind_do_not_make_it_go_on_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page follows all routers, and a key waited until each of sixty had let the lab go on for 20 ms."""
    handles: list[Handle] = []
    loops: list[asyncio.AbstractEventLoop] = []
    steps: list[int] = []
    catch_up = FollowedClock.catch_up

    def serve(handle: Handle, path: Path, **how: object) -> ManagementServer:
        handles.append(handle)
        loops.append(asyncio.get_running_loop())
        return ManagementServer(handle, path, **how)  # type: ignore[arg-type]

    def count(clock: FollowedClock) -> None:
        steps.append(len(steps))
        catch_up(clock)

    async def use(page: Page) -> None:
        awake, asked = time.monotonic, asyncio.Event()
        found: list[int] = []
        monkeypatch.setattr(time, "monotonic", lambda: awake() + 30.0)
        monkeypatch.setattr(wallclock, "MOST_BEHIND", 60.0)
        monkeypatch.setattr(wallclock, "LONGEST", 0.0)
        monkeypatch.setattr(FollowedClock, "catch_up", count)

        def ask() -> None:
            steps.clear()
            for handle in handles:
                handle.context(0)
                handle.post(KeysWanted(False))
            found.append(len(steps))
            asked.set()

        loops[0].call_soon(ask)
        await asked.wait()
        assert len(handles) > 3
        assert found[0] <= 1

    monkeypatch.setattr(tab, "ManagementServer", serve)
    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_a_lab_pauses_while_the_computer_sleeps_and_answers_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    async def terminal_of(page: Page) -> int:
        number = page.begin("POST", f"{LAB}/routers/R31/terminals", {"rows": 24, "columns": 80})
        await page.until(lambda: "R31#" in page.printed(number))
        return number

    async def use(page: Page) -> None:
        before = await terminal_of(page)
        awake, clock = time.monotonic, time.time
        monkeypatch.setattr(time, "monotonic", lambda: awake() + 3600.0)
        monkeypatch.setattr(time, "time", lambda: clock() + 3600.0)
        status, shown = await page.ask("GET", f"{LAB}/routers/R31/show/dmvpn")
        assert (status, "172.16.11.1" in str(shown)) == (200, True)
        assert "00:59" not in str(shown), "an hour passed in the lab, too"
        await page.until(lambda: page.events(before)[-1].get("reason"))
        assert page.events(before)[-1]["reason"] == "no key for 30 minutes"
        after = await terminal_of(page)
        keys = f"/api/v1/terminals/{page.events(after)[0]['terminal']}"
        await page.ask("POST", keys, {"keys": "show clock\r"})
        await page.until(lambda: "UTC" in page.printed(after))
        assert (await page.job("doctor", {}))["healthy"] is True

    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_time_goes_on_after_a_command_that_took_as_long_as_one_may(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a command had set going was ended ten seconds after its begin, again and again."""
    monkeypatch.setattr(slices, "LONGEST", 0.05)

    async def use(page: Page) -> None:
        terminal = page.begin("POST", f"{LAB}/routers/R31/terminals", {"rows": 24, "columns": 80})
        await page.until(lambda: "R31#" in page.printed(terminal))
        keys = f"/api/v1/terminals/{page.events(terminal)[0]['terminal']}"
        await page.ask("POST", keys, {"keys": "configure terminal\rinterface Loopback7\rend\r"})
        await page.until(lambda: page.printed(terminal).count("R31#") > 1)
        await asyncio.sleep(1.0)
        assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []

    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_an_answer_waits_until_the_page_has_read_and_ends_when_it_leaves() -> None:
    async def use(page: Page) -> None:
        news = page.begin("GET", f"{LAB}/events")
        await page.until(lambda: page.octets[news])
        page.tab.take(json.dumps({"id": news, "credit": -(1 << 30)}))
        terminal = page.begin("POST", f"{LAB}/routers/R31/terminals", {"rows": 24, "columns": 80})
        await page.until(lambda: page.events(terminal))
        keys = f"/api/v1/terminals/{page.events(terminal)[0]['terminal']}"
        before = len(page.octets[news])
        await page.ask("POST", keys, {"keys": "ping 10.4.4.1\r"})
        await page.until(lambda: "Success rate" in page.printed(terminal))
        assert len(page.octets[news]) == before
        page.tab.take(json.dumps({"id": news, "credit": 1 << 30}))
        await page.until(lambda: len(page.octets[news]) > before)
        page.tab.take(json.dumps({"id": terminal, "abort": True}))
        await page.until(lambda: page.heard[terminal][-1].get("end"))
        status, refused = await page.ask("POST", keys, {"keys": "x"})
        assert (status, refused["detail"]) == (404, "there is no such terminal: it has ended")

    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_a_lab_of_a_seed_lives_as_in_the_simulator() -> None:
    async def use(page: Page) -> None:
        native = Simulator.of(Scenario.load("notes-phase3"), seed=7, epoch=EPOCH, remembers=True)
        native.run_until(page.boots[-1]["lived"])
        assert native.digest == page.boots[-1]["digest"]

    in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)


def test_a_check_is_about_its_own_files_alone() -> None:
    async def see() -> None:
        said: list[str] = []
        with contextlib.closing(Tab(lambda message, _: said.append(message))) as tab:
            for name in ("R1", "R2"):
                tab.check(json.dumps({"files": {f"{name}.cfg": f"hostname {name}"}}))
        assert "R2.cfg" in said[1]
        assert "R1.cfg" not in said[1], "it stays from the check before"

    asyncio.run(see())


def test_a_check_reads_the_files_that_a_start_reads() -> None:
    """Files of a sub-folder ran, and the check had said that there were none."""
    texts = Scenario.load("notes-phase3").configurations

    async def see() -> None:
        said: list[str] = []
        with contextlib.closing(Tab(lambda message, _: said.append(message))) as tab:
            tab.check(json.dumps({"files": {f"north/{name}.cfg": text for name, text in texts.items()}}))
        found = json.loads(said[0])["checked"]
        assert found["code"] == 0
        assert all(f"north/{name}.cfg: {name}" in found["text"] for name in texts)

    asyncio.run(see())


def test_files_that_leave_their_folder_and_unknown_labs_are_one_sentence() -> None:
    async def use(page: Page) -> None:
        assert "no name of a file" in page.boots[-1]["error"]

    in_a_tab({"lab": "mine", "files": {"../R1.cfg": "hostname R1"}}, use)

    async def read(page: Page) -> None:
        assert page.boots[-1]["error"].endswith("cannot be a file of a lab")

    in_a_tab({"lab": "mine", "files": {"R1": "hostname R1", "R1/R2.cfg": "hostname R2"}}, read)
    in_a_tab({"lab": "mine", "files": {"R1.cfg": "hostname \ud800"}}, read)

    async def see(page: Page) -> None:
        assert "nowhere" in page.boots[-1]["error"]

    in_a_tab({"lab": "nowhere"}, see)
