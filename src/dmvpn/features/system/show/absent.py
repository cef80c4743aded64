"""What tools ask of every router and this one has not: LLDP, CDP, LACP, SNMP, NTP, policy maps.

And the memory of its machine.

Answered, so that a tool sees that there is none, and does not take the refusal of a command for a failure.

`lines_of` returns the lines of VRFs, for `show running-config vrf [NAME]`. A VRF with its interfaces is shown whole; of
a routing process in the global table, the sections for VRFs; of other lines, the lines that name a VRF.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dmvpn.base.values import Value
from dmvpn.features.system.machine import SystemMachine
from dmvpn.ios import ConfigTree, Section
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.feature import ShowContext
from dmvpn.ios.grammar import Args, ExecCommand
from dmvpn.ios.section import Statement
from dmvpn.ios.tree import render_tree
from dmvpn.ios.vrfs import DEFINITION, IP_VRF, vrf_of


def render_nothing(_: object) -> tuple[str, ...]:
    """Return nothing: there is none, and tools take a sentence for a name or a number."""
    return ()


class Discovery(Value):
    """`show lldp`, `show cdp`."""

    protocol: str
    enabled: bool = False


def render_discovery(found: Discovery) -> Iterator[str]:
    """Yield IOS's words."""
    yield f"% {found.protocol} is not enabled"


class Agent(Value):
    """`show snmp`: lines about SNMP are kept, and no agent answers."""

    protocol: str = "SNMP"
    enabled: bool = False


def render_agent(found: Agent) -> Iterator[str]:
    """Yield IOS's words."""
    yield f"%{found.protocol} agent not enabled"


class TimeProtocol(Value):
    """`show ntp status`: lines about NTP are kept, and the clock is that of the machine."""

    protocol: str = "NTP"
    enabled: bool = False


def render_ntp(found: TimeProtocol) -> Iterator[str]:
    """Yield IOS's words."""
    yield f"%{found.protocol} is not enabled."


class PolicyMaps(Value):
    """`show policy-map`. names: of policy maps that act here, never any."""

    names: tuple[str, ...] = ()


def render_policy_maps(_: PolicyMaps) -> Iterator[str]:
    """Yield why there is none: a line that says `service-policy` is kept, and nothing acts on it."""
    yield "% No policy map acts here: quality of service is not supported"


class Memory(Value):
    """`show memory statistics`. Octets: of the machine, and of this router's process."""

    total: int
    used: int


def render_memory(found: Memory) -> Iterator[str]:
    """Yield the pool of the process; and one of IOS XE that tools look for, of which there is nothing here."""
    free = found.total - found.used
    yield "                Head    Total(b)     Used(b)     Free(b)   Lowest(b)  Largest(b)"
    yield f"Processor          0{found.total:>12}{found.used:>12}{free:>12}{free:>12}{free:>12}"
    yield f" lsmpi_io          0{0:>12}{0:>12}{0:>12}{0:>12}{0:>12}"


def lldp(_: ShowContext, __: Args) -> Discovery:
    """Query the content of `show lldp` and `show lldp neighbors`."""
    return Discovery("LLDP")


def cdp(_: ShowContext, __: Args) -> Discovery:
    """Query the content of `show cdp` and `show cdp neighbors`."""
    return Discovery("CDP")


class Aggregation(Value):
    """`show lacp sys-id`. identifier: as what this router would be known, never anything."""

    identifier: str = ""


def lacp(_: ShowContext, __: Args) -> Aggregation:
    """Query the content of `show lacp sys-id`."""
    return Aggregation()


def snmp(_: ShowContext, __: Args) -> Agent:
    """Query the content of `show snmp` and `show snmp user`."""
    return Agent()


def ntp(_: ShowContext, __: Args) -> TimeProtocol:
    """Query the content of `show ntp status` and `show ntp associations`."""
    return TimeProtocol()


def policy_maps(_: ShowContext, __: Args) -> PolicyMaps:
    """Query the content of `show policy-map`."""
    return PolicyMaps()


def memory(ctx: ShowContext, _: Args) -> Memory:
    """Query the content of `show memory statistics`, as of the start of the router."""
    host = ctx.machine(SystemMachine).host
    return Memory(host.memory_kb * 1024, host.used_kb * 1024)


_HELP: Final = {
    "detail": "All that is known of them",
    "lldp": "Link Layer Discovery Protocol: not here",
    "cdp": "Cisco Discovery Protocol: not here",
    "neighbors": "Whom it found",
    "interface": "Where it runs",
    "lacp": "Link Aggregation Control Protocol: not here",
    "sys-id": "As what it would be known",
    "snmp": "Simple Network Management Protocol: not here",
    "chassis": "The serial number",
    "community": "Its communities",
    "group": "Its groups",
    "host": "Whom it tells",
    "user": "Its users",
    "view": "Its views",
    "ntp": "Network Time Protocol: not here",
    "status": "Whether the clock is synchronized",
    "associations": "Its servers",
    "policy-map": "Quality of service: not here",
    "name": "One policy map",
    "multipoint": "Of the spokes of a tunnel",
    "input": "For packets that come in",
    "output": "For packets that go out",
    "memory": "Memory",
    "statistics": "Of the machine, and of this router",
}
COMMANDS: Final = (
    ExecCommand(
        "show lldp [ neighbors [ detail ] | interface [ {interface:interface} ] ]",
        _HELP,
        query=lldp,
        render=render_discovery,
    ),
    ExecCommand(
        "show cdp [ neighbors [ detail ] | interface [ {interface:interface} ] ]",
        _HELP,
        query=cdp,
        render=render_discovery,
    ),
    ExecCommand("show lacp sys-id", _HELP, query=lacp, render=render_nothing),
    ExecCommand(
        "show snmp [ chassis | community | group | host | user | view ]", _HELP, query=snmp, render=render_agent
    ),
    ExecCommand(
        "show policy-map multipoint [ {interface:interface} ]", _HELP, query=policy_maps, render=render_policy_maps
    ),
    ExecCommand("show ntp status", _HELP, query=ntp, render=render_ntp),
    ExecCommand("show ntp associations [ detail ]", _HELP, query=ntp, render=render_ntp),
    ExecCommand("show policy-map [ {name:word} ]", _HELP, query=policy_maps, render=render_policy_maps),
    ExecCommand(
        "show policy-map interface [ {interface:interface} ] [ input | output ]",
        _HELP,
        query=policy_maps,
        render=render_policy_maps,
    ),
    ExecCommand("show memory statistics", _HELP, query=memory, render=render_memory),
)


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
