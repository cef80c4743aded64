"""What is configured and not built says so, keeps its tunnel down, and never gives a secret away."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.effects import ConsoleLine, Effect
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered, LinkChanged
from dmvpn.base.reasons import Reason
from dmvpn.face.language import exec_parser
from dmvpn.features.ike.config import model as ike
from dmvpn.features.ike.model import AuthenticationMethod, Encryption, Hash, Identity, IdentityKind, PreSharedKey
from dmvpn.features.ipsec.config import model as ipsec
from dmvpn.features.ipsec.config.tree import read
from dmvpn.features.ipsec.model import Cipher, Integrity, TransformSet
from dmvpn.features.ipsec.policies import resolve
from dmvpn.features.tunnel.config import PROTECTION, model
from dmvpn.features.tunnel.line import TunnelSource, make_spec, missing
from dmvpn.ios import INTERFACE, ConfigSession, ConfigTree, Fate, Match
from dmvpn.ios.parts import parts_of
from dmvpn.ios.protection import asks_for_protection
from dmvpn.labs.unsupported_lines import refuse_left_out
from dmvpn.router.entered_text import take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router
from support.fakes import fake_ports
from support.texts import file_text

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


# Parts of IPsec that are not here: a file with them is taken, and no tunnel is protected otherwise because of them.

LANGUAGE = configurator(FEATURES)
NOWHERE = TunnelSource(IPv4Address("198.51.100.1"), "GigabitEthernet0/1", None)

TUNNELS = file_text("kept_configuration_tunnels.cfg")


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
    assert not intake.with_fate(Fate.REFUSED)
    assert [entry.text for entry in intake.with_fate(Fate.LEFT_OUT)] == [line]
    assert intake.held == ("Tunnel0",)
    assert line not in "\n".join(intake.tree.render())
    with pytest.raises(UserError, match=r"remove the line$"):
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


# Files of strangers: a tunnel that asks for protection in any form does not start in clear.

_HEAD = """hostname R1
crypto ipsec profile P
interface Loopback0
 ip address 192.0.2.1 255.255.255.255
interface Tunnel0
 description To the hub
 ip address 10.0.0.2 255.255.255.0
 tunnel source Loopback0
 tunnel mode gre multipoint
 tunnel key 100
"""
_PROTECTS = " tunnel protection ipsec profile P\n"
_TAIL = """!
interface GigabitEthernet0/0
 ip address 198.51.100.2 255.255.255.0
!
end
"""

_FORMS = {
    "under the rest of a wrapped line": "and this was the end of a long line\n" + _PROTECTS,
    "under a note": "Now we protect it:\n" + _PROTECTS,
    "behind what looks like a prompt": " tunnel#protection ipsec profile P\n",
    "behind the prompt of the wrong mode": "R1# tunnel protection ipsec profile P\n",
    "behind another mark": "tunnel> protection ipsec profile P\n",
    "below a command that shows nothing of a configuration": "R1#wr\n[OK]\ninterface Tunnel0\n" + _PROTECTS,
    "in what ping printed": " Success rate is 100 percent (5/5)\n" + _PROTECTS,
    "in a banner": "banner motd #hello\n" + _PROTECTS + "#\n",
    "in a banner without an end": "banner motd #hello\ninterface Tunnel0\n" + _PROTECTS,
    "in a banner whose end eats slips": "banner motd #hello\ninterface Tunnel0\n tunle protectoin ipsec profile P\n",
    "under an access list": "ip access-list extended A\n" + _PROTECTS,
    "under a routing process": "router ospf 1\n" + _PROTECTS,
    "under terminal lines": "line vty 0 4\n" + _PROTECTS,
    "under another interface": "interface Loopback9\n" + _PROTECTS,
    "under somebody else's interface": "interface Vlan9\n" + _PROTECTS,
    "with a slip under another interface": "interface Loopback9\n tunnle protection ipsec profile P\n",
    "under a slip of its tunnel's name": "interface Loopback9\ninterfce Tunnel0\n" + _PROTECTS,
    "under two slips of its tunnel's name": "!\ninterface Tnnle0\n" + _PROTECTS,
    "without its first word": "!\nprotection ipsec profile P\n",
    "in a certificate": "crypto pki certificate chain X\n certificate 01\n  3082\n" + _PROTECTS + "  quit\n",
    "behind do": " do tunnel protection ipsec profile P\n",
    "behind show": " show tunnel protection ipsec profile P\n",
    "behind a mark of quotations": "> tunnel protection ipsec profile P\n",
    "behind the mark of a difference": "+ tunnel protection ipsec profile P\n",
    "behind a number": "29: tunnel protection ipsec profile P\n",
    "in another language's comment": "# tunnel protection ipsec profile P\n",
    "behind a log message": "00:00:01: %SYS-5-CONFIG_I: tunnel protection ipsec profile P\n",
    "abbreviated, under a note": "A note\n tun prot ips prof P\n",
    "behind a lone return": " tunnel protection ipsec profile P\r description a tunnel that is in Paris, and more\n",
    "between two blocks of a page": "```\n" + _PROTECTS + "```\n",
}


def _in_clear(text: str) -> list[str]:
    found = []
    for part in parts_of(text):
        intake = take_in(part.text)
        for args, section in intake.tree.sections(INTERFACE):
            name = args.interface("name")
            if name.startswith("Tunnel") and name not in intake.held and section.get(PROTECTION) is None:
                found.append(name)
    return found


def test_without_any_word_of_protection_a_tunnel_is_in_clear() -> None:
    assert _in_clear(_HEAD + _TAIL) == ["Tunnel0"]


@pytest.mark.parametrize("where", _FORMS)
def test_a_tunnel_is_not_in_clear_whose_protection_stands(where: str) -> None:
    form = _FORMS[where]
    fence = "```\n" if form.startswith("```") else ""
    assert _in_clear(fence + _HEAD + form + _TAIL) == []


@pytest.mark.parametrize("where", [name for name in _FORMS if "lone" not in name and "blocks" not in name])
def test_run_refuses_a_file_whose_protection_stands(where: str) -> None:
    (part,) = parts_of(_HEAD + _FORMS[where] + _TAIL)
    assert any(not problem.is_warning for problem in take_in(part.text).result.problems)


@pytest.mark.parametrize("line", [" ip access-group WAN in", " zone-member security OUT", " ip mtu 1400"])
def test_a_line_of_an_interface_does_not_vanish_under_a_note(line: str) -> None:
    result = take_in(f"interface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\nA note\n{line}\n").result
    assert [problem.line_number for problem in result.problems] == [4]


def test_a_file_with_carriage_returns_and_one_line_feed_is_read_line_by_line() -> None:
    text = (_HEAD + _PROTECTS + _TAIL).replace("\n", "\r") + "\n"
    assert take_in(text).is_whole
    assert _in_clear(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "! tunnel protection ipsec profile P",
        " no tunnel protection ipsec profile P",
        "crypto ipsec profile P",
        '  Tunnel protection via IPSec (profile "P")',
        "crypto ipsec transform-set protection esp-aes",
    ],
)
def test_what_asks_for_no_protection_holds_no_tunnel(line: str) -> None:
    assert not asks_for_protection(line)


@pytest.mark.parametrize("word", ["description", "desc", "descr"])
def test_a_description_may_speak_of_protection(word: str) -> None:
    intake = take_in(f"interface Loopback0\n {word} before tunnel protection ipsec profile P\n")
    assert intake.is_whole


@pytest.mark.parametrize("between", ["hostname R2\n" + _PROTECTS, "R2#\n" + _PROTECTS, "R2(config-if)#" + _PROTECTS])
def test_another_routers_name_in_the_middle_of_a_tunnel_does_not_take_its_protection_away(between: str) -> None:
    assert _in_clear(_HEAD + between + _TAIL) == []


def test_each_of_two_routers_has_the_protection_that_it_says_itself() -> None:
    first, second = parts_of(_HEAD + _PROTECTS + _TAIL + _HEAD.replace("hostname R1", "hostname R2") + _TAIL)
    assert _in_clear(first.text) == []
    assert _in_clear(second.text)
