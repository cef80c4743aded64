"""Wrong clocks. Certificates, and keys of routing protocols with lifetimes, are valid by the clock alone.

The clocks of all routers in view are compared, and the majority counts as right. No router knows the time itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.moments import MONTHS
from dmvpn.ios.routing import key_chains
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Seconds by which clocks may differ; and routers that make a majority.
_FAR: Final = 300.0
_ENOUGH: Final = 3
#: Findings about keys that may have a lifetime.
_BY_KEYS: Final = (Cause.EIGRP_AUTHENTICATION, Cause.OSPF_AUTHENTICATION, Cause.RIP_AUTHENTICATION)


def clock_offsets(scene: Scene) -> dict[str, float]:
    """Return, for each router with a wrong clock, the seconds by which it is ahead."""
    walls = {name: facts.wall for name, facts in scene.alive() if facts.wall is not None}
    if len(walls) < _ENOUGH:
        return {}
    usual = median(walls.values())
    return {name: wall - usual for name, wall in walls.items() if abs(wall - usual) > _FAR}


def with_clock_cause(scene: Scene, client: Client, verdict: Verdict) -> Verdict:
    """Return a finding about authentication as one about the clock of an end, if that is wrong and explains it."""
    if not isinstance(verdict, Finding) or verdict.cause not in (*_BY_KEYS, Cause.CERTIFICATE):
        return verdict
    offsets = clock_offsets(scene)
    name = next((one for one in (client.name, client.hub) if one in offsets), None)
    timed = any(map(_has_lifetimes, (client.facts, client.hub_facts)))
    if name is None or (verdict.cause in _BY_KEYS and not timed):
        return verdict
    proofs = "certificates are" if verdict.cause is Cause.CERTIFICATE else "keys are"
    found = _finding(scene, name, offsets[name], f": {proofs} valid for a time, and it is another one there")
    return replace(found, step=verdict.step, evidence=(*verdict.evidence, *found.evidence), stops=verdict.stops)


def _has_lifetimes(facts: RouterFacts | None) -> bool:
    chains = key_chains(device(facts).tree) if facts is not None else ()
    return any(key.accept is not None or key.send is not None for chain in chains for key in chain.keys)


def wrong_clocks(scene: Scene) -> Iterator[Finding]:
    """Yield wrong clocks without effect so far."""
    for name, ahead in clock_offsets(scene).items():
        found = _finding(
            scene, name, ahead, ". No user notices it now: its log is hard to compare with the logs of other routers"
        )
        yield replace(found, advice=True)


def _finding(scene: Scene, name: str, ahead: float, what: str) -> Finding:
    facts = scene.of(name)
    wall = facts.wall if facts is not None and facts.wall is not None else 0.0
    right = _moment(wall - ahead)
    span = timedelta(seconds=round(abs(ahead)))
    what = f"the clock of {name} is {span} {'ahead' if ahead > 0 else 'behind'}, by those of the others{what}"
    evidence = (f"{name}: {_moment(wall)} UTC", f"most others: {right} UTC")
    return Finding(Step.ROUTING, Cause.CLOCK, name, what, evidence, order=f"clock set {right}")


def _moment(seconds: float) -> str:
    """Return the moment in the form of `clock set`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%H:%M:%S} {moment.day} {MONTHS[moment.month - 1]} {moment.year}"
