"""Counter-checks: who says that nothing passes between two ends is wrong where packets do.

A finding about a tunnel and its server rests on what is written at both ends, and what stops a tunnel is felt there: no
registration, no security association, pings that do not come back. Where the server answers and pings of this visit
passed, the finding is kept, since lines that differ will be felt one day, but as likely only: it says what would tell,
goes after what is felt, and hides nothing that comes later on the way.

What cannot be known yet is said in the same way: when the router asks again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.features.system.messages import Configured
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.probes import Kind
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.doctor.wires import answer

if TYPE_CHECKING:
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: What lets nothing pass as long as it is so. Who a server is does not belong here: another router may pass things on.
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
#: What rests on the server's last word, since nobody can compare passwords, or see what it forgot.
_AS_SAID: Final = (Cause.AUTHENTICATION, Cause.REFUSED, Cause.STALE_UNIQUE)


def checked(scene: Scene, client: Client, verdict: Verdict) -> Verdict:
    """Return the verdict on a pair, as certain as it may be."""
    if not isinstance(verdict, Finding) or verdict.advice or verdict.decide:
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
    """Return what makes the two ends agree again, and when, if that is known."""
    server = client.server
    if finding.step in (Step.IKE, Step.SA):
        return "the next rekeying"
    if finding.step is Step.REGISTRATION and server is not None and server.asks_in is not None:
        return f"the next registration, in {server.asks_in:.0f} s"
    return "the next restart"


def _passes(scene: Scene, client: Client) -> bool:
    """Return whether the client is registered, pings through the tunnel came back, and nothing that it asked for was
    refused.
    """
    server = client.server
    if server is None or not server.responding or not server.secured:
        return False
    if any(one.kind == "incomplete" and one.reason for one in client.tunnel.mappings):
        return False
    through = answer(scene, Kind.TUNNEL, client.name, server.address)
    return through is not None and through.passed


def _changed_since(client: Client) -> str:
    """Return when the server is asked again, if somebody configured either end after its last word."""
    server = client.server
    if server is None or server.responding or not server.reason or server.asks_in is None:
        return ""
    for name, facts in ((client.name, client.facts), (client.hub, client.hub_facts)):
        typed = [line.age for line in facts.log if line.is_one(Configured)] if facts is not None else []
        if typed and min(typed) < server.reason_age:
            return f"{name} was configured since then, so {_asks_again(client)}"
    return ""


def _asks_again(client: Client) -> str:
    """Return when a registration that nobody answered is tried next: what was put right since shows then, and not
    before.
    """
    server = client.server
    if server is None or server.responding or server.asks_in is None:
        return ""
    return f"not known before the next registration of {client.name}, in {server.asks_in:.0f} s"
