"""`dmvpn lab picture` and `dmvpn lab film`: a network drawn into a file, and a file that plays what happened there."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dmvpn.base.errors import UserError
from dmvpn.labs.films import Part, is_recording, lab_film, named_picture, recording_film, writer_for
from dmvpn.shells.lab.places import find_lab
from dmvpn.web.exported import as_page

if TYPE_CHECKING:
    import argparse

    from dmvpn.app.lab_words import Printer


def draw(arguments: argparse.Namespace, printer: Printer) -> int:
    """Draw it. Raises UserError."""
    output = str(arguments.output)
    if output == "-" and arguments.json:
        raise UserError("--json and the picture cannot both be on standard output: name a file")
    write = writer_for(output)
    if output != "-":
        spare(Path(output))
    picture = named_picture(
        arguments.network, lambda name: shlex.join(["dmvpn", "lab", "picture", name, "--output", output])
    )
    if output == "-":
        sys.stdout.write(write(picture))
        return 0
    Path(output).write_text(write(picture), encoding="utf-8")
    printer.say(f"{output}: {picture.about}, {picture.summary}")
    printer.put(file=output, about=picture.about, summary=picture.summary)
    return 0


def write_page(text: str, output: Path) -> str:
    """Write a page into a file, and return a line that says so. Raises OSError."""
    output.write_text(text, encoding="utf-8")
    return f"{output}: {len(text.encode()) / 1e6:.1f} MB, for any browser"


def write_film(arguments: argparse.Namespace, printer: Printer) -> int:
    """Write the film of a lab or recording. Raises UserError, OSError."""
    output: Path = arguments.output
    spare(output)
    recording = Path(arguments.network) if arguments.network is not None else None
    if recording is not None and is_recording(recording):
        film = recording_film(recording, Part(arguments.since or 0.0, arguments.until))
    elif arguments.since is not None or arguments.until is not None:
        raise UserError("--from and --until are for the film of a recording")
    else:
        command = "dmvpn lab film {} --output " + shlex.quote(str(output))
        film = lab_film(find_lab(arguments.network, command.format))
    text = as_page(film)
    printer.say(write_page(text, output))
    for note in cast("list[str]", film.get("notes", [])):
        printer.say(note)
    printer.put(file=str(output), octets=len(text.encode()))
    return 0


def spare(output: Path) -> None:
    """Refuse a file that cannot be written, or is a recording, which may be the source. Raises UserError, OSError."""
    if is_recording(output):
        raise UserError(f"{output} is a recording, which this would overwrite: name another file")
    check_writable(output)


def check_writable(path: Path) -> None:
    """Raise UserError if a file cannot be written, before hours of work for it. It makes no file."""
    is_new = not os.path.lexists(path)
    try:
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
