"""`crypto key generate`: an act, and no line of a configuration; the pair is kept, and its private half never shown."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dmvpn.base.events import ConfigurationEntered
from dmvpn.router.intake import take_in
from support.pki import Console

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


def test_a_configuration_that_earlier_releases_saved_with_such_a_line_is_read() -> None:
    console = Console()
    console.post(ConfigurationEntered(f"hostname R1\n{_GENERATE}\n", by="startup"))
    assert "crypto key" not in console.running
