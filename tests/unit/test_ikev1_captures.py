"""Keys of IKEv1, and what they seal: values that were computed by RFC 2409 from fixed secrets."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from dmvpn.base.errors import WireError
from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.crypto import PrfAlgorithm
from dmvpn.features.ike.crypto.material import BLOCK, Nonces, decrypt, encrypt
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.udp import Nat
from dmvpn.features.ike.v1 import packet
from dmvpn.features.ike.v1.keys import (
    LARGEST_NUMBER_OF_EXCHANGES,
    Channel,
    KeySource,
    child_keys,
    cipher_key,
    exchange_iv,
    first_iv,
    hash_1,
    hash_2,
    hash_3,
    ike_keys,
    ike_line,
    keymat,
    proof,
    skeyid_of_secret,
    skeyid_of_signatures,
)
from dmvpn.features.ike.v1.main_mode import detect, detection
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, NotifyType, PayloadType
from support.ike_capture import datagrams
from support.ikev1_capture import Capture, names, nonces_of, offers, opened
from support.isakmp import CERT, HASH, ID, INFORMATIONAL, SIG, Phase1, Reader, Secrets, body_of, main_mode, quick_modes
from support.isakmp import opened as opened_by
from support.pcap import CAPTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

SHA1 = PrfAlgorithm.SHA1
NONCES = Nonces(bytes(range(20)), bytes(range(20, 40)))
SHARED = bytes((7 * number + 3) % 256 for number in range(128))
PUBLIC_I, PUBLIC_R = bytes(range(1, 129)), bytes(range(255, 127, -1))
COOKIE_I, COOKIE_R = bytes.fromhex("0102030405060708"), bytes.fromhex("1112131415161718")
SA_BODY = bytes.fromhex(
    "00000001000000010000003001010001000000280101000080010007800e0080800200028004000280030001800b0001000c000400015180"
)
ID_BODY = bytes.fromhex("011101f4cb007102")
SKEYID = skeyid_of_secret(SHA1, b"dmvpn-psk-1", NONCES)
KEYS = ike_keys(SHA1, SKEYID, SHARED, COOKIE_I + COOKIE_R, 16)
SPI = bytes.fromhex("c0de0001")


@pytest.mark.conforms("ike1:5-keys")
def test_skeyid_and_its_children_are_those_of_the_standard() -> None:
    assert SKEYID.hex() == "10ce6e7815e53a3297b2fb5384fe7004f5bd396d"
    assert KEYS.d.hex() == "d181f1cad8bc36731e1aa7a9de5a4f001acc3015"
    assert KEYS.a.hex() == "1bbf66574e2c97a63ef7bda5b6accba006ed6bbc"
    assert KEYS.e.hex() == "325bd4b360e2b164a7d9b2c71a4aca8a8771dc23"


@pytest.mark.conforms("ike1:B-keys")
@pytest.mark.parametrize(
    ("size", "key"),
    [
        (16, "325bd4b360e2b164a7d9b2c71a4aca8a"),
        (20, "325bd4b360e2b164a7d9b2c71a4aca8a8771dc23"),
        (32, "8920c0612b10780cc7c89b33e367645f8e4c6373bafe2c3d8f0ad9929d9bd20d"),
    ],
)
def test_a_key_of_the_cipher_is_cut_or_expanded(size: int, key: str) -> None:
    assert cipher_key(SHA1, KEYS.e, size).hex() == key
    assert ike_keys(SHA1, SKEYID, SHARED, COOKIE_I + COOKIE_R, size).cipher.hex() == key


def test_with_signatures_the_nonces_are_the_key() -> None:
    """The values of the vectors are for a pre-shared key: here the formula of RFC 2409 §5 stands in for them."""
    expected = hmac.digest(NONCES.joined, SHARED, "sha256")
    assert skeyid_of_signatures(PrfAlgorithm.SHA256, SHARED, NONCES) == expected


@pytest.mark.conforms("ike1:B-iv")
def test_ivs_follow_from_public_values_and_from_the_last_block() -> None:
    iv = first_iv(SHA1, PUBLIC_I, PUBLIC_R)
    assert iv.hex() == "b23dd9d2d0801b9abc008abf2a63d0ab"
    assert exchange_iv(SHA1, iv, 7) == hashlib.new(SHA1.hash, iv + bytes((0, 0, 0, 7))).digest()[:16]


@pytest.mark.conforms("ike1:5-hashes")
def test_each_end_proves_itself_with_its_own_values_first() -> None:
    theirs = proof(KEYS, (PUBLIC_I, PUBLIC_R), (COOKIE_I, COOKIE_R), SA_BODY, ID_BODY)
    assert theirs.hex() == "451d33e2e213bfab2bea2a4117b3e8f8d371e40b"
    ours = proof(KEYS, (PUBLIC_R, PUBLIC_I), (COOKIE_R, COOKIE_I), SA_BODY, ID_BODY)
    assert ours == hmac.digest(SKEYID, PUBLIC_R + PUBLIC_I + COOKIE_R + COOKIE_I + SA_BODY + ID_BODY, "sha1")


@pytest.mark.conforms("ike1:5.5-hashes")
def test_the_hashes_of_quick_mode_differ_in_what_they_cover() -> None:
    head, rest = bytes((0, 0, 0, 9)), b"payloads"
    assert hash_1(KEYS, 9, rest) == hmac.digest(KEYS.a, head + rest, "sha1")
    assert hash_2(KEYS, 9, NONCES.initiator, rest) == hmac.digest(KEYS.a, head + NONCES.initiator + rest, "sha1")
    assert hash_3(KEYS, 9, NONCES) == hmac.digest(KEYS.a, b"\x00" + head + NONCES.joined, "sha1")


@pytest.mark.conforms("ike1:5.5-keymat")
def test_keymat_is_as_long_as_the_keys_of_an_sa() -> None:
    source = KeySource(NONCES, 3)
    assert keymat(KEYS, source, SPI, 36).hex() == (
        "ac1cbfc13404591e4a543745b4758ce5b43c5965b3c7cd69a9df56198b65c9260150e01b"
    )
    assert keymat(KEYS, source, SPI, 20) == keymat(KEYS, source, SPI, 36)[:20]


@pytest.mark.conforms("ike1:5.5-keymat")
def test_keymat_with_pfs_has_the_shared_secret_in_front() -> None:
    octets = hmac.digest(KEYS.d, b"secret" + b"\x03" + SPI + NONCES.joined, "sha1")
    assert keymat(KEYS, KeySource(NONCES, 3, b"secret"), SPI, 20) == octets


@pytest.mark.conforms("ike1:5.5-keymat")
def test_an_end_sends_with_the_keys_of_the_spi_that_its_peer_chose() -> None:
    source, other = KeySource(NONCES, 3), bytes.fromhex("c0de0002")
    keys = child_keys(KEYS, source, (SPI, other), (16, 20))
    assert keys.responder[0] + keys.responder[1] == keymat(KEYS, source, SPI, 36)
    assert keys.initiator[0] + keys.initiator[1] == keymat(KEYS, source, other, 36)
    assert len(keys.initiator[0]) == 16


def test_wireshark_gets_the_cookie_of_the_initiator_and_the_key_of_the_cipher() -> None:
    assert ike_line(COOKIE_I, KEYS) == "0102030405060708,325bd4b360e2b164a7d9b2c71a4aca8a"


def test_no_repr_has_a_key_or_a_nonce() -> None:
    shown = repr((KEYS, KeySource(NONCES, 3, SHARED), child_keys(KEYS, KeySource(NONCES, 3), (SPI, SPI), (16, 20))))
    assert "b'" not in shown
    assert 'b"' not in shown


# ------------------------------------------------------------------------------------------------- encrypted messages


IV = first_iv(SHA1, PUBLIC_I, PUBLIC_R)
MAIN = packet.Header(cookie_i=COOKIE_I, cookie_r=COOKIE_R, exchange=ExchangeType.MAIN, flags=Flag.ENCRYPTION)
QUICK = replace(MAIN, exchange=ExchangeType.QUICK, message_id=77)
PAYLOADS = (packet.Hash(bytes(20)), packet.Nonce(bytes(range(18))))


def channels() -> tuple[Channel, Channel]:
    return Channel(KEYS, IV), Channel(KEYS, IV)


def test_what_one_end_seals_the_other_opens_message_by_message() -> None:
    one, other = channels()
    for header in (MAIN, MAIN, QUICK, QUICK, MAIN, QUICK):
        message = packet.Message.parse(one.seal(header, PAYLOADS))
        assert other.open(message).payloads == PAYLOADS
        other.accept(message)
        one, other = other, one


@pytest.mark.conforms("ike1:B-padding")
def test_a_message_is_padded_with_zeros_to_whole_blocks() -> None:
    one, _ = channels()
    sealed = packet.Message.parse(one.seal(MAIN, PAYLOADS)).sealed
    assert sealed
    assert sealed.first == PayloadType.HASH
    inner = serialize_chain(PAYLOADS)
    assert len(inner) % 16
    assert decrypt(KEYS.cipher, IV, sealed.octets) == inner + bytes(-len(inner) % 16)


@pytest.mark.conforms("ike1:B-iv", "ike1:5.5-several")
def test_the_iv_of_quick_mode_follows_from_the_last_block_of_phase_1() -> None:
    one, _ = channels()
    last = one.seal(MAIN, PAYLOADS)[-16:]
    first = exchange_iv(SHA1, last, 77)
    assert one.iv(77) == first
    again = one.seal(QUICK, PAYLOADS)[-16:]
    assert one.iv(77) == again
    assert one.iv(78) == exchange_iv(SHA1, last, 78)


def test_a_message_that_is_not_accepted_moves_no_iv() -> None:
    one, other = channels()
    genuine = one.seal(QUICK, PAYLOADS)
    forged = packet.Message.parse(genuine[:-16] + bytes(16))
    assert other.open(forged).payloads  # its last block is within the nonce: only the hash inside shows it
    assert other.open(packet.Message.parse(genuine)).payloads == PAYLOADS


def sealed(inner: bytes, first: int = PayloadType.HASH) -> packet.Message:
    return packet.Message(header=QUICK, sealed=packet.Sealed(first, encrypt(KEYS.cipher, channels()[0].iv(77), inner)))


def test_up_to_a_block_of_any_padding_is_accepted() -> None:
    """strongSwan pads with a whole block where none is needed; RFC 2409 does not say that a receiver looks at it."""
    inner = serialize_chain((packet.VendorId(bytes(12)),))
    assert channels()[0].open(sealed(inner + b"\xaa" * 16, PayloadType.VENDOR_ID)).payloads == (
        packet.VendorId(bytes(12)),
    )


@pytest.mark.conforms("ike1:5.5-encrypted")
@pytest.mark.parametrize(
    "message",
    [
        sealed(serialize_chain((packet.VendorId(bytes(12)),)) + bytes(32)),
        sealed(bytes(16), PayloadType.NONE),
        sealed(bytes(16)),
        sealed(bytes.fromhex("00010010") + bytes(12)),
        packet.Message(header=QUICK, sealed=packet.Sealed(8, bytes(15))),
        packet.Message(header=QUICK, sealed=packet.Sealed(8, b"")),
        packet.Message(header=replace(QUICK, flags=Flag(0))),
    ],
    ids=["padding", "no payload", "length 0", "reserved", "no whole blocks", "nothing", "in clear"],
)
def test_what_does_not_decrypt_into_a_chain_is_refused(message: packet.Message) -> None:
    with pytest.raises(WireError):
        channels()[0].open(message)


def test_another_key_opens_nothing() -> None:
    stranger = Channel(replace(KEYS, cipher=bytes(16)), IV)
    with pytest.raises(WireError):
        stranger.open(packet.Message.parse(channels()[0].seal(MAIN, PAYLOADS)))


def test_only_so_many_exchanges_are_remembered() -> None:
    one, _ = channels()
    for number in range(1, LARGEST_NUMBER_OF_EXCHANGES + 2):
        one.seal(replace(QUICK, message_id=number), PAYLOADS)
    assert one.iv(1) == exchange_iv(SHA1, IV, 1)
    assert one.iv(2) != exchange_iv(SHA1, IV, 2)
    one.seal(replace(QUICK, message_id=2), PAYLOADS)  # busy again, so another exchange is forgotten
    one.seal(replace(QUICK, message_id=1), PAYLOADS)
    assert one.iv(2) != exchange_iv(SHA1, IV, 2)
    assert one.iv(3) == exchange_iv(SHA1, IV, 3)
    one.forget_chain(2)
    assert one.iv(2) == exchange_iv(SHA1, IV, 2)


# ---------------------------------------------------------------------------------------------------- NAT detection


PATH = DatagramPath(Endpoint(IPv4Address("192.0.2.1"), 500), Endpoint(IPv4Address("198.51.100.1"), 500))
BACK = DatagramPath(PATH.remote, PATH.local)
COOKIES = COOKIE_I + COOKIE_R
SHA256 = PrfAlgorithm.SHA256


@pytest.mark.conforms("nat:3.2-hashes", "nat:3.2-payloads")
@pytest.mark.parametrize("prf", PrfAlgorithm)
def test_the_peers_address_comes_first_hashed_by_what_was_negotiated(prf: PrfAlgorithm) -> None:
    first, second = detection(COOKIES, PATH, prf)
    remote, local = (end.address.packed + b"\x01\xf4" for end in (PATH.remote, PATH.local))
    assert first.data == hashlib.new(prf.hash, COOKIES + remote).digest()
    assert second.data == hashlib.new(prf.hash, COOKIES + local).digest()


@pytest.mark.conforms("nat:3.2-found")
@pytest.mark.parametrize(
    ("payloads", "path", "found"),
    [
        (detection(COOKIES, PATH, SHA256), BACK, Nat(supported=True)),
        (detection(COOKIES, PATH, SHA256, force=True), BACK, Nat(remote=True, supported=True)),
        (
            detection(COOKIES, PATH, SHA256),
            DatagramPath(BACK.local, Endpoint(IPv4Address("203.0.113.1"), 1024)),
            Nat(remote=True, supported=True),
        ),
        (
            detection(COOKIES, PATH, SHA256),
            DatagramPath(Endpoint(IPv4Address("10.0.0.1"), 500), BACK.remote),
            Nat(local=True, supported=True),
        ),
        ((*detection(COOKIES, PATH, SHA256), packet.NatDetection(bytes(32))), BACK, Nat(supported=True)),
        (detection(COOKIES, PATH, SHA1), BACK, Nat(local=True, remote=True, supported=True)),
        (detection(COOKIES, PATH, SHA256)[:1], BACK, Nat()),
        ((), BACK, Nat()),
    ],
    ids=["none", "forced", "peer", "ours", "two sources", "another hash", "one payload", "not supported"],
)
def test_nat_is_found_where_addresses_differ(
    payloads: tuple[packet.NatDetection, ...], path: DatagramPath, found: Nat
) -> None:
    assert detect(packet.Chain(payloads), COOKIES, path, SHA256) == found


def test_who_forces_udp_behaves_as_if_translated() -> None:
    assert detect(packet.Chain(detection(COOKIES, PATH, SHA256)), COOKIES, BACK, SHA256, forces=True).local


# strongSwan's and libreswan's IKEv1: read, opened, derived again from Diffie-Hellman secrets, and written again.

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
            identity, sent = sa.main(number).find(packet.IdentificationPayload), sa.main(number).find(packet.Hash)
            assert identity
            octets = proof(sa.keys, publics, cookies, body, identity.body())
            assert octets.hex() == sa.secret[field]
            assert sent is None or sent.data == octets
            proved += 1
    assert proved >= 1


def covered(chain: packet.Chain) -> bytes:
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
                first = chain.find(packet.Hash)
                assert first
                if number == 0:
                    expected = hash_1(sa.keys, message_id, covered(chain))
                elif number == 1:
                    nonce = chains[0].find(packet.Nonce)
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
            for notify in inside.all(packet.Notify) if inside else ():
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
    assert {identity.protocol for identity in first.all(packet.IdentificationPayload)} == {47}
    assert len(first.all(packet.SecurityAssociation)) == 1


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


# The keys files of strongSwan's and libreswan's IKEv1 hold the keys of their captures, by RFC 2409 alone.

NAMES = sorted(path.stem for path in CAPTURES.glob("ikev1-*.pcap"))
#: Captures of ends that have the same secret, or certificates.
AGREED = [name for name in NAMES if not name.endswith("wrong-key")]


@cache
def read(name: str) -> Reader:
    return Reader().read(octets for _, octets in datagrams(name))


@cache
def keys_file(name: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((CAPTURES / f"{name.removesuffix('-inside')}.keys.json").read_text())
    return run


def phases(name: str) -> Iterator[tuple[Phase1, dict[str, str], Secrets]]:
    """Every complete main mode of a capture, what the file says of it, and its keys."""
    for said in keys_file(name)["ike_sas"]:
        phase = read(name).phases[bytes.fromhex(said["cookie_i"])]
        psk = said.get("psk") or keys_file(name).get("psk")
        yield phase, said, phase.derive(bytes.fromhex(said["dh_shared_secret"]), psk.encode() if psk else None)


def test_there_are_captures() -> None:
    assert len(AGREED) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_the_keys_of_every_phase_1_follow_from_the_shared_secret(name: str) -> None:
    complete = {phase.cookie_i.hex() for phase in read(name).phases.values() if phase.complete}
    assert complete == {said["cookie_i"] for said in keys_file(name)["ike_sas"]}
    for phase, said, secrets in phases(name):
        assert phase.cookie_r.hex() == said["cookie_r"]
        assert [nonce.hex() for nonce in phase.nonces] == [said["nonce_i"], said["nonce_r"]]
        for field in ("skeyid", "skeyid_d", "skeyid_a", "skeyid_e", "encryption_key", "first_iv"):
            assert getattr(secrets, field).hex() == said[field], field


@pytest.mark.parametrize("name", AGREED)
def test_both_ends_of_a_main_mode_prove_who_they_are(name: str) -> None:
    for phase, said, secrets in phases(name):
        messages = main_mode(phase, secrets)
        assert len(messages) == 2
        for message, field in zip(messages, ("hash_i", "hash_r"), strict=True):
            proof = phase.proof(secrets, body_of(message.inside, ID), initiator=field == "hash_i")
            assert proof.hex() == said[field]
            certificate = body_of(message.inside, CERT)
            if certificate:
                key = x509.load_der_x509_certificate(certificate[1:]).public_key()
                assert isinstance(key, rsa.RSAPublicKey)
                signature = body_of(message.inside, SIG)
                assert key.recover_data_from_signature(signature, padding.PKCS1v15(), None) == proof
            else:
                assert body_of(message.inside, HASH) == proof


@pytest.mark.parametrize("name", AGREED)
def test_the_keys_of_every_quick_mode_follow_from_its_phase_1(name: str) -> None:
    said = {(one["cookie_i"], one["message_id"]): one for one in keys_file(name)["quick_modes"]}
    for phase, _, secrets in phases(name):
        for quick in quick_modes(read(name).phase2(phase, secrets)):
            one = said.pop((phase.cookie_i.hex(), quick.message_id.hex()))
            assert [body_of(message.inside, HASH) for message in quick.messages] == quick.hashes(secrets)
            assert quick.messages[0].iv.hex() == one["first_iv"]
            assert quick.nonces.hex() == one["nonce_i"] + one["nonce_r"]
            assert [spi.hex() for spi in quick.spis] == [one["spi_i"], one["spi_r"]]
            keymats = quick.keymats(secrets, bytes.fromhex(one.get("dh_shared_secret", "")))
            assert [keymat.hex() for keymat in keymats] == [one["keymat_i"], one["keymat_r"]]
    assert not said


@pytest.mark.parametrize("name", AGREED)
def test_esp_has_the_keys_of_the_quick_modes(name: str) -> None:
    keymats = {f"0x{one[f'spi_{end}']}": one[f"keymat_{end}"] for one in keys_file(name)["quick_modes"] for end in "ir"}
    esp = {sa["spi"]: sa["enc_key"][2:] + sa["auth_key"][2:] for sa in keys_file(name)["esp_sas"]}
    assert esp == keymats


@pytest.mark.parametrize("name", AGREED)
def test_informational_messages_prove_their_origin(name: str) -> None:
    for phase, _, secrets in phases(name):
        checked = 0
        for message in read(name).phase2(phase, secrets):
            if message.message.exchange == INFORMATIONAL:
                expected = secrets.prf(secrets.skeyid_a, message.message.message_id, message.behind_hash)
                assert body_of(message.inside, HASH) == expected
                checked += 1
        assert checked, "at least its end is announced"


def test_with_another_secret_the_responder_reads_nothing_and_answers_with_keys_of_its_own() -> None:
    (phase, _, initiator), (_, _, responder) = phases("ikev1-wrong-key")
    proof = body_of(main_mode(phase, initiator)[0].inside, HASH)
    assert proof != phase.proof(responder, body_of(main_mode(phase, initiator)[0].inside, ID), initiator=True)
    with pytest.raises(ValueError, match="no payloads"):
        main_mode(phase, responder)
    for message in read("ikev1-wrong-key").later:
        # it took no message 5, so its chain of blocks still begins at the first IV
        iv = responder.iv_of(responder.first_iv, message.message_id)
        notify = opened_by(message, responder, iv)
        assert body_of(notify.inside, HASH) == responder.prf(responder.skeyid_a, message.message_id, notify.behind_hash)
