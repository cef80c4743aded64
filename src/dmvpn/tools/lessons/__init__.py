"""Lessons: a network is examined, broken, and examined again until it works as before.

health         the results of checks, and their deterioration
examination    the checks
state          the state of a lesson in a lab
"""

from __future__ import annotations

from dmvpn.tools.lessons.examination import Check, GradedCheck, Health, examine, grade

__all__ = ["Check", "GradedCheck", "Health", "examine", "grade"]
