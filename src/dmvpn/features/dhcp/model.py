"""The configuration of DHCP, as values."""

from __future__ import annotations

import enum
from ipaddress import IPv4Address, IPv6Address

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.values import Value
from dmvpn.net.ipv6 import INFINITE

#: Seconds: IOS leases for a day.
LEASE = 86_400
#: The distance of routes that come with a lease.
DISTANCE = 254
#: UDP ports of IPv6 of clients, and of servers and relay agents; the group of all these (RFC 8415 §7).
CLIENT_PORT6, SERVER_PORT6 = 546, 547
AGENTS = IPv6Address("ff02::1:2")


class Drop(enum.Enum):
    """Why a message gets no answer, or is not passed on."""

    MALFORMED = "malformed"
    POOL = "no free address in the pool"
    OFFERS = "too many offers on a port"
    CLIENT = "too many addresses of a client"
    UNTRUSTED = "from a relay agent that cannot be right"
    HOPS = "too many relay agents"
    BUSY = "too many messages on a port"
    IGNORED = "for no client of ours"


class Pool(Value, kw_only=True):
    """One `ip dhcp pool`.

    network: the subnet whose addresses it leases; None: it has none.
    host: the address of a manual binding, with the prefix length; identities: whom it is for, as `Message.identity`
        and with the hardware address alone.
    lease: seconds, None: forever.
    options: octets by code, in the order of the codes.
    """

    name: str
    vrf: str = ""
    network: Prefix | None = None
    host: tuple[IPv4Address, int] | None = None
    identities: tuple[bytes, ...] = ()
    lease: int | None = LEASE
    options: tuple[tuple[int, bytes], ...] = ()
    next_server: IPv4Address = UNSPECIFIED
    file: bytes = b""


class Pool6(Value):
    """One `ipv6 dhcp pool`.

    prefix: whose addresses it leases; None: it has the other options alone. valid, preferred: seconds, or `INFINITE`.
    dns: name servers. domains: names without a point at the end.
    """

    name: str
    prefix: Prefix | None = None
    valid: int = 0
    preferred: int = 0
    dns: tuple[IPv6Address, ...] = ()
    domains: tuple[str, ...] = ()

    @property
    def times(self) -> tuple[int, int, int, int]:
        """When a client renews and rebinds, and both lifetimes: seconds (RFC 8415 §21.4)."""
        early = (self.preferred // 2, self.preferred * 4 // 5)
        return *(early if self.preferred != INFINITE else (INFINITE, INFINITE)), self.preferred, self.valid

    @property
    def options(self) -> tuple[tuple[int, bytes], ...]:
        """The options of its lines, by their codes (RFC 3646): eight servers and domains at most."""
        labels = (label[:63] for one in self.domains[:8] for label in (*filter(None, one.encode().split(b".")), b""))
        named = b"".join(bytes((len(label),)) + label for label in labels)
        servers = b"".join(each.packed for each in self.dns[:8])
        return tuple((code, one) for code, one in ((23, servers), (24, named)) if one)


class Excluded(Value):
    """Addresses that are not leased: from first to last, both included."""

    vrf: str
    first: IPv4Address
    last: IPv4Address


class PortSettings(Value, kw_only=True):
    """The lines of an interface.

    leases: `ip address dhcp`. label: of the interface in IOS's client identifier ("Gi0/0").
    identified_by: the interface whose hardware address is the client identifier, "": IOS's own form.
    hostname: "": the router's.
    helpers: `ip helper-address`, each with its VRF.
    serves6: the pool of `ipv6 dhcp server`. commits6: with `rapid-commit`.
    relays6: `ipv6 dhcp relay destination`, each with its interface, "": as routed.
    """

    interface: str
    leases: bool
    label: str
    identified_by: str
    hostname: str
    helpers: tuple[tuple[str, IPv4Address], ...]
    serves6: str = ""
    commits6: bool = False
    relays6: tuple[tuple[IPv6Address, str], ...] = ()


class LeasedRoute(Value):
    """`ip route ... dhcp`: a route by the router of a lease. interface: the port with the lease, "": any."""

    vrf: str
    prefix: Prefix
    distance: int
    interface: str


class DhcpConfig(Value, kw_only=True):
    """All lines of DHCP.

    enabled: `service dhcp`, without which server and relay agent do nothing.
    ping_packets: echo requests before an address is offered. ping_timeout: seconds for each.
    logs_conflicts: an address that answered is not leased until the conflict is cleared.
    write_delay: seconds from a change to the file that keeps the bindings; None: nothing is kept.
    adds_information: the relay agent adds option 82.
    """

    hostname: str = ""
    enabled: bool = True
    pools: tuple[Pool, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    ping_packets: int = 2
    ping_timeout: float = 0.5
    logs_conflicts: bool = True
    write_delay: int | None = None
    ports: tuple[PortSettings, ...] = ()
    adds_information: bool = False
    routes: tuple[LeasedRoute, ...] = ()
    pools6: tuple[Pool6, ...] = ()

    def excluded_of(self, pool: Pool) -> int:
        """Return how many addresses of a pool are excluded."""
        count, network = 0, pool.network
        if network is not None:
            beyond, high = network.number + 1, network.number + network.size - 2
            for one in sorted((one for one in self.excluded if one.vrf == pool.vrf), key=lambda one: one.first):
                first, last = max(int(one.first), beyond), min(int(one.last), high)
                if first <= last:
                    count, beyond = count + last - first + 1, last + 1
        return count
