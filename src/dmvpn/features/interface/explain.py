"""What interfaces print, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.interface import messages
from dmvpn.features.interface.port import Status
from dmvpn.features.interface.reasons import InterfaceReason

# ------------------------------------------------------------------------------------- states, reasons and log messages


_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of interfaces :: the prompt next: show ip interface brief
    % <address> overlaps with <interface> :: Another interface has an address in the same network; packets to it could
        not know which way to go.
    % The host keeps these addresses and asks for them again; to forget one there: ip neigh flush to <address> :: `clear
        arp-cache` has nothing to clear: the kernel under this router learns link-layer addresses.
        next: show arp
    % <address> is a link-local address: say <command> :: FE80 addresses are written with `link-local` behind.
    % <address> is no address of a neighbor :: It is that of a group, of no station or of a router's own loopback.
    % <prefix> is no prefix of addresses of hosts :: Hosts make no addresses of link-local prefixes and of groups.
    % <address> cannot be the address of an interface :: It is a multicast, a loopback or the unspecified one.
        [RFC 4291 §2]
    % <address> is not a link-local address (FE80::/10) :: `link-local` was said of an address that is none.
        [RFC 4291 §2.5.6]
    % An interface cannot lend its address to itself :: `ipv6 unnumbered` names another interface, whose address
        this one uses.
    % The preferred lifetime is not longer than the valid one :: A host may use an address for new sessions only while
        it is valid. [RFC 4861 §6.2.1]
    % The least interval is <count> seconds, three quarters of the most, or shorter :: So hosts do not lose this router
        between two advertisements. [RFC 4861 §6.2.1]
        next: show running-config interface
    """)
_STATUS = words(
    WordKind.STATE,
    Status,
    rank=11,
    sighting=r"(?:^\S+ is (administratively down|up|down), line protocol"
    r"|(?:YES|NO) \S+ +(administratively down|up|down) +(?:up|down)|\[(administratively down|up|down)/(?:up|down)\])",
    mark=r"^\S+ is (?:administratively down|up|down), line protocol is",
)("""
    ## status of an interface :: show interfaces, show ip interface, show ipv6 interface, show ip interface brief, show
        interfaces description
        next: show interfaces
    UP | up (interface) :: The first of the two words: the interface itself works. A tunnel is up as soon as it is not
        shut down.
    DOWN :: No carrier: the cable, the far end or the host's link is off. next: show interfaces, show logging
    SHUT | admin down | shutdown :: `shutdown` is configured; `no shutdown` brings the interface back.
        next: show running-config interface
    """)
_PROTOCOL = words(WordKind.STATE, rank=12, sighting=r"(line protocol is (?:up|down))")("""
    ## line protocol :: show interfaces, show ip interface, show ipv6 interface, show ip interface brief,
        show interfaces description
        next: show interfaces
    line protocol is up :: The second word: the interface carries packets.
    line protocol is down :: The interface carries nothing. Of a tunnel: it has no source, no route to its destination,
        would route into itself, or cannot be protected; `Tunnel linestate evaluation` names which.
        next: show interfaces Tunnel
    up/up :: The interface works and carries packets.
    up/down :: The interface itself works and carries no packets. Of a tunnel this is the usual fault: its source, its
        destination, recursion, protection, or `if-state nhrp` without a server.
        next: show interfaces Tunnel (the line Tunnel linestate evaluation)
    down/down :: The interface has no carrier, so it carries nothing.
    administratively down/down | admin down/down :: Shut down by configuration.
    """)
_METHODS = words(
    WordKind.FLAG, sighting=r"(?:YES|NO) (\w+) +(?:administratively|up|down)", mark=r"^Interface +IP-Address +OK\?"
)("""
    ## column Method :: show ip interface brief next: show ip interface
    manual :: The address comes from the configuration.
    other :: The address is the host's own; the configuration names none.
    DHCP :: `ip address dhcp`: a DHCP client gets it, in a lab the router's own.
    unset :: There is no address.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of interfaces :: show logging next: show logging
    %LINK-3-UPDOWN :: At each change of the carrier. next: show interfaces
    %LINK-5-CHANGED :: After `shutdown` in configuration mode. next: show ip interface brief
    %LINEPROTO-5-UPDOWN :: Of a tunnel: when its source, destination, keepalive, protection or next hop servers change.
        next: show interfaces
    %IPV6-4-NOTRUNNING :: When the data plane, or the kernel, carries no IPv6 there. next: show ipv6 interface
    """)
_REASONS = words(WordKind.REASON, InterfaceReason)("""
    ## reasons of interfaces :: show interfaces, show ipv6 interface next: show interfaces
    REFUSED :: The kernel did not take up, down, an address or an MTU.
    ONLY_IPV4 :: The running data plane does not support IPv6 inside the tunnel.
    NO_IPV6 :: The data plane could, but the host lacks what it needs: in most containers /proc/sys is read-only.
    SHUT :: `shutdown` is configured. next: show running-config interface
    UNDECIDED :: The tunnel exists in the configuration and its state is not decided yet.
    MISSING :: The configuration names an interface that the host lacks, or that `--map` gives to none.
        next: show ip interface brief
    NO_CARRIER :: The link is off: no cable, or the other end is down.
    UNANSWERED :: `ip address dhcp`, and no lease: the client of this router asks on. next: show dhcp lease
    NO_LEASE :: `ip address dhcp`, and no lease so far. next: show ip interface brief
    OTHER_ADDRESS :: An adopted interface has one address in the host and another in the configuration; nothing is
        changed without `--manage`.
        next: show ip interface brief
    """)


# ------------------------------------------------------------------------------------------------ shows


_LABELS: Final = words(WordKind.LABEL)("""
    ## lines of show ip traffic :: show ip traffic, show ipv6 traffic next: show interfaces
    IP statistics | IPv6 statistics :: Packets of one version of IP, on all interfaces together.
    ICMP statistics | UDP statistics | TCP statistics :: Packets for this router or by it. TCP is counted for both
        versions together, under IPv4.
    Rcvd | total | received | input | local destination :: Packets that came in, and those of them for this router.
    Mcast | Bcast :: Packets for a group, and for all stations of a link.
    Sent | generated | forwarded | output :: Packets that left: our own ones, and forwarded ones.
    Frags | fragments | reassembled | total reassembled | timeouts | reassembly timeouts | couldn't reassemble |
        reassembly failures :: Fragments that came in, packets made of them, and packets of which some never came.
    fragmented | fragmented into | couldn't fragment | failed :: Packets that were cut, and packets that may not be.
    Drop | no route | no port | not a gateway | unknown protocol :: No route fits, or this router does not take it.
    errors | format errors | checksum errors | truncated | bad header | bad source | dropped :: Damaged packets.
    time exceeded | unreach | unreachable | too big | parameter | redirects :: Errors of ICMP, and what caused them.
    echo | echo request | echo reply :: Pings, and answers to pings.
    router solicit | router advert | neighbor solicit | neighbor advert :: Neighbor Discovery. next: show ipv6 neighbors

    ## labels of an interface :: show interfaces next: show interfaces
    Hardware | ARPA | Loopback | Null | Tunnel | LOOPBACK | TUNNEL :: What kind of interface it is, and its address on
        the wire.
    bia :: The address that the hardware came with.
    line protocol :: The second word of the state: whether the interface carries packets.
    Description :: What `description` says; for people.
    Internet address :: The IPv4 address and the length of its mask. next: show ip interface brief
    MTU :: The largest packet that the interface takes, in octets. next: show interfaces Tunnel
    BW :: The bandwidth that routing metrics assume (`bandwidth`); no limit.
    DLY :: The delay that routing metrics assume (`delay`); packets are not delayed.
    reliability | txload | rxload :: How well the interface works, of 255; always full here.
    Encapsulation | 802.1Q Virtual LAN | Vlan ID :: What packets are wrapped in on the wire.
    loopback not set :: The interface is not looped back on itself.
    Keepalive set | retries :: Keepalives are sent: on a tunnel, every so many seconds, and after so many lost ones it
        is down.
        next: show interfaces Tunnel
    Keepalive not set :: No keepalives are sent; a multipoint tunnel has none.
    Full Duplex | link type | media type :: Both directions at once, and the speed.
    output flow-control | input flow-control :: Whether the far end may ask for a pause.
    ARP type | ARP Timeout :: How addresses on the wire are found.
    Tunnel linestate evaluation :: Whether the line protocol of the tunnel may be up, and if not, the reason.
        next: show interfaces Tunnel
    Tunnel source | destination :: Our outer address, and whether an interface lends it.
    UNKNOWN :: No address: a multipoint tunnel has no destination, and a source may be missing.
        next: show running-config interface Tunnel
    Tunnel Subblocks | src-track | source tracking subblock | Set of tunnels with source | on interface | member |
        includes iterators | OK :: What follows the tunnel's source.
    Tunnel protocol/transport | GRE/IP | multi-GRE/IP :: GRE/IP has one far end, multi-GRE/IP has many. [RFC 2784]
    Key :: The number in each GRE packet (`tunnel key`). [RFC 2890 §2.1] next: show running-config interface Tunnel
    sequencing :: Numbers in GRE packets against wrong order; not used. [RFC 2890 §2.2]
    Checksumming of packets :: A check sum in GRE packets; not used. [RFC 2784 §2.5]
    Tunnel TTL | Fast tunneling :: The TTL of outer packets.
    Path MTU Discovery | ager | min MTU :: `tunnel path-mtu-discovery`: outer packets have DF, and routers on the way
        name their MTU. [RFC 1191 §3]
    Tunnel transport VRF :: The VRF of the outer packets: `tunnel vrf`. next: show ip route vrf <name>
    Tunnel transport MTU :: The largest packet inside of the tunnel that fits outside.
    Tunnel transmit bandwidth | Tunnel receive bandwidth :: What the tunnel may use; for reading only.
    Tunnel protection via IPSec :: The IPsec profile that protects the tunnel. next: show crypto ipsec sa
    Last input | output | output hang | never :: How long ago something came in.
    Last clearing of "show interface" counters | Last clearing | show interface | counters :: Since when the numbers
        below count.
    Input queue | size/max/drops/flushes :: Packets that wait to be looked at: now, at most, lost.
    Total output drops :: Packets that could not be sent.
    Queueing strategy | fifo :: The order in which waiting packets go: as they come (fifo).
    Output queue | size/max :: Packets that wait to be sent: now, and at most.
    minute input rate | bits/sec | packets/sec :: What came in, averaged.
    minute output rate :: What went out, averaged.
    packets input :: Packets that came in, and their octets.
    Received | broadcasts | IP multicasts :: How many of them were for all, or for many.
    runts | giants | throttles | no buffer :: Packets too short for the wire.
    input errors | CRC | frame | overrun | ignored | abort :: Packets that came in damaged or could not be used; by kind
        behind it.
    packets output | underruns | Output :: Packets that went out, and their octets.
    output errors | collisions | interface resets :: Packets that the interface could not send.
    unknown protocol drops :: Packets of protocols that the router does not speak.
    output buffer failures | output buffers swapped out :: Packets lost for want of memory.

    ## columns of the interfaces' tables :: show ip interface brief, show interfaces description next: show interfaces
    IP-Address :: The IPv4 address; unassigned is none.
    unassigned :: The interface has no address. next: show running-config interface
    OK? | YES :: Whether the address is good; always YES.
    Method :: Where the address comes from.
    Status :: The first word of the interface's state: itself.
    Protocol :: The second word: whether it carries packets.

    ## labels of IP on an interface :: show ip interface, show ipv6 interface next: show ip interface
    Broadcast address :: Where packets for all on the wire go.
    Address determined | setup command :: Whether the address is from the configuration (setup command) or from DHCP.
    Helper address :: Where DHCP's broadcasts would be passed on to.
    Directed broadcast forwarding :: Whether broadcasts into the network are passed on; they are not.
    Secondary address :: Another address of the same interface.
    VPN Routing/Forwarding :: The VRF that the interface is in. next: show vrf
    Internet protocol processing disabled :: The interface has no IPv4 address.
    Outgoing access list | Outgoing | Inbound access list | Inbound | access list :: The list for forwarded packets that
        leave by the interface; below it, the list for packets that come in.
    Input | Output | features | Access List :: IPv6 packets that come in, or leave, are filtered by the list below.
    Access lists :: Why the host does not filter as the lists say; then nothing passes them, or all does.
    Proxy ARP :: Whether the router answers ARP for other hosts; it does not.
    ICMP redirects | always | never sent :: Whether the router sends ICMP redirects to hosts; not NHRP's redirects.
        [RFC 792]
    ICMP unreachables :: Whether the router reports undeliverable packets to their senders. [RFC 1812 §5.2.7.1]
    IP verify source reachable-via | RX | ANY | allow default :: Packets pass only if there is a route to their sender:
        by this port (RX), or by any (ANY).
    verification drops | suppressed verification drops :: Packets dropped because there is no such route; none is
        suppressed here.
    ICMP mask replies :: Whether the router answers ICMP mask requests; it does not.
    stalled :: IPv6 is configured and does not run; the reason is below. next: show ipv6 interface
    link-local address :: The IPv6 address that holds on this link alone. [RFC 4291 §2.5.6]
    Virtual link-local address :: A further one of that kind; none here.
    Global unicast address | subnet :: IPv6 addresses that hold everywhere. [RFC 4291 §2.5.4]
    ND RAs are suppressed | periodic | all :: Router advertisements go out only when a host asks (periodic), or never
        (all): `ipv6 nd ra suppress`. [RFC 4861 §6.2]
    ND router advertisements are sent every :: Seconds from one router advertisement to the next, at most.
    ND router advertisements live for :: Seconds that hosts use this router after one; 0: it is no default router.
    ND advertised default router preference :: Which router of the link hosts prefer. [RFC 4191]
    Hosts use stateless autoconfig for addresses :: Hosts make addresses of the advertised prefixes. [RFC 4862]
    Hosts use DHCP to obtain routable addresses :: Advertisements ask hosts to get addresses by DHCPv6:
        `ipv6 nd managed-config-flag`.
    Hosts use DHCP to obtain other configuration :: Advertisements ask hosts to get the rest by DHCPv6:
        `ipv6 nd other-config-flag`.
    Stateless address autoconfig enabled :: `ipv6 address autoconfig`: addresses by advertisements of another router.
        next: show ipv6 routers
    valid lifetime | preferred lifetime | EUI | CAL | PRE :: Of an address by advertisements: seconds until it ends, and
        until new sessions take another one; its last 64 bits are the interface's own (EUI). [RFC 4862 §5.5.4]
    ANY :: An anycast address: other routers may have it, too. [RFC 4291 §2.6]
    Interface is unnumbered | Using address of :: `ipv6 unnumbered`: this interface uses the address of that one.
    Not running | not running :: Why the protocol does not run on the interface.

    ## labels of routers of a link :: show ipv6 routers next: show ipv6 interface
    Router | last update :: A router of the link, and how long ago it advertised itself. [RFC 4861 §4.2]
    Hops | Lifetime | HomeAgentFlag | Reachable time | Retransmit time | msec | unspecified :: What it says to hosts:
        the hop limit of their packets, how long it is their default router, and times of neighbor discovery.
    AddrFlag | OtherFlag :: 1: hosts ask DHCPv6 for addresses, or for the rest.
    Preference :: Which router of the link is the next hop of the default route. [RFC 4191]
    Prefix | onlink | autoconfig :: A prefix of the link; onlink: its stations are neighbors, autoconfig: addresses are
        made of it.
    Valid lifetime :: Seconds, -1: without end.

    ## columns of show arp :: show arp, show ip arp next: show ip interface brief
    Protocol | Internet :: Internet: IPv4. Neighbors of IPv6 are not in this table.
    Address :: An address on an Ethernet, ours or that of a station there.
    Age (min) :: -: the address is ours. 0 for all other addresses, because the host does not report their age.
    Hardware Addr | Incomplete | Hardware | Addr :: The link-layer address; Incomplete: no answer yet, or the wire is
        simulated and has none.
    Type | ARPA :: How the protocol is carried: ARPA is Ethernet.
    Interface :: Where the station is.

    ## columns of show ipv6 neighbors :: show ipv6 neighbors next: show ipv6 interface brief
    IPv6 Address :: A station on an Ethernet.
    Age | 0 :: Always 0: the host does not report it.
    Link-layer Addr | - :: Its link-layer address; -: the wire is simulated and has none.
    State | REACH :: The host knows the address.
    Interface :: The port behind which it is.

    ## columns of the summary of interfaces :: show interfaces summary next: show interfaces
    IHQ | pkts in input hold queue :: Packets that wait to be received; the kernel's, and not counted here.
    IQD | pkts dropped from input queue :: Received packets that were dropped.
    OHQ | pkts in output hold queue :: Packets that wait to be sent; the kernel's, and not counted here.
    OQD | pkts dropped from output queue :: Packets that were to be sent and were dropped.
    RXBS | rx rate | bits/sec :: Receive rate, bits per second.
    RXPS | pkts/sec :: Receive rate, packets per second.
    TXBS | tx rate :: Transmit rate, bits per second.
    TXPS :: Transmit rate, packets per second.
    TRTL | throttle count :: How often an interface was throttled; never here.
    interface is up :: The mark of interfaces that carry packets.
    """)


GROUPS: Final = groups(vars())
