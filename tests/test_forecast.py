"""What is known before a prompt is sent, and which prompts are not."""

from __future__ import annotations

import dataclasses

import pytest

import gemini_nb as genai
from gemini_nb import forecast, history, windows
from gemini_nb.errors import OverBudget, PromptTooLong
from gemini_nb.tokens.counted import Counted, TokenCount
from tests.media import picture
from tests.server import answer_json
from tests.waiting import until

PARTS = [
    Counted("system", 12),
    Counted("history", 200),
    Counted("talk.mp3", 4512, "AUDIO", "rule"),
    Counted("photo.png", 258, "IMAGE", "rule"),
    Counted("text", 840),
]
KNOWN = forecast.Forecast(
    model="gemini-2.5-flash",
    count=TokenCount.of(PARTS),
    window=1_000_000,
    price=0.0025,
    is_free=False,
    left=None,
    drift=None,
)


def known(**changes):
    return dataclasses.replace(KNOWN, **changes)


def test_what_is_within_its_limits_may_go():
    """Nothing is said where there is nothing to say."""
    KNOWN.check()
    known(left=0.01).check(6000)
    known(window=None, price=None).check()


def test_more_than_the_cell_allows_is_not_sent():
    """The message has the numbers, the largest parts and what to do; the error has the count."""
    with pytest.raises(PromptTooLong) as caught:
        KNOWN.check(5000)
    assert str(caught.value) == (
        "The prompt has 5,822 tokens, and --max-input-tokens allows 5,000. "
        "Largest: talk.mp3 4,512 · text 840 · photo.png 258. Cut it to the stretch that matters."
    )
    assert (caught.value.limit, caught.value.count) == (5000, KNOWN.count)


def test_more_than_the_model_reads_is_not_sent():
    """A window is a limit, too; what is exactly as large as it goes."""
    known(window=5822).check()
    with pytest.raises(PromptTooLong, match=r"gemini-2.5-flash reads 5,821 at most"):
        known(window=5821).check()


def test_an_estimate_is_not_believed_more_than_the_service():
    """What is about as large as the window is for the service to judge."""
    about = TokenCount.of([Counted("text", 1200, "TEXT", "estimate")])
    known(count=about, window=1000).check()
    with pytest.raises(PromptTooLong, match="has about 1,200 tokens"):
        known(count=about, window=900).check()


@pytest.mark.parametrize(
    ("part", "hint"),
    [
        (Counted("text", 9), "Trim the text"),
        (Counted("system", 9), "Trim the text"),
        (Counted("history", 9), "%gemini_chat --new"),
        (Counted("tools", 9), "fewer tools"),
        (Counted("a.png", 9, "IMAGE"), "--media-resolution"),
        (Counted("a.mp4", 9, "VIDEO"), "Cut it, or"),
        (Counted("a.mp3", 9, "AUDIO"), "the stretch"),
        (Counted("a.pdf", 9, "DOCUMENT"), "the pages"),
    ],
)
def test_what_to_do_goes_by_what_is_largest(part, hint):
    """Each kind of part has its own way to become less."""
    with pytest.raises(PromptTooLong) as caught:
        known(count=TokenCount.of([part, Counted("text", 1)])).check(5)
    assert hint in caught.value.advice


def test_more_than_is_left_of_the_budget_is_not_sent():
    """The prompt alone is enough to refuse it; its answer would come on top."""
    known(left=0.0026).check()
    with pytest.raises(OverBudget) as caught:
        known(left=0.0025).check()
    assert "costs $0.0025" in str(caught.value)
    assert "$0.0025 of the budget is left" in str(caught.value)
    assert caught.value.left == 0.0025


def test_a_budget_needs_a_price(serve):
    """What nobody knows the price of is not sent where there is a budget; it says what to do."""
    server = serve()
    genai.configure(budget=1.0)
    with pytest.raises(OverBudget, match=r"No price of gemini-x is known") as caught:
        genai.GenerativeModel("gemini-x").generate_content("hi")
    assert "prices=" in caught.value.advice
    genai.configure(prices={"gemini-x": (1, 2)})
    assert genai.GenerativeModel("gemini-x").generate_content("hi").text == "Hello world."
    assert len(server.calls) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_budget_that_is_spent_ends_every_call(serve, do, monkeypatch, stream):
    """Not only those of magics: nothing is sent any more."""
    server = serve()
    genai.configure(budget=0.5)
    monkeypatch.setattr(history, "spent", lambda: history.Spent(0.5, 0))
    with pytest.raises(OverBudget, match=r"The budget of \$0\.50 is spent"):
        do(genai.GenerativeModel("gemini-2.5-flash"), "generate_content", "hi", stream=stream)
    assert server.calls == []


def test_a_forecast_of_a_prompt(serve, monkeypatch):
    """Tokens, window, price and budget of a whole request, with the person's names of its media."""
    server = serve()
    genai.configure(budget=0.5, prices={"gemini-2.5-flash": (1.0, 2.0)})
    monkeypatch.setattr(history, "spent", lambda: history.Spent(0.1, 0))
    model = genai.GenerativeModel("gemini-2.5-flash", system_instruction="Be brief.")
    image = {"mime_type": "image/png", "data": picture()}
    body = model.build([image, "What is this?", image])
    found = forecast.of(model, body, {2: "b.png"})
    assert [part.label for part in found.count.parts][-1] == "b.png"
    assert found.count.total_tokens == sum(part.tokens for part in found.count.parts)
    assert found.price == pytest.approx(found.count.total_tokens / 1e6)
    assert (found.left, found.is_free) == (0.4, False)
    assert found.window == 1_048_576
    assert server.calls == []


def test_the_service_is_asked_once_how_much_a_model_reads(serve):
    """In the background, after an answer; what it says wins over the table."""
    server = serve(answer_json({"name": "models/gemini-2.5-flash", "inputTokenLimit": 77}))
    client = genai.GenerativeModel("gemini-2.5-flash").client
    windows.learn(client, "models/gemini-2.5-flash")
    windows.learn(client, "models/gemini-2.5-flash")
    until(lambda: windows.of(client, "models/gemini-2.5-flash") == 77)
    assert [call.target for call in server.calls] == ["/v1beta/models/gemini-2.5-flash"]


def test_a_service_that_does_not_say_is_not_asked_again(serve):
    """An error of the question is nobody's business: the table stays."""
    server = serve(answer_json({"error": {"code": 500, "status": "INTERNAL"}}, 500))
    client = genai.GenerativeModel("gemini-2.5-flash").client
    windows.learn(client, "models/gemini-2.5-flash")
    until(lambda: len(server.calls) == 1)
    windows.learn(client, "models/gemini-2.5-flash")
    assert windows.of(client, "models/gemini-2.5-flash") == 1_048_576


@pytest.mark.parametrize("stream", [False, True])
def test_what_costs_too_much_is_not_sent_from_python(serve, do, stream):
    """Where there is a budget every prompt is looked at, not only that of a cell."""
    server = serve()
    genai.configure(budget=0.001, prices={"gemini-2.5-flash": (1000, 1000)})
    model = genai.GenerativeModel("gemini-2.5-flash")
    with pytest.raises(OverBudget, match="before its answer"):
        do(model, "generate_content", "The quick brown fox", stream=stream)
    assert server.calls == []


def test_what_cannot_be_told_ends_with_the_budget(serve, do, monkeypatch):
    """Embeddings, batches and caches cost, too, though nobody says how much."""
    server = serve()
    genai.configure(budget=0.5)
    monkeypatch.setattr(history, "spent", lambda: history.Spent(0.5, 0))
    name = "gemini-2.5-flash"
    for owner, call, *given in (
        (genai, "embed_content", "gemini-embedding-2", "text"),
        (genai, "embed_content", "gemini-embedding-2", ["text", "more"]),
        (genai.batches, "create", name, ["one"]),
        (genai.caching.CachedContent, "create", name),
    ):
        with pytest.raises(OverBudget, match="is spent"):
            do(owner, call, *given, **({"contents": "much"} if len(given) == 1 else {}))
    assert server.calls == []
    assert list(genai.list_files()) == []  # what is free goes on


def test_the_local_backend_has_no_budget(monkeypatch):
    """It costs nothing, whatever was spent, and has no price or window of the service."""
    genai.configure(backend="local", budget=0.5)
    monkeypatch.setattr(history, "spent", lambda: history.Spent(0.6, 0))
    monkeypatch.setattr(history, "drift", lambda *_: 0.5)
    model = genai.GenerativeModel("gemini-2.5-flash")
    found = forecast.of(model, model.build("hi"))
    assert (found.price, found.is_free, found.left) == (0.0, True, None)
    assert (found.window, found.drift) == (None, None)


def test_a_rate_limit_leaves_no_call_to_spare(serve):
    """Nobody asks how much a model reads where each request counts."""
    server = serve()
    genai.configure(rpm=5)
    windows.learn(genai.GenerativeModel("gemini-2.5-flash").client, "models/gemini-2.5-flash")
    genai.GenerativeModel("gemini-2.5-flash").generate_content("hi")
    assert [call.method for call in server.calls] == ["POST"]
