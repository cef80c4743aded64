"""Certificates and keys come to a router by its prompt, stay over a restart, and the key is shown to nobody."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dmvpn.base.effects import Store
from dmvpn.base.events import EffectFailed, Remembered
from dmvpn.features.pki.material import Material, doubts
from dmvpn.tools.authority import Authority, RequestedCertificate
from support.pki import Console, authority, dialog, issue, paste

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    folder = tmp_path / "ca"
    made = authority(folder)
    issue(made, "R1")
    issue(made, "R2")
    return folder


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def key_of(ca: Path, name: str) -> str:
    """The middle of a private key, as it must not be seen anywhere."""
    return "".join(lines_of(ca / f"{name}.key")[1:-1])[60:90]


def test_a_pasted_pair_makes_the_trustpoint_and_its_chain(ca: Path) -> None:
    console = Console()
    status, said = console.type(*dialog(ca, "R1"))
    assert (status, said.splitlines()[-1]) == (0, "% PEM files import succeeded.")
    assert "crypto pki trustpoint LAB\n enrollment terminal pem\n" in console.running
    given = console.pki.credentials("LAB")
    assert given is not None
    assert [x509.load_der_x509_certificate(one).subject.rfc4514_string() for one in given.chain] == ["CN=R1"]
    assert [x509.load_der_x509_certificate(one).subject.rfc4514_string() for one in given.anchors] == ["CN=Lab CA"]
    assert given.key
    assert given.revocation
    assert len(given.crls) == 1


def test_everything_is_there_again_after_a_restart(ca: Path) -> None:
    console = Console()
    console.type(*dialog(ca, "R1"))
    assert console.reborn().pki.credentials("LAB") == console.pki.credentials("LAB")


def test_the_private_key_is_in_no_answer_and_no_log(ca: Path) -> None:
    console = Console()
    console.type(*dialog(ca, "R1"))
    octets = console.pki.credentials("LAB").key  # type: ignore[union-attr]
    seen = console.running + "\n".join(console.log) + repr(Remembered("x", octets)) + repr(Store("x", octets))
    seen += repr(console.pki.credentials("LAB")) + repr(console.pki.holdings)
    for command in ("show running-config", "show tech-support", "show crypto pki certificates verbose | json"):
        seen += console.type(command)[1]
    for form in (
        octets.hex().upper()[80:120],
        octets.hex()[80:120],
        base64.b64encode(octets).decode()[40:70],
        key_of(ca, "R1"),
    ):
        assert form not in seen.replace("\n", "").replace(" ", "")


def test_a_certificate_and_the_key_of_another_do_not_go_together(ca: Path) -> None:
    (ca / "R1.key").write_bytes((ca / "R2.key").read_bytes())
    console = Console()
    both = (ca / "R1.pem").read_text() + (ca / "R1.key").read_text()
    status, said = console.type("crypto pki import LAB pem terminal x", *both.splitlines(), "quit", "quit", "quit")
    assert status == 1
    assert said.splitlines()[-1] == "% the private key fits none of the certificates"
    assert "LAB" not in console.running


def test_a_wrong_passphrase_is_said(ca: Path) -> None:
    lines = dialog(ca, "R1")
    lines[0] = "crypto pki import LAB pem terminal password wrong"
    status, said = Console().type(*lines)
    assert status == 1
    assert "a wrong passphrase, or damaged" in said


def test_the_commands_work_in_configuration_mode_too(ca: Path) -> None:
    console = Console()
    status, said = console.type("configure terminal", *dialog(ca, "R1"), "hostname R1", "end")
    assert status == 0, said
    assert "% PEM files import succeeded." in said
    assert "hostname R1" in console.running


def test_an_authority_is_pasted_looked_at_and_accepted(ca: Path) -> None:
    console = Console("crypto pki trustpoint LAB\n enrollment terminal\n")
    body = lines_of(ca / "ca.pem")[1:-1]
    status, said = console.type("crypto pki authenticate LAB", *body, "", "yes")
    assert status == 0
    assert "Fingerprint SHA1:" in said
    assert said.endswith("Trustpoint CA certificate accepted.\n% Certificate successfully imported\n")
    assert len(console.pki.holdings["LAB"].authorities) == 1


def test_whoever_says_no_keeps_what_he_had(ca: Path) -> None:
    console = Console("crypto pki trustpoint LAB\n enrollment terminal\n")
    status, _ = console.type("crypto pki authenticate LAB", *lines_of(ca / "ca.pem"), "quit", "no")
    assert status == 1
    assert console.pki.credentials("LAB") is None


def test_the_certificate_of_a_router_is_no_authority(ca: Path) -> None:
    console = Console("crypto pki trustpoint LAB\n enrollment terminal\n")
    status, said = console.type("crypto pki authenticate LAB", *lines_of(ca / "R1.pem"), "quit")
    assert status == 1
    assert "it is no authority's" in said


def test_pkcs12_has_everything_in_one(ca: Path) -> None:
    made = Authority.open(ca)
    text = base64.encodebytes(made.write_pkcs12("R1", "secret").read_bytes()).decode()
    console = Console()
    status, said = console.type("crypto pki import LAB pkcs12 terminal password secret", *text.splitlines(), "quit")
    assert (status, said.splitlines()[-1]) == (0, "CRYPTO_PKI: Imported PKCS12 file successfully.")
    assert console.pki.holdings["LAB"].own is not None
    assert Console().type("crypto pki import LAB pkcs12 terminal no", *text.splitlines(), "quit")[0] == 1


def test_a_revocation_list_of_somebody_else_is_refused(ca: Path) -> None:
    console = Console()
    console.type(*dialog(ca, "R1"))
    other = authority(ca.parent / "other").folder
    status, said = console.type("crypto pki import LAB crl terminal", *lines_of(other / "crl.pem"), "quit")
    assert status == 1
    assert "of none of the authorities of trustpoint LAB" in said


def test_a_newer_list_replaces_the_old_one_and_an_older_one_does_not(ca: Path) -> None:
    console = Console()
    console.type(*dialog(ca, "R1"))
    made = Authority.open(ca)
    old = lines_of(ca / "crl.pem")
    made.revoke("R2")
    for lines in (lines_of(ca / "crl.pem"), old):
        assert console.type("crypto pki import LAB crl terminal", *lines, "quit")[0] == 0
    (kept,) = console.reborn().pki.holdings["LAB"].lists
    assert len(kept) == 1


def test_a_renewed_pair_counts_at_once_and_the_old_one_if_nobody_saved(ca: Path) -> None:
    """A router that loses power between import and `write memory` came back with a key that fits no certificate."""
    console = Console()
    console.type(*dialog(ca, "R1"))
    before, saved = console.pki.credentials("LAB"), console.running
    made = Authority.open(ca)
    made.issue(RequestedCertificate(name="R1"), renew=True)
    console.type(*dialog(ca, "R1"))
    after = console.pki.credentials("LAB")
    assert before is not None
    assert after is not None
    assert after.chain != before.chain
    assert console.running.count(" certificate ") == 3  # the chain itself, ours, the authority's
    assert Console(saved, console.stored).pki.credentials("LAB").chain == before.chain  # type: ignore[union-attr]


def test_a_key_that_was_zeroized_does_not_come_back(ca: Path) -> None:
    console = Console()
    console.type(*dialog(ca, "R1"))
    assert console.type("crypto key zeroize LAB", "yes")[0] == 0
    for one in (console, console.reborn()):
        given = one.pki.credentials("LAB")
        assert given is not None
        assert (given.key, given.chain) == (b"", ())
        assert any("%PKI-3-NO_KEY: Trustpoint LAB has a certificate and no private key" in line for line in one.log)


def test_what_cannot_be_kept_is_said() -> None:
    console = Console()
    console.post(EffectFailed(Store("pki-LAB.key", b"secret"), 28, "No space left on device"))
    assert any("%PKI-3-NOT_KEPT: pki-LAB.key is not kept over a restart: No space left" in line for line in console.log)
    assert "secret" not in "".join(console.log)


def test_a_trustpoint_may_have_any_name(ca: Path) -> None:
    console = Console()
    console.type(*dialog(ca, "R1", "../../etc/LAB%1"))
    assert not any("/" in name for name in console.stored)
    assert console.reborn().pki.credentials("../../etc/LAB%1") == console.pki.credentials("../../etc/LAB%1")


def test_a_script_that_ends_within_a_paste_imports_nothing(ca: Path) -> None:
    console = Console()
    status, _ = console.type(*dialog(ca, "R1")[:12])
    assert status == 1
    assert "LAB" not in console.running


def test_what_peers_will_refuse_is_said_at_the_import() -> None:
    """Whoever imported the certificate of a web server learned of it from the logs of others."""
    key = ec.generate_private_key(ec.SECP256R1())
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    constraints = x509.NameConstraints([x509.DNSName("example.com")], None)
    web = _certificate("R1", key.public_key()).add_extension(uses, critical=False).sign(key, hashes.SHA256())
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what the test is about
    ca = _certificate("Root", weak.public_key())
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    root = ca.add_extension(constraints, critical=True).sign(key, hashes.SHA256())
    assert doubts(Material.of(key, (web, root))) == (
        "% Warning: CN=R1: a certificate for serverAuth, not for IKE: peers refuse it",
        "% Warning: CN=Root: an RSA key of 1024 bits is too short: nobody is believed by it",
        "% Warning: CN=Root: critical name constraints are not understood: nobody is believed by it",
    )
    pem = [root.public_bytes(Encoding.PEM), web.public_bytes(Encoding.PEM)]
    _, said = Console().type(
        *paste("LAB", [*pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())])
    )
    assert "% Warning: CN=R1: a certificate for serverAuth" in said


def _certificate(name: str, public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, public, x509.random_serial_number())
    return builder.not_valid_before(now).not_valid_after(now + timedelta(days=9))


def test_a_revocation_list_from_the_future_is_imported_with_a_warning(ca: Path) -> None:
    console = Console()
    console.type(*dialog(ca, "R1"))
    made = Authority.open(ca)
    made.now += timedelta(hours=1)
    made.write_list()
    _, said = console.type("crypto pki import LAB crl terminal", *lines_of(ca / "crl.pem"), "quit")
    assert "% Revocation list imported." in said
    assert "% Warning: this revocation list is current only from" in said
