"""docs/reference/commands.md and the folder beside it: every command of the prompt and of each mode, from the grammar.

python -m support.words_page    (from the folder tests) writes them beside its own.

The example of a command is its shortest whole line; a test types each one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.face.language import exec_parser
from dmvpn.ios import compile_syntax
from dmvpn.ios.begun import summary
from dmvpn.ios.config_line import GLOBAL, ConfigLine
from dmvpn.ios.differences import default_text
from dmvpn.ios.grammar import AnyOrder, Choice, ExecCommand, Keyword, Optional_, Sequence, Value
from dmvpn.ios.values import OneOf
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.conformance import ROOT
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dmvpn.ios.grammar import Node

PAGE: Final = ROOT / "docs" / "reference" / "commands.md"
FOLDER: Final = ROOT / "docs" / "reference" / "commands"
#: An example of each type of value; of a range of numbers its lowest, of a list of words the first.
_EXAMPLES: Final = {
    "route-distinguisher": "65000:1",
    "vlans": "10,20",
    "address": "192.0.2.1",
    "mask": "255.255.255.0",
    "wildcard": "0.0.0.255",
    "prefix": "192.0.2.0/24",
    "address6": "2001:db8::1",
    "prefix6": "2001:db8::/32",
    "network6": "2001:db8::/32",
    "host6": "2001:db8::1/64",
    "word": "NAME",
    "host-name": "NAME",
    "secret": "WORD8",
    "password": "WORD8",
    "key-data": "AAAAB3NzaC1yc2E",
    "route-name": "NAME",
    "line": "text",
    "interface": "Tunnel0",
    "banner": "#text#",
    "certificate-octets": "30820330 30820218",
    "release": "17.9",
    "classful-network": "10.0.0.0",
    "ospf-area": "0",
    "ospf-network": "192.0.2.0 0.0.0.255",
    "bgp-as": "65000",
    "bgp-peer": "192.0.2.1",
    "bgp-community": "65000:1",
    "bgp-extcommunity": "65000:1",
    "bgp-large-community": "65000:1:2",
    "acl-ports": "eq 80",
    "file": "flash:NAME",
    "moment": "30s",
    "secret-kind": "9",
}
#: Commands whose shortest line says too little.
_WHOLE: Final = {
    "crypto ipsec transform-set ": "crypto ipsec transform-set NAME esp-aes 256 esp-sha256-hmac",
    "frequency ": "frequency 60",
    "summary-metric ": "summary-metric 192.0.2.0/24 distance 5",
}
_HEAD: Final = file_text("commands.md")
_NOTE: Final = "Generated from the grammar. [What the columns mean, and all modes](../commands.md)."
#: Modes with lines of many features.
_LARGE: Final = (GLOBAL.name, "interface", "line")


def exec_commands() -> tuple[ExecCommand, ...]:
    """Return all of the prompt, `show` first."""
    commands = exec_parser(FEATURES).commands
    return tuple(sorted(commands, key=lambda one: (not one.syntax.startswith("show "), one.syntax)))


def config_lines() -> dict[str, list[ConfigLine]]:
    """Return the lines of each mode, the global one first; modes in the order in which features have them."""
    lines: dict[str, list[ConfigLine]] = {GLOBAL.name: []}
    for feature in FEATURES:
        for line in feature.config:
            lines.setdefault(line.mode, []).append(line)
    return lines


def example(syntax: str) -> str:
    """Return the shortest line of a syntax."""
    return next(
        (whole for start, whole in _WHOLE.items() if syntax.startswith(start)), _shortest(compile_syntax(syntax))
    )


def _shortest(node: Node) -> str:
    match node:
        case Keyword(word=word):
            return word
        case Value(type=OneOf() as kind):
            return kind.words("")[0]
        case Value(type=kind):
            return _EXAMPLES.get(kind.name) or kind.name.partition("-")[0]
        case Choice(alternatives=alternatives):
            return min((_shortest(one) for one in alternatives), key=lambda text: len(text.split()))
        case Optional_() | AnyOrder():
            return ""
        case Sequence(parts=(*words, AnyOrder(alternatives=options))) if all(
            isinstance(word, Keyword) for word in words
        ):
            # Words alone say nothing: one of the options must follow.
            return " ".join((*map(_shortest, words), _shortest(options[0])))
        case sequence:
            return " ".join(filter(None, (_shortest(part) for part in sequence.parts)))


def pages(titles: Mapping[str, str]) -> dict[Path, str]:
    """Return all pages: the overview, those of the prompt and of large modes, and one for the modes of each feature.

    titles: of features.
    """
    language = configurator(FEATURES)
    openers = {line.opens: line for lines in config_lines().values() for line in lines if line.opens is not None}
    rows: list[str] = []
    parts: dict[tuple[str, str], list[str]] = {}
    shows = [one for one in exec_commands() if one.syntax.startswith("show ")]
    others = [one for one in exec_commands() if not one.syntax.startswith("show ")]
    for name, title, commands in (("show", "`show`", shows), ("exec", "the exec prompt, without `show`", others)):
        parts[name, title] = [*_exec(commands)]
        rows.append(_row(f"[{title}](commands/{name}.md)", "`#`", "", str(len(commands))))
    for mode, lines in config_lines().items():
        if not lines:
            continue
        name, title = (mode, f"{mode.capitalize()} mode") if mode in _LARGE else _feature(mode, titles)
        prompt, opener = f"`({language.mode(mode).prompt})#`", openers.get(mode)
        below = f"`{opener.syntax}`" if opener is not None else "`configure terminal`"
        rows.append(_row(f"[{mode}](commands/{name}.md#{mode})", prompt, below, str(len(lines))))
        parts.setdefault((name, title), []).extend(_config(mode, f"{prompt}, below {below}.", lines))
    made = {PAGE: _HEAD + "\n".join(["| mode | prompt | below | lines |", "| --- | --- | --- | --- |", *rows]) + "\n"}
    for (name, title), text in parts.items():
        made[FOLDER / f"{name}.md"] = "\n".join([f"# Commands: {title}", "", _NOTE, "", *text]).rstrip() + "\n"
    return made


def _feature(mode: str, titles: Mapping[str, str]) -> tuple[str, str]:
    """Return name and title of the first feature that has a line in a mode."""
    name = next(feature.name for feature in FEATURES if any(line.mode == mode for line in feature.config))
    return name, titles[name]


def _exec(commands: list[ExecCommand]) -> Iterator[str]:
    yield "| command | level | example | what it does |"
    yield "| --- | --- | --- | --- |"
    for one in commands:
        yield _row(f"`{one.syntax}`", str(one.privilege), f"`{example(one.syntax)}`", summary(one))


def _config(mode: str, where: str, lines: list[ConfigLine]) -> Iterator[str]:
    yield f"## {mode}"
    yield ""
    yield where
    yield ""
    yield "| line | default | example | what it does |"
    yield "| --- | --- | --- | --- |"
    for line in lines:
        default = default_text(line) or ("on" if line.default_on else "")
        yield _row(f"`{line.syntax}`", f"`{default}`" if default else "", f"`{example(line.syntax)}`", _what(line))
    yield ""


def _what(line: ConfigLine) -> str:
    """Return what it is for, and if nothing acts on it, that."""
    said = summary(line)
    return said if line.group is None else f"{said}. Kept, without effect: {line.group.name}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
