"""The commands of IKE; here `show crypto ikev2 stats`.

sas          show crypto ikev2 sa, session         settings     show crypto ikev2 proposal, policy, profile
isakmp       show crypto isakmp ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.protection import IkePhase, IkeStats, IkeVersion
from dmvpn.base.values import Value
from dmvpn.features.ike.config import model
from dmvpn.features.ike.counters import ClearIkeStats
from dmvpn.features.ike.model import IkeConfig
from dmvpn.features.ike.show import isakmp, sas, settings
from dmvpn.ios import Args, ExecCommand, ShowContext

_RULE = "-" * 80


class ShowStats(Value, kw_only=True):
    """The answer. maximum, maximum_half_open: as configured, 0: no limit."""

    maximum: int
    maximum_half_open: int
    incoming_active: int
    incoming_negotiating: int
    outgoing_active: int
    outgoing_negotiating: int
    counted: IkeStats


def query(ctx: ShowContext, args: Args) -> ShowStats:
    """Return the current SAs and the counters."""
    views, config = ctx.ports.ike.sas(), model(ctx.running) or IkeConfig()
    count = {(initiator, phase): 0 for initiator in (True, False) for phase in IkePhase}
    for view in views:
        if view.version == IkeVersion.V2:
            count[view.initiator, view.phase] += 1
    return ShowStats(
        maximum=config.maximum_sas,
        maximum_half_open=config.maximum_half_open,
        incoming_active=count[False, IkePhase.READY],
        incoming_negotiating=count[False, IkePhase.INIT],
        outgoing_active=count[True, IkePhase.READY],
        outgoing_negotiating=count[True, IkePhase.INIT],
        counted=ctx.ports.ike.stats(),
    )


def clear(_: ShowContext, args: Args) -> ClearIkeStats:
    """Clear the counters (`clear crypto ikev2 stats`)."""
    return ClearIkeStats()


def render(answer: ShowStats) -> Iterator[str]:
    """Yield the table of IOS."""
    counted = answer.counted
    yield _RULE
    yield f"{'':26}Crypto IKEv2 SA Statistics"
    yield _RULE
    yield (
        f"System Resource Limit:   0        Max IKEv2 SAs: {answer.maximum:<8} "
        f"Max in nego(in/out): {answer.maximum_half_open}/{answer.maximum_half_open}"
    )
    for way, active, negotiating in (
        ("incoming", answer.incoming_active, answer.incoming_negotiating),
        ("outgoing", answer.outgoing_active, answer.outgoing_negotiating),
    ):
        yield (
            f"Total {way} IKEv2 SA Count:    {active + negotiating:<8} active:        {active:<8} "
            f"negotiating: {negotiating}"
        )
    for title, requests, accepted, rejected in (
        ("Incoming", counted.incoming, counted.incoming_accepted, counted.incoming_rejected),
        ("Outgoing", counted.outgoing, counted.outgoing_accepted, counted.outgoing_rejected),
    ):
        yield f"{title} IKEv2 Requests: {requests:<8} accepted:      {accepted:<8} rejected:    {rejected:<8}"
    refused = counted.incoming_rejected + counted.outgoing_rejected
    yield f"Rejected IKEv2 Requests: {refused:<8} rsrc low:      0        SA limit:    {counted.refused_by_limit:<8}"
    yield f"IKEv2 packets dropped at dispatch: {counted.dropped}"
    yield "Incoming Requests dropped as LOW Q limit reached : 0"
    yield f"Incoming IKEV2 Cookie Challenged Requests: {counted.challenged}"
    without = max(0, counted.challenged - counted.cookies_accepted - counted.cookies_rejected)
    yield (
        f"    accepted: {counted.cookies_accepted:<8} rejected: {counted.cookies_rejected:<8} "
        f"rejected no cookie: {without}"
    )
    yield "Total Deleted sessions of Cert Revoked Peers: 0"
    yield ""


_HELP: Final = {"ikev2": "IKE version 2", "stats": "What was counted"}
COMMANDS: Final = (
    *sas.COMMANDS,
    ExecCommand("show crypto ikev2 stats", _HELP, query=query, render=render),
    ExecCommand("clear crypto ikev2 stats", _HELP, action=clear, privilege=15),
    *settings.COMMANDS,
    *isakmp.COMMANDS,
)
