"""The quiet line about tokens and price: what is about to be sent, and then what was used.

This says it: as text, as Markdown, and as facts that a page lays out. It counts nothing (`tokens/`
does), and shows nothing: where and when is the concern of `live.py`.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from gemini_nb.display.html import terminal_text
from gemini_nb.tokens.prices import dollars

if TYPE_CHECKING:
    from gemini_nb.content import UsageMetadata
    from gemini_nb.tokens.counted import Counted, TokenCount

# Parts that the line names, and its title, and characters of a name in the line.
_MOST = 6
_MOST_OF_ALL = 40
_LONGEST = 28
# A count that is off by less is as good as right.
_DRIFT = 0.01
# Below these a rate is that of the network, not of the model.
_STREAMED = 0.2
_SPOKEN = 2
# Numbers from ten on are said without a fraction, and none below a tenth is told apart.
_TWO_DIGITS = 10
_TENTH = 0.1

_SIZES = ((10**6, "M"), (1 << 20, "M"), (1000, "K"), (1 << 10, "K"))
_SIGN = re.compile(r"([!-/:-@\[-`{-~])")


class _Line:
    """Facts in one line, in groups."""

    def _groups(self) -> list[list[str]]:
        raise NotImplementedError

    def line(self) -> str:
        """The line as plain text."""
        return " — ".join(" · ".join(group) for group in self._groups() if group)

    def bundle(self) -> dict[str, str]:
        """The line as Markdown and as plain text.

        Each fact is emphasised by itself: between two dollar signs a notebook would see a formula.
        """
        groups = [[f"*{_literal(fact)}*" for fact in group] for group in self._groups() if group]
        text = " — ".join(" · ".join(group) for group in groups)
        return {"text/markdown": text, "text/plain": self.line()}


@dataclasses.dataclass(frozen=True)
class Before(_Line):
    """What is about to be sent.

    Attributes:
        count: its tokens, part by part.
        window: how many tokens the model takes; None: not known.
        price: of the prompt alone, in dollars; None: not known.
        is_free: whether it stays on this machine.
        left: of the budget, in dollars; None: there is no budget.
        drift: how far the service's count was from ours lately, as a share of ours.
    """

    count: TokenCount
    window: int | None = None
    price: float | None = None
    is_free: bool = False
    left: float | None = None
    drift: float | None = None

    def facts(self) -> dict[str, Any]:
        """What a page lays out: `parts`, then the `share` of the window, then the `rest`."""
        facts: dict[str, Any] = {"parts": self._parts(), "rest": self._rest(), "all": self._all()}
        if self.window:
            facts["share"] = round(self.count.total_tokens / self.window, 4)
            facts["of"] = self._of()
        return facts

    def _groups(self) -> list[list[str]]:
        return [self._parts(), [*([self._of()] if self.window else []), *self._rest()]]

    def _parts(self) -> list[str]:
        kept, folded = _largest(self.count.parts, _MOST)
        said = [f"{_short(_name(part))} {_tokens(part)}" for part in kept]
        said += _more(folded)
        if self.count.cached_content_token_count:
            said.append(f"cached {self.count.cached_content_token_count:,}")
        return [*(said or [self._total()]), *self._drift()]

    def _total(self) -> str:
        about = "≈ " if self.count.how == "estimate" else ""
        return f"{about}{self.count.total_tokens:,} token{'s'[: self.count.total_tokens != 1]}"

    def _drift(self) -> list[str]:
        if self.drift is None or abs(self.drift) < _DRIFT:
            return []
        return [f"usually {100 * abs(self.drift):.0f} % {'more' if self.drift > 0 else 'less'}"]

    def _of(self) -> str:
        window = self.window or 1
        unit, sign = next((one for one in _SIZES if window % one[0] == 0), (1, ""))
        return f"{_percent(self.count.total_tokens / window)} of {window // unit:,} {sign}".rstrip()

    def _rest(self) -> list[str]:
        said = ["free, on this machine" if self.is_free else _price(self.price)]
        if self.left is not None:
            is_over = self.left < 0
            said.append(f"{dollars(abs(self.left))} {'over the budget' if is_over else 'left'}")
        return said

    def _all(self) -> str:
        """Every part with its whole name, for a title and for who listens."""
        kept, folded = _largest(self.count.parts, _MOST_OF_ALL)
        parts = [f"{_name(part)} {_tokens(part)}" for part in kept]
        share = self.count.total_tokens / self.window if self.window else None
        of = "" if share is None else f", {_percent(share)} of the context window"
        return "\n".join([f"{self._total()}{of}", *parts, *_more(folded)])


@dataclasses.dataclass(frozen=True)
class Used(_Line):
    """What an answer took.

    Attributes:
        usage: as the service counted; None: it did not say.
        price: of all of it, in dollars; None: not known.
        is_free: whether it stayed on this machine.
        seconds: from the request to the end.
        first: seconds until the first text; None: there was none.
    """

    usage: UsageMetadata | None
    price: float | None = None
    is_free: bool = False
    seconds: float = 0.0
    first: float | None = None

    def facts(self) -> dict[str, Any]:
        """What a page lays out."""
        return {"rest": self._groups()[0]}

    def _groups(self) -> list[list[str]]:
        said = self._counts(self.usage) if self.usage else ["tokens not counted"]
        if self.is_free:
            said.append("free")
        elif self.usage or self.price is not None:
            said.append(_price(self.price))
        return [[*said, _seconds(self.seconds), *self._rate()]]

    @staticmethod
    def _counts(usage: UsageMetadata) -> list[str]:
        asked = usage.prompt_token_count
        more = {
            "thoughts": usage.thoughts_token_count,
            "tools": usage.tool_use_prompt_token_count,
            "cached": usage.cached_content_token_count,
        }
        return [
            f"in {'?' if asked is None else f'{asked:,}'}",
            # The service leaves out a count that is 0.
            f"out {usage.candidates_token_count or 0:,}",
            *(f"{name} {tokens:,}" for name, tokens in more.items() if tokens),
        ]

    def _rate(self) -> list[str]:
        tokens = (self.usage and self.usage.candidates_token_count) or 0
        spoke = 0.0 if self.first is None else self.seconds - self.first
        if spoke < _STREAMED or tokens < _SPOKEN:
            return []
        rate = tokens / spoke
        return [f"{rate:,.0f} tok/s" if rate >= _TWO_DIGITS else f"{rate:.1f} tok/s"]


def _name(part: Counted) -> str:
    """A name on one line, without what would turn or move the rest of it."""
    return " ".join(terminal_text(part.label).split()) or "part"


def _short(name: str) -> str:
    """A long name without its middle: the end tells what it is."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 13]}…{name[-12:]}"


def _tokens(*parts: Counted) -> str:
    about = "≈ " if any(part.how == "estimate" for part in parts) else ""
    return f"{about}{sum(part.tokens for part in parts):,}"


def _largest(parts: tuple[Counted, ...], most: int) -> tuple[list[Counted], list[Counted]]:
    """Parts to name, and the others: the largest are what one may want to change."""
    if len(parts) <= most:
        return list(parts), []
    by_size = sorted(range(len(parts)), key=lambda at: parts[at].tokens, reverse=True)
    named = by_size[: most - 1]
    return [parts[at] for at in sorted(named)], [parts[at] for at in by_size[most - 1 :]]


def _more(folded: list[Counted]) -> list[str]:
    return [f"+ {len(folded):,} more {_tokens(*folded)}"] if folded else []


def _percent(share: float) -> str:
    """A share that does not say nothing, or everything, where it is nearly that."""
    percent = 100 * share
    if 0 < percent < _TENTH:
        return f"< {_TENTH} %"
    return f"{percent:.1f} %" if 0 < percent < _TWO_DIGITS else f"{int(percent):,} %"


def _price(price: float | None) -> str:
    return "no price known" if price is None else dollars(price)


def _seconds(seconds: float) -> str:
    if seconds < _TENTH:
        return f"< {_TENTH} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes:
        return f"{minutes:,} min {rest} s"
    return f"{seconds:.1f} s" if seconds < _TWO_DIGITS else f"{seconds:.0f} s"


def _literal(text: str) -> str:
    """Markdown that shows `text` as it is."""
    return _SIGN.sub(r"\\\1", text)
