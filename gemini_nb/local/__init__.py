"""The local backend: a real small model on this machine, behind the Gemini REST protocol.

Two sides live here and meet over HTTP only. `launch` and `weights` run in the
notebook's process: they fetch the model once and start a child process. Everything
else runs in that child (or in `gemini-nb serve`) and answers any Gemini client.
This package is not a client, and imports nothing of the rest of `gemini_nb`.
"""

from __future__ import annotations

__all__ = ["LocalUnavailable"]


class LocalUnavailable(RuntimeError):
    """The local backend cannot run here; the sentence says why and what to do."""
