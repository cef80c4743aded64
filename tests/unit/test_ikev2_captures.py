"""strongSwan's and libreswan's IKE: read, opened, derived again from the Diffie-Hellman secret, and written again."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dmvpn.features.ike.v2 import authentication
from dmvpn.features.ike.v2.channel import child_keys
from dmvpn.features.ike.v2.numbers import ExchangeType, NotifyType
from dmvpn.features.ike.v2.packet import (
    Authentication,
    Certificate,
    Encrypted,
    InitiatorId,
    InitiatorSelectors,
    Nonce,
    ResponderId,
    SecurityAssociation,
    serialize_chain,
)
from support.ike_capture import Capture, Read, names, nonces_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ike.v2.packet import Chain


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


def opened(read: Read) -> Chain:
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
        header, sealed = read.message.header, read.message.find(Encrypted)
        if sealed is None:
            continue
        sa = capture(name).sas[header.spi_i + header.spi_r]
        inner = sa.opener(from_initiator=header.from_initiator).open(
            read.octets[: len(read.octets) - len(sealed.sealed)], sealed.sealed
        )
        assert serialize_chain(opened(read).payloads) == inner
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
        if is_init(read, response=True) and read.message.find(SecurityAssociation)
    }
    for request, response in exchanges(name, ExchangeType.IKE_AUTH):
        header = response.message.header
        asked, answered = first[header.spi_i], answers[header.spi_i]
        sa = seen.sas[header.spi_i + header.spi_r]
        nonces = nonces_of(asked.message, answered.message)
        for read, init, nonce, identity, sk_p in (
            (request, asked, nonces.responder, opened(request).find(InitiatorId), sa.keys.pi),
            (response, answered, nonces.initiator, opened(response).find(ResponderId), sa.keys.pr),
        ):
            proof = opened(read).find(Authentication)
            if proof is None or identity is None:
                assert opened(read).error is not None
                continue
            octets = authentication.signed_octets(sa.prf, init.octets, nonce, identity, sk_p)
            certificate = opened(read).find(Certificate)
            if certificate is None:
                assert authentication.knows_secret(sa.prf, seen.run["psk"].encode(), octets, proof)
                assert not authentication.knows_secret(sa.prf, b"another", octets, proof)
            else:
                key = x509.load_der_x509_certificate(certificate.data).public_key()
                assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
                assert authentication.holds_key(key, octets, proof)
                assert not authentication.holds_key(key, octets + b"x", proof)
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
    offer, choice = opened(request).find(SecurityAssociation), opened(response).find(SecurityAssociation)
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
        selectors = opened(read).find(InitiatorSelectors)
        assert selectors
        assert {selector.protocol for selector in selectors.selectors} == {47}


@pytest.mark.conforms("ike:2.10-nonce")
def test_a_nonce_is_at_least_half_as_long_as_the_key_of_the_prf() -> None:
    for read in capture("ike-psk-ikegcm").messages:
        nonce = read.message.find(Nonce)
        if nonce is not None:
            assert len(nonce.data) >= 24
