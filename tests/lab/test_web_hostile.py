"""What strangers write into a network is text on the page, in Chromium: no script of theirs runs, nothing is turned."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from dmvpn.web.exported import as_page
from support.browser import CHROMIUM, DRIVER, Browser
from support.served import Served, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)

LAB = "/api/v1/labs/notes-phase3"
#: Markup that would run a script in every place where text is taken for markup.
MARKUP = '</script><!--<script>"><img/src=x/onerror=window.hacked=1><svg/onload=window.hacked=1>'
#: Turns what is behind it about.
TURNED = "exe\N{RIGHT-TO-LEFT OVERRIDE}gpj"

#: The text on the screen of a terminal.
ROWS = "return [...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent).join(' ')"


def check_unharmed(browser: Browser) -> None:
    """No script of strangers ran, and none was tried."""
    assert browser.run("return window.hacked === undefined")
    assert browser.run("return document.images.length + document.querySelectorAll('svg[onload]').length") == 0
    assert [line for line in browser.complaints() if "Content Security Policy" in line] == []


def test_hostile_texts_of_a_film_are_text_in_all_its_parts(tmp_path: Path) -> None:
    long = MARKUP + "x" * 5000
    nodes = [
        {"name": name, "kind": kind, "addresses": [address]}
        for name, kind, address in ((f"H{MARKUP}", "hub", "10.0.0.1"), (f"S{long}", "spoke", "10.0.0.2"))
    ]
    hub, spoke = (str(node["name"]) for node in nodes)
    lines = [
        {"time": 1.0, "topic": "mapping", "sign": "+", "subject": MARKUP, "text": TURNED, "interface": MARKUP},
        {"time": 2.0, "way": "sent", "protocol": "NHRP", "name": MARKUP, "peer": "10.0.0.1", "mark": "m"}
        | {
            "subject": long,
            "interface": MARKUP,
            "contents": f"{MARKUP}: {long}\n{TURNED}: {MARKUP}",
            "octets": f"00ff{MARKUP}",
        },
    ]
    stage = {
        "title": f"{TURNED} {MARKUP}",
        "nodes": nodes,
        "wires": [{"ends": [[hub, MARKUP], [spoke, MARKUP]]}],
        "tunnels": [{"here": spoke, "there": hub, "cloud": MARKUP}],
    }
    news = {"router": spoke, "lines": lines, "addresses": ["10.0.0.2"], "now": 3.0, "begins": True, "missed": 0}
    page = as_page({"stage": stage, "news": [news]})
    assert "unsafe-inline" not in page
    (tmp_path / "film.html").write_text(page)
    with Browser() as browser:
        browser.open(f"{(tmp_path / 'film.html').as_uri()}#end")
        browser.wait(lambda: MARKUP in browser.text("ladder"))
        assert browser.text("title") == f"exe\N{REPLACEMENT CHARACTER}gpj {MARKUP}"
        browser.run("[...document.querySelectorAll('.step')].at(-1).click()")
        browser.wait(lambda: MARKUP in browser.text("message"))
        assert "0000  00 ff " in browser.text("message")
        browser.run("document.querySelectorAll('#routers button')[1].click()")
        browser.wait(lambda: "NHRP cache" in browser.text("detail"))
        assert MARKUP in browser.text("router")
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in browser.run("return document.body.innerText")
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        check_unharmed(browser)


def film_of(*names: str) -> dict[str, object]:
    """A film of routers that have each said one thing."""
    nodes = [{"name": name, "kind": "spoke", "addresses": [f"10.0.0.{at}"]} for at, name in enumerate(names, 1)]
    line = {"time": 1.0, "topic": "server", "sign": "+", "subject": "10.0.0.9", "text": "answers", "interface": "Tu0"}
    usual = {"now": 3.0, "begins": True, "missed": 0, "addresses": [], "lines": [line]}
    return {
        "stage": {"title": "names", "nodes": nodes, "wires": [], "tunnels": []},
        "news": [{"router": name, **usual} for name in names],
    }


def test_names_that_nearly_are_the_same_have_columns_that_are_told_apart_and_no_name_is_no_error(
    tmp_path: Path,
) -> None:
    """Seen: eight columns whose heads were all S...16, or all R...ab."""
    middle = [f"R{number:02d}{'x' * 58}ab" for number in range(8)]
    case = [f"{word}{number}" for word in ("Spoke", "SPOKE") for number in range(16, 20)]
    with Browser() as browser:
        for number, names in enumerate((middle, case, [])):
            (tmp_path / f"{number}.html").write_text(as_page(film_of(*names)))
            browser.open(f"{(tmp_path / f'{number}.html').as_uri()}#end")
            browser.wait(lambda: browser.text("ladder") != "")
            heads = "[...document.querySelectorAll('#ladder .head text')].map((one) => one.firstChild.data)"
            assert len({*browser.run(f"return {heads}")}) == len(names)
            assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.text("summary") == "There is no router."
        assert browser.complaints() == []


def test_hostile_lines_of_a_router_are_text_and_the_page_works_on(web: Served) -> None:
    text = '"><img/src=x/onerror=window.hacked=1>'
    lines = ["interface Loopback9", f" description {text}", " ip address 10.9.9.9 255.255.255.255"]
    lines += ["vrf definition <svg/onload=hacked=1>", "crypto pki trustpoint <b>T"]
    lines += [" subject-name CN=<script>window.hacked=1</script>", f"banner motd ^{text}^"]
    body = json.dumps({"lines": lines})
    answer = web.ask(f"{LAB}/routers/R31/configuration", method="POST", body=body)
    assert answer.status == 200, answer
    with serving(web.environment, "--role", "configure") as served, Browser() as browser:
        browser.open(served.address)
        browser.wait(lambda: browser.text("state") == "live")
        browser.click("R31", "routers")
        browser.wait(lambda: browser.run("return document.querySelector('.probe') !== null"))
        browser.run(
            "window.realFetch = window.fetch; window.fetch = (path, wish) => String(path).endsWith('/run') ?"
            f" Promise.resolve(Response.json({{accepted: true, output: {json.dumps(MARKUP + TURNED)}}}))"
            " : window.realFetch(path, wish);"
            "document.querySelector('.probe input').value = '10.9.9.9'"
        )
        browser.click("ping", "actions")
        browser.wait(lambda: MARKUP in browser.text("said"))
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in browser.text("said")
        browser.click("Terminal", "actions")
        browser.wait(lambda: "R31#" in browser.run(ROWS))
        browser.type(".xterm-helper-textarea", "show running-config | include description|svg|script\n")
        browser.wait(lambda: f"description {text}" in browser.run(ROWS))
        assert "vrf definition <svg/onload=hacked=1>" in browser.run(ROWS)
        check_unharmed(browser)


def test_escape_sequences_of_a_router_do_nothing_to_the_page(web: Served) -> None:
    escapes = (
        "\x1b]0;taken\x07\x1b]2;taken\x07\x1b]52;c;dGFrZW4=\x07\x1b]8;;https://example.invalid/\x07link\x1b]8;;\x07"
        "\x1b]10;?\x07\x1b]11;?\x07\x1b[c\x1b[>c\x1b[6n\x1b[?6n\x1b[18t\x1bP$qm\x1b\\the end"
    )
    events = (
        'event: opened\ndata: {"terminal": "t"}\n\nevent: output\n'
        f"data: {json.dumps({'data': base64.b64encode(escapes.encode()).decode()})}\n\n"
    )
    with serving(web.environment, "--role", "operate") as served, Browser() as browser:
        browser.open(served.address)
        browser.wait(lambda: browser.text("state") == "live")
        title = browser.run("return document.title")
        browser.run(STREAMING % json.dumps(events))
        browser.click("R31", "routers")
        browser.click("Terminal", "actions")
        browser.wait(lambda: "the end" in browser.run(ROWS))
        assert "link" in browser.run(ROWS)
        assert browser.run("return document.title") == title
        assert browser.run("return window.copied") == []
        assert [body for body in browser.run("return window.typed") if "keys" in body] == []
        assert (
            browser.run("return document.querySelectorAll('.xterm-rows a, .xterm-rows .xterm-underline-5').length") == 0
        )


@pytest.mark.parametrize("path", ["/", "/labs/notes-phase3", "/class", "/page/page.js", "/page/index.html", "/login"])
def test_each_page_lets_only_its_own_scripts_run(web: Served, path: str) -> None:
    policy = web.ask(path, token="").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy or (path == "/login" and "script-src 'sha256-" in policy)


#: Lets the stream of a terminal have these events, and notes what the page sends to it and copies.
STREAMING = """
[window.typed, window.copied] = [[], []];
navigator.clipboard.writeText = (text) => window.copied.push(text);
const [octets, real] = [new TextEncoder().encode(%s), window.fetch];
const stream = () => new ReadableStream({ start(one) { one.enqueue(octets); } });
window.fetch = (path, wish) => {
  if (String(path).endsWith('/terminals')) return Promise.resolve(new Response(stream()));
  if (!String(path).includes('/terminals/')) return real(path, wish);
  window.typed.push(wish.body);
  return Promise.resolve(Response.json({}));
};
"""
#: Lets a resource answer with this instead.
ANSWERING = """
const [end, answer, real] = [%s, %s, window.fetch];
window.fetch = (path, wish) => String(path).endsWith(end) ? Promise.resolve(Response.json(answer)) : real(path, wish);
"""


def test_hostile_labs_and_names_of_files_are_text_on_the_pages_of_all_labs(web: Served) -> None:
    desk: dict[str, object] = {
        "lab": MARKUP,
        "student": MARKUP + TURNED,
        "scenario": MARKUP,
        "complaint": MARKUP + "x" * 5000,
    }
    desk["left"] = [MARKUP, TURNED]
    numbers = dict.fromkeys(("running", "routers", "hints", "fixed", "graded", "checks", "memory", "processor"), 1)
    labs = [
        {"name": MARKUP, "service": False, "routers": []},
        {"name": "s", "service": True, "routers": [TURNED, MARKUP]},
    ]
    stage = {"title": MARKUP + TURNED, "nodes": [], "wires": [], "tunnels": []}
    with serving(web.environment, "--role", "configure") as served, Browser() as browser:
        browser.open(served.address)
        browser.wait(lambda: browser.run("return location.pathname") == "/labs/notes-phase3")
        for path in ("class", ""):
            browser.open(f"http://127.0.0.1:{served.port}/{path}")
            browser.wait(lambda: browser.text("state") == "live")
            for end, answer in (("/class", [{**desk, **numbers}]), ("/api/v1/labs", labs), ("/stage", stage)):
                browser.run(f"{{ {ANSWERING % (json.dumps(end), json.dumps(answer))} }}")
            browser.wait(lambda: MARKUP in browser.text("labs"))
            assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in browser.text("labs")
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        browser.run(
            "const files = new DataTransfer();"
            f"files.items.add(new File(['hostname R1'], {json.dumps(MARKUP.replace('/', ' '))}));"
            "document.getElementById('folder').files = files.files;"
            "document.getElementById('name').value = 'mine';"
            "document.getElementById('upload').requestSubmit()"
        )
        browser.wait(lambda: "is no name of a file" in browser.text("said"))
        assert "onerror=window.hacked=1" in browser.text("said")
        check_unharmed(browser)


def test_a_hostile_verdict_of_the_doctor_is_text(web: Served) -> None:
    finding: dict[str, object] = {
        "step": MARKUP,
        "router": "R31",
        "what": MARKUP + TURNED,
        "evidence": [MARKUP],
        "fix": [MARKUP],
    }
    finding |= {"order": MARKUP, "advice": False, "trial": {"better": [MARKUP], "worse": [MARKUP]}, "decide": MARKUP}
    verdict = {"healthy": False, "findings": [finding], "hypotheses": [], "fine": [{"step": MARKUP, "what": MARKUP}]}
    with serving(web.environment, "--role", "configure") as served, Browser() as browser:
        browser.open(served.address)
        browser.wait(lambda: browser.text("state") == "live")
        browser.run(ANSWERING % (json.dumps("/doctor"), json.dumps({"what": "doctor", "result": verdict})))
        browser.click("Doctor", "tools")
        browser.wait(lambda: MARKUP in browser.text("tool"))
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in browser.text("tool")
        check_unharmed(browser)
