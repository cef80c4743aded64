"""Suspicions about IKE and the SAs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ipsec.config.profiles import PROFILE
from dmvpn.features.tunnel.config import PROTECTION
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor import ipsec
from dmvpn.tools.doctor.configuration import device, tunnel_end
from dmvpn.tools.doctor.suspicions.observations import here, maybe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.tools.doctor.suspicions.observations import ServerView
    from dmvpn.tools.doctor.verdicts import Hypothesis


def ike(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions from IKE's state with the server."""
    client, tunnel = view.client, view.client.tunnel
    if not tunnel.protection:
        profiles = device(client.facts).ipsec.profiles if not client.works else ()
        if profiles:
            name = profiles[0].name
            why = f"{PROFILE.of(name=name)} is configured, and {tunnel.name} does not use it"
            yield here(Cause.UNPROTECTED, why, (INTERFACE.of(name=tunnel.name), PROTECTION.of(profile=name)))
        return
    if client.server is not None and client.server.secured:
        return
    reasons = [peer.reason for peer in client.facts.unsecured(tunnel) if peer.nbma == client.nbma]
    end = tunnel_end(client.facts, tunnel, 4)
    clues = [(reason, ipsec.clue_at(reason, end)) for reason in reasons]
    for reason, known in clues:
        if known is not None:
            yield maybe(known.cause, f"IKE says: {reason}", "the same lines at the server")
    for reason, known in clues:
        if known is None or not known.own:
            yield from _vague(reason, view.peer)
    if not reasons:
        yield maybe(Cause.IKE_BLOCKED, f"there is no IKE SA with {view.peer}", "the log of the server")


def _vague(reason: ReasonFacts, peer: str) -> Iterator[Hypothesis]:
    """Yield hypotheses for a reason with several possible causes."""
    why, log = f"IKE says: {reason}", f"the log of {peer}"
    if reason.find(IkeReason.SILENT_PROOF, IkeReason.UNREADABLE_REFUSAL):
        yield maybe(Cause.PSK, why, log)
        yield maybe(Cause.IKE_IDENTITY, why, log)
    if ipsec.no_proof_at_4500(reason):
        yield maybe(
            Cause.NAT_T_BLOCKED, f"{why}, after IKE began well on port 500", "do UDP packets to port 4500 pass?"
        )
    elif reason.find(IkeReason.SILENT_PROOF, IkeReason.UNREADABLE_REFUSAL):
        return
    elif ipsec.is_silent(reason):
        yield maybe(Cause.UNPROTECTED, why, f"does the tunnel of {peer} have 'tunnel protection'?")
        yield maybe(Cause.IKE_BLOCKED, why, f"does UDP port 500 reach {peer}?")
        if ipsec.is_silent(reason, main_mode_message(1)):
            yield maybe(Cause.PSK_MISSING, why, f"does {peer} have a key for this router?")
        yield maybe(Cause.TUNNEL_SHUTDOWN, why, f"is the tunnel of {peer} up?")
    elif reason.find(IkeReason.PROOF_REFUSED):
        yield maybe(Cause.PSK, why, log)
        yield maybe(Cause.IKE_IDENTITY, why, log)
        yield maybe(Cause.PSK_MISSING, why, log)
        yield maybe(Cause.CERTIFICATE, why, log)
    elif reason.find(IkeReason.NO_CHILD, IkeReason.NO_CHILD_FOR):
        yield maybe(Cause.TRANSFORM, why, f"{log}; the transform sets of both")
        yield maybe(Cause.PFS, why, log)
        yield maybe(Cause.MODE, why, log)
    else:
        yield maybe(Cause.IKE_PROPOSAL, why, f"{log}; the proposals of both")


def sas(view: ServerView) -> Iterator[Hypothesis]:
    """Check whether anything comes back by ESP."""
    client = view.client
    found = next((sa for sa in client.facts.sas_of(client.tunnel) if sa.remote == client.nbma and sa.used), None)
    sent, received = client.facts.esp_packets(found) if found is not None else (0, 0)
    if found is None or received or sent < 3 or not client.tunnel.protection:
        return
    why = f"IKE is up; {sent} packets went out by ESP, and none came in"
    cause = Cause.NAT_T_BLOCKED if found.remote_port else Cause.ESP_BLOCKED
    silent = "its tunnel may answer nothing"
    yield maybe(cause, why, "'show crypto ipsec sa' at the server: do its counters rise?")
    yield maybe(Cause.KEY, f"{why}: {silent}", "the tunnel key of the server")
    yield maybe(Cause.NETWORK_ID, f"{why}: {silent}", "'ip nhrp network-id' at the server")
    yield maybe(Cause.HUB_POINT_TO_POINT, f"{why}: {silent}", "'tunnel mode' of the server")
