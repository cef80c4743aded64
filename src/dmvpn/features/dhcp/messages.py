"""Log messages and debug switches of DHCP."""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.notices import log_kind, log_messages

SERVER: Final = "ip dhcp server packet"
CLIENT: Final = "dhcp"


@log_kind("DHCPD-4-PING_CONFLICT")
def conflicting(address: IPAddress, method: str) -> str:
    """Another station has an address that was to be leased. It is not leased until `clear ip dhcp conflict`."""
    return f"DHCP address conflict: {address} is in use ({method})."


@log_kind("DHCPD-4-POOL_EXHAUSTED")
def pool_exhausted(pool: str) -> str:
    """All addresses of a pool are leased, excluded or in conflict: a client got no offer. At most once a minute."""
    return f"Pool {pool} has no free address."


@log_kind("DHCP-6-ADDRESS_ASSIGN")
def address_assigned(interface: str, address: IPAddress, mask: IPAddress, hostname: str) -> str:
    """An interface got its address by DHCP."""
    return f"Interface {interface} assigned DHCP address {address}, mask {mask}, hostname {hostname}"


@log_kind("DHCP-4-LEASE_REFUSED")
def lease_refused(interface: str, why: str) -> str:
    """A DHCP server refused a lease, or gave an address or routes that cannot be right. The client asks again."""
    return f"Interface {interface} has no lease: {why}"


@log_kind("DHCP-5-ROUTES_LEFT_OUT")
def routes_left_out(interface: str, count: int) -> str:
    """A lease has classless routes, which could lead packets past a protected tunnel of the same VRF: not taken."""
    return f"{count} routes of the lease of {interface} left out: they could lead past a protected tunnel"


@log_kind("DHCP-5-ANOTHER_CLIENT")
def another_client(interface: str, why: str) -> str:
    """The DHCP client of this router cannot run on a port: the router takes the address that the host gives it."""
    return f"Interface {interface} follows the host, which has its address: {why}"


MESSAGES: Final = log_messages(vars())
