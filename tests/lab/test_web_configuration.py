"""`.../configuration`: a change by HTTP enters all of its lines or no line, over the text seen, and may expire."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from support.served import Served, dmvpn, new_token, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.served import Answer

R31 = "/api/v1/labs/notes-phase3/routers/R31"
HERE = f"{R31}/configuration"
STAGE = "/api/v1/labs/notes-phase3/stage"
LOOPBACK = ("interface Loopback77", " ip address 7.7.7.7 255.255.255.255")


@pytest.fixture(autouse=True)
def as_before(web: Served) -> Iterator[None]:
    """Leave the router as it was."""
    before = web.ask(HERE).fields["text"]
    yield
    with contextlib.suppress(AssertionError):
        put(web, [*str(before).splitlines()], "*", replace=True)


def put(web: Served, lines: Sequence[str], tag: str = "", token: str | None = None, **more: object) -> Answer:
    headers = {"If-Match": tag} if tag else {}
    return web.ask(HERE, method="POST", body=json.dumps({"lines": lines, **more}), token=token, headers=headers)


def test_a_program_reads_tries_and_changes_a_configuration_that_it_saw(web: Served) -> None:
    seen = web.ask(HERE)
    tag = seen.headers["etag"]
    assert "hostname R31" in str(seen.fields["text"])
    assert seen.fields["rollback"] is None
    assert (web.ask(HERE, headers={"If-None-Match": tag}).status, web.ask(HERE).status) == (304, 200)
    tried = put(web, LOOPBACK, tag, dry_run=True)
    assert (tried.status, tried.headers["etag"]) == (200, tag)
    assert tried.fields["differences"] == ["+interface Loopback77", " +ip address 7.7.7.7 255.255.255.255"]
    made = put(web, LOOPBACK, tag)
    assert made.fields == {**tried.fields, "applied": True}
    assert web.ask(HERE).headers["etag"] == made.headers["etag"] != tag
    assert "7.7.7.7" in web.ask(f"{R31}/show/ip/interface/brief").text
    assert put(web, ["no interface Loopback77"], tag).status == 412
    assert problem(put(web, LOOPBACK, 'W/"x"'), 412)
    assert "Loopback77" in web.ask(HERE).text


def test_a_reader_that_has_a_configuration_gets_it_again_only_if_it_changed(web: Served) -> None:
    tag = web.ask(HERE).headers["etag"]
    other, cut = f'"{"0" * 32}"', tag.strip('"')
    for given, status in (
        ("*", 304),  # RFC 9110 §13.1.2: true if there is any current representation
        (f"W/{tag}", 304),
        (f"{other}, {tag}", 304),
        (other, 200),
        (cut, 200),
        (f'"*", {other}', 200),
        (f'"x{tag}', 200),
    ):
        answer = web.ask(HERE, headers={"If-None-Match": given})
        assert (answer.status, answer.headers["etag"]) == (status, tag), given
    assert web.ask(f"{R31.replace('R31', 'R99')}/configuration", headers={"If-None-Match": "*"}).status == 404


def test_a_page_that_has_a_stage_gets_it_again_only_if_a_setup_changed(web: Served) -> None:
    first = web.ask(STAGE)
    tag = first.headers["etag"]
    assert {(each["here"], each["there"]) for each in first.fields["tunnels"]} == {("R31", "R11"), ("R41", "R11")}  # type: ignore[attr-defined]
    assert web.ask(STAGE, headers={"If-None-Match": tag}).status == 304
    put(web, LOOPBACK)
    fresh = web.ask(STAGE, headers={"If-None-Match": tag})
    assert (fresh.status, "7.7.7.7" in fresh.text, "7.7.7.7" in first.text) == (200, True, False)
    assert fresh.headers["etag"] != tag
    put(web, ["no interface Loopback77"])
    assert web.ask(STAGE).headers["etag"] == tag


def test_the_stage_of_the_labs_file_has_no_tunnels_and_needs_no_router(web: Served) -> None:
    of_file = web.ask(f"{STAGE}?of=file")
    assert [node["name"] for node in of_file.fields["nodes"]] == [  # type: ignore[attr-defined]
        node["name"]
        for node in web.ask(STAGE).fields["nodes"]  # type: ignore[attr-defined]
    ]
    assert of_file.fields["tunnels"] == []
    assert web.ask(f"{STAGE}?of=file", headers={"If-None-Match": of_file.headers["etag"]}).status == 304
    assert "of is 'file'" in problem(web.ask(f"{STAGE}?of=routers"), 400)


def test_a_token_for_other_labs_gets_no_stage_even_with_its_tag(web: Served, environment: dict[str, str]) -> None:
    stranger = new_token(environment, "stranger", "configure", "--labs", "other-*")
    for given in ("*", web.ask(STAGE).headers["etag"]):
        for path in (STAGE, f"{STAGE}?of=file"):
            assert web.ask(path, token=stranger, headers={"If-None-Match": given}).status == 404, (path, given)


def test_a_refused_line_is_named_in_the_words_of_the_router_and_nothing_changes(web: Served) -> None:
    tag = web.ask(HERE).headers["etag"]
    lines = [*LOOPBACK, "interface Tunnel100", " ip mtuu 1400"]
    refused = [{"number": 4, "text": lines[3], "said": ["       ^", "% Invalid input detected at '^' marker.", ""]}]
    answer = put(web, lines)
    assert "refuses a line" in problem(answer, 422)
    assert answer.fields["refused"] == refused
    tried = put(web, lines, dry_run=True)
    assert (tried.status, tried.fields["applied"], tried.fields["refused"]) == (200, False, refused)
    assert web.ask(HERE).headers["etag"] == tag


def test_a_whole_configuration_replaces_the_one_that_was_seen_only(web: Served) -> None:
    seen = web.ask(HERE)
    lines = str(seen.fields["text"]).splitlines()
    put(web, LOOPBACK)
    assert "If-Match" in problem(put(web, lines, replace=True), 428)
    assert problem(put(web, lines, seen.headers["etag"], replace=True), 412)
    made = put(web, lines, "*", replace=True)
    assert made.fields["differences"] == ["-interface Loopback77", " -ip address 7.7.7.7 255.255.255.255"]
    assert made.headers["etag"] == seen.headers["etag"]
    assert "not a configuration" in problem(put(web, ["Dear customer,"], "*", replace=True), 422)


def test_an_unconfirmed_change_can_be_kept_and_taken_back(web: Served) -> None:
    assert "archive" in problem(put(web, LOOPBACK, confirm_within=5), 409)
    assert "No Rollback" in problem(web.ask(f"{HERE}/confirm", method="POST"), 409)
    assert put(web, ["archive", "path flash:bak"]).status == 200
    before = web.ask(HERE)
    made = put(web, LOOPBACK, confirm_within=5)
    rollback = made.fields["rollback"]
    assert isinstance(rollback, dict)
    assert (rollback["minutes"], rollback["by"]) == (5, "web")
    assert web.ask(f"{HERE}/revert", method="POST", body='{"within": 3}').status == 200
    later = web.ask(HERE).fields["rollback"]
    assert isinstance(later, dict)
    assert later["minutes"] == 3
    assert web.ask(f"{HERE}/revert", method="POST").fields == {"said": ["Rollback Done", ""]}
    assert web.ask(HERE).headers["etag"] == before.headers["etag"]
    put(web, LOOPBACK, confirm_within=1)
    assert web.ask(f"{HERE}/confirm", method="POST").status == 200
    assert web.ask(HERE).fields["rollback"] is None
    assert "Loopback77" in web.ask(HERE).text


def test_a_change_that_nobody_confirms_goes_when_its_minutes_are_over(web: Served, environment: dict[str, str]) -> None:
    put(web, ["archive", "path flash:bak"])
    put(web, LOOPBACK, confirm_within=2)
    assert "Loopback77" in web.ask(HERE).text
    dmvpn(environment, "lab", "clock", "+3m")
    assert "Loopback77" not in web.ask(HERE).text


def test_of_many_writers_who_saw_the_same_one_wins_each_time(web: Served) -> None:
    """Each adds a line to what it saw, and begins again when it was late: no line is lost."""
    names = [f"Loopback{number}" for number in range(80, 88)]
    lost: list[int] = []

    def write(name: str) -> None:
        while True:
            seen = web.ask(HERE)
            lines = [*str(seen.fields["text"]).splitlines()[:-1], f"interface {name}", " description mine", "end"]
            made = put(web, lines, seen.headers["etag"], replace=True)
            if made.status == 200:
                return
            lost.append(made.status)

    writers = [threading.Thread(target=write, args=(name,)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    text = web.ask(HERE).text
    assert [name for name in names if f"interface {name}" not in text] == []
    assert set(lost) <= {412, 503}


def test_roles_below_configure_change_nothing_and_see_stars_if_the_router_lets_them(
    environment: dict[str, str], web: Served
) -> None:
    token = new_token(environment, "otto", "operate")
    assert "configure" in problem(put(web, LOOPBACK, token=token), 403)
    assert "configure" in problem(web.ask(f"{HERE}/confirm", method="POST", token=token), 403)
    assert "level 7" in problem(web.ask(HERE, token=token), 403)
    put(web, ["privilege exec level 7 show running-config", "interface Tunnel100", "ip nhrp authentication Kurz77"])
    starred = web.ask(HERE, token=token)
    assert starred.status == 200
    assert "Kurz77" not in starred.text
    assert "Kurz77" in web.ask(HERE).text
    assert starred.headers["etag"] != web.ask(HERE).headers["etag"]


def test_the_audit_and_the_router_know_who_changed_what_and_no_key(web: Served) -> None:
    put(web, ["logging buffered 16384", "interface Tunnel100", "ip nhrp authentication Lang77"])
    put(web, ["nonsense"], dry_run=True)
    end = time.monotonic() + 10
    while not web.audit("change") or "dry_run" not in str(web.audit("change")[-1].get("how")):
        assert time.monotonic() < end  # a line is written behind the answer
        time.sleep(0.05)
    noted, tried = [line for line in web.audit("change") if line["path"] == HERE][-2:]
    assert (noted["user"], noted["status"], noted["lines"], noted["result"]) == ("web", 200, "3", "applied")
    assert "+ip nhrp authentication" in str(noted["differences"])
    assert (tried["how"], tried["result"]) == ("dry_run", "refused")
    for word in ("crypto", "CR"):
        command = f"{word} pki import X pem terminal Lang77 Lang77"
        web.ask(f"{R31}/run", method="POST", body=json.dumps({"command": command}))
    while len(commands := [line["command"] for line in web.audit("change") if line["path"] == f"{R31}/run"]) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert commands == ["crypto pki import X pem terminal *", "CR pki import X pem terminal *"]
    assert "Lang77" not in web.said()
    log = web.ask(f"{R31}/show/logging").text
    assert "SYS-5-CONFIG_I" in log
    assert "by web on vty0 (127.0.0.1)" in log


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("", {}, 400),
        ("[]", {}, 400),
        ("[" * 5000, {}, 400),
        ('{"lines": "interface Loopback1"}', {}, 400),
        ('{"lines": [1]}', {}, 400),
        (json.dumps({"lines": ["a\nb"]}), {}, 400),
        (json.dumps({"lines": ["\x1b[2J"]}), {}, 400),
        ('{"lines": ["\\ud800"]}', {}, 400),
        ('{"lines": [], "dryrun": true}', {}, 400),
        ('{"lines": [], "dry_run": 1}', {}, 400),
        ('{"lines": [], "confirm_within": 0}', {}, 400),
        ('{"lines": [], "confirm_within": 121}', {}, 400),
        ('{"lines": [], "confirm_within": true}', {}, 400),
        ('{"lines": []}', {"If-Match": '"a", "b"'}, 400),
        (json.dumps({"lines": ["x" * ((1 << 20) + 1)]}), {}, 413),
        (json.dumps({"lines": ["\u00e4" * 300_000]}, ensure_ascii=False).encode().decode("latin-1"), {}, 413),
    ],
)
def test_what_is_no_order_is_one_error(web: Served, body: str, headers: dict[str, str], status: int) -> None:
    assert problem(web.ask(HERE, method="POST", body=body, headers=headers), status)


def test_a_misspelled_time_does_not_revert_at_once(web: Served) -> None:
    for body in ('{"minutes": 5}', '{"within": 0}', "[]"):
        assert "within" in problem(web.ask(f"{R31}/configuration/revert", method="POST", body=body), 400)


def test_a_body_of_a_megabyte_is_answered_and_the_router_goes_on(web: Served) -> None:
    refused = put(web, ["nonsense " + "x" * 1000] * 900)
    assert "refuses" in problem(refused, 422)
    found = refused.fields["refused"]
    assert isinstance(found, list)
    assert len(found) == 100
    many = [f"ip route 10.{number // 250}.{number % 250}.0 255.255.255.0 Null0" for number in range(9000)]
    assert put(web, many, dry_run=True).status == 200
    assert web.ask(f"{R31}/show/clock").status == 200


def test_answers_are_as_the_description_says(web: Served) -> None:
    document = web.ask("/api/v1/openapi.json").fields
    paths = document["paths"]
    assert isinstance(paths, dict)
    described = paths["/api/v1/labs/{lab}/routers/{router}/configuration"]
    for method, answer in (("get", web.ask(HERE)), ("post", put(web, [*LOOPBACK, "nonsense"], dry_run=True))):
        schema = described[method]["responses"]["200"]["content"]["application/json"]["schema"]
        assert not list(Draft202012Validator(schema).iter_errors(answer.value))
    assert described["post"]["x-role"] == "configure"
