"""The tokens of a prompt, counted here and now, or as the service says; nothing is generated.

What counts how much is `tokens/`; here a request of the wire becomes what that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gemini_nb import history, settings
from gemini_nb.errors import BadPrompt
from gemini_nb.known import facts_of
from gemini_nb.tokens import count as counts
from gemini_nb.tokens import vocabulary
from gemini_nb.tokens.counted import TokenCount

if TYPE_CHECKING:
    from gemini_nb.content import CountTokensResponse, GenerateContentRequest


# In a shorter prompt the few tokens that the service adds say nothing of a longer one.
_TELLING = 100


def estimated(
    body: GenerateContentRequest, model: str, *, cached: int = 0, wait: bool = True
) -> TokenCount:
    """A request → its tokens, without asking anybody.

    `cached` is what its cache holds. Without `wait` a vocabulary that is still being read is not
    waited for: texts are estimated then.
    """
    tree = msgspec.to_builtins(body, builtin_types=(bytes,))
    return counts.count(tree, model, facts_of=facts_of, cached=cached, wait=wait)


def by_service(told: CountTokensResponse, own: TokenCount, model: str) -> TokenCount:
    """What the service counted, with one's own counts of the parts, which it does not tell apart.

    The difference is kept: it says how far the own counts are off for this model.
    """
    total = told.total_tokens or 0
    compare(model, own, total)
    by = {str(d.modality): d.token_count or 0 for d in told.prompt_tokens_details}
    cached = told.cached_content_token_count or 0
    return TokenCount(total, own.parts, cached, by or {"TEXT": total}, "server")


def compare(model: str, own: TokenCount, counted: int | None) -> None:
    """Keep how far an own count was off, where it was one, of a prompt that says something."""
    if counted and own.total_tokens >= _TELLING and own.how != "estimate":
        history.compared(model, own.total_tokens, counted)


def count(texts: Any, model: str | None = None) -> Any:
    """How many tokens a text has, or each of many; exact, offline, and fast (`encode_batch`).

    Args:
        texts: a str; or a list, a pandas Series or another iterable of them; None and NaN are 0.
        model: whose vocabulary; None for the one of `configure(model=…)`.

    Returns:
        An int; for a Series a Series with its index; for others a list of int.

    Raises BadPrompt for what is no text.
    """
    name = model or settings.current().model
    if isinstance(texts, str):
        return vocabulary.count(texts, name)
    try:
        many = ["" if _is_missing(text) else text for text in texts]
    except TypeError:
        many = [texts]
    for text in many:
        if not isinstance(text, str):
            raise BadPrompt(
                f"A {type(text).__name__} is no text to count.",
                advice="Give str, or a column of them; for whole prompts: model.count_tokens.",
            )
    found = vocabulary.count_many(many, name)
    if hasattr(texts, "index") and hasattr(texts, "to_frame"):  # a pandas Series
        return type(texts)(found, index=texts.index, name=texts.name)
    return found


def _is_missing(text: Any) -> bool:
    return text is None or text != text  # noqa: PLR0124 - NaN is the one that is not itself
