"""Chunks make one Response, which knows whether it is whole."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle

import pytest

from gemini_nb import errors, structs
from gemini_nb.chunks import Chunk, decode_chunk
from gemini_nb.stream import Response
from tests.server import chunk


def made(body):
    return decode_chunk(json.dumps(body).encode())


def fed(*bodies):
    response = Response()
    for body in bodies:
        response.feed(made(body))
    return response


def parts(*several, finish=None, index=0):
    candidate = {"content": {"role": "model", "parts": list(several)}, "index": index}
    return {"candidates": [{**candidate, "finishReason": finish} if finish else candidate]}


class Source:
    """Bytes in memory in place of a Feed."""

    def __init__(self, *batches, error=None):
        self.batches = list(batches)
        self.error = error
        self.closed = False

    def next(self):
        if self.batches:
            return [b"data: %b\n\n" % json.dumps(body).encode() for body in self.batches.pop(0)]
        raise self.error or StopIteration

    async def anext(self):
        try:
            return self.next()
        except StopIteration:
            raise StopAsyncIteration from None

    def close(self):
        self.closed = True


def drain(response):
    return "".join(part.text for part in response)


async def adrain(response):
    return "".join([part.text async for part in response])


@pytest.fixture(params=["blocking", "async"])
def read(request):
    """Read a Response to its end, the one way and the other."""
    if request.param == "blocking":
        return drain
    return lambda response: asyncio.run(adrain(response))


def test_pieces_become_one_text(read):
    """A streamed answer is one Part with the whole text."""
    response = Response("req", Source([chunk("Hel"), chunk("lo")], [chunk(" world", "STOP")]))
    assert not response.done
    assert read(response) == "Hello world"
    assert response.done
    assert response.text == "Hello world"
    assert len(response.parts) == 1
    assert (response.finish_reason, response.model_version, response.response_id) == (
        "STOP",
        "gemini-test",
        "r1",
    )
    assert (response.request, response.interrupted, response.error) == ("req", False, None)


def test_text_reads_to_the_end():
    """`.text` and `resolve()` wait for the rest."""
    assert Response(None, Source([chunk("a")], [chunk("b", "STOP")])).text == "ab"
    response = Response(None, Source([chunk("a", "STOP")]))
    assert response.resolve() is response
    assert response.done


def test_chunks_are_there_again():
    """A second loop gives the same chunks, without a source."""
    response = Response(None, Source([chunk("a"), chunk("b", "STOP")]))
    assert [c.text for c in response] == [c.text for c in response] == ["a", "b"]


def test_looking_in_between_changes_nothing():
    """What came so far can be looked at while more comes."""
    response = Response(None, Source([chunk("a")], [chunk("b")], [chunk("c", "STOP")]))
    seen = []
    for _ in response:
        seen.append(repr(response))
        assert response.candidates[0].content.parts
    assert seen[0] == "<Response 'a' …>"
    assert response.text == "abc"
    assert len(response.parts) == 1


def test_thoughts_are_apart():
    """Thoughts are no part of the text, and stay Parts of their own."""
    response = fed(
        parts({"text": "Hm", "thought": True}),
        parts({"text": "m.", "thought": True}),
        parts({"text": "Yes"}),
        parts({"text": "."}, finish="STOP"),
    )
    assert (response.text, response.thoughts) == ("Yes.", "Hmm.")
    assert [p.to_dict() for p in response.parts] == [
        {"text": "Hmm.", "thought": True},
        {"text": "Yes."},
    ]


def test_signatures_stay_where_they_came():
    """A Part with a signature is never joined with its neighbours."""
    signed = {"text": "b", "thoughtSignature": "c2ln"}
    response = fed(parts({"text": "a"}, signed), parts({"text": "c"}), parts({"text": "d"}))
    assert [p.to_dict() for p in response.parts] == [{"text": "a"}, signed, {"text": "cd"}]
    assert response._so_far() == "abcd"


def test_an_empty_text_with_a_signature_is_kept():
    """The signature that some models send last, with an empty text, is not lost."""
    last = {"text": "", "thoughtSignature": "c2ln"}
    response = fed(parts({"text": "a"}), parts(last, finish="STOP"))
    assert response.parts[-1].to_dict() == last


def test_unknown_parts_are_kept_in_order():
    """Kinds of Parts that nobody here knows stay in their place, with all they hold."""
    strange = {"hologram": {"depth": 3}, "text": "under it"}
    call = {"functionCall": {"name": "f", "args": {"a": None}}, "thoughtSignature": "c2ln"}
    response = fed(parts({"text": "a"}, strange), parts(call, {"text": "b"}))
    assert response.to_dict()["candidates"][0]["content"]["parts"] == [
        {"text": "a"},
        strange,
        call,
        {"text": "b"},
    ]


def test_unknown_fields_of_every_level_are_kept():
    """Beyond its own fields, an answer, a candidate and a content keep what each chunk said."""
    response = fed(
        {"candidates": [{"new": 1, "content": {"lang": "de", "parts": []}}], "alpha": [1]},
        {"candidates": [{"newer": 2, "content": {"tone": "dry", "parts": []}}], "beta": {}},
    )
    assert response.to_dict() == {
        "candidates": [{"new": 1, "newer": 2, "content": {"lang": "de", "tone": "dry"}}],
        "alpha": [1],
        "beta": {},
    }


def test_the_last_usage_counts():
    """Counts grow with the stream; the last chunk that has them wins."""
    response = fed(
        chunk("a", usageMetadata={"totalTokenCount": 5, "promptTokenCount": 4}),
        chunk("b", usageMetadata={"totalTokenCount": 9}),
        {"candidates": [{"finishReason": "STOP"}]},
    )
    assert response.usage_metadata.to_dict() == {"totalTokenCount": 9}


def test_several_candidates():
    """Each candidate has its own text, in whatever order the pieces come."""
    response = fed(
        parts({"text": "B1"}, index=1),
        parts({"text": "A1"}),
        {
            "candidates": [
                *parts({"text": "B2"}, index=1, finish="STOP")["candidates"],
                *parts({"text": "A2"}, finish="MAX_TOKENS")["candidates"],
            ]
        },
    )
    assert [c.content.parts[0].text for c in response.candidates] == ["A1A2", "B1B2"]
    assert (response.text, response.finish_reason) == ("A1A2", "MAX_TOKENS")
    assert "".join(c.text for c in response) == response.text


def test_one_unfinished_candidate_makes_the_answer_unfinished():
    """Two candidates, of which one breaks off: the answer is not whole."""
    response = fed(parts({"text": "a"}, finish="STOP"), parts({"text": "b"}, index=1))
    with pytest.raises(errors.StreamInterrupted):
        response.finish()


def test_a_stream_that_just_ends_is_an_error(read):
    """Without a finishReason the answer is not whole: an error that carries what came."""
    response = Response("req", Source([chunk("Hello"), chunk(" wor")]))
    with pytest.raises(errors.StreamInterrupted, match="after 9 characters") as caught:
        read(response)
    assert caught.value.response is response
    assert caught.value.request == "req"
    assert response.interrupted
    assert response.error is caught.value
    assert response.parts[0].text == "Hello wor"
    assert repr(response) == "<Response 'Hello wor' interrupted>"


def test_a_stream_without_anything_is_an_error(read):
    """No event at all is an error, too."""
    with pytest.raises(errors.StreamInterrupted, match="before any text"):
        read(Response(None, Source()))


@pytest.mark.parametrize(
    "error", [errors.Timeout("late"), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr
)
def test_what_ends_a_stream_early_is_kept(read, error):
    """The error is raised as it is, what came is kept, and the source is closed."""
    source = Source([chunk("partial")], error=error)
    response = Response(None, source)
    with pytest.raises(type(error)):
        read(response)
    assert (response.interrupted, response.error, source.closed) == (True, error, True)
    assert response.parts[0].text == "partial"
    if isinstance(error, errors.GeminiError):
        assert error.response is response


def test_a_connection_that_ends_in_the_middle(read):
    """Once something came, a connection that breaks is an answer that is not whole."""
    source = Source([chunk("partial")], error=errors.NetworkError("The line is dead."))
    response = Response("req", source)
    with pytest.raises(errors.StreamInterrupted, match=r"after 7 characters\. The line") as caught:
        read(response)
    assert (caught.value.response, caught.value.request) == (response, "req")
    assert (response.interrupted, response.error, source.closed) == (True, caught.value, True)
    unborn = Response(None, Source(error=errors.NetworkError("Nobody there.")))
    with pytest.raises(errors.NetworkError, match="Nobody"):
        read(unborn)


def test_leaving_the_loop_stops_the_stream():
    """After `break` nothing more is asked for; what came is kept, and is no error."""
    source = Source([chunk("a"), chunk("b")], [chunk("c", "STOP")])
    response = Response(None, source)
    for _ in response:
        break
    assert source.closed
    assert response.done
    assert (response.interrupted, response.error) == (True, None)


def test_leaving_a_loop_over_a_whole_answer_changes_nothing():
    """An answer that is whole stays so, however often one looks at its beginning."""
    response = Response(None, Source([chunk("a"), chunk("b", "STOP")])).resolve()
    for _ in response:
        break
    assert not response.interrupted
    assert response.text == "ab"


def test_an_answer_goes_to_another_process():
    """A streamed answer that is whole can be pickled and copied, and is the same there."""
    response = Response(None, Source([chunk("a"), chunk("b", "STOP")])).resolve()
    for again in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response)):  # noqa: S301
        assert (again.text, again.to_dict()) == ("ab", response.to_dict())
        assert [piece.text for piece in again] == ["a", "b"]


def test_closing_and_forgetting_stop_the_stream():
    """`close()` and the end of a Response's life both close the source."""
    closed, forgotten = Source([chunk("a")]), Source([chunk("a")])
    response = Response(None, closed)
    response.close()
    assert (closed.closed, response.interrupted, response.done) == (True, True, True)
    del response
    response = Response(None, forgotten)
    del response
    assert forgotten.closed


def test_a_blocked_prompt_names_the_reason():
    """No candidates and a blockReason: `.text` says which, and the answer counts as whole."""
    response = fed({"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []}})
    response.finish()
    with pytest.raises(errors.BlockedPrompt, match="The prompt was blocked: SAFETY") as caught:
        _ = response.text
    assert (caught.value.reason, caught.value.response) == ("SAFETY", response)
    assert isinstance(caught.value, ValueError)
    assert repr(response) == "<Response '' blocked: SAFETY>"


def test_a_reason_of_tomorrow_blocks_as_well():
    """An unknown blockReason is a reason, and its message is passed on."""
    feedback = {"blockReason": "MOON_PHASE", "blockReasonMessage": "Full moon."}
    with pytest.raises(errors.BlockedPrompt, match=r"MOON_PHASE \(Full moon\.\)"):
        _ = fed({"promptFeedback": feedback}).text
    with pytest.raises(errors.BlockedPrompt):
        _ = made({"promptFeedback": feedback}).text


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII"])
def test_a_filter_that_left_no_text_is_an_error(reason):
    """An answer that a filter swallowed names the filter."""
    response = fed({"candidates": [{"finishReason": reason, "finishMessage": "Because."}]})
    response.finish()
    with pytest.raises(errors.StoppedEarly, match=rf"{reason} \(Because\.\)") as caught:
        _ = response.text
    assert (caught.value.reason, caught.value.response) == (reason, response)


def test_a_filter_that_left_text_is_none():
    """What came before the filter is the text; the reason is beside it."""
    response = fed(parts({"text": "Partly"}, finish="SAFETY"))
    response.finish()
    assert (response.text, response.finish_reason) == ("Partly", "SAFETY")


@pytest.mark.parametrize("reason", ["STOP", "MAX_TOKENS", "OF_TOMORROW"])
def test_other_reasons_finish(reason):
    """Any finishReason makes an answer whole, known or not."""
    response = fed(chunk("some", reason))
    response.finish()
    assert response.text == "some"
    assert not response.interrupted


def test_an_answer_without_text_says_why():
    """STOP may come without a word; any other reason is an error that names it, not silence."""
    assert fed({"candidates": [{"finishReason": "STOP"}]}).text == ""
    with pytest.raises(errors.StoppedEarly, match=r"MAX_TOKENS.*max_output_tokens"):
        _ = fed({"candidates": [{"finishReason": "MAX_TOKENS"}]}).text
    call = {"functionCall": {"name": "f"}}
    assert fed(parts(call, finish="MAX_TOKENS")).text == ""


def test_parts_of_one_chunk_stay_apart():
    """Only across chunks does a text go on; what came apart in one chunk goes back apart."""
    whole = parts({"text": "a"}, {"text": "b"}, finish="STOP")
    assert [p.text for p in fed(whole).parts] == ["a", "b"]
    assert [p.text for p in fed(parts({"text": "a"}), whole).parts] == ["aa", "b"]


def test_a_blocked_prompt_or_none_can_be_asked_for_its_feedback():
    """`prompt_feedback.block_reason` can be read whether or not there is any."""
    assert fed(chunk("a", "STOP")).prompt_feedback.block_reason is None


def test_plain_text_cannot_steer_a_terminal():
    """The text/plain that IPython prints holds no escape sequences."""
    shown = fed(chunk("a\x1b]0;owned\x07b", "STOP"))._repr_mimebundle_()
    assert shown["text/plain"] == "ab"


@pytest.mark.parametrize(
    "event",
    [
        b'{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}',
        b'[{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}]',
        b' [ {"error": {"code": 429, "message": "Quota."}} ] ',
    ],
)
def test_an_error_event_is_an_error(event):
    """An error inside a stream is the same error as one in its place."""
    with pytest.raises(errors.ResourceExhausted, match=r"Quota\.") as caught:
        decode_chunk(event, request="req")
    assert caught.value.request == "req"


@pytest.mark.parametrize("event", [b"<html>", b"{", b"[]", b"[1]", b"null", b'"text"', b"\xff"])
def test_an_event_that_is_no_answer(event):
    """Whatever is no JSON object is BadAnswer."""
    with pytest.raises(errors.BadAnswer):
        decode_chunk(event)


def test_a_field_called_error_that_is_no_error():
    """Only an object counts as an error; anything else is an unknown field like others."""
    assert decode_chunk(b'{"error": null, "candidates": []}').extra == {"error": None}


def test_shown_in_a_notebook():
    """The bundle of a Response is neutral Markdown and the plain text."""
    response = fed(chunk("<b>hi</b>", "STOP"))
    assert response._repr_mimebundle_() == {
        "text/markdown": "&lt;b>hi&lt;/b>",
        "text/plain": "<b>hi</b>",
    }
    assert fed()._repr_mimebundle_()["text/plain"] == "<Response '' …>"
    assert response.text == "<b>hi</b>"


def test_long_texts_are_shortened_in_repr():
    """One line is enough to recognise an answer."""
    assert len(repr(fed(chunk("word " * 100, "STOP")))) < 90
    assert repr(Chunk()) == "<Chunk ''>"


def test_to_dict_is_the_json_of_the_service():
    """A whole answer comes out as it would have come in one piece."""
    whole = chunk("Hello", "STOP")
    assert fed(chunk("Hel"), chunk("lo", "STOP")).to_dict() == whole
    assert structs.to_wire(fed(whole).body) == whole
