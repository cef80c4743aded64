"""What all tests share: how many examples hypothesis tries.

`dev` (25 examples) is for every day, `ci` (500) for `make test-all`; HYPOTHESIS_PROFILE chooses. Failing examples stay
in .hypothesis and are tried first the next time. No deadline for a single example: the machine may be busy.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Assertions in these say what they compared, as those of tests do.
pytest.register_assert_rewrite("support.dual_hub")

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=500, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
