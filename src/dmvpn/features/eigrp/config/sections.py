"""The lines to enter for a change of an EIGRP process, named or classic, behind the lines that open its sections.

    process_lines           a line of the process itself
    entered, taken_back     a line about one of its interfaces, and its removal
    line_of                 where such a line stands in a configuration
    header                  the line that opens its section
    nested                  lines to enter as a text

A process is given by its settings or by facts: both have its name and number.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, NamedTuple, Protocol

from dmvpn.base.addresses import ip_keyword
from dmvpn.features.eigrp.config import interfaces, processes
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import ConfigLine


class NamedProcess(Protocol):
    """A process: the name of its virtual instance, "" in classic mode, its number, and its version of IP.

    vrf: "", the global table. router: number of the `router eigrp` with the address family of the VRF, in classic mode.
    """

    @property
    def name(self) -> str: ...

    @property
    def autonomous_system(self) -> int: ...

    @property
    def version(self) -> int: ...

    @property
    def vrf(self) -> str: ...

    @property
    def router(self) -> int: ...


class InterfaceLine(NamedTuple):
    """A setting of a process for an interface: in the interface's own section, and in `af-interface` of named mode."""

    classic: ConfigLine
    named: ConfigLine

    def of_port(self, process: NamedProcess) -> ConfigLine:
        """Return the line in the interface's own section."""
        return self.classic if process.version == 4 else interfaces.IPV6.twin(self.classic)


MODE: Final = InterfaceLine(interfaces.IP_AUTHENTICATION_MODE, interfaces.AF_AUTHENTICATION_MODE)
CHAIN: Final = InterfaceLine(interfaces.IP_AUTHENTICATION_KEY_CHAIN, interfaces.AF_KEY_CHAIN)
HELLO_INTERVAL: Final = InterfaceLine(interfaces.IP_HELLO_INTERVAL, interfaces.AF_HELLO_INTERVAL)
HOLD_TIME: Final = InterfaceLine(interfaces.IP_HOLD_TIME, interfaces.AF_HOLD_TIME)
SPLIT_HORIZON: Final = InterfaceLine(interfaces.IP_SPLIT_HORIZON, interfaces.AF_SPLIT_HORIZON)
NEXT_HOP_SELF: Final = InterfaceLine(interfaces.IP_NEXT_HOP_SELF, interfaces.AF_NEXT_HOP_SELF)
SUMMARY: Final = InterfaceLine(interfaces.IP_SUMMARY, interfaces.AF_SUMMARY)


def family(autonomous_system: int, vrf: str = "", version: int = 4) -> str:
    """Return the line that opens a process of named form."""
    within = {f"ipv{version}": True, **({"vrf": vrf} if vrf else {})}
    return processes.ADDRESS_FAMILY.line(unicast=True, autonomous_system=True, number=autonomous_system, **within)


def process_lines(process: NamedProcess | None, line: str) -> tuple[str, ...]:
    """Return a line of a process, behind the lines that open its section; of an unknown process the line alone."""
    if process is None:
        return (line,)
    if process.name:
        of_family = family(process.autonomous_system, process.vrf, process.version)
        return (processes.ROUTER_NAMED.line(name=process.name), of_family, line)
    if process.vrf:
        opening = processes.CLASSIC_FAMILY.line(
            vrf=process.vrf, autonomous_system=True, number=process.autonomous_system
        )
        return (processes.ROUTER_CLASSIC.line(number=process.router), opening, line)
    return (header(process), line)


def af_interface_lines(process: NamedProcess, interface: str, line: str) -> tuple[str, ...]:
    """Return a line of `af-interface`, behind the lines that open its section. The process has named form."""
    return (*process_lines(process, processes.AF_INTERFACES.line(name=interface)), line)


def entered(process: NamedProcess, interface: str, line: InterfaceLine, **values: Hashable) -> tuple[str, ...]:
    """Return the lines to enter that set a parameter of an interface."""
    if process.name:
        return af_interface_lines(process, interface, line.named.line(**values))
    return INTERFACE.line(name=interface), line.of_port(process).line(number=process.autonomous_system, **values)


def taken_back(process: NamedProcess, interface: str, line: InterfaceLine, **values: Hashable) -> tuple[str, ...]:
    """Return the lines to enter that remove a setting of an interface."""
    if process.name:
        return af_interface_lines(process, interface, line.named.no(**values))
    return INTERFACE.line(name=interface), line.of_port(process).no(number=process.autonomous_system, **values)


def header(process: NamedProcess) -> str:
    """Return the line that opens the section of a process, or of its instance."""
    words = "ipv6 router eigrp" if process.version == 6 and not process.name else "router eigrp"
    return f"{words} {process.name or process.autonomous_system}"


def line_of(process: NamedProcess, interface: str, words: str) -> tuple[str, ...]:
    """Return where a line about an interface is configured: in the interface's section, or in `af-interface` of named
    mode.

    words: the line as in `af-interface` ("hold-time", "authentication key-chain").
    """
    if process.name:
        return (header(process), "address-family", f"af-interface {interface}", words)
    ip = ip_keyword(process.version)
    return f"interface {interface}", f"{ip} {words} eigrp {process.autonomous_system}"


def nested(lines: Iterable[str]) -> str:
    """Return lines of which each opens the section of the next one, as a text."""
    return "\n".join(" " * depth + line for depth, line in enumerate(lines))
