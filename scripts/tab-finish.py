"""Lists what the lab in a tab can bring up, and compresses its modules: steps of `scripts/make-tab.mjs`.

python scripts/tab-finish.py FOLDER [--cryptography]     which gets scenarios.json and python.tar.xz
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

from dmvpn.labs.catalog import in_order
from dmvpn.shells.exercises import built_in_names, places
from dmvpn.shells.scenario import Scenario

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


def main(folder: Path, has_cryptography: bool) -> None:
    """Do both."""
    found = {
        "scenarios": [
            _entry(name, topic, has_cryptography) for topic, names in in_order(built_in_names()) for name in names
        ],
        "exercises": [_entry(place.name, "", has_cryptography) for place in places()],
    }
    (folder / "scenarios.json").write_text(json.dumps(found, indent=1))
    plain = folder / "python.tar"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": _WINDOW}]
    (folder / "python.tar.xz").write_bytes(lzma.compress(plain.read_bytes(), filters=filters))
    plain.unlink()


main(Path(sys.argv[1]), "--cryptography" in sys.argv)
