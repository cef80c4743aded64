"""Configured and inherited settings: `neighbors A.B.C.D policy`, and the templates, with the lines as they are spelled.

`in_words` says the settings of a neighbor's routes in the words of `show ip bgp neighbors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dmvpn.base.addresses import spelled
from dmvpn.base.values import Value
from dmvpn.features.bgp.model import BEST_ALONE, FilterDirection, FilterKind, NeighborLines, PathChoice, PrivateAs
from dmvpn.features.bgp.settings import with_templates
from dmvpn.features.bgp.show.common import active, spellings
from dmvpn.ios import Args, ShowContext


def session_lines(lines: NeighborLines) -> Iterator[str]:
    """Yield the lines about the session."""
    if lines.remote_as is not None:
        others = " ".join(("alternate-as", *map(str, lines.alternates))) if lines.alternates else ""
        yield f"remote-as {lines.remote_as} {others}".rstrip()
    if lines.password:
        yield "password is configured"
    if lines.shutdown:
        yield "shutdown"
    if lines.ebgp_ttl is not None:
        yield f"ebgp-multihop {lines.ebgp_ttl}"
    if lines.security_hops:
        yield f"ttl-security hops {lines.security_hops}"
    if lines.update_source:
        yield f"update-source {lines.update_source}"
    if lines.passive:
        yield "transport connection-mode passive"
    if lines.description:
        yield f"description {lines.description}"
    if lines.timers is not None:
        keepalive, hold, least = lines.timers
        yield f"timers {keepalive} {hold}" + (f" {least}" if least else "")
    if lines.local_as is not None:
        words = "" if lines.local_as_prepends else " no-prepend" + (" replace-as" if lines.local_as_replaces else "")
        yield f"local-as {lines.local_as}{words}"
    if lines.extended:
        yield "capability extended-nexthop"
    if lines.anywhere:
        yield "disable-connected-check"
    if lines.fall_over:
        yield "fall-over"
    if lines.bfd:
        yield "fall-over bfd"


def choice_words(choice: PathChoice) -> Iterator[str]:
    """Yield the keywords for the paths that are advertised besides the best one."""
    if choice.every:
        yield "all"
    if choice.best:
        yield f"best {choice.best}"
    if choice.group_best:
        yield "group-best"


def policy_lines(lines: NeighborLines) -> Iterator[str]:
    """Yield the lines about routes."""
    for one in lines.filters:
        if one.kind is not FilterKind.ROUTE_MAP:
            yield f"{one.kind.value} {one.name} {one.direction.value}"
    for one in lines.filters:
        if one.kind is FilterKind.ROUTE_MAP:
            yield f"{one.kind.value} {one.name} {one.direction.value}"
    if lines.unsuppress_map:
        yield f"unsuppress-map {lines.unsuppress_map}"
    if lines.weight is not None:
        yield f"weight {lines.weight}"
    if lines.default_originate:
        yield "default-originate" + (f" route-map {lines.originate_map}" if lines.originate_map else "")
    if lines.soft_reconfiguration:
        yield "soft-reconfiguration inbound"
    if lines.maximum_prefixes:
        yield _maximum(lines)
    if lines.override_as:
        yield "as-override"
    if lines.allow_own_as:
        yield f"allowas-in {lines.allow_own_as}"
    if lines.remove_private_as is not PrivateAs.KEPT:
        words = {PrivateAs.IF_ALL_ARE: "", PrivateAs.ALL: " all", PrivateAs.REPLACED: " all replace-as"}
        yield f"remove-private-as{words[lines.remove_private_as]}"
    if lines.route_reflector_client:
        yield "route-reflector-client"
    if lines.next_hop_self:
        yield "next-hop-self" + (" all" if lines.next_hop_self_all else "")
    if lines.next_hop_unchanged:
        yield "next-hop-unchanged"
    if lines.additional is not None:
        ways = [
            word for word, is_so in (("send", lines.additional.sends), ("receive", lines.additional.receives)) if is_so
        ]
        yield f"additional-paths {' '.join(ways) or 'disable'}"
    if lines.advertised != BEST_ALONE:
        yield f"advertise additional-paths {' '.join(choice_words(lines.advertised))}"
    if lines.advertisement_interval is not None:
        yield f"advertisement-interval {lines.advertisement_interval}"
    if lines.send_community or lines.send_extended:
        both = lines.send_community and lines.send_extended
        yield "send-community" + (" both" if both else " extended" if lines.send_extended else "")


def _maximum(lines: NeighborLines) -> str:
    words = f" {lines.warn_percent}" if lines.warn_percent != 75 else ""
    words += f" restart {lines.restart_minutes}" if lines.restart_minutes else ""
    return f"maximum-prefix {lines.maximum_prefixes}{words}{' warning-only' if lines.only_warn else ''}"


_FILTERS: Final = {
    (FilterKind.ROUTE_MAP, FilterDirection.IN): "Route map for incoming advertisements is {}",
    (FilterKind.ROUTE_MAP, FilterDirection.OUT): "Route map for outgoing advertisements is {}",
    (FilterKind.PREFIX_LIST, FilterDirection.IN): "Incoming update prefix filter list is {}",
    (FilterKind.PREFIX_LIST, FilterDirection.OUT): "Outgoing update prefix filter list is {}",
    (FilterKind.DISTRIBUTE_LIST, FilterDirection.IN): "Incoming update network filter list is {}",
    (FilterKind.DISTRIBUTE_LIST, FilterDirection.OUT): "Outgoing update network filter list is {}",
    (FilterKind.FILTER_LIST, FilterDirection.IN): "Incoming update AS path filter list is {}",
    (FilterKind.FILTER_LIST, FilterDirection.OUT): "Outgoing update AS path filter list is {}",
}


def in_words(lines: NeighborLines) -> Iterator[str]:
    """Yield a sentence for each setting that differs from the default."""
    if lines.route_reflector_client:
        yield "Route-Reflector Client"
    if lines.soft_reconfiguration:
        yield "Inbound soft reconfiguration allowed"
    if lines.next_hop_self:
        yield "NEXT_HOP is always this router for eBGP paths" + (" and iBGP paths" if lines.next_hop_self_all else "")
    if lines.next_hop_unchanged:
        yield "NEXT_HOP is propagated unchanged to this neighbor"
    if lines.override_as:
        yield "Overrides the neighbor AS with my AS before sending updates"
    if lines.remove_private_as is not PrivateAs.KEPT:
        yield "Private AS number removed from updates to this neighbor"
    if lines.allow_own_as:
        yield f"Allow local AS in AS path up to {lines.allow_own_as} times"
    if lines.send_community:
        yield "Community attribute sent to this neighbor"
    if lines.send_extended:
        yield "Extended-community attribute sent to this neighbor"
    if lines.unsuppress_map:
        yield f"Route map for selective unsuppression is {lines.unsuppress_map}"
    if lines.default_originate:
        yield "Default information originate" + (
            f", default route-map {lines.originate_map}" if lines.originate_map else ""
        )
    if lines.advertised != BEST_ALONE:
        yield f"Additional Paths advertised: {', '.join(choice_words(lines.advertised))}"
    if lines.weight is not None:
        yield f"Default weight {lines.weight}"
    for direction, word in ((FilterDirection.IN, "Inbound"), (FilterDirection.OUT, "Outbound")):
        if any(one.direction is direction for one in lines.filters):
            yield f"{word} path policy configured"
    for one in lines.filters:
        yield _FILTERS[one.kind, one.direction].format(one.name)
    if lines.maximum_prefixes:
        yield f"Maximum prefixes allowed {lines.maximum_prefixes}{' (warning-only)' if lines.only_warn else ''}"
        yield f"Threshold for warning message {lines.warn_percent}%"


class ShowPolicy(Value):
    """The lines about routes of a neighbor. asked: the requested neighbor, if it does not exist."""

    is_active: bool = True
    asked: str = ""
    neighbor: str = ""
    family: str = ""
    own: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()


class Template(Value):
    """A template, with the lines that it inherits. heirs: templates that inherit from it, with their
    sequence numbers.
    """

    name: str
    place: int
    own: tuple[str, ...]
    inherited: tuple[str, ...]
    heirs: tuple[tuple[str, int], ...]


class ShowTemplates(Value):
    """All templates of a kind, or the requested one. of_session: session templates, otherwise policy templates."""

    is_active: bool = True
    of_session: bool = True
    templates: tuple[Template, ...] = ()


def query_policy(ctx: ShowContext, args: Args) -> ShowPolicy:
    """Return the policy of one neighbor."""
    machine = active(ctx, args)
    if machine is None:
        return ShowPolicy(is_active=False)
    peer = machine.peers.get(args.any_address("address"))
    if peer is None:
        return ShowPolicy(asked=spelled(args.any_address("address")))
    own = next((one for one in machine.config.neighbors if one.peer == peer.address), None)
    said = tuple(policy_lines(own)) if own is not None else ()
    whole = tuple(policy_lines(peer.settings.lines))
    return ShowPolicy(
        neighbor=spelled(peer.address),
        family=machine.family.title,
        own=said,
        inherited=tuple(line for line in whole if line not in said),
    )


def query_sessions(ctx: ShowContext, args: Args) -> ShowTemplates:
    """Return session templates: all, or the named one."""
    return _templates(ctx, args, session_lines, of_session=True)


def query_policies(ctx: ShowContext, args: Args) -> ShowTemplates:
    """Return policy templates: all, or the named one."""
    return _templates(ctx, args, policy_lines, of_session=False)


def _templates(
    ctx: ShowContext, args: Args, lines_of: Callable[[NeighborLines], Iterator[str]], *, of_session: bool
) -> ShowTemplates:
    machine = active(ctx, args)
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
    yield f" Neighbor: {answer.neighbor}, Address-Family: {answer.family}"
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
    *spellings(
        "neighbors {address:family} policy [ detail ]",
        {"policy": "Its lines about routes, and where they come from", "detail": "The same"},
        query_policy,
        render_policy,
    ),
    *spellings(
        "template peer-session [ {name:word} ]",
        {"template": "What several neighbors have", "peer-session": "Of the session", "name": "One of them"},
        query_sessions,
        render_templates,
    ),
    *spellings(
        "template peer-policy [ {name:word} ]",
        {"template": "What several neighbors have", "peer-policy": "Of the routes", "name": "One of them"},
        query_policies,
        render_templates,
    ),
)
