"""BGP version 4, IPv4 unicast: RFC 4271, with route reflection, dynamic neighbors and four-octet AS numbers.

Takes `router bgp`, byte streams at TCP port 179, `RouteChanged` and `InterfaceChanged`; makes `RouteOffered` and
`RouteRetracted`, streams and what is sent over them.

    packet      messages <-> octets          codes       of messages and errors
    nlri        prefixes in UPDATEs          attributes  path attributes, as one value
    attribute_octets  the octets of these, and what becomes of damaged ones
    model       the typed configuration      settings    what holds for one peer
    session     one connection               states      its states and moves
    opening     what both ends say first     peer        a peer: sessions, Adj-RIB-In, group
    intake      UPDATE -> Adj-RIB-In         learning    Adj-RIB-In -> paths, by filters
    paths       the decision process         additional  which paths may be told besides
    table       Loc-RIB
    flaps       routes that come and go      nexthops    whether next hops can be reached
    own         network, redistribute
    aggregates  and their parts              routes      all of these together, and the RIB
    policy      filters, route maps          outbound    what peers of equal policy are told
    batches     what they are told, encoded  groups      update groups: Adj-RIB-Out, feeds
    feeds       what each is still to be sent changelog   what changed last
    teller      who is told when             limits      maximum-prefix
    spelling    lines as they are typed
    neighbors   who calls, who is called     process     what the parts share
    hearing     what neighbors say          watched     those that BFD watches
    restart     what is said of restarts     helper      routes of those that restart
    machine     hands events to the parts    show        shows, `clear ip bgp`
    facts       what judges outside may know
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp import config, messages
from dmvpn.ios import DebugFlag, Feature, Later, Sleeper

if TYPE_CHECKING:
    from dmvpn.base.streams import StreamLine
    from dmvpn.ios import ShowContext


def _protocol_blocks(ctx: ShowContext) -> list[str]:
    from dmvpn.features.bgp.show import ip_protocols

    return ip_protocols(ctx)


def _protocol_names(ctx: ShowContext) -> list[str]:
    from dmvpn.features.bgp.show import protocol_names

    return protocol_names(ctx)


def _tcp(ctx: ShowContext) -> list[StreamLine]:
    from dmvpn.features.bgp.show.tcp import connections

    return connections(ctx)


def _debug(name: str, rest: str, title: str) -> DebugFlag:
    """Return a debug in all its spellings."""
    events = "" if rest else " [ events ]"
    return DebugFlag(name, f"( ip bgp [ ipv4 unicast ] | bgp ipv4 unicast ){rest}{events}", title, "IP routing")


FEATURE = Feature(
    name="bgp",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.bgp.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.bgp.machine:BgpMachine"),
    messages=messages.MESSAGES,
    debugs=(
        _debug(messages.BGP, "", "BGP"),
        _debug(messages.KEEPALIVES, " keepalives", "BGP keepalives"),
        _debug(messages.UPDATES, " updates", "BGP updates"),
        _debug(messages.UPDATES_IN, " updates in", "BGP updates (inbound)"),
        _debug(messages.UPDATES_OUT, " updates out", "BGP updates (outbound)"),
    ),
    protocol_blocks=_protocol_blocks,
    protocol_names=_protocol_names,
    tcp=_tcp,
    explanations=Later("dmvpn.features.bgp.explain:GROUPS"),
)
