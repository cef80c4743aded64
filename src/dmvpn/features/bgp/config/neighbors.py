"""`neighbor ...`: one command with many endings, so that the lines of a neighbor stay together as they were entered."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.config.words import AS_NUMBER, PEER
from dmvpn.features.bgp.model import Direction, Filter, FilterKind, Neighbor, Peer
from dmvpn.ios import Args, ConfigLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The endings that say something about the session, whatever is told over it.
_OF_SESSION: Final = (
    f"remote-as {{remote_as:{AS_NUMBER.name}}}",
    "peer-group [ {group:word} ]",
    "description {text:line}",
    "shutdown",
    "password [ 0 ] {password:line}",
    "update-source {interface:interface}",
    "ebgp-multihop [ {ttl:1-255} ]",
    "disable-connected-check",
    "timers {keepalive:0-65535} {hold:0-65535}",
    f"local-as {{local_as:{AS_NUMBER.name}}}",
    "transport connection-mode ( active | passive )",
    "fall-over",
    "version {version:4-4}",
)
#: The endings that say something about the routes of IPv4 unicast.
_OF_FAMILY: Final = (
    "next-hop-self [ all ]",
    "route-reflector-client",
    "default-originate",
    "send-community [ both | standard | extended ]",
    "soft-reconfiguration inbound",
    "remove-private-as [ all ]",
    "as-override",
    "allowas-in [ {times:1-10} ]",
    "maximum-prefix {prefixes:1-2147483647} [ {threshold:1-100} ] [* restart {minutes:1-65535} | warning-only ]",
    "weight {weight:0-65535}",
    "advertisement-interval {seconds:0-600}",
    "route-map {list:word} ( in | out )",
    "prefix-list {list:word} ( in | out )",
    "distribute-list {list:word} ( in | out )",
)
_HELP: Final = {
    "neighbor": "A neighbor or a peer group",
    "peer": "Its address, or the name of the group",
    "remote-as": "Its autonomous system",
    "remote_as": "Number",
    "peer-group": "Make it a peer group, or a member of one",
    "group": "Name of the group",
    "description": "Text for people",
    "shutdown": "No session with it",
    "password": "Protect the session with TCP MD5 (RFC 2385)",
    "0": "It follows in clear",
    "update-source": "Our end of the session",
    "interface": "The interface whose address it is",
    "ebgp-multihop": "It is more than one hop away",
    "ttl": "At most so many",
    "disable-connected-check": "It is one hop away and not on a connected network",
    "timers": "Times of the session",
    "keepalive": "Seconds between keepalives",
    "hold": "Seconds until it is given up",
    "local-as": "Be of another autonomous system for it",
    "local_as": "Number",
    "transport": "The TCP connection",
    "connection-mode": "Who opens it",
    "active": "We",
    "passive": "The neighbor",
    "fall-over": "Give it up when there is no route to it",
    "version": "Version of BGP",
    "next-hop-self": "Tell ourselves as the next hop",
    "route-reflector-client": "Reflect routes to it",
    "default-originate": "Tell it a default route",
    "route-map": "Only what a route map lets through",
    "send-community": "Tell communities",
    "both": "Both kinds",
    "standard": "RFC 1997",
    "extended": "RFC 4360",
    "soft-reconfiguration": "Keep what it tells",
    "inbound": "As it was told",
    "remove-private-as": "Take private AS numbers off",
    "as-override": "Put ours in place of its AS number",
    "allowas-in": "Take routes with our own AS number",
    "times": "So often in it",
    "maximum-prefix": "Give it up if it tells more",
    "prefixes": "Prefixes",
    "threshold": "Percent at which to warn",
    "restart": "Try again",
    "minutes": "After so many minutes",
    "warning-only": "Warn, and no more",
    "weight": "Preference of its routes on this router",
    "advertisement-interval": "Time between updates to it",
    "seconds": "Seconds",
    "prefix-list": "Only what a prefix list lets through",
    "distribute-list": "Only what an access list lets through",
    "list": "Name",
    "in": "Of what it tells",
    "out": "Of what we tell",
}
_KEY: Final = (
    "peer",
    *("remote-as", "peer-group", "description", "shutdown", "password", "update-source", "ebgp-multihop"),
    *("disable-connected-check", "timers", "local-as", "transport", "fall-over", "version", "next-hop-self"),
    *("route-reflector-client", "default-originate", "send-community", "soft-reconfiguration", "remove-private-as"),
    *("as-override", "allowas-in", "maximum-prefix", "weight", "advertisement-interval"),
    *("route-map", "prefix-list", "distribute-list", "in", "out"),
)


def neighbor_line(mode: str, *, with_session: bool, order: int) -> ConfigLine:
    """The line for one mode."""
    endings = (*_OF_SESSION, *_OF_FAMILY) if with_session else ("peer-group {group:word}", *_OF_FAMILY)
    present = {word.strip("[](){}|") for ending in endings for word in ending.split()}
    return ConfigLine(
        mode,
        f"neighbor {{peer:{PEER.name}}} ( {' | '.join(endings)} )",
        _HELP,
        key=tuple(name for name in _KEY if name == "peer" or name in present),
        order=order,
    )


def activate_line(mode: str, *, order: int) -> ConfigLine:
    """`neighbor ... activate`: on or off by another line's default, so both forms are kept."""
    return ConfigLine(
        mode,
        f"neighbor {{peer:{PEER.name}}} activate",
        {"activate": "Exchange routes of this address family"},
        key=("peer",),
        order=order,
        keep_no=True,
    )


def peer_of(args: Args) -> Peer:
    """The neighbor that a line is about."""
    peer = args["peer"]
    return peer if isinstance(peer, IPv4Address) else str(peer)


def merge(lines: Iterable[Args], activations: dict[Peer, bool]) -> tuple[Neighbor, ...]:
    """All lines of all neighbors, put together; in the order in which neighbors were first named."""
    found: dict[Peer, Neighbor] = {}
    for args in lines:
        peer = peer_of(args)
        found[peer] = _with(found.get(peer, Neighbor(peer=peer)), args)
    for peer, active in activations.items():
        found[peer] = replace(found.get(peer, Neighbor(peer=peer)), active=active)
    return tuple(found.values())


def _with(neighbor: Neighbor, args: Args) -> Neighbor:
    """The neighbor with what one more line says."""
    word = next((word for word in _CHANGES if word in args), None)
    return neighbor if word is None else _CHANGES[word](neighbor, args)


def _with_filter(neighbor: Neighbor, args: Args) -> Neighbor:
    kind = next(kind for kind in FilterKind if kind.value in args)
    direction = next(direction for direction in Direction if direction.value in args)
    return replace(neighbor, filters=(*neighbor.filters, Filter(kind, args.text("list"), direction)))


def _with_group(neighbor: Neighbor, args: Args) -> Neighbor:
    group = args.text("group", "")
    return replace(neighbor, group=group) if group else replace(neighbor, is_group=True)


def _timers(args: Args) -> tuple[int, int]:
    return args.integer("keepalive"), args.integer("hold")


#: What each ending changes. Those that only people read, or that are always so here, are not in it.
_CHANGES: Final[dict[str, Callable[[Neighbor, Args], Neighbor]]] = {
    "remote-as": lambda neighbor, args: replace(neighbor, remote_as=args.integer("remote_as")),
    "peer-group": _with_group,
    "shutdown": lambda neighbor, args: replace(neighbor, shutdown=True),
    "password": lambda neighbor, args: replace(neighbor, password=args.text("password")),
    "update-source": lambda neighbor, args: replace(neighbor, update_source=args.interface("interface")),
    "ebgp-multihop": lambda neighbor, args: replace(neighbor, ebgp_ttl=args.integer("ttl", 255)),
    "disable-connected-check": lambda neighbor, args: replace(neighbor, anywhere=True),
    "timers": lambda neighbor, args: replace(neighbor, timers=_timers(args)),
    "local-as": lambda neighbor, args: replace(neighbor, local_as=args.integer("local_as")),
    "transport": lambda neighbor, args: replace(neighbor, passive="passive" in args),
    "fall-over": lambda neighbor, args: replace(neighbor, fall_over=True),
    "next-hop-self": lambda neighbor, args: replace(neighbor, next_hop_self=True, next_hop_self_all="all" in args),
    "route-reflector-client": lambda neighbor, args: replace(neighbor, route_reflector_client=True),
    "default-originate": lambda neighbor, args: replace(neighbor, default_originate=True),
    "send-community": lambda neighbor, args: replace(neighbor, send_community=True),
    "soft-reconfiguration": lambda neighbor, args: replace(neighbor, soft_reconfiguration=True),
    "remove-private-as": lambda neighbor, args: replace(neighbor, remove_private_as=True),
    "as-override": lambda neighbor, args: replace(neighbor, override_as=True),
    "allowas-in": lambda neighbor, args: replace(neighbor, allow_own_as=args.integer("times", 3)),
    "maximum-prefix": lambda neighbor, args: replace(neighbor, maximum_prefixes=args.integer("prefixes")),
    "weight": lambda neighbor, args: replace(neighbor, weight=args.integer("weight")),
    "advertisement-interval": lambda neighbor, args: replace(neighbor, advertisement_interval=args.integer("seconds")),
    "route-map": _with_filter,
    "prefix-list": _with_filter,
    "distribute-list": _with_filter,
}
