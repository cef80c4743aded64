"""The lab in a tab in Chromium: the built folder on a plain file server, below a path, and later without the server."""

from __future__ import annotations

import base64
import json
import re
import threading
import zlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.shells.scenario import Scenario
from support.browser import CHROMIUM, DRIVER, Browser
from support.conformance import ROOT
from support.screens import press

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = ROOT / "build" / "tab"
pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
    ),
    pytest.mark.skipif(not (FOLDER / "index.html").exists(), reason="no folder of the lab in a tab: make tab"),
    pytest.mark.timeout(600),
]
#: Seconds until a lab is up on a busy machine.
PATIENCE: Final = 120.0
SCREEN = "return [...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent).join('\\n')"


#: Gives the state of a job after a terminal has answered, and what it said.
TYPES_WHILE_A_JOB_RUNS = """
const give = arguments[0];
(async () => {
  const { ask, events, post } = await import(document.scripts[0].src.replace('tab.js', 'feed.js'));
  const lab = '/api/v1/labs/notes-phase3';
  const answer = await post(`${lab}/routers/R31/terminals`, { rows: 24, columns: 80 });
  let shown = '';
  for await (const { type, data } of events(answer)) {
    if (type === 'output') shown += atob(JSON.parse(data).data);
    if (type === 'opened') {
      [...document.querySelectorAll('#tools button')].find((one) => one.textContent === 'Doctor').click();
      while (!document.querySelector('#tool button:not([hidden])')) await new Promise((done) => setTimeout(done, 50));
      await post(`/api/v1/terminals/${JSON.parse(data).terminal}`, { keys: 'show clock\\r' });
    }
    if (shown.includes('UTC')) break;
  }
  const jobs = await (await ask('/api/v1/jobs')).json();
  give([jobs.at(-1).state, shown]);
})();
"""


#: Gives the names of the files that the browser keeps: unpacked, what takes long to unpack.
KEPT = """
const give = arguments[0];
(async () => {
  const [name] = await caches.keys();
  give((await (await caches.open(name)).keys()).map(({ url }) => url.split('/').pop()));
})();
"""


def packed(wanted: object) -> str:
    """The part of a link behind the #, as the page packs it."""
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    octets = deflated.compress(json.dumps(wanted).encode()) + deflated.flush()
    return "#net=1." + base64.urlsafe_b64encode(octets).decode().rstrip("=")


#: Begins a worker whose memory grows to 60 MB and no further.
SMALL = b"""
const grow = WebAssembly.Memory.prototype.grow;
WebAssembly.Memory.prototype.grow = function (pages) {
  if (this.buffer.byteLength + pages * 65536 > 60e6) throw new RangeError("Maximum memory size exceeded");
  return grow.call(this, pages);
};
"""


class Small(SimpleHTTPRequestHandler):
    """A host whose worker gets little memory."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if not self.path.endswith("/worker.mjs"):
            super().do_GET()
            return
        octets = SMALL + Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)


class Quiet(SimpleHTTPRequestHandler):
    """Files as any host has them, without a line for each."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=FOLDER.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def address(host: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{host.server_port}/{FOLDER.name}/"


def is_up(browser: Browser) -> bool:
    return "2 registered" in browser.text("summary")


def test_a_lab_in_a_tab_takes_commands_loses_a_wire_is_examined_and_opens_again_without_a_network(
    host: ThreadingHTTPServer, address: str
) -> None:
    with Browser() as browser:
        browser.open(address)
        browser.wait(lambda: "redirect and shortcut" in browser.text("about"))
        browser.click("Start", "network")
        browser.wait(lambda: is_up(browser), PATIENCE)
        assert browser.run("return location.hash") == "#lab=notes-phase3"
        browser.click("R31", "routers")
        browser.click("Terminal", "actions")
        browser.wait(lambda: "R31#" in browser.run(SCREEN))
        browser.type(".xterm-helper-textarea", "show ip nhrp brief\n")
        browser.wait(lambda: "192.168.100.11" in browser.run(SCREEN))
        browser.click("R41", "routers")
        browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
        browser.click("Cut", "actions")
        browser.wait(lambda: "The wire was cut." in browser.text("said"))
        browser.wait(lambda: "1 broken" in browser.text("summary"), PATIENCE)
        state, shown = browser.run_later(TYPES_WHILE_A_JOB_RUNS)
        assert (state, "UTC" in shown) == ("running", True), "no key is answered while the doctor computes"
        browser.click("Break off", "tool")
        browser.wait(lambda: "broken off" in browser.text("tool"), PATIENCE)
        browser.click("Doctor", "tools")
        browser.wait(lambda: "Run again" in browser.text("tool"), PATIENCE)
        assert "R41" in browser.text("tool")
        assert browser.complaints() == []
        browser.run_later("navigator.serviceWorker.ready.then(arguments[0])")
        browser.wait(lambda: browser.run("return navigator.serviceWorker.controller !== null"), PATIENCE)
        host.shutdown()
        host.server_close()
        browser.wait(lambda: {"pyodide.asm.wasm", "python.tar"} <= {*browser.run_later(KEPT)})
        browser.open("about:blank")
        browser.open(f"{address}#lab=notes-phase3&story=shortcut")
        browser.wait(lambda: "1 direct" in browser.text("summary"), PATIENCE)


def test_a_link_with_files_is_shown_before_it_runs_and_has_no_keys(address: str) -> None:
    with Browser() as browser:
        browser.open(f"{address}#lab=notes-phase3&seed=7")
        browser.wait(lambda: is_up(browser), PATIENCE)
        lines = '{"lines": ["interface Tunnel100", "ip nhrp authentication SECRET9"]}'
        changed = "const { post } = await import(document.scripts[0].src.replace('tab.js', 'feed.js'));"
        place = "/api/v1/labs/notes-phase3/routers/R31/configuration"
        browser.run_later(f"(async () => {{ {changed} await post('{place}', {lines}); arguments[0](); }}).call(this)")
        browser.click("Share", "who")
        browser.click("Make a link to the lab as it is now", "sheet")
        browser.wait(lambda: "1 line with a key was left out" in browser.text("sheet"), PATIENCE)
        link: str = browser.run("return document.querySelectorAll('#sheet input')[1].value")
        assert re.fullmatch(re.escape(address) + r"#net=1\.[\w-]+", link)
        assert len(link) < 8192
        browser.open("about:blank")
        browser.open(link)
        browser.wait(lambda: "Nothing has run yet" in browser.text("verdict"), PATIENCE)
        assert "hostname R31" in browser.text("texts")
        assert "SECRET9" not in browser.text("texts")
        press(browser, "#run", "id === 'run'")
        browser.wait(lambda: is_up(browser), PATIENCE)
        assert browser.complaints() == []


def test_an_exercise_begins_with_its_tasks(address: str) -> None:
    """A map without a tunnel was all that a learner saw."""
    with Browser() as browser:
        browser.open(f"{address}#lab=exercise-01")
        browser.wait(lambda: "The tunnel carries packets" in browser.text("tool"), PATIENCE)
        assert browser.complaints() == []


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("#net=1.AAAA", "damaged"),
        (packed({"lab": "mine", "files": {"R1.cfg": "hostname R1"}})[:-9], "damaged"),
        (packed([["deep"] * 900] * 9), "names no lab"),
        (packed("x" * 5_000_000), "damaged"),
        ("#net=1." + "A" * 9000, "too long"),
        (packed({"lab": "mine", "files": {"</script>.cfg": "hostname R1"}}), "no files of a lab"),
        ("#lab=<img src=x onerror=alert(1)>", "names no lab"),
        ("#lab=notes-phase3&lab=notes-gre", "not one to a lab"),
        ("#lab=notes-phase3&story=__proto__", "wants a story"),
        ("#lab=notes-phase3&seed=1e99", "no whole number"),
        ("#net=9.AAAA", "Another release"),
        ("#lab=nonsense", "There is no lab nonsense"),
        ("#token=SECRET", "not one to a lab"),
    ],
    ids=[
        "broken",
        "cut off",
        "no object",
        "large inside",
        "too long",
        "a bad name of a file",
        "markup",
        "a name twice",
        "no story",
        "no seed",
        "another form",
        "no lab",
        "a token",
    ],
)
def test_a_link_that_is_none_is_refused_and_the_first_screen_stays(address: str, link: str, said: str) -> None:
    with Browser() as browser:
        browser.open(address + link)
        browser.wait(lambda: said in browser.text("state"))
        assert not browser.run("return document.getElementById('ways').hidden")
        assert browser.run("return location.hash") == ""
        assert browser.complaints() == []


def test_a_browser_without_webassembly_says_so(address: str) -> None:
    with Browser() as browser:
        browser.begin("delete globalThis.WebAssembly")
        browser.open(address)
        browser.wait(lambda: "no WebAssembly" in browser.text("state"))
        assert browser.run("return document.querySelector('#network button').disabled") is True


def test_a_browser_that_stores_nothing_runs_a_lab_all_the_same(address: str) -> None:
    refused = "{ get() { throw new DOMException('refused', 'SecurityError'); } }"
    with Browser() as browser:
        browser.begin(
            f"for (const name of ['localStorage', 'caches']) Object.defineProperty(globalThis, name, {refused})"
        )
        browser.begin("navigator.serviceWorker.register = () => Promise.reject(new DOMException('refused'))")
        browser.open(f"{address}#lab=notes-phase3")
        browser.wait(lambda: is_up(browser), PATIENCE)
        assert browser.complaints() == []


def test_a_browser_with_too_little_memory_says_so_and_the_first_screen_stays() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Small, directory=FOLDER.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{server.server_port}/{FOLDER.name}/#lab=notes-phase3")
        browser.wait(lambda: "too little memory" in browser.text("state"), PATIENCE)
        assert not browser.run("return document.getElementById('ways').hidden")
    server.shutdown()
    server.server_close()


def test_a_pasted_configuration_is_checked_shown_as_text_and_runs(address: str) -> None:
    hub = Scenario.load("notes-phase3").configurations["R11"]
    hostile = "banner motd ^\n</script><script>document.title = 'broken'</script>\n^\n"
    with Browser() as browser:
        browser.open(address)
        browser.wait(lambda: "redirect and shortcut" in browser.text("about"))
        paste = "document.getElementById('pasted').value = arguments[0]; arguments[1]()"
        browser.run_later(paste, "hostname R1\n" + "x" * 1_000_000)
        browser.click("Check them", "own")
        browser.wait(lambda: "a tab reads at most 1 MB" in browser.text("state"))
        browser.run_later(paste, hub.replace("end\n", f"{hostile}end\n"))
        browser.click("Check them", "own")
        browser.wait(lambda: "Nothing has run yet" in browser.text("verdict"), PATIENCE)
        assert "</script>" in browser.text("texts")
        press(browser, "#run", "id === 'run'")
        browser.wait(lambda: "R11" in browser.text("routers"), PATIENCE)
        assert browser.run("return document.title") != "broken"
        assert browser.complaints() == []


def test_two_tabs_of_one_lab_have_a_lab_each_and_a_computer_that_slept_is_no_loss(address: str) -> None:
    with Browser() as browser:
        for _ in range(2):
            browser.another()
            browser.open(f"{address}#lab=notes-phase3&seed=7")
            browser.wait(lambda: is_up(browser), PATIENCE)
        _, first, second = browser.tabs()
        browser.click("R41", "routers")
        browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
        browser.click("Cut", "actions")
        browser.wait(lambda: "1 broken" in browser.text("summary"), PATIENCE)
        browser.turn(first)
        browser.run("const now = Date.now; Date.now = () => now() + 3_600_000;")
        browser.wait(lambda: "the lab paused for 60 minutes" in browser.text("state"))
        assert is_up(browser), "the wire of the other tab was cut here, too"
        browser.click("R31", "routers")
        browser.click("Terminal", "actions")
        browser.wait(lambda: "R31#" in browser.run(SCREEN))
        browser.turn(second)
        assert "1 broken" in browser.text("summary")
        assert browser.complaints() == []
