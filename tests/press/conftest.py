"""A small site, built in this process with the book's theme and the press's modules."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

SETTINGS = {
    "extensions": ["myst_nb", "sphinx_exercise", "sphinx_design", "press"],
    "html_theme": "sphinx_book_theme",
    "html_title": "A Small Book",
    "html_math_renderer": "press",
    "html_copy_source": True,
    "html_sourcelink_suffix": "",
    "language": "en",
    "numfig": True,
    "math_numfig": True,
    "numfig_secnum_depth": 1,
    "nb_execution_mode": "off",
    "myst_enable_extensions": ["amsmath", "colon_fence", "dollarmath"],
    "press_repository": "someone/book",
}

NOTEBOOK = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {name: python3, display_name: Python 3}
---
"""

PAGE = (
    NOTEBOOK
    + """
# First page

Words that describe this page, with `code` and *emphasis*, see {eq}`eq-one`.

```{math}
:label: eq-one
a^2 + b^2 = c^2
```

![A white box](box.png)

## A section

![Another white box](box.png)

```{exercise-start} Add ★
:label: ex-add
```
What is one and one?

:::{admonition} Hint
:class: hint dropdown
Count.
:::

```{exercise-end}
```

```{solution-start} ex-add
:class: dropdown
```
Two.
```{solution-end}
```

:::{note}
:class: dropdown
A closed note.
:::
"""
)

FILES = {
    "index": "# A Small Book\n\n```{toctree}\n:numbered:\n:caption: Part\npage\n```\n"
    "\n```{toctree}\n:caption: Rest\nplain\n```\n",
    "page": PAGE,
    "plain": "# Plain page\n\n" + "Many words make a long paragraph. " * 12 + "\n",
}


@dataclass
class Page:
    """One built page."""

    path: Path

    @property
    def html(self) -> str:
        """Its whole HTML."""
        return self.path.read_text(encoding="utf-8")


class Site:
    """A built site: `site("page").html`, `site.out`, `site.warnings`."""

    def __init__(self, out: Path, warnings: str):
        self.out = out
        self.warnings = warnings

    def __call__(self, name: str) -> Page:
        return Page(self.out / f"{name}.html")


def _build(folder: Path, files: dict, **settings) -> Site:
    source = folder / "source"
    source.mkdir(exist_ok=True)
    for name, content in files.items():
        path = source / (name if isinstance(content, bytes) else f"{name}.md")
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
    warnings = io.StringIO()
    out = folder / "html"
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            source,
            None,
            out,
            folder / "doctrees",
            "html",
            confoverrides={**SETTINGS, **settings},
            status=None,
            warning=warnings,
        )
        app.build()
    return Site(out, warnings.getvalue())


@pytest.fixture
def make_site(tmp_path):
    """Build a site from {name: Markdown text, or bytes}; again to build it anew."""
    return lambda files, **settings: _build(tmp_path, files, **settings)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The small site above, built once."""
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (120, 80), "white").save(picture, "PNG")
    files = {**FILES, "box.png": picture.getvalue()}
    return _build(tmp_path_factory.mktemp("site"), files)
