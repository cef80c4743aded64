"""A lab as files of other programs: containerlab, CML, GNS3. `shells/topologies` reads them back.

    Elsewhere                which program, which kind of node, which image
    written(scenario, configurations, elsewhere)   -> files by name, and notes

The configurations come back the same, and the wires between routers; what a program has no words for is in the notes.
"""

from __future__ import annotations

from collections.abc import Mapping

from dmvpn.base.values import Value
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.elsewhere.files import FORMATS, KINDS, Format, cml, containerlab, gns3, impairments, kind_named, plan

__all__ = ("FORMATS", "KINDS", "Elsewhere", "written")

_WRITERS = {"containerlab": containerlab, "cml": cml, "gns3": gns3}


class Elsewhere(Value):
    """Where a lab goes. node: the kind of its routers; None: the program's first one. image: "": the kind's own."""

    program: Format
    node: str | None = None
    image: str = ""


def written(
    scenario: Scenario, configurations: Mapping[str, str], elsewhere: Elsewhere
) -> tuple[dict[str, str], list[str]]:
    """Return the files of a lab by their names, and notes on differences. Raises UserError for an unknown kind."""
    kind = kind_named(elsewhere.program, elsewhere.node)
    planned = plan(scenario, configurations, kind)
    files = _WRITERS[elsewhere.program](planned, kind, elsewhere.image or kind.image)
    notes = list(planned.notes)
    if elsewhere.program == "containerlab":
        notes += impairments(planned)
    elif elsewhere.program == "gns3":
        notes += [
            f"{cable.spec.rate} kbit/s of the cable of {cable.ends[0][0]}: GNS3 has no filter for a rate"
            for cable in planned.cables
            if cable.spec.rate
        ]
        if kind.called == "qemu":
            notes.append("where IOSv finds its configuration: GNS3 gives it none, so paste configs/NAME.cfg")
    return files, notes
