"""Whether a service lets members of the group in that its operator named, and nobody else.

As the unit has it: the router runs as a user of its own, with its sockets below /run/dmvpn. Its callers are other
users, by setpriv(1). All of them have a /run of the test's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support import services
from support.command import command
from support.labs import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("runs_labs"),
    services.needs_tools,
    pytest.mark.skipif(os.geteuid() != 0, reason="pytest does not run as root, and no other user may choose who it is"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (Debian: util-linux)"),
]

_ROUTER: Final = 64001
_SOMEBODY: Final = 64002
#: The group of the service, and one that it has nothing to do with.
_GROUP: Final = 64010
_OTHER: Final = 64011

_RUN: Final = f"mount -t tmpfs none /run; mkdir -m 710 /run/dmvpn; chown {_ROUTER}:{_GROUP} /run/dmvpn"
_CAPABILITIES: Final = "-all,+net_admin,+net_raw"
_AS_ROUTER: Final = (
    *("setpriv", f"--reuid={_ROUTER}", f"--regid={_GROUP}", "--clear-groups"),
    *(f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}", "--no-new-privs"),
)


class Called(services.Service):
    """A service, and who calls it."""

    def call(self, *words: str, groups: str = "", typed: str | None = None) -> str:
        """What `dmvpn WORDS` prints for somebody with these supplementary groups."""
        belongs = f"--groups={groups}" if groups else "--clear-groups"
        somebody = ("setpriv", f"--reuid={_SOMEBODY}", f"--regid={_SOMEBODY}", belongs)
        return self.beside(*somebody, *command(*words), typed=typed)

    def beside(self, *words: str, typed: str | None = None) -> str:
        """What a program prints in its namespaces, started by somebody without a runtime directory."""
        temporary = self.file.parent / "tmp"
        inside = ("nsenter", "-t", str(self.process.pid), "-m", "-n")
        return self.run(*inside, "env", "-u", "XDG_RUNTIME_DIR", f"TMPDIR={temporary}", *words, typed=typed)


@contextlib.contextmanager
def called(*options: str) -> Iterator[Called]:
    services.skip_unless_it_runs_for("setpriv", f"--reuid={_SOMEBODY}", f"--regid={_SOMEBODY}", "--clear-groups")
    with services.short_folder() as folder:
        folder.chmod(0o755)
        (folder / "state").mkdir()
        os.chown(folder / "state", _ROUTER, _GROUP)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        router = Called(
            folder,
            services.CONFIGURATION,
            *options,
            around=("unshare", "-nm", *services.TUN_FOR_ALL, "sh", "-c", f'{_RUN}; exec "$@"', "sh", *_AS_ROUTER),
            environment={"XDG_RUNTIME_DIR": "/run/dmvpn"},
        )
        try:
            assert router.runs(), router.log.read_text()
            yield router
        finally:
            router.close()


def test_a_member_of_the_group_finds_the_prompt_of_the_service_and_nobody_else_does() -> None:
    with called("--group", str(_GROUP)) as router:
        member = f"{_OTHER},{_GROUP}"
        assert "description as written" in router.call("-r", "BRANCH", "show", "running-config", groups=member)
        assert "description as written" in router.call("shell", "run-BRANCH/BRANCH", groups=member, typed="show run\n")
        assert "run-BRANCH" in router.call("lab", "list", groups=member)
        assert "BRANCH" in router.call("lab", "status", "run-BRANCH", groups=member)
        assert "has no router R9; it has BRANCH" in router.call("-r", "run-BRANCH/R9", "show", "clock", groups=member)
        for stranger in ("", str(_OTHER)):
            refused = router.call("-r", "BRANCH", "show", "running-config", groups=stranger)
            assert "description" not in refused
            assert "a member of its --group" in refused


def test_a_member_of_the_group_does_not_end_the_service_nor_read_its_files() -> None:
    with called("--group", str(_GROUP)) as router:
        refused = router.call("lab", "down", "run-BRANCH", groups=str(_GROUP))
        assert "only root and the user that runs the lab may do that" in refused
        assert "no lab is up" in router.call("lab", "down", groups=str(_GROUP)), "one of somebody else is never meant"
        assert "description" in router.call("-r", "BRANCH", "show", "running-config", groups=str(_GROUP))
        read = router.run(
            *("nsenter", "-t", str(router.process.pid), "-m", "setpriv", f"--reuid={_SOMEBODY}", f"--regid={_GROUP}"),
            *("--clear-groups", "ls", "/run/dmvpn", "/run/dmvpn/dmvpn/labs/run-BRANCH", "/run/dmvpn/dmvpn/host"),
        )
        assert read.count("Permission denied") == 3, read


def test_a_group_that_nobody_named_is_not_let_in() -> None:
    with called() as router:
        refused = router.call("-r", "run-BRANCH/BRANCH", "show", "running-config", groups=str(_GROUP))
        assert "description" not in refused
        assert "is up" in refused
        by_root = router.beside(*command("-r", "BRANCH", "show", "running-config"))
        assert "description as written" in by_root


def test_a_group_of_which_the_router_is_no_member_is_refused_at_the_start() -> None:
    with services.short_folder() as folder:
        (folder / "run").mkdir()
        os.chown(folder / "run", _ROUTER, _GROUP)
        folder.chmod(0o755)
        router = services.Service(
            *(folder, services.CONFIGURATION, "--group", str(_OTHER)),
            around=("unshare", "-nm", *services.TUN_FOR_ALL, *_AS_ROUTER),
            environment={"XDG_RUNTIME_DIR": str(folder / "run")},
        )
        assert not router.runs()
        assert f"cannot be given to the group {_OTHER}" in router.log.read_text()
        assert router.process.returncode == 1


# Whether the capabilities that the systemd unit grants are enough for a user who is not root, and no more than that.
#
# As the unit has it: setpriv(1) starts `dmvpn run` as another user with these capabilities alone, in a network
# namespace of the test's. The unit's sandbox is not tried here.

_UNIT: Final = Path(__file__).parents[2] / "contrib/systemd/dmvpn@.service"
_NOBODY: Final = 65534
_AS_SOMEBODY: Final = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")


def granted(setting: str = "AmbientCapabilities") -> list[str]:
    """The capabilities of the unit, as setpriv calls them."""
    (line,) = [line for line in _UNIT.read_text().splitlines() if line.startswith(f"{setting}=")]
    return [word.removeprefix("CAP_").lower() for word in line.partition("=")[2].split()]


class Unprivileged(services.Service):
    """`dmvpn run` as another user, in a network namespace with one port."""

    def __init__(self, folder: Path, capabilities: list[str]) -> None:
        os.chown(folder, _NOBODY, _NOBODY)
        some = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        limits = (f"--inh-caps={some}", f"--ambient-caps={some}", f"--bounding-set={some}")
        port = f"{services.WITH_WAN}; chown {_NOBODY} {folder}/branch.cfg"
        confined = (*_AS_SOMEBODY, "--no-new-privs", *limits)
        super().__init__(
            folder,
            services.PROTECTED,
            *("--map", f"GigabitEthernet0/1={services.WAN}", "--engine", "python"),
            around=("unshare", "-nm", *services.TUN_FOR_ALL, "sh", "-c", f'{port}; exec "$@"', "sh", *confined),
            caller=_AS_SOMEBODY,
            environment={"STATE_DIRECTORY": str(folder)},
        )

    def beside(self, *words: str) -> str:
        """What a program of the host prints in its network namespace."""
        return self.run("nsenter", "-t", str(self.process.pid), "-n", *words)


@contextlib.contextmanager
def unprivileged(capabilities: list[str]) -> Iterator[Unprivileged]:
    services.skip_unless_it_runs_for(*_AS_SOMEBODY)
    with services.short_folder() as folder:
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
