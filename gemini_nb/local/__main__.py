"""`python -m gemini_nb.local`: the child that `launch` starts; `gemini-nb serve` is for people."""

from __future__ import annotations

import sys

from .serve import child

sys.exit(child())
