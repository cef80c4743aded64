"""Checks of BGP over the tunnels: configuration at both ends, and the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.base.terms import Likeness
from dmvpn.features.bgp.config import processes as bgp_lines
from dmvpn.ios.hidden_secrets import SecretPlace, question
from dmvpn.network.terms.bgp import BGP, PASSWORD, awaited, password_place
from dmvpn.tools.doctor import addressing
from dmvpn.tools.doctor.configuration import texts
from dmvpn.tools.doctor.convergence import not_before
from dmvpn.tools.doctor.terms import differences, failed
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.network.terms.bgp_sides import Side
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Seconds between two attempts to connect, at most.
_RETRY: Final = 60
_STEP = Step.ROUTING


def neighbors(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check BGP at both ends of a tunnel: each configures the other, with matching parameters."""
    pair, ends = client.pair, _ends(client)
    if pair is None or ends is None:
        return
    if _is_up(client):
        yield Fine(_STEP, f"{client.name} and {client.hub} have a BGP session")
    elif not any(side.calls for side, _ in ends):  # two ranges alone open no session
        pairs = [one for each in scene.clients() if (one := each.pair) is not None]
        yield from (failed(client, one, _STEP) for one in awaited(pair, pairs))
    elif (failure := next(BGP.failures(pair), None)) is not None:
        yield failed(client, failure, _STEP, _evidence(ends[failure.of_server]))
    else:
        yield _why_not(scene, client, ends)


#: What an end knows of the other one, and its facts.
_End = tuple["Side", "RouterFacts"]


def _ends(client: Client) -> tuple[_End, _End] | None:
    """Return the client and its server; None if BGP does not run at both."""
    pair, hub = client.pair, client.hub_facts
    mine, theirs = BGP.views(pair) if pair is not None else (None, None)
    return ((mine, client.facts), (theirs, hub)) if mine and theirs and hub else None


def _is_up(client: Client) -> bool:
    """Return whether there is a session between the two ends."""
    ends = _ends(client)
    return ends is not None and all(
        any(one.up and one.protocol.startswith("bgp ") and one.address == side.peer for one in facts.neighbors)
        for side, facts in ends
    )


def _evidence(end: _End) -> tuple[str, ...]:
    side, facts = end
    state = (f"{side.name}: {one.address} is no neighbor: {one.reason}" for one in facts.neighbors if one.reason)
    return tuple(state)[:2]


def _why_not(scene: Scene, client: Client, ends: tuple[_End, _End]) -> Finding:
    """Return the first fault that prevents a session between two ends that have each other as neighbors."""

    def state(one: Client) -> tuple[bool, tuple[ReasonFacts, ...]]:
        return _is_up(one), ()

    (mine, _), (theirs, hub) = ends
    found = (
        next(differences(scene, client, BGP, _STEP, state, _evidence(ends[0])), None)
        or _other_source(ends[0], theirs)
        or _other_source(ends[1], mine)
        or _one_identifier(scene, client, ends)
        or _too_many(client, theirs, hub)
    )
    if found is not None:
        return found
    if PASSWORD.compare(mine, theirs) is Likeness.UNKNOWN:
        what = f"{client.name} and {client.hub} have passwords for each other in BGP, and no session"
        places = [(one, password_place(one)) for one in (mine, theirs)]
        decide = question(*(SecretPlace(one.name, " / ".join(at[:-1]), at[-1]) for one, at in places))
        return _finding(ends[0], what, PASSWORD.fix(mine, theirs)[-1:], cause=Cause.BGP_PASSWORD, decide=decide)
    return Finding(
        step=_STEP,
        cause=Cause.UNDECIDED,
        router=client.name,
        what=f"{client.name} and {client.hub} have lines for each other in BGP, and no session",
        decide=not_before(client, _RETRY),
    )


def _other_source(end: _End, other: Side) -> Finding | None:
    """Return that an end calls from an address that the other one does not have as its neighbor."""
    side, _ = end
    source = side.settings.lines.update_source if side.settings is not None else ""
    port = side.end.device.interface(source)
    known = port is not None and port.address is not None and port.address[0] == other.peer
    if not source or source == side.end.name or known:
        return None
    what = f"BGP of {side.name} calls {other.name} from {source}, and {other.name} has another address for it"
    return _finding(end, what, (bgp_lines.NEIGHBOR.no(peer=side.peer, interface=source),))


def _one_identifier(scene: Scene, client: Client, ends: tuple[_End, _End]) -> Finding | None:
    """Return that both ends have one router ID. Its owner keeps it."""
    identifier = client.facts.bgp.router_id
    if identifier is None or identifier != ends[1][1].bgp.router_id:
        return None
    is_client = scene.owner(identifier) != client.name
    address = next(addressing.unique_addresses(scene, client.name if is_client else client.hub), Blank("address"))
    what = f"BGP of {client.name} and {client.hub} has one router identifier, {identifier}"
    return _finding(ends[0 if is_client else 1], what, (bgp_lines.ROUTER_ID.of(address=address),))


def _too_many(client: Client, server: Side, hub: RouterFacts) -> Finding | None:
    """Return the finding that the hub's limit of dynamic neighbors is reached, if so."""
    callers = [one for one in hub.bgp.peers if one.address not in hub.bgp.called]
    lines = texts(server.end.device.tree.section(bgp_lines.ROUTER), bgp_lines.LISTEN_LIMIT)
    has = any(one.address == server.peer for one in hub.bgp.peers)
    if has or not lines or len(callers) < hub.bgp.listen_limit:
        return None
    what = f"{client.hub} takes no more callers than {len(callers)}: {client.name} is one too many"
    return _finding((server, hub), what, (f"no {lines[0]}",))


def _finding(
    end: _End, what: str, lines: tuple[str, ...], *, cause: Cause = Cause.BGP_NEIGHBOR, decide: str = ""
) -> Finding:
    side, _ = end
    return Finding(
        step=_STEP,
        cause=cause,
        router=side.name,
        what=what,
        evidence=_evidence(end),
        fix=(*side.process, *lines),
        decide=decide,
    )
