"""Words of commands of the shell, which no router prints: findings of `dmvpn lint`, arrows of `dmvpn lab watch`.

Imported only for a word that no router prints. The findings of the doctor are in `causes.py`.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation, WordGroup, WordKind
from dmvpn.base.findings import Severity
from dmvpn.tools.explain import causes
from dmvpn.tools.lint import RULES

_SCREENS: Final = ("dmvpn lint",)

_SEVERITIES = WordGroup(
    title="severities of a finding",
    kind=WordKind.STATE,
    screens=_SCREENS,
    rank=63,
    next="the line that the finding names",
    explanations=(
        Explanation(Severity.ERROR.value, "Something that is configured will not work."),
        Explanation(Severity.WARNING.value, "It works, but probably not as the author of these lines intended."),
        Explanation(Severity.ADVICE.value, "It works; there is a better way, or a risk to know of."),
    ),
)

RULE_GROUP: Final = WordGroup(
    title="rules",
    kind=WordKind.REASON,
    screens=_SCREENS,
    rank=26,
    next="dmvpn lint (the configurations of the whole network)",
    explanations=tuple(Explanation(rule.id, f"{rule.title.rstrip('.')}. {rule.why}") for rule in RULES),
)

_ARROWS = WordGroup(
    title="arrows of the ladder",
    kind=WordKind.FLAG,
    screens=("dmvpn lab watch",),
    rank=64,
    next="show dmvpn events (on the sender)",
    sighting="(─▶|◀─|═▶|◀═|─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}|\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─)",
    mark=r"─▶ sent",
    explanations=(
        Explanation("─▶", "A message from one router to the other.", also=("◀─",)),
        Explanation("═▶", "A message passed on: it came from a third router, and is for a fourth.", also=("◀═",)),
        Explanation(
            "─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}",
            "A message whose arrival was not seen.",
            "It was lost or filtered on the way, the receiver dropped it or does not run, or it is not in view.",
            also=("\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─",),
        ),
    ),
)

GROUPS: Final = (_SEVERITIES, RULE_GROUP, *causes.GROUPS, _ARROWS)
