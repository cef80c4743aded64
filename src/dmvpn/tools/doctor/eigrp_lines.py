"""Lines about an EIGRP process, in the sections of its form: named or classic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.config.processes import ADDRESS_FAMILY, AF_INTERFACES, ROUTER_CLASSIC, ROUTER_NAMED
from dmvpn.ios import INTERFACE

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.features.eigrp.facts import EigrpFacts
    from dmvpn.ios import ConfigLine


def interface_names(process: EigrpFacts | None) -> str:
    return (
        ", ".join(one.name for one in process.interfaces) if process is not None and process.interfaces else "nothing"
    )


def process_lines(process: EigrpFacts | None, line: str) -> tuple[str, ...]:
    """Return a line of a process, with the line that opens its section."""
    if process is None:
        return (line,)
    if process.name:
        return (ROUTER_NAMED.of(name=process.name), family(process.autonomous_system), line)
    return (ROUTER_CLASSIC.of(number=process.autonomous_system), line)


def interface_lines(
    process: EigrpFacts, interface: str, named: ConfigLine, classic: ConfigLine, **values: Hashable
) -> tuple[str, ...]:
    """Return a line about a process on an interface, with its section, in named or classic form.

    values: of the line; without any, the line is removed.
    """
    if process.name:
        line = named.of(**values) if values else named.no()
        return (*process_lines(process, AF_INTERFACES.of(name=interface)), line)
    number = process.autonomous_system
    line = classic.of(number=number, **values) if values else classic.no(number=number)
    return (INTERFACE.of(name=interface), line)


def family(autonomous_system: int) -> str:
    """Return the line that opens a process of named form."""
    return ADDRESS_FAMILY.of(unicast=True, autonomous_system=True, number=autonomous_system)
