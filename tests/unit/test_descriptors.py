"""Descriptors: as many as the host allows, of any number, and one line in the log when none is free."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dmvpn
from dmvpn.base.effects import PollInterfaces
from dmvpn.dataplane.contract import EffectError
from dmvpn.shells.descriptors import Shortage, allow_descriptors, is_readable

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW = 256
#: The first number that select(2) cannot wait for.
BEHIND_SELECT = 1024


@pytest.fixture
def few() -> Iterator[None]:
    """A soft limit like that of a login, below the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard <= BEHIND_SELECT:
        pytest.skip(f"this process may have {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few")
def test_a_router_may_have_as_many_descriptors_as_the_host_allows_and_waits_for_each() -> None:
    """A router with 70 VRFs came to the end of `ulimit -n 1024`."""
    allow_descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == min(hard, 1 << 20)
    out, into = os.pipe()
    high = fcntl.fcntl(out, fcntl.F_DUPFD, BEHIND_SELECT)
    try:
        assert not is_readable(high, 0)
        os.write(into, b"x")
        assert is_readable(high)
    finally:
        for descriptor in (out, into, high):
            os.close(descriptor)


def test_nothing_waits_by_select_which_knows_descriptors_below_1024_alone() -> None:
    sources = Path(dmvpn.__file__).parent
    assert [path.name for path in sources.rglob("*.py") if "select.select(" in path.read_text()] == []


def test_the_end_of_descriptors_is_logged_once_whoever_met_it(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was logged that named the cause."""

    def refused() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def work() -> None:
        loop = asyncio.get_running_loop()
        shortage = Shortage(loop)
        for _ in range(3):
            loop.call_soon(refused)
        await asyncio.sleep(0)
        wrapped = EffectError(PollInterfaces(), 0, "the tun driver refuses")
        wrapped.__cause__ = OSError(errno.ENFILE, "Too many open files in system")
        assert shortage.is_met(wrapped)
        assert not shortage.is_met(EffectError(PollInterfaces(), 0, "no such interface"))

    asyncio.run(work())
    (said,) = caplog.messages
    assert "descriptors, and none is free" in said
    assert "ulimit -Hn" in said
