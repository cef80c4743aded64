"""The client: from DISCOVER to the end of a lease (RFC 2131 §4.4), for an interface of a router and for a lab's host.

    INIT ─DISCOVER─> SELECTING ─OFFER─> REQUESTING ─ACK─> BOUND ─T1─> RENEWING ─T2─> REBINDING ─end─> INIT
                                            NAK ─> INIT       <──────ACK──────┴──────────────┘

It owns no clock and no socket: each call returns the messages to send, and `due` is when to call `fire`. A lease that
cannot be right is refused (`Lease.wrong`), declined, and the client begins again after `PAUSE`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.entropy import Entropy, fraction, made_hardware
from dmvpn.base.values import Value
from dmvpn.features.dhcp.packet import BROADCAST, FOREVER, Code, Message, MessageType

#: Seconds before a refused client begins again (RFC 2131 §3.1), between two messages at first and at last (§4.1).
PAUSE: Final = 10.0
FIRST_WAIT: Final = 4.0
LONGEST_WAIT: Final = 64.0
#: Of hosts of labs: their server may be behind routers that still find their routes.
HOSTS_WAIT: Final = 8.0
#: Seconds between two requests of a renewal, at least: more often than RFC 2131 §4.4.5, for leases of a minute.
_SHORTEST_WAIT: Final = 5.0
#: Requests without an answer before the client begins again.
_REQUESTS: Final = 4
#: Classless routes of one lease, and their shortest prefix: shorter ones would draw all traffic unseen.
MOST_ROUTES: Final = 64
SHORTEST_ROUTE: Final = 8
#: Seconds: shorter leases would keep the router busy.
SHORTEST_LEASE: Final = 10
#: Option 55: mask, classless routes, router, name servers, domain, NetBIOS name servers, lease time.
_WANTED: Final = bytes((1, 121, 3, 6, 15, 44, 51))


class ClientState(enum.Enum):
    """The states of RFC 2131 §4.4."""

    INIT = "Init"
    SELECTING = "Selecting"
    REQUESTING = "Requesting"
    BOUND = "Bound"
    RENEWING = "Renewing"
    REBINDING = "Rebinding"


class Lease(Value, kw_only=True):
    """What a server gave. length: of the subnet, None: the mask is no mask.

    since: when the client asked for it, seconds monotonic. seconds, renewal, rebinding: how long it lasts, and after
        how much of it the client asks for more time, None: forever.
    routes: with their next hops; a default route by `router` is not among them.
    """

    address: IPv4Address
    length: int | None
    server: IPv4Address
    router: IPv4Address | None
    routes: tuple[tuple[Prefix, IPv4Address], ...] = ()
    dns: tuple[IPv4Address, ...] = ()
    domain: str = ""
    since: float
    seconds: int | None
    renewal: int | None
    rebinding: int | None

    @classmethod
    def of(cls, message: Message, now: float) -> Lease:
        """Return the lease that a message offers. Classless routes replace the router (RFC 3442)."""
        time, renewal, rebinding = map(message.number, (Code.LEASE_TIME, Code.RENEWAL_TIME, Code.REBINDING_TIME))
        whole = None if time in (None, FOREVER) else time
        if whole is None:
            renewal = rebinding = None
        else:
            renewal = renewal if renewal is not None and 0 < renewal < whole else whole // 2
            late = rebinding is not None and renewal <= rebinding < whole
            rebinding = rebinding if late else max(renewal, whole * 7 // 8)
        classless, router = message.routes, message.address(Code.ROUTER)
        if classless:
            router = next((hop for prefix, hop in classless if prefix.is_default), None)
        return cls(
            address=message.yiaddr,
            length=message.mask_length,
            server=message.address(Code.SERVER) or UNSPECIFIED,
            router=router,
            routes=tuple(one for one in classless if not one[0].is_default),
            dns=message.addresses(Code.DNS_SERVER),
            domain=message.text(Code.DOMAIN_NAME),
            since=now,
            seconds=whole,
            renewal=renewal,
            rebinding=rebinding,
        )

    def after(self, seconds: int | None) -> float | None:
        """Return the moment that is this long after its beginning, or None for a lease without end. seconds."""
        return None if seconds is None else self.since + seconds

    @property
    def mask(self) -> IPAddress:
        """The subnet mask."""
        return Prefix.of(self.address, self.length or 0).netmask

    @property
    def gateway(self) -> IPv4Address | None:
        """The router, if it is in the subnet; no packet gets to another one, so that one is not used."""
        subnet = Prefix.of(self.address, self.length or 0)
        return self.router if self.router is not None and Prefix.host(self.router) in subnet else None

    @property
    def station(self) -> tuple[IPv4Interface, IPv4Address | None]:
        """The address with its prefix length, and the gateway."""
        return IPv4Interface((self.address, self.length or 0)), self.gateway

    def wrong(self) -> str:
        """Return why the lease cannot be right, "": it can."""
        if self.server == UNSPECIFIED:
            return "no server identifier"
        if self.seconds is not None and self.seconds < SHORTEST_LEASE:
            return f"a lease of {self.seconds} seconds"
        if self.length is None or not SHORTEST_ROUTE <= self.length <= 32:
            return "no subnet mask that can be right"
        subnet, own = Prefix.of(self.address, self.length), self.address
        if own.is_multicast or own.is_loopback or own.is_reserved or int(own) >> 24 == 0:
            return f"{own} is no address of a station"
        if own == self.server or own == self.router:
            return f"{own} is the server's or the router's own address"
        if self.length < 31 and own in (subnet.address, subnet.broadcast):
            return f"{own} is no address of a station in {subnet}"
        nobody = (own, subnet.broadcast) if self.length < 31 else (own,)
        if self.router in nobody:
            return f"no router {self.router} can be in {subnet}"
        for prefix, hop in self.routes:
            if prefix.length < SHORTEST_ROUTE or prefix in subnet or hop in nobody or Prefix.host(hop) not in subnet:
                return f"the route {prefix} by {hop}"
        return "too many routes" if len(self.routes) > MOST_ROUTES else ""


class ClientMessage(Value):
    """A message to send, and to whom; before there is a lease from 0.0.0.0."""

    message: Message
    destination: IPv4Address


class Client:
    """One client. hardware: of its port. identifier: option 61, b"": none.

    why: the last refusal, of a server or of ours.
    """

    def __init__(self, hardware: bytes, identifier: bytes, hostname: str, entropy: Entropy) -> None:
        self.hardware, self.identifier, self.hostname = hardware, identifier, hostname
        self.state = ClientState.INIT
        self.lease: Lease | None = None
        self.due: float | None = None
        self.xid = 0
        self.retries = 0
        self.why = ""
        self.ignored = 0
        self.longest_wait = LONGEST_WAIT
        self._entropy = entropy
        self._offer: Lease | None = None
        self._began = 0.0

    @property
    def station(self) -> tuple[IPv4Interface, IPv4Address | None] | None:
        """The leased address with its prefix length, and the gateway."""
        return self.lease.station if self.lease is not None else None

    # ------------------------------------------------------------------------------------------ what happens

    def begin(self, now: float) -> list[ClientMessage]:
        """Begin, or begin again."""
        self.state, self.lease, self._offer = ClientState.SELECTING, None, None
        self.retries, self._began = 0, now
        self.xid = int.from_bytes(self._entropy.octets(4), "big")
        return self._discover(now)

    def stop(self) -> None:
        """Stop: the port went down. The lease is forgotten."""
        self.state, self.lease, self.due = ClientState.INIT, None, None

    def release(self) -> list[ClientMessage]:
        """Give the lease back, and stop."""
        lease = self.lease
        self.stop()
        if lease is None:
            return []
        return [self._to(lease.server, MessageType.RELEASE, {Code.SERVER: lease.server.packed}, lease.address)]

    def renew(self, now: float) -> list[ClientMessage]:
        """Renew the lease at once; without one begin."""
        if self.lease is None:
            return self.begin(now)
        self.state, self.retries = ClientState.RENEWING, 0
        return self._request_again(now)

    def fire(self, now: float) -> list[ClientMessage]:
        """Act on the time that has come."""
        lease = self.lease
        match self.state:
            case ClientState.SELECTING:
                self.retries += 1
                return self._discover(now)
            case ClientState.REQUESTING if self.retries < _REQUESTS:
                self.retries += 1
                return self._request(now)
            case ClientState.BOUND | ClientState.RENEWING | ClientState.REBINDING if lease is not None:
                if lease.seconds is not None and now >= lease.since + lease.seconds:
                    return self.begin(now)
                if lease.rebinding is not None and now >= lease.since + lease.rebinding:
                    self.state = ClientState.REBINDING
                elif self.state is ClientState.BOUND:
                    self.state, self.retries = ClientState.RENEWING, 0
                return self._request_again(now)
        return self.begin(now)

    def take(self, octets: bytes, source: IPAddress, now: float) -> list[ClientMessage]:
        """Take the octets of a message. Raises WireError."""
        return self.hear(Message.parse(octets), now)

    def hear(self, message: Message, now: float, conflict: str = "") -> list[ClientMessage]:
        """Take a message. conflict: why its address cannot be used here, "": it can."""
        if not message.is_reply or message.xid != self.xid or message.hardware[:6] != self.hardware[:6]:
            self.ignored += 1
            return []
        match message.type:
            case MessageType.OFFER if self.state is ClientState.SELECTING:
                return self._offered(Lease.of(message, now), now, conflict)
            case MessageType.ACK if self.lease is not None or self._offer is not None:
                return self._acknowledged(Lease.of(message, now), now, conflict)
            case MessageType.NAK if self._is_expected(message.address(Code.SERVER)):
                self.why = message.text(Code.MESSAGE) or "the server refused it"
                self._pause(now)
                return []
        self.ignored += 1
        return []

    # ------------------------------------------------------------------------------------------ parts

    def _is_expected(self, server: IPv4Address | None) -> bool:
        """Return whether this server's answer to a request counts. Any server may answer a broadcast to all."""
        lease = self.lease or self._offer
        waits = self.state in (ClientState.REQUESTING, ClientState.RENEWING, ClientState.REBINDING)
        return waits and lease is not None and (server == lease.server or self.state is ClientState.REBINDING)

    def _offered(self, lease: Lease, now: float, conflict: str) -> list[ClientMessage]:
        self.why = lease.wrong() or conflict
        if self.why:
            self.ignored += 1
            return []  # another server may offer a better one
        self.state, self._offer, self.retries = ClientState.REQUESTING, lease, 0
        return self._request(now)

    def _acknowledged(self, lease: Lease, now: float, conflict: str) -> list[ClientMessage]:
        if not self._is_expected(lease.server):
            self.ignored += 1
            return []
        self.why = lease.wrong() or conflict
        if self.why:
            self._pause(now)
            options: dict[int, bytes] = {Code.REQUESTED_ADDRESS: lease.address.packed, Code.SERVER: lease.server.packed}
            return [self._to(BROADCAST, MessageType.DECLINE, options)]
        self.state, self.lease, self._offer, self.retries = ClientState.BOUND, lease, None, 0
        self.due = lease.after(lease.renewal)
        return []

    def _pause(self, now: float) -> None:
        """Begin again after a while, without a lease."""
        self.state, self.lease, self._offer, self.due = ClientState.INIT, None, None, now + PAUSE

    def _discover(self, now: float) -> list[ClientMessage]:
        self._wait(now)
        return [self._to(BROADCAST, MessageType.DISCOVER, {Code.PARAMETERS: _WANTED}, seconds=now - self._began)]

    def _request(self, now: float) -> list[ClientMessage]:
        self._wait(now)
        offer = self._offer
        if offer is None:
            return self.begin(now)
        options: dict[int, bytes] = {Code.REQUESTED_ADDRESS: offer.address.packed, Code.SERVER: offer.server.packed}
        options[Code.PARAMETERS] = _WANTED
        return [self._to(BROADCAST, MessageType.REQUEST, options, seconds=now - self._began)]

    def _request_again(self, now: float) -> list[ClientMessage]:
        """Ask for more time: half of the time until the next step passes before the next request (§4.4.5)."""
        lease = self.lease
        if lease is None:
            return self.begin(now)
        limit = lease.after(lease.rebinding if self.state is ClientState.RENEWING else lease.seconds)
        rest = LONGEST_WAIT if limit is None else limit - now
        self.due = now + max(min(rest, _SHORTEST_WAIT), rest / 2)
        self.retries += 1
        to = lease.server if self.state is ClientState.RENEWING else BROADCAST
        return [self._to(to, MessageType.REQUEST, {Code.PARAMETERS: _WANTED}, lease.address)]

    def _wait(self, now: float) -> None:
        """Wait longer after each message, and not in step with other clients (§4.1)."""
        wait = min(FIRST_WAIT * 2 ** min(self.retries, 8), self.longest_wait)
        self.due = now + wait - 1.0 + 2.0 * fraction(self._entropy)

    def _to(
        self,
        destination: IPv4Address,
        kind: MessageType,
        options: Mapping[int, bytes],
        ciaddr: IPv4Address = UNSPECIFIED,
        *,
        seconds: float = 0.0,
    ) -> ClientMessage:
        every: dict[int, bytes] = {Code.MESSAGE_TYPE: bytes((kind,)), **options}
        if self.identifier:
            every[Code.CLIENT] = self.identifier
        if self.hostname:
            every[Code.HOST_NAME] = self.hostname.encode("ascii", "replace")[:255]
        message = Message(
            xid=self.xid,
            hardware=self.hardware,
            seconds=min(int(seconds), 0xFFFF),
            broadcast=ciaddr == UNSPECIFIED,
            ciaddr=ciaddr,
            options=every,
        )
        return ClientMessage(message, destination)


def host_client(name: str, entropy: Entropy, hardware: bytes = b"") -> Client:
    """Return the client of a lab's host. hardware: of its port, b"": one made of its name."""
    client = Client(hardware or made_hardware(f"{name} eth0"), b"", name, entropy)
    client.longest_wait = HOSTS_WAIT
    return client
