"""A lab as a folder: running configurations, and `lab.yaml` with present impairments, or files of another program.

Only its owner may read it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

from dmvpn.base.errors import UserError
from dmvpn.shells.exercises import CONFIGURATION
from dmvpn.shells.files import open_private
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab_model import LinkSpec
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.elsewhere import Elsewhere, written

_AMOUNTS: Final = ("delay", "loss", "rate")


def save(
    scenario: Scenario, running: Mapping[str, str], status: Json, folder: Path, elsewhere: Elsewhere | None = None
) -> list[str]:
    """Write a lab; returns notes on missing parts. Raises UserError, OSError.

    running: of the routers that answer.
    elsewhere: the program whose files they are; without it they are ours.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: name a new folder")
    links, notes = [], []
    for spec, named, bad in _wires(scenario, status):
        amounts = {name: getattr(bad, name) for name in _AMOUNTS}
        lost = [text for text in bad.particulars if bad.sender or text == "cut" or text.startswith(("block", "mtu"))]
        notes += [f"{named}: {text}" for text in lost]
        if bad.sender:
            amounts = dict.fromkeys(_AMOUNTS, 0)
        if spec is None:
            if any(amounts.values()):
                notes.append(f"{named}: {', '.join(bad.particulars)}: a host's wire is always good in {CONFIGURATION}")
            continue
        links.append(LinkSpec(ends=spec.ends, **amounts))
    lab = scenario.lab.model_copy(update={"links": links})
    for name in scenario.configurations:
        if name not in running:
            notes.append(f"what {name} runs: it does not answer; its configuration is that of the scenario")
    texts = {**scenario.configurations, **running}
    if elsewhere is None:
        described = lab.model_dump(mode="json", exclude_defaults=True)
        files = {f"{name}.cfg": text for name, text in texts.items()}
        files[CONFIGURATION] = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=120)
    else:
        files, differences = written(Scenario(scenario.name, lab, texts), texts, elsewhere)
        notes += differences
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open_private(path) as file:
            file.write(text)
    if any("crypto pki trustpoint" in text for text in running.values()):
        notes.append("private keys of certificates: copy the folder 'pki' of the scenario beside them")
    return notes


def _wires(scenario: Scenario, status: Json) -> Iterator[tuple[LinkSpec | None, str, Badness]]:
    """Yield each wire: its entry in `lab.yaml` (None: that of a host), its name, and how bad it is."""
    names = status.get("links") if isinstance(status, dict) else None
    impaired = status.get("impaired") if isinstance(status, dict) else None
    if not isinstance(names, list) or not isinstance(impaired, dict):
        raise UserError("the lab did not say what its wires are like")
    for number, name in enumerate(names):
        found = impaired.get(str(name), {})
        bad = Badness.read(found if isinstance(found, dict) else {})
        yield scenario.lab.links[number] if number < len(scenario.lab.links) else None, str(name), bad
