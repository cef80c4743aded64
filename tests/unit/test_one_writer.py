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
FEATURES = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))

#: Of a feature, what is written from outside of the file that declares it: the only file that does.
WRITERS: dict[str, dict[str, str]] = {
    "bgp": {
        "complained": "input.py",
        "config": "machine.py",
        "choice": "routes.py",
        "decision": "routes.py",
        "default_pref": "routes.py",
        "denied": "input.py",
        "limits": "routes.py",
        "received": "input.py",
        "sessions": "neighbor.py",
        "several": "input.py",
        "stale": "input.py",
        "announce_at": "advertiser.py",
        "queue": "advertiser.py",
        "group": "advertiser.py",
        "sending": "advertiser.py",
        "lost": "advertiser.py",
        "refreshed": "advertiser.py",
    },
    "eigrp": {
        "config": "machine.py",
        "interfaces": "links.py",
        "is_over": "machine.py",
        "log": "machine.py",
        "router_id": "links.py",
        "settings": "machine.py",
        "traces_dual": "machine.py",
    },
    "rib": {
        "carries_ipv6": "machine.py",
        "circle": "recursion.py",
        "hops": "recursion.py",
        "leans": "recursion.py",
        "members": "recursion.py",
        "users": "recursion.py",
        "best": "table.py",
        "offers": "table.py",
        "override": "table.py",
        "override_since": "table.py",
        "plain": "table.py",
        "shown": "table.py",
    },
    "rip": {
        "config": "machine.py",
    },
    "ospf": {
        "areas": "links.py",
        "interfaces": "links.py",
        "active": "calculation.py",
        "borders": "calculation.py",
        "routes": "calculation.py",
        "router_id": "machine.py",
    },
    "nhrp": {
        "adjacencies": "forwarding.py",
        "ordered": "forwarding.py",
        "gleaned": "forwarding.py",
        "multicast": "forwarding.py",
        "multicast_set_at": "forwarding.py",
        "registered_multicast": "forwarding.py",
        "cache": "instance.py",
        "clients": "configuration.py",
        "config": "configuration.py",
        "limit": "configuration.py",
        "tunnels": "configuration.py",
        "paths": "peers.py",
        "doubted": "routing.py",
        "server_paths": "peers.py",
        "public_nbma": "registration.py",
        "held": "registration.py",
        "redirects": "routing.py",
    },
}
#: Methods of containers and of the cache that change them.
CHANGES = frozenset(
    ("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove")
) | {"setdefault", "update"}
#: What collects the results of an event: whoever has one adds it.
OUTBOX = "out"


def written(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Attributes of anything but `self` that are assigned, deleted or changed in place, and the line."""
    for node in ast.walk(tree):
        for whole in map(container, changed_by(node)):
            if isinstance(whole, ast.Attribute) and not is_own(whole):
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
    """The fields of the classes of a file, what their methods assign to `self`, and the value of an enum's member."""
    found = {OUTBOX, "_value_"}
    for node in (node for each in ast.walk(tree) if isinstance(each, ast.ClassDef) for node in ast.walk(each)):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {part.attr for part in changed_by(node) if isinstance(part, ast.Attribute) and is_own(part)}
    return found


def is_own(attribute: ast.Attribute) -> bool:
    """Whether it is of `self`."""
    return isinstance(attribute.value, ast.Name) and attribute.value.id == "self"


def strangers(feature: str) -> Iterator[str]:
    """Writes by a file that neither declares the field nor is its writer."""
    writers = WRITERS.get(feature, {})
    for path in sorted((FOLDER / feature).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        own = declared(tree)
        for name, line in written(tree):
            if writers.get(name) != path.name and (name in writers or name not in own):
                yield f"{path.name}:{line} writes {name}"


@pytest.mark.parametrize("feature", FEATURES)
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
