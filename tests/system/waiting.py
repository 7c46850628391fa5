"""Waiting for what takes a moment, without sleeping longer than it takes."""

import os
import time

# Under valgrind everything takes longer.
PATIENCE = float(os.environ.get("HIGHWATER_TEST_PATIENCE", "1"))


def wait_until(predicate, timeout=5.0, what=None):
    """Returns the first true value of predicate(); AssertionError after timeout seconds."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout * PATIENCE:g} s: {what or predicate}; last: {value!r}")
        time.sleep(0.01)
