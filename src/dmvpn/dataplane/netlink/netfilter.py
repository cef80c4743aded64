"""The translator of a real lab: rules of nf_tables that make a network namespace a NAT gateway.

In nft's syntax, `Masquerade` for the outside interface `outside` is:

    table ip dmvpn {
        chain out { type nat hook postrouting priority 100; oifname "outside" masquerade [random,fully-random] }
        chain in  { type filter hook input priority 0; iifname "outside" meta l4proto != icmp drop }
    }

Every NAT gateway has something like the second chain: without it a stray packet for the public address would make a
conntrack entry of its own, which blocks the flow that an inside station is about to begin with the same peer (measured
on Linux 6.18, for GRE). Also measured: GRE of less than eight octets in all, an empty keepalive without key, is not
translated.
"""

from __future__ import annotations

import errno
from typing import Final

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink import conntrack, nftables
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.problems import HostProblem, need

#: NF_NAT_RANGE_PROTO_RANDOM and NF_NAT_RANGE_PROTO_RANDOM_FULLY.
_RANDOM: Final = 1 << 2 | 1 << 4
#: The hook where source addresses are translated.
NAT_PRIORITY: Final = 100
_ICMP = 1
_TABLE = "dmvpn"


@dataclass(frozen=True, slots=True)
class Masquerade:
    """Translate the source of all packets that leave by `outside`. random: a random port for every flow."""

    outside: str
    random: bool = False


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
            conntrack.forget_all(kernel)
    except OSError as error:
        raise explained(error) from error


def messages(wanted: Masquerade, table: str = _TABLE) -> list[nftables.Part]:
    """Return the parts of the transaction."""
    return [
        nftables.new_table(table),
        nftables.base_chain(table, "out", "nat", nftables.Hook.POSTROUTING, NAT_PRIORITY),
        nftables.base_chain(table, "in", "filter", nftables.Hook.INPUT, 0),
        nftables.rule(
            table,
            "out",
            *nftables.is_interface(nftables.Meta.OUTPUT_NAME, wanted.outside),
            *nftables.masquerade(_RANDOM if wanted.random else 0),
        ),
        nftables.rule(
            table,
            "in",
            *nftables.is_interface(nftables.Meta.INPUT_NAME, wanted.outside),
            nftables.meta(nftables.Meta.PROTOCOL),
            nftables.compare(nftables.Compare.NOT_EQUAL, bytes((_ICMP,))),
            nftables.verdict(nftables.NetfilterVerdict.DROP),
        ),
    ]


def explained(error: OSError) -> HostProblem:
    """Return a refusal with the way to fix it."""
    if error.errno == errno.EPERM:
        return HostProblem("address translation needs the capability NET_ADMIN", fix=need("NET_ADMIN"))
    what = f"this kernel cannot translate addresses (nf_tables with masquerade): {error.strerror or error}"
    modules = "nf_tables nft_chain_nat nft_masq nf_conntrack_netlink"
    return HostProblem(what, fix=f"sudo modprobe -a {modules}, or: dmvpn lab up --simulated")
