"""The life of a configuration: archived copies, a log of changes, and the rollback that is due unless a user confirms.

    config.py      archive: path, maximum, write-memory, log config
    model.py       ArchiveConfig
    events.py      what a session asks for
    machine.py     ArchiveMachine: the pending way back, the log of lines
    messages.py    log messages

Files are no business of a machine: the copies themselves are made where the files are, in `face/archiving.py`.
"""

from dmvpn.features.archive import messages
from dmvpn.features.archive.config import LINES, MODES, model
from dmvpn.features.archive.events import (
    ConfigurationReplaced,
    LinesReported,
    RollbackCancelled,
    RollbackPutOff,
    RollbackScheduled,
)
from dmvpn.features.archive.model import ArchiveConfig
from dmvpn.ios import Feature, LateMachine, Later

FEATURE = Feature(
    name="archive",
    config=LINES,
    modes=MODES,
    model=model,
    machine=LateMachine("dmvpn.features.archive.machine:ArchiveMachine"),
    messages=messages.MESSAGES,
    explanations=Later("dmvpn.features.archive.explain:GROUPS"),
)
