"""Mathematics as HTML and MathML, rendered while the book is built.

KaTeX (press/vendor, MIT) runs in an embedded JavaScript engine, so a reader's browser
gets finished formulas and needs no script. Each formula also holds MathML and its TeX
source, for screen readers and for copying. A formula that KaTeX cannot read is a
warning with its document and line, which fails a strict build.
"""

import functools
import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

KATEX = Path(__file__).parent / "vendor" / "katex.min.js"

# Environments that number their own lines; Sphinx numbers the whole display instead.
_NUMBERED = re.compile(r"\\(begin|end)\{(equation|align|gather|alignat)\}")

logger = logging.getLogger(__name__)


class TexError(ValueError):
    """TeX that cannot be rendered; the message says why and where in the formula."""


@functools.cache
def _engine():
    """The JavaScript engine with KaTeX in it, started once for each build."""
    try:
        from py_mini_racer import MiniRacer
    except ImportError as error:
        raise ExtensionError(
            "The package mini-racer is missing; install requirements.txt."
        ) from error
    engine = MiniRacer()
    engine.eval(KATEX.read_text(encoding="utf-8"))
    engine.eval(
        """function render(tex, display) {
             try {
               return ["", katex.renderToString(tex, {
                 displayMode: display, output: "htmlAndMathml", trust: false,
                 throwOnError: true,
                 strict: code => code === "unicodeTextInMathMode" ? "ignore" : "error"
               })];
             } catch (error) { return [error.message, ""]; }
           }"""
    )
    return engine


@functools.lru_cache(maxsize=50_000)
def render(tex: str, display: bool = False) -> str:
    """The HTML of one formula.

    `display` asks for the large form that stands on a line of its own. Raises TexError
    when KaTeX cannot read `tex`.
    """
    call = f"JSON.stringify(render({json.dumps(tex)}, {json.dumps(display)}))"
    problem, output = json.loads(_engine().eval(call))
    if problem:
        raise TexError(problem.removeprefix("KaTeX parse error: "))
    return output


def display_source(tex: str, nowrap: bool = False) -> str:
    """TeX of a display as KaTeX wants it.

    Several lines are aligned, as Sphinx does it. With `nowrap` the text brings its own
    environment, of which the form without numbers is taken.
    """
    if nowrap or r"\begin{align" in tex or r"\begin{gather" in tex:
        return _NUMBERED.sub(r"\\\1{\2*}", tex.strip())
    parts = [part.strip() for part in re.split(r"\n\s*\n", tex) if part.strip()]
    lines = "\n".join(parts)
    if len(parts) > 1:
        return r"\begin{gathered}" + r"\\".join(parts) + r"\end{gathered}"
    if r"\\" in lines and r"\begin" not in lines:
        return rf"\begin{{aligned}}{lines}\end{{aligned}}"
    return lines


def _rendered(node: nodes.Element, tex: str, display: bool) -> str:
    try:
        return render(tex, display)
    except TexError as error:
        logger.warning(
            "this formula cannot be typeset: %s", error, location=node, type="math"
        )
        return f'<code class="math-error">{html.escape(tex)}</code>'


def visit_inline(translator, node: nodes.math) -> None:
    """Write an inline formula."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math"))
    translator.body.append(_rendered(node, node.astext(), display=False))
    translator.body.append("</span>")
    raise nodes.SkipNode


def visit_display(translator, node: nodes.math_block) -> None:
    """Write a displayed formula in a box that scrolls, with its number beside it."""
    tex = display_source(node.astext(), node.get("nowrap", False))
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append('<div class="math-scroll">')
    translator.body.append(_rendered(node, tex, display=True))
    translator.body.append("</div>")
    if node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer under the name that `html_math_renderer` asks for."""
    app.add_html_math_renderer("press", (visit_inline, None), (visit_display, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
