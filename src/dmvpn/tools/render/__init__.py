"""`dmvpn render`: the configurations of hubs and spokes from one table of sites.

table        sites.yaml -> `Table`, every error with file, line and key
allocation   the addresses that the table names, and conflicts between them; tunnel addresses, LANs, networks outside
plan         keys; the content of each configuration; refuses settings that cannot work
templating   Jinja2 in a sandbox, in a process of its own
writing      writes only the files that change; which files of a folder are ours; lab.yaml, hosts and a provider
"""

from __future__ import annotations

from pathlib import Path

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.ios import marked
from dmvpn.shells.documents import Places
from dmvpn.shells.exercises import CONFIGURATION
from dmvpn.shells.files import refuse_way_out
from dmvpn.tools.render.allocation import AllocationError, Allocations, allocate, lock_of, lock_text, read_lock
from dmvpn.tools.render.plan import Keys, Planned, find_keys, plan
from dmvpn.tools.render.table import Table, read, schema
from dmvpn.tools.render.templating import DEFAULT, render
from dmvpn.tools.render.writing import Made, lab_files, read_made

__all__ = ["DEFAULT", "Keys", "Rendered", "find_keys", "render_sites", "schema"]


class Rendered(Value, kw_only=True):
    """The result for a table. configurations: by site. files: by name; configurations, and the other files of a lab.

    folder: the destination. made: files there from earlier runs. lock, lock_text: the file of allocations, and its new
    text. no_lab: why the folder, which was a lab, cannot be a lab now.
    """

    folder: Path
    configurations: dict[str, str]
    files: dict[str, str]
    made: Made
    lock: Path
    lock_text: str
    no_lab: str = ""

    @property
    def gone(self) -> list[str]:
        """Files of earlier runs that are not part of this result."""
        return [name for name in self.made.own if name not in self.files]


def render_sites(
    path: Path, *, template: Path = DEFAULT, keys: Keys, lab: bool = False, out: Path | None = None
) -> Rendered:
    """Return everything but writing it down. out: the folder, if not the one beside the table. Raises UserError."""
    table, places = read(path)
    if table.protection == "psk" and keys.pre_shared_key is None:
        raise UserError(
            f"{places.at(('protection',))}: psk needs a key: --keys FILE with a line `pre_shared_key: ...`, or the "
            "environment variable DMVPN_PRE_SHARED_KEY"
        )
    folder = out or path.parent / table.name
    if out is None:
        refuse_way_out(path.parent, folder)
    made = read_made(folder, path)
    lock = lock_of(path)
    try:
        given = allocate(table, read_lock(lock))
        planned = plan(table, given)
        extra, no_lab = _lab(table, given, planned, places, made, lab=lab)
    except AllocationError as error:
        raise places.error(error.where, error.text) from error
    texts = render(template, {name: site.values(keys) for name, site in planned.items()})
    configurations = {name: _ours(text) for name, text in texts.items()}
    return Rendered(
        folder=folder,
        configurations=configurations,
        files={**{f"{name}.cfg": text for name, text in configurations.items()}, **extra},
        made=made,
        lock=lock,
        lock_text=lock_text(given),
        no_lab=no_lab,
    )


def _ours(text: str) -> str:
    """Return the text with the mark by which a router knows that no release has defaults here which are not shown."""
    return "\n".join(marked(text.splitlines())) + "\n"


def _lab(
    table: Table, given: Allocations, planned: dict[str, Planned], places: Places, made: Made, *, lab: bool
) -> tuple[dict[str, str], str]:
    """Return the files of a lab, or none and the reason.

    A folder that is a lab stays a lab: an old lab.yaml would have the wires of another network.
    """
    if not lab and CONFIGURATION not in made.own:
        return {}, ""
    try:
        files = lab_files(table, given, planned)
        return {name: _ours(text) if name.endswith(".cfg") else text for name, text in files.items()}, ""
    except AllocationError as error:
        if lab:
            raise
        return {}, str(places.error(error.where, error.text))
