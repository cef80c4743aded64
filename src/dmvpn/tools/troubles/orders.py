"""Turns a trouble into orders for one network: lines to type, and things to do.

    Type, Run       configuration lines, and commands, at a router
    Impair          a wire, named by one of its ends
    KillRouter      a router
    SetNat          a translator

A `Bench` carries them out: a running lab (`labs/prompts.py`), or a simulated network (`labs/copied.py`).

Lines that no template can say are written by functions: a routing process gets another number or table, or loses some
of its lines.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from dmvpn.base.errors import UserError
from dmvpn.base.terms import NoValue
from dmvpn.base.values import Value
from dmvpn.network.lines import Process, after, lines_after, moved, process_of
from dmvpn.network.overlay import EndPair
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import Role, Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.lab.badness import Badness
    from dmvpn.tools.troubles.stage import Actor, Stage


# --------------------------------------------------------------------------------------- lines that no template can say


def process_header(actor: Actor) -> tuple[str, ...]:
    """Return the section headers above the lines of an EIGRP process."""
    return (actor.eigrp_header, *((actor.family,) if actor.is_named else ()))


def renumbered(actor: Actor, *, number: int) -> tuple[str, ...]:
    """Return the lines of the same EIGRP process in another autonomous system."""
    header = actor.eigrp_header
    body = actor.lines.section(header).lines
    if not actor.is_named:
        ports = (line for name in (actor.tunnel, actor.lan) for line in _started(actor, name, number))
        return (f"no {header}", header.replace(actor.number, str(number)), *body, *ports)
    other = actor.family.replace(f"autonomous-system {actor.number}", f"autonomous-system {number}")
    return (f"no {header}", header, *(line.replace(actor.family, other) for line in body if line.strip() != "!"))


def _started(actor: Actor, name: str, number: int) -> tuple[str, ...]:
    """Return the lines that start EIGRP of IPv6 on an interface in another autonomous system."""
    section, line = f"interface {name}", f"ipv6 eigrp {actor.number}"
    had = actor.lines.section(section).has(line)
    return (section, f"no {line}", f"ipv6 eigrp {number}") if had else ()


def without_networks(actor: Actor, *, word: str) -> tuple[str, ...]:
    """Return the lines that remove the network statements of EIGRP for an address. word: the word of this address."""
    address = actor.words.get(word)
    gone = actor.networks(ip_address(address)) if address is not None else ()
    return (*process_header(actor), *(f"no {line}" for line in gone))


def moved_process(actor: Actor, *, vrf: str = "") -> tuple[str, ...]:
    """Return the lines that move the protocol of the inside VRF. vrf: the word of another one, "": the global table.

    Raises UserError.
    """
    inside, other = actor.words.get("inside", ""), actor.words.get(vrf, "")
    routes = actor.lines.headers(f"ip route vrf {inside} ") if inside else ()
    if not routes:
        return moved(_process(actor), inside, other)
    table = f"ip route vrf {other} " if other else "ip route "
    pairs = ((f"no {one}", one.replace(f"ip route vrf {inside} ", table, 1)) for one in routes)
    return tuple(line for pair in pairs for line in pair)


def process_without(actor: Actor, *, beginning: str) -> tuple[str, ...]:
    """Return the lines that remove those of the inside VRF's protocol that begin like this. Raises UserError."""
    process = _process(actor)
    gone = [line for line in process.body if line.startswith(beginning)]
    if not gone:
        raise UserError(f"the routing protocol of {actor.name} has no line {beginning}")
    return process.header, *((process.family,) if process.family else ()), *(f"no {line}" for line in gone)


def _process(actor: Actor) -> Process:
    inside = actor.words.get("inside", "")
    found = process_of(actor.lines, "router ", inside) if inside else None
    if found is None:
        raise UserError(f"{actor.name} has no routing protocol in a VRF")
    return found


# ------------------------------------------------------------------------------------------------ orders


class Type(Value):
    """Lines in configuration mode."""

    router: str
    lines: tuple[str, ...]


class Run(Value):
    """Commands at the privileged prompt."""

    router: str
    lines: tuple[str, ...]


class Impair(Value):
    """A wire gets this bad. link: "R31:GigabitEthernet0/1"."""

    link: str
    badness: Badness


class KillRouter(Value):
    """`kill -9`."""

    router: str


class SetNat(Value):
    """The kind of a translator, as in `lab.yaml`."""

    gateway: str
    kind: str


Order = Type | Run | Impair | KillRouter | SetNat
#: Commands that leave something behind; what others clear comes back.
_LASTING: Final = "clock set "


class Bench(Protocol):
    """A running network that can be broken, examined and changed."""

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return what commands print, each a router and a line; "" if the router does not answer.

        Pings take their time.
        """

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Type lines in configuration mode. Raises UserError for a line that is refused."""

    def impair(self, link: str, badness: Badness) -> None:
        """Impair a wire, without showing it in the lab's status."""

    def kill(self, router: str) -> None:
        """End a router."""

    def set_nat(self, gateway: str, kind: str) -> None:
        """Change the kind of a translator."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""


def carry_out(bench: Bench, orders: Sequence[Order]) -> None:
    """Carry the orders out. Raises UserError."""
    for order in orders:
        match order:
            case Type(router=router, lines=lines):
                bench.configure(router, lines)
            case Run(router=router, lines=lines):
                bench.ask([(router, line) for line in lines])
            case Impair(link=link, badness=badness):
                bench.impair(link, badness)
            case KillRouter(router=router):
                bench.kill(router)
            case SetNat(gateway=gateway, kind=kind):
                bench.set_nat(gateway, kind)
            case _:
                assert_never(order)


def fits(trouble: Trouble, stage: Stage) -> bool:
    """Return whether this can go wrong in this network."""
    try:
        return bool(orders_for(trouble, stage))
    except UserError:
        return False


def orders_for(trouble: Trouble, stage: Stage) -> tuple[Order, ...]:
    """Return the orders of a trouble in this network.

    Raises UserError if the trouble does not fit the network, or changes nothing.
    """
    has = stage.has
    missing = [need.value for need in trouble.needs if need not in has]
    missing += [f"a {part.value}" for part in trouble.parts if part not in stage.parts]
    if missing:
        raise UserError(f"{trouble.id} needs {' and '.join(missing)}")
    try:
        orders = tuple(order for act in trouble.acts for order in _orders(act, stage))
        changes = any(_changes(order, stage) for order in orders)
    except UserError as error:
        raise UserError(f"{trouble.id} needs another network: {error}") from error
    if not changes:
        raise UserError(f"{trouble.id} needs another network: nothing would change in {stage.scenario.name}")
    return orders


def are_lines(orders: Sequence[Order]) -> bool:
    """Return whether orders change configurations and nothing else: `configurations_with` is the whole fault."""
    lasting = [order for order in orders if not isinstance(order, Run) or _lasts(order)]
    return bool(lasting) and all(isinstance(order, Type) for order in lasting)


def _lasts(order: Run) -> bool:
    return any(line.startswith(_LASTING) for line in order.lines)


def _changes(order: Order, stage: Stage) -> bool:
    """Return whether anything is different afterwards. Raises UserError for lines that a router would refuse."""
    if isinstance(order, Run):
        return _lasts(order)
    if not isinstance(order, Type):
        return True
    lines = stage.actors[order.router].lines
    return tuple(lines_after("\n".join(lines.lines), order.lines)) != lines.lines


def configurations_with(orders: Sequence[Order], stage: Stage) -> dict[str, str]:
    """Return the configurations of the scenario with the lines of the orders, for tools that only read them (lint)."""
    texts = dict(stage.scenario.configurations)
    for order in orders:
        if isinstance(order, Type):
            texts[order.router] = after(texts[order.router], order.lines)
    return texts


def _orders(act: model.Act, stage: Stage) -> tuple[Order, ...]:
    name = stage.parts[act.part]
    match act:
        case model.Configure(part=part, lines=lines):
            return (Type(name, tuple(stage.fill(line, part) for line in lines)),)
        case model.Command(part=part, lines=lines):
            return (Run(name, tuple(stage.fill(line, part) for line in lines)),)
        case model.Edit():
            return (Type(name, _edited(act, stage)),)
        case model.Differ():
            return (Type(name, _differing(stage, act)),)
        case model.Eigrp():
            return (Type(name, _eigrp(act, stage)),)
        case model.Rewrite(by=by):
            return (Type(name, by(stage.actors[name])),)
        case model.Renumber():
            return _moved(stage, stage.actors[name])
        case model.Wire():
            return (_impaired(stage, stage.actors[name], act),)
        case model.Kill():
            return (KillRouter(name),)
        case model.Nat(kind=kind):
            return (SetNat(name, kind),)
        case _:
            assert_never(act)


def _edited(act: model.Edit, stage: Stage) -> tuple[str, ...]:
    section = stage.fill(act.section, act.part)
    lines = stage.actor(act.part).lines.section(section).lines
    beginnings = tuple(stage.fill(one, act.part) for one in act.remove)
    remove = [line for line in lines if beginnings and line.startswith(beginnings)]
    return (section, *(f"no {line}" for line in remove), *(stage.fill(line, act.part) for line in act.add))


def _differing(stage: Stage, act: model.Differ) -> tuple[str, ...]:
    here, there = (stage.actor(part).end for part in (act.part, act.peer))
    pair = EndPair(here, there, nhrp=True) if here is not None and there is not None else None
    view = act.table.view(pair.here, pair) if pair is not None else None
    if view is None:
        raise UserError(f"{stage.parts[act.part]} has no {act.term.name}")
    return act.term.lines(view, act.term.other if act.value is NoValue.UNKNOWN else act.value)


def _eigrp(act: model.Eigrp, stage: Stage) -> tuple[str, ...]:
    actor = stage.actor(act.part)
    lines: list[str] = []
    if act.address_family:
        lines += [*process_header(actor), *(stage.fill(line, act.part) for line in act.address_family)]
    if act.topology:
        base = ("topology base",) if actor.is_named else ()
        lines += [*process_header(actor), *base, *(stage.fill(line, act.part) for line in act.topology)]
    if act.named and actor.is_named:
        named = [stage.fill(line, act.part) for line in act.named]
        lines += [*process_header(actor), f"af-interface {actor.tunnel}", *named]
    if act.classic and not actor.is_named:
        lines += [f"interface {actor.tunnel}", *(stage.fill(line, act.part) for line in act.classic)]
    return tuple(lines)


def _moved(stage: Stage, spoke: Actor) -> tuple[Order, ...]:
    """Return orders for another address on the same link; if none is free, provider and spoke swap their addresses."""
    interface = spoke.wan_interface
    if interface is None or not spoke.default_route:
        raise UserError(f"{spoke.name} has no NBMA address that could change")
    mask, provider = interface.network.netmask, stage.parts[Role.PROVIDER]
    taken = (str(interface.ip), spoke.gateway)
    free = [host for host in interface.network.hosts() if str(host) not in taken]
    if free:
        return (Type(spoke.name, (f"interface {spoke.wan}", f"ip address {free[0]} {mask}")),)
    return (
        Type(provider, (f"interface {stage.provider_port}", f"ip address {interface.ip} {mask}")),
        Type(
            spoke.name,
            (
                f"interface {spoke.wan}",
                f"ip address {spoke.gateway} {mask}",
                f"no {spoke.default_route}",
                f"ip route 0.0.0.0 0.0.0.0 {interface.ip}",
            ),
        ),
    )


def _impaired(stage: Stage, actor: Actor, wire: model.Wire) -> Impair:
    badness = wire.badness
    others = stage.wires.get((actor.name, actor.wan), ())
    if not others:
        raise UserError(f"{actor.name}:{actor.wan} is on no wire")
    if wire.incoming:
        if len(others) != 1:
            raise UserError(f"{actor.name}:{actor.wan} is no cable with two ends")
        badness = replace(badness, sender=others[0][0])
    if wire.outgoing:
        badness = replace(badness, sender=actor.name)
    return Impair(f"{actor.name}:{actor.wan}", badness)
