"""What `dmvpn lint` prints of many sites with the same mistake."""

from __future__ import annotations

from dmvpn.tools.lint import lint
from dmvpn.tools.lint.machine_readable import as_json
from dmvpn.tools.lint.text import as_text


def _sites(count: int, line: str = " keepalive 5 3") -> dict[str, str]:
    return {
        f"S{n:02}.cfg": f"hostname S{n:02}\ninterface Tunnel0\n ip address 10.0.0.{n + 1} 255.255.255.0\n{line}\n"
        " ip nhrp network-id 1\n tunnel source Loopback0\n tunnel mode gre multipoint\nend\n"
        for n in range(count)
    }


def test_what_many_sites_have_in_common_is_said_once() -> None:
    """A line that 30 sites lacked was 30 paragraphs."""
    findings = [one for one in lint(_sites(30)) if one.rule == "tunnel-keepalive"]
    assert len(findings) == 30
    printed = list(as_text(findings))
    assert sum(line.startswith("S") for line in printed) == 1
    assert "    likewise: S01.cfg:4, S02.cfg:4, S03.cfg:4 and 26 more" in printed
    assert printed[-1] == "30 warnings"
    assert as_json(findings).count('"file": "S') == 30


def test_two_sites_are_two_paragraphs() -> None:
    findings = [one for one in lint(_sites(2)) if one.rule == "tunnel-keepalive"]
    assert sum(line.startswith("S") for line in as_text(findings)) == 2
