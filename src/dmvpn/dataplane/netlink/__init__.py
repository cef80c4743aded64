"""Our own rtnetlink: the kernel's interfaces, addresses, routes and neighbors without any binary or library.

    wire           messages and attributes as octets
    link, route    one object each: value, its requests, decoder; pure functions
    channel        NetlinkSocket: sends requests, in batches
    monitor        NetlinkMonitor: receives notifications, as typed events
    nftables       changes of tables of ours; `sets` of them; `nfsocket` carries them
    netfilter      address translation; on its own, for the gateways of labs

Requests are values made by the pure functions and carried out by `NetlinkSocket.execute` (returns refusals) or
`NetlinkSocket.call` (raises). Interfaces are indexes here; callers translate names of IOS.
"""

from dmvpn.dataplane.netlink.channel import KernelRefusal, NetlinkError, NetlinkSocket
from dmvpn.dataplane.netlink.link import (
    AddressFlag,
    InetConf,
    InterfaceAddress,
    KernelLink,
    LinkFlag,
    LinkSettings,
    VethEnd,
    add_address,
    add_missing_address,
    checked_name,
    create_bridge,
    create_gre_collector,
    create_veth,
    create_vrf,
    delete_address,
    delete_link,
    set_arp,
    set_down,
    set_link,
    set_up,
)
from dmvpn.dataplane.netlink.monitor import (
    AddressEvent,
    KernelEvent,
    LinkEvent,
    NeighborEvent,
    NetlinkMonitor,
    ObjectChange,
    Overrun,
    RouteEvent,
    RuleEvent,
    link_of,
    subject_of,
)
from dmvpn.dataplane.netlink.route import (
    CONNECTED_METRIC6,
    EVERYWHERE,
    KERNEL_PROTOCOL,
    ROUTE_METRIC,
    ROUTE_PROTOCOL,
    TABLE_MAIN,
    KernelNeighbor,
    KernelNeighborState,
    KernelNextHop,
    KernelRoute,
    NeighborFlag,
    NeighborParameters,
    RouteForm,
    RouteRequest,
    RouteType,
    Rule,
    add_route,
    add_rule,
    append_route,
    delete_neighbor,
    delete_route,
    delete_rule,
    replace_route,
    set_neighbor,
    set_neighbor_parameters,
)
from dmvpn.dataplane.netlink.wire import AF_INET, AF_INET6, KernelMessageType, KernelRequest, NotificationGroup, Request
