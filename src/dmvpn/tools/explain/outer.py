"""Words of commands of the shell, which no router prints: findings of `dmvpn lint`, arrows of `dmvpn lab watch`.

Imported only for a word that no router prints. The findings of the doctor are in `causes.py`.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation, WordGroup, WordKind, words
from dmvpn.base.findings import Severity
from dmvpn.tools.explain import causes
from dmvpn.tools.lint import RULES

_SEVERITIES = words(WordKind.STATE, Severity, rank=63)("""
    ## severities of a finding :: dmvpn lint next: the line that the finding names
    ERROR :: Something that is configured will not work.
    WARNING :: It works, but probably not as the author of these lines intended.
    ADVICE :: It works; there is a better way, or a risk to know of.
    """)

RULE_GROUP: Final = WordGroup(
    title="rules",
    kind=WordKind.REASON,
    screens=("dmvpn lint",),
    rank=26,
    next="dmvpn lint (the configurations of the whole network)",
    explanations=tuple(Explanation(rule.id, f"{rule.title.rstrip('.')}. {rule.why}") for rule in RULES),
)

_ARROWS = words(
    WordKind.FLAG,
    rank=64,
    sighting="(─▶|◀─|═▶|◀═|─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}|\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─)",
    mark=r"─▶ sent",
)("""
    ## arrows of the ladder :: dmvpn lab watch next: show dmvpn events (on the sender)
    ─▶ | ◀─ :: A message from one router to the other.
    ═▶ | ◀═ :: A message passed on: it came from a third router, and is for a fourth.
    ─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS} | \N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─ ::
        A message whose arrival was not seen.
        when: It was lost or filtered on the way, the receiver dropped it or does not run, or it is not in view.
    """)

GROUPS: Final = (*_SEVERITIES, RULE_GROUP, *causes.GROUPS, *_ARROWS)
