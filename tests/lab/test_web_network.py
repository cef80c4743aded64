"""`dmvpn web` on a network: TLS as openssl and curl see it, a reverse proxy, strangers on the LAN, slow clients."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.served import Served, dmvpn, new_token, problem, refused, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


LABS = "/api/v1/labs"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")


@pytest.fixture(scope="module")
def secure(environment: dict[str, str]) -> Iterator[Served]:
    """With a certificate of our own authority."""
    context = ssl.create_default_context()
    with serving(environment, "--authority", "--name", "web.example", context=context) as served:
        context.load_verify_locations(served.third.split("trust ")[1].strip())
        served.come_in()
        yield served


def run(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, check=False, capture_output=True, text=True, input=typed, timeout=60)


# ---------------------------------------------------------------------------------------------------- TLS


@needs_curl
def test_curl_trusts_the_authority_that_is_printed(secure: Served) -> None:
    assert secure.address.startswith(f"https://127.0.0.1:{secure.port}/login#")
    authority = secure.third.split("trust ")[1].strip()
    url = f"https://127.0.0.1:{secure.port}{LABS}"
    bearer = f"Authorization: Bearer {secure.token}"
    said = run("curl", "-sS", "--cacert", authority, "-H", bearer, url)
    assert json.loads(said.stdout)[0]["name"] == "notes-phase3", said.stderr
    named = run(
        *("curl", "-sS", "--cacert", authority, "-H", bearer, "--resolve", f"web.example:{secure.port}:127.0.0.1"),
        f"https://web.example:{secure.port}{LABS}",
    )
    assert json.loads(named.stdout)[0]["name"] == "notes-phase3", named.stderr
    assert run("curl", "-sS", "-H", bearer, url).returncode == 60  # nobody else trusts it
    assert run("curl", "-sS", "-H", bearer, url.replace("https", "http")).returncode != 0
    old = run("curl", "-sS", "--cacert", authority, "--tls-max", "1.1", url)
    assert old.returncode == 35


@needs_openssl
def test_openssl_sees_the_printed_fingerprint_and_a_certificate_for_servers_alone(secure: Served) -> None:
    shown = run("openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-alpn", "http/1.1", typed="Q\n").stdout
    said = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-ext", "extendedKeyUsage", typed=shown).stdout
    assert secure.third.split()[4].rstrip(";") in said
    assert "TLS Web Server Authentication" in said
    assert "IPSec" not in said


def test_the_cookie_of_tls_is_for_this_host_and_tls_alone(secure: Served, environment: dict[str, str]) -> None:
    body = json.dumps({"token": new_token(environment, "tina")})
    answer = secure.ask("/api/v1/session", method="POST", body=body)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-dmvpn_session=")
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Secure"} <= set(cookie.split("; "))
    both = {"Cookie": cookie.partition(";")[0], "X-Session-Key": str(answer.fields["key"])}
    assert secure.ask("/api/v1/session", headers=both, token="").fields["user"] == "tina"


def test_the_certificate_is_used_again_until_the_names_change(environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prints = []
        for names in (("a.example",), ("a.example",), ("b.example",)):
            words = [word for name in names for word in ("--name", name)]
            with serving(environment, "--authority", folder, *words) as served:
                prints.append(served.third)
        assert prints[0] == prints[1] != prints[2]
        assert (Path(folder) / "web.key").stat().st_mode & 0o777 == 0o600
        assert (Path(folder) / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_given_certificate_is_checked_before_anything_is_served(environment: dict[str, str], tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    dmvpn(environment, "pki", "init", str(pki), "--ec")
    dmvpn(environment, "pki", "issue", str(pki), "front", "other", "--days", "30")
    certificate, key = str(pki / "front.pem"), pki / "front.key"
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    context.check_hostname = False
    with serving(environment, "--certificate", certificate, "--key", str(key), context=context) as served:
        served.come_in()
        assert served.ask(LABS, headers={"Host": "front"}).status == 200
        assert problem(served.ask(LABS, headers={"Host": "other"}), 421)
        before = ssl.get_server_certificate(("127.0.0.1", served.port))
        dmvpn(environment, "pki", "issue", str(pki), "front", "--days", "60", "--renew")
        end = time.monotonic() + 10
        while ssl.get_server_certificate(("127.0.0.1", served.port)) == before:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert served.ask(LABS, headers={"Host": "front"}).status == 200
    listen = ("web", "--listen", "127.0.0.1:0", "--certificate", certificate)
    assert "belong together" in refused(environment, *listen)
    assert "not a certificate and its key" in refused(environment, *listen, "--key", str(pki / "other.key"))
    assert "No such file" in refused(environment, *listen, "--key", str(pki / "none.key"))
    key.chmod(0o644)
    assert "chmod 600" in refused(environment, *listen, "--key", str(key))
    sealed = tmp_path / "sealed.key"
    if shutil.which("openssl"):
        run("openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(sealed))
        assert "unencrypted" in refused(environment, *listen, "--key", str(sealed))
    assert "in PEM form" in refused(environment, "web", "--certificate", __file__, "--key", str(key))


def test_other_addresses_than_loopback_need_tls_and_a_name(environment: dict[str, str]) -> None:
    assert "need TLS" in refused(environment, "web", "--listen", "192.0.2.1:8080")
    assert "need TLS" in refused(environment, "web", "--listen", "0.0.0.0:0")
    assert "needs --name" in refused(environment, "web", "--listen", "[::]:0", "--authority")
    assert "--name a/b" in refused(environment, "web", "--authority", "--name", "a/b")
    assert "needs --name" in refused(environment, "web", "--behind-proxy", "127.0.0.1")
    assert "--behind-proxy x" in refused(environment, "web", "--behind-proxy", "x", "--name", "a.example")


# ---------------------------------------------------------------------------------------------------- a proxy


def test_only_the_proxy_is_believed(environment: dict[str, str]) -> None:
    with serving(environment, "--behind-proxy", "127.0.0.9", "--name", "net.example") as served:
        assert served.address.startswith("https://net.example/login#")
        said = {
            "X-Forwarded-For": "6.6.6.6, 192.0.2.7",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "net.example",
        }
        body = json.dumps({"code": served.code})
        answer = served.ask("/api/v1/session", method="POST", body=body, headers=said, source="127.0.0.9")
        assert answer.headers["set-cookie"].startswith("__Host-")
        (login,) = served.audit("login")
        assert login["from"] == "192.0.2.7"  # what the proxy itself added, not what its client claims
        both = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "X-Session-Key": str(answer.fields["key"])}
        page = {"Origin": "https://net.example", "Sec-Fetch-Site": "same-origin"}
        assert served.ask(LABS, headers={**said, **both, **page}, source="127.0.0.9").status == 200
        for wrong, status in (
            ({"X-Forwarded-Host": "evil.example"}, 421),
            ({"X-Forwarded-Host": "127.0.0.1"}, 421),
            ({"X-Forwarded-Host": "localhost"}, 421),
            ({"X-Forwarded-Proto": "http"}, 403),
            ({"X-Forwarded-Proto": ""}, 400),
            ({"X-Forwarded-For": "unknown"}, 400),
            ({"Origin": f"http://127.0.0.1:{served.port}"}, 403),
        ):
            assert problem(served.ask(LABS, headers={**said, **both, **wrong}, source="127.0.0.9"), status)
        # Somebody else is judged by what the connection says.
        assert problem(served.ask(LABS, headers={**said, **both}), 401)
        served.ask(LABS, headers=said, token="wrong")
        assert {line["from"] for line in served.audit("refused")} == {"127.0.0.1"}


# ---------------------------------------------------------------------------------------------------- slow clients


def opened(served: Served, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=40, source_address=(source, 0))


def is_ended(client: socket.socket) -> bool:
    """Whether the server has closed or reset it; it waits for that."""
    with contextlib.suppress(ConnectionError):
        while client.recv(4096):
            pass
    return True


def test_five_hundred_slow_strangers_keep_nobody_out(environment: dict[str, str]) -> None:
    with serving(environment) as served, contextlib.ExitStack() as many:
        served.come_in()
        kept = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        many.callback(kept.close)
        bearer = {"Authorization": f"Bearer {served.token}"}
        kept.request("GET", LABS, headers=bearer)
        assert kept.getresponse().read()
        for number in range(500):
            client = many.enter_context(opened(served, f"127.0.0.{number % 2 + 2}"))
            with contextlib.suppress(ConnectionError):
                client.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        assert served.ask(LABS).status == 200
        kept.request("GET", LABS, headers=bearer)  # who has a token is not displaced
        assert kept.getresponse().status == 200
        descriptors = len(list(Path(f"/proc/{served.process.pid}/fd").iterdir()))
        assert descriptors < 260


@pytest.mark.slow
def test_headers_that_come_octet_by_octet_end_after_ten_seconds(environment: dict[str, str]) -> None:
    with serving(environment) as served, opened(served) as slow, opened(served) as silent, opened(served) as long:
        begin = time.monotonic()
        long.sendall(f"POST /api/v1/tokens HTTP/1.1\r\nHost: {served.name}\r\n".encode())
        long.sendall(b"Transfer-Encoding: chunked\r\nAuthorization: Bearer x\r\n\r\n")
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begin < 20:
                slow.sendall(b"X")
                time.sleep(0.2)
        assert 9 < time.monotonic() - begin < 15
        assert is_ended(silent)
        assert time.monotonic() - begin < 15
        assert b" 408 " in long.recv(4096)  # its body never came
        assert 25 < time.monotonic() - begin < 40


@pytest.mark.slow
def test_a_body_that_never_ends_is_read_by_nobody_without_a_token(environment: dict[str, str]) -> None:
    with serving(environment) as served, opened(served) as client:
        client.sendall(f"GET {LABS} HTTP/1.1\r\nHost: {served.name}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        assert b" 401 " in client.recv(4096)
        begin = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begin < 30:
                client.sendall(b"1\r\nx\r\n")
                time.sleep(0.05)
        assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET /healthz HTTP/1.1\r\nHost: HOST\r\nX: " + "y" * 40_000 + "\r\n\r\n", 431),
        ("GET /" + "y" * 40_000 + " HTTP/1.1\r\nHost: HOST\r\n\r\n", 431),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /login HTTP/1.0\r\n\r\n", 421),
        ("GET /healthz HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: HOST\r\nHost : evil\r\n\r\n", 400),
        ("GET http://HOST/healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        ("GET //healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 401),
        ("GET /./healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        ("GET /api/../healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        ("GET /api%2Fv1/labs HTTP/1.1\r\nHost: HOST\r\n\r\n", 404),
        ("GET /healthz\\x HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        ("GET /healthz/ HTTP/1.1\r\nHost: HOST\r\n\r\n", 401),
        ("GET /api/v1/tokens HTTP/1.1\r\nHost: HOST\r\n\r\n", 401),
        ("GET /login%23 HTTP/1.1\r\nHost: HOST\r\n\r\n", 401),
        ("POST /healthz HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n", 401),
        ("POST /api/v1/tokens HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        ("POST /api/v1/tokens HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST /api/v1/tokens HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST /api/v1/tokens HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
        ("POST /api/v1/tokens HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST /api/v1/tokens HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (
            "GET /api/v1/labs HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer TOKEN\r\nAuthorization: Bearer x\r\n\r\n",
            400,
        ),
        ("GET /api/v1/labs HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic TOKEN\r\n\r\n", 401),
        ("GET /api/v1/labs HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer TOKEN TOKEN\r\n\r\n", 401),
        ("GET /api/v1/labs HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 401),
        ("GET /healthz HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n", 400),
        ("POST /api/v1/tokens HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01", 400),
    ],
)
def test_requests_that_two_programs_could_read_in_two_ways(sound: Served, request_text: str, status: int) -> None:
    with opened(sound) as client:
        client.sendall(request_text.replace("HOST", sound.name).replace("TOKEN", sound.token).encode("latin-1"))
        client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := client.recv(4096):
                answer += data
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b"application/problem+json" in answer
    assert b"nosniff" in answer
    assert sound.ask(LABS).status == 200


def test_strangers_who_leave_in_the_middle_leave_no_word_behind(sound: Served) -> None:
    for _ in range(20):
        with opened(sound) as client:
            client.sendall(
                f"POST /api/v1/tokens HTTP/1.1\r\nHost: {sound.name}\r\nContent-Length: 9\r\n\r\n{{".encode()
            )
    assert sound.ask(LABS).status == 200


@pytest.fixture(scope="module")
def sound(environment: dict[str, str]) -> Iterator[Served]:
    """One that must still be well after all of this, and has written nothing but its audit."""
    with serving(environment) as served:
        served.come_in()
        yield served
        assert {line["event"] for line in served.audit()} <= {"login", "refused"}


def test_two_requests_in_one_packet_are_judged_each_for_itself(sound: Served) -> None:
    first = f"GET {LABS} HTTP/1.1\r\nHost: {sound.name}\r\nAuthorization: Bearer {sound.token}\r\n\r\n"
    second = f"GET {LABS} HTTP/1.1\r\nHost: {sound.name}\r\nConnection: close\r\n\r\n"
    with opened(sound) as client:
        client.sendall((first + second).encode())
        answer = b""
        while data := client.recv(4096):
            answer += data
    assert answer.count(b"HTTP/1.1 200 ") == 1
    assert answer.count(b"HTTP/1.1 401 ") == 1


# ---------------------------------------------------------------------------------------------------- a LAN


@contextlib.contextmanager
def lan() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Two networks with a wire between them, 192.0.2.1 and .2: the words that run a program in each."""
    holders = [subprocess.Popen(["unshare", "-n", "sleep", "600"]) for _ in range(2)]
    try:
        for holder in holders:
            end = time.monotonic() + 10
            while os.stat(f"/proc/{holder.pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
                assert time.monotonic() < end
                time.sleep(0.01)
        here, there = (("nsenter", "-t", str(holder.pid), "-n") for holder in holders)
        ip = (*here, "ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(holders[1].pid))
        subprocess.run(ip, check=True)
        for inside, address in ((here, "192.0.2.1/24"), (there, "192.0.2.2/24")):
            for words in (("link", "set", "lo", "up"), ("link", "set", "wire", "up"), ("address", "add", address)):
                more = ("dev", "wire") if words[0] == "address" else ()
                subprocess.run((*inside, "ip", *words, *more), check=True)
        yield here, there
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()


@pytest.mark.lab
@needs_curl
@pytest.mark.skipif(os.geteuid() != 0, reason="pytest does not run as root")
def test_a_stranger_on_the_lan_sees_nothing(environment: dict[str, str]) -> None:
    with lan() as (here, there):
        curl = (*there, "curl", "-sS", "-k", "-m", "5", "-o", "-", "-w", "\n%{http_code}")
        with serving(environment, words=here) as served:
            refusal = run(*curl, f"http://192.0.2.1:{served.port}/healthz")
            assert refusal.returncode == 7  # nothing listens there
        with serving(environment, "--authority", listen="192.0.2.1:0", words=here) as served:
            base = f"https://192.0.2.1:{served.port}"
            assert served.address.startswith(base)
            seen = ""
            for path in ("/", "/healthz", "/login", LABS, "/api/v1/openapi.json", f"{LABS}/notes-phase3", "/x"):
                seen += run(*curl, "-i", base + path).stdout
            for word in ("notes-phase3", "R31", "uvicorn", "0.", served.code):
                assert word.lower() not in seen.replace("192.0.2.1", "").lower(), word
            assert run(*curl, f"http://192.0.2.1:{served.port}/healthz").stdout.strip() in ("", "000")
            token = new_token(environment, "lea")
            told = run(*curl, "-H", f"Authorization: Bearer {token}", base + LABS).stdout
            assert "notes-phase3" in told
            (login,) = served.audit("login")
            assert (login["user"], login["from"]) == ("lea", "192.0.2.2")
