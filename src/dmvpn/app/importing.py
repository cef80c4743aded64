"""`dmvpn import FILE|FOLDER ... [--to FOLDER]`: list which lines of other routers' configurations run here.

Nothing is run, and nothing overwritten without `--force`. The files that it writes hold what a router here is started
with, each by the name of its router.

`--to-ikev2` lists the steps by which a network moves from IKEv1 to IKEv2. FOLDER gets a file of lines for each step,
`steps/01-answer-HUB.cfg`, and what each router has in the end, `HUB.cfg`.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.labs.unsupported_lines import not_built
from dmvpn.network.device import Device
from dmvpn.router.entered_text import EnteredText, put_in, report, take_in
from dmvpn.shells.files import leads_out, notes_on_links, open_private
from dmvpn.shells.folders import files_of_strangers, is_about_all
from dmvpn.shells.router_files import NoConfiguration, read_routers
from dmvpn.shells.stations import stations_in
from dmvpn.tools.to_ikev2 import Plan, Stage, Step, plan

#: Files of a folder whose names end so are read, and others if what is in them looks like a configuration.
_ENDINGS: Final = (".cfg", ".conf", ".txt", ".ios", ".config", ".log")
#: How far below a folder without configurations they are looked for.
_DEEPEST: Final = 3
#: What a file may be called and a router may not.
_UNNAMED: Final = re.compile(r"[^A-Za-z0-9_-]+")
_NAME: Final = re.compile(r"[A-Za-z0-9][\w-]{0,62}")

_WHAT: Final = {
    Stage.ANSWER: "gets IKEv2 lines beside those of isakmp, and answers both versions",
    Stage.BEGIN: "begins with IKEv2",
    Stage.REMOVE: "loses the isakmp lines that no tunnel needs any more",
}


# ------------------------------------------------------------------------------------------------ one list of what runs


def import_files(arguments: argparse.Namespace) -> int:
    """Print the list of each file; write accepted lines. Returns 1 if lines were refused, else 0. Raises UserError."""
    with Progress.of(arguments) as progress:
        return _import(arguments, progress)


def _import(arguments: argparse.Namespace, progress: Progress) -> int:
    taken: dict[str, tuple[Path, EnteredText]] = {}
    refused = False
    for number, path in enumerate(files_in(arguments.files, progress.say), 1):
        progress.tell(f"file {number}: {path.name}")
        try:
            parts = read_routers(path, say=progress.say)
        except NoConfiguration as error:
            if len(arguments.files) == 1 and path == arguments.files[0]:
                raise
            progress.say(f"{error}: it is left out")
            continue
        for part in parts:
            entered = take_in(part.text)
            progress.wipe()
            _print(path, part.name if len(parts) > 1 else "", entered)
            refused |= any(not problem.is_warning for problem in entered.result.problems)
            hostname = entered.tree.hostname
            name = hostname if hostname != "Router" else _UNNAMED.sub("-", part.name or path.stem).strip("-")
            if name in taken and entered.to_keep == taken[name][1].to_keep:
                progress.say(f"{path} says what {taken[name][0]} says: it is left out")
            elif name in taken and arguments.to is not None:
                raise UserError(f"{path} and {taken[name][0]} are both {name}: give one of them another hostname")
            taken.setdefault(name, (path, entered))
    if arguments.to is not None:
        for name, (path, _) in taken.items():
            check_name(name, str(path))
        write_files(
            arguments.to,
            {f"{name}.cfg": entered.to_keep for name, (_, entered) in taken.items()},
            force=arguments.force,
        )
        print(
            f"{arguments.to}: {len(taken)} {'file' if len(taken) == 1 else 'files'}; next: dmvpn lab up {arguments.to}"
        )
    return int(refused)


def _print(path: Path, name: str, entered: EnteredText) -> None:
    lines = [*report(entered), *not_built(entered.tree)]
    print(f"{path}: {name or entered.tree.hostname}" + ("" if lines else ": everything runs"))
    for line in lines:
        print(f"  {line}")
    if said := put_in(entered.result):
        print(f"  {said}")
    if entered.permission:
        print(f"  it names no release, so what IOS has on before 17.11 was put in: `{entered.permission}`")


def files_in(named: Iterable[Path], say: Callable[[str], None]) -> Iterator[Path]:
    """Yield the named files, and the configurations of the named folders. Raises UserError."""
    for path in named:
        files = _inside(path, say, _DEEPEST) if path.is_dir() else [path]
        if not files:
            raise UserError(f"{path}: no configuration in this folder")
        yield from files


def _inside(folder: Path, say: Callable[[str], None], deepest: int) -> list[Path]:
    """Return the configurations of a folder; where it has none but the page about it, those of the folders in it."""
    inside = sorted(folder.iterdir())
    for note in notes_on_links(folder, inside):
        say(note)
    others = files_of_strangers(folder)
    files = [
        each
        for each in inside
        if each in others
        or (
            (each.is_file() and each.suffix.lower() in _ENDINGS and not each.name.startswith("."))
            and not leads_out(folder, each)
        )
    ]
    for each in [each for each in files if stations_in(each) is not None]:
        say(f"{each}: a computer of VPCS: 'lab up' has it as a host")
        files.remove(each)
    if not deepest or not all(map(is_about_all, files)):
        return files
    folders = [each for each in inside if each.is_dir() and not (each.is_symlink() or each.name.startswith("."))]
    return [file for each in folders for file in _inside(each, say, deepest - 1)] or files


def check_name(name: str, file: str) -> None:
    """Check that a router may give its name to a file. Raises UserError."""
    if not _NAME.fullmatch(name):
        raise UserError(f"{file}: {name!r} is not a valid file name: change its hostname")


def write_files(folder: Path, texts: Mapping[str, str], *, force: bool) -> None:
    """Write configurations, for the eyes of their owner, by their paths in a folder. Raises UserError."""
    there = [target for name in texts if os.path.lexists(target := folder / name)]
    if there and not force:
        raise UserError(f"{there[0]} exists; nothing was written (--force overwrites)")
    try:
        for name, text in texts.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_symlink():
                target.unlink()  # what it leads to is no file of this folder
            # Configurations have keys in them.
            with open_private(target) as file:
                file.write(text)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror or os.strerror(error.errno or 0)}") from error


# ------------------------------------------------------------------------------------------------ from IKEv1 to IKEv2


def move_to_ikev2(arguments: argparse.Namespace) -> int:
    """Print the plan; write it. Raises UserError if the network cannot be moved."""
    with Progress.of(arguments) as progress:
        files = files_in(arguments.files, progress.say)
        devices: list[Device] = []
        for path in files:
            try:
                parts = read_routers(path, say=progress.say)
            except NoConfiguration as error:
                progress.say(f"{error}: it is left out")
                continue
            devices += [Device.read(str(path), part.text) for part in parts]
    found = plan(devices)
    for device in devices:
        if device.hostname in found.configurations:
            check_name(device.hostname, device.name)
    for step in found.steps:
        print(f"{_number(step, found)}  {_said(step)}")
    if found.remains:
        print("left as they are:")
        for one in found.remains:
            print(f"  {one}")
    for router in dict.fromkeys(one.router for one in found.remains if one.needs_isakmp):
        print(f"{router} keeps all its isakmp lines, because one of these needs them")
    for router in found.moved:
        print(f"{router} is on IKEv2 already: it is left alone")
    if arguments.to is not None:
        texts: dict[str, str] = {}
        for step in found.steps:
            head = f"! Step {step.number} of {len(found.steps)}: {_said(step)}"
            name = f"steps/{_number(step, found)}-{step.stage.value}-{step.router}.cfg"
            texts[name] = "\n".join([head, *step.lines]) + "\n"
        write_files(
            arguments.to,
            texts | {f"{router}.cfg": text for router, text in found.configurations.items()},
            force=arguments.force,
        )
        steps, routers = len(found.steps), len(found.configurations)
        print(f"{arguments.to}: {steps} files in steps/, and {routers} configurations after them")
    return 0


def _number(step: Step, found: Plan) -> str:
    return str(step.number).rjust(max(2, len(str(len(found.steps)))), "0")


def _said(step: Step) -> str:
    then = f"; then type `{step.then}`" if step.then else ""
    return f"{step.router} {_WHAT[step.stage]}{then}"
