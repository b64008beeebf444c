"""What was used and spent, and the calls themselves: small tables for a notebook and a terminal.

Nothing here is counted: `history.py` knows it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from gemini_nb import history, ledger
from gemini_nb.display import tables
from gemini_nb.record import this_notebook, this_session
from gemini_nb.tokens.prices import dollars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemini_nb.display.tables import Rows
    from gemini_nb.history import Record, Spent, Usage

_USAGE = ("", "model", "calls", "in", "out", "thoughts", "cached", "price")
_HISTORY = ("time", "model", "in", "out", "price", "seconds", "finish")
_WORDS = 60


def show_usage(budget: float | None = None) -> None:
    """What was spent in this notebook, or session where there is none, and today."""
    midnight = dt.datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    notebook = this_notebook()
    here = history.usage(notebook=notebook) if notebook else history.usage(session=this_session())
    groups = {
        "this notebook" if notebook else "this session": here,
        "today": history.usage(since=midnight),
    }
    said = [spent_line(history.spent(), budget)]
    trouble = ledger.trouble()
    tables.show(_USAGE, usage_rows(groups), [*said, *([trouble] if trouble else [])])


def usage_rows(groups: dict[str, list[Usage]]) -> Rows:
    """The table of `show_usage`: for each group its models, and their sum where it has several."""
    rows: Rows = []
    for name, models in groups.items():
        if len(models) > 1:
            rows.append(_usage_row(name, "all", models))
        rows += [_usage_row(name if len(models) == 1 else "", _name(m), [m]) for m in models]
    return rows


def _name(one: Usage) -> str:
    return f"{one.model} (local)" if one.backend == "local" else one.model


def _usage_row(name: str, model: str, models: list[Usage]) -> tuple[str, ...]:
    sums = (
        sum(getattr(one, field) for one in models)
        for field in ("calls", "input", "output", "thoughts", "cached")
    )
    price = priced(sum(one.dollars for one in models), sum(one.unpriced for one in models))
    return (name, model, *(f"{number:,}" for number in sums), price)


def priced(amount: float, unpriced: int) -> str:
    """An amount, and how many calls are not in it because nobody knows their price."""
    if not unpriced:
        return dollars(amount)
    calls = f"{unpriced:,} call{'s' * (unpriced != 1)} without a price"
    return f"{dollars(amount)} + {calls}" if amount else calls


def spent_line(spent: Spent, budget: float | None) -> str:
    """What this session has spent, and what is left of its budget."""
    said = f"This session: {priced(*spent)}"
    if budget is None:
        return f"{said}."
    left = budget - spent.dollars
    if left >= 0:
        return f"{said}; {dollars(left)} of the budget of {dollars(budget)} is left."
    return f"{said}; the budget of {dollars(budget)} is overspent by {dollars(-left)}."


def show_history(records: Sequence[Record]) -> None:
    """Calls, the last one first."""
    if not records:
        print(ledger.trouble() or "There is no such call on record.")
        return
    words = any(one.prompt for one in records)
    rows = [_history_row(one)[: None if words else len(_HISTORY)] for one in records]
    tables.show((*_HISTORY, *(["prompt"] if words else [])), rows, [])


def _history_row(one: Record) -> tuple[str, ...]:
    said = " ".join((one.prompt or "")[: 10 * _WORDS].split())
    return (
        dt.datetime.fromtimestamp(one.time).astimezone().strftime("%Y-%m-%d %H:%M"),
        one.model,
        *("–" if number is None else f"{number:,}" for number in (one.input, one.output)),
        "–" if one.price is None else dollars(one.price),
        f"{one.seconds:.1f}",
        one.finish,
        said if len(said) <= _WORDS else f"{said[: _WORDS - 1]}…",
    )
