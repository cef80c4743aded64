"""A real cluster of Dask on loopback: the same results as processes of this machine, and no result is lost."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dmvpn.app import campaign
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.judge.campaigns import Order, Result, Task, run_text, version
from dmvpn.tools.pool.local import LocalPool, Lost
from support import dying_runs
from support.dask_cluster import Cluster, cluster, needs_dask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distributed import Status

    from dmvpn.tools.pool.on_dask import DaskPool

pytestmark = [needs_dask, pytest.mark.lengthy]


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose files kill workers."""
    return tmp_path_factory.mktemp("deaths")


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory, deaths: Path) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(dying_runs.FOLDER, str(deaths))
        with cluster(tmp_path_factory.mktemp("dask"), 2) as made:
            yield made


def pool_on(address: str) -> DaskPool:
    """Open a cluster; Dask takes half a second to import, which only these tests should pay."""
    from dmvpn.tools.pool.on_dask import DaskPool

    return DaskPool(address, None)


def _busy(seconds: float) -> float:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return end


def _lines(seeds: range, hours: float = 0.1) -> list[str]:
    tasks = [Task(network="notes-phase3", seed=seed, hours=hours, version=version()) for seed in seeds]
    return [task.to_json() for task in tasks]


def test_a_cluster_comes_to_the_same_as_processes_of_this_machine(dask: Cluster) -> None:
    """Real runs, each of half a minute of faults."""
    lines = _lines(range(3), 0.01)
    with pool_on(dask.address) as pool:
        far = sorted(str(each) for each in pool.submit(run_text, lines))
    with LocalPool(2) as pool:
        near = sorted(str(each) for each in pool.submit(run_text, lines))
    assert far == near
    assert len(far) == 3


def test_a_task_that_kills_its_worker_runs_again_and_the_other_results_stay(dask: Cluster, deaths: Path) -> None:
    (deaths / "once-7").touch()
    dask.add("--host", "127.0.0.1")
    with pool_on(dask.address) as pool:
        came = list(pool.submit(dying_runs.run_text, _lines(range(30))))
    assert not (deaths / "once-7").exists()
    assert [one for one in came if isinstance(one, Lost)] == []
    assert sorted(Result.from_json(one).task.seed for one in came if isinstance(one, str)) == list(range(30))


@pytest.mark.slow
def test_a_task_that_always_kills_is_named_and_the_other_results_stay(dask: Cluster, deaths: Path) -> None:
    (deaths / "always-7").touch()
    for _ in range(8):  # the scheduler gives a task up when four workers have died of it; it is tried twice
        dask.add("--host", "127.0.0.1")
    try:
        with pool_on(dask.address) as pool:
            came = list(pool.submit(dying_runs.run_text, _lines(range(30))))
    finally:
        (deaths / "always-7").unlink()
    lost = [(Task.from_json(one.task).seed, one.is_tried_again) for one in came if isinstance(one, Lost)]
    assert lost == [(7, True), (7, False)]
    assert sorted(Result.from_json(one).task.seed for one in came if isinstance(one, str)) == [
        seed for seed in range(30) if seed != 7
    ]


def test_the_command_runs_a_campaign_on_a_cluster_and_keeps_its_results(
    dask: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "run_text", dying_runs.run_text)
    planned = [Order(scenario="notes-phase3", seed=seed, seconds=360.0) for seed in range(20)]
    monkeypatch.setattr(campaign, "orders", lambda *_: planned)
    words = ["simulate", "--campaign", "8", "--hours", "0.1", "--results"]
    assert main([*words, str(tmp_path / "far"), "--on", dask.address]) == 0
    assert main([*words, str(tmp_path / "near")]) == 0
    far, near = capsys.readouterr().out.split("campaign: ")[:2]
    assert far.splitlines()[-1] == near.splitlines()[-1]
    assert far.splitlines()[-1].startswith("hash of all runs: ")
    assert sorted((tmp_path / "far").read_text().splitlines()) == sorted((tmp_path / "near").read_text().splitlines())


def test_a_worker_with_another_version_ends_the_campaign_with_both_versions(dask: Cluster) -> None:
    line = Task(network="notes-phase3", seed=1, hours=0.1, version="1+other").to_json()
    with pool_on(dask.address) as pool, pytest.raises(UserError) as refused:
        list(pool.submit(run_text, [line]))
    assert "dmvpn 1+other" in str(refused.value)
    assert f"dmvpn {version()}" in str(refused.value)


def test_a_cluster_that_is_open_to_other_machines_is_refused(tmp_path: Path) -> None:
    """`dask scheduler` without --host listens on all addresses."""
    made = Cluster(tmp_path, "0.0.0.0")
    try:
        port = made.address.rpartition(":")[2]
        if made.address.startswith("tcp://127."):
            pytest.skip("this machine has no address but loopback")
        made.add("--host", "127.0.0.1")
        with pytest.raises(UserError, match="is open to other machines"):
            pool_on(f"tcp://127.0.0.1:{port}")
    finally:
        made.close()


def test_a_worker_makes_no_profile_of_a_run_and_goes_on_with_those_of_other_users(tmp_path: Path) -> None:
    from distributed import Client

    with cluster(tmp_path, 1) as made, pool_on(made.address) as pool, Client(made.address) as other:
        list(pool.submit(_busy, [0.3]))
        assert other.profile()["count"] == 0
        other.submit(_busy, 0.31).result()
        assert other.profile()["count"] > 0


class _Worker:
    """A worker whose loop carries out at once. running: whether it makes its profile."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self.loop = SimpleNamespace(add_callback=lambda callback: callback())
        self.running = True
        profile = SimpleNamespace(stop=lambda: self._set(False), start=lambda: self._set(True))
        self.periodic_callbacks = {"profile": profile}

    def _set(self, running: bool) -> None:
        self.running = running


def test_a_worker_that_closes_during_a_run_begins_no_profile_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its periodic call went on forever in a process that has further workers."""
    from distributed import Status

    from dmvpn.tools.pool import on_dask

    worker = _Worker(Status.running)
    monkeypatch.setattr(on_dask, "get_worker", lambda: worker)

    def closes(status: Status) -> None:
        assert not worker.running
        worker.status = status
        raise UserError("the run fails")

    for status, goes_on in ((Status.running, True), (Status.closing, False)):
        with pytest.raises(UserError):
            on_dask.alone(closes, status)
        assert worker.running is goes_on


def test_a_scheduler_that_dies_is_an_error_that_says_so(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as made, pool_on(made.address) as pool:
        coming = pool.submit(dying_runs.run_text, _lines(range(2000)))
        next(coming)
        made.scheduler.kill()
        with pytest.raises(UserError, match="the scheduler is gone"):
            list(coming)


def test_an_address_without_a_scheduler_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.tools.pool.on_dask.PATIENCE", 1)
    with pytest.raises(UserError, match="no scheduler answers"):
        pool_on("tcp://127.0.0.1:9")


def test_tls_without_certificates_is_refused() -> None:
    with pytest.raises(UserError, match="--tls-ca, --tls-cert and --tls-key"):
        pool_on("tls://127.0.0.1:9")
