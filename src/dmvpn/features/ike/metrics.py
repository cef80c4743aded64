"""IKE in numbers: its SAs, its negotiations and what they failed of, and what `show crypto ikev2 stats` counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.metrics import MetricRow
from dmvpn.base.protection import IkePhase, IkeVersion
from dmvpn.base.values import collected
from dmvpn.features.ike.machine import IkeMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured

_ROLES: Final = {True: "initiator", False: "responder"}


@measured("ike_sas", "version", "role", "state")("""
    gauge dmvpn_ike_sas :: IKE SAs; state: ready, negotiating, or deleted (it is about to go).
    """)
def _sas(ctx: ShowContext) -> Iterator[MetricRow]:
    table = ctx.machine(IkeMachine).peers.table
    found = Counter((sa.version, sa.is_initiator, _state(sa.phase)) for sa in breathing(tuple(table)))
    for version in IkeVersion:
        for is_initiator, role in _ROLES.items():
            for state in ("ready", "negotiating", "deleted"):
                yield (str(int(version)), role, state, found[version, is_initiator, state])


def _state(phase: IkePhase) -> str:
    if phase.is_ready:
        return "ready"
    return "deleted" if phase is IkePhase.DELETED else "negotiating"


@measured("ike_negotiations", "version", "role")("""
    counter dmvpn_ike_established_total :: IKE SAs in which both ends proved who they are.
    counter dmvpn_ike_failed_total :: IKE SAs that went before the peer had proved who it is.
    counter dmvpn_ike_ended_total :: IKE SAs that went after the peer had proved who it is.
    counter dmvpn_ike_rekeys_total :: IKE SAs that took the place of an older one, with all its child SAs.
    counter dmvpn_ike_child_sas_total :: Child SAs that were negotiated, replacements not counted.
    counter dmvpn_ike_child_rekeys_total :: Child SAs that replaced an older one.
    """)
def _negotiations(ctx: ShowContext) -> Iterator[MetricRow]:
    tally = ctx.machine(IkeMachine).peers.reports.tally
    kinds = (tally.established, tally.failed, tally.ended, tally.rekeys, tally.children, tally.child_rekeys)
    for version in IkeVersion:
        for is_initiator, role in _ROLES.items():
            yield (str(int(version)), role, *(counted[version, is_initiator] for counted in kinds))


@measured("ike_failures", "version", "reason")("""
    counter dmvpn_ike_failures_total :: What negotiations failed of, by the reason that the log has.
    """)
def _failures(ctx: ShowContext) -> Iterator[MetricRow]:
    for (version, reason), count in tuple(ctx.machine(IkeMachine).peers.reports.tally.failures.items()):
        yield (str(int(version)), reason, count)


@measured("ike_requests", "direction")("""
    counter dmvpn_ikev2_requests_total :: IKE_SA_INIT requests, repetitions not counted.
    counter dmvpn_ikev2_accepted_requests_total :: IKE_SA_INIT requests of which an IKE SA came.
    counter dmvpn_ikev2_rejected_requests_total :: IKE_SA_INIT requests that came to nothing.
    """)
def _requests(ctx: ShowContext) -> Iterator[MetricRow]:
    stats = ctx.ports.ike.stats()
    yield ("incoming", stats.incoming, stats.incoming_accepted, stats.incoming_rejected)
    yield ("outgoing", stats.outgoing, stats.outgoing_accepted, stats.outgoing_rejected)


@measured("ike_guard")("""
    counter dmvpn_ikev2_limited_requests_total :: Requests that crypto ikev2 limit refused.
    counter dmvpn_ikev2_dropped_datagrams_total :: Datagrams that belong to no SA, and were no request.
    counter dmvpn_ikev2_cookie_challenges_total :: Requests that were answered with a cookie.
    counter dmvpn_ikev2_accepted_cookies_total :: Requests that came back with a valid cookie.
    counter dmvpn_ikev2_rejected_cookies_total :: Requests that came back with a wrong cookie.
    """)
def _guard(ctx: ShowContext) -> Iterator[MetricRow]:
    stats = ctx.ports.ike.stats()
    yield (stats.refused_by_limit, stats.dropped, stats.challenged, stats.cookies_accepted, stats.cookies_rejected)


METRICS: Final = collected(Measured, vars())
