"""The official SDKs of Python with what the server keeps: files, caches and batches."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import io
import json
import time

import pytest

pytestmark = [
    pytest.mark.model,
    # Of the older SDK's own libraries, and of one method of the newer one.
    pytest.mark.filterwarnings("ignore:The argument `including_default_value_fields`"),
    pytest.mark.filterwarnings("ignore:batches.create_embeddings.. is experimental"),
]
MODEL = "gemini-3.8-flash"
TEXT = "The secret word is Bartholomew."
BRIEF = {"temperature": 0, "max_output_tokens": 20}
SECONDS = 60


@pytest.fixture
def document(tmp_path):
    """A small text on the disk."""
    path = tmp_path / "document.txt"
    path.write_text(TEXT)
    return path


def finished(batches, job):
    deadline = time.monotonic() + SECONDS
    while not job.done:
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
        job = batches.get(name=job.name)
    return job


def opened(path):
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return image


def digest(data):
    return base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()


def test_google_genai_uploads_and_asks(genai, document):
    """A file goes up, is found, is read in a prompt, is counted, and is gone."""
    file = genai.files.upload(file=document, config={"display_name": "Größe"})
    assert (file.display_name, file.state, file.mime_type) == ("Größe", "ACTIVE", "text/plain")
    assert file.sha256_hash == digest(TEXT.encode())
    assert file.expiration_time - file.create_time == dt.timedelta(hours=48)
    assert genai.files.get(name=file.name) == file
    question = [file, "What is the secret word?"]
    answer = genai.models.generate_content(model=MODEL, contents=question, config=BRIEF)
    assert "Bartholomew" in answer.text
    counted = genai.models.count_tokens(model=MODEL, contents=question)
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count
    genai.files.delete(name=file.name)
    errors = pytest.importorskip("google.genai.errors")
    with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED"):
        genai.files.get(name=file.name)
    with pytest.raises(errors.ClientError, match="do not have permission to access the File"):
        genai.models.generate_content(model=MODEL, contents=question)


def test_google_genai_uploads_in_chunks_and_lists(genai, tmp_path):
    """Two chunks of a large file under a chosen name; the list comes page by page."""
    data = bytes(range(256)) * 36_865
    large = tmp_path / "large.bin"
    large.write_bytes(data)
    config = {"name": "large-file", "mime_type": "application/octet-stream"}
    file = genai.files.upload(file=large, config=config)
    assert (file.name, file.size_bytes) == ("files/large-file", len(data))
    assert file.sha256_hash == digest(data)
    small = genai.files.upload(file=io.BytesIO(b""), config={"mime_type": "text/plain"})
    listed = [one.name for one in genai.files.list(config={"page_size": 1})]
    assert listed[:2] == [small.name, file.name]
    errors = pytest.importorskip("google.genai.errors")
    with pytest.raises(errors.ClientError, match="409 ALREADY_EXISTS"):
        genai.files.upload(file=large, config=config)
    for one in (file, small):
        genai.files.delete(name=one.name)


def test_google_genai_keeps_files_and_caches_on_a_loop(genai, document):
    """The same without blocking."""

    async def ask():
        aio = genai.aio
        file = await aio.files.upload(file=document)
        listed = [one.name async for one in await aio.files.list()]
        assert file.name in listed
        config = {"contents": [file], "ttl": "60s"}
        cache = await aio.caches.create(model=MODEL, config=config)
        await aio.files.delete(name=file.name)
        answer = await aio.models.generate_content(
            model=MODEL,
            contents="What is the secret word?",
            config={**BRIEF, "cached_content": cache.name},
        )
        assert "Bartholomew" in answer.text
        await aio.caches.delete(name=cache.name)
        job = await aio.batches.create(model=MODEL, src=[{"contents": "Hi", "config": BRIEF}])
        while not job.done:
            await asyncio.sleep(0.1)
            job = await aio.batches.get(name=job.name)
        assert job.dest.inlined_responses[0].response.text
        await aio.batches.delete(name=job.name)
        embedded = await aio.models.embed_content(model="gemini-embedding-001", contents="Hi")
        assert len(embedded.embeddings[0].values) == 512
        await aio.aclose()

    asyncio.run(ask())


def test_google_genai_sends_images(genai, picture):
    """Inline and as a file, an image is read; who read it is in the answer."""
    image = opened(picture)
    file = genai.files.upload(file=picture)
    for given in (image, file):
        question = [given, "What does the image say?"]
        answer = genai.models.generate_content(model=MODEL, contents=question, config=BRIEF)
        assert "Hello World" in answer.text
        assert "+" in answer.model_version
    genai.files.delete(name=file.name)


def test_google_genai_sends_images_on_a_loop(genai, picture):
    """The same without blocking, streamed."""

    async def ask():
        question = [opened(picture), "What does the image say?"]
        stream = await genai.aio.models.generate_content_stream(
            model=MODEL, contents=question, config=BRIEF
        )
        assert "Hello World" in "".join([chunk.text or "" async for chunk in stream])
        await genai.aio.aclose()

    asyncio.run(ask())


def test_google_genai_keeps_caches(genai):
    """Made, used, made to live longer, listed and gone."""
    config = {
        "contents": [TEXT],
        "system_instruction": "Answer in one sentence.",
        "ttl": "600s",
        "display_name": "d",
    }
    cache = genai.caches.create(model=MODEL, config=config)
    assert cache.expire_time - cache.create_time == dt.timedelta(minutes=10)
    use = {**BRIEF, "cached_content": cache.name}
    question = "What is the secret word?"
    answer = genai.models.generate_content(model=MODEL, contents=question, config=use)
    assert "Bartholomew" in answer.text
    usage = answer.usage_metadata
    assert usage.cached_content_token_count == cache.usage_metadata.total_token_count
    assert usage.prompt_token_count > usage.cached_content_token_count
    longer = genai.caches.update(name=cache.name, config={"ttl": "7200s"})
    assert longer.expire_time > cache.expire_time
    assert genai.caches.get(name=cache.name).expire_time == longer.expire_time
    assert cache.name in [one.name for one in genai.caches.list()]
    genai.caches.delete(name=cache.name)
    errors = pytest.importorskip("google.genai.errors")
    with pytest.raises(errors.ClientError, match="CachedContent not found"):
        genai.caches.get(name=cache.name)


def test_google_genai_runs_batches(genai):
    """Inline: answers with their metadata, and an error in its place."""
    requests = [
        {"contents": "What is the capital of France?", "config": BRIEF, "metadata": {"key": "a"}},
        {"contents": [{"role": "nobody", "parts": [{"text": "x"}]}]},
    ]
    job = genai.batches.create(model=MODEL, src=requests, config={"display_name": "d"})
    assert job.state == "JOB_STATE_PENDING"
    job = finished(genai.batches, job)
    assert (job.state, job.display_name) == ("JOB_STATE_SUCCEEDED", "d")
    good, bad = job.dest.inlined_responses
    assert "Paris" in good.response.text
    assert good.metadata == {"key": "a"}
    assert bad.error.code == 3
    assert job.name in [one.name for one in genai.batches.list()]
    genai.batches.delete(name=job.name)


def test_google_genai_runs_batches_of_files(genai):
    """Requests go up as lines and answers come down as lines."""
    line = {"key": "k", "request": {"contents": [{"parts": [{"text": "Hi"}]}]}}
    line["request"]["generation_config"] = {"maxOutputTokens": 3}
    lines = io.BytesIO(json.dumps(line).encode())
    source = genai.files.upload(file=lines, config={"mime_type": "jsonl"})
    job = finished(genai.batches, genai.batches.create(model=MODEL, src=source.name))
    assert job.dest.file_name.startswith("files/")
    answer = json.loads(genai.files.download(file=job.dest.file_name))
    assert answer["key"] == "k"
    assert answer["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_google_genai_cancels_batches(genai):
    """What has not begun never will."""
    many = [{"contents": "Write a long story.", "config": {"max_output_tokens": 200}}] * 20
    job = genai.batches.create(model=MODEL, src=many)
    genai.batches.cancel(name=job.name)
    assert genai.batches.get(name=job.name).state == "JOB_STATE_CANCELLED"
    genai.batches.delete(name=job.name)


def test_google_genai_embeds_in_batches(genai):
    """One vector for each text."""
    contents = {"contents": ["one", "two"], "config": {"output_dimensionality": 8}}
    job = genai.batches.create_embeddings(
        model="gemini-embedding-001", src={"inlined_requests": contents}
    )
    job = finished(genai.batches, job)
    found = job.dest.inlined_embed_content_responses
    assert [len(one.response.embedding.values) for one in found] == [8, 8]


@pytest.fixture
def uploader(older, endpoint, monkeypatch):
    """The older SDK, which uploads to what a document at a fixed address describes."""
    from google.generativeai import client

    url = f"{endpoint.base_url}/$discovery/rest"
    monkeypatch.setattr(client, "GENAI_API_DISCOVERY_URL", url)
    yield older
    client.get_default_file_client()._local.discovery_api.close()  # it leaves that to nobody


@pytest.mark.parametrize("resumable", [True, False])
def test_the_older_sdk_uploads_and_asks(uploader, document, resumable):
    """By ranges and by multipart, with a chosen name; found, listed, read and gone."""
    name = f"older-{str(resumable).lower()}"
    file = uploader.upload_file(document, name=name, resumable=resumable)
    assert (file.name, file.state.name) == (f"files/{name}", "ACTIVE")
    assert (file.display_name, file.size_bytes) == ("document.txt", len(TEXT))
    assert file.sha256_hash.decode() == hashlib.sha256(TEXT.encode()).hexdigest()
    assert uploader.get_file(name).uri == file.uri
    assert file.name in [one.name for one in uploader.list_files(page_size=1)]
    model = uploader.GenerativeModel(MODEL)
    question = [file, "What is the secret word?"]
    answer = model.generate_content(question, generation_config=BRIEF)
    assert "Bartholomew" in answer.text
    assert model.count_tokens(question).total_tokens == answer.usage_metadata.prompt_token_count
    file.delete()
    exceptions = pytest.importorskip("google.api_core.exceptions")
    with pytest.raises(exceptions.Forbidden):
        uploader.get_file(name)


def test_the_older_sdk_keeps_caches(older):
    """Made, used by a model made of it, changed, listed and gone."""
    caching = pytest.importorskip("google.generativeai.caching")
    cache = caching.CachedContent.create(
        model=MODEL, contents=[TEXT], ttl=dt.timedelta(minutes=5), display_name="d"
    )
    model = older.GenerativeModel.from_cached_content(cache)
    answer = model.generate_content("What is the secret word?", generation_config=BRIEF)
    assert "Bartholomew" in answer.text
    tokens = cache.usage_metadata.total_token_count
    assert answer.usage_metadata.cached_content_token_count == tokens
    before = cache.expire_time
    cache.update(ttl=dt.timedelta(hours=2))
    assert cache.expire_time > before
    assert cache.name in [one.name for one in caching.CachedContent.list()]
    assert caching.CachedContent.get(cache.name).display_name == "d"
    cache.delete()


def test_the_older_sdk_embeds(older):
    """One text and several."""
    model = "models/embedding-001"
    one = older.embed_content(model=model, content="hello", task_type="retrieval_query")
    assert len(one["embedding"]) == 512
    several = older.embed_content(model=model, content=["hello", "world"])
    assert several["embedding"][0] == pytest.approx(one["embedding"], abs=1e-6)


def test_the_older_sdk_sends_images(older, picture):
    """An image of PIL beside a question."""
    model = older.GenerativeModel(MODEL)
    question = [opened(picture), "What does the image say?"]
    answer = model.generate_content(question, generation_config=BRIEF)
    assert "Hello World" in answer.text
