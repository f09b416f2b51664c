"""Everything that decides: pure functions and frozen values, without I/O, clock or environment."""
