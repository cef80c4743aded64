"""Ports that verify senders (`ip verify unicast source`), and drop packets of the network.

A check by the default route alone needs `allow-default`. A strict one fails where answers take another way than the
packets that come: then only the loose one can be meant. The lines keep as much of the check as lets the packets pass,
and drop no other sender's: `allow-default` stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.filters import ReversePath
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.list_decisions import is_reachable
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.list_decisions import Decisions, Denial
    from dmvpn.tools.walk.values import Place

#: From the strictest on.
_CHECKS: Final = tuple(
    ReversePath(strict, allow_default) for strict in (True, False) for allow_default in (False, True)
)
_MOST_NAMED: Final = 3


def unreachable_senders(decisions: Decisions, place: Place, denials: Sequence[Denial]) -> Finding:
    """Return the finding that a port drops these packets because of their senders."""
    router, port, _ = place
    facts = decisions.scene.of(router)
    first = denials[0].demand.packet
    asked = decisions.ports[router, port].reverse_path
    fitting = (one for one in _CHECKS if facts is not None and _passes(facts, port, one, asked, denials))
    wanted = next(fitting, None)
    return Finding(
        step=Step.FILTER,
        cause=Cause.REVERSE_PATH,
        router=router,
        what=f"{port} of {router} verifies senders, and drops {denials[0].kind} from {first.source}: "
        f"{_why(facts, port, denials[0])}",
        evidence=tuple(one.packet for one in denials[:_MOST_NAMED]),
        fix=(INTERFACE.of(name=port), line_of(wanted)) if wanted is not None else (),
        others=decisions.concerned(denials, router),
    )


def _passes(
    facts: RouterFacts, port: str, check: ReversePath, asked: ReversePath | None, denials: Sequence[Denial]
) -> bool:
    """Return whether a check is no stricter than the present check, and lets all of these packets in."""
    is_stricter = asked is not None and (
        (check.strict and not asked.strict) or (asked.allow_default and not check.allow_default)
    )
    return not is_stricter and all(is_reachable(facts, port, one.demand.packet, check) for one in denials)


def line_of(check: ReversePath) -> str:
    """Return the line of a port."""
    how = "rx" if check.strict else "any"
    return f"ip verify unicast source reachable-via {how}{' allow-default' if check.allow_default else ''}"


def _why(facts: RouterFacts | None, port: str, denial: Denial) -> str:
    vrf = next((one.vrf for one in facts.interfaces if one.name == port), "") if facts is not None else ""
    routes = facts.routes_to(denial.demand.packet.source, vrf) if facts is not None else []
    if not routes:
        return "there is no route to that sender"
    if routes[0].prefix.prefixlen == 0:
        return "only the default route leads to that sender, and the line has no allow-default"
    hops = " and ".join(hop.interface for hop in routes[0].next_hops)
    return f"the route to {routes[0].prefix} leads out of {hops}, and packets come by another way"
