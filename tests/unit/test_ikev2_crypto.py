"""Groups, signatures and prf+ by themselves; what other implementations made is in test_ikev2_captures."""

from __future__ import annotations

import hmac
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError
from dmvpn.features.ike.crypto import SUPPORTED, PrfAlgorithm, draw, modp
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.crypto.modp import MODP_GROUPS, prime
from dmvpn.features.ike.numbers import Group
from dmvpn.features.ike.v2 import initial_exchanges, packet, signatures
from dmvpn.features.ike.v2.channel import child_keys
from dmvpn.features.ike.v2.numbers import AuthMethod, ExchangeType, HashId, NotifyType
from support.ike_capture import Capture, Read, names, nonces_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.dh import DHParameterNumbers, DHPublicNumbers


GROUPS = sorted(SUPPORTED)
OCTETS = b"what both sides saw"
ALL_HASHES = (HashId.SHA2_256, HashId.SHA2_384, HashId.SHA2_512)


@pytest.mark.parametrize("group", GROUPS)
def test_both_sides_of_a_group_agree_on_one_secret(group: Group) -> None:
    ours, theirs = draw(group, SeededEntropy(1)), draw(group, SeededEntropy(2))
    assert ours.public != theirs.public
    assert ours.agree(theirs.public) == theirs.agree(ours.public)


@pytest.mark.parametrize("group", GROUPS)
def test_the_same_entropy_draws_the_same_value(group: Group) -> None:
    assert draw(group, SeededEntropy(3)).public == draw(group, SeededEntropy(3)).public


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.conforms("ike:6989-public")
def test_public_values_that_would_give_the_secret_away_are_refused(group: Group) -> None:
    ours = draw(group, SeededEntropy(1))
    size = len(ours.public)
    wrong = [b"", bytes(size), b"\xff" * size, ours.public[:-1], ours.public + b"\x00"]
    if group in MODP_GROUPS:
        wrong += [number.to_bytes(size, "big") for number in (1, prime(group) - 1, prime(group), prime(group) + 2)]
    if group == Group.CURVE25519:  # any 32 octets are a point there; only those of small order are refused
        wrong.remove(b"\xff" * size)
        wrong.append((1).to_bytes(32, "little"))
    for value in wrong:
        with pytest.raises(WireError):
            ours.agree(value)


class Noted:
    """Seeded entropy that keeps what was drawn."""

    def __init__(self) -> None:
        self.drawn: list[bytes] = []
        self._source = SeededEntropy(4)

    def octets(self, count: int) -> bytes:
        self.drawn.append(self._source.octets(count))
        return self.drawn[-1]


@pytest.mark.parametrize(
    ("group", "least"),
    [
        (Group.MODP_1024, 160),  # RFC 3766 §5: a strength of 80 bits
        (Group.MODP_1536, 180),  # RFC 3526 §8
        (Group.MODP_2048, 225),  # RFC 7919 §5.2, and the two below
        (Group.MODP_3072, 275),
        (Group.MODP_4096, 325),
    ],
)
def test_a_modp_exponent_has_twice_the_bits_of_the_strength_of_its_group(group: Group, least: int) -> None:
    """All exponents of a group have one length, and the public value is the generator, raised to what was drawn."""
    entropy = Noted()
    ours = draw(group, entropy)
    (drawn,) = entropy.drawn
    assert least <= 8 * len(drawn) < least + 100
    assert int.from_bytes(ours.public, "big") == pow(2, exponent_of(drawn), prime(group))


@pytest.mark.parametrize("group", sorted(MODP_GROUPS))
def test_a_modp_secret_is_the_power_of_any_legal_public_value(group: Group) -> None:
    """The least and the greatest one, and one without a square root, which no exponent of the generator gives."""
    entropy = Noted()
    ours = draw(group, entropy)
    (drawn,) = entropy.drawn
    size = len(ours.public)
    for value in (2, 3, prime(group) - 2, prime(group) - 3, prime(group) // 5):
        secret = pow(value, exponent_of(drawn), prime(group))
        assert ours.agree(value.to_bytes(size, "big")) == secret.to_bytes(size, "big")


def test_a_legal_public_value_that_an_older_openssl_refuses_gives_the_same_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = modp.openssl()
    assert found is not None

    def refuse(value: int, parameters: DHParameterNumbers) -> DHPublicNumbers:
        if value == 11:
            raise ValueError("Error computing shared key.")
        return found.public(value, parameters)

    monkeypatch.setattr(modp, "openssl", lambda: found._replace(public=refuse))
    entropy = Noted()
    ours = draw(Group.MODP_2048, entropy)
    (drawn,) = entropy.drawn
    secret = pow(11, exponent_of(drawn), prime(Group.MODP_2048))
    assert ours.agree((11).to_bytes(256, "big")) == secret.to_bytes(256, "big")


@pytest.mark.parametrize("group", [Group.MODP_1024, Group.MODP_2048])
def test_zeros_at_the_front_of_a_modp_secret_are_kept(group: Group) -> None:
    entropy = Noted()
    ours = draw(group, entropy)
    (drawn,) = entropy.drawn
    order = prime(group) // 2  # of the squares
    theirs = pow(4, pow(exponent_of(drawn), -1, order), prime(group))
    size = len(ours.public)
    assert ours.agree(theirs.to_bytes(size, "big")) == (4).to_bytes(size, "big")


def exponent_of(drawn: bytes) -> int:
    return int.from_bytes(drawn, "big") | 1 << (8 * len(drawn) - 1)


@pytest.mark.parametrize("group", sorted(MODP_GROUPS))
def test_a_private_value_does_not_show_its_exponent(group: Group) -> None:
    entropy = Noted()
    ours = draw(group, entropy)
    (drawn,) = entropy.drawn
    assert str(exponent_of(drawn)) not in repr(ours)
    assert f"{exponent_of(drawn):x}" not in repr(ours)


@pytest.mark.lengthy
def test_a_library_without_modp_groups_gives_the_same_public_values() -> None:
    """`cryptography` is dropping them."""
    program = """
import sys
import cryptography.hazmat.primitives.serialization, cryptography.x509
if "without" in sys.argv:
    sys.modules["cryptography.hazmat.primitives.asymmetric.dh"] = None
from dmvpn.base.entropy import SeededEntropy
from dmvpn.features.ike.crypto import draw, modp
for group in sorted(modp.MODP_GROUPS):
    ours = draw(group, SeededEntropy(5))
    print(ours.public.hex(), ours.agree(draw(group, SeededEntropy(6)).public).hex())
print(modp.openssl() is not None)
"""
    have, have_not = (
        subprocess.run(
            [sys.executable, "-W", "error", "-c", program, word], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        for word in ("with", "without")
    )
    assert have[:-1] == have_not[:-1]
    assert (have[-1], have_not[-1]) == ("True", "False")


def test_the_prime_of_group_14_is_that_of_rfc_3526() -> None:
    digits = f"{prime(Group.MODP_2048):0512X}"
    assert digits.startswith("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74")
    assert digits.endswith("15728E5A8AACAA68FFFFFFFFFFFFFFFF")


@pytest.mark.lengthy
@pytest.mark.parametrize("group", sorted(MODP_GROUPS))
def test_every_prime_and_half_of_it_pass_a_test_of_fermat(group: Group) -> None:
    number = prime(group)
    assert pow(3, number - 1, number) == 1
    assert pow(3, (number - 1) // 2 - 1, (number - 1) // 2) == 1


def test_prf_plus_gives_as_many_octets_as_asked_and_begins_alike() -> None:
    long = PrfAlgorithm.SHA256.expand(b"key", b"seed", 200)
    assert len(long) == 200
    assert PrfAlgorithm.SHA256.expand(b"key", b"seed", 33) == long[:33]


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def elliptic_key(curve: type[ec.EllipticCurve]) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


@pytest.mark.parametrize(
    ("curve", "method"),
    [
        (ec.SECP256R1, AuthMethod.ECDSA_SHA256_P256),
        (ec.SECP384R1, AuthMethod.ECDSA_SHA384_P384),
        (ec.SECP521R1, AuthMethod.ECDSA_SHA512_P521),
    ],
)
@pytest.mark.conforms("ike:3.8-methods", "ike:7427-signatures")
def test_an_ecdsa_key_proves_itself_in_the_old_way_and_the_new(
    curve: type[ec.EllipticCurve], method: AuthMethod
) -> None:
    key = elliptic_key(curve)
    old, new = (signatures.prove_with_key(key, OCTETS, peer) for peer in ((), ALL_HASHES))
    assert (old.method, new.method) == (method, AuthMethod.DIGITAL_SIGNATURE)
    for proof in (old, new):
        assert signatures.holds_key(key.public_key(), OCTETS, proof)
        assert not signatures.holds_key(key.public_key(), OCTETS + b"!", proof)
        assert not signatures.holds_key(rsa_key().public_key(), OCTETS, proof)


@pytest.mark.parametrize(
    ("curve", "peer", "used"),
    [
        (ec.SECP256R1, ALL_HASHES, hashes.SHA256),
        (ec.SECP384R1, ALL_HASHES, hashes.SHA384),
        (ec.SECP521R1, ALL_HASHES, hashes.SHA512),
        (ec.SECP521R1, (HashId.SHA2_256, HashId.SHA2_384), hashes.SHA384),
        (ec.SECP256R1, (HashId.SHA2_512,), hashes.SHA512),
    ],
)
@pytest.mark.conforms("ike:7427-signatures")
def test_a_curve_signs_with_the_hash_of_its_size_if_the_peer_has_it(
    curve: type[ec.EllipticCurve], peer: tuple[int, ...], used: type[hashes.HashAlgorithm]
) -> None:
    """P-521 signed with SHA-256: half of what the key is worth."""
    key = elliptic_key(curve)
    proof = signatures.prove_with_key(key, OCTETS, peer)
    signature = proof.data[1 + proof.data[0] :]
    key.public_key().verify(signature, OCTETS, ec.ECDSA(used()))


@pytest.mark.conforms("ike:3.8-methods", "ike:7427-signatures")
def test_an_rsa_key_proves_itself_in_the_old_way_and_the_new() -> None:
    key = rsa_key()
    old, new = (signatures.prove_with_key(key, OCTETS, hashes) for hashes in ((), (HashId.SHA2_512,)))
    assert (old.method, new.method) == (AuthMethod.RSA_SIGNATURE, AuthMethod.DIGITAL_SIGNATURE)
    for proof in (old, new):
        assert signatures.holds_key(key.public_key(), OCTETS, proof)
        assert not signatures.holds_key(key.public_key(), OCTETS + b"!", proof)
        assert not signatures.holds_key(elliptic_key(ec.SECP256R1).public_key(), OCTETS, proof)


@pytest.mark.parametrize("identifier", [a.identifier for a in signatures.ALGORITHMS if a.pss])
def test_a_peer_may_sign_with_rsa_pss(identifier: bytes) -> None:
    digest = next(a.hash for a in signatures.ALGORITHMS if a.identifier == identifier)
    signature = rsa_key().sign(OCTETS, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    proof = packet.Authentication(AuthMethod.DIGITAL_SIGNATURE, bytes((len(identifier),)) + identifier + signature)
    assert signatures.holds_key(rsa_key().public_key(), OCTETS, proof)


def test_the_identifier_of_rsa_pss_is_that_of_the_standard() -> None:
    """RFC 7427 A.4.3, begin and end."""
    with_trailer = next(a.identifier for a in signatures.ALGORITHMS if a.pss and a.identifier[1] == 0x46)
    assert with_trailer.hex().startswith("304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a")
    assert with_trailer.hex().endswith("a203020120a303020101")


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff", bytes(64), bytes(300)])
@pytest.mark.parametrize("method", [1, 2, 9, 10, 11, 14, 99])
def test_nonsense_proves_nothing_and_raises_nothing(method: int, data: bytes) -> None:
    for key in (rsa_key().public_key(), elliptic_key(ec.SECP256R1).public_key()):
        assert not signatures.holds_key(key, OCTETS, packet.Authentication(method, data))


# --------------------------------------------------------------------------------------------------------- keys


@pytest.mark.conforms("ike:2.17-keymat")
def test_the_secret_of_a_key_exchange_of_its_own_is_before_the_nonces() -> None:
    """RFC 7296 §2.17: KEYMAT = prf+(SK_d, g^ir | Ni | Nr), cut into encryption and integrity, the initiator's first."""
    nonces = Nonces(b"i" * 16, b"r" * 16)
    made = child_keys(PrfAlgorithm.SHA256, b"d" * 32, nonces, (16, 20), b"shared")
    blocks, block = b"", b""
    for number in range(1, 4):
        block = hmac.digest(b"d" * 32, block + b"shared" + b"i" * 16 + b"r" * 16 + bytes((number,)), "sha256")
        blocks += block
    assert b"".join((*made.initiator, *made.responder)) == blocks[:72]
    assert (len(made.initiator[0]), len(made.initiator[1])) == (16, 20)


# strongSwan's and libreswan's IKE: read, opened, derived again from the Diffie-Hellman secret, and written again.


@cache
def capture(name: str) -> Capture:
    return Capture(name)


def exchanges(name: str, kind: ExchangeType) -> Iterator[tuple[Read, Read]]:
    """Requests with their responses, once each, when both could be opened."""
    requests: dict[tuple[bytes, int, bool], Read] = {}
    for read in capture(name).messages:
        header = read.message.header
        if header.exchange != kind or read.inside is None:
            continue
        key = (header.spi_i, header.message_id, header.from_initiator is not header.is_response)
        if not header.is_response:
            requests[key] = read
        elif key in requests:
            yield requests.pop(key), read


def opened(read: Read) -> packet.Chain:
    assert read.inside is not None
    return read.inside


@pytest.mark.parametrize("name", names())
@pytest.mark.conforms("ike:3.3-octets")
def test_every_message_is_read_and_written_again_as_the_same_octets(name: str) -> None:
    assert capture(name).messages
    for read in capture(name).messages:
        assert read.message.serialize() == read.octets


@pytest.mark.parametrize("name", names())
def test_what_is_inside_is_written_again_as_the_same_octets(name: str) -> None:
    checked = 0
    for read in capture(name).messages:
        header, sealed = read.message.header, read.message.find(packet.Encrypted)
        if sealed is None:
            continue
        sa = capture(name).sas[header.spi_i + header.spi_r]
        inner = sa.opener(from_initiator=header.from_initiator).open(
            read.octets[: len(read.octets) - len(sealed.sealed)], sealed.sealed
        )
        assert packet.serialize_chain(opened(read).payloads) == inner
        checked += 1
    assert checked or any(read.inside is None for read in capture(name).messages)


@pytest.mark.parametrize("name", names())
@pytest.mark.conforms("ike:2.14-keys")
def test_skeyseed_and_all_keys_of_every_ike_sa_follow_from_the_shared_secret(name: str) -> None:
    seen = capture(name)
    for secret in seen.run["ike_sas"]:
        sa = seen.sas[bytes.fromhex(secret["spi_i"] + secret["spi_r"])]
        keys = sa.keys
        derived = {
            "skeyseed": sa.seed,
            "sk_d": keys.d,
            "sk_ai": keys.ai,
            "sk_ar": keys.ar,
            "sk_ei": keys.ei,
            "sk_er": keys.er,
            "sk_pi": keys.pi,
            "sk_pr": keys.pr,
        }
        for field, octets in derived.items():
            assert octets.hex() == secret.get(field, ""), (secret["proposal"], field)


@pytest.mark.parametrize("name", names())
@pytest.mark.conforms("ike:2.15-auth")
def test_both_sides_prove_who_they_are(name: str) -> None:
    """AUTH of both sides, by the pre-shared key or by the certificate that comes with it."""
    seen, proved = capture(name), 0
    first = {read.message.header.spi_i: read for read in seen.messages if is_init(read, response=False)}
    answers = {
        read.message.header.spi_i: read
        for read in seen.messages
        if is_init(read, response=True) and read.message.find(packet.SecurityAssociation)
    }
    for request, response in exchanges(name, ExchangeType.IKE_AUTH):
        header = response.message.header
        asked, answered = first[header.spi_i], answers[header.spi_i]
        sa = seen.sas[header.spi_i + header.spi_r]
        nonces = nonces_of(asked.message, answered.message)
        for read, init, nonce, identity, sk_p in (
            (request, asked, nonces.responder, opened(request).find(packet.InitiatorId), sa.keys.pi),
            (response, answered, nonces.initiator, opened(response).find(packet.ResponderId), sa.keys.pr),
        ):
            proof = opened(read).find(packet.Authentication)
            if proof is None or identity is None:
                assert opened(read).error is not None
                continue
            octets = initial_exchanges.signed_octets(sa.prf, init.octets, nonce, identity, sk_p)
            certificate = opened(read).find(packet.Certificate)
            if certificate is None:
                assert initial_exchanges.knows_secret(sa.prf, seen.run["psk"].encode(), octets, proof)
                assert not initial_exchanges.knows_secret(sa.prf, b"another", octets, proof)
            else:
                key = x509.load_der_x509_certificate(certificate.data).public_key()
                assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
                assert signatures.holds_key(key, octets, proof)
                assert not signatures.holds_key(key, octets + b"x", proof)
            proved += 1
    assert proved >= 1


def is_init(read: Read, *, response: bool) -> bool:
    header = read.message.header
    return header.exchange == ExchangeType.IKE_SA_INIT and header.is_response is response


@pytest.mark.parametrize("name", ["ike-psk-gcm", "ike-psk-cbc", "ike-cert-ecdsa", "ike-nat-psk-gcm", "ike-psk-sha1"])
@pytest.mark.conforms("ike:2.17-keymat")
def test_the_keys_of_the_first_child_sa_are_those_that_the_kernel_was_given(name: str) -> None:
    seen = capture(name)
    request, response = next(exchanges(name, ExchangeType.IKE_AUTH))
    header = response.message.header
    sa = seen.sas[header.spi_i + header.spi_r]
    offer, choice = opened(request).find(packet.SecurityAssociation), opened(response).find(packet.SecurityAssociation)
    assert offer
    assert choice
    esp = {entry["spi"]: entry for entry in seen.run["esp_sas"]}
    to_responder = esp["0x" + choice.proposals[0].spi.hex()]
    to_initiator = esp["0x" + offer.proposals[0].spi.hex()]
    lengths = [len(bytes.fromhex(to_responder.get(field, "0x")[2:])) for field in ("key", "enc_key", "auth_key")]
    cipher, integrity = lengths[0] or lengths[1], lengths[2]
    keys = child_keys(sa.prf, sa.keys.d, sa.nonces, (cipher, integrity))
    for entry, (key, integrity_key) in ((to_responder, keys.initiator), (to_initiator, keys.responder)):
        assert "0x" + key.hex() == entry.get("key") or "0x" + key.hex() == entry.get("enc_key")
        assert "0x" + integrity_key.hex() == entry.get("auth_key", "0x")


def test_transport_mode_for_gre_is_what_dmvpn_peers_ask_for() -> None:
    request, response = next(exchanges("ike-psk-gcm", ExchangeType.IKE_AUTH))
    for read in (request, response):
        assert opened(read).notify(NotifyType.USE_TRANSPORT_MODE)
        selectors = opened(read).find(packet.InitiatorSelectors)
        assert selectors
        assert {selector.protocol for selector in selectors.selectors} == {47}


@pytest.mark.conforms("ike:2.10-nonce")
def test_a_nonce_is_at_least_half_as_long_as_the_key_of_the_prf() -> None:
    for read in capture("ike-psk-ikegcm").messages:
        nonce = read.message.find(packet.Nonce)
        if nonce is not None:
            assert len(nonce.data) >= 24
