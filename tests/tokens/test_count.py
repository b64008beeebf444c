"""Counting whole requests: which strings count, what each part is called, and odd bodies."""

from __future__ import annotations

import base64
import math
import sys
import time
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb import request
from gemini_nb.local import checks, wire
from gemini_nb.local.fault import Fault
from gemini_nb.tokens import facts, vocabulary
from gemini_nb.tokens.count import count
from gemini_nb.tokens.facts import Facts
from tests import media
from tests.tokens import samples

NEW, OLDER = "gemini-3.8-flash", "gemini-2.5-flash"
PICTURE = media.picture("PNG", (960, 540))


def user(*parts):
    return {"role": "user", "parts": [{"text": p} if isinstance(p, str) else p for p in parts]}


def blob(data, mime_type, name=None):
    more = {"displayName": name} if name else {}
    return {"inlineData": {"mimeType": mime_type, "data": data, **more}}


def parts(body, model=NEW, **more):
    return [tuple(each) for each in map(listed, count(body, model, **more).parts)]


def listed(part):
    return part.label, part.tokens, part.modality, part.how


def text_of(label, tokens, how="exact"):
    return label, tokens, "TEXT", how


# ---------------------------------------------------------------------------------- labels


def test_the_parts_of_a_chat_are_called_as_a_person_calls_them():
    """System, tools, history, the question and its media, in the order in which they are read."""
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "weather"}]}],
        "contents": [
            user("hello", "hello"),
            {"role": "model", "parts": [{"text": "hello"}]},
            user("hello", blob(PICTURE, "image/png", "photo.png"), "hello"),
        ],
        "generationConfig": {"responseSchema": {"properties": {"fruit": {}}}},
    }
    found = count(body, NEW)
    assert [listed(part) for part in found.parts] == [
        text_of("system", 3),
        text_of("tools", 1),
        text_of("history", 3),
        text_of("text", 2),
        ("photo.png", 1120, "IMAGE", "rule"),
        text_of("schema", 1),
    ]
    assert (found.total_tokens, found.how) == (1130, "rule")
    assert found.by_modality == {"TEXT": 10, "IMAGE": 1120}


def test_media_without_a_name_are_numbered_where_there_are_several():
    """And only there."""
    picture = blob(PICTURE, "image/png")
    sound = blob(media.recording("WAV", seconds=4.0), "audio/wav")
    body = {"contents": [user(picture, sound), user(blob(PICTURE, "image/png", "b.png"), picture)]}
    assert [label for label, *_ in parts(body)] == ["image 1", "audio", "b.png", "image 2"]


def test_a_video_is_told_apart_from_its_sound():
    """Their prices differ."""
    data = samples.data(samples.RECORDINGS["mp4, with sound"])  # 3 s
    body = {"contents": [user(blob(data, "video/mp4", "talk.mp4"))]}
    assert parts(body) == [
        ("talk.mp4", 210, "VIDEO", "rule"),
        ("talk.mp4 (sound)", 75, "AUDIO", "rule"),
    ]


def test_a_pdf():
    """Twelve pages."""
    body = {"contents": [user(blob(samples.data(samples.PDFS["plain"]), "application/pdf"))]}
    assert parts(body) == [("pdf", 12 * 560, "IMAGE", "rule")]
    assert parts(body, OLDER) == [("pdf", 12 * 258, "DOCUMENT", "rule")]


def test_a_text_file_is_text():
    """By its own name where it has one, else as a part of the text around it."""
    inside = blob(b"hello hello", "text/csv")
    named = blob("\ufeffhello".encode(), "application/json", "a.json")
    body = {"contents": [user("hello", inside, named)]}
    assert parts(body) == [text_of("text", 3), text_of("a.json", 1)]


def test_what_no_rule_is_for_is_guessed_by_its_size():
    """A text of an unknown encoding, and a type that nobody knows."""
    odd = blob(b"\xff\xfe" * 100, "text/plain")
    strange = blob(bytes(400), "application/octet-stream", "x.bin")
    found = count({"contents": [user(odd, strange)]}, NEW)
    assert [listed(part) for part in found.parts] == [
        text_of("file", 50, "estimate"),
        text_of("x.bin", 100, "estimate"),
    ]
    assert found.how == "estimate"


# ---------------------------------------------------------------------------------- media


@pytest.mark.parametrize("form", [base64.b64encode(PICTURE).decode(), PICTURE, bytearray(PICTURE)])
def test_bytes_and_base64_are_one(form):
    """The client holds bytes, the wire has base64."""
    assert parts({"contents": [user(blob(form, "image/png"))]}, OLDER) == [
        ("image", 6 * 258, "IMAGE", "rule")
    ]


def test_the_resolution_of_a_part_wins():
    """Over that of the whole request, which holds for the others."""
    picture = blob(PICTURE, "image/png")
    high = {**picture, "mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}}
    body = {
        "contents": [user(picture, high)],
        "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
    }
    assert [tokens for _, tokens, *_ in parts(body)] == [280, 2240]


def test_the_stretch_of_a_video():
    """One second of three, at four frames each."""
    data = samples.data(samples.RECORDINGS["mp4, with sound"])
    stretch = {"startOffset": "1s", "endOffset": "2.0s", "fps": 4}
    part = {**blob(data, "video/mp4"), "videoMetadata": stretch}
    assert [tokens for _, tokens, *_ in parts({"contents": [user(part)]})] == [280, 25]


def file(uri, mime_type=None, **more):
    kind = {"mimeType": mime_type} if mime_type else {}
    return {"fileData": {"fileUri": uri, **kind, **more}}


def test_a_file_counts_as_the_same_bytes_inside():
    """By what is known of it; its type may be left out."""
    known = {
        "p": facts.look(PICTURE, "image/png"),
        "t": facts.look(b"hello hello", "text/plain"),
    }
    inside = [blob(PICTURE, "image/png"), blob(b"hello hello", "text/plain")]
    outside = [file("p", "image/png"), file("t", "text/plain")]
    expected = parts({"contents": [user(*inside)]}, OLDER)
    for given_parts in (outside, [file("p"), file("t")]):
        body = {"contents": [user(*given_parts)]}
        assert parts(body, OLDER, facts_of=known.get) == expected


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (file("x", "image/png"), [("image", 1120, "IMAGE", "rule")]),
        (file("x", "audio/mp3"), [("audio", 1500, "AUDIO", "estimate")]),
        (file("x", "text/plain"), [("file", 1000, "TEXT", "estimate")]),
        (file("x"), [("file", 1000, "TEXT", "estimate")]),
        (
            file("https://www.youtube.com/watch?v=x"),
            [("video", 4200, "VIDEO", "estimate"), ("video (sound)", 1500, "AUDIO", "estimate")],
        ),
        (file("x", "application/pdf", displayName="a"), [("a", 5600, "IMAGE", "estimate")]),
    ],
)
def test_a_file_of_which_nothing_is_known(part, found):
    """By its type alone; for want of better, a minute or ten pages."""
    assert parts({"contents": [user(part)]}) == found


def test_a_file_that_is_said_to_be_something_else():
    """The request's word counts, and what is known of another kind is of no use."""
    known = Facts("image", "image/png", 16_000, width=10, height=10)
    body = {"contents": [user(file("x", "audio/mp3"))]}
    assert parts(body, facts_of=lambda _: known) == [("audio", 25, "AUDIO", "estimate")]


def test_media_in_the_answer_of_a_function():
    """They are read like any others."""
    reply = {"name": "hello", "response": {}, "parts": [blob(PICTURE, "image/png")]}
    body = {"contents": [user({"functionResponse": reply})]}
    assert parts(body) == [text_of("text", 1), ("image", 1120, "IMAGE", "rule")]


# ---------------------------------------------------------------------------------- caches, how


def test_a_cache_is_told_by_the_caller():
    """Without a number it is known to be unknown."""
    body = {"contents": [user("hello")], "cachedContent": "cachedContents/a"}
    found = count(body, NEW, cached=100)
    assert (found.total_tokens, found.cached_content_token_count) == (101, 100)
    assert (found.how, len(found.parts)) == ("exact", 1)
    unknown = count(body, NEW)
    assert (unknown.total_tokens, unknown.how) == (1, "estimate")
    assert [part.label for part in unknown.parts] == ["cache", "text"]


def test_nothing_is_waited_for(monkeypatch):
    """Texts are estimated while the vocabulary is read, and counted as soon as it is there."""
    monkeypatch.setattr(vocabulary, "is_ready", lambda: False)
    monkeypatch.setattr(vocabulary, "warm", lambda: None)
    monkeypatch.setattr(vocabulary, "count_many", lambda texts, model: pytest.fail("it waited"))
    found = count({"contents": [user("hello there, this is a prompt")]}, NEW, wait=False)
    assert found.how == "estimate"
    assert 3 <= found.total_tokens <= 15


def test_code_and_schemas_of_json_are_estimates():
    """The SDK leaves them out, the service reads them."""
    code = {"executableCode": {"code": "hello", "language": "PYTHON"}}
    result = {"codeExecutionResult": {"output": "hello", "outcome": "OUTCOME_OK"}}
    schema = {"$defs": {"a": {"description": "hello"}}, "anyOf": [{"enum": ["hello", 1]}]}
    body = {
        "contents": [user(code, result)],
        "generationConfig": {"responseJsonSchema": schema},
    }
    assert parts(body) == [text_of("text", 2, "estimate"), text_of("schema", 2, "estimate")]


def test_what_counts_nothing():
    """Roles, turns, signatures, ids, types and empty texts."""
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": ""}]},
            {"role": "model", "parts": [{"text": "", "thoughtSignature": "c2lnbmF0dXJl" * 99}]},
            {"parts": [{"functionCall": {"id": "call-1", "args": {}}}]},
        ],
        "tools": [{"googleSearch": {}}, {"functionDeclarations": []}],
        "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["weather"]}},
        "generationConfig": {"responseSchema": {"type": "STRING", "title": "A title"}},
    }
    assert count(body, NEW).total_tokens == 0


def test_thoughts_count_as_texts():
    """As the SDK has it, whether the service sees them again or not."""
    body = {"contents": [user({"text": "hello", "thought": True})]}
    assert parts(body) == [text_of("text", 1)]


# ---------------------------------------------------------------------------------- the SDK


@pytest.fixture(scope="module")
def sdk():
    """The SDK's own collector of texts, which needs none of the vocabularies beside it."""
    pytest.importorskip("google.genai")
    with mock.patch.dict(sys.modules, {"sentencepiece": mock.MagicMock()}):
        import google.genai
        from google.genai import local_tokenizer
    for name in ("local_tokenizer", "_local_tokenizer_loader"):
        delattr(google.genai, name)  # whoever comes next shall get the real one
    return local_tokenizer


def of_sdk(sdk, body):
    from google.genai import types as kinds

    texts = sdk._TextsAccumulator()
    texts.add_contents([kinds.Content.model_validate(each) for each in body["contents"]])
    texts.add_tools([kinds.Tool.model_validate(each) for each in body["tools"]])
    texts.add_schema(kinds.Schema.model_validate(body["generationConfig"]["responseSchema"]))
    texts.add_content(kinds.Content.model_validate(body["systemInstruction"]))
    return sorted(filter(None, texts.get_texts()))


def ours(body):
    texts = []

    def counted(text, model):
        texts.append(text)
        return 1, "exact"

    with mock.patch.object(vocabulary, "count_now", counted):
        found = count(body, NEW)
    assert found.how == "exact"
    return sorted(filter(None, texts))


words = st.text("abc é世", max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
args = st.dictionaries(words, values, max_size=3)


def some(**fields):
    """A dict with some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


schemas = st.recursive(
    some(type=st.sampled_from(["STRING", "NUMBER"]), description=words, enum=st.lists(words)),
    lambda inner: some(
        type=st.sampled_from(["OBJECT", "ARRAY"]),
        title=words,
        format=words,
        description=words,
        nullable=st.booleans(),
        pattern=words,
        example=values,
        default=values,
        required=st.lists(words, max_size=3),
        propertyOrdering=st.lists(words, max_size=3),
        items=inner,
        anyOf=st.lists(inner, max_size=2),
        properties=st.dictionaries(words, inner, max_size=3),
    ),
    max_leaves=6,
)
a_part = st.one_of(
    some(text=words, thought=st.booleans()),
    st.fixed_dictionaries({"functionCall": some(id=words, name=words, args=args)}),
    st.fixed_dictionaries({"functionResponse": some(id=words, name=words, response=args)}),
)
contents = st.fixed_dictionaries({"parts": st.lists(a_part, max_size=3)})
declarations = some(name=words, description=words, parameters=schemas, response=schemas)
tools = some(functionDeclarations=st.lists(declarations, max_size=3), googleSearch=st.just({}))
bodies = st.fixed_dictionaries(
    {
        "systemInstruction": contents,
        "contents": st.lists(contents, max_size=3),
        "tools": st.lists(tools, max_size=2),
        "generationConfig": st.fixed_dictionaries({"responseSchema": schemas}),
    }
)


@given(bodies)
def test_the_same_strings_count_as_in_the_sdk(sdk, body):
    """Neither more nor fewer, in whatever is nested."""
    assert ours(body) == of_sdk(sdk, body)


# ---------------------------------------------------------------------------------- odd bodies

# A tree of anything whose keys are mostly those that mean something.
KEYS = """
contents parts text role inlineData fileData data mimeType displayName fileUri functionCall
functionResponse executableCode codeExecutionResult code output name args response
systemInstruction tools functionDeclarations description parameters parametersJsonSchema
responseJsonSchema responseSchema generationConfig mediaResolution level videoMetadata fps
startOffset endOffset cachedContent properties items enum required format example anyOf $defs
"""
LEAVES = (
    *("hello", "", "image/png", "video/mp4", "audio/mp3", "application/pdf", "text/plain"),
    *("aGVsbG8=", "===", "-1s", "nans", "infs", "1e400s", "MEDIA_RESOLUTION_LOW", "\ud800"),
    *(None, True, 0, -1, 10**400, 0.5, math.inf, b"bytes", b"\xff\xd8\xff"),
)
keys = st.sampled_from(KEYS.split())
trees = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6)
    ),
    max_leaves=40,
)
media_parts = some(
    text=words,
    inlineData=some(mimeType=st.sampled_from(LEAVES), data=st.sampled_from(LEAVES)),
    fileData=some(mimeType=st.sampled_from(LEAVES), fileUri=words),
    videoMetadata=some(fps=trees, startOffset=trees, endOffset=trees),
    mediaResolution=trees,
    functionCall=some(name=words, args=trees),
)
odd_bodies = st.fixed_dictionaries(
    {"contents": st.lists(some(parts=st.lists(media_parts, max_size=3)), max_size=3)},
    optional={"generationConfig": trees, "tools": trees, "systemInstruction": trees},
)


@given(trees | odd_bodies, st.sampled_from([NEW, OLDER, "gemini-1.5-pro", "?"]), st.integers(0, 9))
def test_counting_never_raises(tree, model, cached):
    """Whatever stands where; and the total is the sum."""
    body = tree if isinstance(tree, dict) else {"contents": tree}
    found = count(body, model, cached=cached)
    assert found.total_tokens == sum(part.tokens for part in found.parts) + cached
    assert sum(found.by_modality.values()) + cached == found.total_tokens
    assert all(part.tokens >= 0 and part.label for part in found.parts)


@given(bodies)
def test_what_the_server_takes_is_counted(body):
    """In the form that it is read into."""
    try:
        read = wire.parse(msgspec.json.encode(body), "GenerateContentRequest")
        checks.contents(read, "GenerateContentRequest")
    except Fault:
        return
    assert count(read, NEW).total_tokens == count(body, NEW).total_tokens


def test_a_body_of_the_client():
    """As it stands in memory, with bytes as bytes, and as it is sent."""
    made = request.content_request(
        ["hello", media_part("a.png")],
        system_instruction="Be brief.",
        tool_list=[{"name": "weather", "description": "hello"}],
    )
    held = msgspec.to_builtins(made, builtin_types=(bytes,))
    assert parts(held) == parts(made.to_dict())
    assert [label for label, *_ in parts(held)] == ["system", "tools", "text", "a.png"]


def media_part(name):
    return {"inline_data": {"mime_type": "image/png", "data": PICTURE, "display_name": name}}


# ---------------------------------------------------------------------------------- speed


def test_a_count_takes_no_time():
    """A prompt of a kilobyte, and a picture of 20 MB of which only the head is looked at."""
    large = PICTURE + bytes(20_000_000)
    prompt = user("The quick brown fox jumps over the lazy dog. " * 23)
    picture = user(blob(large, "image/png"))
    for body, limit in (({"contents": [prompt]}, 0.003), ({"contents": [picture]}, 0.01)):
        count(body, OLDER)
        spent = []
        for _ in range(20):
            begun = time.process_time()
            count(body, OLDER)
            spent.append(time.process_time() - begun)
        assert sorted(spent)[10] < limit
