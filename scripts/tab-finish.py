"""Lists what the lab in a tab can bring up, and what it imports later; compresses its modules: steps of
`scripts/make-tab.mjs`.

python scripts/tab-finish.py FOLDER [--cryptography]     which gets scenarios.json, later.json and python.tar.xz
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import lzma
import os
import sys
import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.tab import Tab
from dmvpn.labs.catalog import in_order
from dmvpn.shells.exercises import built_in_names, places
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from types import ModuleType

#: Octets that the tab needs to unpack the modules: its memory never shrinks.
_WINDOW = 8 << 20
_REASON = "it is protected, which needs cryptography: `make tab CRYPTOGRAPHY=FILE` puts that in"


def _entry(name: str, topic: str, has_cryptography: bool) -> dict[str, object]:
    scenario = Scenario.load(name)
    protected = any("tunnel protection" in text for text in scenario.configurations.values())
    return {
        "name": name,
        "topic": topic,
        "title": scenario.lab.title,
        "about": "",
        "routers": len(scenario.configurations),
        "hosts": len(scenario.lab.hosts),
        "protected": protected,
        "reason": _REASON if protected and not has_cryptography else "",
    }


#: What a user may want of a lab, by method and path, with a body.
_LAB = "notes-phase3"
_WANTED: tuple[tuple[str, str, object], ...] = (
    ("GET", "/routers/R31/show/dmvpn", None),
    ("GET", "/lint", None),
    ("POST", "/doctor", {}),
    ("POST", "/walk", {"source": "H3", "destination": "H4"}),
    ("POST", "/break", {"seed": 3}),
    ("POST", "/doctor", {}),
    ("POST", "/hint", {}),
    ("POST", "/grade", {}),
    ("POST", "/reset", {}),
)


async def _live(imported: list[str]) -> None:
    """Do all of this in a tab. imported: gets the modules that are imported after the start alone."""
    answers: dict[int, str] = {}
    ended: set[int] = set()
    news = asyncio.Event()

    def hear(message: str, octets: bytes) -> None:
        found = json.loads(message)
        news.set()
        if "id" in found:
            answers[found["id"]] = answers.get(found["id"], "") + octets.decode()
            ended.update({found["id"]} if found.get("end") else ())

    async def ask(method: str, path: str, body: object = None) -> str:
        number = len(answers) + 1
        asked = {"id": number, "method": method, "path": path, "headers": {"Content-Type": "application/json"}}
        tab.take(json.dumps(asked), b"" if body is None else json.dumps(body).encode())
        while number not in ended:
            news.clear()
            await news.wait()
        return answers[number]

    with contextlib.closing(Tab(hear)) as tab:
        await tab.boot(json.dumps({"lab": _LAB, "seed": 1}))
        imported.clear()
        for method, path, body in _WANTED:
            answer = await ask(method, f"/api/v1/labs/{_LAB}{path}", body)
            while '"state": "running"' in answer:
                answer = await ask("GET", f"/api/v1/jobs/{json.loads(answer)['id']}")


def later() -> list[str]:
    """Return the modules that a tab imports after its start. Imports of a module are before it."""
    imported: list[str] = []
    read = SourceFileLoader.exec_module

    def note(loader: SourceFileLoader, module: ModuleType) -> None:
        read(loader, module)
        # What the platform of the tab lacks would fail there.
        if (name := module.__name__).partition(".")[0] in {"dmvpn", *sys.stdlib_module_names}:
            imported.append(name)

    SourceFileLoader.exec_module = note  # type: ignore[assignment,method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_RUNTIME_DIR"] = folder
            asyncio.run(_live(imported))
    finally:
        SourceFileLoader.exec_module = read  # type: ignore[method-assign]
    return imported


def main(folder: Path, has_cryptography: bool) -> None:
    """Do all three."""
    found = {
        "scenarios": [
            _entry(name, topic, has_cryptography) for topic, names in in_order(built_in_names()) for name in names
        ],
        "exercises": [_entry(place.name, "", has_cryptography) for place in places()],
    }
    (folder / "scenarios.json").write_text(json.dumps(found, indent=1))
    (folder / "later.json").write_text(json.dumps(later()))
    plain = folder / "python.tar"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": _WINDOW}]
    (folder / "python.tar.xz").write_bytes(lzma.compress(plain.read_bytes(), filters=filters))
    plain.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--cryptography" in sys.argv)
