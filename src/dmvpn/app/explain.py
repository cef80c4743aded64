"""`dmvpn explain`: the meaning of a word, or, for lines from a pipe, the meanings of the words on the screen.

dmvpn explain DT2                         all meanings of a flag
dmvpn explain '%NHRP-3-PAKREPLY: ...'     a log line as it was copied
dmvpn -r R31 show dmvpn | dmvpn explain   the screen, and below it the meanings of its words
"""

from __future__ import annotations

import argparse
import io
import sys
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from dmvpn.tools.explain import Explainer

_TEXT = "explain a flag, state, message, code, command or clause; from a pipe, all words of a screen"

_WORDS = "the word as printed; - reads lines from a pipe (for the sign itself, type \"'-'\")"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    explain = commands.add_parser("explain", help=_TEXT, description=_TEXT)
    explain.add_argument("words", nargs="*", metavar="WORD", help=_WORDS)
    explain.add_argument("--json", action="store_true", help="print JSON")
    # A word like any other, which would be taken for an option.
    explain.add_argument("->", dest="arrow", action="store_true", help=argparse.SUPPRESS)
    explain.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Answer. Returns 1 if the word is not known."""
    words: list[str] = [*arguments.words, *(["->"] if arguments.arrow else [])]
    if words in (["-"], []) and not sys.stdin.isatty():
        from dmvpn.ios.transcript import LONGEST_FILE  # not for another command: the language is half of the program

        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")
        return _screen(sys.stdin.read(LONGEST_FILE), as_json=arguments.json)
    text = " ".join(words)
    if not text.strip():
        raise UserError("name a word to explain, as in 'dmvpn explain DT2', or a whole log line in quotes")
    if "\n" in text.strip():
        return _screen(text, as_json=arguments.json)
    printed, status = answer(text, as_json=arguments.json)
    print(printed)
    return status


def answer(text: str, *, as_json: bool) -> tuple[str, int]:
    """Return the answer about a word, and the exit code: 1 if it is not known."""
    from dmvpn.ios import json_lines
    from dmvpn.tools.explain import render

    found = _explainer().ask(text)
    return "\n".join(json_lines(found) if as_json else render(found)), 0 if found.found else 1


def _screen(text: str, *, as_json: bool) -> int:
    from dmvpn.ios import json_lines
    from dmvpn.router.vocabulary import explained
    from dmvpn.tools.explain.lookup import found_of

    meanings = _explainer().screen(text)
    if as_json:
        print("\n".join(json_lines([found_of(meaning) for meaning in meanings])))
    else:
        print("\n".join((*text.splitlines(), *explained(meanings))))
    return 0 if meanings else 1


def _explainer() -> Explainer:
    from dmvpn.face.language import exec_parser
    from dmvpn.router.features import FEATURES
    from dmvpn.tools.explain import Explainer

    return Explainer(FEATURES, exec_parser(FEATURES).commands)
