"""The container of `contrib/container`, built by buildah on a bare Debian, and three of them as a DMVPN.

No daemon runs: buildah builds in a chroot, and each container is a set of namespaces with the image as its root. The
ports are plugged in when the containers run already, as containerlab does it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support.labs import eventually
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).parents[2]
_PATIENCE: Final = 900
_PACKAGES: Final = "ca-certificates,iproute2,iputils-ping,python3,python3-venv,tini,traceroute"
_PATH: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2 * _PATIENCE),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make and enter a bare root"),
    pytest.mark.skipif(
        not (shutil.which("buildah") and shutil.which("mmdebstrap")),
        reason="no buildah or no mmdebstrap: scripts/debian-packages packages",
    ),
    pytest.mark.skipif(not list((_ROOT / "dist").glob("*.whl")), reason="there are no wheels in dist/ ('make dist')"),
]

#: Mounts the image below what this container writes, and becomes its first process.
_ENTER: Final = """
mount --make-rprivate /
mkdir -p "$2/root" "$2/over"
mount -t tmpfs over "$2/over" && mkdir "$2/over/up" "$2/over/work"
mount -t overlay image -o "lowerdir=$1,upperdir=$2/over/up,workdir=$2/over/work" "$2/root"
cd "$2/root"
mount -t proc proc proc && mount -t sysfs sys sys && mount --rbind /dev dev && mount -t tmpfs run run
cp "$2/startup-config.cfg" etc/dmvpn/
hostname "$3"
ip link set lo up
exec chroot . tini -- /usr/local/bin/dmvpn-container
"""
_TUNNEL: Final = file_text("container_tunnel.cfg")
_HUB_LINES: Final = "ip nhrp map multicast dynamic\n ip nhrp redirect"
_SPOKE_LINES: Final = "ip nhrp shortcut\n ip nhrp nhs 10.0.0.1 nbma 192.0.2.1 multicast"


@dataclass(frozen=True)
class Image:
    """Where its files are, and what it says about itself."""

    root: Path
    config: dict[str, object]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, built on a base that has the packages."""
    folder = Path(tempfile.mkdtemp(prefix="dmvpn-image-"))
    buildah = ["buildah", "--root", str(folder / "store"), "--runroot", str(folder / "run")]
    environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

    def run(*words: str) -> str:
        found = subprocess.run(
            words, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        if words[0] == "mmdebstrap" and found.returncode:
            pytest.skip(f"mmdebstrap: {found.stderr.strip().splitlines()[-1:]}")
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout.strip()

    release = re.search(r"(?m)^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text())
    try:
        (folder / "context").mkdir()
        tar = folder / "context/base.tar"
        run(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={_PACKAGES}",
            release[1] if release else "",
            str(tar),
        )
        (folder / "Base").write_text("FROM scratch\nADD base.tar /\n")
        run(*buildah, "bud", "-f", str(folder / "Base"), "-t", "base", str(folder / "context"))
        words = ("--format", "docker", "--volume", "/etc/ssl/certs:/etc/ssl/certs:ro")
        file = str(_ROOT / "contrib/container/Containerfile")
        run(*buildah, "bud", *words, "--build-arg", "BASE=localhost/base", "-f", file, "-t", "dmvpn", str(_ROOT))
        container = run(*buildah, "from", "localhost/dmvpn")
        said = json.loads(run(*buildah, "inspect", "--type", "image", "localhost/dmvpn"))
        yield Image(Path(run(*buildah, "mount", container)), said["Docker"]["config"])
        run(*buildah, "umount", "--all")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Container:
    """A running container. `pid`: of its first process, as seen from here."""

    def __init__(self, image: Image, name: str, configuration: str, folder: Path) -> None:
        folder.mkdir()
        (folder / "startup-config.cfg").write_text(configuration)
        words = ["unshare", "-nmpuf", "--kill-child", "sh", "-ec", _ENTER, "sh", str(image.root), str(folder), name]
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_PATH)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        assert eventually(lambda: bool(children.read_text().split()), 10)
        self.pid = children.read_text().split()[0]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What `docker exec` runs."""
        enter = ["nsenter", "-t", self.pid, "-m", "-n", "-p", "-u", "-r", "-w"]
        return subprocess.run([*enter, *words], capture_output=True, text=True, timeout=60, check=False, env=_PATH)

    @property
    def is_healthy(self) -> bool:
        return self.run("/usr/local/bin/dmvpn-container", "health").returncode == 0

    def comes_up(self) -> bool:
        """Wait for its health."""
        return eventually(lambda: self.is_healthy, 60)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def containers(image: Image, tmp_path: Path) -> Iterator[dict[str, Container]]:
    """A hub and two spokes, and a switch that their ports are plugged into once they run."""
    routes = "\n".join(f"ip route 10.1.{number}.0 255.255.255.0 10.0.0.{number}" for number in (2, 3))
    texts = {"HUB": _TUNNEL.format(name="HUB", number=1, lines=_HUB_LINES, routes=routes)}
    for number, name in ((2, "S2"), (3, "S3")):
        route = "ip route 10.1.0.0 255.255.0.0 10.0.0.1"
        texts[name] = _TUNNEL.format(name=name, number=number, lines=_SPOKE_LINES, routes=route)
    running: dict[str, Container] = {}
    switch = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
    try:
        for name, text in texts.items():
            running[name] = Container(image, name, text, tmp_path / name)
        inside = ["nsenter", "-t", str(switch.pid), "-n", "ip", "link"]
        assert eventually(lambda: os.readlink(f"/proc/{switch.pid}/ns/net") != os.readlink("/proc/self/ns/net"), 10)
        subprocess.run([*inside, "add", "br0", "up", "type", "bridge"], check=True)
        for name, container in running.items():
            pair = ["add", name, "up", "master", "br0", "type", "veth", "peer", "name", "eth1", "netns", container.pid]
            subprocess.run([*inside, *pair], check=True)
        yield running
    finally:
        for container in running.values():
            container.stop()
        switch.kill()
        switch.wait()


def test_three_containers_are_a_dmvpn_with_a_direct_path(containers: dict[str, Container]) -> None:
    for container in containers.values():
        assert container.comes_up(), container.log.read_text()
    spoke = containers["S2"]
    assert eventually(lambda: " UP " in spoke.run("dmvpn", "-r", "S2", "show", "dmvpn").stdout, 60)
    assert eventually(
        lambda: "(5/5)" in spoke.run("dmvpn", "-r", "S2", "ping", "10.1.3.1", "source", "10.1.2.1").stdout, 60
    )
    assert eventually(lambda: "192.0.2.3" in spoke.run("dmvpn", "-r", "S2", "show", "dmvpn").stdout, 30)


def test_the_first_process_is_an_init_and_the_router_its_child(containers: dict[str, Container]) -> None:
    hub = containers["HUB"]
    assert hub.comes_up(), hub.log.read_text()
    assert hub.run("cat", "/proc/1/comm").stdout == "tini\n"
    children = hub.run("cat", "/proc/1/task/1/children").stdout.split()
    assert b"dmvpn\0run\0--manage" in Path(f"/proc/{hub.pid}/root/proc/{children[0]}/cmdline").read_bytes()


def test_what_is_written_is_in_the_file_that_the_next_start_reads(containers: dict[str, Container]) -> None:
    hub = containers["HUB"]
    assert hub.comes_up(), hub.log.read_text()
    assert "OK" in hub.run("dmvpn", "-r", "HUB", "write", "memory").stdout
    assert "tunnel mode gre multipoint" in hub.run("cat", "/etc/dmvpn/startup-config.cfg").stdout


def test_programs_can_ask_the_router_of_a_container_by_http(containers: dict[str, Container]) -> None:
    hub = containers["HUB"]
    assert hub.comes_up(), hub.log.read_text()
    said = hub.run("timeout", "-s", "INT", "5", "dmvpn", "web", "--router", "run-HUB/HUB")
    assert "is served until Ctrl-C" in said.stdout, said.stderr


def test_the_image_says_how_to_ask_whether_it_is_well(image: Image) -> None:
    assert image.config["Healthcheck"]["Test"] == ["CMD", "/usr/local/bin/dmvpn-container", "health"]  # type: ignore[index]
