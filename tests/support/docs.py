"""The sessions in the documentation, run: what a reader types must do what the page shows.

A block that opens with ```console holds lines `$ COMMAND` and what they print; lines `> TEXT` right below a command go
on with it, as the shell shows a here-document. The blocks of a page are one session, in order, with a folder for labs
of its own. Numbers that differ from run to run (ages, milliseconds, uptimes, process numbers, sequence numbers) are the
same to the comparison. A block with `...` on a line of its own leaves out the lines there.

    python -m support.docs PAGE...      run the pages and write what was printed into them
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.command import inherited

if TYPE_CHECKING:
    from support.warm import Warm

ROOT = Path(__file__).parents[2]
#: Pages of tools that are not ours, which `make test-tools` runs.
OF_TOOLS = frozenset(("automation.md",))
BLOCK = re.compile(r"(?ms)^```console\n(.*?)^```$")
#: What varies: clock times and ages, real durations, columns of EIGRP, whether an entry is in use.
_VARYING = (
    (re.compile(r"\b\d+:\d\d:\d\d(\.\d+)?\b"), "TIME"),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d+ \d{4}\b"), "DATE"),
    (re.compile(r"\*?[A-Z][a-z]{2} +\d+ TIME"), "STAMP"),
    (re.compile(r"\b\d+ msec|\*  ?(?=\d+ msec|\n|$)"), "MS"),
    (re.compile(r"(?<=in )[\d.]+ s\b"), "N s"),
    (re.compile(r"(?<== )\d+/\d+/\d+ ms"), "RTT"),
    (re.compile(r"(?m)^(\d+ +(?:[\d.]+|Link-local address:) +\S+ +)[\d ]+TIME[\d ]+$"), r"\1NEIGHBOR"),
    (re.compile(r"(Request|Session) ID: \d+"), r"\1 ID: N"),
    (re.compile(r"(Flags:.*?) used\b"), r"\1"),
    (re.compile(r"\d+ +packets"), "N packets"),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass
class Step:
    """One command of a page and what the page says it prints."""

    command: str
    expected: list[str] = field(default_factory=list)

    @property
    def looks(self) -> bool:
        """Whether it asks a router and changes nothing, so that it may be asked again."""
        return self.command.startswith("dmvpn -r ") and ("show " in self.command or "traceroute " in self.command)


def pages() -> list[Path]:
    """Return every page with a session, the README first."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if BLOCK.search(page.read_text())]


def steps(block: str) -> list[Step]:
    """Return the commands of one block."""
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:]))
        elif found and line.startswith("> ") and not found[-1].expected:
            found[-1].command += f"\n{line[2:]}"
        elif found:
            found[-1].expected.append(line)
    return found


class Session:
    """A shell with a labs folder of its own; whatever it left up is taken down at the end.

    warm: carries out most commands without the start of a Python each.
    home: the folder of its user, if not ours.
    """

    def __init__(self, warm: Warm | None = None, home: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        if warm is not None:
            programs = Path(self._folder.name) / "bin"
            programs.mkdir()
            warm.link(programs)
            path = f"{programs}:{path}"
        self.environment = {**inherited(), "XDG_RUNTIME_DIR": self._folder.name, "PATH": path}
        if home is not None:
            self.environment["HOME"] = str(home)

    def run(self, command: str) -> tuple[int, str]:
        """Status and output of a command, run in the top folder of the project."""
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
        )
        return done.returncode, done.stdout.replace("\r\n", "\n")

    def close(self) -> None:
        """Take down what is up."""
        labs = Path(self._folder.name) / "dmvpn" / "labs"
        for lab in sorted(labs.iterdir()) if labs.exists() else ():
            self.run(f"dmvpn lab down {lab.name}")
        self._folder.cleanup()


def plain(text: str) -> list[str]:
    """Return the lines of an output without what varies from run to run."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def same(expected: list[str], printed: str) -> bool:
    """Does the output look as the page says? `...` means any number of lines."""
    wanted, have = plain("\n".join(expected)), plain(printed)
    parts: list[list[str]] = [[]]
    for line in wanted:
        if line == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    if len(parts) == 1:
        return wanted == have
    if have[: len(parts[0])] != parts[0]:
        return False
    position = len(parts[0])
    for part in parts[1:]:
        while part and have[position : position + len(part)] != part:
            position += 1
            if position > len(have):
                return False
        position += len(part)
    return not parts[-1] or have[-len(parts[-1]) :] == parts[-1]


def _rewrite(page: Path) -> None:
    session = Session(home=Path(os.environ["DOCS_HOME"]) if page.name in OF_TOOLS else None)

    def fresh(match: re.Match[str]) -> str:
        lines: list[str] = []
        for step in steps(match[1]):
            status, printed = session.run(step.command)
            print(f"{page.name}: {step.command} [{status}]")
            lines += ["$ " + step.command.replace("\n", "\n> ")]
            lines += step.expected if same(step.expected, printed) else printed.rstrip("\n").split("\n")
        return "```console\n" + "\n".join(line.rstrip() for line in lines) + "\n```"

    try:
        page.write_text(BLOCK.sub(fresh, page.read_text()))
    finally:
        session.close()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        _rewrite(Path(name).resolve())
