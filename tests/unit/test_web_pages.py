"""Answers of `dmvpn web` that a client may have already: compressed, with a tag; and the kept stages of labs."""

from __future__ import annotations

import gzip
import re
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from starlette.requests import Request

from dmvpn.labs import films, orders
from dmvpn.labs.films import LabStages
from dmvpn.shells.lab import control
from dmvpn.web.exported import FOLDER, preloading
from dmvpn.web.pages import packed

if TYPE_CHECKING:
    from starlette.responses import Response

    from dmvpn.shells.lab.places import LabFolder

TEXT = b"a text with many words " * 100


def answer(octets: bytes = TEXT, tag: str = '"1"', **headers: str) -> Response:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return packed(Request({"type": "http", "method": "GET", "headers": raw}), octets, tag, "text/plain")


@pytest.mark.parametrize(
    ("takes", "is_compressed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1, gzip;q=0.5", True),
        ("gzip;q=0.01", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip ; q=0.0, br", False),
    ],
)
def test_a_text_is_compressed_for_a_client_that_takes_that(takes: str, is_compressed: bool) -> None:
    found = answer(tag=f'"{takes}"', accept_encoding=takes)
    assert found.headers.get("content-encoding", "") == ("gzip" if is_compressed else "")
    assert (gzip.decompress(found.body) if is_compressed else found.body) == TEXT
    assert found.headers["vary"] == "Accept-Encoding"


def test_a_short_text_is_sent_as_it_is() -> None:
    assert answer(b"short", accept_encoding="gzip").body == b"short"


def test_a_client_that_has_a_text_does_not_get_it_again() -> None:
    found = answer(accept_encoding="gzip", if_none_match='"0", "1"')
    assert (found.status_code, found.body, found.headers["etag"]) == (304, b"", '"1"')
    assert answer(if_none_match='"0"').body == TEXT


def test_two_texts_of_other_tags_are_not_taken_for_each_other() -> None:
    one, other = (answer(TEXT + tag.encode(), tag, accept_encoding="gzip") for tag in ('"a"', '"b"'))
    assert gzip.decompress(one.body) != gzip.decompress(other.body)


def test_a_text_that_was_compressed_is_not_kept_itself() -> None:
    """The stage of a large lab has a megabyte, and 128 of them were kept: one after each change."""
    octets = bytes(100_000)
    before = sys.getrefcount(octets)
    answer(octets, '"large"', accept_encoding="gzip")
    assert sys.getrefcount(octets) == before


#: Octets of all files of the page, compressed one by one, without vendored ones.
LARGEST_PAGE = 140_000


def test_the_page_is_small_and_a_browser_can_ask_for_all_its_modules_at_once() -> None:
    files = {
        path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix in (".html", ".js", ".css", ".svg")
    }
    size = sum(len(gzip.compress(text.encode())) for text in files.values())
    assert size <= LARGEST_PAGE, f"{size} octets"
    named = set(re.findall('rel="modulepreload" href="../page/([^"]+)"', preloading(files["index.html"])))
    assert "page.js" in named
    for name in named:
        imported = set(re.findall(r'^(?:import|export)\b[^;]*? from "\./([^"]+)";', files[name], re.MULTILINE))
        assert imported <= named, name


def test_a_lab_that_begins_again_while_its_stage_is_asked_for_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Restarting:
        """The folder of a lab that lives another life at each look."""

        path = Path("/lab")
        name = "lab"
        control = Path("/lab/control")
        _lives = count()

        @property
        def life(self) -> str:
            return str(next(self._lives))

    monkeypatch.setattr(control, "order", lambda *_, **__: {"setups": {}})
    monkeypatch.setattr(orders, "scenario", lambda _: SimpleNamespace())
    monkeypatch.setattr(films, "picture_of", lambda *_, **__: SimpleNamespace())
    monkeypatch.setattr(films, "as_stage", lambda _: {"title": "lab"})
    tag, octets = LabStages().stage(cast("LabFolder", Restarting()))
    assert (len(tag), octets) == (32, b'{"title": "lab"}')
