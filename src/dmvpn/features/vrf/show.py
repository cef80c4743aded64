"""`show vrf` and `show ip vrf`, as IOS prints them.

tables     show vrf [ipv4] [brief | interface] [NAME], show ip vrf [brief | interfaces] [NAME]
detail     show vrf [ipv4] detail [NAME], show ip vrf detail [NAME]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dmvpn.base.notices import InterfaceState
from dmvpn.base.values import Value
from dmvpn.features.vrf.machine import VrfMachine
from dmvpn.features.vrf.model import VrfSettings
from dmvpn.ios import Args, ExecCommand, ShowContext, short_interface

_NOT_SET: Final = "<not set>"
#: IOS numbers the IPv6 tables of VRFs behind this one.
_FIRST_TABLE_OF_IPV6: Final = 0x1E000000
#: Interfaces in a line of the details.
_IN_A_LINE: Final = 3


class VrfRow(Value):
    """A VRF with its interfaces.

    number: its place among all VRFs.
    failure: why the host does not have it, "" if nothing is known to be wrong.
    """

    number: int
    settings: VrfSettings
    interfaces: tuple[InterfaceState, ...]
    failure: str

    @property
    def rd(self) -> str:
        """The route distinguisher, as tables have it."""
        return self.settings.rd or _NOT_SET


class VrfRows(Value):
    """The rows of a table. unknown: the VRF that was asked for, which does not exist."""

    vrfs: tuple[VrfRow, ...]
    unknown: str = ""


def query(ctx: ShowContext, args: Args) -> VrfRows:
    """Return one VRF, or all."""
    machine, wanted = ctx.machine(VrfMachine), args.text("vrf", "")
    every = ctx.ports.interfaces.all()
    rows = tuple(
        VrfRow(
            number,
            settings,
            tuple(state for state in every if state.vrf == settings.name),
            "" if (failure := machine.failure(settings.name)) is None else str(failure),
        )
        for number, settings in enumerate(machine.config.vrfs, start=1)
        if wanted in ("", settings.name)
    )
    return VrfRows(rows, unknown=wanted if wanted and not rows else "")


def query_ipv4(ctx: ShowContext, args: Args) -> VrfRows:
    """Return the same, without VRFs that have no IPv4."""
    found = query(ctx, args)
    return VrfRows(tuple(row for row in found.vrfs if row.settings.has_ipv4), found.unknown)


def render(answer: VrfRows) -> Iterator[str]:
    """Yield the lines of `show vrf`."""
    yield "  Name                             Default RD            Protocols   Interfaces"
    for row in answer.vrfs:
        families = (("ipv4", row.settings.has_ipv4), ("ipv6", row.settings.has_ipv6))
        protocols = ",".join(name for name, has_family in families if has_family)
        head = f"  {row.settings.name:<32} {row.rd:<21} {protocols:<11} "
        yield from _with_interfaces(head, row)


def render_ipv4(answer: VrfRows) -> Iterator[str]:
    """Yield the lines of `show ip vrf`."""
    yield "  Name                             Default RD            Interfaces"
    for row in answer.vrfs:
        yield from _with_interfaces(f"  {row.settings.name:<32} {row.rd:<21} ", row)


def render_interfaces(answer: VrfRows) -> Iterator[str]:
    """Yield the lines of `show ip vrf interfaces`."""
    yield "Interface              IP-Address      VRF                              Protocol"
    for name, vrf, address, protocol in _interfaces(answer):
        yield f"{name:<22} {address:<15} {vrf:<32} {protocol:<8}"


def render_by_interface(answer: VrfRows) -> Iterator[str]:
    """Yield the lines of `show vrf interface`: the same in another order of columns."""
    yield "Interface              VRF                              Protocol   Address"
    for name, vrf, address, protocol in _interfaces(answer):
        yield f"{name:<22} {vrf:<32} {protocol:<10} {address}"


def render_detail(answer: VrfRows) -> Iterator[str]:
    """Yield the lines of `show vrf detail`."""
    for row in answer.vrfs:
        settings = row.settings
        yield f"VRF {settings.name} (VRF Id = {row.number}); default RD {row.rd}; default VPNID {_NOT_SET}"
        if settings.description:
            yield f"  Description: {settings.description}"
        if row.failure:
            yield f"  Not on the host: {row.failure}"
        if settings.is_old:
            yield from ("  Old CLI format, supports IPv4 only", "  Flags: 0xC")
        else:
            yield from ("  New CLI format, supports multiple address-families", "  Flags: 0x180C")
        yield from _listed(row.interfaces)
        if settings.has_ipv4:
            yield f"Address family ipv4 unicast (Table ID = 0x{row.number:X}):"
            yield from _family(settings)
        else:
            yield "Address family ipv4 unicast not active"
        if settings.has_ipv6:
            yield f"Address family ipv6 unicast (Table ID = 0x{_FIRST_TABLE_OF_IPV6 + row.number:X}):"
            yield from _family(VrfSettings(name=settings.name))
        else:
            yield "Address family ipv6 unicast not active"
        yield from ("Address family ipv4 multicast not active", "")


def _known(render: Callable[[VrfRows], Iterator[str]]) -> Callable[[VrfRows], Iterator[str]]:
    """Return what renders VRFs, or says that the one which was named does not exist."""
    return lambda answer: iter((f"% No VRF named {answer.unknown}",)) if answer.unknown else render(answer)


def _with_interfaces(head: str, row: VrfRow) -> Iterator[str]:
    names = [short_interface(state.name) for state in row.interfaces]
    yield f"{head}{names[0] if names else ''}"
    yield from (f"{'':{len(head)}}{name}" for name in names[1:])


def _interfaces(answer: VrfRows) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, VRF, address and protocol of all interfaces."""
    for row in answer.vrfs:
        for state in row.interfaces:
            address, protocol = str(state.address or "unassigned"), "up" if state.line else "down"
            yield short_interface(state.name), row.settings.name, address, protocol


def _listed(interfaces: tuple[InterfaceState, ...]) -> Iterator[str]:
    if not interfaces:
        yield "  No interfaces"
        return
    yield "  Interfaces:"
    names = [f"{short_interface(state.name):<24}" for state in interfaces]
    for first in range(0, len(names), _IN_A_LINE):
        yield f"    {' '.join(names[first : first + _IN_A_LINE])}"


def _family(settings: VrfSettings) -> Iterator[str]:
    yield "  Flags: 0x0"
    for direction, targets in (("Export", settings.exports), ("Import", settings.imports)):
        if not targets:
            yield f"  No {direction} VPN route-target communities"
            continue
        yield f"  {direction} VPN route-target communities"
        yield from (f"    RT:{target}" for target in targets)
    imported, exported = settings.import_map, settings.export_map
    yield f"  Import route-map: {imported}" if imported else "  No import route-map"
    yield "  No global export route-map"
    yield f"  Export route-map: {exported}" if exported else "  No export route-map"
    yield "  VRF label distribution protocol: not configured"
    yield "  VRF label allocation mode: per-prefix"


_HELP: Final = {
    "vrf": "Routing tables besides the global one",
    "ip": "IP version 4",
    "brief": "A line each",
    "detail": "All that is known of them",
    "interfaces": "With their addresses",
    "interface": "With their addresses",
    "ipv4": "VRFs with IP version 4",
    "unicast": "As without this word",
}
_ONE: Final = "[ {vrf:word} ]"
_IPV4: Final = "show vrf ipv4 [ unicast ]"
COMMANDS: Final = (
    ExecCommand(f"show vrf {_ONE}", _HELP, query=query, render=_known(render)),
    ExecCommand(f"show vrf brief {_ONE}", _HELP, query=query, render=_known(render)),
    ExecCommand(f"show vrf detail {_ONE}", _HELP, query=query, render=_known(render_detail)),
    ExecCommand(f"show vrf interface {_ONE}", _HELP, query=query, render=_known(render_by_interface)),
    ExecCommand(f"{_IPV4} {_ONE}", _HELP, query=query_ipv4, render=_known(render)),
    ExecCommand(f"{_IPV4} brief {_ONE}", _HELP, query=query_ipv4, render=_known(render)),
    ExecCommand(f"{_IPV4} detail {_ONE}", _HELP, query=query_ipv4, render=_known(render_detail)),
    ExecCommand(f"{_IPV4} interface {_ONE}", _HELP, query=query_ipv4, render=_known(render_by_interface)),
    ExecCommand(f"show ip vrf {_ONE}", _HELP, query=query_ipv4, render=_known(render_ipv4)),
    ExecCommand(f"show ip vrf brief {_ONE}", _HELP, query=query_ipv4, render=_known(render_ipv4)),
    ExecCommand(f"show ip vrf detail {_ONE}", _HELP, query=query_ipv4, render=_known(render_detail)),
    ExecCommand(f"show ip vrf interfaces {_ONE}", _HELP, query=query_ipv4, render=_known(render_interfaces)),
)
