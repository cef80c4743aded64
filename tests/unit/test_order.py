"""A core iterates over no set: the order of one differs between two runs, and a recording must replay.

What is known to be a set is found by how it is made or annotated, in the same function or class. The order in which a
set is gone through may only make no difference, as where another set is made of it: such places are named here.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest

from support.conformance import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CORES: Final = ("base", "net", "ios", "features", "router")
#: Files in which sets are only made of sets, or all of their members are noted.
WITHOUT_ORDER: Final = frozenset(("ios/errors.py", "ios/filters.py", "ios/section.py"))
_A_SET: Final = re.compile(r"(?:Final\[|ClassVar\[)?(?:set|frozenset|AbstractSet|Set)\b")
_MAKERS: Final = frozenset(("set", "frozenset"))
#: What goes through its first argument and keeps the order.
_THROUGH: Final = frozenset(("dict.fromkeys", "enumerate", "iter", "list", "next", "tuple"))

Scope = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


def over_sets(tree: ast.Module) -> Iterator[str]:
    """Yield the sets that a file goes through."""
    yield from _in_scope(tree, frozenset())


def _in_scope(scope: Scope, outer: frozenset[str]) -> Iterator[str]:
    own = list(_own(scope))
    sets = outer | frozenset(_sets(scope, own))
    for node in own:
        if isinstance(node, Scope):
            yield from _in_scope(node, sets)
        elif (gone_through := _iterated(node)) is not None and _is_set(gone_through, sets):
            yield ast.unparse(gone_through)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope, and the scopes inside without their nodes."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, Scope):
            yield from _own(node)


def _sets(scope: Scope, own: list[ast.AST]) -> Iterator[str]:
    """Yield the names of sets: "wanted" of a function, "self.wanted" of a class."""
    of_class = "self." if isinstance(scope, ast.ClassDef) else ""
    for node in ast.walk(scope) if of_class else own:
        match node:
            case ast.AnnAssign(target=target, annotation=annotation) if _A_SET.match(ast.unparse(annotation)):
                name = ast.unparse(target)
                yield name if name.startswith("self.") else f"{of_class}{name}"
            case ast.arg(arg=name, annotation=ast.expr() as annotation) if _A_SET.match(ast.unparse(annotation)):
                yield name
            case ast.Assign(targets=[target], value=value) if _is_made(value):
                yield ast.unparse(target)
            case _:
                pass


def _is_made(value: ast.expr) -> bool:
    return isinstance(value, ast.Set | ast.SetComp) or (
        isinstance(value, ast.Call) and ast.unparse(value.func) in _MAKERS
    )


def _is_set(value: ast.expr, sets: frozenset[str]) -> bool:
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitAnd | ast.BitOr | ast.Sub | ast.BitXor):
        return _is_set(value.left, sets) or _is_set(value.right, sets)
    return _is_made(value) or (isinstance(value, ast.Name | ast.Attribute) and ast.unparse(value) in sets)


def _iterated(node: ast.AST) -> ast.expr | None:
    match node:
        case ast.For(iter=value) | ast.comprehension(iter=value) | ast.Starred(value=value):
            return value
        case ast.Call(func=ast.Attribute(attr="join" | "extend"), args=[value, *_]):
            return value
        case ast.Call(func=function, args=[value, *_]) if ast.unparse(function) in _THROUGH:
            return value
        case _:
            return None


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(peers: set[int]) -> list[int]:\n    return [*peers]", ["peers"]),
        ("def f(peers: list[int]) -> None:\n    for each in {*peers}: pass", ["{*peers}"]),
        ("class A:\n    def f(self) -> None:\n        self.a = set()\n        list(self.a)", ["self.a"]),
        ("def f(a: set[int], b: set[int]) -> None:\n    for each in sorted(a - b): pass", []),
        ("def f(a: set[int], b: set[int]) -> None:\n    for each in a - b: pass", ["a - b"]),
        ("def f(a: set[int]) -> None: pass\ndef g(a: list[int]) -> None:\n    list(a)", []),
    ],
)
def test_what_goes_through_a_set_is_found(source: str, found: list[str]) -> None:
    assert list(over_sets(ast.parse(source))) == found


def test_no_core_goes_through_a_set() -> None:
    sources = ROOT / "src" / "dmvpn"
    paths = [path for room in CORES for path in sorted((sources / room).rglob("*.py"))]
    found = {path.relative_to(sources).as_posix(): [*over_sets(ast.parse(path.read_text()))] for path in paths}
    assert {name: sets for name, sets in found.items() if sets and name not in WITHOUT_ORDER} == {}
