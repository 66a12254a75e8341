"""Executes chapters, remembers their outputs, and keeps two builders in step.

Jupyter Book can cache executions, but its cache looks at a chapter's own cells only:
after a change of `dlbook` or of a pinned package it would serve stale outputs. Here an
execution is stored under a fingerprint of everything that it depends on: the cells,
the sources of `dlbook`, the pinned packages and the version of Python. One file holds
one execution and is put in place in one step, so a build that is killed leaves nothing
half-written, and a damaged file is no more than a chapter that is executed again.

Before Sphinx reads the pages, the chapters among them that have no stored execution run
side by side, one on each core; reading a page then only fills in its outputs.

Sphinx reads each chapter once for both builders (notebooks and site). What one builder
read, the other must write, so this extension hands the names on in a small file.
"""

import asyncio
import hashlib
import json
import os
import re
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, NamedTuple

import myst_nb.core.execute as myst_nb_execute
import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from myst_nb.core.execute import ExecutionError, NotebookClientBase, create_client
from myst_nb.core.read import create_nb_reader
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from sphinx.util import logging

ROOT = Path(__file__).resolve().parent.parent
MOST_SIDE_BY_SIDE = 4  # chapters: each may hold a gigabyte
KEEP_FINGERPRINTS = 2  # so that switching between two branches executes nothing
KEEP_EXECUTIONS = 4  # of one chapter under one fingerprint
EXECUTION_TAGS = {"raises-exception", "skip-execution"}
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

logger = logging.getLogger(__name__)
failures: list[str] = []
"""The messages about failed cells of this process, for a summary at the end."""


def digest(paths, base: Path, *more: str) -> str:
    """Return a short hash of the files' names and contents, and of more strings."""
    total = hashlib.sha256("\0".join(more).encode())
    for path in sorted(paths):
        total.update(f"\0{path.relative_to(base).as_posix()}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def fingerprint(root: Path = ROOT) -> str:
    """Return the hash of what every execution depends on, whatever the chapter."""
    paths = [*root.glob("dlbook/**/*.py"), *root.glob("requirements.txt")]
    return digest(paths, root, "{}.{}".format(*sys.version_info))


def cells_key(notebook) -> str:
    """Return the hash of what is executed in a notebook: no prose, no captions."""
    kernel = notebook.metadata.get("kernelspec", {}).get("name", "")
    cells = [
        [cell.source, sorted(EXECUTION_TAGS & set(cell.metadata.get("tags", [])))]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    return hashlib.sha256(json.dumps([kernel, cells]).encode()).hexdigest()[:16]


def book_environment(root: Path = ROOT) -> dict[str, str]:
    """Return the environment for a program that works on the book.

    It finds `dlbook`, and idle threads sleep, which is much faster where several
    kernels share few cores.
    """
    paths = [str(root), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive"),
    }


def kernel_environment(root: Path = ROOT) -> dict[str, str]:
    """Return the environment in which kernels run a chapter for its stored outputs.

    Progress bars are for a person and do not belong there.
    """
    return book_environment(root) | {"TQDM_DISABLE": "1"}


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old text or the new, no half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


class Store:
    """Executions on disk: `<folder>/<fingerprint>/<part>.<chapter>-<cells>.json`."""

    def __init__(self, folder: Path, fingerprint: str):
        self.folder = Path(folder) / fingerprint

    def path(self, chapter: Path, notebook) -> Path:
        """Return where the execution of these cells is stored."""
        name = f"{chapter.parent.name}.{chapter.stem}-{cells_key(notebook)}.json"
        return self.folder / name

    def load(self, chapter: Path, notebook) -> dict | None:
        """Return the stored execution; None where there is no sound one."""
        path = self.path(chapter, notebook)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            counts = [count for count, _ in stored["outputs"]]
            seconds = float(stored["seconds"])
            metadata = dict(stored["metadata"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            counts = None
        if counts is None or len(counts) != len(code_cells(notebook)):
            say(f"  {chapter.stem}: the stored outputs are damaged, so it runs again")
            path.unlink(missing_ok=True)
            return None
        path.touch()
        outputs = nbformat.from_dict(stored["outputs"])
        return {"seconds": seconds, "metadata": metadata, "outputs": outputs}

    def save(self, chapter: Path, notebook, seconds: float) -> None:
        """Store what the cells printed, and drop the chapter's oldest executions."""
        path = self.path(chapter, notebook)
        kept = {"language_info", "widgets"} & set(notebook.metadata)
        stored = {
            "seconds": round(seconds, 2),
            "metadata": {key: notebook.metadata[key] for key in sorted(kept)},
            "outputs": counts_and_outputs(notebook),
        }
        write_whole(path, json.dumps(stored))
        same = self.folder.glob(f"{path.name.rpartition('-')[0]}-*.json")
        for old in newest_first(same)[KEEP_EXECUTIONS:]:
            old.unlink(missing_ok=True)

    def prune(self) -> None:
        """Drop the executions of all but the newest fingerprints."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.utime(self.folder)
        for old in newest_first(self.folder.parent.iterdir())[KEEP_FINGERPRINTS:]:
            for path in old.iterdir():
                path.unlink(missing_ok=True)
            old.rmdir()


def merge_streams(outputs) -> list:
    """Return outputs in which all that a cell printed is one piece for each stream.

    A kernel cuts what is printed where it likes. Were the pieces left, myst-nb would
    lengthen the first of them in place and keep the others, and the published notebook
    would hold those lines twice.
    """
    merged, streams = [], {}
    for output in outputs:
        first = streams.get(output.get("name"))
        if output.output_type == "stream" and first is not None:
            first.text += output.text
            continue
        if output.output_type == "stream":
            output = streams[output.name] = nbformat.from_dict(dict(output))
        merged.append(output)
    return merged


def newest_first(paths) -> list[Path]:
    """Sort paths by the time of their last change, newest first."""
    return sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)


def code_cells(notebook) -> list:
    """Return the cells that a kernel executes."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def counts_and_outputs(notebook) -> list[list]:
    """Return what an execution left in each code cell."""
    return [[cell.execution_count, cell.outputs] for cell in code_cells(notebook)]


def say(text: str, end: str = "\n") -> None:
    """Print at once, so that a person sees how far a build has come."""
    print(text, end=end, flush=True)


class Progress:
    """Lines for each executed chapter; a lone one counts its cells on a terminal."""

    def __init__(self, name: str, cells: int, live: bool):
        self.name, self.cells, self.done = name, cells, 0
        self.live = live and sys.stdout.isatty()
        self.begun = time.monotonic()
        say(f"  {name}: executing {cells} cells", end="" if self.live else "\n")

    def step(self, **_) -> None:
        """Note that the next cell starts."""
        self.done += 1
        if self.live:
            say(f"\r  {self.name}: cell {self.done} of {self.cells}\x1b[K", end="")

    def finish(self, verb: str) -> float:
        """Say how it ended and return the seconds it took."""
        seconds = time.monotonic() - self.begun
        start = "\r" if self.live else ""
        end = "\x1b[K" if self.live else ""
        say(f"{start}  {self.name}: {verb} in {seconds:.1f} s{end}")
        return seconds


class Failure(NamedTuple):
    """An execution that broke off, kept until Sphinx reads the chapter."""

    error: Exception
    index: int | None  # of the cell that failed; None where no kernel started
    outputs: list
    seconds: float


class ChapterClient(NotebookClientBase):
    """Executes a chapter and stores its outputs; fills it with them when it is read.

    It takes the place of myst-nb's client for `execute_notebooks: cache`.
    """

    root, source, only = ROOT, Path(), ""
    fingerprint = ""
    failed: ClassVar[dict[str, Failure]] = {}

    def start_client(self) -> None:
        """Give every code cell its outputs; report the cell that fails."""
        failure = self.failed.pop(self.name, None)
        if failure is not None:
            self.fill(failure.outputs)
            self.report(failure)
        elif stored := self.stored():
            self.notebook.metadata.update(nbformat.from_dict(stored["metadata"]))
            self.fill(stored["outputs"])
            self.note(stored["seconds"])
        for cell in code_cells(self.notebook):
            cell.outputs = merge_streams(cell.get("outputs", []))

    @property
    def name(self) -> str:
        """The chapter's name, as in _toc.yml."""
        path = self.path.resolve()
        if path.is_relative_to(self.source):
            path = path.relative_to(self.source)
        return path.with_suffix("").as_posix()

    @property
    def store(self) -> Store:
        """Where executions are kept."""
        return Store(self.nb_config.execution_cache_path, self.fingerprint)

    def stored(self) -> dict | None:
        """Return the stored execution of these cells; None where there is none."""
        return self.store.load(self.path, self.notebook)

    def fill(self, outputs: list) -> None:
        """Give every code cell its execution count and outputs."""
        cells = code_cells(self.notebook)
        for cell, (count, printed) in zip(cells, outputs, strict=True):
            cell.execution_count, cell.outputs = count, printed

    async def execute(self, live: bool) -> None:
        """Run the cells in a fresh kernel; store the outputs, or keep the failure."""
        progress = Progress(self.name, len(code_cells(self.notebook)), live)
        begun = []

        def starts(cell, cell_index):
            begun.append(cell_index)
            progress.step()

        client = NotebookClient(
            self.notebook,
            timeout=self.nb_config.execution_timeout,
            allow_errors=self.nb_config.execution_allow_errors,
            record_timing=False,  # times would differ from build to build
            on_cell_execute=starts,
            extra_arguments=["--log-level=40"],  # errors only: a person reads along
        )
        where = TemporaryDirectory() if self.nb_config.execution_in_temp else None
        try:
            with where or nullcontext(str(self.path.parent)) as folder:
                client.resources["metadata"] = {"path": folder}
                await client.async_execute(env=kernel_environment(self.root))
        except (
            CellExecutionError,
            CellTimeoutError,
            DeadKernelError,
            NoSuchKernel,
            RuntimeError,
        ) as error:
            seconds = progress.finish("FAILED")
            index = begun[-1] if begun else None
            outputs = counts_and_outputs(self.notebook)
            self.failed[self.name] = Failure(error, index, outputs, seconds)
        else:
            seconds = progress.finish("executed")
            self.store.save(self.path, self.notebook, seconds)

    def report(self, failure: Failure) -> None:
        """Say which cell of which chapter failed, and why."""
        error, index = failure.error, failure.index
        if index is None:
            message = f"{self.name}: no kernel could be started: {error}"
            line = None
        else:
            failed, cells = self.notebook.cells[index], code_cells(self.notebook)
            number = 1 + next(i for i, cell in enumerate(cells) if cell is failed)
            source = failed.source.strip()
            first = source.splitlines()[0] if source else ""
            line = self.cell_line(index)
            message = (
                f"{self.name}: cell {number} of {len(cells)} failed: "
                f"{self.reason(error)}\n"
                f"The cell begins, after line {line}, with: {first}"
            )
            if isinstance(error, CellExecutionError):
                trace = error_traceback(failed) or error.traceback
                message += f"\n{ANSI.sub('', trace).rstrip()}"
        failures.append(message)
        self.logger.warning(message, subtype="exec", line=line)
        self.note(failure.seconds, error)
        if self.nb_config.execution_raise_on_error:
            raise ExecutionError(str(self.path)) from error

    def reason(self, error: Exception) -> str:
        """Return what went wrong in one line."""
        if isinstance(error, CellTimeoutError):
            return f"it ran longer than {self.nb_config.execution_timeout} s"
        if isinstance(error, DeadKernelError):
            return "its kernel died (out of memory?)"
        if isinstance(error, CellExecutionError):
            value = ANSI.sub("", error.evalue).strip().splitlines()
            return f"{error.ename}: {value[0] if value else ''}"
        return str(error)

    def note(self, seconds: float, error: Exception | None = None) -> None:
        """Leave the measured time where the page can show it."""
        self.exec_metadata = {
            "mtime": time.time(),
            "runtime": seconds,
            "method": self.nb_config.execution_mode,
            "succeeded": error is None,
            "error": type(error).__name__ if error else None,
            "traceback": None,  # it is in the message already
        }


def error_traceback(cell) -> str:
    """Return the traceback among a cell's outputs, or nothing."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            return "\n".join(output.traceback)
    return ""


def configure(app, config) -> None:
    """Find out what executions depend on before Sphinx decides what to read."""
    root = Path(config.execution_root).resolve()
    print_of_all = fingerprint(root)
    if not config.nb_execution_cache_path:
        config.nb_execution_cache_path = str(Path(app.outdir).parent / ".executed")
    ChapterClient.root = root
    ChapterClient.source = Path(app.srcdir).resolve()
    ChapterClient.only = config.execution_only
    ChapterClient.fingerprint = print_of_all
    # Where one of these changes, every page is read anew (from stored outputs).
    sources = [*(ROOT / "press").rglob("*.py")]
    toc = Path(app.srcdir) / getattr(config, "external_toc_path", "")
    shape = toc.read_text(encoding="utf-8") if toc.is_file() else ""
    where = os.environ.get("GITHUB_REPOSITORY", "")  # the notebooks link to their site
    config.execution_fingerprint = digest(sources, ROOT, print_of_all, shape, where)


def unread(app, env, names) -> list[ChapterClient]:
    """Return a client for each of these pages that must be executed to be read."""
    clients = []
    for name in names:
        path = env.doc2path(name)
        text = Path(path).read_text(encoding="utf-8")
        reader = create_nb_reader(path, env.myst_config, env.mystnb_config, text)
        if reader is None:  # a page without cells
            continue
        client = create_client(
            reader.read(text), str(path), env.mystnb_config, logger, reader.read_fmt
        )
        wanted = isinstance(client, ChapterClient) and client.only in ("", client.name)
        if wanted and client.stored() is None:
            clients.append(client)
    return clients


def execute_side_by_side(app, env, names) -> None:
    """Execute what the pages about to be read need, one chapter on each core.

    Sphinx reads one page after another. Were each executed when it is read, all cores
    but one would idle, since a chapter computes in one thread.
    """
    clients = unread(app, env, names)
    cores = min(os.cpu_count() or 1, MOST_SIDE_BY_SIDE)

    async def execute_all():
        free = asyncio.Semaphore(cores)

        async def execute(client):
            async with free:
                await client.execute(live=len(clients) == 1)

        await asyncio.gather(*map(execute, clients))

    asyncio.run(execute_all())


def prune(app) -> None:
    """Forget the executions of old fingerprints."""
    Store(Path(app.config.nb_execution_cache_path), ChapterClient.fingerprint).prune()


def reread_only(app, *_) -> list[str]:
    """With `execution_only`, read that chapter in any case."""
    return [app.config.execution_only] if app.config.execution_only else []


def labels_digest(env) -> str:
    """Return a hash of what pages show of each other: titles, numbers and labels."""
    std, math = env.domaindata.get("std", {}), env.domaindata.get("math", {})
    titles = {name: title.astext() for name, title in env.titles.items()}
    shown = [
        titles,
        env.toc_secnumbers,
        env.toc_fignumbers,
        std.get("labels"),
        std.get("anonlabels"),
        math.get("objects"),
    ]
    text = json.dumps(shown, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class InStep:
    """Makes each of several builders over one set of doctrees write all it must.

    Sphinx reads a changed chapter once, for the builder that comes first; the other one
    would take its own output for fresh. Nor does Sphinx write a page again when a
    chapter that it refers to, or lists beside it, has a new title or number.
    """

    def __init__(self, app):
        self.app, self.builder = app, app.builder
        self.file = Path(app.doctreedir) / "in_step.json"
        self.read: set[str] = set()
        try:
            self.state = json.loads(self.file.read_text(encoding="utf-8"))
            self.mine = set(self.state[self.builder.name]["pending"])
        except (OSError, ValueError, KeyError, TypeError):
            self.state, self.mine = self.sound_state(), set()
        self.get_outdated_docs = self.builder.get_outdated_docs
        self.write = self.builder.write
        self.builder.get_outdated_docs = self.outdated
        self.builder.write = self.write_all
        app.connect("build-finished", self.finish)

    def sound_state(self) -> dict:
        """Return what is known of the other builders, where that can be read."""
        state = getattr(self, "state", {})
        return state if isinstance(state, dict) else {}

    def outdated(self):
        """Add what the other builder read to what this one finds outdated."""
        found = self.get_outdated_docs()
        if isinstance(found, str):
            return found
        return {*found, *self.mine} & self.app.env.found_docs

    def write_all(self, build_docnames, updated_docnames, method="update"):
        """Write what changed, or all pages where titles or numbers have changed."""
        self.read = set(updated_docnames)
        known = self.state.get(self.builder.name, {}).get("labels")
        if method == "update" and known != labels_digest(self.app.env):
            build_docnames = None
        return self.write(build_docnames, updated_docnames, method)

    def finish(self, app, exception) -> None:
        """Remember what was written, what the others must write, and what is gone."""
        if exception is not None or app.config.execution_only:
            return
        docs = sorted(app.env.found_docs)
        for other in self.state.values():
            other["pending"] = sorted({*other["pending"], *self.read})
        for gone in {*self.state.get(self.builder.name, {}).get("docs", [])} - {*docs}:
            for path in Path(app.outdir, gone).parent.glob(f"{Path(gone).name}.*"):
                path.unlink()
        self.state[self.builder.name] = {
            "pending": [],
            "labels": labels_digest(app.env),
            "docs": docs,
        }
        write_whole(self.file, json.dumps(self.state))


def setup(app):
    """Register with Sphinx."""
    myst_nb_execute.NotebookClientCache = ChapterClient
    app.add_config_value("execution_root", str(ROOT), "")
    app.add_config_value("execution_only", "", "")
    app.add_config_value("execution_fingerprint", "", "env")
    app.connect("config-inited", configure)
    app.connect("builder-inited", prune)
    app.connect("builder-inited", InStep)
    app.connect("env-get-outdated", reread_only)
    app.connect("env-before-read-docs", execute_side_by_side)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
