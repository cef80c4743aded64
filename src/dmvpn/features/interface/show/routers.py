"""`show ipv6 routers`: the routers whose advertisements a port with `ipv6 address autoconfig` follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.values import dataclass
from dmvpn.features.interface.machine import InterfaceMachine
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.net.discovery import RouterAdvertisement
from dmvpn.net.ipv6 import INFINITE


@dataclass(frozen=True, slots=True)
class RouterRow:
    """One router of a link. said: its last advertisement. age: how long ago that came, seconds."""

    address: IPAddress
    interface: str
    said: RouterAdvertisement
    age: float


@dataclass(frozen=True, slots=True)
class ShowIpv6Routers:
    """The answer, by interface."""

    routers: tuple[RouterRow, ...]


def query_routers(ctx: ShowContext, args: Args) -> ShowIpv6Routers:
    """Return the routers of one port, or of all."""
    found, wanted = ctx.machine(InterfaceMachine).autoconfiguration, args.interface("interface", None)
    names = [state.name for state in ctx.ports.interfaces.all() if wanted in (None, state.name)]
    return ShowIpv6Routers(
        tuple(
            RouterRow(address, name, router.said, ctx.now - router.heard_at)
            for name in (names if found is not None else ())
            for address, router in (found.routers(name).items() if found is not None else ())
        )
    )


def render_routers(answer: ShowIpv6Routers) -> Iterator[str]:
    """Yield what each router said last. A time of 0 is what nobody said."""
    for row in answer.routers:
        said = row.said
        yield f"Router {spelled(row.address)} on {row.interface}, last update {int(row.age // 60)} min"
        flags = f"AddrFlag={int(said.managed)}, OtherFlag={int(said.other)}, MTU={said.mtu or 0}"
        yield f"  Hops {said.hop_limit}, Lifetime {said.lifetime} sec, {flags}"
        yield f"  HomeAgentFlag=0, Preference={said.preference.name.capitalize()}"
        yield "  Reachable time 0 (unspecified), Retransmit time 0 (unspecified)"
        for one in said.prefixes:
            words = " onlink" * one.on_link + " autoconfig" * one.autonomous
            yield f"  Prefix {spelled(one.prefix)}{words}"
            valid, preferred = (-1 if seconds == INFINITE else seconds for seconds in (one.valid, one.preferred))
            yield f"    Valid lifetime {valid}, preferred lifetime {preferred}"


ROUTERS: Final = ExecCommand(
    "show ipv6 routers [ {interface:interface} ]",
    {
        "ipv6": "Internet Protocol, version 6",
        "routers": "Routers whose advertisements are followed",
        "interface": "Of one interface",
    },
    query=query_routers,
    render=render_routers,
)
