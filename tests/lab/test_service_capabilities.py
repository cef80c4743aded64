"""Whether the capabilities that the systemd unit grants are enough for a user who is not root, and no more than that.

As the unit has it: setpriv(1) starts `dmvpn run` as another user with these capabilities alone, in a network namespace
of the test's. The unit's sandbox is not tried here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support.labs import eventually
from support.services import (
    PROTECTED,
    TUN_FOR_ALL,
    WAN,
    WITH_WAN,
    Service,
    needs_tools,
    short_folder,
    skip_unless_it_runs_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("runs_labs"),
    needs_tools,
    pytest.mark.skipif(os.geteuid() != 0, reason="pytest does not run as root, and no other user may choose who it is"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (Debian: util-linux)"),
]

_UNIT: Final = Path(__file__).parents[2] / "contrib/systemd/dmvpn@.service"
_NOBODY: Final = 65534
_SOMEBODY: Final = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")


def granted(setting: str = "AmbientCapabilities") -> list[str]:
    """The capabilities of the unit, as setpriv calls them."""
    (line,) = [line for line in _UNIT.read_text().splitlines() if line.startswith(f"{setting}=")]
    return [word.removeprefix("CAP_").lower() for word in line.partition("=")[2].split()]


class Unprivileged(Service):
    """`dmvpn run` as another user, in a network namespace with one port."""

    def __init__(self, folder: Path, capabilities: list[str]) -> None:
        os.chown(folder, _NOBODY, _NOBODY)
        some = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        limits = (f"--inh-caps={some}", f"--ambient-caps={some}", f"--bounding-set={some}")
        port = f"{WITH_WAN}; chown {_NOBODY} {folder}/branch.cfg"
        confined = (*_SOMEBODY, "--no-new-privs", *limits)
        super().__init__(
            folder,
            PROTECTED,
            *("--map", f"GigabitEthernet0/1={WAN}", "--engine", "python"),
            around=("unshare", "-nm", *TUN_FOR_ALL, "sh", "-c", f'{port}; exec "$@"', "sh", *confined),
            caller=_SOMEBODY,
            environment={"STATE_DIRECTORY": str(folder)},
        )

    def beside(self, *words: str) -> str:
        """What a program of the host prints in its network namespace."""
        return self.run("nsenter", "-t", str(self.process.pid), "-n", *words)


@contextlib.contextmanager
def unprivileged(capabilities: list[str]) -> Iterator[Unprivileged]:
    skip_unless_it_runs_for(*_SOMEBODY)
    with short_folder() as folder:
        router = Unprivileged(folder, capabilities)
        try:
            yield router
        finally:
            router.close()


def test_the_units_capabilities_are_enough_for_a_protected_tunnel() -> None:
    with unprivileged(granted()) as router:
        assert router.runs(), router.log.read_text()
        assert eventually(lambda: "10.8.0.0/16" in router.beside("ip", "route", "show", "proto", "54"), 20), (
            router.log.read_text() + router.says("show", "logging")
        )
        assert "Tunnel0" in router.beside("ip", "-br", "link", "show")
        assert "1" in router.beside("cat", "/proc/sys/net/ipv4/ip_forward").split()
        ports = router.beside("ss", "-Hlnu")
        assert "192.0.2.2:500 " in ports, ports
        assert "192.0.2.2:4500 " in ports, ports
        assert "refused" not in router.log.read_text()
        assert "ermission" not in router.log.read_text() + router.says("show", "logging")
        router.process.terminate()
        assert router.process.wait(timeout=30) == 0


@pytest.mark.parametrize("capability", granted())
def test_each_of_them_is_needed_and_the_one_that_is_missing_is_named(capability: str) -> None:
    with unprivileged([name for name in granted() if name != capability]) as router:
        router.runs()
        assert f"the capability {capability.upper()} is missing" in router.log.read_text()


def test_the_unit_lets_nobody_have_more_than_it_grants() -> None:
    assert granted("CapabilityBoundingSet") == granted() == ["net_admin", "net_raw", "net_bind_service"]
