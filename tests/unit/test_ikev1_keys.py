"""Keys of IKEv1, and what they seal: values that were computed by RFC 2409 from fixed secrets."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.errors import WireError
from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.crypto import PrfAlgorithm
from dmvpn.features.ike.crypto.blocks import decrypt, encrypt
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.udp import Nat
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
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, PayloadType
from dmvpn.features.ike.v1.packet import Chain, Hash, Header, Message, NatDetection, Nonce, Sealed, VendorId

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
MAIN = Header(cookie_i=COOKIE_I, cookie_r=COOKIE_R, exchange=ExchangeType.MAIN, flags=Flag.ENCRYPTION)
QUICK = replace(MAIN, exchange=ExchangeType.QUICK, message_id=77)
PAYLOADS = (Hash(bytes(20)), Nonce(bytes(range(18))))


def channels() -> tuple[Channel, Channel]:
    return Channel(KEYS, IV), Channel(KEYS, IV)


def test_what_one_end_seals_the_other_opens_message_by_message() -> None:
    one, other = channels()
    for header in (MAIN, MAIN, QUICK, QUICK, MAIN, QUICK):
        message = Message.parse(one.seal(header, PAYLOADS))
        assert other.open(message).payloads == PAYLOADS
        other.accept(message)
        one, other = other, one


@pytest.mark.conforms("ike1:B-padding")
def test_a_message_is_padded_with_zeros_to_whole_blocks() -> None:
    one, _ = channels()
    sealed = Message.parse(one.seal(MAIN, PAYLOADS)).sealed
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
    forged = Message.parse(genuine[:-16] + bytes(16))
    assert other.open(forged).payloads  # its last block is within the nonce: only the hash inside shows it
    assert other.open(Message.parse(genuine)).payloads == PAYLOADS


def sealed(inner: bytes, first: int = PayloadType.HASH) -> Message:
    return Message(header=QUICK, sealed=Sealed(first, encrypt(KEYS.cipher, channels()[0].iv(77), inner)))


def test_up_to_a_block_of_any_padding_is_accepted() -> None:
    """strongSwan pads with a whole block where none is needed; RFC 2409 does not say that a receiver looks at it."""
    inner = serialize_chain((VendorId(bytes(12)),))
    assert channels()[0].open(sealed(inner + b"\xaa" * 16, PayloadType.VENDOR_ID)).payloads == (VendorId(bytes(12)),)


@pytest.mark.conforms("ike1:5.5-encrypted")
@pytest.mark.parametrize(
    "message",
    [
        sealed(serialize_chain((VendorId(bytes(12)),)) + bytes(32)),
        sealed(bytes(16), PayloadType.NONE),
        sealed(bytes(16)),
        sealed(bytes.fromhex("00010010") + bytes(12)),
        Message(header=QUICK, sealed=Sealed(8, bytes(15))),
        Message(header=QUICK, sealed=Sealed(8, b"")),
        Message(header=replace(QUICK, flags=Flag(0))),
    ],
    ids=["padding", "no payload", "length 0", "reserved", "no whole blocks", "nothing", "in clear"],
)
def test_what_does_not_decrypt_into_a_chain_is_refused(message: Message) -> None:
    with pytest.raises(WireError):
        channels()[0].open(message)


def test_another_key_opens_nothing() -> None:
    stranger = Channel(replace(KEYS, cipher=bytes(16)), IV)
    with pytest.raises(WireError):
        stranger.open(Message.parse(channels()[0].seal(MAIN, PAYLOADS)))


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
    one.forget(2)
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
        ((*detection(COOKIES, PATH, SHA256), NatDetection(bytes(32))), BACK, Nat(supported=True)),
        (detection(COOKIES, PATH, SHA1), BACK, Nat(local=True, remote=True, supported=True)),
        (detection(COOKIES, PATH, SHA256)[:1], BACK, Nat()),
        ((), BACK, Nat()),
    ],
    ids=["none", "forced", "peer", "ours", "two sources", "another hash", "one payload", "not supported"],
)
def test_nat_is_found_where_addresses_differ(
    payloads: tuple[NatDetection, ...], path: DatagramPath, found: Nat
) -> None:
    assert detect(Chain(payloads), COOKIES, path, SHA256) == found


def test_who_forces_udp_behaves_as_if_translated() -> None:
    assert detect(Chain(detection(COOKIES, PATH, SHA256)), COOKIES, BACK, SHA256, forces=True).local
