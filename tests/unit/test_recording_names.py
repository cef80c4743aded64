"""A recording names events, effects and their values by their class alone.

`clear ip ospf counters` was replayed as `clear bfd counters`, or refused as no line of a recording.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter

import pytest

import dmvpn.dataplane.netlink as _kernel  # noqa: F401 - where the kernel routes, its enums exist besides ours
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import Effect, RouteKind, SetRoute
from dmvpn.base.events import EffectFailed, Event
from dmvpn.base.recording import RecordedEvent, Recorder, load
from dmvpn.features.bfd import events as bfd
from dmvpn.features.interface import events as interface
from dmvpn.features.nhrp import model as nhrp
from dmvpn.features.ospf import events as ospf

NULL0 = SetRoute(Prefix.parse("10.0.0.0/8"), (), kind=RouteKind.DISCARD)


@pytest.mark.parametrize(
    "event",
    [
        bfd.ClearBfdCounters(),
        interface.ClearInterfaceCounters("Tunnel1"),
        nhrp.ClearNhrpCounters(6, "Tunnel1"),
        ospf.ClearOspfCounters(1),
        EffectFailed(NULL0, 22, "no such route"),
    ],
)
def test_what_was_recorded_is_replayed_as_the_same_event(event: Event) -> None:
    lines: list[str] = []
    Recorder("R1", lines.append).event(event, 1.5)
    assert load(lines[0]) == RecordedEvent(1.5, "R1", event)


@pytest.mark.parametrize("root", [Event, Effect])
def test_no_two_events_and_no_two_effects_have_one_name(root: type[object]) -> None:
    features = importlib.import_module("dmvpn.features")
    for info in pkgutil.walk_packages(features.__path__, "dmvpn.features."):
        importlib.import_module(info.name)
    ours = {(kind.__module__, kind.__name__) for kind in subclasses(root) if kind.__module__.startswith("dmvpn.")}
    names = Counter(name for _, name in ours)
    assert [name for name, count in names.items() if count > 1] == []


def subclasses(root: type[object]) -> set[type[object]]:
    """All classes below this one."""
    return {each for kind in root.__subclasses__() for each in (kind, *subclasses(kind))}
