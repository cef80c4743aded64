"""Lessons: a network is examined, broken, and examined again until it works as before.

examination    the checks, their results, and the deterioration of these
state          the state of a lesson in a lab
"""

from __future__ import annotations

from dmvpn.tools.lessons.examination import Check, GradedCheck, Health, examine, grade

__all__ = ["Check", "GradedCheck", "Health", "examine", "grade"]
