"""Configured and inherited settings: `neighbors A.B.C.D policy`, and the templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.settings import with_templates
from dmvpn.features.bgp.show.common import active, spelled
from dmvpn.features.bgp.spelling import policy_lines, session_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.features.bgp.model import NeighborLines
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True)
class ShowPolicy:
    """The lines about routes of a neighbor. asked: the requested neighbor, if it does not exist."""

    is_active: bool = True
    asked: str = ""
    neighbor: str = ""
    own: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """A template, with the lines that it inherits. heirs: templates that inherit from it, with their
    sequence numbers.
    """

    name: str
    place: int
    own: tuple[str, ...]
    inherited: tuple[str, ...]
    heirs: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ShowTemplates:
    """All templates of a kind, or the requested one. of_session: session templates, otherwise policy templates."""

    is_active: bool = True
    of_session: bool = True
    templates: tuple[Template, ...] = ()


def query_policy(ctx: ShowContext, args: Args) -> ShowPolicy:
    """Return the policy of one neighbor."""
    machine = active(ctx)
    if machine is None:
        return ShowPolicy(is_active=False)
    peer = machine.peers.get(args.address("address"))
    if peer is None:
        return ShowPolicy(asked=str(args.address("address")))
    own = next((one for one in machine.config.neighbors if one.peer == peer.address), None)
    said = tuple(policy_lines(own)) if own is not None else ()
    whole = tuple(policy_lines(peer.settings.lines))
    return ShowPolicy(neighbor=str(peer.address), own=said, inherited=tuple(line for line in whole if line not in said))


def query_sessions(ctx: ShowContext, args: Args) -> ShowTemplates:
    """Return session templates: all, or the named one."""
    return _templates(ctx, args, session_lines, of_session=True)


def query_policies(ctx: ShowContext, args: Args) -> ShowTemplates:
    """Return policy templates: all, or the named one."""
    return _templates(ctx, args, policy_lines, of_session=False)


def _templates(
    ctx: ShowContext, args: Args, lines_of: Callable[[NeighborLines], Iterator[str]], *, of_session: bool
) -> ShowTemplates:
    machine = active(ctx)
    if machine is None:
        return ShowTemplates(is_active=False)
    config, asked = machine.config, args.text("name", "")
    every = config.session_templates if of_session else config.policy_templates
    places = {str(one.peer): place for place, one in enumerate(every, 1)}
    found = []
    for one in every:
        name, own = str(one.peer), tuple(lines_of(one))
        whole = lines_of(with_templates(config, one))
        heirs = [
            str(other.peer)
            for other in every
            if name in (other.session_template, *(parent for _, parent in other.policy_templates))
        ]
        inherited = tuple(line for line in whole if line not in own)
        found.append(Template(name, places[name], own, inherited, tuple((heir, places[heir]) for heir in heirs)))
    return ShowTemplates(of_session=of_session, templates=tuple(one for one in found if asked in ("", one.name)))


def render_policy(answer: ShowPolicy) -> Iterator[str]:
    """Yield the lines in the format of IOS, its spelling included."""
    if answer.asked:
        yield f"% No such neighbor {answer.asked}"
        return
    yield f" Neighbor: {answer.neighbor}, Address-Family: IPv4 Unicast"
    if answer.own:
        yield " Locally configured policies:"
        yield from (f"  {line}" for line in answer.own)
    if answer.inherited:
        yield " Inherited polices:"
        yield from (f"  {line}" for line in answer.inherited)
    yield ""


def render_templates(answer: ShowTemplates) -> Iterator[str]:
    """Yield a block for each template. The masks of IOS are replaced by the number of lines."""
    indent = " " if answer.of_session else "  "
    for one in answer.templates:
        yield f"Template:{one.name}, index:{one.place}" + ("" if answer.of_session else ".")
        yield f"Local policies:0x{len(one.own):X}, Inherited polices:0x{len(one.inherited):X}"
        if not answer.of_session:
            yield "Local disable policies:0x0, Inherited disable policies:0x0"
        yield from (f" *Inherited by Template {name}, index= {place}" for name, place in one.heirs)
        yield "Locally configured session commands:" if answer.of_session else "Locally configured policies:"
        yield from (f"{indent}{line}" for line in one.own)
        yield "Inherited session commands:" if answer.of_session else "Inherited policies:"
        yield from (f"{indent}{line}" for line in one.inherited)
        yield ""


COMMANDS: Final = (
    *spelled(
        "neighbors {address:address} policy [ detail ]",
        {"policy": "Its lines about routes, and where they come from", "detail": "The same"},
        query_policy,
        render_policy,
    ),
    *spelled(
        "template peer-session [ {name:word} ]",
        {"template": "What several neighbors have", "peer-session": "Of the session", "name": "One of them"},
        query_sessions,
        render_templates,
    ),
    *spelled(
        "template peer-policy [ {name:word} ]",
        {"template": "What several neighbors have", "peer-policy": "Of the routes", "name": "One of them"},
        query_policies,
        render_templates,
    ),
)
