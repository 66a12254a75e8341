"""Formulas: what is rendered, what is refused, and how Sphinx numbers them."""

import re
import time

import pytest

from press import math


def test_a_formula_holds_mathml_and_its_source():
    html = math.render(r"\frac{a}{b}")
    assert "<mfrac>" in html
    assert r"\frac{a}{b}</annotation>" in html


def test_display_differs_from_inline():
    assert "katex-display" in math.render("x", True)
    assert "katex-display" not in math.render("x")


@pytest.mark.parametrize(
    "tex", [r"\frac{a", r"\nosuchcommand", r"x^{1", r"\left( x", "a & b"]
)
def test_bad_tex_is_refused(tex):
    with pytest.raises(math.TexError):
        math.render(tex)


def test_text_is_escaped():
    assert "</script>" not in math.render("</script>")


@pytest.mark.parametrize("name", ["align", "gather", "equation"])
def test_environments_are_numbered_by_sphinx_alone(name):
    tex = rf"\begin{{{name}}} a = b \end{{{name}}}"
    source = math.display_source(tex, nowrap=True)
    assert rf"\begin{{{name}*}}" in source
    assert "eqn-num" not in math.render(source, True)


@pytest.mark.parametrize(
    "tex",
    ["a = b", r"a &= b \\ c &= d", "a = b\n\nc = d", r"\begin{matrix}1\end{matrix}"],
)
def test_displays_that_sphinx_knows_render(tex):
    assert math.render(math.display_source(tex), True)


def test_three_hundred_formulas_take_less_than_two_seconds():
    math.render("x")
    start = time.process_time()
    for number in range(300):
        math.render(rf"\sum_{{i=1}}^{{{number}}} \frac{{\partial L}}{{\partial w_i}}")
    assert time.process_time() - start < 2


def test_page_numbers_references_and_scroll_box(site):
    page = site("page").html
    assert re.search(r'<div class="math[^>]*id="equation-eq-one">', page)
    assert '<div class="math-scroll"><span class="katex-display">' in page
    assert re.search(r'<span class="eqno">\(1\.1\)', page)
    assert re.search(r'href="#equation-eq-one">\(1\.1\)</a>', page)
    assert "katex/katex.css" in page


def test_a_page_without_formulas_loads_nothing_for_them(site):
    assert "katex" not in site("plain").html


def test_tex_error_names_document_and_line(make_site):
    built = make_site({"index": "# Title\n\nText with $\\frac{a$ inside.\n"})
    assert re.search(r"index\.md:3: WARNING: this formula cannot", built.warnings)
