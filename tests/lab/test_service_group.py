"""Whether a service lets members of the group in that its operator named, and nobody else.

As the unit has it: the router runs as a user of its own, with its sockets below /run/dmvpn. Its callers are other
users, by setpriv(1). All of them have a /run of the test's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from support.command import command
from support.services import CONFIGURATION, TUN_FOR_ALL, Service, needs_tools, short_folder, skip_unless_it_runs_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("runs_labs"),
    needs_tools,
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


class Called(Service):
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
    skip_unless_it_runs_for("setpriv", f"--reuid={_SOMEBODY}", f"--regid={_SOMEBODY}", "--clear-groups")
    with short_folder() as folder:
        folder.chmod(0o755)
        (folder / "state").mkdir()
        os.chown(folder / "state", _ROUTER, _GROUP)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        router = Called(
            folder,
            CONFIGURATION,
            *options,
            around=("unshare", "-nm", *TUN_FOR_ALL, "sh", "-c", f'{_RUN}; exec "$@"', "sh", *_AS_ROUTER),
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
            assert "members of the group with which it was started" in refused


def test_a_member_of_the_group_does_not_end_the_service_nor_read_its_files() -> None:
    with called("--group", str(_GROUP)) as router:
        refused = router.call("lab", "down", "run-BRANCH", groups=str(_GROUP))
        assert "that is for the user that runs it, and for root" in refused
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
    with short_folder() as folder:
        (folder / "run").mkdir()
        os.chown(folder / "run", _ROUTER, _GROUP)
        folder.chmod(0o755)
        router = Service(
            *(folder, CONFIGURATION, "--group", str(_OTHER)),
            around=("unshare", "-nm", *TUN_FOR_ALL, *_AS_ROUTER),
            environment={"XDG_RUNTIME_DIR": str(folder / "run")},
        )
        assert not router.runs()
        assert f"cannot be given to the group {_OTHER}" in router.log.read_text()
        assert router.process.returncode == 1
