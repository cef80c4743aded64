"""Which files a message goes through: every file of its folder whose code runs is counted, whatever it does.

Each file is of one of three kinds. Those that *decide* are the way: it enters each of them as often as is said
here. *State* is looked at and changed at any time, and so are *octets* (packets, their parts, ciphers). A file with one
idea is of one kind, so a way cannot be shorter than the ideas in it: the decisions of a registration fit into six
files, its packet is made of two (packet, parts), and what a hub then knows of its client is in two.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import dmvpn.features.ike
import dmvpn.features.nhrp
from dmvpn.base.events import IpReceived, NhrpReceived
from dmvpn.features.ike.machine import IkeMachine
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.packet import PacketType
from dmvpn.net.ip import UDP_HEADER_LENGTH
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, ModuleType

    from dmvpn.base.context import Machine

#: The messages of IKE: how they are written, and the algorithms that seal them.
_MESSAGES = frozenset(
    (
        *("chain", "crypto/__init__", "crypto/material"),
        *("v2/channel", "v2/packet", "v2/proposals"),
    )
)
#: What people read of them.
_LINES = frozenset(("reports", "v2/debug"))


class Way:
    """The files of a folder that the first such event enters, in this order, each time by a call from another file.

    files: all of them, by how often they are entered.
    returns: the same without reads, which are properties and operators.
    """

    def __init__(self, folder: ModuleType, machine: type[Machine], is_wanted: Callable[[object], bool]) -> None:
        self.files: Counter[str] = Counter()
        self.returns: Counter[str] = Counter()
        self._folder = f"{Path(str(folder.__file__)).parent}/"
        self._reads = _reads(folder)
        self._begin = inspect.unwrap(machine.dispatch).__code__
        self._is_wanted = is_wanted
        self._inside: list[str] = []
        self._is_over = False

    def profile(self, frame: FrameType, what: str, _: object) -> None:
        """For `sys.setprofile`."""
        code = frame.f_code
        if self._is_over or not code.co_filename.startswith(self._folder):
            return
        name = code.co_filename.removeprefix(self._folder).removesuffix(".py")
        if what == "call":
            if not self._inside and not (code is self._begin and self._is_wanted(frame.f_locals["event"])):
                return
            if not self._inside or self._inside[-1] != name:
                self.files[name] += 1
                self.returns[name] += code not in self._reads and not code.co_name.startswith("<")
            self._inside.append(name)
        elif what == "return" and self._inside:
            self._inside.pop()
            self._is_over = not self._inside

    def follow(self, world: World, seconds: float) -> Way:
        """Let time pass, and look."""
        before = sys.getprofile()
        sys.setprofile(self.profile)
        try:
            world.run_for(seconds)
        finally:
            sys.setprofile(before)
        assert self._is_over, "no such message came"
        return self


def _reads(folder: ModuleType) -> set[CodeType]:
    """Properties and operators, which are parts of values."""
    names = [each.name for each in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}.")]
    classes = [each for name in names for each in vars(import_module(name)).values() if inspect.isclass(each)]
    members = [(name, member) for each in classes for name, member in vars(each).items()]
    getters = [member.fget for _, member in members if isinstance(member, property)]
    reads = {inspect.unwrap(each).__code__ for each in getters if inspect.isfunction(each)}
    operators = {member.__code__ for name, member in members if name[:2] == "__" and inspect.isfunction(member)}
    return reads | operators


def _is_registration(event: object) -> bool:
    """RFC 2332 §5.2.0.1: ar$op.type is the 18th octet."""
    return isinstance(event, NhrpReceived) and event.data[17] == PacketType.REGISTRATION_REQUEST


def _is_request(event: object, exchange: ExchangeType) -> bool:
    """RFC 7296 §3.1: the exchange is the 19th octet, the flags are the next one. On port 4500 a marker precedes it."""
    if not isinstance(event, IpReceived):
        return False
    message = event.payload[UDP_HEADER_LENGTH:].removeprefix(bytes(4))
    return len(message) > 20 and message[18] == exchange and not message[19] & Flag.RESPONSE


def _is_init(event: object) -> bool:
    return _is_request(event, ExchangeType.IKE_SA_INIT)


def _is_child(event: object) -> bool:
    return _is_request(event, ExchangeType.CREATE_CHILD_SA)


def test_a_registration_request_passes_thirteen_files_of_which_six_decide() -> None:
    """Without a past to keep there is one less. `instance` is the door out, by which each part says its own."""
    way = Way(dmvpn.features.nhrp, NhrpMachine, _is_registration).follow(World("notes-phase3"), 5)
    deciding = {"machine": 1, "reception": 1, "admission": 1, "connections": 1, "server": 1, "forwarding": 1}
    assert {name: way.returns[name] for name in deciding} == deciding
    state, octets = {"tunnel", "cache"}, {"packet", "parts"}
    assert set(way.files) == {*deciding, "instance", "history", "renewals", *state, *octets}


def test_an_ike_sa_init_request_passes_twenty_three_files_of_which_six_decide() -> None:
    way = Way(dmvpn.features.ike, IkeMachine, _is_init).follow(World("ipsec-spoke-behind-nat"), 5)
    deciding = {"machine": 1, "v2/sas": 4, "v2/initial_exchanges": 1, "settings": 1, "v2/negotiation": 2, "peers": 1}
    assert {name: way.returns[name] for name in deciding} == deciding
    state = {"versions", "table", "session", "suites", "peer_settings", "counters", "v2/sa"}
    assert set(way.files) == {*deciding, "udp", *state, "crypto/curves", *_LINES, *_MESSAGES}
    assert len(way.files) == 23


def test_a_request_for_a_child_sa_passes_twenty_eight_files_of_which_nine_decide() -> None:
    """The spoke renews its first pair of SAs."""
    world = World("ipsec-spoke-behind-nat")
    world.converge()
    world.configure("R31", "crypto ipsec profile DMVPN", "set security-association lifetime seconds 120")
    world.do("R31", "clear crypto sa")  # those that are there have the lifetime of their beginning
    way = Way(dmvpn.features.ike, IkeMachine, _is_child).follow(world, 150)
    deciding = {"machine": 1, "recovery": 2, "v2/sas": 4, "v2/events": 1, "v2/negotiation": 2}
    deciding |= {"settings": 2, "peers": 1, "attempts": 1, "connections": 4}
    assert {name: way.returns[name] for name in deciding} == deciding
    state = {"versions", "table", "children", "session", "counters", "v2/sa"}
    values = {"identity", "suites", "peer_settings", "translation"}
    assert set(way.files) == {*deciding, "udp", *state, *values, *_LINES, *_MESSAGES}
    assert len(way.files) == 28
