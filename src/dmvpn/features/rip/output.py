"""Sending: destinations of requests, updates and answers, their authentication and debug lines; and refused packets.

Updates and answers leave in slices, so that other events are handled in between. Each is long work of the context: a
small table leaves within the event that requested it. They are sent one after the other, so no gateway receives an
older state after a newer one.

Packets of an interface are authenticated, sent and received, as of RFC 2453 §4.1 and RFC 4822. The keys are those of a
key chain, each while it is valid; key rollover needs no negotiation. A received packet that is not authenticated as
configured is dropped, and a packet that cannot be authenticated as configured is not sent.

MD5, RFC 2082 §3.2, as IOS and FRR use it: the digest is over the packet with the four octets of the trailer before the
digest, and the key, padded or cut to 16 octets, behind them (checked against IOS-XE and FRR 8.4.4 with known keys).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.credentials import Key, KeyChain
from dmvpn.base.errors import WireError
from dmvpn.base.limits import Limiter
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.features.rip import messages
from dmvpn.features.rip.interface import GROUP, PORT, RipInterface
from dmvpn.features.rip.model import LAST_KEY, AuthenticationMode, RipConfig, RipInterfaceSettings
from dmvpn.features.rip.packet import INFINITY, MAXIMUM_ENTRIES, Command, KeyedDigest, Password, RipEntry, RipPacket
from dmvpn.features.rip.reasons import RipReason
from dmvpn.features.rip.table import Announced, State, Summaries, Table, advertised_on, gather, in_order, packets
from dmvpn.net.ipv4 import Octets

# ------------------------------------------------------------------------------------------------ authentication


_DIGEST_LENGTH = 16
_KEY_LENGTH = 16


def seal_md5(packet: RipPacket, *, key_id: int, key: bytes, sequence: int) -> bytes:
    """Encode the packet with a digest made with this key, and the authentication length that IOS sends."""
    authentication = KeyedDigest(key_id=key_id, sequence=sequence, digest=b"")
    covered = replace(packet, authentication=authentication).serialize()
    return covered + _md5_digest(covered, key)


def verify_md5(data: Octets, *, key: bytes) -> bool:
    """Return whether the last 16 octets of the packet are the MD5 digest of the octets before them and this key.

    For packets to which `RipPacket.parse` gave a `KeyedDigest`, whose `key_id` identifies the key.
    """
    covered, digest = bytes(data[:-_DIGEST_LENGTH]), bytes(data[-_DIGEST_LENGTH:])
    return hmac.compare_digest(digest, _md5_digest(covered, key))


def _md5_digest(covered: bytes, key: bytes) -> bytes:
    padded = key[:_KEY_LENGTH].ljust(_KEY_LENGTH, b"\x00")
    return hashlib.md5(covered + padded, usedforsecurity=False).digest()


_CLAUSE: Final = "RFC 4822 §2.2"
#: Maximum octets of a password, RFC 2453 §4.1.
_PASSWORD_LENGTH = 16


class Mismatch(WireError):
    """A packet is not authenticated as configured. theirs, ours: the authentication of each side."""

    def __init__(self, text: str, given: Password | KeyedDigest | None, wanted: AuthenticationMode | None) -> None:
        super().__init__(text, offset=4, clause=_CLAUSE if wanted is AuthenticationMode.MD5 else "RFC 2453 §5.2")
        self.theirs = _name(given)
        self.ours = wanted.value if wanted is not None else "no authentication"


class Seals:
    """Authenticates and verifies packets. Remembers the last sequence number of each authenticated sender."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._sequences: dict[tuple[str, IPAddress, bool], tuple[int, float]] = {}

    def obstacle(self, config: RipConfig, settings: RipInterfaceSettings, now: float) -> Reason | None:
        """Return why packets cannot be authenticated as configured; None: they can, or need not be."""
        if settings.authentication is None:
            return None
        chain = config.key_chain(settings.key_chain)
        if not settings.key_chain:
            return Reason(RipReason.NO_KEY_CHAIN, since=now)
        if chain is None or not any(key.number <= LAST_KEY for key in chain.keys):
            return Reason(RipReason.NO_KEY, (settings.key_chain,), now)
        if self._key(chain, now) is None:
            return Reason(RipReason.NO_VALID_KEY, (settings.key_chain,), now)
        return None

    def seal(self, packet: RipPacket, config: RipConfig, settings: RipInterfaceSettings, now: float) -> bytes | None:
        """Return the encoded packet, authenticated as configured; None: that is not possible."""
        if settings.authentication is None:
            return packet.serialize()
        chain = config.key_chain(settings.key_chain)
        key = self._key(chain, now) if chain is not None else None
        if key is None:
            return None
        if settings.authentication is AuthenticationMode.TEXT:
            return replace(packet, authentication=Password(password=_password(key))).serialize()
        # Seconds of the wall clock do not go back, not even over a restart.
        sequence = int(self._ports.clock.wall(now).timestamp()) & 0xFFFFFFFF
        return seal_md5(packet, key_id=key.number, key=key.text.encode(), sequence=sequence)

    def check(
        self,
        packet: RipPacket,
        octets: bytes,
        config: RipConfig,
        settings: RipInterfaceSettings,
        source: IPAddress,
        now: float,
    ) -> None:
        """Check the authentication of a packet. Raises Mismatch, and WireError for an old sequence number."""
        given = packet.authentication
        match settings.authentication:
            case None if given is not None:
                raise Mismatch("authentication that is not configured here", given, None)
            case AuthenticationMode.TEXT:
                accepted = self._accepted(config, settings, now)
                offered = given.password if isinstance(given, Password) else None
                if offered is None or not any(hmac.compare_digest(offered, _password(key)) for key in accepted):
                    raise Mismatch("the password is missing or wrong", given, AuthenticationMode.TEXT)
            case AuthenticationMode.MD5:
                if not isinstance(given, KeyedDigest):
                    raise Mismatch("no digest", given, AuthenticationMode.MD5)
                keys = [key for key in self._accepted(config, settings, now) if key.number == given.key_id]
                if not any(verify_md5(octets, key=key.text.encode()) for key in keys):
                    raise Mismatch(f"the digest is wrong (key {given.key_id})", given, AuthenticationMode.MD5)
                # Packets that may be queued have a count of their own, apart from packets that are processed at once.
                waits = packet.command != Command.UPDATE_ACKNOWLEDGE
                # The sequence number does not decrease, unless the sender was silent for so long that it is forgotten.
                sender = (settings.name, source, waits)
                sequence, heard = self._sequences.get(sender, (0, now))
                if given.sequence < sequence and now < heard + config.timers.invalid:
                    raise WireError(f"an old sequence number, {given.sequence}", offset=12, clause=_CLAUSE)
                self._sequences[sender] = given.sequence, now
            case _:
                pass

    def _key(self, chain: KeyChain, now: float) -> Key | None:
        key = chain.sending(self._ports.clock, now)
        return key if key is not None and key.number <= LAST_KEY else None

    def _accepted(self, config: RipConfig, settings: RipInterfaceSettings, now: float) -> tuple[Key, ...]:
        chain = config.key_chain(settings.key_chain)
        return chain.accepting(self._ports.clock, now) if chain is not None else ()


def _password(key: Key) -> bytes:
    return key.text.encode()[:_PASSWORD_LENGTH]


def _name(given: Password | KeyedDigest | None) -> str:
    if given is None:
        return "no authentication"
    kind = AuthenticationMode.TEXT if isinstance(given, Password) else AuthenticationMode.MD5
    return kind.value


# ------------------------------------------------------------------------------------------------ packets


#: Seconds between two log messages about the same sender, and most messages about all senders in that time.
_COMPLAINT_INTERVAL: Final = 60.0
_COMPLAINT_BURST: Final = 1024


class Sender:
    """Sends for the process."""

    def __init__(self, state: State) -> None:
        self.seals = Seals(state.ports)
        self._state = state
        self._context = state.context
        self._complaints: Limiter[tuple[str, IPAddress]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    def send(self, circuit: RipInterface, packet: RipPacket, destination: IPAddress, port: int = PORT) -> None:
        """Send one packet, unless it cannot be authenticated as configured."""
        config = self._state.config
        octets = self.seals.seal(packet, config, config.interface(circuit.name), self._context.now)
        if octets is not None:
            self._context.emit(circuit.send(octets, destination, port))

    def request(self, circuit: RipInterface) -> None:
        """Request the tables of all gateways on the circuit."""
        for destination in self.destinations(circuit):
            self.debug([messages.sending("request", destination, circuit.name, circuit.address)])
            self.send(circuit, RipPacket.whole_table_request(), destination)

    def end(self, circuit: RipInterface, routes: Sequence[Announced]) -> None:
        """Announce on the circuit that these routes are unreachable."""
        chosen: dict[Prefix, RipEntry] = {}
        self.gather(chosen, circuit, routes)
        entries = [replace(entry, metric=INFINITY) for entry in in_order(chosen)]
        for target in self.destinations(circuit):
            self.head(circuit, entries, target)
            for packet in packets(entries, self.room(circuit)):
                self.send(circuit, packet, target)

    def gather(self, chosen: dict[Prefix, RipEntry], circuit: RipInterface, routes: Sequence[Announced]) -> None:
        """Add the entries for these routes on a circuit to an update."""
        advertised = advertised_on(circuit.name, routes, self._state.config, self._state.ports)
        settings = self._state.config.interface(circuit.name)
        gather(chosen, circuit.state, advertised, self.summaries(circuit), split_horizon=settings.split_horizon)

    def summaries(self, circuit: RipInterface) -> Summaries:
        """Return the summaries on a circuit."""
        config = self._state.config
        return Summaries.on(circuit.state, config.interface(circuit.name), auto_summary=config.auto_summary)

    def head(self, circuit: RipInterface, entries: list[RipEntry], target: IPAddress) -> None:
        """Print the debug lines of an update."""
        if not entries or not self._state.ports.debugging.anything:
            return
        first = messages.sending("update", target, circuit.name, circuit.address)
        self.debug([first, *messages.built(entries)], len(entries))

    def room(self, circuit: RipInterface) -> int:
        """Return the routes that fit in a packet on a circuit; authentication takes the first entry."""
        return MAXIMUM_ENTRIES - (self._state.config.interface(circuit.name).authentication is not None)

    def destinations(self, circuit: RipInterface) -> list[IPAddress]:
        """Return the destinations: the group, unless the interface is passive, and the configured neighbors."""
        group: list[IPAddress] = [] if circuit.passive else [GROUP]
        return group + [neighbor for neighbor in self._state.config.neighbors if circuit.holds(neighbor)]

    def refuse(self, circuit: RipInterface, source: IPAddress, error: WireError) -> None:
        """Count and debug a packet that is not accepted; a wrong authentication is logged as well."""
        self.ignore(circuit, source, str(error))
        if isinstance(error, Mismatch) and self._complaints.permits((circuit.name, source), self._context.now):
            self._context.emit(messages.authentication_mismatch(source, circuit.name, error.theirs, error.ours))

    def ignore(self, circuit: RipInterface, source: IPAddress, why: str) -> None:
        """Count and debug a packet that is not accepted."""
        circuit.ignore(f"{source}: {why}")
        self.debug([messages.ignored(source, circuit.name, why)])

    def debug(self, lines: list[str], routes: int | None = None, *, is_triggered: bool = False) -> None:
        """Print debug lines if enabled: all, or the first one and how many routes follow. is_triggered: they are about
        triggered RIP.
        """
        on = self._state.ports.debugging.on
        if lines and (on(messages.RIP) or (is_triggered and on(messages.TRIGGER))):
            self._context.debug(*lines)
        elif lines and on(messages.EVENTS):
            self._context.debug(lines[0], *(() if routes is None else (messages.contains(routes),)))


# ------------------------------------------------------------------------------------------------ updates in slices


View = Generator[None, None, "dict[Prefix, RipEntry]"]

#: Routes processed in one slice: some milliseconds.
SLICE: Final = 256
#: Requests that may wait for an answer: senders can be forged.
_MOST_WAITING: Final = 64


class Advertiser:
    """Announces the routes of a table."""

    def __init__(self, state: State, sender: Sender, table: Table) -> None:
        self._context = state.context
        self._sender = sender
        self._table = table

    def announce(self, circuits: Iterable[RipInterface], changed: Sequence[Prefix] | None = None) -> None:
        """Send an update with these prefixes out of each circuit; None: with the whole table."""
        self._context.work(self._announce(tuple(circuits), changed))

    def answer(self, circuit: RipInterface, destination: IPAddress, port: int) -> None:
        """Send the whole table to a gateway that requested it, unless too many requests wait already."""
        if self._context.waiting < _MOST_WAITING:
            self._context.work(self._answer(circuit, destination, port))

    def view(self, circuit: RipInterface) -> View:
        """Compute the entries of the whole table on a circuit, by prefix."""
        return (yield from self._entries(circuit, (yield from self._routes(self._table.prefixes()))))

    # ------------------------------------------------------------------------------------------------- long work

    def _announce(self, circuits: Sequence[RipInterface], changed: Sequence[Prefix] | None) -> Iterator[None]:
        routes = yield from self._routes(changed if changed is not None else self._table.prefixes())
        for circuit in circuits:
            summaries = self._sender.summaries(circuit)
            if changed is None:
                chosen = yield from self._entries(circuit, routes)
                circuit.begin_table()
                touched = [prefix for prefix in chosen if summaries.summary(prefix) == prefix]
            else:
                touched = [each for each in dict.fromkeys(summaries.summary(prefix) for prefix in changed) if each]
                parts = yield from self._other_parts(changed, touched, summaries)
                chosen = yield from self._entries(circuit, [*routes, *parts])
            for summary in touched:
                entry = chosen.get(summary)
                if not circuit.is_news(summary, entry.metric if entry is not None else None):
                    chosen.pop(summary, None)
            for target in self._sender.destinations(circuit):
                yield from self._send(circuit, in_order(chosen), target, PORT)

    def _answer(self, circuit: RipInterface, destination: IPAddress, port: int) -> Iterator[None]:
        chosen = yield from self.view(circuit)
        yield from self._send(circuit, in_order(chosen), destination, port)

    def _send(self, circuit: RipInterface, entries: list[RipEntry], target: IPAddress, port: int) -> Iterator[None]:
        room = self._sender.room(circuit)
        self._sender.head(circuit, entries, target)
        for number, packet in enumerate(packets(entries, room), 1):
            if not circuit.is_over:
                self._sender.send(circuit, packet, target, port)
            if number * room % SLICE < room:
                yield

    def _other_parts(
        self, changed: Sequence[Prefix], touched: Sequence[Prefix], summaries: Summaries
    ) -> Generator[None, None, list[Announced]]:
        """Collect the other routes that these summaries cover: a summary has the best metric of all of them."""
        if not touched:
            return []
        known, wanted = frozenset(changed), frozenset(touched)
        prefixes = self._table.prefixes()
        parts: list[Prefix] = []
        for start in range(0, len(prefixes), SLICE):
            if start:
                yield
            found = (prefix for prefix in prefixes[start : start + SLICE] if prefix not in known)
            parts += [prefix for prefix in found if summaries.summary(prefix) in wanted]
        return (yield from self._routes(parts))

    def _routes(self, prefixes: Sequence[Prefix]) -> Generator[None, None, list[Announced]]:
        """Collect the routes to announce for these prefixes."""
        found: list[Announced] = []
        for start in range(0, len(prefixes), SLICE):
            if start:
                yield
            found += self._table.look(prefixes[start : start + SLICE])
        return found

    def _entries(self, circuit: RipInterface, routes: Sequence[Announced]) -> View:
        """Compute the entries of routes on a circuit."""
        chosen: dict[Prefix, RipEntry] = {}
        for start in range(0, len(routes), SLICE):
            if start:
                yield
            self._sender.gather(chosen, circuit, routes[start : start + SLICE])
        return chosen
