"""Log messages and debug switches of DHCP."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.addresses import IPAddress
from dmvpn.base.notices import Log, log_messages

SERVER: Final = "ip dhcp server packet"
CLIENT: Final = "dhcp"


class Conflicting(Log, name="DHCPD-4-PING_CONFLICT"):
    """Another station has an address that was to be leased. It is not leased until `clear ip dhcp conflict`."""

    @classmethod
    def of(cls, address: IPAddress, method: str) -> Self:
        """Return the message with how it was noticed."""
        return cls(f"DHCP address conflict: {address} is in use ({method}).")


class PoolExhausted(Log, name="DHCPD-4-POOL_EXHAUSTED"):
    """All addresses of a pool are leased, excluded or in conflict: a client got no offer. At most once a minute."""

    @classmethod
    def of(cls, pool: str) -> Self:
        """Return the message for a pool."""
        return cls(f"Pool {pool} has no free address.")


class AddressAssigned(Log, name="DHCP-6-ADDRESS_ASSIGN"):
    """An interface got its address by DHCP."""

    @classmethod
    def of(cls, interface: str, address: IPAddress, mask: IPAddress, hostname: str) -> Self:
        """Return the message, in IOS's words."""
        return cls(f"Interface {interface} assigned DHCP address {address}, mask {mask}, hostname {hostname}")


class LeaseRefused(Log, name="DHCP-4-LEASE_REFUSED"):
    """A DHCP server refused a lease, or gave an address or routes that cannot be right. The client asks again."""

    @classmethod
    def of(cls, interface: str, why: str) -> Self:
        """Return the message with the reason."""
        return cls(f"Interface {interface} has no lease: {why}")


class RoutesLeftOut(Log, name="DHCP-5-ROUTES_LEFT_OUT"):
    """A lease has classless routes, which could lead packets past a protected tunnel of the same VRF: not taken."""

    @classmethod
    def of(cls, interface: str, count: int) -> Self:
        """Return the message with their number."""
        return cls(f"{count} routes of the lease of {interface} left out: they could lead past a protected tunnel")


class AnotherClient(Log, name="DHCP-5-ANOTHER_CLIENT"):
    """The DHCP client of this router cannot run on a port: the router takes the address that the host gives it."""

    @classmethod
    def of(cls, interface: str, why: str) -> Self:
        """Return the message with the reason."""
        return cls(f"Interface {interface} follows the host, which has its address: {why}")


MESSAGES: Final = log_messages(vars())
