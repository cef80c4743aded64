"""Checks of phase 3: redirect at the hub, resolution, and shortcut at the spokes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def redirects(scene: Scene, client: Client) -> Iterator[Verdict]:
    """A hub whose spokes take shortcuts sends redirects."""
    there = client.there
    if there is None or not client.tunnel.shortcuts or not client.tunnel.multipoint or not scene.fellows(client):
        return
    if there.redirects:
        yield Fine(Step.REDIRECT, f"{client.hub} sends redirects")
        return
    yield Finding(
        step=Step.REDIRECT,
        cause=Cause.REDIRECT,
        router=client.hub,
        what=f"{client.hub} sends no redirects: {client.name} would take shortcuts, and never hears of one",
        evidence=(f"{client.name}: ip nhrp shortcut", f"{client.hub}: no ip nhrp redirect"),
        fix=(f"interface {there.name}", "ip nhrp redirect"),
    )


def takers(scene: Scene, client: Client) -> Iterator[Verdict]:
    """A spoke of a hub that redirects takes shortcuts, if any spoke of it does."""
    there, tunnel = client.there, client.tunnel
    if there is None or not there.redirects:
        return
    others = [one for one in scene.fellows(client) if one.tunnel.shortcuts and one.tunnel.multipoint]
    if not others:
        return
    if tunnel.destination is not None and not tunnel.shortcuts:
        yield Fine(Step.SHORTCUT, f"{client.name} is point-to-point: all goes by {client.hub}")
    elif tunnel.destination is not None:
        yield Finding(
            step=Step.SHORTCUT,
            cause=Cause.SPOKE_POINT_TO_POINT,
            router=client.name,
            what=f"{tunnel.name} of {client.name} is to take shortcuts, and leads to {client.hub} alone",
            evidence=(f"{client.name}: tunnel destination {tunnel.destination}", *_unresolved(others)),
            fix=(f"interface {tunnel.name}", "no tunnel destination", "tunnel mode gre multipoint"),
        )
    elif not tunnel.shortcuts:
        yield Finding(
            step=Step.SHORTCUT,
            cause=Cause.SHORTCUT,
            router=client.name,
            what=f"{client.name} takes no shortcuts; {client.hub} sends redirects, and {others[0].name} takes them",
            evidence=(f"{client.name}: no ip nhrp shortcut", f"{client.hub}: ip nhrp redirect"),
            fix=(f"interface {tunnel.name}", "ip nhrp shortcut"),
        )
    else:
        yield Fine(Step.SHORTCUT, f"{client.name} takes shortcuts")


def _unresolved(clients: list[Client]) -> tuple[str, ...]:
    return tuple(
        f"{client.name}: {mapping.target} is not resolved: {mapping.reason}"
        for client in clients
        for mapping in client.tunnel.mappings
        if mapping.kind == "incomplete" and mapping.reason
    )[:2]


def clamped(scene: Scene, client: Client) -> Iterator[Verdict]:
    """TCP is told what a tunnel carries: where others of the network do so, one that does not was forgotten."""
    there = client.there
    if there is None:
        return
    tunnels = {(name, tunnel.name): tunnel for name, facts in scene.alive() for tunnel in facts.tunnels if tunnel.nhrp}
    usual = sorted({tunnel.mss for tunnel in tunnels.values() if tunnel.mss is not None})
    for name, tunnel in ((client.name, client.tunnel), (client.hub, there)):
        right = min(usual[-1] if usual else tunnel.ip_mtu, tunnel.ip_mtu - 40)
        if tunnel.mss is None:
            yield Finding(
                step=Step.GRE,
                cause=Cause.MSS,
                router=name,
                what=f"{tunnel.name} of {name} does not clamp TCP: full segments of hosts (1500 octets) do not fit",
                evidence=(f"{name}: ip mtu {tunnel.ip_mtu}, no ip tcp adjust-mss",),
                fix=(f"interface {tunnel.name}", f"ip tcp adjust-mss {right}"),
                advice=not usual,
                stops=False,
            )
        elif tunnel.mss + 40 > tunnel.ip_mtu:
            yield Finding(
                step=Step.GRE,
                cause=Cause.MSS,
                router=name,
                what=f"{tunnel.name} of {name} clamps TCP to {tunnel.mss}, with an ip mtu of {tunnel.ip_mtu}",
                evidence=(f"{name}: ip mtu {tunnel.ip_mtu}, ip tcp adjust-mss {tunnel.mss}",),
                fix=(f"interface {tunnel.name}", f"ip tcp adjust-mss {tunnel.ip_mtu - 40}"),
                stops=False,
            )
