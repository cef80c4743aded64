"""Address translation by the kernel: the rules of a NAT gateway of a real lab, and the flows that conntrack has.

In nft's syntax, `Masquerade` for the outside interface `outside` is:

    table ip dmvpn {
        chain to  { type nat hook prerouting priority -100; ip daddr PUBLIC dnat to STATION }
        chain out {
            type nat hook postrouting priority 100
            iifname != "outside" oifname != "outside" ct status dnat ip daddr STATION snat to PUBLIC
            oifname "outside" ip saddr STATION snat to PUBLIC
            oifname "outside" masquerade [random,fully-random]
        }
        chain in  { type filter hook input priority 0; iifname "outside" meta l4proto != icmp drop }
    }

The rules with PUBLIC and STATION are there for each station with a public address of its own. Every NAT gateway has
something like the last chain: without it a stray packet for the public address would make a
conntrack entry of its own, which blocks the flow that an inside station is about to begin with the same peer (measured
on Linux 6.18, for GRE). Also measured: GRE of less than eight octets in all, an empty keepalive without key, is not
translated.

Flows are dumped and deleted by nfnetlink. Attributes are those of linux/netfilter/nfnetlink_conntrack.h, in network
byte order.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import Value
from dmvpn.dataplane.host import HostProblem, need
from dmvpn.dataplane.netlink import nftables
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.netlink.wire import attribute, nest, parse_attributes

# ------------------------------------------------------------------------------------------------ tracked flows


_SUBSYSTEM = 1 << 8
_GET, _DELETE = _SUBSYSTEM | 1, _SUBSYSTEM | 2
_ORIGINAL, _REPLY, _STATUS, _TIMEOUT, _MARK, _ZONE = 1, 2, 3, 7, 8, 18
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_SOURCE, _DESTINATION = 1, 2
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT, _ICMP_ID = 1, 2, 3, 4
#: IPS_SEEN_REPLY, IPS_SRC_NAT and IPS_DST_NAT.
_ANSWERED = 1 << 1
SOURCE_TRANSLATED: Final = 1 << 4
DESTINATION_TRANSLATED: Final = 1 << 5


class Ends(Value):
    """One direction of a flow. Ports are 0 where the protocol has none; of an echo both are its identifier."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int


class TrackedFlow(Value):
    """A flow.

    original: addresses of its first packet.
    reply: addresses of the replies.
    expires: seconds.
    key: identifies it in requests to the kernel.
    mark: that rules have given it, 0: none.
    """

    protocol: int
    original: Ends
    reply: Ends
    status: int
    expires: int | None
    key: bytes
    mark: int = 0

    @property
    def answered(self) -> bool:
        """Whether packets went both ways."""
        return bool(self.status & _ANSWERED)

    @property
    def is_source_translated(self) -> bool:
        """Whether its source address is translated."""
        return bool(self.status & SOURCE_TRANSLATED)

    @property
    def is_destination_translated(self) -> bool:
        """Whether its destination address is translated."""
        return bool(self.status & DESTINATION_TRANSLATED)

    @property
    def is_translated(self) -> bool:
        """Whether either address is translated."""
        return bool(self.status & (SOURCE_TRANSLATED | DESTINATION_TRANSLATED))


def flows(kernel: NetfilterSocket) -> list[TrackedFlow]:
    """Return all flows of IPv4 of the network namespace. Raises OSError."""
    found = (parse(body) for body in breathing(list(kernel.dump(_GET))))  # read to the end first
    return [flow for flow in found if flow is not None]


def forget(kernel: NetfilterSocket, gone: Iterable[TrackedFlow]) -> None:
    """Delete these flows; ended flows are ignored. Raises OSError."""
    for flow in gone:
        try:
            kernel.call(_DELETE, flow.key)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise


def parse(body: memoryview) -> TrackedFlow | None:
    """Return one flow of a dump; None: it is not IPv4. Raises WireError."""
    fields = parse_attributes(body)
    original, reply = (_ends(fields.get(place)) for place in (_ORIGINAL, _REPLY))
    if original is None or reply is None:
        return None
    zone = attribute(_ZONE, bytes(fields[_ZONE])) if _ZONE in fields else b""
    expires = fields.get(_TIMEOUT)
    return TrackedFlow(
        protocol=original[0],
        original=original[1],
        reply=reply[1],
        status=int.from_bytes(fields.get(_STATUS, b""), "big"),
        expires=int.from_bytes(expires, "big") if expires is not None else None,
        key=nest(_ORIGINAL, bytes(fields[_ORIGINAL])) + zone,
        mark=int.from_bytes(fields.get(_MARK, b""), "big"),
    )


def _ends(listed: memoryview | None) -> tuple[int, Ends] | None:
    if listed is None:
        return None
    fields = parse_attributes(listed)
    addresses, protocol = (parse_attributes(fields.get(kind, memoryview(b""))) for kind in (_TUPLE_IP, _TUPLE_PROTOCOL))
    source, destination, number = addresses.get(_SOURCE), addresses.get(_DESTINATION), protocol.get(_NUMBER)
    if source is None or destination is None or number is None:
        return None
    if (len(source), len(destination), len(number)) != (4, 4, 1):
        return None
    identifier = _port(protocol.get(_ICMP_ID))
    return number[0], Ends(
        IPv4Address(bytes(source)),
        identifier or _port(protocol.get(_SOURCE_PORT)),
        IPv4Address(bytes(destination)),
        identifier or _port(protocol.get(_DESTINATION_PORT)),
    )


def _port(value: memoryview | None) -> int:
    return struct.unpack("!H", value)[0] if value is not None and len(value) == 2 else 0


# ------------------------------------------------------------------------------------------------ a gateway


#: NF_NAT_RANGE_PROTO_RANDOM and NF_NAT_RANGE_PROTO_RANDOM_FULLY.
_RANDOM: Final = 1 << 2 | 1 << 4
#: The hook where source addresses are translated.
NAT_PRIORITY: Final = 100
#: The hook where destination addresses are translated.
DESTINATION_PRIORITY: Final = -100
_ICMP = 1
_TABLE = "dmvpn"


class Masquerade(Value):
    """Translate the source of all packets that leave by `outside`.

    random: a random port for every flow.
    inward: public addresses, and the stations inside that have them one to one.
    """

    outside: str
    random: bool = False
    inward: tuple[tuple[IPv4Address, IPv4Address], ...] = ()


def install(wanted: Masquerade, *, again: bool = False) -> None:
    """Install the rules in the network namespace of the calling thread; again: replace the existing ones.

    Raises HostProblem.
    """
    try:
        with NetfilterSocket() as kernel:
            kernel.transact([*([nftables.delete_table(_TABLE)] if again else []), *messages(wanted)])
    except OSError as error:
        raise explained(error) from error


def forget_flows() -> None:
    """Delete every conntrack entry of the network namespace. Raises HostProblem."""
    try:
        with NetfilterSocket() as kernel:
            kernel.call(_DELETE, b"")
    except OSError as error:
        raise explained(error) from error


def messages(wanted: Masquerade, table: str = _TABLE) -> list[nftables.Part]:
    """Return the parts of the transaction."""
    came = nftables.is_interface(nftables.Meta.INPUT_NAME, wanted.outside)
    leaves = nftables.is_interface(nftables.Meta.OUTPUT_NAME, wanted.outside)
    before = nftables.base_chain(table, "to", "nat", nftables.Hook.PREROUTING, DESTINATION_PRIORITY)
    return [
        nftables.new_table(table),
        nftables.base_chain(table, "out", "nat", nftables.Hook.POSTROUTING, NAT_PRIORITY),
        nftables.base_chain(table, "in", "filter", nftables.Hook.INPUT, 0),
        *([before] if wanted.inward else []),
        *(nftables.rule(table, "to", *nftables.one_to_one(*pair, of_source=False)) for pair in wanted.inward),
        *(nftables.rule(table, "out", *_stays_inside(wanted.outside, *pair)) for pair in wanted.inward),
        *(
            nftables.rule(table, "out", *leaves, *nftables.one_to_one(*pair[::-1], of_source=True))
            for pair in wanted.inward
        ),
        nftables.rule(table, "out", *leaves, *nftables.masquerade(_RANDOM if wanted.random else 0)),
        nftables.rule(
            table,
            "in",
            *came,
            nftables.meta(nftables.Meta.PROTOCOL),
            nftables.compare(nftables.Compare.NOT_EQUAL, bytes((_ICMP,))),
            nftables.verdict(nftables.NetfilterVerdict.DROP),
        ),
    ]


def _stays_inside(outside: str, public: IPv4Address, station: IPv4Address) -> tuple[bytes, ...]:
    """Return the rule for packets of a station inside to the public address of another one: it answers to that."""
    ways = (nftables.Meta.INPUT_NAME, nftables.Meta.OUTPUT_NAME)
    inside = (part for way in ways for part in nftables.is_interface(way, outside, nftables.Compare.NOT_EQUAL))
    reached = (nftables.network_header(16, 4), nftables.compare(nftables.Compare.EQUAL, station.packed))
    moved = nftables.replaced((public, public), of_source=True)
    return *inside, *nftables.has_status(DESTINATION_TRANSLATED), *reached, *moved


def explained(error: OSError) -> HostProblem:
    """Return a refusal with the way to fix it."""
    if error.errno == errno.EPERM:
        return HostProblem("address translation needs the capability NET_ADMIN", fix=need("NET_ADMIN"))
    what = f"this kernel cannot translate addresses (nf_tables with masquerade): {error.strerror or error}"
    modules = "nf_tables nft_chain_nat nft_masq nf_conntrack_netlink"
    return HostProblem(what, fix=f"sudo modprobe -a {modules}, or: dmvpn lab up --simulated")
