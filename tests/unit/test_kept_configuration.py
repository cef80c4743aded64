"""What is configured and not built says so, keeps its tunnel down, and never gives a secret away."""

from __future__ import annotations

import pytest

from dmvpn.base.effects import ConsoleLine, Effect
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, LinkChanged
from dmvpn.face.language import exec_parser
from dmvpn.features.ike.config import model as ike
from dmvpn.features.ike.model import AuthenticationMethod, Encryption, Hash, Identity, IdentityKind, PreSharedKey
from dmvpn.features.ipsec.config import model as ipsec
from dmvpn.features.ipsec.model import Cipher, Integrity, TransformSet
from dmvpn.ios import Match
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router

SECRETS = ("LocalKey!1", "RemoteKey!2", "OldKey!3", "ChainKey!4", "Pass!5", "Digest!6", "Peer!7", "Nhrp!8", "Enable!9")
HUB = f"""\
hostname HUB
enable secret {SECRETS[8]}
key chain CHAIN
 key 1
  key-string {SECRETS[3]}
crypto ikev2 proposal BEST
 encryption aes-gcm-256 aes-cbc-256
 prf sha384
 group 20 19
crypto ikev2 keyring RING
 peer EVERYBODY
  address 0.0.0.0 0.0.0.0
  pre-shared-key local {SECRETS[0]}
  pre-shared-key remote {SECRETS[1]}
crypto ikev2 profile SPOKES
 match identity remote address 0.0.0.0
 match identity remote fqdn domain example.net
 authentication remote pre-share
 authentication remote rsa-sig
 authentication local pre-share
 keyring local RING
crypto isakmp policy 10
 encryption aes 256
crypto isakmp key {SECRETS[2]} address 192.0.2.0 255.255.255.0
crypto ipsec transform-set STRONG esp-aes 256 esp-sha256-hmac
 mode transport
crypto ipsec profile TUNNELS
 set transform-set STRONG
 set pfs group19
 set ikev2-profile SPOKES
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 ip nhrp authentication {SECRETS[7]}
 ip nhrp network-id 1
 ip ospf authentication-key {SECRETS[4]}
 ip ospf message-digest-key 1 md5 {SECRETS[5]}
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel protection ipsec profile TUNNELS
interface GigabitEthernet0/1
 ip address 192.0.2.1 255.255.255.0
router ospf 1
 network 10.0.0.0 0.0.0.255 area 0
router bgp 65010
 neighbor 10.0.0.2 remote-as 65010
 neighbor 10.0.0.2 password {SECRETS[6]}
"""


def started(text: str) -> tuple[Router, list[Effect]]:
    """A router with this configuration and its one cable, and what it did."""
    router = Router(SeededEntropy(1))
    effects = router.handle(ConfigurationEntered(text), 0.0)
    effects += router.handle(LinkChanged("GigabitEthernet0/1", up=True), 1.0)
    return router, effects


def logs(effects: list[Effect]) -> list[str]:
    """What was written to the console."""
    return [effect.text for effect in effects if isinstance(effect, ConsoleLine)]


def shown(router: Router, line: str) -> str:
    """What a command shows."""
    match = exec_parser(FEATURES).match(line)
    assert isinstance(match, Match)
    return "\n".join(match.lines(router.context(2.0)))


def test_a_protected_tunnel_without_its_profile_stays_down_and_says_why() -> None:
    router, effects = started(HUB.replace("profile TUNNELS\n set transform", "profile OTHERS\n set transform"))
    tunnel = router.ports.tunnels.get("Tunnel0")
    assert tunnel is not None
    assert not tunnel.up
    assert "crypto ipsec profile TUNNELS is not configured" in str(tunnel.reason)
    assert sum("%CRYPTO-4-CANNOT_PROTECT: Tunnel0 stays down" in line for line in logs(effects)) == 1
    kinds = [type(effect).__name__ for effect in effects]
    assert "SendGre" not in kinds
    assert "SetCarrier" not in kinds


def test_show_ip_protocols_lists_every_process() -> None:
    router, _ = started(HUB)
    text = shown(router, "show ip protocols")
    assert 'Routing Protocol is "bgp 65010"\n  Outgoing update filter list' in text


def test_without_such_configuration_nothing_is_said() -> None:
    router, effects = started("interface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\n")
    assert not [line for line in logs(effects) if "NOT_BUILT" in line]
    assert "Not running" not in shown(router, "show ip protocols")
    assert shown(router, "show ip ospf neighbor") == ""


def test_secrets_are_shown_as_typed_in_the_configuration_and_nowhere_else() -> None:
    router, effects = started(HUB)
    configuration = shown(router, "show running-config")
    for secret in SECRETS:
        assert secret in configuration
        assert not [line for line in logs(effects) if secret in line]
    for feature in FEATURES:
        if feature.model is not None:
            described = repr(feature.model(router.running))
            assert not [secret for secret in SECRETS if secret in described], feature.name


def test_what_is_given_to_others_has_no_secret_in_it() -> None:
    router, _ = started(HUB + "crypto isakmp key a address 192.0.2.9\n")
    text = shown(router, "show tech-support")
    assert "------------------ show crypto session detail ------------------" in text
    assert "  pre-shared-key local <removed>\n" in text
    assert "crypto isakmp key <removed> address 192.0.2.9\n" in text
    described = [repr(router.running), *(repr(statement.args) for statement in router.running.statements())]
    for secret in SECRETS:
        assert secret not in text
        assert not [line for line in described if secret in line]


def test_ike_is_configured_as_it_was_typed() -> None:
    config = ike(configurator(FEATURES).parse_text(HUB).tree)
    assert config is not None
    (proposal,) = config.proposals
    assert proposal.encryption == (Encryption.AES_GCM_256, Encryption.AES_CBC_256)
    assert (proposal.prf, proposal.integrity, proposal.groups) == ((Hash.SHA384,), (), (20, 19))
    (peer,) = config.keyrings[0].peers
    assert (peer.local_key, peer.remote_key) == (PreSharedKey(b"LocalKey!1"), PreSharedKey(b"RemoteKey!2"))
    (profile,) = config.profiles
    assert profile.local_authentication is AuthenticationMethod.PRE_SHARED_KEY
    assert profile.remote_authentication == (AuthenticationMethod.PRE_SHARED_KEY, AuthenticationMethod.RSA_SIGNATURE)
    assert profile.matches[1] == Identity(kind=IdentityKind.FQDN_DOMAIN, text="example.net")
    assert config.isakmp.policies[0].encryption is Encryption.AES_CBC_256
    assert config.isakmp.keys[0].key == PreSharedKey(b"OldKey!3")


def test_ipsec_is_configured_as_it_was_typed() -> None:
    config = ipsec(configurator(FEATURES).parse_text(HUB).tree)
    assert config is not None
    assert config.transform_sets == (
        TransformSet(name="STRONG", cipher=Cipher.AES_CBC, key_bits=256, integrity=Integrity.SHA256, transport=True),
    )
    (profile,) = config.profiles
    assert (profile.transform_sets, profile.pfs_group, profile.ikev2_profile) == (("STRONG",), 19, "SPOKES")


@pytest.mark.parametrize(
    ("typed", "key"),
    [("Both!", b"Both!"), ("0 Both!", b"Both!"), ("hex 0aff", b"\x0a\xff"), ("two words", b"two words")],
)
def test_a_key_for_both_sides_may_be_written_in_several_ways(typed: str, key: bytes) -> None:
    text = f"crypto ikev2 keyring RING\npeer A\npre-shared-key {typed}"
    config = ike(configurator(FEATURES).parse_text(text).tree)
    assert config is not None
    (peer,) = config.keyrings[0].peers
    assert peer.local_key == peer.remote_key == PreSharedKey(key)


@pytest.mark.parametrize("typed", ["hex 0af", "hex key!"])
def test_a_key_that_cannot_be_read_is_refused(typed: str) -> None:
    result = configurator(FEATURES).parse_text(f"crypto ikev2 keyring RING\npeer A\npre-shared-key local {typed}")
    assert len(result.problems) == 1
    assert not result.problems[0].is_warning


def test_what_is_not_configured_makes_no_model() -> None:
    tree = configurator(FEATURES).parse_text("key chain CHAIN\n key 1\ninterface Tunnel0\n ip mtu 1400\n").tree
    chosen = [
        feature
        for feature in FEATURES
        if feature.kept_only or feature.name in ("bgp", "ike", "ipsec", "nat", "ospf", "policy")
    ]
    models = [feature.model for feature in chosen if feature.model is not None]
    assert len(models) == 6
    assert [model(tree) for model in models] == [None] * 6


def test_ikev1_is_warned_of_once_in_a_configuration() -> None:
    lines = ("policy 10", "policy 20", "key K address 0.0.0.0", "profile P")
    _, effects = started("\n".join(f"crypto isakmp {line}" for line in lines))
    said = [line for line in logs(effects) if "IKEv1" in line]
    assert len(said) == 1
    assert "%CRYPTO-4-IKE_CONFIG: crypto isakmp lines run as IKEv1" in said[0]
