"""The magics in a real shell of this process: they parse, call and show."""

from __future__ import annotations

import getpass
import json
import re

import pytest
from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from PIL import Image

import gemini_nb as genai
from gemini_nb import counting, errors, history, inline, magics, notices, settings, types, windows
from gemini_nb.display import live
from gemini_nb.stream import Response
from gemini_nb.tokens import vocabulary
from tests.faults.uploads import UploadServer
from tests.media import picture
from tests.server import answer_json, answer_sse, chunk

pytestmark = pytest.mark.usefixtures("unasked")

PNG = picture()
CODE = "Do this:\n\n```python\nprint(1)\n```\n\nthen\n\n```python\nprint(2)\n```\n"


@pytest.fixture
def displays(shell, monkeypatch):
    """What is displayed, as in a notebook that nobody watches."""
    shown = []
    monkeypatch.setattr(live, "place", lambda: "once")
    monkeypatch.setattr(
        shell.display_pub,
        "publish",
        lambda data, metadata=None, **more: shown.append((data, metadata or {}, more)),
    )
    return shown


def answering(*texts, finish="STOP"):
    """A handler that answers with these pieces, streamed or whole."""

    def answer(call):
        if "stream" in call.target:
            *first, last = texts
            return answer_sse(*(chunk(text) for text in first), chunk(last, finish))
        return answer_json(chunk("".join(texts), finish))

    return answer


def run(shell, cell):
    """Run a cell to its end; what it raises is raised here."""
    result = shell.run_cell(cell)
    result.raise_error()
    return result


def prompt(call):
    """What the request says, its Parts as text or as their kind."""
    parts = call.json()["contents"][-1]["parts"]
    return [p.get("text", p.get("inlineData", {}).get("mimeType")) for p in parts]


def test_a_cell_is_asked_and_answered(shell, serve, capsys):
    """The cell goes to the model, the answer is shown as it comes."""
    server = serve(answering("Hel", "lo."))
    run(shell, "%%gemini\nSay hello.\n\n")
    assert capsys.readouterr().out == "Hello.\n"
    (call,) = server.calls
    assert call.target == "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    assert call.json() == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


def test_the_options_go_along(shell, serve):
    """Model, instruction and configuration come from the first line."""
    server = serve(answering("Yes."))
    run(shell, "%%gemini gemini-a -s 'Be brief.' -t 0 --max-tokens 5 --stop END\nhi")
    assert server.calls[0].target.startswith("/v1beta/models/gemini-a:")
    assert server.calls[0].json() == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"temperature": 0.0, "maxOutputTokens": 5, "stopSequences": ["END"]},
    }


def test_no_stream_waits_for_the_whole(shell, serve, capsys):
    """`--no-stream` asks for the answer in one piece."""
    server = serve(answering("Hello."))
    run(shell, "%%gemini --no-stream\nhi")
    assert server.calls[0].target.endswith(":generateContent")
    assert capsys.readouterr().out == "Hello.\n"


def test_variables_come_in(shell, serve):
    """`{name}` in the prompt and in the instruction is the variable; media stays media."""
    server = serve(answering("ok"))
    shell.user_ns.update(who="Ada", picture=PNG)
    run(shell, "%%gemini -s 'You are {who}.'\nSee {picture}, {who}. {{who}} $x^{who}$")
    assert prompt(server.calls[0]) == ["See ", "image/png", ", Ada. {{who}} $x^{who}$"]
    told = server.calls[0].json()["systemInstruction"]
    assert told == {"parts": [{"text": "You are Ada."}]}


def test_values_are_not_expanded_again(shell, serve):
    """Neither braces nor dollars in a value are looked at, by us or by IPython."""
    server = serve(answering("ok"))
    shell.user_ns.update(first="{second} $second {1+1}", second="WRONG")
    run(shell, "%%gemini\n{first} $second {1+1}")
    assert prompt(server.calls[0]) == ["{second} $second {1+1} $second {1+1}"]


def test_no_interpolate_sends_braces(shell, serve):
    """`--no-interpolate` leaves every brace alone, also one that names nothing."""
    server = serve(answering("ok"))
    run(shell, "%%gemini --no-interpolate -s '{who}'\n{who} is {nobody}")
    assert prompt(server.calls[0]) == ["{who} is {nobody}"]


def test_attachments(shell, serve, tmp_path):
    """`-a` takes variables and files, in their order, after the prompt."""
    server = serve(answering("ok"))
    notes = tmp_path / "my notes.txt"
    notes.write_text("noted")
    shell.user_ns["picture"] = PNG
    run(shell, f"%%gemini -a picture -a '{notes}'\nLook:")
    assert prompt(server.calls[0]) == ["Look:", "image/png", "noted"]


def test_attachments_of_a_notebook(shell, serve):
    """Figures, pictures and tables go along as they are."""
    image_of = pytest.importorskip("PIL.Image")
    figure_of = pytest.importorskip("matplotlib.figure")
    pd = pytest.importorskip("pandas")
    server = serve(answering("ok"))
    shell.user_ns.update(
        image=image_of.new("RGB", (2, 2)),
        figure=figure_of.Figure(figsize=(1, 1)),
        table=pd.DataFrame({"a": [1]}),
    )
    run(shell, "%%gemini -a image -a figure -a table\nLook:")
    kinds = prompt(server.calls[0])
    assert kinds[1:3] == ["image/png", "image/png"]
    assert "a" in kinds[3]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("%%gemini\nHi {nam}", "there is no variable 'nam'"),
        ("%%gemini -s '{nam}'\nHi", "there is no variable 'nam'"),
        ("%%gemini -a nothing.png\nHi", "neither a variable nor a file"),
        ("%%gemini -a number\nHi", "A builtins.int cannot be part of a prompt."),
        ("%%gemini\n   \n", "The prompt is empty."),
        ("%gemini", "The prompt is empty."),
        ("%gemini -t 0", "The prompt is empty."),
    ],
)
def test_what_cannot_be_sent_is_said_first(shell, serve, cell, sentence):
    """A missing variable or file, and an empty prompt, are named before anything is sent."""
    server = serve(answering("ok"))
    shell.user_ns.update(name="x", number=5)
    with pytest.raises(errors.BadPrompt, match=sentence):
        run(shell, cell)
    assert server.calls == []


def test_the_answer_is_kept(shell, serve):
    """`-o` keeps the Response in a variable."""
    serve(answering("Hel", "lo."))
    run(shell, "%%gemini -o answer\nhi")
    answer = shell.user_ns["answer"]
    assert isinstance(answer, Response)
    assert (answer.text, answer.done, answer.interrupted) == ("Hello.", True, False)


def test_a_broken_answer_is_kept_and_raised(shell, serve, capsys):
    """What came of a stream that broke off is shown, marked and kept; the cell has an error."""
    serve(answering("Half an", finish=None))
    with pytest.raises(errors.StreamInterrupted):
        run(shell, "%%gemini -o answer\nhi")
    assert shell.user_ns["answer"].interrupted
    out = capsys.readouterr().out
    assert out.startswith("Half an\n\n*— not whole: The answer broke off after 7 characters")
    assert "StreamInterrupted: The answer broke off after 7 characters" in out


@pytest.mark.parametrize(
    ("how", "text", "data"),
    [
        ("markdown", "# <b>Hi</b>", {"text/markdown": "# &lt;b>Hi&lt;/b>"}),
        ("text", "# <b>Hi</b>", {"text/plain": "# <b>Hi</b>"}),
        ("json", '{"a": [1]}', {"application/json": {"a": [1]}}),
        ("json", "no json", {"text/plain": "no json"}),
        ("code", CODE, {"text/plain": "print(1)\n"}),
        ("code", "no code", {"text/plain": "no code"}),
    ],
)
def test_each_format(shell, serve, displays, how, text, data):
    """Each format is one display with its own kind of data, and `text/plain`."""
    serve(answering(text[:3], text[3:]))
    run(shell, f"%%gemini -f {how}\nhi")
    ((shown, metadata, _),) = displays
    assert {kind: shown[kind] for kind in data} == data
    assert "text/plain" in shown
    assert ("text/markdown" in shown) is (how == "markdown")
    facts = metadata["gemini_nb"]
    assert facts["model"] == "gemini-test"
    assert facts["usage"]["totalTokenCount"] == 7
    assert facts["finish_reason"] == "STOP"


def test_json_is_asked_for_as_json(shell, serve):
    """`-f json` tells the service, too."""
    server = serve(answering("{}"))
    run(shell, "%%gemini -f json\nhi")
    config = server.calls[0].json()["generationConfig"]
    assert config == {"responseMimeType": "application/json"}


def test_the_next_cell(shell, serve, monkeypatch, capsys):
    """`-x` puts the first block of code into the next cell; without one it says so."""
    cells = []
    monkeypatch.setattr(shell, "set_next_input", lambda text, **_: cells.append(text))
    server = serve(answering(CODE))
    run(shell, "%%gemini -x\nhi")
    assert cells == ["print(1)"]
    server.handler = answering("no code")
    run(shell, "%%gemini -x\nhi")
    assert cells == ["print(1)"]
    assert "no code block" in capsys.readouterr().out


def test_a_conversation(shell, serve):
    """Cells with `-c` follow each other; those without stand alone."""
    server = serve(answering("one"))
    run(shell, "%%gemini -c\nfirst")
    run(shell, "%%gemini\nalone")
    run(shell, "%%gemini -c -t 0\nsecond")
    said = [[c["parts"][0]["text"] for c in call.json()["contents"]] for call in server.calls]
    assert said == [["first"], ["alone"], ["first", "one", "second"]]
    assert "generationConfig" not in server.calls[0].json()
    assert server.calls[2].json()["generationConfig"] == {"temperature": 0.0}


def test_the_conversation_shown_rewound_and_begun_anew(shell, serve, displays, capsys):
    """`%gemini_chat` shows the turns, takes the last one back, or forgets them all."""
    serve(answering("<i>one</i>"))
    run(shell, "%gemini_chat")
    assert "The conversation is empty." in capsys.readouterr().out
    run(shell, "%%gemini -c\nfirst")
    displays.clear()
    run(shell, "%gemini_chat")
    ((shown, _, _),) = displays
    assert "first" in shown["text/markdown"]
    assert "&lt;i>one" in shown["text/markdown"]
    run(shell, "%gemini_chat --rewind")
    assert "The conversation is empty." in capsys.readouterr().out
    run(shell, "%gemini_chat --rewind")
    assert "There is no turn to take back." in capsys.readouterr().out
    run(shell, "%%gemini -c\nfirst")
    run(shell, "%gemini_chat --new")
    assert "The conversation is empty." in capsys.readouterr().out


def test_an_error_leaves_the_conversation_whole(shell, serve):
    """A turn that failed is no turn; the next one goes on."""
    server = serve(answering("one"))
    run(shell, "%%gemini -c\nfirst")
    fine, server.handler = server.handler, lambda call: answer_json({"error": {}}, 503)
    with pytest.raises(errors.Unavailable):
        run(shell, "%%gemini -c\nlost")
    server.handler = fine
    run(shell, "%%gemini -c\nsecond")
    said = [c["parts"][0]["text"] for c in server.calls[-1].json()["contents"]]
    assert said == ["first", "one", "second"]


def test_a_dry_run_sends_nothing(shell, serve, capsys):
    """`--dry-run` shows the request that would go, history and all, and sends none."""
    server = serve(answering("one"))
    shell.user_ns.update(who="Ada", picture=picture(size=(40, 30)))
    run(shell, "%%gemini -c\nfirst")
    capsys.readouterr()
    run(shell, "%%gemini -c --dry-run -t 0 -a picture\nHi {who}")
    shown = capsys.readouterr().out
    line, _, rest = shown.partition("\n\n")
    body, end = json.JSONDecoder().raw_decode(rest)
    assert line == "POST models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    assert "characters of base64" in str(body)
    assert re.search(r"^picture +1,120  by the API's rule$", rest[end:], re.MULTILINE)
    assert len(server.calls) == 1
    run(shell, "%%gemini -c -t 0 -a picture\nHi {who}")
    sent = server.calls[1].json()
    picture_sent = sent["contents"][-1]["parts"][1]["inlineData"]
    picture_sent["data"] = body["contents"][-1]["parts"][1]["inlineData"]["data"]
    assert body == sent
    assert "AIzaFAKE" not in shown


def test_a_dry_run_needs_no_key(shell, capsys):
    """Looking at a request needs neither a key nor a backend."""
    run(shell, "%%gemini --dry-run --no-stream\nhi")
    assert "POST models/gemini-3.8-flash:generateContent\n" in capsys.readouterr().out


def test_markers_of_nbval_are_not_sent(shell, serve):
    """Comment lines for nbval are not for the model."""
    server = serve(answering("ok"))
    run(shell, "%%gemini\n# NBVAL_IGNORE_OUTPUT\nhi\n# a comment of mine")
    assert prompt(server.calls[0]) == ["hi\n# a comment of mine"]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("%%gemini --temprature 1\nhi", "there is no option --temprature, but --temperature"),
        ("%%gemini -t hot\nhi", "invalid float value: 'hot'"),
        ("%%gemini -o 1x\nhi", "no name for a variable"),
        ("%%gemini Tell\nhi", "the prompt goes into the lines below"),
        ("%gemini --temprature 1 hi", "there is no option --temprature"),
        ("%gemini_chat --old", "there is no option --old"),
        ("%gemini_config --backend cloud", "invalid choice: 'cloud'"),
    ],
)
def test_a_wrong_option_is_one_line_and_the_usage(shell, serve, capsys, cell, sentence):
    """A mistake in the options shows its line and the usage, and no traceback."""
    server = serve(answering("ok"))
    with pytest.raises(UsageError, match="usage: "):
        run(shell, cell)
    said = "".join(capsys.readouterr())
    assert sentence in said
    assert "usage: " in said
    assert "Traceback" not in said
    assert server.calls == []


@pytest.mark.parametrize("cell", ["%%gemini -h\nhi", "%gemini --help", "%gemini_config -h"])
def test_help_is_no_error(shell, serve, capsys, cell):
    """`-h` shows the options and asks nobody."""
    server = serve(answering("ok"))
    run(shell, cell)
    assert "usage: " in capsys.readouterr().out
    assert server.calls == []


def test_an_error_of_the_service_fails_the_cell(shell, serve, capsys):
    """The cell has the error, and shows its card instead of a traceback."""
    body = {"error": {"code": 404, "message": "No such model.", "status": "NOT_FOUND"}}
    serve(answer_json(body, 404))
    result = shell.run_cell("%%gemini -o answer\nhi")
    assert isinstance(result.error_in_exec, errors.NotFound)
    said = "".join(capsys.readouterr())
    assert "NotFound (404 NOT_FOUND): No such model." in said
    assert "→ genai.list_models()" in said
    assert "Traceback" not in said
    assert "site-packages" not in said
    assert "AIzaFAKE" not in said


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, errors.BlockedPrompt),
        ({"candidates": [{"finishReason": "RECITATION"}]}, errors.StoppedEarly),
    ],
)
def test_a_filter_fails_the_cell(shell, serve, body, kind):
    """No text because of a filter is an error of the cell that names it; the answer is kept."""
    serve(answer_sse(body))
    with pytest.raises(kind):
        run(shell, "%%gemini -o answer\nhi")
    assert isinstance(shell.user_ns["answer"], Response)


def test_an_answer_that_ended_early_is_marked(shell, serve, capsys):
    """A reason other than STOP is said under the answer, and what to do."""
    serve(answering("Too lo", finish="MAX_TOKENS"))
    run(shell, "%%gemini\nhi")
    out = capsys.readouterr().out
    assert out == "Too lo\n\n*— ended early: MAX_TOKENS (raise --max-tokens for more) —*\n"


def test_an_interrupt_keeps_what_came(shell, serve, monkeypatch, capsys):
    """A person who stops an answer keeps it, marked, and gets no error."""
    serve(answering("Hel", "lo."))
    written = live.LiveMarkdown.write

    def stop_after_one(self, delta):
        written(self, delta)
        raise KeyboardInterrupt

    monkeypatch.setattr(live.LiveMarkdown, "write", stop_after_one)
    run(shell, "%%gemini -o answer\nhi")
    assert capsys.readouterr().out.startswith("Hel")
    assert shell.user_ns["answer"].parts[0].text.startswith("Hel")


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("%gemini What's up? Don't say.", "What's up? Don't say."),
        ("%gemini -t 0 Say 'hi' to {who}", "Say 'hi' to Ada"),
        ('%gemini "quoted" $who', '"quoted" $who'),
    ],
)
def test_one_line(shell, serve, line, sent):
    """`%gemini` sends the rest of its line as it was typed."""
    server = serve(answering("ok"))
    shell.user_ns["who"] = "Ada"
    run(shell, line)
    assert prompt(server.calls[0]) == [sent]


def test_the_settings_are_shown_without_the_key(shell, serve, capsys):
    """`%gemini_config` says who answers and where the key is from."""
    server = serve(answering("ok"))
    run(shell, "%gemini_config")
    said = capsys.readouterr().out
    for words in ("api", "gemini-3.8-flash", "from configure()", f"{server.url}/v1beta"):
        assert words in said
    assert "AIzaFAKE" not in said


def test_the_key_is_asked_for_unseen(shell, monkeypatch, capsys):
    """`--key` asks with getpass; the key is never printed, nor kept in a variable."""
    monkeypatch.setattr(getpass, "getpass", lambda prompt: " AIzaFAKE-typed ")
    run(shell, "%gemini_config --key --model models/gemini-b --timeout 9")
    assert settings.current().api_key.reveal() == "AIzaFAKE-typed"
    assert (settings.current().model, settings.current().timeout) == ("gemini-b", 9.0)
    said = "".join(capsys.readouterr())
    assert "AIzaFAKE" not in said
    assert "timeout      9 s" in said
    assert "AIzaFAKE" not in repr(shell.user_ns)


def test_no_key_typed_is_no_key(shell, monkeypatch):
    """Enter alone leaves the key that there was, or none; it never becomes an empty one."""
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "  ")
    monkeypatch.setenv("GEMINI_NB_BACKEND", "local")
    run(shell, "%gemini_config --key")
    assert settings.current().api_key is None
    genai.configure(api_key="AIzaFAKE-before")
    run(shell, "%gemini_config --key")
    assert settings.current().api_key.reveal() == "AIzaFAKE-before"


def test_the_settings_of_ipython(shell):
    """`%config GeminiMagics` sets what `configure` sets."""
    run(shell, "%config GeminiMagics.model = 'gemini-c'")
    run(shell, "%config GeminiMagics.backend = 'local'")
    run(shell, "%config GeminiMagics.timeout = 7.5")
    now = settings.current()
    assert (now.model, now.backend, now.timeout) == ("gemini-c", "local", 7.5)


def test_another_gemini_is_announced_once(ipython, capsys):
    """Who takes over the name of another extension says so, and how to give it back."""

    @magics_class
    class Other(Magics):
        @cell_magic
        def gemini(self, line, cell):
            print("other")

    ipython.register_magics(Other)
    ipython.extension_manager.load_extension("gemini_nb")
    assert capsys.readouterr().out.count("%%gemini was ") == 1
    ipython.extension_manager.reload_extension("gemini_nb")
    assert "%%gemini was " not in capsys.readouterr().out
    ipython.extension_manager.unload_extension("gemini_nb")


def test_unloading_takes_the_magics_away(ipython):
    """After `%unload_ext` nothing of ours is left among the magics."""
    ipython.extension_manager.load_extension("gemini_nb")
    ipython.extension_manager.unload_extension("gemini_nb")
    names = {n for kind in ipython.magics_manager.magics.values() for n in kind}
    assert not {n for n in names if n.startswith("gemini")}


def test_loading_is_quiet_and_sends_nothing(ipython, serve, capsys):
    """`%load_ext gemini_nb` prints nothing and calls nobody."""
    server = serve()
    genai.configure(base_url=server.url)
    ipython.extension_manager.load_extension("gemini_nb")
    ipython.extension_manager.unload_extension("gemini_nb")
    assert "".join(capsys.readouterr()) == ""
    assert server.calls == []


def test_a_question_in_one_line_is_asked(shell, serve):
    """`%gemini …?` is a prompt, not a call for help; a cell's own lines stay as they are."""
    server = serve(answering("Ada wrote."))
    run(shell, "%gemini Who was 'Ada' Lovelace?")
    assert prompt(server.calls[-1]) == ["Who was 'Ada' Lovelace?"]
    run(shell, "%%gemini\n%gemini what?")
    assert prompt(server.calls[-1]) == ["%gemini what?"]


def test_help_is_still_help(shell, capsys):
    """`%gemini?` shows what the magic does."""
    run(shell, "%gemini?")
    assert "Ask Gemini in one line" in capsys.readouterr().out


def test_unloading_leaves_what_is_not_ours(shell, ipython):
    """A magic that another extension took over since stays when ours are unloaded."""

    def theirs(line, cell):
        return line

    shell.magics_manager.magics["cell"]["gemini"] = theirs
    shell.extension_manager.unload_extension("gemini_nb")
    assert shell.magics_manager.magics["cell"].pop("gemini") is theirs
    assert "gemini_chat" not in shell.magics_manager.magics["line"]
    shell.extension_manager.load_extension("gemini_nb")


def test_media_that_is_too_much_is_uploaded_and_said(shell, capsys, monkeypatch, tmp_path):
    """One line says so before it happens; the answer comes as ever."""
    monkeypatch.setattr(inline, "INLINE_LIMIT", 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    class Service(UploadServer):
        def _plain(self, call):
            if "Content" in call.target:
                status, headers, pieces = answering("Heard.")(call)
                return status, headers, b"".join(pieces)
            return super()._plain(call)

    with Service() as server:
        genai.configure(api_key="AIzaFAKE-not-a-key", base_url=server.url)
        sound = types.Blob(mime_type="audio/wav", data=b"x" * 900)
        shell.user_ns["sound"] = types.Part(inline_data=sound)
        run(shell, "%%gemini --dry-run -a sound\nWhat is this?")
        assert capsys.readouterr().out.endswith("kept for 48 hours.\n")
        assert server.calls == []
        run(shell, "%%gemini -a sound\nWhat is this?")
        question, media = server.calls[-1].json()["contents"][0]["parts"]
        assert question == {"text": "What is this?"}
        assert media["fileData"]["mimeType"] == "audio/wav"
        assert list(server.contents.values()) == [b"x" * 900]
    said = capsys.readouterr().out
    assert said.startswith("The media of this prompt takes 1.17 KB as it is sent")
    assert said.count("\n") == 2
    assert said.endswith("Heard.\n")


# -------------------------------------------------------------------------- tokens and money


FOX = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def badges(shell, monkeypatch):
    """What `%%gemini` says of its prompts before and after, as lines."""
    said = []

    class Live(live.LiveMarkdown):
        def __init__(self, how, badge):
            said.append(badge and badge.line())
            super().__init__(how, badge=badge)

        def close(self, response, seconds, used=None, sound=None):
            said.append(used and used.line())
            super().close(response, seconds, used, sound)

    monkeypatch.setattr(magics, "LiveMarkdown", Live)
    vocabulary.load()
    return said


def test_a_cell_is_counted_as_it_stands(shell, serve, capsys):
    """Each part with its tokens and how they were got, their sum, their share and their price."""
    server = serve()
    shell.user_ns["photo"] = picture(size=(960, 540))
    run(shell, f"%%gemini_tokens -m gemini-2.5-flash -s 'Be brief.' -a photo -o count\n{FOX}")
    assert capsys.readouterr().out.splitlines() == [
        "part    tokens  how",
        "system       3  counted",
        "text        10  counted",
        "photo    1,548  by the API's rule",
        "",
        "Together 1,561 tokens: 0.15 % of what the model reads. $0.0005 before its answer.",
    ]
    assert shell.user_ns["count"].total_tokens == 1561
    assert server.calls == []


def test_a_line_is_counted(shell, serve, capsys):
    """`%gemini_tokens` takes a prompt in one line, with the options of `%gemini`."""
    serve()
    run(shell, f"%gemini_tokens -m gemini-2.5-flash {FOX}")
    assert "Together 10 tokens" in capsys.readouterr().out


def test_the_service_may_count_as_well(shell, serve, capsys):
    """`--ask` shows by how much it differs."""
    server = serve(answer_json({"totalTokens": 11}))
    run(shell, f"%gemini_tokens --ask -m gemini-2.5-flash {FOX}")
    assert "The service counts 11, 10.0 % more." in capsys.readouterr().out
    assert server.calls[0].target.endswith(":countTokens")


def test_the_conversation_counts(shell, serve, capsys):
    """With `-c` the turns before are sent again, and cost again."""
    serve(answering("Hi."))
    run(shell, "%%gemini -c -m gemini-2.5-flash\nHello!")
    capsys.readouterr()
    run(shell, f"%%gemini_tokens -c -m gemini-2.5-flash\n{FOX}")
    assert re.search(r"^history +4  counted$", capsys.readouterr().out, re.MULTILINE)


def test_a_cell_says_what_goes_and_what_went(shell, serve, badges):
    """One line before anything is sent, another when the answer has ended."""
    usage = {"promptTokenCount": 12, "candidatesTokenCount": 300, "thoughtsTokenCount": 90}
    server = serve(
        answer_sse(chunk("Hi", "STOP", usageMetadata=usage, modelVersion="gemini-2.5-flash"))
    )
    genai.configure(prices={"gemini-2.5-flash": (1000, 2000)})
    run(shell, f"%%gemini -m gemini-2.5-flash -s 'Be brief.'\n{FOX}")
    before, after = badges
    assert before == "system 3 · text 10 — < 0.1 % of 1 M · $0.013"
    assert after.startswith("in 12 · out 300 · thoughts 90 · $0.792 · ")
    assert len(server.calls) == 1


def test_the_line_can_be_turned_off(shell, serve, badges):
    """A setting, and the magic for it."""
    serve(answering("one"))
    run(shell, "%gemini_config --badge off")
    run(shell, "%%gemini\nhi")
    assert badges[0] is None
    run(shell, "%gemini_config --badge on")
    run(shell, "%%gemini\nhi")
    assert badges[2].startswith("text ")


def test_a_prompt_that_is_too_long_stays_here(shell, serve, badges):
    """`--max-input-tokens` is a limit; nothing is shown but the error, which says what to do."""
    server = serve(answering("one"))
    with pytest.raises(
        errors.PromptTooLong, match="has 10 tokens, and --max-input-tokens allows 9"
    ):
        run(shell, f"%%gemini -m gemini-2.5-flash --max-input-tokens 9\n{FOX}")
    run(shell, f"%%gemini -m gemini-2.5-flash --max-input-tokens 10\n{FOX}")
    assert (len(server.calls), len(badges)) == (1, 2)


def test_a_dry_run_says_that_it_would_not_go(shell, serve, capsys):
    """It shows everything, then the same error."""
    serve(answering("one"))
    with pytest.raises(errors.PromptTooLong):
        run(shell, f"%%gemini -m gemini-2.5-flash --dry-run --max-input-tokens 9\n{FOX}")
    assert "Together 10 tokens" in capsys.readouterr().out


def test_a_budget_is_kept(shell, serve, capsys):
    """What was spent counts against it; what costs more than is left is not sent."""
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 40}
    server = serve(answer_sse(chunk("Hi", "STOP", usageMetadata=usage)))
    genai.configure(prices={"gemini-2.5-flash": (1000, 1000)})
    run(shell, "%gemini_config --budget 0.055")
    assert "budget       $0.055" in capsys.readouterr().out
    run(shell, f"%%gemini -m gemini-2.5-flash\n{FOX}")
    assert history.spent().dollars == pytest.approx(0.05)
    with pytest.raises(errors.OverBudget, match=r"\$0\.005 of the budget is left"):
        run(shell, f"%%gemini -m gemini-2.5-flash\n{FOX}")
    assert len(server.calls) == 1
    run(shell, "%gemini_config --budget none")
    run(shell, f"%%gemini -m gemini-2.5-flash\n{FOX}")
    assert len(server.calls) == 2


def test_what_was_spent_is_shown(shell, serve, capsys):
    """`%gemini_usage` has this session and today; `%gemini_history` finds the calls."""
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 40}
    version = "gemini-2.5-flash-lite"
    serve(answer_sse(chunk("Hi", "STOP", usageMetadata=usage, modelVersion=version)))
    run(shell, "%%gemini -m gemini-2.5-flash-lite\nhi")
    capsys.readouterr()
    run(shell, "%gemini_usage")
    shown = capsys.readouterr().out
    assert "gemini-2.5-flash-lite" in shown
    assert "This session: <$0.0001." in shown
    run(shell, "%gemini_history -n 1 flash-lite")
    assert "gemini-2.5-flash-lite  10   40" in capsys.readouterr().out
    run(shell, "%gemini_history no-such-model")
    assert "no such call on record" in capsys.readouterr().out


def test_each_medium_has_its_own_name(shell, serve, badges):
    """Also beside a text that is attached, and a variable in the prompt."""
    serve(answering("one"))
    table = {"mime_type": "text/csv", "data": b"a,b\n1,2\n"}
    shell.user_ns.update(table=table, photo=picture(), sketch=Image.new("RGB", (4, 3)))
    run(shell, "%%gemini -m gemini-2.5-flash -a table -a photo\nLike {sketch}")
    assert badges[0].startswith("text 2 · sketch 258 · table 8 · photo 258 — ")


def test_the_settings_and_the_traits_are_one(shell, serve, badges):
    """What `configure` changes, `%config` shows and may take back; what is refused is not kept."""
    serve(answering("one"))
    genai.configure(badge=False, budget=0.5)
    run(shell, "%%gemini -m gemini-2.5-flash\nhi")
    assert badges[0] is None
    run(shell, "%config GeminiMagics.budget = None")
    assert settings.current().budget is None
    shell.run_cell("%config GeminiMagics.budget = -3")
    run(shell, "budget = get_ipython().magics_manager.registry['GeminiMagics'].budget")
    assert (shell.user_ns["budget"], settings.current().budget) == (None, None)


def test_a_limit_waits_for_the_vocabulary(shell, serve, monkeypatch):
    """An estimate decides nothing where the number counts."""
    serve(answering("one"))
    asked, real = [], counting.estimated

    def estimated(*args, wait, **more):
        asked.append(wait)
        return real(*args, wait=wait, **more)

    monkeypatch.setattr(counting, "estimated", estimated)
    run(shell, f"%%gemini -m gemini-2.5-flash\n{FOX}")
    run(shell, f"%%gemini -m gemini-2.5-flash --max-input-tokens 99\n{FOX}")
    assert asked == [False, True]


def test_a_spent_budget_is_called_so(shell, serve, monkeypatch):
    """Not the prompt is too long then; `--dry-run` says it as well."""
    server = serve(answering("one"))
    monkeypatch.setattr(history, "spent", lambda: history.Spent(0.6, 0))
    genai.configure(budget=0.5)
    for option in ("", "--dry-run"):
        with pytest.raises(errors.OverBudget, match=r"The budget of \$0\.50 is spent"):
            run(shell, f"%%gemini -m gemini-2.5-flash {option}\n{FOX}")
    assert server.calls == []


@pytest.mark.parametrize("watched", [True, False])
def test_an_answer_is_learned_from(shell, serve, monkeypatch, watched):
    """How far off the count was; and, where a person looks, how much the model reads."""
    usage = {"promptTokenCount": 120, "candidatesTokenCount": 1}
    serve(answer_sse(chunk("Hi", "STOP", usageMetadata=usage)))
    vocabulary.load()
    compared, learned = [], []
    monkeypatch.setattr(history, "compared", lambda *args: compared.append(args[:3]))
    monkeypatch.setattr(windows, "learn", lambda _, model: learned.append(model))
    monkeypatch.setattr(notices, "watched", lambda: watched)
    run(shell, f"%%gemini -m gemini-2.5-flash\n{' '.join([FOX] * 10)}")
    assert compared == [("models/gemini-2.5-flash", 100, 120)]
    assert learned == ["models/gemini-2.5-flash"] * watched
