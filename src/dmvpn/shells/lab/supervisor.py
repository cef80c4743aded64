"""Process 1 of a lab: holds the namespaces, starts the routers, serves requests.

When it ends, however it ends, the kernel ends every process of the lab and removes the namespaces. It is one thread
with one `selectors` loop, so that it may fork a router at any time.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import os
import selectors
import signal
import socket
import time
from typing import TYPE_CHECKING, TypeVar, cast

from dmvpn.base.context import earliest
from dmvpn.base.errors import UserError
from dmvpn.base.recording import decode, plain
from dmvpn.base.switching import Box
from dmvpn.base.values import Mutable, Value
from dmvpn.router.facts import RouterFacts, SetupFacts
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.shells.certificates import NOTHING
from dmvpn.shells.facts import GatewayFacts, known_setups, lab_facts, plain_setups
from dmvpn.shells.lab import control, router_process, wiring
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.capture import RealCaptures
from dmvpn.shells.lab.forked import end_by_signal, end_with, fork, importing, left_by_signal
from dmvpn.shells.lab.impair import Impairments
from dmvpn.shells.lab.namespaces import inside_network
from dmvpn.shells.lab.rebinding import wanted_kind, wanted_public
from dmvpn.shells.lab.switching import BridgePorts, RealSwitching
from dmvpn.shells.lab.vrf_namespaces import HeldNamespaces
from dmvpn.shells.lab.wiring import LAYER2
from dmvpn.shells.scenario import Scenario, described
from dmvpn.shells.storage import FolderStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dmvpn.base.events import SwitchingComputed
    from dmvpn.dataplane.userspace.plane import MakeEngine
    from dmvpn.shells.handle import MakeServer
    from dmvpn.shells.lab.control import Json
    from dmvpn.shells.lab.leased_hosts import LeasedHosts
    from dmvpn.shells.lab.places import LabFolder

log = logging.getLogger("dmvpn.lab")

#: Seconds in which a router stops, or is killed.
STOPPING = 2.0
#: Seconds in which a router that a request starts begins to listen, and between two checks whether it does.
STARTING = 5.0
_LOOK_AGAIN = 0.01

_Facts = TypeVar("_Facts", RouterFacts, SetupFacts)


class _Router(Mutable):
    plan: router_process.RouterPlan
    pid: int = 0
    pipe: socket.socket | None = None
    why: str = ""

    @property
    def alive(self) -> bool:
        return self.pid != 0

    def listens(self) -> bool:
        """Return whether sessions can be opened."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            return probe.connect_ex(os.fspath(self.plan.socket)) == 0


class _Unanswered(Value):
    """A request whose routers do not listen yet; `end` is in monotonic seconds."""

    answer: control.Answer
    routers: tuple[_Router, ...]
    end: float

    def is_done(self, now: float) -> bool:
        return now >= self.end or all(router.listens() or not router.alive for router in self.routers)


class Supervisor:
    """A running lab, from inside."""

    def __init__(
        self,
        scenario: Scenario,
        folder: LabFolder,
        make_engine: MakeEngine,
        make_server: MakeServer,
        recording: Path | None = None,
    ) -> None:
        """recording: a file name; every router's events go to one with its own name before the suffix."""
        self.scenario = scenario
        self.folder = folder
        self._started = time.time()
        self._selector = selectors.DefaultSelector()
        self._wiring = wiring.wire_up(scenario)
        self._wiring.vrfs = {
            name: HeldNamespaces(self._selector, functools.partial(self._switch, name))
            for name in scenario.configurations
        }
        self._impairments = Impairments(self._wiring, self._selector)
        self._switching = RealSwitching(self._wiring, self._impairments, self._send_trees)
        self._captures = RealCaptures(self._wiring, self._switching, self._selector, self._write_keys)
        self._ending = False
        self._begun: list[_Router] = []
        self._unanswered: list[_Unanswered] = []
        self._make_engine, self._make_server, self._recording = make_engine, make_server, recording
        self._routers = {name: _Router(self._plan(name)) for name in scenario.configurations}
        self._impairments.begin()
        self._leases: LeasedHosts | None = None
        if any(host.leased for host in scenario.lab.hosts.values()):
            from dmvpn.shells.lab.leased_hosts import LeasedHosts  # most labs have none

            self._leases = LeasedHosts(self._wiring, self._selector)

    def run(self) -> int:
        """Start all routers and serve until a signal or a request ends the lab."""
        end_by_signal(self._end)
        wakeup, woken = socket.socketpair()
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._selector.register(wakeup, selectors.EVENT_READ, lambda: self._reap(wakeup))
        with importing():
            exec_parser(FEATURES)  # imported once, before the fork of the routers that need it
        gc.freeze()  # else the first full collection in a router copies all memory shared with us: 18 MB
        try:
            with left_by_signal():
                for router in self._routers.values():
                    self._start(router)
                server = control.listen(self.folder.control)
                take_order = functools.partial(control.serve, server, self._obey, self._when_started)
                self._selector.register(server, selectors.EVENT_READ, take_order)
                while not self._ending:
                    self._turn()
        finally:
            self._stop_routers()
            self._captures.stop()
        self.folder.remove()
        return 0

    def _turn(self) -> None:
        due = self._impairments.next_deadline()
        if self._leases is not None:
            due = earliest(due, self._leases.next_deadline())
        patience = None if due is None else max(0.0, due - time.monotonic())
        if self._unanswered or self._switching.is_due:
            patience = _LOOK_AGAIN if patience is None else min(patience, _LOOK_AGAIN)
        for key, _ in self._selector.select(patience):
            if self._selector.get_map().get(key.fd) is key:  # an earlier request may have closed it
                key.data()
        self._impairments.deliver_due()
        living = [router for router in self._routers.values() if router.alive and self._switching.is_due]
        if self._switching.is_due and all(router.listens() for router in living):  # one that starts looks for its ports
            try:
                self._switching.compute()
            except (OSError, ValueError, UserError) as error:  # a name that Linux refuses, a kernel without bridges
                log.error("VLANs are not as configured: %s", error)
        if self._leases is not None:
            self._leases.act()
        now = time.monotonic()
        for order in [order for order in self._unanswered if order.is_done(now)]:
            self._unanswered.remove(order)
            self._deliver(order.answer)

    def _deliver(self, answer: control.Answer) -> None:
        """Send an answer beside other work."""
        if not answer.send():

            def go_on() -> None:
                self._selector.unregister(answer.connection)
                self._deliver(answer)

            self._selector.register(answer.connection, selectors.EVENT_WRITE, go_on)

    def _when_started(self, answer: control.Answer) -> None:
        """Answer a request when the routers that it started listen: the next command may address them."""
        begun, self._begun = self._begun, []
        self._unanswered.append(_Unanswered(answer, tuple(begun), time.monotonic() + STARTING))

    # ------------------------------------------------------------------------------------------------ routers

    def _plan(self, name: str) -> router_process.RouterPlan:
        recording = self._recording
        return router_process.RouterPlan(
            name=name,
            configuration=self.scenario.configurations[name],
            interfaces=self._wiring.interfaces(name),
            socket=self.folder.management(name),
            storage=self.folder.storage(name),
            make_engine=self._make_engine,
            make_server=self._make_server,
            provider=self.scenario.role(name) == "provider",
            routes=tuple(self.scenario.lab.ready.routes.get(name, ())),
            recording=recording.with_suffix(f".{name}.jsonl") if recording else None,
            certificates=self.scenario.certificates.get(name, NOTHING),
        )

    def _start(self, router: _Router) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        name = router.plan.name
        vrfs, hold = self._wiring.vrfs[name].begin()
        inherited = router_process.Inherited(self._wiring.namespaces[name], theirs, vrfs, hold)
        pid = fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            end_with(lambda: router_process.run(router.plan, inherited))
        theirs.close()
        hold.close()
        router.pid, router.pipe, router.why = pid, ours, ""
        if self._captures.keys is not None:
            self._send_keys(router)

    def _reap(self, wakeup: socket.socket) -> None:
        wakeup.recv(4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for router in self._routers.values():
                if router.pid == pid:
                    log.warning("router %s ended: %s", router.plan.name, os.waitstatus_to_exitcode(status))
                    self._forget(router)

    def _forget(self, router: _Router) -> None:
        router.pid = 0
        self._switching.forget(router.plan.name)
        if router.pipe is not None:
            router.why = router.why or router_process.last_words(router.pipe)
            router.pipe.close()
            router.pipe = None

    def _stop_routers(self) -> None:
        """End all routers with SIGTERM; routers that do not end are killed."""
        for router in self._routers.values():
            if router.alive:
                os.kill(router.pid, signal.SIGTERM)
        end = time.monotonic() + STOPPING
        while alive := [router for router in self._routers.values() if router.alive]:
            for router in alive:
                if time.monotonic() >= end:
                    self._end_at_once(router)
                elif os.waitpid(router.pid, os.WNOHANG)[0]:
                    self._forget(router)
            time.sleep(0.005)

    def _end_at_once(self, router: _Router) -> None:
        os.kill(router.pid, signal.SIGKILL)
        os.waitpid(router.pid, 0)
        self._forget(router)

    def _end(self) -> None:
        self._ending = True

    # ------------------------------------------------------------------------------------------------ requests

    def _obey(self, request: dict[str, Json]) -> Json | control.Lent:
        """Carry out an order: the method of its name."""
        what = str(request.get("do"))
        if what == "namespace":
            node = self._known(str(request.get("node")), self._wiring.namespaces)
            return control.Lent(self._namespace(node, request.get("vrf")))
        order: Callable[[dict[str, Json]], Json] | None = getattr(self, f"_order_{what}", None)
        if order is None:
            raise UserError(f"this lab does not know how to {what!r}; clock is for simulated labs")
        return order(request)

    def _order_status(self, request: dict[str, Json]) -> Json:
        engines = {name: router.plan.make_engine.__name__ for name, router in self._routers.items()}
        return {
            "scenario": self.scenario.name,
            "simulated": False,
            "since": self._started,
            "engine": next(iter(engines.values()), ""),
            "routers": {name: router.alive for name, router in self._routers.items()},
            "providers": [name for name in self.scenario.configurations if self.scenario.role(name) == "provider"],
            "hosts": {name: host.address for name, host in self._wiring.hosts.items()},
            "hosts6": {name: host.address6 for name, host in self._wiring.hosts.items() if host.address6},
            "gateways": {name: gateway.describe() for name, gateway in self._wiring.gateways.items()},
            "links": [cable.name for cable in self._wiring.cables],
            "impaired": self._impairments.described(),
        }

    def _order_missing(self, request: dict[str, Json]) -> Json:
        lacks = self.scenario.still_missing({name: self._lacks(router) for name, router in self._routers.items()})
        waits = {name: host.leased for name, host in self._wiring.hosts.items()}
        return [*lacks, *self.scenario.unleased(waits)]

    def _lacks(self, router: _Router) -> list[str]:
        """Return what a router still waits for."""
        try:
            if router.pipe is not None:
                return [
                    str(text)
                    for text in json.loads(router_process.ask(router.pipe, router_process.MISSING) or b'["it ended"]')
                ]
        except OSError as error:
            return [self._why_mute(router, error)]
        return [self._why_mute(router)]

    def _why_mute(self, router: _Router, error: Exception | None = None) -> str:
        """Return why a router did not answer."""
        if isinstance(error, TimeoutError):
            return "it does not answer yet"
        if isinstance(error, router_process.EndedError):
            router.why = str(error)
        return f"its process has ended{f': {router.why}' if router.why else f'; see {self.folder.log}'}"

    def _ask_all(
        self, kind: type[_Facts], question: Callable[[str], bytes]
    ) -> tuple[dict[str, _Facts | None], dict[str, str]]:
        """Return what each router answers, and why some do not."""
        found: dict[str, _Facts | None] = dict.fromkeys(self._routers)
        absent: dict[str, str] = {}
        for name, router in self._routers.items():
            try:
                if router.pipe is not None:
                    router_process.put(router.pipe, question(name))
                    found[name] = kind.model_validate_json(router_process.borrow(router.pipe))
                else:
                    absent[name] = self._why_mute(router)
            except (OSError, ValueError) as error:
                absent[name] = self._why_mute(router, error)
        return found, absent

    def _order_facts(self, request: dict[str, Json]) -> Json:
        if (known := known_setups(request)) is not None:
            setups, absent = self._ask_all(SetupFacts, lambda name: router_process.SETUP + known.get(name, "").encode())
            busy = (name for name in absent if name in known and self._routers[name].alive)
            return plain_setups({**setups, **{name: SetupFacts(tag=known[name]) for name in busy}})
        routers, absent = self._ask_all(
            RouterFacts, lambda _: router_process.OWN_FACTS if request.get("own") else router_process.FACTS
        )
        gateways: dict[str, GatewayFacts] = {}
        for name, gateway in self._wiring.gateways.items():
            with inside_network(self._wiring.namespaces[name]):
                gateways[name] = gateway.facts()
        cut = [end for cable in self._wiring.cables if self._impairments.is_cut(cable) for end in cable.ends]
        bad, wires = self._impairments.particulars(), self._switching.segments
        facts = lab_facts(self.scenario, routers, gateways, cut, bad, wires, self._wiring.hosts)
        return cast("Json", facts.model_copy(update={"absent": absent}).model_dump(mode="json"))

    def _order_down(self, request: dict[str, Json]) -> Json:
        self._end()
        return None

    def _order_kill(self, request: dict[str, Json]) -> Json:
        router = self._router(request)
        if not router.alive:
            raise UserError(f"{router.plan.name} is not running")
        self._end_at_once(router)
        return None

    def _order_start(self, request: dict[str, Json]) -> Json:
        router = self._router(request)
        if router.alive:
            raise UserError(f"{router.plan.name} is running; 'dmvpn lab kill {router.plan.name}' ends it")
        self._start(router)
        self._begun = [router]
        return None

    def _order_reset(self, request: dict[str, Json]) -> Json:
        """Restart all routers with the scenario's configurations; their files and all impairments are removed."""
        self._impairments.begin()
        self._stop_routers()
        for name, gateway in self._wiring.gateways.items():
            with inside_network(self._wiring.namespaces[name]):
                gateway.change_kind(gateway.spec.kind)
                gateway.rebind(gateway.spec.public.ip)
        for router in self._routers.values():
            FolderStorage(router.plan.storage).clear()
            self._start(router)
        self._begun = list(self._routers.values())
        return None

    def _order_wired(self, request: dict[str, Json]) -> Json:
        """Return wires and translators as they are, hidden changes included: what a reset takes away."""
        gateways = {
            name: {"public": str(gateway.public.ip), "kind": gateway.asked, "sign": gateway.sign}
            for name, gateway in self._wiring.gateways.items()
        }
        return cast("Json", {"links": self._impairments.all(), "gateways": gateways})

    def _order_impair(self, request: dict[str, Json]) -> Json:
        cable = self._wiring.find(str(request.get("link")))
        self._impairments.set(cable, Badness.read(request), hidden=bool(request.get("hidden")))
        self._switching.is_due = bool(self._wiring.parts)  # it may be cut
        return self._impairments.described()

    def _order_rebind(self, request: dict[str, Json]) -> Json:
        name = self._known(str(request.get("gateway")), self._wiring.gateways)
        gateway = self._wiring.gateways[name]
        public, kind = wanted_public(request, gateway.spec), wanted_kind(request)
        with inside_network(self._wiring.namespaces[name]):
            if kind is not None:
                gateway.change_kind(kind, hidden=bool(request.get("hidden")))
            gateway.rebind(public)
        return gateway.describe()

    def _order_scenario(self, request: dict[str, Json]) -> Json:
        return described(self.scenario)

    def _order_capture(self, request: dict[str, Json]) -> Json:
        return self._captures.obey(request)

    def _write_keys(self, folder: Path | None) -> None:
        for router in self._routers.values():
            self._send_keys(router)

    def _send_keys(self, router: _Router) -> None:
        folder = os.fsencode(self._captures.keys or "")
        with contextlib.suppress(OSError):  # it has ended
            if router.pipe is not None:
                router.pipe.send(router_process.KEYS + folder)

    def _switch(self, name: str, octets: bytes) -> None:
        box = decode(json.loads(octets))
        if isinstance(box, Box):
            self._switching.set(name, box)

    def _send_trees(self, name: str, computed: SwitchingComputed, ports: BridgePorts) -> None:
        pipe = self._routers[name].pipe
        with contextlib.suppress(OSError):  # it has ended
            if pipe is not None:
                octets = router_process.TREES + json.dumps([plain(computed), ports]).encode()
                socket.send_fds(pipe, [octets], [self._wiring.namespaces[LAYER2]])

    def _namespace(self, node: str, vrf: Json) -> int:
        if not isinstance(vrf, str) or not vrf:
            return self._wiring.namespaces[node]
        found = self._wiring.spaces(node).get(vrf)
        if found is None:
            names = ", ".join(name for name in self._wiring.spaces(node) if name)
            raise UserError(f"{node} has no VRF {vrf}" + (f"; it has {names}" if names else ""))
        return found

    def _router(self, request: dict[str, Json]) -> _Router:
        return self._routers[self._known(str(request.get("router")), self._routers)]

    @staticmethod
    def _known(name: str, names: Iterable[str]) -> str:
        known = list(names)
        if name not in known:
            raise UserError(f"there is no {name} in this lab; it has {', '.join(known)}")
        return name
