"""The notebooks in `docs`, run: each cell of code must print what the notebook shows.

    python -m support.notebooks    (from the folder tests) runs them and writes what was printed into them

A notebook is run here, without Jupyter: cells one after the other, `await` allowed, the value of the last line shown.
Each gets a simulated lab and a `dmvpn web`, as it says in its first lines.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import tempfile
import time
from typing import TYPE_CHECKING, Final, TypedDict

from support.conformance import ROOT
from support.served import dmvpn, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dmvpn.ios.filters import Plain

LAB: Final = "notes-phase3"
#: Routes of EIGRP that each spoke has when the lab has settled.
_SETTLED: Final = 2


class Cell(TypedDict):
    """A cell, as nbformat 4 has it."""

    cell_type: str
    source: list[str]
    outputs: list[dict[str, Plain]]


def notebooks() -> list[Path]:
    """Return all of them."""
    return sorted((ROOT / "docs").rglob("*.ipynb"))


def cells(notebook: Path) -> list[Cell]:
    """The cells of code."""
    found: list[Cell] = json.loads(notebook.read_text())["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def shown(cell: Cell) -> str:
    """What a cell shows below itself."""
    return "".join("".join(map(str, text)) for output in cell["outputs"] for text in _texts(output))


def _texts(output: dict[str, Plain]) -> Iterator[list[Plain]]:
    data = output.get("data", output)
    assert isinstance(data, dict)
    for name in ("text", "text/plain"):
        if isinstance(text := data.get(name), list):
            yield text


def run(notebook: Path) -> Iterator[list[dict[str, Plain]]]:
    """Yield what each cell of code gives, as the outputs of nbformat."""
    names: dict[str, object] = {"__name__": "__main__"}
    with asyncio.Runner() as runner:
        for number, cell in enumerate(cells(notebook), 1):
            text = io.StringIO()
            with contextlib.redirect_stdout(text):
                value = _executed("".join(cell["source"]), names, runner)
            made: list[dict[str, Plain]] = []
            if text.getvalue():
                made.append({"name": "stdout", "output_type": "stream", "text": _lines(text.getvalue())})
            if value is not None:
                data: Plain = {"text/plain": _lines(repr(value))}
                made.append({"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"})
            yield made


def _lines(text: str) -> list[Plain]:
    return [*text.splitlines(keepends=True)]


def _executed(source: str, names: dict[str, object], runner: asyncio.Runner) -> object:
    """Execute a cell. Returns the value of its last line, if that is an expression."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    parts: list[ast.Module | ast.Expression] = [ast.Module(body, [])]
    if isinstance(last, ast.Expr):
        parts.append(ast.Expression(last.value))
    value: object = None
    for part in parts:
        mode = "eval" if isinstance(part, ast.Expression) else "exec"
        code = compile(part, "a cell", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, names)  # noqa: S307 - a notebook of ours
        if inspect.iscoroutine(value) and code.co_flags & inspect.CO_COROUTINE:
            value = runner.run(value)
    return value


@contextlib.contextmanager
def surroundings() -> Iterator[dict[str, str]]:
    """Bring up what the notebooks ask. Gives the variables that they are run with."""
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for sockets
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        dmvpn(environment, "lab", "up", LAB, "--simulated")
        try:
            _settle(environment)
            with serving(environment) as served:
                yield {"DMVPN_WEB_URL": f"http://127.0.0.1:{served.port}", "DMVPN_WEB_TOKEN": served.come_in()}
        finally:
            dmvpn(environment, "lab", "down")


def _settle(environment: Mapping[str, str]) -> None:
    end = time.monotonic() + 60
    while True:
        routes = [dmvpn(environment, "-r", one, "show ip route eigrp | include ^D") for one in ("R31", "R41")]
        if all(len(one.splitlines()) >= _SETTLED for one in routes):
            return
        assert time.monotonic() < end, routes
        time.sleep(0.2)


def main() -> None:
    """Run all, and write what was printed into them."""
    with surroundings() as found:
        os.environ.update(found)
        for notebook in notebooks():
            whole = json.loads(notebook.read_text())
            coded = [cell for cell in whole["cells"] if cell["cell_type"] == "code"]
            for number, (cell, outputs) in enumerate(zip(coded, run(notebook), strict=True), 1):
                cell["outputs"], cell["execution_count"] = outputs, number
            notebook.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
            print(notebook.relative_to(ROOT))


if __name__ == "__main__":
    main()
