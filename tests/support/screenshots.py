"""The screenshots in docs/screenshots of the page of a lab, taken in Chromium from a simulated network.

python -m support.screenshots      take them (in the folder `tests`)
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support.browser import Browser
from support.served import MAIN, Served, dmvpn, serving

if TYPE_CHECKING:
    from collections.abc import Mapping

# PNGs of screens with a palette, which are a quarter as large: a browser writes each dot with all its colors.

#: Colors of a palette.
_MOST = 256


def with_palette(png: bytes) -> bytes:
    """Return a picture with 256 colors at most; a rarer color becomes the nearest of them.

    png: 8 bits for each color, not interlaced, as Chromium writes it.
    """
    parts = _parts(png)
    width, height, depth, kind = struct.unpack_from("!IIBB", parts[b"IHDR"])
    assert (depth, kind in (2, 6)) == (8, True), "red, green and blue, and perhaps alpha"
    size = 3 if kind == 2 else 4
    rows = _rows(zlib.decompress(parts[b"IDAT"]), width * size, size)
    dots = [[row[place : place + 3] for place in range(0, len(row), size)] for row in rows]
    counted = Counter(dot for row in dots for dot in row)
    palette = [dot for dot, _ in counted.most_common(_MOST)]
    place_of = {dot: palette.index(dot) if dot in palette else _nearest(dot, palette) for dot in counted}
    data = b"".join(b"\0" + bytes(place_of[dot] for dot in row) for row in dots)
    head = struct.pack("!IIBBBBB", width, height, 8, 3, 0, 0, 0)
    made = ((b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b""))
    return png[:8] + b"".join(struct.pack("!I", len(of)) + of_kind + of + _sum(of_kind + of) for of_kind, of in made)


def _parts(png: bytes) -> dict[bytes, bytes]:
    """The parts by their kinds, several of one kind as one."""
    found: dict[bytes, bytes] = {}
    place = 8
    while place < len(png):
        (length,), kind = struct.unpack_from("!I", png, place), png[place + 4 : place + 8]
        found[kind] = found.get(kind, b"") + png[place + 8 : place + 8 + length]
        place += length + 12
    return found


def _rows(data: bytes, width: int, size: int) -> list[bytes]:
    """The rows without the filters of PNG. width: octets of a row; size: octets of a dot."""
    found: list[bytes] = []
    above = bytes(width)
    for place in range(0, len(data), width + 1):
        way, row = data[place], bytearray(data[place + 1 : place + 1 + width])
        for at in range(width):
            left, corner = (row[at - size], above[at - size]) if at >= size else (0, 0)
            row[at] = (
                row[at] + (0, left, above[at], (left + above[at]) // 2, _paeth(left, above[at], corner))[way]
            ) % 256
        above = bytes(row)
        found.append(above)
    return found


def _paeth(left: int, above: int, corner: int) -> int:
    """The neighbor that is nearest to left + above - corner."""
    wanted = left + above - corner
    return min((left, above, corner), key=lambda each: abs(each - wanted))


def _nearest(dot: bytes, palette: list[bytes]) -> int:
    distances = [sum((one - other) ** 2 for one, other in zip(dot, known, strict=True)) for known in palette]
    return distances.index(min(distances))


def _sum(data: bytes) -> bytes:
    return struct.pack("!I", zlib.crc32(data))


FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
#: A larger one makes a page of the documentation slow.
MOST_OCTETS: Final = 150_000
_LAB: Final = "notes-phase3"
_OPTIONS: Final = ("--force-device-scale-factor=1", "--disable-lcd-text")
_SPOKES: Final = 700
#: Opens the row of the ladder with a text.
_OPEN: Final = "[...document.querySelectorAll('.step')].find((row) => row.textContent.includes({}))?.click()"


def main() -> None:
    """Take all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        dmvpn(environment, "lab", "up", _LAB, "--simulated")
        try:
            with serving(environment, "--role", "configure") as web, Browser(*_OPTIONS) as browser:
                _live(web, browser, environment)
        finally:
            dmvpn(environment, "lab", "down", _LAB)
        _many(Path(folder), environment)


def _live(web: Served, browser: Browser, environment: Mapping[str, str]) -> None:
    browser.resize(1280, 720)
    browser.open(web.address)
    browser.wait(lambda: "2 registered" in browser.text("summary"))
    dmvpn(environment, "-r", "R31", "ping", "10.4.4.1", "source", "10.3.3.1")
    browser.wait(lambda: "1 direct" in browser.text("summary"))
    browser.run(_OPEN.format(json.dumps("NHRP Resolution Reply")))
    browser.wait(lambda: "Hop Count" in browser.text("message"))
    _take(browser, "page.png")
    browser.click("Close", "message")
    browser.click("R41", "routers")
    browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
    browser.click("Cut", "actions")
    browser.wait(lambda: "The wire was cut." in browser.text("said"))
    _take(browser, "wire.png")
    browser.click("Restore", "actions")
    browser.resize(400, 900)
    browser.open(f"http://127.0.0.1:{web.port}/labs/{_LAB}")
    browser.wait(lambda: "2 registered" in browser.text("summary"))
    _take(browser, "phone.png")


def _many(folder: Path, environment: Mapping[str, str]) -> None:
    recording, film = folder / "many.rec", folder / "many.html"
    for words in (
        ("simulate", "phase3", "--spokes", str(_SPOKES), "--record", str(recording)),
        ("lab", "film", str(recording), "--output", str(film)),
    ):
        subprocess.run([*MAIN, *words], check=True, capture_output=True, env=environment)
    with Browser(*_OPTIONS) as browser:
        browser.resize(1280, 720)
        browser.open(f"{film.as_uri()}#1.2")
        browser.wait(lambda: "registered" in browser.text("summary"), 120)
        _take(browser, "many.png")


def _take(browser: Browser, name: str) -> None:
    """Write a file. The dots of messages, which are never the same, are gone by then."""
    time.sleep(2.0)
    octets = with_palette(browser.screenshot())
    assert len(octets) <= MOST_OCTETS, f"{name} has {len(octets)} octets"
    (FOLDER / name).write_bytes(octets)


if __name__ == "__main__":
    main()
