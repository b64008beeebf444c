"""Tables of what was used, for a notebook and for a terminal."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from markdown_it import MarkdownIt

from gemini_nb import history, ledger
from gemini_nb.display import spending, tables
from gemini_nb.history import Record, Spent, Usage
from tests import documents

FLASH = Usage("gemini-3.8-flash", "api", 12, 6484, 1200, 312, 96, 0.0021, 0)
PRO = Usage("gemini-3.1-pro-preview", "api", 1, 1000, 0, 10, 0, 0.25, 0)
OTHER = Usage("gemini-test", "api", 3, 30, 0, 6, 0, 0.0, 3)

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=http://evil.example/x onerror=alert(1)>",
    "![x](http://evil.example/x.png)",
    "[x](javascript:alert(1))",
    "a | b |\n| c | d",
    "a\n\n# big",
    "`code` *it* __bold__ ~~gone~~",
    "$x$ $$\\href{javascript:alert(1)}{x}$$",
    "http://evil.example me@evil.example",
    "[x]: http://evil.example",
    "&lt;b&gt; &#60;b&#62;",
    "\x1b[31mred\x1b]0;title\x07 \u202eback",
    "```\nfence",
    "\\| \\<b>",
]


def recorded(**more):
    fields = dict.fromkeys(Record.__dataclass_fields__)
    noon = dt.datetime(2026, 11, 22, 12, 30).astimezone().timestamp()
    given = {"time": noon, "model": "gemini-test", "seconds": 2.44, "finish": "STOP"}
    return Record(**{**fields, **given, **more})


def rendered(markdown):
    """The rows of a table as a browser has them, and every other kind of token there is."""
    tokens = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
    found, kinds, inside = [], set(), False
    for token in tokens.parse(markdown):
        kinds |= {token.type.removesuffix("_open").removesuffix("_close")}
        kinds |= {child.type for child in token.children or ()}
        if token.type == "tr_open":
            found.append([])
        inside = token.type.startswith(("tr", "th", "td")) or (inside and token.type == "inline")
        if token.type == "inline" and inside:
            found[-1].append("".join(child.content for child in token.children))
    return found, kinds


HARMLESS = {"table", "thead", "tbody", "tr", "th", "td", "inline", "text", "text_special"}
HARMLESS |= {"paragraph"}


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, as bundles."""
    found = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: found.append(bundle))
    return found


def test_one_model_is_one_row():
    """There is nothing to sum up."""
    assert spending.usage_rows({"this notebook": [FLASH], "today": []}) == [
        ("this notebook", "gemini-3.8-flash", "12", "6,484", "312", "96", "1,200", "$0.0021")
    ]


def test_several_models_have_a_sum():
    """In front of them; calls without a price are said, and not taken for free."""
    rows = spending.usage_rows({"today": [PRO, FLASH, OTHER], "this notebook": [OTHER]})
    assert rows == [
        ("today", "all", "16", "7,514", "328", "96", "1,200", "$0.2521 + 3 calls without a price"),
        ("", "gemini-3.1-pro-preview", "1", "1,000", "10", "0", "0", "$0.25"),
        ("", "gemini-3.8-flash", "12", "6,484", "312", "96", "1,200", "$0.0021"),
        ("", "gemini-test", "3", "30", "6", "0", "0", "3 calls without a price"),
        ("this notebook", "gemini-test", "3", "30", "6", "0", "0", "3 calls without a price"),
    ]


def test_the_local_backend_has_a_row_of_its_own():
    """It answers by the same names, and for nothing."""
    local = dataclasses.replace(FLASH, backend="local", dollars=0.0)
    rows = spending.usage_rows({"today": [FLASH, local]})
    assert [row[1] for row in rows] == ["all", "gemini-3.8-flash", "gemini-3.8-flash (local)"]
    assert [row[-1] for row in rows] == ["$0.0021", "$0.0021", "$0"]


@pytest.mark.parametrize(
    ("spent", "budget", "line"),
    [
        (Spent(), None, "This session: $0."),
        (Spent(0.0021, 1), None, "This session: $0.0021 + 1 call without a price."),
        (Spent(0.0, 2), None, "This session: 2 calls without a price."),
        (Spent(0.2, 0), 0.5, "This session: $0.20; $0.30 of the budget of $0.50 is left."),
        (Spent(0.5, 0), 0.5, "This session: $0.50; $0 of the budget of $0.50 is left."),
        (Spent(0.6, 0), 0.5, "This session: $0.60; the budget of $0.50 is overspent by $0.10."),
        (
            Spent(0.1, 3),
            0.5,
            "This session: $0.10 + 3 calls without a price; $0.40 of the budget of $0.50 is left.",
        ),
    ],
)
def test_what_is_left(spent, budget, line):
    """One sentence, with or without a budget."""
    assert spending.spent_line(spent, budget) == line


@pytest.mark.parametrize("hostile", [*HOSTILE, *documents.hostile().values()])
def test_nothing_in_a_cell_is_markdown(hostile):
    """Names and words come from anywhere; each stays in its cell, as it is."""
    rows = [("a", hostile, "1"), (hostile, "b", hostile)]
    made = tables.markdown(("", "model", "price"), rows, [f"The file {hostile}"])
    table, kinds = rendered(made)
    assert kinds <= HARMLESS
    plain = " ".join(tables.terminal_text(hostile).split()).replace("\0", "\ufffd")
    # Before a TeX command, and in the place of dollars that would make a formula.
    table = [[c.replace("\u2060", "").replace("\uff04", "$") for c in row] for row in table]
    assert table == [["", "model", "price"], ["a", plain, "1"], [plain, "b", plain]]
    assert "$" not in made
    assert not set("\x1b\x07\u202e") & set(made)
    assert not set("\x1b\x07\u202e") & set(tables.plain(("", "m", "p"), rows, [hostile]))


def test_amounts_are_no_formula():
    """Two dollar signs in one text would be one: each amount is an element of its own."""
    made = tables.markdown(
        ("", "price"), [("a", "$1")], ["Spent <$0.01; $0.50, or 5$ of US$7 left"]
    )
    assert "| a | &#36;1 |" in made
    assert made.endswith("Spent *&#60;&#36;0.01*; *&#36;0.50*, or 5&#65284; of US&#65284;7 left")


def test_a_table_for_a_terminal():
    """Columns, numbers to the right; the twin in Markdown has the same cells."""
    rows = spending.usage_rows({"today": [FLASH, OTHER]})
    text = tables.plain(spending._USAGE, rows, ["This session: $0."])
    said = "$0.0021 + 3 calls without a price"
    assert text.splitlines() == [
        f"       model             calls     in  out  thoughts  cached  {'price':>{len(said)}}",
        f"today  all                  15  6,514  318        96   1,200  {said}",
        f"       gemini-3.8-flash     12  6,484  312        96   1,200  {'$0.0021':>{len(said)}}",
        f"       gemini-test           3     30    6         0       0  {said[10:]:>{len(said)}}",
        "",
        "This session: $0.",
    ]
    table, kinds = rendered(tables.markdown(spending._USAGE, rows, ["This session: $0."]))
    assert [tuple(row) for row in table[1:]] == rows
    assert kinds <= HARMLESS


def test_usage_of_a_notebook(shown, monkeypatch):
    """Its own calls and all of today's; what was before midnight is not of today."""
    asked = []

    def usage(**given):
        asked.append(given)
        return [FLASH] if "notebook" in given else [PRO]

    monkeypatch.setattr(history, "usage", usage)
    monkeypatch.setattr(history, "spent", lambda: Spent(0.1, 0))
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a.ipynb")
    spending.show_usage(budget=0.5)
    assert asked[0] == {"notebook": "/home/a.ipynb"}
    midnight = asked[1]["since"]
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
    assert midnight.date() == dt.datetime.now().astimezone().date()
    (bundle,) = shown
    assert set(bundle) == {"text/markdown", "text/plain"}
    lines = bundle["text/plain"].splitlines()
    assert [line.split("  ")[0] for line in lines[1:3]] == ["this notebook", "today"]
    assert lines[-1] == "This session: $0.10; $0.40 of the budget of $0.50 is left."


def test_usage_where_there_is_no_notebook(shown, monkeypatch):
    """A script and a terminal have their session; a file that cannot be read is said."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(history, "usage", lambda **given: [FLASH] if "session" in given else [])
    monkeypatch.setattr(history, "spent", Spent)
    monkeypatch.setattr(ledger, "_said", "The history of calls cannot be read: locked.")
    spending.show_usage()
    lines = shown[0]["text/plain"].splitlines()
    assert lines[1].startswith("this session  gemini-3.8-flash")
    assert lines[-2:] == ["This session: $0.", "The history of calls cannot be read: locked."]


def test_usage_of_nothing(shown, monkeypatch):
    """No table, and one sentence."""
    monkeypatch.setattr(history, "usage", lambda **given: [])
    monkeypatch.setattr(history, "spent", Spent)
    monkeypatch.setattr(ledger, "_said", None)
    spending.show_usage()
    assert shown[0]["text/plain"] == "This session: $0."


def test_history_without_contents(shown):
    """What is not known is a dash; there is no column for what was not kept."""
    spending.show_history([recorded(input=1234, output=5, price=0.0021), recorded()])
    lines = shown[0]["text/plain"].splitlines()
    assert lines[0].split() == ["time", "model", "in", "out", "price", "seconds", "finish"]
    assert lines[1].split() == [
        *("2026-11-22", "12:30", "gemini-test", "1,234", "5", "$0.0021", "2.4", "STOP")
    ]
    assert lines[2].split()[3:6] == ["–", "–", "–"]


def test_history_with_contents(shown):
    """The first words of the prompt, where there are any."""
    spending.show_history([recorded(prompt="Tell\nme " + "more " * 50), recorded(prompt=None)])
    table, _ = rendered(shown[0]["text/markdown"])
    assert table[0][-1] == "prompt"
    assert table[1][-1] == ("Tell me " + "more " * 50)[:59] + "…"
    assert table[2][-1] == ""


def test_no_history(capsys, shown, monkeypatch):
    """A sentence, and why it may be so."""
    monkeypatch.setattr(ledger, "_said", None)
    spending.show_history([])
    monkeypatch.setattr(ledger, "_said", "The history of calls cannot be read: locked.")
    spending.show_history([])
    assert capsys.readouterr().out.splitlines() == [
        "There is no such call on record.",
        "The history of calls cannot be read: locked.",
    ]
    assert shown == []
