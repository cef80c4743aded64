"""The cases of `held_out`: faults that people make at night, and networks that look odd and work.

They come from the field and from Cisco's guides, not from the rules of the doctor or of lint. Each is a change to a
built-in scenario or to a drawn network (`held_out.DRAWN`). A step is one of these:

    SPOKE1: interface Tunnel0 / ip mtu 1300            lines of a configuration
    SPOKE1# clear crypto session                       a command
    wire SPOKE1:GigabitEthernet0/1: loss 30, block esp from HUB
    host H1: 10.1.1.9                                  another gateway, from the start on
    nat NAT1: symmetric, off SPOKE1, wait 60
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A case. why: the story. truths: for each fault, patterns of the router and of a finding's text; (): healthy.

    apart: LANs that the case cuts off on purpose: rows with them are not measured.
    """

    name: str
    network: str
    why: str
    steps: tuple[str, ...]
    truths: tuple[tuple[str, str], ...] = ()
    apart: tuple[str, ...] = ()


def fault(name: str, network: str, truth: tuple[str, str], why: str, *steps: str) -> HeldOut:
    """Return a case with one fault."""
    return HeldOut(name=name, network=network, why=why, steps=steps, truths=(truth,))


def both(name: str, network: str, truths: tuple[tuple[str, str], ...], why: str, *steps: str) -> HeldOut:
    """Return a case with several faults."""
    return HeldOut(name=name, network=network, why=why, steps=steps, truths=truths)


def healthy(name: str, network: str, why: str, *steps: str, apart: tuple[str, ...] = ()) -> HeldOut:
    """Return a network that looks odd and works."""
    return HeldOut(name=name, network=network, why=why, steps=steps, apart=apart)


_NAMED_100: Final = "router eigrp DMVPN / address-family ipv4 unicast autonomous-system 100"
_OVERLAY_100: Final = "router eigrp GRE-OVERLAY / address-family ipv4 unicast autonomous-system 100"

FAULTS: Final = (
    # ------------------------------------------------------------------ copied from another router
    fault(
        "tunnel-address-of-the-hub",
        "bgp-phase3",
        ("SPOKE2", r"same tunnel address|10\.255\.0\.1\b"),
        "SPOKE2 was typed from the hub's page of the plan, tunnel address included",
        "SPOKE2: interface Tunnel0 / ip address 10.255.0.1 255.255.255.0",
    ),
    fault(
        "router-id-of-another-spoke",
        "ospf-phase3",
        ("SPOKE[12]", r"router.id"),
        "SPOKE2's OSPF process was copied from SPOKE1, router ID included",
        "SPOKE2: router ospf 1 / router-id 10.0.0.11",
        "SPOKE2# clear ip ospf process",
    ),
    fault(
        "as-of-another-spoke",
        "bgp-ebgp-phase2",
        ("HUB|SPOKE[12]", r"65011|autonomous|allowas|AS path"),
        "SPOKE2 got SPOKE1's AS: its session is up, and each spoke refuses the other's routes as a loop",
        "SPOKE2: no router bgp 65012",
        "SPOKE2: router bgp 65011 / network 10.1.2.0 mask 255.255.255.0 / neighbor 10.255.0.1 remote-as 65000",
        "HUB: router bgp 65000 / neighbor 10.255.0.12 remote-as 65011",
        "HUB# clear ip bgp *",
        "wait 120",
    ),
    fault(
        "priority-of-the-spokes-at-the-hub",
        "guide-phase2-broadcast",
        ("HUB1", r"priority|designated"),
        "the template of spokes was put on the hub, with priority 0: nobody can be the designated router",
        "HUB1: interface Tunnel0 / ip ospf priority 0",
        "HUB1# clear ip ospf process",
        "SPOKE1# clear ip ospf process",
        "SPOKE2# clear ip ospf process",
        "wait 120",
    ),
    fault(
        "key-of-the-other-cloud",
        "migration",
        ("R51", r"tunnel key"),
        "R51 was migrated to the new cloud with the old cloud's tunnel key",
        "R51: interface Tunnel200 / tunnel key 100",
        "wait 300",
    ),
    fault(
        "static-route-to-the-other-spoke",
        "drawn with static routes",
        ("HUB1", r"10\.20\.12\.0|10\.99\.0\.1[12]"),
        "the hub's route to S2's LAN was copied from S1's, next hop included",
        "HUB1: no ip route 10.20.12.0 255.255.255.0 10.99.0.12 / ip route 10.20.12.0 255.255.255.0 10.99.0.11",
    ),
    fault(
        "multicast-to-the-provider",
        "course-lab",
        ("SPOKE2", r"multicast"),
        "SPOKE2's map of multicasts has the address of the hub's provider",
        "SPOKE2: interface Tunnel0 / no ip nhrp map multicast 192.168.1.1 / ip nhrp map multicast 192.168.1.2",
    ),
    # ------------------------------------------------------------------ half a migration, leftovers
    fault(
        "old-cloud-shut-too-early",
        "migration",
        ("R11", r"shut"),
        "the hub's old tunnel was shut before R41 had moved to the new one",
        "R11: interface Tunnel100 / shutdown",
    ),
    fault(
        "route-of-the-leased-line",
        "notes-phase3",
        ("R31", r"10\.4\.4\.0|static"),
        "R31 still has a route to R41's LAN by the port where the leased line was",
        "R31: ip route 10.4.4.0 255.255.255.0 172.16.31.2",
    ),
    fault(
        "default-route-of-habit",
        "phase3-default",
        ("R41", r"no ip route 0\.0\.0\.0|172\.16\.41\.2"),
        "somebody gave R41 a default route to its provider, and the one of the tunnel is gone",
        "R41: ip route 0.0.0.0 0.0.0.0 172.16.41.2",
    ),
    fault(
        "new-encryption-at-the-hub-alone",
        "isakmp-nat",
        ("R11", r"encryption|policy|proposal|aes"),
        "the hub's only IKEv1 policy went to AES 128, the spokes' did not",
        "R11: crypto isakmp policy 10 / encryption aes 128",
        "R11# clear crypto session",
        "R31# clear crypto session",
        "R32# clear crypto session",
        "R41# clear crypto session",
    ),
    fault(
        "new-transform-at-one-spoke",
        "isakmp-and-ikev2",
        ("R41", r"transform|esp-"),
        "R41 got the new transform set, nobody else did",
        "R41: no crypto ipsec transform-set DMVPN / crypto ipsec transform-set DMVPN esp-gcm 256 / mode transport",
        "R41# clear crypto session",
        "wait 120",
    ),
    fault(
        "eigrp-key-rolled-at-the-hub",
        "course-lab",
        ("HUB", r"authentication|key.?chain|\bkey\b"),
        "the hub has the new key of EIGRP alone, and the spokes the old one alone",
        "HUB: key chain eigrp_auth / no key 1 / key 2 / key-string EIGRP-KEY-2026",
    ),
    fault(
        "ospf-key-under-a-new-number",
        "ospf-phase3",
        ("SPOKE2", r"authentication|message-digest|\bkey\b"),
        "SPOKE2 has the right secret under key 2, everybody else under key 1",
        "SPOKE2: interface Tunnel0 / no ip ospf message-digest-key 1 / ip ospf message-digest-key 2 md5 Cl0ud3",
    ),
    fault(
        "list-of-a-test",
        "phase2-eigrp",
        ("HUB", r"CORE-ONLY|distribute|filter"),
        "a filter that was tried at noon still lets the hub's own LAN out alone",
        f"HUB: ip prefix-list CORE-ONLY seq 5 permit 10.1.0.0/24 / {_NAMED_100} / topology base"
        " / distribute-list prefix CORE-ONLY out",
    ),
    fault(
        "tag-clause-without-its-match",
        "eigrp-to-ospf",
        ("HUB[12]", r"OSPF-TO-EIGRP|redistribut|filter"),
        "a cleaning of route maps removed the match of a deny clause at both hubs: it denies everything now",
        "HUB1: route-map OSPF-TO-EIGRP deny 10 / no match tag 90",
        "HUB2: route-map OSPF-TO-EIGRP deny 10 / no match tag 90",
    ),
    # ------------------------------------------------------------------ the provider's changes
    fault(
        "provider-moved-the-gateway",
        "phase3-summary",
        ("R31", r"172\.16\.31\.2|next hop|default route|underlay"),
        "the provider's router of R31 has another address since the night",
        "TRANSPORT: interface GigabitEthernet0/2 / ip address 172.16.31.5 255.255.255.248",
        "wait 300",
    ),
    fault(
        "provider-lost-a-host-route",
        "hierarchical",
        ("TRANSPORT|HUB-B", r"203\.0\.113\.102|Loopback0"),
        "the provider no longer routes the loopback from which HUB-B's tunnel starts",
        "TRANSPORT: no ip route 203.0.113.102 255.255.255.255 203.0.113.9",
        "wait 600",
    ),
    fault(
        "provider-drops-ike-to-a-spoke",
        "intro-phase3",
        ("SPOKE10", r"UDP.*500|500.*UDP|IKE"),
        "a scrubbing service of SPOKE10's provider drops UDP 500",
        "wire SPOKE10:GigabitEthernet1: block udp-500",
        "SPOKE10# clear crypto session",
    ),
    fault(
        "provider-path-is-narrower",
        "ospf-phase3",
        ("HUB|SPOKE1", r"MTU|1380|too large|larger"),
        "SPOKE1's access was moved to a line with an MTU of 1380, and no router there reports it",
        "wire SPOKE1:GigabitEthernet0/1: mtu 1380",
    ),
    fault(
        "provider-gave-another-address",
        "bgp-phase3",
        ("HUB|SPOKE1", r"unique"),
        "SPOKE1's lease came with another address, and the hub holds the old one as unique",
        "TRANSPORT: interface GigabitEthernet0/2 / ip address 198.51.100.10 255.255.255.252",
        "SPOKE1: no ip route 0.0.0.0 0.0.0.0 198.51.100.2 / ip route 0.0.0.0 0.0.0.0 198.51.100.10"
        " / interface GigabitEthernet0/1 / ip address 198.51.100.9 255.255.255.252",
    ),
    fault(
        "provider-keeps-customers-apart",
        "dual-hub",
        ("TRANSPORT|SPOKE[12]", r"GRE|APART|reach each other|access list|filter"),
        "the provider lets no customer of one town send to another one there: spokes reach the hubs alone",
        "TRANSPORT: ip access-list extended APART / deny gre 198.51.100.0 0.0.0.255 198.51.100.0 0.0.0.255"
        " / permit ip any any / exit / interface GigabitEthernet0/3 / ip access-group APART in"
        " / interface GigabitEthernet0/4 / ip access-group APART in",
    ),
    # ------------------------------------------------------------------ routing protocols
    fault(
        "stub-that-sends-nothing",
        "dual-hub",
        ("SPOKE1", r"stub|receive-only"),
        "SPOKE1 was made a stub that only receives",
        f"SPOKE1: {_NAMED_100} / eigrp stub receive-only",
    ),
    fault(
        "neighbor-typed-at-one-end",
        "phase2-eigrp",
        ("SPOKE1", r"neighbor 10\.255\.0\.12|static neighbor|unicast"),
        "SPOKE1 got a line for a neighbor that it should meet directly: it takes multicasts of nobody else now",
        f"SPOKE1: {_NAMED_100} / neighbor 10.255.0.12 Tunnel0",
    ),
    fault(
        "hold-time-below-the-hello",
        "phase3-summary",
        ("R11", r"hold|hello"),
        "the hub's hellos were slowed down to 60 s, its hold time stayed at 15 s",
        f"R11: {_OVERLAY_100} / af-interface Tunnel100 / hello-interval 60 / hold-time 15",
    ),
    fault(
        "all-interfaces-passive",
        "phase2-eigrp",
        ("HUB", r"passive"),
        "an audit asked for passive interfaces by default, and the tunnel was not excepted",
        f"HUB: {_NAMED_100} / af-interface default / passive-interface",
    ),
    fault(
        "summary-with-the-wrong-mask",
        "phase3-summary",
        ("R11", r"summary"),
        "the hub's summary covers 10.0.0.0/16, and the sites are elsewhere in 10.0.0.0/8",
        f"R11: {_OVERLAY_100} / af-interface Tunnel100 / no summary-address 10.0.0.0 255.0.0.0"
        " / summary-address 10.0.0.0 255.255.0.0",
    ),
    fault(
        "mask-where-a-wildcard-belongs",
        "course-lab",
        ("SPOKE1", r"network|10\.2\.0\.0"),
        "SPOKE1's network statement matches one address, and none of its interfaces has it",
        "SPOKE1: router eigrp 100 / no network 10.2.0.0 0.0.0.255 / network 10.2.0.0 0.0.0.0",
    ),
    fault(
        "ospf-passive-by-default",
        "ospf-phase3",
        ("SPOKE2", r"passive"),
        "SPOKE2 got passive-interface default, and no exception for the tunnel",
        "SPOKE2: router ospf 1 / passive-interface default",
    ),
    fault(
        "ospf-hello-of-a-slow-network",
        "ospf-phase3",
        ("SPOKE1", r"hello|dead|timers|OSPF terms"),
        "SPOKE1 has the hello interval that OSPF has on a multipoint network without the line",
        "SPOKE1: interface Tunnel0 / no ip ospf hello-interval",
    ),
    fault(
        "ospf-mtu-of-the-hub",
        "guide-phase2-broadcast",
        ("HUB1|SPOKE", r"MTU"),
        "the hub's tunnel got an MTU of 1400, the spokes' did not: databases are never exchanged",
        "HUB1: interface Tunnel0 / ip mtu 1400",
        "HUB1# clear ip ospf process",
        "SPOKE1# clear ip ospf process",
        "SPOKE2# clear ip ospf process",
        "wait 120",
    ),
    fault(
        "subnets-forgotten",
        "eigrp-to-ospf",
        ("HUB[12]", r"subnets|redistribut"),
        "both hubs got their redistribution again, without the word subnets",
        *(
            f"{hub}: router ospf 1 / no redistribute eigrp 100"
            f" / redistribute eigrp 100 metric {metric} route-map EIGRP-TO-OSPF"
            for hub, metric in (("HUB1", 20), ("HUB2", 30))
        ),
    ),
    fault(
        "network-with-another-mask",
        "bgp-phase3",
        ("SPOKE2", r"network|10\.1\.2\.0"),
        "SPOKE2's network statement has a mask that no route has",
        "SPOKE2: router bgp 65000 / address-family ipv4 / no network 10.1.2.0 mask 255.255.255.0"
        " / network 10.1.2.0 mask 255.255.254.0",
    ),
    fault(
        "next-hops-of-the-core",
        "bgp-two-hubs",
        ("HUB[12]", r"next.hop"),
        "both hubs reflect the core's routes with the core's next hop, which no spoke reaches",
        "HUB1: router bgp 65000 / no neighbor SPOKES next-hop-self",
        "HUB2: router bgp 65000 / no neighbor SPOKES next-hop-self",
        "HUB1# clear ip bgp *",
        "HUB2# clear ip bgp *",
        "wait 120",
    ),
    fault(
        "bgp-password-at-one-spoke",
        "bgp-phase3",
        ("SPOKE2|HUB", r"password"),
        "SPOKE2 was given a password that the hub does not know",
        "SPOKE2: router bgp 65000 / neighbor 10.255.0.1 password Night-Shift-2",
        "SPOKE2# clear ip bgp *",
        "wait 60",
    ),
    fault(
        "neighbor-left-shut",
        "bgp-ebgp-phase2",
        ("HUB", r"shut"),
        "the hub's neighbor SPOKE2 was shut for the night's work, and stayed so",
        "HUB: router bgp 65000 / neighbor 10.255.0.12 shutdown",
    ),
    fault(
        "prefix-list-forgets-a-spoke",
        "bgp-phase3",
        ("HUB", r"SITES|prefix-list|filter"),
        "the hub's list of sites is older than SPOKE2",
        "HUB: ip prefix-list SITES seq 5 permit 10.1.0.0/24 / ip prefix-list SITES seq 10 permit 10.1.1.0/24"
        " / router bgp 65000 / address-family ipv4 / neighbor SPOKES prefix-list SITES out",
        "HUB# clear ip bgp *",
        "wait 60",
    ),
    fault(
        "rip-passive-tunnel",
        "drawn with RIP",
        ("S2", r"passive|RIP kept"),
        "S2 listens on its tunnel and sends nothing",
        "S2: router rip / passive-interface Tunnel0",
    ),
    fault(
        "rip-splits-the-horizon",
        "drawn with RIP",
        ("HUB1", r"split.horizon"),
        "the hub's tunnel has the default of RIP again",
        "HUB1: interface Tunnel0 / ip split-horizon",
    ),
    fault(
        "provider-networks-in-the-overlay",
        "phase3-summary",
        ("R11", r"recursi|172\.16"),
        "the hub announces its WAN in the tunnel, so spokes reach the hub's outer address through the tunnel itself",
        f"R11: {_OVERLAY_100} / network 172.16.0.0",
    ),
    fault(
        "redistribution-forgotten-in-a-vrf",
        "shared-services",
        ("HUB", r"redistribut"),
        "the hub's EIGRP of RED no longer takes routes from BGP: the services are gone for RED",
        "HUB: router eigrp CUSTOMERS / address-family ipv4 unicast vrf RED autonomous-system 1 / topology base"
        " / no redistribute bgp 65000",
    ),
    # ------------------------------------------------------------------ IPsec, keys, certificates
    fault(
        "certificate-map-with-a-typo",
        "drawn with certificates",
        ("HUB1", r"identity|certificate"),
        "the hub's certificate map wants another unit than the certificates name",
        "HUB1: no crypto pki certificate map CLOUD 10",
        "HUB1: crypto pki certificate map CLOUD 10 / subject-name co ou = clouds",
        "HUB1# clear crypto session",
        "S1# clear crypto session",
        "S2# clear crypto session",
    ),
    fault(
        "clock-of-a-dead-battery",
        "drawn with certificates",
        ("S1", r"clock"),
        "S1 came up with the clock of its battery, before any certificate was valid",
        "S1# clock set 00:00:00 1 Jan 2002",
        "S1# clear crypto session",
        "wait 120",
    ),
    fault(
        "key-of-one-spoke-forgotten",
        "ipsec-spoke-behind-nat",
        ("R11", r"pre-shared|keyring|key"),
        "the hub's wildcard key made room for one key a spoke, and R31 was forgotten",
        "R11: crypto ikev2 keyring DMVPN / no peer ANY / peer R41 / address 172.16.41.0 255.255.255.0"
        " / pre-shared-key local Demo-Key-1 / pre-shared-key remote Demo-Key-1",
        "R11# clear crypto session",
        "R31# clear crypto session",
        "wait 120",
    ),
    fault(
        "identity-of-the-hubs-alone",
        "ipsec-dual-hub",
        ("SPOKE2", r"identity"),
        "SPOKE2's profile was hardened to the addresses of the hubs, so no spoke meets it directly",
        "SPOKE2: crypto ikev2 profile DMVPN / match identity remote address 203.0.113.0 255.255.255.0"
        " / no match identity remote address 0.0.0.0",
        "SPOKE2# clear crypto session",
        "wait 120",
    ),
    fault(
        "key-wrong-in-one-direction",
        "intro-phase3",
        ("SPOKE20|HUB", r"pre-shared"),
        "SPOKE20 expects another key than it sends",
        "SPOKE20: crypto ikev2 keyring KR-DMVPN / peer ANY / pre-shared-key remote DMVPN-KEY",
        "SPOKE20# clear crypto session",
        "HUB# clear crypto session",
        "wait 120",
    ),
    fault(
        "group-of-the-new-standard",
        "guide-phase2-broadcast",
        ("SPOKE2", r"group|proposal"),
        "SPOKE2's IKEv2 proposal has the group of the new standard alone",
        "SPOKE2: crypto ikev2 proposal DMVPN-PROP / group 19",
        "SPOKE2# clear crypto session",
        "wait 120",
    ),
    # ------------------------------------------------------------------ VRFs, NAT
    fault(
        "default-route-outside-the-vrf",
        "front-door",
        ("SPOKE1", r"\bvrf\b|INTERNET|no route|underlay"),
        "SPOKE1's way to the provider was typed without its VRF",
        "SPOKE1: no ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2 / ip route 0.0.0.0 0.0.0.0 198.51.100.2",
        "wait 300",
    ),
    fault(
        "tunnel-outside-its-vrf",
        "two-customers",
        ("SPOKE2", r"\bvrf\b|BLUE"),
        "BLUE's tunnel at SPOKE2 was typed again without its VRF",
        "SPOKE2: interface Tunnel2 / no vrf forwarding / ip address 10.255.0.12 255.255.255.0",
        "wait 300",
    ),
    fault(
        "translators-replaced",
        "ipsec-both-behind-nat",
        ("R31|R41|NAT", r"NAT"),
        "the provider replaced the routers of both sites: the new ones give each flow a port of its own",
        "nat NAT1: symmetric",
        "nat NAT2: symmetric",
        "R31# clear crypto session",
        "R41# clear crypto session",
        "wait 120",
    ),
    # ------------------------------------------------------------------ lists, hosts, masks
    fault(
        "list-without-the-routing-protocol",
        "dual-hub",
        ("SPOKE1", r"COMPANY|access list|filter"),
        "SPOKE1's tunnel lets the company's addresses in, and EIGRP's hellos to 224.0.0.10 out of nowhere not",
        "SPOKE1: ip access-list extended COMPANY / permit ip 10.0.0.0 0.255.255.255 10.0.0.0 0.255.255.255 / exit"
        " / interface Tunnel0 / ip access-group COMPANY in",
    ),
    fault(
        "wildcard-of-one-address",
        "bgp-phase3",
        ("SPOKE2", r"LAN-OUT|access list|filter"),
        "SPOKE2's list lets SPOKE1's network in by one address only",
        "SPOKE2: ip access-list extended LAN-OUT / permit ip 10.1.0.0 0.0.0.255 any / permit ip 10.1.1.0 0.0.0.0 any"
        " / exit / interface GigabitEthernet0/2 / ip access-group LAN-OUT out",
    ),
    fault(
        "lan-with-the-classful-mask",
        "phase3-summary",
        ("R31", r"mask|10\.3\.3\.1\b|10\.0\.0\.0/8|overlap"),
        "R31's LAN port was typed again with the mask of class A: it is as wide as the hub's summary",
        "R31: interface GigabitEthernet0/2 / ip address 10.3.3.1 255.0.0.0",
    ),
    fault(
        "senders-verified-on-the-wan",
        "dual-hub",
        ("SPOKE2", r"verif|reverse|reachable-via"),
        "SPOKE2's WAN port verifies senders strictly, and its way to them is a default route",
        "SPOKE2: interface GigabitEthernet0/1 / ip verify unicast source reachable-via rx",
    ),
    fault(
        "cable-of-the-lan",
        "course-lab",
        ("SPOKE2", r"cable|wire|link cut|H3|10\.3\.0\.100"),
        "the cleaners pulled the cable between SPOKE2 and its LAN",
        "wire SPOKE2:GigabitEthernet0/1: cut",
    ),
    fault(
        "gateway-of-the-old-router",
        "ospf-phase3",
        ("SPOKE2|H2", r"gateway"),
        "the server behind SPOKE2 still sends to the router that was replaced",
        "host H2: 10.1.2.254",
    ),
    # ------------------------------------------------------------------ two at once
    both(
        "key-and-passive-interface",
        "intro-phase3",
        (("SPOKE20", r"pre-shared"), ("SPOKE10", r"passive")),
        "SPOKE20 has another key, and SPOKE10's tunnel is passive",
        "SPOKE20: crypto ikev2 keyring KR-DMVPN / peer ANY / pre-shared-key local OTHER / pre-shared-key remote OTHER",
        "SPOKE20# clear crypto session",
        "SPOKE10: router eigrp 100 / passive-interface Tunnel0",
        "wait 60",
    ),
    both(
        "timers-and-a-list",
        "ospf-phase3",
        (("SPOKE1", r"hello|dead|timers|OSPF terms"), ("SPOKE2", r"GUESTS|access list|filter")),
        "SPOKE1's hello interval differs, and SPOKE2's list of guests is on its servers' port",
        "SPOKE1: interface Tunnel0 / ip ospf hello-interval 15",
        "SPOKE2: ip access-list extended GUESTS / deny ip any 10.0.0.0 0.255.255.255 / permit ip any any / exit"
        " / interface GigabitEthernet0/2 / ip access-group GUESTS in",
    ),
    both(
        "authentication-and-network-statement",
        "phase2-eigrp",
        (("SPOKE1", r"NHRP authentication"), ("SPOKE2", r"network statement|announce|10\.1\.2\.0")),
        "SPOKE1's NHRP string has another case, and SPOKE2 announces its tunnel alone",
        "SPOKE1: interface Tunnel0 / ip nhrp authentication dmvpnkey",
        f"SPOKE2: {_NAMED_100} / no network 10.0.0.0 / network 10.255.0.0 0.0.0.255",
        "wait 600",
    ),
    both(
        "the-reserve-never-worked",
        "dual-hub",
        (("HUB1", r"router dead|not running"), ("SPOKE1", r"203\.0\.113\.6|NBMA|NHS")),
        "HUB1 is dead, and SPOKE1's line for HUB2 has the address of its provider",
        "SPOKE1: interface Tunnel0 / no ip nhrp nhs 10.255.0.2 nbma 203.0.113.5 multicast"
        " / ip nhrp nhs 10.255.0.2 nbma 203.0.113.6 multicast",
        "off HUB1",
        "wait 600",
    ),
)

HEALTHY: Final = (
    healthy(
        "guests-are-kept-out",
        "several-lans",
        "R31's second LAN is for guests: its list denies the company, and permits the rest",
        "R31: ip access-list extended GUESTS-IN / deny ip any 10.0.0.0 0.255.255.255 / permit ip any any / exit"
        " / interface GigabitEthernet0/3 / ip access-group GUESTS-IN in",
        apart=("R31:GigabitEthernet0/3",),
    ),
    healthy(
        "a-network-in-quarantine",
        "several-lans",
        "an incident: R31's third LAN is cut off both ways by a list of that name",
        "R31: ip access-list extended QUARANTINE / deny ip any any / exit / interface GigabitEthernet0/4"
        " / ip access-group QUARANTINE in / ip access-group QUARANTINE out",
        apart=("R31:GigabitEthernet0/4",),
    ),
    healthy(
        "backup-tunnel-is-shut",
        "dual-hub-two-clouds",
        "SPOKE1's second tunnel is shut until its line is built",
        "SPOKE1: interface Tunnel2 / description Reserve, not in use yet / shutdown",
    ),
    healthy(
        "a-closed-site",
        "notes-phase3",
        "R41's site is closed: its tunnel and LAN are shut",
        "R41: interface Tunnel100 / shutdown / interface GigabitEthernet0/2 / shutdown",
        apart=("R41",),
    ),
    healthy(
        "a-spoke-is-switched-off",
        "phase2-eigrp",
        "SPOKE2's site has a holiday, and everything there is switched off",
        "SPOKE2: interface GigabitEthernet0/1 / shutdown / interface GigabitEthernet0/2 / shutdown",
        "off SPOKE2",
        apart=("SPOKE2",),
    ),
    healthy(
        "eigrp-timers-differ",
        "phase3-summary",
        "R31 is on a slow line and sends hellos every 20 s, with a hold time that fits",
        f"R31: {_OVERLAY_100} / af-interface Tunnel100 / hello-interval 20 / hold-time 60",
    ),
    healthy(
        "registrations-differ",
        "dual-hub",
        "SPOKE2 registers more often than others, and asks to be kept for less",
        "SPOKE2: interface Tunnel0 / ip nhrp holdtime 120 / ip nhrp registration timeout 40",
    ),
    healthy(
        "larger-mtu-at-one-spoke",
        "notes-phase3",
        "R31's tunnel has a larger MTU than others, and still fits into its wire",
        "R31: interface Tunnel100 / ip mtu 1440",
    ),
    healthy(
        "unused-crypto",
        "dual-hub",
        "the hub keeps the profiles of a test that no tunnel uses",
        "HUB1: crypto ikev2 keyring TEST / peer ANY / address 0.0.0.0 0.0.0.0 / pre-shared-key local Test-1"
        " / pre-shared-key remote Test-1 / crypto ikev2 profile TEST / match identity remote address 0.0.0.0"
        " / authentication local pre-share / authentication remote pre-share / keyring local TEST"
        " / crypto ipsec transform-set TEST esp-aes 128 esp-sha-hmac / mode transport"
        " / crypto ipsec profile TEST / set transform-set TEST / set ikev2-profile TEST",
    ),
    healthy(
        "management-vrf",
        "dual-hub",
        "SPOKE1 has a VRF for management, with addresses that another site has in the company",
        "SPOKE1: vrf definition MGMT / address-family ipv4 / exit-address-family / exit / interface Loopback99"
        " / vrf forwarding MGMT / ip address 10.1.102.77 255.255.255.255",
    ),
    healthy(
        "monitoring-probes",
        "dual-hub",
        "SPOKE1 measures the way to the servers, and to an address that answers nobody",
        "SPOKE1: ip sla 1 / icmp-echo 10.1.10.1 / frequency 10 / exit / ip sla schedule 1 life forever start-time now"
        " / ip sla 2 / icmp-echo 192.0.2.9 / frequency 60 / exit / ip sla schedule 2 life forever start-time now",
    ),
    healthy(
        "policies-of-both-generations",
        "isakmp-phase3",
        "the hub offers an older IKEv1 policy, too, and SPOKE1 a newer one",
        "HUB: crypto isakmp policy 20 / encryption aes 128 / hash sha / authentication pre-share / group 5",
        "SPOKE1: crypto isakmp policy 5 / encryption aes 256 / hash sha512 / authentication pre-share / group 19",
        "SPOKE1# clear crypto session",
        "wait 60",
    ),
    healthy(
        "key-of-a-retired-site",
        "ipsec-dual-hub",
        "both hubs keep the key of a site that is gone",
        *(
            f"{hub}: crypto ikev2 keyring DMVPN / peer RETIRED / address 192.0.2.0 255.255.255.0"
            " / pre-shared-key local Retired-9 / pre-shared-key remote Retired-9"
            for hub in ("HUB1", "HUB2")
        ),
    ),
    healthy(
        "floating-static-routes",
        "notes-phase3",
        "the hub has a static route to R31's LAN that waits behind EIGRP",
        "R11: ip route 10.3.3.0 255.255.255.0 192.168.100.31 250",
    ),
    healthy(
        "filter-that-permits-all",
        "dual-hub",
        "SPOKE1's filter permits everything until the list of sites is agreed",
        f"SPOKE1: ip prefix-list ALL seq 5 permit 0.0.0.0/0 le 32 / {_NAMED_100} / topology base"
        " / distribute-list prefix ALL in",
    ),
    healthy(
        "passwords-everywhere",
        "bgp-phase3",
        "all sessions of BGP got the same password in one night",
        "HUB: router bgp 65000 / neighbor SPOKES password Sealed-1",
        "SPOKE1: router bgp 65000 / neighbor 10.255.0.1 password Sealed-1",
        "SPOKE2: router bgp 65000 / neighbor 10.255.0.1 password Sealed-1",
        "HUB# clear ip bgp *",
        "SPOKE1# clear ip bgp *",
        "SPOKE2# clear ip bgp *",
        "wait 120",
    ),
    healthy(
        "spoke-announces-its-own-alone",
        "bgp-phase3",
        "SPOKE1's list lets its own LAN out, and nothing else",
        "SPOKE1: ip prefix-list MINE seq 5 permit 10.1.1.0/24 / router bgp 65000 / address-family ipv4"
        " / neighbor 10.255.0.1 prefix-list MINE out",
        "SPOKE1# clear ip bgp *",
        "wait 60",
    ),
    healthy(
        "ospf-costs-differ",
        "ospf-phase3",
        "SPOKE1's tunnel costs more, and its retransmissions are slower",
        "SPOKE1: interface Tunnel0 / ip ospf cost 500 / ip ospf retransmit-interval 10",
    ),
    healthy(
        "wider-stub",
        "phase2-eigrp",
        "SPOKE1 may announce summaries and static routes as well, and has none",
        f"SPOKE1: {_NAMED_100} / eigrp stub connected static summary",
    ),
    healthy(
        "next-key-is-prepared",
        "course-lab",
        "all routers know the next key of EIGRP, and still send with the first one",
        *(f"{name}: key chain eigrp_auth / key 2 / key-string NEXT-2027" for name in ("HUB", "SPOKE1", "SPOKE2")),
    ),
    healthy(
        "own-addresses-alone",
        "dual-hub",
        "SPOKE1's LAN may send from its own addresses alone",
        "SPOKE1: ip access-list extended LAN-IN / permit ip 10.1.101.0 0.0.0.255 any / deny ip any any log / exit"
        " / interface GigabitEthernet0/2 / ip access-group LAN-IN in",
    ),
    healthy(
        "closed-wan-port",
        "ipsec-dual-hub",
        "SPOKE1's WAN port lets in what the tunnel needs",
        "SPOKE1: ip access-list extended WAN-IN / permit udp any any eq isakmp / permit udp any any eq non500-isakmp"
        " / permit esp any any / permit icmp any any / deny ip any any / exit / interface GigabitEthernet0/1"
        " / ip access-group WAN-IN in",
        "SPOKE1# clear crypto session",
        "wait 60",
    ),
    healthy(
        "satellite-line",
        "ipsec-dual-hub",
        "SPOKE2 is on a satellite: 280 ms each way",
        "wire SPOKE2:GigabitEthernet0/1: delay 280",
    ),
    healthy(
        "rip-timers-differ-and-fit",
        "drawn with RIP",
        "S2 sends more often than the hub expects",
        "S2: router rip / timers basic 8 30 30 60",
    ),
    healthy(
        "next-cloud-is-prepared",
        "migration",
        "the hub's next tunnel is typed and still shut",
        "R11: interface Tunnel300 / ip address 192.168.250.11 255.255.255.0 / ip nhrp map multicast dynamic"
        " / ip nhrp network-id 300 / tunnel source GigabitEthernet0/1 / tunnel mode gre multipoint / tunnel key 300"
        " / shutdown",
    ),
    healthy(
        "discard-behind-the-tunnel",
        "front-door",
        "SPOKE1 discards what no tunnel carries, instead of leaking it",
        "SPOKE1: ip route 0.0.0.0 0.0.0.0 Null0 254",
    ),
    healthy(
        "lan-in-another-area",
        "ospf-phase3",
        "SPOKE1's LAN is an area of its own",
        "SPOKE1: interface GigabitEthernet0/2 / ip ospf 1 area 11",
    ),
    healthy(
        "passive-but-for-the-tunnel",
        "phase2-eigrp",
        "SPOKE1's interfaces are passive, except the tunnel",
        f"SPOKE1: {_NAMED_100} / af-interface default / passive-interface / exit-af-interface"
        " / af-interface Tunnel0 / no passive-interface",
    ),
    healthy(
        "map-of-a-retired-spoke",
        "bgp-phase3",
        "SPOKE1 keeps the map of a spoke that is gone",
        "SPOKE1: interface Tunnel0 / ip nhrp map 10.255.0.99 192.0.2.99",
    ),
    healthy(
        "default-route-in-reserve",
        "dual-hub",
        "SPOKE1 has a second default route, to the firewall of its LAN, for the day without a provider",
        "SPOKE1: ip route 0.0.0.0 0.0.0.0 10.1.101.254 200",
    ),
    healthy(
        "neighbor-of-a-site-to-come",
        "bgp-ebgp-phase2",
        "the hub's neighbor for the next site is typed and shut",
        "HUB: router bgp 65000 / neighbor 10.255.0.13 remote-as 65013 / neighbor 10.255.0.13 shutdown",
    ),
)
