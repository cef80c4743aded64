"""Films played by the modules of the page: by node without a page, and in Chromium by its driver."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.request import Request, urlopen

from support.browser import CHROMIUM, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

NODE: Final = shutil.which("node")
DRIVER: Final = shutil.which("chromedriver")
_PLAY: Final = Path(__file__).parents[1] / "page" / "play.mjs"
_FILM: Final = '<script type="application/json" id="film">'

Moment = dict[str, Any]


def film_in(page: str) -> dict[str, Any]:
    """The film inside of an exported page."""
    begin = page.index(_FILM) + len(_FILM)
    film: dict[str, Any] = json.loads(page[begin : page.index("</script>", begin)])
    return film


def played(film: dict[str, Any], *moments: str | float) -> list[Moment]:
    """What the page knows at these moments."""
    ran = subprocess.run(
        [str(NODE), str(_PLAY), *map(str, moments)],
        input=json.dumps(film),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


class Browser:
    """Chromium that follows orders (W3C WebDriver)."""

    def __init__(self, *options: str) -> None:
        self._driver = subprocess.Popen(
            [str(DRIVER), "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._driver.stdout is not None
        said = ""
        while "started successfully on port" not in said:
            said = self._driver.stdout.readline()
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
            self._order("", None)
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

    def complaints(self) -> list[str]:
        """The lines of the console since the last call."""
        return [line["message"] for line in self._order("/se/log", {"type": "browser"})]

    def _order(self, path: str, what: dict[str, Any] | None) -> Any:  # noqa: ANN401  # of any kind
        method = "DELETE" if what is None else "POST"
        body = json.dumps(what).encode() if what is not None else None
        headers = {"Content-Type": "application/json"}
        request = Request(self._root + path, body, headers, method=method)  # noqa: S310  # the driver's own address
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)["value"]
