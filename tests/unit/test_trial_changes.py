"""Changes that are tried in copies of a network: what people see of them."""

from __future__ import annotations

import pytest

from dmvpn.tools.remedies.changes import ChangedLine, RouterChange

INTERFACE = ("interface Tunnel0",)


@pytest.mark.parametrize(
    "text",
    [
        "ip nhrp authentication HIDDEN",
        "ip ospf message-digest-key 1 md5 HIDDEN",
        "ip ospf authentication-key 7 HIDDEN",
        "neighbor 192.0.2.1 password HIDDEN",
        "key-string HIDDEN",
        "pre-shared-key remote HIDDEN",
        "crypto isakmp key HIDDEN address 0.0.0.0",
        "username admin privilege 15 secret 5 HIDDEN",
        "enable secret HIDDEN",
        "snmp-server community HIDDEN RO",
    ],
)
def test_nobody_who_waits_for_a_search_sees_a_secret(text: str) -> None:
    """The progress of `dmvpn doctor` printed the keys of the lines that it tried."""
    line = ChangedLine(INTERFACE, text)
    changes = (
        RouterChange("R1", gone=(line,)),
        RouterChange("R1", new=(line,)),
        RouterChange("R1", new=(ChangedLine((), f"no {text}"),)),
    )
    assert not any("HIDDEN" in change.summary for change in changes)
    assert "HIDDEN" not in line.bare


def test_a_change_is_said_with_its_router_section_and_line() -> None:
    gone = RouterChange("R1", gone=(ChangedLine(INTERFACE, "tunnel key 7"),))
    assert gone.summary == "R1: interface Tunnel0 / no tunnel key 7"
    assert RouterChange("R1", new=(ChangedLine((), "ip routing"),)).summary == "R1: ip routing"
