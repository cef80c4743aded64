"""Who may come in to `dmvpn web`: the address that works once, sessions of browsers, named tokens, roles, the audit."""

from __future__ import annotations

import contextlib
import http.client
import http.cookies
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.served import MAIN, Answer, Served, dmvpn, new_token, problem, refused, serving, token_file

if TYPE_CHECKING:
    from collections.abc import Iterator


LABS = "/api/v1/labs"
R31 = f"{LABS}/notes-phase3/routers/R31"
SESSION = "/api/v1/session"


@pytest.fixture(scope="module")
def web(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment, "--role", "operate") as served:
        served.come_in()
        yield served


def open_session(served: Served, secret: str) -> tuple[str, str]:
    """The cookie as a browser sends it, and the key."""
    answer = served.ask(SESSION, method="POST", body=json.dumps({"code": secret}), token="")
    assert answer.status == 200, answer
    (morsel,) = http.cookies.SimpleCookie(answer.headers["set-cookie"]).values()
    return f"{morsel.key}={morsel.value}", str(answer.fields["key"])


# ---------------------------------------------------------------------------------------------------- coming in


def test_the_printed_address_opens_a_session_of_a_browser_once(environment: dict[str, str]) -> None:
    with serving(environment) as served:
        assert served.address.startswith(f"http://127.0.0.1:{served.port}/login#")
        page = served.ask("/login")
        assert page.status == 200
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert served.code not in page.text
        answer = served.ask(SESSION, method="POST", body=json.dumps({"code": served.code}))
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        both = {"Cookie": cookie.partition(";")[0], "X-Session-Key": str(answer.fields["key"])}
        assert served.ask(SESSION, headers=both).fields == {
            "user": "web",
            "role": "configure",
            "labs": "",
            "serves": "",
            "without": [],
            "closes": 0.0,
        }
        assert served.ask(LABS, headers=both).status == 200
        again = served.ask(SESSION, method="POST", body=json.dumps({"code": served.code}))
        assert "already used" in problem(again, 403)
        assert problem(served.ask("/api/v1/tokens", method="POST", body=json.dumps({"code": served.code})), 403)
        assert served.ask(SESSION, method="DELETE", headers=both).status == 200
        assert problem(served.ask(LABS, headers=both), 401)
        (login,) = served.audit("login")
        assert (login["user"], login["role"], login["from"], login["by"]) == ("web", "configure", "127.0.0.1", "code")
        assert served.audit("logout")
        assert served.code not in served.said()


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_the_page_takes_the_code_out_of_the_address_and_shows_the_labs(environment: dict[str, str]) -> None:
    """Its script runs in node, with the few things of a browser that it uses."""
    with serving(environment) as served:
        script = Path(__file__).parents[1] / "page" / "door.mjs"
        ran = subprocess.run(
            ["node", script, str(served.port), served.code], check=True, capture_output=True, text=True, timeout=30
        )
        seen = json.loads(ran.stdout)
        assert seen["calls"] == ["/", "/labs/notes-phase3"]
        assert list(seen["kept"]) == ["dmvpn-session-key"]
        assert "web: configure" in seen["texts"]
        assert {"notes-phase3", "4 of 4 routers run, simulated", "1 lab runs"} <= {*seen["texts"]}


def test_half_a_session_is_none(web: Served, environment: dict[str, str]) -> None:
    """A browser sends the cookie to each port of the host: a neighbor of another user must not come in with it."""
    cookie, key = open_session(web, new_token(environment, "half"))
    other, other_key = open_session(web, new_token(environment, "other"))
    assert web.ask(LABS, token="", headers={"Cookie": cookie, "X-Session-Key": key}).status == 200
    for headers in (
        {"Cookie": cookie},
        {"X-Session-Key": key},
        {"Cookie": cookie, "X-Session-Key": other_key},
        {"Cookie": other, "X-Session-Key": key},
        {"Cookie": f"{cookie}; {other}", "X-Session-Key": key},
        {"Cookie": f"__Host-{cookie}", "X-Session-Key": key},
    ):
        assert problem(web.ask(LABS, token="", headers=headers), 401)


def test_the_code_becomes_a_token_even_if_the_whole_address_is_pasted(environment: dict[str, str]) -> None:
    with serving(environment, "--role", "configure") as served:
        answer = served.ask("/api/v1/tokens", method="POST", body=json.dumps({"code": served.address}))
        assert answer.fields["role"] == "configure"
        assert served.ask(LABS, token=str(answer.fields["token"])).status == 200


@pytest.mark.parametrize("path", ["/api/v1/tokens", "/api/v1/session"])
def test_half_a_character_is_no_code(web: Served, path: str) -> None:
    """A stranger saw status 500, and the log a traceback."""
    assert "the body is" in problem(web.ask(path, method="POST", body='{"code": "\\ud800"}'), 400)


def test_two_servers_at_once_do_not_take_each_others_codes(environment: dict[str, str], web: Served) -> None:
    with serving(environment) as other:
        assert problem(web.ask("/api/v1/tokens", method="POST", body=json.dumps({"code": other.code})), 403)
        other.come_in()
        assert problem(other.ask(LABS, token=web.token), 401)


# ---------------------------------------------------------------------------------------------------- named tokens


def test_a_named_token_works_at_servers_that_run_and_ends_at_once(environment: dict[str, str], web: Served) -> None:
    token = new_token(environment, "anna", "view", "--days", "2")
    assert web.ask(f"{R31}/show/clock", token=token).status == 200
    who = {"user": "anna", "role": "view", "labs": "", "serves": "", "without": [], "closes": 0.0}
    assert web.ask(SESSION, token=token).fields == who
    listed = dmvpn(environment, "web", "token", "list")
    assert re.search(r"^anna +view +", listed, re.MULTILINE)
    kept = token_file(environment)
    assert token not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert "there is a token anna" in refused(environment, "web", "token", "create", "--name", "anna")
    cookie, key = open_session(web, token)
    assert dmvpn(environment, "web", "token", "revoke", "anna").startswith("anna is revoked")
    assert problem(web.ask(LABS, token=token), 401)
    assert problem(web.ask(LABS, token="", headers={"Cookie": cookie, "X-Session-Key": key}), 401)
    assert "no token anna" in refused(environment, "web", "token", "revoke", "anna")
    wait_for(lambda: any(line["user"] == "anna" for line in web.audit("revoked")))
    assert any(line["user"] == "anna" and line["by"] == "token" for line in web.audit("login"))


def test_the_list_says_when_a_token_was_used(environment: dict[str, str], web: Served) -> None:
    token = new_token(environment, "bea")
    assert re.search(r"^bea .* never$", dmvpn(environment, "web", "token", "list"), re.MULTILINE)
    assert web.ask(LABS, token=token).status == 200
    wait_for(lambda: re.search(r"^bea .* UTC$", dmvpn(environment, "web", "token", "list"), re.MULTILINE))


def test_an_expired_token_is_none(environment: dict[str, str], web: Served) -> None:
    token = new_token(environment, "carl")
    kept = token_file(environment)
    plain = json.loads(kept.read_text())
    for one in plain["tokens"]:
        one["expires"] = time.time() - 1 if one["name"] == "carl" else one["expires"]
    kept.write_text(json.dumps(plain))
    assert problem(web.ask(LABS, token=token), 401)
    assert "(expired)" in dmvpn(environment, "web", "token", "list")


def test_a_file_that_others_may_write_or_a_link_gives_no_token(environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        own = {**environment, "XDG_STATE_HOME": folder}
        token = new_token(own, "dora")
        kept = token_file(own)
        with serving(own) as served:
            served.come_in()
            assert served.ask(LABS, token=token).status == 200
            kept.chmod(0o660)
            assert problem(served.ask(LABS, token=token), 401)
            assert "chmod 600" in refused(own, "web", "token", "list")
            kept.chmod(0o600)
            assert served.ask(LABS, token=token).status == 200
            moved = Path(folder) / "elsewhere.json"
            kept.rename(moved)
            kept.symlink_to(moved)
            assert problem(served.ask(LABS, token=token), 401)
            assert "symbolic link" in refused(own, "web", "token", "create", "--name", "emil")
            assert moved.read_text().count('"name"') == 1
            assert served.ask(LABS).status == 200  # the token of the code does not need the file
            wait_for(lambda: served.audit("tokens"))
        assert "symbolic link" in refused(own, "web", "--listen", "127.0.0.1:0")
        kept.unlink()
        moved.unlink()
        kept.parent.rmdir()
        (Path(folder) / "open").mkdir(mode=0o755)
        kept.parent.symlink_to(Path(folder) / "open")
        assert "dmvpn: " in refused(own, "web", "token", "create", "--name", "emil")
        assert not any((Path(folder) / "open").iterdir())


def test_tokens_that_are_made_at_once_are_all_kept(environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        own = {**environment, "XDG_STATE_HOME": folder}
        words = (*MAIN, "web", "token", "create", "--name")
        makers = [subprocess.Popen([*words, f"one{n}"], env=own, stdout=-1, stderr=-1) for n in range(6)]
        assert [maker.communicate() and maker.returncode for maker in makers] == [0] * 6
        assert dmvpn(own, "web", "token", "list").count("one") == 6


def test_bad_names_and_days_have_one_error(environment: dict[str, str]) -> None:
    for name in ("", "1a", "a b", "../x", "a" * 33, "a\nb", "ä"):
        assert "is no name" in refused(environment, "web", "token", "create", "--name", name)
    assert "another name" in refused(environment, "web", "token", "create", "--name", "web")
    wrong = subprocess.run(
        [*MAIN, "web", "token", "create", "--name", "a", "--days", "0"], check=False, capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert "a number of days from 1 to 3650" in wrong.stderr


# ---------------------------------------------------------------------------------------------------- roles


def test_the_description_says_which_role_each_resource_needs(web: Served) -> None:
    document = web.ask("/api/v1/openapi.json").fields
    paths = document["paths"]
    assert isinstance(paths, dict)
    for path, methods in paths.items():
        for method, operation in methods.items():
            open_to_all = operation.get("security") == []
            assert open_to_all != ("x-role" in operation), (path, method)
            if "/show/" in path:
                assert operation["x-role"] == "view"
    assert document["security"] == [{"token": []}, {"cookie": [], "key": []}]


def test_operate_sees_no_more_secrets_than_view(environment: dict[str, str], web: Served) -> None:
    assert problem(web.ask(f"{R31}/show/running-config"), 400)
    seen = web.ask(f"{R31}/show/ip/nhrp", token=new_token(environment, "viewer"))
    assert seen.status == 200


def test_operate_may_clear_and_ping_and_nothing_else(environment: dict[str, str], web: Served) -> None:
    def run(line: str, token: str | None = None) -> Answer:
        return web.ask(f"{R31}/run", method="POST", body=json.dumps({"command": line}), token=token)

    assert run("ping 10.0.0.254 repeat 2 timeout 0").status == 200
    cleared = run("clear ip nhrp stats")
    assert cleared.fields["accepted"] is True, cleared
    wrong = run("clear nonsense")
    assert wrong.fields["accepted"] is False
    assert "% Invalid input" in str(wrong.fields["output"])
    for line in (
        "show running-config",
        "cl ip nhrp",
        "configure terminal",
        "reload",
        "write",
        "do clear ip nhrp",
        "en",
    ):
        assert "written in full" in problem(run(line), 403)
    for line in ("", "clear logging | redirect flash:x", "clear logging\nreload", "\x1b", "x" * 1001):
        assert problem(run(line), 400)
    assert "needs the role operate" in problem(run("clear logging", new_token(environment, "vera")), 403)
    assert problem(
        web.ask(f"{LABS}/notes-phase3/routers/none/run", method="POST", body='{"command": "ping 1.1.1.1"}'), 404
    )
    all_of_it = run("show running-config", new_token(environment, "conny", "configure"))
    assert "hostname R31" in str(all_of_it.fields["output"])
    typed = ("configure terminal", "login on-success log", "end")
    dmvpn(environment, "-r", "R31", typed="\n".join(typed))
    assert run("clear counters", new_token(environment, "otto", "operate")).status == 200
    logged = dmvpn(environment, "-r", "R31", "show logging")
    assert f"Login Success [user: otto] [Source: 127.0.0.1] [localport: {web.port}]" in logged
    changes = web.audit("change")
    assert any(
        (line["user"], line["role"], line.get("command"), line["status"])
        == ("web", "operate", "clear ip nhrp stats", 200)
        for line in changes
    )
    assert any((line["user"], line["status"]) == ("vera", 403) for line in changes)


# ---------------------------------------------------------------------------------------------------- strangers


def test_a_thousand_wrong_tokens_neither_shut_out_nor_slow_the_right_one(environment: dict[str, str]) -> None:
    with serving(environment) as served:
        served.come_in()
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        statuses = []
        for number in range(1000):
            connection.request("GET", LABS, headers={"Authorization": f"Bearer dmvpn_{number}"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        assert set(statuses) == {401, 429}
        assert statuses[:10] == [401] * 10
        assert served.ask(LABS).status == 200  # from the same address, at once
        wrong = served.ask(LABS, token="wrong")
        assert "wait" in problem(wrong, 429)
        assert int(wrong.headers["retry-after"]) > 0
        assert problem(served.ask(LABS, token="wrong", source="127.0.0.2"), 401)
        assert problem(served.ask("/api/v1/tokens", method="POST", body='{"code": "x"}', token=""), 429)
        assert len(served.audit("refused")) < 30


def test_answers_on_one_connection_do_not_wait_for_each_other(web: Served) -> None:
    """Each took 44 ms: the last octets of an answer waited for the client's acknowledgment of the first."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    with contextlib.closing(connection):
        taken = []
        for _ in range(20):
            begin = time.monotonic()
            connection.request("GET", SESSION, headers={"Authorization": f"Bearer {web.token}"})
            assert connection.getresponse().read()
            taken.append(time.monotonic() - begin)
    assert min(taken) < 0.03


def test_healthz_says_nothing_but_that_it_lives(web: Served) -> None:
    answer = web.ask("/healthz", token="")
    assert answer.text == '{"status":"ok"}'
    assert "server" not in answer.headers
    for path in (LABS, "/api/v1/openapi.json", f"{R31}/show/clock", "/nothing"):
        assert "notes" not in web.ask(path, token="").text
        assert web.ask(path, token="").status == 401


def test_every_answer_has_the_headers_that_protect_a_browser(web: Served) -> None:
    answers = [web.ask(path) for path in (LABS, "/nothing", "/login", "/healthz", f"{R31}/show/clock")]
    for answer in [*answers, web.ask(LABS, token=""), web.ask(LABS, headers={"Host": "x"})]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        is_page = answer.headers["content-type"].startswith("text/html")  # it is the same for all, without a secret
        assert answer.headers["cache-control"] == ("no-cache" if is_page else "no-store")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("query", ["token={}", "access_token={}", "a=b&TOKEN={}", "code=x", "%74oken={}", "a={}", "{}"])
def test_a_token_in_an_address_is_refused(web: Served, query: str) -> None:
    assert "never belongs in an address" in problem(web.ask(f"{LABS}?{query.format(web.token)}"), 400)
    assert "never belongs in an address" in problem(web.ask(f"{LABS}/{web.token}"), 400)
    assert "never belongs in an address" in problem(web.ask(f"{LABS}?a={web.token.replace('_', '%5F')}"), 400)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.2",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "",
        "[::1]",
        "localhost.",
        "a@localhost",
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(web: Served, host: str) -> None:
    assert web.ask(LABS, headers={"Host": f"localhost:{web.port}"}).status == 200
    assert web.ask(LABS, headers={"Host": "127.0.0.1:9"}).status == 200  # as through a tunnel of SSH
    assert problem(web.ask(LABS, headers={"Host": host}), 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_pages_of_other_servers_and_ports_are_refused(web: Served, headers: dict[str, str]) -> None:
    sent = {name: value.format(port=web.port) for name, value in headers.items()}
    assert "another server" in problem(web.ask(LABS, headers=sent), 403)
    assert problem(web.ask("/api/v1/tokens", method="POST", body="{}", token="", headers=sent), 403)
    preflight = web.ask(LABS, method="OPTIONS", headers=sent, token="")
    assert preflight.status in (401, 403)


def test_a_link_on_another_page_may_lead_to_the_login(web: Served) -> None:
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert web.ask("/login", token="", headers=visit).status == 200


def wait_for(found: object, seconds: float = 10.0) -> None:
    """Wait until a function returns something."""
    end = time.monotonic() + seconds
    while not found():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
