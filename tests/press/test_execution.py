"""What is executed, when, and what a reader is told: on a tiny book, with kernels."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(180)

CONFIG = """\
title: Tiny
author: Nobody
only_build_toc_files: true
execute: {{execute_notebooks: cache, timeout: 20, stderr_output: error}}
sphinx:
  extra_extensions: [press.execution]
  config: {{execution_root: "{root}"}}
"""
TOC = "{format: jb-book, root: index, chapters: [{file: part/one}, {file: part/two}]}"
CHAPTER = """\
---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{name: python3, display_name: Python 3, language: python}}
---
# Chapter {name}

Prose.

```{{code-cell}} ipython3
print("{name}")
```

```{{code-cell}} ipython3
from dlbook import double
print(double(21))
```
"""
# A server of builds: it imports Jupyter Book once, and each build is a fork of it.
SERVER = """\
import json, os, sys, traceback
from pathlib import Path
import jupyter_book.sphinx, sphinx_book_theme, myst_nb, sphinx_external_toc.parsing
from press.build import Book, Problem, prepare
prepare()
for line in sys.stdin:
    root, only, output = json.loads(line)
    child = os.fork()
    if child == 0:
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        status = 0
        try:
            Book(Path(root)).build(["text", "html"], only=only)
        except Problem as problem:
            print(problem)
            status = 1
        except BaseException:
            traceback.print_exc()
            status = 2
        sys.stdout.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Tiny:
    """A book of two chapters that is built in a process of its own."""

    def __init__(self, root: Path, server: subprocess.Popen):
        self.root, self.server = root, server
        self.write("_config.yml", CONFIG.format(root=root))
        self.write("_toc.yml", TOC)
        self.write("requirements.txt", "torch==2.13.0\n")
        self.write("dlbook/__init__.py", "def double(x):\n    return 2 * x\n")
        self.write("chapters/index.md", "# Home\n\nSee {doc}`part/one`.\n")
        for name in ("one", "two"):
            self.write(f"chapters/part/{name}.md", CHAPTER.format(name=name))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def build(self, only: str = "") -> tuple[int, str]:
        """Build; return the exit status and all that was printed."""
        output = self.root / "output.txt"
        self.server.stdin.write(json.dumps([str(self.root), only, str(output)]) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline()), output.read_text(encoding="utf-8")

    def executed(self, only: str = "") -> list[str]:
        """Build, and return the names of the chapters that were executed."""
        status, output = self.build(only)
        assert status == 0, output
        lines = [line for line in output.splitlines() if ": executed in" in line]
        return sorted(line.split(":")[0].strip() for line in lines)

    def page(self, name: str, folder: str = "html") -> str:
        suffix = {"html": "html", "text": "txt"}[folder]
        path = self.root / "_build" / folder / f"{name}.{suffix}"
        return path.read_text(encoding="utf-8")

    def stored(self) -> list[Path]:
        return sorted((self.root / "_build" / ".executed").glob("*/*.json"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A tiny book that has been built once; each test copies it."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        book = Tiny(tmp_path_factory.mktemp("tiny"), server)
        assert book.executed() == ["part/one", "part/two"]
        yield book
        server.stdin.close()


@pytest.fixture
def book(built):
    """The built book; its sources are put back after the test."""
    names = ["_config.yml", "_toc.yml", "requirements.txt", "dlbook/__init__.py"]
    names += ["chapters/index.md", "chapters/part/one.md", "chapters/part/two.md"]
    before = {name: (built.root / name).read_text(encoding="utf-8") for name in names}
    yield built
    for name, text in before.items():
        if (built.root / name).read_text(encoding="utf-8") != text:
            built.write(name, text)


def test_prose_executes_nothing_and_reaches_both_builders(book):
    book.edit("chapters/part/one.md", "Prose.", "Other prose.")
    assert book.executed() == []
    assert "Other prose" in book.page("part/one")
    assert "Other prose" in book.page("part/one", "text")


def test_code_executes_its_chapter_alone(book):
    book.edit("chapters/part/two.md", 'print("two")', 'print("deux")')
    assert book.executed() == ["part/two"]
    assert "deux" in book.page("part/two")


def test_the_helper_and_the_pins_execute_everything_in_all_builders(book):
    book.edit("dlbook/__init__.py", "2 * x", "x + x + 1")
    assert book.executed() == ["part/one", "part/two"]
    for folder in ("html", "text"):
        assert "43" in book.page("part/one", folder)
    book.edit("requirements.txt", "2.13.0", "2.13.1")
    assert book.executed() == ["part/one", "part/two"]
    kept = {path.parent for path in book.stored()}
    assert len(kept) == 2


def test_a_new_title_reaches_the_pages_that_name_it(book):
    book.executed()
    book.edit("chapters/part/one.md", "# Chapter one", "# A new name")
    assert book.executed() == []
    assert "A new name" in book.page("index")
    assert "A new name" in book.page("part/two")


def test_a_damaged_store_heals_itself(book):
    book.executed()
    damaged = book.stored()
    for path in damaged:
        path.write_text(path.read_text()[:40])
    book.edit("chapters/part/one.md", "Prose.", "More prose.")
    assert book.executed() == ["part/one"]
    newest = max(damaged, key=lambda path: path.stat().st_mtime)
    assert json.loads(newest.read_text())["outputs"]


def test_a_failed_cell_is_named_at_the_end_and_not_forgotten(book):
    book.edit("chapters/part/two.md", "double(21)", "double(1 / 0)")
    for _ in range(2):  # the second build must not take the page for finished
        status, output = book.build()
        assert status == 1
        end = output[-1500:]
        assert "part/two: cell 2 of 2" in end.splitlines()[-1]
        assert "from dlbook import double" in end
        assert "ZeroDivisionError: division by zero" in end
        assert "Traceback" in end
    book.edit("chapters/part/two.md", "double(1 / 0)", "double(4)")
    assert book.executed() == ["part/two"]
    assert book.executed() == []


def test_a_slow_cell_is_stopped_with_a_clear_sentence(book):
    book.edit("_config.yml", "timeout: 20", "timeout: 1")
    slow = 'import time\ntime.sleep(30)\nprint("one")'
    book.edit("chapters/part/one.md", 'print("one")', slow)
    status, output = book.build()
    assert status == 1
    assert "part/one: cell 1 of 2" in output.splitlines()[-1]
    assert "longer than 1 s" in output


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core runs one chapter")
def test_chapters_are_executed_side_by_side(book):
    meet = (
        "import time\nfrom pathlib import Path\n"
        "Path({mine!r}).touch()\n"
        "while not Path({other!r}).exists():\n    time.sleep(0.05)\n"
    )
    files = [str(book.root / "one.here"), str(book.root / "two.here")]
    for name, mine, other in (("one", *files), ("two", *files[::-1])):
        cell = meet.format(mine=mine, other=other)
        book.edit(f"chapters/part/{name}.md", f'print("{name}")', cell + "print(1)")
    assert book.executed() == ["part/one", "part/two"]


def test_every_chapter_that_fails_is_named(book):
    for name in ("one", "two"):
        book.edit(f"chapters/part/{name}.md", f'print("{name}")', f'int("{name}")')
    status, output = book.build()
    assert status == 1
    for name in ("one", "two"):
        assert f"part/{name}: cell 1 of 2 failed: ValueError" in output
        assert f"invalid literal for int() with base 10: '{name}'" in output


def test_a_warning_fails_every_build_until_it_is_mended(book):
    book.edit("chapters/part/one.md", "Prose.", "See {ref}`nowhere`.")
    for _ in range(2):
        status, output = book.build()
        assert status == 1
        assert "nowhere" in output
        assert "chapters/part/one.md" in output
    book.edit("chapters/part/one.md", "See {ref}`nowhere`.", "Prose.")
    assert book.executed() == []


def test_one_chapter_is_executed_without_the_others(book):
    book.edit("chapters/part/one.md", 'print("one")', 'print("un")')
    book.edit("chapters/part/two.md", 'print("two")', 'print("zwei")')
    assert book.executed(only="part/one") == ["part/one"]
    page = book.root / "_build/chapter/html/part/one.html"
    assert "un" in page.read_text(encoding="utf-8")
    assert book.executed() == ["part/two"]  # the other one was executed before


def test_an_unknown_chapter_is_answered_with_the_known_ones(book):
    status, output = book.build(only="part/three")
    assert status == 1
    assert "part/one" in output
    assert "part/two" in output


def test_a_removed_chapter_leaves_no_page(book):
    book.edit("_toc.yml", ", {file: part/two}", "")
    assert book.executed() == []
    assert not (book.root / "_build/html/part/two.html").exists()
    assert not (book.root / "_build/text/part/two.txt").exists()
