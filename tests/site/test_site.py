"""The site that `make docs` makes, in Chromium: it is searched, words are found, and nothing comes from elsewhere.

`make test-docs` makes the site and runs this. The browser reads it from files and from a server.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from support.browser import CHROMIUM, DRIVER, OPTIONS, Browser
from support.site import moved

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE: Final = Path(__file__).parents[2] / "build" / "site"
DOCS: Final = Path(__file__).parents[2] / "docs"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium: scripts/debian-packages interop"),
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no site: make docs"),
]


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def opened(address: str, folder: Path) -> tuple[str, list[str], set[str]]:
    """The page as its scripts leave it, what the console has, and the machines that were asked for anything."""
    log = folder / "net.json"
    ran = subprocess.run(
        [
            str(CHROMIUM),
            *OPTIONS,
            f"--user-data-dir={folder / 'browser'}",
            "--enable-logging=stderr",
            f"--log-net-log={log}",
            "--virtual-time-budget=20000",
            "--dump-dom",
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = [line for line in ran.stderr.splitlines() if ":CONSOLE" in line]
    return ran.stdout, said, set(_asked(log))


def _asked(log: Path) -> Iterator[str]:
    """Yield the machines that the page asked; what the browser asks by itself has no origin."""
    for event in json.loads(log.read_text())["events"]:
        parameters = event.get("params", {})
        if parameters.get("initiator", "not an origin") != "not an origin":
            yield str(urlsplit(parameters["url"]).hostname or "")


def texts(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(script|style).*?</\1>", "", page)))


@pytest.mark.parametrize("way", ["files", "server"])
@pytest.mark.parametrize(
    "page", ["index.html", "reference/words.html", "reference/states.html", "how-to/see-a-lab.html"]
)
def test_a_page_opens_without_an_error_and_asks_no_other_machine(
    page: str, way: str, served: str, tmp_path: Path
) -> None:
    base = served if way == "server" else SITE.as_uri()
    shown, said, asked = opened(f"{base}/{page}", tmp_path)
    assert "</html>" in shown
    assert said == []
    assert asked <= {"127.0.0.1", ""}


@pytest.mark.parametrize("way", ["files", "server"])
def test_the_search_finds_the_page(way: str, served: str, tmp_path: Path) -> None:
    base = served if way == "server" else SITE.as_uri()
    shown, said, asked = opened(f"{base}/search.html?q=mermaid+graphviz", tmp_path)
    answers = re.search(r'(?s)<ol id="answers">.*?</ol>', shown)
    assert answers is not None
    first = re.search(r'(?s)<a href="([^"]+)" class="title">.*?<p>(.*?)</p>', answers[0])
    assert first is not None
    assert first[1].startswith("./how-to/see-a-lab.html")
    assert re.search(r"(?i)<mark>graphviz</mark>", first[2])
    assert said == []
    assert asked <= {"127.0.0.1", ""}


@pytest.mark.parametrize("way", ["files", "server"])
def test_what_the_guides_do_not_have_is_found_in_the_reference(way: str, served: str, tmp_path: Path) -> None:
    base = served if way == "server" else SITE.as_uri()
    shown, said, asked = opened(f"{base}/search.html?q=%25DUAL-5-NBRCHANGE&reference=1", tmp_path)
    assert 'href="./reference/words/eigrp.html#' in shown
    shown, said, asked = opened(f"{base}/search.html?q=inconsistent-as", tmp_path)
    assert 'href="./reference/commands/show.html' in shown
    assert said == []
    assert asked <= {"127.0.0.1", ""}


def test_what_the_guides_have_is_shown_where_the_reference_cannot_be_loaded(tmp_path: Path) -> None:
    """Seen: the page of the search said so, and had no answers at all."""

    class Lossy(Quiet):
        def do_GET(self) -> None:
            if self.path.endswith("search-reference.js"):
                self.send_error(404)
            else:
                super().do_GET()

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Lossy, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/search.html?q=mermaid+graphviz&reference=1"
        shown, _, _ = opened(address, tmp_path)
        server.shutdown()
    assert "The reference cannot be loaded." in shown
    assert 'href="./how-to/see-a-lab.html' in shown


def test_a_question_is_text_in_the_page_of_the_search(tmp_path: Path) -> None:
    question = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%3C/ol%3E%3Cscript%3E"
    shown, said, asked = opened(f"{SITE.as_uri()}/search.html?q={question}&reference=1", tmp_path)
    assert "<img src" not in shown
    assert said == []
    assert asked <= {"127.0.0.1", ""}


@pytest.mark.skipif(not DRIVER, reason="no chromedriver: scripts/debian-packages interop")
def test_the_search_is_used_from_the_keyboard(served: str) -> None:
    enter, escape, down = "\ue007", "\ue00c", "\ue015"
    field, answer = "#search input[name=q]", "#answers a.title"
    focused = "const now = document.activeElement; return now.name || now.textContent"
    with Browser() as browser:
        browser.open(f"{served}/how-to/index.html")
        browser.type("body", "/")
        assert browser.run(focused) == "q"
        browser.type(".sidebar-search", f"dual hub{enter}")
        browser.wait(lambda: bool(browser.run(f"return document.querySelectorAll('{answer}').length > 1")))
        assert browser.run(focused) == "q"
        browser.type(field, down)
        assert browser.run(focused) == "Dual hub"
        browser.type(answer, down)
        assert browser.run(focused) not in {"Dual hub", "q"}
        browser.type(answer, escape)
        assert browser.run(focused) == "q"
        browser.type(field, enter)
        browser.wait(lambda: browser.run(focused) == "Dual hub")
        browser.type(answer, enter)
        browser.wait(lambda: browser.run("return location.pathname") == "/how-to/dual-hub.html")
        assert browser.complaints() == []


def test_the_scripts_of_the_search_are_small_and_lead_to_headings() -> None:
    scripts = [SITE / "_static" / name for name in ("search-guides.js", "search-reference.js", "words.js", "search.js")]
    assert sum(path.stat().st_size for path in scripts) < 3_000_000
    assert not (SITE / "searchindex.js").exists()
    for path in scripts[:2]:
        pages = json.loads(path.read_text().partition("push(...")[2].rstrip().removesuffix(");"))
        assert len(pages) > 30
        for address, _, _, sections in pages:
            ids = set(re.findall(r'id="([^"]+)"', (SITE / address).read_text()))
            assert {anchor for anchor, _, _ in sections} <= ids, address


def test_an_old_address_leads_to_the_new_page(tmp_path: Path) -> None:
    for old, new in moved(DOCS).items():
        page, _, anchor = new.partition("#")
        made = (SITE / f"{old}.html").read_text()
        (target,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', made)
        assert (SITE / old).parent.joinpath(target.partition("#")[0]).resolve() == SITE / f"{page}.html"
    shown, said, _ = opened((SITE / f"{old}.html").as_uri(), tmp_path)
    assert f'id="{anchor}"' in shown
    assert said == []


@pytest.mark.skipif(not DRIVER, reason="no chromedriver: scripts/debian-packages interop")
@pytest.mark.parametrize("way", ["files", "server"])
def test_a_button_copies_the_commands_of_a_session(way: str, served: str) -> None:
    base = served if way == "server" else SITE.as_uri()
    with Browser() as browser:
        browser.open(f"{base}/tutorial/01-first-tunnel.html")
        browser.run("window.copied = []; navigator.clipboard.writeText = async (text) => { window.copied.push(text); }")
        browser.run("document.querySelector('.copy').click()")
        browser.wait(lambda: browser.run("return document.querySelector('.copy').textContent") == "Copied")
        assert browser.run("return window.copied") == ["dmvpn lab up exercise-01 --simulated"]
        assert browser.complaints() == []


def test_the_page_of_words_finds_a_word_as_explain_does(tmp_path: Path) -> None:
    shown, said, _ = opened(f"{(SITE / 'reference' / 'words.html').as_uri()}?word=I2", tmp_path)
    found = re.search(r'(?s)<div id="explain">.*?</div>', shown)
    assert found is not None
    first = re.search(r'(?s)<dt><a href="words/nhrp\.html#([^"]+)">(.*?)</a>.*?<dd>(.*?)</dd>', found[0])
    assert first is not None
    assert first[2] == "I2"
    assert "the direct path is on trial" in first[3]
    assert said == []


def test_every_found_word_leads_to_its_heading() -> None:
    text = (SITE / "_static" / "words.js").read_text()
    words = json.loads(text.removeprefix("const WORDS = ").rstrip().removesuffix(";"))
    assert len(words) > 3000
    anchors: dict[str, set[str]] = {}
    for page, anchor, *_ in words:
        if page not in anchors:
            made = (SITE / "reference" / "words" / f"{page}.html").read_text()
            anchors[page] = set(re.findall(r'id="([^"]+)"', made))
        assert anchor in anchors[page], (page, anchor)


def test_every_page_of_the_documentation_is_in_the_site_and_in_its_navigation() -> None:
    index = (SITE / "index.html").read_text()
    for path in DOCS.rglob("*.md"):
        page = path.relative_to(DOCS).with_suffix(".html")
        assert (SITE / page).exists(), page
        assert page.name == "index.html" or f'href="{page.as_posix()}"' in index, page


def test_the_site_has_no_file_from_outside_of_the_documentation() -> None:
    assert not (SITE / "_downloads").exists()
    for path in SITE.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:)?//', path.read_text())
        assert loaded == [], path
