"""`dmvpn import --to-ikev2`: what it writes for which lines, in which order, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.network.device import Device
from dmvpn.tools.to_ikev2 import Stage, plan
from support.texts import is_golden

if TYPE_CHECKING:
    from pathlib import Path

KEY = "crypto isakmp key SECRET address 0.0.0.0 0.0.0.0\n"
POLICY = "crypto isakmp policy 10\n encryption aes 256\n authentication pre-share\n group 14\n lifetime 3600\n"
SETS = "crypto ipsec transform-set T esp-aes esp-sha-hmac\n"
IPSEC = f"{SETS}crypto ipsec profile P\n set transform-set T\n"


def router(number: int, *servers: int, crypto: str = POLICY + KEY + IPSEC, more: str = "") -> Device:
    """A router R1, R2 ... of one cloud, with its NHSs."""
    lines = [
        f"hostname R{number}",
        *crypto.splitlines(),
        "interface Tunnel0",
        f" ip address 10.0.0.{number} 255.255.255.0",
        " ip nhrp network-id 1",
        *(f" ip nhrp nhs 10.0.0.{each} nbma 198.51.100.{each} multicast" for each in servers),
        " tunnel source Ethernet0/0",
        " tunnel mode gre multipoint",
        " tunnel protection ipsec profile P",
        "interface Ethernet0/0",
        f" ip address 198.51.100.{number} 255.255.255.0",
        *more.splitlines(),
        "end",
    ]
    return Device.read(f"r{number}.cfg", "\n".join(lines) + "\n")


def lines(of: Device, stage: Stage, *others: Device) -> list[str]:
    found = plan([of, *others])
    return [line for step in found.steps if (step.router, step.stage) == (of.hostname, stage) for line in step.lines]


# ------------------------------------------------------------------------------------------------------ order


def test_servers_answer_ikev2_before_their_clients_and_begin_with_it_after_them() -> None:
    regions = [router(5, 3), router(4, 3), router(3, 1), router(2, 1), router(1)]
    steps = plan(regions).steps
    ordered = {stage: [step.router for step in steps if step.stage is stage] for stage in Stage}
    assert [step.number for step in steps] == list(range(1, 16))
    assert list(dict.fromkeys(step.stage for step in steps)) == [*Stage]
    for stage in Stage:
        names = ordered[stage] if stage is Stage.ANSWER else ordered[stage][::-1]
        for server, client in (("R1", "R3"), ("R1", "R2"), ("R3", "R4"), ("R3", "R5")):
            assert names.index(server) < names.index(client), (stage, names)


def test_hubs_that_register_with_each_other_have_an_order_too() -> None:
    steps = plan([router(3, 1, 2), router(1, 2), router(2, 1)]).steps
    answers = [step.router for step in steps if step.stage is Stage.ANSWER]
    assert sorted(answers[:2]) == ["R1", "R2"]
    assert answers[2] == "R3"


# ------------------------------------------------------------------------------------------------------ lines


def test_a_wildcard_key_becomes_a_keyring_and_a_profile_as_ios_takes_them() -> None:
    is_golden(
        lines(router(1), Stage.ANSWER), "to_ikev2/a_wildcard_key_becomes_a_keyring_and_a_profile_as_ios_takes_them"
    )
    assert lines(router(1), Stage.BEGIN) == ["crypto ipsec profile P", " set ikev2-profile IKEV2"]
    assert lines(router(1), Stage.REMOVE) == [
        "no crypto isakmp key SECRET address 0.0.0.0 0.0.0.0",
        "no crypto isakmp policy 10",
    ]


def test_keyrings_and_isakmp_profiles_keep_their_names() -> None:
    crypto = (
        f"{POLICY}crypto keyring K\n pre-shared-key address 198.51.100.0 255.255.255.0 key ONE\n"
        " pre-shared-key address 203.0.113.7 key TWO\n"
        "crypto isakmp profile I\n keyring K\n match identity host domain example.com\n self-identity fqdn\n"
        f"crypto isakmp keepalive 20 3 periodic\ncrypto isakmp nat keepalive 15\n{IPSEC} set isakmp-profile I\n"
    )
    answers = lines(router(1, crypto=crypto), Stage.ANSWER)
    for line in (
        "crypto ikev2 keyring K",
        " peer PEER-198.51.100.0-24",
        "  address 198.51.100.0 255.255.255.0",
        " peer PEER-203.0.113.7",
        "crypto ikev2 profile I",
        " match identity remote fqdn domain example.com",
        " identity local fqdn R1",
        " keyring local K",
        " dpd 20 3 periodic",
        "crypto ikev2 nat keepalive 15",
    ):
        assert line in answers
    assert lines(router(1, crypto=crypto), Stage.BEGIN) == [
        "crypto ipsec profile P",
        " no set isakmp-profile I",
        " set ikev2-profile I",
    ]
    is_golden(lines(router(1, crypto=crypto), Stage.REMOVE), "to_ikev2/keyrings_and_isakmp_profiles_keep_their_names")


def test_keepalives_of_an_isakmp_profile_are_those_of_the_profile_that_it_becomes() -> None:
    profile = "crypto isakmp profile I\n match identity address 0.0.0.0\n keepalive 30 retry 3 periodic\n"
    crypto = f"{POLICY}{KEY}crypto isakmp keepalive 20\n{profile}{IPSEC} set isakmp-profile I\n"
    assert " dpd 30 3 periodic" in lines(router(1, crypto=crypto), Stage.ANSWER)


def test_a_profile_for_everybody_is_for_routers_that_identify_themselves_by_name_too() -> None:
    named = (
        f"{POLICY}{KEY}crypto isakmp profile I\n self-identity fqdn spoke.example.com\n{IPSEC} set isakmp-profile I\n"
    )
    hub, spoke = router(1), router(2, 1, crypto=named)
    assert " match identity remote fqdn spoke.example.com" in lines(hub, Stage.ANSWER, spoke)


def test_no_setting_of_isakmp_is_left_when_a_router_has_moved() -> None:
    """`crypto isakmp identity hostname` and `crypto isakmp fragmentation` stayed in the configuration."""
    settings = [
        "crypto isakmp identity hostname",
        "crypto isakmp fragmentation",
        "crypto isakmp keepalive 10 3 periodic",
        "crypto isakmp nat keepalive 20",
    ]
    device = router(1, crypto="\n".join([POLICY + KEY + IPSEC, *settings]))
    assert {f"no {line}" for line in settings} <= set(lines(device, Stage.REMOVE))
    assert "isakmp" not in plan([device]).configurations["R1"]


def test_des_policies_are_named_and_stay_as_they_are() -> None:
    des = "crypto isakmp policy 5\n encryption des\n authentication pre-share\n group 14\n"
    device = router(1, crypto=des + POLICY + KEY + IPSEC)
    found = plan([device])
    assert [str(one) for one in found.remains] == ["r1.cfg:2: R1: crypto isakmp policy 5: not written for IKEv2: des"]
    assert "crypto ikev2 proposal IKEV2-5" not in lines(device, Stage.ANSWER)
    assert "no crypto isakmp policy 10" in lines(device, Stage.REMOVE)
    assert "no crypto isakmp policy 5" not in lines(device, Stage.REMOVE)


@pytest.mark.parametrize(
    "more",
    [
        "crypto map M 10 ipsec-isakmp\n set peer 192.0.2.1\n",
        "crypto isakmp peer address 192.0.2.1\n set aggressive-mode password NO\n",
        "crypto isakmp client configuration group USERS\n",
    ],
)
def test_a_router_where_something_else_needs_isakmp_lines_keeps_them(more: str) -> None:
    device = router(1, more=more)
    found = plan([device])
    (one,) = found.remains
    assert one.needs_isakmp
    assert (one.router, one.line) == ("R1", more.splitlines()[0])
    assert device.text.splitlines()[one.number - 1].strip() in more
    assert [step.stage for step in found.steps] == [Stage.ANSWER, Stage.BEGIN]


# ------------------------------------------------------------------------------------------------------ refusals


def why_not(*devices: Device) -> str:
    with pytest.raises(UserError) as refusal:
        plan(devices)
    return str(refusal.value)


def test_a_network_without_isakmp_lines_has_nothing_to_move() -> None:
    own = "crypto ikev2 keyring K\n peer ANY\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key SECRET\n"
    own += "crypto ikev2 profile I\n match identity remote any\n authentication local pre-share\n"
    own += f" authentication remote pre-share\n keyring local K\n{IPSEC}"
    assert why_not(router(1, crypto=own)).startswith("nothing to move")
    found = plan([router(1, crypto=own), router(2, 1)])
    assert found.moved == ("R1",)
    assert {step.router for step in found.steps} == {"R2"}
    both = why_not(router(1, crypto=own + POLICY + KEY))
    assert both.startswith("r1.cfg:6: crypto ikev2 profile I: R1 has lines of both versions")


def test_a_server_that_is_not_among_the_files_is_asked_for() -> None:
    said = why_not(router(2, 1))
    assert said.startswith("r2.cfg:14: ip nhrp nhs 10.0.0.1: no router in these files has this address")


def test_a_tunnel_without_a_key_that_can_be_read_keeps_the_network_where_it_is() -> None:
    crypto = f"{POLICY}crypto isakmp key 6 AbCdEf address 0.0.0.0 0.0.0.0\n{IPSEC}"
    assert why_not(router(1, crypto=crypto)) == (
        "r1.cfg: Tunnel0 cannot be moved to IKEv2: no pre-shared key that can be read is there for it "
        "(crypto isakmp key)"
    )


def test_a_profile_that_takes_only_certificates_keeps_the_network_where_it_is() -> None:
    """Its IKEv2 profile got no `match` line, so the hub refused each spoke that began with IKEv2."""
    ring = "crypto keyring K\n pre-shared-key address 0.0.0.0 0.0.0.0 key SECRET\n"
    profile = "crypto isakmp profile I\n keyring K\n match certificate M\n"
    crypto = POLICY + ring + profile + IPSEC + " set isakmp-profile I\n"
    assert "the isakmp profile I takes only peers with certificates" in why_not(router(1, crypto=crypto))


def test_a_line_that_is_refused_and_two_routers_of_one_name_are_named() -> None:
    assert why_not(router(1, more="interface Tunnel0\n tunnel proteccion ipsec profile Q\n")).startswith("r1.cfg:20:")
    assert "give one another hostname" in why_not(router(1), router(1))


# ------------------------------------------------------------------------------------------------------ command


def test_the_command_writes_a_file_for_each_step_and_what_is_there_in_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    for device in (router(1), router(2, 1)):
        (old / device.name).write_text(device.text)
    words = ["import", "--to-ikev2", str(old), "--to", str(new)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "01  R1 gets IKEv2 lines" in said
    assert "SECRET" not in said
    names = sorted(path.name for path in (new / "steps").iterdir())
    assert names[:3] == ["01-answer-R1.cfg", "02-answer-R2.cfg", "03-begin-R2.cfg"]
    assert all(path.stat().st_mode & 0o77 == 0 for path in new.rglob("*.cfg")), "keys are in them"
    assert "isakmp" not in (new / "R1.cfg").read_text()
    assert main(["config", "check", str(new / "R1.cfg")]) == 0
    assert main(words) != 0, "nothing is overwritten"
    assert main([*words, "--force"]) == 0


def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r1.cfg").write_bytes(b"\x1f\x8b\x08" + bytes(100))
    assert main(["import", "--to-ikev2", str(tmp_path / "r1.cfg"), str(tmp_path / "none.cfg")]) != 0
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert said.out == ""


def test_an_ipsec_profile_of_tunnels_in_two_front_doors_keeps_the_network_where_it_is() -> None:
    """Keys of one VRF are no keys of another one, and an IKEv2 profile is for one VRF here."""
    more = (
        "vrf definition WAN\n address-family ipv4\ninterface Tunnel7\n tunnel source Loopback0\n tunnel vrf WAN\n"
        " tunnel protection ipsec profile P\n"
    )
    said = why_not(router(1, more=more))
    assert "protects tunnels whose outer packets are in the global table and VRF WAN: give each of them" in said
