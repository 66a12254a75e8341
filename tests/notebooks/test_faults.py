"""The net is tested too: each fault in a small book is caught, and where it should be.

A fault is one small edit of the good chapter of fixture/, which passes everything.
Those that the build must catch are chapters of one book, built once; those that only a
second run can show are edits of the published notebook, run by nbval once.
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest

from press import lint
from press.published import published_markdown_problems

FIXTURE = Path(__file__).with_name("fixture")
LABELS = ("eq-correlation", "fig-step", "fig-shift", "ex-twice")
ALT = """  image:
    alt: A step from 0 to 1, and the response of the edge kernel, one at the step.
"""
NESTED = """:::{note}
```{code-cell} ipython3
print("never")
```
:::

"""

# name: (text of the good chapter, text of the faulty one, what the build must say)
BUILD_FAULTS = {
    "exception": (
        "step = torch.tensor(",
        'raise RuntimeError("boom")\nstep = torch.tensor(',
        r"exception: cell 6 of \d+ failed: RuntimeError: boom",
    ),
    "false_claim": (
        "sum().item() == 1, shown",
        "sum().item() == 2, shown",
        r"false_claim: cell 6 of \d+ failed: ClaimError",
    ),
    "wrong_sign": (
        "(w * x[i",
        "(-w * x[i",
        r"wrong_sign: cell 3 of \d+ failed: AssertionError",
    ),
    "detached": (
        "(w * x[i",
        "(w.detach() * x[i",
        r"detached: cell 3 of \d+ failed: \w+Error",
    ),
    "unfilled_solution": (
        "    return x + x",
        "    ...",
        r"unfilled_solution: cell 10 of \d+ failed: \w+Error",
    ),
    "wrong_solution": (
        "    return x + x",
        "    return x + 1",
        r"wrong_solution: cell 10 of \d+ failed: \w+Error",
    ),
    "broken_reference": (
        "{numref}`fig-shift` moves",
        "{numref}`fig-gone` moves",
        r"shared\.md:\d+: WARNING: undefined label: 'fig-gone'",
    ),
    "broken_link": (
        "It is {eq}`eq-correlation`",
        "It is {doc}`nowhere` and {eq}`eq-correlation`",
        r"shared\.md:\d+: WARNING: .*nowhere",
    ),
    "no_alt": (ALT, "", r"shared\.md:\d+: WARNING: .*no alt text"),
    "nested": (
        "A last semicolon",
        NESTED + "A last semicolon",
        r"shared\.md:\d+: WARNING: .*`code-cell`",
    ),
}


# These stop no cell, so one chapter shows them all.
SHARED = ("broken_reference", "broken_link", "no_alt", "nested")
CHAPTERS = (*(name for name in BUILD_FAULTS if name not in SHARED), "shared")


def edited(text, old, new):
    """The good text with one place changed."""
    assert text.count(old) >= 1, f"the fixture has no {old!r}"
    place = text.rindex(old)
    return text[:place] + new + text[place + len(old) :]


def faulty_chapter(name):
    """The good chapter with a fault (or all shared ones), and labels of its own."""
    text = (FIXTURE / "chapters" / "good.md").read_text("utf-8")
    for fault in SHARED if name == "shared" else [name]:
        text = edited(text, *BUILD_FAULTS[fault][:2])
    for label in LABELS:
        text = text.replace(label, f"{label}-{name}".replace("_", "-"))
    text = text.split("```{bibliography}")[0]
    return text.replace("{cite:t}`fixture1958perceptron`", "Rosenblatt")


def small_book(folder, root, chapters=()):
    """Put the fixture into `folder`, built as the real book is, with more chapters."""
    shutil.copytree(FIXTURE, folder, dirs_exist_ok=True)
    shutil.copy(root / "_config.yml", folder)
    toc = folder / "_toc.yml"
    for name in chapters:
        (folder / "chapters" / f"{name}.md").write_text(faulty_chapter(name), "utf-8")
        toc.write_text(f"{toc.read_text('utf-8').rstrip()}\n      - file: {name}\n")
    return folder


def build_book(folder, root, builders):
    """Build in a process of its own, as `make book` does; return it, finished."""
    code = (
        "import sys; from press.build import Book, Problem, prepare\n"
        "prepare()\n"
        f"try: Book({str(folder)!r}).build({builders!r})\n"
        "except Problem as problem: sys.exit(str(problem))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env
    )


def add_template(folder, root):
    """Put the authors' template into a small book, with what it refers to."""
    chapters, toc = folder / "chapters", folder / "_toc.yml"
    shutil.copy(root / "chapters" / "_template.md", chapters / "template.md")
    (chapters / "setup.md").write_text("# Set up\n\nA page to refer to.\n", "utf-8")
    with (chapters / "references.bib").open("a", encoding="utf-8") as references:
        references.write((root / "chapters" / "references.bib").read_text("utf-8"))
    entries = "".join(f"      - file: {name}\n" for name in ("setup", "template"))
    toc.write_text(f"{toc.read_text('utf-8').rstrip()}\n{entries}", "utf-8")


@pytest.fixture(scope="module")
def good(tmp_path_factory, root):
    """The good book, with the authors' template, built; it has nothing wrong."""
    folder = small_book(tmp_path_factory.mktemp("good"), root)
    add_template(folder, root)
    done = build_book(folder, root, ("notebooks", "html"))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def broken(good, tmp_path_factory, root):
    """What the build says of a book with every fault that a build must catch."""
    folder = small_book(tmp_path_factory.mktemp("broken"), root, CHAPTERS)
    shutil.copytree(good / "_build" / ".executed", folder / "_build" / ".executed")
    done = build_book(folder, root, ("notebooks",))
    assert done.returncode != 0, "a book full of faults was built"
    return done.stdout + done.stderr


def test_the_template_for_authors_is_a_chapter_that_passes(good):
    path = good / "_build" / "notebooks" / "template.ipynb"
    assert published_markdown_problems(nbformat.read(path, as_version=4)) == []
    assert (good / "_build" / "html" / "template.html").is_file()


@pytest.mark.parametrize("name", BUILD_FAULTS)
def test_the_build_catches(name, broken):
    assert re.search(BUILD_FAULTS[name][2], broken), broken[-6000:]


def test_the_build_finds_nothing_wrong_with_the_good_chapter(broken):
    assert not re.search(r"\bgood(\.md:|: cell)", broken)


def test_a_failed_cell_comes_with_its_traceback(broken):
    part = broken[broken.index("exception: cell 6") :]
    assert "Traceback" in part and 'raise RuntimeError("boom")' in part


# Faults that show when the notebook runs again ----------------------------------------


def cell_with(notebook, text):
    """The code cell that has `text` in it, but for the one of the helpers."""
    cells = [c for c in notebook.cells if c.cell_type == "code" and text in c.source]
    return cells[-1]


def printed(text):
    """A stored output."""
    return [nbformat.v4.new_output("stream", name="stdout", text=text)]


# name: (source of a cell, its stored output, what nbval must say; "" for nothing)
CELLS = {
    "nothing_wrong": ("print(1)", "1\n", ""),
    "differs": (
        "import time\nprint(time.perf_counter_ns())",
        "1234567\n",
        "Cell outputs differ",
    ),
    "stale": ("print(2)", "1\n", "Cell outputs differ"),
    "lost_output": ("print(1)", None, "Unexpected output fields"),
    "exception": ("1 / 0", None, "ZeroDivisionError"),
    "false_claim": ('claim("Two is one", 2 == 1)', "✓ Two is one\n", "ClaimError"),
    "wrong_sign": (
        "torch.testing.assert_close(correlate(x, -w), expected)",
        None,
        "AssertionError",
    ),
    "network": (
        'import urllib.request\nurllib.request.urlopen("http://192.0.2.1")',
        None,
        "NetworkIsOff.*the network is off",
    ),
    "network_name": (
        'import socket\nsocket.create_connection(("example.org", 80))',
        None,
        "NetworkIsOff.*example.org",
    ),
    "silenced": ("torch.ones(2);", None, ""),
    "stale_marked_as_not_run": ("print(2)", "1\n", "Cell outputs differ"),
}


def published(good):
    """The good chapter's published notebook."""
    path = good / "_build" / "notebooks" / "good.ipynb"
    return nbformat.read(path, as_version=4)


def shortened(notebook):
    """The notebook up to its first figure: what comes after takes time only."""
    figure = notebook.cells.index(cell_with(notebook, "axes.legend()"))
    notebook.cells = notebook.cells[: figure + 1]
    return notebook


def run_tests(build, *what):
    """Run some of the notebook tests on a build.

    Returns what each failed test said ("" for one that passed), by file and test.
    """
    folder, junit = Path(__file__).parent, build / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "no:xdist", "--color=no", "-k", "not colab/"]
    command += [f"--build={build}", f"--junitxml={junit}"]
    command += [str(folder / name) for name in what]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = {}
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        text = "\n".join((e.text or "") + e.get("message", "") for e in case)
        key = case.get("classname"), case.get("name")
        said[key] = re.sub(r"#x1B\[[\d;]*m|\x1b\[[\d;]*m", "", text)
    return said


@pytest.fixture(scope="module")
def rerun(good, tmp_path_factory):
    """What nbval says of each cell: of the good notebook, and of the cells to break."""
    build = tmp_path_factory.mktemp("rerun")
    (build / "notebooks").mkdir()
    notebook = published(good)
    nbformat.write(notebook, build / "notebooks" / "good.ipynb")
    notebook = shortened(notebook)
    figure = cell_with(notebook, "axes.legend()")
    figure.source = figure.source.replace('label="step"', 'label="stage"')
    before = sum(cell.cell_type == "code" for cell in notebook.cells)
    for number, (source, stored, _) in enumerate(CELLS.values(), before + 1):
        cell = nbformat.v4.new_code_cell(source, execution_count=number)
        cell.outputs = printed(stored) if stored else []
        notebook.cells.append(cell)
    # Plain nbval compares nothing here, and complains of nothing but outputs.
    notebook.cells[-1].execution_count = None
    nbformat.write(notebook, build / "notebooks" / "broken.ipynb")
    said = run_tests(build, "environments.toml")
    cells = [said[key] for key in said if "broken" in key[0]]
    assert len(cells) == before + len(CELLS)
    return {
        "good": [said[key] for key in said if "good" in key[0]],
        "untouched": cells[: before - 1],
        "stale_picture": cells[before - 1],
        **dict(zip(CELLS, cells[before:], strict=True)),
    }


@pytest.mark.parametrize("name", CELLS)
def test_nbval_catches(name, rerun):
    wanted = CELLS[name][2]
    if wanted:
        assert re.search(wanted, rerun[name], re.DOTALL), rerun[name]
    else:
        assert rerun[name] == ""


def test_nbval_catches_a_stale_picture(rerun):
    assert "mismatch 'image/png'" in rerun["stale_picture"]


def test_nbval_finds_nothing_wrong_with_the_good_notebook(rerun):
    assert rerun["good"] and set(rerun["good"]) == {""}
    assert rerun["untouched"] and set(rerun["untouched"]) == {""}


# Faults of the published text, and of the sources -------------------------------------


def text_cell(notebook):
    return next(cell for cell in notebook.cells[1:] if cell.cell_type == "markdown")


LEFT = {
    "{eq}`eq-correlation`": "MyST role",
    ":::{note}\nText\n:::": "MyST directive",
    "![A picture](images/step.png)": "image that is not in the notebook",
}


@pytest.mark.parametrize("left", LEFT)
def test_the_check_of_published_text_catches(left, good):
    notebook = published(good)
    assert published_markdown_problems(notebook) == []
    text_cell(notebook).source += f"\n\n{left}"
    found = published_markdown_problems(notebook)
    assert any(LEFT[left] in problem for problem in found)


def test_that_check_fails_the_run(good, tmp_path):
    notebook = published(good)
    text_cell(notebook).source += "\n\n" + "\n\n".join(LEFT)
    next(c for c in notebook.cells if c.cell_type == "code").execution_count = None
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "good.ipynb")
    said = run_tests(tmp_path, "test_published.py")
    said = {name: text for (_, name), text in said.items()}
    for what in LEFT.values():
        assert what in said["test_the_text_is_what_colab_can_show"]
    assert "not run" in said["test_every_code_cell_was_executed"]


def test_no_notebooks_fail_the_run(tmp_path):
    said = run_tests(tmp_path, "environments.toml")
    assert ["make book" in text for text in said.values()] == [True]


def test_the_lint_catches_a_nested_cell(tmp_path):
    path = tmp_path / "faulty.md"
    path.write_text(faulty_chapter("shared"), "utf-8")
    line = path.read_text("utf-8").splitlines().index('print("never")')
    assert [problem.line for problem in lint.lint(path)] == [line]


def test_the_lint_finds_nothing_wrong_with_the_good_chapter():
    chapter = FIXTURE / "chapters" / "good.md"
    assert lint.lint(chapter) == []
    assert lint.ruff([chapter]) == []
