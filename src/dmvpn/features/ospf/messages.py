"""Log messages and debug lines of OSPF. Texts are those of IOS: tools match them.

`MESSAGES` lists the log messages; the docstring of each is its explanation for `dmvpn explain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.notices import Log, log_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.features.ospf.lsa import LsaHeader
    from dmvpn.features.ospf.packet import OspfPacket

#: Names of the debug flags.
ADJACENCY: Final = "ip ospf adj"
HELLO: Final = "ip ospf hello"
PACKET: Final = "ip ospf packet"
EVENTS: Final = "ip ospf events"
SPF: Final = "ip ospf spf"
FLOOD: Final = "ip ospf flood"
GENERATION: Final = "ip ospf lsa-generation"
RETRANSMISSION: Final = "ip ospf retransmission"


class AdjacencyChanged(Log, name="OSPF-5-ADJCHG"):
    """A neighbor came or went, and why; with `log-adjacency-changes detail` every state between, too."""

    @classmethod
    def of(cls, process: int, router: IPAddress, interface: str, way: tuple[str, str], why: str) -> Self:
        """Return the message for this neighbor. way: from which state to which."""
        old, new = way
        return cls(f"Process {process}, Nbr {router} on {interface} from {old} to {new}, {why}")


class AdjacencyChanged3(Log, name="OSPFv3-5-ADJCHG"):
    """A neighbor of OSPF version 3 came or went, and why."""

    @classmethod
    def of(cls, process: int, router: IPAddress, interface: str, way: tuple[str, str], why: str) -> Self:
        """Return the message for this neighbor. way: from which state to which."""
        old, new = way
        return cls(f"Process {process}, IPv6, Nbr {router} on {interface} from {old} to {new}, {why}")


class Helped(Log, name="OSPF-5-NSFHELPER"):
    """A neighbor restarts gracefully, and counts as full meanwhile; or not any more, and why (RFC 3623). Our own:
    IOS has no such message.
    """

    @classmethod
    def of(cls, process: int, router: IPAddress, interface: str, what: str) -> Self:
        """Return the message for this neighbor."""
        return cls(f"Process {process}, Nbr {router} on {interface} {what}")


class BadPacket(Log, name="OSPF-4-ERRRCV"):
    """A packet was not taken: malformed, of another area, not authentic, or too many (one message a minute an
    interface).
    """

    @classmethod
    def of(cls, what: str, sender: IPAddress, interface: str) -> Self:
        """Return the message for this sender."""
        return cls(f"Received invalid packet: {what} from {spelled(sender)}, {interface}")


class MtusDiffer(Log, name="OSPF-4-MTUMISMATCH"):
    """A neighbor has another MTU. The end with the smaller MTU does not take the other's descriptions, so the exchange
    of databases does not end, unless that end has `ip ospf mtu-ignore` (one message a minute an interface). Our own:
    IOS says so only to `debug ip ospf adj`.
    """

    @classmethod
    def of(cls, process: int, router: IPAddress, interface: str, theirs: int, ours: int) -> Self:
        """Return the message for this neighbor. theirs, ours: octets."""
        what = f"Process {process}, Nbr {router} on {interface} has MTU {theirs}, ours is {ours}"
        return cls(f"{what}: {'we do not take its' if theirs > ours else 'it may not take our'} descriptions")


class NoRouterId(Log, name="OSPF-4-NORTRID"):
    """No interface with an address is up that could name the process; it waits until there is one."""

    @classmethod
    def of(cls, process: int) -> Self:
        """Return the message for this process."""
        text = (
            f"OSPF process {process} failed to allocate unique router-id and cannot start; "
            "an interface with an address that is up, or router-id, is missing"
        )
        return cls(text)


class NoRouterId3(Log, name="OSPFv3-4-NORTRID"):
    """No interface has an IPv4 address that could name the process of version 3; it waits for one, or `router-id`."""

    @classmethod
    def of(cls, process: int) -> Self:
        """Return the message for this process."""
        return cls(f"OSPFv3 process {process} could not pick a router-id, please configure manually")


class DuplicateRouter(Log, name="OSPF-4-DUP_RTRID_NBR"):
    """A neighbor has our router identifier: one of the two needs another (`router-id`)."""

    @classmethod
    def of(cls, router: IPAddress, sender: IPAddress, interface: str) -> Self:
        """Return the message for this sender."""
        text = f"OSPF detected duplicate router-id {router} from {spelled(sender)} on interface {interface}"
        return cls(text)


class DuplicateInArea(Log, name="OSPF-4-DUP_RTRID_AREA"):
    """Another router of the area has our router identifier: each takes back what the other says of itself."""

    @classmethod
    def of(cls, router: IPAddress, area: int) -> Self:
        """Return the message for this area."""
        return cls(f"Detected router with duplicate router ID {router} in area {area}")


class Silent(Log, name="OSPF-4-AUTHBLOCKED"):
    """OSPF is silent on an interface whose authentication cannot be done as it is configured, and says why."""

    @classmethod
    def of(cls, process: int, interface: str, why: str) -> Self:
        """Return the message for this interface."""
        return cls(f"Process {process}: {interface} is silent: {why}")


class LastKeyOver(Log, name="OSPF-5-LASTKEYEXP"):
    """The `send-lifetime` of the last valid key of a key chain is over; OSPF goes on with this key."""

    @classmethod
    def of(cls, process: int, interface: str, chain: str, key: int) -> Self:
        """Return the message for this interface."""
        text = f"Process {process}: {interface}: key {key} of key chain {chain} is over and goes on: no other is valid"
        return cls(text)


class NoValidKey(Log, name="OSPF-4-NOVALIDKEY"):
    """No key of a key chain may seal yet, so OSPF is silent on the interface."""

    @classmethod
    def of(cls, process: int, interface: str, chain: str) -> Self:
        """Return the message for this interface."""
        text = f"Process {process}: {interface} is silent: no key of key chain {chain} is valid yet"
        return cls(text)


class LsaThreshold(Log, name="OSPF-4-OSPF_MAX_LSA_THR"):
    """Other routers advertise nearly as many LSAs as `max-lsa` allows."""

    @classmethod
    def of(cls, process: int, count: int) -> Self:
        """Return the message for this process."""
        text = "Threshold for maximum number of non self-generated LSA has been reached"
        return cls(f'{text} "ospf {process}" - {count} LSAs')


class LsaLimitPassed(Log, name="OSPF-4-OSPF_MAX_LSA"):
    """Other routers advertise more LSAs than `max-lsa` allows. If that lasts a minute, the process ignores them."""

    @classmethod
    def of(cls, process: int, count: int) -> Self:
        """Return the message for this process."""
        text = "Maximum number of non self-generated LSA has been exceeded"
        return cls(f'{text} "ospf {process}" - {count} LSAs')


class LsaLimitIgnoring(Log, name="OSPF-4-MAXLSA_IGNORE"):
    """The process has dropped all neighbors, because `max-lsa` was exceeded for a minute."""

    @classmethod
    def of(cls, process: int, count: int, minutes: int | None) -> Self:
        """Return the message for this process. minutes: None: until it is cleared."""
        until = "until `clear ip ospf process`" if minutes is None else f"for {minutes} minutes"
        return cls(f"Process {process} ignores all packets {until}: {count} LSAs are more than max-lsa allows")


MESSAGES: Final = log_messages(vars())


def packet_line(way: str, packet: OspfPacket, interface: str, length: int, other: IPAddress) -> str:
    """Return the line of `debug ip ospf packet`. way: "sent" or "rcv."; other: destination or sender; length:
    octets.
    """
    version, where = 2 if other.version == 4 else 3, "to" if way == "sent" else "from"
    return (
        f"OSPF: {way} v:{version} t:{int(packet.content.TYPE)} l:{length} rid:{packet.router} aid:{packet.area} "
        f"auk:{packet.auth_type} {where} {spelled(other)} {interface}"
    )


def line(process: int, interface: str, text: str) -> str:
    """Return a line of `debug ip ospf adj` or `hello`."""
    return f"OSPF-{process} {interface}: {text}"


def calculated_line(process: int, networks: int) -> str:
    """Return the line of `debug ip ospf events`: a calculation is done."""
    return f"OSPF-{process} EVENT: SPF is done, {networks} networks"


def ways_line(process: int, networks: int, reasons: Sequence[str]) -> str:
    """Return the line of `debug ip ospf spf`: a calculation is done, and which advertisements made it necessary."""
    why = " ".join(reasons) or "the configuration or an interface"
    return f"OSPF-{process} SPF  : SPF is done, {networks} networks, because of {why}"


def installed_line(process: int, header: LsaHeader) -> str:
    """Return the line of `debug ip ospf flood`: the database says another thing."""
    what = f"type {header.type}, LSID {header.id}, adv router {header.router}"
    return f"OSPF-{process} FLOOD: Install {what}, seq 0x{header.sequence & 0xFFFFFFFF:08X}, age {header.age}"


def generated_line(process: int, header: LsaHeader) -> str:
    """Return the line of `debug ip ospf lsa-generation`: this router says something, or takes it back."""
    what = f"type {header.type}, LSID {header.id}"
    return f"OSPF-{process} LSGEN: Build {what}, seq 0x{header.sequence & 0xFFFFFFFF:08X}, age {header.age}"


def repeated_line(process: int, router: IPAddress, interface: str, count: int) -> str:
    """Return the line of `debug ip ospf retransmission`. count: advertisements that were not acknowledged."""
    return f"OSPF-{process} RXMT : Retransmit {count} advertisements to {router} on {interface}"
