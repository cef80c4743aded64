"""What the configuration says of VRFs, for `show running-config vrf [NAME]`.

A VRF with its interfaces is shown whole; of a routing process in the global table, the sections for VRFs; of other
lines, the lines that name a VRF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.ios.common import INTERFACE
from dmvpn.ios.tree import render_tree
from dmvpn.ios.vrfs import DEFINITION, IP_VRF, vrf_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.ios import ConfigTree, Section
    from dmvpn.ios.section import Statement


def lines_of(running: ConfigTree, vrf: str, *, hide: bool) -> tuple[str, ...]:
    """Return the lines about a VRF, "": about any. hide: keys and passwords are left out."""
    whole: set[int] = set()  # identities of sections

    def read(section: Section) -> Iterable[Statement]:
        if id(section) in whole:
            whole.update(id(entry.section) for entry in _sections(section))
            return section.statements()
        return [entry for entry in section.statements() if chosen(entry, is_global=section is running)]

    def chosen(entry: Statement, *, is_global: bool) -> bool:
        if _is_about(entry, vrf):
            if entry.section is not None:
                whole.add(id(entry.section))
            return is_global or entry.section is not None
        return entry.section is not None and any(_is_about(inner, vrf) for inner in _sections(entry.section))

    return tuple(render_tree(running, hide=hide, of=read))


def _sections(section: Section) -> list[Statement]:
    return [entry for entry in section.statements() if entry.section is not None]


def _is_about(entry: Statement, vrf: str) -> bool:
    """Return whether a line is about this VRF, or about any if it is ""."""
    if entry.line in (DEFINITION, IP_VRF):
        name = entry.args.text("name")
    elif entry.line is INTERFACE and entry.section is not None:
        name = vrf_of(entry.section)
    else:
        name = entry.args.text("vrf", "")
    return name != "" and vrf in ("", name)
