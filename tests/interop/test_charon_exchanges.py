"""All IKE exchanges with strongSwan's charon, begun by either side; no kernel and no packet of data involved."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.features.ike.numbers import Encr, Group, Integ, Prf
from support.charon import OUR_ADDRESS, OUR_LAN, Bed, Peer, missing
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

CBC = [Encr.AES_CBC, 256, Prf.HMAC_SHA2_256, Integ.HMAC_SHA2_256_128, Group.CURVE25519, 0]
GCM = [Encr.AES_GCM_16, 256, Prf.HMAC_SHA2_384, 0, Group.ECP_256, 0]


def spis(bed: Bed) -> set[str]:
    """Outbound SPIs of the installed child SAs as charon knows them: our inbound ones."""
    text = bed.swanctl("--list-sas")
    return set(re.findall(r"INSTALLED(?:(?!DELETED|gre:).)*?out +([0-9a-f]{8})", text, re.DOTALL))


def agrees(bed: Bed, *, seconds: float = 10.0, other_than: str = "") -> dict[str, Any]:
    """Wait until both sides have the same single child SA, and no longer that one."""
    end = time.monotonic() + seconds
    while True:
        state = bed.do("state")
        ours = {child["in"] for child in state["children"]}
        if len(ours) == 1 and ours == spis(bed) and other_than not in ours:
            return state
        assert time.monotonic() < end, (state, bed.swanctl("--list-sas"), bed.log[-2000:])
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("ike", "suite"),
    [
        ("aes256-sha256-x25519", CBC),
        ("aes256gcm16-prfsha384-ecp256", GCM),
        ("aes128-sha1-modp2048", [12, 128, 2, 2, 14, 0]),
        ("aes192-sha384-ecp384", [12, 192, 6, 13, 20, 0]),
        ("aes256-sha512-modp4096", [12, 256, 7, 14, 16, 0]),
        ("aes128gcm16-prfsha512-ecp521", [20, 128, 7, 0, 21, 0]),
        ("aes256-sha256-modp3072", [12, 256, 5, 12, 15, 0]),
    ],
)
@pytest.mark.story("charon-suites")
def test_suites(ike: str, suite: list[int]) -> None:
    with Bed(Peer(ike=ike), {"suites": [suite]}) as bed:
        bed.do("connect")
        bed.until("children")
        agrees(bed)


@pytest.mark.parametrize(
    ("esp", "suite"),
    [
        ("aes256gcm16", [20, 256]),
        ("aes128gcm16", [20, 128]),
        ("aes128-sha1", [12, 128, 0, 2]),
        ("aes256-sha256", [12, 256, 0, 12]),
        ("aes192-sha384", [12, 192, 0, 13]),
        ("aes256-sha512", [12, 256, 0, 14]),
    ],
)
@pytest.mark.story("charon-suites")
def test_child_suites(esp: str, suite: list[int]) -> None:
    with Bed(Peer(esp=esp), {"suites": [CBC], "esp": [suite]}) as bed:
        bed.do("connect")
        bed.until("children")
        agrees(bed)


@pytest.mark.parametrize("begins", ["we begin", "charon begins"])
@pytest.mark.story("charon-life")
def test_a_life_with_rekeys_from_both_ends(begins: str) -> None:
    with Bed(Peer(), {"suites": [CBC], "pfs": [Group.CURVE25519]}) as bed:
        if begins == "we begin":
            bed.do("connect")
        else:
            assert "completed successfully" in bed.swanctl("--initiate", "--child", "gre")
        bed.until("children")
        steps: tuple[tuple[bool, Callable[[], object]], ...] = (
            (True, lambda: bed.do("rekey-child")),
            (False, lambda: bed.do("rekey-ike")),
            (True, lambda: bed.swanctl("--rekey", "--child", "gre")),
            (False, lambda: bed.swanctl("--rekey", "--ike", "ours")),
            (True, lambda: bed.do("rekey-child")),
        )
        seen = [agrees(bed)["children"][0]["in"]]
        for is_child, step in steps:
            step()
            if not is_child:
                time.sleep(0.3)
            seen.append(agrees(bed, other_than=seen[-1] if is_child else "")["children"][0]["in"])
        assert len(set(seen)) == 4
        assert set(bed.do("state")["troubles"]) <= {"replaced", "the peer has deleted it"}
        bed.do("close")
        bed.until("no sas")
        assert "ESTABLISHED" not in bed.swanctl("--list-sas")


@pytest.mark.story("charon-life")
def test_both_ends_rekey_at_the_same_moment() -> None:
    with Bed(Peer(), {"suites": [CBC], "pfs": [Group.CURVE25519]}) as bed:
        bed.do("connect")
        bed.until("children")
        for _ in range(3):
            bed.do("rekey-child")
            bed.swanctl("--rekey", "--child", "gre")
            time.sleep(0.5)
            agrees(bed)


@pytest.mark.story("charon-cookie")
def test_charon_asks_for_a_cookie() -> None:
    with Bed(Peer(cookies=1), {"suites": [CBC]}) as bed:
        bed.do("knock")
        bed.do("connect")
        bed.until("children")
        assert "generating IKE_SA_INIT response 0 [ N(COOKIE) ]" in bed.log


@pytest.mark.story("charon-cookie")
def test_we_ask_charon_for_a_cookie() -> None:
    with Bed(Peer(), {"suites": [CBC], "cookies_from": 0}) as bed:
        assert "completed successfully" in bed.swanctl("--initiate", "--child", "gre")
        assert "parsed IKE_SA_INIT response 0 [ N(COOKIE) ]" in bed.log


@pytest.mark.parametrize("begins", ["we begin", "charon begins"])
@pytest.mark.story("charon-other-group")
def test_another_group_is_asked_for(begins: str) -> None:
    other = [*CBC[:4], Group.ECP_384, 0]
    if begins == "we begin":
        peer, suites = Peer(ike="aes256-sha256-ecp384"), [CBC, other]
    else:
        peer, suites = Peer(ike="aes256-sha256-x25519-ecp384"), [other]
    with Bed(peer, {"suites": suites}) as bed:
        if begins == "we begin":
            bed.do("connect")
        else:
            assert "completed successfully" in bed.swanctl("--initiate", "--child", "gre")
        bed.until("children")
        assert "INVAL_KE" in bed.log or "requesting another" in bed.log or "didn't accept" in bed.log


@pytest.mark.story("charon-fragments")
def test_large_messages_in_fragments() -> None:
    with Bed(Peer(fragment=200), {"suites": [CBC], "fragment": 200}) as bed:
        bed.do("connect")
        bed.until("children")
        assert re.search(r"parsed IKE_AUTH request 1 \[ EF\(1/", bed.log)


#: Whoever the authority of LAB stands for, as a router is configured; the identity of charon is among its names.
WRITTEN = file_text("charon_exchanges.cfg")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
@pytest.mark.parametrize("begins", ["we begin", "charon begins"])
@pytest.mark.story("charon-certificates")
def test_certificates_prove_both_sides(kind: str, begins: str) -> None:
    """From configuration lines and files pasted at the prompt on; an authority by strongSwan's tool."""
    settings: dict[str, object] = {"suites": [CBC], "fragment": 1280, "configuration": WRITTEN.format(kind=kind)}
    with Bed(Peer(ike="aes256-sha256-ecp256", certificates=kind), settings) as bed:
        if begins == "we begin":
            bed.do("connect")
        else:
            assert "completed successfully" in bed.swanctl("--initiate", "--child", "gre")
        bed.until("children")
        agrees(bed)
        assert "authentication of 'ours.example' with" in bed.log + bed.swanctl("--list-sas")


@pytest.mark.parametrize(
    ("use", "line", "believed"),
    [("ikeIntermediate", "", True), ("serverAuth", "", False), ("serverAuth", " extended-key-usage ignore\n", True)],
)
@pytest.mark.story("charon-certificates")
def test_what_a_certificate_is_for_counts(use: str, line: str, believed: bool) -> None:
    """Extended key usage, as strongSwan's tool writes it: RFC 4945 §5.1.3.12."""
    written = WRITTEN.format(kind="ecdsa").replace(" revocation-check none\n", f" revocation-check none\n{line}")
    settings: dict[str, object] = {"suites": [CBC], "fragment": 1280, "configuration": written}
    with Bed(Peer(ike="aes256-sha256-ecp256", certificates="ecdsa", uses=(use,)), settings) as bed:
        bed.do("connect")
        if believed:
            bed.until("children")
            agrees(bed)
        else:
            state = bed.until("troubles")
            assert any("a certificate for serverAuth, not for IKE" in said for said in state["troubles"])


@pytest.mark.story("charon-refusals")
def test_a_wrong_secret_is_told_on_both_sides() -> None:
    with Bed(Peer(secret="another"), {"suites": [CBC]}) as bed:
        bed.do("connect")
        state = bed.until("no sas")
        assert any("authentication failed" in line for line in state["troubles"])
        assert "AUTHENTICATION_FAILED" in bed.swanctl("--initiate", "--child", "gre")
        assert any("pre-shared key: 10.77.0.1 has another one" in line for line in bed.do("state")["troubles"])


@pytest.mark.story("charon-refusals")
def test_no_common_proposal_is_told_on_both_sides() -> None:
    with Bed(Peer(ike="aes128-sha1-modp2048"), {"suites": [GCM]}) as bed:
        bed.do("connect")
        state = bed.until("troubles")
        assert any("NO_PROPOSAL_CHOSEN" in line for line in state["troubles"])
        bed.swanctl("--initiate", "--child", "gre")
        mine = "encryption: ours AES_GCM_16_256; the peer's AES_CBC_128"
        assert mine in bed.do("state")["troubles"]


@pytest.mark.story("charon-life")
def test_a_restarted_charon_replaces_what_was_there() -> None:
    with Bed(Peer(), {"suites": [CBC]}) as bed:
        bed.do("connect")
        bed.until("children")
        bed.swanctl("--terminate", "--ike", "ours", "--force", "--timeout", "1")
        assert "completed successfully" in bed.swanctl("--initiate", "--child", "gre")
        agrees(bed)


@pytest.mark.story("charon-refusals")
def test_a_peer_that_wants_eap_is_named() -> None:
    proofs = "  local { auth = eap }\n  remote { auth = psk }"
    with Bed(Peer(proofs=proofs), {"suites": [CBC]}) as bed:
        bed.swanctl("--initiate", "--child", "gre", "--timeout", "3")
        assert any("wants EAP, which this router cannot do" in said for said in bed.do("state")["troubles"])


@pytest.mark.story("charon-refusals")
def test_a_peer_that_insists_on_a_postquantum_key_is_named() -> None:
    more = f"  ppk_id = {OUR_ADDRESS}\n  ppk_required = yes"
    with Bed(Peer(more=more), {"suites": [CBC]}) as bed:
        bed.swanctl("--initiate", "--child", "gre", "--timeout", "3")
        assert "PPK" in bed.log
        state = bed.until("no sas", seconds=45)
        assert any("offered USE_PPK" in said for said in state["troubles"]), (state, bed.log[-1500:])


@pytest.mark.story("charon-suites")
def test_a_narrower_flow_of_charon_is_agreed_on_as_it_is() -> None:
    with Bed(Peer(flow="gre/100"), {"suites": [CBC]}) as bed:
        assert "completed successfully" in bed.swanctl("--initiate", "--child", "gre")
        bed.until("children")
        assert f"{OUR_LAN}/32[gre/100]" in bed.swanctl("--list-sas")
