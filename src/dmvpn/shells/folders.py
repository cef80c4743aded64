"""Folders of configurations: selects the files of the routers, and reports the files left out.

    described   the folder has a `lab.yaml`: its routers are the files called NAME.cfg
    others      every file that holds a configuration counts, whatever its name (`ios/markdown`); where the folder
                itself has none, those of its sub-folders, if these are parts of one network; else the page about all of
                them
    topologies  the file of a program that draws networks (`topologies`) maps files to routers, or contains the
                configurations; and it has the wires
    stages      of `R1_init.cfg` and `R1_final.cfg`, and of such folders, the complete one counts

Every file left out is reported (`FolderContents.notes`), and several networks in one folder are an error that names
each.

Files and folders of one network at several stages: courses have `R1_init.cfg`, and `R1_final.cfg`.

Copies are such stages, too: `R1.recovered` beside `R1`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError, some
from dmvpn.base.values import Mutable
from dmvpn.ios.markdown import has_fences, hostname_of, looks_like_one
from dmvpn.ios.parts import RouterText
from dmvpn.network.lines import Lines
from dmvpn.shells.files import leads_out, notes_on_links
from dmvpn.shells.router_files import NoConfiguration, is_of_router, read_configuration, read_routers
from dmvpn.shells.stations import Station, stations_in, stations_of
from dmvpn.shells.topologies import Topology, segments_of, topology_in

# ------------------------------------------------------------------------------------------------ stages


_STAGE: Final = re.compile(
    r"(?P<rest>.*?)(?:^|[\s_.-])(?:(?P<early>init|initial|start|starting|begin|beginning|before|base|blank|unconfigured)"
    r"|final|finished|complete|completed|solution|solutions|solved|done|end|after)(?:[\s_.-]*(?:configs?|cfg|state))?$",
    re.IGNORECASE,
)
_COPY: Final = re.compile(
    r"(?P<rest>.+?)(?:[\s_.-]+(?:copy|recovered|backup|bak|old|orig|original)(?:[\s_.-]*\d+)?|\s*\(\d+\))$",
    re.IGNORECASE,
)


def earlier_of(names: Iterable[str]) -> dict[str, str]:
    """Return the names of earlier stages and copies, each with the name of its complete version."""
    names = list(names)
    early: dict[str, list[str]] = {}
    complete: dict[str, str] = {}
    for name in names:
        found = _STAGE.fullmatch(name)
        if found is None:
            continue
        rest = found["rest"].lower()
        if found["early"]:
            early.setdefault(rest, []).append(name)
        else:
            complete.setdefault(rest, name)
    found_early = {name: complete[rest] for rest, each in early.items() if rest in complete for name in each}
    own = {name.lower(): name for name in names}
    copies = {name: copy["rest"].lower() for name in names if (copy := _COPY.match(name)) is not None}
    return found_early | {name: own[rest] for name, rest in copies.items() if rest in own}


# ------------------------------------------------------------------------------------------------ folders


_SUFFIX: Final = ".cfg"
#: A log of a terminal is of the router that its prompts name, unless nobody has named it.
_LOG: Final = ".log"
_UNSET: Final = "router"
#: Configurations of strangers have any name; all files count but these, which have other purposes.
_NEVER: Final = (
    *(".bak", ".old", ".orig", ".swp", ".yaml", ".yml", ".json", ".j2", ".py", ".sh", ".csv", ".html", ".xml", ".vpc"),
    *(".unl", ".gns3", ".virl"),
    *(".pem", ".key", ".crt", ".cer", ".pcap", ".pcapng", ".png", ".jpg", ".jpeg", ".gif", ".pdf", ".zip", ".pkt"),
)
#: Copies of an editor, and the keys that GNS3 stores beside a configuration.
_BESIDE: Final = ("~", "private-config.cfg")
#: Larger files of strangers are not read, nor more files, nor deeper sub-folders.
_LARGEST: Final = 4 << 20
_MOST_FILES: Final = 1000
_DEEPEST: Final = 3
#: The main page of a folder describes all of it; that of a router's own folder has its configuration.
_ABOUT: Final = "readme"
_PAGES: Final = (".md", ".markdown", ".rst")
#: This many routers are a network.
_SEVERAL: Final = 2
#: Beginnings of lines that make a port a router's, and ports of a switch that may have an address, too.
_ADDRESSED: Final = ("ip address", "ipv6 address", "ip unnumbered")
_TUNNEL: Final = "interface Tunnel"
_NO_PORTS: Final = ("interface Vlan", "interface Loopback", "interface Null")


class FolderContents(Mutable):
    """The configurations of a folder, and their files: by the router, or by the file if it has one router.

    notes: decisions about ambiguous files.
    segments: for ports with a wire in a topology, by the router's name here and the port: equal numbers are one wire.
    stations: the computers that files beside those of routers describe.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    segments: dict[tuple[str, str], int] = field(default_factory=dict)
    stations: list[Station] = field(default_factory=list)

    def add(self, name: str, text: str, path: Path) -> None:
        """Add one more router. Raises UserError if its name exists."""
        if name in self.texts:
            both = f"{self.files[name]} and {path}" if self.files[name] != path else f"{path}"
            raise UserError(f"{both}: there are two configurations of {name}")
        self.texts[name], self.files[name] = text, path

    @property
    def routers(self) -> dict[str, str]:
        """The host names or file names of the routers, each with the router's name here."""
        return {hostname_of(text) or name: name for name, text in self.texts.items()}


# ---------------------------------------------------------------------------------------------------- one file


def configurations_of(path: Path) -> FolderContents:
    """Return the configurations in a file. Raises UserError."""
    found = FolderContents()
    topology = topology_in(path)
    if topology is not None:
        _take_topology(found, path, topology)
    if not found.texts:
        _add(found, path, read_routers(path, say=found.notes.append))
    return found


def _add(found: FolderContents, path: Path, parts: tuple[RouterText, ...]) -> None:
    stem = path.parent.name if is_about_all(path) and len(parts) == 1 else path.stem
    for part in parts:
        name = part.name or stem
        if len(parts) == 1 and (path.suffix.lower() != _LOG or name.lower() == _UNSET or name in found.texts):
            name = stem if stem not in found.texts else path.name
        found.add(name, part.text, path)
    if len(parts) > 1:
        found.notes.append(f"{path.name} has the configurations of {len(parts)} routers in it")


# ---------------------------------------------------------------------------------------------------- a folder


def configurations_in(folder: Path, *, is_described: bool = False) -> FolderContents:
    """Return the configurations of a folder. is_described: it has a `lab.yaml`. Raises UserError."""
    found = _described(folder) if is_described else _of_strangers(folder)
    if not found.texts:
        left = f" ({'; '.join(found.notes)})" if found.notes else _instead(folder)
        raise UserError(f"{folder}: no router configuration (*{_SUFFIX}) in this folder{left}")
    return found


def files_of_strangers(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder, not of its sub-folders, that hold configurations, judged by their contents."""
    files = [path for path in _files(folder) if _is_one(path)]
    drawn = [path for path, topology in _topologies(folder) if any(is_of_router(node.text) for node in topology.nodes)]
    return tuple(files) or tuple(drawn) or tuple(_pages(folder))


def _described(folder: Path) -> FolderContents:
    named = sorted(folder.glob(f"*{_SUFFIX}"))
    found = FolderContents(notes=notes_on_links(folder, named))
    for path in [path for path in named if not leads_out(folder, path)]:
        _take(found, path, may_be_empty=True)  # the lab has a router without a configuration
    found.notes += [
        f"{path.name} is left out: beside a lab.yaml the files of routers end with {_SUFFIX}, in small letters"
        for path in sorted(folder.iterdir())
        if path.suffix != _SUFFIX and path.suffix.lower() == _SUFFIX
    ]
    return found


def _of_strangers(folder: Path, depth: int = 0) -> FolderContents:
    """Return the network by its topology.

    Without one: from the files of the folder, of its sub-folders, in a topology, or in the page about all of them.
    """
    found = FolderContents(notes=notes_on_links(folder, sorted(folder.iterdir())[:_MOST_FILES]))
    drawn = _topologies(folder)
    files = [node.file for node in drawn[0][1].nodes if node.file is not None] if len(drawn) == 1 else []
    if any(stations_in(file) is None for file in files):
        _take_topology(found, *drawn[0])
        return found
    files = _files(folder)
    stations = {path: there for path in files if (there := stations_in(path)) is not None}
    found.stations = [station for there in stations.values() for station in there]
    files = [path for path in files if path not in stations]
    early = earlier_of(path.stem for path in files)
    for path in [path for path in files if path.stem in early]:
        found.notes.append(f"{path.name} is left out: {early[path.stem]} is the same, complete")
    files = [path for path in files if path.stem not in early]
    ours = [path for path in files if path.suffix.lower() == _SUFFIX]
    for path in ours:
        _take(found, path)
    others = [path for path in files if path not in ours and _is_one(path)]
    plain = [path for path in others if path.suffix.lower() not in _PAGES]
    if len(plain) > 1:  # then a page describes them, with parts of them and with output of hosts
        found.notes += [
            f"{path.name} is left out: it is a page about the others" for path in others if path not in plain
        ]
        others = plain
    if others and not ours and not plain and _take_from_beneath(found, folder, depth):
        found.notes += [f"{path.name} is left out: it is a page about the files in sub-folders" for path in others]
        others = []
    if ours:
        for path in others:
            _take_beside(found, path)
    else:
        _refuse_several(folder, others)
        for path in others:
            _take(found, path)
    if not found.texts and depth < _DEEPEST:
        found = _of_sub_folders(folder, found, depth)
    _consult(found, drawn)
    if not found.texts:
        for path in _pages(folder):
            _take(found, path)
    order = sorted(found.texts, key=lambda name: found.files[name])  # it is stable: in a file, the order of the text
    found.texts = {name: found.texts[name] for name in order}
    return found


# ---------------------------------------------------------------------------------------------------- topologies


def _topologies(folder: Path) -> list[tuple[Path, Topology]]:
    found = [(path, topology_in(path)) for path in _all(folder)]
    return [(path, topology) for path, topology in found if topology is not None]


def _consult(found: FolderContents, drawn: list[tuple[Path, Topology]]) -> None:
    """Take from a folder's topology what its files lack: configurations, or wires."""
    if len(drawn) != 1:
        found.notes += [f"{path.name} is left out: there are {len(drawn)} topologies" for path, _ in drawn]
        return
    ((path, topology),) = drawn
    _take_topology(found, path, topology)


def _take_topology(found: FolderContents, path: Path, topology: Topology) -> None:
    """Take wires and computers from a topology, and routers if there are none yet: it has their lines, or names their
    files.
    """
    lacks_routers = not found.texts
    for node in topology.nodes:
        text = node.text or (read_configuration(node.file) if node.file is not None else "")
        stations = stations_of(text, node.name)
        if stations is not None:
            found.stations += stations
        elif lacks_routers and is_of_router(text) and node.name not in found.texts:
            found.add(node.name, text, node.file or path)
    if found.texts:
        _plug_in(found, path, topology)


def _plug_in(found: FolderContents, path: Path, topology: Topology) -> None:
    """Set the wires of ports from a topology, matching its nodes to the routers here by name."""
    called = {host.lower(): name for host, name in found.routers.items()}
    called |= {name.lower(): name for name in found.texts}
    ports: dict[str, list[str]] = {}
    for node, port in (end for cable in topology.cables for end in cable):
        ports.setdefault(node.lower(), []).append(port)
    apart = [node for node, name in called.items() if not _joins(found.texts[name], ports.get(node, []))]
    segments = segments_of(topology, apart)
    found.segments = {(called[node.lower()], port): number for (node, port), number in segments.items()}
    if segments:
        found.notes.append(f"{path.name} ({topology.kind}) describes the cabling")


def _joins(text: str, ports: Sequence[str]) -> bool:
    """Return whether a device connects everything plugged into it.

    It does if no port has an address, or is the source of a tunnel. A switch whose lines have all drawn ports, and say
    what VLANs they are in, has a wire for each.
    """
    lines = Lines.of(text)
    headers = [header for header in lines.headers("interface ") if not header.startswith(_NO_PORTS)]
    inner = [line for header in headers for line in lines.section(header).lines]
    if any(line.startswith("switchport") for line in inner) and all(f"interface {port}" in headers for port in ports):
        return False
    return not any(line.startswith(_TUNNEL) for line in headers) and not any(
        line.startswith(_ADDRESSED) for line in inner
    )


def _take(found: FolderContents, path: Path, *, may_be_empty: bool = False) -> None:
    try:
        _add(found, path, read_routers(path, may_be_empty=may_be_empty, say=found.notes.append))
    except NoConfiguration as error:
        found.notes.append(f"{error}: it is left out")


def _take_beside(found: FolderContents, path: Path) -> None:
    """Take a file without `.cfg` beside files with it: it is a further router, if it has a host name."""
    more = FolderContents()
    _take(more, path)
    named = {hostname_of(text) for text in more.texts.values()}
    known = {name.lower() for name in found.routers}
    again = [name for name in more.routers if name.lower() in known]
    if again:
        there = found.files[next(name for key, name in found.routers.items() if key.lower() == again[0].lower())]
        found.notes.append(f"{path.name} is left out: {there.name} has the configuration of {again[0]}")
    elif "" in named:
        found.notes.append(
            f"{path.name} is left out: it may be a configuration, but has no hostname; "
            f"if it is one of this network, rename it to NAME{_SUFFIX}"
        )
    else:
        for name, text in more.texts.items():
            found.add(name, text, path)
        found.notes += more.notes


def _refuse_several(folder: Path, files: list[Path]) -> None:
    """Raise UserError if two files contain a network each: several routers, and one of them is in both."""
    taken: dict[str, Path] = {}
    networks: dict[Path, None] = {}
    twice = ""
    for path in files:
        one = FolderContents()
        _take(one, path)
        for name in one.texts if len(one.texts) > 1 else ():
            networks[path] = None
            if taken.setdefault(name.lower(), path) != path:
                twice = twice or name
    if twice:
        raise UserError(_several(folder, list(networks), twice))


def _take_from_beneath(found: FolderContents, folder: Path, depth: int) -> bool:
    """Return whether the sub-folders of a folder that has only pages hold several routers.

    Then the pages describe these.
    """
    beneath = _of_sub_folders(folder, FolderContents(), depth) if depth < _DEEPEST else FolderContents()
    if len(beneath.texts) < _SEVERAL:
        return False
    found.texts, found.files, found.segments = beneath.texts, beneath.files, beneath.segments
    found.notes += beneath.notes
    found.stations += beneath.stations
    return True


def _of_sub_folders(folder: Path, so_far: FolderContents, depth: int) -> FolderContents:
    """Return the network whose parts are in the sub-folders, or that one of them has.

    Raises UserError for several networks.
    """
    inner = [
        each
        for each in sorted(folder.iterdir())
        if each.is_dir() and not each.name.startswith(".") and not leads_out(folder, each)
    ]
    every = {each: _of_strangers(each, depth + 1) for each in inner}
    parts = {each: found for each, found in every.items() if found.texts}
    early = earlier_of(part.name for part in parts)
    so_far.notes += [f"{name} is left out: {complete} is the same, complete" for name, complete in early.items()]
    parts = {part: found for part, found in parts.items() if part.name not in early}
    taken: dict[str, Path] = {}
    for part, found in parts.items():
        for router in found.routers:
            if taken.setdefault(router.lower(), part) != part:
                raise UserError(_several(folder, list(parts), router))
    whole = FolderContents(notes=so_far.notes, stations=so_far.stations)
    for part, found in every.items():
        whole.stations += found.stations if part.name not in early else []
    for part, found in parts.items():
        for name, text in found.texts.items():
            whole.add(name if name not in whole.texts else f"{part.name}-{name}", text, found.files[name])
        whole.notes += found.notes
        whole.segments = found.segments if len(parts) == 1 else {}
    if parts:
        whole.notes.append(f"read from the sub-folders {some([part.name for part in parts])} as one network")
    return whole


def _several(folder: Path, networks: list[Path], router: str) -> str:
    commands = [f"  dmvpn lab up {shlex.quote(str(one))}" for one in networks]
    return "\n".join(
        [f"{folder}: {len(networks)} networks are in it ({router} is in more than one); bring up one:", *commands]
    )


# ---------------------------------------------------------------------------------------------------- which files


def is_about_all(path: Path) -> bool:
    """Return whether a file is the page about its folder."""
    return path.stem.lower() == _ABOUT


def _files(folder: Path) -> list[Path]:
    return [path for path in _all(folder) if not is_about_all(path)]


def _pages(folder: Path) -> Iterator[Path]:
    return (path for path in _all(folder) if is_about_all(path) and _is_one(path, fences=True))


def _all(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir())[:_MOST_FILES]
    return [
        path
        for path in paths
        if not path.name.startswith(".")
        and not path.name.endswith(_BESIDE)
        and path.is_file()
        and not leads_out(folder, path)
    ]


def _is_one(path: Path, *, fences: bool = False) -> bool:
    if path.suffix.lower() in _NEVER or path.stat().st_size > _LARGEST:
        return False
    try:
        text = read_configuration(path)
    except UserError:  # pictures and the like
        return False
    return looks_like_one(text) and (has_fences(text) or not fences)


def _instead(folder: Path) -> str:
    """Return the files that exist instead, as part of a sentence."""
    others = [path.name for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    return f", but {some(others)}: rename configurations to NAME{_SUFFIX}" if others else ""
