"""src/dmvpn/client/typed.pyi: for a type checker, which dataclass the words of a show mean.

python -m support.client_types    (from the folder tests) writes it.

It has the shows whose words are all keywords, at most one of them optional; others are `object` for a type checker, and
the right dataclass when they run.
"""

from __future__ import annotations

import re
import types
import typing
from collections import defaultdict
from typing import Final

from dmvpn.face.language import exec_parser
from dmvpn.ios.exec_parser import Match
from dmvpn.ios.shapes import evaluated
from dmvpn.router.features import FEATURES
from support.conformance import ROOT
from support.shows_page import ROUTERS

PAGE: Final = ROOT / "src" / "dmvpn" / "client" / "typed.pyi"
_HEAD: Final = '''# Made by `python -m support.client_types`; do not edit it.
"""Which dataclass the words of a show mean, for a type checker."""

from collections.abc import Coroutine
from typing import Any, Literal, Protocol, overload

'''
_ARGUMENT: Final = re.compile(r"\{[^}]*\}")


def page() -> str:
    """The text of the file."""
    meanings = _meanings()
    names = _Names()
    by_type: dict[str, list[str]] = defaultdict(list)
    for words, kind in sorted(meanings.items()):
        by_type[names.of(kind)].append(words)
    rows = [(", ".join(f'"{words}"' for words in found), kind) for kind, found in sorted(by_type.items())]
    protocols = (_protocol("Show", rows, "{}"), _protocol("AsyncShow", rows, "Coroutine[Any, Any, {}]"))
    return "\n".join((f"{_HEAD}{names.imports()}", *protocols))


def _protocol(name: str, rows: list[tuple[str, str]], wrapped: str) -> str:
    lines = [f"class {name}(Protocol):"]
    for words, kind in [*((f"Literal[{words}]", kind) for words, kind in rows), ("str", "object")]:
        lines += ["    @overload", f"    def __call__(self, words: {words}) -> {wrapped.format(kind)}: ..."]
    return "\n".join(lines) + "\n"


def _meanings() -> dict[str, object]:
    """The type of each show, by its words without `show`."""
    parser = exec_parser(FEATURES)
    lines = {show.command for router in ROUTERS for show in router.shows}
    for command in parser.commands:
        if command.query is not None and command.syntax.startswith("show "):
            first = re.split(r" (?![\w-])", command.syntax)[0]
            lines |= {first, *(f"{first} {word}" for word in _keywords(command.syntax))}
    found: dict[str, object] = {}
    for line in lines:
        match = parser.match(line)
        if not isinstance(match, Match) or match.command.query is None or not line.startswith("show "):
            continue
        kind = evaluated(match.command.query.__annotations__["return"], match.command.query.__module__)
        if set(line.split()) <= _keywords(match.command.syntax) and _is_nameable(kind):
            found[line.removeprefix("show ")] = kind
    return found


def _keywords(syntax: str) -> set[str]:
    return set(re.findall(r"[\w-]+", _ARGUMENT.sub(" ", syntax)))


def _is_nameable(kind: object) -> bool:
    """Whether it has a name of its own: no type variable, and not just `object`."""
    return kind is not object and not getattr(kind, "__parameters__", ()) and not isinstance(kind, typing.TypeVar)


class _Names:
    """The names of the types, and where they come from. Of two with one name, the second gets that of its module."""

    def __init__(self) -> None:
        self._of: dict[str, type] = {}

    def of(self, kind: object) -> str:
        if kind is None or kind is type(None):
            return "None"
        origin, given = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return " | ".join(self.of(one) for one in given)
        if given:
            return f"{self.of(origin)}[{', '.join('...' if one is Ellipsis else self.of(one) for one in given)}]"
        assert isinstance(kind, type), kind
        if kind.__module__ == "builtins":
            return kind.__name__
        name = kind.__name__
        if self._of.setdefault(name, kind) is not kind:
            name = f"{kind.__module__.removeprefix('dmvpn.').replace('.', '_')}_{kind.__name__}"
            self._of[name] = kind
        return name

    def imports(self) -> str:
        lines = [
            f"from {kind.__module__} import {kind.__name__}" + ("" if name == kind.__name__ else f" as {name}")
            for name, kind in self._of.items()
        ]
        return "".join(f"{line}\n" for line in sorted(lines))


def main() -> None:
    """Write the file."""
    PAGE.write_text(page())
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
