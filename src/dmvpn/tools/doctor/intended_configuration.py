"""Findings that may be intended: a site that is shut down or switched off, a filter of routes, a tunnel with a smaller
MTU, a spoke with fewer servers.

The same lines are a mistake in one network and a plan in another, and no packet shows the difference. As long as no
other site loses connectivity, such a finding only counts as likely: it asks whether the state is intended, and the
network does not count as broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.impact import MOST_TRACES, dependent_routers, has_server
from dmvpn.tools.doctor.verdicts import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.tools.doctor.impact import Rows
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Only people type `shutdown`.
_SHUT: Final = (Cause.TUNNEL_SHUTDOWN, Cause.INTERFACE_SHUTDOWN)
#: They cut something off.
_CUTS_OFF: Final = (Cause.ROUTE_FILTERED, Cause.ROUTER_DEAD)
#: Packets arrive, but are smaller or take a longer path than those of other sites.
_LESS: Final = {
    Cause.MTU: "is {} meant to take smaller packets?",
    Cause.SPOKE_POINT_TO_POINT: "is {} meant to send everything by its hub?",
    Cause.NHS_MISSING: "is {} meant to have fewer servers than others?",
}


def with_questions(rows: Rows, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield the same verdicts; findings that may be intended ask about it."""
    for one in verdicts:
        question = _question(rows, one) if isinstance(one, Finding) and not one.advice else ""
        if isinstance(one, Finding) and question:
            one = replace(one, decide=question, mild=True, apart=one.apart or one.cause in _CUTS_OFF)
        yield one


def _question(rows: Rows, finding: Finding) -> str:
    """Return the question that separates a plan from a mistake; "": it is a mistake."""
    if finding.cause in _SHUT:
        name = _who_is_shut(rows.scene, finding)
        return f"is {name} shut down on purpose?" if name and _is_spared(rows, name) else ""
    if finding.cause is Cause.ROUTER_DEAD:
        return f"is {finding.router} switched off on purpose?" if _is_a_branch(rows, finding.router) else ""
    if finding.cause is Cause.ROUTE_FILTERED:
        return "is that route to be kept away?" if finding.fix and not finding.decide else ""
    question = _LESS.get(finding.cause, "")
    names = [name for name in dependent_routers(rows.scene.clients(), finding.router) if name in rows.sites]
    if not question or finding.stops or not names or rows.cost(len(names)) > MOST_TRACES:
        return ""
    serves = finding.cause is not Cause.NHS_MISSING or has_server(rows.scene.clients(), finding.router)
    return question.format(finding.router) if serves and _all_arrive(rows, names) else ""


def _is_a_branch(rows: Rows, name: str) -> bool:
    """Return whether a router that is off leaves the other sites what they need: all their servers run, and all of them
    reach each other.
    """
    clients = rows.scene.clients()
    sites = list(rows.sites)
    is_of_all = name in rows.scene.lab.providers or any(not one.hub for one in clients)
    return not is_of_all and rows.cost(len(sites)) <= MOST_TRACES and _all_arrive(rows, sites)


def _who_is_shut(scene: Scene, finding: Finding) -> str:
    """Return the site that is cut off: behind a provider's port that is shut, the site at the other end, if also shut.

    "": a provider has shut a port towards a site that is not shut.
    """
    if finding.router not in scene.lab.providers:
        return finding.router
    port = next((line.split()[1] for line in finding.fix if line.startswith("interface ")), "")
    link = scene.link((finding.router, port))
    ends = [end for end in (link.ends if link is not None else ()) if end[0] != finding.router]
    return next((node for node, _ in ends if _is_shut(scene, node)), "")


def _is_shut(scene: Scene, name: str) -> bool:
    facts = scene.of(name)
    return any(not tunnel.enabled for tunnel in (facts.tunnels if facts is not None else ())) or any(
        not port.enabled for port in scene.underlay_wires(name)
    )


def _is_spared(rows: Rows, name: str) -> bool:
    """Return whether all other sites reach each other without this router: they do not need it, or have another
    server.
    """
    clients = rows.scene.clients()
    mine = [one for one in dependent_routers(clients, name)[1:] if one in rows.sites]
    if not mine:
        return not any(one.hub == name for one in clients)
    others = [one for one in mine if one != name]
    if rows.cost(len(others)) > MOST_TRACES or not all(has_server(clients, one) for one in others):
        return False
    return _all_arrive(rows, others)


def _all_arrive(rows: Rows, names: Sequence[str]) -> bool:
    """Return whether packets between these sites and all other sites arrive, except sites that are shut down."""
    there = [name for name in rows.sites if not _is_shut(rows.scene, name)]
    return all(
        rows.row(here, other, lasting=True).arrives
        for here in names
        for other in there
        if here != other and here in there
    )
