"""The commands behind the Makefile: `python -m press COMMAND`."""

import argparse
import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from press.build import NOTEBOOKS, SITE, Book, Problem, prepare
from press.execution import ROOT, book_environment, say

WATCHED = ("chapters", "dlbook", "press", "assets", "_config.yml", "_toc.yml")


def book(_) -> None:
    """Build the notebooks and the site."""
    made = Book()
    prepare()
    made.build()
    say(f"The book is at {made.out / SITE / 'index.html'}")


def notebooks(_) -> None:
    """Build the notebooks only."""
    made = Book()
    prepare()
    made.build([NOTEBOOKS])
    say(f"The notebooks are in {made.out / NOTEBOOKS}")


def chapter(arguments) -> None:
    """Execute and show one chapter."""
    made, name = Book(), arguments.name.removeprefix("chapters/").removesuffix(".md")
    if not name:
        known = ", ".join(made.names())
        raise Problem(f"Say which: make chapter NAME=…, one of: {known}.")
    prepare()
    made.build([SITE], only=name)
    say(f"The chapter is at {made.out / 'chapter' / SITE / name}.html")


def serve(arguments) -> None:
    """Build, serve the site on this machine, and build again when a file changes."""
    made = Book()
    handler = functools.partial(QuietHandler, directory=str(made.out / SITE))
    address = ("127.0.0.1", arguments.port)
    try:
        server = http.server.ThreadingHTTPServer(address, handler)
    except OSError as error:
        raise Problem(
            f"Port {arguments.port} is taken; choose another: make serve PORT=8123"
        ) from error
    seen = snapshot()
    rebuild()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f"The book is at http://127.0.0.1:{server.server_port}/ (Ctrl-C stops)")
    while True:
        time.sleep(1)
        now = snapshot()
        if now != seen:
            seen = now
            rebuild()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and reports only what is missing."""

    def log_request(self, code="-", size="-"):
        """Print a request that failed."""
        if str(code) >= "400":
            super().log_request(code, size)

    def end_headers(self):
        """Keep the browser from showing a page that has since been built anew."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def rebuild() -> bool:
    """Build in a new process, which sees new code; tell if it went well."""
    return subprocess.call([sys.executable, "-m", "press", "book"], cwd=ROOT) == 0


def snapshot(root: Path = ROOT) -> dict[str, int]:
    """Return when each source was last changed."""
    changed = {}
    for name in WATCHED:
        top = root / name
        for path in [top, *(top.rglob("*") if top.is_dir() else [])]:
            hidden = any(part.startswith((".", "__")) for part in path.parts[-2:])
            if path.is_file() and (path.name == "__init__.py" or not hidden):
                with contextlib.suppress(OSError):
                    changed[str(path)] = path.stat().st_mtime_ns
    return changed


def lab(arguments) -> None:
    """Open JupyterLab, where a chapter's .md opens as a notebook."""
    command = [sys.executable, "-m", "jupyter", "lab", "--notebook-dir", str(ROOT)]
    command += ["--no-browser"] if arguments.headless else []
    command += arguments.options
    os.chdir(ROOT)
    os.execve(sys.executable, command, lab_environment())


def lab_environment(root: Path = ROOT) -> dict[str, str]:
    """Return JupyterLab's environment: the book's settings, beside a person's own.

    Its settings and window layouts are kept in .venv, so ~/.jupyter stays as it is.
    """
    own = Path(sys.prefix) / "share" / "book-lab"
    config = [str(root / "press" / "lab"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return book_environment(root) | {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, config)),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
    }


def report(_) -> None:
    """Print each chapter's time, weight and contents."""
    from press.report import main

    main(Book())


def links(_) -> None:
    """Try every link to another site; this needs the network."""
    made = Book()
    prepare()
    made.build(["linkcheck"])


def lint(arguments) -> None:
    """Check the chapters' structure."""
    from press.lint import main

    if main(arguments.paths):
        raise SystemExit(1)


def test(arguments) -> None:
    """Run every check, stopping at the first that fails; pytest comes last."""
    python = [sys.executable, "-m"]
    stages = {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "lint": [*python, "press", "lint"],
        "book": [*python, "press", "book"],
        "pytest": [*python, "pytest", "-n", "2", "--dist", "loadfile", "tests"],
    }
    stages["pytest"] += arguments.options
    for name, command in stages.items():
        say(f"== {name}")
        begun = time.monotonic()
        status = subprocess.call(command, cwd=ROOT, env=book_environment())
        if name != "pytest":  # its own summary, with its time, is the closing line
            say(f"== {name}: {time.monotonic() - begun:.1f} s")
        if status:
            if name != "pytest":
                say(f"make test stopped at its stage {name!r}.")
            raise SystemExit(status)


def clean(_) -> None:
    """Remove what was built; executions included."""
    out = Book().out
    shutil.rmtree(out, ignore_errors=True)
    say(f"Removed {out}")


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(prog="python -m press", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(function):
        summary = (function.__doc__ or "").splitlines()[0]
        one = commands.add_parser(function.__name__, help=summary, description=summary)
        one.set_defaults(run=function)
        return one

    for function in (book, notebooks, report, links, clean):
        add(function)
    add(chapter).add_argument("name", nargs="?", default="")
    add(serve).add_argument("--port", type=int, default=8000)
    add(lint).add_argument("paths", nargs="*", type=Path)
    add(test).add_argument("options", nargs=argparse.REMAINDER)
    one = add(lab)
    one.add_argument("--headless", action="store_true", help="open no browser")
    one.add_argument("options", nargs=argparse.REMAINDER)
    return top


def main(arguments=None) -> int:
    """Run one command; return 1 after a problem, said in the last line."""
    chosen = parser().parse_args(arguments)
    try:
        chosen.run(chosen)
    except Problem as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
