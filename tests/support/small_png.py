"""PNGs of screens with a palette, which are a quarter as large: a browser writes each dot with all its colors."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

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
