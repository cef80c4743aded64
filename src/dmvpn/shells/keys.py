"""Keys of a capture, as a configuration folder of Wireshark: `WIRESHARK_CONFIG_DIR=FOLDER wireshark FILE.pcap`.

All routers of a lab write into one folder. A line is written in one step, so their lines do not mix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.shells.files import open_private

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.base.effects import ReportKey

#: Settings of Wireshark besides the keys.
_PREFERENCES: Final = "esp.enable_encryption_decode: TRUE\n"


def make_folder(folder: Path) -> None:
    """Make a folder for keys, for its owner alone. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_private(folder / "preferences") as file:
        file.write(_PREFERENCES)


def write(folder: Path, key: ReportKey) -> None:
    """Add a line to one of its tables. Raises OSError."""
    with open_private(folder / key.table, append=True) as file:
        file.write(key.line + "\n")
