"""Whatever is wrong with a line that has a key, and in whatever section: no part of the key is printed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import UserError
from dmvpn.ios import AnyOrder, Choice, ConfigSession, Keyword, Node, Optional_, Sequence, Value, compile_syntax
from dmvpn.ios.errors import without_keys
from dmvpn.ios.matcher import has_secret
from dmvpn.ios.tree import ConfigTree
from dmvpn.labs.unsupported_lines import left_out, problem_lines
from dmvpn.router.entered_text import report, take_in
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lint import RULES
from dmvpn.tools.lint.engine import lint
from dmvpn.tools.lint.report import as_json, as_sarif, as_text
from dmvpn.web.configuration import noted
from support.cases import few_examples
from support.full_language import LANGUAGE, LINES, TEXTS
from support.lint_cases import CLEAR, SEALED

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET: Final = "Zq7wT0ub4dor"
#: What other values of these lines are, by type; of a range its lower end.
_VALUES: Final = {
    "address": "10.0.0.1",
    "mask": "255.255.255.255",
    "prefix6": "2001:db8::/64",
    "ospf-area": "1",
    "bgp-peer": "10.0.0.2",
    "secret-kind": "0",
    "password-kind": "7",
    "user-password-kind": "7",
    "word": "NAME",
}
_SECTIONS: Final = (
    *("", "interface GigabitEthernet0/1", "interface Tunnel0", "router ospf 1", "router bgp 65000", "key chain K"),
    *("crypto ikev2 profile P", "crypto ikev2 keyring K\n peer A", "crypto keyring K", "line vty 0 4", "voice x"),
)


def _ways(node: Node) -> list[list[str]]:
    """Return the words of every way through a syntax, with one value of each type, and nothing that may be in any
    order.
    """
    match node:
        case Keyword():
            return [[node.word]]
        case Value():
            is_secret = node.name in ("key", "password", "secret")
            return [[SECRET if is_secret else _VALUES.get(node.type.name, node.type.name.partition("-")[0])]]
        case Sequence():
            parts = itertools.product(*map(_ways, node.parts))
            return [[word for part in way for word in part] for way in parts]
        case Choice():
            return [way for one in node.alternatives for way in _ways(one)]
        case Optional_():
            return [[], *_ways(node.node)]
        case AnyOrder():
            return [[]]


WAYS: Final = [
    (line.mode, way)
    for line in LINES
    if has_secret(line) and line.syntax != "tunnel key {key:0-4294967295}"
    for way in _ways(compile_syntax(line.syntax))
    if SECRET in way
]


def _forms(way: list[str]) -> Iterator[str]:
    """Yield a line, and what may be wrong with it."""
    at = way.index(SECRET)
    yield " ".join(way)
    yield f"no {' '.join(way)}"
    yield " ".join((*way, SECRET[::-1], "more"))
    yield " ".join((*way[: at + 1], SECRET[2:8]))
    yield " ".join((*way[:at], "5", *way[at:]))
    yield " ".join(way[: at + 1])
    yield " ".join(way) + "." * 300
    for letters in (1, 2, 3, 4, 6):
        yield " ".join(word if word in (SECRET, *_VALUES.values()) else word[:letters] for word in way)
    yield " ".join((*way[: at - 1], _with_slip(way[at - 1]), *way[at:]))


def _with_slip(word: str) -> str:
    return word[:-2] + word[-1] + word[-2] if len(word) > 3 and word.isalpha() else word


def _is_shown(said: str) -> bool:
    parts = (SECRET[start : start + 4] for start in range(len(SECRET) - 3))
    return any(part in said or part[::-1] in said for part in parts)


@pytest.mark.parametrize(("mode", "way"), WAYS, ids=lambda one: " ".join(one) if isinstance(one, list) else "")
def test_a_line_with_a_key_is_shown_without_it_whatever_is_wrong_with_it(mode: str, way: list[str]) -> None:
    assert [line for line in _forms(way) if _is_shown(without_keys(line))] == []


@few_examples(30)
@given(st.sampled_from(WAYS), st.sampled_from(_SECTIONS), st.data())
def test_no_part_of_a_key_is_in_anything_that_is_printed(
    way: tuple[str, list[str]], section: str, data: st.DataObject
) -> None:
    """A note of a lab quoted the first eight letters of a password that was too long, and every role read it."""
    line = data.draw(st.sampled_from(list(_forms(way[1]))))
    depth = len(section.splitlines())
    text = f"hostname R1\n{section}\n{' ' * depth}{line}\nend\n"
    intake = take_in(text)
    session = ConfigSession(LANGUAGE, ConfigTree())
    typed = [session.enter(one) for one in (*section.splitlines(), line)]
    said = [
        *report(intake),
        *intake.why_held(),
        *problem_lines("R1.cfg", intake.result),
        *(one for result in typed for one in (*result.output_lines, *session.hint(result))),
        *session.help(f"{line} "),
        as_json(lint({"R1.cfg": text})),
        noted(line),
    ]
    for strict in (False, True):
        try:
            said += [one.text for one in left_out(Scenario("files", Lab(), {"R1": text}), strict=strict)]
        except UserError as error:
            said.append(str(error))
    assert [one for one in said if _is_shown(one)] == []


# Lint of whatever somebody names as configurations: it answers, in order, with places that exist.

_IDS = {rule.id for rule in RULES}
#: Lines that meet each other more often than those of the whole language do: tunnels in few variants.
_PIECES = sorted({line for text in (*CLEAR.values(), *SEALED.values()) for line in text.split("\n")})
_TUNNELS = st.lists(st.sampled_from(_PIECES), max_size=40).map("\n".join)
_NETWORKS = st.lists(st.one_of(TEXTS, _TUNNELS, st.text(max_size=80)), max_size=3)


@given(_NETWORKS)
def test_any_configurations_are_judged_without_a_crash(texts: list[str]) -> None:
    network = {f"{number}.cfg": text for number, text in enumerate(texts)}
    findings = lint(network)
    for one in findings:
        assert one.rule in _IDS
        places = [(one.file, one.line), *((place.file, place.line) for place in one.related)]
        assert all(1 <= line <= len(network[file].splitlines()) + 1 for file, line in places)
    assert [one.severity.rank for one in findings] == sorted(one.severity.rank for one in findings)
    assert findings == lint(network)
    assert "\n".join(as_text(findings))
    assert as_json(findings)
    assert as_sarif(findings, RULES)
