"""What `dmvpn lint` prints, as words that can be explained: severities, and the rules in their own texts."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation, Group, Kind
from dmvpn.base.findings import Severity
from dmvpn.tools.lint import RULES

_SCREENS: Final = ("dmvpn lint",)

_SEVERITIES = Group(
    title="severities of a finding",
    kind=Kind.STATE,
    screens=_SCREENS,
    rank=63,
    next="the line that the finding names",
    explanations=(
        Explanation(Severity.ERROR.value, "Something that is configured will not work."),
        Explanation(Severity.WARNING.value, "It works, and not as whoever wrote these lines wanted."),
        Explanation(Severity.ADVICE.value, "It works; there is a better way, or a risk to know of."),
    ),
)

RULE_GROUP: Final = Group(
    title="rules",
    kind=Kind.REASON,
    screens=_SCREENS,
    rank=26,
    next="dmvpn lint (the configurations of the whole network)",
    explanations=tuple(Explanation(rule.id, f"{rule.title.rstrip('.')}. {rule.why}") for rule in RULES),
)

GROUPS: Final = (_SEVERITIES, RULE_GROUP)
