"""Certificates and keys come to a router by its prompt, stay over a restart, and the key is shown to nobody."""

from __future__ import annotations

import base64
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dmvpn.app.main import main
from dmvpn.base.effects import Store
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered, EffectFailed, Remembered
from dmvpn.features.pki.machine import PkiMachine
from dmvpn.features.pki.material import Material, doubts
from dmvpn.router.entered_text import take_in
from dmvpn.shells.certificates import NOTHING, certificates_of
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.simulator import Simulator
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


@pytest.fixture
def console() -> Console:
    return Console()


def test_a_pasted_pair_makes_the_trustpoint_and_its_chain(console: Console, ca: Path) -> None:
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


def test_everything_is_there_again_after_a_restart(console: Console, ca: Path) -> None:
    console.type(*dialog(ca, "R1"))
    assert console.reborn().pki.credentials("LAB") == console.pki.credentials("LAB")


def test_the_private_key_is_in_no_answer_and_no_log(console: Console, ca: Path) -> None:
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


def test_the_commands_work_in_configuration_mode_too(console: Console, ca: Path) -> None:
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


def test_a_revocation_list_of_somebody_else_is_refused(console: Console, ca: Path) -> None:
    console.type(*dialog(ca, "R1"))
    other = authority(ca.parent / "other").folder
    status, said = console.type("crypto pki import LAB crl terminal", *lines_of(other / "crl.pem"), "quit")
    assert status == 1
    assert "of none of the authorities of trustpoint LAB" in said


def test_a_newer_list_replaces_the_old_one_and_an_older_one_does_not(console: Console, ca: Path) -> None:
    console.type(*dialog(ca, "R1"))
    made = Authority.open(ca)
    old = lines_of(ca / "crl.pem")
    made.revoke("R2")
    for lines in (lines_of(ca / "crl.pem"), old):
        assert console.type("crypto pki import LAB crl terminal", *lines, "quit")[0] == 0
    (kept,) = console.reborn().pki.holdings["LAB"].lists
    assert len(kept) == 1


def test_a_renewed_pair_counts_at_once_and_the_old_one_if_nobody_saved(console: Console, ca: Path) -> None:
    """A router that loses power between import and `write memory` came back with a key that fits no certificate."""
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


def test_a_key_that_was_zeroized_does_not_come_back(console: Console, ca: Path) -> None:
    console.type(*dialog(ca, "R1"))
    assert console.type("crypto key zeroize LAB", "yes")[0] == 0
    for one in (console, console.reborn()):
        given = one.pki.credentials("LAB")
        assert given is not None
        assert (given.key, given.chain) == (b"", ())
        assert any("%PKI-3-NO_KEY: Trustpoint LAB has a certificate and no private key" in line for line in one.log)


def test_what_cannot_be_kept_is_said(console: Console) -> None:
    console.post(EffectFailed(Store("pki-LAB.key", b"secret"), 28, "No space left on device"))
    assert any("%PKI-3-NOT_KEPT: pki-LAB.key is not kept over a restart: No space left" in line for line in console.log)
    assert "secret" not in "".join(console.log)


def test_a_trustpoint_may_have_any_name(console: Console, ca: Path) -> None:
    console.type(*dialog(ca, "R1", "../../etc/LAB%1"))
    assert not any("/" in name for name in console.stored)
    assert console.reborn().pki.credentials("../../etc/LAB%1") == console.pki.credentials("../../etc/LAB%1")


def test_a_script_that_ends_within_a_paste_imports_nothing(console: Console, ca: Path) -> None:
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
        "% Warning: CN=Root: an RSA key of 1024 bits is too short: no peer is accepted with it",
        "% Warning: CN=Root: critical name constraints are not understood: no peer is accepted with it",
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


def test_a_revocation_list_from_the_future_is_imported_with_a_warning(console: Console, ca: Path) -> None:
    console.type(*dialog(ca, "R1"))
    made = Authority.open(ca)
    made.now += timedelta(hours=1)
    made.write_list()
    _, said = console.type("crypto pki import LAB crl terminal", *lines_of(ca / "crl.pem"), "quit")
    assert "% Revocation list imported." in said
    assert "% Warning: this revocation list is current only from" in said


# `dmvpn pki`: an authority in a folder, by its commands.


@pytest.fixture
def empty_ca(tmp_path: Path) -> Path:
    folder = tmp_path / "ca"
    assert main(["pki", "init", str(folder), "--name", "Lab CA", "--ec"]) == 0
    return folder


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_keys_are_for_their_owner_alone(empty_ca: Path) -> None:
    main(["pki", "issue", str(empty_ca), "R1"])
    for name in ("ca.key", "R1.key", "index.json"):
        assert stat.S_IMODE((empty_ca / name).stat().st_mode) == 0o600
    load_pem_private_key((empty_ca / "R1.key").read_bytes(), None)


def test_a_certificate_says_what_it_was_asked_to_say(empty_ca: Path) -> None:
    order = ["pki", "issue", str(empty_ca), "R1", "--dn", "cn=R1,ou=Spokes,o=Example", "--days", "10"]
    assert main([*order, "--fqdn", "r1.example", "--ip", "192.0.2.1", "--email", "r1@example.net"]) == 0
    issued = certificate(empty_ca / "R1.pem")
    assert issued.subject.rfc4514_string() == "CN=R1,OU=Spokes,O=Example"
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["r1.example", "192.0.2.1", "r1@example.net"]
    issued.verify_directly_issued_by(certificate(empty_ca / "ca.pem"))
    assert (issued.not_valid_after_utc - issued.not_valid_before_utc).days == 10


def test_what_is_revoked_is_in_the_list(empty_ca: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["pki", "issue", str(empty_ca), "R1", "R2"])
    serial = certificate(empty_ca / "R1.pem").serial_number
    assert main(["pki", "revoke", str(empty_ca), f"{serial:x}"]) == 0
    revoked = x509.load_pem_x509_crl((empty_ca / "crl.pem").read_bytes())
    assert [entry.serial_number for entry in revoked] == [serial]
    key = certificate(empty_ca / "ca.pem").public_key()
    assert revoked.is_signature_valid(key)  # type: ignore[arg-type]
    capsys.readouterr()
    main(["pki", "show", str(empty_ca)])
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in shown[1:]] == [["R1", "revoked"], ["R2", "valid"]]


def test_pkcs12_is_encrypted_with_the_password_of_the_environment(
    empty_ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DMVPN_PKI_PASSWORD", "secret")
    assert main(["pki", "issue", str(empty_ca), "R1", "--pkcs12"]) == 0
    key, own, others = pkcs12.load_key_and_certificates((empty_ca / "R1.p12").read_bytes(), b"secret")
    assert key is not None
    assert (own, others) == (certificate(empty_ca / "R1.pem"), [certificate(empty_ca / "ca.pem")])
    assert stat.S_IMODE((empty_ca / "R1.p12").stat().st_mode) == 0o600


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
    empty_ca: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DMVPN_PKI_PASSWORD", raising=False)
    main(["pki", "issue", str(empty_ca), "R1"])
    before = sorted(path.name for path in empty_ca.iterdir())
    capsys.readouterr()
    assert main(["pki", *(word.format(ca=empty_ca) for word in words)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert sorted(path.name for path in empty_ca.iterdir()) == before


# `crypto key generate`: an act, and no line of a configuration; the pair is kept, and its private half never shown.

_GENERATE = "crypto key generate rsa modulus 1024"


def test_a_pair_is_made_in_configuration_mode_and_no_line_of_it_is_left() -> None:
    """It was kept as a line, and a router that IOS wrote has none."""
    console = Console("hostname R1")
    status, said = console.type("configure terminal", _GENERATE, "end")
    assert (status, said.splitlines()[1:2]) == (0, ["The name for the keys will be: R1"])
    assert "crypto key" not in console.running
    shown = console.type("show crypto key mypubkey rsa")[1]
    assert "Key name: R1" in shown
    rows = shown.partition("Key Data:\n")[2].split()
    assert load_der_public_key(bytes.fromhex("".join(rows))).key_size == 1024  # type: ignore[union-attr]


def test_a_pair_is_there_after_a_restart_until_it_is_zeroized() -> None:
    console = Console("hostname R1")
    console.type(_GENERATE, "crypto key generate ec keysize 384 label SITE")
    shown = console.type("show crypto key mypubkey all")[1]
    assert "Key name: R1" in shown
    assert "Key name: SITE" in shown
    again = console.reborn()
    assert again.type("show crypto key mypubkey all")[1] == shown
    assert again.type("crypto key zeroize rsa", "no")[0] == 0
    assert again.type("show crypto key mypubkey all")[1] == shown
    again.type("crypto key zeroize rsa", "yes")
    for one in (again, again.reborn()):
        assert one.type("show crypto key mypubkey rsa")[1] == ""
        assert "Key name: SITE" in one.type("show crypto key mypubkey ec")[1]


def test_a_pair_of_the_same_name_is_replaced_only_by_who_says_yes() -> None:
    console = Console("hostname R1")
    console.type(_GENERATE)
    shown = console.type("show crypto key mypubkey rsa")[1]
    console.type(_GENERATE, "no")
    assert console.type("show crypto key mypubkey rsa")[1] == shown
    console.type(_GENERATE, "yes")
    assert console.type("show crypto key mypubkey rsa")[1] != shown


def test_the_size_is_asked_for_where_it_is_not_typed() -> None:
    console = Console("hostname R1")
    assert "How many bits" not in console.type("crypto key generate rsa", "1024")[1]  # a script sees no prompts
    assert "Key name: R1" in console.type("show crypto key mypubkey rsa")[1]
    status, said = console.type("crypto key generate rsa label OTHER", "many")
    assert (status, said.splitlines()[-1]) == (1, "% Error: a modulus has 1024 to 4096 bits")


def test_what_is_kept_and_damaged_is_no_pair() -> None:
    console = Console("hostname R1")
    console.type(_GENERATE)
    (name,) = (name for name in console.stored if name.startswith("keypair-"))
    octets = console.stored[name]
    for damaged in (b"", b"\xff", octets[:40], octets[:-1], octets.replace(b"RSA", b"DSA")):
        assert Console("", {name: damaged}).type("show crypto key mypubkey all") == (0, "")


def test_the_private_half_is_nowhere_to_be_seen() -> None:
    console = Console("hostname R1\narchive\n log config\n  logging enable\n")
    console.type(_GENERATE)
    (octets,) = (octets for name, octets in console.stored.items() if name.startswith("keypair-"))
    secret = octets[-40:-20].hex()
    shown = "".join(
        console.type(f"show {what}")[1].replace(" ", "").lower()
        for what in ("crypto key mypubkey all", "crypto key mypubkey all | json", "tech-support", "logging")
    )
    assert secret not in shown
    assert secret not in "".join(console.log)


@pytest.mark.parametrize("line", [_GENERATE, "crypto key generate ec keysize 256", "crypto key zeroize rsa"])
def test_in_a_file_it_is_an_act_of_somebody_else_and_not_kept(line: str) -> None:
    taken = take_in(f"hostname R1\n{line}\ninterface Loopback0\n ip address 10.0.0.1 255.255.255.255\n")
    assert not [entry for entry in taken.result.entries if entry.is_loss]
    shown = "\n".join(taken.tree.render())
    assert "crypto key" not in shown
    assert "ip address 10.0.0.1" in shown


def test_a_configuration_that_earlier_releases_saved_with_such_a_line_is_read(console: Console) -> None:
    console.post(ConfigurationEntered(f"hostname R1\n{_GENERATE}\n", by="startup"))
    assert "crypto key" not in console.running


# Certificates beside a configuration: a lab has them with two commands.

TRUSTPOINT = "hostname {name}\ncrypto pki trustpoint LAB\n enrollment terminal\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    for name in ("R1", "R2"):
        (tmp_path / f"{name}.cfg").write_text(TRUSTPOINT.format(name=name))
    (tmp_path / "lab.yaml").write_text("links:\n- ends: [R1:GigabitEthernet0/1, R2:GigabitEthernet0/1]\n")
    made = authority(tmp_path / "pki" / "LAB")
    issue(made, "R1")
    return tmp_path


def test_a_router_of_a_lab_has_what_is_beside_its_configuration(scenario: Path) -> None:
    world = Simulator.of(Scenario.load(str(scenario)))
    one, two = (world.routers[name].router.machine(PkiMachine) for name in ("R1", "R2"))
    given = one.credentials("LAB")
    assert given is not None
    assert given.key
    assert given.crls
    other = two.credentials("LAB")  # nothing was issued for it: it believes, and is nobody
    assert other is not None
    assert (other.key, other.chain, other.anchors) == (b"", (), given.anchors)


def test_it_is_there_again_after_a_restart(scenario: Path) -> None:
    loaded = Scenario.load(str(scenario))
    world = Simulator.of(loaded)
    before = world.routers["R1"].router.machine(PkiMachine).credentials("LAB")
    world.kill("R1")
    world.boot("R1", loaded.configurations["R1"])
    assert world.routers["R1"].router.machine(PkiMachine).credentials("LAB") == before


def test_the_running_configuration_has_certificates_and_no_key(scenario: Path) -> None:
    world = Simulator.of(Scenario.load(str(scenario)))
    running = "\n".join(world.routers["R1"].router.running.render())
    assert running.count("\n certificate ") == 2
    key = "".join((scenario / "pki" / "LAB" / "R1.key").read_text().splitlines()[1:-1])
    assert key[40:80] not in running


def test_a_trustpoint_that_is_not_configured_gets_nothing(scenario: Path) -> None:
    assert certificates_of(scenario, "R1", "crypto pki trustpoint OTHER\n") is not NOTHING
    assert certificates_of(scenario, "R1", "crypto pki trustpoint OTHER\n") == NOTHING
    assert certificates_of(scenario, "R1", "crypto pki trustpoint ../pki/LAB\n") == certificates_of(scenario, "R1", "")


def test_a_key_that_does_not_fit_is_said_with_the_folder(scenario: Path) -> None:
    folder = scenario / "pki" / "LAB"
    (folder / "R1.key").write_bytes((folder / "ca.key").read_bytes())
    with pytest.raises(UserError, match=r"LAB: R1: .* fits the private key"):
        Scenario.load(str(scenario))


def test_a_certificate_without_its_key_is_said(scenario: Path) -> None:
    (scenario / "pki" / "LAB" / "R1.key").unlink()
    with pytest.raises(UserError, match=r"R1.key: No such file"):
        Scenario.load(str(scenario))
