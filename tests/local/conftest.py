"""One real server for all tests that need the model, and a plain way to call it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gemini_nb.local import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODEL = "gemini-3.8-flash"


@pytest.fixture(scope="session", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What servers keep on disk in this test run: nothing of the person's own."""
    home = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMINI_NB_DATA", str(home))
        yield home


@pytest.fixture(scope="session")
def endpoint(kept: Path) -> Iterator[launch.Endpoint]:
    """The local backend of this test run."""
    yield launch.ensure(progress=False)
    launch.stop()


@pytest.fixture(scope="session")
def web(endpoint: launch.Endpoint) -> Iterator[httpx.Client]:
    """A client that knows the address and the key."""
    headers = {"x-goog-api-key": endpoint.key}
    with httpx.Client(base_url=endpoint.base_url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def genai(endpoint: launch.Endpoint) -> Iterator[Any]:
    """A client of google-genai."""
    genai = pytest.importorskip("google.genai")
    options = {"base_url": endpoint.base_url}
    with genai.Client(api_key=endpoint.key, http_options=options) as client:
        yield client


@pytest.fixture(scope="session")
def older(endpoint: launch.Endpoint) -> Any:
    """The module of google-generativeai, over REST."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        older = pytest.importorskip("google.generativeai")
    options = {"api_endpoint": endpoint.base_url}
    older.configure(api_key=endpoint.key, transport="rest", client_options=options)
    return older


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image file with two words that the small model can repeat."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (640, 160), "white")
    font = ImageFont.load_default(64)
    ImageDraw.Draw(image).text((40, 40), "Hello World", "black", font=font)
    path = tmp_path_factory.mktemp("picture") / "picture.png"
    image.save(path)
    return path


@pytest.fixture(scope="session")
def ask(web: httpx.Client) -> Callable[..., dict[str, Any]]:
    """Ask the model: `ask("Hello", temperature=0)` gives the whole answer."""

    def ask(prompt: str, system: str = "", **config: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "contents": [{"role": "user", "parts": [{"text": prompt}]}],
            "generationConfig": config,
        }
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        answer = web.post(f"/v1beta/models/{MODEL}:generateContent", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask
