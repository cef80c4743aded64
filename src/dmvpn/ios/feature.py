"""What a feature hands to the rest of the program: one constant, `FEATURE`, in its folder. What its shows may see."""

from __future__ import annotations

import enum
from importlib import import_module
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.base.events import Event
    from dmvpn.base.explanations import WordGroup
    from dmvpn.base.metrics import MetricRow, Table
    from dmvpn.base.notices import LogKind, Notice
    from dmvpn.base.pages import Pages
    from dmvpn.base.ports import Ports
    from dmvpn.base.shell import Counting
    from dmvpn.base.streams import StreamLine, UdpPort
    from dmvpn.ios.config_line import ConfigLine, Mode
    from dmvpn.ios.grammar import ExecCommand
    from dmvpn.ios.tree import ConfigTree

T = TypeVar("T")
M = TypeVar("M")


class ShowContext(Protocol):
    """One command's view of a router, made again for each command."""

    @property
    def ports(self) -> Ports:
        """The answering machines."""

    @property
    def counting(self) -> Counting:
        """The data plane, for the counters of this moment."""

    @property
    def now(self) -> float:
        """Monotonic seconds."""

    @property
    def hostname(self) -> str:
        """The router's configured name."""

    @property
    def running(self) -> ConfigTree:
        """The running configuration."""

    @property
    def session(self) -> int:
        """The session that asks; jobs answer to it."""

    @property
    def hides(self) -> bool:
        """Whether keys and passwords are hidden in output, as for all users below privilege level 15."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features, for commands that collect from several."""

    @property
    def awake(self) -> tuple[Feature, ...]:
        """Those whose machine is there. All other features have no output, and are not imported."""

    def in_vrf(self, vrf: str) -> ShowContext | None:
        """Return the same for the machines of a VRF; None: there is no such VRF."""

    def machine(self, kind: type[M]) -> M:
        """Return the machine of this class, which is made if it slept. Raises KeyError if the router has none."""


class DebugFlag(Value):
    """Something that `debug` switches on. "NHRP packet" with the syntax `nhrp packet` is `debug nhrp packet`.

    name: what the feature asks `ports.debugging` for.
    title: as in "NHRP packet debugging is on".
    group: the heading in `show debugging`.
    listed: its name there, where that is not the title ("NHRP protocol").
    dmvpn: the level and the part by which `debug dmvpn LEVEL PART` switches it, too ("error nhrp").
    """

    name: str
    syntax: str
    title: str
    group: str
    listed: str = ""
    dmvpn: str = ""


class Confirm(Value):
    """What an action returns to be asked for first: `prompt` ("Clear logging buffer [confirm]"), then the event."""

    prompt: str
    event: Event


class Ask(Value, kw_only=True):
    """What an action returns to read something first; `then` makes of it what the command does: an event, a `Change`.

    many: lines up to an empty one (PEM may have some inside) or the word `quit`; else one, behind `prompt`.
    said: lines to be shown before.
    """

    then: Callable[[str], object]
    many: bool = False
    prompt: str = ""
    said: tuple[str, ...] = ()


class Change(Value, kw_only=True):
    """What an action returns to change the configuration: its lines are entered on top of what runs.

    events: for the router, before that.
    said: to be shown.
    failed: it was refused, and only `said` counts.
    """

    lines: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    said: tuple[str, ...] = ()
    failed: bool = False


class Compute(Value, kw_only=True):
    """What an action returns that takes long, and asks nothing of the router: `work` is done in a thread.

    said: lines to be shown before.
    """

    work: Callable[[], Change]
    said: tuple[str, ...] = ()


class Later(Generic[T]):
    """Values, or a function that returns them, whose module is imported at the first use: all take a tenth of a start.

    where: "dmvpn.features.rip.show:COMMANDS".
    """

    __slots__ = ("_module", "_name")

    def __init__(self, where: str) -> None:
        self._module, _, self._name = where.partition(":")

    def __iter__(self) -> Iterator[T]:
        try:
            return iter(cast("Iterable[T]", self._imported()))
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "cryptography":
                raise
            return iter(())  # a platform without it has no certificates

    def __call__(self, ctx: ShowContext) -> list[T]:
        """Call the function."""
        return cast("Callable[[ShowContext], list[T]]", self._imported())(ctx)

    def _imported(self) -> object:
        found: object = getattr(import_module(self._module), self._name)
        return found


class LateMachine(Value):
    """A machine whose modules are imported with the router (`router/router.py`): a reader of lines does not load them.

    where: "dmvpn.features.ospf.machine:OspfMachine".
    """

    where: str

    def __call__(self, ports: Ports) -> object:
        """Make it."""
        return self.imported()(ports)

    def imported(self) -> Callable[[Ports], object]:
        """Import its modules, which takes up to 40 ms, and return its class."""
        module, _, name = self.where.partition(":")
        return cast("Callable[[Ports], object]", getattr(import_module(module), name))

    def makes(self, kind: type[object]) -> bool:
        """Return whether it is a machine of this class."""
        return self.where == f"{kind.__module__}:{kind.__qualname__}"


class Sleeper(LateMachine, Value):
    """A machine that is not there, and whose modules are not imported, until the configuration says something of it.

    idle: the model of a configuration without any line of this feature. Under it the machine would do nothing, whatever
        it hears.
    wakes: but these events and notices wake it, too.
    """

    idle: object = None
    wakes: tuple[type[Event] | type[Notice], ...] = ()


class Endings(Value, eq=False):
    """What a new configuration ends. Machines hear of it before any of them has its new model.

    lines: a change of one of these may end something. present(tree): what there is, by its place in the configuration.
    notices(before, after, ports): what follows where one became the other.
    """

    lines: frozenset[ConfigLine]
    present: Callable[[ConfigTree], Pages[str]]
    notices: Callable[[Pages[str], Pages[str], Ports], list[Notice]]


class Measured(Value):
    """A table of metrics, and what yields its rows, of which no two have the same labels.

    If there may be many, it breathes between any two of them.

    A question, as the query of a show is one: it changes nothing.
    """

    table: Table
    rows: Callable[[ShowContext], Iterable[MetricRow]]


class Scope(enum.Enum):
    """What a machine of a feature belongs to."""

    ROUTER = "router"
    #: Each VRF has a machine of its own, the global table the first.
    VRF = "vrf"


class Feature(Value, eq=False):
    """A protocol or a part of the system.

    modes, config, commands: its part of the language. model(tree): its typed configuration; the machine receives it
        when it changes. machine(ports): makes its machine; a `Sleeper`, when it is needed.
    endings: what it lets machines say before a new configuration ends it.
    messages: the classes of its log messages, for the reference. protocol_blocks(ctx): the lines of a routing protocol
        in `show ip protocols`; none if no process runs. protocol_names(ctx): those processes, as in `eigrp 100`.
        ipv6_blocks(ctx): the lines of its processes for IPv6 in `show ipv6 protocols`.
    tcp(ctx), udp(ctx): its TCP connections and its UDP ports, for `show tcp brief` and `show udp`.
    kept_only: its configuration is read, kept and shown, and nothing acts on it yet. explanations: what the words
        mean that it prints. metrics: what it counts, for programs that watch.
    """

    name: str
    scope: Scope = Scope.ROUTER
    vrfs: Callable[[ConfigTree], tuple[str, ...]] | None = None
    modes: tuple[Mode, ...] = ()
    config: tuple[ConfigLine, ...] = ()
    commands: Iterable[ExecCommand] = ()
    model: Callable[..., object] | None = None
    machine: Callable[..., object] | None = None
    endings: Endings | None = None
    messages: tuple[LogKind, ...] = ()
    debugs: tuple[DebugFlag, ...] = ()
    protocol_blocks: Later[str] | None = None
    protocol_names: Later[str] | None = None
    ipv6_blocks: Later[str] | None = None
    tcp: Later[StreamLine] | None = None
    udp: Later[UdpPort] | None = None
    kept_only: bool = False
    explanations: Iterable[WordGroup] = ()
    metrics: Iterable[Measured] = ()
