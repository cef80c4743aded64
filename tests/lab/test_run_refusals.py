"""What a machine refuses `dmvpn run`: named in one line, and nothing is left half done."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from support.labs import eventually
from support.services import APART, PATIENCE, PROTECTED, WAN, WITH_WAN, Service, needs_tools, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs"), needs_tools]


@contextlib.contextmanager
def started(before: str, *confined: str, runtime: str = ".", state: str = "state") -> Iterator[Service]:
    """A protected router in a network and mounts of its own. before: what a shell does there first, in its folder.

    runtime, state: folders for sockets and for what is kept, in its own.
    """
    with short_folder() as folder:
        (folder / "small").mkdir()
        router = Service(
            *(folder, PROTECTED, "--map", f"GigabitEthernet0/1={WAN}", "--engine", "python"),
            around=(*APART, "-m", "sh", "-c", f'cd {folder}; {WITH_WAN}; {before}; exec "$@"', "sh", *confined),
            environment={"XDG_RUNTIME_DIR": str(folder / runtime), "XDG_STATE_HOME": str(folder / state)},
        )
        try:
            yield router
        finally:
            router.close()


def _one_line(router: Service, *, left: list[str]) -> str:
    """What a router that did not start said; `left` is what is there below its folder, besides what the test made."""
    assert router.process.wait(timeout=PATIENCE) == 1
    folder, ours = router.file.parent, ("branch.cfg", "log", "small")
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name not in ours)
    assert found == left
    said = router.log.read_text()
    assert said.startswith("dmvpn: ")
    assert said.count("\n") == 1, said
    return said


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (Debian: util-linux)")
def test_no_privileges() -> None:
    with started(":", "setpriv", "--bounding-set=-all", "--inh-caps=-all") as router:
        assert "the capabilities NET_ADMIN, NET_RAW are missing (try: " in _one_line(router, left=[])


def test_no_tun_driver() -> None:
    with started("mount -t tmpfs none /dev/net") as router:
        assert "there is no /dev/net/tun (try: " in _one_line(router, left=[])


def test_a_full_disk_for_the_sockets() -> None:
    with started("mount -t tmpfs -o size=4k,nr_inodes=3 none small; echo >small/file", runtime="small") as router:
        assert "No space left on device" in _one_line(router, left=[])


def test_a_read_only_state_folder_is_named_and_the_router_runs() -> None:
    with started("mount -t tmpfs -o ro none small", state="small") as router:
        assert router.runs(), router.log.read_text()
        named = [line for line in router.log.read_text().splitlines() if "Read-only file system" in line]
        (line,) = named
        assert "nothing is kept for the next life of this router" in line
        assert "small/dmvpn/BRANCH: Read-only file system" in line


def test_a_port_of_another_program_is_named_and_the_tunnel_stays_down() -> None:
    taken = "import socket,time; s=socket.socket(2,2); s.bind(('0.0.0.0',500)); open('bound','w'); time.sleep(600)"
    wait = "while ! test -e bound; do sleep 0.1; done"
    with started(f'{sys.executable} -c "{taken}" & echo $! >pid; {wait}') as router:
        assert router.runs(), router.log.read_text()
        said = (
            "Tunnel0 stays down: the host does not let us take ESP and IKE (UDP port 500 on 192.0.2.2: another program"
        )
        assert eventually(lambda: said in router.log.read_text(), PATIENCE), router.log.read_text()
        router.run("kill", (router.file.parent / "pid").read_text().strip())
