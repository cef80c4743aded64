"""Prints dmvpn(1): the command line as the program knows it, for man(1)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dmvpn import __version__
from dmvpn.app.main import argument_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = (
    ("/etc/dmvpn/NAME.cfg", "the configuration of the service dmvpn@NAME"),
    ("/var/lib/dmvpn", "state that routers keep over a restart"),
    ("/run/dmvpn", "sockets of services, and the record of changes to the host"),
)


def lines() -> Iterator[str]:
    """The page, in the macros of man(7)."""
    parser = argument_parser()
    yield f'.TH DMVPN 1 "" "dmvpn {__version__}" "User Commands"'
    yield from (".SH NAME", "dmvpn \\- a DMVPN router, its labs and its tools")
    yield from (".SH SYNOPSIS", ".B dmvpn", ".I COMMAND ...", ".br", ".B dmvpn \\-r", ".I ROUTER", "[IOS command]")
    yield from (".SH DESCRIPTION", _plain(parser.description or ""), ".SH COMMANDS")
    yield from _commands(parser)
    yield ".SH FILES"
    for path, text in _FILES:
        yield from (".TP", f".I {_plain(path)}", _plain(text))
    yield from (".SH EXIT STATUS", "0; 1 if the command did not succeed; 2 if its arguments are wrong.")


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Each command with what it takes, and the line that `--help` has for it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, below in action.choices.items():
                usage = " ".join(below.format_usage().removeprefix("usage: ").split())
                yield from (".TP", f".B {_plain(usage)}", _plain(helps.get(name, "")))
                yield from _commands(below)


def _plain(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")


if __name__ == "__main__":
    print("\n".join(lines()))
