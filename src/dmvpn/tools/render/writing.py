"""The files of a folder: their differences, and writing them; `lab.yaml` of a table.

Configurations hold keys, so only their owner may read them. A file that needs no change is not touched. A file that an
earlier run made for a removed site is deleted, and no other file. A file from any other source is not overwritten.

`.made-by-render.yaml` names the files there that `dmvpn render` made, by table. The lock file cannot hold this list:
it is beside the table and may come from a colleague, and there may be several folders.

The lab of a table has wires, NAT boxes and hosts, and a router that stands for the provider.
"""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import RootModel, StringConstraints, ValidationError

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.ios import short_interface
from dmvpn.shells.documents import LARGEST, parse_yaml, read_text
from dmvpn.shells.exercises import CONFIGURATION
from dmvpn.shells.files import open_private, read_given
from dmvpn.shells.lab_model import INSIDE, NAME, OUTSIDE, RESERVED
from dmvpn.tools.render.allocation import AllocationError, Allocations, nat_of
from dmvpn.tools.render.plan import Planned, lan_of, summary_of
from dmvpn.tools.render.table import PROVIDER, Table

# -------------------------------------------------------------------------------------- the list of files that are ours


MADE_FILES: Final = ".made-by-render.yaml"
#: In the first line of a configuration made with the built-in template, and of the files of a lab.
MARK: Final = "Made by `dmvpn render`"
_HEAD: Final = f"# {MARK}: the files here that it made, by table. Others it neither changes nor removes.\n"


class _Listed(RootModel[dict[str, list[Annotated[str, StringConstraints(pattern=r"^\w[\w.-]*\.(cfg|yaml)$")]]]]):
    """File names only: a path in the list cannot remove a file elsewhere."""


class Made(Value):
    """table: its path relative to the folder, so that both may move together. lists: names of files by table."""

    table: str
    lists: dict[str, tuple[str, ...]]

    @property
    def own(self) -> tuple[str, ...]:
        """The files made from this table."""
        return self.lists.get(self.table, ())

    def is_ours(self, name: str, text: str) -> bool:
        """Return whether this file was made, of whichever table."""
        return any(name in names for names in self.lists.values()) or MARK in text.partition("\n")[0]

    def text(self, names: Collection[str]) -> str:
        """Return the text of the file if `names` are the files made from this table now."""
        others = {table: sorted(set(old) - set(names)) for table, old in self.lists.items() if table != self.table}
        lists = {**{table: left for table, left in others.items() if left}, self.table: sorted(names)}
        return _HEAD + yaml.safe_dump(dict(sorted(lists.items())))


def read_made(folder: Path, table: Path) -> Made:
    """Read the list of a folder. Raises UserError."""
    key, path = os.path.relpath(table.resolve(), folder.resolve()), folder / MADE_FILES
    if not os.path.lexists(path):
        return Made(key, {})
    raw, _ = parse_yaml(read_text(path, folder=folder), str(path))
    try:
        listed = _Listed.model_validate(raw or {}).root
    except ValidationError as error:
        text = "this is no list of files by table: remove it, and yourself the files of sites that are gone"
        raise UserError(f"{path}: {text}") from error
    return Made(key, {table: tuple(names) for table, names in listed.items()})


# ------------------------------------------------------------------------------------------------ writing


_PRIVATE: Final = 0o600
#: Name -> the present and the wanted text of each file that differs; None: no such file.
Changes = dict[str, tuple[str | None, str | None]]


def changes(folder: Path, files: Mapping[str, str], gone: list[str]) -> Changes:
    """Return the files that differ. Raises UserError."""
    found: Changes = {}
    for name, text in files.items():
        there = _read(folder, name)
        if there != text:
            found[name] = there, text
    for name in gone:
        if (there := _read(folder, name)) is not None:
            found[name] = there, None
    return found


def unified(folder: Path, changed: Changes) -> Iterator[str]:
    """Yield the differences as lines, in the way of `diff -u`."""
    for name, (old, new) in changed.items():
        before, after = (str(folder / name) if text is not None else os.devnull for text in (old, new))
        yield from difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), before, after, lineterm="")


def refuse_strangers(folder: Path, changed: Changes, made: Made) -> None:
    """Refuse to overwrite files that `dmvpn render` did not make. Raises UserError."""
    for name, (old, _) in changed.items():
        if old is not None and not made.is_ours(name, old):
            text = "`dmvpn render` did not make this file: move it away, or give another folder by --out"
            raise UserError(f"{folder / name}: {text}")


def write(folder: Path, changed: Changes) -> None:
    """Carry the changes out; each file is replaced atomically. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (_, text) in changed.items():
            if text is None:
                (folder / name).unlink()
            else:
                write_one(folder / name, text)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error


def write_one(path: Path, text: str) -> None:
    """Replace one file. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    os.close(handle)
    try:
        with open_private(Path(temporary)) as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def tighten(folder: Path, files: Mapping[str, str]) -> None:
    """Restrict existing files to their owner, too. Raises UserError."""
    for name in files:
        path = folder / name
        try:
            if path.stat().st_mode & 0o077:
                path.chmod(_PRIVATE)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror or error}") from error


def _read(folder: Path, name: str) -> str | None:
    """Return the text of a file, or None if the file does not exist. Raises UserError."""
    path = folder / name
    try:
        return read_given(path, LARGEST, folder).decode() if os.path.lexists(path) else None
    except UnicodeDecodeError:
        return ""


# ------------------------------------------------------------------------------------------------ a lab


_PORT = "GigabitEthernet0/{}"


def lab_files(table: Table, given: Allocations, planned: dict[str, Planned]) -> dict[str, str]:
    """Return the files that a folder of rendered configurations needs to be a lab. Raises AllocationError."""
    names = _Names([*table.sites, PROVIDER, RESERVED])
    lab = _Lab(names)
    for name, site in planned.items():
        lab.add(table, name, site)
    document = {
        "title": f"{table.name}: {len(table.hubs)} hubs and {len(table.spokes)} spokes",
        "routers": {**{name: {"role": site.role} for name, site in planned.items()}, PROVIDER: {"role": "provider"}},
        "links": lab.links(given.ports),
        **({"gateways": lab.gateways} if lab.gateways else {}),
        "hosts": {
            names.new(f"H-{name}", f"H-{site.number}"): _host_spec(table, given, name, site)
            for name, site in planned.items()
        },
        "ready": {"routes": _routes(table, given)},
    }
    head = "# Made by `dmvpn render`. Change the table, not this file.\n"
    return {
        CONFIGURATION: head + yaml.safe_dump(document, sort_keys=False, width=1000),
        f"{PROVIDER}.cfg": lab.provider(given.ports),
    }


class _Names:
    """Names for hosts and NAT boxes, which the table does not name."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def new(self, wanted: str, short: str) -> str:
        """Return a name that is free and valid in a lab: the wanted one, or one made of the short one."""
        for name in chain((wanted, short), (f"{short}-{number}" for number in count(2))):
            if name not in self._taken and re.fullmatch(NAME, name):
                break
        self._taken.add(name)
        return name


class _Lab:
    """Collects the wires of the lab, with the ends on each of them."""

    def __init__(self, names: _Names) -> None:
        self.gateways: dict[str, dict[str, str]] = {}
        self._names = names
        self._boxes: dict[IPv4Address, list[str]] = {}
        self._wires: dict[IPv4Network, list[str]] = {}
        self._providers: dict[IPv4Network, IPv4Address] = {}

    def add(self, table: Table, name: str, site: Planned) -> None:
        """Add a site, with its NAT box if it has one."""
        end = _end(name, site.wan.interface)
        nat = nat_of(table.sites[name])
        if site.wan.address is None or site.wan.gateway is None:
            text = "it gets its address by DHCP, which labs do not have: give it an nbma and a gateway"
            raise AllocationError(("spokes", name), text)
        if nat is None:
            network = IPv4Network((site.wan.address, site.wan.mask or ""), strict=False)
            self._plug(end, network, IPv4Address(site.wan.gateway))
        elif nat.outside is None or nat.gateway is None:
            raise AllocationError(("spokes", name, "nat"), "a lab needs nat.outside and nat.gateway")
        elif nat.outside.ip in self._boxes:
            self._boxes[nat.outside.ip].append(end)
        else:
            # By its address, so that it has the same name whatever site moves behind it, or goes.
            box = self._names.new(f"NAT-{nat.outside.ip}", f"NAT-{name}")
            self.gateways[box] = {
                "kind": nat.kind,
                "outside": str(nat.outside),
                "gateway": str(nat.gateway),
                "inside": str(IPv4Interface((site.wan.gateway, site.wan.mask or ""))),
            }
            self._plug(f"{box}:{OUTSIDE}", nat.outside.network, nat.gateway)
            self._boxes[nat.outside.ip] = [f"{box}:{INSIDE}", end]

    def _plug(self, end: str, network: IPv4Network, gateway: IPv4Address) -> None:
        self._wires.setdefault(network, []).append(end)
        self._providers[network] = gateway

    def links(self, ports: Mapping[IPv4Network, int]) -> list[dict[str, list[str]]]:
        """Return all wires; the provider has a port at each of its networks."""
        outer = [[*ends, f"{PROVIDER}:{_PORT.format(ports[network])}"] for network, ends in self._wires.items()]
        return [{"ends": ends} for ends in (*outer, *self._boxes.values())]

    def provider(self, ports: Mapping[IPv4Network, int]) -> str:
        """Return its configuration."""
        text = "".join(
            f"interface {_PORT.format(ports[network])}\n"
            f" ip address {self._providers[network]} {network.netmask}\n no shutdown\n!\n"
            for network in sorted(self._wires, key=ports.__getitem__)
        )
        return f"! Made by `dmvpn render`: the provider, for labs.\nhostname {PROVIDER}\n!\n{text}end\n"


def _end(name: str, interface: str) -> str:
    """Return an end of a wire. lab.yaml has no place for the dash of a Port-channel."""
    return f"{name}:{short_interface(interface) if '-' in interface else interface}"


def _host_spec(table: Table, given: Allocations, name: str, site: Planned) -> dict[str, str]:
    lan = lan_of(table, given, name)
    address = lan[min(100, lan.num_addresses - 2)]
    return {
        "link": _end(name, site.lan.interface),
        "address": f"{address}/{lan.prefixlen}",
        "gateway": site.lan.address,
    }


def _routes(table: Table, given: Allocations) -> dict[str, list[str]]:
    """Return the routes that a lab has when it is up: LANs of spokes at the hub, a route to LANs at spokes."""
    pool = summary_of(table)
    hub = next(iter(table.hubs))
    towards = str(lan_of(table, given, hub)) if pool is None else str(pool)
    at_hubs = [str(lan_of(table, given, name)) for name, spoke in table.spokes.items() if _uses(table, spoke.hubs, hub)]
    routing = [name for name, spoke in table.spokes.items() if _uses(table, spoke.hubs, hub)]
    if table.routing == "static":
        return {hub: at_hubs}
    at_spokes = {name: [towards] for name in routing if table.spokes[name].routing != "static"}
    return {hub: at_hubs, **at_spokes}


def _uses(table: Table, hubs: list[str] | None, hub: str) -> bool:
    return hub in (hubs or list(table.hubs))
