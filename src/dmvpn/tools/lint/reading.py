"""What a user named, as networks: files together are one, each folder is one, a scenario brings its sites."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.ios.markdown import is_empty
from dmvpn.ios.transcript import LONGEST_FILE, decode
from dmvpn.shells.exercises import CONFIGURATION
from dmvpn.shells.files import leads_out, notes_on_links
from dmvpn.shells.folders import configurations_in
from dmvpn.shells.router_files import NoConfiguration, nothing_in, read_routers
from dmvpn.tools.lint.engine import sites_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.network.sites import Site

_ENDINGS: Final = (".cfg", ".conf")
#: What is typed for it, and what it is called in findings.
_STANDARD_INPUT: Final = "-"
_STDIN: Final = "stdin"


@dataclass(frozen=True, slots=True)
class Given:
    """One network: configurations by path, and the sites that are known."""

    configurations: dict[str, str] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)


def networks(names: Iterable[str]) -> Iterator[Given]:
    """Yield the networks of the named files and folders. Raises UserError if one does not exist."""
    together = Given()
    folders: list[Given] = []
    seen: set[Path] = set()  # looked up, never iterated
    for name in names:
        path = Path(name)
        if name == _STANDARD_INPUT:
            if _STDIN not in together.configurations:
                together.configurations[_STDIN] = _text(sys.stdin.buffer.read(LONGEST_FILE + 1), _STDIN)
        elif path.is_dir():
            folders.append(_scenario(name) if (path / CONFIGURATION).exists() else _folder(path))
        elif path.exists() or path.suffix in _ENDINGS or "/" in name:
            if path.resolve() not in seen:
                together.configurations.update(_read(name, path))
            seen.add(path.resolve())
        else:
            folders.append(_scenario(name))
    if together.configurations:
        yield together
    yield from folders


def _folder(path: Path) -> Given:
    named = sorted(file for file in path.iterdir() if file.suffix in _ENDINGS and file.is_file())
    files = [file for file in named if not leads_out(path, file)]
    if not files:
        return _of_strangers(path)
    for note in notes_on_links(path, named):
        print(f"note: {note}", file=sys.stderr)
    given = Given()
    for file in files:
        try:
            given.configurations.update(_read(str(file), file))
        except NoConfiguration as error:
            print(f"note: {error}: it is left out", file=sys.stderr)
    if not given.configurations:
        raise UserError(f"{path}: no router configuration in this folder")
    return given


def _of_strangers(path: Path) -> Given:
    """Take what a lab would take of a folder whose files are called otherwise. Raises UserError."""
    found = configurations_in(path)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    several = Counter(found.files.values())
    return Given(
        {
            f"{file} ({name})" if several[file] > 1 else str(file): found.texts[name]
            for name, file in found.files.items()
        }
    )


def _scenario(name: str) -> Given:
    from dmvpn.shells.scenario import Scenario  # not for single files, which are linted while they are written

    scenario = Scenario.load(name, strict=True)
    here = Path(name)
    paths = {router: str(here / f"{router}.cfg") for router in scenario.configurations}
    sites = {paths[router]: site for router, site in sites_of(scenario).items()}
    return Given({paths[router]: text for router, text in scenario.configurations.items()}, sites)


def _read(name: str, path: Path) -> dict[str, str]:
    """Read by the name that findings give them: the file's, and the router's where the file has several."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: no regular file; `-` reads standard input")
    parts = read_routers(path)
    if len(parts) == 1:
        return {name: parts[0].text}
    return {f"{name} ({part.name})": part.text for part in parts}


def _text(octets: bytes, name: str) -> str:
    try:
        text = decode(octets)
    except ValueError as error:
        raise UserError(f"{name}: {error}") from error
    if is_empty(text):
        raise UserError(f"{name}: {nothing_in(text)}")
    return text
