"""Files of strangers: a tunnel that asks for protection in any form does not start in clear."""

from __future__ import annotations

import pytest

from dmvpn.features.tunnel.config import PROTECTION
from dmvpn.ios import INTERFACE
from dmvpn.ios.parts import parts_of
from dmvpn.ios.protection import asks_for_protection
from dmvpn.router.intake import take_in

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
