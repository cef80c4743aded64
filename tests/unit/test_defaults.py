"""`show running-config all`: a configuration with what is at its default reads back as the same one."""

from __future__ import annotations

from dmvpn.ios.differences import with_defaults
from dmvpn.ios.tree import render_tree
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

_TEXT = """hostname R1
interface Tunnel0
 tunnel key 5
 no ip redirects
interface GigabitEthernet0/1
 ip address 192.0.2.1 255.255.255.0
router ospf 1
 router-id 192.0.2.1
"""


def test_defaults_are_listed_where_they_count_and_read_back_as_the_same() -> None:
    tree = configurator(FEATURES).parse_text(_TEXT).tree
    shown = render_tree(tree, of=with_defaults(line for feature in FEATURES for line in feature.config))
    tunnel, ethernet, ospf = (
        "\n".join(shown).split(f"{head}\n")[1].split("\n!")[0]
        for head in ("interface Tunnel0", "interface GigabitEthernet0/1", "router ospf 1")
    )
    assert "service timestamps log datetime msec" in shown
    assert " tunnel ttl 255" in tunnel
    assert " no ip redirects" in tunnel
    assert " ip redirects" in ethernet
    assert "tunnel" not in ethernet
    assert "nhrp" not in ethernet
    assert " distance 110" in ospf
    again = configurator(FEATURES).parse_text("\n".join(shown))
    assert all(problem.is_warning for problem in again.problems)
    marked = [line for line in again.tree.render() if "service timestamps" not in line]
    assert [line for line in marked if line != "!"] == [line for line in tree.render() if line != "!"]
