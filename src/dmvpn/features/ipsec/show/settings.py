"""`show crypto ipsec profile` and `transform-set`: the configuration with everything that it leaves unsaid.

`show crypto map` and `show crypto sockets`: there are no crypto maps here. Tools look for them all the same, so a
protected tunnel is shown as the map that IOS makes for it: an entry for the tunnel, and one for each peer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.sessions import SessionStatus, sessions
from dmvpn.base.values import Value
from dmvpn.features.ipsec.config import model
from dmvpn.features.ipsec.model import IpsecConfig, IpsecProfile, TransformSet
from dmvpn.features.ipsec.policies import DEFAULT_PROFILE, DEFAULT_TRANSFORM_SET, find_profile
from dmvpn.features.ipsec.show.sas import map_name, set_words
from dmvpn.ios import Args, ExecCommand, ShowContext, short_interface


class SetLine(Value, kw_only=True):
    """A transform set.

    algorithms: "esp-256-aes esp-sha256-hmac".
    require: tunnel mode is refused.
    """

    name: str
    algorithms: str
    transport: bool
    require: bool


class ProfileLines(Value, kw_only=True):
    """An IPsec profile as it works.

    kilobytes: 0: no limit.
    pfs_group: 0: none.
    """

    name: str
    ikev2_profile: str
    isakmp_profile: str
    kilobytes: int
    seconds: int
    responder_only: bool
    pfs_group: int
    sets: tuple[SetLine, ...]


class ShowSets(Value):
    """The answer to `show crypto ipsec transform-set`."""

    sets: tuple[SetLine, ...]


class ShowProfiles(Value):
    """The answer to `show crypto ipsec profile`."""

    profiles: tuple[ProfileLines, ...]


def sets(ctx: ShowContext, args: Args) -> ShowSets:
    """Return all transform sets, or one; the smart default first, as IOS has it."""
    config, wanted = current(ctx), args.text("name", "")
    known = [DEFAULT_TRANSFORM_SET, *config.transform_sets]
    own = [each for each in known[1:] if each.name == DEFAULT_TRANSFORM_SET.name]
    return ShowSets(tuple(_set(each) for each in (known[1:] if own else known) if wanted in ("", each.name)))


def profiles(ctx: ShowContext, args: Args) -> ShowProfiles:
    """Return all IPsec profiles, or one; the smart default where a tunnel names it."""
    config, wanted = current(ctx), args.text("name", "")
    names = [profile.name for profile in config.profiles]
    default = DEFAULT_PROFILE.name
    in_use = default in (wanted, *(tunnel.protection for tunnel in ctx.ports.tunnels.all()))
    if default not in names and in_use:
        names.insert(0, default)
    return ShowProfiles(tuple(profile_lines(config, name) for name in names if wanted in ("", name)))


def profile_lines(config: IpsecConfig, name: str) -> ProfileLines:
    """Return a profile with what the global lines and the smart defaults add to it."""
    profile = find_profile(config, name) or IpsecProfile(name=name)
    known = {each.name: each for each in (DEFAULT_TRANSFORM_SET, *config.transform_sets)}
    names = profile.transform_sets or (DEFAULT_TRANSFORM_SET.name,)
    return ProfileLines(
        name=name,
        ikev2_profile=profile.ikev2_profile,
        isakmp_profile=profile.isakmp_profile,
        kilobytes=_first(profile.lifetime.kilobytes, config.lifetime.kilobytes),
        seconds=_first(profile.lifetime.seconds, config.lifetime.seconds),
        responder_only=profile.responder_only,
        pfs_group=profile.pfs_group,
        sets=tuple(_set(known[name]) for name in names if name in known),
    )


def current(ctx: ShowContext) -> IpsecConfig:
    """Return the running configuration of IPsec; the defaults where nothing is configured."""
    return model(ctx.running) or IpsecConfig()


def _first(*said: int | None) -> int:
    return next((value for value in said if value is not None), 0)


def _set(transforms: TransformSet) -> SetLine:
    return SetLine(
        name=transforms.name,
        algorithms=set_words(transforms),
        transport=transforms.transport,
        require=transforms.require_transport,
    )


# -------------------------------------------------------------------------------------------------------- renderers


def render_sets(answer: ShowSets) -> Iterator[str]:
    """Yield the lines of `show crypto ipsec transform-set`."""
    for each in answer.sets:
        mode = "Transport" if each.transport else "Tunnel"
        yield f"Transform set {each.name}: {{ {each.algorithms}  }} "
        yield f"   will negotiate = {{ {mode}, {'(require) ' if each.require else ''} }}, "
        yield "   "


_INDENT: Final = " " * 8


def render_profiles(answer: ShowProfiles) -> Iterator[str]:
    """Yield the lines of `show crypto ipsec profile`."""
    for profile in answer.profiles:
        yield f"IPSEC profile {profile.name}"
        if profile.ikev2_profile:
            yield f"{_INDENT}IKEv2 Profile: {profile.ikev2_profile}"
        if profile.isakmp_profile:
            yield f"{_INDENT}ISAKMP Profile: {profile.isakmp_profile}"
        yield f"{_INDENT}{lifetime_line(profile)}"
        yield f"{_INDENT}Responder-Only (Y/N): {'Y' if profile.responder_only else 'N'}"
        yield f"{_INDENT}PFS (Y/N): {'Y' if profile.pfs_group else 'N'}"
        if profile.pfs_group:
            yield f"{_INDENT}DH group:  group{profile.pfs_group}"
        yield from set_block(profile, indent=_INDENT)
        yield ""


def lifetime_line(profile: ProfileLines) -> str:
    """Return when SAs are replaced."""
    return f"Security association lifetime: {profile.kilobytes or 'unlimited'} kilobytes/{profile.seconds} seconds"


def set_block(profile: ProfileLines, *, indent: str) -> Iterator[str]:
    """Yield the transform sets of a profile."""
    inner = indent * 2
    yield f"{indent}Mixed-mode : Disabled"
    yield f"{indent}Transform sets={{ "
    yield from (f"{inner}{each.name}:  {{ {each.algorithms}  }} , " for each in profile.sets)
    yield f"{indent}}}"


_HELP: Final = {
    "profile": "How tunnels are protected",
    "transform-set": "Algorithms of ESP",
    "name": "One of them",
    "default": "What holds where nothing is configured",
}


#: Number of a tunnel's own entry; those of its peers follow.
_FIRST = 65536
#: The users of the sockets: all tunnels, as on IOS.
_CLIENT = '"TUNNEL SEC"'


class Socket(Value, kw_only=True):
    """A peer of a protected tunnel. open: packets may pass."""

    local: IPAddress
    remote: IPAddress
    open: bool
    flow: str


class TunnelMap(Value, kw_only=True):
    """A protected tunnel."""

    tunnel: str
    name: str
    profile: ProfileLines
    sockets: tuple[Socket, ...]


class ShowMaps(Value):
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


_MAP_HELP: Final = {
    "map": "What tunnel protection makes",
    "sockets": "Peers of protected tunnels",
    "interface": "Of one tunnel",
}


COMMANDS: Final = (
    ExecCommand("show crypto ipsec profile [ {name:word} ]", _HELP, query=profiles, render=render_profiles),
    ExecCommand("show crypto ipsec transform-set [ {name:word} ]", _HELP, query=sets, render=render_sets),
    ExecCommand("show crypto map [ interface {interface:interface} ]", _MAP_HELP, query=query, render=render_maps),
    ExecCommand("show crypto sockets", _MAP_HELP, query=query, render=render_sockets),
)
