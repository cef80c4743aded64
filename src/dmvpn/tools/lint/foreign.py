"""Lines of IOS that no router here takes and no rule is about: lint reads them, and says what they are about.

Configurations of real routers are full of them. Refused as unknown words they would hide the slips of the pen, and
what stands in the sections that they open would be taken for lines of the section before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: A section of such lines. Whatever no other mode begins with is one of its own.
SECTION: Final = "foreign"
MODES: Final = (Mode(SECTION, "config-foreign"),)
_FAMILIES: Final = ("eigrp", "eigrp-af-topology", "eigrp-af")
#: By what they are about: the mode, the line, and "=>" behind what opens a section.
_LINES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "NAT": (("global", "ip nat {what:line}"),),
    "multicast routing": (("interface", "ip igmp {what:line}"),),
    "DHCP server": (
        ("global", "ip dhcp pool {what:line} =>"),
        ("global", "ip dhcp ( excluded-address | database | relay | bootp | conflict | snooping ) {what:line}"),
        ("interface", "ip helper-address {what:line}"),
        ("interface", "ip dhcp ( client | relay ) {what:line}"),
    ),
    "packet filters, zones or flow records": (
        ("interface", "zone-member security {what:line}"),
        ("interface", "ip inspect {what:line}"),
        ("interface", "ip nbar {what:line}"),
        ("interface", "ip flow {what:line}"),
        ("global", "zone security {what:line} =>"),
        ("global", "zone-pair security {what:line} =>"),
        ("global", "parameter-map {what:line} =>"),
        ("global", "object-group {what:line} =>"),
        ("global", "flow {what:line} =>"),
    ),
    "policy routing": (("interface", "ip policy {what:line}"),),
    "routes by DHCP": (("global", "ip route {network:address} {mask:mask} dhcp [ {distance:1-255} ]"),),
    "tracking or IP SLA": (
        ("global", "track {what:line} =>"),
        ("global", "ip sla {what:line} =>"),
        ("global", "event manager {what:line} =>"),
    ),
    "first hop redundancy": (
        ("interface", "standby {what:line}"),
        ("interface", "vrrp {what:line}"),
        ("interface", "glbp {what:line}"),
    ),
    "MPLS": (
        ("global", "mpls {what:line}"),
        ("interface", "mpls {what:line}"),
        ("router-bgp", "address-family vpnv4 [ {what:line} ] =>"),
    ),
    "VRFs": (
        ("global", "ip route vrf {what:line}"),
        ("global", "crypto keyring {name:word} vrf {vrf:word} =>"),
        ("router-bgp", "address-family ( ipv4 | ipv6 ) vrf {what:line} =>"),
        ("eigrp-named", "address-family ( ipv4 | ipv6 ) [ unicast ] vrf {what:line} =>"),
        ("global", "router ospf {process:1-65535} vrf {what:line} =>"),
    ),
    "switching or VLAN tags": (
        ("interface", "encapsulation {what:line}"),
        ("interface", "switchport [ {what:line} ]"),
        ("interface", "channel-group {what:line}"),
        ("global", "vlan {what:line} =>"),
    ),
    "dial-up": (
        ("interface", "ppp {what:line}"),
        ("interface", "dialer {what:line}"),
        ("interface", "dialer-group {what:line}"),
        ("interface", "pppoe {what:line}"),
        ("interface", "pppoe-client {what:line}"),
        ("global", "voice-card {what:line} =>"),
    ),
    "crypto maps": (("global", "crypto map {what:line} =>"), ("interface", "crypto map {what:line}")),
    "filters in an OSPF process": (("router-ospf", "distribute-list {what:line}"),),
    "IS-IS": (("global", "router isis [ {what:line} ] =>"),),
    "IPv6 in this routing protocol": (("interface", "ipv6 ( ospf | eigrp | rip ) {what:line}"),),
    "such options of tunnels": (
        ("interface", "tunnel ( checksum | sequence-datagrams )"),
        ("interface", "tunnel mode ipsec ( ipv4 | ipv6 )"),
        ("interface", "tunnel route-via {what:line}"),
        ("interface", "domain {what:line}"),
    ),
    "remote access": (
        ("ikev2-profile", "aaa {what:line}"),
        ("ikev2-profile", "virtual-template {what:line}"),
        ("ikev2-profile", "nat keepalive {seconds:5-3600}"),
    ),
    "confederations": (("router-bgp", "bgp confederation {what:line}"),),
    "filters in an EIGRP process": tuple(
        (mode, line)
        for mode in _FAMILIES
        for line in (
            "distribute-list {what:line}",
            "offset-list {what:line}",
            "redistribute ( ospf | bgp | isis | eigrp ) {what:line}",
            "redistribute ( static | connected | rip ) route-map {what:line}",
        )
    ),
    "servers for users": (
        ("global", "tacacs server {what:line} =>"),
        ("global", "radius server {what:line} =>"),
        ("global", "tacacs-server {what:line}"),
        ("global", "radius-server {what:line}"),
    ),
    "banners of this kind": (
        ("global", "banner incoming {text:banner}"),
        ("global", "banner prompt-timeout {text:banner}"),
    ),
    "CDP log, privilege levels or CNS": (
        ("global", "cdp ( log | source-interface ) {what:line}"),
        ("global", "privilege {what:line}"),
        ("global", "cns {what:line}"),
    ),
}


def lines() -> Iterator[tuple[str, str, bool, str]]:
    """Mode, syntax, whether it opens a section, and what a router here lacks; "": nothing has to be said."""
    for what, rows in _LINES.items():
        for mode, row in rows:
            syntax = row.removesuffix(" =>")
            yield mode, syntax, syntax != row, what
    yield SECTION, "{what:line}", False, ""
