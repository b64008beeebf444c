"""A real ipykernel, driven as a front end drives it."""

from __future__ import annotations

import os
import queue
import time
from typing import TYPE_CHECKING, Any, Self

from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 30.0  # seconds after which a test gives up


class Run:
    """One cell that was sent: its outputs as they come, and its reply."""

    def __init__(self, client: Any, code: str, *, allow_stdin: bool) -> None:
        self._client = client
        # A failure must not abort the next cell, which a test sends at once.
        self._id = client.execute(code, allow_stdin=allow_stdin, stop_on_error=False)
        self.outputs: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.idle = False

    def _step(self) -> None:
        message = self._client.get_iopub_msg(timeout=LIMIT)
        if message["parent_header"].get("msg_id") != self._id:
            return
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            self.idle = True
        elif kind == "update_display_data":
            self.updates.append(content)
        elif kind in ("display_data", "execute_result", "stream", "error"):
            self.outputs.append({"kind": kind, **content})

    def until(self, condition: Callable[[Run], Any]) -> Run:
        """Read what the kernel says until `condition` holds."""
        end = time.monotonic() + LIMIT
        while not condition(self):
            assert time.monotonic() < end, f"never came; outputs so far: {self.outputs}"
            try:
                self._step()
            except queue.Empty:
                continue
        return self

    def finish(self) -> Run:
        """Read to the end, and take the reply."""
        self.until(lambda run: run.idle)
        while True:
            reply = self._client.get_shell_msg(timeout=LIMIT)
            if reply["parent_header"].get("msg_id") == self._id:
                self.reply = reply["content"]
                return self

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(o["text"] for o in self.outputs if o["kind"] == "stream")

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The displays as a notebook would save them: each with its last update."""
        displays = [o for o in self.outputs if o["kind"] in ("display_data", "execute_result")]
        for update in self.updates:
            for display in displays:
                ours = display.get("transient", {}).get("display_id")
                if ours and ours == update["transient"]["display_id"]:
                    display["data"], display["metadata"] = update["data"], update["metadata"]
        return displays


class Kernel:
    """A kernel process; use it as a context."""

    def __init__(self, **env: str) -> None:
        clean = {
            k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")
        }
        self._env = {**clean, **env}

    def __enter__(self) -> Self:
        self.manager, self.client = start_new_kernel(
            kernel_name="python3", env=self._env, extra_arguments=["--log-level=40"]
        )
        # As VS Code does. Without a word about its cell, a request is a console's: see places.py.
        self.client.session.metadata = {"cellId": "cell"}
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def start(self, code: str, *, allow_stdin: bool = True) -> Run:
        """Send a cell, as a person's front end does (`allow_stdin`), or a runner."""
        return Run(self.client, code, allow_stdin=allow_stdin)

    def run(self, code: str, *, allow_stdin: bool = True) -> Run:
        """Send a cell and wait for its end."""
        return self.start(code, allow_stdin=allow_stdin).finish()

    def interrupt(self) -> None:
        """What the stop button does."""
        self.manager.interrupt_kernel()
