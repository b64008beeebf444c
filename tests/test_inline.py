"""Media inside a prompt that is too much for one request: refused, or uploaded."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

import gemini_nb as genai
from gemini_nb import errors, inline
from gemini_nb.audio import limits
from gemini_nb.types import Blob, Content, FileData, Part
from tests.audio import sounds
from tests.conftest import KEY
from tests.faults.uploads import UploadServer
from tests.server import Call, answer_json, chunk

SMALL, LARGE = b"s" * 300, b"L" * 900


def blob(data, **more):
    return Part(inline_data=Blob(mime_type="audio/wav", data=data), **more)


class Service(UploadServer):
    """Files and answers in one."""

    def _plain(self, call: Call):
        if "generateContent" in call.target:
            status, headers, pieces = answer_json(chunk("Heard.", "STOP"))
            return status, headers, b"".join(pieces)
        return super()._plain(call)

    def sent(self):
        """The parts of each prompt, by their keys."""
        prompts = [c.json() for c in self.calls if "generateContent" in c.target]
        return [[list(p) for turn in b["contents"] for p in turn["parts"]] for b in prompts]


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A service where one request carries 1000 bytes of base64."""
    monkeypatch.setattr(inline, "INLINE_LIMIT", 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Service() as server:
        genai.configure(api_key=KEY, base_url=server.url)
        yield server


def test_the_limit_is_the_documented_one():
    """100 MB as they are sent, in base64."""
    assert inline.INLINE_LIMIT == 100 * 1024 * 1024
    assert inline._size(Blob(data=b"1234")) == len("MTIzNA==")


def test_what_fits_goes_as_it_is(server):
    """Exactly the limit is still no excess."""
    model = genai.GenerativeModel("gemini-a")
    assert model.generate_content(["Listen", blob(b"x" * 750)], upload="auto").text == "Heard."
    assert server.sent() == [[["text"], ["inlineData"]]]
    assert inline.notice(model.build(blob(b"x" * 750))) == ""


def test_too_much_is_refused_with_its_size_and_a_hint(server):
    """Before anything is sent."""
    model = genai.GenerativeModel("gemini-a")
    for call in (model.generate_content, model.start_chat().send_message):
        with pytest.raises(
            errors.BadPrompt, match=r"1\.56 KB .* carries 1000 bytes\. .*upload_file"
        ):
            call([blob(LARGE), blob(SMALL)])
    with pytest.raises(errors.BadPrompt):
        asyncio.run(model.generate_content_async(blob(LARGE)))
    assert server.calls == []


def test_the_largest_is_uploaded_and_the_rest_goes_along(server):
    """Only as much as is needed; the place in the prompt stays, and what else a part says."""
    given = [blob(SMALL), "Listen", blob(LARGE, media_resolution={"level": "LOW"})]
    answer = genai.GenerativeModel("gemini-a").generate_content(given, upload="auto")
    assert answer.text == "Heard."
    assert server.sent() == [[["inlineData"], ["text"], ["fileData", "mediaResolution"]]]
    assert list(server.contents.values()) == [LARGE]
    (file,) = server.files.values()
    sent = answer.request.body.contents[0].parts[2].file_data
    assert (sent.file_uri, sent.mime_type) == (file["uri"], "audio/wav")
    assert given[2].inline_data.data == LARGE  # what was given is as it was


def test_many_small_ones_are_too_much_together(server):
    """Each is uploaded until the rest fits."""
    parts = [blob(bytes([n]) * 300) for n in range(4)]
    genai.GenerativeModel("gemini-a").generate_content(parts, upload="auto")
    assert sorted(map(tuple, server.sent()[0])) == [("fileData",)] * 2 + [("inlineData",)] * 2


def test_a_chat_uploads_its_history_once(server):
    """What was uploaded for one turn is named again in the next, as long as it is there."""
    chat = genai.GenerativeModel("gemini-a").start_chat()
    chat.send_message(blob(LARGE), upload="auto")
    chat.send_message("And now?", upload="auto")
    assert server.commands == ["start", "finalize"]
    genai.delete_file(next(iter(server.files)))
    chat.send_message("And now?", upload="auto")
    assert server.commands == ["start", "finalize"] * 2
    assert [prompt[0] for prompt in server.sent()] == [["fileData"]] * 3


def test_the_same_media_twice_is_one_file(server):
    """One object in two places of a prompt is uploaded once, and makes room for both."""
    part = blob(b"x" * 600)
    genai.GenerativeModel("gemini-a").generate_content(
        [Content(role="user", parts=[part, blob(SMALL), part])], upload="auto"
    )
    assert server.sent() == [[["fileData"], ["inlineData"], ["fileData"]]]
    assert len(server.files) == 1


def test_the_same_bytes_as_another_kind(server):
    """What was uploaded as one kind is not named where a prompt has it as another."""
    model = genai.GenerativeModel("gemini-a")
    for kind in ("audio/wav", "audio/mp3"):
        part = Part(inline_data=Blob(mime_type=kind, data=b"x" * 900))
        model.generate_content([part], upload="auto")
    assert [file["mimeType"] for file in server.files.values()] == ["audio/wav", "audio/mp3"]


def test_awaited_it_is_the_same(server):
    """The async form uploads, too."""
    model = genai.GenerativeModel("gemini-a")
    assert asyncio.run(model.generate_content_async(blob(LARGE), upload="auto")).text == "Heard."
    assert server.sent() == [[["fileData"]]]


def test_an_upload_that_fails_is_the_error(server):
    """The prompt is not sent without its media."""
    server.faults = {("start", 0): "403"}
    with pytest.raises(errors.PermissionDenied):
        genai.GenerativeModel("gemini-a").generate_content(blob(LARGE), upload="auto")
    assert server.sent() == []


def test_another_word_is_refused():
    """There is one way, and it is named."""
    with pytest.raises(errors.UnknownName, match="auto"):
        genai.GenerativeModel("gemini-a").generate_content("hi", upload="always")


def test_the_notice_says_what_will_happen(server):
    """One line, for whoever did not ask for it."""
    model = genai.GenerativeModel("gemini-a")
    assert inline.notice(model.build([blob(LARGE)])) == (
        "The media of this prompt takes 1.17 KB as it is sent, and one request carries 1000 bytes: "
        "uploaded as a file, which is kept for 48 hours."
    )
    many = inline.notice(model.build([blob(LARGE), blob(LARGE + b"x")]))
    assert "uploaded as 2 files, which are kept" in many


# -- how much sound


@pytest.fixture
def hours(server, monkeypatch):
    """A service, a file of three seconds that was uploaded to it, and prompts of seven at most."""
    monkeypatch.setattr(inline, "INLINE_LIMIT", 1 << 20)
    monkeypatch.setattr(limits, "LIMIT", 7.0)
    file = genai.upload_file(sounds.encoded("MP3"))
    server.calls.clear()
    return file


def test_more_sound_than_one_prompt_takes_is_not_sent(hours, server, do):
    """Recordings inside it, those that were uploaded, and the turns before: of all the sum."""
    model = genai.GenerativeModel("gemini-a")
    sound = Part(inline_data=Blob(mime_type="audio/wav", data=sounds.encoded()))
    words = "The recordings of this prompt last 00:09; one prompt takes 00:07"
    nameless = Part(file_data=FileData(file_uri=hours.uri))
    for given in ([hours, sound, hours], [sound] * 3, [nameless] * 3):
        for upload in (None, "auto"):
            with pytest.raises(errors.BadPrompt, match=words) as caught:
                do(model, "generate_content", given, upload=upload)
            assert "audio.clip(start, end)" in caught.value.advice
    chat = model.start_chat()
    for turn in (sound, [hours, "And this?"]):
        assert do(chat, "send_message", turn).text == "Heard."
    before = len(server.calls)
    with pytest.raises(errors.BadPrompt, match=words):
        do(chat, "send_message", [sound, "And this?"], stream=True)
    assert len(server.calls) == before == 2
    assert do(chat, "send_message", "And now?").text == "Heard."


def test_too_much_sound_is_not_even_uploaded(hours, server, monkeypatch):
    """The length comes before the size: it would be too much as files, too."""
    monkeypatch.setattr(inline, "INLINE_LIMIT", 1000)
    with pytest.raises(errors.BadPrompt, match="last 00:09"):
        genai.GenerativeModel("gemini-a").generate_content([sounds.encoded()] * 3, upload="auto")
    assert server.calls == []


_NO_SOUND = """
import sys
import gemini_nb as genai
from gemini_nb import inline
from gemini_nb.types import Blob, FileData, Part

model = genai.GenerativeModel("gemini-a", client=genai.Client(api_key="no key"))
picture = Part(inline_data=Blob(mime_type="image/heic", data=b"x"))
film = Part(file_data=FileData(file_uri="https://host/files/a", mime_type="video/mp4"))
body = model.build(["Look.", picture, film])
assert inline.fit(model.client, body) is body
print(*(name for name in sys.modules if "audio" in name or name in ("soundfile", "numpy")))
"""


def test_without_sound_nothing_is_loaded_for_it():
    """Whoever sends text, pictures and films does not wait for what reads recordings."""
    done = subprocess.run(
        [sys.executable, "-c", _NO_SOUND], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
