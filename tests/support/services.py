"""`dmvpn run` in a process of its own, as a service manager starts it: without a terminal, apart from this machine."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support.command import command, variables
from support.labs import eventually
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: A network of its own: nothing of the machine's is changed.
APART: Final = ("unshare", "-Urn")
#: A router that needs nothing of the machine that it runs on.
CONFIGURATION: Final = (
    "hostname BRANCH\ninterface Loopback0\n ip address 10.9.0.1 255.255.255.0\n description as written\n"
)
#: It has a port, a protected tunnel, a route, and neighbors: so it needs all that a router does.
PROTECTED: Final = file_text("protected_branch.cfg")
#: Its port, and what makes it for a shell.
WAN: Final = "wan0"
WITH_WAN: Final = (
    f"ip link set lo up; ip link add {WAN} type veth peer name far0; ip link set far0 up; "
    f"ip addr add 192.0.2.2/24 dev {WAN}; ip link set {WAN} up"
)
#: Lets every user open the tun driver, in a mount namespace: a machine may keep it to root. In front of a program.
TUN_FOR_ALL: Final = (
    *("sh", "-c"),
    "device=$(mktemp -u) && mknod -m 666 $device c 10 200 && mount --bind $device /dev/net/tun && rm $device; "
    'exec "$@"',
    "sh",
)
#: Seconds that a loaded machine may take.
PATIENCE: Final = 30.0
#: And a whole command, beside the other tests, that starts a program or several.
LIMIT: Final = 120.0
_TOOLS: Final = tuple(tool for tool in ("unshare", "nsenter", "ip", "ss") if shutil.which(tool) is None)
#: For tests that make networks with them.
needs_tools: Final = pytest.mark.skipif(
    bool(_TOOLS), reason=f"there is no {', '.join(_TOOLS)} (Debian: util-linux, iproute2)"
)


def skip_unless_it_runs_for(*somebody: str) -> None:
    """Skip the test where another user cannot read Python or the program. somebody: words that become that user."""
    tried = subprocess.run(
        [*somebody, *command("--version")], env=variables(), capture_output=True, text=True, timeout=LIMIT, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"the program does not start for another user: {tried.stderr.strip()[-200:]}")


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder for sockets, whose paths must be short."""
    folder = Path(tempfile.mkdtemp(prefix="dmvpn-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Service:
    """`dmvpn run` of `branch.cfg` in a folder, which also has its sockets, what it stores, and what it prints."""

    def __init__(
        self,
        folder: Path,
        configuration: str = CONFIGURATION,
        *options: str,
        around: Sequence[str] = APART,
        caller: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        output: int | None = None,
    ) -> None:
        """options: of `dmvpn run`.

        around, caller: words in front of it, and of the commands at its prompt.
        output: a descriptor that takes what it prints, instead of the file `log`.
        """
        self.file = folder / "branch.cfg"
        self.file.write_text(configuration)
        self.log = folder / "log"
        self.environment = variables(
            {"XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder / "state"), **(environment or {})}
        )
        self._caller = caller
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*around, *command("run", self.file, *options)],
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )

    def runs(self) -> bool:
        """Return whether its prompt is served, before it gives up."""
        eventually(lambda: self._says_it_runs() or self.process.poll() is not None, PATIENCE)
        return self._says_it_runs()

    def _says_it_runs(self) -> bool:
        return "runs; its prompt" in self.log.read_text()

    def says(self, *words: str, typed: str | None = None) -> str:
        """Return what a command at its prompt prints."""
        return self.run(*self._caller, *command("-r", "run-BRANCH/BRANCH", *words), typed=typed)

    def description(self) -> str:
        """Return the part of its configuration that the tests change."""
        return self.says("show", "running-config", "interface", "Loopback0")

    def run(self, *words: str, typed: str | None = None) -> str:
        """Return what a program with the same variables prints."""
        found = subprocess.run(
            words, env=self.environment, input=typed, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        return found.stdout + found.stderr

    def close(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=PATIENCE)
            self.process.kill()
        self.process.wait()
