"""`debug crypto isakmp`: main mode and quick mode step by step, in IOS's words; and what the log says of failures."""

from __future__ import annotations

import pytest

from dmvpn.base.events import IpReceived
from dmvpn.base.notices import DebugOutput
from dmvpn.base.protection import Encapsulation
from support.fakes import FakeDebugging
from support.ike_machines import AES, GCM, ISAKMP, MachineNet, Node, crosswise

HUB, SPOKE = "192.0.2.2", "198.51.100.2"


def debugging(net: MachineNet, address: str, lines: str = ISAKMP, flag: str = "crypto isakmp") -> Node:
    """Return a node of which somebody debugs."""
    node = net.node(address, lines, encapsulation=Encapsulation.NEVER)
    node.ports.debugging = FakeDebugging({flag})
    return node


def debugged(node: Node) -> list[str]:
    """Return the debug lines of a node."""
    return [line for output in node.heard(DebugOutput) for line in output.lines]


def steps(node: Node) -> list[str]:
    """Return the moves from state to state, in their order."""
    moves = (line.split("Old State = ")[1].split("  New State = ") for line in debugged(node) if "Old State" in line)
    return [" ".join(each) for each in moves]


def test_main_mode_and_quick_mode_are_printed_step_by_step_at_both_ends() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    net.run(1)
    assert steps(spoke) == [
        "IKE_READY IKE_I_MM1",
        *(f"IKE_I_MM{place} IKE_I_MM{place + 1}" for place in range(1, 6)),
        "IKE_I_MM6 IKE_P1_COMPLETE",
        "IKE_QM_READY IKE_QM_I_QM1",
        "IKE_QM_I_QM1 IKE_QM_PHASE2_COMPLETE",
    ]
    assert steps(hub) == [
        "IKE_READY IKE_R_MM1",
        *(f"IKE_R_MM{place} IKE_R_MM{place + 1}" for place in range(1, 5)),
        "IKE_R_MM5 IKE_P1_COMPLETE",
        "IKE_QM_READY IKE_QM_R_QM2",
        "IKE_QM_R_QM2 IKE_QM_PHASE2_COMPLETE",
    ]


def test_packets_say_where_they_go_whose_they_are_and_in_which_state() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    net.run(1)
    first, *_ = (line for line in debugged(spoke) if "sending packet" in line)
    assert first == "ISAKMP:(0): sending packet to 192.0.2.2 my_port 500 peer_port 500 (I) MM_NO_STATE"
    received = [line for line in debugged(hub) if "received packet" in line]
    head = "received packet from 198.51.100.2 dport 500 sport 500 Global"
    assert received[:3] == [
        f"ISAKMP (0): {head} (N) NEW SA",
        f"ISAKMP (0): {head} (R) MM_SA_SETUP",
        f"ISAKMP (0): {head} (R) MM_KEY_EXCH",
    ]
    assert received[-1] == f"ISAKMP (1001): {head} (R) QM_IDLE"
    assert "ISAKMP:(1001):SA has been authenticated with 198.51.100.2" in debugged(hub)


def test_an_offer_is_compared_with_each_policy_attribute_by_attribute() -> None:
    weaker = ISAKMP.replace("encryption aes 256", "encryption aes")
    policies = ISAKMP.replace("policy 10", "policy 5").replace("group 14", "group 19") + weaker.replace(" 10", " 20")
    net = MachineNet()
    hub, spoke = debugging(net, HUB, policies), debugging(net, SPOKE, weaker)
    spoke.want(hub)
    net.run(1)
    start = debugged(hub).index("ISAKMP:(0):Checking ISAKMP transform 1 against priority 5 policy")
    assert debugged(hub)[start + 1 : start + 12] == [
        "ISAKMP:      encryption AES-CBC",
        "ISAKMP:      keylength of 128",
        "ISAKMP:      hash SHA256",
        "ISAKMP:      default group 14",
        "ISAKMP:      auth pre-share",
        "ISAKMP:      life type in seconds",
        "ISAKMP:      life duration (basic) of 3600",
        "ISAKMP:(0):Proposed key length does not match policy",
        "ISAKMP:(0):atts are not acceptable. Next payload is 0",
        "ISAKMP:(0):Checking ISAKMP transform 1 against priority 20 policy",
        "ISAKMP:      encryption AES-CBC",
    ]
    assert "ISAKMP:(0):atts are acceptable. Next payload is 0" in debugged(hub)
    assert crosswise(hub, spoke)


def test_an_offer_that_fits_no_policy_ends_with_a_line_that_says_so() -> None:
    net = MachineNet()
    hub, spoke = debugging(net, HUB), debugging(net, SPOKE, ISAKMP.replace("group 14", "group 19"))
    spoke.want(hub)
    net.run(1)
    assert "ISAKMP:(0):Diffie-Hellman group offered does not match policy!" in debugged(hub)
    assert "ISAKMP:(0):no offers accepted!" in debugged(hub)
    assert "ISAKMP:(0):Notify has no hash. Rejected." in debugged(spoke)


def test_a_message_that_comes_again_is_no_step_but_a_duplicate() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    octets = net.log[0].datagram.serialize(spoke.address, hub.address)
    net.run(0.015)
    before = len(debugged(hub))
    hub.tell(IpReceived("GigabitEthernet1", spoke.address, hub.address, 17, octets))
    assert debugged(hub)[before:] == [
        "ISAKMP (0): received packet from 198.51.100.2 dport 500 sport 500 Global (R) MM_SA_SETUP",
        "ISAKMP:(0): phase 1 packet is a duplicate of a previous packet.",
        "ISAKMP:(0): retransmitting phase 1 MM_SA_SETUP...",
        "ISAKMP:(0): sending packet to 198.51.100.2 my_port 500 peer_port 500 (R) MM_SA_SETUP",
    ]


def test_no_key_in_any_line() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    net.run(1)
    assert not [line for line in (*debugged(hub), *debugged(spoke)) if "secret" in line]


@pytest.mark.parametrize("flag", ["crypto ikev2", "crypto ikev2 packet", "crypto ikev2 internal"])
def test_debugs_of_ikev2_do_not_print_ikev1(flag: str) -> None:
    net = MachineNet()
    hub, spoke = debugging(net, HUB, flag=flag), debugging(net, SPOKE, flag=flag)
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    assert debugged(hub) == debugged(spoke) == []


FAILED = "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer at"
BAD = "%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from 198.51.100.2 failed its sanity check or is malformed:"


@pytest.mark.parametrize(
    ("change", "at_hub", "at_spoke"),
    [
        (
            ("group 14", "group 19"),
            f"{FAILED} 198.51.100.2: group: ours MODP_2048",
            f"{FAILED} 192.0.2.2: the peer answers NO_PROPOSAL_CHOSEN",
        ),
        (("key secret", "key other"), f"{BAD} message 5", f"{FAILED} 192.0.2.2: no answer to message 5"),
    ],
)
def test_a_failure_is_logged_under_the_name_that_ios_gives_it_with_our_reason(
    change: tuple[str, str], at_hub: str, at_spoke: str
) -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, ISAKMP), net.node(SPOKE, ISAKMP.replace(*change))
    spoke.want(hub)
    net.run(60)
    for node, said in ((hub, at_hub), (spoke, at_spoke)):
        lines = [line for line in node.logs if "IKMP_" in line]
        assert len(lines) == 1, lines
        assert lines[0].startswith(said)


def test_a_refused_pair_is_a_failure_of_quick_mode() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, ISAKMP, transforms=(GCM,)), net.node(SPOKE, ISAKMP, transforms=(AES,))
    spoke.want(hub)
    net.run(3)
    for node in (hub, spoke):
        assert any("IKMP_MODE_FAILURE: Processing of Quick mode failed with peer at" in line for line in node.logs)
    assert not [line for line in (*hub.logs, *spoke.logs) if "IKEV2" in line]
