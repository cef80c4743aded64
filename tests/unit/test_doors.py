"""Tests, and other modules, come in by the doors that programs use: what is private may be changed without them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from support.conformance import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How often tests look at what is private, or put something in its place. This number only goes down.
MOST_PRIVATE = 46
#: Named tuples, enums and other libraries call these so.
_PUBLIC = {"_replace", "_asdict", "_fields", "_exit", "_value_", "_SubParsersAction", "_option_string_actions"}
#: What every place that counts has in its text: most files have it nowhere, and need not be parsed.
_WORTH_PARSING = re.compile(
    r"(?<!\bself)(?<!\bcls)(?<!\bsuper\(\))\._(?!_)|setattr|^ *from [\w.]+ import (\([^)]*|.*)\b_(?!_)", re.MULTILINE
)


def private(source: str) -> Iterator[str]:
    """What a test takes of something else that begins with an underscore, and what it patches there."""
    for node in ast.walk(ast.parse(source)) if _WORTH_PARSING.search(source) else ():
        match node:
            case (
                ast.Attribute(value=ast.Name(id="self" | "cls")) | ast.Attribute(value=ast.Call(func=ast.Name("super")))
            ):
                pass
            case ast.Attribute(attr=name) if name not in _PUBLIC and name.startswith("_") and not name.startswith("__"):
                yield ast.unparse(node)
            case ast.ImportFrom(names=imported):
                names = [each.name for each in imported]
                yield from (name for name in names if name.startswith("_") and not name.startswith("__"))
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[*given]):
                values = [each.value for each in given[:2] if isinstance(each, ast.Constant)]
                yield from (str(value) for value in values if re.search(r"(?:^|\.)_(?!_)\w*$", str(value)))


@pytest.mark.parametrize(
    ("source", "times"),
    [
        ("machine._peers.table", 1),
        ("monkeypatch.setattr(places, '_ROOT', path)", 1),
        ("monkeypatch.setattr('dmvpn.judge.judge.Tables._take', nothing)", 1),
        ("from bench.events import Hub, _calls", 1),
        ("from bench.events import (\n    Hub,\n    _calls,\n)", 1),
        ("from __future__ import annotations", 0),
        ("self._count = super()._count", 0),
        ("row._replace(cost=1)", 0),
        ("monkeypatch.setattr(show, '__version__', '0.1.0')", 0),
    ],
)
def test_what_is_private_is_known_by_its_underscore(source: str, times: int) -> None:
    assert len(list(private(source))) == times


def test_no_more_tests_depend_on_what_is_private() -> None:
    files = {
        path: [*private(path.read_text())]
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if "peers" not in path.parts
    }
    found = {path.relative_to(ROOT).as_posix(): names for path, names in files.items() if names}
    assert sum(map(len, found.values())) <= MOST_PRIVATE, found


#: Of other libraries, which have no door for it: the options of a parser; what Python documents for makers of loops.
OF_OTHERS = {
    "app/completion.py": {"parser._actions"},
    "shells/lab/memory.py": {
        "asyncio._get_running_loop",
        "asyncio._set_running_loop",
        "asyncio.tasks._enter_task",
        "asyncio.tasks._leave_task",
    },
}


def test_no_module_looks_at_what_is_private_to_another() -> None:
    """A class may look into another object of its own kind, so what the same file defines does not count."""
    sources = ROOT / "src" / "dmvpn"
    found = {}
    for path in sorted(sources.rglob("*.py")):
        text = path.read_text()
        name = path.relative_to(sources).as_posix()
        strange = {each for each in private(text) if not _defines(text, each.rpartition(".")[2])}
        if strange - OF_OTHERS.get(name, set()):
            found[name] = strange
    assert found == {}


def _defines(source: str, name: str) -> bool:
    return bool(re.search(rf"(?:def |self\.|class ){name}\b|^ *{name}(?:: |, | =)|\"{name}\"", source, re.MULTILINE))
