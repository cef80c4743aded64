"""The doctor says what cannot be known yet, and until when."""

from __future__ import annotations

import pytest

from dmvpn.features.nhrp.messages import NhsUp
from dmvpn.features.system.facts import LogFacts, log_name
from dmvpn.features.system.messages import Configured, Restarted
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor.convergence import not_before
from dmvpn.tools.doctor.scene import Client

TUNNEL = TunnelFacts(
    nhrp=True,
    name="Tunnel0",
    up=True,
    addresses=(),
    source=None,
    source_interface="GigabitEthernet0/1",
    destination=None,
    key=None,
)


def client(*, spoke: LogFacts, hub: LogFacts) -> Client:
    ends = (RouterFacts(tunnels=(TUNNEL,), log=(spoke,)), RouterFacts(tunnels=(TUNNEL,), log=(hub,)))
    return Client("R31", ends[0], TUNNEL, None, None, "R11", ends[1], TUNNEL)


def line(message: type[NhsUp | Restarted | Configured], age: float) -> LogFacts:
    return LogFacts(message=log_name(message), text="", age=age)


@pytest.mark.parametrize("message", [NhsUp, Restarted, Configured])
def test_until_two_ends_had_their_time_nothing_is_known(message: type[NhsUp | Restarted | Configured]) -> None:
    said = not_before(client(spoke=line(NhsUp, 900), hub=line(message, 4)), 40)
    assert said == "not known before R31 and R11 had 40 s to find each other, in 36 s"


def test_what_has_lasted_longer_needs_no_waiting() -> None:
    assert not_before(client(spoke=line(NhsUp, 900), hub=line(Restarted, 41)), 40) == ""
