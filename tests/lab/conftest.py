"""What lab tests share: whether this machine can run labs at all, and a lab of a test's own."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import netfilter
from dmvpn.shells.lab.namespaces import run_in_lab
from support.conformance import ROOT
from support.labs import Labs
from support.namespaces import USERS, lacking, run_in_lab_as
from support.served import Served, dmvpn, serving

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
    if lacking():
        pytest.skip(lacking())


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


@pytest.fixture
def two_sites(labs: Labs) -> Labs:
    """Two routers whose tunnel has a front door, and a default route in the overlay."""
    labs.up(ROOT / "tests" / "scenarios" / "worlds" / "two-sites")
    return labs


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """A simulated lab of notes-phase3, in a folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory() as folder:
        found = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        dmvpn(found, "lab", "up", "notes-phase3", "--simulated")
        yield found
        dmvpn(found, "lab", "down", "notes-phase3")


@pytest.fixture(scope="module")
def web(environment: dict[str, str]) -> Iterator[Served]:
    """`dmvpn web`, and a client that has come in and may configure."""
    with serving(environment, "--role", "configure") as served:
        served.come_in()
        yield served


def _try_to_translate() -> Json:
    try:
        netfilter.install(netfilter.Masquerade("outside"))
    except HostProblem as problem:
        return str(problem)
    return None
