"""`sites.lock.yaml`: the addresses allocated to sites, beside the table. Keep both in one repository."""

from __future__ import annotations

import os
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dmvpn.shells.documents import parse_yaml, read_text
from dmvpn.shells.lab_model import Name
from dmvpn.tools.render.allocation import Allocations

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = (
    "# Made by `dmvpn render`: what sites were given. Keep it with the table; to renumber a site, take it out here.\n"
)
Count = Annotated[int, Field(ge=1)]


class _Lock(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    numbers: dict[Name, Count] = Field(default={})
    lans: dict[Name, IPv4Network] = Field(default={})
    nbmas: dict[Name, IPv4Network] = Field(default={})
    ports: dict[IPv4Network, Count] = Field(default={})


def lock_of(table: Path) -> Path:
    """Return the file beside a table: `sites.lock.yaml` of `sites.yaml`."""
    return table.with_name(f"{table.stem}.lock.yaml")


def read_lock(path: Path) -> Allocations:
    """Read the allocations; they are empty before the first run. Raises UserError."""
    if not os.path.lexists(path):
        return Allocations()
    raw, places = parse_yaml(read_text(path, folder=path.parent), str(path))
    try:
        lock = _Lock.model_validate(raw or {})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise places.error(tuple(part for part in first["loc"] if part != "[key]"), first["msg"]) from error
    ports = {str(network): port for network, port in lock.ports.items()}
    for what, values in (("numbers", lock.numbers), ("lans", lock.lans), ("nbmas", lock.nbmas), ("ports", ports)):
        seen: dict[object, str] = {}
        for name, value in values.items():
            if seen.setdefault(value, name) != name:
                raise places.error((what, name), f"{seen[value]} has {value}, too")
    return Allocations(lock.numbers, lock.lans, lock.nbmas, lock.ports)


def lock_text(given: Allocations) -> str:
    """Return the file for these."""
    document = {
        "numbers": given.numbers,
        "lans": {name: str(network) for name, network in given.lans.items()},
        "nbmas": {name: str(network) for name, network in given.nbmas.items()},
        "ports": {str(network): port for network, port in given.ports.items()},
    }
    return _HEAD + yaml.safe_dump({key: value for key, value in document.items() if value}, sort_keys=False)
