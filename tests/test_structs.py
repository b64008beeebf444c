"""The wire's types keep whatever they do not know."""

from __future__ import annotations

import copy
import dataclasses
import enum
import json
import pickle
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_nb import enums, structs, types
from gemini_nb.errors import UnknownName
from gemini_nb.types import (
    Blob,
    Candidate,
    Content,
    FunctionCall,
    GenerateContentResponse,
    GenerationConfig,
    Part,
    Schema,
    ThinkingConfig,
)

TYPES = sorted(
    (t for t in vars(types).values() if isinstance(t, type) and issubclass(t, structs.Wire)),
    key=lambda t: t.__name__,
)

numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def objects(draw, cls, depth=3):
    """A JSON object with known fields of right and wrong values, and unknown fields."""
    value = draw(st.dictionaries(st.text(max_size=6), json_values, max_size=2))
    known = [field for field in structs._fields(cls).values() if field.name != "extra"]
    for field in draw(st.lists(st.sampled_from(known), max_size=4, unique=True)):
        right = st.sampled_from(["STOP", "NEVER_SEEN", "aGk=", "a-_b", "text"]) | numbers
        if field.nested and depth:
            one = objects(field.nested, depth - 1)
            right = st.lists(one, max_size=3) if field.many else one
        value[field.wire] = draw(right | json_values)
    return value


def meaning(cls, value):
    """`value` with absent, null and empty lists made one, and base64 as bytes."""
    if not isinstance(value, dict):
        return value
    fields = structs._fields(cls)
    result = {}
    for name, item in value.items():
        field = fields.get(name) if name != structs._EXTRA_NAME else None
        if field is None:
            result[name] = item
        elif item is None or (field.many and item == []):
            continue
        elif field.nested and field.many and isinstance(item, list):
            whole = all(isinstance(one, dict) for one in item)
            result[name] = [meaning(field.nested, one) for one in item] if whole else item
        elif field.nested:
            result[name] = meaning(field.nested, item)
        elif field.type == (bytes | None) and isinstance(item, str):
            result[name] = as_bytes(item)
        else:
            result[name] = item
    return result


def as_bytes(text):
    try:
        return structs._from_base64(text)
    except ValueError:
        return text


@given(st.data())
def test_any_object_survives(data):
    """Unknown fields, unknown enum values and values of a wrong type all come back."""
    cls = data.draw(st.sampled_from(TYPES))
    value = data.draw(objects(cls))
    made = structs.decode(cls, json.dumps(value))
    assert meaning(cls, json.loads(structs.encode(made))) == meaning(cls, value)


@given(objects(GenerateContentResponse))
def test_both_roads_lead_to_the_same(value):
    """What the fast decoder takes is what `build` makes of the same object."""
    text = json.dumps(value)
    try:
        fast = structs.decoder(GenerateContentResponse).decode(text)
    except msgspec.ValidationError:
        return
    assert structs.to_wire(fast) == structs.to_wire(structs.build(GenerateContentResponse, value))


@pytest.mark.parametrize(
    ("cls", "value"),
    [
        (Candidate, {"index": "5"}),
        (Candidate, {"index": 1.5}),
        (Candidate, {"finishReason": 5}),
        (Candidate, {"content": "text"}),
        (Content, {"parts": {"text": "a"}}),
        (Content, {"parts": ["a"]}),
        (Part, {"text": 5}),
        (Part, {"inlineData": {"data": "no base64!"}}),
        (Part, {"extra": {"a": 1}}),
        (Part, {"~extra~": {"a": 1}}),
        (GenerationConfig, {"responseModalities": [1]}),
        (Schema, {"maxItems": "5", "minItems": 5}),
    ],
)
def test_wrong_values_are_kept_beside(cls, value):
    """A value that its field cannot hold goes back exactly as it came."""
    made = structs.decode(cls, json.dumps(value))
    assert structs.to_wire(made) == value
    assert made.extra or any(getattr(made, n) is not None for n in structs._public_names(cls))


@pytest.mark.parametrize("text", ["-_-_", "+/+/", "-_8", "+/8=", "-_8="])
def test_base64_is_read_in_both_alphabets(text):
    """URL-safe or standard, padded or not: the same bytes, written in the standard way."""
    made = structs.decode(Blob, json.dumps({"data": text}))
    assert made.data is not None
    assert made.to_dict()["data"].rstrip("=") == text.replace("-", "+").replace("_", "/").rstrip(
        "="
    )


@pytest.mark.parametrize("text", [b"", b"nope", b"[1]", b'"text"', b"3", b"null", b"\xff{}"])
def test_no_json_object_is_refused(text):
    """Whatever is no JSON object raises one kind of error."""
    with pytest.raises(msgspec.DecodeError):
        structs.decode(Candidate, text)


@pytest.mark.parametrize("name", ["FINISH_REASON_OF_TOMORROW", "", "stop", "ÜBER"])
def test_enums_are_open(name):
    """A value that was never seen is a member with that name, and equals its text."""
    reason = enums.FinishReason(name)
    assert (reason, reason.name, reason.value) == (name, name, name)
    assert reason == enums.FinishReason(name)
    assert hash(reason) == hash(name)
    assert name not in enums.FinishReason.__members__


def test_enums_take_text_only():
    """A number is no member."""
    with pytest.raises(ValueError, match="5"):
        enums.FinishReason(5)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("max_tokens", "max_output_tokens"),
        ("maxOutputTokens", "max_output_tokens"),
        ("temprature", "temperature"),
        ("stop", "stop_sequences"),
        ("topK", "top_k"),
        ("n", "candidate_count"),
    ],
)
def test_a_constructor_names_what_was_meant(name, meant):
    """An unknown keyword is refused, with the field that was probably meant."""
    with pytest.raises(UnknownName, match=f"Did you mean {meant}") as caught:
        GenerationConfig(**{name: 5})
    assert caught.value.suggestion == meant
    assert isinstance(caught.value, TypeError)


def test_strict_build_takes_both_spellings():
    """What a person writes may be snake_case or camelCase, at every depth."""
    made = structs.build(
        GenerationConfig,
        {"maxOutputTokens": 5, "thinking_config": {"thinkingBudget": 3, "include_thoughts": True}},
        strict=True,
    )
    assert made == GenerationConfig(
        max_output_tokens=5,
        thinking_config=ThinkingConfig(thinking_budget=3, include_thoughts=True),
    )


@pytest.mark.parametrize(
    "value", [{"extra": {}}, {"~extra~": {}}, {"thinking_config": {"budget": 1}}, {5: 1}]
)
def test_strict_build_refuses_unknown_names(value):
    """Neither the place of the unknown nor a nested unknown name slips in."""
    with pytest.raises(UnknownName):
        structs.build(GenerationConfig, value, strict=True)


@pytest.mark.parametrize(
    "value",
    [{"temperature": "hot"}, {"thinking_config": 5}, {"response_schema": int}, {"seed": [1]}],
)
def test_strict_build_refuses_wrong_values(value):
    """A value of a wrong type raises instead of being put aside."""
    with pytest.raises(msgspec.ValidationError):
        structs.build(GenerationConfig, value, strict=True)


@pytest.mark.parametrize("text", ["null", "true", "5", ""])
def test_strict_build_leaves_text_alone(text):
    """Text that looks like another kind of value stays text."""
    made = structs.build(FunctionCall, {"name": text, "args": {"a": text}}, strict=True)
    assert (made.name, made.args) == (text, {"a": text})


def test_strict_build_takes_enums_dataclasses_and_bytes_of_other_kits():
    """Enums become their value, dataclasses their fields, a signature in bytes its base64."""

    class Kind(enum.Enum):
        LOW = "MEDIA_RESOLUTION_LOW"

    @dataclasses.dataclass
    class Thinking:
        thinking_budget: int = 7
        include_thoughts: bool | None = None

    config = structs.build(
        GenerationConfig,
        {"media_resolution": Kind.LOW, "thinking_config": Thinking()},
        strict=True,
    )
    part = structs.build(Part, {"text": "x", "thought_signature": b"\x00\xff"}, strict=True)
    assert config.to_dict() == {
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "thinkingConfig": {"thinkingBudget": 7},
    }
    assert part.thought_signature == "AP8="


def test_numpy_numbers_are_numbers():
    """What `np.linspace` gives may be a temperature, and may stand in the arguments of a call."""
    np = pytest.importorskip("numpy")
    config = structs.build(
        GenerationConfig,
        {"temperature": np.float64(0.25), "top_k": np.int64(3), "stop_sequences": [np.str_("a")]},
        strict=True,
    )
    assert json.loads(structs.encode(config)) == {
        "temperature": 0.25,
        "topK": 3,
        "stopSequences": ["a"],
    }
    call = FunctionCall(name="f", args={"x": [np.float64(0.5)], "y": np.int32(2)})
    assert json.loads(structs.encode(call))["args"] == {"x": [0.5], "y": 2}


def test_classes_are_not_taken_for_their_instances():
    """A pydantic or dataclass class is no value."""
    pydantic = pytest.importorskip("pydantic")

    class Recipe(pydantic.BaseModel):
        name: str = "soup"

    assert structs.plain(Recipe) is Recipe
    assert structs.plain(Recipe()) == {"name": "soup"}


def test_what_json_cannot_hold_raises():
    """Encoding is where an object of no JSON kind is found."""
    with pytest.raises(TypeError):
        structs.encode(FunctionCall(args={"x": object()}))


def test_repr_shows_what_is_there():
    """Absent fields and empty lists are left out; unknown fields are shown."""
    made = structs.decode(Content, b'{"role": "user", "parts": [{"text": "a"}], "new": 1}')
    assert repr(made) == "Content(role='user', parts=[Part(text='a')], extra={'new': 1})"
    assert repr(Content()) == "Content()"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])  # noqa: S301
def test_copies_keep_the_unknown(again):
    """Copying and pickling lose nothing, open enums included."""
    made = structs.decode(Candidate, b'{"finishReason": "NEW", "content": {"parts": [{"x": [1]}]}}')
    assert again(made) == made
    assert again(made).to_dict() == made.to_dict()


@pytest.mark.parametrize("depth", [100, 600, 900, 5000])
@pytest.mark.parametrize("usage", [b"{}", b"5"], ids=["fast", "slow"])
@pytest.mark.usefixtures("settled")
def test_depths_that_no_answer_has(depth, usage):
    """Endlessly nested JSON is kept or is no JSON, on both roads; it is never a RecursionError."""
    args = b'{"functionCall": {"args": {"a": ' + b"[" * depth + b"]" * depth + b"}}}"
    body = (
        b'{"candidates": [{"content": {"parts": ['
        + args
        + b']}}], "usageMetadata": '
        + usage
        + b"}"
    )
    try:
        found = structs.decode(types.GenerateContentResponse, body)
    except msgspec.DecodeError:
        assert depth > 100
    else:
        assert found.candidates[0].content.parts[0].function_call.args["a"] is not None


FIRST_USE = """
import sys, threading
sys.setswitchinterval(1e-6)
from gemini_nb import structs

def made(name, **fields):
    hints = {key: kind | None for key, kind in fields.items()}
    return type(name, (structs.Wire,), {"__annotations__": hints, **dict.fromkeys(fields)})

def first_use():
    inner = made("Inner", **{f"f{i}": str for i in range(20)})
    outer, other = made("Outer", inner=inner), made("Other", inner=inner, i=int)
    begin = threading.Barrier(8)
    def work(k):
        begin.wait()
        if k % 2:
            got = structs.decode([outer, other][k // 2 % 2], '{"inner": {"f19": "a"}}')
        else:
            got = structs.build([outer, other][k // 2 % 2], {"inner": {"f19": "a"}})
        assert got.inner.f19 == "a"
    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

for _ in range(100):
    first_use()
"""


def test_threads_may_be_the_first_to_use_a_type():
    """Two at once: what one of them has half prepared, the other does not use."""
    done = subprocess.run([sys.executable, "-c", FIRST_USE], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
