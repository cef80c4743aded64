"""`dmvpn pki`: an authority in a folder, by its commands."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from dmvpn.app.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    folder = tmp_path / "ca"
    assert main(["pki", "init", str(folder), "--name", "Lab CA", "--ec"]) == 0
    return folder


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_keys_are_for_their_owner_alone(ca: Path) -> None:
    main(["pki", "issue", str(ca), "R1"])
    for name in ("ca.key", "R1.key", "index.json"):
        assert stat.S_IMODE((ca / name).stat().st_mode) == 0o600
    load_pem_private_key((ca / "R1.key").read_bytes(), None)


def test_a_certificate_says_what_it_was_asked_to_say(ca: Path) -> None:
    order = ["pki", "issue", str(ca), "R1", "--dn", "cn=R1,ou=Spokes,o=Example", "--days", "10"]
    assert main([*order, "--fqdn", "r1.example", "--ip", "192.0.2.1", "--email", "r1@example.net"]) == 0
    issued = certificate(ca / "R1.pem")
    assert issued.subject.rfc4514_string() == "CN=R1,OU=Spokes,O=Example"
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["r1.example", "192.0.2.1", "r1@example.net"]
    issued.verify_directly_issued_by(certificate(ca / "ca.pem"))
    assert (issued.not_valid_after_utc - issued.not_valid_before_utc).days == 10


def test_what_is_revoked_is_in_the_list(ca: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["pki", "issue", str(ca), "R1", "R2"])
    serial = certificate(ca / "R1.pem").serial_number
    assert main(["pki", "revoke", str(ca), f"{serial:x}"]) == 0
    revoked = x509.load_pem_x509_crl((ca / "crl.pem").read_bytes())
    assert [entry.serial_number for entry in revoked] == [serial]
    key = certificate(ca / "ca.pem").public_key()
    assert revoked.is_signature_valid(key)  # type: ignore[arg-type]
    capsys.readouterr()
    main(["pki", "show", str(ca)])
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in shown[1:]] == [["R1", "revoked"], ["R2", "valid"]]


def test_pkcs12_is_encrypted_with_the_password_of_the_environment(ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DMVPN_PKI_PASSWORD", "secret")
    assert main(["pki", "issue", str(ca), "R1", "--pkcs12"]) == 0
    key, own, others = pkcs12.load_key_and_certificates((ca / "R1.p12").read_bytes(), b"secret")
    assert key is not None
    assert (own, others) == (certificate(ca / "R1.pem"), [certificate(ca / "ca.pem")])
    assert stat.S_IMODE((ca / "R1.p12").stat().st_mode) == 0o600


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["init", "{ca}"], "is an authority already"),
        (["issue", "{ca}", "R1"], "R1 has a certificate (serial "),
        (["issue", "{ca}", "../R3"], "is no name for files"),
        (["issue", "{ca}", "ca"], "is no name for files"),
        (["issue", "{ca}", "R3", "--dn", "R3"], "is no name: WORD=VALUE"),
        (["issue", "{ca}", "R3", "--dn", "c=Nowhere"], "c=Nowhere"),
        (["issue", "{ca}", "R3", "--ip", "1.2.3"], "1.2.3"),
        (["issue", "{ca}", "R3", "R4", "--ip", "192.0.2.1"], "name one"),
        (["issue", "{ca}", "R3", "--pkcs12"], "set DMVPN_PKI_PASSWORD"),
        (["issue", "{ca}/none", "R3"], "is no authority (no ca.pem, ca.key): dmvpn pki init makes one"),
        (["revoke", "{ca}", "R9"], "no certificate with this serial number or name"),
        (["crl", "{ca}/none"], "is no authority"),
    ],
)
def test_a_mistake_is_one_clear_line(
    ca: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DMVPN_PKI_PASSWORD", raising=False)
    main(["pki", "issue", str(ca), "R1"])
    before = sorted(path.name for path in ca.iterdir())
    capsys.readouterr()
    assert main(["pki", *(word.format(ca=ca) for word in words)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert sorted(path.name for path in ca.iterdir()) == before
