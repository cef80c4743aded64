"""Two networks side by side, for a page: what `dmvpn diff` found, with the routers and ways of each change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dmvpn.tools.picture import as_stage, picture_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.behavior import LanPair, Talk
    from dmvpn.tools.diff.comparison import Comparison


def compared(comparison: Comparison, before: Scenario, after: Scenario, verdict: str) -> dict[str, object]:
    """Return both networks and all changes as `web/page/compare.js` reads them. verdict: in words."""
    stages = {side: as_stage(picture_of(one, side)) for side, one in (("before", before), ("after", after))}
    nodes = {*before.configurations, *after.configurations}
    ways = {"before": _ways(comparison.before.talks), "after": _ways(comparison.after.talks)}
    # The words of a subject: names of routers are among them, with an interface behind a colon
    return {
        **stages,
        "verdict": verdict,
        "changes": [
            {
                "verdict": change.verdict.value,
                "topic": change.topic.value,
                "subject": change.subject,
                "before": change.before,
                "after": change.after,
                "nodes": sorted(nodes & {word.removesuffix(".cfg") for word in re.split(r"[\s:,]+", change.subject)}),
                "ways": {side: found.get(change.subject, []) for side, found in ways.items()},
            }
            for change in comparison.changes
        ],
    }


def _ways(talks: Mapping[LanPair, Talk]) -> dict[str, list[str]]:
    """Return the routers on the way of each pair, by the name of the pair."""
    return {str(pair): list(talk.way) for pair, talk in talks.items()}
