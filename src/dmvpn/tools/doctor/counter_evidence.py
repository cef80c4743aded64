"""Evidence against a finding about a tunnel: packets pass all the same.

A finding about a tunnel and its server rests on the configuration of both ends. A fault that stops a tunnel has
symptoms: no registration, no security association, pings without reply. If the server replies and pings of this visit
passed, the finding stays, because the different lines will matter one day. But it only counts as likely: it names the
observation that decides, comes after findings with symptoms, and hides no later step.

Results that are not known yet are expressed in the same way, by the time of the router's next request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.features.system.messages import Configured
from dmvpn.tools.doctor.underlay_path import tunnel_passes
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Causes that let nothing pass while they last. The server's identity is not among them: another router may forward.
_LETS_NOTHING_PASS: Final = (
    Cause.MISSING_ROUTE,
    Cause.WRONG_NEXT_HOP,
    Cause.GRE_BLOCKED,
    Cause.ESP_BLOCKED,
    Cause.IKE_BLOCKED,
    Cause.NAT_T_BLOCKED,
    Cause.NO_TUNNEL_THERE,
    Cause.UNPROTECTED,
    Cause.PROFILE,
    Cause.PSK_MISSING,
    Cause.PSK,
    Cause.CERTIFICATE,
    Cause.IKE_PROPOSAL,
    Cause.IKE_IDENTITY,
    Cause.TRANSFORM,
    Cause.KEY,
    Cause.NETWORK_ID,
    Cause.AUTHENTICATION,
)
#: Causes that rest on the server's last answer, since passwords cannot be compared, nor the server's lost state seen.
_AS_SAID: Final = (Cause.AUTHENTICATION, Cause.REFUSED, Cause.STALE_UNIQUE)

#: Causes with a question about secrets that are not shown, which counter-evidence precedes.
_HIDDEN: Final = (Cause.AUTHENTICATION, Cause.PSK)


def with_counter_evidence(scene: Scene, client: Client, verdict: Verdict) -> Verdict:
    """Return the verdict on a pair, with its degree of certainty."""
    if not isinstance(verdict, Finding) or verdict.advice or (verdict.decide and verdict.cause not in _HIDDEN):
        return verdict
    if not verdict.named:
        again = _asks_again(client)
        return replace(verdict, decide=again) if again else verdict
    if verdict.cause in _AS_SAID and (again := _changed_since(client)):
        return replace(verdict, decide=again)
    if verdict.cause not in _LETS_NOTHING_PASS or not verdict.stops or not _passes(scene, client):
        return verdict
    passes = f"packets pass between {client.name} and {client.hub} all the same"
    return replace(verdict, decide=f"{passes}: do they after {_next(client, verdict)}?", stops=False)


def _next(client: Client, finding: Finding) -> str:
    """Return the event that brings the two ends into agreement again, with its time, if known."""
    server = client.server
    if finding.step in (Step.IKE, Step.SA):
        return "the next rekeying"
    if finding.step is Step.REGISTRATION and server is not None and server.asks_in is not None:
        return f"the next registration, in {server.asks_in:.0f} s"
    return "the next restart"


def _passes(scene: Scene, client: Client) -> bool:
    """Return whether the client is registered, pings through the tunnel were answered, and no request was refused."""
    server = client.server
    if server is None or not server.responding or not server.secured:
        return False
    if any(one.kind == "incomplete" and one.reason for one in client.tunnel.mappings):
        return False
    return tunnel_passes(scene, client)


def _changed_since(client: Client) -> str:
    """Return the time of the next request, if either end was configured after the server's last answer."""
    server = client.server
    if server is None or server.responding or not server.reason or server.asks_in is None:
        return ""
    for name, facts in ((client.name, client.facts), (client.hub, client.hub_facts)):
        typed = [line.age for line in facts.log if line.is_one(Configured)] if facts is not None else []
        if typed and min(typed) < server.reason_age:
            return f"{name} was configured since then, so {_asks_again(client)}"
    return ""


def _asks_again(client: Client) -> str:
    """Return the time of the next try of an unanswered registration: corrections since then take effect only then."""
    server = client.server
    if server is None or server.responding or server.asks_in is None:
        return ""
    return f"not known before the next registration of {client.name}, in {server.asks_in:.0f} s"
