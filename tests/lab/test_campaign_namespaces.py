"""A campaign on a cluster in namespaces of its own: a worker dies every ten seconds, and no result changes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.judge.campaigns import Task, run_text, version
from dmvpn.tools.pool.addresses import Tls
from dmvpn.tools.pool.local import LocalPool, Lost
from support.dask_cluster import Cluster, needs_dask

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = 4
#: Seconds between two deaths.
DEATH = 10.0
#: Router-hours and hours of a run: two hundred runs and some.
CAMPAIGN = ("--campaign", "8", "--hours", "0.01")
PREFIX = f"dmvpn{os.getpid() % 100_000}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


def _inside(number: int) -> tuple[str, ...]:
    """The words that run a command in a namespace. number: 0 for the scheduler's."""
    return ("ip", "netns", "exec", f"{PREFIX}-{number}")


def _network(stack: ExitStack) -> None:
    """Make a namespace for the scheduler with a bridge, and one for each worker."""
    for number in range(WORKERS + 1):
        _ip("netns", "add", f"{PREFIX}-{number}")
        stack.callback(_ip, "netns", "del", f"{PREFIX}-{number}")
        _ip("-n", f"{PREFIX}-{number}", "link", "set", "lo", "up")
    home = f"{PREFIX}-0"
    _ip("-n", home, "link", "add", "br0", "type", "bridge")
    _ip("-n", home, "addr", "add", "10.99.0.1/24", "dev", "br0")
    _ip("-n", home, "link", "set", "br0", "up")
    for number in range(1, WORKERS + 1):
        away = f"{PREFIX}-{number}"
        _ip("-n", home, "link", "add", f"w{number}", "type", "veth", "peer", "name", "eth0", "netns", away)
        _ip("-n", home, "link", "set", f"w{number}", "master", "br0", "up")
        _ip("-n", away, "addr", "add", f"10.99.0.{number + 1}/24", "dev", "eth0")
        _ip("-n", away, "link", "set", "eth0", "up")


def _campaign(folder: Path, name: str, *more: str, inside: tuple[str, ...] = ()) -> tuple[list[str], str]:
    """Run the campaign; its results as lines in order, and what it printed."""
    words = [*inside, sys.executable, "-m", "dmvpn", "simulate", *CAMPAIGN, "--results", name, *more]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment, timeout=1500, check=False)
    assert ran.returncode == 0, (ran.stdout[-2000:], ran.stderr[-2000:])
    return sorted((folder / name).read_text().splitlines()), ran.stdout


@needs_dask
@pytest.mark.slow
@pytest.mark.lab
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it makes named network namespaces")
def test_two_hundred_runs_on_workers_that_die_every_ten_seconds_are_those_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    assert main(["pki", "init", str(folder), "--ec"]) == 0
    assert main(["pki", "issue", str(folder), "cluster"]) == 0
    authority, certificate, key = (str(folder / name) for name in ("ca.pem", "cluster.pem", "cluster.key"))
    tls = ["--protocol", "tls", "--tls-ca-file", authority, "--tls-cert", certificate, "--tls-key", key]
    ours = ("--tls-ca", authority, "--tls-cert", certificate, "--tls-key", key)
    deaths, over = 0, threading.Event()
    with ExitStack() as stack:
        _network(stack)
        # On a slow machine a run may meet several deaths that it has nothing to do with.
        cluster = Cluster(tmp_path, "10.99.0.1", tls=tls, inside=_inside(0), deaths=20)
        stack.callback(cluster.close)

        def add(number: int) -> None:
            cluster.add("--host", f"10.99.0.{number + 1}", inside=_inside(number))

        def kill() -> None:
            nonlocal deaths
            while not over.wait(DEATH):
                cluster.workers[deaths].kill()
                add(deaths % WORKERS + 1)
                deaths += 1

        for number in range(1, WORKERS + 1):
            add(number)
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        try:
            far, said = _campaign(tmp_path, "far.jsonl", "--on", cluster.address, *ours, inside=_inside(0))
        finally:
            over.set()
            killer.join()
    near, said_here = _campaign(tmp_path, "near.jsonl", "--jobs", "2")
    assert deaths >= WORKERS
    assert len(near) >= 200
    assert far == near
    hashes = [line for text in (said, said_here) for line in text.splitlines() if line.startswith("hash of all runs")]
    assert len(hashes) == 2
    assert hashes[0] == hashes[1]


# A cluster with TLS whose workers are killed again and again: all results come, equal to those of this machine.

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
