"""What is wrong in a `lab.yaml`: file, line and column, all of it at once, with what to write instead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells.documents import read_text
from dmvpn.shells.scenario import Scenario, built_in_names

if TYPE_CHECKING:
    from pathlib import Path


def wrong(folder: Path, text: str) -> list[str]:
    """The lines of the complaint, without the folder."""
    for name in ("R1", "R2"):
        (folder / f"{name}.cfg").write_text(f"hostname {name}\n")
    (folder / "lab.yaml").write_text(text)
    with pytest.raises(UserError) as refused:
        Scenario.load(str(folder))
    return [line.strip().replace(f"{folder}/", "") for line in str(refused.value).splitlines()]


MANY = """\
titel: mine
routers:
  R1: {role: hubb}
links:
  - ends: [R1:Gi0/1, R2:Gi0/1]
    delay: quick
    loss: 101
  - ends: [R1]
hosts:
  H1: {link: "R1:Gi0/2", address: 10.1.1.256/24}
  H2: {adress: 10.1.1.2/24}
"""


def test_every_mistake_is_told_with_its_line_its_column_and_what_to_write(tmp_path: Path) -> None:
    """A file with nine mistakes was corrected in nine runs, and none of them said where."""
    assert wrong(tmp_path, MANY) == [
        "lab.yaml: 9 mistakes",
        "lab.yaml:1:1: titel: there is no such key here: did you mean title?",
        "lab.yaml:3:8: routers.R1.role: it should be 'hub', 'spoke', 'provider' or 'router'",
        "lab.yaml:6:5: links.0.delay: it should be a valid number, unable to parse string as a number: "
        "milliseconds, 0 to 10000",
        "lab.yaml:7:5: links.0.loss: it should be less than or equal to 100: percent, 0 to 100",
        "lab.yaml:8:5: links.1.ends: List should have at least 2 items after validation, not 1: an end is "
        "ROUTER:INTERFACE, GATEWAY:inside or GATEWAY:outside, as in R31:GigabitEthernet0/1",
        "lab.yaml:10:26: hosts.H1.address: '10.1.1.256/24' does not appear to be an IPv4 or IPv6 interface: an address "
        "with its prefix length, as in 10.3.3.100/24",
        "lab.yaml:11:3: hosts.H2.link: it is missing: a host's link is ROUTER:INTERFACE, as in R31:GigabitEthernet0/2",
        "lab.yaml:11:3: hosts.H2.address: it is missing: an address with its prefix length, as in 10.3.3.100/24",
        "lab.yaml:11:8: hosts.H2.adress: there is no such key here: did you mean address?",
    ]


def test_names_that_stand_for_nothing_are_told_together(tmp_path: Path) -> None:
    text = """\
routers:
  R9: {role: hub}
links:
  - ends: [R1:Gi0/1, R7:Gi0/1]
  - ends: [R1:Gi0/1, R2:Foo0/1]
gateways:
  NAT1: {outside: 192.0.2.1/30, gateway: 192.0.2.2, inside: 10.0.0.1/24}
ready: {routes: {R8: [10.0.0.0/8]}}
"""
    assert wrong(tmp_path, text) == [
        "lab.yaml: 7 mistakes",
        "lab.yaml:2:3: routers.R9: router R9 has no file R9.cfg; there are R1, R2",
        "lab.yaml:4:22: links.0.ends.1: link end 'R7:Gi0/1' names no router interface, gateway port or host",
        "lab.yaml:5:12: links.1.ends.0: R1:Gi0/1 is on two links",
        "lab.yaml:5:22: links.1.ends.1: link end 'R2:Foo0/1' names no router interface, gateway port or host",
        "lab.yaml:7:3: gateways.NAT1: nothing is plugged into NAT1:inside; add a link with that end",
        "lab.yaml:7:3: gateways.NAT1: nothing is plugged into NAT1:outside; add a link with that end",
        "lab.yaml:8:18: ready.routes.R8: there is no router R8; there are R1, R2",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hosts: [a, b]\n", "lab.yaml:1:1: hosts: it should be a valid dictionary"),
        ("- a\n", "lab.yaml:1:1: it should be a valid dictionary or instance of Lab: here are lines of KEY: VALUE"),
        ("title: a: b\n", "lab.yaml:1:9: no YAML: mapping values are not allowed here: put a text with a colon into"),
        ("routers:\n\tR1: {}\n", "lab.yaml:2:1: no YAML: found character '\\t' that cannot start any token: lines beg"),
        ("routers: {R1: {}, R1: {}}\n", "lab.yaml:1:19: R1 is there twice: leave one"),
        ("routers: {R1: &a {}, R2: *a}\n", "lab.yaml:1:15: no YAML: anchors and aliases (& and *) are not taken"),
        ("routers: {1R: {}}\n", "lab.yaml:1:11: routers.1R: a name is a letter, then letters, digits"),
        ("links: [{ends: ['R1:Gi0/1', 'R2;Gi0/1']}]\n", "lab.yaml:1:29: links.0.ends.1: String should match pattern"),
        (
            "gateways: {N: {outside: 192.0.2.1/30, gateway: 192.0.2.9, inside: 10.0.0.1/24}}\n",
            "lab.yaml:1:12: gateways.N: its gateway 192.0.2.9 is not on its outside link 192.0.2.0/30",
        ),
    ],
)
def test_one_mistake_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    lines = wrong(tmp_path, text)
    assert len(lines) == 1
    assert lines[0].startswith(expected), lines[0]


def test_of_a_file_with_a_thousand_mistakes_some_are_told(tmp_path: Path) -> None:
    text = "routers:\n" + "".join(f"  X{number}: {{}}\n" for number in range(1000))
    lines = wrong(tmp_path, text)
    assert lines[0] == "lab.yaml: 1000 mistakes"
    assert len(lines) == 22
    assert lines[-1] == "and 980 more"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " * 50_000,
        "\n".join(f"{' ' * depth}a:" for depth in range(900)),
        "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n",
        "title: " + "x" * (1 << 20),
        "\x00\x01",
        "%YAML 9.9\n---\n",
        "a: !!python/object/apply:os.system [ls]\n",
    ],
    ids=["flow", "keys", "depth", "anchors", "size", "control", "version", "object"],
)
def test_a_hostile_file_is_refused_with_one_line(tmp_path: Path, text: str) -> None:
    lines = wrong(tmp_path, text)
    assert len(lines) == 1
    assert lines[0].startswith("lab.yaml")


def test_a_lab_file_without_an_end_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    os.mkfifo(tmp_path / "lab.yaml")
    with pytest.raises(UserError, match=r"lab\.yaml: no regular file"):
        Scenario.load(str(tmp_path))


def test_no_more_is_read_than_a_file_may_have(tmp_path: Path) -> None:
    with (tmp_path / "lab.yaml").open("wb") as holes:
        holes.truncate(1 << 40)
    with pytest.raises(UserError, match=r"lab\.yaml: larger than 1 MiB"):
        read_text(tmp_path / "lab.yaml", 1 << 20)


@pytest.mark.lengthy
def test_the_built_in_scenarios_have_no_mistake() -> None:
    for name in built_in_names():
        Scenario.load(name)
