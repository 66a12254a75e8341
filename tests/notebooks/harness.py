"""nbval as the book needs it: a fresh kernel, no network, every output compared.

Plain nbval leaves three holes, and each is closed here. It skips images; it runs cells
outside the history, where a trailing `;` silences nothing; and it compares nothing
where `execution_count` is null.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from nbval.kernel import RunningKernel
from nbval.plugin import (
    IPyNbCell,
    IPyNbFile,
    find_comment_markers,
    find_metadata_tags,
)

OFFLINE = Path(__file__).resolve().parent / "offline"
DEAD_PROXY = "http://127.0.0.1:9"
REASON = "reason-"

# Variables of the test run that would change what a kernel finds or prints.
DROPPED = ("PYTHONPATH", "PYTHONSTARTUP", "MPLBACKEND", "PYTEST_CURRENT_TEST")
# Their keys differ from run to run by design, and no reader sees them.
NOT_COMPARED = (
    "metadata",
    "traceback",
    "prompt_number",
    "output_type",
    "name",
    "execution_count",
    "application/vnd.jupyter.widget-view+json",
)


def published_notebooks(build):
    """The notebooks that a build published, sorted by path."""
    folder = Path(build) / "notebooks"
    return sorted(
        path
        for path in folder.rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    )


def missing_notebooks(build):
    """One sentence on why there is nothing to run, or "" when there is."""
    folder = Path(build) / "notebooks"
    if not folder.is_dir():
        return f"There are no published notebooks in {folder}: run `make book` first."
    if not published_notebooks(build):
        return f"{folder} holds no notebook: the build published none, so none is run."
    return ""


def kernel_environment():
    """The environment of a notebook's kernel: no repository, no network."""
    env = {key: value for key, value in os.environ.items() if key not in DROPPED}
    env["PYTHONPATH"] = str(OFFLINE)
    env["TQDM_DISABLE"] = "1"  # as in the build
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        env[name] = env[name.upper()] = DEAD_PROXY
    env["no_proxy"] = env["NO_PROXY"] = "localhost,127.0.0.1,::1"
    return env


class _OneKernelSpec(KernelSpecManager):
    """Knows one kernel: the given Python."""

    def __init__(self, python):
        super().__init__()
        self.python = str(python)

    def get_kernel_spec(self, kernel_name):
        return KernelSpec(
            argv=[self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
        )


class OfflineKernel(RunningKernel):
    """A kernel of `python` that starts in `folder` with the network cut off."""

    def __init__(self, python, folder, startup_timeout=120):
        self.km = KernelManager(
            kernel_name="python3", kernel_spec_manager=_OneKernelSpec(python)
        )
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.km.start_kernel(
            cwd=str(folder),
            env=kernel_environment(),
            stderr=self.errors,
            # As nbclient does in the build: no history on disk.
            extra_arguments=["--HistoryManager.hist_file=:memory:"],
        )
        self.kc = self.km.client()
        self.kc.start_channels()
        try:
            self.kc.wait_for_ready(timeout=startup_timeout)
        except RuntimeError as error:
            self.kc.stop_channels()
            self.km.shutdown_kernel(now=True)
            self.errors.seek(0)
            raise RuntimeError(
                f"The kernel of {python} did not start: {self.errors.read()[-2000:]}"
            ) from error
        self._ensure_iopub_up()

    def execute_cell_input(self, cell_input, allow_stdin=None):
        """Run a cell as Jupyter does: with history, so that a last `;` silences."""
        return self.kc.execute(
            cell_input, store_history=True, allow_stdin=False, stop_on_error=False
        )

    def stop(self):
        """Stop the kernel and close the file that took its messages."""
        super().stop()
        self.errors.close()


class PublishedNotebook(IPyNbFile):
    """One notebook, run in a fresh kernel of `python` in an empty folder."""

    def __init__(self, *args, python=sys.executable, **kwargs):
        super().__init__(*args, **kwargs)
        self.python = python
        self.skip_compare = NOT_COMPARED

    def find_python(self):
        """The interpreter of the kernel; a callable is asked when it is needed."""
        return self.python() if callable(self.python) else self.python

    def collect(self):
        """One test for each code cell; none goes unchecked as "not run"."""
        for item in super().collect():
            if item.cell.execution_count is None:
                item.cell.execution_count = 0
            yield item

    def setup(self):
        """Start the kernel where no file of the book is beside it."""
        self.folder = tempfile.TemporaryDirectory(prefix="notebook-")
        self.kernel = OfflineKernel(self.find_python(), self.folder.name)
        self.setup_sanitize_files()

    def setup_sanitize_files(self):
        """Forgive IPython 7 the line break that it adds after a picture's base64."""
        super().setup_sanitize_files()
        self.sanitize_patterns[r"\A((?:iVBORw0K|/9j/)[A-Za-z0-9+/=\n]*?)\n\Z"] = r"\1"

    def teardown(self):
        """Stop the kernel and remove its folder."""
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


class Sentence(pytest.Item):
    """A test that fails with one sentence."""

    def __init__(self, *, sentence, **kwargs):
        super().__init__(**kwargs)
        self.sentence = sentence

    def runtest(self):
        """Fail."""
        pytest.fail(self.sentence, pytrace=False)

    def reportinfo(self):
        """Where pytest says that this test is."""
        return self.path, None, self.name


def exemptions(notebook):
    """Cells that nbval leaves alone or only partly checks.

    Returns
    -------
    list of (int, list of str, str)
        Number among the code cells, what is switched off, and the reason given in a
        tag `reason-…` ("" where there is none).
    """
    found = []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells):
        markers = dict(find_metadata_tags(cell.metadata))
        markers.update(find_comment_markers(cell.source))
        off = [
            name
            for name, value in markers.items()
            if not (name == "check" and value is True)
        ]
        if off:
            tags = cell.metadata.get("tags", [])
            reasons = [tag for tag in tags if tag.startswith(REASON)]
            found.append((number, off, " ".join(reasons)))
    return found


def exemption_report(build):
    """Lines for the end of a test run: notebooks, cells, and cells left alone."""
    count, lines = 0, []
    paths = published_notebooks(build)
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        count += sum(cell.cell_type == "code" for cell in notebook.cells)
        for number, off, reason in exemptions(notebook):
            lines.append(f"  {path.name} cell {number}: {', '.join(off)} ({reason})")
    head = (
        f"{len(paths)} published notebooks with {count} code cells; "
        f"{len(lines)} cells are not fully compared"
    )
    return [head + (":" if lines else "."), *lines]


__all__ = [
    "IPyNbCell",
    "OfflineKernel",
    "PublishedNotebook",
    "Sentence",
    "exemption_report",
    "exemptions",
    "missing_notebooks",
    "published_notebooks",
]
