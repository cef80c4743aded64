"""Records of a namespace, while routers of this and of other namespaces begin and end at the same moment."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmvpn.dataplane.userspace import records
from dmvpn.dataplane.userspace.records import Ledger, Records


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(records, "_root", lambda: tmp_path)
    return tmp_path


def test_records_are_on_disk_though_another_namespace_tidies_its_own_away_meanwhile(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were in memory then: two routers of one namespace did not know of each other."""
    listed = Path.iterdir

    def with_one_that_goes(folder: Path) -> Iterator[Path]:
        yield from listed(folder)
        if folder == root:
            yield root / f"{records.boot_id()}-1-1"

    monkeypatch.setattr(Path, "iterdir", with_one_that_goes)
    assert Records.here().folder is not None


def test_whoever_waited_for_a_folder_that_is_tidied_away_makes_it_again(root: Path) -> None:
    """It held the lock of a folder that was gone, and its records were nowhere."""
    here = Records.here()
    begun = threading.Event()

    def begin() -> None:
        begun.set()
        with Records(here.folder).locked():
            ledgers.append(Ledger(here.folder))

    ledgers: list[Ledger] = []
    waiting = threading.Thread(target=begin)
    with here.locked():
        waiting.start()
        begun.wait()
        waiting.join(0.1)  # it waits for the lock
        assert not ledgers
        here.tidy()
    waiting.join()
    assert ledgers[0].path is not None
    assert here.others().living
    ledgers[0].close()
