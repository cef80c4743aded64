"""An access list on an interface: nothing filters packets here, so nothing looks as if it did."""

from __future__ import annotations

import pytest

from dmvpn.ios import Fate
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

PORT = "hostname A\naccess-list 101 deny gre any any\ninterface {}\n ip address 10.0.0.1 255.255.255.0\n {}\n"


@pytest.mark.parametrize("interface", ["GigabitEthernet0/1", "Tunnel0"])
@pytest.mark.parametrize("line", ["ip access-group 101 in", "ip access-group WAN-IN out"])
def test_a_filter_on_an_interface_is_left_out_and_told_why(interface: str, line: str) -> None:
    """It was a caret, as if the line were misspelled."""
    result = configurator(FEATURES).parse_text(PORT.format(interface, line))
    assert result.problems == ()
    (entry,) = result.entries
    assert (entry.fate, entry.text, entry.number) == (Fate.LEFT_OUT, line, 5)
    assert entry.group is not None
    assert "would pass" in entry.group.meaning
    running = list(result.tree.render())
    assert not any("access-group" in text for text in running)
    assert "access-list 101 deny gre any any" in running
