"""How thorough the properties are: quick by default, long where RECONCILER_TEST_ALL is set."""

import os

from hypothesis import settings

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("all", max_examples=1000, deadline=None)
settings.load_profile("all" if os.environ.get("RECONCILER_TEST_ALL") else "quick")
