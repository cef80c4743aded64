"""`dmvpn run` on a machine: what it says that it does, what it refuses, and who may come in."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import dmvpn
from support.command import command, variables
from support.labs import eventually
from support.services import (
    APART,
    LIMIT,
    PATIENCE,
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


# `dmvpn run --plan`: it says what `dmvpn run` does here, and does nothing itself.

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs"), needs_tools]

_MAP: Final = ("--map", f"GigabitEthernet0/1={WAN}", "--engine", "python")
_ROUTED: Final = (*APART, "sh", "-c", f'{WITH_WAN}; exec "$@"', "sh")
#: In the namespaces of a process.
#: All that a router may change, but for what the kernel does by itself.
_LOOK: Final = (
    "ip -o link; ip -4 -o addr; ip -4 route show table all; ip rule; grep . -r /proc/sys/net/ipv4/conf; ss -Hlnuw"
)
#: The kernel says later that a new link is up.
_SETTLED: Final = "until [ $(ip -o link | grep -c 'state UP') = 2 ]; do sleep 0.1; done"
_NOBODY: Final = 65534
_SOMEBODY: Final = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")


@contextlib.contextmanager
def machine(*words: str, configuration: str = PROTECTED) -> Iterator[tuple[Path, str]]:
    """A folder with a configuration, and what a shell printed there after WORDS, in a network of its own."""
    with short_folder() as folder:
        (folder / "branch.cfg").write_text(configuration)
        yield folder, _shell(folder, *words)


def _shell(folder: Path, *words: str, around: tuple[str, ...] = _ROUTED, **more: str) -> str:
    environment = variables({"XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder / "state"), **more})
    found = subprocess.run(
        [*around, *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    return found.stdout + found.stderr


def _plan(*options: str) -> str:
    return " ".join(command("run", "--plan", *_MAP, *options, "branch.cfg"))


def test_a_plan_changes_nothing() -> None:
    with machine("sh", "-c", f"{_SETTLED}; ({_LOOK}) >before; {_plan()} >said 2>&1; ({_LOOK}) >after") as (folder, _):
        assert "Tunnel0 up" in (folder / "said").read_text()
        assert (folder / "before").read_text() == (folder / "after").read_text()
        assert sorted(path.name for path in folder.iterdir()) == ["after", "before", "branch.cfg", "said"]


def test_what_the_plan_says_is_there_when_the_router_runs() -> None:
    with short_folder() as folder:
        router = Service(folder, PROTECTED, *_MAP, around=_ROUTED)
        try:
            assert router.runs(), router.log.read_text()
            said = _shell(folder, "sh", "-c", _plan())

            def there(*words: str) -> str:
                return router.run(
                    "nsenter", "-t", str(router.process.pid), "-U", "-n", "--preserve-credentials", *words
                )

            assert "  route 10.8.0.0/16 via 10.0.0.1, Tunnel0\n" in said
            assert eventually(lambda: "10.8.0.0/16 via 10.0.0.1 dev Tunnel0" in there("ip", "route"), PATIENCE)
            assert "  address 10.0.0.2/24 of Tunnel0\n" in said
            assert "10.0.0.2/24" in there("ip", "-br", "addr", "show", "Tunnel0")
            rules = [line.split()[1] for line in said.splitlines() if line.startswith("  rule")]
            assert rules
            assert all(f"{number}:" in there("ip", "rule") for number in rules)
            for line in said.splitlines():
                if line.startswith("  net."):
                    name, _, _, value = line.split()
                    assert there("cat", "/proc/sys/" + name.replace(".", "/")).strip() == value, name
            ports = there("ss", "-Hlnu")
            for port in (500, 4500):
                assert f"  UDP port {port} at 192.0.2.2\n" in said
                assert f"192.0.2.2:{port} " in ports
        finally:
            router.close()


def test_a_plan_is_complete_where_the_program_lies_below_the_temporary_folder() -> None:
    """In a clone below /tmp it was `internal fault while handling ConfigurationEntered`: the plan hid the program."""
    with short_folder() as folder:
        (folder / "branch.cfg").write_text(PROTECTED)
        said = _shell(folder, *_plan().split(), TMPDIR=str(Path(dmvpn.__file__).parents[1]))
        assert "  route 10.8.0.0/16 via 10.0.0.1, Tunnel0\n" in said
        assert "messages:" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="pytest does not run as root, and no other user may choose who it is")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (Debian: util-linux)")
def test_a_user_without_privileges_gets_the_plan_and_hears_what_is_missing() -> None:
    skip_unless_it_runs_for(*_SOMEBODY)
    with short_folder() as folder:
        folder.chmod(0o755)
        (folder / "branch.cfg").write_text(PROTECTED)
        around = ("unshare", "-nm", *TUN_FOR_ALL, "sh", "-c", f'{WITH_WAN}; exec "$@"', "sh", *_SOMEBODY)
        said = _shell(folder, *_plan().split(), around=around)
        if "user namespaces" in said or "(try:" in said:
            pytest.skip(said)
        assert "  route 10.8.0.0/16 via 10.0.0.1, Tunnel0\n" in said
        assert "this user lacks NET_ADMIN, NET_RAW: run it with sudo, or as a service" in said
        assert "there is no folder for state that survives a restart" in said


#: Another IKE daemon, which is there when the words that follow begin, and goes with them.
_DAEMON: Final = """
import socket, subprocess, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
    port.bind(("0.0.0.0", 500))
    print(subprocess.run(sys.argv[1:]).returncode)
"""


def test_what_is_in_the_way_is_named_one_line_each() -> None:
    tunnel = "ip link add Tunnel0 type veth peer name other"
    with machine("sh", "-c", f"{tunnel}; exec {sys.executable} -c '{_DAEMON}' {_plan()}") as (_, said):
        assert "  UDP port 500 at 192.0.2.2: another program has it\n" in said
        assert "  Tunnel0 exists already: it is not one of ours\n" in said
        assert "\n1\n" in said, "the exit code"


def test_an_interface_that_is_missing_is_named_as_at_the_start() -> None:
    with machine("sh", "-c", _plan("--map", "GigabitEthernet0/1=eth7")) as (_, said):
        expected = "interface GigabitEthernet0/1: there is no eth7 here; name the right one with --map"
        assert said.startswith(f"dmvpn: {expected}")
        assert said.count("\n") == 1


# What a machine refuses `dmvpn run`: named in one line, and nothing is left half done.


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


# What a machine refuses `lab` commands: named in one line, and nothing is left half done.


@pytest.fixture
def folder_of_a_lab() -> Iterator[Path]:
    """With a short path: sockets are in it."""
    with short_folder() as made:
        yield made


def said(folder_of_a_lab: Path, before: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in mounts of its own, which a shell has changed first; `$X` is its runtime folder, of a small disk."""
    environment = {**variables(), "XDG_RUNTIME_DIR": str(folder_of_a_lab / "x"), "X": str(folder_of_a_lab / "x")}
    (folder_of_a_lab / "x").mkdir(mode=0o700, exist_ok=True)
    down = f"{shlex.join(command('lab', 'down'))} >/dev/null 2>&1"  # what came up in part stays up for people to look
    script = f'cd {folder_of_a_lab}; {before} && {{ "$@"; code=$?; {down}; exit $code; }}'
    return subprocess.run(
        [*APART, "-m", "sh", "-c", script, "sh", *command(*words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_line(answer: subprocess.CompletedProcess[str]) -> str:
    """The complaint of a command that did nothing."""
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("dmvpn: ")
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr


SMALL = 'mount -t tmpfs -o mode=700,size=64k,nr_inodes={} none "$X"'


@pytest.mark.parametrize("kind", [[], ["--simulated"]], ids=["real packets", "simulated"])
def test_a_full_disk_for_the_folder_of_a_lab(folder_of_a_lab: Path, kind: list[str]) -> None:
    answer = said(folder_of_a_lab, SMALL.format(3), "lab", "up", "notes-phase3", *kind)
    assert "labs/notes-phase3: No space left on device" in one_line(answer)


def test_a_disk_that_is_full_before_all_sockets_are_there_ends_a_simulated_lab_with_one_line(
    folder_of_a_lab: Path,
) -> None:
    """Seen: twelve lines of a traceback."""
    answer = said(folder_of_a_lab, SMALL.format(12), "lab", "up", "notes-phase3", "--simulated")
    line = one_line(answer)
    assert "lab notes-phase3 ended while it was starting: " in line
    assert "No space left on device" in line


def test_a_router_that_cannot_begin_says_why_where_lab_up_lists_what_is_missing(folder_of_a_lab: Path) -> None:
    """Seen: "its process has ended; see" the log, which had a traceback."""
    answer = said(folder_of_a_lab, SMALL.format(10), "lab", "up", "notes-gre")
    assert answer.returncode == 1
    named = [line for line in answer.stderr.splitlines() if "its process has ended: " in line]
    assert named, answer.stderr
    assert all("No space left on device" in line for line in named)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (Debian: util-linux)")
def test_cleanup_without_privileges_says_how_to_get_them(folder_of_a_lab: Path) -> None:
    """Seen: "0 routes of ours removed", and it had looked for none."""
    answer = said(folder_of_a_lab, 'exec setpriv --bounding-set=-all --inh-caps=-all "$@"', "cleanup")
    assert one_line(answer) == (
        "dmvpn: the capability NET_ADMIN is missing: nothing was searched (try: sudo dmvpn cleanup)\n"
    )
