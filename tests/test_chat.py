"""A conversation's history is always a list of whole turns."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

import gemini_nb as genai
from gemini_nb import errors
from gemini_nb.types import Content, Part
from tests.server import answer_json, answer_sse, chunk


def echo(call):
    """Answers with what was said last, in one piece or in two."""
    said = call.json()["contents"][-1]["parts"][0]["text"]
    if "bad" in said:
        return answer_json({"error": {"code": 503, "message": "Busy."}}, 503)
    if "cut" in said:
        return answer_sse(chunk("half"))
    if "filtered" in said:
        return answer_json({"candidates": [{"finishReason": "SAFETY"}]})
    if "stream" in call.target:
        return answer_sse(chunk("re: "), chunk(said, "STOP"))
    return answer_json(chunk(f"re: {said}", "STOP"))


@pytest.fixture
def chat(serve):
    """A conversation with `echo`; `chat.server` sees what is sent."""
    server = serve(echo)
    chat = genai.GenerativeModel("gemini-a").start_chat()
    chat.server = server
    return chat


def said(contents):
    return [(c.role, "".join(p.text for p in c.parts)) for c in contents]


def sent(call):
    return [(c["role"], c["parts"][0]["text"]) for c in call.json()["contents"]]


ONE = [("user", "one"), ("model", "re: one")]
TWO = [*ONE, ("user", "two"), ("model", "re: two")]


def test_turns_follow_each_other(chat):
    """Each call takes along what was said before."""
    assert chat.send_message("one").text == "re: one"
    assert chat.send_message("two").text == "re: two"
    assert said(chat.history) == TWO
    assert sent(chat.server.calls[1]) == [*ONE, ("user", "two")]
    assert chat.last.text == "re: two"
    assert repr(chat) == "<ChatSession 4 contents, GenerativeModel('gemini-a')>"


def test_turns_follow_each_other_awaited(chat):
    """The async form does the same."""

    async def talk():
        await chat.send_message_async("one")
        response = await chat.send_message_async("two", stream=True)
        assert said(chat.history) == ONE
        assert "".join([c.text async for c in response]) == "re: two"

    asyncio.run(talk())
    assert said(chat.history) == TWO


def test_a_stream_enters_the_history_when_read(chat):
    """While a turn streams it is no part of the history yet."""
    response = chat.send_message("one", stream=True)
    assert chat.history == []
    assert chat.last is response
    next(pieces := iter(response))
    assert chat.history == []
    list(pieces)
    assert said(chat.history) == ONE
    assert chat.last is response


def test_an_unread_stream_is_read_first(chat):
    """Speaking on reads the answer before to its end."""
    first = chat.send_message("one", stream=True)
    second = chat.send_message("two", stream=True)
    assert first.done
    assert first.text == "re: one"
    second.resolve()
    assert said(chat.history) == TWO
    assert sent(chat.server.calls[1]) == [*ONE, ("user", "two")]


def test_an_unread_stream_is_read_first_awaited(chat):
    """The async form does the same."""

    async def talk():
        await chat.send_message_async("one", stream=True)
        await chat.send_message_async("two")

    asyncio.run(talk())
    assert said(chat.history) == TWO


def test_a_refused_turn_leaves_nothing(chat):
    """After an error the history is as before, and the next turn goes on from there."""
    chat.send_message("one")
    with pytest.raises(errors.Unavailable):
        chat.send_message("bad")
    assert said(chat.history) == ONE
    chat.send_message("two")
    assert said(chat.history) == TWO


def test_a_refused_stream_leaves_nothing(chat):
    """The same where the error comes while reading."""
    chat.send_message("one")
    with pytest.raises(errors.Unavailable):
        chat.send_message("bad", stream=True).resolve()
    chat.send_message("two")
    assert said(chat.history) == TWO


def test_a_cut_turn_leaves_nothing_but_its_answer(chat):
    """An answer that broke off stays in `last` alone."""
    chat.send_message("one")
    with pytest.raises(errors.StreamInterrupted):
        chat.send_message("cut", stream=True).resolve()
    assert said(chat.history) == ONE
    assert chat.last.interrupted
    assert chat.last.parts[0].text == "half"
    chat.send_message("two")
    assert said(chat.history) == TWO


def test_a_turn_that_was_stopped_leaves_nothing(chat):
    """Leaving the loop early means the turn did not happen."""
    for _ in chat.send_message("one", stream=True):
        break
    chat.last.close()
    assert chat.history == []


def test_a_filtered_turn_leaves_nothing(chat):
    """An answer without content would be refused by the service, so it is not sent again."""
    chat.send_message("filtered")
    assert chat.history == []
    assert chat.last.finish_reason == "SAFETY"


@pytest.mark.parametrize("nothing", ["", "  ", []])
def test_nothing_is_not_said(chat, nothing):
    """An empty turn is refused, with a history before it as well."""
    chat.send_message("one")
    with pytest.raises(errors.BadPrompt, match="empty"):
        chat.send_message(nothing)
    with pytest.raises(errors.BadPrompt, match="empty"):
        asyncio.run(chat.send_message_async(nothing))
    assert len(chat.server.calls) == 1
    assert said(chat.history) == ONE


def test_parts_go_back_exactly_as_they_came(serve):
    """Signatures, thoughts and kinds nobody knows return letter by letter."""
    parts = [
        {"text": "Hm.", "thought": True, "thoughtSignature": "c2ln+/=="},
        {"text": "Call", "thoughtSignature": "dHdv"},
        {"functionCall": {"name": "f", "args": {"a": None, "b": [1.5]}, "id": "1"}},
        {"hologram": {"depth": 3}},
    ]
    content = {"role": "model", "parts": parts, "language": "en"}
    server = serve(answer_json({"candidates": [{"content": content, "finishReason": "STOP"}]}))
    chat = genai.GenerativeModel("gemini-a").start_chat()
    chat.send_message("one")
    chat.send_message("two")
    assert server.calls[1].json()["contents"][1] == content


def test_streamed_parts_go_back_as_well(serve):
    """A streamed turn joins its text, and nothing else."""
    signed = {"text": "", "thoughtSignature": "c2ln"}
    pieces = [
        [{"text": "Hm", "thought": True}],
        [{"text": "m", "thought": True}, {"text": "He"}],
        [{"text": "llo"}, signed],
    ]
    bodies = [{"candidates": [{"content": {"role": "model", "parts": p}}]} for p in pieces]
    bodies[-1]["candidates"][0]["finishReason"] = "STOP"
    server = serve(answer_sse(*bodies))
    chat = genai.GenerativeModel("gemini-a").start_chat()
    chat.send_message("one", stream=True)
    chat.send_message("two", stream=True).resolve()
    assert server.calls[1].json()["contents"][1]["parts"] == [
        {"text": "Hmm", "thought": True},
        {"text": "Hello"},
        signed,
    ]


def test_a_history_may_be_given(chat):
    """Turns of before, as Contents or dicts, come first; the list given stays as it was."""
    given = [Content(role="user", parts=[Part(text="a")]), {"role": "model", "parts": ["b"]}]
    again = genai.GenerativeModel("gemini-a").start_chat(history=given)
    again.send_message("c")
    assert sent(chat.server.calls[0]) == [("user", "a"), ("model", "b"), ("user", "c")]
    assert len(given) == 2
    assert len(again.history) == 4


def test_a_turn_can_be_taken_back(chat):
    """`rewind` gives the last turn and forgets it; at the beginning there is none."""
    chat.send_message("one")
    chat.send_message("two")
    assert said(chat.rewind()) == TWO[2:]
    assert said(chat.history) == ONE
    chat.rewind()
    assert chat.rewind() is None
    assert chat.history == []


def test_options_go_along(chat):
    """A call of a chat takes the options of `generate_content`."""
    chat.send_message("one", generation_config={"temperature": 0})
    assert chat.server.calls[0].json()["generationConfig"] == {"temperature": 0}
    with pytest.raises(errors.UnknownName):
        chat.send_message("two", generation_confg={})
    assert said(chat.history) == ONE


def test_two_threads_take_turns(chat):
    """Threads that speak at once are heard one after the other, none in the middle."""
    threads = [
        threading.Thread(target=chat.send_message, args=(str(i),), kwargs={"stream": i % 2 == 0})
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    chat.last.resolve()
    turns = said(chat.history)
    assert len(turns) == 16
    assert sorted(text for role, text in turns if role == "user") == [str(i) for i in range(8)]
    for (asker, question), (answerer, answer) in zip(turns[::2], turns[1::2], strict=True):
        assert (asker, answerer, answer) == ("user", "model", f"re: {question}")
    for n, call in enumerate(chat.server.calls):
        assert len(sent(call)) == 2 * n + 1, json.dumps(call.json())


def test_a_broken_turn_does_not_stop_the_next(chat):
    """A stream that nobody read, and that broke, leaves no trace in the next turn."""
    broken = chat.send_message("cut", stream=True)
    assert chat.send_message("one").text == "re: one"
    assert broken.interrupted
    assert said(chat.history) == ONE


def test_two_async_turns_follow_each_other(chat):
    """Turns that are sent at once are answered one after the other, each with all before it."""

    async def both():
        await asyncio.gather(chat.send_message_async("one"), chat.send_message_async("two"))

    asyncio.run(both())
    assert said(chat.history) == TWO
    assert sent(chat.server.calls[1]) == [*ONE, ("user", "two")]


def test_a_turn_that_is_given_up_while_it_waits(chat):
    """A send that is cancelled before its turn comes lets the next one through."""

    async def cancelled():
        async with chat._queue.turn_async():
            waiting = asyncio.ensure_future(chat.send_message_async("never"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await chat.send_message_async("one")

    asyncio.run(cancelled())
    assert said(chat.history) == ONE


def test_a_history_can_be_set(chat):
    """`chat.history = …` takes what `start_chat(history=…)` takes; an empty list begins anew."""
    chat.history = [{"role": "user", "parts": "one"}, {"role": "model", "parts": "re: one"}]
    assert said(chat.history) == ONE
    chat.history = []
    assert chat.send_message("one").text == "re: one"
    assert said(chat.history) == ONE
