"""The `notebooks` builder: every chapter as the notebook that Colab opens.

It walks the same resolved document as the site and sets the executed code cells, with
their outputs, between the Markdown. Beside each `<docname>.ipynb` it writes
`<docname>.py`, the same as a script. Two builds of one source give the same bytes.
"""

import hashlib
import re
import shutil
import textwrap
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.builders import Builder
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from .helpers_cell import HelpersError, helpers_cell
from .markdown import (
    ANCHOR_MARK,
    LINK_MARK,
    Break,
    Caption,
    CodeCell,
    link_mark,
    translate,
)
from .published import published_markdown_problems
from .repository import repository

logger = logging.getLogger(__name__)

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent / "dlbook"
WIDGET_TYPES = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
)
# Written by the tools that ran a cell, or meant for the site alone.
DROPPED_METADATA = {"mystnb", "execution", "ExecuteTime", "jp-MarkdownHeadingCollapsed"}
LICENSES = "text [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), code MIT"


class DropOutputs(SphinxPostTransform):
    """Outputs come from the executed notebook: spare the document their rendering.

    It runs before myst-nb chooses one of several representations, which then has
    nothing left to choose from or to warn about.
    """

    default_priority = 3
    builders = ("notebooks",)

    def run(self, **kwargs):
        for node in self.document.findall(nodes.container):
            if node.get("nb_element") == "mime_bundle":
                node.children = []


class NotebooksBuilder(Builder):
    """Writes a published notebook for each document that has code cells."""

    name = "notebooks"
    format = "notebook"
    epilog = "The notebooks are in %(outdir)s."
    supported_image_types = [  # noqa: RUF012
        "image/svg+xml",
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
    ]
    supported_remote_images = True
    supported_data_uri_images = True

    def init(self):
        self.repository = repository(self.config)
        self.current_docname = ""
        self.notebooks = {}
        self.names = []

    def get_outdated_docs(self):
        # A number in one chapter can change by an edit of another. So each notebook is
        # made anew (executing nothing), and written where it differs.
        return self.env.found_docs

    def get_target_uri(self, docname, typ=None):
        return self.repository.page_url(docname)

    def get_relative_uri(self, from_, to, typ=None):
        return "" if from_ == to else self.get_target_uri(to, typ)

    def prepare_writing(self, docnames):
        pass

    def write(self, build_docnames, updated_docnames, method="update"):
        self.notebooks = self.executed_notebooks()
        self.names = list(self.notebooks)
        super().write(sorted(self.names), [], method)

    def executed_notebooks(self) -> dict[str, nbformat.NotebookNode]:
        """The documents that are notebooks with at least one code cell, executed."""
        notebooks = {
            docname: self.executed(docname)
            for docname in self.env.found_docs
            if "kernelspec" in self.env.metadata.get(docname, {})
        }
        return {name: found for name, found in notebooks.items() if _code_cells(found)}

    def executed(self, docname) -> nbformat.NotebookNode:
        """The executed notebook that myst-nb left beside the site."""
        folder = Path(self.env.mystnb_config.output_folder)
        path = folder / f"{docname}.ipynb"
        if not path.is_file():
            logger.warning(
                "the executed notebook of '%s' is missing: run `make clean` first",
                docname,
                location=docname,
                type="press",
                subtype="notebooks",
            )
            return nbformat.v4.new_notebook()
        return nbformat.read(path, as_version=4)

    def write_doc(self, docname, doctree):
        if docname not in self.names:
            return  # Sphinx adds the table of contents to what is written
        executed = self.notebooks[docname]
        if not ran_to_the_end(executed):
            self.warn(docname, "not written, for the chapter did not run to its end")
            self.names.remove(docname)  # and what an earlier build wrote goes
            return
        self.current_docname = docname
        pieces = translate(doctree, docname, self)
        notebook = self.assembled(docname, pieces, executed)
        for problem in published_markdown_problems(notebook):
            self.warn(docname, problem)
        nbformat.validate(notebook)
        path = Path(self.outdir, f"{docname}.ipynb")
        _write_if_changed(path, nbformat.writes(notebook).rstrip("\n") + "\n")
        _write_if_changed(path.with_suffix(".py"), as_script(notebook))

    def warn(self, docname, message):
        logger.warning(
            "published notebook of '%s': %s",
            docname,
            message,
            location=docname,
            type="press",
            subtype="notebooks",
        )

    def finish(self):
        """Remove the notebooks of documents that are no more."""
        names = {f"{name}.ipynb" for name in self.names}
        for path in Path(self.outdir).rglob("*.ipynb"):
            if path.relative_to(self.outdir).as_posix() not in names:
                path.unlink()
                path.with_suffix(".py").unlink(missing_ok=True)

    def assembled(self, docname, pieces, executed) -> nbformat.NotebookNode:
        """The published notebook from a document's pieces and its executed cells."""
        cells = Cells(docname, executed)
        try:
            sources = [cell.source for cell in executed.cells if _is_code(cell)]
            helpers = helpers_cell(sources, PACKAGE_FOLDER)
        except HelpersError as error:
            self.warn(docname, str(error))
            helpers = None
        cells.add_all(self.with_opening(docname, pieces), helpers)
        for target in cells.settle_links():
            self.warn(docname, f"the link to '{target}' has no target")
        notebook = nbformat.v4.new_notebook(cells=cells.cells)
        notebook.metadata = self.metadata(executed)
        return notebook

    def with_opening(self, docname, pieces):
        """The title with what this notebook is; the helpers cell comes after it."""
        pieces = [piece for piece in pieces if piece]
        at = next(
            (i for i, p in enumerate(pieces) if isinstance(p, str)),
            len(pieces),
        )
        title = pieces[at : at + 1]
        number = self.env.toc_secnumbers.get(docname, {}).get("")
        part = f"chapter {'.'.join(map(str, number))}" if number else "a part"
        page = self.repository.page_url(docname)
        notice = (
            f"This notebook is {part} of *{book_title(self.config)}*; "
            f"the rendered page is <{page}>; {LICENSES}."
        )
        return [Break("title"), *title, notice, Helpers(), *pieces[at + 1 :]]

    def metadata(self, executed) -> dict:
        colab = {"provenance": [], "toc_visible": True}
        metadata = {
            "colab": colab,
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {
                "file_extension": ".py",
                "mimetype": "text/x-python",
                "name": "python",
                "pygments_lexer": "ipython3",
            },
        }
        if executed.metadata.get("gpu") is True:
            colab["gpuType"] = "T4"
            metadata["accelerator"] = "GPU"
        return nbformat.from_dict(metadata)


def book_title(config) -> str:
    """The book's title; Jupyter Book writes it into html_title alone."""
    named = config.project and config.project != "Project name not set"
    return config.project if named else config.html_title


class Helpers:
    """The place of the helpers cell among the pieces."""


class Cells:
    """The cells of one published notebook, in the making."""

    def __init__(self, docname: str, executed):
        self.docname = docname
        self.executed = executed
        self.cells = []
        self.keys = {}
        self.waiting = _code_cells(executed)
        self.key = "title"
        self.text = []
        self.count = 0

    def add_all(self, pieces, helpers: str | None):
        """Add every piece; `helpers` is the source of the helpers cell, if any."""
        for piece in pieces:
            if isinstance(piece, Break):
                self.flush()
                self.key = f"after:{self.key}" if piece.key == "after" else piece.key
            elif isinstance(piece, Helpers):
                self.flush()
                if helpers:
                    self.add_code("helpers", helpers, {"cellView": "form"}, [])
                self.key = "introduction"
            elif isinstance(piece, CodeCell):
                self.flush()
                self.add_skipped(piece.index)
                self.add_executed(piece)
            elif isinstance(piece, Caption):
                self.flush()
                self.add_markdown(f"caption:{self.key}", piece)
            else:
                self.text.append(piece)
        self.flush()
        self.add_skipped(len(self.executed.cells))

    def flush(self):
        if self.text:
            self.add_markdown(self.key, "\n\n".join(self.text))
        self.text = []

    def add_skipped(self, before: int):
        """Cells that the site hides altogether still have to run."""
        while self.waiting and self.waiting[0] < before:
            self.add_executed(CodeCell(self.waiting[0], form="Preparation"))

    def identifier(self, key: str) -> str:
        """An id that stays the same as long as what the cell stands for is there."""
        self.keys[key] = self.keys.get(key, 0) + 1
        text = f"{self.docname}\n{key}\n{self.keys[key]}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def add_markdown(self, key: str, text: str):
        identifier = self.identifier(f"markdown:{key}")
        cell = nbformat.v4.new_markdown_cell(text, id=identifier)
        cell.metadata["id"] = identifier
        self.cells.append(cell)

    def add_code(self, key: str, source: str, metadata: dict, outputs: list):
        # Colab knows a cell by the id in its metadata, nbformat by the one beside it.
        identifier = self.identifier(key)
        self.count += 1
        if "cellView" in metadata:
            metadata = {**metadata, "jupyter": {"source_hidden": True}}
        cell = nbformat.v4.new_code_cell(
            source,
            id=identifier,
            execution_count=self.count,
            metadata={**metadata, "id": identifier},
        )
        cell.outputs = [with_count(output, self.count) for output in outputs]
        self.cells.append(cell)

    def add_executed(self, place: CodeCell):
        if place.index not in self.waiting:
            return  # an empty cell
        cell = self.executed.cells[place.index]
        self.waiting.remove(place.index)
        metadata = {
            name: value
            for name, value in cell.metadata.items()
            if name not in DROPPED_METADATA
        }
        source = cell.source
        if place.form and not source.startswith(("%%", "#@title")):
            title = re.sub(r"[{}]", "", place.form)
            source = f'#@title {title} {{ display-mode: "form" }}\n{source}'
            metadata["cellView"] = "form"
        key = f"code:{cell.source}"
        self.add_code(key, source, metadata, clean_outputs(cell.outputs, place.alt))
        if "hide-output" in metadata.get("tags", []):
            self.cells[-1].metadata.setdefault("jupyter", {})["outputs_hidden"] = True
        self.key = f"after:{key}"

    def settle_links(self) -> list[str]:
        """Turn the marks into links that both Colab and JupyterLab follow.

        Colab follows `#scrollTo=<cell id>` and no other fragment; JupyterLab and HTML
        look for an element with that id. Returns the targets that were not found;
        their links have become plain text.
        """
        texts = [cell for cell in self.cells if cell.cell_type == "markdown"]
        used = {name for cell in texts for name in LINK_MARK.findall(cell.source)}
        home = {}
        for cell in texts:
            names = [name for name in ANCHOR_MARK.findall(cell.source) if name in used]
            cell.source = ANCHOR_MARK.sub("", cell.source).strip("\n")
            for name in names:
                home.setdefault(name, cell.id)
            if any(home[name] == cell.id for name in names):
                cell.source = f'<a id="scrollTo={cell.id}"></a>\n\n{cell.source}'
        for cell in texts:
            for name in used - set(home):
                link = rf"\[((?:\\.|[^\[\]])*)\]\({re.escape(link_mark(name))}\)"
                cell.source = re.sub(link, r"\1", cell.source)
            cell.source = LINK_MARK.sub(
                lambda match: f"#scrollTo={home.get(match[1], '')}", cell.source
            )
        return sorted(used - set(home))


def _is_code(cell) -> bool:
    return cell.cell_type == "code"


def _code_cells(notebook) -> list[int]:
    """The positions of the code cells that have something in them."""
    cells = enumerate(notebook.cells)
    return [i for i, cell in cells if _is_code(cell) and cell.source.strip()]


def ran_to_the_end(executed) -> bool:
    """Whether each cell was run and none failed, but for those tagged to."""
    for position in _code_cells(executed):
        cell = executed.cells[position]
        tags = cell.metadata.get("tags", [])
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in tags:
            return False
        if cell.execution_count is None and "skip-execution" not in tags:
            return False
    return True


def _write_if_changed(path: Path, text: str):
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def clean_outputs(outputs, alt: str = "") -> list:
    """Outputs as a reader keeps them: no live widget, one piece of text a stream.

    `alt` describes the picture among them. It is kept with the output, where tools can
    find it; Colab and JupyterLab show readers the description below the figure.
    """
    cleaned = []
    for output in outputs:
        output = nbformat.from_dict(output)
        if output.output_type == "stream":
            previous = cleaned[-1] if cleaned else {}
            if previous.get("name") == output.name:
                previous.text += output.text
                continue
        elif "data" in output:
            for kind in WIDGET_TYPES:
                output.data.pop(kind, None)
                output.metadata.pop(kind, None)
            if not output.data:
                continue
            for kind in output.data if alt else ():
                if kind.startswith("image/"):
                    output.metadata.setdefault(kind, {})["alt"] = alt
        cleaned.append(output)
    return cleaned


def with_count(output, count: int):
    if output.output_type == "execute_result":
        output.execution_count = count
    return output


# The script ---------------------------------------------------------------------------

_IMAGE = re.compile(r'<img alt="([^"]*)" src="data:[^"]*"[^>]*>')
_PLAIN_LINE = re.compile(r"[A-Za-z*_(\[`$“]")


def as_script(notebook) -> str:
    """A notebook as a Python script in the percent format, without its outputs."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append("# %% [markdown]\n" + _commented(cell.source))
        else:
            parts.append("# %%\n" + _script_code(cell.source))
    return "\n\n".join(parts) + "\n"


def _script_code(source: str) -> str:
    return re.sub(r"^(?=\s*[%!])", "# ", source, flags=re.MULTILINE)


def _commented(text: str) -> str:
    text = re.sub(r'<a id="[^"]*"></a>\n*', "", text)
    text = re.sub(r"\[((?:\\.|[^\[\]])*)\]\(#[^)]*\)", r"\1", text)
    text = _IMAGE.sub(r"[Picture: \1]", text)
    lines, in_code = [], False
    for line in text.strip().splitlines():
        in_code ^= line.lstrip("> ").startswith("```")
        if not in_code and len(line) > 86 and _PLAIN_LINE.match(line):
            lines += textwrap.wrap(
                line, 86, break_long_words=False, break_on_hyphens=False
            )
        else:
            lines.append(line)
    return "\n".join(f"# {line}" if line else "#" for line in lines)


def remove_assets(app, error):
    """Take away the style sheets that extensions copy whatever the builder."""
    if app.builder.name == NotebooksBuilder.name:
        shutil.rmtree(Path(app.outdir, "_static"), ignore_errors=True)


def setup(app):
    """Add the builder."""
    app.add_builder(NotebooksBuilder)
    app.connect("build-finished", remove_assets, priority=900)
    app.add_post_transform(DropOutputs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
