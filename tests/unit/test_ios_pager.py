"""` --More-- `: screens, lines, the end, the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.ios.pager import PIECE, Pager

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Paged:
    """A pager whose pieces are put together."""

    def __init__(self, lines: Iterable[str], *, length: int, width: int = 80) -> None:
        self.pager = Pager(lines, length=length, width=width)

    @property
    def done(self) -> bool:
        return self.pager.done

    def start(self) -> bytes:
        return b"".join(self.pager.start())

    def key(self, char: str) -> bytes:
        return b"".join(self.pager.key(char))


WIPE = b"\b" * 10 + b" " * 10 + b"\b" * 10


def pager(count: int, length: int = 4, width: int = 80) -> Paged:
    return Paged((f"line {number}" for number in range(1, count + 1)), length=length, width=width)


def shown(*numbers: int) -> bytes:
    return b"".join(b"line %d\r\n" % number for number in numbers)


def test_what_fits_is_shown_without_a_word() -> None:
    started = pager(3)
    assert started.start() == shown(1, 2, 3)
    assert started.done


def test_nothing_is_shown_as_nothing() -> None:
    started = pager(0)
    assert started.start() == b""
    assert started.done


def test_a_blank_gives_a_screen_and_return_a_line() -> None:
    started = pager(9)
    assert started.start() == shown(1, 2, 3) + b" --More-- "
    assert started.key("\r") == WIPE + shown(4) + b" --More-- "
    assert started.key("\n") == WIPE + shown(5) + b" --More-- "
    assert started.key(" ") == WIPE + shown(6, 7, 8) + b" --More-- "
    assert not started.done
    assert started.key(" ") == WIPE + shown(9)
    assert started.done


@pytest.mark.parametrize("key", ["q", "x", "\x03", "Q"])
def test_any_other_key_ends_it(key: str) -> None:
    started = pager(9)
    started.start()
    assert started.key(key) == WIPE
    assert started.done


def test_length_zero_shows_everything() -> None:
    started = pager(100, length=0)
    assert started.start() == shown(*range(1, 101))
    assert started.done


def test_a_wide_line_takes_several_rows() -> None:
    started = Paged(["x" * 25, "second", "third"], length=4, width=10)
    assert started.start() == b"x" * 25 + b"\r\n --More-- "


def test_a_slash_searches_for_text() -> None:
    started = pager(50)
    started.start()
    assert started.key("/") == WIPE + b"/"
    assert [started.key(char) for char in "lXine 42"] == [char.encode() for char in "lXine 42"]
    for _ in range(7):
        assert started.key("\x7f") == b"\b \b"
    assert [started.key(char) for char in "ine 42"] == [char.encode() for char in "ine 42"]
    assert started.key("\x07") == b""
    assert started.key("\r") == b"\b" * 8 + b" " * 8 + b"\b" * 8 + shown(42, 43, 44) + b" --More-- "


def test_a_search_that_finds_nothing_ends_the_output() -> None:
    started = pager(9)
    started.start()
    for char in "/zz":
        started.key(char)
    started.key("\r")
    assert started.done


def test_lines_are_taken_only_when_they_are_shown() -> None:
    taken: list[int] = []

    def lines() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield str(number)

    Paged(lines(), length=24).start()
    assert len(taken) == 24


def test_a_long_text_without_pages_is_made_piece_by_piece_as_it_is_sent() -> None:
    made = 0

    def lines() -> Iterator[str]:
        nonlocal made
        for made in range(1, 10_001):
            yield f"line {made}"

    pieces = Pager(lines(), length=0).start()
    next(pieces)
    assert made < 200
    assert len(b"".join(pieces).splitlines()) == 10_000 - PIECE
