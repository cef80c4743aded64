"""`dmvpn render`: the configurations of hubs and spokes from one table of sites.

reading      sites.yaml -> `Table` (table.py), every error with file, line and key
keys         from a private file or the environment
addresses    what the table says of addresses itself, and what of it cannot be
allocation   tunnel addresses, LANs, networks outside; what was given once stays (lock.py)
plan         what each configuration has to say; refuses what cannot work
templating   Jinja2 in a sandbox, in a process of its own
lab          lab.yaml, hosts and a provider
writing      files that change, and no others
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.tools.render.addresses import AllocationError
from dmvpn.tools.render.allocation import allocate
from dmvpn.tools.render.keys import Keys, find_keys
from dmvpn.tools.render.lab import lab_files
from dmvpn.tools.render.lock import lock_of, lock_text, read_lock
from dmvpn.tools.render.plan import plan
from dmvpn.tools.render.reading import read
from dmvpn.tools.render.table import Table, schema
from dmvpn.tools.render.templating import DEFAULT, render

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.render.allocation import Allocations
    from dmvpn.tools.render.reading import Places

__all__ = ["DEFAULT", "Keys", "Rendered", "find_keys", "render_sites", "schema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a table became. configurations: by site. files: those and, for a lab, what it needs besides; by file name.

    lock, lock_text: the file of what was given, and what it is to hold. gone: files of sites that are there no more.
    """

    name: str
    configurations: dict[str, str]
    files: dict[str, str]
    lock: Path
    lock_text: str
    gone: list[str]


def render_sites(path: Path, *, template: Path = DEFAULT, keys: Keys, lab: bool = False) -> Rendered:
    """Everything but writing it down. Raises UserError."""
    table, places = read(path)
    if table.protection == "psk" and keys.pre_shared_key is None:
        raise UserError(
            f"{places.at(('protection',))}: psk needs a key: --keys FILE with a line `pre_shared_key: ...`, or the "
            "environment variable DMVPN_PRE_SHARED_KEY"
        )
    lock = lock_of(path)
    kept = read_lock(lock)
    configurations, extra, given = _carried_out(table, places, kept, template, keys, lab=lab)
    return Rendered(
        name=table.name,
        configurations=configurations,
        files={**{f"{name}.cfg": text for name, text in configurations.items()}, **extra},
        lock=lock,
        lock_text=lock_text(given),
        gone=[f"{name}.cfg" for name in kept.numbers if name not in table.sites],
    )


def _carried_out(
    table: Table, places: Places, kept: Allocations, template: Path, keys: Keys, *, lab: bool
) -> tuple[dict[str, str], dict[str, str], Allocations]:
    try:
        given = allocate(table, kept)
        planned = plan(table, given)
        extra = lab_files(table, given, planned) if lab else {}
    except AllocationError as error:
        raise places.error(error.where, error.text) from error
    return render(template, {name: site.values(keys) for name, site in planned.items()}), extra, given
