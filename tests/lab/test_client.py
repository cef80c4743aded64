"""`dmvpn.client` as scripts use it: a simulated lab behind a `dmvpn web`, and servers that are none."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("httpx2")

from dmvpn import client as api
from dmvpn.client import aio, exchange
from dmvpn.face.messages import News
from dmvpn.features.nhrp.show.dmvpn import ShowDmvpn
from dmvpn.ios.filters import to_plain
from support.served import dmvpn, new_token, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.served import Served


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment, "--role", "operate") as found:
        found.come_in()
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[api.Client]:
    with api.connect(f"http://127.0.0.1:{served.port}", token=served.token) as found:
        yield found


# ------------------------------------------------------------------------------------------------ what is asked


def test_a_show_comes_back_as_the_dataclass_that_the_router_made(
    environment: dict[str, str], client: api.Client
) -> None:
    shown = client.router("R31").show("dmvpn")
    assert type(shown) is ShowDmvpn  # a type checker knows this, too
    assert "192.168.100.11" in [str(peer.tunnel) for peer in shown.peers]
    route = to_plain(client.router("R31", lab="notes-phase3").show("ip route 10.3.3.0/24"))
    typed = json.loads(dmvpn(environment, "-r", "R31", "show ip route 10.3.3.0/24 | json"))
    assert isinstance(route, dict)
    assert route.keys() == typed.keys()
    assert client.router("R31").show("ip nhrp br") is not None  # words may be cut, as at the prompt
    plain = client.router("R31").plain("version")
    assert isinstance(plain, dict)


def test_the_front_for_asyncio_gives_the_same(served: Served, client: api.Client) -> None:
    async def ask() -> tuple[object, ...]:
        async with aio.connect(client.url, token=served.token) as found:
            router = found.router("R31")
            peers = await router.show("dmvpn"), await router.show("ip nhrp nhs")
            return (
                await found.labs(),
                await found.routers(),
                type(peers[0]),
                await found.caller(),
                await found.state("notes-phase3"),
            )

    labs, routers, kind, caller, state = asyncio.run(ask())
    assert (labs, routers, kind) == (client.labs(), client.routers("notes-phase3"), ShowDmvpn)
    assert caller == api.Caller("web", "operate")
    assert isinstance(state, dict)
    assert state["simulated"] is True
    assert api.RouterState("notes-phase3", "R31", alive=True) in client.routers()
    assert client.labs()[0].service is False


def test_commands_run_and_a_line_that_the_router_refuses_is_no_error(client: api.Client) -> None:
    router = client.router("R31")
    assert router.run("clear ip nhrp") == api.Ran(accepted=True, output="")
    assert not router.run("clear nonsense").accepted
    with pytest.raises(api.RoleError, match="operate"):
        router.run("reload")


def test_metrics_are_numbers_with_labels(client: api.Client) -> None:
    metrics = client.router("R31").metrics()
    assert metrics.value("dmvpn_up", router="R31") == 1
    assert "answered" in metrics.meanings["dmvpn_up"]
    assert {one.labels["router"] for one in metrics.select("dmvpn_up")} == {"R31"}
    assert {one.labels["lab"] for one in client.metrics().select("dmvpn_up")} == {"notes-phase3"}
    assert metrics.select("dmvpn_peer_up", interface="Tunnel100")
    assert not client.metrics(peers=0).select("dmvpn_peer_up")
    assert "router" in metrics.frame("dmvpn_nhrp_running").columns
    with pytest.raises(LookupError):
        metrics.value("dmvpn_nothing")


def test_tables_of_shows_are_frames(client: api.Client) -> None:
    peers = client.router("R31").frame("dmvpn", "tunnels.peers")
    assert "192.168.100.11" in list(peers["tunnel"])
    assert set(peers["tunnels.name"]) == {"Tunnel100"}
    shown = client.router("R31").show("dmvpn")
    assert len(api.frame(shown.peers)) == len(peers)
    assert list(api.frame(client.labs())["name"]) == ["notes-phase3"]
    with pytest.raises(api.UsageError, match=r"tunnels, tunnels\.servers, tunnels\.peers, sessions"):
        client.router("R31").frame("dmvpn")


# ------------------------------------------------------------------------------------------------ events


def bring_up(environment: dict[str, str], port: str) -> None:
    """Bring a port up, which the router logs."""
    lines = f"configure terminal\ninterface {port}\nend\n"
    dmvpn(environment, "-r", "R31", typed=lines)


def has(event: object, text: str) -> bool:
    """Whether news have a line of the log with this text."""
    return isinstance(event, News) and any(text in str(line["text"]) for line in event.log)


def test_events_go_on_behind_the_last_one_that_a_script_has(environment: dict[str, str], client: api.Client) -> None:
    router = client.router("R31")
    first = next(one for one in router.events() if isinstance(one, News))
    assert first.begins
    assert first.lines
    bring_up(environment, "Loopback81")
    news = next(one for one in router.events("log", since=first.id) if isinstance(one, News))
    assert has(news, "Loopback81")
    assert (news.begins, news.missed, news.lines) == (False, 0, ())
    with pytest.raises(api.RefusedError, match="topics"):
        next(router.events("weather"))
    with pytest.raises(api.RefusedError, match="Last-Event-ID"):
        next(router.events(since="x"))


def test_a_router_that_dies_is_an_event(environment: dict[str, str], client: api.Client) -> None:
    events = client.router("R41").events()
    next(events)
    dmvpn(environment, "lab", "kill", "R41")
    assert api.Gone("R41") in events
    dmvpn(environment, "lab", "start", "R41")
    again = next(events)
    assert isinstance(again, News)
    assert again.begins


def test_a_stream_that_breaks_is_opened_again_by_itself(environment: dict[str, str]) -> None:
    """The first server ends, and another one begins at its port; nothing is lost, nothing comes twice."""
    token = new_token(environment, "bob")
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    seen: list[News] = []
    is_there = threading.Event()

    async def follow() -> None:
        async with aio.connect(f"http://{listen}", token=token) as client:
            async for one in client.router("R31").events("log"):
                assert isinstance(one, News)
                seen.append(one)
                is_there.set()
                if has(one, "Loopback83"):
                    return

    with ThreadPoolExecutor(1) as pool:
        with serving(environment, listen=listen):
            reader = pool.submit(asyncio.run, follow())
            assert is_there.wait(30)
        bring_up(environment, "Loopback82")
        with serving(environment, listen=listen):
            bring_up(environment, "Loopback83")
            reader.result(60)
    texts = [str(line["text"]) for one in seen for line in one.log]
    assert any("Loopback82" in text for text in texts)
    assert len(texts) == len({(line["number"]) for one in seen for line in one.log})


def test_a_server_that_stays_away_ends_the_stream(environment: dict[str, str]) -> None:
    token = new_token(environment, "eve")
    with serving(environment) as served:
        client = api.connect(f"http://127.0.0.1:{served.port}", token=token)
        events = client.router("R31").events(patience=1.0)
        next(events)
    with pytest.raises(api.NotReachedError):
        list(events)
    client.close()


# ------------------------------------------------------------------------------------------------ what goes wrong


def test_each_refusal_is_an_error_of_its_own_kind(client: api.Client, environment: dict[str, str]) -> None:
    with pytest.raises(api.UsageError, match="no `show nonsense`"):
        client.router("R31").show("nonsense")
    with pytest.raises(api.RefusedError):
        client.router("R31").plain("nonsense")
    with pytest.raises(api.UsageError, match="no lab"):
        client.router("R99").show("dmvpn")
    with pytest.raises(api.MissingError, match="no such router") as caught:
        client.router("R99", lab="notes-phase3").show("dmvpn")
    assert (caught.value.status, caught.value.title) == (404, "Not Found")
    for lab in ("..", "a/b", "\x00", "none"):
        with pytest.raises((api.UsageError, api.MissingError)):
            client.state(lab)
    with api.connect(client.url, token="wrong") as other, pytest.raises(api.TokenError, match="token"):
        other.labs()
    dmvpn(environment, "lab", "kill", "R41")
    with pytest.raises(api.UnavailableError, match="R41 does not run"):
        client.router("R41", lab="notes-phase3").show("dmvpn")
    dmvpn(environment, "lab", "start", "R41")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with api.connect(f"http://127.0.0.1:{port}", token="x") as nobody, pytest.raises(api.NotReachedError):
        nobody.labs()


@contextmanager
def answering(octets: bytes) -> Iterator[str]:
    """A server that gives the same answer to whatever is asked, once for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(octets)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def response(body: bytes, status: str = "200 OK", more: str = "Content-Type: application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\n{more}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (response(b"<html>"), api.AnswerError),
        (response(b"[" * 100_000), api.AnswerError),
        (response(b'[{"name": 1, "service": false, "routers": []}]'), api.AnswerError),
        (response(b'[{"name": "x", "service": 0, "routers": []}]'), api.AnswerError),
        (response(b'{"name": NaN}'), api.AnswerError),
        (response(b"9" * 100_000), api.AnswerError),
        (response(b"\xff\xfe"), api.AnswerError),
        (response(b"", "302 Found", "Location: http://127.0.0.1:1/"), api.AnswerError),
        (response(b"", "204 No Content"), api.AnswerError),
        (response(b"\x1f\x8b", more="Content-Encoding: gzip"), api.AnswerError),
        (response(b"[]", "500 Internal Server Error"), api.ProblemError),
        (response(b"[]", "599 Odd", "Content-Type: application/problem+json"), api.ProblemError),
        (response(b'{"title": 1}', "503 X", "Content-Type: application/problem+json"), api.UnavailableError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]", api.NotReachedError),
        (b"SSH-2.0-OpenSSH\r\n", api.NotReachedError),
        (b"", api.NotReachedError),
    ],
)
def test_whatever_answers_there_is_one_error_of_ours(octets: bytes, error: type[api.ClientError]) -> None:
    with answering(octets) as url, api.connect(url, token="dmvpn_secret") as client:
        with pytest.raises(api.ClientError) as caught:
            client.labs()
        assert type(caught.value) is error
        assert "dmvpn_secret" not in repr(caught.value) + repr(client)


def test_an_answer_without_an_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LARGEST", 1000)
    endless = response(b" " * 1_000_000)
    with answering(endless) as url, api.connect(url, token="x") as client, pytest.raises(api.AnswerError, match="1000"):
        client.labs()


def test_a_text_of_a_server_controls_no_terminal() -> None:
    body = json.dumps({"title": "\x1b[2J", "detail": "x" * 5000 + "\n"}).encode()
    answer = response(body, "503 X", "Content-Type: application/problem+json\r\nRetry-After: 7")
    with answering(answer) as url, api.connect(url, token="x") as client:
        with pytest.raises(api.UnavailableError) as caught:
            client.labs()
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1100
        assert caught.value.retry_after == 7


def test_fields_of_a_newer_server_are_left_out() -> None:
    newer = response(b'[{"name": "x", "service": true, "routers": ["R1"], "new": {}}]')
    with answering(newer) as url, api.connect(url, token="x") as client:
        assert client.labs() == (api.Lab("x", service=True, routers=("R1",)),)


@pytest.mark.parametrize(
    "event", [b"event: news\ndata: {\n\n", b"event: news\ndata: []\n\n", b"event: gone\ndata: 1\n\n", b"<html>"]
)
def test_an_event_that_is_none_is_an_error(event: bytes) -> None:
    kind = "text/event-stream" if event.startswith(b"event") else "text/html"
    stream = response(event, more=f"Content-Type: {kind}")
    with answering(stream) as url, api.connect(url, token="x") as client, pytest.raises(api.AnswerError):
        list(client.router("R31", lab="x").events())


# ------------------------------------------------------------------------------------------------ who is asked


def test_the_environment_and_files_say_what_a_call_does_not(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{served.port}"
    with pytest.raises(api.UsageError, match="DMVPN_WEB_TOKEN"):
        api.connect(url)
    file = tmp_path / "token"
    file.write_text(f"{served.token}\n")
    file.chmod(0o644)
    with pytest.raises(api.UsageError, match="chmod 600"):
        api.connect(url, token_file=file)
    file.chmod(0o600)
    monkeypatch.setenv("DMVPN_WEB_URL", f"{url}/api/v1/")
    monkeypatch.setenv("DMVPN_WEB_TOKEN_FILE", str(file))
    with api.connect() as client:
        assert client.caller().role == "operate"
    monkeypatch.setenv("DMVPN_WEB_TOKEN", "wrong")
    with api.connect() as client, pytest.raises(api.TokenError):
        client.caller()


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:8080",
        "http://hub.example.net",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "http://127.0.0.1:99999",
        "http://me:dmvpn_secret@127.0.0.1",
        "https://192.0.2.1/else",
        "http://[::1",
    ],
)
def test_a_token_goes_to_a_server_over_tls_or_on_loopback_alone(url: str) -> None:
    with pytest.raises(api.UsageError):
        api.connect(url, token="x")


def test_only_the_given_authority_is_trusted(environment: dict[str, str], tmp_path: Path) -> None:
    with serving(environment, "--authority") as secure:
        authority = secure.third.split("trust ")[1].strip()
        url = f"https://127.0.0.1:{secure.port}"
        secure.context = ssl.create_default_context(cafile=authority)
        token = secure.come_in()
        with api.connect(url, token=token, authority=authority) as client:
            assert client.labs()
        with api.connect(url, token=token) as client, pytest.raises(api.NotReachedError, match="certificate"):
            client.labs()
    for text in ("", "no certificate"):
        (tmp_path / "ca.pem").write_text(text)
        with pytest.raises(api.UsageError, match="PEM"):
            api.connect("https://127.0.0.1", token="x", authority=tmp_path / "ca.pem")
    with pytest.raises(api.UsageError, match="No such file"):
        api.connect("https://127.0.0.1", token="x", authority=tmp_path / "none.pem")


def test_a_proxy_of_the_environment_gets_no_token(client: api.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with api.connect(client.url, token="wrong") as other, pytest.raises(api.TokenError):
        other.labs()


def test_frames_without_pandas_say_what_to_install() -> None:
    script = (
        "import sys; sys.modules['pandas'] = None\n"
        "from dmvpn.client import Lab, UsageError, frame, rows\n"
        "labs = [Lab('x', False, ('R1',))]\n"
        "print(rows(labs))\n"
        "try:\n    frame(labs)\nexcept UsageError as error:\n    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=os.environ)
    assert said.stdout.splitlines() == [
        "[{'name': 'x', 'service': False, 'routers': ['R1']}]",
        "a frame needs pandas: pip install pandas",
    ]


def test_no_router_and_no_server_loads_the_client() -> None:
    script = "import sys, dmvpn.router.features, dmvpn.app.web, dmvpn.web.serving\nprint('httpx2' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert said.stdout == "False\n"
