"""strongSwan with other suites, other proofs and other troubles, each for a moment.

See uml/scen/ipsec-spoke-cases.sh, where our router is the hub, and ipsec-hub-cases.sh, where it is a spoke: in each
case both daemons begin again, and a host behind the spoke pings one behind the hub. In ipsec-nat-foreign.sh and
ipsec-nat-ours.sh a spoke is behind NAT.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from interop.evidence import INSIDE, LAN, NBMA, TUNNEL

if TYPE_CHECKING:
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

GCM = "TRANSPORT, ESP:AES_GCM_16-256"
GCM_IN_UDP = "TRANSPORT-in-UDP, ESP:AES_GCM_16-256"
CBC = "TRANSPORT, ESP:AES_CBC-256/HMAC_SHA2_256_128"


def assert_nothing_was_lost(run: Run, name: str) -> None:
    pings = run.pings(name)
    # The last one may have been on its way when the flow ended.
    assert pings.sent - 1 <= pings.received <= pings.sent
    assert pings.received > 5
    assert pings.duplicates == 0


# ---------------------------------------------------------------------------------------------- our hub


@pytest.mark.story("charon-suites")
@pytest.mark.parametrize(
    ("case", "ike", "esp"),
    [
        ("cbc-pfs", "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048", CBC),
        ("ecdsa", "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384", "TRANSPORT, ESP:AES_GCM_16-128"),
        ("other-group", "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048", GCM),
        ("esn", "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256", f"{CBC}/ESN"),
    ],
)
def test_a_suite_is_agreed_on_and_the_kernel_takes_what_we_seal(
    spoke_cases: Run, case: str, ike: str, esp: str
) -> None:
    assert spoke_cases.mark(f"up {case}")
    assert ike in spoke_cases.text(f"{case}.spoke1.xfrm.txt")
    assert spoke_cases.child_sas(case, "spoke1") == {"hub": [esp]}
    assert spoke_cases.refused(case, "spoke1") == 0
    assert_nothing_was_lost(spoke_cases, case)


@pytest.mark.story("charon-ports")
def test_sas_with_protocol_and_port_in_the_kernel_take_every_packet_of_the_tunnel(spoke_cases: Run) -> None:
    """A GRE packet with key 100 begins IKE: `gre/100` is offered before `gre`, and with the first no packet passed."""
    assert re.search(r"sel src \S+ dst \S+ proto gre uid", spoke_cases.text("ports.spoke1.xfrm.txt"))
    assert "(192.0.2.2/255.255.255.255/47/0)" in spoke_cases.text("ports.hub.crypto.txt")
    assert spoke_cases.child_sas("ports", "spoke1") == {"hub": [GCM]}
    assert_nothing_was_lost(spoke_cases, "ports")


@pytest.mark.story("charon-suites", "charon-kernel-rekey")
def test_perfect_forward_secrecy_from_both_ends_loses_nothing(spoke_cases: Run) -> None:
    """charon replaces the child SA, then we do, then charon the IKE SA. What we made says which group was used."""
    assert spoke_cases.text("cbc-pfs.rekey.txt").count("completed successfully") == 2
    assert spoke_cases.child_sas("cbc-pfs-rekeyed", "spoke1") == {"hub": [f"{CBC}/MODP_2048"]}
    assert not spoke_cases.sent_on("cbc-pfs", "spoke1") & spoke_cases.sent_on("cbc-pfs-rekeyed", "spoke1")


@pytest.mark.story("charon-certificates")
@pytest.mark.parametrize(("case", "how"), [("rsa", "RSA_EMSA_PKCS1_SHA2_256"), ("ecdsa", "ECDSA_WITH_SHA256_DER")])
def test_a_certified_spoke_registers_at_our_certified_hub(spoke_cases: Run, case: str, how: str) -> None:
    log = spoke_cases.text(f"{case}.spoke1.charon.log")
    assert f"authentication of 'hub.example' with {how} successful" in log
    assert f"Auth sign: {case.upper()}, Auth verify: {case.upper()}" in spoke_cases.text(f"{case}.hub.crypto.txt")
    assert_nothing_was_lost(spoke_cases, case)


@pytest.mark.story("charon-fragments")
def test_messages_with_certificates_go_in_fragments_both_ways(spoke_cases: Run) -> None:
    log = spoke_cases.text("rsa.spoke1.charon.log")
    assert "generating IKE_AUTH request 1 [ EF(2/" in log
    assert "parsed IKE_AUTH response 1 [ EF(2/" in log


@pytest.mark.story("charon-other-group")
def test_our_hub_asks_strongswan_for_another_group(spoke_cases: Run) -> None:
    assert "peer didn't accept DH group ECP_256, it requested MODP_2048" in spoke_cases.text(
        "other-group.spoke1.charon.log"
    )


@pytest.mark.story("charon-tunnel-mode")
def test_a_strongswan_spoke_that_insists_on_tunnel_mode_is_taken(spoke_cases: Run) -> None:
    assert spoke_cases.child_sas("tunnel", "spoke1") == {"hub": ["TUNNEL, ESP:AES_GCM_16-256"]}
    assert_nothing_was_lost(spoke_cases, "tunnel")


@pytest.mark.story("charon-mobike")
def test_a_strongswan_spoke_that_goes_to_port_4500_by_itself_is_followed(spoke_cases: Run) -> None:
    """Without a configuration it announces MOBIKE, and sends IKE from port 4500 and ESP in protocol 50."""
    said = spoke_cases.text("mobike.hub.crypto.txt")
    assert "198.51.100.2/4500" in said
    assert "NAT-T is not detected" in said
    assert spoke_cases.child_sas("mobike", "spoke1") == {"hub": [GCM]}


@pytest.mark.story("charon-mobike")
def test_a_strongswan_spoke_proves_itself_again_and_nothing_is_lost(spoke_cases: Run) -> None:
    """`make_before_break`: a whole new IKE SA beside the old one."""
    assert "completed successfully" in spoke_cases.text("mobike.rekey.txt")
    assert spoke_cases.child_sas("mobike-again", "spoke1") == {"hub": [GCM]}
    assert not spoke_cases.sent_on("mobike", "spoke1") & spoke_cases.sent_on("mobike-again", "spoke1")
    assert_nothing_was_lost(spoke_cases, "mobike")


@pytest.mark.story("charon-dpd")
def test_our_hub_notices_that_a_strongswan_spoke_is_silent_and_has_it_back(spoke_cases: Run) -> None:
    """`dpd 10 2 periodic`: 10 s of silence, and then six requests that nobody answers; the machine may be slow."""
    assert spoke_cases.mark("noticed") - spoke_cases.mark("silence A") < 2 * (10 + 6 * 2)
    assert "Session status: DOWN" in spoke_cases.text("silent-noticed.hub.crypto.txt")
    assert spoke_cases.pings("silent").between(spoke_cases.mark("back") + 1, spoke_cases.mark("flow end silent"))


def test_our_hub_never_sent_gre_in_clear_in_any_case(spoke_cases: Run) -> None:
    assert spoke_cases.complaints("hub") == []
    assert spoke_cases.seen_in_clear("hub") == []


# ---------------------------------------------------------------------------------------------- our spoke


@pytest.mark.story("charon-certificates")
def test_our_certified_spoke_registers_at_a_certified_hub(hub_cases: Run) -> None:
    log = hub_cases.text("rsa.hub.charon.log")
    assert "authentication of 'spoke1.example' with RSA_EMSA_PKCS1_SHA2_256 successful" in log
    assert "parsed IKE_AUTH request 1 [ EF(2/" in log
    assert_nothing_was_lost(hub_cases, "rsa")


@pytest.mark.story("charon-other-group")
def test_strongswan_asks_our_spoke_for_another_group(hub_cases: Run) -> None:
    assert "DH group ECP_256 unacceptable, requesting MODP_2048" in hub_cases.text("other-group.hub.charon.log")
    assert_nothing_was_lost(hub_cases, "other-group")


@pytest.mark.story("charon-tunnel-mode")
def test_a_strongswan_hub_that_insists_on_tunnel_mode_is_taken(hub_cases: Run) -> None:
    assert hub_cases.child_sas("tunnel", "hub") == {"spoke1": ["TUNNEL, ESP:AES_GCM_16-256"]}
    assert_nothing_was_lost(hub_cases, "tunnel")


@pytest.mark.story("charon-suites")
def test_a_strongswan_hub_takes_extended_sequence_numbers(hub_cases: Run) -> None:
    assert hub_cases.child_sas("esn", "hub") == {"spoke1": [f"{GCM}/ESN"]}
    assert_nothing_was_lost(hub_cases, "esn")


@pytest.mark.story("charon-mobike")
def test_our_spoke_gets_along_with_a_strongswan_hub_that_knows_mobike(hub_cases: Run) -> None:
    assert hub_cases.child_sas("mobike", "hub") == {"spoke1": [GCM]}
    assert_nothing_was_lost(hub_cases, "mobike")


@pytest.mark.story("charon-cookie")
def test_a_wary_strongswan_hub_gets_its_cookie_back(hub_cases: Run) -> None:
    log = hub_cases.text("cookie.hub.charon.log")
    assert f"sending COOKIE notify to {NBMA['spoke1']}" in log
    assert hub_cases.child_sas("cookie", "hub")["spoke1"] == [GCM]
    assert_nothing_was_lost(hub_cases, "cookie")


@pytest.mark.story("charon-dpd")
def test_a_strongswan_hub_notices_that_our_spoke_was_killed_and_has_it_back(hub_cases: Run) -> None:
    assert hub_cases.mark("noticed") < hub_cases.mark("back")
    assert "giving up after" in hub_cases.text("dead.hub.charon.log")
    assert_nothing_was_lost(hub_cases, "dead-back")


def test_our_spoke_never_sent_gre_in_clear_in_any_case(hub_cases: Run) -> None:
    assert hub_cases.complaints("spoke1") == []
    assert hub_cases.seen_in_clear("spoke1") == []


# ---------------------------------------------------------------------------------------------- behind NAT


@pytest.mark.story("charon-nat")
def test_our_hub_meets_a_strongswan_spoke_behind_nat_in_udp(foreign_behind_nat: Run) -> None:
    run = foreign_behind_nat
    entry = run.entries("registered", "hub")[f"{TUNNEL['spoke1']}/32"]
    assert (entry["nbma"], entry["claimed"]) == (NBMA["spoke1"], INSIDE)
    assert "NAT-T is detected outside" in run.text("registered.hub.crypto.txt")
    assert run.carried("spoke1") == {"udp"}


@pytest.mark.story("charon-nat")
def test_it_and_our_spoke_go_directly_and_replace_their_keys_without_loss(foreign_behind_nat: Run) -> None:
    run = foreign_behind_nat
    assert LAN["spoke1"] in run.routes("direct", "spoke2")
    assert run.child_sas("direct", "spoke1") == {"hub": [GCM_IN_UDP], "spoke2": [GCM_IN_UDP]}
    assert run.text("rekey.txt").count("completed successfully") == 3
    assert run.child_sas("rekeyed", "spoke1") == {"hub": [GCM_IN_UDP], "spoke2": [GCM_IN_UDP]}
    assert not run.sent_on("direct", "spoke1") & run.sent_on("rekeyed", "spoke1")
    for spoke in ("spoke1", "spoke2"):
        assert run.pings(spoke).lost(run.mark("direct"), run.mark("crypto rekeyed")) == 0


@pytest.mark.story("charon-nat-ours")
def test_our_spoke_behind_nat_registers_at_a_strongswan_hub(ours_behind_protected_nat: Run) -> None:
    """strongSwan answers with selectors of the outside address, which our spoke does not know (RFC 7296 §2.23.1)."""
    run = ours_behind_protected_nat
    (row,) = [row for row in run.frr_cache("registered", "hub") if row["protocol"] == TUNNEL["spoke1"]]
    assert (row["nbma"], row["claimed_nbma"]) == (NBMA["spoke1"], INSIDE)
    assert "NAT-T is detected inside" in run.text("registered.spoke1.crypto.txt")
    assert run.carried("spoke1") == {"udp"}


@pytest.mark.story("charon-nat-ours")
def test_it_goes_directly_to_a_strongswan_spoke_and_keys_are_replaced_without_loss(
    ours_behind_protected_nat: Run,
) -> None:
    run = ours_behind_protected_nat
    assert LAN["spoke2"] in run.routes("direct", "spoke1")
    assert run.child_sas("direct", "spoke2")["spoke1"] == [GCM_IN_UDP]
    assert run.text("rekey.txt").count("completed successfully") == 4
    assert not run.sent_on("direct", "spoke2") & run.sent_on("rekeyed", "spoke2")
    for spoke in ("spoke1", "spoke2"):
        assert run.pings(spoke).lost(run.mark("direct"), run.mark("crypto rekeyed")) == 0


@pytest.mark.parametrize("node", [*NBMA, "nat"])
def test_no_gre_was_ever_in_clear_on_either_side_of_the_nat(
    foreign_behind_nat: Run, ours_behind_protected_nat: Run, node: str
) -> None:
    for run in (foreign_behind_nat, ours_behind_protected_nat):
        assert run.complaints(node) == []
        assert run.seen_in_clear(node) == []
