"""What every published notebook promises beside its outputs, which nbval compares."""

import base64
import html
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from harness import exemptions, missing_notebooks, published_notebooks
from PIL import Image

from press.lint import Cell, numbered
from press.published import published_markdown_problems

DATA_URI = re.compile(r"data:image/(?:png|gif|webp|jpeg);base64,([A-Za-z0-9+/=]+)")
HIDDEN = {"remove-cell", "remove-output"}


@pytest.fixture(scope="module")
def notebooks(request):
    """Every published notebook by its path under the build's notebooks/."""
    build = Path(request.config.option.build).resolve()
    sentence = missing_notebooks(build)
    if sentence:
        pytest.fail(sentence, pytrace=False)
    folder = build / "notebooks"
    return {
        path.relative_to(folder): nbformat.read(path, as_version=4)
        for path in published_notebooks(build)
    }


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_chapter_of_a_numbered_part_is_published(notebooks, root):
    wanted = {
        path.relative_to(root / "chapters").with_suffix(".ipynb")
        for path in numbered(root)
    }
    assert wanted, "_toc.yml has no numbered part"
    assert wanted <= set(notebooks)


def test_every_code_cell_was_executed(notebooks):
    for path, notebook in notebooks.items():
        counts = [cell.execution_count for cell in code_cells(notebook)]
        assert counts, f"{path} has no code cell"
        assert None not in counts, f"{path}: cell {counts.index(None)} was not run"
        assert counts == sorted(set(counts)), f"{path}: the cells ran out of order"


def test_outputs_are_there_to_be_compared(notebooks):
    for path, notebook in notebooks.items():
        first = [
            cell
            for cell in code_cells(notebook)
            if Cell(cell.source, 1, {}).named("begin")
        ]
        assert first and first[0].outputs, f"{path}: begin() printed nothing"


def test_no_published_cell_failed(notebooks):
    for path, notebook in notebooks.items():
        for number, cell in enumerate(code_cells(notebook)):
            kinds = [output.output_type for output in cell.outputs]
            allowed = "raises-exception" in cell.metadata.get("tags", [])
            assert allowed or "error" not in kinds, f"{path}: cell {number}"


def test_a_cell_that_is_not_compared_says_why(notebooks):
    for path, notebook in notebooks.items():
        for number, off, reason in exemptions(notebook):
            assert reason, f"{path}: cell {number} switches off {off} with no reason"


def test_the_text_is_what_colab_can_show(notebooks):
    for path, notebook in notebooks.items():
        problems = published_markdown_problems(notebook)
        assert not problems, "\n".join([f"{path}:", *problems])


def test_every_picture_is_described(notebooks):
    for path, notebook in notebooks.items():
        for number, cell in enumerate(code_cells(notebook)):
            for output in cell.outputs:
                for kind in output.get("data", {}):
                    if kind.startswith("image/"):
                        alt = output.metadata.get(kind, {}).get("alt", "")
                        assert alt.strip(), f"{path}: the picture of cell {number}"


def test_the_site_shows_the_same_outputs(notebooks, build):
    for path, notebook in notebooks.items():
        page = build / "html" / path.with_suffix(".html")
        source = page.read_text("utf-8")
        text, pictures = plain(source), pictures_of(source, page)
        for number, cell in enumerate(code_cells(notebook)):
            if HIDDEN & set(cell.metadata.get("tags", [])):
                continue
            for output in cell.outputs:
                where = f"{path}: cell {number}"
                compare_with_page(output, text, pictures, where)


def compare_with_page(output, text, pictures, where):
    """Assert that the page has this output: its text, or its picture's pixels."""
    data = output.get("data", {})
    image = next((data[k] for k in ("image/png", "image/jpeg") if k in data), None)
    if "text/html" in data:
        assert plain(data["text/html"]) in text, f"{where}: its HTML is not on the page"
    elif image is not None:
        wanted = pixels(base64.b64decode(image))
        found = any(
            shown.shape == wanted.shape and np.abs(shown - wanted).mean() < 2
            for shown in pictures
        )
        assert found, f"{where}: its picture is not on the page"
    else:
        shown = output.get("text", data.get("text/plain", ""))
        assert plain(html.escape(shown)) in text, f"{where}: its text is not there"


def plain(source):
    """The text of some HTML with no tags and no white space."""
    source = re.sub(r"<(script|style)\b.*?</\1>", "", source, flags=re.DOTALL)
    return re.sub(r"\s+", "", html.unescape(re.sub(r"<[^>]*>", "", source)))


def pictures_of(source, page):
    """The pixels of every raster picture that a page shows."""
    found = [base64.b64decode(data) for data in DATA_URI.findall(source)]
    for name in set(re.findall(r'<img\b[^>]*\bsrc="([^":]+)"', source)):
        file = page.parent / name.partition("?")[0]
        if file.suffix in (".png", ".jpg", ".jpeg", ".gif", ".webp"):
            found.append(file.read_bytes())
    return [pixels(data) for data in found]


def pixels(data):
    """A picture as (height, width, 3) numbers on white paper."""
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    return np.asarray(paper.convert("RGB"), dtype=np.float32)
