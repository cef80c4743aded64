"""How the house is built: imports go one way, functions fit a screen, and docstrings begin alike.

`test_one_writer.py` looks at state.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import is_dataclass
from importlib import import_module
from inspect import get_annotations
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

import pytest

from dmvpn.base import values
from dmvpn.router.features import FEATURES
from support.conformance import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SOURCES: Final = ROOT / "src" / "dmvpn"
T = TypeVar("T")

#: What the folder of a feature offers to other rooms, besides the names in its `__init__`.
OFFERED: Final = frozenset(
    ("config", "facts", "lint", "machine", "messages", "model", "packet", "passing", "reasons", "show", "terms")
)
#: And what single features offer besides. This only becomes less: what is not here is private.
BESIDES: Final = {
    "bgp": ("settings",),
    "dhcp": ("client", "client6"),
    "eigrp": (),
    "ike": ("numbers", "peer_settings", "settings", "suites", "translation", "v2.negotiation", "v2.numbers"),
    "ipsec": ("policies",),
    "nhrp": ("cache", "client", "forwarding", "parts", "resolver", "tunnel"),
    "ospf": ("settings",),
    "pki": ("material",),
    "system": ("ping",),
}
#: What nobody loads who only builds a router: people, judges and what these need.
_LATER: Final = re.compile(
    r"pydantic|dmvpn\.features\.\w+\.(show|explain|lint|facts|passing|terms)\b|dmvpn\.base\.(barriers|causes|terms)\b"
)
#: An import of ours, at whatever depth; all are written so, and the names may be on several lines.
_IMPORT: Final = re.compile(r"^ *from (dmvpn[\w.]*) import (\([^)]*\)|[^\n#(]*)", re.MULTILINE)
#: Lines of a function without its docstring: a screen.
SCREEN: Final = 50
#: With which no docstring of a function begins, because it is no verb: "What ...", "Is it ...?", "Somebody ...".
_NO_VERBS: Final = re.compile(
    "A|Again|All|An|Another|Any|Are|As|At|Back|Between|Both|By|Can|Could|Did|Does|Each|Either|Every|Everybody|"
    "Everything|False|For|Four|From|Further|Has|How|If|In|Is|It|Its|May|Must|Next|No|Nobody|Nothing|Now|Octets|Of|On|"
    "One|Only|Or|Other|Others|Our|Ours|Perhaps|Seconds|Several|Should|So|Some|Somebody|Something|That|The|Their|Then|"
    "There|These|They|This|Those|Three|To|True|Two|Until|Was|We|Were|What|Whatever|When|Where|Whether|Which|While|Who|"
    "Whoever|Whom|Whose|Why|Will|With|Without|Would|You"
)


# ------------------------------------------------------------------------------------------------ imports


def _modules() -> dict[str, Path]:
    found = {}
    for path in SOURCES.rglob("*.py"):
        parts = path.relative_to(SOURCES.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imports() -> dict[str, frozenset[str]]:
    """Which modules of ours each module names, when it is loaded, later, or for its types."""
    modules = _modules()
    graph = {}
    for name, path in modules.items():
        named: set[str] = set()
        for module, names in _IMPORT.findall(path.read_text()):
            for each in re.findall(r"\w+", re.sub(r" as \w+", "", names)):
                named.add(f"{module}.{each}" if f"{module}.{each}" in modules else module)
        graph[name] = frozenset(named & modules.keys()) - {name}
    return graph


def _circles(graph: dict[str, frozenset[str]]) -> list[frozenset[str]]:
    """The strongly connected components of more than one module (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[frozenset[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            if len(stack) - at > 1:
                found.append(frozenset(stack[at:]))
            del stack[at:]

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return found


def _room(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[: 3 if parts[1:2] == ["features"] else 2])


def test_a_circle_of_imports_is_found() -> None:
    graph = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("b"), "d": frozenset("a")}
    assert _circles(graph) == [frozenset("bc")]


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports for types alone count, too."""
    assert _circles(_imports()) == []


def _past_the_door(graph: dict[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """Modules, and what they import of a feature that it does not offer."""
    for name, imported in graph.items():
        for each in sorted(imported):
            feature, _, inside = each.removeprefix("dmvpn.features.").partition(".")
            if each.startswith("dmvpn.features.") and inside and _room(name) != _room(each):
                offered = inside in BESIDES.get(feature, ()) or inside.split(".")[0] in OFFERED
                if not offered:
                    yield name, each


def test_other_rooms_import_only_what_a_feature_offers() -> None:
    graph = {"dmvpn.tools.a": frozenset(("dmvpn.features.rip.model", "dmvpn.features.rip.table"))}
    assert [*_past_the_door(graph)] == [("dmvpn.tools.a", "dmvpn.features.rip.table")]
    assert [*_past_the_door(_imports())] == []


def test_what_features_offer_besides_is_used() -> None:
    graph = _imports()
    used = {each for name, imported in graph.items() for each in imported if _room(name) != _room(each)}
    offered = {f"dmvpn.features.{feature}.{inside}" for feature, names in BESIDES.items() for inside in names}
    assert offered <= used


def test_the_features_of_a_router_load_nothing_for_people() -> None:
    """A prompt, an explanation or a judge loads it when it is first asked for."""
    program = "import sys, dmvpn.router.features; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert [name for name in loaded.split() if _LATER.match(name)] == []


def test_the_router_names_no_feature() -> None:
    """Features come to it by `Feature`; the table of features and the ports are the only files that know one."""
    for name in ("router.py", "dispatch.py"):
        source = (SOURCES / "router" / name).read_text()
        texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
        assert texts.isdisjoint(feature.name for feature in FEATURES)
        assert "dmvpn.features" not in source


# ------------------------------------------------------------------------------------------------ timers, messages


def _never_started(sources: Iterable[str]) -> list[str]:
    """Names of timers that a feature makes, and that occur nowhere else in it."""
    text = "\n".join(sources)
    made = re.findall(r"\b(\w+)(?:: [\w\[\], ]+)? ?= ?(?:Timer|TimerQueue|Retries|Slices|MergedChanges)\b", text)
    return [name for name in made if len(re.findall(rf"\b{name}\b", text)) <= made.count(name)]


def test_a_timer_that_nothing_starts_is_found() -> None:
    started = 'self._hello = Timer("send a Hello", self._say)\nstart(self._hello, 5.0)'
    assert _never_started([started, 'Interface(stuck=Timer("end", end), name=name)']) == ["stuck"]


def _unused(sources: dict[str, str]) -> list[str]:
    """Log messages of a feature that no file names but the one that declares them and the explanations.

    sources: texts by path.
    """
    ours = [text for name, text in sources.items() if not name.startswith(("messages", "explain"))]
    text = sources.get("messages.py", "")
    declared = re.findall(r"^@log_kind.*\ndef (\w+)", text, re.MULTILINE)
    declared += re.findall(r"^(\w+) = _packets\(", text, re.MULTILINE)
    return [name for name in declared if not any(re.search(rf"\b{name}\b", text) for text in ours)]


def test_a_message_that_nothing_logs_is_found() -> None:
    sources = {
        "messages.py": '@log_kind("X-5-LOST")\ndef lost() -> str:\n    """."""\n    return ""\n'
        'flows = _packets("X-6-FLOW")\n',
        "explain/lines.py": "messages.lost()",
        "machine.py": "messages.STUCK",
    }
    assert _unused(sources) == ["lost", "flows"]


@pytest.mark.parametrize("feature", sorted(path.parent.name for path in SOURCES.glob("features/*/__init__.py")))
def test_every_timer_is_started_and_every_message_logged(feature: str) -> None:
    folder = SOURCES / "features" / feature
    sources = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.py")}
    assert _never_started(sources.values()) == [], "a part makes this timer, and nothing starts it"
    assert _unused(sources) == [], "messages.py declares it, and no machine logs it"


# ------------------------------------------------------------------------------------------------ functions, values


def _ill_made(tree: ast.AST) -> Iterator[str]:
    """Functions that fit no screen, and those whose docstring does not begin with a verb; properties and log messages
    need none.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _lines(node) - (_lines(node.body[0]) if ast.get_docstring(node) is not None else 0)
            if lines > SCREEN:
                yield f"{node.name}: {lines} lines"
            first = re.match(r"\S*", ast.get_docstring(node) or "Return")
            marks = " ".join(map(ast.unparse, node.decorator_list))
            is_property = any(mark in marks for mark in ("property", "setter", "log_kind"))
            word = first[0].strip(".,:;?") if first and not node.name.startswith("__") else "Return"
            if not is_property and (_NO_VERBS.fullmatch(word) or not re.fullmatch("[A-Z][a-z]+", word)):
                yield f"{node.name}: {word}"


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize(
    ("docstring", "found"), [("Return it.", 0), ("What it is.", 1), ("`show x`.", 1), ("Is it?", 1)]
)
def test_a_docstring_without_a_verb_is_found(docstring: str, found: int) -> None:
    tree = ast.parse(f'def f() -> None:\n    """{docstring}"""\n\n@property\ndef g() -> int:\n    """The one."""')
    assert len(list(_ill_made(tree))) == found


@pytest.mark.parametrize(("lines", "found"), [(SCREEN - 1, []), (SCREEN, [f"f: {SCREEN + 1} lines"])])
def test_a_function_that_fits_no_screen_is_found(lines: int, found: list[str]) -> None:
    body = "    pass\n" * lines
    assert [*_ill_made(ast.parse(f'def f() -> None:\n    """Do\n    it."""\n{body}'))] == found


def test_functions_fit_a_screen_and_their_docstrings_begin_with_a_verb() -> None:
    found = {path: [*_ill_made(ast.parse(path.read_text()))] for path in _modules().values()}
    assert {path.relative_to(SOURCES).as_posix(): names for path, names in found.items() if names} == {}


def test_dataclasses_are_made_by_ours() -> None:
    """The one of the standard library costs each start six times as much (`base/values.py`)."""
    of_library = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)
    assert [name for name, path in _modules().items() if of_library.search(path.read_text())] == []


def _without_value(names: Iterable[object]) -> list[str]:
    """The classes with annotations below a value that are none themselves: what they declare is no field."""
    return [
        each.__name__
        for each in names
        if isinstance(each, type) and is_dataclass(each) and "__dataclass_fields__" not in vars(each)
        if any("ClassVar" not in str(kind) for kind in get_annotations(each).values())
    ]


def test_a_class_below_a_value_that_does_not_name_it_is_found() -> None:
    class A(values.Value, Generic[T]):
        x: T

    class Changing(values.Mutable):
        x: int

    class Forgotten(A[int]):
        y: int

    class Below(Forgotten):
        z: int

    class Unlike(Changing):
        y: int

    class Named(A[int], values.Value):
        y: int

    class Settled(A[int]):
        kind: ClassVar[int] = 1
        z = 1

    assert _without_value([A, Changing, Forgotten, Below, Unlike, Named, Settled]) == ["Forgotten", "Below", "Unlike"]


@pytest.mark.lengthy
def test_a_class_below_a_value_is_one_itself() -> None:
    """`Value` is no base of the classes that it makes: where it is not named, a new field would be none."""
    found = {}
    for name in _modules():
        with suppress(ModuleNotFoundError):  # some need packages that not every machine has
            names = vars(import_module(name)).values()
            found[name] = _without_value(each for each in names if getattr(each, "__module__", "") == name)
    assert len(found) > 500
    assert {name: classes for name, classes in found.items() if classes} == {}


#: Lines that only stay in the configuration: descriptions, and settings that this router has no use for.
KEPT: Final = {
    "archive": {"HIDE_KEYS"},
    "ike": {"CONFIG_EXCHANGE", "DESCRIPTION", "KEYRING_DESCRIPTION", "PEER_DESCRIPTION"},
    "ipsec": {"DESCRIPTION", "MIXED_MODE", "POLICY_LIMIT"},
    "pki": {"AUTO_ENROLL", "HASH", "IP_ADDRESS"},
    "policy": {"RESEQUENCE"},
    "system": {"VERSION"},
    "tunnel": {"TOS"},
}


@pytest.mark.lengthy
def test_a_line_of_the_configuration_is_read_by_its_feature() -> None:
    for folder in sorted(path.parent for path in (SOURCES / "features").glob("*/__init__.py")):
        texts = [path.read_text("utf-8") for path in folder.rglob("*.py")]
        lines = [line for text in texts for line in re.findall(r"^([A-Z]\w+)(?:: Final)? = ConfigLine\(", text, re.M)]
        named = Counter(word for text in texts for word in re.findall(r"\b[A-Z]\w+\b", text))
        unread = {line for line in lines if named[line] == lines.count(line)}
        changed = sorted(unread ^ KEPT.get(folder.name, set()))
        assert not changed, f"{folder.name}: nothing reads {', '.join(changed)}, or something does now: see KEPT"
