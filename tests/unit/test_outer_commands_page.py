"""The page about the outer commands names every command and every option, and no other; dmvpn(1) has the commands."""

from __future__ import annotations

import argparse
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.main import argument_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "outer-commands.md"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The command itself and what is below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from commands(below)


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {word for action in parser._actions for word in action.option_strings if word.startswith("--")}


def test_every_command_is_on_the_page() -> None:
    page = PAGE.read_text()
    last = [command for command in commands(argument_parser()) if command._subparsers is None]
    assert [command.prog for command in last if f"`{command.prog}" not in page] == []


def test_every_option_is_on_the_page_and_no_other() -> None:
    known = {option for command in commands(argument_parser()) for option in options(command)}
    assert set(OPTION.findall(PAGE.read_text())) == known


def test_the_man_page_is_made_and_has_every_command() -> None:
    """The package for Debian could not be built: nothing else made its man page."""
    page = "\n".join(runpy.run_path(str(ROOT / "scripts" / "man-page.py"))["lines"]()).replace("\\-", "-")
    assert [command.prog for command in commands(argument_parser()) if f".B {command.prog}" not in page] == []
