"""Which backend answers, over which connections, and when they end."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import pickle
import threading
import types

import pytest

import gemini_nb as genai
from gemini_nb import client, errors, request
from gemini_nb.local import LocalUnavailable, launch
from tests.server import Server, answer_json, chunk

BODY = request.content_request("hi")


def endless(*bodies):
    """A stream that says something and then nothing more."""

    async def send():
        for body in bodies:
            yield b"data: " + json.dumps(body).encode() + b"\n\n"
        await asyncio.sleep(3600)

    return lambda call: (200, {"content-type": "text/event-stream"}, send())


@pytest.fixture
def local(monkeypatch):
    """A local backend that is a plain server; the number of times it was asked for."""
    asked = []
    monkeypatch.setattr(client, "_announced", False)
    with Server(lambda call: answer_json(chunk("from here", "STOP"))) as server:

        def ensure(**_):
            asked.append(1)
            return types.SimpleNamespace(base_url=server.url, key="AIzaFAKE-local", model="Small")

        monkeypatch.setattr(launch, "ensure", ensure)
        server.asked = asked
        yield server
        if client._default is not None:
            client._default.close()


def test_the_default_client_is_made_once(serve):
    """The same client serves until something is configured anew."""
    serve()
    first = client.default()
    assert client.default() is first
    genai.configure(model="gemini-b")
    assert client.default() is not first
    assert client.default().settings.model == "gemini-b"


def test_a_wrong_choice_is_refused():
    """A Client checks its arguments like `configure`."""
    with pytest.raises(errors.UnknownName, match="Did you mean api_key"):
        genai.Client(apikey="x")
    with pytest.raises(errors.ConfigError):
        genai.Client(backend="cloud")


def test_two_accounts_side_by_side(serve):
    """A Client of one's own has its own key, and leaves the configured one alone."""
    server = serve()
    other = genai.Client(api_key="AIzaFAKE-other")
    genai.GenerativeModel("gemini-a", client=other).generate_content("hi")
    genai.GenerativeModel("gemini-a").generate_content("hi")
    keys = [call.headers["x-goog-api-key"] for call in server.calls]
    assert keys == ["AIzaFAKE-other", "AIzaFAKE-not-a-key"]
    other.close()


def test_another_key_in_the_environment_counts_at_once(serve, monkeypatch):
    """A wrong key in the environment can be put right without a restart."""
    server = serve()
    genai.configure(api_key=None)
    for key in ("AIzaFAKE-wrong", "AIzaFAKE-right"):
        monkeypatch.setenv("GEMINI_API_KEY", key)
        genai.GenerativeModel("gemini-a").generate_content("hi")
    keys = [call.headers["x-goog-api-key"] for call in server.calls]
    assert keys == ["AIzaFAKE-wrong", "AIzaFAKE-right"]


def test_without_a_key_the_api_is_not_called():
    """`backend="api"` and no key is refused here, with what to do."""
    genai.configure(backend="api")
    with pytest.raises(errors.MissingKey, match="GEMINI_API_KEY"):
        genai.GenerativeModel("gemini-a").generate_content("hi")


def test_without_a_key_this_machine_answers(local, capsys):
    """Nothing configured: the local backend, with its own key, announced in one line once."""
    for _ in range(2):
        assert genai.GenerativeModel().generate_content("hi").text == "from here"
    assert local.calls[0].headers["x-goog-api-key"] == "AIzaFAKE-local"
    said = "".join(capsys.readouterr())
    assert said.startswith("No key: a small local model")
    assert (said.count("\n"), said.count("Small")) == (1, 1)
    assert "AIzaFAKE" not in said


def test_a_chosen_local_backend_is_not_announced(local, capsys):
    """Who chose it knows it; and a key that is there stays at home."""
    genai.configure(backend="local", api_key="AIzaFAKE-mine")
    assert genai.GenerativeModel().generate_content("hi").text == "from here"
    assert local.calls[0].headers["x-goog-api-key"] == "AIzaFAKE-local"
    assert "".join(capsys.readouterr()) == ""


def test_a_local_backend_that_cannot_start(monkeypatch):
    """The sentence of the backend is passed on as BackendError."""

    def ensure(**_):
        raise LocalUnavailable("Install gemini_nb[local].")

    monkeypatch.setattr(launch, "ensure", ensure)
    with pytest.raises(errors.BackendError, match=r"Install gemini_nb\[local\]\."):
        genai.GenerativeModel().generate_content("hi")


def test_asking_who_is_there_asks_nobody(monkeypatch):
    """The repr of a Client looks for no key: on Colab that would ask the person."""
    monkeypatch.setattr("gemini_nb.settings.find_key", lambda: pytest.fail("asked"))
    assert repr(genai.Client(model="gemini-a")) == "<Client auto gemini-a>"
    assert repr(genai.Client(backend="api")) == "<Client api gemini-3.8-flash>"


def test_a_client_is_not_pickled():
    """Connections stay in their process, which is said."""
    with pytest.raises(TypeError, match="Make one on the other side"):
        pickle.dumps(genai.Client())


def test_a_closed_client_opens_anew(serve):
    """`close()` ends the connections, not the client."""
    server = serve()
    one = genai.Client()
    for _ in range(2):
        assert one.generate("gemini-a", BODY).text == "Hello world."
        one.close()
    one.close()
    assert len(server.calls) == 2


def test_counting(serve):
    """A count is what the service says."""
    server = serve(answer_json({"totalTokens": 31, "cachedContentTokenCount": 2}))
    counted = genai.Client().count_tokens("gemini-a", BODY)
    assert (counted.total_tokens, counted.cached_content_token_count) == (31, 2)
    assert server.calls[0].target == "/v1beta/models/gemini-a:countTokens"
    again = asyncio.run(genai.Client().count_tokens_async("gemini-a", BODY))
    assert again == counted


def models(call):
    """Two pages of models, and one model by name."""
    if "pageToken=p2" in call.target:
        return answer_json({"models": [{"name": "models/c"}]})
    if "?" in call.target:
        two = [{"name": "models/a"}, {"name": "models/b", "inputTokenLimit": 8}]
        return answer_json({"models": two, "nextPageToken": "p2"})
    if call.target.endswith("/models/a"):
        return answer_json({"name": "models/a", "newField": 1})
    return answer_json({"error": {"code": 404, "message": "No such model."}}, 404)


def test_models_are_listed_page_by_page(serve):
    """A page is fetched when it is reached, not before."""
    server = serve(models)
    found = genai.list_models(page_size=2)
    assert next(found).name == "models/a"
    assert [call.target for call in server.calls] == ["/v1beta/models?pageSize=2"]
    assert [model.name for model in found] == ["models/b", "models/c"]
    assert server.calls[1].target == "/v1beta/models?pageSize=2&pageToken=p2"


def test_models_are_listed_for_async_for(serve):
    """The same, awaited."""
    serve(models)

    async def names():
        own = [model.name async for model in genai.Client().list_models_async()]
        assert own == [model.name async for model in genai.list_models_async()]
        return own

    assert asyncio.run(names()) == ["models/a", "models/b", "models/c"]


@pytest.mark.parametrize("length", [1, 3])
def test_a_list_that_turns_in_a_circle(serve, length):
    """Pages that lead back to one of themselves end the list with an error, not never."""
    tokens = itertools.cycle(map(str, range(length)))
    serve(
        lambda call: answer_json({"models": [{"name": "models/a"}], "nextPageToken": next(tokens)})
    )
    found = genai.list_models()
    assert [next(found).name for _ in range(length + 1)] == ["models/a"] * (length + 1)
    with pytest.raises(errors.BadAnswer, match="circle"):
        next(found)


def test_one_model(serve):
    """A model by its name, with or without prefix, and what nobody here knows of it."""
    serve(models)
    assert genai.get_model("a") == genai.get_model("models/a")
    assert genai.get_model("a").to_dict() == {"name": "models/a", "newField": 1}
    assert asyncio.run(genai.Client().get_model_async("a")).name == "models/a"
    assert asyncio.run(genai.get_model_async("a")).name == "models/a"
    with pytest.raises(errors.NotFound, match="No such model") as caught:
        genai.get_model("nowhere")
    assert "list_models" in caught.value.advice


def test_breaking_out_of_a_loop_hangs_up(serve):
    """After `break` the server sees the connection close."""
    server = serve(endless(chunk("a"), chunk("b")))
    response = genai.Client().stream("gemini-a", BODY)
    for piece in response:
        assert piece.text == "a"
        break
    assert server.calls[0].hung_up.wait(5)
    assert response.interrupted


def test_forgetting_a_response_hangs_up(serve):
    """A stream that nobody holds any more is stopped."""
    server = serve(endless(chunk("a")))
    response = genai.Client().stream("gemini-a", BODY)
    assert server.came.wait(5)
    del response
    gc.collect()
    assert server.calls[0].hung_up.wait(5)


def test_closing_a_response_hangs_up(serve):
    """`close()` stops a stream, and keeps what came."""
    server = serve(endless(chunk("a")))
    response = genai.Client().stream("gemini-a", BODY)
    iterator = iter(response)
    next(iterator)
    response.close()
    assert server.calls[0].hung_up.wait(5)
    assert response.parts[0].text == "a"


def test_breaking_out_of_an_async_loop_hangs_up(serve):
    """The same with `async for`."""
    server = serve(endless(chunk("a"), chunk("b")))

    async def read():
        response = await genai.Client().stream_async("gemini-a", BODY)
        async for piece in response:
            assert piece.text == "a"
            break
        return response

    asyncio.run(read())
    assert server.calls[0].hung_up.wait(5)


@pytest.mark.parametrize("form", ["generate_async", "stream_async"])
def test_cancelling_hangs_up(serve, form):
    """A cancelled task stops its request, whole or streamed."""
    server = serve(endless(chunk("a")))

    async def ask():
        answer = await getattr(genai.Client(), form)("gemini-a", BODY)
        await answer.resolve_async()

    async def cancelled():
        task = asyncio.create_task(ask())
        await asyncio.to_thread(server.came.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert server.calls[0].hung_up.wait(5)


def test_a_stream_begins_without_being_read(serve):
    """The request goes out at once; reading may come later."""
    server = serve(endless(chunk("a", "STOP")))
    response = genai.Client().stream("gemini-a", BODY)
    assert server.came.wait(5)
    assert not response.done
    response.close()


def test_many_threads_share_a_client(serve):
    """One client serves many threads at once."""
    server = serve()
    one = genai.Client()
    texts = []
    threads = [
        threading.Thread(target=lambda: texts.append(one.generate("gemini-a", BODY).text))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert texts == ["Hello world."] * 16
    assert len(server.calls) == 16


def test_many_calls_at_once_on_a_loop(serve):
    """Async calls run side by side."""
    both = threading.Barrier(2, timeout=5)

    def meet(call):
        return 200, {"content-type": "application/json"}, together()

    async def together():
        await asyncio.to_thread(both.wait)  # passes only when both calls are there
        yield json.dumps(chunk("met", "STOP")).encode()

    serve(meet)

    async def two():
        one = genai.Client()
        calls = (one.generate_async("gemini-a", BODY) for _ in range(2))
        return [answer.text for answer in await asyncio.gather(*calls)]

    assert asyncio.run(two()) == ["met", "met"]
