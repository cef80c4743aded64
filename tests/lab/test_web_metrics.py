"""`/metrics` as a scraper has it: a simulated lab, hostile parameters, routers that are dead or say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.face.messages import Counts, Done, Hello
from dmvpn.face.protocol import encode
from dmvpn.web.fleet import Running
from dmvpn.web.lab_events import Traffic
from dmvpn.web.metrics import Wish, scrape
from support.scraped import Answer, Web
from support.served import dmvpn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.labs import Labs

TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"


@pytest.fixture(scope="module")
def web(environment: dict[str, str]) -> Iterator[Web]:
    served = Web(environment)
    yield served
    served.close()


def problem(answer: Answer, status: int) -> str:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    return str(json.loads(answer.text)["detail"])


def value(text: str, metric: str, router: str) -> float:
    """The only number of a metric of a router."""
    (found,) = re.findall(rf'^{metric}{{lab="notes-phase3",router="{router}"[^}}]*}} (\S+)$', text, re.MULTILINE)
    return float(found)


def test_a_scraper_gets_all_routers_and_the_process_itself(web: Web) -> None:
    got = web.ask("/metrics")
    assert got.status == 200
    assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert got.headers["cache-control"] == "no-store"
    for router in ("R11", "R31", "R41"):
        assert value(got.text, "dmvpn_up", router) == 1
        assert value(got.text, "dmvpn_nhrp_running", router) == 1
    assert re.search(r"^process_resident_memory_bytes \d+$", got.text.replace("{}", ""), re.MULTILINE)
    names = [line.partition("{")[0] for line in got.text.splitlines() if not line.startswith("#")]
    assert len(set(names)) == sum(name != before for name, before in zip(names, ["", *names], strict=False))


def test_openmetrics_is_for_those_who_ask_for_it(web: Web) -> None:
    got = web.ask("/metrics?router=R31", {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
    assert got.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert got.text.endswith("\n# EOF\n")
    assert 'router="R11"' not in got.text


def test_peers_are_bounded_by_a_parameter(web: Web) -> None:
    assert "dmvpn_peer_up" not in web.ask("/metrics?router=R11&peers=0").text
    cut = web.ask("/metrics?router=R11&peers=1").text
    assert cut.count("\ndmvpn_peer_up{") == 1
    assert 'dmvpn_scrape_cut{lab="notes-phase3",router="R11",table="peers"} 1' in cut


@pytest.mark.parametrize(
    "query", ["peers=x", "peers=", "peers=1e9", "peers=-1", "what=1", "router=R1%22%7D", "lab=none"]
)
def test_a_wrong_parameter_is_one_error(web: Web, query: str) -> None:
    answer = web.ask(f"/metrics?{query}")
    assert problem(answer, 404 if query.startswith(("router", "lab")) else 400)


def test_both_resources_are_described(web: Web) -> None:
    paths = json.loads(web.ask("/api/v1/openapi.json").text)["paths"]
    assert set(paths["/metrics"]["get"]["responses"]["200"]["content"]) == {
        "text/plain",
        "application/openmetrics-text",
    }
    assert [one["name"] for one in paths["/metrics"]["get"]["parameters"]] == ["lab", "router", "peers"]
    assert "/api/v1/targets" in paths


def test_a_stranger_gets_no_number(web: Web) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer x"}):
        for path in ("/metrics", "/api/v1/targets"):
            assert "token" in problem(web.ask(path, headers), 401)


def test_each_router_is_a_target_of_its_own(web: Web) -> None:
    targets = json.loads(web.ask("/api/v1/targets").text)
    labels = [one["labels"] for one in targets]
    assert {one["targets"][0] for one in targets} == {f"127.0.0.1:{web.port}"}
    assert {"notes-phase3/R11", "notes-phase3/R31"} <= {one["instance"] for one in labels}
    one = next(one for one in labels if one["instance"] == "notes-phase3/R31")
    assert one["__scheme__"] == "http"
    got = web.ask(f"{one['__metrics_path__']}?lab={one['__param_lab']}&router={one['__param_router']}").text
    assert value(got, "dmvpn_up", "R31") == 1


def test_a_router_that_was_killed_is_down_and_the_others_are_complete(web: Web, environment: dict[str, str]) -> None:
    dmvpn(environment, "lab", "kill", "R41")
    try:
        text = web.ask("/metrics").text
        assert value(text, "dmvpn_up", "R41") == 0
        assert value(text, "dmvpn_up", "R31") == 1
        assert 'dmvpn_interface_up{lab="notes-phase3",router="R41"' not in text
    finally:
        dmvpn(environment, "lab", "start", "R41")


def test_a_process_that_hangs_costs_no_more_than_the_scraper_has(web: Web, environment: dict[str, str]) -> None:
    """The lab is stopped: its sockets take connections, and nothing answers."""
    text = web.ask("/metrics?router=R31").text
    (begun,) = {line for line in text.splitlines() if line.startswith("dmvpn_process_start_time_seconds{")}
    assert begun
    folder = Path(environment["XDG_RUNTIME_DIR"]) / "dmvpn" / "labs" / "notes-phase3"
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(folder / "R31.sock"))
        pid = int.from_bytes(asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")
    os.kill(pid, signal.SIGSTOP)
    try:
        before = time.monotonic()
        text = web.ask("/metrics?router=R31", {TIMEOUT: "2"}).text
        assert time.monotonic() - before < 2
        assert value(text, "dmvpn_up", "R31") == 0
    finally:
        os.kill(pid, signal.SIGCONT)
    assert value(web.ask("/metrics?router=R31").text, "dmvpn_up", "R31") == 1


class Liar:
    """Answers at a socket as no router would."""

    def __init__(self, folder: Path, *answers: bytes) -> None:
        self.path = folder / "LIAR.sock"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self.path))
        self._socket.listen()
        self._socket.settimeout(10)
        self._answers = answers
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(encode(Hello("LIAR")))
            connection.recv(1000)
            for answer in self._answers:
                connection.sendall(answer)

    def close(self) -> None:
        self._thread.join(10)
        self._socket.close()


class OneRouter:
    """Just the liar."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def running(self) -> list[Running]:
        return [Running("lab", "LIAR", True, self._path)]


_ROWS = encode(Counts("x", 1.0, 1, ("hostile", "dmvpn_x"), (('"} 1\nfake 1', 1),), (("gauge", "X.\nfake 1"),)))


@pytest.mark.parametrize(
    ("answers", "up"),
    [
        ((_ROWS, encode(Done())), 1),
        ((_ROWS,), 0),
        ((_ROWS, encode(Done(1, "a fault"))), 0),
        ((b"nonsense\n",), 0),
        ((_ROWS.replace(b"dmvpn_x", b"dmvpn_\\u0000x"), encode(Done())), 0),
        ((_ROWS.replace(b'"dmvpn_x"', b'"x 1\\n#"'), encode(Done())), 0),
        ((_ROWS.replace(b"gauge", b"gau ge"), encode(Done())), 0),
        ((b"x" * (1 << 21),), 0),
    ],
)
def test_a_router_of_another_version_or_a_liar_writes_no_line_of_its_own(
    tmp_path: Path, answers: tuple[bytes, ...], up: int
) -> None:
    liar = Liar(tmp_path, *answers)
    try:
        text = scrape(OneRouter(liar.path), Wish(patience=5.0))
    finally:
        liar.close()
    assert f'dmvpn_up{{lab="lab",router="LIAR"}} {up}' in text
    assert not re.search(r"^(fake|x 1)", text, re.MULTILINE)
    assert text.count("dmvpn_x{") == up


def test_the_name_of_a_table_that_was_cut_is_one_label(tmp_path: Path) -> None:
    cut = Counts('x",router="R31', 1.0, 0, ("dmvpn_x",), ((1,),), (("gauge", "X."),), cut=True)
    liar = Liar(tmp_path, encode(cut), encode(Done()))
    try:
        text = scrape(OneRouter(liar.path), Wish(patience=5.0))
    finally:
        liar.close()
    assert r'dmvpn_scrape_cut{lab="lab",router="LIAR",table="x\",router=\"R31"} 1' in text


@pytest.mark.lab
def test_routers_with_real_packets_count_peers_and_octets(labs: Labs) -> None:
    labs.up("intro-phase3")
    labs.on("SPOKE10", "ping 192.168.20.1 source 192.168.10.1 repeat 20")
    web = Web({**labs.environment, "XDG_STATE_HOME": labs.environment["XDG_RUNTIME_DIR"]})
    try:
        text = web.ask("/metrics").text
    finally:
        web.close()
    for metric in ("dmvpn_peer_sent_packets_total", "dmvpn_peer_sent_bytes_total", "dmvpn_ipsec_peer_sent_bytes_total"):
        found = re.findall(rf'^{metric}{{lab="intro-phase3",router="HUB"[^}}]*}} (\d+)$', text, re.MULTILINE)
        assert len(found) == 2, metric
        assert min(map(int, found)) > 0
    assert re.search(r'^dmvpn_interface_received_bytes_total{.*router="HUB",interface="Tunnel0"} [1-9]', text, re.M)


# The questions for traffic, at sockets that answer as busy routers do, and routers of another version.

COLUMNS = ("interface", "nbma", "packets_out", "packets_in", "octets_out", "octets_in")


def counts(now: float, *numbers: int, columns: tuple[str, ...] = COLUMNS) -> bytes:
    """The answer of a router with one peer."""
    return encode(Counts("peers", now, 2, columns, (("Tunnel0", "192.0.2.1", *numbers),))) + encode(Done())


def rates_of(*answers: bytes) -> list[Sequence[dict[str, object]]]:
    """The rates after each question. answers: of the router, one for each question; b"": it hangs up."""
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(encode(Hello("R1")) + left.pop(0))
        writer.close()

    async def ask(path: Path) -> list[Sequence[dict[str, object]]]:
        traffic = Traffic(["R1"])
        async with await asyncio.start_unix_server(answer, path):
            return [await traffic.rates({"R1": path}) for _ in answers]

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(ask(Path(folder) / "R1.sock"))


def test_a_router_that_was_too_busy_for_an_answer_loses_no_traffic() -> None:
    """The page showed nothing just while there was most: rates need two answers, and one alone was forgotten."""
    *_, last = rates_of(counts(10.0, 100, 0, 9000, 0), b"", counts(14.0, 300, 0, 29_000, 0))
    assert [(row["out"], row["bits_out"]) for row in last] == [(50.0, 40_000)]


def test_a_router_whose_rows_have_other_columns_has_no_rates() -> None:
    old = counts(10.0, 1, 2, columns=COLUMNS[:4])
    assert rates_of(old, old) == [[], []]
