"""Troubles of a branch around its tunnels: leases of addresses, relay agents, NAT and VLANs.

They are a list of their own: one more in `TROUBLES` would change every draw. Each brings what it needs, such as the
pool that leases nothing, so every network can have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.tools.troubles.model import LAN, TUNNEL, WAN, Role, Trouble, spoke, without_story

#: Lines that several troubles have.
_LINES: Final = {
    "POOL": "ip dhcp pool LAN; network {lan_network} {lan_mask}",
    "LAN": LAN,
    "TUNNEL": TUNNEL,
    "LIST": "ip access-list extended NAT; permit ip {lan_network} {lan_wildcard} any",
    "SIDES": f"{LAN}; ip nat inside; {WAN}; ip nat outside",
    "OVERLOAD": "ip nat inside source list NAT interface {wan} overload",
}
_HINTS: Final = "What does the branch have besides its tunnels? `show ip dhcp pool`", "`show ip nat statistics`"


def _rows(text: str, cause: Cause, server: Role = Role.SPOKE) -> Iterator[Trouble]:
    """Yield troubles of rows "ID: TITLE = LINE; LINE ...", typed at a spoke. server: the router with the mistake."""
    for row in text.strip().splitlines():
        heading, _, lines = row.strip().partition(" = ")
        typed = [line for part in lines.split("; ") for line in _LINES.get(part, part).split("; ")]
        yield without_story(heading, (spoke(*typed),), (cause,), hints=_HINTS, parts=(server,))


BRANCH: Final = (
    *_rows(
        """
        pool-excluded: All addresses of a pool are excluded = POOL; ip dhcp excluded-address {lan_network} {lan_last}
        pool-router: A pool has a router of another network = POOL; default-router {hub.nbma}
        pool-network: A pool is for another network = ip dhcp pool LAN; network 172.29.3.0 /24
        pool-switched-off: DHCP is switched off = POOL; no service dhcp
        helper-switched-off: The relay agent is switched off = LAN; ip helper-address 172.29.9.9; no service dhcp
        """,
        Cause.POOL,
    ),
    *_rows("helper-at-hub: A helper is the hub = LAN; ip helper-address {hub.tunnel_address}", Cause.RELAY, Role.HUB),
    *_rows(
        "helper-at-spoke: A helper is a branch = LAN; ip helper-address {other.tunnel_address}", Cause.RELAY, Role.OTHER
    ),
    *_rows(
        """
        nat-no-outside: No port is outside = LIST; OVERLOAD; LAN; ip nat inside
        nat-no-inside: No port is inside = LIST; OVERLOAD; interface {wan}; ip nat outside
        nat-list-denies: A list of NAT permits nothing = ip access-list extended NAT; deny ip any any; SIDES; OVERLOAD
        nat-pool-of-provider: A pool of NAT has the provider's address = LIST; SIDES; ip nat pool INET {nbma_network} {nbma_last} netmask {nbma_mask}; ip nat inside source list NAT pool INET overload
        """,  # noqa: E501
        Cause.TRANSLATION,
    ),
    *_rows(
        """
        nat-takes-tunnel: A station has the address of a tunnel = SIDES; ip nat inside source static {host} interface {wan}
        nat-takes-ike: A station has the port of IKE = SIDES; ip nat inside source static udp {host} 500 interface {wan} 500
        nat-at-tunnel: A tunnel is outside of NAT = LIST; OVERLOAD; SIDES; TUNNEL; ip nat outside
        """,  # noqa: E501
        Cause.OWN_PACKETS,
    ),
    *_rows(
        "vlan-of-port: A port is in another VLAN = vlan 40; vlan 30; interface Vlan40; ip address 172.29.40.1 "
        "255.255.255.0; interface GigabitEthernet0/9; switchport access vlan 30",
        Cause.VLAN,
    ),
)
