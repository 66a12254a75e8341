"""Builds the notebooks and the site, both in one process, and says what is wrong.

It does what `jupyter-book build chapters -W --keep-going` does, for each builder, but
says less while all goes well, and ends with the failed cell when one fails.
"""

import contextlib
import io
import os
import shutil
import sys
import time
import traceback
from pathlib import Path

from press.execution import ANSI, ROOT, say

SITE, NOTEBOOKS = "html", "notebooks"
CRASH = "Exception occurred"
WHAT = {SITE: "site", NOTEBOOKS: "notebooks", "linkcheck": "list of links"}


class Problem(Exception):
    """Something that the person at the keyboard can mend; its text says how."""


class Warnings(io.StringIO):
    """Collects what Sphinx warns of, one text for each warning."""

    def __init__(self):
        super().__init__()
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        """Keep one warning."""
        plain = ANSI.sub("", text).strip()
        if plain and plain not in self.texts:
            self.texts.append(plain)
        return len(text)


class Book:
    """A book's sources, and the folder that it is built into."""

    def __init__(self, root: Path = ROOT, out: Path | None = None):
        self.root = Path(root).resolve()
        self.chapters = self.root / "chapters"
        self.config = self.root / "_config.yml"
        self.toc = self.root / "_toc.yml"
        self.out = Path(out).resolve() if out else self.root / "_build"

    def names(self) -> list[str]:
        """Return the names of all pages in the order of _toc.yml."""
        from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

        try:
            return list(parse_toc_yaml(self.toc))
        except MalformedError as error:
            raise Problem(f"_toc.yml cannot be read: {error}") from error

    def build(self, builders=(NOTEBOOKS, SITE), only: str = "") -> None:
        """Build the book, or `only` one chapter; raise Problem when anything is wrong.

        The site gets a copy of the notebooks, which its buttons offer for download.
        """
        source = self.source(only) if only else None
        with one_at_a_time(self.out):
            out = self.out / "chapter" if only else self.out
            begun = time.monotonic()
            with contextlib.nullcontext() if only else start_clean_after_a_failure(out):
                for builder in builders:
                    self.run(builder, out, source)
                if SITE in builders and (out / NOTEBOOKS).is_dir() and not only:
                    copy_folder(out / NOTEBOOKS, out / SITE / NOTEBOOKS)
            say(f"All done in {time.monotonic() - begun:.1f} s.")

    def run(self, builder: str, out: Path, source: Path | None) -> None:
        """Run one of Sphinx's builders and raise Problem if it warns."""
        only = self.name(source) if source else ""
        from jupyter_book.sphinx import build_sphinx

        from press import execution

        begun, what = time.monotonic(), WHAT.get(builder, builder)
        say(f"Building the {what}")
        execution.failures.clear()
        overrides = {
            "external_toc_path": self.toc.as_posix(),
            "latex_individualpages": False,
            "nb_execution_cache_path": str(self.out / ".executed"),
            "execution_only": only,
        }
        warnings = Warnings()
        with contextlib.redirect_stderr(warnings):
            result = build_sphinx(
                self.chapters,
                out / builder,
                noconfig=True,
                path_config=self.config,
                confoverrides=overrides,
                builder=builder,
                filenames=[str(source)] if source else None,
                warningiserror=True,
                keep_going=True,
                quiet=True,
            )
        seen = warnings.texts
        if only:
            seen = [text for text in seen if self.concerns(text, source)]
            result = result if isinstance(result, Exception) else len(seen)
        if result:
            raise Problem(self.explain(seen, execution.failures, result))
        if seen:  # messages of libraries, which do not fail the build
            say("\n".join(seen))
        say(f"Built the {what} in {time.monotonic() - begun:.1f} s")

    def source(self, name: str) -> Path:
        """Return the file of a chapter; raise Problem for an unknown name."""
        known = self.names()
        if name not in known:
            raise Problem(
                f"There is no chapter {name!r} in _toc.yml; "
                f"the known ones are: {', '.join(known)}."
            )
        return self.chapters / f"{name}.md"

    def name(self, source: Path) -> str:
        """Return the name of a chapter's file."""
        return source.relative_to(self.chapters).with_suffix("").as_posix()

    def concerns(self, warning: str, source: Path) -> bool:
        """Tell whether a warning is about this chapter, or about none in particular."""
        if "search index couldn't be loaded" in warning:
            return False  # a single chapter has none
        location = warning.partition(": ")[0]
        return location.startswith(str(source)) or not location.startswith(
            str(self.chapters)
        )

    def explain(self, warnings: list[str], failures: list[str], result) -> str:
        """Return what is wrong: warnings first, the failed cells at the very end."""
        crash = [i for i, text in enumerate(warnings) if text.startswith(CRASH)]
        if isinstance(result, Exception) and crash:
            warnings = warnings[: crash[0]]  # what follows is Sphinx on the traceback
        others = [
            text.replace(f"{self.root}{os.sep}", "")
            for text in warnings
            if not any(failure in text for failure in failures)
            and not text.startswith("build finished with problems")
        ]
        if isinstance(result, KeyboardInterrupt):
            return "Stopped."
        lines = []
        if others:
            many = "1 warning" if len(others) == 1 else f"{len(others)} warnings"
            follow = ", some perhaps because of the failed cell" if failures else ""
            lines += [f"{many}{follow}:", *others, ""]
        for failure in failures:
            lines += ["-" * 72, failure, ""]
        if isinstance(result, Exception):
            lines += ["".join(traceback.format_exception(result, limit=-3))]
        heads = [failure.splitlines()[0] for failure in failures]
        if isinstance(result, Exception):
            heads.append(f"{type(result).__name__}: {result}")
        why = "; ".join(heads) or "Every warning counts as an error: see above."
        lines.append(f"The build failed. {why}")
        return "\n".join(lines)


@contextlib.contextmanager
def start_clean_after_a_failure(out: Path):
    """Forget what Sphinx knows of a build that failed or was killed.

    Otherwise Sphinx would take the pages with the mistake for finished, and the next
    build would be green. What was executed stays, so starting clean costs seconds.
    """
    unfinished = out / ".unfinished"
    if unfinished.exists():
        say("The last build did not finish, so every page is read again.")
        shutil.rmtree(out / ".doctrees", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    yield
    unfinished.unlink()


@contextlib.contextmanager
def one_at_a_time(out: Path):
    """Let two builds into one folder wait for each other."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another build is at work in this folder: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder, leaving nothing of an older copy."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def prepare() -> None:
    """Make this process fit to build: steady output, quiet threads, plain text."""
    from sphinx.util.console import nocolor

    nocolor()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
