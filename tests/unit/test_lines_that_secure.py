"""Lines that secure, restrict or divert are never passed over: a user who relies on one hears it before a run."""

from __future__ import annotations

import re
from typing import Final

import pytest

from dmvpn.base.errors import UserError
from dmvpn.ios import ConfigLine, ConfigSession, Fate, known_commands
from dmvpn.ios.config_line import FREE
from dmvpn.ios.tree import ConfigTree
from dmvpn.labs.intake import refuse_left_out
from dmvpn.router.features import FEATURES
from dmvpn.router.intake import report, take_in
from dmvpn.router.language import configurator

LANGUAGE = configurator(FEATURES)
PORT: Final = ("interface GigabitEthernet0/1",)
VTY: Final = ("line vty 0 4",)

LINES: Final = (
    *((PORT, f"{line}") for line in (
        "macsec", "mka policy P", "dot1x pae authenticator", "authentication port-control auto", "cts manual", "mab",
        "access-session closed", "access-session port-control auto", "switchport port-security maximum 2",
        "ip dhcp snooping limit rate 10", "ip arp inspection limit rate 10", "ipv6 nd raguard attach-policy P",
        "ip admission NAC", "ip auth-proxy WEB", "ppp authentication chap",
        "storm-control broadcast level 10.00", "rate-limit input 8000 1500 2000 conform-action transmit",
        "service-policy type inspect P", "ip security dedicated secret genser", "ip tcp intercept list 101",
        "crypto map M", "crypto ipsec client ezvpn HOME",
        "ip audit AUDIT in", "utd enable", "ip nat enable", "ip wccp web-cache redirect in",
    )),
    *((VTY, line) for line in (
        "authorization exec VTY", "authorization commands 15 VTY", "ipv6 access-class V6 in", "autocommand show users",
        "login tacacs", "session-limit 2", "absolute-timeout 60",
    )),
    *(((), line) for line in (
        "ip tcp intercept list 101", "ip options drop", "dot1x system-auth-control", "access-session mac-move deny",
        "cts role-based enforcement", "ip dhcp snooping", "ip arp inspection vlan 10",
        "login delay 5", "security authentication failure rate 3 log", "security passwords min-length 10",
        "privilege configure level 15 interface", "privilege interface all level 7 ip", "parser view OPERATORS",
        "aaa authorization exec default group tacacs+ local", "aaa authorization commands 15 default group tacacs+",
        "aaa authorization config-commands", "aaa authorization console",
        "aaa local authentication attempts max-fail 3",
        "aaa authentication enable default group tacacs+ enable",
        "username admin access-class 10", "username guest autocommand show users",
        "ip nat inside source static 10.0.0.1 192.0.2.1", "ip nat pool P 192.0.2.5 192.0.2.9 netmask 255.255.255.0",
        "ip nat inside source static tcp 10.0.0.1 80 interface GigabitEthernet0/1 8080",
        "ip nat inside source list 1 pool P", "ip nat outside source static 192.0.2.1 10.9.9.9",
        "ip nat inside destination list 1 pool P",
    )),
    (("control-plane",), "service-policy input COPP"),
    (("control-plane host",), "management-interface GigabitEthernet0/1 allow ssh"),
    (("ip nat pool P prefix-length 24",), "address 192.0.2.5 192.0.2.9"),
    (("crypto pki trustpoint T",), "match certificate PEERS"),
    (("crypto pki trustpoint T",), "authorization list PEERS"),
    (("crypto ikev2 profile P",), "shutdown"),
    (("crypto isakmp profile P",), "client authentication list USERS"),
)  # fmt: skip


@pytest.mark.parametrize(("section", "line"), LINES)
def test_a_line_that_secures_is_named_and_left_out_and_run_asks_first(section: tuple[str, ...], line: str) -> None:
    """It was kept in silence, and `config check` called the file good."""
    text = "\n".join((*section, f"{' ' * len(section)}{line}", "end"))
    intake = take_in(text)
    (entry,) = intake.of(Fate.LEFT_OUT)
    assert (entry.text, entry.number) == (line, len(section) + 1)
    assert any(entry.shown in said for said in report(intake))
    assert line not in "\n".join(intake.tree.render())
    with pytest.raises(UserError):
        refuse_left_out("R1.cfg", intake.result, ())


@pytest.mark.parametrize(("section", "line"), LINES)
def test_the_prompt_refuses_a_line_that_secures_and_says_why(section: tuple[str, ...], line: str) -> None:
    session = ConfigSession(LANGUAGE, ConfigTree())
    for opener in section:
        session.enter(opener)
    result = session.enter(line)
    assert result.refused
    assert result.output_lines[0].startswith("% Error: no ")


def test_somebody_may_agree_to_go_without_all_lines_of_a_kind() -> None:
    lines = "".join(f" authorization commands {level} VTY\n" for level in range(16))
    result = take_in(f"line vty 0 4\n{lines}end\n").result
    with pytest.raises(UserError, match="all of this kind: --without 'limits of logins and of commands'"):
        refuse_left_out("R1.cfg", result, ())
    refuse_left_out("R1.cfg", result, ["limits of logins and of commands"])
    with pytest.raises(UserError):
        refuse_left_out("R1.cfg", result, ["guards of ports"])


# ------------------------------------------------------------------------------------------------ the whole table

#: Words of lines that let somebody in, keep something away, or send it elsewhere.
_SECURE: Final = re.compile(
    r"auth|access-|macsec|dot1x|\bcts\b|secur(?!ity-association)|guard|filter|inspect|firewall|intercept|storm|limit|restrict|privilege"
    r"|lockable|login|verify|snooping|maximum-prefix|redirect in|policing|\bacl\b|block|attempts|autocommand|shutdown"
)
#: Those that are kept, and why nobody is less safe: by how the line begins in its mode.
_SAFE: Final = {
    "services that nobody reaches here, and users who do not dial in": (
        "global ip http", "call-home", "isakmp-client", "webvpn", "ikev2-authorization",
        "global crypto ikev2 authorization", "global crypto isakmp xauth", "global crypto xauth",
        "isakmp-profile isakmp authorization",
    ),
    "definitions: the line that applies one to traffic is left out": (
        "global mac access-list", "global ipv6 access-list", "global ip access-list", "global ip inspect",
        "global ip urlfilter", "global zone", "global key chain", "global access-expression",
        "policy-map-class inspect", "others",
    ),
    "users of the configuration, which count here in any case, and lists that no line here names": (
        "global aaa authentication", "global aaa authorization", "line login",
    ),
    "protocols that do not run here, so nobody is their neighbor": (
        "isis", "eigrp-vrf", "bgp-vrf", "interface ipv6 authentication", "router-bgp address-family",
    ),
    "bounds that this program has of its own": (
        "global crypto ikev2 limit", "global logging", "global ip icmp rate-limit", "router-ospf limit",
    ),
    "tags of packets, and the servers for them: `cts role-based enforcement` is left out": ("global cts",),
    "words that mean something else": (
        "interface tx-", "policy-map-class queue-limit", "global multilink", "global ip tftp", "archive rollback",
        "sla", "global ipv6 hop-limit", "global banner", "pki-server shutdown", "voice", "controller",
        "interface spanning-tree",
    ),
}  # fmt: skip


def _text(line: ConfigLine) -> str:
    return f"{line.mode} {line.syntax.removesuffix(FREE)}"


def _secures(line: ConfigLine) -> bool:
    return _SECURE.search(line.syntax) is not None


def test_every_known_line_that_sounds_like_security_is_left_out_or_has_a_reason() -> None:
    reasons = tuple(beginning for beginnings in _SAFE.values() for beginning in beginnings)
    passed_over = [
        _text(line)
        for line in known_commands()[0]
        if _secures(line)
        and line.group is not None
        and not line.group.is_left_out
        and not _text(line).startswith(reasons)
    ]
    assert passed_over == []


def test_every_reason_is_that_of_a_line() -> None:
    texts = [_text(line) for line in known_commands()[0] if _secures(line)]
    idle = [one for ones in _SAFE.values() for one in ones if not any(text.startswith(one) for text in texts)]
    assert idle == []
