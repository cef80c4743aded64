"""Lint of whatever somebody names as configurations: it answers, in order, with places that exist."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.tools.lint import RULES, lint
from dmvpn.tools.lint.machine_readable import as_json, as_sarif
from dmvpn.tools.lint.text import as_text
from support.full_language import TEXTS
from support.lint_cases import CLEAR, SEALED

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
