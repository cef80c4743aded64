"""`show crypto map` and `show crypto sockets`: what tunnel protection makes behind the scenes of IOS.

There are no crypto maps here. Tools look for them all the same, so a protected tunnel is told as the map that IOS makes
for it: an entry for the tunnel, and one for each peer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.sessions import SessionStatus, sessions
from dmvpn.base.values import dataclass
from dmvpn.features.ipsec.show.sas import map_name
from dmvpn.features.ipsec.show.settings import ProfileLines, current, lifetime_line, profile_lines, set_block
from dmvpn.ios import Args, ExecCommand, ShowContext, short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress

#: Number of a tunnel's own entry; those of its peers follow.
_FIRST = 65536
#: The users of the sockets: all tunnels, as on IOS.
_CLIENT = '"TUNNEL SEC"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A peer of a protected tunnel. open: packets may pass."""

    local: IPAddress
    remote: IPAddress
    open: bool
    flow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelMap:
    """A protected tunnel."""

    tunnel: str
    name: str
    profile: ProfileLines
    sockets: tuple[Socket, ...]


@dataclass(frozen=True, slots=True)
class ShowMaps:
    """The answer to `show crypto map` and to `show crypto sockets`."""

    maps: tuple[TunnelMap, ...]


def query(ctx: ShowContext, args: Args) -> ShowMaps:
    """Return all protected tunnels, or one."""
    wanted, config = args.interface("interface", None), current(ctx)
    of_tunnel: dict[str, list[Socket]] = {}
    for session in sessions(ctx.ports, ctx.now):
        up = session.status in (SessionStatus.UP_ACTIVE, SessionStatus.UP_NO_IKE)
        socket = Socket(local=session.ikes[0].local, remote=session.peer, open=up, flow=session.flow.text)
        of_tunnel.setdefault(session.tunnel, []).append(socket)
    return ShowMaps(
        tuple(
            TunnelMap(
                tunnel=tunnel.name,
                name=map_name(tunnel.name),
                profile=profile_lines(config, tunnel.protection),
                sockets=tuple(of_tunnel.get(tunnel.name, ())),
            )
            for tunnel in ctx.ports.tunnels.all()
            if tunnel.protection and wanted in (None, tunnel.name)
        )
    )


# -------------------------------------------------------------------------------------------------------- renderers


def render_maps(answer: ShowMaps) -> Iterator[str]:
    """Yield the lines of `show crypto map`."""
    for each in answer.maps:
        yield f'Crypto Map IPv4 "{each.name}" {_FIRST} ipsec-isakmp'
        yield from _profile_lines(each.profile)
        yield ""
        for number, socket in enumerate(each.sockets, _FIRST + 1):
            yield f'Crypto Map IPv4 "{each.name}" {number} ipsec-isakmp'
            yield "\tMap is a PROFILE INSTANCE."
            yield f"\tPeer = {socket.remote}"
            yield "\tAccess-List SS dynamic: False"
            yield "\tExtended IP access list "
            yield f"\t    access-list  {socket.flow.replace(' 47 ', ' gre ')}"
            yield f"\tCurrent peer: {socket.remote}"
            yield from _profile_lines(each.profile)
            yield ""
        yield f"\tInterfaces using crypto map {each.name}:"
        yield f"\t\t{each.tunnel}"
        yield ""


def _profile_lines(profile: ProfileLines) -> Iterator[str]:
    if profile.ikev2_profile:
        yield f"\tIKEv2 Profile: {profile.ikev2_profile}"
    yield f"\tProfile name: {profile.name}"
    yield f"\t{lifetime_line(profile)}"
    yield from ("\tDualstack (Y/N): N", "")
    yield f"\tResponder-Only (Y/N): {'Y' if profile.responder_only else 'N'}"
    yield f"\tPFS (Y/N): {'Y' if profile.pfs_group else 'N'}"
    if profile.pfs_group:
        yield f"\tDH group:  group{profile.pfs_group}"
    yield from set_block(profile, indent="\t")


def render_sockets(answer: ShowMaps) -> Iterator[str]:
    """Yield the lines of `show crypto sockets`."""
    yield f"Number of Crypto Socket connections {sum(len(each.sockets) for each in answer.maps)}"
    yield ""
    for each in answer.maps:
        for socket in each.sockets:
            local, remote = _ident(socket.local), _ident(socket.remote)
            yield f"   {short_interface(each.tunnel)} Peers (local/remote): {socket.local}/{socket.remote} "
            yield f"       Local Ident  (addr/mask/port/prot): ({local})"
            yield f"       Remote Ident (addr/mask/port/prot): ({remote})"
            yield f'       IPSec Profile: "{each.profile.name}"'
            yield f"       Socket State: {'Open' if socket.open else 'Opening'}"
            yield f"       Client: {_CLIENT} (Client State: Active)"
    yield ""
    yield "Crypto Sockets in Listen state:"
    for each in answer.maps:
        yield f'Client: {_CLIENT} Profile: "{each.profile.name}" Map-name: "{each.name}"'


def _ident(address: IPAddress) -> str:
    mask = "255.255.255.255" if address.version == 4 else "128"
    return f"{address}/{mask}/0/47"


_HELP: Final = {
    "map": "What tunnel protection makes",
    "sockets": "Peers of protected tunnels",
    "interface": "Of one tunnel",
}
COMMANDS: Final = (
    ExecCommand("show crypto map [ interface {interface:interface} ]", _HELP, query=query, render=render_maps),
    ExecCommand("show crypto sockets", _HELP, query=query, render=render_sockets),
)
