"""The configuration lines of EIGRP: what they mean, how they are shown again, and what is refused."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.credentials import Key, KeyChain
from dmvpn.base.notices import RouteSource
from dmvpn.base.pages import Pages
from dmvpn.features.eigrp import FEATURE
from dmvpn.features.eigrp import FEATURE as EIGRP
from dmvpn.features.eigrp.config import model
from dmvpn.features.eigrp.metric import Vector, Weights
from dmvpn.features.eigrp.model import (
    AuthenticationMode,
    EigrpConfig,
    InterfaceSettings,
    NetworkLine,
    ProcessSettings,
    Redistribution,
    Summary,
)
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.ios import ConfigResult, ConfigSession, ConfigTree, Configurator, prompt
from support.texts import file_text, is_golden
from support.workbench import Workbench

FEATURES = (INTERFACE, POLICY, EIGRP, RIP)
LANGUAGE = Configurator(
    [line for feature in FEATURES for line in feature.config], [mode for feature in FEATURES for mode in feature.modes]
)


def read(text: str) -> ConfigResult:
    return LANGUAGE.parse_text(text)


def process(text: str) -> ProcessSettings:
    """The only process of a text without problems."""
    result = read(text)
    assert not result.problems
    (settings,) = model(result.tree).processes
    return settings


def again(text: str) -> list[str]:
    """The running configuration, which must read back as it is."""
    tree = read(text).tree
    lines = tree.render()
    assert read("\n".join(lines)).tree == tree
    return lines


CLASSIC = file_text("eigrp_config_classic.cfg")


def test_classic_lines_mean_what_they_say() -> None:
    settings = process(CLASSIC)
    assert settings == ProcessSettings(
        autonomous_system=100,
        networks=(
            NetworkLine(IPv4Address("10.0.0.0"), IPv4Address("0.0.0.255")),
            NetworkLine(IPv4Address("172.16.0.0"), IPv4Address("0.0.255.255")),
        ),
        router_id=IPv4Address("1.1.1.1"),
        scale=settings.scale,
        variance=2,
        maximum_paths=8,
        internal_distance=80,
        external_distance=160,
        default_metric=Vector(1_000_000_000, 1000, 1500),
        redistributions=(
            Redistribution(source=RouteSource.STATIC),
            Redistribution(source=RouteSource.RIP, metric=Vector(100_000_000, 2000, 1400)),
        ),
        stub=StubFlag.CONNECTED | StubFlag.SUMMARY,
        active_time=60.0,
        interfaces=(
            ("GigabitEthernet0/2", InterfaceSettings(passive=True)),
            (
                "Tunnel0",
                InterfaceSettings(
                    hello_interval=20,
                    hold_time=60,
                    split_horizon=False,
                    next_hop_self=False,
                    bandwidth_percent=30,
                    summaries=(Summary(Prefix.parse("10.1.0.0/16"), 90),),
                    authentication=AuthenticationMode.MD5,
                    key_chain="KEYS",
                ),
            ),
        ),
    )
    assert settings.scale.weights == Weights(1, 1, 1, 0, 0)
    assert not settings.scale.wide


def test_classic_lines_are_shown_as_ios_orders_them() -> None:
    lines = again(CLASSIC)
    assert lines[lines.index("router eigrp 100") :] == [*CLASSIC.splitlines()[11:], "!"]


NAMED = file_text("eigrp_config_named.cfg")


def test_named_lines_mean_what_they_say() -> None:
    settings = process(NAMED)
    default = InterfaceSettings(hello_interval=20, hold_time=60, passive=True)
    assert (settings.name, settings.autonomous_system, settings.scale.wide) == ("GRE-OVERLAY", 100, True)
    assert (settings.scale.rib_scale, settings.variance, settings.router_id) == (64, 4, IPv4Address("1.1.1.1"))
    assert settings.interface("Ethernet0/0") == default
    assert settings.interface("Tunnel100") == InterfaceSettings(
        hello_interval=20,
        hold_time=60,
        split_horizon=False,
        next_hop_self=False,
        ecmp_mode=False,
        summaries=(Summary(Prefix.parse("10.0.0.0/8")),),
        authentication=AuthenticationMode.MD5,
        key_chain="KEYS",
    )


def test_named_lines_are_shown_as_they_were_typed() -> None:
    assert again(NAMED) == NAMED.splitlines()


def test_lines_of_an_interface_count_for_a_named_process_too() -> None:
    snippet = "interface Tunnel100\nip summary-address eigrp 100 10.1.0.0 255.255.0.0\n"
    assert process("router eigrp X\naddress-family ipv4 autonomous-system 100\n" + snippet).interface(
        "Tunnel100"
    ).summaries == (Summary(Prefix.parse("10.1.0.0/16")),)


@pytest.mark.parametrize(
    ("typed", "network"),
    [
        ("10.0.0.0", "10.0.0.0/8"),
        ("172.16.5.0", "172.16.0.0/16"),
        ("192.168.100.11", "192.168.100.0/24"),
        ("0.0.0.0", "0.0.0.0/0"),
        ("0.0.0.0 255.255.255.255", "0.0.0.0/0"),
        ("10.1.1.0 0.0.0.255", "10.1.1.0/24"),
        ("10.1.1.0 255.255.255.0", "10.1.1.0/24"),
        ("10.1.1.1 0.0.0.0", "10.1.1.1/32"),
    ],
)
def test_a_network_without_wildcard_is_classful_and_a_mask_is_taken_for_one(typed: str, network: str) -> None:
    prefix = Prefix.parse(network)
    assert process(f"router eigrp 1\nnetwork {typed}").networks == (NetworkLine(prefix.address, prefix.wildcard),)  # type: ignore[arg-type]


def test_a_wildcard_may_have_holes() -> None:
    (network,) = process("router eigrp 1\nnetwork 10.0.1.0 0.255.0.255").networks
    assert network.matches(IPv4Address("10.77.1.9"))
    assert not network.matches(IPv4Address("10.77.2.9"))


def test_all_interfaces_may_be_passive_but_some() -> None:
    settings = process("router eigrp 1\npassive-interface default\nno passive-interface Tunnel0")
    assert settings.interface("Ethernet0/0").passive
    assert not settings.interface("Tunnel0").passive


@pytest.mark.parametrize(
    ("typed", "flags"),
    [
        ("eigrp stub", StubFlag.CONNECTED | StubFlag.SUMMARY | StubFlag.REDISTRIBUTED),
        ("eigrp stub static connected", StubFlag.CONNECTED | StubFlag.STATIC),
        ("eigrp stub receive-only", StubFlag.RECEIVE_ONLY),
    ],
)
def test_a_stub_tells_what_is_named(typed: str, flags: StubFlag) -> None:
    assert process(f"router eigrp 1\n{typed}").stub == flags


def test_the_keys_of_a_chain_are_used_in_the_order_of_their_numbers() -> None:
    text = "key chain eigrp_auth\n key 2\n key-string two\n key 1\n key-string one\n key 3\n"
    assert model(read(text).tree).key_chains == Pages([KeyChain("eigrp_auth", Pages([Key(1, "one"), Key(2, "two")]))])


def test_defaults_are_not_shown() -> None:
    text = (
        "router eigrp 100\nnetwork 10.0.0.0\nno auto-summary\nvariance 1\nmaximum-paths 4\neigrp log-neighbor-changes\n"
    )
    assert again(text) == ["router eigrp 100", " network 10.0.0.0", "!"]


def test_log_messages_of_neighbors_may_be_switched_off() -> None:
    assert not process("router eigrp 1\nno eigrp log-neighbor-changes").log_changes
    assert " no eigrp log-neighbor-changes" in again("router eigrp 1\nno eigrp log-neighbor-changes")


@pytest.mark.parametrize(
    ("mode", "line", "column"),
    [
        ("interface Tunnel0", "ip authentication key-chain eigrp_auth", 33),
        ("interface Tunnel0", "ip hello-interval eigrp 100 0", 28),
        ("router eigrp 100", "eigrp stub foo", 11),
        ("router eigrp 100", "address-family ipv9", 18),
    ],
)
def test_what_is_no_command_gets_the_caret(mode: str, line: str, column: int) -> None:
    (problem,) = read(f"{mode}\n{line}").problems
    assert problem.message_lines[0].index("^") == column
    assert problem.message_lines[1] == "% Invalid input detected at '^' marker."


def test_one_autonomous_system_is_classic_or_named_not_both() -> None:
    (problem,) = read("router eigrp X\naddress-family ipv4 autonomous-system 100\nexit\nrouter eigrp 100").problems
    assert problem.message_lines[0] == "% Autonomous system 100 is configured in named mode"
    (problem,) = read("router eigrp 100\nrouter eigrp X\naddress-family ipv4 autonomous-system 100").problems
    assert problem.message_lines[0] == "% Autonomous system 100 is configured in classic mode"


def test_receive_only_is_alone() -> None:
    (problem,) = read("router eigrp 100\neigrp stub receive-only connected").problems
    assert problem.message_lines[0] == "% receive-only stands alone"


def test_auto_summary_is_kept_with_a_warning_that_it_does_nothing() -> None:
    (problem,) = read("router eigrp 100\nauto-summary").problems
    assert problem.is_warning


def test_the_modes_have_the_prompts_of_ios() -> None:
    session = ConfigSession(LANGUAGE, ConfigTree())
    prompts = []
    for line in (
        "router eigrp X",
        "address-family ipv4 autonomous-system 100",
        "af-interface Tunnel0",
        "exit-af-interface",
        "topology base",
        "exit-af-topology",
        "exit-address-family",
        "router eigrp 7",
        "key chain K",
        "key 1",
    ):
        session.enter(line)
        prompts.append(prompt("R1", session.prompt_mode))
    is_golden(prompts, "eigrp_config/the_modes_have_the_prompts_of_ios")


# `neighbor` and `bfd` lines of EIGRP belong to the interfaces that they name.

CLASSIC_NEIGHBORS = """\
router eigrp 100
 bfd all-interfaces
 no bfd interface Tunnel1
 neighbor 10.0.0.2 Tunnel0
 neighbor 10.0.0.3 Tunnel0
"""
NAMED_NEIGHBORS = """\
router eigrp NAME
 address-family ipv4 unicast autonomous-system 100
  af-interface default
   bfd
  exit-af-interface
  neighbor 10.0.0.3 Tunnel0
  neighbor 10.0.0.2 Tunnel0
 exit-address-family
"""


@pytest.mark.parametrize("text", [CLASSIC_NEIGHBORS, NAMED_NEIGHBORS], ids=["classic", "named"])
def test_neighbors_and_bfd_of_an_interface(text: str) -> None:
    bench = Workbench(INTERFACE, FEATURE)
    bench.configure(text)
    model = FEATURE.model(bench.running) if FEATURE.model else None
    assert isinstance(model, EigrpConfig)
    (process,) = model.processes
    tunnel = process.interface("Tunnel0")
    assert tunnel.neighbors == (IPv4Address("10.0.0.2"), IPv4Address("10.0.0.3"))
    assert tunnel.bfd
    assert process.interface("GigabitEthernet0/1").bfd
    assert process.interface("Tunnel1").bfd is (text == NAMED_NEIGHBORS)
