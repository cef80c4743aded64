"""Reasons are values: who decides something compares codes, and no program reads our own sentences or log lines."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dmvpn
from dmvpn.base.reasons import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(dmvpn.__file__).parent
#: Rooms that judge by facts, and what they take apart by regular expressions: never a reason or a log line of ours.
JUDGES = ("router/facts.py", "shells/facts.py", "shells/convergence.py", "tools/doctor/", "tools/walk/")
READS = {"scene.py": "what ping and traceroute print, in the form of IOS"}
#: Names of what holds a sentence of ours.
_SENTENCES = {
    "blocked",
    "evidence",
    "finding",
    "hint",
    "reason",
    "reasons",
    "refusal",
    "refused",
    "said",
    "what",
    "why",
}
_CUTS = {"endswith", "find", "index", "partition", "removeprefix", "removesuffix", "rpartition", "startswith"}
#: Files that look into words of the grammar, or of other programs, under such a name.
WORDS_OF_OTHERS = {
    "drawn.py": "a path in a drawing",
    "faults.py": "what Python says of an argument",
    "entered_text.py": "the prompt's answers, which begin with the percent sign of IOS",
    "sockets.py": "what a system call was for, as its caller says it two lines away",
}
_A_MNEMONIC = re.compile(r"[A-Z][A-Z0-9]+-[0-7]-[A-Z]|NOT_BUILT|NEG_ABORT|NBRCHANGE|RECURDOWN")
#: Only lines like these can be found; parsing all files takes seconds.
_WORTH_PARSING = re.compile(rf"[\"'] (?:not )?in |\.(?:{'|'.join(sorted(_CUTS))})\([\"']|\bre\.\w+\(")


class Fruit(ReasonCode):
    """Reasons of this test."""

    SOUR = "the <fruit> is sour", "<number> of <number> say so", "RFC 1 §2"
    EATEN = "somebody has eaten it: <why>"


def _sources() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCES.rglob("*.py")):
        yield path.relative_to(SOURCES).as_posix(), path.read_text()


def _named(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=ast.Name(id="str"), args=[argument]):
            return _named(argument)
    return ""


def read_back(source: str) -> list[str]:
    """Where a program looks into a sentence: a text sought in a reason, a reason cut, a log line by its mnemonic."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)) if _WORTH_PARSING.search(source) else ():
        match node:
            case ast.Compare(left=ast.Constant(value=str(text)), ops=[ast.In() | ast.NotIn()], comparators=[where]):
                found += [ast.unparse(node)] if _named(where) in _SENTENCES or _A_MNEMONIC.search(text) else []
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=[ast.Constant(value=str(text)), *_]):
                found += [ast.unparse(node)] if _A_MNEMONIC.search(text) else []
            case ast.Call(func=ast.Attribute(value=value, attr=verb), args=[ast.Constant(value=str()), *_]):
                found += [ast.unparse(node)] if verb in _CUTS and _named(value) in _SENTENCES else []
    return found


def test_a_reason_says_its_fields_in_the_places_of_its_sentence() -> None:
    sour = Reason(Fruit.SOUR, ("lemon", 4, 5), since=7.0)
    assert (sour.what, sour.evidence, sour.clause) == ("the lemon is sour", "4 of 5 say so", "RFC 1 §2")
    assert str(sour) == "the lemon is sour (4 of 5 say so)"
    eaten = Reason(Fruit.EATEN, (sour,))
    assert str(eaten) == "somebody has eaten it: the lemon is sour (4 of 5 say so)"
    assert [part.code for part in eaten.parts()] == [Fruit.EATEN, Fruit.SOUR]


def test_the_same_reason_at_another_time_says_the_same() -> None:
    assert Reason(Fruit.SOUR, ("lemon", 4, 5), 1.0).says_the_same(Reason(Fruit.SOUR, ("lemon", 4, 5), 2.0))
    assert not Reason(Fruit.SOUR, ("lemon", 4, 5)).says_the_same(Reason(Fruit.SOUR, ("lemon", 5, 5)))
    assert not Reason(Fruit.SOUR, ("lemon", 4, 5)).says_the_same(None)


def test_a_reason_with_a_field_too_few_is_a_mistake_at_once() -> None:
    with pytest.raises(ValueError, match="3 places, and there are 1 fields"):
        Reason(Fruit.SOUR, ("lemon",))


@pytest.mark.parametrize(
    "source",
    [
        'if "authentication failure" in server.reason: pass',
        'if "recursive" not in str(tunnel.reason): pass',
        'half = reason.partition(" (when it begins: ")[2]',
        'said = re.compile(r"%IKEV2-3-NEG_ABORT: .*? ERROR: (?P<why>.*)$")',
        'lines = [text for text in log if "RECURDOWN" in text]',
    ],
)
def test_what_reads_a_sentence_back_is_found(source: str) -> None:
    assert len(read_back(source)) == 1


def test_no_program_reads_our_sentences_or_log_lines_back() -> None:
    found = {where: lines for where, source in _sources() if (lines := read_back(source))}
    assert {where: lines for where, lines in found.items() if Path(where).name not in WORDS_OF_OTHERS} == {}


def test_what_judges_by_facts_takes_no_text_apart_but_what_is_named_here() -> None:
    found = {Path(where).name for where, text in _sources() if where.startswith(JUDGES) and "\nimport re\n" in text}
    assert found == set(READS)


def test_only_terminals_take_finished_log_lines() -> None:
    """A program that wants to know what a router logs hears the messages themselves (`Router.logged`)."""
    using = {where for where, source in _sources() if "ConsoleLine" in source}
    assert using <= {"base/effects.py", "features/system/__init__.py", "features/system/machine.py"} | {
        where for where in using if where.startswith(("face/", "features/system/"))
    }
