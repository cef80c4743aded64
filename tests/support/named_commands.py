"""The commands that README, CONTRIBUTING and `make help` name, and a run of those that README has for a reader's hands.

python -m support.named_commands     (in the folder tests) runs README's blocks from top to bottom, one command after
                                     the other, where the clone's `examples` are and no other files
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
_BIN: Final = ROOT / ".venv" / "bin"
#: The section with the blocks, and a command that goes on until Ctrl-C: it is pressed after this many lines.
_HEADING: Final = "\n## Try it\n"
_LINES: Final = {"dmvpn lab web": 2}
#: What a command of the block may end with, if not with 0 alone: the doctor finds the fault that the line before has
#: made at random, and leaves 0 for one that may be on purpose, as a port that is shut down.
_STATUS: Final = {"dmvpn doctor": (0, 1), "dmvpn lab web": (0, 130)}
#: What is typed into a command that waits for that.
_TYPED: Final = {"dmvpn shell R31": "show dmvpn\nexit\n"}
#: How many files a command may have open: what a new user of most systems has.
_DESCRIPTORS: Final = 1024
#: Seconds for one command.
_PATIENCE: Final = 300
_COMMAND: Final = re.compile(r"make [a-z]+(?:-[a-z]+)*|python -m support\.[a-z_]+|\.venv/bin/pre-commit [a-z]+")
#: Lines of these beginnings run nothing by themselves.
_PASSED_OVER: Final = ("source ",)


def named() -> set[str]:
    """Return the commands of all three: `make TARGET`, `python -m support.MODULE`, and what is in `.venv`."""
    text = "\n".join((ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md"))
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))]
    typed = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    targets = [
        f"make {name}" for name in re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    ]
    return {found[0] for each in (*spans, *typed, *targets) if (found := _COMMAND.match(each))}


def block() -> list[str]:
    """Return the commands that README shows to a new user, in order."""
    text = (ROOT / "README.md").read_text().partition(_HEADING)[2].partition("\n## ")[0]
    return [line.partition("#")[0].strip() for line in text.splitlines() if line.startswith("    ")]


def _run(folder: Path, line: str, environment: dict[str, str]) -> Iterator[str]:
    """Run a line, and yield what is wrong with how it ended."""
    print(f"\n$ {line}", flush=True)
    command = ["bash", "-c", f"ulimit -n {_DESCRIPTORS}; PATH={shlex.quote(str(_BIN))}:$PATH; exec {line}"]
    typed, lines = _TYPED.get(line, ""), _LINES.get(line)
    output = None if lines is None else subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=output) as run:
        if run.stdout is not None:
            print(*(run.stdout.readline() for _ in range(lines or 0)), sep="", end="")
            run.send_signal(signal.SIGINT)
        run.communicate(typed, timeout=_PATIENCE)
    ended = run.returncode
    if ended not in _STATUS.get(line, (0,)):
        yield f"{line}: ended with {ended}"


def main() -> None:
    """Run the blocks. The exit code says whether a command ended otherwise than it should."""
    with tempfile.TemporaryDirectory(prefix="dmvpn-readme-") as name:
        folder, runtime = Path(name), Path(name, "runtime")
        runtime.mkdir(0o700)
        environment = os.environ | {"XDG_RUNTIME_DIR": str(runtime)}  # labs of other people are none of ours
        (folder / "examples").symlink_to(ROOT / "examples")
        wrong: list[str] = []
        try:
            for line in block():
                if not line.startswith(_PASSED_OVER):
                    wrong += _run(ROOT if line.startswith("make ") else folder, line, environment)
        finally:
            for lab in (runtime / "dmvpn" / "labs").glob("*"):
                subprocess.run([_BIN / "dmvpn", "lab", "down", lab.name], env=environment, check=False)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
