"""Lessons: a network is examined, broken, examined again, until it is as good as it was.

health         what was found, and what became worse
examination    how it is found
state          what a lab remembers of its lesson
"""

from __future__ import annotations

from dmvpn.tools.lessons.examination import examine
from dmvpn.tools.lessons.health import Check, GradedCheck, Health, grade

__all__ = ["Check", "GradedCheck", "Health", "examine", "grade"]
