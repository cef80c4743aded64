"""What the documentation site changes in a page: links out of the documentation, lists of pages, the field of words."""

from __future__ import annotations

import json
from pathlib import Path

from support import site

DOCS = Path(__file__).parents[2] / "docs"


def test_a_link_to_a_source_file_becomes_its_path_and_a_link_to_a_page_stays() -> None:
    text = (
        "See [`tests/unit/test_x.py`](../../tests/unit/test_x.py), [the test](../../tests/unit/test_x.py#L3),\n"
        "[a page](page.md#part) and [elsewhere](https://example.org/x)."
    )
    assert site.for_site(DOCS, "reference/crypto", text) == (
        "See `tests/unit/test_x.py`, the test (`tests/unit/test_x.py`),\n"
        "[a page](page.md#part) and [elsewhere](https://example.org/x)."
    )


def test_a_block_of_code_stays_and_a_diagram_is_shown_as_its_text() -> None:
    text = "```console\n$ cat [x](../../y.py)\n```\n\n```mermaid\nflowchart\n```\n"
    assert site.for_site(DOCS, "reference/crypto", text) == text.replace("mermaid", "text").replace("console", "text")


def test_a_list_of_pages_becomes_the_navigation_in_its_order() -> None:
    made = site.for_site(DOCS, "how-to/index", "# How-to\n\n- [One](web-api.md)\n- [Two](picture.md)\n")
    _, _, navigation = made.partition("{toctree}")
    entries = navigation.split()[1:-1]
    assert entries[:2] == ["web-api", "picture"]
    assert sorted(entries) == sorted(path.stem for path in (DOCS / "how-to").glob("*.md") if path.stem != "index")


def test_the_page_of_words_has_the_field_and_the_pages_below_it() -> None:
    made = site.for_site(DOCS, "reference/words", (DOCS / "reference" / "words.md").read_text())
    assert made.index('<div id="explain">') < made.index("| words of |")
    assert "words/nhrp\n" in made


def test_the_words_of_the_field_are_those_of_the_pages() -> None:
    script = site.words(DOCS)
    assert "</" not in script
    words = json.loads(script.removeprefix("const WORDS = ").rstrip().removesuffix(";"))
    assert ["nhrp", "column-attrb-show-dmvpn", "Column Attrb: show dmvpn", "S"] in [word[:4] for word in words]
    pages = (DOCS / "reference" / "words").glob("*.md")
    lines = [line for page in pages for line in page.read_text().splitlines()]
    rows = sum(line.startswith("| `") for line in lines)
    assert len(words) == rows
