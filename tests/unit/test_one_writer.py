"""Each piece of a feature's state is written in one file; of NHRP it is the one that `features/nhrp/tunnel.py` says."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dmvpn.features

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(dmvpn.features.__file__).parent

#: Of these features, what is written from outside of the class that declares it: the only file that does. An IKE SA has
#: a test of its own (test_structure.py).
WRITERS: dict[str, dict[str, str]] = {
    "archive": {},
    "bfd": {},
    "eigrp": {},
    "chronicle": {},
    "ipsec": {},
    "nat": {},
    "pki": {},
    "policy": {},
    "static": {},
    "tunnel": {},
    "nhrp": {
        "adjacencies": "plane.py",
        "gleaned": "plane.py",
        "multicast": "plane.py",
        "multicast_set_at": "plane.py",
        "registered_multicast": "plane.py",
        "cache": "station.py",
        "clients": "configuration.py",
        "config": "configuration.py",
        "limit": "configuration.py",
        "tunnels": "configuration.py",
        "paths": "peers.py",
        "doubted": "ways.py",
        "server_paths": "echoes.py",
        "public_nbma": "registration.py",
        "held": "registration.py",
        "redirects": "ways.py",
    },
}
#: Methods of dictionaries and of the cache that change them.
CHANGES = ("add", "clear", "pop", "popitem", "remove", "setdefault", "update")


def written(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Attributes of anything but `self` that are assigned, deleted or changed in place, and the line."""
    for node in ast.walk(tree):
        for whole in map(container, changed_by(node)):
            if isinstance(whole, ast.Attribute) and not (
                isinstance(whole.value, ast.Name) and whole.value.id == "self"
            ):
                yield whole.attr, whole.lineno


def changed_by(node: ast.AST) -> list[ast.expr]:
    """What a statement or a call changes."""
    if isinstance(node, ast.Assign | ast.Delete):
        return [part for each in node.targets for part in (each.elts if isinstance(each, ast.Tuple) else [each])]
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return [node.target]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
        return [node.func.value]
    return []


def container(target: ast.expr) -> ast.expr:
    """What changes when this is assigned: of `a.b[c]` that is `a.b`."""
    return container(target.value) if isinstance(target, ast.Subscript) else target


def declared(tree: ast.Module) -> set[str]:
    """The fields of the classes of a file."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    fields = (field.target for each in classes for field in each.body if isinstance(field, ast.AnnAssign))
    return {target.id for target in fields if isinstance(target, ast.Name)}


def strangers(feature: str) -> Iterator[str]:
    """Writes by a file that neither declares the field nor is its writer."""
    writers = WRITERS[feature]
    for path in sorted((FOLDER / feature).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        own = declared(tree)
        for name, line in written(tree):
            if writers.get(name) != path.name and (name in writers or name not in own):
                yield f"{path.name}:{line} writes {name}"


@pytest.mark.parametrize("feature", WRITERS)
def test_each_state_has_one_writer(feature: str) -> None:
    assert list(strangers(feature)) == []


@pytest.mark.parametrize("feature", WRITERS)
def test_each_named_writer_writes(feature: str) -> None:
    found = {
        (name, path.name)
        for path in (FOLDER / feature).rglob("*.py")
        for name, _ in written(ast.parse(path.read_text("utf-8")))
        if name in WRITERS[feature]
    }
    assert found == set(WRITERS[feature].items())
