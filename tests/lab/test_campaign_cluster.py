"""A cluster with TLS whose workers are killed again and again: all results come, equal to those of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.judge.campaigns import Task, run_text, version
from dmvpn.tools.pool.addresses import Tls
from dmvpn.tools.pool.local import LocalPool, Lost
from support.dask_cluster import Cluster, needs_dask

if TYPE_CHECKING:
    from pathlib import Path

#: Runs; after so many results a worker is killed, and another one starts.
RUNS = 24
KILL_AFTER = 6


@needs_dask
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_workers_that_are_killed_cost_no_result_and_change_none(tmp_path: Path) -> None:
    from dmvpn.tools.pool.on_dask import DaskPool  # half a second, which no other test should pay

    folder = tmp_path / "authority"
    assert main(["pki", "init", str(folder), "--ec"]) == 0
    assert main(["pki", "issue", str(folder), "cluster"]) == 0
    tls = Tls(folder / "ca.pem", folder / "cluster.pem", folder / "cluster.key")
    words = ["--tls-ca-file", str(tls.authority), "--tls-cert", str(tls.certificate), "--tls-key", str(tls.key)]
    lines = [Task(network="intro-phase3", seed=seed, hours=0.003, version=version()).to_json() for seed in range(RUNS)]
    made = Cluster(tmp_path, "127.0.0.1", tls=["--protocol", "tls", *words])
    try:
        for _ in range(4):
            made.add("--host", "127.0.0.1")
        far = []
        with DaskPool(made.address, tls) as pool:
            for came in pool.submit(run_text, lines):
                if isinstance(came, Lost):
                    assert came.is_tried_again
                    continue
                far.append(came)
                if len(far) % KILL_AFTER == 0:
                    made.workers[len(far) // KILL_AFTER - 1].kill()
                    made.add("--host", "127.0.0.1")
    finally:
        made.close()
    with LocalPool(2) as pool_here:
        near = [str(each) for each in pool_here.submit(run_text, lines)]
    assert sorted(far) == sorted(near)
