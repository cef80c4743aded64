"""One router on a Linux network namespace: read, `handle`, carry out, arm one timer. It makes no decisions.

    descriptor readable -> plane reports events -> post(event) -> Router.handle -> effects -> plane.execute
    timer               -> Tick                                                           -> consoles, storage, names

Events are handled one at a time, in the order of their arrival; events caused by carrying out an effect come after. A
fault of ours is logged with the event that caused it, and the router goes on with the next one.

The host's name service for `Resolve` and `NameResolved`: look-ups run beside the event loop, never in it.

The C library may take many seconds for an answer, and cannot be stopped. So each look-up has a thread of its own, one
for a name at a time, and a router that ends does not wait for them.

True figures of the machine under a router, for `show version`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import socket
import threading
import time
from collections import deque
from dataclasses import replace
from ipaddress import ip_address
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.breath import aside
from dmvpn.base.effects import ClearRoute, Effect, HistoryGrew, InVrf, ReportKey, Resolve, SetRoute, SetSwitching, Store
from dmvpn.base.errors import fault_text
from dmvpn.base.events import ClockSet, ConfigurationEntered, EffectFailed, Event, KeysWanted, NameResolved, Tick
from dmvpn.base.recording import Recorder
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.userspace import UserspacePlane
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.features.nhrp.model import Withdraw
from dmvpn.features.system import HostDescribed
from dmvpn.ios.language import sealed_text
from dmvpn.router.router import Router
from dmvpn.shells import storage
from dmvpn.shells.certificates import NOTHING, Certificates
from dmvpn.shells.descriptors import Shortage
from dmvpn.shells.files import cut_half_line, open_private
from dmvpn.shells.flash import FLASH, FolderFlash
from dmvpn.shells.handle import Handle
from dmvpn.shells.monitor import packet_taps
from dmvpn.shells.runtime.preflight import BEYOND
from dmvpn.shells.storage import ConfigurationFile, FolderStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.notices import Log
    from dmvpn.base.switching import Box
    from dmvpn.dataplane.userspace.plane import MakeEngine
    from dmvpn.dataplane.userspace.records import Records
    from dmvpn.dataplane.userspace.vrf_devices import VrfBackends
    from dmvpn.router.facts import RouterFacts


# ------------------------------------------------------------------------------------------------ the host


def describe(router: str, storage: Path) -> HostDescribed:
    """Describe this machine to one of its routers. storage: the folder of that router's files."""
    disk = os.statvfs(storage)
    # Ten digits that stay the same for this router on this machine, and do not reveal the machine's identity.
    machine = _text("/etc/machine-id").strip() or os.uname().nodename
    return HostDescribed(
        board=hashlib.sha256(f"dmvpn {machine} {router}".encode()).hexdigest()[:10].upper(),
        memory_kb=_figure("/proc/meminfo", "MemTotal"),
        used_kb=_figure("/proc/self/status", "VmRSS"),
        disk_kb=disk.f_blocks * disk.f_frsize // 1024,
    )


def _figure(path: str, name: str) -> int:
    """Return the number behind `NAME:` in a file of /proc; 0 where it is missing."""
    figures = (line.split() for line in _text(path).splitlines() if line.startswith(f"{name}:"))
    return next((int(words[1]) for words in figures if words[1].isdecimal()), 0)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


# ------------------------------------------------------------------------------------------------ the name service


class NameService:
    """Looks names up, and posts the answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, post: Callable[[NameResolved], None]) -> None:
        self._loop = loop
        self._post = post
        self._asked: set[str] = set()
        self._closed = False

    def ask(self, name: str) -> None:
        """Look a name up. A look-up in progress is not repeated; its answer is for both."""
        if name in self._asked:
            return
        self._asked.add(name)
        threading.Thread(target=self._look_up, args=(name,), name=f"look up {name}", daemon=True).start()

    def close(self) -> None:
        """Close: later answers are discarded."""
        self._closed = True

    def _look_up(self, name: str) -> None:
        """Look up, in the thread of a look-up."""
        addresses = look_up(name)
        with contextlib.suppress(RuntimeError):  # the loop is gone: the router has ended
            self._loop.call_soon_threadsafe(self._answered, name, addresses)

    def _answered(self, name: str, addresses: tuple[IPAddress, ...]) -> None:
        self._asked.discard(name)
        if not self._closed:
            self._post(NameResolved(name, addresses))


def look_up(name: str) -> tuple[IPAddress, ...]:
    """Return the addresses of a name in the host's order of preference; empty: no address, or no answer."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):  # the latter: a label longer than 63 characters
        return ()
    texts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
    return tuple(ip_address(text) for text in texts)


# ------------------------------------------------------------------------------------------------ the runtime


log = logging.getLogger("dmvpn")

#: Seconds that a router has for its last packets in an orderly stop.
LEAVING = 0.05


class AsyncioWatch:
    """The plane's `Loop`: the running event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the descriptor is readable."""
        self._loop.add_reader(descriptor, ready)

    def remove(self, descriptor: int) -> None:
        """Stop watching."""
        self._loop.remove_reader(descriptor)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` once, after so many seconds."""
        self._loop.call_later(seconds, call)


def _no_lab(box: Box) -> None:
    """Say what becomes of VLANs where the host's own devices carry frames."""
    if box.bridges:
        log.warning("switch ports act in labs only: this host bridges nothing for them")


class Runtime:
    """A router, its plane and its timer on the running asyncio loop.

    switch: takes the VLANs of the router, whose frames a lab carries.
    """

    switch: Callable[[Box], None] = staticmethod(_no_lab)

    def __init__(
        self,
        name: str,
        entropy: Entropy,
        make_engine: MakeEngine,
        *,
        interfaces: dict[str, str],
        manage: bool,
        storage: Path,
        configuration: Path | None = None,
        recording: Path | None = None,
        logged: Callable[[Log], None] | None = None,
        records: Records | None = None,
        backends: VrfBackends | None = None,
    ) -> None:
        """interfaces: Linux names by IOS names of interfaces to adopt. manage: we set them up, too (a lab).

        storage: folder for files that must survive a restart. configuration: the file that the router is started with,
            if that is not in the folder. recording: file for the events. logged: called with each log message. records:
            of the host's settings; None: those of this namespace. backends: of VRFs; None: there can be none.
        """
        self.name = name
        if recording is not None and recording.is_file():
            cut_half_line(recording)
        self._recording = open_private(recording, append=True) if recording else None
        self._recorder = Recorder(name, self._recording.write) if self._recording else None
        self.router = Router(entropy if self._recorder is None else self._recorder.begin(entropy))
        self._loop = asyncio.get_running_loop()
        self._shortage = Shortage(self._loop)
        self._storage = FolderStorage(storage, ConfigurationFile(configuration) if configuration else None)
        flash = FolderFlash(storage / FLASH)
        self.handle = Handle(
            lambda: self.router,
            self._loop.time,
            self.post,
            self._storage.store,
            flash,
            entropy,
            packet_taps(self._loop, InterfaceNames(interfaces).linux, lambda name: self.plane.on_backend_of(name)),
            beyond=BEYOND,
        )
        self._entropy = entropy
        self._names = NameService(self._loop, self.post)
        self._interfaces, self._manage = interfaces, manage
        self._inbox: deque[Event] = deque()
        self._busy = False
        self._keys: Path | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        watch = AsyncioWatch(self._loop)
        self.plane = UserspacePlane(
            self.post, watch, make_engine, names=interfaces, manage=manage, records=records, backends=backends
        )
        self.router.counting = self.plane
        if logged is not None:
            self.router.logged = logged

    @property
    def now(self) -> float:
        """Monotonic seconds: the loop's clock."""
        return self._loop.time()

    def facts(self, *, looks: bool = True) -> RouterFacts:
        """Return the facts of the router. looks: including the tables of its machine."""
        from dmvpn.base.facts import network
        from dmvpn.router.facts import (
            FilterFacts,
            KernelFacts,
            router_facts,
        )  # a sixth of the time to start, and seldom needed

        kernel = tuple(
            KernelFacts(
                what=one.what,
                there=one.there,
                unordered=one.unordered,
                aside=network(one.aside) if one.aside is not None else None,
            )
            for one in (self.plane.differences() if looks else ())
        )
        filters = tuple(
            FilterFacts(family=one.family.name.lower(), table=one.table, chain=one.name, rules=one.rules)
            for one in (self.plane.forward_drops() if looks else ())
        )
        return router_facts(self.router, self.now, kernel, filters)

    def start(self, configuration: str, certificates: Certificates = NOTHING, *, in_lab: bool = False) -> None:
        """Adopt the interfaces and start. in_lab: no other program is in our namespace: all DHCP clients are ours.

        Raises UserError if an interface is missing.
        """
        self.post(ClockSet(time.time() - self.now))
        self.post(describe(self.name, self._storage.path))
        for remembered in (*certificates.given, *self._storage.remembered()):
            self.post(remembered)
        refused = self.plane.start()
        for setting in refused:
            log.warning("kernel setting refused: %s", setting)
        self.post(replace(self.plane.announced(), manages=in_lab or self._manage, shares=not in_lab))
        self.post(ConfigurationEntered(certificates.head + self._sealed(configuration), by="startup", saved=True))
        self.plane.adopt(*self._interfaces)

    def prepare(self, configuration: str, certificates: Certificates, *, by: str) -> Callable[[], None]:
        """Prepare the current contents of the router's file, with pauses; the returned function makes the router run
        them.

        Files that the router has stored itself are newer than the given ones.
        """
        stored = {remembered.name for remembered in aside(self._storage.remembered)} if certificates.given else set()
        events: list[Event] = [remembered for remembered in certificates.given if remembered.name not in stored]
        text = certificates.head + self._sealed(configuration)
        self.router.prepare(text)
        events.append(ConfigurationEntered(text, by=by, saved=True))

        def begin() -> None:
            for event in events:
                self.handle.post(event)

        return begin

    def _sealed(self, configuration: str) -> str:
        return sealed_text(self.handle.configurator, configuration, self._entropy)

    def post(self, event: Event) -> None:
        """Pass an event to the router, and carry out its effects."""
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox:
                self._handle(self._inbox.popleft())
        finally:
            self._busy = False
        self._arm()

    def report_keys(self, folder: Path | None) -> None:
        """Write the keys of new SAs into this folder from now on, for a capture; None: stop writing."""
        self._keys = folder
        self.post(KeysWanted(wanted=folder is not None))

    async def leave(self) -> None:
        """Stop in an orderly way: withdraw from neighbors, and wait a moment for the packets to leave. Then `close`."""
        self.post(Withdraw())
        await asyncio.sleep(LEAVING)

    def close(self) -> None:
        """Stop, and remove all traces."""
        if self._timer is not None:
            self._timer.cancel()
        self._names.close()
        self.handle.captures.order(None)
        self.plane.close()
        if self._recording is not None:
            self._recording.close()

    def _handle(self, event: Event) -> None:
        now = self.now
        if self._recorder is not None:
            self._recorder.event(event, now)
        try:
            effects = self.router.handle(event, now)
        except Exception as error:
            # The one place where a fault of ours is caught: other tunnels must not fail because of it.
            log.exception("%s", fault_text(error, f"handling {event!r}"))
            if self._recorder is not None:
                self._recorder.fault()
            return
        if self._recorder is not None:
            self._recorder.outcome(effects)
        with self.plane.together():
            for crowd, some in groupby(effects, _crowd_of):
                if crowd is SetRoute:
                    self._carry_out_routes(list(some))
                elif crowd is HistoryGrew:
                    self.handle.tell(next(some))  # subscribers read all that is new
                else:
                    for effect in some:
                        self._carry_out(effect)

    def _carry_out_routes(self, orders: list[Effect]) -> None:
        """Pass routes to the kernel as many at a time as come together: each request is expensive."""
        for error in self.plane.execute_routes(orders):
            self._failed(error)
        self.handle.tell(*orders)

    def _carry_out(self, effect: Effect) -> None:
        inner = effect.effect if isinstance(effect, InVrf) else effect
        try:
            match inner:
                case Store():
                    self._store(inner)
                case Resolve(name):
                    self._names.ask(name)
                case ReportKey():
                    self._report(inner)
                case SetSwitching(box):
                    self._loop.call_soon(self.switch, box)
                case _:
                    self.plane.execute(effect)
        except EffectError as error:
            self._failed(error)
        self.handle.tell(inner)

    def _failed(self, error: EffectError) -> None:
        if not self._shortage.is_met(error):
            log.info("%s", error)
        self._inbox.append(EffectFailed(error.effect, error.errno, error.text))

    def _store(self, effect: Store) -> None:
        try:
            self._storage.store(effect.name, effect.octets)
        except OSError as error:
            raise EffectError(effect, error.errno or 0, error.strerror or str(error)) from error

    def _report(self, key: ReportKey) -> None:
        if self._keys is not None:
            try:
                storage.write(self._keys, key)
            except OSError as error:
                raise EffectError(key, error.errno or 0, error.strerror or str(error)) from error

    def _arm(self) -> None:
        deadline = self.router.next_deadline()
        if deadline == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer_at = None
        self.post(Tick())


def _crowd_of(effect: Effect) -> type[Effect] | None:
    """Return what an effect is one of that are carried out together: routes, or reports of a grown history."""
    kind = type(effect.effect if type(effect) is InVrf else effect)
    return SetRoute if kind is ClearRoute else kind if kind in (SetRoute, HistoryGrew) else None
