"""What goes wrong is one tree, and each error is one clear card."""

from __future__ import annotations

import inspect
import itertools
import pickle
import runpy

import pytest

from gemini_nb import errors, refusals
from gemini_nb.stream import Response


def every_error():
    """One of each kind, made as the package makes them."""
    yield errors.GeminiError("m", advice="a")
    yield errors.ConfigError("m")
    yield errors.MissingKey()
    yield errors.UnknownName("x", owner="Part", known=("text",))
    yield errors.BadPrompt("m")
    yield errors.PromptTooLong("m", count=None, limit=5)
    yield errors.OverBudget("m", left=0.5)
    yield errors.BackendError("m")
    for kind in (
        errors.APIError,
        errors.InvalidArgument,
        errors.InvalidKey,
        errors.PermissionDenied,
        errors.NotFound,
        errors.ResourceExhausted,
        errors.Unimplemented,
        errors.ServerError,
        errors.Unavailable,
        errors.DeadlineExceeded,
    ):
        yield kind("m", code=418, status="TEAPOT", details=[{"a": 1}], retry_after=2.5)
    for kind in (errors.NetworkError, errors.Timeout, errors.InsecureConnection, errors.BadAnswer):
        yield kind("m")
    for kind in (errors.FileError, errors.UploadCorrupted, errors.FileFailed):
        yield kind("m")
    yield errors.UploadInterrupted("m", sent=1, size=2)
    yield errors.UploadsFailed("m", files=[None], failed={0: errors.NetworkError("m")})
    for kind in (errors.BlockedPrompt, errors.StoppedEarly, errors.StreamInterrupted):
        yield kind("m", response=Response(), reason="SAFETY")


EVERY = [pytest.param(error, id=type(error).__name__) for error in every_error()]


def test_every_kind_is_made_here():
    """The list above is the whole tree."""
    kinds = {
        c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
    }
    made = {type(error) for error in every_error()}
    assert kinds - made == {errors.ResponseError}


def test_the_tree_is_as_drawn():
    """Each line of the drawing at the top of the module is a class below the one it hangs from."""
    above = []
    drawn = set()
    for line in inspect.getdoc(errors).splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if not isinstance(getattr(errors, name, None), type):
            continue
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        del above[depth - 1 :]
        above.append(getattr(errors, name))
        drawn.add(name)
        assert all(issubclass(lower, upper) for upper, lower in itertools.pairwise(above))
    assert len(drawn) == len(list(every_error())) + 1


@pytest.mark.parametrize("error", EVERY)
def test_errors_survive_another_process(error):
    """A pickled error comes back with its class, its text and all it carries."""
    error.__notes__ = ["a note"]
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.card() == error.card()
    assert set(again.__dict__) == set(error.__dict__)


@pytest.mark.parametrize("error", EVERY)
def test_a_card_begins_with_the_kind(error):
    """The first line says what happened, and by which name to catch it."""
    assert error.card()[0].startswith(type(error).__name__)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, errors.InvalidArgument),
        (401, errors.InvalidKey),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (409, errors.APIError),
        (429, errors.ResourceExhausted),
        (500, errors.ServerError),
        (502, errors.ServerError),
        (501, errors.Unimplemented),
        (503, errors.Unavailable),
        (504, errors.DeadlineExceeded),
    ],
)
def test_each_status_has_its_class(code, kind):
    """The HTTP status chooses the class, and is kept."""
    error = refusals.from_status(code, {"message": "No.", "status": "NAME"})
    assert type(error) is kind
    assert (error.code, error.status, error.message) == (code, "NAME", "No.")
    assert str(error).startswith(f"{code} NAME: No.")


def test_a_wrong_key_is_told_apart():
    """A 400 for the key and a 403 for its absence are both InvalidKey, which says what to do."""
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    wrong = refusals.from_status(400, {"message": "API key not valid.", "details": [detail]})
    none = refusals.from_status(403, {"message": "Method doesn't allow unregistered callers …"})
    assert isinstance(wrong, errors.InvalidKey)
    assert isinstance(none, errors.InvalidKey)
    assert "%gemini_config --key" in wrong.card()[1]


@pytest.mark.parametrize(
    ("delay", "seconds"), [("36s", 36.0), ("1.5s", 1.5), ("0s", 0.0), ("soon", None), (None, None)]
)
def test_retry_info_is_read(delay, seconds):
    """The time to wait is a number, wherever it stands among the details."""
    details = [{"@type": "QuotaFailure"}, "not an object", {"retryDelay": delay}]
    error = refusals.from_status(429, {"message": "Quota.", "details": details})
    assert error.retry_after == seconds
    assert any("Try again in" in line for line in error.card()) is (seconds is not None)


def test_an_error_without_words_still_speaks():
    """An empty error object makes a sentence, not a None."""
    error = refusals.from_status(500, {"message": None, "status": None, "details": None})
    assert str(error).startswith("500: The service gave no reason.")
    assert error.card()[0] == "ServerError (500): The service gave no reason."


def test_the_card_leaves_the_message_alone():
    """The message of the service is shown letter by letter."""
    message = "f( x ) : not found ( at all )"
    assert refusals.from_status(404, {"message": message}).card()[0].endswith(f": {message}")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("max_tokens", ["max_output_tokens"], "max_output_tokens"),
        ("maxOutputTokens", ["max_output_tokens"], "max_output_tokens"),
        ("generationconfig", ["generation_config", "tools"], "generation_config"),
        ("zzz", ["text", "inline_data"], None),
    ],
)
def test_unknown_names_say_what_was_meant(name, known, meant):
    """The sentence has the likely name, or else all there are."""
    error = errors.UnknownName(name, owner="Thing", known=known)
    assert error.suggestion == meant
    assert (f"Did you mean {meant}?" if meant else "It has inline_data, text.") in str(error)


def test_the_shown_traceback_is_the_card_and_the_own_line(tmp_path):
    """A notebook shows what happened and the line of the person's own code."""
    script = tmp_path / "mine.py"
    script.write_text("from gemini_nb.parts import to_part\nto_part(5)\n")
    with pytest.raises(errors.BadPrompt) as caught:
        exec(compile(script.read_text(), str(script), "exec"), {})  # noqa: S102
    assert caught.value._render_traceback_() == [
        "BadPrompt: A builtins.int cannot be part of a prompt.",
        f"  → {caught.value.advice}",
        "  at mine.py, line 2: to_part(5)",
    ]


def test_a_line_that_sets_a_key_is_not_shown(tmp_path):
    """The card names the line of `configure(api_key=…)` without its text."""
    script = tmp_path / "mine.py"
    script.write_text("import gemini_nb\ngemini_nb.configure(api_key='AIzaFAKE', modle='x')\n")
    with pytest.raises(errors.UnknownName) as caught:
        exec(compile(script.read_text(), str(script), "exec"), {})  # noqa: S102
    shown = "\n".join(caught.value._render_traceback_())
    assert shown.endswith("at mine.py, line 2")
    assert "AIzaFAKE" not in shown


def test_a_card_cannot_steer_a_terminal():
    """Escape sequences in a service's message do not reach the screen."""
    error = refusals.from_status(400, {"message": "\x1b]0;owned\x07 bad \x1b[2J\u202e"})
    assert not any(ord(c) < 32 or c == "\u202e" for c in "".join(error.card()))


@pytest.mark.parametrize("violations", [5, None, "text", [5], [{}], {"quotaId": "x"}])
def test_a_quota_in_no_known_form(violations):
    """Whatever stands where violations should, the error is shown."""
    error = refusals.from_status(
        429, {"message": "Quota.", "details": [{"violations": violations}]}
    )
    assert error.quota == ""
    assert not error.per_day
    assert error.card()[0].endswith("Quota.")


def test_the_line_of_the_person_is_named_not_one_of_python(tmp_path):
    """An error that came through a module of Python itself points to the person's own line."""
    script = tmp_path / "mine.py"
    script.write_text(
        "import json\n"
        "from gemini_nb.parts import to_part\n"
        "json.loads('1', parse_int=lambda text: to_part(5))\n"
    )
    with pytest.raises(errors.BadPrompt) as caught:
        runpy.run_path(str(script))
    assert caught.value._render_traceback_()[-1].startswith("  at mine.py, line 3: json.loads")
