"""Routing daemons of others on a wire beside our router: FRR and BIRD in network namespaces, no kernel of their own.

    switch   a bridge with one port for each router; a port that is down is a cable that is pulled
    NAME     a namespace with `wire` (10.9.0.N/24, N from 1 in the order of the names), and `lan0`, `lan1`, each of them
             a cable to a port of the switch that nobody uses

What counts is what the daemons say (vtysh, birdc) and what they put into their kernels.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from support.command import command, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_FRR: Final = Path("/usr/lib/frr")
#: Seconds until a condition that tests wait for is given up.
PATIENCE: Final = 90.0
_RUNS: Final = "its prompt"
#: Daemons of FRR; each makes a socket NAME.vty when it is ready.
_DAEMONS: Final = ("zebra", "ospfd", "bgpd", "bfdd", "ripd")
#: Before a folder and a command: FRR keeps files in folders that it was built with; here they are the command's own.
#: What it finds again after a graceful restart is in that folder.
_OWN_FOLDERS: Final = (
    *("unshare", "-m", "sh", "-c"),
    'mount -t tmpfs none /run && mount -t tmpfs none /var/tmp && mkdir /run/frr && chown frr "$0" && '
    'mount --bind "$0" /run/frr && exec "$@"',
)
_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def missing(*more: str) -> str:
    """Return what is not installed of FRR and BIRD, or "". more: daemons of FRR that not all need."""
    absent = [name for name in (*_DAEMONS, *more) if not (_FRR / name).exists()]
    absent += [name for name in ("bird", "birdc", "vtysh") if shutil.which(name, path=_PATH) is None]
    if os.geteuid() != 0:
        return "namespaces need root"
    return f"{', '.join(absent)} missing. Run: scripts/debian-packages interop" if absent else ""


class Wire:
    """Routers beside each other.

    lans: the networks of each router's LANs (`lan0`, `lan1`, ...), by its name.
    """

    def __init__(self, **lans: tuple[str, ...]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dmvpn-daemons-"))
        self.addresses = {name: f"10.9.0.{number}" for number, name in enumerate(lans, 1)}
        self._lans = lans
        self._running: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self._starts: Counter[str] = Counter()
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def _build(self) -> None:
        self._cleanup.callback(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)  # FRR's daemons give root up
        self._namespace("switch")
        self.ip("switch", "link", "add", "bridge", "type", "bridge")
        self.ip("switch", "link", "set", "bridge", "up")
        for name, address in self.addresses.items():
            self._namespace(name)
            self._cable(name, "wire", name)
            self.ip("switch", "link", "set", name, "master", "bridge")
            self._interface(name, "wire", f"{address}/24")
            for number, lan in enumerate(self._lans[name]):
                self._cable(name, f"lan{number}", f"{name}-{number}")
                self._interface(name, f"lan{number}", lan)
        self._cleanup.callback(self._stop_all)

    def _namespace(self, name: str) -> None:
        _run("ip", "netns", "add", self._ns(name))
        self._cleanup.callback(_run, "ip", "netns", "del", self._ns(name))
        self.ip(name, "link", "set", "lo", "up")
        _run("ip", "netns", "exec", self._ns(name), "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _interface(self, name: str, interface: str, address: str) -> None:
        self.ip(name, "addr", "add", address, "dev", interface)
        self.ip(name, "link", "set", interface, "up")

    def _cable(self, name: str, interface: str, port: str) -> None:
        """Lay a cable from a router to the switch."""
        far_end = ("name", interface, "netns", self._ns(name))
        self.ip("switch", "link", "add", port, "type", "veth", "peer", *far_end)
        self.ip("switch", "link", "set", port, "up")

    def _ns(self, name: str) -> str:
        return f"{name}{os.getpid()}"

    def ip(self, name: str, *words: str) -> str:
        """Run `ip` in a router's namespace."""
        return _run("ip", "-n", self._ns(name), *words)

    def inside(self, name: str, *words: str) -> list[str]:
        """Return a command, as it runs in a router's namespace."""
        return ["ip", "netns", "exec", self._ns(name), *words]

    def process(self, name: str, program: str) -> int:
        """Return the number of a program's process."""
        return self._running[name, program].pid

    # ------------------------------------------------------------------------------------------------ who runs

    def start_ours(self, name: str, configuration: str, *, engine: str = "python", program: Sequence[str] = ()) -> None:
        """Start our router; `wire` is its GigabitEthernet0/1, `lan0` GigabitEthernet0/2 and so on.

        program: the words before `run`, if it is not `dmvpn` itself.
        """
        file = self.folder / f"{name}.cfg"
        interfaces = ["wire", *(f"lan{number}" for number in range(len(self._lans[name])))]
        addresses = [f"{self.addresses[name]}/24", *self._lans[name]]
        sections = [
            f"interface GigabitEthernet0/{number}\n ip address {address.split('/')[0]} 255.255.255.0\n"
            for number, address in enumerate(addresses, 1)
        ]
        file.write_text(f"hostname {name}\n{''.join(sections)}{configuration}end\n")
        maps = [
            word for number, port in enumerate(interfaces, 1) for word in ("--map", f"GigabitEthernet0/{number}={port}")
        ]
        words = ["run", str(file), "--engine", engine, *maps]
        log = self.start(name, "dmvpn", *([*program, *words] if program else command(*words)))
        self.wait(f"{name} runs", lambda: _RUNS in log.read_text())

    def start_frr(self, name: str, daemon: str, configuration: str) -> None:
        """Start zebra, if it does not run, and a daemon."""
        if (name, "zebra") not in self._running:
            self._start_frr(name, "zebra", "")
        self._start_frr(name, daemon, configuration)

    def _start_frr(self, name: str, daemon: str, configuration: str) -> None:
        here = self.folder / name
        here.mkdir(exist_ok=True)
        shutil.chown(here, "frr", "frr")
        (here / f"{daemon}.conf").write_text(f"hostname {name}\n{configuration}")
        sockets = [f"-z{here}/zserv.api", f"--vty_socket={here}", "-P0", f"-i{here}/{daemon}.pid"]
        more = [f"-f{here}/{daemon}.conf", "--log=stdout"]
        ready = here / f"{daemon}.vty"
        ready.unlink(missing_ok=True)
        kept = here / "run"
        kept.mkdir(exist_ok=True)
        self.start(name, daemon, *_OWN_FOLDERS, str(kept), str(_FRR / daemon), *sockets, *more)
        self.wait(f"{daemon} listens", ready.exists)

    def start_bird(self, name: str, configuration: str) -> None:
        """Start BIRD, which puts everything into its kernel."""
        here = self.folder / name
        here.mkdir(exist_ok=True)
        (here / "bird.conf").write_text(_BIRD + configuration)
        self.start(name, "bird", "bird", "-f", "-c", str(here / "bird.conf"), "-s", str(here / "bird.ctl"))
        self.wait("BIRD listens", lambda: "ready" in self.bird(name, "show status").lower())

    def stop(self, name: str, program: str) -> None:
        """Let a program end in order."""
        process = self._running.pop((name, program))
        process.terminate()
        process.wait(timeout=60)

    def kill(self, name: str, program: str) -> None:
        """Kill a program without a word; `dmvpn`, `bird`, or a daemon of FRR."""
        process = self._running.pop((name, program))
        process.kill()
        process.wait(timeout=15)

    def unplug(self, name: str) -> None:
        """Pull a router's cable."""
        self.ip("switch", "link", "set", name, "down")

    def plug(self, name: str) -> None:
        """Put it in again."""
        self.ip("switch", "link", "set", name, "up")

    def start(self, name: str, program: str, *words: str) -> Path:
        """Start a program in a namespace; returns its log."""
        self._starts[f"{name}-{program}"] += 1
        log = self.folder / f"{name}-{program}-{self._starts[f'{name}-{program}']}.log"
        with log.open("wb") as file:
            self._running[name, program] = subprocess.Popen(
                self.inside(name, *words), env=self._environment, stdout=file, stderr=file
            )
        return log

    def _stop_all(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=15)

    @property
    def _environment(self) -> dict[str, str]:
        here = str(self.folder)
        return variables({"XDG_RUNTIME_DIR": here, "XDG_STATE_HOME": here, "PATH": _PATH})

    # ------------------------------------------------------------------------------------------------ what they say

    def ask(self, name: str, line: str) -> str:
        """Return what our router answers to an exec command."""
        return self.say(*command("-r", f"run-{name}/{name}", *line.split()))

    def enter(self, name: str, *lines: str) -> None:
        """Enter configuration lines at our router."""
        typed = "\n".join(("configure terminal", *lines, "end", ""))
        said = self.say(*command("-r", f"run-{name}/{name}", "-"), typed=typed)
        assert "%" not in said, said

    def frr(self, name: str, *lines: str) -> str:
        """Return what FRR answers to these lines."""
        words = [word for line in lines for word in ("-c", line)]
        return self.say("vtysh", "--vty_socket", str(self.folder / name), *words)

    def frr_json(self, name: str, line: str) -> dict[str, Any]:
        """Return what FRR answers as JSON; {} while it does not answer."""
        try:
            answer = json.loads(self.frr(name, f"{line} json"))
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}

    def bird(self, name: str, line: str) -> str:
        """Return what BIRD answers."""
        return self.say("birdc", "-s", str(self.folder / name / "bird.ctl"), line)

    def say(self, *words: str, typed: str = "") -> str:
        """Run a command, and return what it prints. typed: what it reads."""
        done = subprocess.run(
            words, env=self._environment, capture_output=True, text=True, timeout=60, check=False, input=typed or None
        )
        return done.stdout + done.stderr

    def kernel(self, name: str) -> dict[str, str]:
        """Return the next hops of the routes in a router's kernel that go by somebody on the wire, by prefix."""
        routes = json.loads(self.ip(name, "-j", "route", "show"))
        return {route["dst"]: route["gateway"] for route in routes if "gateway" in route}

    def wait(self, what: str, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until it is true."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = {path.name: path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log")}
                raise AssertionError(f"waited for: {what}\n" + "\n".join(f"--- {n}\n{t}" for n, t in logs.items()))
            time.sleep(0.1)


_BIRD: Final = """
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; interface "wire", "lan*"; }
protocol kernel { ipv4 { export where source != RTS_DEVICE; import none; }; }
"""


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout
