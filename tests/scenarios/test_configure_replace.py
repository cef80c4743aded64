"""A whole configuration takes the place of the one that runs: what both have stays up, and there is a way back."""

from __future__ import annotations

import pytest

from support.world import World

QUIET = ("file prompt quiet", "archive", "path flash:bak", "maximum 3")


@pytest.fixture
def world() -> World:
    found = World("notes-phase3").converge()
    found.configure("R31", *QUIET)
    return found


def running(world: World) -> str:
    return world.do("R31", "show running-config | exclude ^!|^Current|^Building")


def test_a_replaced_configuration_is_the_one_of_the_file_and_neighbors_stay(world: World) -> None:
    before = running(world)
    world.do("R31", "copy running-config flash:good.cfg")
    world.configure("R31", "interface Loopback77", "ip address 7.7.7.7 255.255.255.255", "interface Tunnel100")
    world.configure("R31", "interface Tunnel100", "ip mtu 1380", "no ip nhrp shortcut")
    world.run_for(30)
    assert "Loopback77" in running(world)
    said = world.do("R31", "configure replace flash:good.cfg force")
    assert said.splitlines() == ["Total number of passes: 1", "Rollback Done", ""]
    assert running(world) == before
    world.run_for(60)
    assert not [line for line in world.messages("R31") if "DUAL-5-NBRCHANGE" in line and "is down" in line]
    assert any("%SYS-5-CONFIG_R: Config Replace is Done" in line for line in world.messages("R31"))
    assert "No changes were found" in world.show("R31", "archive config differences flash:good.cfg")
    assert world.do("R31", "configure replace flash:good.cfg force").startswith("Total number of passes: 0")


def test_a_bad_line_with_revert_trigger_error_leaves_all_as_it_was(world: World) -> None:
    world.do("R31", "copy running-config flash:bad.cfg")
    before = running(world)
    text = (
        world.do("R31", "more flash:bad.cfg")
        .replace("ip mtu 1400", "ip mtuu 1400")
        .replace("hostname R31", "hostname X")
    )
    world.handle("R31").flash.write("bad.cfg", text.encode())
    said = world.do("R31", "configure replace flash:bad.cfg force revert trigger error")
    assert "The original configuration has been successfully restored." in said
    assert "ip mtuu 1400" in said
    assert running(world) == before


def test_a_bad_line_without_it_takes_the_others_and_holds_what_it_may_have_protected(world: World) -> None:
    world.do("R31", "copy running-config flash:bad.cfg")
    text = world.do("R31", "more flash:bad.cfg").replace(" ip mtu 1400", " tunnle protection ipsec profile P")
    world.handle("R31").flash.write("bad.cfg", text.encode())
    said = world.do("R31", "configure replace flash:bad.cfg force")
    assert "The following commands are failed to apply to the IOS image." in said
    assert "Tunnel100 stays shut down" in said
    assert " shutdown" in running(world)


def _file(world: World, text: str, name: str = "new.cfg") -> None:
    world.handle("R31").flash.write(name, text.encode())


@pytest.mark.parametrize("until", [" tunnel mode", "interface Tunnel", "router ", "ip route"])
def test_a_file_that_was_cut_off_takes_nothing_away(world: World, until: str) -> None:
    """What is missing in it would be missing on the router: interfaces, routes, the protection of a tunnel."""
    before = running(world)
    world.do("R31", "copy running-config flash:whole.cfg")
    whole = world.do("R31", "more flash:whole.cfg")
    _file(world, whole[: whole.index(until)] if until in whole else whole.removesuffix("end\n"))
    said = world.do("R31", "configure replace flash:new.cfg force").splitlines()
    assert said[0] == "%flash:new.cfg is not a valid config file"
    assert said[1].startswith("% The file is cut off here")
    assert running(world) == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hostname R31\nbanner motd #hello\ninterface Loopback0\nend\n", "% A text is not terminated: #"),
        ("ASA Version 9.1\ninterface GigabitEthernet0/0\n nameif outside\n", "% this is of a Cisco ASA"),
        ("hostname A\ninterface Loopback0\nhostname B\ninterface Loopback0\n", "% the configurations of 2 routers"),
        ("Dear all,\nthe router is down again\n", ""),
        ("\0\1\2\n", "% not text"),
    ],
)
def test_a_file_of_something_else_changes_nothing(world: World, text: str, why: str) -> None:
    before = running(world)
    _file(world, text)
    said = world.do("R31", "configure replace flash:new.cfg force").splitlines()
    assert said[0] == "%flash:new.cfg is not a valid config file"
    assert [line for line in said[1:] if line.startswith(why)] or not why
    assert running(world) == before


@pytest.mark.parametrize("command", ["configure replace flash:new.cfg force", "copy flash:new.cfg running-config"])
def test_what_would_restrict_traffic_and_is_left_out_is_said(world: World, command: str) -> None:
    world.do("R31", "copy running-config flash:new.cfg")
    text = world.do("R31", "more flash:new.cfg")
    _file(world, text.replace("interface Tunnel100\n", "interface Tunnel100\n ip inspect WAN in\n"))
    said = world.do("R31", command)
    assert "1 line left out: not supported" in said
    assert "ip inspect WAN in" in said


@pytest.mark.parametrize(
    "text",
    [
        "interface Tunnel7\n tunnel mode gre multipoint\n tunnle protection ipsec profile P\n",
        "version 15.4\n!\ninterface Tunnel7\n tunnel mode gre multipoint\n",
        "R1#sh run int tu7\nBuilding configuration...\n\nCurrent configuration : 99 bytes\n!\n"
        "interface Tunnel7\n tunnel mode gre multipoint\n --More-- \nR1#\n",
    ],
)
def test_a_tunnel_of_a_merged_file_that_may_have_been_protected_stays_down(world: World, text: str) -> None:
    _file(world, text)
    said = world.do("R31", "copy flash:new.cfg running-config")
    assert "Tunnel7 stays shut down" in said
    section = running(world).split("interface Tunnel7\n")[1].split("interface")[0]
    assert " shutdown" in section


def test_a_tunnel_that_runs_protected_survives_a_slip_in_a_merged_file(world: World) -> None:
    """It is protected as before, so nothing is in clear; and shut down it would cut off whoever copies."""
    world.configure(
        "R31",
        *("crypto ipsec transform-set T esp-aes esp-sha256-hmac", "crypto ipsec profile P", "set transform-set T"),
        *("interface Tunnel7", "tunnel protection ipsec profile P"),
    )
    _file(world, "interface Tunnel7\n tunnle protection ipsec profile Q\ncrypto ipsec profil\n")
    said = world.do("R31", "copy flash:new.cfg running-config")
    assert "stays shut down" not in said
    section = running(world).split("interface Tunnel7\n")[1].split("interface")[0]
    assert " shutdown" not in section
    assert " tunnel protection ipsec profile P" in section


def test_a_file_that_is_no_configuration_changes_nothing(world: World) -> None:
    before = running(world)
    for octets in (b"", b"\0\xff\xfe", b"!\n!\n"):
        world.handle("R31").flash.write("odd.cfg", octets)
        assert "configure replace" not in world.do("R31", "configure replace flash:odd.cfg force revert trigger error")
        assert running(world) == before
    missing = "%Error opening flash:absent.cfg (No such file or directory)"
    assert world.do("R31", "configure replace flash:absent.cfg force").strip() == missing
    # Without `force` it printed the question for a file that was not there, and the status was 0.
    assert world.do("R31", "configure replace flash:absent.cfg").strip() == missing


def test_a_change_that_nobody_confirms_is_taken_back(world: World) -> None:
    before = running(world)
    said = world.do("R31", "configure terminal revert timer 2", "interface Loopback77", "end")
    assert said.startswith("Rollback Confirmed Change: Backing up current running config to flash:bak-")
    assert "Timer value: 2 min" in world.show("R31", "archive config rollback timer")
    world.run_for(119)
    assert "Loopback77" in running(world)
    world.run_for(2)
    assert running(world) == before
    assert any("The change was not confirmed: rolled back" in line for line in world.messages("R31"))
    assert world.do("R31", "show archive config rollback timer").startswith("%No Rollback Confirmed Change pending")


def test_a_change_that_is_confirmed_stays(world: World) -> None:
    world.do("R31", "configure terminal revert timer 1", "interface Loopback77", "end")
    world.do("R31", "configure confirm")
    world.run_for(120)
    assert "Loopback77" in running(world)
    assert world.do("R31", "configure confirm").startswith("%No Rollback Confirmed Change pending")


def test_a_replacement_with_a_timer_comes_back_and_can_be_put_off(world: World) -> None:
    before = running(world)
    world.handle("R31").flash.write("new.cfg", b"hostname NEW\nfile prompt quiet\n")
    world.do("R31", "configure replace flash:new.cfg force timer 1")
    assert "hostname NEW" in running(world)
    world.run_for(30)
    world.do("R31", "configure revert timer 2")
    world.run_for(100)
    assert "hostname NEW" in running(world)
    world.do("R31", "configure revert now")
    assert running(world) == before


def test_a_way_back_needs_an_archive() -> None:
    world = World("notes-phase3")
    refused = "%Turn config archive on before using Rollback Confirmed Change"
    assert world.do("R31", "configure terminal revert timer 2").startswith(refused)
    assert world.do("R31", "configure replace nvram:startup-config force timer 2").startswith(refused)
    assert world.do("R31", "archive config").splitlines()[0] == " Archive feature not enabled"


def test_the_oldest_copies_go(world: World) -> None:
    for _ in range(5):
        world.do("R31", "archive config")
    shown = world.lines("R31", "archive")
    assert shown[:3] == [
        "The maximum archive configurations allowed is 3.",
        "There are currently 3 archive configurations saved.",
        "The next archive file will be named flash:bak-<timestamp>-5",
    ]
    assert [line.rpartition("-")[2] for line in shown[4:7]] == ["2", "3", " Most Recent"]


def test_files_of_others_that_are_called_alike_are_no_copies_and_stay(world: World) -> None:
    flash = world.handle("R31").flash
    others = ["bak-1", "bak-golden-7", "bak-Nov-20-06-00-00-3", "bak2-Nov-20-06-00-00.000-4"]
    for name in others:
        flash.write(name, b"mine")
    for _ in range(5):
        world.do("R31", "archive config")
    assert {one.name for one in flash.files()} >= set(others)
    assert "There are currently 3 archive configurations saved." in world.lines("R31", "archive")


def test_a_merged_line_that_nobody_knows_is_refused_and_the_others_count(world: World) -> None:
    """NAPALM takes its change back when a line was refused, and found none."""
    _file(world, "interface Loopback7\n description seven\nnonsense of somebody\n")
    said = world.do("R31", "copy flash:new.cfg running-config").splitlines()
    assert said[:3] == ["nonsense of somebody", "^", "% Invalid input detected at '^' marker."]
    assert " description seven" in running(world)
    assert "nonsense" not in running(world)


def test_one_line_that_nobody_knows_leaves_all_as_it_was_where_errors_do(world: World) -> None:
    world.do("R31", "copy running-config flash:new.cfg")
    before = running(world)
    text = world.do("R31", "more flash:new.cfg")
    _file(world, text.replace("hostname R31", "hostname X\nnonsense of somebody"))
    said = world.do("R31", "configure replace flash:new.cfg force revert trigger error")
    assert "The original configuration has been successfully restored." in said
    assert running(world) == before


def test_incremental_differences_are_what_a_merge_would_add(world: World) -> None:
    world.handle("R31").flash.write("merge.cfg", b"interface Tunnel100\n ip mtu 1380\ninterface Loopback77\nend\n")
    assert world.lines("R31", "archive config incremental-diffs flash:/merge.cfg ignorecase") == [
        "!List of Commands:",
        "interface Loopback77",
        "interface Tunnel100",
        " ip mtu 1380",
        "end",
    ]
    world.do("R31", "copy flash:merge.cfg running-config")
    assert world.lines("R31", "archive config incremental-diffs flash:/merge.cfg")[-1] == "!No changes were found"


def test_a_change_whose_user_falls_silent_is_taken_back(world: World) -> None:
    before = running(world)
    world.do("R31", "configure terminal revert timer idle 2", "interface Loopback77", "end")
    assert "Timer type: idle timer" in world.lines("R31", "archive config rollback timer")
    for _ in range(3):
        world.run_for(100)
        assert "Loopback77" in running(world)  # this line, too, puts it off
    world.run_for(121)
    assert running(world) == before


def test_copies_may_have_the_name_of_the_router(world: World) -> None:
    """`path flash:$h-bak` was refused, with the advice to write `flash:NAME`."""
    for path in ("flash:$h-bak", "flash:$h-bak-$t"):
        world.configure("R31", "archive", f"path {path}")
        assert f"path {path}" in world.show("R31", "running-config | section archive")
        world.do("R31", "archive config")
    assert "There are currently 2 archive configurations saved." in world.lines("R31", "archive")
    assert all(one.name.startswith("R31-bak-") for one in world.handle("R31").flash.files())
    assert "Only flash:NAME" in world.configure("R31", "archive", "path flash:$t-bak")


def test_lines_are_found_by_number_and_user_and_can_be_merged_again(world: World) -> None:
    world.configure("R31", "archive", "log config", "logging enable")
    world.configure("R31", "interface Loopback77", "description seven", "ip domain name example.net")
    rows = world.lines("R31", "archive log config all")
    number = next(line.split()[0] for line in rows if "description seven" in line)
    assert world.lines("R31", f"archive log config {number}")[1:] == [line for line in rows if "seven" in line]
    assert world.lines("R31", f"archive log config {number} {int(number) + 1}")[1:] == rows[-2:]
    assert world.lines("R31", "archive log config user console") == rows
    assert len(world.lines("R31", "archive log config user nobody")) == 1
    file = "\n".join(world.lines("R31", "archive log config all provisioning")) + "\n"
    assert "interface Loopback77\n description seven\nip domain name example.net\n" in file
