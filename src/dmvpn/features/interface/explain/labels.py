"""Headings and labels of the interfaces' shows. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_TRAFFIC = label_group(
    "lines of show ip traffic",
    ("show ip traffic",),
    Word("IP statistics", "Packets of all interfaces together, as the data plane counts them."),
    Word("Rcvd", "Packets that came in, for whomever.", also=("errors", "dropped", "total", "received")),
    Word("Mcast", "Packets that came in for a group."),
    Word("Sent", "Packets that left, forwarded or our own."),
    next="show interfaces",
)

_BLOCK = label_group(
    "labels of an interface",
    ("show interfaces",),
    Word(
        "Hardware",
        "What kind of interface it is, and its address on the wire.",
        also=("ARPA", "Loopback", "Null", "Tunnel", "LOOPBACK", "TUNNEL"),
    ),
    Word("bia", "The address that the hardware came with."),
    Word("line protocol", "The second word of the state: whether the interface carries packets."),
    Word("Description", "What `description` says; for people."),
    Word("Internet address", "The IPv4 address and the length of its mask.", next="show ip interface brief"),
    Word("MTU", "The largest packet that the interface takes, in octets.", next="show interfaces Tunnel"),
    Word("BW", "The bandwidth that routing metrics assume (`bandwidth`); no limit."),
    Word("DLY", "The delay that routing metrics assume (`delay`); packets are not delayed."),
    Word("reliability", "How well the interface works, of 255; always full here.", also=("txload", "rxload")),
    Word("Encapsulation", "What packets are wrapped in on the wire."),
    Word("loopback not set", "The interface is not looped back on itself."),
    Word(
        "Keepalive set",
        "Keepalives are sent: on a tunnel, every so many seconds, and after so many lost ones it is down.",
        next="show interfaces Tunnel",
        also=("retries",),
    ),
    Word("Keepalive not set", "No keepalives are sent; a multipoint tunnel has none."),
    Word("Full Duplex", "Both directions at once, and the speed.", also=("link type", "media type")),
    Word("output flow-control", "Whether the far end may ask for a pause.", also=("input flow-control",)),
    Word("ARP type", "How addresses on the wire are found.", also=("ARP Timeout",)),
    Word(
        "Tunnel linestate evaluation",
        "Whether the line protocol of the tunnel may be up, and if not, the reason.",
        next="show interfaces Tunnel",
    ),
    Word("Tunnel source", "Our outer address, and whether an interface lends it.", also=("destination",)),
    Word(
        "UNKNOWN",
        "No address: a multipoint tunnel has no destination, and a source may be missing.",
        next="show running-config interface Tunnel",
    ),
    Word(
        "Tunnel Subblocks",
        "What follows the tunnel's source.",
        also=(
            "src-track",
            "source tracking subblock",
            "Set of tunnels with source",
            "on interface",
            "member",
            "includes iterators",
            "OK",
        ),
    ),
    Word(
        "Tunnel protocol/transport",
        "GRE/IP has one far end, multi-GRE/IP has many.",
        clause="RFC 2784",
        also=("GRE/IP", "multi-GRE/IP"),
    ),
    Word(
        "Key",
        "The number in each GRE packet (`tunnel key`).",
        next="show running-config interface Tunnel",
        clause="RFC 2890 §2.1",
    ),
    Word("sequencing", "Numbers in GRE packets against wrong order; not used.", clause="RFC 2890 §2.2"),
    Word("Checksumming of packets", "A check sum in GRE packets; not used.", clause="RFC 2784 §2.5"),
    Word("Tunnel TTL", "The TTL of outer packets.", also=("Fast tunneling",)),
    Word(
        "Path MTU Discovery",
        "`tunnel path-mtu-discovery`: outer packets have DF, and routers on the way name their MTU.",
        clause="RFC 1191 §3",
        also=("ager", "min MTU"),
    ),
    Word("Tunnel transport VRF", "The VRF of the outer packets: `tunnel vrf`.", next="show ip route vrf <name>"),
    Word("Tunnel transport MTU", "The largest packet inside of the tunnel that fits outside."),
    Word("Tunnel transmit bandwidth", "What the tunnel may use; for reading only.", also=("Tunnel receive bandwidth",)),
    Word("Tunnel protection via IPSec", "The IPsec profile that protects the tunnel.", next="show crypto ipsec sa"),
    Word("Last input", "How long ago something came in.", also=("output", "output hang", "never")),
    Word(
        'Last clearing of "show interface" counters',
        "Since when the numbers below count.",
        also=("Last clearing", "show interface", "counters"),
    ),
    Word("Input queue", "Packets that wait to be looked at: now, at most, lost.", also=("size/max/drops/flushes",)),
    Word("Total output drops", "Packets that could not be sent."),
    Word("Queueing strategy", "The order in which waiting packets go: as they come (fifo).", also=("fifo",)),
    Word("Output queue", "Packets that wait to be sent: now, and at most.", also=("size/max",)),
    Word("minute input rate", "What came in, averaged.", also=("bits/sec", "packets/sec")),
    Word("minute output rate", "What went out, averaged."),
    Word("packets input", "Packets that came in, and their octets."),
    Word("Received", "How many of them were for all, or for many.", also=("broadcasts", "IP multicasts")),
    Word("runts", "Packets too short for the wire.", also=("giants", "throttles", "no buffer")),
    Word(
        "input errors",
        "Packets that came in damaged or could not be used; by kind behind it.",
        also=("CRC", "frame", "overrun", "ignored", "abort"),
    ),
    Word("packets output", "Packets that went out, and their octets.", also=("underruns", "Output")),
    Word("output errors", "Packets that the interface could not send.", also=("collisions", "interface resets")),
    Word("unknown protocol drops", "Packets of protocols that the router does not speak."),
    Word("output buffer failures", "Packets lost for want of memory.", also=("output buffers swapped out",)),
    next="show interfaces",
)

_TABLES = label_group(
    "columns of the interfaces' tables",
    ("show ip interface brief", "show interfaces description"),
    Word("IP-Address", "The IPv4 address; unassigned is none."),
    Word("unassigned", "The interface has no address.", next="show running-config interface"),
    Word("OK?", "Whether the address is good; always YES.", also=("YES",)),
    Word("Method", "Where the address comes from."),
    Word("Status", "The first word of the interface's state: itself."),
    Word("Protocol", "The second word: whether it carries packets."),
    next="show interfaces",
)

_IP = label_group(
    "labels of IP on an interface",
    ("show ip interface", "show ipv6 interface"),
    Word("Broadcast address", "Where packets for all on the wire go."),
    Word(
        "Address determined",
        "Whether the address is from the configuration (setup command) or from DHCP.",
        also=("setup command",),
    ),
    Word("Helper address", "Where DHCP's broadcasts would be passed on to."),
    Word("Directed broadcast forwarding", "Whether broadcasts into the network are passed on; they are not."),
    Word("Secondary address", "Another address of the same interface."),
    Word("VPN Routing/Forwarding", "The VRF that the interface is in.", next="show vrf"),
    Word("Internet protocol processing disabled", "The interface has no IPv4 address."),
    Word(
        "Outgoing access list",
        "The list for forwarded packets that leave by the interface; below it, the list for packets that come in.",
        also=("Inbound access list", "Inbound", "access list"),
    ),
    Word("Access lists", "Why the host does not filter as the lists say; then nothing passes them, or all does."),
    Word("Proxy ARP", "Whether the router answers ARP for other hosts; it does not."),
    Word(
        "ICMP redirects",
        "Whether the router sends ICMP redirects to hosts; not NHRP's redirects.",
        clause="RFC 792",
        also=("always", "never sent"),
    ),
    Word(
        "ICMP unreachables",
        "Whether the router reports undeliverable packets to their senders.",
        clause="RFC 1812 §5.2.7.1",
    ),
    Word(
        "IP verify source reachable-via",
        "Packets pass only if there is a route to their sender: by this port (RX), or by any (ANY).",
        also=("RX", "ANY", "allow default"),
    ),
    Word(
        "verification drops",
        "Packets dropped because there is no such route; none is suppressed here.",
        also=("suppressed verification drops",),
    ),
    Word("ICMP mask replies", "Whether the router answers ICMP mask requests; it does not."),
    Word("stalled", "IPv6 is configured and does not run; the reason is below.", next="show ipv6 interface"),
    Word("link-local address", "The IPv6 address that holds on this link alone.", clause="RFC 4291 §2.5.6"),
    Word("Virtual link-local address", "A further one of that kind; none here."),
    Word("Global unicast address", "IPv6 addresses that hold everywhere.", clause="RFC 4291 §2.5.4", also=("subnet",)),
    Word("Not running", "Why the protocol does not run on the interface.", also=("not running",)),
    next="show ip interface",
)

_ARP = label_group(
    "columns of show arp",
    ("show arp", "show ip arp"),
    Word("Protocol", "Internet: IPv4. Neighbors of IPv6 are not in this table.", also=("Internet",)),
    Word("Address", "An address on an Ethernet, ours or that of a station there."),
    Word("Age (min)", "-: the address is ours. 0 for all other addresses, because the host does not report their age."),
    Word(
        "Hardware Addr",
        "The link-layer address; Incomplete: no answer yet, or the wire is simulated and has none.",
        also=("Incomplete", "Hardware", "Addr"),
    ),
    Word("Type", "How the protocol is carried: ARPA is Ethernet.", also=("ARPA",)),
    Word("Interface", "Where the station is."),
    next="show ip interface brief",
)

_SUMMARY = label_group(
    "columns of the summary of interfaces",
    ("show interfaces summary",),
    Word(
        "IHQ",
        "Packets that wait to be received; the kernel's, and not counted here.",
        also=("pkts in input hold queue",),
    ),
    Word("IQD", "Received packets that were dropped.", also=("pkts dropped from input queue",)),
    Word(
        "OHQ", "Packets that wait to be sent; the kernel's, and not counted here.", also=("pkts in output hold queue",)
    ),
    Word("OQD", "Packets that were to be sent and were dropped.", also=("pkts dropped from output queue",)),
    Word("RXBS", "Receive rate, bits per second.", also=("rx rate", "bits/sec")),
    Word("RXPS", "Receive rate, packets per second.", also=("pkts/sec",)),
    Word("TXBS", "Transmit rate, bits per second.", also=("tx rate",)),
    Word("TXPS", "Transmit rate, packets per second."),
    Word("TRTL", "How often an interface was throttled; never here.", also=("throttle count",)),
    Word("interface is up", "The mark of interfaces that carry packets."),
    next="show interfaces",
)

GROUPS: Final = (_TRAFFIC, _BLOCK, _TABLES, _IP, _ARP, _SUMMARY)
