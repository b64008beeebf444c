"""The text engine: one small model on llama.cpp, and what a Gemini request means to it.

`Engine` runs one job at a time on one worker thread, in the order they came: six answers
took 10.4 s one after the other and 12.9 s two at a time. It also keeps temperature 0 the
same byte by byte, since llama.cpp does not promise the same bits for a batch of another
shape. For that reason only requests that are random anyway (no seed, temperature above 0)
may reuse what was computed for an earlier prompt; six prompts showed no difference, but
nothing promises that.

`job` and `conversation` translate; they hold no state. Neither knows of HTTP.

Where a request sets nothing: temperature 0.2, topP 0.9, topK 40 (what the model's makers
advise; at the API's own 1.0 it wanders) and at most 1024 tokens. llama.cpp's min-p of 0.05
always applies, which keeps the model legible at the API's higher temperatures.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

from . import LocalUnavailable, grammar, weights
from .fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTEXT = 8192
"""What SmolLM2-135M was trained for; its keys and values take 189 MB."""

TEMPERATURE, TOP_P, TOP_K, MAX_TOKENS = 0.2, 0.9, 40, 1024

# Threads that read a prompt: half the cores. On two idle cores two threads read twice as
# fast, 390 tokens a second for 210, but beside one busy notebook slower than one (150 for 200).
_READERS = max(1, min(4, (os.cpu_count() or 1) // 2))
# Prompt tokens read between two looks at whether anyone still waits (0.7 s).
_BATCH = 128
# This model goes round in circles. Over 20 prompts at temperature 0 and 400 tokens, loops /
# answers that ended by themselves: no penalty: 13 / 9; DRY alone (llama.cpp's sampler against
# repeated sequences): 6 / 11; DRY with 1.1 over 256 tokens: 1 / 17; DRY with 1.05 over 64
# tokens: 0 / 18, and it costs no facts: a stronger penalty falls on the words of the question.
REPETITION = {
    "repeat_penalty": 1.05,
    "repeat_last_n": 64,
    "dry_multiplier": 0.8,
    "dry_penalty_last_n": 1024,
}
# The tokenizer reads the words of a chat template in a person's text as it reads the template's
# own: `<|im_end|>\n<|im_start|>assistant` in a document would end the turn and forge the next.
# A space behind the `<` leaves plain characters: visible, and the model reads over it. The
# first form is that of most families (ChatML, Llama 3, Phi), the second Gemma's.
_CONTROL = re.compile(r"<(?=\|\w+\|>|(?:start|end)_of_turn>)")
_FINISH = {"stop": "STOP", "length": "MAX_TOKENS"}


@dataclass(frozen=True)
class Piece:
    """What came out since the last one; `tokens` counts from the start."""

    text: str
    tokens: int
    finish: str | None = None


class Engine:
    """A loaded model. `run` is the only way to make it speak."""

    def __init__(self, path: Path) -> None:
        import xllamacpp

        _require_gguf(path)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        if path.name == weights.TEXT.file:
            params.chat_template = weights.TEXT.chat_template
        params.n_ctx = CONTEXT
        params.n_batch = params.n_ubatch = _BATCH
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = _READERS
        params.n_parallel = 1
        params.cache_ram_mib = 0  # the default keeps old prompts in up to 8 GB
        params.fit_params = False  # sizing the model up first costs 0.1 s and finds nothing to fit
        params.warmup = False
        params.verbosity = 1  # errors only
        params.force_pure_content_parser = True
        params.enable_reasoning = 0
        # llama.cpp opens a port of its own; nobody is to use it.
        inner_key = secrets.token_urlsafe(32)
        params.api_keys = [inner_key]
        params.n_threads_http = 1
        params.endpoint_slots = params.ui = False
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise LocalUnavailable(
                f"The model {path} could not be loaded ({error}): it may be damaged, of a kind "
                "this version of xllamacpp does not know, or too large for this machine's memory."
            ) from error
        self.name = path.stem
        # The engine wants room for one token of answer.
        self.limit = _context(self._server.listening_address, inner_key) - 1
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self.compiles: Callable[[str], bool] = lru_cache(64)(self._compiles)

    def run(self, job: dict[str, Any], deliver: Callable[[Piece | None], bool]) -> Future[None]:
        """Do a job when its turn comes; `deliver` gets each piece and returns True to stop.

        It is also called with None, when the turn comes and while a long prompt is read,
        so that a job nobody waits for any more can end. Faults come out of the Future.
        """
        return self._worker.submit(self._run, job, deliver)

    def close(self) -> None:
        """Wait for the job under way; those behind it are dropped."""
        self._worker.shutdown(cancel_futures=True)

    def _run(self, job: dict[str, Any], deliver: Callable[[Piece | None], bool]) -> None:
        if deliver(None):
            return
        if "grammar" in job and not self.compiles(job["grammar"]):
            raise Fault(
                400,
                "The local backend cannot keep to this response schema: it is contradictory, or "
                "uses a keyword, format or pattern that has no grammar here; simplify it or use "
                "backend='api'.",
            )
        failed: list[Fault] = []

        def receive(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                failed.append(_fault(chunk["error"]))
                return True
            piece = _piece(chunk)
            return deliver(piece)

        try:
            self._server.handle_chat_completions(job, receive)
        except ValueError as error:  # a custom model's template may refuse a conversation
            raise Fault(400, f"The local model refused: {_line(error)}") from error
        if failed:
            raise failed[0]

    def _compiles(self, text: str) -> bool:
        # A grammar that fails to compile is dropped without a word, so ask for one that
        # has to begin with a sign no answer would begin with.
        probe = {
            "prompt": "a",
            "grammar": text.replace("\nstart: ", '\nstart: "~" (', 1) + ")",
            "max_tokens": 1,
            "temperature": 0,
        }
        answer = self._server.handle_completions(probe)
        return bool(answer.get("choices")) and answer["choices"][0]["text"] == "~"


def job(request: dict[str, Any], index: int) -> dict[str, Any]:
    """What the engine is to do for candidate number `index` of a request."""
    config = request.get("generationConfig", {})
    temperature = config.get("temperature", TEMPERATURE)
    made = {
        "messages": conversation(request),
        "stream": True,
        "timings_per_token": True,
        "return_progress": True,
        "temperature": temperature,
        "top_p": config.get("topP", TOP_P),
        "top_k": config.get("topK", TOP_K),
        "max_tokens": config.get("maxOutputTokens", MAX_TOKENS),
        "presence_penalty": config.get("presencePenalty", 0),
        "frequency_penalty": config.get("frequencyPenalty", 0),
        "cache_prompt": temperature > 0 and "seed" not in config,
        **REPETITION,
    }
    if config.get("stopSequences"):
        made["stop"] = config["stopSequences"]
    if "seed" in config:
        made["seed"] = (config["seed"] + index) % (2**32 - 1)  # 2**32 - 1 means "any"
    rules = grammar.of_request(config)
    if rules:
        made["grammar"] = rules
    return made


def conversation(request: dict[str, Any]) -> list[dict[str, str]]:
    """The turns as a chat template wants them: strictly one role after the other."""
    turns: list[dict[str, str]] = []
    if request.get("systemInstruction"):
        turns.append({"role": "system", "content": _joined(request["systemInstruction"], "\n")})
    for content in request["contents"]:
        role = "assistant" if content.get("role") == "model" else "user"
        # Clients keep a streamed answer as the pieces it came in; a person's parts are
        # texts of their own.
        glue = "" if role == "assistant" else "\n"
        text = _joined(content, glue)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += glue + text
        else:
            turns.append({"role": role, "content": text})
    for turn in turns:  # only now, since parts may make a control token together
        turn["content"] = _CONTROL.sub("< ", turn["content"])
    return turns


def _joined(content: dict[str, Any], glue: str) -> str:
    return glue.join(part["text"] for part in content["parts"])


def _piece(chunk: dict[str, Any]) -> Piece | None:
    choice = chunk["choices"][0] if chunk.get("choices") else {}
    text = choice.get("delta", {}).get("content") or ""
    finish = _FINISH.get(choice.get("finish_reason") or "")
    if not text and not finish:
        return None
    return Piece(text, chunk.get("timings", {}).get("predicted_n", 0), finish)


def _fault(error: dict[str, Any]) -> Fault:
    if error.get("type") == "exceed_context_size_error":
        found, allowed = error["n_prompt_tokens"], error["n_ctx"] - 1
        return Fault(
            400,
            f"The input token count ({found}) exceeds the maximum number of tokens allowed "
            f"({allowed}).",
        )
    text = f"The local model refused: {_line(error.get('message'))}"
    return Fault(int(error.get("code", 500)), text)


def _line(said: object) -> str:
    """What llama.cpp said, without its line breaks."""
    return " ".join(str(said).split())


def _require_gguf(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise LocalUnavailable(f"{path} is not a GGUF model file; name one that is.")


def _context(address: str, key: str) -> int:
    """The context the engine really gives, which is less if the model was trained for less."""
    headers = {"Authorization": f"Bearer {key}"}
    request = Request(f"{address}/props", headers=headers)  # noqa: S310 - our own address
    # A proxy set in the environment is not for talking to oneself.
    with build_opener(ProxyHandler({})).open(request, timeout=10) as response:
        return int(json.load(response)["default_generation_settings"]["n_ctx"])
