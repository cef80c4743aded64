"""`show ip ospf interface [brief | name]` and `virtual-links`: links of the backbone through other areas."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED, spelled
from dmvpn.base.moments import clock
from dmvpn.base.values import Value, project
from dmvpn.features.ospf.model import AuthenticationType, VirtualLink
from dmvpn.features.ospf.neighbor import InterfaceState
from dmvpn.features.ospf.settings import timers
from dmvpn.features.ospf.show.common import HELP, OSPF, network_of, phase_of, processes
from dmvpn.ios import Args, ExecCommand, ShowContext, interface_sort_key, short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.ports import Clock
    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.machine import Process


# ------------------------------------------------------------------------------------------------ interfaces


_LARGEST_TTL: Final = 255
_SHORT: Final = {
    InterfaceState.LOOPBACK: "LOOP",
    InterfaceState.WAITING: "WAIT",
    InterfaceState.POINT_TO_POINT: "P2P",
    InterfaceState.POINT_TO_MULTIPOINT: "P2MP",
    InterfaceState.DR_OTHER: "DROTH",
}


class InterfaceEntry(Value, kw_only=True):
    """One interface. Intervals are seconds. designated, backup: router and address, "" if there is none.

    rollover: keys of neighbors that still use an old one. least_ttl: of packets, 0: any.
    """

    name: str
    process: int
    router: str
    area: str
    address: str
    network: str
    cost: int
    state: str
    brief: str
    delay: int
    priority: int
    elects: bool
    designated: tuple[str, str]
    backup: tuple[str, str]
    hello: str
    dead: int
    wait: int
    retransmit: int
    due: str
    passive: bool
    full: tuple[str, ...]
    neighbors: int
    authentication: str
    rollover: tuple[int, ...]
    obstacle: str
    least_ttl: int
    number: int
    instance: int


class ShowInterfaces(Value):
    """The answer to `show ip ospf interface`."""

    interfaces: tuple[InterfaceEntry, ...]


def query_interfaces(ctx: ShowContext, args: Args) -> ShowInterfaces:
    """Return all interfaces that OSPF runs on, or one."""
    only = args.interface("interface", None)
    found = [
        _entry(process, process.interfaces[name], ctx.now)
        for process in processes(ctx, args)
        for name in sorted(process.interfaces, key=interface_sort_key)
        if only in (None, name)
    ]
    return ShowInterfaces(tuple(found))


def _entry(process: Process, interface: OspfInterface, now: float) -> InterfaceEntry:
    settings = interface.settings

    def elected(name: IPv4Address) -> tuple[str, str]:
        if not int(name):
            return "", ""
        if interface.link is None:
            return str(_router_of(interface, name, process.router_id)), str(name)
        found = (each.address for each in interface.neighbors.values() if each.router == name)
        address = interface.address if name == process.router_id else next(found, None)
        return str(name), spelled(address) if address is not None else ""

    phase = phase_of(interface)
    due = process.state.context.timers.when(interface.hello_timer)
    return project(
        InterfaceEntry,
        settings,
        name=interface.name,
        process=process.number,
        router=str(process.router_id),
        area=interface.area.title,
        address=spelled(interface.address)
        if interface.link
        else f"{interface.address}/{interface.state.prefix_length}",
        number=int(interface.number) if interface.link else 0,
        network=network_of(interface),
        cost=interface.cost,
        state=phase.value,
        brief=_SHORT.get(phase, phase.value),
        delay=settings.transmit_delay,
        designated=elected(interface.designated),
        backup=elected(interface.backup),
        hello=f"{settings.hello_interval:g}"
        if settings.sent_interval
        else f"{1000 * settings.hello_interval:.0f} msec",
        dead=settings.dead_interval,
        wait=settings.dead_interval,
        retransmit=settings.retransmit_interval,
        due=clock(due - now) if due is not None else "",
        rollover=() if settings.authentication.chain else tuple(each.key for each in interface.with_old_keys),
        full=tuple(str(neighbor.router) for neighbor in interface.full),
        neighbors=len(interface.neighbors),
        authentication=_authentication(interface, process.state.context.ports.clock, now),
    )


def _router_of(interface: OspfInterface, address: IPv4Address, own: IPv4Address) -> IPv4Address:
    """Return the identifier of the router that has this address there; 0.0.0.0: none. own: our identifier."""
    if address == interface.address:
        return own
    neighbor = interface.neighbors.get(address)
    return neighbor.router if neighbor is not None else UNSPECIFIED


def _authentication(interface: OspfInterface, clock: Clock, now: float) -> str:
    authentication = interface.settings.authentication
    if authentication.type is AuthenticationType.SIMPLE:
        return "  Simple password authentication enabled"
    if authentication.type is AuthenticationType.CRYPTOGRAPHIC and authentication.keys:
        key = authentication.sending(clock, now)
        if key is None:
            return f"  Cryptographic authentication enabled, no valid key of key chain {authentication.chain}"
        if authentication.chain:
            algorithm = key.algorithm.word.upper()
            sealed = f"Sending SA: Key {key.number}, Algorithm {algorithm} - key chain {authentication.chain}"
            return f"  Cryptographic authentication enabled, {sealed}"
        return f"  Cryptographic authentication enabled, youngest key id is {key.number}"
    return ""


def render_interfaces(answer: ShowInterfaces) -> Iterator[str]:
    """Yield a paragraph for each."""
    for entry in answer.interfaces:
        yield f"{entry.name} is up, line protocol is up "
        yield f"  Internet Address {entry.address}, Area {entry.area}, Attached via Network Statement"
        yield (
            f"  Process ID {entry.process}, Router ID {entry.router}, Network Type {entry.network}, Cost: {entry.cost}"
        )
        yield from running(entry, "Interface address")


def running(entry: InterfaceEntry, address_is: str, roles: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """Yield how OSPF of either version runs on an interface. address_is: how the address of an elected router is named.
    roles: words behind a neighbor, by its identifier.
    """
    if entry.network == "LOOPBACK":
        yield "  Loopback interface is treated as a stub Host"
        return
    priority = f", Priority {entry.priority}" if entry.elects else ""
    yield f"  Transmit Delay is {entry.delay} sec, State {entry.state}{priority}"
    elected = (("Designated Router", entry.designated), ("Backup Designated router", entry.backup))
    for what, (router, address) in elected if entry.elects else ():
        nobody = f"No {what.lower()} on this network"
        yield f"  {what} (ID) {router}, {address_is} {address}" if router else f"  {nobody}"
    yield (
        f"  Timer intervals configured, Hello {entry.hello}, Dead {entry.dead}, Wait {entry.wait}, "
        f"Retransmit {entry.retransmit}"
    )
    if entry.passive:
        yield "    No Hellos (Passive interface) "
    elif entry.obstacle:
        yield f"    No Hellos: {entry.obstacle}"
    elif entry.due:
        yield f"    Hello due in {entry.due}"
    yield f"  Neighbor Count is {entry.neighbors}, Adjacent neighbor count is {len(entry.full)} "
    for router in entry.full:
        yield f"    Adjacent with neighbor {router}{roles.get(router, '')}"
    yield "  Suppress hello for 0 neighbor(s)"
    if entry.least_ttl:
        hops = _LARGEST_TTL - entry.least_ttl
        yield "  Strict TTL checking enabled" + (f", up to {hops} hops allowed" if hops > 1 else "")
    if entry.authentication:
        yield entry.authentication
    if entry.rollover:
        yield f"    Rollover in progress, {len(entry.rollover)} neighbor(s) using the old key(s):"
        yield from (f"      key id {number}" for number in sorted(set(entry.rollover)))


def render_brief(answer: ShowInterfaces) -> Iterator[str]:
    """Yield a line for each."""
    if answer.interfaces:
        yield "Interface    PID   Area            IP Address/Mask    Cost  State Nbrs F/C"
    for entry in answer.interfaces:
        yield (
            f"{short_interface(entry.name).removeprefix('OSPF_'):<13}{entry.process:<6}{entry.area:<16}{entry.address:<19}{entry.cost:<6}"
            f"{entry.brief:<6}{len(entry.full)}/{entry.neighbors}"
        )


BRIEF: Final = ExecCommand(
    f"{OSPF} interface [ {{interface:interface}} ] brief",
    {**HELP, "interface": "Interfaces", "brief": "A line for each"},
    query=query_interfaces,
    render=render_brief,
)
ALL: Final = ExecCommand(
    f"{OSPF} interface [ {{interface:interface}} ]",
    {**HELP, "interface": "Interfaces"},
    query=query_interfaces,
    render=render_interfaces,
)
INTERFACES: Final = (BRIEF, ALL)


# ------------------------------------------------------------------------------------------------ virtual links


class VirtualLinkEntry(Value, kw_only=True):
    """One virtual link. interface: on the path, "" if there is none. state: of the neighbor at its end."""

    name: str
    router: str
    area: int
    interface: str
    cost: int
    phase: str
    delay: int
    hello: int
    dead: int
    retransmit: int
    due: str
    state: str
    waiting: int
    retransmissions: int


class ShowVirtualLinks(Value):
    """The answer to `show ip ospf virtual-links`."""

    links: tuple[VirtualLinkEntry, ...]


def query_virtual_links(ctx: ShowContext, args: Args) -> ShowVirtualLinks:
    """Return all that are configured, up or not."""
    return ShowVirtualLinks(
        tuple(
            _virtual_link(process, link, ctx.now)
            for process in processes(ctx, args)
            for link in process.settings.virtual_links
        )
    )


def _virtual_link(process: Process, link: VirtualLink, now: float) -> VirtualLinkEntry:
    running = process.state.virtual_link_to(link.area, link.router)
    hops = running.far_end.hops if running is not None and running.far_end is not None else ()
    neighbor = next(iter(running.neighbors.values()), None) if running is not None else None
    due = process.state.context.timers.when(running.hello_timer) if running is not None else None
    hello, dead = timers(link.lines)
    return VirtualLinkEntry(
        name=link.lines.name,
        router=str(link.router),
        area=link.area,
        interface=hops[0].interface if hops else "",
        cost=running.cost if running is not None else 0xFFFF,
        phase=running.phase.value if running is not None else "DOWN",
        delay=link.lines.transmit_delay,
        hello=hello,
        dead=dead,
        retransmit=link.lines.retransmit_interval,
        due=clock(due - now) if due is not None else "",
        state=neighbor.state.value if neighbor is not None else "DOWN",
        waiting=len(neighbor.waiting) if neighbor is not None else 0,
        retransmissions=neighbor.retransmissions if neighbor is not None else 0,
    )


def render_virtual_links(answer: ShowVirtualLinks) -> Iterator[str]:
    """Yield a paragraph for each."""
    for link in answer.links:
        yield f"Virtual Link {link.name} to router {link.router} is {'up' if link.interface else 'down'}"
        yield f"  Transit area {link.area}" + (f", via interface {link.interface}" if link.interface else "")
        yield " Topology-MTID    Cost    Disabled     Shutdown      Topology Name"
        yield f"        0           {link.cost:<9} no          no            Base"
        yield f"  Transmit Delay is {link.delay} sec, State {link.phase},"
        yield (
            f"  Timer intervals configured, Hello {link.hello}, Dead {link.dead}, Wait {link.dead}, "
            f"Retransmit {link.retransmit}"
        )
        if link.due:
            yield f"    Hello due in {link.due}"
            yield f"    Adjacency State {link.state}"
            again = f"number of retransmission {link.retransmissions}"
            yield f"    Index 0/0, retransmission queue length {link.waiting}, {again}"


VIRTUAL_LINKS: Final = ExecCommand(
    f"{OSPF} virtual-links",
    {**HELP, "virtual-links": "Links of the backbone through other areas"},
    query=query_virtual_links,
    render=render_virtual_links,
)
