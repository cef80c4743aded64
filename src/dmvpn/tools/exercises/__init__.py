"""Exercises: tasks with checks of the behavior of a network, never of the wording of its configuration.

exercise    an exercise with its tasks, and the kinds of checks in `tasks.yaml`
looking     carries the checks out: shows, pings, traces, wires that are cut
"""

from __future__ import annotations

from dmvpn.tools.exercises.looking import Exercise, Ground, TaskResult, exercise, exercises, look

__all__ = ["Exercise", "Ground", "TaskResult", "exercise", "exercises", "look"]
