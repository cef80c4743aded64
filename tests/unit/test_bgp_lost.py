"""A neighbor that never reads: its group does not remember for it without end what was withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.events import LinkChanged
from dmvpn.base.streams import StreamClose, StreamData, StreamSend, StreamUp, StreamWritable
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.bgp import groups, session
from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.packet import IPV4_UNICAST, Capability, CapabilityValue, Keepalive, Open, Update, serialize
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.policy.machine import PolicyMachine
from support.routing import GI1, a, make, p
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

_LINES = f"""
interface {GI1}
 ip address 172.16.0.1 255.255.0.0
router bgp 65000
 bgp router-id 9.9.9.9
 bgp listen range 172.16.0.0/16 peer-group ALL
 neighbor ALL peer-group
 neighbor ALL remote-as 65000
 neighbor ALL route-reflector-client
 neighbor ALL advertisement-interval 0
"""
TELLS, READS, STUCK = 1, 3, 5


def _comes(bench: Workbench, stream: int) -> None:
    address = a("172.16.1.0") + stream
    capabilities = [CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST)]
    bench.handle(StreamUp(stream, a("172.16.0.1"), 179, address, 50000, taken=True))
    bench.handle(StreamData(stream, serialize(Open.with_capabilities(65000, 0, address, capabilities))))
    bench.handle(StreamData(stream, serialize(Keepalive())), StreamWritable(stream))


def _passes(bench: Workbench, seconds: float, stuck: int) -> list[Effect]:
    """Let time pass; all but one read."""
    effects: list[Effect] = []
    for _ in range(round(seconds / 0.1)):
        sent = bench.advance(0.1)
        for one in of_type(sent, StreamSend):
            if one.stream != stuck:
                sent += bench.handle(StreamWritable(one.stream))
        effects += sent
    return effects


@pytest.mark.lengthy
def test_one_that_never_reads_is_given_up_before_it_would_keep_routes_that_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it was not told of was forgotten, and its session stayed up with routes that nobody has any more."""
    monkeypatch.setattr(groups, "BESIDES", 400)
    monkeypatch.setattr(session, "SEND_LIMIT", 4096 + 1024)
    base = make()
    bench = Workbench(*base.features, POLICY, BGP)
    bench.ports.policies = bench.machine(PolicyMachine)
    bench.configure(_LINES)
    bench.handle(LinkChanged(GI1, up=True))
    for stream in (TELLS, READS, STUCK):
        _comes(bench, stream)
    attributes = write(Attributes(next_hop=a("172.16.1.1"), local_pref=100), wide=False)
    ended: list[Effect] = []
    for number in range(40):
        some = tuple(p(f"10.{number}.{third}.0/24") for third in range(100))
        bench.handle(StreamData(TELLS, serialize(Update(attributes=attributes, announced=some))))
        ended += _passes(bench, 0.3, STUCK)
        bench.handle(StreamData(TELLS, serialize(Update(withdrawn=some))))
        ended += _passes(bench, 0.3, STUCK)
    assert [one.stream for one in of_type(ended, StreamClose)] == [STUCK]
    peers = bench.machine(BgpMachine).peers
    assert peers[a("172.16.1.3")].session is not None
    assert a("172.16.1.5") not in peers or peers[a("172.16.1.5")].session is None
