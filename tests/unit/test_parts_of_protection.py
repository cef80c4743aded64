"""Parts of IPsec that are not here: a file with them is taken, and no tunnel is protected otherwise because of them."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.errors import UserError
from dmvpn.base.reasons import Reason
from dmvpn.features.ipsec.config.tree import read
from dmvpn.features.ipsec.model import Cipher
from dmvpn.features.ipsec.policies import resolve
from dmvpn.features.tunnel.config import model
from dmvpn.features.tunnel.line import TunnelSource, make_spec, missing
from dmvpn.ios import ConfigSession, ConfigTree, Fate
from dmvpn.labs.intake import refuse_left_out
from dmvpn.router.features import FEATURES
from dmvpn.router.intake import take_in
from dmvpn.router.language import configurator
from support.fakes import fake_ports

LANGUAGE = configurator(FEATURES)
NOWHERE = TunnelSource(IPv4Address("198.51.100.1"), "GigabitEthernet0/1", None)

TUNNELS = """\
crypto ipsec profile P
 set transform-set TS
interface Tunnel0
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel protection ipsec profile P
interface Tunnel1
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
!
"""


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("crypto isakmp policy 1", "authentication rsa-encr"),
        ("crypto isakmp profile I", "match identity group SPOKES"),
        ("crypto isakmp profile I", "match identity user-fqdn a@example.com"),
        ("crypto ikev2 profile I", "authentication remote eap query-identity"),
        ("crypto ikev2 profile I", "authentication remote anyconnect-eap aggregate"),
        ("crypto ikev2 profile I", "keyring aaa LIST name-mangler M"),
        ("crypto ipsec profile P2", "set identity NAMES"),
        ("crypto isakmp profile I", "set identity NAMES"),
        ("crypto isakmp profile I", "self-identity 198.51.100.1"),
        ("crypto ikev2 profile I", "set identity NAMES"),
    ],
)
def test_a_part_of_protection_that_is_not_here_is_no_error_and_holds_protected_tunnels_down(
    header: str, line: str
) -> None:
    intake = take_in(f"{header}\n {line}\n{TUNNELS}")
    assert not intake.of(Fate.REFUSED)
    assert [entry.text for entry in intake.of(Fate.LEFT_OUT)] == [line]
    assert intake.held == ("Tunnel0",)
    assert line not in "\n".join(intake.tree.render())
    with pytest.raises(UserError, match=r"take the line away$"):
        refuse_left_out("f", intake.result, [line])


def test_a_prompt_refuses_a_part_of_protection_that_is_not_here() -> None:
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter("crypto isakmp profile I")
    answer = session.enter("match identity group SPOKES")
    assert answer.refused
    assert answer.output_lines[0].startswith("% Error")


@pytest.mark.parametrize("kind", ["hostname", "dn", "auto"])
def test_names_as_identities_are_kept_and_hold_nothing_down(kind: str) -> None:
    intake = take_in(f"crypto isakmp identity {kind}\n{TUNNELS}")
    assert intake.is_whole
    assert not intake.held


@pytest.mark.parametrize(
    "transforms",
    [
        "esp-aes esp-sha-hmac comp-lzs",
        "ah-sha-hmac",
        "ah-sha256-hmac esp-aes 256 esp-sha-hmac",
        "esp-seal esp-sha-hmac",
    ],
)
def test_a_transform_set_that_is_not_wholly_here_is_shown_back_and_protects_nothing(transforms: str) -> None:
    intake = take_in(f"crypto ipsec transform-set TS {transforms}\n mode transport\n{TUNNELS}")
    assert intake.is_whole
    assert f"crypto ipsec transform-set TS {transforms}" in "\n".join(intake.tree.render()).splitlines()
    (found,) = read(intake.tree).transform_sets
    assert found.cipher is Cipher.NULL
    assert found.integrity is None


@pytest.mark.parametrize(
    "words", ["isakmp-profile I", "shared isakmp-profile I", "ikev2-profile I", "shared ikev2-profile I"]
)
def test_a_profile_of_ike_behind_that_of_ipsec_stands_in_for_the_one_that_the_latter_names(words: str) -> None:
    text = TUNNELS.replace("set transform-set TS", "set ikev2-profile OTHER").replace(
        "ipsec profile P\ninterface", f"ipsec profile P {words}\ninterface"
    )
    intake = take_in(text)
    assert intake.is_whole
    assert not intake.held
    assert f" tunnel protection ipsec profile P {words}" in list(intake.tree.render())
    settings = model(intake.tree).tunnels[0]
    assert settings.protection == "P"
    assert settings.shared == ("shared" in words)
    spec = make_spec(settings, NOWHERE, 1400)
    assert spec is not None
    assert spec.protected
    policy = resolve(read(intake.tree), settings.protected_by, OuterAddress(IPv4Address("198.51.100.1")))
    assert not isinstance(policy, Reason)
    of_ikev2 = "ikev2" in words
    assert (policy.ikev2_profile, policy.isakmp_profile) == (("I", "") if of_ikev2 else ("", "I"))


def test_a_profile_that_is_not_there_protects_nothing_whatever_is_behind_it() -> None:
    reason = resolve(read(take_in(TUNNELS).tree), "MISSING isakmp-profile I", OuterAddress(IPv4Address("198.51.100.1")))
    assert isinstance(reason, Reason)
    assert "crypto ipsec profile MISSING is not configured" in str(reason)


@pytest.mark.parametrize("source", ["2001:DB8::1", "dynamic"])
def test_a_source_that_no_tunnel_has_here_is_read_and_the_tunnel_has_none(source: str) -> None:
    intake = take_in(f"interface Tunnel0\n tunnel source {source}\n")
    assert intake.is_whole
    settings = model(intake.tree).tunnels[0]
    assert settings.source_address is None
    assert settings.source_interface == ""
    reason = missing(settings, TunnelSource(None, "", None), fake_ports())
    assert reason is not None
    assert not str(reason).startswith("no tunnel source")
    assert str(reason).endswith(f"(tunnel source {source})")
