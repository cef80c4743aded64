"""`show nhrp group-map`: the clients of each NHRP group, and the policy that a configuration gives them.

There are no service policies here: what a line says is shown with who it would be for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group on one tunnel. policy: "" if no line maps it. clients: tunnel and NBMA addresses."""

    tunnel: str
    group: str
    policy: str
    clients: tuple[tuple[IPAddress, IPAddress], ...]


@dataclass(frozen=True, slots=True)
class ShowGroups:
    """The answer to `show nhrp group-map`."""

    groups: tuple[GroupLine, ...]


def groups(ctx: ShowContext, args: Args) -> ShowGroups:
    """Groups that are mapped, or that a client said it belongs to."""
    wanted = args.text("group", "")
    lines: list[GroupLine] = []
    for tunnel in ctx.machine(NhrpMachine).tunnels:
        members: dict[str, list[tuple[IPAddress, IPAddress]]] = {group: [] for group, _ in tunnel.config.groups}
        for entry in tunnel.cache.entries():
            if entry.group and entry.nbma is not None:
                members.setdefault(entry.group, []).append((entry.next_hop, entry.nbma))
        policies = dict(tunnel.config.groups)
        lines += [
            GroupLine(tunnel.name, group, policies.get(group, ""), tuple(clients))
            for group, clients in members.items()
            if wanted in ("", group)
        ]
    return ShowGroups(tuple(lines))


def render_groups(answer: ShowGroups) -> Iterator[str]:
    """The lines of `show nhrp group-map`."""
    tunnel = ""
    for line in answer.groups:
        if line.tunnel != tunnel:
            tunnel = line.tunnel
            yield f"Interface: {tunnel}"
        yield f" NHRP group: {line.group}"
        yield f"  QoS policy: {line.policy or 'none'}{' (not applied: no service policies here)' * bool(line.policy)}"
        yield "  Clients of the group:" + (" none" if not line.clients else "")
        if line.clients:
            yield "  Tunnel destination overlay/transport address"
        for overlay, transport in line.clients:
            yield f"  {overlay}/{transport}"
        yield ""


_HELP: Final = {"nhrp": "Next Hop Resolution Protocol", "group-map": "Groups and their clients", "group": "One group"}
COMMANDS: Final = tuple(
    ExecCommand(f"{words} group-map [ {{group:word}} ]", _HELP, query=groups, render=render_groups)
    for words in ("show nhrp", "show ip nhrp")
)
