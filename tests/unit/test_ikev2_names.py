"""X.500 names as identities: read as IOS writes them, whatever a stranger sends."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.features.ike.identity import Identification, name_of, text_of_name
from dmvpn.features.ike.numbers import IdType


@pytest.mark.parametrize(
    ("rfc4514", "shown"),
    [
        ("CN=R1,OU=Spokes,O=Example", "cn=R1,ou=Spokes,o=Example"),
        ("CN=Zoë", "cn=Zoë"),
        ("DC=example,DC=net", "dc=example,dc=net"),
        ("1.2.840.113549.1.9.2=r1.example", "hostname=r1.example"),
        ("CN=R1+serialNumber=7", "serialNumber=7,cn=R1"),
    ],
)
def test_a_name_is_shown_with_its_most_specific_part_first(rfc4514: str, shown: str) -> None:
    attributes = {"serialNumber": x509.NameOID.SERIAL_NUMBER}
    octets = x509.Name.from_rfc4514_string(rfc4514, attributes).public_bytes()
    assert sorted(text_of_name(octets).split(",")) == sorted(shown.split(","))
    assert "+" in rfc4514 or text_of_name(octets) == shown


def test_control_characters_do_not_reach_a_terminal() -> None:
    octets = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "R1\x1b[2J\nroot")]).public_bytes()
    assert text_of_name(octets) == "cn=R1\\x1b[2J\\x0aroot"


@given(st.binary(max_size=80))
def test_any_octets_are_a_name_or_none(octets: bytes) -> None:
    assert text_of_name(octets).isprintable()
    assert name_of(Identification(IdType.DER_ASN1_DN, octets))


@given(st.integers(0, 60), st.binary(min_size=1, max_size=3))
def test_a_damaged_name_is_a_name_or_none(place: int, damage: bytes) -> None:
    octets = x509.Name.from_rfc4514_string("CN=R1,OU=Spokes,O=Example").public_bytes()
    assert text_of_name(octets[:place] + damage + octets[place + len(damage) :]).isprintable()
