"""Checks of the SAs that IKE made: ESP of one end reaches the other, and the next rekeying would succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.terms import Odd, odd
from dmvpn.tools.doctor.crypto_parameters import (
    End,
    mode,
    mode_lines,
    pfs,
    pfs_lines,
    transform_lines,
    transforms,
)
from dmvpn.tools.doctor.ipsec import is_secured
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.ipsec.facts import SaFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def unused_sas(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check SAs that never carried anything: IKE passed when they were made, so the wire is not the cause, whatever
    pings show.
    """
    yield from (one for one in sas(scene, client) if isinstance(one, Finding))


def sas(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that ESP from one end reaches the other."""
    if not client.tunnel.protection or client.hub_facts is None or not is_secured(client) or client.nbma is None:
        return
    mine = _sa_with(client.facts, client.tunnel, client.nbma)
    theirs = _sa_with(client.hub_facts, client.there, scene.seen_as(client))
    if mine is None or theirs is None:
        return
    sent, received = client.facts.esp_packets(mine)
    sent_there, received_there = client.hub_facts.esp_packets(theirs)
    evidence = (
        f"{client.name}: {sent} packets sent by ESP, {received} received",
        f"{client.hub}: {sent_there} sent, {received_there} received",
    )
    lost = [
        (one, other)
        for one, other, out, came in (
            (client.name, client.hub, sent, received_there),
            (client.hub, client.name, sent_there, received),
        )
        if out >= 3 and came == 0
    ]
    if not lost:
        yield Fine(Step.SA, f"ESP passes between {client.name} and {client.hub}: {evidence[0]}")
        return
    in_udp = bool(mine.remote_port)
    what = "ESP in UDP port 4500" if in_udp else "ESP (protocol 50)"
    yield Finding(
        step=Step.SA,
        cause=Cause.NAT_T_BLOCKED if in_udp else Cause.ESP_BLOCKED,
        router=client.name,
        what=f"IKE is up, and {what} from {lost[0][0]} does not reach {lost[0][1]}: a filter drops it",
        evidence=evidence,
    )


def _sa_with(facts: RouterFacts, tunnel: TunnelFacts | None, remote: Address | None) -> SaFacts | None:
    """Return the SA that a tunnel sends on."""
    found = [sa for sa in (facts.sas_of(tunnel) if tunnel is not None else facts.sas) if sa.remote == remote]
    return next((sa for sa in found if sa.used), next(iter(found), None))


def agreements(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check settings that work now by accident, or fail at the next rekeying: transform sets, mode and PFS."""
    there, facts = client.there, client.hub_facts
    if not client.tunnel.protection or there is None or facts is None or not there.protection:
        return
    here, far = End(client.facts, client.tunnel), End(facts, there)
    yield from _transforms_kept(scene, client, here, far)
    if mode(here) != mode(far):
        culprit = _culprit(scene, client, mode)
        yield Finding(
            step=Step.SA,
            cause=Cause.MODE,
            router=culprit,
            what=f"the transform set of {client.name} says mode {mode(here)}, that of {client.hub} mode {mode(far)}",
            evidence=_modes_in_use(scene, client),
            fix=mode_lines(here, far) if culprit == client.name else mode_lines(far, here),
            stops=False,
        )
    groups = pfs(here), pfs(far)
    if groups[0] != groups[1]:
        culprit = _culprit(scene, client, pfs)
        yield Finding(
            step=Step.SA,
            cause=Cause.PFS,
            router=culprit,
            what=f"{client.name} has {_named(groups[0])}, {client.hub} has {_named(groups[1])}: {_sooner(here, far)}",
            fix=pfs_lines(here, far) if culprit == client.name else pfs_lines(far, here),
            stops=False,
        )


def _culprit(scene: Scene, client: Client, ask: Callable[[End], object]) -> str:
    """Return the name of the end to change, of two that do not agree on a value."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return client.name
    value = ask(End(hub, there))
    verdict = odd((client, *scene.fellows(client)), lambda one: ask(End(one.facts, one.tunnel)) == value)
    return client.hub if verdict is Odd.SERVER else client.name


def _transforms_kept(scene: Scene, client: Client, here: End, far: End) -> Iterator[Finding]:
    """Check SAs from before a change of a transform set: they continue until they are replaced."""
    mine, theirs = transforms(here), transforms(far)
    if not mine or not theirs or set(mine) & set(theirs):
        return
    culprit = _culprit(scene, client, lambda end: sorted(transforms(end)))
    yield Finding(
        step=Step.SA,
        cause=Cause.TRANSFORM,
        router=culprit,
        what=(
            f"{client.name} offers {' or '.join(mine)}, {client.hub} {' or '.join(theirs)}: the SAs in use are older "
            "than that, and the next ones will not come"
        ),
        evidence=_transforms_in_use(scene, client),
        fix=transform_lines(here, far) if culprit == client.name else transform_lines(far, here),
        stops=False,
    )


def _transforms_in_use(scene: Scene, client: Client) -> tuple[str, ...]:
    sa = _sa_with(client.facts, client.tunnel, client.nbma)
    return (f"the SAs in use have {sa.transform}",) if sa is not None else ()


def _sooner(here: End, far: End) -> str:
    """Return why there are SAs between ends that do not agree on PFS. In IKEv2 it begins with the second SAs."""
    if not here.begins_with_v1 and not far.begins_with_v1:
        return "first SAs do without, the next ones will not"
    asking = next((end for end, other in ((here, far), (far, here)) if not pfs(other)), None)
    if asking is None:
        return "the SAs in use are older than that, and the next ones will not come"
    return f"SAs come only when {asking.facts.hostname} begins"


def _named(group: str) -> str:
    return f"set pfs {group}" if group else "no PFS"


def _modes_in_use(scene: Scene, client: Client) -> tuple[str, ...]:
    sa = _sa_with(client.facts, client.tunnel, client.nbma)
    return (f"the SAs in use are in {'transport' if sa.transport else 'tunnel'} mode",) if sa is not None else ()
