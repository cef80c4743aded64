"""Replies to usual registrations: how one follows from its request, and registrations that repeat the last one.

Clients of one hub send requests that differ in their addresses and numbers alone, and a reply repeats these. So the
pattern of the first reply gives all replies to such registrations, once they are accepted.

The decision about a registration depends on the octets of the request, the entry that it renews, and the tunnel. So
each entry has the digest of the request that it came from, and the pattern of the reply. Any other change of the entry
forgets them, and a pattern is good only for the configuration, state and interface of the tunnel that it was made with:
these are values, which are replaced and never changed. What belongs to no such value is checked each time: the
sender's standing, its connection, and debugs.

Budgets, counters, timers and history move as with any other registration.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from dmvpn.base.chronicle import LARGEST_KEPT
from dmvpn.base.effects import SendGre
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import InterfaceState, TunnelState
from dmvpn.base.values import Value
from dmvpn.features.nhrp.cache import Entry, NbmaPeer
from dmvpn.features.nhrp.connections import SenderStanding
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.model import TunnelConfig
from dmvpn.features.nhrp.packet import PacketType, RegistrationRequest
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.net.ipv4 import checksum

#: Where the size, the checksum and the request identifier are in a packet, RFC 2332 §5.1 and §5.2.0.1.
_SIZE: Final = slice(10, 12)
_CHECKSUM: Final = slice(12, 14)
_IDENTIFIER: Final = slice(24, 28)
_EXTENSIONS_AT: Final = slice(14, 16)
_TYPE_AT: Final = 17
#: Where the lengths of the source's NBMA address, its subaddress and the protocol addresses are.
_NBMA_LENGTH_AT: Final = 18
_SUBADDRESS_LENGTH_AT: Final = 19
_PROTOCOL_LENGTH_AT: Final = 20
#: The octets of a CIE that mean nothing, and that a reply has as zeros, RFC 2332 §5.2.0.1.
_UNUSED_FROM: Final = 2
_UNUSED_TO: Final = 4
_UNUSED: Final = bytes(2)
#: Patterns in use: of one tunnel, clients that send the same extensions share one.
_MOST_PATTERNS: Final = 32
#: Entries of one NBMA address that are compared: behind a translator there may be thousands of stations.
_MOST_ENTRIES: Final = 4


class Pattern(Value, eq=False):
    """How a reply follows from its request.

    head: the reply up to its request identifier, without checksum.
    start, end: the octets of the request that `insert` replaces. is_paired: a registration has two entries, that of the
    client's address and that of its link-local one.
    """

    config: TunnelConfig
    state: TunnelState | None
    interface: InterfaceState | None
    head: bytes
    start: int
    end: int
    insert: bytes
    is_paired: bool

    @classmethod
    def of(cls, tunnel: Tunnel, request: bytes, reply: bytes, *, is_paired: bool) -> Pattern:
        """Compare a request with its reply."""
        body = _IDENTIFIER.stop
        most = min(len(request), len(reply)) - body
        start = next((at for at in range(body, body + most) if request[at] != reply[at]), body + most)
        left = body + most - start
        same = next((count for count in range(left) if request[-1 - count] != reply[-1 - count]), left)
        head = reply[: _CHECKSUM.start] + bytes(2) + reply[_CHECKSUM.stop : _IDENTIFIER.start]
        insert = reply[start : len(reply) - same]
        return cls(tunnel.config, tunnel.state, tunnel.interface, head, start, len(request) - same, insert, is_paired)

    def is_good(self, tunnel: Tunnel) -> bool:
        """Return whether the tunnel is as it was."""
        return self.config is tunnel.config and self.state is tunnel.state and self.interface is tunnel.interface

    def reply(self, request: bytes) -> bytes:
        """Make the reply."""
        octets = self.head + request[_IDENTIFIER.start : self.start] + self.insert + request[self.end :]
        return octets[: _CHECKSUM.start] + checksum(octets).to_bytes(2, "big") + octets[_CHECKSUM.stop :]


class Renewals:
    """Owns the patterns of one IP version."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context
        #: By the tunnel, the shape of the request and whether it has two entries, the oldest first.
        self._patterns: dict[tuple[str, bytes, bool], Pattern] = {}

    def renew(
        self, tunnel: Tunnel, event: NhrpReceived, sender: NbmaPeer, standing: SenderStanding, known: Iterable[Entry]
    ) -> bool:
        """Renew the entries of a registration that repeats the last one, and answer it; False: it is another packet.

        known: the entries that lead to the sender's address.
        """
        instance, request = self._instance, bytes(event.data)
        if request[_TYPE_AT : _TYPE_AT + 1] != _REQUEST or instance.ports.debugging.anything:
            return False
        digest = _digest(request)
        found: tuple[Entry, ...] = ()
        for entry in islice(known, _MOST_ENTRIES):
            if entry.answer is not None and entry.answer[0] == digest and entry.connection == sender.connection:
                pattern, found = entry.answer[1], (*found, entry)
        if not found:
            return False
        entry = found[0]
        if (
            not isinstance(pattern, Pattern)
            or not pattern.is_good(tunnel)
            or pattern.is_paired is not (found[1:] != ())  # one of its two entries is not as it was
            or entry.payer != (None if standing.is_server else standing.account)
            or (tunnel.protected and instance.secured(tunnel, sender) != sender)
            or checksum(request)
        ):
            return False
        for entry in found:
            entry.renewed(self._context.now)
            instance.time_entry(tunnel, entry)
        instance.answer_registration(tunnel, sender, pattern.reply(request), again=request)
        return True

    def answer(
        self,
        tunnel: Tunnel,
        packet: RegistrationRequest,
        request: bytes,
        sender: NbmaPeer,
        entries: tuple[Entry, ...],
    ) -> bool:
        """Answer a usual registration, if its reply follows from that to another client; False: it has to be made."""
        instance = self._instance
        if not _is_plain(packet, sender) or instance.ports.debugging.anything:
            return False
        pattern = self._patterns.get(_shape(tunnel, request, entries))
        if pattern is None or not pattern.is_good(tunnel) or instance.secured(tunnel, sender) != sender:
            return False
        instance.answer_registration(tunnel, sender, pattern.reply(request))
        answer = _digest(request), pattern
        for entry in entries:
            entry.answered(answer)
        return True

    def learn(
        self,
        tunnel: Tunnel,
        packet: RegistrationRequest,
        request: bytes,
        sender: NbmaPeer,
        entries: tuple[Entry, ...],
    ) -> None:
        """Remember the answer to a usual registration, which left just now."""
        emitted = self._context.emitted
        sent = emitted[-1] if emitted else None
        if not isinstance(sent, SendGre):
            return
        reply, shape = bytes(sent.payload), _shape(tunnel, request, entries)
        if (
            reply[_TYPE_AT] != PacketType.REGISTRATION_REPLY
            or reply[_IDENTIFIER] != request[_IDENTIFIER]
            or len(reply) > LARGEST_KEPT
        ):
            return
        pattern = self._patterns.get(shape)
        if pattern is None or not pattern.is_good(tunnel) or pattern.reply(request) != reply:
            pattern = Pattern.of(tunnel, request, reply, is_paired=shape[2])
            if pattern.start < int.from_bytes(request[_EXTENSIONS_AT], "big") or pattern.reply(request) != reply:
                return  # the client's entry was answered otherwise
            if _is_plain(packet, sender):
                self._patterns.pop(shape, None)
                self._patterns[shape] = pattern
                if len(self._patterns) > _MOST_PATTERNS:
                    del self._patterns[next(iter(self._patterns))]
        answer = _digest(request), pattern
        for entry in entries:
            entry.answered(answer)

    def is_usual(
        self,
        tunnel: Tunnel,
        packet: RegistrationRequest,
        request: bytes,
        sender: NbmaPeer,
        entries: tuple[Entry, ...],
    ) -> bool:
        """Return whether a registration that made or renewed these entries is a usual one: of the client's own address,
        and of its link-local one, by the client itself.
        """
        if not entries or len(packet.cies) != 1 or len(request) > LARGEST_KEPT:
            return False
        (cie,), (entry, *more), width = packet.cies, entries, packet.source_protocol.max_prefixlen
        addresses = request[_NBMA_LENGTH_AT] + request[_SUBADDRESS_LENGTH_AT] + 2 * request[_PROTOCOL_LENGTH_AT]
        entry_at = _IDENTIFIER.stop + addresses
        return not (
            entry.neighbor != sender
            or (cie.protocol is not None and not more)
            or cie.host_or_prefix_length(width) != width
            or tunnel.is_guest(entry.target)
            or tunnel.config.bind_identity
            or tunnel.config.responder
            or int.from_bytes(request[_SIZE], "big") != len(request)
            or request[entry_at + _UNUSED_FROM : entry_at + _UNUSED_TO] != _UNUSED
        )


_REQUEST: Final = bytes((PacketType.REGISTRATION_REQUEST,))


def _is_plain(packet: RegistrationRequest, sender: NbmaPeer) -> bool:
    """Return whether the reply has no address but those of the request and our own: one of a client behind NAT has."""
    return packet.source_nbma == sender.nbma and packet.destination_protocol != packet.source_protocol


def _shape(tunnel: Tunnel, request: bytes, entries: tuple[Entry, ...]) -> tuple[str, bytes, bool]:
    """Return what requests have in common whose replies follow from one pattern: tunnel, header, flags, extensions, and
    whether they have two entries.
    """
    extensions = int.from_bytes(request[_EXTENSIONS_AT], "big")
    shape = request[: _SIZE.start] + request[_CHECKSUM.stop : _IDENTIFIER.start] + request[extensions:]
    return tunnel.config.name, shape, entries[1:] != ()


def _digest(request: bytes) -> int:
    """Return the digest of all but checksum and request identifier. More than 60 bits would take 16 octets more."""
    rest = request[: _CHECKSUM.start] + request[_CHECKSUM.stop : _IDENTIFIER.start] + request[_IDENTIFIER.stop :]
    return hash(rest) & ((1 << 60) - 1)
