"""`show arp`: link-layer addresses on Ethernets, ours and those of stations that the host knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import dataclass
from dmvpn.features.interface.machine import InterfaceMachine
from dmvpn.features.interface.port import kind_of
from dmvpn.ios import Args, Change, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import InterfaceState


@dataclass(frozen=True, slots=True)
class ArpLine:
    """An address on an Ethernet.

    hardware: octets, empty while unknown.
    own: is it ours?
    """

    address: IPAddress
    hardware: bytes
    interface: str
    own: bool


@dataclass(frozen=True, slots=True)
class ShowArp:
    """The answer to `show arp`. unknown: the VRF that was asked for, which does not exist."""

    lines: tuple[ArpLine, ...]
    unknown: str = ""


def query(ctx: ShowContext, args: Args) -> ShowArp:
    """Return all of IPv4 in the global table or in a VRF, of one interface, or of one address.

    A simulated wire has no link-layer addresses.
    """
    vrf = args.text("vrf", "")
    if ctx.ports.interfaces_of(vrf) is None:
        return ShowArp((), unknown=vrf)
    wanted, address = args.interface("interface", None), args.address("address", None)
    machine, lines = ctx.machine(InterfaceMachine), []
    names: list[str] = []
    for state in breathing(_interfaces(ctx, vrf, wanted)):
        port = machine.port(state.name)
        if kind_of(state.name).logical or port is None:
            continue
        names.append(state.name)
        hardware = port.link.hardware_address if port.link is not None else b""
        own = (state.address, *(other for other, _ in state.secondary))
        lines += [ArpLine(ours, hardware, state.name, own=True) for ours in own if ours is not None]
    taken = {line.address for line in lines}
    for station in breathing(ctx.counting.stations()):
        if station.interface in names and station.address.version == 4 and station.address not in taken:
            lines.append(ArpLine(station.address, station.hardware, station.interface, own=False))
    lines = [line for line in lines if wanted in (None, line.interface) and address in (None, line.address)]
    return ShowArp(tuple(sorted(lines, key=lambda line: line.address.packed)))


def _interfaces(ctx: ShowContext, vrf: str, wanted: str | None) -> tuple[InterfaceState, ...]:
    """Return one interface, or those of a table."""
    if wanted is not None:
        state = ctx.ports.interfaces.get(wanted)
        return () if state is None else (state,)
    interfaces = ctx.ports.interfaces_of(vrf)
    return () if interfaces is None else interfaces.all()


def render(answer: ShowArp) -> Iterator[str]:
    """Yield one line each.

    A station that the host knows was heard of by it just now or before: its age is not known.
    """
    if answer.unknown:
        yield f"% VRF {answer.unknown} does not exist"
        return
    yield "Protocol  Address          Age (min)  Hardware Addr   Type   Interface"
    for line in answer.lines:
        hardware = line.hardware.hex()
        dotted = ".".join(hardware[at : at + 4] for at in range(0, len(hardware), 4)) or "Incomplete"
        age = "-" if line.own else "0"
        yield f"Internet  {line.address!s:<15} {age:>10}   {dotted:<14}  ARPA   {line.interface}"


_HELP: Final = {
    "arp": "Addresses on Ethernets, with their link-layer addresses",
    "interface": "Of one interface",
    "address": "One address",
    "vrf": "In a VRF",
}


def clear(_: ShowContext, __: Args) -> Change:
    """Explain where ARP entries are kept (`clear arp-cache`): the host learns them and asks again by itself."""
    return Change(
        said=(
            "% The host keeps these addresses and asks for them again; to forget one there: ip neigh flush to ADDRESS",
        ),
        failed=True,
    )


COMMANDS: Final = (
    *(
        ExecCommand(
            f"show {words} [ vrf {{vrf:word}} ] [ {{interface:interface}} | {{address:address}} ]",
            _HELP,
            query=query,
            render=render,
        )
        for words in ("arp", "ip arp")
    ),
    ExecCommand(
        "clear arp-cache [ {interface:interface} | {address:address} ]",
        {**_HELP, "arp-cache": "Addresses of stations on Ethernets"},
        action=clear,
        privilege=15,
    ),
)
