"""The keys files of strongSwan's and libreswan's IKEv1 hold the keys of their captures, by RFC 2409 alone."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.ike_capture import datagrams
from support.isakmp import (
    CERT,
    HASH,
    ID,
    INFORMATIONAL,
    SIG,
    Phase1,
    Reader,
    Secrets,
    body_of,
    main_mode,
    opened,
    quick_modes,
)
from support.pcap import CAPTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def secrets_of(name: str, phase: Phase1, said: dict[str, str]) -> Secrets:
    """Derive the keys of a phase 1 from the Diffie-Hellman secret that the file has."""
    psk = said.get("psk") or keys_file(name).get("psk")
    return phase.derive(bytes.fromhex(said["dh_shared_secret"]), psk.encode() if psk else None)


def phases(name: str) -> Iterator[tuple[Phase1, dict[str, str], Secrets]]:
    """Every complete main mode of a capture, what the file says of it, and its keys."""
    for said in keys_file(name)["ike_sas"]:
        phase = read(name).phases[bytes.fromhex(said["cookie_i"])]
        yield phase, said, secrets_of(name, phase, said)


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
        notify = opened(message, responder, iv)
        assert body_of(notify.inside, HASH) == responder.prf(responder.skeyid_a, message.message_id, notify.behind_hash)
