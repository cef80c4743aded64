"""BGP version 4, IPv4 and IPv6 unicast: RFC 4271, RFC 4760, with route reflection, dynamic neighbors and AS numbers of
four octets.

Takes `router bgp`, byte streams at TCP port 179, `RouteChanged` and `InterfaceChanged`; emits `RouteOffered` and
`RouteRetracted`, new streams and the octets to send over them.

    packet      messages <-> octets           attributes   path attributes: value, octets, damage
    families    address families as values    tables       one family whole: its parts
    model       the typed configuration       settings     effective settings of one peer
    session     one connection, its states    neighbor     sessions and routes of a neighbor
    lifecycle   sessions and messages         input        UPDATE -> Adj-RIB-In -> paths
    paths       decision process, Loc-RIB     policy       filters, route maps
    origination network, redistribute, imports of other VRFs, aggregates
    routes      all routes, and the RIB       output       attributes sent to an update group
    updates     encoded UPDATEs, queues       groups       update groups: Adj-RIB-Out
    advertiser  membership, pace of groups    selection    the routes that a group gets
    machine     dispatches events             show         shows, `clear ip bgp`
    facts       facts for the doctor          passing      why a route is not passed on
"""

from __future__ import annotations

from dmvpn.features.bgp import config, messages
from dmvpn.ios import DebugFlag, Feature, Later, Scope, Sleeper


def _debug(name: str, rest: str, title: str) -> DebugFlag:
    """Return a debug flag that accepts every spelling of the command."""
    events = "" if rest else " [ events ]"
    return DebugFlag(
        name, f"( ip bgp [ ipv4 unicast ] | bgp ( ipv4 | ipv6 ) unicast ){rest}{events}", title, "IP routing"
    )


FEATURE = Feature(
    name="bgp",
    scope=Scope.VRF,
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
    protocol_blocks=Later("dmvpn.features.bgp.show:ip_protocols"),
    ipv6_blocks=Later("dmvpn.features.bgp.show:ipv6_protocols"),
    protocol_names=Later("dmvpn.features.bgp.show:protocol_names"),
    tcp=Later("dmvpn.features.bgp.show.common:connections"),
    explanations=Later("dmvpn.features.bgp.explain:GROUPS"),
    metrics=Later("dmvpn.features.bgp.metrics:METRICS"),
)
