"""Waiting for what another thread does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 10.0  # seconds after which a test gives up


def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "never came"
        time.sleep(0.001)
