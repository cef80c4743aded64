"""A scrape of a hub with ten thousand peers, how late the router's timers are meanwhile, and writing the text alone.

The router is the hub of `dmvpn simulate phase3` with ten thousand clients, each with a pair of SAs and counters of the
data plane, on an event loop as `dmvpn run` has it, with a management socket. A process of its own does what `dmvpn web`
does for one request: it asks the router, checks the rows and writes the text, with all series of each peer. HTTP is
left out. The router's timer is that of the benchmark of SSH.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from bench.hub import TUNNEL, make_hub, registration
from bench.ssh import lateness
from dmvpn.base.breath import gulping
from dmvpn.base.events import GreDrops, InterfaceCount, InterfacesCounted, PeerUsage, SasCounted
from dmvpn.base.protection import SaCount
from dmvpn.base.shell import NoPlane
from dmvpn.face.server import ManagementServer
from dmvpn.features.ipsec.machine import IpsecMachine
from dmvpn.shells.handle import Handle
from dmvpn.shells.simulator.topologies import nbma
from support.protection import connection, negotiated

if TYPE_CHECKING:
    from dmvpn.base.events import Event

#: Prints what each scrape took, seconds, and the lines of its text.
_CLIENT: Final = """
import json, sys, time
from pathlib import Path
from dmvpn.face.client import measures
from dmvpn.web.metrics import Exposition, Format
from dmvpn.web.fleet import Running
from dmvpn.web.metrics import Wish, scrape
class Fleet:
    def running(self):
        return [Running("lab", "HUB", True, Path(sys.argv[1]))]
form = Format[sys.argv[2]]
for line in sys.stdin:
    if line.strip() == "scrape":
        begun = time.perf_counter()
        text = scrape(Fleet(), Wish(peers=100_000, form=form, patience=60.0))
    else:
        tables = list(measures(Path(sys.argv[1]), 100_000))
        begun = time.perf_counter()
        written = Exposition(form)
        for table in tables:
            written.put(table, 'lab="lab",router="HUB"')
        text = written.text()
    print(json.dumps([time.perf_counter() - begun, text.count(chr(10))]), flush=True)
"""


class _Plane(NoPlane):
    """A data plane that counts as the Rust engine does: rows of numbers become values, one by one."""

    def __init__(self, clients: int) -> None:
        self._clients = clients

    def interfaces_counted(self) -> InterfacesCounted:
        names = ("GigabitEthernet0/1", "GigabitEthernet0/2", TUNNEL)
        counts = (
            InterfaceCount(interface=name, received=1, sent=2, received_octets=300, sent_octets=400) for name in names
        )
        return InterfacesCounted(tuple(counts), GreDrops())

    def sas_counted(self) -> SasCounted:
        rows = [(number << 8, 10 * number, 900 * number, 7, 420, 0, 0, 0) for number in range(1, self._clients + 1)]
        return SasCounted(
            tuple(
                SaCount(
                    spi_in=spi,
                    sent=sent,
                    sent_octets=sent_octets,
                    received=received,
                    received_octets=received_octets,
                    replayed=replayed,
                    broken=broken,
                    unsent=unsent,
                )
                for spi, sent, sent_octets, received, received_octets, replayed, broken, unsent in gulping(rows)
            )
        )

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        numbers = range(1, self._clients + 1)
        return tuple(PeerUsage(nbma(number), 10 * number, 7, 0, 900 * number, 420) for number in gulping(numbers))


def measure(*, quick: bool) -> list[Figure]:
    """Scrapes in both formats."""
    return asyncio.run(_measure(1_000 if quick else 10_000, 2 if quick else 9))


async def _measure(clients: int, runs: int) -> list[Figure]:
    hub = make_hub()
    hub.counting = _Plane(clients)
    ipsec = hub.machine(IpsecMachine)
    for number in range(1, clients + 1):
        hub.handle(registration(number), 1.0)
        ipsec.handle(negotiated(connection(number, nbma(0), nbma(number)), number << 8), 1.0)
    begun = time.monotonic()

    def now() -> float:
        return 10.0 + time.monotonic() - begun

    def post(event: Event) -> None:
        hub.handle(event, now())

    figures = []
    with tempfile.TemporaryDirectory(prefix="dmvpn-metrics-") as folder:
        path = Path(folder) / "socket"
        server = ManagementServer(Handle(lambda: hub, now, post, lambda _name, _octets: None), path)
        await server.start()
        quiet = await lateness(asyncio.sleep(1.0))
        for form in ("PROMETHEUS", "OPENMETRICS"):
            figures += await _scrapes(path, form, clients, runs, quiet)
        await server.stop()
    return figures


async def _scrapes(path: Path, form: str, clients: int, runs: int, quiet: float) -> list[Figure]:
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CLIENT, str(path), form), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )

    async def ask(what: str) -> float:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(f"{what}\n".encode())
        seconds, lines = json.loads(await client.stdout.readline())
        assert lines > 10 * clients, lines
        return float(seconds)

    await ask("scrape")  # everything is imported
    scraped, written, late = [], [], []
    for _ in range(runs):
        asked = asyncio.ensure_future(ask("scrape"))
        late.append(await lateness(asked))
        scraped.append(asked.result())
        written.append(await ask("write"))
    assert client.stdin is not None
    client.stdin.close()
    await client.wait()
    name = {"PROMETHEUS": "Prometheus text", "OPENMETRICS": "OpenMetrics"}[form]
    return [
        Figure(name=f"a scrape of {clients:,} peers, {name}", unit="s", values=tuple(scraped), goal=0.3),
        Figure(
            name="the latest timer of the router meanwhile",
            unit="ms",
            values=tuple(late),
            goal=5.0,
            baseline=(quiet,),
            against="without any client",
        ),
        Figure(name=f"writing the text of {clients:,} peers, {name}", unit="s", values=tuple(written), goal=0.05),
    ]
