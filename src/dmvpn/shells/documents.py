"""YAML with the line and column of every key, so that all mistakes are reported at once, each with its place.

Obvious mistakes are refused first: duplicate keys (YAML would silently take the last one), anchors (a few lines of them
can expand to a thousand million), a depth that no file of ours has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from yaml.composer import Composer

from dmvpn.base.errors import UserError
from dmvpn.shells.files import read_given

#: Octets of the largest file: thousands of sites with every possible setting.
LARGEST: Final = 8 << 20
_DEEPEST: Final = 32
#: Problems of one file that are reported; with more the file has a different mistake.
_TOLD: Final = 20


if TYPE_CHECKING or not yaml.__with_libyaml__:
    _Events = yaml.SafeLoader
else:

    class _Events(Composer, yaml.CSafeLoader):
        """Events of libyaml, ten times as quick; nodes are made of them here, where each event can be refused."""

        def __init__(self, stream: str) -> None:
            Composer.__init__(self)
            yaml.CSafeLoader.__init__(self, stream)


class _Loader(_Events):
    """YAML as users expect it: `NO` and `ON` are names of sites, 12:30 is no number, a date is text (as in YAML
    1.2).
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return one node; refuses anchors, aliases and nodes that are too deep."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            problem = "anchors and aliases (& and *) are not taken; write it out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"deeper than {_DEEPEST} levels", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789"))

#: The place of a value: the keys from the top.
Path_ = tuple[str | int, ...]


class Places:
    """The places of the keys in a file. twice: duplicate keys, at the later place."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.twice: list[tuple[int, int, str]] = []
        self._known: dict[Path_, tuple[int, int]] = {}

    def at(self, where: Path_) -> str:
        """Return `FILE:LINE: KEY`, of the value there or of the enclosing one."""
        return f"{self.file}:{self._place(where)[0]}{_named(where)}"

    def exactly(self, where: Path_) -> str:
        """Return `FILE:LINE:COLUMN: KEY`, likewise."""
        line, column = self._place(where)
        return f"{self.file}:{line}:{column}{_named(where)}"

    def error(self, where: Path_, text: str) -> UserError:
        """Return an error about this place."""
        return UserError(f"{self.at(where)}: {text}")

    def problems(self, found: Sequence[tuple[Path_, str]]) -> UserError:
        """Return an error with all problems of the file, in the order of its lines."""
        placed = [(*self._place(where), f"{self.exactly(where)}: {text}") for where, text in found]
        placed += [
            (line, column, f"{self.file}:{line}:{column}: {key} is there twice: leave one")
            for line, column, key in self.twice
        ]
        lines = list(dict.fromkeys(text for _, _, text in sorted(placed, key=lambda each: each[:2])))
        if len(lines) == 1:
            return UserError(lines[0])
        more = [f"and {len(lines) - _TOLD} more"] if len(lines) > _TOLD else []
        return UserError("\n  ".join([f"{self.file}: {len(lines)} mistakes", *lines[:_TOLD], *more]))

    def _place(self, where: Path_) -> tuple[int, int]:
        known = where
        while known and known not in self._known:
            known = known[:-1]
        return self._known.get(known, (1, 1))

    def note(self, node: yaml.Node, where: Path_ = ()) -> None:
        """Store the places of a node and everything below it."""
        self._known.setdefault(where, _mark(node))
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.note(item, (*where, position))
        elif isinstance(node, yaml.MappingNode):
            here: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in here:
                    self.twice.append((*_mark(key), name))
                    continue
                here.add(name)
                self._known[*where, name] = _mark(key)
                self.note(value, (*where, name))


def parse_yaml(text: str, file: str, *, patient: bool = False) -> tuple[object, Places]:
    """Return the content of a YAML text, and the places. Raises UserError.

    patient: duplicate keys are left to the caller (`Places.twice`), which reports them together with other problems.
    """
    places = Places(file)
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, places
        places.note(node)
        if places.twice and not patient:
            line, _, key = places.twice[0]
            raise UserError(f"{file}:{line}: {key} is there twice")
        return loader.construct_document(node), places
    except yaml.MarkedYAMLError as found:
        error = _in_more_words(found, text)
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        where = f"{file}:{line}:{column}" if patient else f"{file}:{line}"
        raise UserError(f"{where}: no YAML: {_said(error)}") from found
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: no YAML: {str(error).splitlines()[0]}") from error
    finally:
        if loader is not None:
            loader.dispose()


def read_text(path: Path, largest: int = LARGEST, folder: Path | None = None) -> str:
    """Return the text of a file, as `read_given` reads it. Raises UserError."""
    try:
        return read_given(path, largest, folder).decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from error


def _in_more_words(error: yaml.MarkedYAMLError, text: str) -> yaml.MarkedYAMLError:
    """Return the error that PyYAML's own scanner has in a text: its words say more than those of libyaml."""
    if isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        try:
            for _ in yaml.parse(text, Loader=yaml.SafeLoader):
                pass
        except yaml.MarkedYAMLError as own:
            if own.problem_mark and error.problem_mark and own.problem_mark.line == error.problem_mark.line:
                return own
        except (yaml.YAMLError, ValueError, RecursionError):
            pass  # it has another mistake, far behind this one
    return error


def _said(error: yaml.MarkedYAMLError) -> str:
    """Return the library's message, with the usual cause."""
    problem = str(error.problem or error.context)
    if "\\t" in problem:
        return f"{problem}: lines begin with spaces, not with a tab"
    if "mapping values are not allowed" in problem:
        return f"{problem}: put a text with a colon into quotes, and check how far the line is indented"
    return problem


def _named(where: Path_) -> str:
    return f": {'.'.join(map(str, where))}" if where else ""


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
