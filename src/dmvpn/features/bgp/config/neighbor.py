"""`neighbor ...`: one command with many endings, so the lines of a neighbor stay in the order they were entered."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from dmvpn.base.addresses import spelled
from dmvpn.ios import Args, ConfigLine, Section, ValueType, register_type
from dmvpn.ios.common import refusing_impossible
from dmvpn.ios.grammar import several

#: A name may begin with digits ("64501AS"), but it may not be a number or look like a mistyped address.
_NAME = re.compile(r"(?!\d+\.|\d+\Z)[A-Za-z0-9][\w.-]*\Z", re.ASCII)
_DOTTED = re.compile(r"(\d{1,5})\.(\d{1,5})\Z", re.ASCII)


def _read_as(text: str) -> tuple[int, str] | None:
    """Return an AS number, plain or dotted (RFC 5396), and its text as typed."""
    if dotted := _DOTTED.match(text):
        high, low = int(dotted[1]), int(dotted[2])
        return (high << 16 | low, text) if high < 1 << 16 and low < 1 << 16 and high | low else None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    return (number, str(number)) if 0 < number < 1 << 32 else None


def _read_peer(text: str) -> tuple[Hashable, str] | None:
    """Return an address, or a name that cannot be a mistyped address."""
    try:
        address = ip_address(text)
    except ValueError:
        return (text, text) if _NAME.match(text) else None
    return (address, spelled(address)) if "%" not in text else None


def _spelled(peer: Hashable) -> str:
    return spelled(peer) if isinstance(peer, IPv4Address | IPv6Address) else str(peer)


AS_NUMBER: Final = register_type(ValueType("bgp-as", "<1-4294967295>", _read_as, fragment=r"[\d.]{1,11}"))
PEER: Final = register_type(
    ValueType("bgp-peer", "A.B.C.D or X:X:X:X::X or WORD", _read_peer, weight=20, spell=_spelled)
)


#: Endings about the session, whatever routes it carries.
_OF_SESSION: Final = (
    f"remote-as {{remote_as:{AS_NUMBER.name}}} [ alternate-as {several('alternate', AS_NUMBER.name, 5)}]",
    "peer-group [ {group:word} ]",
    "description {text:line}",
    "shutdown [ graceful {delay:1-65535} [ local-preference {preference:0-4294967295} ] ]",
    "password [ 0 ] {password:line}",
    "update-source {interface:interface}",
    "ebgp-multihop [ {ttl:1-255} ]",
    "disable-connected-check",
    "timers {keepalive:0-65535} {hold:0-65535} [ {least:0-65535} ]",
    f"local-as {{local_as:{AS_NUMBER.name}}} [ no-prepend [ replace-as ] ]",
    "ttl-security hops {hops:1-254}",
    "inherit peer-session {template:word}",
    "transport connection-mode ( active | passive )",
    "fall-over [ bfd [* single-hop | check-control-plane-failure ] ]",
    "ha-mode graceful-restart [ disable ]",
    "dont-capability-negotiate enhanced-refresh",
    "capability extended-nexthop",
    "version {version:4-4}",
)
#: Endings about the routes of IPv4 unicast.
_OF_FAMILY: Final = (
    "next-hop-self [ all ]",
    "next-hop-unchanged [ allpaths ]",
    "route-reflector-client",
    "send-community [ both | standard | extended ]",
    "soft-reconfiguration inbound",
    "remove-private-as [ all [ replace-as ] ]",
    "as-override",
    "allowas-in [ {times:1-10} ]",
    "inherit peer-policy {template:word}",
    "maximum-prefix {prefixes:1-2147483647} [ {threshold:1-100} ] [* restart {minutes:1-65535} | warning-only ]",
    "additional-paths ( send [ receive ] | receive | disable )",
    "advertise additional-paths [* all | best {best:2-3} | group-best ]",
    "weight {weight:0-65535}",
    "advertisement-interval {seconds:0-600}",
    "route-map {list:word} ( in | out )",
    "prefix-list {list:word} ( in | out )",
    "distribute-list {list:word} ( in | out )",
    "filter-list {list:1-500} ( in | out )",
    "unsuppress-map {map:word}",
)
#: A word that each ending about the session has, and no other one.
SESSION_WORDS: Final = tuple(one.removeprefix("inherit ").split()[0] for one in _OF_SESSION)
_HELP: Final = {
    "neighbor": "A neighbor or a peer group",
    "peer": "Its address, or the name of the group",
    "remote-as": "Its autonomous system",
    "remote_as": "Number",
    "alternate-as": "Or one of these, if it calls by a listen range",
    "alternate": "Number",
    "peer-group": "Make it a peer group, or a member of one",
    "group": "Name of the group",
    "description": "Text for people",
    "shutdown": "No session with it",
    "graceful": "Advertise the end of its routes first (RFC 8326)",
    "delay": "Seconds until the session ends",
    "local-preference": "Of its routes meanwhile",
    "preference": "0 if nothing is said",
    "password": "Protect the session with TCP MD5 (RFC 2385)",
    "0": "It follows in clear",
    "update-source": "Our end of the session",
    "interface": "The interface whose address it is",
    "ebgp-multihop": "It is more than one hop away",
    "ttl": "At most so many",
    "disable-connected-check": "It is one hop away, and not on a connected network",
    "timers": "Times of the session",
    "keepalive": "Seconds between keepalives",
    "hold": "Seconds until it is given up",
    "least": "Refuse a neighbor that wants fewer",
    "local-as": "Use another local autonomous system toward it",
    "local_as": "Number",
    "no-prepend": "Not in routes from it",
    "replace-as": "And nothing else instead",
    "ttl-security": "Take only packets that crossed few routers (RFC 5082)",
    "hops": "At most so many",
    "dont-capability-negotiate": "Do not say that we can do",
    "enhanced-refresh": "Marks where a refresh begins and ends (RFC 7313)",
    "capability": "Say that we can do",
    "extended-nexthop": "Next hops of IPv6 for routes of IPv4 (RFC 8950)",
    "inherit": "Take what a template says",
    "peer-session": "Of the session",
    "peer-policy": "Of the routes",
    "template": "Name of the template",
    "next-hop-unchanged": "Keep the next hop for an external neighbor that is hops away",
    "all": "Even so",
    "additional-paths": "Several paths to a prefix (RFC 7911)",
    "send": "Send several paths for a prefix",
    "receive": "Take them",
    "advertise": "Which paths to advertise",
    "best": "The best of them",
    "group-best": "The best of each neighboring system",
    "transport": "The TCP connection",
    "connection-mode": "Who opens it",
    "active": "We",
    "passive": "The neighbor",
    "fall-over": "Give it up when there is no route to it",
    "bfd": "When BFD does not hear it",
    "single-hop": "It is on a connected network",
    "check-control-plane-failure": "As it is here in any case",
    "allpaths": "Of whatever path",
    "ha-mode": "While it restarts",
    "graceful-restart": "Keep its routes (RFC 4724)",
    "disable": "Do not",
    "version": "Version of BGP",
    "next-hop-self": "Set this router as the next hop",
    "route-reflector-client": "Reflect routes to it",
    "route-map": "Only what a route map lets through",
    "send-community": "Send communities to this neighbor",
    "both": "Both kinds",
    "standard": "RFC 1997",
    "extended": "RFC 4360",
    "soft-reconfiguration": "Keep its routes",
    "inbound": "As received",
    "remove-private-as": "Remove private AS numbers",
    "as-override": "Put ours in place of its AS number",
    "allowas-in": "Take routes with our own AS number",
    "times": "So often in it",
    "maximum-prefix": "End the session if it advertises more",
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
    "filter-list": "Only AS paths that a list lets through",
    "unsuppress-map": "Advertise parts of an aggregate that a route map permits",
    "map": "Name",
    "list": "Name, or number",
    "in": "Routes from the neighbor",
    "out": "Routes to the neighbor",
}
_SEQUENCE: Final = "The larger it is, the later the template speaks"
_KEY: Final = (
    "peer",
    *("remote-as", "peer-group", "description", "shutdown", "password", "update-source", "ebgp-multihop"),
    *("disable-connected-check", "timers", "local-as", "transport", "fall-over", "ha-mode", "version", "next-hop-self"),
    *("dont-capability-negotiate", "ttl-security", "next-hop-unchanged", "inherit", "peer-session", "peer-policy"),
    *("route-reflector-client", "send-community", "soft-reconfiguration", "remove-private-as"),
    *("as-override", "allowas-in", "maximum-prefix", "weight", "advertisement-interval"),
    *("advertise", "additional-paths", "capability"),
    *("route-map", "prefix-list", "distribute-list", "filter-list", "unsuppress-map", "in", "out", "extended"),
)


def check_choice(args: Args, section: Section) -> str | None:
    """Check that the neighbor can exist, and that a line about additional paths selects some. Returns the error."""
    is_choice = "advertise" in args or "select" in args
    is_said = any(word in args for word in ("all", "best", "group-best", "backup"))
    return "% Incomplete command." if is_choice and not is_said else _check_peer(args, section)


_check_peer: Final = refusing_impossible("peer")


def neighbor_line(
    mode: str, *, with_session: bool, order: int, takes_along: Callable[[Args, Section], None] | None = None
) -> ConfigLine:
    """Return the `neighbor` line for one mode."""
    endings = (*_OF_SESSION, *_OF_FAMILY) if with_session else ("peer-group {group:word}", *_OF_FAMILY)
    present = {word.strip("[](){}|") for ending in endings for word in ending.split()}
    return ConfigLine(
        mode,
        f"neighbor {{peer:{PEER.name}}} ( {' | '.join(endings)} )",
        _HELP,
        key=tuple(name for name in _KEY if name == "peer" or name in present),
        order=order,
        whom="peer",
        takes_along=takes_along,
        check=check_choice,
    )


def default_originate_line(mode: str, *, order: int) -> ConfigLine:
    """Return the `neighbor ... default-originate` line: entered again with another route map, it replaces
    the old one.
    """
    return ConfigLine(
        mode,
        f"neighbor {{peer:{PEER.name}}} default-originate [ route-map {{map:word}} ]",
        {
            "default-originate": "Advertise a default route to it",
            "route-map": "While the routing table has a route that the map permits",
            "map": "Name",
        },
        key=("peer",),
        order=order,
        whom="peer",
    )


def activate_line(mode: str, *, order: int) -> ConfigLine:
    """Return the `neighbor ... activate` line: its default depends on another line, so both forms are stored."""
    return ConfigLine(
        mode,
        f"neighbor {{peer:{PEER.name}}} activate",
        {"activate": "Exchange routes of this address family"},
        key=("peer",),
        order=order,
        keep_no=True,
        whom="peer",
    )


def template_lines(mode: str, *, of_session: bool) -> tuple[ConfigLine, ...]:
    """Return the lines of a template: the endings without the neighbor; `inherit` names another template."""
    left_out = ("peer-group", "inherit", "version", "remote-as") if not of_session else ("peer-group", "inherit")
    endings = [one for one in (_OF_SESSION if of_session else _OF_FAMILY) if not one.startswith(left_out)]
    inherit = (
        "inherit peer-session {template:word}"
        if of_session
        else ("inherit peer-policy {template:word} {sequence:1-65535}")
    )
    return tuple(
        ConfigLine(
            mode, ending, {**_HELP, "sequence": _SEQUENCE}, key=_key_of(ending), order=10 + place, check=check_choice
        )
        for place, ending in enumerate([inherit, *endings])
    )


def _key_of(ending: str) -> tuple[str, ...] | None:
    if ending.startswith("send-community"):
        return ("extended",)
    if "sequence" in ending:
        return ("sequence",)
    return ("in", "out") if "( in | out )" in ending else None
