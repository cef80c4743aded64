"""Merges all `neighbor` lines of one neighbor."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from dmvpn.base.groups import Merged
from dmvpn.features.bgp import model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.ios import Args

    #: The neighbor, and the arguments of a line about it, or whether it is active.
    Said = tuple[model.Peer, Args | bool]


def peer_of(args: Args) -> model.Peer:
    """Return the neighbor of a line."""
    peer = args["peer"]
    return peer if isinstance(peer, IPv4Address) else str(peer)


def said(args: Args) -> Said:
    """Return the neighbor of a line, and the arguments of the line."""
    return peer_of(args), args


def activated(args: Args, negated: bool) -> Said:
    """Return the neighbor of an `activate` line, and whether the line activates it."""
    return peer_of(args), not negated


class MergedNeighbors(Merged[model.Peer, "Said", model.NeighborLines]):
    """All neighbors, in the order in which they were first named."""

    def __init__(self) -> None:
        super().__init__(itemgetter(0), _neighbor)


def _neighbor(lines: list[Said]) -> model.NeighborLines:
    neighbor = model.NeighborLines(peer=lines[0][0])
    for _, what in lines:
        neighbor = replace(neighbor, active=what) if isinstance(what, bool) else _with(neighbor, what)
    return neighbor


def merged(name: str, lines: Iterable[Args]) -> model.NeighborLines:
    """Return a template in the form of a neighbor."""
    template = model.NeighborLines(peer=name)
    for args in lines:
        template = _with(template, args)
    return template


def _with(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    """Return the neighbor with one more line applied."""
    word = next((word for word in _CHANGES if word in args), None)
    return neighbor if word is None else _CHANGES[word](neighbor, args)


def _with_filter(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    kind = next(kind for kind in model.FilterKind if kind.value in args)
    direction = next(direction for direction in model.FilterDirection if direction.value in args)
    return replace(neighbor, filters=(*neighbor.filters, model.Filter(kind, str(args["list"]), direction)))


def _with_group(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    group = args.text("group", "")
    return replace(neighbor, group=group) if group else replace(neighbor, is_group=True)


def _with_template(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    name = args.text("template")
    if "peer-session" in args:
        return replace(neighbor, session_template=name)
    number = args.integer("sequence", 0)
    return replace(neighbor, policy_templates=tuple(sorted((*neighbor.policy_templates, (number, name)))))


def timers_of(args: Args) -> tuple[int, int, int]:
    """Return keepalive time, hold time, and the minimum hold time accepted from the neighbor."""
    return args.integer("keepalive"), args.integer("hold"), args.integer("least", 0)


def additional_of(args: Args) -> model.Additional:
    """Return whether several paths are sent and received."""
    return model.Additional(sends="send" in args, receives="receive" in args)


def choice_of(args: Args) -> model.PathChoice:
    """Return which paths may be advertised besides the best one."""
    return model.PathChoice(
        every="all" in args, best=args.integer("best", 0), group_best="group-best" in args, backup="backup" in args
    )


def _removal(args: Args) -> model.PrivateAs:
    if "replace-as" in args:
        return model.PrivateAs.REPLACED
    return model.PrivateAs.ALL if "all" in args else model.PrivateAs.IF_ALL_ARE


#: How each ending of a `neighbor` line changes the model. Endings without an effect in this implementation are missing.
_CHANGES: Final[dict[str, Callable[[model.NeighborLines, Args], model.NeighborLines]]] = {
    "remote-as": lambda neighbor, args: replace(
        neighbor, remote_as=args.integer("remote_as"), alternates=tuple(map(int, args.texts("alternate")))
    ),
    "peer-group": _with_group,
    "description": lambda neighbor, args: replace(neighbor, description=args.text("text")),
    "shutdown": lambda neighbor, args: replace(
        neighbor,
        shutdown=True,
        shutdown_delay=args.integer("delay", 0),
        shutdown_preference=args.integer("preference", 0),
    ),
    "password": lambda neighbor, args: replace(neighbor, password=args.text("password")),
    "update-source": lambda neighbor, args: replace(neighbor, update_source=args.interface("interface")),
    "ebgp-multihop": lambda neighbor, args: replace(neighbor, ebgp_ttl=args.integer("ttl", 255)),
    "disable-connected-check": lambda neighbor, args: replace(neighbor, anywhere=True),
    "timers": lambda neighbor, args: replace(neighbor, timers=timers_of(args)),
    "local-as": lambda neighbor, args: replace(
        neighbor,
        local_as=args.integer("local_as"),
        local_as_prepends="no-prepend" not in args,
        local_as_replaces="replace-as" in args,
    ),
    "ttl-security": lambda neighbor, args: replace(neighbor, security_hops=args.integer("hops")),
    "dont-capability-negotiate": lambda neighbor, args: replace(neighbor, plain_refresh=True),
    "inherit": _with_template,
    "next-hop-unchanged": lambda neighbor, args: replace(neighbor, next_hop_unchanged=True),
    "transport": lambda neighbor, args: replace(neighbor, passive="passive" in args),
    "fall-over": lambda neighbor, args: replace(
        neighbor, fall_over=neighbor.fall_over or "bfd" not in args, bfd=neighbor.bfd or "bfd" in args
    ),
    "ha-mode": lambda neighbor, args: replace(neighbor, helps="disable" not in args),
    "next-hop-self": lambda neighbor, args: replace(neighbor, next_hop_self=True, next_hop_self_all="all" in args),
    "route-reflector-client": lambda neighbor, args: replace(neighbor, route_reflector_client=True),
    "default-originate": lambda neighbor, args: replace(
        neighbor, default_originate=True, originate_map=args.text("map", "")
    ),
    "unsuppress-map": lambda neighbor, args: replace(neighbor, unsuppress_map=args.text("map")),
    "send-community": lambda neighbor, args: replace(
        neighbor,
        send_community=neighbor.send_community or "extended" not in args,
        send_extended=neighbor.send_extended or "extended" in args or "both" in args,
    ),
    "soft-reconfiguration": lambda neighbor, args: replace(neighbor, soft_reconfiguration=True),
    "remove-private-as": lambda neighbor, args: replace(neighbor, remove_private_as=_removal(args)),
    "as-override": lambda neighbor, args: replace(neighbor, override_as=True),
    "allowas-in": lambda neighbor, args: replace(neighbor, allow_own_as=args.integer("times", 3)),
    "maximum-prefix": lambda neighbor, args: replace(
        neighbor,
        maximum_prefixes=args.integer("prefixes"),
        warn_percent=args.integer("threshold", 75),
        only_warn="warning-only" in args,
        restart_minutes=args.integer("minutes", 0),
    ),
    "advertise": lambda neighbor, args: replace(neighbor, advertised=choice_of(args)),
    "additional-paths": lambda neighbor, args: replace(neighbor, additional=additional_of(args)),
    "weight": lambda neighbor, args: replace(neighbor, weight=args.integer("weight")),
    "advertisement-interval": lambda neighbor, args: replace(neighbor, advertisement_interval=args.integer("seconds")),
    "route-map": _with_filter,
    "prefix-list": _with_filter,
    "distribute-list": _with_filter,
    "filter-list": _with_filter,
}
