"""What commands print is read by the templates that network automation users run: the small ones, of ntc-templates.

`make test-parsers` gives the same files to Genie too.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ntc_templates.parse import parse_output

from support.parse_check import Ntc, check_one, load

TESTS = Path(__file__).parents[1]
GOLDENS = TESTS / "goldens"


@pytest.mark.lengthy
@pytest.mark.parametrize("folder", ["goldens", "unit/goldens"])
def test_no_template_stumbles_over_a_line_of_ours(folder: str) -> None:
    entries = [check_one(output, [Ntc()], must_parse=False) for output in load(TESTS / folder)]
    assert {entry.status for entry in entries} >= {"PASS"}
    assert {entry.name: entry.verdicts["ntc"].error for entry in entries if entry.status == "FAIL"} == {}


def _parsed(command: str, *names: str) -> list[tuple[str, ...]]:
    """What ntc-templates finds in the show of the front door's lists, of fields with these names."""
    text = (GOLDENS / f"{command.replace(' ', '_')}__front-door_SPOKE1.txt").read_text()
    return [tuple(row[name] for name in names) for row in parse_output("cisco_ios", command, text)]


def test_programs_find_lists_entries_and_counts_in_the_shows_of_access_lists() -> None:
    found = _parsed("show ip access-lists", "acl_name", "line_num", "action", "protocol", "dst_port", "matches")
    assert ("WAN-IN", "20", "permit", "udp", "non500-isakmp", "93") in found
    assert ("LAN-IN", "20", "permit", "tcp", "", "") in found
    assert ("7", "30", "deny", "", "", "") in found
    found = _parsed("show access-lists", "name", "sn", "action", "protocol", "matches")
    assert ("7", "10", "permit", "", "51") in found
    assert ("WAN-IN", "10", "permit", "udp", "2") in found


def test_programs_find_the_lists_of_a_port() -> None:
    found = _parsed("show ip interface", "interface", "inbound_acl", "outgoing_acl")
    assert ("GigabitEthernet0/2", "LAN-IN", "7") in found
    assert ("GigabitEthernet0/1", "WAN-IN", "") in found
