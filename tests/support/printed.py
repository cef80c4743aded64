"""All that the program can print and that somebody may ask about, read from the code itself.

enums()          every enum of base, net and features, by its module
debug_lines()    of the modules that make debug lines, with `1` in the place of what differs
legends()        the letters that shows explain at their head
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import pkgutil
import re
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dmvpn
from dmvpn.base.explanations import WordKind
from dmvpn.features.eigrp.show.common import ProcessName
from dmvpn.features.eigrp.show.topology import ShowTopology, TopologyTable, render_topology
from dmvpn.features.ipsec.show.sessions import ShowSessions
from dmvpn.features.ipsec.show.sessions import render_brief as render_session_brief
from dmvpn.features.ipsec.show.sessions import render_detail as render_session_detail
from dmvpn.features.nhrp.show.dmvpn import ShowDmvpn, render_dmvpn
from dmvpn.features.nhrp.show.entries import ShowCache, render_brief
from dmvpn.features.nhrp.show.servers import ShowServers, TunnelServers, render_servers
from dmvpn.features.nhrp.show.statistics import ShowHappenings, render_happenings
from dmvpn.features.rib.show import entries, routes
from dmvpn.router.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SOURCES = Path(dmvpn.__file__).parent
#: Modules whose functions make debug lines.
DEBUG_MODULES = (
    "dmvpn.features.bgp.messages",
    "dmvpn.features.eigrp.messages",
    "dmvpn.features.ike.reports",
    "dmvpn.features.ike.v1.debug",
    "dmvpn.features.ipsec.messages",
    "dmvpn.features.nhrp.debug",
    "dmvpn.features.rib.messages",
    "dmvpn.features.rip.messages",
    "dmvpn.features.system.machine",
    "dmvpn.features.tunnel.messages",
)
#: Calls that take a debug line, by file where only one file is meant, and what the function puts before it.
_DEBUG_CALLS = {
    ("", "debug"): "",
    ("", "DebugOutput"): "",
    ("eigrp/dual.py", "trace"): "DUAL: ",
    ("eigrp/adjacency.py", "_debug"): "EIGRP: ",
    ("ospf/output.py", "debug"): "OSPF-1 Tunnel0: ",
    ("ospf/events.py", "debug"): "OSPF-1 Tunnel0: ",
    ("nhrp/forwarding.py", "_debug"): "NHRP-RT: 1: 1 ",
}
#: Functions that put something before a line of their callers, parts of lines, and fields for the chronicle.
_PARTS = {"_fields", "fsm_line", "neighbor_line", "words_of", "code_name", "error_name", "of", "up", "down", "resync"}
#: What is put before the texts of callers that are looked at themselves.
_WRAPPERS = {"NHRP-RT: 1: 1 1"}
_SHORTEST = 4


def _trees(folder: Path, *having: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the files of a folder that have one of these texts, parsed."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text()
        if any(each in text for each in having):
            yield path, ast.parse(text)


def enums() -> Iterator[type[enum.Enum]]:
    """Yield every enum that base, net and features define, once."""
    for room in ("base", "net", "features"):
        package = importlib.import_module(f"dmvpn.{room}")
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            for value in vars(module).values():
                if isinstance(value, type) and issubclass(value, enum.Enum) and value.__module__ == module.__name__:
                    yield value


def samples(node: ast.expr, scope: Scope = ()) -> Iterator[str]:
    """Yield what a string expression may become: `1` for what is not known, every branch of a choice."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            for pieces in product(*(list(samples(part, scope)) for part in parts)):
                yield "".join(pieces)
        case ast.FormattedValue(value=value):
            yield from samples(value, scope)
        case ast.IfExp(body=body, orelse=other):
            yield from samples(body, scope)
            yield from samples(other, scope)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            for one, two in product(samples(left, scope), samples(right, scope)):
                yield one + two
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name("self"), attr=name)):
            known = [text for value in _values(name, scope) for text in samples(value, ())]
            yield from known or ["1"]
        case _:
            yield "1"


#: What names may mean: the function around them, then its module.
Scope = tuple[ast.AST, ...]


def _values(name: str, scope: Scope) -> list[ast.expr]:
    """What is assigned to a name in the innermost scope that does so, or what the function of this name returns."""
    for each in scope:
        found: list[ast.expr] = []
        for node in ast.walk(each):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    found.append(value)
                case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                    pairs = zip(targets, values, strict=True)
                    found += [value for target, value in pairs if isinstance(target, ast.Name) and target.id == name]
                case ast.FunctionDef(name=function) if function == name:
                    returns = (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return))
                    found += [value for value in returns if value is not None]
        if found:
            return found
    return []


def debug_lines() -> Iterator[tuple[str, str]]:
    """Yield where it is made, and a debug line as it may look."""
    for name in DEBUG_MODULES:
        module = ast.parse(inspect.getsource(importlib.import_module(name)))
        # Methods of a machine make other lines, too.
        for function in module.body if name.endswith(".machine") else ast.walk(module):
            if not isinstance(function, ast.FunctionDef) or getattr(function.returns, "id", "") == "bool":
                continue
            if any("log_kind" in ast.unparse(mark) for mark in function.decorator_list):
                continue
            if function.name[0] != "_" or any(isinstance(node, ast.Yield) for node in ast.walk(function)):
                for line in _lines_made(function, module):
                    yield f"{name}.{function.name}", line
    for path, module in _trees(SOURCES / "features", "ebug", "trace("):
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                start = _DEBUG_CALLS.get(
                    (f"{path.parent.name}/{path.name}", _called(node)), _DEBUG_CALLS.get(("", _called(node)))
                )
                for text in _strings(node, module) if start is not None else ():
                    yield path.name, f"{start}{text}"


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _lines_made(function: ast.FunctionDef, module: ast.Module) -> Iterator[str]:
    """Whole strings that a function returns, yields or lists; docstrings and arguments are none."""
    if function.name in _PARTS:
        return
    for node in ast.walk(function):
        made: list[ast.expr] = []
        match node:
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                made = [value]
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                made = elements
            case ast.Call(func=ast.Attribute(attr="append"), args=[value]):
                made = [value]
            case ast.GeneratorExp(elt=value):
                made = [value]
        for each in made:
            if isinstance(each, ast.JoinedStr | ast.Constant | ast.BinOp):
                yield from (text for text in samples(each, (function, module)) if _is_a_line(text))


def _strings(call: ast.Call, module: ast.Module) -> Iterator[str]:
    """The texts among the arguments of a call, said outright or by a lambda that formats them when they are wanted."""
    for argument in call.args:
        body = argument.body if isinstance(argument, ast.Lambda) else argument
        for each in body.elts if isinstance(body, ast.Tuple) else [body]:
            if isinstance(each, ast.JoinedStr | ast.BinOp) or isinstance(argument, ast.Lambda):
                found = (text for text in samples(each, (module,)) if _is_a_line(text) and text[0] != "1")
                yield from (text for text in found if text not in _WRAPPERS)


def _is_a_line(text: str) -> bool:
    return len(re.sub(r"[^A-Za-z]", "", text)) >= _SHORTEST


#: A letter of a legend and what follows: "S - Static", "A- Active", "E --> Expecting Replies", "R=Responding".
_PAIR = re.compile(r"(?<![^\s,])(\[number\]|\[?[A-Za-z%*+&#\d]{1,2}\d?\]?)(?: ?(?:-|-->) |=)(?=[A-Za-z])")


def legends() -> dict[str, set[str]]:
    """By command the letters that its legend names."""
    nothing = ProcessName(autonomous_system=1, name="", router_id="192.0.2.1")
    screens = {
        "show dmvpn": render_dmvpn(ShowDmvpn(())),
        "show ip nhrp brief": render_brief(ShowCache(())),
        "show ip nhrp nhs": render_servers(ShowServers((TunnelServers("Tunnel0", (), ()),))),
        "show nhrp stats": render_happenings(ShowHappenings((), alone=False)),
        "show ip route": iter(routes.LEGEND),
        "show ipv6 route": iter(entries.LEGEND),
        "show crypto session detail": render_session_detail(ShowSessions(())),
        "show crypto session brief": render_session_brief(ShowSessions(())),
        "show ip eigrp topology": render_topology(
            ShowTopology(serials=False, prefix="", tables=(TopologyTable(nothing, wide=False, destinations=()),))
        ),
    }
    return {command: {letter for line in lines for letter in _PAIR.findall(line)} for command, lines in screens.items()}


#: Beginnings of strings that are formats or prompts and not answers: escapes of `strftime`, marks of tables.
_NO_ANSWERS = {"% warning"}
_ANSWER = re.compile(r"% ?[A-Z][A-Za-z]|% [a-z]")


def answers() -> Iterator[tuple[str, str]]:
    """File, and what the prompt may answer to a line that it does not take, or takes with a warning."""
    for room in ("ios", "face", "features"):
        for path, tree in _trees(SOURCES / room, "%"):
            if "explain" in path.relative_to(SOURCES).as_posix():
                continue
            inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in inside:
                    yield from ((path.relative_to(SOURCES).as_posix(), text.strip()) for text in _answers_in(node))


def _answers_in(node: ast.expr) -> Iterator[str]:
    for text in samples(node):
        if text in _NO_ANSWERS:
            continue
        if _ANSWER.match(text) and len(text.replace("1", "")) > _SHORTEST * 2:
            yield text


# What the renderers of shows write between the values: headings and labels, read from the code itself.
#
# literals() every string that a `show.py` or `show/*.py` may print, with a gap in place of a value without_explanation
# what is left of one, when all words are taken out that its feature explains, and plain English

_GAP: Final = "\0"
#: Files beside them that print screens.
_MORE: Final = {"system": (SOURCES / "features" / "system" / "reports.py",)}
#: Names of fields, patterns of commands, questions of `clear`.
_ASKED: Final = re.compile(r"[a-z]+(?:_[a-z0-9]+)+|.*\{\w+:[\w-]+\}.*|(?:show|clear) .*|.* \[confirm\]|[\[(] ?.*\|.*")
#: Calls whose texts are asked for and not printed: words of arguments, names of fields, questions.
_ASKING: Final = {
    *("get", "getattr", "address", "any_address", "integer", "prefix", "interface", "text"),
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
            return re.sub(r"\{\w+\}", _GAP, text)
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
