"""What several files of unit tests begin with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.texts import TABLE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has none of the keys that `dmvpn render` looks for."""
    for name in [name for name in os.environ if name.startswith("DMVPN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A small table of sites in a file."""
    path = tmp_path / "sites.yaml"
    path.write_text(TABLE)
    return path
