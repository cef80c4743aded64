"""`dmvpn lab picture`: a network drawn into a file, as SVG or for Graphviz or Mermaid."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.labs.pictures import named_picture, writer_for

if TYPE_CHECKING:
    import argparse

    from dmvpn.app.told import Told


def draw(arguments: argparse.Namespace, told: Told) -> int:
    """Draw it. Raises UserError."""
    output = str(arguments.output)
    if output == "-" and arguments.json:
        raise UserError("--json and the picture cannot both be on standard output: name a file")
    write = writer_for(output)
    picture = named_picture(
        arguments.network, lambda name: shlex.join(["dmvpn", "lab", "picture", name, "--output", output])
    )
    if output == "-":
        sys.stdout.write(write(picture))
        return 0
    Path(output).write_text(write(picture), encoding="utf-8")
    told.say(f"{output}: {picture.about}, {picture.summary}")
    told.put(file=output, about=picture.about, summary=picture.summary)
    return 0
