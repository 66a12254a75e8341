"""The parts of the notebooks builder on their own: problems, helpers, addresses."""

from types import SimpleNamespace

import nbformat
import pytest
from sphinx.errors import ConfigError

from press.helpers_cell import (
    HelpersError,
    as_literal,
    embedded_files,
    helpers_cell,
    imported_names,
)
from press.markdown import (
    clean_math,
    code_span,
    display_math,
    escape,
    list_text,
    protect_start,
)
from press.notebooks import clean_outputs, ran_to_the_end
from press.published import published_markdown_problems
from press.repository import repository


def problems(*sources):
    cells = [nbformat.v4.new_markdown_cell(source) for source in sources]
    return published_markdown_problems(nbformat.v4.new_notebook(cells=cells))


@pytest.mark.parametrize(
    "markdown",
    [
        "See {ref}`there`.",
        "See {cite:p}`sobel2014`.",
        ":::{note}\nText.\n:::",
        "> :::\n> Text.",
        "```{math}\nx\n```",
        "```{note}\nnever closed",
        "$$\nx = 1\n``` \\\\\n$$",
        "(eq-x)=\n",
        "% a comment",
        "+++",
        "{{ name }}",
        "A note[^1].",
        "<!-- hidden -->",
        "![x](attachment:x.png)",
        "Figure ??? shows",
        "![x](pictures/x.png)",
        '<img alt="x" src="pictures/x.png">',
        '<img src="data:image/png;base64,AAAA">',
        '<img alt="" src="data:image/png;base64,AAAA">',
        "[x](other.md)",
        "[x](../other.html)",
        '<a href="other.html">x</a>',
        "[](https://example.org)",
        "[x]()",
        "[x](#nowhere)",
    ],
)
def test_a_problem_is_found(markdown):
    found = problems("Fine.", markdown)
    assert found and all(line.startswith("cell 2: ") for line in found)


@pytest.mark.parametrize(
    "markdown",
    [
        "Write `` {ref}`there` `` for a reference.",
        "Write `{{ x }}` and `![x](y.png)`.",
        "```python\nx = '{ref}`x`'  # ???\n```",
        "````markdown\n```{note}\n:::\n```\n````",
        "> ```\n> :::{note}\n> ```",
        "$\\mathbb{R}^{n}$ and $$\\hat{y}_{i}$$ and {a} `b`",
        "[x](https://example.org/a_%28b%29), <https://example.org>, [x\\](y)",
        '<a id="scrollTo=abc"></a>\n\n[x](#scrollTo=abc)',
        '<img alt="x" src="data:image/png;base64,AAAA">',
        "100 % sure: really? a+++",
    ],
)
def test_what_is_fine_is_left_alone(markdown):
    assert problems(markdown) == []


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("5 * 3", r"5 \* 3"),
        ("a_b _c_", r"a_b \_c\_"),
        ("$5", "<span>&#36;</span>5"),
        ("a < b", "a &lt; b"),
        ("&amp;", "&amp;amp;"),
        ("R&D", "R&D"),
        ("a\\b", "a&#92;b"),
        ("[x](y)", r"[x\](y)"),
        ("two\nlines", "two lines"),
    ],
)
def test_escape(text, markdown):
    assert escape(text) == markdown


def test_start_of_a_paragraph_is_protected():
    assert protect_start("1. No list") == r"1\. No list"
    assert protect_start("# No heading") == r"\# No heading"
    assert protect_start("- no item") == r"\- no item"
    assert protect_start("-1 is a number") == "-1 is a number"
    assert protect_start("3.5 is, too") == "3.5 is, too"


def test_code_spans_hold_backticks_and_pipes():
    assert code_span("a`b") == "``a`b``"
    assert code_span("`b") == "`` `b ``"
    assert code_span("a|b", in_table=True) == r"`a\|b`"


def test_math_survives_tables_and_html():
    assert clean_math("a<b") == "a< b"
    assert clean_math(r"|x| \| y", in_table=True) == r"\vert x\vert  \Vert  y"
    assert clean_math("a<b", in_html=True) == r"a \lt b"
    assert clean_math("a % comment\n+ 50\\%") == r"a + 50\%"


def test_display_math_has_one_environment_and_its_number():
    assert display_math("x = 1", "") == "x = 1"
    assert display_math("a\n= b\n- c", "2") == "a = b - c\n\\tag{2}"
    aligned = display_math(r"a &= b \\ &= c", "1.1")
    assert aligned.startswith(r"\begin{aligned}") and aligned.endswith(r"\tag{1.1}")
    matrix = r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"
    assert display_math(matrix, "") == matrix
    assert "aligned" in display_math(r"\begin{align*}a &= b\end{align*}", "")


def test_lists_keep_their_code_inside():
    code = "```python\nx\n```"
    assert list_text([("1.", ["a", code])]) == "1. a\n\n   ```python\n   x\n   ```"


def test_outputs_lose_widgets_and_gain_the_description():
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "a"},
        {"output_type": "stream", "name": "stdout", "text": "b"},
        {"output_type": "stream", "name": "stderr", "text": "c"},
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}},
        },
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": "AAAA", "text/plain": "x"},
        },
    ]
    first, second, picture = clean_outputs(outputs, "A picture")
    assert (first.text, second.text) == ("ab", "c")
    assert picture.metadata == {"image/png": {"alt": "A picture"}}


def executed(count=1, outputs=(), tags=(), source="x"):
    cell = nbformat.v4.new_code_cell(source, execution_count=count)
    cell.outputs = [nbformat.v4.new_output(kind) for kind in outputs]
    cell.metadata["tags"] = list(tags)
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_chapter_that_failed_or_was_not_run_is_told_from_one_that_was():
    assert ran_to_the_end(executed())
    assert ran_to_the_end(executed(count=None, source=" "))
    assert ran_to_the_end(executed(outputs=["error"], tags=["raises-exception"]))
    assert not ran_to_the_end(executed(outputs=["error"]))
    assert not ran_to_the_end(executed(count=None))


class TestHelpers:
    def package(self, tmp_path, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return tmp_path

    @pytest.mark.parametrize(
        ("source", "names"),
        [
            ("from dlbook import a, b as c", {"a", "b"}),
            ("import dlbook", {"*"}),
            ("import dlbook.data", {"data"}),
            ("from dlbook.data import digits", {"data"}),
            ("if True:\n    from dlbook import a", {"a"}),
            ("%matplotlib inline\n!ls\nfrom dlbook import a", {"a"}),
            ("%%time\nfrom x import y", set()),
            ("import dlbooks", set()),
            ("for (", set()),
        ],
    )
    def test_imported_names(self, source, names):
        assert imported_names([source]) == names

    def test_only_what_is_used_and_what_that_uses(self, tmp_path):
        root = "from ._a import a\nfrom ._b import b\nfrom ._c import c\n"
        folder = self.package(
            tmp_path,
            __init__=root + '\nVERSION = 1\n__all__ = ["a", "b", "c"]\n',
            _a="def a():\n    from . import _d\n",
            _b="b = 1\n",
            _c="c = 1\n",
            _d="from dlbook._b import b\n",
        )
        files = embedded_files({"a"}, folder)
        assert set(files) == {"__init__.py", "_a.py", "_b.py", "_d.py"}
        assert "_c" not in files["__init__.py"]
        assert "VERSION = 1" in files["__init__.py"]
        assert '"c"' not in files["__init__.py"]

    def test_text_files_that_a_module_names_come_along(self, tmp_path):
        folder = self.package(
            tmp_path, __init__="from ._a import a\n", _a='a = "style.css"\n'
        )
        (folder / "style.css").write_text("p {}")
        (folder / "unused.css").write_text("q {}")
        assert set(embedded_files({"a"}, folder)) == {
            "__init__.py",
            "_a.py",
            "style.css",
        }

    def test_an_unknown_name_is_an_error_that_names_it(self, tmp_path):
        folder = self.package(tmp_path, __init__="")
        with pytest.raises(HelpersError, match="'nothing'"):
            helpers_cell(["from dlbook import nothing"], folder)

    def test_no_import_no_cell(self, tmp_path):
        assert helpers_cell(["x = 1"], self.package(tmp_path, __init__="")) is None

    @pytest.mark.parametrize(
        "text",
        [
            'a = "x"\n',
            "a = '''x'''\n",
            "'''a''' \"\"\"b\"\"\"\n",
            "ends in '",
            "ends in \\",
            "\\n is not a newline\n",
            "",
        ],
    )
    def test_a_literal_gives_its_text_back(self, text):
        assert eval(as_literal(text)) == text


class TestRepository:
    @pytest.fixture(autouse=True)
    def no_environment(self, monkeypatch):
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)

    def config(self, value="Some-One/book", base=""):
        return SimpleNamespace(press_repository=value, html_baseurl=base)

    def test_addresses(self):
        found = repository(self.config())
        assert found.site_url == "https://some-one.github.io/book/"
        assert found.page_url("a/b") == "https://some-one.github.io/book/a/b.html"
        assert found.colab_url("a/b") == (
            "https://colab.research.google.com/github/Some-One/book/blob/notebooks/"
            "a/b.ipynb"
        )
        assert found.edit_url("a/b").endswith("/edit/main/chapters/a/b.md")
        assert found.source_url("a/b").endswith("/blob/main/chapters/a/b.md")

    def test_a_site_of_its_own(self):
        assert repository(self.config(base="https://x.org/b")).site_url == (
            "https://x.org/b/"
        )
        name = "Some-One/some-one.github.io"
        assert repository(self.config(name)).site_url == "https://some-one.github.io/"

    def test_the_environment_takes_over(self, monkeypatch):
        monkeypatch.setenv("GITHUB_REPOSITORY", "fork/book")
        assert repository(self.config()).owner == "fork"

    @pytest.mark.parametrize("value", ["", "one", "a/b/c", "a b/c", "a/..", None])
    def test_a_malformed_name_is_one_clear_error(self, value):
        with pytest.raises(ConfigError, match="owner/name"):
            repository(self.config(value))
