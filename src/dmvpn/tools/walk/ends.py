"""The meaning of SRC and DST: addresses, or names of hosts and routers."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.tools.walk.values import Question
from dmvpn.tools.walk.view import View, addresses_of

if TYPE_CHECKING:
    from dmvpn.base.facts import Address


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
    raise UserError(f"nobody in view has {source}, or a network with it: say with --from at which router it begins")


def _version(text: str) -> int | None:
    try:
        return ip_address(text).version
    except ValueError:
        return None


def _address(view: View, text: str, version: int | None) -> Address:
    """Return an address, of this IP version where there is a choice."""
    host = view.host(text)
    if host is not None:
        fitting = [own.ip for own in addresses_of(host) if version in (None, own.version)]
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
