"""Exercises: tasks with checks, which look at what a network does and never at how its configuration is written.

checks      what can be looked at, as `tasks.yaml` says it
exercise    an exercise with its tasks
looking     how it is looked at: shows, pings, traces, wires that are cut
"""

from __future__ import annotations

from dmvpn.tools.exercises.exercise import Exercise, Task, exercise, exercises
from dmvpn.tools.exercises.looking import Ground, TaskResult, look

__all__ = ["Exercise", "Ground", "Task", "TaskResult", "exercise", "exercises", "look"]
