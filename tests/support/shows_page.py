"""docs/reference/shows.md: the shows that people and tools ask of every DMVPN router, and what each says here.

python -m support.words_page    (from the folder tests) writes it beside its own.

`test_every_show` runs each one, in text and as JSON, on the router that is named with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.face.language import exec_parser
from dmvpn.ios.begun import summary
from dmvpn.ios.exec_parser import Match
from dmvpn.router.features import FEATURES
from support.conformance import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = ROOT / "docs" / "reference" / "shows.md"
_PRIVILEGED: Final = 15


class Show(NamedTuple):
    """A command. says: a part of what it prints on its router; "" where it rightly prints nothing of its own."""

    command: str
    says: str


class Router(NamedTuple):
    """A router of a scenario, and what is asked there. note: what readers wonder about."""

    scenario: str
    name: str
    title: str
    shows: tuple[Show, ...]
    note: str = ""


def _shows(text: str) -> tuple[Show, ...]:
    """Lines of `COMMAND => A PART OF ITS OUTPUT`."""
    parted = (line.partition("=>") for line in text.strip().splitlines())
    return tuple(Show(command.strip(), says.strip()) for command, _, says in parted)


ROUTERS: Final = (
    Router(
        "notes-phase3",
        "R31",
        "DMVPN, NHRP, EIGRP and the table of routes",
        _shows(
            """
        show dmvpn                                  => 172.16.11.1      192.168.100.11    UP
        show dmvpn detail                           => Interface Tunnel100 is up/up
        show dmvpn ipv4                             => 192.168.100.11
        show dmvpn ipv6                             => Legend
        show dmvpn interface Tunnel100              => 192.168.100.41
        show dmvpn peer nbma 172.16.11.1            => 172.16.11.1
        show dmvpn peer tunnel 192.168.100.41       => 172.16.41.1
        show dmvpn peer network 10.4.4.0/24         => 172.16.41.1
        show dmvpn static                           => 172.16.11.1
        show ip nhrp                                => 10.4.4.0/24 via 192.168.100.41
        show ip nhrp detail                         => Preference: 255
        show ip nhrp brief                          => 172.16.41.1
        show ip nhrp 10.4.4.1                       => 10.4.4.0/24 via 192.168.100.41
        show ip nhrp 10.4.4.0/24                    => Type: dynamic
        show ip nhrp dynamic                        => 10.4.4.0/24
        show ip nhrp static                         => never expire
        show ip nhrp incomplete                     =>
        show ip nhrp local                          => 10.3.3.0/24 via 192.168.100.31
        show ip nhrp self                           => local
        show ip nhrp shortcut                       => 10.4.4.0/24
        show ip nhrp remote                         => 192.168.100.11/32
        show ip nhrp Tunnel100                      => Tunnel100 created
        show ip nhrp nhs                            => 192.168.100.11  RE
        show ip nhrp nhs detail                     => req-sent
        show ip nhrp nhs redundancy                 => 192.168.100.11
        show ip nhrp traffic                        => Sent: Total
        show ip nhrp traffic interface Tunnel100    => Tunnel100: Max-send limit:10000Pkts/10Sec
        show ip nhrp traffic detail                 => Global statistics
        show ip nhrp summary                        => 1 static
        show ip nhrp multicast                      => 172.16.11.1
        show ip nhrp redirect                       =>
        show ip nhrp stats                          =>
        show nhrp stats                             =>
        show nhrp stats detail                      =>
        show interfaces                             => GigabitEthernet0/1 is up, line protocol is up
        show interfaces Tunnel100                   => Tunnel source 172.16.31.1 (GigabitEthernet0/1)
        show interface tunnel 100                   => Tunnel protocol/transport multi-GRE/IP
        show interfaces description                 => Tu100
        show interfaces summary                     => Tunnel100
        show interface summary                      => Tunnel100
        show ip interface                           => Internet address is 192.168.100.31/24
        show ip interface Tunnel100                 => Internet address is 192.168.100.31/24
        show ip interface brief                     => 192.168.100.31
        show ipv6 interface                         =>
        show ipv6 interface brief                   =>
        show ip route                               => Gateway of last resort is 172.16.31.2 to network 0.0.0.0
        show ip route nhrp                          => 192.168.100.41/32
        show ip route eigrp                         => 10.1.1.0/24
        show ip route static                        => 0.0.0.0/0
        show ip route connected                     => 10.3.3.0/24
        show ip route summary                       => eigrp 100
        show ip route next-hop-override             => [NHO]
        show ip route 10.4.4.0                      => Known via "eigrp 100"
        show ip route 192.168.100.41                => Known via "nhrp"
        show ip route 10.4.4.0 255.255.255.0        => Routing entry for 10.4.4.0/24
        show ip cef                                 => 10.4.4.0/24
        show ip cef summary                         => IPv4 CEF is enabled and running
        show ip cef Tunnel100                       => 10.4.4.0/24
        show ip route 10.0.0.0 255.0.0.0 longer-prefixes => 10.4.4.0/24
        show ip route supernets-only                => Gateway of last resort
        show ip eigrp topology summary              => 4 routes, 0 pending replies
        show ip cef 10.4.4.0                        => nexthop 192.168.100.41 Tunnel100
        show ip cef 10.4.4.0 detail                 => 192.168.100.41
        show ip cef detail                          => 10.3.3.0/24, epoch 0, flags [attached, connected]
        show ip cef exact-route 10.3.3.1 10.4.4.1   => IP midchain out of Tunnel100, addr 192.168.100.41
        show ip cef unresolved                      => Prefix
        show ip cef 10.0.0.0 255.0.0.0 longer-prefixes => 10.4.4.0/24
        show ip route tag 0                         => 10.4.4.0
        show ip route list 10                       => 10.4.4.0
        show adjacency                              => 192.168.100.41(
        show adjacency detail                       => Encap length 28
        show adjacency Tunnel100 192.168.100.41 detail => Tun endpt
        show adjacency summary                      => Adjacency table has
        show ip protocols                           => Routing Protocol is "eigrp 100"
        show ip eigrp neighbors                     => 192.168.100.11
        show ip eigrp neighbors detail              => 192.168.100.11
        show ip eigrp interfaces                    => Tu100
        show ip eigrp interfaces detail             => Hello-interval is
        show ip eigrp topology                      => P 10.1.1.0/24
        show ip eigrp topology all-links            => P 10.1.1.0/24
        show ip eigrp topology detail-links         => , serno
        show ip eigrp neighbors static              => Static Address
        show ip eigrp events 1 3                    => Event information for AS 100
        show eigrp protocols                        => Total Prefix Count: 4
        show ip eigrp traffic                       => Hellos sent/received
        show ip eigrp timers                        => Peer holding
        show ip eigrp events                        => Metric set: 10.1.1.0/24
        show ip protocols summary                   => 2     eigrp 100
        show ip policy                              => Interface      Route map
        show ip static route                        => M  0.0.0.0/0 [1/0] via 172.16.31.2 [A]
        show eigrp address-family ipv4 topology     => P 10.1.1.0/24
        show eigrp address-family ipv4 neighbors    => 192.168.100.11
        show eigrp address-family ipv4 interfaces   => Tu100
        show ip arp                                 => ARPA   GigabitEthernet0/1
        show arp                                    => ARPA   GigabitEthernet0/1
    """
        ),
    ),
    Router(
        "notes-phase3",
        "R11",
        "the router itself, and what tools ask of it",
        _shows(
            """
        show version                                => Cisco IOS Software [Dialect]
        show clock                                  => UTC
        show logging                                => Log Buffer
        show running-config                         => hostname R11
        show running-config all                     => service timestamps log datetime msec
        show running-config interface Tunnel100     => ip nhrp redirect
        write terminal                              => hostname R11
        show startup-config                         => hostname R11
        show privilege                              => Current privilege level is 15
        show users                                  => Line       User
        show hosts                                  => Default domain
        show inventory                              => NAME: "Chassis"
        show processes cpu                          => CPU utilization for five seconds
        show memory statistics                      => Processor
        show ip traffic                             => IP statistics
        show processes cpu sorted                   => dmvpn
        show terminal                               => Length: 24 lines
        show line                                   => CTY
        show file systems                           => nvram:
        show monitor capture                        =>
        show ntp status                             => %NTP is not enabled.
        show ntp associations                       => %NTP is not enabled.
        show policy-map                             => % No policy map acts here
        show policy-map interface                   => % No policy map acts here
        show dmvpn ipv4 vrf default                 => UP
        show crypto debug-condition                 =>
        show debugging                              =>
        show vrf                                    => Default RD
        show vrf detail                             =>
        show cdp                                    => % CDP is not enabled
        show cdp neighbors                          => % CDP is not enabled
        show cdp neighbors detail                   => % CDP is not enabled
        show lldp                                   => % LLDP is not enabled
        show lldp neighbors                         => % LLDP is not enabled
        show lldp neighbors detail                  => % LLDP is not enabled
        show lldp interface                         => % LLDP is not enabled
        show lacp sys-id                            =>
        show snmp                                   => %SNMP agent not enabled
        show snmp user                              => %SNMP agent not enabled
        show archive                                => Archive feature not enabled
        show archive config differences             => !No changes were found
        show archive config rollback timer          => %No Rollback Confirmed Change pending
        show archive log config all                 =>
        show ip ssh                                 => SSH
        show ssh                                    => %No SSHv2 server connections running.
        show access-lists                           =>
        show ip access-lists                        =>
        show ip prefix-list                         =>
        show route-map                              =>
        show key chain                              =>
        show ip bgp summary                         => % BGP not active
        show ip ospf                                =>
        show ip ospf neighbor                       =>
        show crypto session                         => Crypto session current status
        show crypto isakmp sa                       => IPv4 Crypto ISAKMP SA
        show flash:                                 => bytes free
        dir                                         => Directory of
    """
        ),
    ),
    Router(
        "intro-phase3",
        "SPOKE10",
        "protection",
        _shows(
            """
        show dmvpn detail                           => UP-ACTIVE
        show crypto session                         => Session status: UP-ACTIVE
        show crypto session detail                  => IPSEC FLOW: permit 47
        show crypto session brief                   => UA
        show crypto ikev2 sa                        => READY
        show crypto ikev2 sa detail                 => NAT-T is not detected
        show crypto ikev2 sa detailed               => Negotiation done
        show crypto ikev2 session                   => Status:UP-ACTIVE
        show crypto ikev2 session detailed          => Child sa
        show crypto ikev2 proposal                  => Encryption
        show crypto ikev2 policy                    => Proposal    : default
        show crypto ikev2 profile                   => IKEv2 profile
        show crypto ipsec sa                        => inbound esp sas
        show crypto ipsec sa interface Tunnel0      => Tunnel0-head-0
        show crypto ipsec sa detail                 => inbound esp sas
        show crypto ipsec profile                   => IPSEC profile
        show crypto ipsec transform-set             => esp-256-aes
        show crypto isakmp sa                       => IPv4 Crypto ISAKMP SA
        show crypto isakmp sa detail                => IPv4 Crypto ISAKMP SA
        show crypto isakmp sa count                 => Active ISAKMP SA's
        show crypto isakmp peers                    =>
        show crypto isakmp policy                   => Default IKE policy
        show crypto isakmp key                      => Hostname/Address
        show crypto isakmp profile                  =>
        show crypto map                             => Tunnel0-head-0
        show crypto sockets                         => Tu0
        show crypto engine connections active       => AES256+SHA256
        show udp                                    => 4500
        show ip sockets                             => 500
    """
        ),
        note="""\
These shows have port 4500 and `UDP-Encaps` where no NAT is: two routers of this program prefer UDP port 4500 for IKE
and ESP, since networks pass UDP where they drop IP protocol 50 ([why](../explanation/ike.md#udp-port-4500)).
`show crypto ikev2 sa detailed` says whether NAT was detected; `crypto ipsec encapsulation udp never` leaves the port to
NAT alone.""",
    ),
    Router(
        "ospf-phase3",
        "SPOKE1",
        "OSPF",
        _shows(
            """
        show ip ospf                                => Routing Process "ospf
        show ip ospf neighbor                       => FULL/
        show ip ospf neighbor detail                => State is FULL
        show ip ospf interface                      => Tunnel0 is up
        show ip ospf interface brief                => Tu0
        show ip ospf database database-summary      => Area 0 database summary
        show ip ospf database                       => Router Link States
        show ip ospf database router                => LS Type: Router Links
        show ip ospf border-routers                 => OSPF Router
        show ip ospf timers rate-limit              => in rate limit Queue
        show ip ospf nsf                            => IETF NSF helper support enabled
        show ip ospf neighbor summary               => Total count
        show ip ospf summary-address                => OSPF Process
        show ip ospf virtual-links                  =>
        show ip route ospf                          => 10.
        show ip protocols                           => Routing Protocol is "ospf
    """
        ),
    ),
    Router(
        "bgp-phase3",
        "SPOKE1",
        "BGP",
        _shows(
            """
        show ip bgp                                 => BGP table version
        show tcp brief                              => ESTAB
        show tcp brief all                          => 0.0.0.0.179
        show ip bgp summary                         => 10.255.0.1
        show ip bgp neighbors                       => BGP state = Established
        show ip bgp neighbors 10.255.0.1 advertised-routes => 10.1.1.0
        show ip bgp neighbors 10.255.0.1 routes     => 10.1
        show ip bgp 10.1.2.0/24                     => BGP routing table entry for 10.1.2.0/24
        show bgp summary                            => 10.255.0.1
        show bgp all summary                        => For address family: IPv4 Unicast
        show ip bgp all summary                     => For address family: IPv4 Unicast
        show bgp ipv4 unicast                       => BGP table version
        show bgp ipv4 unicast summary               => 10.255.0.1
        show bgp ipv4 unicast neighbors             => Used as bestpath
        show ip bgp ipv4 unicast neighbors          => For address family: IPv4 Unicast
        show ip route bgp                           => 10.1.2.0/24
    """
        ),
    ),
    Router(
        "notes-gre",
        "R11",
        "RIP",
        _shows(
            """
        show ip rip database                        => 172.16.31.0/30
        show ip rip database 172.16.31.0 255.255.255.252 => 172.16.31.0/30
        show ip rip database 10.99.0.0/16           => %Route not in database
        show ip route rip                           => 172.16.31.0
        show ip protocols                           => Routing Protocol is "rip"
    """
        ),
    ),
    Router(
        "ipv6-phase3",
        "R31",
        "IPv6",
        _shows(
            """
        show ipv6 nhrp                              => via
        show ipv6 route                             => IPv6 Routing Table
        show ipv6 interface brief                   => Tunnel100
        show dmvpn ipv6                             => UP
    """
        ),
    ),
    Router(
        "nat-overload",
        "R31",
        "NAT",
        _shows(
            """
        show ip nat translations                    =>
        show ip nat statistics                      => Total active translations
    """
        ),
    ),
)
#: What tools ask, and is rightly refused: they take the error for the answer.
REFUSED: Final = (
    ("show vlan", "a router has no VLANs: Ansible learns from the error that this is none of the switches"),
    ("show switch virtual", "it is no stack of switches"),
    ("show env temperature status", "there is no hardware whose temperature is known"),
    ("show bgp ipv4 multicast neighbors", "BGP has one address family here"),
    ("show bgp ipv6 unicast neighbors", "BGP has one address family here"),
    ("show bgp ipv6 multicast neighbors", "BGP has one address family here"),
    ("show bgp vpnv6 unicast all neighbors", "BGP has one address family here"),
    ("show bgp ipv4 mdt all neighbors", "BGP has one address family here"),
)
_HEAD: Final = """\
# Shows

The shows that people and tools ask of every DMVPN router. Each of them has `| json`, with the same facts as data, and
the filters `| include`, `| exclude`, `| begin`, `| section`, `| count` and `| explain`; at privilege level 15,
`| redirect`, `| tee` and `| append` write what is left into a file (`flash:NAME`). A test runs each one, in text and as
JSON, on the router of the scenario that is named. The page is generated (`python -m support.words_page` in the folder
`tests`). [All commands](commands.md) are on a page of their own.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_tables(), *_refused()]) + "\n"


def _tables() -> Iterator[str]:
    for router in ROUTERS:
        yield f"## {router.title[0].upper()}{router.title[1:]}: {router.name} of `{router.scenario}`"
        yield ""
        if router.note:
            yield router.note
            yield ""
        yield "| command | shows |"
        yield "| --- | --- |"
        for show in router.shows:
            yield f"| `{show.command}` | {_what(show.command)} |"
        yield ""


def _refused() -> Iterator[str]:
    yield "## Refused"
    yield ""
    yield "These answer `% Invalid input detected`, and tools take that for the answer."
    yield ""
    yield "| command | because |"
    yield "| --- | --- |"
    yield from (f"| `{command}` | {why} |" for command, why in REFUSED)


def _what(command: str) -> str:
    match = exec_parser(FEATURES).match(command, _PRIVILEGED)
    assert isinstance(match, Match), command
    return summary(match.command).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
