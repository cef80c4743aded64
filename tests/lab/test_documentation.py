"""Every command in the documentation is run, and prints what the page shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from support.cases import every_day_but
from support.docs import BLOCK, OF_TOOLS, ROOT, Session, pages, plain, same, steps
from support.warm import warm

if TYPE_CHECKING:
    from pathlib import Path


PAGES = [page for page in pages() if page.name not in OF_TOOLS]
#: Whose commands compute most: many variants of a network, hours of faults. `make test-all` runs them.
LONG = [page for page in PAGES if page.name in ("what-if.md", "break-a-network-at-random.md")]


@pytest.mark.lab
@pytest.mark.parametrize("page", every_day_but(LONG, PAGES), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_its_commands_print(page: Path) -> None:
    session = Session(None if page.name == "README.md" else warm())
    try:
        for block in BLOCK.findall(page.read_text()):
            for step in steps(block):
                _, printed = session.run(step.command)
                if step.looks and not same(step.expected, printed):
                    time.sleep(2.0)  # beside other work, keys take longer than the pages' next command
                    _, printed = session.run(step.command)
                assert same(step.expected, printed), (
                    f"{page.name}: $ {step.command}\nprints\n"
                    + "\n".join(plain(printed))
                    + "\nand the page says\n"
                    + "\n".join(plain("\n".join(step.expected)))
                )
    finally:
        session.close()


def test_a_page_that_says_something_else_is_noticed() -> None:
    assert same(["age 00:01:02", "...", "end"], "age 10:00:00\nmore\nend\n")
    assert not same(["age 00:01:02", "...", "end"], "aged 10:00:00\nmore\nend\n")
    assert not same(["two"], "one\ntwo\n")


def test_a_command_of_a_page_may_go_on_over_several_lines() -> None:
    (first, second) = steps("$ cat <<END\n> one\n> END\none\n$ true")
    assert (first.command, first.expected) == ("cat <<END\none\nEND", ["one"])
    assert second.command == "true"
