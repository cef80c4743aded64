"""Tests in namespaces: run a function as process 1 of a lab, as root and as an ordinary user.

The function runs in a forked child, so neither namespaces nor the user of pytest's own process ever change. What it
returns comes back; an assertion that fails in it fails the test with its traceback. Where the machine forbids
namespaces the test is skipped with the reason that `dmvpn lab check` gives.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import time
from functools import cache
from typing import TYPE_CHECKING

import pytest

from dmvpn.dataplane.tap import DEVICE
from dmvpn.shells.lab.check import check
from dmvpn.shells.lab.forked import Json, run_forked
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.shells.lab.syscalls import NamespaceKind, make_mounts_private, mount, unshare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = "root"
NOBODY = "nobody"
_NOBODY_ID = 65534

#: For `@pytest.fixture(params=USERS)`.
USERS = (ROOT, NOBODY)


def run_as(user: str, function: Callable[[], Json]) -> Json:
    """Call `function` in a forked child that belongs to this user; skip the test if it cannot be had."""
    if user == ROOT and os.geteuid() != 0:
        pytest.skip("pytest does not run as root")
    return run_forked(lambda: _as_user(user, function))


def run_in_lab_as(user: str, function: Callable[[], Json]) -> Json:
    """Call `function` as process 1 of a lab of this user."""
    reason = _forbidden(user)
    if reason:
        pytest.skip(reason)
    return run_as(user, lambda: run_in_lab(function))


def wait_readable(descriptor: int, seconds: float = 2.0) -> bool:
    """Return whether there is something to read within some seconds."""
    return bool(select.select([descriptor], [], [], seconds)[0])


def patiently(seconds: float = 2.0) -> Iterator[None]:
    """Attempts until the time is over, for what the kernel does in the background."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.005)


@cache
def lacking() -> str:
    """What labs lack here and how to get it, for the user of this process; "": nothing."""
    return "; ".join(f"{found.what}: {found.evidence} ({found.fix})" for found in check() if not found.ok)


@cache
def _forbidden(user: str) -> str:
    """Why this user can run no lab here, "": it can."""
    return str(run_as(user, lacking))


def _as_user(user: str, function: Callable[[], Json]) -> Json:
    if user == NOBODY and os.geteuid() == 0:
        _open_the_device()
        os.setgroups([])
        os.setresgid(_NOBODY_ID, _NOBODY_ID, _NOBODY_ID)
        os.setresuid(_NOBODY_ID, _NOBODY_ID, _NOBODY_ID)
    return function()


def _open_the_device() -> None:
    """Where /dev/net/tun is for root only, mount one for everybody, seen by this process and its children alone."""
    if not os.path.exists(DEVICE) or os.stat(DEVICE).st_mode & 0o006 == 0o006:
        return
    number = os.stat(DEVICE).st_rdev
    unshare(NamespaceKind.MOUNT)
    make_mounts_private()
    mount("tmpfs", os.path.dirname(DEVICE), "tmpfs", 0)
    os.mknod(DEVICE, stat.S_IFCHR, number)
    os.chmod(DEVICE, 0o666)  # noqa: S103  (ours alone, and what udev does)


def killed_after(work: Callable[[], None]) -> None:
    """Do this in a child, which is killed then: what it leaves behind is what a killed process leaves."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        work()
        os.write(writer, b"done")
        signal.pause()
    os.close(writer)
    try:
        assert os.read(reader, 4) == b"done"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
