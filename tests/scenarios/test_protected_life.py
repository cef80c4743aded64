"""What happens to IPsec in the life of a cloud: keys that are replaced, routers that restart, people who clear SAs.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

import pytest

from support.cases import every_day_but
from support.nats import lost
from support.secured import at, ike_sas, said, short_lives, spis, states, without_dpd
from support.world import World

HUB, SPOKE10, SPOKE20 = "198.51.100.1", "203.0.113.10", "203.0.113.20"


# ------------------------------------------------------------------------------------------------- keys are replaced


@pytest.mark.parametrize("seed", every_day_but((2,), (1, 2)))
def test_all_keys_are_replaced_under_traffic_and_not_one_packet_is_lost(seed: int) -> None:
    world = World("intro-phase3", seed=seed, change=short_lives).converge()
    world.run_for(5)
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    before = spis(world, "SPOKE10", HUB), spis(world, "SPOKE10", SPOKE20)
    assert lost(world, "H10", "192.168.20.100", seconds=400, rate=5) == 0
    after = spis(world, "SPOKE10", HUB), spis(world, "SPOKE10", SPOKE20)
    assert before[0]
    assert before[1]
    assert not set(before[0]) & set(after[0])
    assert not set(before[1]) & set(after[1])
    assert len(ike_sas(world, "SPOKE10", HUB)) == 1
    assert len(ike_sas(world, "SPOKE10", SPOKE20)) == 1


def test_keys_are_replaced_on_a_bad_wire_and_only_the_wire_loses_packets() -> None:
    world = World("intro-phase3", change=short_lives).converge()
    world.run_for(5)
    world.sim.segment_of("SPOKE10", "GigabitEthernet1").impairment.loss = 0.05
    sent = 2000
    missing = lost(world, "H10", "192.168.20.100", seconds=sent / 5, rate=5)
    assert missing < sent * 0.2  # each echo crosses the bad wire twice or, by the hub, more often
    assert states(world, "SPOKE10")[HUB] == "UP"


# ------------------------------------------------------------------------------------------------- somebody clears


@pytest.mark.parametrize("router", ["HUB", "SPOKE10"])
def test_after_clear_crypto_session_everything_is_back_within_seconds(router: str) -> None:
    world = World("intro-phase3").converge()
    world.run_for(5)
    lost(world, "H10", "192.168.20.100", seconds=3)
    world.do(router, "clear crypto session")
    assert lost(world, "H10", "192.168.20.100", seconds=30) < 5 * 20
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    assert states(world, "SPOKE10")[HUB] == "UP"
    assert len(ike_sas(world, "SPOKE10", HUB)) == 1


# ------------------------------------------------------------------------------------------------- somebody dies


def test_a_hub_that_restarts_is_found_again_within_seconds_though_nobody_asks_whether_it_lives() -> None:
    """It answers ESP that it does not know with INVALID_SPI, and that makes the spokes try a new IKE SA."""
    world = World("intro-phase3", change=without_dpd).converge()
    world.run_for(30)
    world.sim.kill("HUB")
    world.run_for(2)
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    back = world.wait_until(
        lambda: world.lacks() == [] and states(world, "HUB") == {SPOKE10: "UP", SPOKE20: "UP"}, limit=30
    )
    assert back, world.lacks()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_spoke_registers_as_soon_as_a_restarted_hub_has_proved_itself(seed: int) -> None:
    """It was a registration that found out, a minute after the one before it, and it was lost with the old SA."""
    quiet = at("SPOKE10", (" tunnel source", " if-state nhrp\n tunnel source"))
    world = World("intro-phase3", seed=seed, change=quiet).converge()
    world.run_for(30)
    world.sim.kill("HUB")
    world.run_for(150)
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    assert world.wait_until(lambda: bool(ike_sas(world, "HUB", SPOKE10)), limit=90)
    world.run_for(1)
    assert "10.0.0.10/32 via 10.0.0.10" in world.lines("HUB", "ip nhrp")


def test_a_spoke_that_restarts_is_taken_back_at_once_and_its_old_sas_go() -> None:
    world = World("intro-phase3").converge()
    world.run_for(30)
    world.sim.kill("SPOKE10")
    world.run_for(3)
    world.sim.boot("SPOKE10", world.scenario.configurations["SPOKE10"])
    assert world.wait_until(lambda: world.lacks() == [], limit=30), world.lacks()
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    world.run_for(30)
    assert len(ike_sas(world, "HUB", SPOKE10)) == 1


# ------------------------------------------------------------------------------------------------- they do not agree


def test_a_wrong_key_is_named_at_both_ends_and_the_tunnel_stays_closed() -> None:
    world = World("intro-phase3", change=at("SPOKE10", ("DMVPN_KEY", "WRONG_KEY")))
    world.run_for(30)
    assert states(world, "HUB").get(SPOKE10) != "UP"
    assert states(world, "SPOKE10")[HUB] == "IKE"
    assert any("pre-shared key" in message for message in said(world, "HUB", SPOKE10))
    assert any("authentication failed" in message for message in said(world, "SPOKE10", HUB))
    assert states(world, "SPOKE20")[HUB] == "UP"


def test_transforms_that_do_not_fit_are_named_at_both_ends() -> None:
    other = ("esp-aes 256 esp-sha256-hmac", "esp-aes 128 esp-sha-hmac")
    world = World("intro-phase3", change=at("SPOKE10", other))
    world.run_for(30)
    assert states(world, "SPOKE10")[HUB] == "IPSEC"  # IKE itself has come to an end
    assert said(world, "HUB", SPOKE10)
    assert said(world, "SPOKE10", HUB)
    world.configure("SPOKE10", "crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac", "mode transport")
    assert world.wait_until(lambda: world.lacks() == [], limit=120), world.lacks()


# ------------------------------------------------------------------------------------------------- somebody cheats


@pytest.mark.parametrize("bound", [False, True])
def test_a_rogue_spoke_takes_the_tunnel_address_of_another_one_unless_it_is_bound_to_its_identity(bound: bool) -> None:
    """Both have valid keys, and neither insists on being unique: `ip nhrp bind identity` at the hub decides."""

    def change(router: str, text: str) -> str:
        line = " ip nhrp bind identity\n" if router == "HUB" and bound else ""
        text = text.replace(" ip nhrp nhs", " ip nhrp registration no-unique\n ip nhrp nhs")
        return text.replace(" ip nhrp network-id", f"{line} ip nhrp network-id")

    world = World("intro-phase3", change=change).converge()
    world.run_for(10)
    world.configure("SPOKE20", "interface Tunnel0", "ip address 10.0.0.10 255.255.255.0")
    world.run_for(60)
    holder = SPOKE10 if bound else SPOKE20
    assert f"   NBMA address: {holder} " in world.lines("HUB", "ip nhrp 10.0.0.10")
    assert bool(said(world, "HUB", "%NHRP-4-IDENTITY: Tunnel0: (Tunnel: 10.0.0.10")) is bound, world.messages("HUB")
