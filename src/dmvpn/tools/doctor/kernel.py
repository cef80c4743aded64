"""The check of the host below a router: do the kernel's tables hold what the router ordered?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Differences that are named; the others are counted.
_MOST: Final = 8


def tables(scene: Scene) -> Iterator[Verdict]:
    """Check the tables: what is missing breaks the way; what nobody ordered is only strange."""
    for name, facts in scene.alive():
        if not facts.kernel:
            continue
        broken = [one for one in facts.kernel if not one.unordered]
        more = len(facts.kernel) - _MOST
        evidence = [f"{one.what}: {one.there}" for one in (*broken, *(o for o in facts.kernel if o.unordered))[:_MOST]]
        what = (
            f"the kernel below {name} lacks what the router ordered: another program changes its tables"
            if broken
            else f"the kernel below {name} has what the router did not order, with its mark: {facts.kernel[0].what}"
        )
        yield Finding(
            step=Step.UNDERLAY,
            cause=Cause.KERNEL_TABLES,
            router=name,
            what=what,
            evidence=(*evidence, *([f"and {more} more"] if more > 0 else [])),
            order="ip monitor route rule neigh link address",
            advice=not broken,
        )
