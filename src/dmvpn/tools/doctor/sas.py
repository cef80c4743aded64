"""Checks of the SAs that IKE made: ESP of one end reaches the other, and the next rekeying would succeed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.network.terms.ipsec import IPSEC
from dmvpn.tools.doctor.ipsec import is_secured
from dmvpn.tools.doctor.terms import differences
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    kind, cause = "ESP (protocol 50)", Cause.ESP_BLOCKED
    if mine.remote_port:
        kind, cause = "ESP in UDP port 4500", Cause.NAT_T_BLOCKED
    what = f"IKE is up, and {kind} from {lost[0][0]} does not reach {lost[0][1]}: a filter drops it"
    yield Finding(Step.SA, cause, client.name, what, evidence)


def _sa_with(facts: RouterFacts, tunnel: TunnelFacts | None, remote: Address | None) -> SaFacts | None:
    """Return the SA that a tunnel sends on."""
    found = [sa for sa in (facts.sas_of(tunnel) if tunnel is not None else facts.sas) if sa.remote == remote]
    return next((sa for sa in found if sa.used), next(iter(found), None))


def agreements(scene: Scene, client: Client) -> Iterator[Finding]:
    """Check settings that work now by accident, or fail at the next rekeying: transform sets, mode and PFS."""
    sa = _sa_with(client.facts, client.tunnel, client.nbma)
    mode = "transport" if sa is not None and sa.transport else "tunnel"
    evidence = (f"the SAs in use have {sa.transform} in {mode} mode",) if sa is not None else ()
    for one in differences(scene, client, IPSEC, Step.SA, evidence=evidence):
        yield replace(one, stops=False)
