"""Log hosts over UDP and TCP: what travels, when a connection is tried, and what is lost without one."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.base.events import ClockSet, Tick
from dmvpn.base.notices import Configured, DebugOutput, Log
from dmvpn.base.streams import (
    SEND_LIMIT,
    StreamClose,
    StreamDown,
    StreamEnd,
    StreamOpen,
    StreamSend,
    StreamUp,
    StreamWritable,
    TcpState,
)
from dmvpn.features.system import FEATURE, SystemMachine
from dmvpn.features.system.config import model
from dmvpn.features.system.log_hosts import QUEUE_LIMIT, RETRY
from dmvpn.features.system.messages import LogHostFailed, LogHostStarted
from dmvpn.ios.common import INTERFACE, INTERFACE_MODE
from dmvpn.ios.configurator import Configurator
from dmvpn.ios.tree import ConfigTree
from support.fakes import fake_ports, log, up

if TYPE_CHECKING:
    from collections.abc import Iterable

#: 2026-11-20 06:00:00 UTC, seconds since 1970.
SIX_O_CLOCK = 1795154400.0
UPDOWN = log("LINEPROTO-5-UPDOWN", "Line protocol on Interface Tunnel0, changed state to up")
HOST, OURS = IPv4Address("192.0.2.9"), IPv4Address("10.255.0.11")
LANGUAGE = Configurator([*FEATURE.config, INTERFACE], [*FEATURE.modes, INTERFACE_MODE])
T = TypeVar("T")


def configured(*lines: str, machine: SystemMachine | None = None, now: float = 0.0) -> SystemMachine:
    """A router with these lines, at six o'clock."""
    if machine is None:
        machine = SystemMachine(fake_ports(up("Loopback0", str(OURS), 32)))
        machine.handle(ClockSet(SIX_O_CLOCK), 0.0)
    parsed = LANGUAGE.parse_text("\n".join(("hostname R31", "no logging console", "no logging monitor", *lines)))
    assert not parsed.problems
    machine.handle(Configured("system", model(parsed.tree)), now)
    return machine


def of(kind: type[T], effects: Iterable[object]) -> list[T]:
    return [effect for effect in effects if isinstance(effect, kind)]


def told(machine: SystemMachine, now: float = 0.0, message: Log = UPDOWN) -> list[object]:
    return list(machine.handle(message, now))


def connected(machine: SystemMachine, now: float = 0.0) -> int:
    """The stream that the router opens now; the host takes it."""
    (order,) = of(StreamOpen, machine.handle(Tick(), now))
    machine.handle(StreamUp(order.stream, OURS, 40000, HOST, order.port), now)
    return order.stream


TCP = ("logging source-interface lo0", f"logging host {HOST} transport tcp port 1514")


@pytest.mark.parametrize(
    ("line", "port"),
    [
        (f"logging host {HOST}", 514),
        (f"logging {HOST}", 514),
        (f"logging host {HOST} transport udp", 514),
        (f"logging host {HOST} transport udp port 5514", 5514),
    ],
)
def test_a_datagram_goes_to_the_port_that_the_line_names(line: str, port: int) -> None:
    (sent,) = of(SendIp, told(configured(line)))
    assert sent.destination == HOST
    assert int.from_bytes(sent.payload[2:4], "big") == port


def test_two_lines_for_one_host_and_port_send_once_and_other_ports_besides() -> None:
    router = configured(f"logging {HOST}", f"logging host {HOST}", f"logging host {HOST} transport udp port 5514")
    assert len(of(SendIp, told(router))) == 2


def test_the_facility_and_the_origin_are_as_configured() -> None:
    router = configured(f"logging host {HOST}", "logging facility local1", "logging origin-id hostname")
    (sent,) = of(SendIp, told(router))
    assert sent.payload[8:].startswith(b"<141>1: R31: *Nov 20 06:00:00.000: %LINEPROTO-5-UPDOWN: Line")
    router = configured(f"logging host {HOST}", "logging origin-id string branch 31")
    (sent,) = of(SendIp, told(router))
    assert b">1: branch 31: *Nov" in sent.payload


def test_the_form_of_rfc_5424_has_time_name_and_mnemonic_in_places_of_their_own() -> None:
    router = configured(f"logging host {HOST}", "logging format rfc5424", "logging trap debugging")
    (sent,) = of(SendIp, told(router, 0.25))
    assert sent.payload[8:] == (
        b"<189>1 2026-11-20T06:00:00.250Z R31 dmvpn - LINEPROTO-5-UPDOWN - "
        b"Line protocol on Interface Tunnel0, changed state to up"
    )
    (sent,) = of(SendIp, router.handle(DebugOutput(("NHRP: x",)), 1.0))
    assert sent.payload[8:] == b"<191>1 2026-11-20T06:00:01.000Z R31 dmvpn - - - NHRP: x"


def test_lines_wait_for_the_connection_and_go_in_order() -> None:
    router = configured(*TCP)
    assert router.next_deadline() == 0.0
    assert of(StreamSend, told(router)) == []
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    assert (order.local, order.remote, order.port) == (OURS, HOST, 1514)
    told(router, 1.0)
    effects = list(router.handle(StreamUp(order.stream, OURS, 40000, HOST, 1514), 2.0))
    sent = b"".join(one.octets for one in of(StreamSend, effects))
    assert [line[:7] for line in sent.splitlines()] == [b"<189>1:", b"<189>2:"]
    assert sent.endswith(b"changed state to up\n")


def test_the_connection_is_shown_with_its_ends() -> None:
    router = configured(*TCP)
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    (line,) = router.log_hosts.connections()
    assert (line.stream, line.remote, line.remote_port, line.state) == (order.stream, HOST, 1514, TcpState.CALLS)
    router.handle(StreamUp(order.stream, OURS, 40000, HOST, 1514), 2.0)
    (line,) = router.log_hosts.connections()
    assert (line.local, line.local_port, line.state) == (OURS, 40000, TcpState.ESTABLISHED)


def test_without_a_port_tcp_goes_to_601() -> None:
    router = configured("logging source-interface lo0", f"logging host {HOST} transport tcp")
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    assert order.port == 601


def test_a_host_that_refuses_is_tried_every_half_minute_and_said_once() -> None:
    router = configured(*TCP)
    said = []
    for now in (0.0, RETRY, 2 * RETRY, 3 * RETRY):
        (order,) = of(StreamOpen, router.handle(Tick(), now))
        said += of(LogHostFailed, router.handle(StreamDown(order.stream, StreamEnd.REFUSED), now))
        assert router.next_deadline() == now + RETRY
        assert of(StreamOpen, router.handle(Tick(), now + RETRY - 1)) == []
    now = 4 * RETRY
    assert [log.text for log in said] == ["Logging to host 192.0.2.9 port 1514 failed"]
    (order,) = of(StreamOpen, router.handle(Tick(), now))
    back = of(LogHostStarted, router.handle(StreamUp(order.stream, OURS, 1, HOST, 1514), now))
    assert [log.text for log in back] == ["Logging to host 192.0.2.9 port 1514 started - reconnection"]


def test_a_router_without_a_way_to_the_host_tries_again_later() -> None:
    router = configured(f"logging host {HOST} transport tcp")
    effects = list(router.handle(Tick(), 0.0))
    assert of(StreamOpen, effects) == []
    assert len(of(LogHostFailed, effects)) == 1
    assert router.next_deadline() == RETRY


def test_only_the_newest_lines_wait_for_a_host_that_is_away() -> None:
    router = configured(*TCP)
    for number in range(QUEUE_LIMIT + 50):
        told(router, message=log("SYS-5-TEST", f"line {number}"))
    (order,) = of(StreamOpen, router.handle(Tick(), 0.0))
    effects = list(router.handle(StreamUp(order.stream, OURS, 1, HOST, 1514), 0.0))
    lines = b"".join(one.octets for one in of(StreamSend, effects)).decode().splitlines()
    assert len(lines) == QUEUE_LIMIT
    assert (lines[0].rsplit(" ", 1)[1], lines[-1].rsplit(" ", 1)[1]) == ("50", str(QUEUE_LIMIT + 49))


def test_a_host_that_does_not_read_never_gets_more_than_a_stream_holds() -> None:
    router = configured(*TCP)
    stream = connected(router)
    long = log("SYS-5-TEST", "x" * 5000)
    sent = sum(len(one.octets) for _ in range(500) for one in of(StreamSend, told(router, message=long)))
    assert SEND_LIMIT - 6000 < sent <= SEND_LIMIT
    more = of(StreamSend, router.handle(StreamWritable(stream), 1.0))
    assert 0 < sum(len(one.octets) for one in more) <= SEND_LIMIT


def test_a_line_taken_back_closes_its_connection_and_one_kept_stays() -> None:
    router = configured(*TCP)
    stream = connected(router)
    parsed = LANGUAGE.parse_text("\n".join(TCP))
    assert router.handle(Configured("system", model(parsed.tree)), 1.0) == []
    assert router.handle(Configured("system", model(ConfigTree())), 2.0) == [StreamClose(stream)]
    assert router.handle(StreamUp(stream, OURS, 1, HOST, 1514), 3.0) == []
    assert router.next_deadline() is None


def test_streams_of_others_mean_nothing_here() -> None:
    router = configured(*TCP)
    connected(router)
    assert router.handle(StreamUp(99, OURS, 1, HOST, 179, taken=True), 1.0) == []
    assert router.handle(StreamWritable(99), 1.0) == []
    assert router.handle(StreamDown(99, StreamEnd.RESET), 1.0) == []
