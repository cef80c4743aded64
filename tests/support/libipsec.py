"""A whole router of ours beside one whose encryption is strongSwan's: charon with kernel-libipsec, ESP in user space.

    ours     10.77.0.2   our router; its tunnel is protected
    theirs   10.77.0.1   our router without protection, and charon, which gets all GRE for ours by a route

Neither needs a kernel that knows GRE or IPsec, so everything runs in two network namespaces. This charon can only do
tunnel mode in UDP port 4500, without extended sequence numbers. What it sends itself has a mark, so that it does not
take the route to `ours` that it made.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from support.charon import CHARON
from support.command import command, variables
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

ADDRESSES = {"ours": "10.77.0.2", "theirs": "10.77.0.1"}
TUNNELS = {"ours": "10.255.0.2", "theirs": "10.255.0.1"}
_PLUGINS = (
    "random nonce aes sha1 sha2 hmac kdf gcm openssl curve25519 pem pkcs1 pkcs8 pubkey x509 constraints "
    "kernel-libipsec kernel-netlink socket-default vici"
)
_STRONGSWAN = file_text("libipsec_strongswan.conf")
_SWANCTL = file_text("libipsec_swanctl.conf")
_CRYPTO = file_text("libipsec_crypto.cfg")
_ROUTER = file_text("libipsec_router.cfg")


def _configuration(name: str, hub: str) -> str:
    ours = name == "ours"
    nhs = f" ip nhrp nhs {TUNNELS[hub]} nbma {ADDRESSES[hub]} multicast"
    return _ROUTER.format(
        name=name,
        crypto=_CRYPTO if ours else "",
        tunnel=TUNNELS[name],
        nhrp=" ip nhrp map multicast dynamic" if name == hub else nhs,
        protection=" tunnel protection ipsec profile IPSEC\n" if ours else "",
        address=ADDRESSES[name],
    )


class Overlay:
    """Both routers and charon.

    hub: which of the routers.
    engine: what moves the packets of ours.
    """

    def __init__(self, hub: str, engine: str) -> None:
        self.hub, self.engine = hub, engine
        self.folder = Path(tempfile.mkdtemp(prefix="dmvpn-libipsec-"))
        self._namespaces = {name: f"{name}{os.getpid()}" for name in ADDRESSES}
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for name in self._namespaces.values():
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        one, two = self._namespaces["ours"], self._namespaces["theirs"]
        _ip("link", "add", "wire", "netns", one, "type", "veth", "peer", "name", "wire", "netns", two)
        for name, namespace in self._namespaces.items():
            _ip("-n", namespace, "addr", "add", f"{ADDRESSES[name]}/24", "dev", "wire")
            _ip("-n", namespace, "link", "set", "wire", "up")
        self._start_charon()
        for name in (self.hub, *(name for name in ADDRESSES if name != self.hub)):
            self._start_router(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(timeout=15)
        for name in self._namespaces.values():
            _ip("netns", "del", name)
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------------------------------------ who runs

    @property
    def _environment(self) -> dict[str, str]:
        here = str(self.folder)
        return variables(
            {
                "XDG_RUNTIME_DIR": here,
                "XDG_STATE_HOME": here,
                "STRONGSWAN_CONF": f"{here}/strongswan.conf",
                "SWANCTL_DIR": here,
            }
        )

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            inside = ["ip", "netns", "exec", self._namespaces[name], *words]
            self._processes.append(subprocess.Popen(inside, env=self._environment, stdout=log, stderr=log))

    def _start_charon(self) -> None:
        (self.folder / "strongswan.conf").write_text(_STRONGSWAN.format(plugins=_PLUGINS, folder=self.folder))
        (self.folder / "swanctl.conf").write_text(_SWANCTL.format(**ADDRESSES))
        # it keeps its process number in /run, where another charon of this machine may have one
        self._start("theirs", "unshare", "-m", "sh", "-c", f"mount -t tmpfs none /run && exec {CHARON}")
        self.wait("charon listens", (self.folder / "vici").exists)
        self.swanctl("--load-all", "--file", str(self.folder / "swanctl.conf"))

    def _start_router(self, name: str) -> None:
        file = self.folder / f"{name}.cfg"
        file.write_text(_configuration(name, self.hub))
        engine = self.engine if name == "ours" else "python"
        self._start(name, *command("run", file, "--engine", engine, "--map", "GigabitEthernet0/1=wire"))
        self.wait(f"{name} runs", lambda: "its prompt" in (self.folder / f"{name}.log").read_text())

    # ------------------------------------------------------------------------------------------------ what they say

    def ask(self, name: str, line: str) -> str:
        """Return what a router answers to an exec command."""
        words = command("-r", f"run-{name}/{name}", *line.split())
        return subprocess.run(
            words, env=self._environment, capture_output=True, text=True, timeout=30, check=False
        ).stdout

    def swanctl(self, *words: str) -> str:
        """Return what swanctl says; it may fail."""
        words = ("swanctl", *words, "--uri", f"unix://{self.folder}/vici")
        done = subprocess.run(words, env=self._environment, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout + done.stderr

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Until it is true."""
        end = time.monotonic() + seconds
        while not condition():
            logs = {path.name: path.read_text()[-2000:] for path in self.folder.glob("*.log")}
            assert time.monotonic() < end, (what, logs)
            time.sleep(0.1)

    def registered(self) -> bool:
        """Does our router say that the other one is up?"""
        return bool(re.search(rf" {TUNNELS['theirs']} +UP ", self.ask("ours", "show dmvpn")))

    def pings(self, count: int, interval: float = 0.05) -> subprocess.Popen[str]:
        """From one end of the tunnel to the other, while something else happens."""
        words = ["ping", "-n", "-q", "-i", str(interval), "-c", str(count), "-W", "1", TUNNELS["ours"]]
        inside = ["ip", "netns", "exec", self._namespaces["theirs"], *words]
        return subprocess.Popen(inside, stdout=subprocess.PIPE, text=True)


def received(pings: subprocess.Popen[str]) -> int:
    """Return how many answers came, none of them twice."""
    said, _ = pings.communicate(timeout=60)
    assert "duplicates" not in said, said
    found = re.search(r"(\d+) received", said)
    assert found is not None, said
    return int(found[1])


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)
