"""What the kernel says of a flow, as octets of CTNETLINK."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address

import pytest

from dmvpn.base.errors import WireError
from dmvpn.dataplane.netlink import netfilter
from dmvpn.dataplane.netlink.netfilter import Ends
from dmvpn.net.ipv4 import IpProtocol

INSIDE, OWN, WEB = (IPv4Address(text) for text in ("10.3.3.100", "172.16.31.1", "198.51.100.80"))
#: TCP of a station inside, masqueraded and answered, laid out as in linux/netfilter/nfnetlink_conntrack.h.
FLOW = bytes.fromhex(
    "340001801400018008000100"
    "0a030364"
    "08000200"
    "c6336450"
    "1c0002800500010006000000"
    "060002000bb80000"
    "0600030000500000"
    "340002801400018008000100"
    "c6336450"
    "08000200"
    "ac101f01"
    "1c0002800500010006000000"
    "0600020000500000"
    "060003000bb80000"
    "08000300"
    "0000019e"
    "08000700"
    "00069780"
)


def test_a_flow_is_read_with_both_directions_and_how_long_it_lasts() -> None:
    flow = netfilter.parse(memoryview(FLOW))
    assert flow is not None
    assert flow.protocol == IpProtocol.TCP
    assert flow.original == Ends(INSIDE, 3000, WEB, 80)
    assert flow.reply == Ends(WEB, 80, OWN, 3000)
    assert flow.is_source_translated
    assert flow.answered
    assert flow.expires == 432000
    assert flow.key == FLOW[:52]


def test_what_is_not_about_ipv4_is_none_of_ours() -> None:
    assert netfilter.parse(memoryview(FLOW[52:104])) is None
    assert netfilter.parse(memoryview(b"")) is None


@pytest.mark.parametrize("end", range(1, len(FLOW)))
def test_a_flow_that_is_cut_short_is_refused_or_passed_over(end: int) -> None:
    with suppress(WireError):
        netfilter.parse(memoryview(FLOW[:end]))
