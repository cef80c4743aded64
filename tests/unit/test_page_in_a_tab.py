"""The page in a tab without a browser: links to labs, and the door to the worker that answers instead of a server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dmvpn.web.exported import FOLDER


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    script = Path(__file__).parents[1] / "page" / "tab.mjs"
    ran = subprocess.run(["node", script], check=True, capture_output=True, text=True, timeout=60)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_link_names_a_lab_or_has_its_files_inside(seen: dict[str, Any]) -> None:
    links = seen["links"]
    assert links["named"] == {"lab": "notes-phase3", "seed": 7, "epoch": 1790000000, "story": "shortcut"}
    assert links["whole"]["files"] == {"R1.cfg": "hostname R1\n", "lab.yaml": "name: mine\n"}
    assert links["none"] is None
    assert "too long for a link (11.5 KB, and a link has at most 8)" in links["long"]


def test_a_link_of_a_stranger_or_a_damaged_one_is_refused_with_one_sentence(seen: dict[str, Any]) -> None:
    said = seen["links"]["bad"]
    assert all(re.fullmatch(r"refused: [^.]+\.", one) for one in said), said
    assert "damaged" in said[-1], "some kilobytes of a link that unpack to megabytes are not unpacked"


def test_a_worker_answers_as_a_server_does(seen: dict[str, Any]) -> None:
    worker = seen["worker"]
    assert (worker["booted"], worker["steps"]) == ("notes-phase3", [50, 100])
    assert (worker["status"], worker["said"], worker["bare"]) == (404, {"detail": "none"}, 304)
    assert worker["begun"] == "one"
    assert worker["aborted"].startswith("refused")
    assert worker["mailed"] == [[3, 0], [3, 40003]], "the worker fetches what it has not taken; it has read so much"
    assert {"n": 5, "id": 3, "abort": True} in worker["sent"]


def test_a_worker_that_has_died_says_so_to_all_who_wait_for_it(seen: dict[str, Any]) -> None:
    worker = seen["worker"]
    assert worker["left"] == worker["after"] == "refused: the lab in this tab has ended: no memory is left"


def test_the_page_asks_for_nothing_but_by_its_one_door_and_has_no_absolute_address() -> None:
    scripts = {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix == ".js"}
    assert [name for name, text in scripts.items() if re.search(r"\bfetch\(|XMLHttpRequest|EventSource", text)] == [
        "feed.js"
    ]
    pages = {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix == ".html"}
    assert [name for name, text in pages.items() if re.search(r'(href|src)="(/|https?:)', text)] == []
