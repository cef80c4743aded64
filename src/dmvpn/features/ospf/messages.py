"""Log messages and debug lines of OSPF. Texts are those of IOS: tools match them.

`MESSAGES` lists the log messages; the docstring of each is its explanation for `dmvpn explain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.notices import log_kind, log_messages

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


@log_kind("OSPF-5-ADJCHG")
def adjacency_changed(process: int, router: IPAddress, interface: str, way: tuple[str, str], why: str) -> str:
    """A neighbor came or went, and why; with `log-adjacency-changes detail` every state between, too."""
    # way: from which state to which.
    old, new = way
    return f"Process {process}, Nbr {router} on {interface} from {old} to {new}, {why}"


@log_kind("OSPFv3-5-ADJCHG")
def adjacency_changed3(process: int, router: IPAddress, interface: str, way: tuple[str, str], why: str) -> str:
    """A neighbor of OSPF version 3 came or went, and why."""
    # way: from which state to which.
    old, new = way
    return f"Process {process}, IPv6, Nbr {router} on {interface} from {old} to {new}, {why}"


@log_kind("OSPF-5-NSFHELPER")
def helped(process: int, router: IPAddress, interface: str, what: str) -> str:
    """A neighbor restarts gracefully, and counts as full meanwhile; or not any more, and why (RFC 3623). Our own:
    IOS has no such message.
    """
    return f"Process {process}, Nbr {router} on {interface} {what}"


@log_kind("OSPF-4-ERRRCV")
def bad_packet(what: str, sender: IPAddress, interface: str) -> str:
    """A packet was not taken: malformed, of another area, not authentic, or too many (one message a minute an
    interface).
    """
    return f"Received invalid packet: {what} from {spelled(sender)}, {interface}"


@log_kind("OSPF-4-MTUMISMATCH")
def mtus_differ(process: int, router: IPAddress, interface: str, theirs: int, ours: int) -> str:
    """A neighbor has another MTU. The end with the smaller MTU does not take the other's descriptions, so the exchange
    of databases does not end, unless that end has `ip ospf mtu-ignore` (one message a minute an interface). Our own:
    IOS says so only to `debug ip ospf adj`.
    """
    # theirs, ours: octets.
    what = f"Process {process}, Nbr {router} on {interface} has MTU {theirs}, ours is {ours}"
    return f"{what}: {'we do not take its' if theirs > ours else 'it may not take our'} descriptions"


@log_kind("OSPF-4-NORTRID")
def no_router_id(process: int) -> str:
    """No interface with an address is up that could name the process; it waits until there is one."""
    return (
        f"OSPF process {process} failed to allocate unique router-id and cannot start; "
        "an interface with an address that is up, or router-id, is missing"
    )


@log_kind("OSPFv3-4-NORTRID")
def no_router_id3(process: int) -> str:
    """No interface has an IPv4 address that could name the process of version 3; it waits for one, or `router-id`."""
    return f"OSPFv3 process {process} could not pick a router-id, please configure manually"


@log_kind("OSPF-4-DUP_RTRID_NBR")
def duplicate_router(router: IPAddress, sender: IPAddress, interface: str) -> str:
    """A neighbor has our router identifier: one of the two needs another (`router-id`)."""
    return f"OSPF detected duplicate router-id {router} from {spelled(sender)} on interface {interface}"


@log_kind("OSPF-4-DUP_RTRID_AREA")
def duplicate_in_area(router: IPAddress, area: int) -> str:
    """Another router of the area has our router identifier: each takes back what the other says of itself."""
    return f"Detected router with duplicate router ID {router} in area {area}"


@log_kind("OSPF-4-AUTHBLOCKED")
def silent(process: int, interface: str, why: str) -> str:
    """OSPF is silent on an interface whose authentication cannot be done as it is configured, and says why."""
    return f"Process {process}: {interface} is silent: {why}"


@log_kind("OSPF-5-LASTKEYEXP")
def last_key_over(process: int, interface: str, chain: str, key: int) -> str:
    """The `send-lifetime` of the last valid key of a key chain is over; OSPF goes on with this key."""
    return f"Process {process}: {interface}: key {key} of key chain {chain} is over and goes on: no other is valid"


@log_kind("OSPF-4-NOVALIDKEY")
def no_valid_key(process: int, interface: str, chain: str) -> str:
    """No key of a key chain may seal yet, so OSPF is silent on the interface."""
    return f"Process {process}: {interface} is silent: no key of key chain {chain} is valid yet"


@log_kind("OSPF-4-OSPF_MAX_LSA_THR")
def lsa_threshold(process: int, count: int) -> str:
    """Other routers advertise nearly as many LSAs as `max-lsa` allows."""
    text = "Threshold for maximum number of non self-generated LSA has been reached"
    return f'{text} "ospf {process}" - {count} LSAs'


@log_kind("OSPF-4-OSPF_MAX_LSA")
def lsa_limit_passed(process: int, count: int) -> str:
    """Other routers advertise more LSAs than `max-lsa` allows. If that lasts a minute, the process ignores them."""
    text = "Maximum number of non self-generated LSA has been exceeded"
    return f'{text} "ospf {process}" - {count} LSAs'


@log_kind("OSPF-4-MAXLSA_IGNORE")
def lsa_limit_ignoring(process: int, count: int, minutes: int | None) -> str:
    """The process has dropped all neighbors, because `max-lsa` was exceeded for a minute."""
    # minutes: None: until it is cleared.
    until = "until `clear ip ospf process`" if minutes is None else f"for {minutes} minutes"
    return f"Process {process} ignores all packets {until}: {count} LSAs are more than max-lsa allows"


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
