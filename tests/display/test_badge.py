"""The line about tokens and price: its words, and where it stands in each kind of place."""

from __future__ import annotations

import re
from html import unescape

import pytest

from gemini_nb.content import Part, UsageMetadata
from gemini_nb.display import live
from gemini_nb.display.badge import Before, Used
from gemini_nb.stream import Response
from gemini_nb.tokens.counted import Counted, TokenCount
from gemini_nb.widgets import stream
from tests.documents.notebook import Parser, missing

PARTS = [
    Counted("system", 12),
    Counted("text", 840),
    Counted("photo.png", 1120, "IMAGE", "rule"),
    Counted("talk.mp3", 4512, "AUDIO", "rule"),
]
COUNT = TokenCount.of(PARTS)
BEFORE = Before(COUNT, window=1_048_576, price=0.0012, left=0.49)
LINE = (
    "system 12 · text 840 · photo.png 1,120 · talk.mp3 4,512 — 0.6 % of 1 M · $0.0012 · $0.49 left"
)
USAGE = UsageMetadata(prompt_token_count=6484, candidates_token_count=312, thoughts_token_count=96)
USED = Used(USAGE, price=0.0021, seconds=2.98, first=0.6)
USED_LINE = "in 6,484 · out 312 · thoughts 96 · $0.0021 · 3.0 s · 131 tok/s"


def of(*parts, cached=0):
    return TokenCount.of(list(parts), cached)


def test_what_is_about_to_be_sent():
    """Each part with its tokens, the share of the window, the price and what is left."""
    assert BEFORE.line() == LINE


@pytest.mark.parametrize(
    ("before", "line"),
    [
        (Before(of(Counted("text", 3, how="estimate"))), "text ≈ 3 — no price known"),
        (Before(TokenCount(1), is_free=True), "1 token — free, on this machine"),
        (Before(TokenCount(0), price=0.5), "0 tokens — $0.50"),
        (Before(TokenCount(2000, how="estimate"), price=0.5), "≈ 2,000 tokens — $0.50"),
        (Before(of(Counted("text", 5), cached=1000), price=0.5), "text 5 · cached 1,000 — $0.50"),
        (Before(of(Counted("a", 5)), price=0.5, left=-0.2), "a 5 — $0.50 · $0.20 over the budget"),
    ],
)
def test_what_is_not_known_is_said_or_left_out(before, line):
    """An estimate has its sign, a price is never guessed, and one token is no plural."""
    assert before.line() == line


@pytest.mark.parametrize(
    ("tokens", "window", "of"),
    [
        (0, 1_048_576, "0 % of 1 M"),
        (1, 1_048_576, "< 0.1 % of 1 M"),
        (64, 32_768, "0.2 % of 32 K"),
        (12_800, 128_000, "10 % of 128 K"),
        (1_999_999, 2_000_000, "99 % of 2 M"),
        (3000, 2001, "149 % of 2,001"),
    ],
)
def test_shares_of_the_window(tokens, window, of):
    """Nearly nothing is not nothing, nearly all is not all, and windows have their usual names."""
    assert Before(TokenCount(tokens), window).facts()["of"] == of


@pytest.mark.parametrize(
    ("drift", "said"),
    [(0.03, "usually 3 % more"), (-0.124, "usually 12 % less"), (0.009, None), (None, None)],
)
def test_how_far_counts_are_off(drift, said):
    """It is only said where it matters."""
    assert (said in Before(COUNT, drift=drift).facts()["parts"]) is (said is not None)
    assert ("usually" in Before(COUNT, drift=drift).line()) is (said is not None)


def test_many_parts_are_folded():
    """The largest stay, in their order; the others are one, and all of them are in the title."""
    parts = [Counted(f"f{i}", i * 100, how="exact" if i else "estimate") for i in range(15)]
    facts = Before(of(*parts)).facts()
    kept = [f"f{i} {i * 100:,}" for i in range(10, 15)]
    assert facts["parts"] == [*kept, "+ 10 more ≈ 4,500"]
    assert facts["all"].split("\n") == [
        "≈ 10,500 tokens",
        "f0 ≈ 0",
        *(f"f{i} {i * 100:,}" for i in range(1, 15)),
    ]
    assert len(Before(of(*parts[:6])).facts()["parts"]) == 6


def test_very_many_parts_are_folded_in_the_title_as_well():
    """A title is no list of a thousand."""
    lines = Before(of(*(Counted("text", 1) for _ in range(1000)))).facts()["all"].split("\n")
    assert lines == ["1,000 tokens", *["text 1"] * 39, "+ 961 more 961"]


def test_alike_parts_are_all_counted():
    """Two parts that look the same are two."""
    facts = Before(of(*[Counted("text", 7) for _ in range(9)])).facts()
    assert facts["parts"] == ["text 7"] * 5 + ["+ 4 more 28"]


def test_names_are_only_names():
    """A long one loses its middle; what would turn the text or begin a line is taken out."""
    long = Counted("the-minutes-of-the-meeting-of-march.final.pdf", 5)
    bad = Counted("a\u202egnp\x1b[31m\nb\x07", 6)
    facts = Before(of(long, bad, Counted("\x1b[2J", 7))).facts()
    assert facts["parts"] == ["the-minutes-of-…ch.final.pdf 5", "agnp b 6", "part 7"]
    assert long.label in facts["all"]


def test_what_was_used():
    """Tokens in and out always, what there was besides, and how fast the text came."""
    assert USED.line() == USED_LINE
    assert USED.facts() == {"rest": USED_LINE.split(" · ")}


@pytest.mark.parametrize(
    ("used", "line"),
    [
        (
            Used(UsageMetadata(prompt_token_count=1, cached_content_token_count=1), seconds=0.05),
            "in 1 · out 0 · cached 1 · no price known · < 0.1 s",
        ),
        (
            Used(UsageMetadata(candidates_token_count=9), is_free=True, seconds=75.0, first=1),
            "in ? · out 9 · free · 1 min 15 s · 0.1 tok/s",
        ),
        (Used(None, seconds=12.3, first=1.0), "tokens not counted · 12 s"),
        (
            Used(
                UsageMetadata(prompt_token_count=4, tool_use_prompt_token_count=50),
                price=0.5,
                seconds=2,
            ),
            "in 4 · out 0 · tools 50 · $0.50 · 2.0 s",
        ),
    ],
)
def test_what_there_was_not_is_left_out(used, line):
    """No zeros but those of the answer, no price for what was not counted, no empty speed."""
    assert used.line() == line


def test_no_speed_of_what_came_at_once():
    """A whole answer in one piece says nothing about how fast the model is."""
    assert "tok/s" not in Used(USAGE, seconds=2.4, first=2.3).line()
    assert (
        "tok/s" not in Used(UsageMetadata(candidates_token_count=1), seconds=2.4, first=0.1).line()
    )


@pytest.fixture(scope="module")
def parser():
    """What a notebook makes of Markdown."""
    if missing():
        pytest.skip(missing())
    parser = Parser()
    yield parser
    parser.close()


def test_as_markdown_it_is_the_same_text(parser):
    """Names with signs of Markdown show as they are, and two prices are no formula."""
    names = ("a_b_c.png", "<img src=x onerror=a()>", "[x](https://e.org)", "`$x$`", "**b**", "#1")
    before = Before(of(*(Counted(name, 1) for name in names)), 1000, price=0.01, left=0.49)
    data = before.bundle()
    assert data["text/plain"] == before.line()
    html = parser("html", data["text/markdown"])
    assert re.findall(r"<[^/>]*>", html) == ["<p>", *["<em>"] * 9]
    text = unescape(re.sub("<[^>]*>", "", html)).strip()
    assert text == before.line()


def test_updates_have_it_below_the_text(in_place, clock, published):
    """It is there at once; at the end the answer is alone, and what was used is by itself."""
    in_place("updates")
    shown = live.LiveMarkdown(badge=BEFORE)
    shown.write("```python\nx = 1")
    clock.now += 1
    shown.write("\n```\n\nSo.")
    shown.close(Response(), 1.0, USED)
    plain = [data["text/plain"] for _, data, *_ in published]
    assert plain[0] == LINE
    assert [text.endswith(f"\n\n{LINE}") for text in plain[1:3]] == [True, True]
    assert plain[3:] == ["```python\nx = 1\n```\n\nSo.", USED_LINE]
    # Outside of the block of code, though that is still open.
    assert f"x = 1\n```\n\n{BEFORE.bundle()['text/markdown']}" in published[1][1]["text/markdown"]
    assert [update for update, *_ in published] == [False, True, True, True, False]
    *first, last = [display_id for *_, display_id in published]
    assert len(set(first)) == 1
    assert last is None


@pytest.mark.parametrize("how", ["text", "json", "code"])
def test_other_formats_have_it_as_text(in_place, clock, published, how):
    """The kind of the display does not change while it streams."""
    in_place("updates")
    shown = live.LiveMarkdown(how, badge=BEFORE)
    shown.write('{"a": 1}')
    shown.close(Response(), 1.0, USED)
    assert [set(data) for _, data, *_ in published[:2]] == [{"text/plain"}] * 2
    assert published[1][1]["text/plain"] == f'{{"a": 1}}\n\n{LINE}'
    assert LINE not in published[2][1]["text/plain"]
    assert published[3][1]["text/plain"] == USED_LINE


def test_nothing_came_but_had_its_price(in_place, published):
    """The display holds nothing then, and what was used is said where it was counted."""
    in_place("updates")
    live.LiveMarkdown(badge=BEFORE).close(Response(), 1.0, USED)
    assert [data.get("text/plain") for _, data, *_ in published] == [LINE, None, USED_LINE]
    live.LiveMarkdown(badge=BEFORE).close(Response(), 1.0, Used(None))
    assert [data.get("text/plain") for _, data, *_ in published[3:]] == [LINE, None]


@pytest.mark.parametrize(("where", "badge"), [("once", BEFORE), ("updates", None)])
def test_a_replay_and_who_wants_none_see_none(in_place, clock, published, where, badge):
    """One display, and that is the answer."""
    in_place(where)
    shown = live.LiveMarkdown(badge=badge)
    shown.write("So.")
    shown.close(Response(), 1.0, USED)
    assert {data["text/plain"] for _, data, *_ in published} == {"So."}
    live.LiveMarkdown(badge=badge).close(Response(), 1.0, USED)
    assert {data["text/plain"] for _, data, *_ in published} == {"So."}


@pytest.fixture
def wire(monkeypatch):
    """All that goes to the page: (kind, data)."""
    comm = pytest.importorskip("comm", reason="an older ipykernel has comms of its own")
    sent = []

    class Wire(comm.base_comm.BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            sent.append((msg_type, data or {}))

    monkeypatch.setattr(comm, "create_comm", Wire)
    monkeypatch.setattr(stream, "_shared", None)
    monkeypatch.setattr(stream, "_latest", type(stream._latest)())
    monkeypatch.setattr(stream, "ears", stream._Ears())
    yield sent
    for _, kept in stream._latest:
        kept.close()


def test_a_widget_brings_it_once(in_place, published, wire):
    """It comes with the widget, what was used with the end, and neither is in the output."""
    in_place("widget")
    shown = live.LiveMarkdown(badge=BEFORE)
    shown.write("So.")
    shown.close(Response(), 1.0, USED)
    opened = [data["state"] for kind, data in wire if kind == "comm_open"]
    assert [state["badge"] for state in opened if "badge" in state] == [BEFORE.facts()]
    later = [data for kind, data in wire if kind != "comm_open"]
    assert not any("badge" in data.get("state", {}) for data in later)
    (end,) = [data["content"] for data in later if data.get("content", {}).get("t") == "end"]
    assert end["used"] == USED.facts()
    assert [set(data) for _, data, *_ in published[1:]] == [{"text/markdown", "text/plain"}]
    assert published[-1][1]["text/plain"] == "So."


def test_a_widget_without_it(in_place, published, wire):
    """Who wants none gets none, at the end neither."""
    in_place("widget")
    shown = live.LiveMarkdown()
    shown.write("So.")
    shown.close(Response(), 1.0, USED)
    assert not any(data.get("state", {}).get("badge") for _, data in wire)
    assert not any("used" in data.get("content", {}) for _, data in wire)


def test_a_widget_shows_other_formats_as_text(in_place, published, wire):
    """Half a JSON is code while it comes, whatever it holds; the output is what was asked for."""
    in_place("widget")
    shown = live.LiveMarkdown("json", badge=BEFORE)
    shown.add(Part(text="hm", thought=True))
    shown.write('```json\n{"a": 1}\n')
    shown.write("```")
    shown.close(Response(), 1.0, USED)
    pieces = [data["content"] for _, data in wire if "s" in data.get("content", {})]
    assert {piece["t"] for piece in pieces} == {"d"}
    assert pieces[0]["plain"] is True
    fence, *lines = "".join(piece["s"] for piece in pieces).split("\n")
    assert (set(fence), lines) == ({"`"}, ["```json", '{"a": 1}', "```"])
    assert published[-1][1]["application/json"] == {"a": 1}


@pytest.fixture
def columns():
    """Wide enough for the lines here."""
    return 100


@pytest.mark.parametrize("how", ["markdown", "text"])
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_has_both_lines(tty, monkeypatch, how, term):
    """One before and one after, dim where that can be, and each of them once."""
    monkeypatch.setenv("TERM", term)
    shown = live.LiveMarkdown(how, badge=BEFORE)
    assert tty.screen.lines == [LINE]
    shown.write("So.")
    shown.close(Response(), 1.0, USED)
    assert tty.screen.lines == [LINE, "", "So.", "", USED_LINE]
    assert tty.getvalue().count("\x1b[2m") == (0 if term == "dumb" else 2)


def test_a_terminal_where_nothing_came(tty):
    """What it took is said all the same."""
    live.LiveMarkdown(badge=BEFORE).close(Response(), 1.0, USED)
    assert tty.screen.lines == [LINE, "", USED_LINE]


def test_a_file_gets_the_answer_alone(tty, monkeypatch):
    """Where no person looks there is no badge."""
    monkeypatch.setattr(tty, "isatty", lambda: False)
    shown = live.LiveMarkdown(badge=BEFORE)
    shown.write("So.")
    shown.close(Response(), 1.0, USED)
    assert tty.getvalue() == "So.\n"
