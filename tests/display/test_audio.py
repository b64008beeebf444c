"""What is saved of a recording: its words as a table, its sound where that is small."""

from __future__ import annotations

import base64
import io
import re
import types

import numpy as np
import pytest
import soundfile

from gemini_nb.audio import Audio
from gemini_nb.display import audio
from gemini_nb.transcripts import Segment
from tests.media import recording

SEGMENTS = [
    Segment(0, 2, "The tide comes.", "Anna"),
    Segment(3723.5, 3725, "It goes.", "Ben", ("past the end", "too fast")),
]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> $x$ & \u202e\x1b[2J\nend"


def cells(html):
    """The rows of the table, as their words."""
    rows = re.findall("<tr>(.*)", html)
    return [[re.sub("<[^>]*>", "", cell) for cell in re.split("<t[dh]>", row)[1:]] for row in rows]


def test_the_transcript_is_a_table_with_times():
    """Each segment has its place, its speaker and what is doubtful about it."""
    made = audio.bundle("talk.wav", 3800, SEGMENTS)
    assert cells(made["text/html"]) == [
        ["Time", "Speaker", "Text"],
        ["00:00", "Anna", "The tide comes."],
        ["1:02:03", "Ben", "It goes. ⚠ past the end; too fast"],
    ]
    assert made["text/plain"] == (
        "talk.wav, 1:03:20\n00:00  Anna: The tide comes.\n1:02:03  Ben: It goes."
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("data:audio/ogg;base64,AA==", "The sound is in this notebook: open it in Jupyter"),
        ("a%20talk/%C3%A4%231.wav", "The sound is beside this notebook: a talk/ä#1.wav"),
        (None, "The sound is not saved here: run the cell again"),
    ],
)
def test_where_no_player_is_shown_it_says_where_the_sound_is(source, words):
    """GitHub drops the element and keeps what is in it."""
    html = audio.bundle("talk.wav", 3800, SEGMENTS, source)["text/html"]
    left = re.sub(r"</?audio[^>]*>", "", html)
    assert left.count(f"<p><i>{words}") == 1
    assert (words in re.sub("<audio.*</audio>", "", html, flags=re.DOTALL)) == (source is None)


def test_a_name_is_on_one_line():
    """Unless it would leave no room for the words."""
    said = [Segment(0, 1, "a b", name) for name in ("Anna Schmidt", "Anna " * 9)]
    rows = cells(audio.bundle("a", 1, said)["text/html"])[1:]
    assert [row[1] for row in rows] == ["Anna\N{NO-BREAK SPACE}Schmidt", ("Anna " * 9).strip()]
    assert rows[0][2] == "a b"


def test_nobody_named_needs_no_column():
    """Where no speaker is known."""
    made = audio.bundle("a", 1, [Segment(0, 1, "hm")])
    assert cells(made["text/html"]) == [["Time", "Text"], ["00:00", "hm"]]


def test_what_was_said_is_text():
    """No markup, no formula, and nothing that a terminal obeys."""
    made = audio.bundle(HOSTILE, None, [Segment(0, 1, HOSTILE, HOSTILE, (HOSTILE,))], HOSTILE)
    assert set(re.findall(r"<(\w+)", made["text/html"])) <= {
        *("div", "p", "b", "audio", "table", "tr", "th", "td", "small", "i")
    }
    assert 'src="&lt;script&gt;' in made["text/html"]
    assert made["text/html"].startswith('<div class="gemini-nb-twin tex2jax_ignore mathjax_ignore')
    for text in made.values():
        assert not set("\x1b\u202e") & set(text.replace(f'src="{audio.html.escape(HOSTILE)}"', ""))


def test_each_text_has_its_own_direction():
    """One from the right turns neither its time nor what is doubtful about it."""
    said = [Segment(0, 1, "שלום 12", "דנה", ("late",)), Segment(1, 2, "Hello", "Dan", ("late",))]
    first, second = audio.bundle("שיר", 2, said)["text/html"].splitlines()[-4:-2]
    assert first == (
        "<tr><td>00:00<td><div align=left dir=auto>דנה</div>"
        "<td><div align=left dir=auto>שלום 12 <small dir=auto>⚠ late</small></div>"
    )
    assert "dir=" not in second
    assert "<b dir=auto>שיר</b>" in audio.bundle("שיר", 2, [])["text/html"]


def test_where_nothing_was_written_down_it_says_why():
    """As its text, and not as anybody's words."""
    made = audio.bundle("a", 9, [Segment(4, 9, "", flags=("0:05 without words",))])
    assert "<td><div align=left><i>0:05 without words</i></div>" in made["text/html"]
    assert made["text/plain"].endswith("00:04  0:05 without words")
    assert made["text/plain"].count("⚠") == 0


def test_the_plain_text_is_its_beginning():
    """The words are saved once."""
    made = audio.bundle("a", 600, [Segment(i, i + 1, f"word {i}") for i in range(1200)])
    assert made["text/plain"].endswith("00:19  word 19\n… 1,180 more")
    assert "word 1199" in made["text/html"]


def test_ten_minutes_are_less_than_twenty_kilobytes():
    """A WAV of 19 MB and the words of a talk."""
    words = "the tide is the rise and fall of the sea and so on, isn't it?"
    said = [Segment(i * 5, i * 5 + 5, words, "AB"[i % 2]) for i in range(120)]
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(600 * 16_000, "int16"), 16_000, format="WAV")
    sound = Audio.from_bytes(buffer.getvalue())
    source = audio.source(sound, embed=False)
    assert source is None
    made = audio.bundle("talk.wav", 600, said, source)
    assert sum(len(text.encode()) for text in made.values()) < 20_000
    assert "run the cell again" in made["text/html"]


def heard(source):
    """What a `data:` address plays."""
    head, data = source.split(",")
    assert head == "data:audio/ogg;base64"
    return soundfile.info(io.BytesIO(base64.b64decode(data)))


def test_a_short_sound_is_saved():
    """As Opus, in less than the limit."""
    source = audio.source(Audio.from_bytes(recording(seconds=3, rate=44_100)), embed=False)
    assert heard(source).duration == pytest.approx(3, abs=0.1)
    assert len(source) <= audio.SMALL * 4 / 3 + 30


def test_a_long_one_is_saved_where_that_is_wanted():
    """As Opus, much smaller than it was."""
    wav = recording(seconds=60)
    source = audio.source(Audio.from_bytes(wav), embed=True)
    assert heard(source).duration == pytest.approx(60, abs=0.1)
    assert len(source) < len(wav) / 4


def test_one_that_does_not_get_small_is_not_saved():
    """However short it is."""
    large = types.SimpleNamespace(data=bytes(audio.SMALL + 1))
    noisy = types.SimpleNamespace(
        path=None,
        probe=lambda: types.SimpleNamespace(seconds=1.0),
        prepare=lambda codec: large,
    )
    assert audio.source(noisy, embed=False) is None
    large.data = large.data[1:]
    assert audio.source(noisy, embed=False).startswith("data:audio/ogg")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("talk.wav", "talk.wav"),
        ("a talk/ä#1.wav", "a%20talk/%C3%A4%231.wav"),
        ("../talk.wav", None),
    ],
)
def test_a_file_in_the_folder_is_named(tmp_path, monkeypatch, name, address):
    """By its relative path; one elsewhere is nobody else's business."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(recording(seconds=40))
    assert audio.source(Audio.from_path(name), embed=False) == address
    assert audio.source(Audio.from_path(path), embed=False) == address
