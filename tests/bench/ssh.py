"""SSH to a router: logins, long shows, a paste, a large file; and how late the router's timers are meanwhile.

The router is the hub of `dmvpn simulate phase3` with ten thousand clients, on an event loop as `dmvpn run` has it, with
a management socket. The front end and the clients are processes of their own. A timer of the router's loop is due every
5 ms: it is late by what it waits for, but not by more than the loop worked meanwhile, so that other work on the machine
does not count. The same without any client is what that is compared with.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.figures import Figure
from bench.hub import make_hub, registration
from dmvpn.base.events import EnteredLine, LinesEntered
from dmvpn.face.server import ManagementServer
from dmvpn.shells.flash import FolderFlash
from dmvpn.shells.handle import Handle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    from dmvpn.base.events import Event
    from dmvpn.router.router import Router

#: hashcat's published example of type 9; the password is `hashcat`.
_HASH: Final = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"
_USERS: Final = (
    EnteredLine((), f"username bench privilege 15 secret 9 {_HASH}"),
    *(EnteredLine(("line vty 0 49",), line) for line in ("login local", "transport input ssh")),
)
_STEP: Final = 0.005
#: Prints the seconds of a login with one command, of a show, or of 500 pasted lines; and how many lines a show has.
_CLIENT: Final = """
import asyncio, json, sys, time, asyncssh
port, what, run = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
async def main():
    begun, lines = time.monotonic(), 0
    async with asyncssh.connect("127.0.0.1", port, username="bench", password="hashcat", known_hosts=None,
            client_keys=None, config=None, agent_path=None) as connection:
        if what == "paste":
            process = await connection.create_process(term_type="vt100", term_size=(200, 50))
            pasted = [f"ip route 10.{200 + 2 * run + n // 250}.{n % 250}.0 255.255.255.0 Null0" for n in range(500)]
            begun = time.monotonic()
            typed = ["terminal length 0", "configure terminal", *pasted, "end", "show clock", ""]
            process.stdin.write("\\r".join(typed))
            await process.stdout.readuntil(" UTC ")
        else:
            if what != "show clock":
                begun = time.monotonic()
            lines = (await connection.run(what.replace("@", str(run % 2)))).stdout.count("\\n")
        print(json.dumps({"seconds": time.monotonic() - begun, "lines": lines}))
asyncio.run(main())
"""
#: Prints the seconds that so many sessions of Netmiko take side by side, from the first login to the last answer.
_CROWD: Final = """
import json, sys, threading, time
from netmiko import ConnectHandler
port, count = int(sys.argv[1]), int(sys.argv[2])
answers = []
def ask():
    with ConnectHandler(device_type="cisco_xe", host="127.0.0.1", port=port, username="bench",
            password="hashcat") as router:
        answers.append("UTC" in router.send_command("show clock"))
threads = [threading.Thread(target=ask) for _ in range(count)]
begun = time.monotonic()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
took = time.monotonic() - begun
assert answers == [True] * count, answers
print(json.dumps({"seconds": took, "lines": count}))
"""


def measure(*, quick: bool) -> list[Figure]:
    """All of it."""
    return asyncio.run(_measure(1_000 if quick else 10_000, 1 if quick else 5))


async def _measure(clients: int, runs: int) -> list[Figure]:
    hub = make_hub()
    for number in range(1, clients + 1):
        hub.handle(registration(number), 1.0)
    works = [
        _Work("a login and one command", 0.2, _CLIENT, "show clock"),
        _Work(f"`show ip nhrp` with {clients:,} peers, to the last line", 1.0, _CLIENT, "show ip nhrp"),
        _Work("500 pasted lines", 2.0, _CLIENT, "paste"),
        _Work(
            "`configure replace` with 10,000 lines, half of them new", None, _CLIENT, "configure replace flash:@ force"
        ),
        _Work("`show running-config`, these 10,000 lines", 1.0, _CLIENT, "show running-config"),
    ]
    if importlib.util.find_spec("netmiko") is not None:
        works.append(_Work("20 sessions of Netmiko side by side", 2.0, _CROWD, "20"))
    figures = []
    with tempfile.TemporaryDirectory(prefix="dmvpn-ssh-") as folder:
        for number in range(2):
            text = "\n".join(
                [*hub.running.render(), *(one.text for one in _USERS[:1]), *_long(clients, number), "end", ""]
            )
            FolderFlash(Path(folder) / "flash").write(str(number), text.encode())
        async with _served(hub, Path(folder)) as (port, front):
            await _run(_CLIENT, str(port), "show clock", "0")  # the front end has imported everything
            quiet = await lateness(asyncio.sleep(1.0))
            for work in works:
                seconds, late = [], []
                for run in range(runs):
                    asked = asyncio.ensure_future(_run(work.program, str(port), work.what, str(run)))
                    late.append(await lateness(asked))
                    seconds.append(asked.result()["seconds"])
                    assert asked.result()["lines"] >= _FEWEST.get(work.what, 0) * clients, asked.result()
                figures += _figures(work, seconds, late, quiet)
            figures.append(Figure(name="the front end", unit="MB", values=(_resident(front),), goal=60.0))
    return figures


#: Lines that are shown, for each client of the hub.
_FEWEST: Final = {"show ip nhrp": 4, "show running-config": 1}


class _Work(NamedTuple):
    """What a client does. goal: seconds."""

    name: str
    goal: float | None
    program: str
    what: str


def _long(count: int, number: int) -> Iterator[str]:
    """So many lines, the half of which depends on the number."""
    yield from ("line vty 0 49", " login local", " transport input ssh", "!")
    for one in range(count // 4):
        far, near = divmod(one, 250)
        yield f"ip route 10.{200 + far}.{near}.0 255.255.255.0 Null0"
        yield f"access-list 100 permit ip host 10.{far}.{near}.{number} any"
        yield f"ip prefix-list LONG seq {5 * one + 5} permit 10.{far}.{near}.0/24"
        yield f"access-list 101 permit ip any host 10.{far}.{near}.{number}"


def _figures(work: _Work, seconds: list[float], late: list[float], quiet: float) -> list[Figure]:
    return [
        Figure(name=work.name, unit="s", values=tuple(seconds), goal=work.goal),
        Figure(
            name="the latest timer of the router meanwhile",
            unit="ms",
            values=tuple(late),
            goal=5.0,
            baseline=(quiet,),
            against="without any client",
        ),
    ]


@contextlib.asynccontextmanager
async def _served(router: Router, folder: Path) -> AsyncIterator[tuple[int, int]]:
    """The router behind its socket, and SSH in front of it: the port, and the process of the front end."""
    begun = time.monotonic()

    def now() -> float:
        return 10.0 + time.monotonic() - begun

    def post(event: Event) -> None:
        for effect in router.handle(event, now()):
            handle.tell(effect)

    handle = Handle(lambda: router, now, post, lambda _name, _octets: None, FolderFlash(folder / "flash"))
    post(LinesEntered(_USERS))
    server = ManagementServer(handle, folder / "socket")
    await server.start()
    front = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dmvpn.face.ssh", "--socket", str(folder / "socket"), "--listen", "127.0.0.1:0"),
        *("--keys", str(folder), "--flash", str(folder / "flash")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert front.stdout is not None
    try:
        said = (await front.stdout.readline()).decode()
        yield int(said.rsplit(None, 1)[-1]), front.pid
    finally:
        front.kill()
        await front.communicate()
        await server.stop()


async def _run(program: str, *words: str) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *words), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, words
    found: dict[str, float] = json.loads(printed)
    return found


async def lateness(work: Awaitable[object]) -> float:
    """Milliseconds by which a timer that is due every 5 ms was late at worst, until the work was done."""
    loop, worst = asyncio.get_running_loop(), 0.0
    due, worked = loop.time() + _STEP, time.process_time()

    done = asyncio.ensure_future(work)

    def tick() -> None:
        nonlocal worst, due, worked
        worst = max(worst, min(loop.time() - due, time.process_time() - worked))
        due, worked = loop.time() + _STEP, time.process_time()
        if not done.done():
            loop.call_at(due, tick)

    loop.call_at(due, tick)
    await done
    return 1e3 * worst


def _resident(process: int) -> float:
    """Megabytes of memory that a process has."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
