"""strongSwan's and libreswan's IKEv1: read, opened, derived again from Diffie-Hellman secrets, and written again."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.crypto.blocks import BLOCK, decrypt
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.udp import Nat
from dmvpn.features.ike.v1.keys import Channel, KeySource, hash_1, hash_2, hash_3, ike_line, keymat, proof
from dmvpn.features.ike.v1.main_mode import detect
from dmvpn.features.ike.v1.numbers import ExchangeType, NotifyType
from dmvpn.features.ike.v1.packet import Hash, IdentificationPayload, Nonce, Notify, SecurityAssociation
from support.ikev1_capture import Capture, names, nonces_of, offers, opened

if TYPE_CHECKING:
    from dmvpn.features.ike.v1.packet import Chain

#: One has keys that differ at both ends, the other 3DES and MD5.
UNOPENED = ("ikev1-psk-weak", "ikev1-wrong-key")
#: No pair of SAs came of it.
BARREN = ("ikev1-lsw-no-proposal", "ikev1-lsw-wrong-key", "ikev1-no-proposal")
OPENED = [name for name in names() if name not in UNOPENED]


@cache
def capture(name: str) -> Capture:
    return Capture(name)


@pytest.mark.conforms("isakmp:3.2-octets")
@pytest.mark.parametrize("name", names())
def test_every_message_is_read_and_written_again_as_the_same_octets(name: str) -> None:
    assert capture(name).messages
    for read in capture(name).messages:
        assert read.message.serialize() == read.octets


@pytest.mark.parametrize("name", OPENED)
def test_every_encrypted_message_is_a_chain_and_at_most_a_block_of_zeros(name: str) -> None:
    """strongSwan adds a whole block where none is needed."""
    checked = 0
    for sa in opened(capture(name)):
        assert sa.keys
        channel = Channel(sa.keys, sa.iv)
        for read in sa.messages:
            sealed = read.message.sealed
            if sealed is not None:
                assert read.inside is not None
                octets = serialize_chain(read.inside.payloads)
                inner = decrypt(sa.keys.cipher, channel.iv(read.message.header.message_id), sealed.octets)
                assert inner == octets + bytes(len(inner) - len(octets))
                assert len(inner) - len(octets) <= BLOCK
                channel.accept(read.message)
                checked += 1
    assert checked


@pytest.mark.conforms("ike1:5-keys", "ike1:B-keys")
@pytest.mark.parametrize("name", OPENED)
def test_all_keys_of_every_isakmp_sa_follow_from_the_shared_secret(name: str) -> None:
    assert opened(capture(name))
    for sa in opened(capture(name)):
        assert sa.keys
        assert sa.secret
        derived = {
            "skeyid": sa.keys.skeyid,
            "skeyid_d": sa.keys.d,
            "skeyid_a": sa.keys.a,
            "skeyid_e": sa.keys.e,
            "encryption_key": sa.keys.cipher,
            "first_iv": sa.iv,
            "nonce_i": sa.nonces.initiator,
            "nonce_r": sa.nonces.responder,
        }
        for field, octets in derived.items():
            assert octets.hex() == sa.secret[field], field
        assert ike_line(sa.cookies[:8], sa.keys) in capture(name).run["wireshark_ikev1_decryption_table"]


@pytest.mark.conforms("ike1:5-hashes")
@pytest.mark.parametrize("name", OPENED)
def test_both_ends_prove_who_they_are(name: str) -> None:
    """With a pre-shared key the hash is in the message; with RSA the hash is signed."""
    proved = 0
    for sa in opened(capture(name)):
        assert sa.keys
        assert sa.secret
        if "hash_i" not in sa.secret:
            continue
        (first, second), (one, other) = sa.publics, (sa.cookies[:8], sa.cookies[8:])
        body = offers(sa.main(1)).body()
        for number, publics, cookies, field in (
            (5, (first, second), (one, other), "hash_i"),
            (6, (second, first), (other, one), "hash_r"),
        ):
            if field not in sa.secret:
                continue
            identity, sent = sa.main(number).find(IdentificationPayload), sa.main(number).find(Hash)
            assert identity
            octets = proof(sa.keys, publics, cookies, body, identity.body())
            assert octets.hex() == sa.secret[field]
            assert sent is None or sent.data == octets
            proved += 1
    assert proved >= 1


def covered(chain: Chain) -> bytes:
    """The octets that the hash of a message covers."""
    return serialize_chain(chain.payloads[1:])


@pytest.mark.conforms("ike1:5.5-hashes")
@pytest.mark.parametrize("name", OPENED)
def test_the_hashes_of_all_later_exchanges_are_right(name: str) -> None:
    checked = 0
    for sa in opened(capture(name)):
        assert sa.keys
        for message_id in dict.fromkeys(read.message.header.message_id for read in sa.messages):
            chains = sa.exchange(message_id) if message_id else []
            for number, chain in enumerate(chains):
                first = chain.find(Hash)
                assert first
                if number == 0:
                    expected = hash_1(sa.keys, message_id, covered(chain))
                elif number == 1:
                    nonce = chains[0].find(Nonce)
                    assert nonce
                    expected = hash_2(sa.keys, message_id, nonce.data, covered(chain))
                else:
                    expected = hash_3(sa.keys, message_id, nonces_of(chains[0], chains[1]))
                assert first.data == expected
                checked += 1
    assert checked or name in BARREN


@pytest.mark.conforms("ike1:5.5-keymat")
@pytest.mark.parametrize("name", OPENED)
def test_the_keys_of_esp_are_those_that_the_kernel_was_given(name: str) -> None:
    seen = capture(name)
    kernel = {entry["spi"]: entry for entry in seen.run.get("esp_sas", ())}
    for quick in seen.run["quick_modes"]:
        sa = seen.sas[bytes.fromhex(quick["cookie_i"] + quick["cookie_r"])]
        assert sa.keys
        first, second, *_ = sa.exchange(int(quick["message_id"], 16))
        shared = bytes.fromhex(quick.get("dh_shared_secret", ""))
        source = KeySource(nonces_of(first, second), 3, shared)
        for chain, spi, octets in ((first, "spi_i", "keymat_i"), (second, "spi_r", "keymat_r")):
            (chosen,) = {proposal.spi for proposal in offers(chain).proposals}
            assert chosen.hex() == quick[spi]
            derived = keymat(sa.keys, source, chosen, len(quick[octets]) // 2)
            assert derived.hex() == quick[octets]
            if entry := kernel.get(f"0x{quick[spi]}"):
                given = (entry[field][2:] for field in ("enc_key", "auth_key") if field in entry)
                assert "".join(given) == quick[octets]
    assert bool(seen.run["quick_modes"]) is (name not in BARREN)


@pytest.mark.conforms("dpd:5.3-cookies", "dpd:5.3-numbers")
@pytest.mark.parametrize("name", ["ikev1-dpd", "ikev1-lsw-initiator"])
def test_a_question_whether_the_peer_lives_has_the_cookies_and_a_number_that_the_answer_repeats(name: str) -> None:
    asked: dict[bytes, int] = {}
    answered = 0
    for sa in opened(capture(name)):
        for read in sa.messages:
            inside = read.inside if read.message.header.exchange == ExchangeType.INFORMATIONAL else None
            for notify in inside.all(Notify) if inside else ():
                if notify.kind in (NotifyType.R_U_THERE, NotifyType.R_U_THERE_ACK):
                    assert notify.spi == sa.cookies
                    assert len(notify.data) == 4
                if notify.kind == NotifyType.R_U_THERE:
                    asked[notify.data] = 1
                elif notify.kind == NotifyType.R_U_THERE_ACK:
                    assert notify.data in asked
                    answered += 1
    assert answered


def test_a_refusal_of_all_proposals_comes_in_clear() -> None:
    found = [
        read.message
        for read in capture("ikev1-no-proposal").messages
        if read.message.notify(NotifyType.NO_PROPOSAL_CHOSEN)
    ]
    assert found
    assert not any(message.header.is_encrypted for message in found)


def test_the_offer_for_gre_in_transport_mode_is_read() -> None:
    (quick, *_) = capture("ikev1-psk-cbc").run["quick_modes"]
    sa = capture("ikev1-psk-cbc").sas[bytes.fromhex(quick["cookie_i"] + quick["cookie_r"])]
    first = sa.exchange(int(quick["message_id"], 16))[0]
    assert {identity.protocol for identity in first.all(IdentificationPayload)} == {47}
    assert len(first.all(SecurityAssociation)) == 1


SPOKE, HUB, INSIDE = (Endpoint(IPv4Address(text), 500) for text in ("198.51.100.2", "192.0.2.2", "10.99.0.2"))


@pytest.mark.conforms("nat:3.2-hashes", "nat:3.2-found")
@pytest.mark.parametrize(
    ("name", "message", "path", "found"),
    [
        ("ikev1-psk-cbc", 3, DatagramPath(HUB, SPOKE), Nat(supported=True)),
        ("ikev1-psk-cbc", 4, DatagramPath(SPOKE, HUB), Nat(supported=True)),
        ("ikev1-psk-sha256", 3, DatagramPath(HUB, SPOKE), Nat(supported=True)),
        ("ikev1-nat", 3, DatagramPath(HUB, SPOKE), Nat(remote=True, supported=True)),
        ("ikev1-nat-inside", 4, DatagramPath(INSIDE, HUB), Nat(local=True, supported=True)),
    ],
)
def test_nat_is_found_where_it_was_and_by_the_negotiated_hash(
    name: str, message: int, path: DatagramPath, found: Nat
) -> None:
    sa = opened(capture(name))[0]
    assert sa.keys
    assert detect(sa.main(message), sa.cookies, path, sa.keys.prf) == found
