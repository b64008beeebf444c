"""The tokens of a prompt, counted here and now, or as the service says; nothing is generated.

What counts how much is `tokens/`; here a request of the wire becomes what that counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from gemini_nb import history, settings
from gemini_nb.errors import BadPrompt
from gemini_nb.known import facts_of
from gemini_nb.tokens import count as counts
from gemini_nb.tokens import vocabulary
from gemini_nb.tokens.counted import TokenCount

if TYPE_CHECKING:
    from gemini_nb.client import Client
    from gemini_nb.content import CountTokensResponse, GenerateContentRequest
    from gemini_nb.settings import Settings


# In a shorter prompt the few tokens that the service adds say nothing of a longer one.
_TELLING = 100


def estimated(
    body: GenerateContentRequest,
    model: str,
    *,
    cached: int = 0,
    wait: bool = True,
    names: Mapping[int, str] | None = None,
) -> TokenCount:
    """A request → its tokens, without asking anybody.

    Args:
        body: the request.
        model: `models/NAME`.
        cached: what its cache holds.
        wait: for a vocabulary that is still being read; else texts are estimated then.
        names: what a person calls the media of the last turn, by their places in it.
    """
    tree = msgspec.to_builtins(body, builtin_types=(bytes,))
    for at, name in (names or {}).items():
        part = tree["contents"][-1]["parts"][at]
        for medium in (part.get("inlineData"), part.get("fileData")):
            if medium:
                medium["displayName"] = name
    return counts.count(tree, model, facts_of=facts_of, cached=cached, wait=wait)


def by_service(
    told: CountTokensResponse, own: TokenCount, model: str, client: Client
) -> TokenCount:
    """What the service counted, with one's own counts of the parts, which it does not tell apart.

    The difference is kept: it says how far the own counts are off for this model.
    """
    total = told.total_tokens or 0
    compare(model, own, total, client.settings)
    by = {str(d.modality): d.token_count or 0 for d in told.prompt_tokens_details}
    cached = told.cached_content_token_count or 0
    return TokenCount(total, own.parts, cached, by or {"TEXT": total}, "server")


def compare(model: str, own: TokenCount, counted: int | None, chosen: Settings) -> None:
    """Keep how far an own count was off, where it was one, of a prompt that says something.

    The local backend counts by the same rules: it says nothing of the service.
    """
    telling = own.total_tokens >= _TELLING and own.how != "estimate"
    if counted and telling and chosen.resolve_backend() == "api":
        history.compared(model, own.total_tokens, counted, chosen)


def count(texts: Any, model: str | None = None) -> Any:
    """How many tokens a text has, or each of many: offline, and fast.

    Exact where there is a vocabulary (splintr), else estimated.

    Args:
        texts: a str; or a list, a pandas Series or another iterable of them; None and NaN are 0.
        model: whose vocabulary; None for the one of `configure(model=…)`.

    Returns:
        An int; for a Series a Series with its index; for others a list of int.

    Raises BadPrompt for what is no text.
    """
    name = settings.current().model if model is None else model
    if isinstance(texts, str):
        return vocabulary.count(texts, name)
    # Whose parts are no texts, or are not all that there is of it.
    if isinstance(texts, (bytes, bytearray, Mapping)) or hasattr(texts, "columns"):
        raise _no_text(texts)
    try:
        each = iter(texts)
    except TypeError:
        raise _no_text(texts) from None
    many = ["" if _is_missing(text) else text for text in each]
    for text in many:
        if not isinstance(text, str):
            raise _no_text(text)
    found = vocabulary.count_many(many, name)
    if hasattr(texts, "index") and hasattr(texts, "to_frame"):  # a pandas Series
        return type(texts)(found, index=texts.index, name=texts.name)
    return found


def _is_missing(text: Any) -> bool:
    """None, NaN, or what pandas has in their place."""
    if text is None or type(text).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(text, float) and math.isnan(text)


def _no_text(value: Any) -> BadPrompt:
    return BadPrompt(
        f"A {type(value).__name__} is no text to count.",
        advice="Give str, or a column of them; for whole prompts: model.count_tokens.",
    )
