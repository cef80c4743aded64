"""One contract, two transports: what `dmvpn web` answers by HTTP, a tab answers by messages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from support.services import short_folder
from support.tab import Page, in_a_tab

if TYPE_CHECKING:
    from support.served import Served

#: What paths name; a link is a capture, which a tab does not write.
NAMES = {"lab": "notes-phase3", "router": "R31", "host": "H3", "link": "R31-Gi0-1"}


def shape(text: str) -> object:
    """The members of an object, or the kind of any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        return "no JSON"
    return sorted(found) if isinstance(found, dict) else type(found).__name__


@pytest.mark.slow
def test_all_gets_of_the_document_answer_in_a_tab_as_from_a_server(
    web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = web.ask("/api/v1/openapi.json").fields["paths"]
    assert isinstance(document, dict)
    gets = {path: str(methods["get"]) for path, methods in document.items() if "get" in methods}
    finite = [path for path, operation in gets.items() if "event-stream" not in operation]
    paths = [path.format(**NAMES) for path in finite if set(re.findall(r"{(\w+)}", path)) <= NAMES.keys()]
    assert len(paths) > 150
    here: dict[str, tuple[int, object]] = {}

    async def use(page: Page) -> None:
        for path in paths:
            status, text = await page.text("GET", path)
            here[path] = status, shape(text)

    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        in_a_tab({"lab": "notes-phase3"}, use)
    absent = {path for path, (status, _) in here.items() if status == 501}
    assert all(path.endswith(("/metrics", "/openapi.json", "/capture")) for path in absent)
    there = {path: (answer.status, shape(answer.text)) for path in paths if (answer := web.ask(path))}
    assert {path: here[path] for path in paths if path not in absent} == {
        path: there[path] for path in paths if path not in absent
    }
