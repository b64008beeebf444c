"""Real clients send recordings to the real server: inline, as files, with schemas, in chats."""

from __future__ import annotations

import pydantic
import pytest

from gemini_nb.local import launch
from tests.local import voices

pytestmark = [pytest.mark.model, voices.needed]
MODEL = "gemini-3.8-flash"
ASKED = "Generate a transcript of the speech."


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """The clip as a file on the disk."""
    path = tmp_path_factory.mktemp("recording") / "clip.flac"
    path.write_bytes(voices.file(voices.clip(), "FLAC"))
    return path


class Line(pydantic.BaseModel):
    """What is asked for of each sentence."""

    start: str
    end: str
    speaker: str
    text: str


def test_google_genai_sends_a_recording_inline(genai, recording):
    """And gets its words, streamed as well; the count is the one that is used."""
    from google.genai import types

    sound = types.Part.from_bytes(data=recording.read_bytes(), mime_type="audio/flac")
    answer = genai.models.generate_content(model=MODEL, contents=[ASKED, sound])
    assert voices.word_errors(answer.text, voices.text()) <= 0.05
    assert answer.model_version == "local/whisper-base"
    counted = genai.models.count_tokens(model=MODEL, contents=[ASKED, sound])
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count
    chunks = list(genai.models.generate_content_stream(model=MODEL, contents=[ASKED, sound]))
    assert "".join(chunk.text or "" for chunk in chunks) == answer.text
    assert len(chunks) > 3


def test_google_genai_uploads_a_recording(genai, recording):
    """A file is heard as what is sent inside a request, and its schema is kept to."""
    file = genai.files.upload(file=recording)
    config = {"response_mime_type": "application/json", "response_schema": list[Line]}
    answer = genai.models.generate_content(model=MODEL, contents=[ASKED, file], config=config)
    assert [line.start for line in answer.parsed] == ["00:00", "00:07", "00:15", "00:21"]
    assert {line.speaker for line in answer.parsed} == {"A"}
    said = " ".join(line.text for line in answer.parsed)
    assert voices.word_errors(said, voices.text()) <= 0.05
    genai.files.delete(name=file.name)


def test_google_genai_asks_about_a_recording(genai, recording):
    """The text model answers from what was said, in a chat that goes on."""
    from google.genai import types

    sound = types.Part.from_bytes(data=recording.read_bytes(), mime_type="audio/flac")
    chat = genai.chats.create(model=MODEL, config={"temperature": 0, "max_output_tokens": 40})
    answer = chat.send_message([sound, "What is the last name of Mr. John?"])
    assert "Dashwood" in answer.text
    assert answer.model_version.endswith("+whisper-base")
    assert chat.send_message("Transcribe the recording.").model_version == "local/whisper-base"


def test_google_genai_sees_what_is_wrong(genai):
    """A broken recording is the client's own error."""
    from google.genai import errors, types

    sound = types.Part.from_bytes(data=b"no sound", mime_type="audio/wav")
    with pytest.raises(errors.ClientError, match="Unable to process input audio"):
        genai.models.generate_content(model=MODEL, contents=[ASKED, sound])


def test_our_own_client_sends_a_recording(endpoint, recording):
    """By its path, as a notebook does."""
    import gemini_nb

    model = gemini_nb.GenerativeModel(MODEL)
    gemini_nb.configure(backend="local")
    assert launch.status().endpoint == endpoint
    answer = model.generate_content([ASKED, recording])
    assert voices.word_errors(answer.text, voices.text()) <= 0.05
