"""Lines are written of values; whatever they cannot say is an error that names the line and the word."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.placeholder import BLANKS, Blank
from dmvpn.ios import ConfigLine, ConfigSession, ConfigTree, Placeholder
from support.full_language import LANGUAGE

if TYPE_CHECKING:
    from collections.abc import Hashable

MAP = ConfigLine(
    "interface",
    "ip nhrp nhs {nhs:address} [ nbma ( {nbma:address} | {name:word} ) ] [* multicast | priority {priority:0-255} ]",
    "",
)
LIST = ConfigLine("router", "distribute-list {list:word} ( in | out ) [ {interface:interface} ]", "")
ADDRESS = ConfigLine("interface", "ip address ( {address:address} {mask:mask} | dhcp )", "")
KEY = ConfigLine("key", "key-string {key:secret}", "")
TEXT = ConfigLine("interface", "description {text:line}", "")
PREFIX = ConfigLine("interface", "ipv6 address ( {prefix:host6} | {local:address6} link-local )", "")
PASSWORD = ConfigLine("interface", "ip ospf authentication-key [ 0 | 6 | 7 ] {key:secret}", "")
NAMED = ConfigLine("global", "router eigrp {name:word}", "", beside=("router eigrp {number:1-65535}",))
NETWORK = ConfigLine("interface", "ip ospf network ( broadcast | point-to-multipoint [ non-broadcast ] )", "")
MTU = ConfigLine("interface", "ip mtu {octets:68-17940}", "")
UNIQUE = ConfigLine("interface", "ip nhrp registration [ no-unique | timeout {seconds:1-65535} ]", "")

#: Lines that take any word.
LINES = ("ip nhrp authentication {}", "tunnel protection ipsec profile {}", "hostname {}", "crypto ikev2 keyring {}")


@pytest.mark.parametrize(
    ("line", "values", "text"),
    [
        (MAP, {"nhs": IPv4Address("10.0.0.1")}, "ip nhrp nhs 10.0.0.1"),
        (MAP, {"nhs": "10.0.0.1", "nbma": None, "multicast": False}, "ip nhrp nhs 10.0.0.1"),
        (MAP, {"priority": 7, "multicast": True, "nhs": "10.0.0.1"}, "ip nhrp nhs 10.0.0.1 multicast priority 7"),
        (MAP, {"nhs": "10.0.0.1", "name": "hub"}, "ip nhrp nhs 10.0.0.1 nbma hub"),
        (LIST, {"list": "A", "in": True, "interface": "tu 0"}, "distribute-list A in Tunnel0"),
        (ADDRESS, {"dhcp": True}, "ip address dhcp"),
        (ADDRESS, {"address": Placeholder("ADDRESS"), "mask": Placeholder("MASK")}, "ip address ADDRESS MASK"),
        (PREFIX, {"local": IPv6Address("fe80::1")}, "ipv6 address FE80::1 link-local"),
        (UNIQUE, {"no_unique": True}, "ip nhrp registration no-unique"),
        (LIST, {"list": "in", "in": True}, "distribute-list in in"),
        (PASSWORD, {"key": "7", "0": True}, "ip ospf authentication-key 0 7"),
        (PASSWORD, {"key": "70"}, "ip ospf authentication-key 70"),
        (PASSWORD, {"key": Placeholder("7")}, "ip ospf authentication-key 7"),
        (NAMED, {"name": "70000"}, "router eigrp 70000"),
    ],
)
def test_a_line_says_its_values_and_nothing_besides(line: ConfigLine, values: dict[str, Hashable], text: str) -> None:
    assert line.of(**values) == text


@pytest.mark.parametrize(
    ("line", "values", "message"),
    [
        (MAP, {}, "ip nhrp nhs: needs nhs"),
        (MAP, {"nhs": "10.0.0"}, "ip nhrp nhs: nhs '10.0.0' is no A.B.C.D"),
        (MAP, {"nhs": "10.0.0.1 multicast"}, "ip nhrp nhs: nhs '10.0.0.1 multicast' is no A.B.C.D"),
        (MAP, {"nhs": "10.0.0.1", "priority": 256}, "ip nhrp nhs: priority '256' is no <0-255>"),
        (MAP, {"nhs": "10.0.0.1", "cluster": 1}, "ip nhrp nhs: has no cluster"),
        (MAP, {"nhs": "10.0.0.1", "multicast": 1}, "ip nhrp nhs: multicast is a keyword and takes no value"),
        (ADDRESS, {"address": "10.0.0.1", "dhcp": True}, "ip address: address and dhcp do not go together"),
        (LIST, {"list": "A"}, "distribute-list: needs one of in, out"),
        (KEY, {"key": "two words"}, "key-string: key <removed> is no WORD"),
        (KEY, {"key": "one\nshutdown"}, "key-string: key <removed> is no WORD"),
        (TEXT, {"text": "one\rshutdown"}, "description: text 'one\\rshutdown' is no LINE"),
        (TEXT, {"text": "one\u2028shutdown"}, "description: text 'one\\u2028shutdown' is no LINE"),
        (PREFIX, {"prefix": ("fe80::1", 64)}, "ipv6 address: prefix \"('fe80::1', 64)\" is no X:X:X:X::X/<0-128>"),
        (PASSWORD, {"key": "7"}, "ip ospf authentication-key: key <removed> would be read as something else"),
        (MAP, {"nhs": "10.0.0.1", "name": "10.0.0.2"}, "ip nhrp nhs: name '10.0.0.2' would be read as something else"),
        (NAMED, {"name": "7"}, "router eigrp: name '7' would be read as something else"),
        (MTU, {"octets": 65535}, "ip mtu: octets '65535' is no <68-17940>"),
        (NETWORK, {"point-to-anything": True}, "ip ospf network: has no point-to-anything"),
    ],
)
def test_what_a_line_cannot_say_is_an_error_that_names_it(
    line: ConfigLine, values: dict[str, Hashable], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        line.of(**values)


@pytest.mark.parametrize(
    ("line", "values", "text"),
    [
        (ADDRESS, {}, "no ip address"),
        (ADDRESS, {"address": "10.0.0.1"}, "no ip address 10.0.0.1"),
        (MAP, {"nhs": "10.0.0.1", "multicast": True}, "no ip nhrp nhs 10.0.0.1 multicast"),
        (KEY, {}, "no key-string"),
        (LIST, {"list": "A"}, "no distribute-list A"),
    ],
)
def test_what_takes_a_line_back_ends_where_values_end(line: ConfigLine, values: dict[str, Hashable], text: str) -> None:
    assert line.no(**values) == text


@pytest.mark.parametrize("line", [*LINES, *(f"no {line}" for line in LINES)])
@pytest.mark.parametrize("blank", sorted(BLANKS))
def test_no_line_takes_a_blank_for_a_value(line: str, blank: str) -> None:
    """Pasted as it was, a line of the doctor set `<secret>` as a password."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter("interface Tunnel0")
    result = session.enter(line.format(blank))
    assert result.refused
    assert result.output_lines[0].index("^") == line.index("{}")
    assert blank not in "\n".join(session.tree.render())


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("interface Tunnel0", "description <name>"),
        ("interface Tunnel0", "desc link to <name>"),
        ("interface Tunnel0", "no description <name>"),
        ("ip access-list extended GUESTS", "10 remark <network>"),
        ("ip access-list extended GUESTS", "rem from <network>"),
        ("router bgp 65000", "neighbor 10.0.0.1 description <name>"),
        ("hostname R1", "access-list 10 remark <name>"),
        ("hostname R1", "ip prefix-list LANS description <name>"),
        ("hostname R1", "snmp-server contact <name>"),
        ("hostname R1", "ban motd ^C <name> ^C"),
        ("hostname R1", "do show running-config | include <secret>"),
    ],
)
def test_a_text_may_have_the_word_of_a_blank(section: str, line: str) -> None:
    """Saved configurations with such texts were refused."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter(section)
    assert not session.enter(line).refused


def test_a_blank_that_a_line_would_take_cannot_be_made() -> None:
    assert Blank("next-hop") == "<next-hop>"
    with pytest.raises(ValueError, match="no configuration line refuses <password>"):
        Blank("password")
