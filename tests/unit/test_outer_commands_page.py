"""The page about the outer commands names every command and every option, and none that is not there."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.main import argument_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "outer-commands.md"
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
