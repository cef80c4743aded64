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
from dmvpn.tools.doctor.packet_flows import MOST_NAMED
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.walk.tables import unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.packet_flows import Decisions, Denial
    from dmvpn.tools.walk.values import Place

#: From the strictest on.
_CHECKS: Final = tuple(
    ReversePath(strict, allow_default) for strict in (True, False) for allow_default in (False, True)
)


def unreachable_senders(decisions: Decisions, place: Place, denials: Sequence[Denial]) -> Iterator[Finding]:
    """Yield the finding that a port drops these packets because of their senders."""
    router, port, _ = place
    facts = decisions.scene.of(router)
    first = denials[0].demand.packet
    asked = decisions.ports[router, port].reverse_path
    if facts is None or asked is None:
        return
    wanted = next((one for one in _CHECKS if _passes(facts, port, one, asked, denials)), None)
    drops = f"drops {denials[0].kind} from {first.source}: {unreachable(facts, port, first.source, asked)}"
    what, evidence = f"{port} of {router} verifies senders, and {drops}", [one.packet for one in denials[:MOST_NAMED]]
    fix = (INTERFACE.of(name=port), line_of(wanted)) if wanted is not None else ()
    others = decisions.concerned(denials, router)
    yield Finding(Step.FILTER, Cause.REVERSE_PATH, router, what, tuple(evidence), fix, others=others)


def _passes(facts: RouterFacts, port: str, check: ReversePath, asked: ReversePath, denials: Sequence[Denial]) -> bool:
    """Return whether a check is no stricter than the present check, and lets all of these packets in."""
    is_stricter = (check.strict and not asked.strict) or (asked.allow_default and not check.allow_default)
    return not is_stricter and not any(unreachable(facts, port, one.demand.packet.source, check) for one in denials)


def line_of(check: ReversePath) -> str:
    """Return the line of a port."""
    how = "rx" if check.strict else "any"
    return f"ip verify unicast source reachable-via {how}{' allow-default' if check.allow_default else ''}"
