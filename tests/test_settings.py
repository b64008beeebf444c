"""What `configure` takes, where a key comes from, and that nothing shows it."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import types

import pytest

import gemini_nb as genai
from gemini_nb import settings
from gemini_nb.errors import ConfigError, UnknownName

KEY = "AIzaFAKE-not-a-key"


FRESH = settings.Settings(retries=0)  # as conftest leaves them


def fake_module(monkeypatch, name, **members):
    """Put a module of that name where `import` finds it."""
    module = types.ModuleType(name)
    for member, value in members.items():
        setattr(module, member, value)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_what_is_not_named_stays():
    """`configure` changes what it names and leaves the rest."""
    genai.configure(model="models/gemini-a", timeout=5)
    genai.configure(api_version="v1")
    assert settings.current() == dataclasses.replace(
        FRESH, model="gemini-a", timeout=5, api_version="v1"
    )


def test_none_goes_back_to_the_default():
    """A choice is taken back with None."""
    genai.configure(model="gemini-a", api_version="v1", timeout=5, backend="api", api_key=KEY)
    genai.configure(model=None, api_version=None, timeout=None, backend=None, api_key=None)
    assert settings.current() == FRESH


def test_a_refused_change_changes_nothing():
    """Nobody sees half a change: one wrong value refuses the whole call."""
    with pytest.raises(ConfigError):
        genai.configure(model="gemini-a", timeout=-1)
    assert settings.current() == FRESH


@pytest.mark.parametrize(
    ("name", "meant"),
    [("modle", "model"), ("apikey", "api_key"), ("apiKey", "api_key"), ("baseUrl", "base_url")],
)
def test_a_wrong_name_is_named(name, meant):
    """An unknown keyword says which one was meant."""
    with pytest.raises(UnknownName, match=f"Did you mean {meant}"):
        genai.configure(**{name: "x"})


@pytest.mark.parametrize(
    "choice",
    [
        {"timeout": 0},
        {"timeout": -3},
        {"timeout": "60"},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"backend": "cloud"},
        {"base_url": "example.com"},
        {"base_url": "ftp://example.com"},
        {"base_url": "http://"},
        {"base_url": "http://[bad"},
        {"base_url": "http://127.0.0.1:99999"},
        {"base_url": 5},
        {"model": 5},
        {"api_version": 1},
        {"retries": -1},
        {"retries": 1.5},
        {"rpm": 0},
        {"tpm": True},
        {"api_key": 12345},
        {"api_key": b"AIzaFAKE"},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused(choice):
    """Each setting is checked where it is set, in one sentence and one advice."""
    with pytest.raises(ConfigError) as caught:
        genai.configure(**choice)
    assert caught.value.advice
    assert "AIzaFAKE" not in str(caught.value)
    assert settings.current() == FRESH


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://localhost:8080/", "http://localhost:8080"),
        ("https://proxy.example/gemini//", "https://proxy.example/gemini"),
    ],
)
def test_an_address_loses_its_last_slash(given, kept):
    """Paths are appended to the address, so it ends without a slash."""
    genai.configure(base_url=given)
    assert settings.current().base_url == kept


@pytest.mark.parametrize("key", ["", "   ", None])
def test_an_empty_key_is_none(key):
    """An empty answer to the question for a key is no key."""
    genai.configure(api_key=key)
    assert settings.current().api_key is None
    assert settings.current().resolve_key() is None


def test_the_order_of_the_environment(monkeypatch):
    """The argument comes first, then GEMINI_API_KEY, then GOOGLE_API_KEY; blanks are nothing."""
    monkeypatch.setenv("GOOGLE_API_KEY", " AIzaFAKE-google\n")
    assert settings.find_key() == settings.Secret("AIzaFAKE-google", "")
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaFAKE-gemini")
    assert repr(settings.find_key()) == "<key from GEMINI_API_KEY>"
    monkeypatch.setenv("GEMINI_API_KEY", "  ")
    assert repr(settings.find_key()) == "<key from GOOGLE_API_KEY>"
    genai.configure(api_key=KEY)
    assert repr(settings.current().resolve_key()) == "<key from configure()>"


def test_colab_secrets_are_asked(monkeypatch):
    """On Colab a secret that was granted is used; one that was not is as if there were none."""

    class UserData:
        @staticmethod
        def get(name):
            if name == "GEMINI_API_KEY":
                raise PermissionError(name)
            return "AIzaFAKE-colab"

    fake_module(monkeypatch, "google.colab", userdata=UserData)
    assert repr(settings.find_key()) == "<key from Colab secret GOOGLE_API_KEY>"


def test_kaggle_secrets_are_asked(monkeypatch):
    """On Kaggle the secrets that are attached to the notebook are used."""

    class Client:
        def get_secret(self, name):
            if name == "GEMINI_API_KEY":
                return "AIzaFAKE-kaggle"
            raise KeyError(name)

    fake_module(monkeypatch, "kaggle_secrets", UserSecretsClient=Client)
    assert settings.find_key() is None
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert repr(settings.find_key()) == "<key from Kaggle secret GEMINI_API_KEY>"


def test_a_kaggle_without_its_module_has_no_key(monkeypatch):
    """The variable alone is not enough."""
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    monkeypatch.setitem(sys.modules, "kaggle_secrets", None)
    assert settings.find_key() is None


@pytest.mark.parametrize(
    ("variable", "chosen", "key", "backend"),
    [
        (None, {}, None, "local"),
        (None, {}, KEY, "api"),
        ("local", {}, KEY, "local"),
        ("api", {}, None, "api"),
        ("local", {"backend": "api"}, None, "api"),
        ("", {}, None, "local"),
        (None, {"base_url": "http://localhost:1"}, None, "api"),
    ],
)
def test_who_answers(monkeypatch, variable, chosen, key, backend):
    """The choice counts most, then the variable, then whether there is a key."""
    if variable is not None:
        monkeypatch.setenv("GEMINI_NB_BACKEND", variable)
    genai.configure(api_key=key, **chosen)
    assert settings.current().resolve_backend() == backend


def test_a_wrong_variable_is_named(monkeypatch):
    """GEMINI_NB_BACKEND is checked like an argument."""
    monkeypatch.setenv("GEMINI_NB_BACKEND", "cloud")
    with pytest.raises(ConfigError, match="'cloud'"):
        settings.current().resolve_backend()


def test_no_view_of_the_settings_has_the_key():
    """Neither repr nor str, format or the dict of the settings hold the key."""
    genai.configure(api_key=KEY)
    now = settings.current()
    for view in (repr(now), str(now), f"{now}", str(vars(now)), f"{now.api_key!r:>40}"):
        assert KEY not in view
    assert not hasattr(now.api_key, "__dict__")


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_not_copied_out(way):
    """Pickling a key fails with a sentence, alone and inside the settings."""
    genai.configure(api_key=KEY)
    with pytest.raises(TypeError, match="not pickled"):
        way(settings.current().api_key)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(settings.current())


@pytest.mark.parametrize(
    "url", ["http://bob:hunter2@host", "http://h/?x=1", "http://h/#f", "http://ex ample"]
)
def test_an_address_is_nothing_but_an_address(url):
    """Credentials, queries and spaces are refused, and not repeated."""
    with pytest.raises(ConfigError) as refused:
        settings.configure(base_url=url)
    assert "hunter2" not in str(refused.value)


def test_the_transport_of_the_first_documentation_is_taken():
    """`transport="rest"` is what happens anyway; another word is an unknown name."""
    settings.configure(transport="rest")
    with pytest.raises(UnknownName):
        settings.configure(transport="pigeon")


def test_a_wrong_backend_in_the_environment_names_its_variable(monkeypatch):
    """Whoever set it must find it again."""
    monkeypatch.setenv("GEMINI_NB_BACKEND", "foo")
    with pytest.raises(ConfigError, match="GEMINI_NB_BACKEND='foo'"):
        settings.current().resolve_backend()


def test_the_other_places_are_asked_once(monkeypatch):
    """Colab, Kaggle and a keyring may ask the person, so what they gave is kept."""
    asked = []
    monkeypatch.setattr(
        settings, "_keyring_key", lambda: asked.append(1) or settings.Secret("AIzaFAKE", "keyring")
    )
    assert settings.find_key() == settings.find_key()
    assert len(asked) == 1
