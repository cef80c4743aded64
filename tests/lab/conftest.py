"""What lab tests share: whether this machine can run labs at all, and a lab of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import netfilter
from dmvpn.shells.lab.check import check
from dmvpn.shells.lab.namespaces import run_in_lab
from support.labs import Labs
from support.namespaces import USERS, run_in_lab_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.shells.lab.forked import Json


@pytest.fixture(params=USERS)
def in_lab(request: pytest.FixtureRequest) -> Callable[[Callable[[], None]], None]:
    """Calls a function as process 1 of a lab, of root's and of an ordinary user's."""
    user = str(request.param)

    def run(function: Callable[[], None]) -> None:
        run_in_lab_as(user, function)

    return run


@pytest.fixture(scope="session")
def runs_labs() -> None:
    """This machine can run labs."""
    missing = [f"{finding.what}: {finding.evidence}" for finding in check() if not finding.ok]
    if missing:
        pytest.skip("; ".join(missing))


@pytest.fixture(scope="session")
def translates(runs_labs: None) -> None:
    """Its kernel can translate addresses, too."""
    problem = run_in_lab(_try_to_translate)
    if problem is not None:
        pytest.skip(str(problem))


@pytest.fixture
def labs(runs_labs: None) -> Iterator[Labs]:
    """Nothing is left of them at the end."""
    with Labs() as labs:
        yield labs


def _try_to_translate() -> Json:
    try:
        netfilter.install(netfilter.Masquerade("outside"))
    except HostProblem as problem:
        return str(problem)
    return None
