"""A scenario: a folder with one configuration a router (`R11.cfg`) and a small `lab.yaml` of links and hosts.

    title: Phase 3, redirect and shortcut
    needs: [eigrp]                 # optional: parts of the program without which it cannot come up
    routers:                       # optional: every *.cfg of the folder is a router of that name
      R11: {role: hub}
      TRANSPORT: {role: provider}
    links:
      - ends: [R11:GigabitEthernet0/1, TRANSPORT:GigabitEthernet0/1]
        delay: 5                   # milliseconds, one way; also loss (percent), rate (kbit/s)
    hosts:
      H1: {link: "R11:GigabitEthernet0/2", address: 10.1.1.100/24, gateway: 10.1.1.1}

`lab.schema.json` beside this file is its published schema (made from these models, checked by a test). Both the lab in
namespaces and the simulator read scenarios with this module.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from dmvpn.base.errors import UserError
from dmvpn.ios import normalize_interface
from dmvpn.router.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,30}$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
#: The name of the socket of the lab itself.
RESERVED = "supervisor"
#: "R11:GigabitEthernet0/1", or a host's name: hosts have a single interface.
End = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,30}(:[A-Za-z]+ ?[0-9/.]+)?$")]

BUILT_IN = Path(__file__).parent.parent / "scenarios"
CONFIGURATION = "lab.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RouterSpec(_Strict):
    """A router. role: only for the picture and for `lab up`'s report; a provider runs no overlay."""

    role: Literal["hub", "spoke", "provider", "router"] = "router"


class LinkSpec(_Strict):
    """A wire, or a switch if it has more than two ends. delay: ms one way. loss: percent. rate: kbit/s."""

    ends: list[End] = Field(min_length=2)
    delay: float = Field(default=0.0, ge=0, le=10_000)
    loss: float = Field(default=0.0, ge=0, le=100)
    rate: int = Field(default=0, ge=0)


class HostSpec(_Strict):
    """A computer behind a router: plain IP, one interface."""

    link: End
    address: str
    gateway: IPv4Address | None = None

    @cached_property
    def interface(self) -> IPv4Interface:
        """Address with prefix length."""
        return IPv4Interface(self.address)


class ReadySpec(_Strict):
    """What `lab up` waits for besides registrations: routes that must be there ("R31": ["10.4.4.0/24"])."""

    routes: dict[Name, list[str]] = {}


#: Parts of the program that a scenario may need: names of features that some releases lack.
Need = Literal["ipsec", "eigrp", "rip", "ospf", "bgp"]


class Lab(_Strict):
    """The contents of `lab.yaml`. needs: what it cannot come up without; `lab up` says so before it tries."""

    title: str = ""
    needs: list[Need] = []
    routers: dict[Name, RouterSpec] = {}
    links: list[LinkSpec] = []
    hosts: dict[Name, HostSpec] = {}
    ready: ReadySpec = ReadySpec()

    @model_validator(mode="after")
    def _hosts_have_addresses(self) -> Self:
        for name, host in self.hosts.items():
            try:
                host.interface  # noqa: B018 - reading it checks it
            except ValueError as error:
                raise ValueError(f"host {name}: {error}") from error
        return self


class Scenario:
    """A scenario that was read and checked: configurations by router, links with both ends known."""

    def __init__(self, name: str, lab: Lab, configurations: dict[str, str]) -> None:
        self.name = name
        self.lab = lab
        self.configurations = configurations

    @classmethod
    def load(cls, name_or_folder: str) -> Self:
        """Read a built-in scenario by name, or a folder. Raises UserError that says what to mend."""
        folder = Path(name_or_folder)
        if not folder.is_dir():
            folder = BUILT_IN / name_or_folder
        if not re.fullmatch(r"[\w./~-]+", name_or_folder) or not folder.is_dir():
            known = ", ".join(built_in_names())
            raise UserError(f"no scenario {name_or_folder!r}: neither a folder nor one of {known}")
        configurations = {path.stem: _read_text(path) for path in sorted(folder.glob("*.cfg"))}
        if not configurations:
            raise UserError(f"{folder}: no router configuration (*.cfg) in this folder")
        return cls(folder.resolve().name, _read_lab(folder / CONFIGURATION), configurations)._checked(folder)

    def _checked(self, folder: Path) -> Self:
        where = folder / CONFIGURATION
        for router in self.configurations:
            if not re.fullmatch(_NAME, router) or router == RESERVED:
                raise UserError(f"{folder / router}.cfg: a router cannot have this name")
            if router in self.lab.hosts:
                raise UserError(f"{where}: {router} is a router and a host")
        for name, host in self.lab.hosts.items():
            node, interface = self.end(host.link)
            if node not in self.configurations or not interface:
                raise UserError(f"{where}: host {name}: its link {host.link!r} names no router interface")
        for router in self.lab.routers:
            if router not in self.configurations:
                raise UserError(f"{where}: router {router} has no file {router}.cfg")
        taken: set[tuple[str, str]] = set()
        for link in self.lab.links:
            for end in link.ends:
                node, interface = self.end(end)
                known = node in self.configurations if interface else node in self.lab.hosts
                if not known:
                    raise UserError(f"{where}: link end {end!r} names no router interface and no host")
                if (node, interface) in taken:
                    raise UserError(f"{where}: {end} is on two links")
                taken.add((node, interface))
        return self

    @staticmethod
    def end(text: str) -> tuple[str, str]:
        """Router (or host) and interface of a link end; the interface is "" for a host."""
        node, _, interface = text.partition(":")
        if not interface:
            return node, ""
        name = normalize_interface(interface)
        if name is None:
            raise UserError(f"link end {text!r}: no such kind of interface")
        return node, name

    def segments(self) -> Iterator[tuple[list[tuple[str, str]], LinkSpec]]:
        """Every wire: its ends (node, interface) and properties. A host's `link` joins the wire of that interface."""
        wires = [([self.end(end) for end in link.ends], link) for link in self.lab.links]
        for name, host in self.lab.hosts.items():
            where = self.end(host.link)
            for ends, _ in wires:
                if where in ends:
                    ends.append((name, "eth0"))
                    break
            else:
                wires.append(([where, (name, "eth0")], LinkSpec(ends=[host.link, name])))
        yield from wires

    @property
    def lacks(self) -> list[str]:
        """What it needs and this release does not have."""
        built = {feature.name for feature in FEATURES if not feature.kept_only}
        return [need for need in self.lab.needs if need not in built]

    def role(self, router: str) -> str:
        """hub, spoke, provider or router."""
        spec = self.lab.routers.get(router)
        return spec.role if spec else "router"


def _read_lab(path: Path) -> Lab:
    if not path.exists():
        return Lab()
    try:
        return Lab.model_validate(yaml.safe_load(_read_text(path)) or {})
    except yaml.YAMLError as error:
        raise UserError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {where}: {first['msg']}") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def built_in_names() -> list[str]:
    """The scenarios that come with the program."""
    return sorted(path.parent.name for path in BUILT_IN.glob(f"*/{CONFIGURATION}"))


def schema() -> str:
    """The JSON schema of `lab.yaml`, as `lab.schema.json` publishes it."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Lab.model_json_schema(),
        "title": "lab.yaml of a dmvpn scenario",
    }
    return json.dumps(described, indent=2) + "\n"
