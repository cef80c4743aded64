"""The socket for requests to the kernel: batches, dumps, and each error with the request that caused it.

The kernel processes a datagram message by message while we send it, so nothing here ever waits for long. Only the last
message of a batch asks for an acknowledgement; a refused one is answered anyway, with its sequence number, and the ones
behind it are carried out all the same. Batches add 260,000 neighbor entries a second instead of 144,000.

A socket always belongs to the network namespace in which it was made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Self, TypeVar

from dmvpn.base.addresses import IPAddress
from dmvpn.base.values import Value
from dmvpn.dataplane.netlink import wire
from dmvpn.dataplane.netlink.link import (
    InterfaceAddress,
    KernelLink,
    LinkCounters,
    LinkRef,
    LinkSettings,
    dump_addresses,
    dump_counters,
    dump_links,
    get_link,
    parse_address,
    parse_counters,
    parse_link,
    set_link,
)
from dmvpn.dataplane.netlink.route import (
    ROUTE_PROTOCOL,
    KernelNeighbor,
    KernelRoute,
    Rule,
    delete_rule,
    dump_neighbors,
    dump_routes,
    dump_rules,
    find_route,
    parse_neighbor,
    parse_route,
    parse_rule,
    parse_station,
    route_protocol,
)

#: Requests in one datagram: the answers must fit the socket's buffer even if all of them are refused.
BATCH: Final = 128
#: Octets in one datagram, well below net.core.wmem_default.
_BATCH_OCTETS = 1 << 16
_RECEIVE = 1 << 17
_DUMP_ATTEMPTS = 5
#: Seconds. Answers are there when the request is sent; this only keeps a broken assumption from hanging a router.
_PATIENCE = 5.0

_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NETLINK_GET_STRICT_CHK = 12

_T = TypeVar("_T")


class KernelRefusal(Value):
    """The kernel refused a request. text: its own explanation, or the text of the error number."""

    request: wire.Request
    errno: int
    text: str

    def __str__(self) -> str:
        return f"{self.request}: {self.text}"


class NetlinkError(OSError):
    """A request that was expected to succeed was refused."""

    def __init__(self, refusal: KernelRefusal) -> None:
        super().__init__(refusal.errno, str(refusal))
        self.refusal = refusal


class NetlinkSocket:
    """Sends requests about links, addresses, routes and neighbors to the kernel of one network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._sequence = 0
        try:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
            with contextlib.suppress(OSError):  # kernels before 4.20; it only makes mistakes louder
                self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
            self._socket.settimeout(_PATIENCE)
            self._socket.bind((0, 0))
        except OSError:
            self._socket.close()
            raise
        #: The port number in notifications of changes by this socket (see `NetlinkMonitor`).
        self.port: int = self._socket.getsockname()[0]

    # ------------------------------------------------------------------------------------------------ requests

    def execute(self, requests: Sequence[wire.Request]) -> list[KernelRefusal]:
        """Carry out all requests in order, and return the refused ones. An error does not stop those behind it."""
        refusals: list[KernelRefusal] = []
        done = 0
        while done < len(requests):
            first, size = self._sequence + 1, 0
            octets: list[bytes] = []
            for sequence, request in enumerate(requests[done : done + BATCH], first):
                octets.append(message := request.serialize(sequence))
                size += len(message)
                if size >= _BATCH_OCTETS:
                    break
            batch = requests[done : done + len(octets)]
            self._sequence += len(octets)
            octets[-1] = batch[-1].serialize(self._sequence, wire.NLM_F_ACK)
            refusals += self._exchange(batch, b"".join(octets), first)
            done += len(octets)
        return refusals

    def call(self, *requests: wire.Request, harmless: int = 0) -> None:
        """Carry out all requests.

        Raises NetlinkError for the first refused one, unless its error number is `harmless`.
        """
        for refusal in self.execute(requests):
            if refusal.errno != harmless:
                raise NetlinkError(refusal)

    def silence_ipv6(self, link: LinkRef) -> None:
        """Keep an interface without link-local address. Without IPv6, or with an MTU too small for it, it has none."""
        self.call(set_link(link, LinkSettings(silent_ipv6=True)), harmless=errno.EAFNOSUPPORT)

    def _exchange(self, batch: Sequence[wire.Request], octets: bytes, first: int) -> list[KernelRefusal]:
        """Send requests, of which the first has this sequence number, and return the refused ones."""
        self._socket.send(octets)
        try:
            verdicts = self._collect(first, first + len(batch) - 1)
        except TimeoutError:
            return [_refusal(request, errno.ETIMEDOUT, "no answer from the kernel") for request in batch]
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            # Answers were lost, and we do not know which: the callers repeat all of these requests.
            return [_refusal(request, errno.ENOBUFS, "answer lost") for request in batch]
        return [_refusal(batch[a.sequence - first], a.errno, a.text) for a in verdicts if a.errno]

    def _collect(self, first: int, last: int) -> list[wire.Acknowledgement]:
        verdicts: list[wire.Acknowledgement] = []
        while True:
            for message in self._receive():
                if message.kind == wire.KernelMessageType.ERROR and first <= message.sequence <= last:
                    verdicts.append(wire.parse_acknowledgement(message))
                    if message.sequence == last:
                        return verdicts

    # --------------------------------------------------------------------------------------------------- dumps

    def dump(self, request: wire.KernelRequest) -> list[wire.KernelMessage]:
        """Return all objects that a dump request finds. Raises NetlinkError.

        If the table changed while it was read, the kernel reports that and we read again, a few times; then the last
        result counts: a caller that follows changes with a monitor gets the rest.
        """
        for _ in range(_DUMP_ATTEMPTS):
            found, interrupted = self._dump_once(request)
            if not interrupted:
                break
        return found

    def _dump_once(self, request: wire.KernelRequest) -> tuple[list[wire.KernelMessage], bool]:
        self._sequence += 1
        self._socket.send(request.serialize(self._sequence))
        found: list[wire.KernelMessage] = []
        interrupted = False
        while True:
            for message in self._receive():
                if message.sequence != self._sequence:
                    continue
                interrupted |= bool(message.flags & wire.NLM_F_DUMP_INTR)
                if message.kind == wire.KernelMessageType.ERROR:
                    verdict = wire.parse_acknowledgement(message)
                    raise NetlinkError(_refusal(request, verdict.errno, verdict.text))
                if message.kind == wire.KernelMessageType.DONE:
                    failure = wire.parse_done(message)
                    if failure > 0:
                        raise NetlinkError(_refusal(request, failure, ""))
                    return found, interrupted
                found.append(message)

    def links(self) -> list[KernelLink]:
        """Return all interfaces of the namespace."""
        return _parsed(self.dump(dump_links()), parse_link)

    def find_link(self, link: LinkRef) -> KernelLink | None:
        """Return one interface by name or index, or None if it does not exist. Raises NetlinkError.

        Since Linux 6.8 the kernel finishes a pending change of carrier first. Until then an interface that got its
        carrier by the far end's `set_up` drops what it should send, and a lost ARP request costs a second: read an
        interface before the first packet goes out.
        """
        try:
            return parse_link(self._ask(get_link(link), wire.KernelMessageType.NEWLINK).body)
        except NetlinkError as error:
            if error.errno == errno.ENODEV:
                return None
            raise

    def route_to(self, address: IPAddress) -> KernelRoute | None:
        """Return the route that a packet of this machine to this address takes, after all rules.

        None: a route of a kind that we do not decode. Raises NetlinkError: the packet is refused, by a rule or a route
        (EINVAL: blackhole, EHOSTUNREACH, EACCES), or there is no route (ENETUNREACH).
        """
        return parse_route(self._ask(find_route(address), wire.KernelMessageType.NEWROUTE).body)

    def _ask(self, request: wire.KernelRequest, answer: wire.KernelMessageType) -> wire.KernelMessage:
        """Send a request and return its one answer. Raises NetlinkError."""
        self._sequence += 1
        self._socket.send(request.serialize(self._sequence))
        while True:
            for message in self._receive():
                if message.sequence != self._sequence:
                    continue
                if message.kind == answer:
                    return message
                verdict = wire.parse_acknowledgement(message)
                raise NetlinkError(_refusal(request, verdict.errno, verdict.text))

    def counters(self) -> list[LinkCounters]:
        """Return the packet counters of all interfaces of the namespace."""
        return _parsed(self.dump(dump_counters()), parse_counters)

    def addresses(self) -> list[InterfaceAddress]:
        """Return all addresses of the namespace."""
        return _parsed(self.dump(dump_addresses()), parse_address)

    def routes(self, *, protocol: int | None = None, but: int | None = None) -> list[KernelRoute]:
        """Return the routes of all tables and both families.

        protocol: only those of this owner. but: without those of this owner.
        """
        found = self.dump(dump_routes())
        if protocol is not None or but is not None:  # before the other routes are parsed: there may be many
            found = [message for message in found if _is_of(message, protocol, but)]
        return _parsed(found, parse_route)

    def neighbors(self, link: int | None = None) -> list[KernelNeighbor]:
        """Return the neighbor entries of both families; with `link` (an index) only those of this interface."""
        return _parsed(self.dump(dump_neighbors(link)), parse_neighbor)

    def stations(self) -> list[tuple[int, bytes]]:
        """Return the stations that bridges have learned, each with the index of its port. Raises NetlinkError."""
        return _parsed(self.dump(dump_neighbors(family=wire.AF_BRIDGE)), parse_station)

    def rules(self, *, protocol: int | None = None) -> list[Rule]:
        """Return the policy rules of both families; with `protocol` only those of this owner."""
        found = _parsed(self.dump(dump_rules()), parse_rule)
        return [rule for rule in found if protocol is None or rule.protocol == protocol]

    def flush_rules(self, protocol: int = ROUTE_PROTOCOL) -> list[Rule]:
        """Delete every rule of this owner, and return them. The routes in their tables stay."""
        try:
            stale = self.rules(protocol=protocol)
        except NetlinkError:
            return []  # a kernel without policy routing has none
        self.execute([delete_rule(rule) for rule in stale])
        return stale

    # ------------------------------------------------------------------------------------------------ the socket

    def _receive(self) -> Iterable[wire.KernelMessage]:
        datagram, sender = self._socket.recvfrom(_RECEIVE)
        # Only the kernel has number 0; messages of other processes are ignored.
        return wire.parse_messages(memoryview(datagram)) if sender[0] == 0 else ()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_of(route: wire.KernelMessage, protocol: int | None, but: int | None) -> bool:
    owner = route_protocol(route.body)
    return owner != but if protocol is None else owner == protocol


def _refusal(request: wire.Request, number: int, text: str) -> KernelRefusal:
    return KernelRefusal(request, number, text or os.strerror(number))


def _parsed(messages: Iterable[wire.KernelMessage], parse: Callable[[memoryview], _T | None]) -> list[_T]:
    found = (parse(message.body) for message in messages)
    return [entry for entry in found if entry is not None]
