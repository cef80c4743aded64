"""Chromium without a window, for what only a browser can say about a page."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Its program; None: it is not installed (`scripts/debian-packages interop`).
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
#: The program that gives it orders.
DRIVER: Final = shutil.which("chromedriver")
#: No sandbox: tests run as root, and open only pages of their own. The rest stops what a browser does by itself.
OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)


def dumped(address: str, folder: Path, *more: str) -> str:
    """Return a page as it is after its scripts have run. folder: for the browser's own files."""
    ran = subprocess.run(
        [str(CHROMIUM), *OPTIONS, f"--user-data-dir={folder / 'browser'}", *more, "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout


class Browser:
    """Chromium that follows orders (W3C WebDriver)."""

    def __init__(self, *options: str) -> None:
        for _ in range(5):  # it takes a port of IPv4, and ends when another process has that port of IPv6
            self._driver = subprocess.Popen(
                [str(DRIVER), "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._driver.stdout is not None
            said = next((line for line in self._driver.stdout if "started successfully on port" in line), "")
            if said:
                break
            self._driver.stdout.close()
            self._driver.wait(20)
        assert said, "the driver does not start"
        self._root = f"http://127.0.0.1:{said.rsplit(maxsplit=1)[1].rstrip('.')}"
        chrome = {"binary": CHROMIUM, "args": [*OPTIONS, "--window-size=1400,900", *options]}
        wanted = {"goog:chromeOptions": chrome, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._order("/session", {"capabilities": {"alwaysMatch": wanted}})
        self._root += f"/session/{made['sessionId']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._order("", None, method="DELETE")
        finally:
            self._driver.terminate()
            self._driver.wait(20)
            assert self._driver.stdout is not None
            self._driver.stdout.close()

    def open(self, address: str) -> None:
        """Open a page."""
        self._order("/url", {"url": address})

    def run(self, script: str) -> Any:  # noqa: ANN401  # whatever the script returns
        """Run a script in the page, and return its value."""
        return self._order("/execute/sync", {"script": script, "args": []})

    def run_later(self, script: str, *values: object) -> Any:  # noqa: ANN401  # whatever it gives
        """Run a script in the page, and return what it gives to its last argument, a function."""
        return self._order("/execute/async", {"script": script, "args": list(values)})

    def prefer(self, features: dict[str, str]) -> None:
        """Set what a page may ask of the user's system, as `prefers-color-scheme`; {}: as it is."""
        wanted = [{"name": name, "value": value} for name, value in features.items()]
        self._order("/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {"features": wanted}})

    def begin(self, script: str) -> None:
        """Run a script at the beginning of each page from now on, before its own."""
        self._order("/goog/cdp/execute", {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}})

    def click(self, text: str, within: str) -> None:
        """Click the button with a text, inside of an element."""
        rows = f"[...document.querySelectorAll('#{within} button')]"
        script = f"const found = {rows}.find((one) => one.textContent === {json.dumps(text)});"
        self.wait(lambda: bool(self.run(f"{script} found?.click(); return found !== undefined")))

    def type(self, selector: str, keys: str) -> None:
        """Press keys in an element."""
        found = self._order("/element", {"using": "css selector", "value": selector})
        (element,) = found.values()
        self._order(f"/element/{element}/value", {"text": keys})

    def text(self, name: str) -> str:
        """The text of an element, by its id."""
        found: str = self.run(f"return document.getElementById({json.dumps(name)})?.textContent ?? ''")
        return found

    def wait(self, what: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until something is true."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, self.text("state")
            time.sleep(0.1)

    def another(self) -> None:
        """Go on in a new tab."""
        made = self._order("/window/new", {"type": "tab"})
        self.turn(made["handle"])

    def tabs(self) -> list[str]:
        """The names of all tabs, the oldest first."""
        found: list[str] = self._order("/window/handles", None, method="GET")
        return found

    def turn(self, tab: str) -> None:
        """Go on in a tab."""
        self._order("/window", {"handle": tab})

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._order("/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": size})

    def screenshot(self) -> bytes:
        """The page as a PNG, as large as its window."""
        return base64.b64decode(self._order("/screenshot", None, method="GET"))

    def complaints(self) -> list[str]:
        """The lines of the console since the last call."""
        return [line["message"] for line in self._order("/se/log", {"type": "browser"})]

    def _order(self, path: str, what: dict[str, Any] | None, *, method: str = "POST") -> Any:  # noqa: ANN401  # any kind
        body = json.dumps(what).encode() if what is not None else None
        headers = {"Content-Type": "application/json"}
        request = Request(self._root + path, body, headers, method=method)  # noqa: S310  # the driver's own address
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)["value"]
