"""The doctor's report for people: what is the same of many tunnels is said once."""

from __future__ import annotations

from dataclasses import replace

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.report import as_text, brief
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Step, View

ROUTERS = ("HUB", "SPOKE1", "SPOKE2")


def unclamped(router: str, number: int, mss: int = 1360) -> Finding:
    """Advice about a tunnel."""
    return Finding(
        step=Step.GRE,
        cause=Cause.MSS,
        router=router,
        what=f"Tunnel{number} of {router} does not clamp TCP: full segments of hosts (1500 octets) do not fit",
        fix=(f"interface Tunnel{number}", f"ip tcp adjust-mss {mss}"),
        advice=True,
    )


def advice(*findings: Finding, verbose: bool = False) -> list[str]:
    """The lines of the report behind its headline."""
    lines = list(as_text(Diagnosis(view=View.WHOLE, routers=ROUTERS, findings=findings), verbose=verbose))
    return lines[lines.index("advice:") + 1 :]


def test_advice_about_a_hundred_tunnels_of_three_routers_is_one_paragraph() -> None:
    said = advice(*(unclamped(router, number) for router in ROUTERS for number in range(1, 101)))
    assert said == [
        "  Tunnel1 of HUB does not clamp TCP: full segments of hosts (1500 octets) do not fit: "
        "interface Tunnel1 / ip tcp adjust-mss 1360",
        "    likewise: Tunnel2 of HUB, Tunnel3 of HUB, Tunnel4 of HUB, Tunnel5 of HUB and 295 more (-v)",
    ]


def test_with_v_all_tunnels_are_named() -> None:
    _, others = advice(*(unclamped("HUB", number) for number in range(1, 101)), verbose=True)
    assert others.count(" of HUB") == 99
    assert "more" not in others


def test_advice_with_other_values_is_said_apart() -> None:
    said = advice(*(unclamped("HUB", number, 1360 if number < 5 else 1300) for number in range(1, 9)))
    assert [line.split()[-1] for line in said if "adjust-mss" in line] == ["1360", "1300"]
    assert [line for line in said if "likewise" in line][
        1
    ] == "    likewise: Tunnel6 of HUB, Tunnel7 of HUB, Tunnel8 of HUB"


def test_two_of_a_kind_are_two_lines() -> None:
    assert len([line for line in advice(unclamped("HUB", 1), unclamped("SPOKE1", 1)) if "adjust-mss" in line]) == 2


def test_brief_has_the_command_to_type_where_no_line_is_wrong() -> None:
    broken = replace(unclamped("HUB", 1), advice=False, fix=(), order="clear ip bgp 10.0.0.2")
    said = brief(Diagnosis(view=View.WHOLE, routers=ROUTERS, findings=(broken,)))
    assert said.endswith(", at HUB; on HUB: clear ip bgp 10.0.0.2")
