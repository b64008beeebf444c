"""The parts of an answer, each in its place in one Markdown text."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from gemini_nb import structs
from gemini_nb.content import (
    Blob,
    Candidate,
    CodeExecutionResult,
    ExecutableCode,
    FunctionCall,
    Part,
)
from gemini_nb.display import document, html


def markdown(*parts):
    made = document.Document()
    for part in parts:
        made.add(part)
    return str(made.said)


def blocks(text):
    """The top-level blocks as (kind, language, content)."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [(t.type, t.info, t.content) for t in tokens if t.type in ("fence", "inline")]


CODE = Part(executable_code=ExecutableCode(language="PYTHON", code="print(1)"))


def test_text_goes_through_as_it_came():
    """Pieces of a stream are joined, and nothing is added."""
    assert markdown(Part(text="a *b"), Part(text="* c"), Part(text="")) == "a *b* c"


@pytest.mark.parametrize("before", ["", "Say", "Say\n", "Say\n\n", "- one\n- two", "> so", "| a |"])
def test_a_block_stands_apart(before):
    """Whatever came before, the block is a block of its own, and the text goes on after it."""
    text = markdown(Part(text=before), CODE, Part(text="and on"))
    found = [block for block in blocks(text) if block[0] == "fence"]
    assert found == [("fence", "python", "print(1)\n")]
    assert text.endswith("```\n\nand on")
    assert "\n\n\n" not in text


@pytest.mark.parametrize(
    "before", ["```js\nlet a", "```js\nlet a\n", "~~~~\n~~~", "- ```\n  a", "> ~~~\n> a", "```"]
)
def test_code_that_was_open_ends_where_a_block_begins(before):
    """A model may run code in the middle of what it writes."""
    text = markdown(Part(text=before), CODE, Part(text="on"))
    assert ("fence", "python", "print(1)\n") in blocks(text)
    assert blocks(text)[-1] == ("inline", "", "on")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("", ""),
        ("a", ""),
        ("```\na", "\n```"),
        ("```\na\n", "```"),
        ("```\na\n```", ""),
        ("```\na\n```\n\n", ""),
        ("```\n```", ""),
        ("```", "\n```"),
        ("~~~~\n```\n~~~", "\n~~~~"),
        ("- ```\n  a", ""),
    ],
)
def test_a_fence_that_is_open_is_closed(text, end):
    """One in a list ends with the list."""
    assert document.closed(text) == text + end


def test_code_with_fences_in_it_stays_one_block():
    """The fence around is longer than any inside."""
    code = 'print("""\n````\n""")'
    part = Part(executable_code=ExecutableCode(language="PYTHON", code=code))
    assert blocks(markdown(part)) == [("fence", "python", f"{code}\n")]


def test_what_the_code_printed():
    """Its output is a block; that it failed is said."""
    ran = CodeExecutionResult(outcome="OUTCOME_OK", output="1")
    late = CodeExecutionResult(outcome="OUTCOME_DEADLINE_EXCEEDED", output="")
    assert markdown(Part(code_execution_result=ran)) == "```text\n1\n```\n\n"
    assert markdown(Part(code_execution_result=late)) == (
        "*The code did not run to its end: deadline exceeded.*\n\n"
    )
    silent = CodeExecutionResult(outcome="OUTCOME_OK")
    assert markdown(Part(text="a"), Part(code_execution_result=silent)) == "a"


def test_media():
    """An image is shown; in plain text, and for other media, kind and size stand for it.

    Sound comes in many pieces and has a player.
    """
    image = markdown(Part(inline_data=Blob(mime_type="image/png", data=b"12345")))
    assert image == "![image](data:image/png;base64,MTIzNDU=)\n\n"
    assert html.neutral_markdown(image) == image
    assert document.without_images(f"see {image}") == "see [image/png, 5 bytes]\n\n"
    sound = Part(inline_data=Blob(mime_type="audio/L16;rate=24000", data=b"1" * 2000))
    assert markdown(sound) == ""
    picture = Part(inline_data=Blob(mime_type="image/svg+xml", data=b"<svg/>"))
    assert markdown(picture) == "*image/svg+xml, 6 bytes*\n\n"


def test_a_part_that_nobody_knows_is_shown_as_it_is():
    """By its name and its JSON, long ones cut; a signature alone is nothing to show."""
    call = Part(function_call=FunctionCall(name="look", args={"at": "x"}))
    assert markdown(call).startswith("*function call*\n\n```json\n{\n")
    new = structs.decode(Part, b'{"holoGram": {"depth": 3}, "thoughtSignature": "aGk="}')
    assert markdown(new) == '*holo gram*\n\n```json\n{\n  "depth": 3\n}\n```\n\n'
    long = structs.decode(Part, b'{"x": "' + b"y" * 5000 + b'"}')
    assert "1,002 more characters" in markdown(long)
    assert markdown(Part(thought_signature=b"hi")) == ""


def test_thoughts_are_a_text_apart():
    """Code that was run while thinking is with the thoughts."""
    made = document.Document()
    assert made.add(Part(text="hm", thought=True)) == (True, "hm")
    assert made.add(CODE) == (False, "```python\nprint(1)\n```\n\n")
    in_thought = Part(thought=True, executable_code=CODE.executable_code)
    assert made.add(in_thought)[0]
    assert str(made.thoughts) == "hm\n\n```python\nprint(1)\n```\n\n"


def test_sources_are_named_once():
    """Both names of the list, and what a search found; a title is only a title."""
    found = Candidate(
        citation_metadata={
            "citationSources": [{"uri": "https://e.org/a", "license": "apache-2.0"}],
            "citations": [
                {"uri": "https://e.org/b", "title": "B ](x) <img>"},
                {"uri": "https://e.org/a"},
                {"uri": "javascript:x()"},
                {"startIndex": 3},
            ],
        },
        grounding_metadata={
            "groundingChunks": [{"web": {"uri": "https://e.org/c", "title": "C"}}, 3, {"web": None}]
        },
    )
    assert document.sources(found).split("\n")[4:] == [
        "1. [https://e.org/a](<https://e.org/a>)",
        "2. [B \\](x) \\<img\\>](<https://e.org/b>)",
        "3. javascript:x()",
        "4. [C](<https://e.org/c>)",
    ]
    assert document.sources(Candidate()) == document.sources(None) == ""
    assert document.sources(Candidate(citation_metadata={"citations": 3})) == ""
