"""3DES and MD5 in IKEv1: only with a line that permits them, and only where a policy names them."""

from __future__ import annotations

import pytest

from support.ike_machines import MachineNet, Node, crosswise

POLICY = """
crypto isakmp policy 10
 encryption 3des
 hash md5
 authentication pre-share
 group 2
crypto isakmp key secret address 0.0.0.0
"""
WEAK = "crypto engine compliance shield disable\n"


def met(hub: str, spoke: str) -> tuple[Node, Node]:
    net = MachineNet()
    one, other = net.node("198.51.100.1", hub), net.node("203.0.113.10", spoke)
    other.want(one)
    net.run(5)
    return one, other


@pytest.mark.conforms("ike1:4-des", "ike1:4-3des")
def test_an_old_router_with_3des_and_md5_alone_is_reached_with_the_line() -> None:
    hub, spoke = met(WEAK + POLICY, WEAK + POLICY)
    assert crosswise(hub, spoke)
    (view,) = hub.machine.sas()
    assert (view.encryption, view.prf, view.group) == ("3DES", "MD5", 2)


@pytest.mark.conforms("ike1:4-des", "ike1:4-3des")
@pytest.mark.parametrize(("hub", "spoke"), [(POLICY, WEAK + POLICY), (WEAK + POLICY, POLICY), (POLICY, POLICY)])
def test_without_the_line_at_one_end_no_weak_isakmp_sa_comes_up_and_the_log_says_why(hub: str, spoke: str) -> None:
    one, other = met(hub, spoke)
    assert not one.pairs
    assert not other.pairs
    without = [node for node, text in ((one, hub), (other, spoke)) if WEAK not in text]
    assert all(
        any("10 (3des, md5, group 2); `crypto engine compliance" in line for line in node.logs) for node in without
    )
