"""Where the nodes of a lab are on a drawing area: providers above, sites below them, their hosts at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dmvpn.tools.elsewhere.plan import Plan

_STEP: Final = 180
_ROW: Final = 160


def places(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return x and y of each node."""
    rows = [
        [router.name for router in plan.routers if router.role == "provider"],
        [switch.name for switch in plan.switches],
        [router.name for router in plan.routers if router.role != "provider"],
        [host.name for host in plan.hosts],
    ]
    rows = [row for row in rows if row]
    return {
        name: (round((column - (len(row) - 1) / 2) * _STEP), number * _ROW - _ROW * len(rows) // 2)
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
