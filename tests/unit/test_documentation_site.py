"""What the documentation site makes of the Markdown in `docs`: pages, old addresses, what its search and buttons do."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import Any, Final

import pytest

from support import site, site_search
from support.conformance import ROOT
from support.films import NODE

DOCS: Final = ROOT / "docs"
_SCRIPTS: Final = DOCS / "_site" / "static"
_NODE: Final = pytest.mark.skipif(not NODE, reason="no node: scripts/debian-packages base")


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
    made = site.for_site(DOCS, "how-to/index", "# How-to\n\n- [One](web-api.md)\n- [Two](ssh.md)\n")
    _, _, navigation = made.partition("{toctree}")
    entries = navigation.split()[1:-1]
    assert entries[:2] == ["web-api", "ssh"]
    assert sorted(entries) == sorted(path.stem for path in (DOCS / "how-to").glob("*.md") if path.stem != "index")


# What moved, and what a page was called before.


def test_an_old_address_leads_to_a_page_and_a_section_that_are_there() -> None:
    anchors = {page[0].removesuffix(".html"): {anchor for anchor, _, _ in page[3]} for page in site_search.pages(DOCS)}
    for old, new in site.moved(DOCS).items():
        page, _, anchor = new.partition("#")
        assert old not in anchors, old
        assert page in anchors, new
        assert not anchor or anchor in anchors[page], new


def test_a_page_at_an_old_address_leads_on_from_its_own_folder() -> None:
    made = site.moved_page("how-to/picture", "reference/sites#a-<b>")
    assert '<link rel="canonical" href="../reference/sites.html">' in made
    assert '<meta http-equiv="refresh" content="0; url=../reference/sites.html#a-&lt;b&gt;">' in made
    assert '<a href="../reference/sites.html#a-&lt;b&gt;">' in made


# What the search finds.


def test_a_section_is_plain_text_under_its_anchor() -> None:
    text = (
        "# A page\n\nA [link](x.md#y) to `code` and **more**.\n<!-- no -->\n\n## `show x`: y\n\n"
        "| one | a \\| b |\n| --- | --- |\n\n```console\n$ dmvpn lab\n# no heading\n```\n\n"
        "```mermaid\nA --> B\n```\n\n## `show x`: y\n"
    )
    assert list(site_search.sections(text)) == [
        ("a-page", "A page", "A link to code and more."),
        ("show-x-y", "show x: y", "one a | b $ dmvpn lab # no heading"),
        ("show-x-y-1", "show x: y", ""),
    ]


def test_the_search_finds_at_most_so_many_words_by_default() -> None:
    guides = [page for page in site_search.pages(DOCS) if site_search.is_guide(page)]
    words = sum(len(f"{heading} {text}".split()) for *_, sections in guides for _, heading, text in sections)
    assert 50_000 < words <= 120_000


#: What readers ask, and the page that they want first.
_FIRST: Final = {
    "dual hub": "how-to/dual-hub",
    "two hubs": "tutorial/10-two-hubs",
    "shortcut": "tutorial/first-shortcut",
    "behind nat": "how-to/behind-nat",
    "Spokes behind NAT": "how-to/behind-nat",
    "ipsec": "how-to/protect",
    "authentication": "how-to/protect",
    "certificates": "how-to/protect",
    "prometheus": "how-to/watch-with-prometheus",
    "grafana": "how-to/watch-with-prometheus",
    "front door vrf": "how-to/front-door",
    "fvrf": "how-to/front-door",
    "mtu": "tutorial/08-mtu",
    "phase 3": "tutorial/phase-1-to-3",
    "redirect": "tutorial/05-phase-3",
    "registration": "tutorial/02-registration",
    "ssh": "how-to/ssh",
    "ansible": "how-to/automation",
    "python client": "how-to/python-client",
    "rest api": "how-to/web-api",
    "packet filters": "how-to/packet-filters",
    "internet access": "how-to/internet-access",
    "how to install": "how-to/install",
    "rollback": "how-to/take-a-change-back",
    "from IKEv1 to IKEv2": "how-to/roll-out",
    "containerlab": "how-to/labs-elsewhere",
    "strongswan": "how-to/foreign-spoke",
    "why does my tunnel not work": "how-to/find-out-why",
    "summaries": "tutorial/06-summaries",
    "threat model": "explanation/threat-model",
    "teach a class": "how-to/teach",
}


_HOSTILE: Final = ("<img src=x onerror=f()>", "(.*)+$", "\\", "[", "\0", "'\"; --", "x" * 10_000, "hub " * 5_000, "é")
_OTHERS: Final = ("T1", "5", "shortcuts expire", "dual hub zzzz")


@_NODE
@pytest.mark.lengthy
def test_what_readers_ask_has_the_page_that_they_want_first() -> None:
    first = {question: _answers()[question]["pages"][0]["page"].removesuffix(".html") for question in _FIRST}
    assert first == _FIRST


@_NODE
@pytest.mark.lengthy
def test_a_short_word_and_a_number_are_found_as_they_are() -> None:
    for question in ("T1", "5"):
        marks = {text for page in _answers()[question]["pages"] for text, asked in page["excerpt"] if asked}
        assert marks <= {question, question.lower()}


@_NODE
@pytest.mark.lengthy
def test_a_hostile_question_has_an_answer() -> None:
    for question in _HOSTILE:
        assert len(_answers()[question]["pages"]) <= 20, question


@_NODE
@pytest.mark.lengthy
def test_an_excerpt_is_short_and_has_the_words_marked() -> None:
    pages = _answers()["shortcuts expire"]["pages"]
    assert max(len("".join(part for part, _ in page["excerpt"])) for page in pages) < 260
    marks = {part.lower() for part, asked in pages[0]["excerpt"] if asked}
    assert any(mark.startswith("shortcut") for mark in marks)


@_NODE
@pytest.mark.lengthy
def test_a_question_of_which_no_page_has_all_words_finds_pages_with_most() -> None:
    answer = _answers()["dual hub zzzz"]
    assert answer["whole"] is False
    assert answer["pages"][0]["page"] == "how-to/dual-hub.html"


@cache
def _answers() -> dict[str, Any]:
    """Return what the search answers to all questions."""
    scripts = [site_search.scripts(DOCS)["search-guides.js"], (_SCRIPTS / "search.js").read_text(encoding="utf-8")]
    questions = [*_FIRST, *_HOSTILE, *_OTHERS]
    return dict(zip(questions, _run(scripts, "documentation.find(given, SEARCHED, 20)", questions), strict=True))


# What a button at a block of code copies.


@_NODE
@pytest.mark.parametrize(
    ("block", "typed"),
    [
        ("$ dmvpn lab up\nup and converged\n\n$ dmvpn lab down\n", "dmvpn lab up\ndmvpn lab down"),
        ("$ cat <<'END'\n> a\n>\n>  b\n> END\nprinted\n> printed\n", "cat <<'END'\na\n\n b\nEND"),
        ("R31#configure terminal\nEnter configuration commands\nR31(config)#end\n", "configure terminal\nend"),
        ("interface Tunnel100\n ip mtu 1400\n", "interface Tunnel100\n ip mtu 1400"),
        ("make lab    # installs\ndmvpn doctor\n", "make lab    # installs\ndmvpn doctor"),
    ],
)
def test_a_button_copies_what_is_typed_without_prompts_and_output(block: str, typed: str) -> None:
    (copied,) = _run([(_SCRIPTS / "copy.js").read_text(encoding="utf-8")], "copying.typed(given)", [block])
    assert copied == typed


def _run(scripts: list[str], expression: str, values: Any) -> list[Any]:  # noqa: ANN401  # whatever JSON has
    """Run scripts of the site by node, then an expression for each value of `given`."""
    ran = subprocess.run(
        [str(NODE), str(ROOT / "tests" / "page" / "site.mjs")],
        input=json.dumps({"scripts": scripts, "expression": expression, "values": list(values)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: list[Any] = json.loads(ran.stdout)
    return found
