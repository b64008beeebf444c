"""Real clients are spoken to by the real server, and the recogniser understands what they get."""

from __future__ import annotations

import io
import wave

import pytest
import soundfile

from gemini_nb.local import speaking
from tests.local import voices

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not speaking.is_here(), reason="needs a voice: gemini_nb[speech]"),
]
TTS = "gemini-2.5-flash-preview-tts"
MODEL = "gemini-3.8-flash"
FIRST = (
    "The ship left the harbor before sunrise, and nobody on board knew where it was going. "
    "A strong wind carried the smell of rain across the water."
)
SECOND = "Please remember to bring your notebook tomorrow morning, and ask the captain for coffee."


def config(types, **speech):
    return types.GenerateContentConfig(
        response_modalities=["AUDIO"], speech_config=types.SpeechConfig(**speech)
    )


def voice(types, name):
    return types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=name))


def wav(data):
    """As the documentation wraps it."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(data)
    return made.getvalue()


def understood(genai, types, data, asked="Generate a transcript of the speech."):
    part = types.Part.from_bytes(data=wav(data), mime_type="audio/wav")
    return genai.models.generate_content(model=MODEL, contents=[asked, part]).text


@pytest.mark.parametrize("name", ["Kore", "Puck"])
def test_google_genai_is_spoken_to(genai, name):
    """It gets a recording that plays, in which at most one word in five is misunderstood."""
    from google.genai import types

    spoken = config(types, voice_config=voice(types, name))
    prompt = f"Say slowly and calmly: {FIRST}"
    answer = genai.models.generate_content(model=TTS, contents=prompt, config=spoken)
    blob = answer.parts[0].inline_data
    assert blob.mime_type == "audio/L16;codec=pcm;rate=24000"
    about = soundfile.info(io.BytesIO(wav(blob.data)))
    assert (about.samplerate, about.channels) == (24_000, 1)
    assert 5 < about.duration < 15
    assert answer.usage_metadata.candidates_token_count == pytest.approx(32 * about.duration, abs=1)
    (details,) = answer.usage_metadata.candidates_tokens_details
    assert details.modality == types.MediaModality.AUDIO
    assert voices.word_errors(understood(genai, types, blob.data), FIRST) <= 0.2


def test_google_genai_hears_two_speakers(genai):
    """Each turn is said, streamed, and no name or instruction is."""
    from google.genai import types

    each = [
        types.SpeakerVoiceConfig(speaker="Bartholomew", voice_config=voice(types, "Kore")),
        types.SpeakerVoiceConfig(speaker="Jane", voice_config=voice(types, "Puck")),
    ]
    several = types.MultiSpeakerVoiceConfig(speaker_voice_configs=each)
    prompt = (
        "TTS the following conversation between Bartholomew and Jane:\n"
        f"Bartholomew: {FIRST}\nJane: {SECOND}"
    )
    spoken = config(types, multi_speaker_voice_config=several)
    chunks = genai.models.generate_content_stream(model=TTS, contents=prompt, config=spoken)
    pieces = [part.inline_data.data for chunk in chunks for part in chunk.parts]
    assert len(pieces) > 5
    heard = understood(genai, types, b"".join(pieces))
    assert voices.word_errors(heard, f"{FIRST} {SECOND}") <= 0.2
    assert "conversation" not in heard


def test_google_genai_hears_the_small_model(genai):
    """Any model's answer is said when it is asked for as sound."""
    from google.genai import types

    spoken = types.GenerateContentConfig(response_modalities=["AUDIO"], max_output_tokens=30)
    answer = genai.models.generate_content(model=MODEL, contents="Say hello.", config=spoken)
    assert answer.text is None
    assert len(answer.parts[0].inline_data.data) > 24_000
    assert answer.model_version.endswith("+espeak-ng")


def test_google_genai_sees_what_is_wrong(genai):
    """A voice that does not exist is the client's own error, with the list of those that do."""
    from google.genai import errors, types

    spoken = config(types, voice_config=voice(types, "Alloy"))
    with pytest.raises(errors.ClientError, match=r"Voice name Alloy is not supported\. Allowed"):
        genai.models.generate_content(model=TTS, contents="Hi", config=spoken)


def test_a_language_that_is_named_is_heard(genai):
    """German is spoken, and heard as German, where the prompts say so; as SRT where they ask."""
    from google.genai import types

    text = "Guten Morgen, heute ist Montag. Wir fahren mit dem Zug nach Berlin."
    prompt = f"Say in German: {text}"
    answer = genai.models.generate_content(model=TTS, contents=prompt, config=config(types))
    data = answer.parts[0].inline_data.data
    asked = "Generate a transcript of the speech. The language is German."
    assert "Berlin" in understood(genai, types, data, asked)
    srt = understood(genai, types, data, "Transcribe this in German, as SRT.")
    assert srt.startswith("1\n00:00:0")
    assert "Montag" in srt
    # Another language that is named is believed, too.
    french = understood(genai, types, data, "Transcribe. The language is French.")
    assert french != understood(genai, types, data, asked)
