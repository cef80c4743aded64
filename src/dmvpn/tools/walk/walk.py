"""A whole walk: both directions, their packet sizes, and their differences. A pure function of facts and a question.

question    the meaning of SRC and DST: addresses, or names of hosts and routers
budget      the packet sizes that a path carries: found by walks with packets of many sizes, so that the two cannot
            differ
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathe
from dmvpn.base.errors import UserError
from dmvpn.tools.walk.box import ETHERNET
from dmvpn.tools.walk.values import Act, Budget, Clamp, Question, Walk, WalkedPath, WalkOutcome
from dmvpn.tools.walk.view import View
from dmvpn.tools.walk.walker import Walker

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.facts import Address
    from dmvpn.shells.facts import LabFacts


# ---------------------------------------------------------------------------------------------------- budget

#: Octets of the headers of IP and TCP, by IP version.
_HEADERS: Final = {4: 40, 6: 60}


def walked(walker: Walker, question: Question) -> WalkedPath:
    """Return the walk in one direction."""
    end, trail = walker.go(question), walker.trail
    return WalkedPath(
        question=question,
        steps=tuple(trail.steps),
        crossings=tuple(trail.crossings),
        end=end,
        clamps=tuple(trail.clamps),
    )


def budget(walker: Walker, question: Question) -> Budget:
    """Return the packet sizes that pass in this direction."""
    smallest = _HEADERS[question.destination.version]

    def attempt(size: int, *, df: bool) -> WalkedPath:
        breathe()
        return walked(walker, replace(question, size=size, df=df))

    def is_whole(size: int) -> bool:
        path = attempt(size, df=False)
        return _arrives(path) and not any(step.act is Act.CUT for step in path.steps)

    left = [step.left for step in attempt(smallest, df=False).steps if step.left is not None]
    whole = _largest(is_whole, smallest, smallest + min(left, default=0))
    with_df = _largest(lambda size: _arrives(attempt(size, df=True)), smallest, whole or smallest)
    limit = ""
    if whole is not None and whole < ETHERNET:
        longer = attempt(whole + 1, df=False)
        limit = _limit(longer)
    if with_df is None or with_df >= ETHERNET:
        return Budget(whole=whole, limit=limit, with_df=with_df)
    refused = attempt(with_df + 1, df=True).end
    return Budget(whole=whole, limit=limit, with_df=with_df, refusal=refused.refusal, later_mtu=refused.later_mtu)


def with_mss(found: Budget, version: int, clamps: tuple[Clamp, ...]) -> Budget:
    """Return the budget with the TCP maximum segment size.

    Both SYNs pass interfaces that clamp it; either end has a wire of 1500 octets.
    """
    own = ETHERNET - _HEADERS[version]
    mss = min([own, *(clamp.mss for clamp in clamps)])
    because = tuple(dict.fromkeys(clamp for clamp in clamps if clamp.mss == mss and mss < own))
    return replace(found, mss=mss, clamps=because)


def _arrives(path: WalkedPath) -> bool:
    """Return whether it arrives, as far as can be seen."""
    return path.end.outcome in (WalkOutcome.DELIVERED, WalkOutcome.UNSEEN)


def _limit(path: WalkedPath) -> str:
    """Return the place where a packet is first fragmented, or dropped."""
    for number, step in enumerate(path.steps):
        if step.act in (Act.CUT, Act.END):
            before = next((it.what for it in reversed(path.steps[:number]) if it.act is Act.PORT), "")
            return f"{step.where}: {before}" if before else step.where
    return ""


def _largest(fits: Callable[[int], bool], smallest: int, guess: int) -> int | None:
    """Return the largest size that fits, as all smaller sizes do; None if none fits. guess: a likely size."""
    if not fits(smallest):
        return None
    low, high = smallest, ETHERNET + 1
    size, step = guess, 1
    while high - low > 1:
        if not low < size < high:
            size = (low + high) // 2
        if fits(size):
            low, size = size, size + step
        else:
            high, size = size, size - step
        step *= 2
    return low


# ---------------------------------------------------------------------------------------------------- ends


def question(
    view: View, source: str, destination: str, *, start: str = "", size: int = 100, df: bool = False
) -> Question:
    """Return the packet that the arguments describe. start: the first router; "": the router of its source.

    Raises UserError.
    """
    wanted = _version(destination) or _version(source)
    there = _address(view, destination, wanted)
    if there.is_multicast or there.is_unspecified or int(there) == 0xFFFFFFFF:
        raise UserError(f"{there} is not the address of one station: a walk goes to a single one")
    if source in view.lab.routers and source not in view.lab.hosts:
        _alive(view, source)
        here = _source_of(view, source, there, destination)
    else:
        here = _address(view, source, there.version)
    if here.version != there.version:
        raise UserError(f"{here} and {there} are of different IP versions")
    receiver = destination if len(view.hosts_with(there)) > 1 and destination in view.lab.hosts else ""
    asked = Question(source=here, destination=there, start=start, size=size, df=df, receiver=receiver)
    if start:
        _alive(view, start)
        return replace(asked, passes=view.own(start, here) is None)
    owner = _owner(view, source, here)
    return replace(asked, start=owner) if owner else replace(asked, start=_entry(view, here), passes=True)


def _owner(view: View, source: str, address: Address) -> str:
    """Return the host or router that a packet with this source begins at, "": none in view has the address.

    Raises UserError for the address of several hosts, which different VRFs may have.
    """
    if source in view.lab.hosts or source in view.lab.routers:
        return source
    several = view.hosts_with(address)
    if len(several) > 1:
        raise UserError(f"{address} is the address of {' and of '.join(several)}: say which one by its name")
    return view.owner(address) or ""


def _entry(view: View, source: Address) -> str:
    """Return the router at which a packet of a stranger's comes into view."""
    lan = view.lan(source)
    if lan is not None:
        return lan[0]
    if len(view.lab.routers) == 1:
        return next(iter(view.lab.routers))
    raise UserError(f"no host or router in view has {source}, or a network with it: add --from ROUTER, where it begins")


def _version(text: str) -> int | None:
    try:
        return ip_address(text).version
    except ValueError:
        return None


def _address(view: View, text: str, version: int | None) -> Address:
    """Return an address, of this IP version where there is a choice."""
    host = view.host(text)
    if host is not None:
        fitting = [own.ip for own in host.addresses if version in (None, own.version)]
        if not fitting:
            raise UserError(f"{text} has no IPv{version} address")
        return fitting[0]
    if text in view.lab.routers:
        return _address_of_router(view, text, version)
    try:
        return ip_address(text)
    except ValueError as error:
        names = ", ".join((*view.lab.hosts, *view.lab.routers))
        raise UserError(f"{text}: neither an address nor a name; this lab has {names}") from error


def _address_of_router(view: View, name: str, version: int | None) -> Address:
    """Return its first tunnel address; without one its first address."""
    _alive(view, name)
    facts = view.router(name)
    tunnels = [address for tunnel in facts.tunnels for address in tunnel.addresses] if facts is not None else []
    others = [own.ip for interface in facts.interfaces for own in interface.addresses] if facts is not None else []
    for address in (*tunnels, *others):
        if version in (None, address.version):
            return address
    raise UserError(f"{name} has no IPv{version or 4} address")


def _source_of(view: View, router: str, destination: Address, name: str) -> Address:
    """Return the address that a packet of the router's own carries: that of the interface by which it leaves.

    name: of the destination; a packet to a host is sent in the host's VRF, if the router has a VRF of that name.
    """
    match = view.match(router, destination, view.vrf_of_host(name))
    for hop in match.hops if match is not None else ():
        interface = view.interface(router, hop.interface)
        for own in interface.addresses if interface is not None else ():
            if own.version == destination.version:
                return own.ip
    return _address_of_router(view, router, destination.version)


def _alive(view: View, name: str) -> None:
    if name not in view.lab.routers:
        raise UserError(f"there is no router {name}; there is {', '.join(view.lab.routers)}")
    if view.router(name) is None:
        raise UserError(f"{name} does not run: dmvpn lab start {name}")


# ---------------------------------------------------------------------------------------------------- walk

#: The port of a client.
_CLIENT: Final = 49152


def walk(
    lab: LabFacts,
    source: str,
    destination: str,
    *,
    start: str = "",
    size: int = 100,
    df: bool = False,
    service: tuple[int, int] | None = None,
) -> Walk:
    """Return the paths of a packet of `size` octets and of its answer. df: the DF bit. Raises UserError.

    service: TCP or UDP, by its number, and the port at the destination; None: an echo.
    """
    view = View(lab)
    asked = question(view, source, destination, start=start, size=size, df=df)
    if service is not None:
        asked = replace(asked, protocol=service[0], ports=(_CLIENT, service[1]))
    walker, version = Walker(view), asked.destination.version
    forth = walked(walker, asked)
    answer = _answer(forth)
    if answer is None:
        return Walk(forth=forth, budget=with_mss(budget(walker, asked), version, forth.clamps))
    back = walked(walker, answer)
    back_budget = budget(walker, answer)
    clamps = (*forth.clamps, *back.clamps)
    return Walk(
        forth=forth,
        back=back,
        budget=with_mss(budget(walker, asked), version, clamps),
        back_budget=with_mss(back_budget, version, clamps),
        differs=_difference(forth, back),
    )


def _answer(forth: WalkedPath) -> Question | None:
    """Return the answer to the source address that the receiver saw; None if the packet was not delivered."""
    asked, end = forth.question, forth.end
    if end.outcome is not WalkOutcome.DELIVERED or end.source is None or asked.source == asked.destination:
        return None
    return Question(
        source=end.destination or asked.destination,
        destination=end.source,
        start=end.where,
        size=asked.size,
        df=asked.df,
        protocol=asked.protocol,
        ports=(end.port, asked.ports[0]) if asked.protocol else asked.ports,
        answers=True,
    )


def _difference(forth: WalkedPath, back: WalkedPath) -> str:
    """Return how the path of the answer differs, "" if it is the same."""
    there, here = _hops(forth), _hops(back)
    if here == there[::-1]:
        return ""
    return f"forth by {' > '.join(there)}; back by {' > '.join(here)}"


def _hops(path: WalkedPath) -> list[str]:
    """Return the routers and hosts that handled the packet itself, not a tunnel packet around it."""
    found = [step.where for step in path.steps if step.depth == 0]
    return [name for place, name in enumerate(found) if place == 0 or found[place - 1] != name]
