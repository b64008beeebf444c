"""The options of the magics."""

from __future__ import annotations

import pytest

from gemini_nb import options


def test_every_option_of_a_cell():
    """Each option lands where it belongs."""
    given = options.parse_cell(
        "-m gemini-a -s 'Be brief.' -t 0.5 --top-p 0.9 --top-k 3 --max-tokens 10 --seed 1"
        " --stop END --stop '\\n' -a x -a 'my file.png' -o answer -f json -x -c --no-stream"
        " --media-resolution low --no-interpolate --max-input-tokens 99 --dry-run --voice Kore"
    )
    assert vars(given) == {
        "model": "gemini-a",
        "name": None,
        "system": "Be brief.",
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "max_tokens": 10,
        "seed": 1,
        "stop": ["END", "\\n"],
        "attach": ["x", "my file.png"],
        "voice": ["Kore"],
        "media_resolution": "low",
        "output": "answer",
        "format": "json",
        "next_cell": True,
        "chat": True,
        "no_stream": True,
        "no_interpolate": True,
        "max_input_tokens": 99,
        "dry_run": True,
    }


def test_what_options_say_about_the_answer():
    """The generation config has the API's names, and only what was chosen."""
    line = "-t 0 --max-tokens 10 --stop END -f json --seed 0 --media-resolution low"
    given = options.parse_cell(line)
    assert options.generation_config(given) == {
        "temperature": 0.0,
        "max_output_tokens": 10,
        "seed": 0,
        "stop_sequences": ["END"],
        "media_resolution": "MEDIA_RESOLUTION_LOW",
        "response_mime_type": "application/json",
    }
    assert options.generation_config(options.parse_cell("")) == {}


def test_voices():
    """One voice for all, or one for each speaker."""

    def said(line):
        return options.generation_config(options.parse_cell(line))

    kore = {"prebuilt_voice_config": {"voice_name": "Kore"}}
    puck = {"prebuilt_voice_config": {"voice_name": "Puck"}}
    assert said("--voice Kore") == {
        "response_modalities": ["AUDIO"],
        "speech_config": {"voice_config": kore},
    }
    both = [
        {"speaker": "Dr. Anna", "voice_config": kore},
        {"speaker": "Ben", "voice_config": puck},
    ]
    assert said("--voice 'Dr. Anna=Kore' --voice Ben=Puck")["speech_config"] == {
        "multi_speaker_voice_config": {"speaker_voice_configs": both}
    }


@pytest.mark.parametrize("line", ["--voice Kore --voice Puck", "--voice Anna=", "--voice =Kore"])
def test_voices_without_their_speakers(line):
    """Of several voices each has somebody to speak for."""
    with pytest.raises(options.BadOptions, match="--voice Anna=Kore"):
        options.parse_cell(line)


def test_attachments_do_not_add_up():
    """A list that one call filled is not there in the next."""
    options.parse_cell("-a x")
    assert options.parse_cell("").attach == []


@pytest.mark.parametrize(
    "name", ["gemini-a", "gemma-3-4b", "learnlm-2", "models/x", "tunedModels/y"]
)
def test_the_model_may_stand_alone(name):
    """A model needs no `-m` in the first line of a cell."""
    assert options.parse_cell(f"{name} -t 0").model == name


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--temprature 1", "there is no option --temprature, but --temperature"),
        ("--nothing-like-it", "there is no option --nothing-like-it."),
        ("-z", "unrecognized arguments: -z"),
        ("-t hot", "invalid float value: 'hot'"),
        ("--top-k 1.5", "invalid int value: '1.5'"),
        ("-f html", "invalid choice: 'html'"),
        ("-m", "expected one argument"),
        ("--dry", "there is no option --dry, but --dry-run"),
        ("-s 'open", "a quote is not closed"),
        ("-o 1x", "-o 1x: that is no name for a variable"),
        ("-o a.b", "that is no name for a variable"),
        ("What is this?", "unrecognized arguments"),
        ("Hello", "'Hello' is no model; the prompt goes into the lines below"),
    ],
)
def test_each_mistake_is_one_line_and_the_usage(line, sentence):
    """The first line says what is wrong, the rest how it is used."""
    with pytest.raises(options.BadOptions) as caught:
        options.parse_cell(line)
    first, *usage = str(caught.value).split("\n")
    assert first.startswith("%%gemini: ")
    assert sentence in first
    assert usage[0].startswith("usage: %%gemini")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_asked_for(flag):
    """The help names every option."""
    with pytest.raises(options.HelpAsked) as caught:
        options.parse_cell(flag)
    assert all(name in str(caught.value) for name in options.flags("%%gemini"))


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ("What's up, don't you know?", "What's up, don't you know?"),
        ('Say "hi" to O\'Neill', 'Say "hi" to O\'Neill'),
        ("-t 0 What's up?", "What's up?"),
        ("-s 'Be brief.' it's -t 5", "it's -t 5"),
        ('--system="Be brief." go', "go"),
        ("-m gemini-a   spaced   out  ", "spaced   out"),
        ("-c --no-stream - a dash", "- a dash"),
        ("-t -1 minus", "minus"),
        ("", ""),
        ("a -- b", "a -- b"),
        ("2 > 1 && {x}", "2 > 1 && {x}"),
    ],
)
def test_a_line_is_options_then_the_prompt_as_typed(line, prompt):
    """Quotes and apostrophes of the prompt are nobody's but the prompt's."""
    assert options.parse_line(line)[1] == prompt


def test_options_of_a_line():
    """The options before the prompt are those of a cell."""
    given, prompt = options.parse_line("-t 0.5 -o answer --stop=END -f text Hi there")
    assert (given.temperature, given.output, given.stop, given.format) == (
        0.5,
        "answer",
        ["END"],
        "text",
    )
    assert prompt == "Hi there"


@pytest.mark.parametrize("line", ["--temprature 1 hi", "-t hot hi", "-o 1x hi", "-m"])
def test_a_wrong_option_of_a_line(line):
    """A mistake in the options is not taken for the prompt."""
    with pytest.raises(options.BadOptions, match="usage: %gemini"):
        options.parse_line(line)


def test_the_other_magics():
    """The conversation and the settings have their own options."""
    assert options.parse("--new", "%gemini_chat").new
    assert options.parse("--rewind", "%gemini_chat").rewind
    line = "--key --model m --backend local --timeout 5 --base-url http://x"
    given = options.parse(line, "%gemini_config")
    assert (given.key, given.model, given.backend, given.timeout, given.base_url) == (
        True,
        "m",
        "local",
        5.0,
        "http://x",
    )
    with pytest.raises(options.BadOptions, match="invalid choice: 'cloud'"):
        options.parse("--backend cloud", "%gemini_config")


def test_no_key_is_an_option():
    """A key is never typed into a line: `--key` takes no value."""
    with pytest.raises(options.BadOptions, match="unrecognized"):
        options.parse("--key AIzaFAKE", "%gemini_config")


def test_the_flags_for_completion():
    """Long names, each once."""
    flags = options.flags("%%gemini")
    assert "--temperature" in flags
    assert "-t" not in flags
    assert len(flags) == len(set(flags))


def test_short_options_may_stick_together():
    """`-t0` and `-xc` are read in the line form as in a cell."""
    given, prompt = options.parse_line("-t0 -xc hi there")
    assert (given.temperature, given.next_cell, given.chat, prompt) == (0, True, True, "hi there")
    assert options.parse_line("-5 degrees: cold?")[1] == "-5 degrees: cold?"


def test_backslashes_stay():
    """A path of Windows comes through as typed; quotes still hold words together."""
    given = options.parse_cell(r'-a C:\data\x.csv -s "Be brief."')
    assert given.attach == [r"C:\data\x.csv"]
    assert given.system == "Be brief."


@pytest.mark.parametrize(
    ("line", "magic", "sentence"),
    [
        ("--budget abc", "%gemini_config", "'abc' is no amount, like 0.50, or none"),
        ("-n 0", "%gemini_history", "'0' is no number from 1 on"),
        ("--max-input-tokens -4", "%%gemini", "'-4' is no number from 1 on"),
    ],
)
def test_a_number_that_is_none(line, magic, sentence):
    """One sentence, in words."""
    with pytest.raises(options.BadOptions, match=sentence):
        options.parse(line, magic)
