"""NAT overload of `dmvpn run`: the plan names its table, the end removes it, and `dmvpn cleanup` that of a dead one."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Final

import pytest

from support.command import command
from support.labs import eventually
from support.services import APART, PATIENCE, WAN, WITH_WAN, Service, needs_tools, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs", "translates"), needs_tools]

_MAP: Final = (
    *("--map", f"GigabitEthernet0/1={WAN}"),
    *("--map", "GigabitEthernet0/2=far0"),
    *("--engine", "python"),
)
_NAT: Final = """\
hostname BRANCH
interface GigabitEthernet0/1
 ip address 192.0.2.2 255.255.255.0
 ip nat outside
interface GigabitEthernet0/2
 ip nat inside
ip access-list extended LAN
 permit ip 10.1.1.0 0.0.0.255 any
ip nat inside source list LAN interface GigabitEthernet0/1 overload
"""
_TABLES: Final = "from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket as S; print(S().tables())"
_SHARED: Final = ("sh", "-c", f'{WITH_WAN}; exec "$@"', "sh")


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def inside(router: Service, *words: str) -> str:
    """What a command prints in the network of a router."""
    return router.run("nsenter", "-t", str(router.process.pid), "-U", "-n", "--preserve-credentials", *words)


def test_the_plan_names_the_table_and_the_router_has_it(folder: Path) -> None:
    router = Service(folder, _NAT, *_MAP, around=(*APART, *_SHARED))
    try:
        assert router.runs(), router.log.read_text()
        assert eventually(lambda: "dmvpn-nat" in inside(router, sys.executable, "-c", _TABLES), PATIENCE)
        planned = router.run(*APART, *_SHARED, *command("run", "--plan", *_MAP, str(router.file)))
        assert "tables of nf_tables, until it ends:\n  table ip dmvpn-nat (nf_tables), which translates" in planned
    finally:
        router.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_in_good_order_takes_the_table_away_and_cleanup_that_of_a_killed_router(
    folder: Path, number: signal.Signals
) -> None:
    tables = f"{sys.executable} -c '{_TABLES}'"
    began = f"until {tables} | grep -q dmvpn-nat; do sleep 0.1; done"
    (folder / "branch.cfg").write_text(_NAT)
    run = " ".join(command("run", *_MAP, str(folder / "branch.cfg")))
    script = (
        f"{WITH_WAN}; {run} & router=$!; {began}; kill -{number.value} $router; wait $router; "
        f"{tables}; {' '.join(command('cleanup'))}; {tables}"
    )
    router = Service(folder, _NAT, "--help")  # for its environment
    router.close()
    said = router.run(*APART, "sh", "-c", script)
    removed = "removed table ip dmvpn-nat (nf_tables), which translates addresses"
    if number is signal.SIGKILL:
        assert "['dmvpn-nat']" in said
        assert removed in said
    else:
        assert "['dmvpn-nat']" not in said
        assert removed not in said
    assert said.count("\n[]\n") == (1 if number is signal.SIGKILL else 2), "once behind cleanup; and before it"


def test_a_rule_that_would_translate_nothing_keeps_run_from_starting(folder: Path) -> None:
    router = Service(folder, _NAT.replace("permit ip", "permit gre"), *_MAP, around=(*APART, *_SHARED))
    try:
        assert router.process.wait(timeout=PATIENCE) == 1
        said = router.log.read_text()
        assert said.count("\n") == 1, said
        assert "access list LAN: entry 10 names protocol 47" in said
    finally:
        router.close()
