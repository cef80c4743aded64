"""Foreign sites with strongSwan, libreswan and OpenIKED."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from interop.evidence import DIRECT, IKE_SA_INIT, INFORMATIONAL, INSIDE, LAN, NBMA, TUNNEL

if TYPE_CHECKING:
    from interop.conftest import Boots
    from interop.evidence import Run


# A whole foreign site beside ours: FRR nhrpd, the kernel's GRE, the kernel's ESP, strongSwan's charon.
#
# See uml/scen/ipsec-our-hub.sh and ipsec-foreign-hub.sh. Hosts behind the spokes ping each other ten times a second
# while both ends replace their keys. What the kernel counts in its SAs says whether it took what we sealed.

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

#: Seconds in which strongSwan may do what INVALID_SPI tells it, before it is begun with.
MEETS_AGAIN = 5.0
GCM = "TRANSPORT, ESP:AES_GCM_16-256"


def assert_nothing_was_in_clear(run: Run) -> None:
    for node in ("hub", "spoke1", "spoke2"):
        assert run.complaints(node) == []
        assert run.seen_in_clear(node) == []


# ---------------------------------------------------------------------------------------------- our hub


@pytest.mark.story("charon-kernel-spoke")
def test_an_frr_spoke_behind_strongswan_registers_at_our_hub(our_protected_hub: Run) -> None:
    peers = our_protected_hub.peers("registered", "hub")
    assert {row["tunnel"]: row["nbma"] for row in peers.values()} == {
        TUNNEL[spoke]: NBMA[spoke] for spoke in ("spoke1", "spoke2")
    }
    said = our_protected_hub.text("registered.hub.crypto.txt")
    assert "Phase1_id: spoke1.example" in said
    assert "transform: esp-gcm 256" in said
    assert our_protected_hub.child_sas("registered", "spoke1") == {"hub": [GCM]}


@pytest.mark.story("charon-kernel-spoke")
def test_it_and_our_spoke_go_directly_over_esp(our_protected_hub: Run) -> None:
    run = our_protected_hub
    assert LAN["spoke1"] in run.routes("direct", "spoke2")
    assert {row["prefix"]: row.get("via") for row in run.frr_shortcuts("direct", "spoke1")}[LAN["spoke2"]] == (
        TUNNEL["spoke2"]
    )
    assert run.child_sas("direct", "spoke1") == {"hub": [GCM], "spoke2": [GCM]}
    assert set(run.pings("spoke1").between(run.mark("direct") + 1, run.mark("direct") + 2)) == {DIRECT}


@pytest.mark.story("charon-kernel-rekey")
def test_both_ends_replace_their_keys_under_traffic_and_nothing_is_lost(our_protected_hub: Run) -> None:
    run = our_protected_hub
    assert run.text("rekey.txt").count("completed successfully") == 3
    for spoke in ("spoke1", "spoke2"):
        pings = run.pings(spoke)
        assert pings.lost(run.mark("direct"), run.mark("crypto rekeyed-ours")) == 0
        assert pings.duplicates == 0
    for label in ("rekeyed-child", "rekeyed-ike", "rekeyed-ours"):
        assert run.child_sas(label, "spoke1") == {"hub": [GCM], "spoke2": [GCM]}, "one pair is left, whoever began"
    stages = [run.sent_on(label, "spoke1") for label in ("direct", "rekeyed-child", "rekeyed-ours")]
    assert not stages[0] & stages[1]
    assert not stages[1] & stages[2]
    assert run.refused("rekeyed-ours", "spoke1") == 0


@pytest.mark.story("charon-kernel-restart")
def test_our_hub_is_killed_and_starts_again_and_strongswan_is_back_without_dpd(our_protected_hub: Run) -> None:
    """It ignores INVALID_SPI, so the hub begins with it, as configured; FRR registers when its own time comes."""
    run = our_protected_hub
    back, again = run.mark("start hub", 1), run.mark("registered again")
    told = [at for at in run.ike("hub", INFORMATIONAL, by=NBMA["hub"]) if at > back]
    begun = [at for at in run.ike("hub", IKE_SA_INIT, by=NBMA["hub"]) if at > back]
    assert told[0] < begun[0] < told[0] + MEETS_AGAIN
    assert run.pings("again").lost(again + 3, run.mark("flow end again")) == 0
    assert run.pings("again").between(again + 3, run.mark("flow end again"))


def test_no_gre_was_ever_in_clear_at_our_hub(our_protected_hub: Run) -> None:
    assert_nothing_was_in_clear(our_protected_hub)


# ---------------------------------------------------------------------------------------------- a foreign hub


@pytest.mark.story("charon-kernel-hub")
def test_our_spoke_registers_at_an_frr_hub_behind_strongswan(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert {row["protocol"]: row["nbma"] for row in run.frr_cache("registered", "hub")}[TUNNEL["spoke1"]] == NBMA[
        "spoke1"
    ]
    assert "Phase1_id: hub.example" in run.text("registered.spoke1.crypto.txt")


@pytest.mark.story("charon-kernel-hub")
def test_our_spoke_and_an_frr_spoke_go_directly_over_esp(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert LAN["spoke2"] in run.routes("direct", "spoke1")
    assert run.child_sas("direct", "spoke2") == {"hub": [GCM], "spoke1": [GCM]}
    during = run.pings("spoke1").between(run.mark("direct") + 1, run.mark("direct") + 2)
    assert set(during) == {DIRECT}


@pytest.mark.story("charon-kernel-rekey")
def test_a_foreign_hub_and_spoke_replace_their_keys_and_nothing_is_lost(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert run.text("rekey.txt").count("completed successfully") == 4
    for spoke in ("spoke1", "spoke2"):
        assert run.pings(spoke).lost(run.mark("direct"), run.mark("crypto rekeyed-ike")) == 0


def test_after_clear_crypto_session_everything_comes_back(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert run.mark("back") - run.mark("clear crypto session on spoke1") < 20
    assert len(run.pings("back").answers) == 20
    assert run.child_sas("cleared", "hub") == {"spoke1": [GCM], "spoke2": [GCM]}


@pytest.mark.story("charon-kernel-cut")
def test_a_direct_path_that_carries_nothing_any_more_is_left_for_the_hub(foreign_protected_hub: Run) -> None:
    run = foreign_protected_hub
    assert run.mark("by the hub") - run.mark("cut") < 15
    assert LAN["spoke2"] not in run.routes("cut", "spoke1")
    assert set(run.peers("cut", "spoke1")) >= {f"{TUNNEL['hub']}/32"}


def test_no_gre_was_ever_in_clear_beside_a_foreign_hub(foreign_protected_hub: Run) -> None:
    assert_nothing_was_in_clear(foreign_protected_hub)


# strongSwan with other suites, other proofs and other troubles, each for a moment.
#
# See uml/scen/ipsec-spoke-cases.sh, where our router is the hub, and ipsec-hub-cases.sh, where it is a spoke: in each
# case both daemons begin again, and a host behind the spoke pings one behind the hub. In ipsec-nat-foreign.sh and
# ipsec-nat-ours.sh a spoke is behind NAT.

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


# libreswan and OpenIKED, each with FRR nhrpd and the kernel's ESP: as a spoke of our hub, and as the hub of our spoke.
#
# See uml/scen/_others.inc. Under pings from host to host the other one replaces its keys, then we do; then everything
# is deleted and comes back. OpenIKED talks to the kernel by PF_KEY, which has no AES-GCM.

#: As `show crypto ipsec sa` says it.
SUITES = {"libreswan": "esp-gcm 256", "openiked": "esp-256-aes esp-sha512-hmac"}
STAGES = ("registered", "rekeyed-theirs", "rekeyed-ours", "back")


@pytest.fixture(params=["libreswan_our_hub", "libreswan_our_spoke", "openiked_our_hub", "openiked_our_spoke"])
def run(request: pytest.FixtureRequest, boots: Boots) -> Run:
    """A boot with one of them."""
    return boots.run_of(request.param, request.node)


def ours_and_theirs(run: Run) -> tuple[str, str]:
    """The node of ours that meets it, and its own."""
    ours = run.ours[0]
    return ours, "spoke1" if ours == "hub" else "hub"


@pytest.mark.story("libreswan-hub", "libreswan-spoke", "openiked-hub", "openiked-spoke")
def test_it_registers_or_we_do_and_hosts_talk_over_esp(run: Run) -> None:
    ours, theirs = ours_and_theirs(run)
    said = run.text(f"registered.{ours}.crypto.txt")
    assert f"Phase1_id: {theirs}.example" in said
    assert SUITES[run.folder.name.partition("-")[0]] in said
    assert run.peers("registered", ours)[f"{TUNNEL[theirs]}/32"]["nbma"] == NBMA[theirs]
    assert run.carried(theirs) == {"esp"}


@pytest.mark.story("libreswan-rekey", "openiked-rekey")
def test_it_replaces_its_keys_and_so_do_we_and_nothing_is_lost(run: Run) -> None:
    ours, theirs = ours_and_theirs(run)
    pings = run.pings("spoke1")
    assert pings.sent - 1 <= pings.received <= pings.sent, "the last one may have been on its way"
    assert pings.duplicates == 0
    kept = [run.spis(stage, theirs, NBMA[ours]) for stage in STAGES]
    for before, after in pairwise(kept):
        assert before
        assert not before & after
    assert run.refused("rekeyed-ours", theirs) == 0


@pytest.mark.story("libreswan-rekey", "openiked-rekey")
def test_it_replaced_its_ike_sa(run: Run) -> None:
    ours, theirs = ours_and_theirs(run)
    before, after = (run.ike_spis(stage, ours, NBMA[theirs]) for stage in ("registered", "rekeyed-theirs"))
    assert len(before) == len(after) == 2
    assert not before & after


@pytest.mark.story("libreswan-clear", "openiked-clear")
def test_after_clear_crypto_session_it_comes_back(run: Run) -> None:
    ours, _ = ours_and_theirs(run)
    assert run.mark("back") - run.mark(f"clear crypto session on {ours}") < 20
    assert run.pings("back").received == 20


@pytest.mark.story("libreswan-direct", "openiked-direct")
@pytest.mark.parametrize("run", ["libreswan_our_hub", "openiked_our_hub"], indirect=True)
def test_its_spoke_and_ours_go_directly_over_esp(run: Run) -> None:
    assert LAN["spoke1"] in run.routes("direct", "spoke2")
    assert SUITES[run.folder.name.partition("-")[0]] in run.text("direct.spoke2.crypto.txt")
    assert set(run.pings("direct").between(run.mark("direct") + 2, run.mark("direct") + 3)) == {DIRECT}


@pytest.mark.story("libreswan-clear-gre", "openiked-clear-gre")
def test_we_never_send_gre_in_clear_whatever_it_does_itself(run: Run) -> None:
    """Both let registrations of FRR out that come before their SA, although libreswan was told to hold them."""
    ours, _ = ours_and_theirs(run)
    assert run.seen_in_clear(ours, sender=NBMA[ours]) == []
    assert run.complaints(ours) == []
