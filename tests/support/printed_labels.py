"""What the renderers of shows write between the values: headings and labels, read from the code itself.

literals()            every string that a `show.py` or `show/*.py` may print, with a gap in place of a value
without_explanation   what is left of one, when all words are taken out that its feature explains, and plain English
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn.base.explanations import WordKind
from dmvpn.router.features import FEATURES
from support.printed import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_GAP: Final = "\0"
#: Files beside them that print screens.
_MORE: Final = {"system": (SOURCES / "features" / "system" / "reports.py",)}
#: Names of fields, patterns of commands, questions of `clear`.
_ASKED: Final = re.compile(r"[a-z]+(?:_[a-z0-9]+)+|.*\{\w+:[\w-]+\}.*|(?:show|clear) .*|.* \[confirm\]|[\[(] ?.*\|.*")
#: Calls whose texts are asked for and not printed: words of arguments, names of fields, questions.
_ASKING: Final = {
    *("get", "getattr", "address", "integer", "prefix", "interface", "text"),
    *("startswith", "endswith", "removeprefix", "replace", "partition", "split", "strftime"),
    *("UserError", "Ask", "moment"),
    *("DialogStep", "_only"),  # prompts and complaints of a dialog
}
#: Assigned names that hold the language of commands and no output.
_LANGUAGE: Final = re.compile(r"HELP|COMMANDS|FILTER_WORDS|__all__|_SHOW$|_CLEAR$|_PAIRS$|SYNTAX|_EITHER|_WHICH")

#: Words of lines that need no explanation, by the reason.
PLAIN: Final = {
    "units": (
        "bit bytes ms sec seconds min mins microseconds picoseconds milliseconds kbit kbit/sec kbps mbps usec kilobytes"
    ),
    "English between labels and values": (
        "is are of to at for with from by on in not be been and or no all this it will has via associated "
        "displayed none ago using negotiated makes"
    ),
    "values that say themselves": (
        "set enabled disabled configured sent yes false auto unsupported virtual unknown never default none"
    ),
    "headings whose values say or explain themselves": (
        "interface interfaces address status state flags version legend codes note total neighbors crypto "
        "tunnel route profile dmvpn cisco pki"
    ),
    "parts of words and numbers that a value completes": (
        "ipv md sha ip es send rcv linux-dmvpn abled en dis ffffffff head esp aes waiting init null ff"
    ),
    "cells whose letters are explained": "ua ui uk dn cl",
    "names of ports": "ethernet fastethernet gigabit gigabitethernet ten tengigabitethernet",
}
#: Words that commands take and screens do not show.
ARGUMENTS: Final = {
    *(
        "day",
        "year",
        "peer",
        "nbma",
        "when",
        "source",
        "count",
        "probes",
        "number",
        "remote",
        "local",
        "server",
        "target",
        "terminal",
    ),
    *("isis", "multicasts", "unicasts", "exceptions", "conditional", "retransmissions"),
    *("first", "last", "end", "version", "nhrp", "dmvpn", "undebug", "no debug", "terminal pem"),
}
#: Whose words a feature's screens have, too, and why.
BESIDE: Final = {
    "rip": ("eigrp",),  # the blocks of `show ip protocols` are alike
    "ospf": ("eigrp", "rip"),
    "bgp": ("eigrp", "rip"),
    "nhrp": ("ipsec", "interface"),  # `show dmvpn detail` has the tunnel and its protection
    "ike": ("ipsec",),  # the status of a session
}
_PLAIN: Final = {word for words in PLAIN.values() for word in words.split()}
#: Functions that print lines of a configuration as they were entered: `dmvpn explain` knows these by their grammar.
_LINES_OF_USERS: Final = {"session_lines", "policy_lines", "choice_words", "in_words", "_maximum"}


def literals() -> Iterator[tuple[str, str, str]]:
    """Yield the feature, its file, and a string that may be printed."""
    for feature, path in _screens():
        for text in _texts(ast.parse(path.read_text())):
            yield feature, path.relative_to(SOURCES / "features").as_posix(), text


def _screens() -> Iterator[tuple[str, Path]]:
    for feature in FEATURES:
        folder = SOURCES / "features" / feature.name
        for path in sorted({*folder.glob("show.py"), *folder.glob("show/*.py"), *_MORE.get(feature.name, ())}):
            yield feature.name, path


def uncalled(names: Iterable[str] = _ASKING) -> list[str]:
    """Return those calls without printed texts that no show makes: somebody renamed them."""
    sources = "".join(path.read_text() for _, path in _screens())
    return sorted(name for name in names if not re.search(rf"\b{name}\(", sources))


def _texts(tree: ast.Module) -> Iterator[str]:
    hidden = {id(inner) for node in ast.walk(tree) for outer in _not_printed(node) for inner in ast.walk(outer)}
    hidden |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in hidden:
            text = _template(node)
            if not _ASKED.fullmatch(text) and text not in ARGUMENTS:
                yield text


def _not_printed(node: ast.AST) -> Iterable[ast.AST]:
    """Parts of a statement whose strings reach no screen."""
    match node:
        case ast.Module(body=[ast.Expr() as first, *_]) | ast.ClassDef(body=[ast.Expr() as first, *_]):
            return [first]
        case ast.FunctionDef(name=name) if name in _LINES_OF_USERS:
            return [node]
        case ast.FunctionDef(body=[ast.Expr(value=ast.Constant()) as first, *_]):
            return [first, node.args, *([node.returns] if node.returns else [])]
        case ast.FunctionDef():
            return [node.args, *([node.returns] if node.returns else [])]
        case ast.Call(func=ast.Attribute(attr="column"), args=[_, template, *explained]):
            return [template, *explained]
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _ASKING or "ommand" in name:
            return [*node.args, *node.keywords]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [node] if _LANGUAGE.search(name) else [node.annotation] if isinstance(node, ast.AnnAssign) else []
        case ast.AnnAssign():
            return [node.annotation]
        case ast.Subscript():
            return [node.slice]
        case ast.Compare() | ast.ImportFrom():
            return [node]
        case ast.FormattedValue(format_spec=ast.JoinedStr() as spec):
            return [spec]
        case ast.match_case():
            return [node.pattern]
    return []


def _template(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_template, parts))
    return _GAP


@lru_cache
def spellings(feature: str) -> re.Pattern[str]:
    """Return all that a feature explains, as it is printed."""
    features = [each for each in FEATURES if each.name in (feature, *BESIDE.get(feature, ()))]
    words = {
        word
        for each in features
        for group in each.explanations
        if group.kind not in (WordKind.LOG, WordKind.DEBUG, WordKind.ANSWER)
        for explanation in group.explanations
        if not re.search("<[^<>]*>", explanation.word)
        for word in (explanation.word, *explanation.also)
    }
    longest = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z])(?:{longest or '(?!)'})(?![A-Za-z])", re.IGNORECASE)


def without_explanation(text: str, known: re.Pattern[str]) -> list[str]:
    """Return the words of a printed string that nothing explains."""
    return [word for word in words_of(known.sub(_GAP, text)) if word.casefold() not in _PLAIN]


def words_of(text: str) -> list[str]:
    """Return the parts of a string between blanks, numbers and signs."""
    return re.findall(r"[A-Za-z](?:[A-Za-z/'-]*[A-Za-z])", text)
