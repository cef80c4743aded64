"""The screenshots in docs/screenshots of the page of a lab, taken in Chromium from simulated networks.

python -m support.screenshots                 take all (in the folder `tests`)
python -m support.screenshots exercise-05     take only those of these names
python -m support.screenshots --screens DIR   take each screen, light and dark, in three sizes

Each exercise of the tutorial has one: the commands of its page are run up to one of them, then its lab is opened.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from support.browser import Browser
from support.docs import BLOCK, ROOT, Session, steps
from support.screens import press, visit
from support.served import MAIN, Served, dmvpn, serving
from support.warm import warm

if TYPE_CHECKING:
    from collections.abc import Mapping

# PNGs of screens with a palette, which are a quarter as large: a browser writes each dot with all its colors.

#: Colors of a palette; fewer where the picture would be too large.
_COLORS: Final = (48, 24, 12)


def with_palette(png: bytes, most: int) -> bytes:
    """Return a picture with at most this many colors; a rarer color becomes the nearest of them.

    png: 8 bits for each color, not interlaced, as Chromium writes it.
    """
    parts: dict[bytes, bytes] = {}
    place = 8
    while place < len(png):
        (length,), kind = struct.unpack_from("!I", png, place), png[place + 4 : place + 8]
        parts[kind] = parts.get(kind, b"") + png[place + 8 : place + 8 + length]
        place += length + 12
    width, height, depth, kind = struct.unpack_from("!IIBB", parts[b"IHDR"])
    assert (depth, kind in (2, 6)) == (8, True), "red, green and blue, and perhaps alpha"
    size = 3 if kind == 2 else 4
    rows = _rows(zlib.decompress(parts[b"IDAT"]), width * size, size)
    dots = [[row[place : place + 3] for place in range(0, len(row), size)] for row in rows]
    counted = Counter(dot for row in dots for dot in row)
    palette = [dot for dot, _ in counted.most_common(most)]
    place_of = {dot: palette.index(dot) if dot in palette else _nearest(dot, palette) for dot in counted}
    data = b"".join(b"\0" + bytes(place_of[dot] for dot in row) for row in dots)
    head = struct.pack("!IIBBBBB", width, height, 8, 3, 0, 0, 0)
    made = ((b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b""))
    return png[:8] + b"".join(
        struct.pack("!I", len(of)) + of_kind + of + struct.pack("!I", zlib.crc32(of_kind + of)) for of_kind, of in made
    )


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


FOLDER: Final = ROOT / "docs" / "screenshots"
#: A larger one makes a page of the documentation slow.
MOST_OCTETS: Final = 60_000
_LAB: Final = "notes-phase3"
_OPTIONS: Final = ("--force-device-scale-factor=1", "--disable-lcd-text")
_SPOKES: Final = 700
_OF_EXERCISE: Final = (1120, 640)


_SIZES: Final = {"phone": (390, 844), "laptop": (1366, 768), "wide": (1920, 1080)}


class Shot(NamedTuple):
    """The picture of an exercise.

    until: the beginning of the command before which it is taken, the nth one of these. row: the text of a row of the
    ladder that is opened. buttons: the first words of the buttons that are clicked.
    """

    until: str = "dmvpn lab down"
    nth: int = 0
    row: str = ""
    buttons: tuple[str, ...] = ()


#: By the name of the exercise.
EXERCISES: Final = {
    "exercise-01": Shot("dmvpn lab grade", buttons=("Lesson",)),
    "exercise-02": Shot(row="NHRP Registration Reply"),
    "exercise-03": Shot(buttons=("R11",)),
    "exercise-04": Shot(row="NHRP Resolution Request"),
    "exercise-05": Shot(row="NHRP Traffic Indication"),
    "exercise-06": Shot(buttons=("R31",)),
    "exercise-07": Shot(row="IKE_AUTH"),
    "exercise-08": Shot(buttons=("R31", "R31 Gi0.1 to")),
    "exercise-09": Shot(buttons=("R11",)),
    "exercise-10": Shot("dmvpn lab start", 1, buttons=("SPOKE1",)),
    "exercise-11": Shot("dmvpn -r SPOKE10 -", buttons=("Lesson",)),
    "exercise-12": Shot(buttons=("SPOKE-A1",)),
}


def main(names: list[str]) -> None:
    """Take all, or those of some names, or the screens."""
    if names[:1] == ["--screens"]:
        folder = Path(names[1])
        folder.mkdir(parents=True, exist_ok=True)

        def take(name: str, browser: Browser) -> None:
            for theme in ("light", "dark"):
                browser.prefer({"prefers-color-scheme": theme})
                for size, (width, height) in _SIZES.items():
                    browser.resize(width, height)
                    time.sleep(0.7)
                    (folder / f"{name}-{theme}-{size}.png").write_bytes(browser.screenshot())
            browser.resize(*_SIZES["laptop"])

        visit(take, *_OPTIONS)
        return
    FOLDER.mkdir(exist_ok=True)
    for name in names or EXERCISES:
        _exercise(name, EXERCISES[name])
    if not names:
        _others()


def _exercise(name: str, shot: Shot) -> None:
    """Run the commands of an exercise, and take the page of its lab."""
    (page,) = (ROOT / "docs" / "tutorial").glob(f"{name[-2:]}-*.md")
    commands = [step.command for step in chain.from_iterable(map(steps, BLOCK.findall(page.read_text())))]
    end = [number for number, command in enumerate(commands) if command.startswith(shot.until)][shot.nth]
    session = Session(warm())
    try:
        for command in commands[:end]:
            session.run(command)
        with serving(session.environment, "--role", "configure") as web, Browser(*_OPTIONS) as browser:
            browser.resize(*_OF_EXERCISE)
            browser.open(web.address)
            browser.wait(lambda: "registered" in browser.text("summary"))
            for text in shot.buttons:
                press(browser, "button", f"textContent.match(/^{text}( |$)/)")
            if shot.row:
                press(browser, ".step", f"textContent.includes({json.dumps(shot.row)})")
            _take(browser, f"{name}.png")
    finally:
        session.close()


def _others() -> None:
    """Take the page with a shortcut and with a wire that is cut, on a phone, and of many routers."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        dmvpn(environment, "lab", "up", _LAB, "--simulated")
        try:
            with serving(environment, "--role", "configure") as web, Browser(*_OPTIONS) as browser:
                _live(web, browser, environment)
        finally:
            dmvpn(environment, "lab", "down", _LAB)
        dmvpn(environment, "class", "begin", "exercise-05", "anna", "ben", "carla", "--simulated")
        try:
            dmvpn(environment, "lab", "break", "--seed", "101", "--lab", "anna-exercise-05")
            with serving(environment, "--role", "configure") as web, Browser(*_OPTIONS) as browser:
                browser.resize(1120, 320)
                browser.open(web.address)
                browser.wait(lambda: "anna" in browser.run("return document.body.textContent"))
                browser.open(f"http://127.0.0.1:{web.port}/class")
                browser.wait(lambda: "carla" in browser.run("return document.body.textContent"))
                _take(browser, "class.png")
        finally:
            dmvpn(environment, "class", "end")
        _many(Path(folder), environment)


def _live(web: Served, browser: Browser, environment: Mapping[str, str]) -> None:
    browser.resize(1280, 720)
    browser.open(web.address)
    browser.wait(lambda: "2 registered" in browser.text("summary"))
    dmvpn(environment, "-r", "R31", "ping", "10.4.4.1", "source", "10.3.3.1")
    browser.wait(lambda: "1 direct" in browser.text("summary"))
    press(browser, ".step", 'textContent.includes("NHRP Resolution Reply")')
    browser.wait(lambda: "Hop Count" in browser.text("message"))
    _take(browser, "page.png")
    browser.click("Close", "message")
    browser.click("R41", "routers")
    browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
    browser.click("Cut", "actions")
    browser.wait(lambda: "The wire was cut." in browser.text("said"))
    _take(browser, "wire.png")
    browser.click("Restore", "actions")
    dmvpn(environment, "lab", "up", "dual-hub", "--simulated")
    browser.open(f"http://127.0.0.1:{web.port}/")
    browser.wait(lambda: browser.run("return document.querySelectorAll('.picture svg').length") == 2)
    browser.wait(lambda: browser.text("about") != "")
    _take(browser, "front-door.png")
    dmvpn(environment, "lab", "down", "dual-hub")
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
    taken = browser.screenshot()
    made = (with_palette(taken, most) for most in _COLORS)
    (FOLDER / name).write_bytes(next(octets for octets in made if len(octets) <= MOST_OCTETS))


if __name__ == "__main__":
    main(sys.argv[1:])
