"""The runs of a campaign as lines of a file of results (`tools/pool/results.py`)."""

from __future__ import annotations

from typing import Final

from dmvpn.judge.work import Result, Task
from dmvpn.tools.pool.results import Form


def _said(task: Task) -> str:
    return f"{task.name} seed {task.seed} of {task.hours:g} h"


FORM: Final = Form[Task, Result](
    what="a result of a campaign",
    begin=b'{"task": {"network": "',
    read=Result.from_json,
    write=Result.to_json,
    task_of=lambda result: result.task,
    version_of=lambda task: task.version,
    said=_said,
    foreign=lambda task: f"{_said(task)} is not part of this campaign",
)
