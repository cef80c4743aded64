"""The notebooks in `docs` print what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("httpx2")
pytest.importorskip("pandas")

from support.notebooks import Cell, cells, notebooks, run, shown, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    with surroundings() as found:
        yield found


@pytest.mark.parametrize("notebook", notebooks(), ids=lambda notebook: notebook.stem)
def test_a_notebook_prints_what_it_shows(
    notebook: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for cell, outputs in zip(cells(notebook), run(notebook), strict=True):
        printed = shown(Cell(cell_type="code", source=[], outputs=outputs))
        assert printed == shown(cell), f"{''.join(cell['source'])}\n(python -m support.notebooks writes it again)"
