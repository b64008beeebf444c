"""One real server for all tests that need the model, and a plain way to call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gemini_nb.local import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "gemini-3.8-flash"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[launch.Endpoint]:
    """The local backend of this test run."""
    yield launch.ensure(progress=False)
    launch.stop()


@pytest.fixture(scope="session")
def web(endpoint: launch.Endpoint) -> Iterator[httpx.Client]:
    """A client that knows the address and the key."""
    headers = {"x-goog-api-key": endpoint.key}
    with httpx.Client(base_url=endpoint.base_url, headers=headers, timeout=60) as client:
        yield client


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
