"""The notebooks builder on a small book that uses every construct once.

Each tests/press/golden/NAME.in.md is a section of one chapter; NAME.out.md is what the
published notebook has for it. To write the goldens anew after a wanted change:

    UPDATE_GOLDENS=1 .venv/bin/python -m pytest tests/press/test_notebooks.py
"""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from press import notebooks
from press.published import published_markdown_problems

GOLDEN = Path(__file__).parent / "golden"
# The order decides the numbers of figures and exercises; add new ones at the end.
CONSTRUCTS = [
    "structure",
    "admonition",
    "figure_code",
    "figure_drawn",
    "equation",
    "citation",
    "exercise",
    "table",
    "footnote",
    "glossary",
    "cross_chapter",
    "lists",
    "fold",
    "widget",
]

FRONT = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {name: python3, display_name: Python 3, language: python}
gpu: true
---

"""
CONF = """\
project = "A Book"
extensions = ["myst_nb", "sphinx_exercise", "sphinxcontrib.bibtex", "sphinx_design",
              "press.repository", "press.notebooks"]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath",
                          "substitution", "tasklist", "attrs_inline"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
press_repository = "someone/a-book"
exclude_patterns = ["*.in.md"]
"""
INDEX = """\
# Index

```{toctree}
:numbered:

part/chapter
part/other
```

```{toctree}
plain
```
"""
OTHER = """\
# The other chapter

(other-section)=
## Another section

$$
z = 1
$$ (other-eq)

:::{figure} ../assets/drawing.svg
:name: fig-other
:alt: A circle

Elsewhere.
:::

```{exercise}
:label: ex-other
What?
```
"""
BIB = """\
@article{sobel2014, author={Irwin Sobel}, title={An isotropic operator}, year={2014},
  journal={Nowhere}, url={https://example.org/sobel}}
@article{canny1986, author={John Canny and Ann Other}, title={Edges}, year={1986},
  journal={Somewhere}}
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>\n'
PACKAGE = {
    "__init__.py": '"""Helpers."""\n\nfrom . import data\nfrom ._begin import begin\n'
    "from ._claim import claim, ClaimError\n\n"
    '__all__ = ["ClaimError", "begin", "claim", "data"]\n',
    "_claim.py": "from ._style import MARK\n\n\nclass ClaimError(Exception): pass\n"
    '\n\ndef claim(text):\n    """It says \\"so\\"."""\n    print(f"{MARK} {text}")\n',
    "_style.py": "MARK = '\\u2713'\n",
    "_begin.py": "def begin():\n    return 'cpu'\n",
    "data.py": "def digits():\n    return [1]\n",
}
# What the builder refuses, and a word of what it says.
FAULTS = {
    '<a href="../x.html">x</a>': "relative address",
    "[x](references.bib)": "references.bib",
    "![x](big.svg)": "600 kB",
    "```{py:function} f(x)\nText.\n```": "'desc'",
    "````{tab-set}\n```{tab-item} A\nx\n```\n````": "tab-set",
    "Left ??? here": "an unresolved reference",
}


def write_tree(folder: Path, files: dict[str, str]):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class Book:
    """A small book in a folder of its own."""

    def __init__(self, root: Path):
        self.root = root
        self.out = root / "_build" / "notebooks"
        write_tree(root / "package" / "dlbook", PACKAGE)
        sections = [(GOLDEN / f"{n}.in.md").read_text("utf-8") for n in CONSTRUCTS]
        end = (
            "## Further reading\n\n```{bibliography}\n:filter: docname in docnames\n```"
        )
        body = "\n".join(
            ["# A chapter of *everything*\n\nIt begins.\n", *sections, end]
        )
        write_tree(
            root / "src",
            {
                "conf.py": CONF,
                "index.md": INDEX,
                "plain.md": "# Plain\n\nNo code.\n",
                "references.bib": BIB,
                "assets/drawing.svg": SVG,
                "part/chapter.md": FRONT + body + "\n",
                "part/other.md": OTHER,
            },
        )

    def build(self, **overrides) -> str:
        """Build the notebooks; returns the warnings."""
        warnings = io.StringIO()
        source = str(self.root / "src")
        with patch_docutils(source), docutils_namespace():
            app = Sphinx(
                source,
                source,
                str(self.out),
                str(self.root / "_build" / "doctrees"),
                "notebooks",
                confoverrides=overrides,
                status=None,
                warning=warnings,
            )
            app.build()
        return re.sub("\x1b\\[[0-9;]*m", "", warnings.getvalue())

    def text(self, name="part/chapter.ipynb") -> str:
        return (self.out / name).read_text(encoding="utf-8")

    def notebook(self, name="part/chapter.ipynb"):
        return nbformat.reads(self.text(name), as_version=4)

    def edit(self, name: str, old: str, new: str):
        path = self.root / "src" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 5))


@pytest.fixture(scope="module")
def patched(tmp_path_factory):
    root = tmp_path_factory.mktemp("book")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_REPOSITORY", raising=False)
        patch.setenv("PYTHONPATH", str(root / "package"))
        patch.setattr(notebooks, "PACKAGE_FOLDER", root / "package" / "dlbook")
        yield root


@pytest.fixture(scope="module")
def book(patched):
    book = Book(patched)
    book.warnings = book.build()
    book.first = book.notebook()  # later tests edit the book
    return book


@pytest.fixture(scope="module")
def chapter(book):
    return book.first


def as_text(cell) -> str:
    """A cell for a golden file: its Markdown, or its code with what matters."""
    if cell.cell_type == "markdown":
        return cell.source
    metadata = {k: v for k, v in cell.metadata.items() if k != "id"}
    outputs = [
        output.get("text") or json.dumps({**output.data, "metadata": output.metadata})
        for output in cell.outputs
    ]
    lines = [f"=== code {json.dumps(metadata, sort_keys=True)}", cell.source]
    return "\n".join(lines + [f"--- output\n{text}" for text in outputs])


def sections_of(notebook) -> dict[str, str]:
    """Second-level heading -> the cells under it as text."""
    sections, title = {}, ""
    for cell in notebook.cells:
        heading = re.search(r"^## [\d.]+ (.*)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and heading:
            title = heading[1]
        sections.setdefault(title, []).append(as_text(cell))
    return {t: "\n\n%%%%\n\n".join(cells) + "\n" for t, cells in sections.items()}


def test_the_small_book_builds_without_a_warning(book):
    assert book.warnings == ""


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_golden(name, chapter):
    title = (GOLDEN / f"{name}.in.md").read_text("utf-8").splitlines()[0][3:]
    found = sections_of(chapter)[title]
    found = re.sub(r"(?<=\[Picture: )|data:image/svg[^\"]{40,}", "data:…", found)
    path = GOLDEN / f"{name}.out.md"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_opening_cells(chapter):
    title, helpers = chapter.cells[:2]
    assert title.source.startswith("# 1. A chapter of *everything*\n")
    assert "chapter 1 of *A Book*" in title.source
    assert "<https://someone.github.io/a-book/part/chapter.html>" in title.source
    assert helpers.source.startswith("#@title The book's helpers (run this first) {")
    assert helpers.metadata["cellView"] == "form"
    assert helpers.metadata["jupyter"]["source_hidden"]
    assert helpers.outputs == []
    assert "_claim.py" in helpers.source and "_style.py" in helpers.source
    assert "_begin.py" not in helpers.source and "data.py" not in helpers.source


def test_bibliography_is_formatted_and_linked(chapter):
    end = chapter.cells[-2].source + chapter.cells[-1].source
    assert "## 1.15. Further reading" in end
    assert "- **[Sob14]** Irwin Sobel" in end
    assert "https://example.org/sobel" in end


def test_metadata_asks_for_what_the_chapter_needs(chapter):
    assert chapter.metadata.colab == {
        "provenance": [],
        "toc_visible": True,
        "gpuType": "T4",
    }
    assert chapter.metadata.accelerator == "GPU"
    assert chapter.metadata.kernelspec.name == "python3"
    assert "widgets" not in chapter.metadata


def test_execution_counts_follow_each_other_and_ids_are_unique(chapter):
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    results = [
        (cell.execution_count, output.execution_count)
        for cell in code
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    assert results and all(own == result for own, result in results)
    ids = [cell.id for cell in chapter.cells]
    assert len(set(ids)) == len(ids)
    assert all(cell.metadata["id"] == cell.id for cell in chapter.cells)


def test_no_widget_output_is_left(book):
    assert "widget-view" not in json.dumps(
        [cell.get("outputs") for cell in book.notebook().cells]
    )


def test_links_lead_to_cells_that_exist(chapter):
    ids = {cell.id for cell in chapter.cells}
    text = "\n".join(c.source for c in chapter.cells if c.cell_type == "markdown")
    targets = set(re.findall(r"\]\(#scrollTo=([0-9a-f]+)\)", text))
    assert targets and targets <= ids
    for target in targets:
        assert text.count(f'<a id="scrollTo={target}"></a>') == 1


def test_published_markdown_has_no_problem(chapter):
    assert published_markdown_problems(chapter) == []


def test_documents_without_code_are_not_notebooks(book):
    written = {p.relative_to(book.out).as_posix() for p in book.out.rglob("*.*")}
    assert written == {"part/chapter.ipynb", "part/chapter.py"}


def test_script_compiles_and_has_no_output(book):
    script = book.text("part/chapter.py")
    compile(script, "chapter.py", "exec")
    assert "# %% [markdown]\n# # 1. A chapter of *everything*" in script
    assert "scrollTo" not in script and "data:image" not in script


def test_helpers_cell_runs_anywhere_again_and_over_another_dlbook(chapter, tmp_path):
    write_tree(tmp_path, {"dlbook/__init__.py": "def claim(text):\n    print('old')\n"})
    source = chapter.cells[1].source
    program = "\n".join(
        ["import dlbook", source, source, "from dlbook import claim", "claim('new')"]
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert (run.stdout, run.stderr) == ("✓ new\n", "")


class TestRebuild:
    """Builds after the first one, of the same book."""

    def test_a_second_build_from_nothing_gives_the_same_bytes(self, book):
        before = {p: p.read_bytes() for p in book.out.rglob("part/*")}
        for path in before:
            path.unlink()
        assert book.build() == ""
        assert {p: p.read_bytes() for p in book.out.rglob("part/*")} == before

    def test_an_unchanged_notebook_is_not_written_again(self, book):
        path = book.out / "part/chapter.ipynb"
        os.utime(path, (1, 1))
        book.build()
        assert path.stat().st_mtime == 1

    def test_a_number_in_another_chapter_is_followed(self, book):
        book.edit("part/other.md", "## Another", "## First\n\n## Another")
        assert "[Another section](" in book.text()
        book.edit("part/other.md", "z = 1\n", "q = 1\n$$ (new-eq)\n\n$$\nz = 1\n")
        before = {cell.id for cell in book.notebook().cells}
        assert book.build() == ""
        assert "[(2.2)](https://someone.github.io/a-book/part/other.html" in book.text()
        assert {cell.id for cell in book.notebook().cells} == before

    def test_what_has_no_markdown_is_a_warning(self, book):
        write_tree(book.root / "src", {"part/big.svg": f"<svg>{' ' * 600_000}</svg>"})
        path = book.root / "src/part/other.md"
        text = path.read_text("utf-8")
        faults = "\n\n".join(FAULTS)
        path.write_text(f"{FRONT}{text}\n{faults}\n\n```{{code-cell}} ipython3\n1\n```")
        warnings = book.build().splitlines()
        path.write_text(text, encoding="utf-8")
        for markdown, said in FAULTS.items():
            found = [line for line in warnings if said in line]
            assert found, f"nothing is said of {markdown!r}"
            assert all("other" in line for line in found)
        assert any(re.search(r"other.md:\d+: .*desc", line) for line in warnings)

    def test_a_chapter_that_fails_leaves_no_notebook(self, book):
        path = book.root / "src/part/other.md"
        text = path.read_text("utf-8")
        path.write_text(f"{FRONT}{text}\n```{{code-cell}} ipython3\n1 / 0\n```\n")
        write_tree(book.out, {"part/other.ipynb": "{}", "part/other.py": ""})
        warnings = book.build(nb_execution_raise_on_error=False)
        path.write_text(text, encoding="utf-8")
        assert "not written" in warnings
        assert not (book.out / "part/other.ipynb").exists()
        assert not (book.out / "part/other.py").exists()
        assert (book.out / "part/chapter.ipynb").exists()

    def test_the_notebook_of_a_document_that_is_gone_is_removed(self, book):
        write_tree(book.out, {"part/old.ipynb": "{}", "part/old.py": ""})
        book.build()
        written = {p.name for p in (book.out / "part").iterdir()}
        assert written == {"chapter.ipynb", "chapter.py"}
