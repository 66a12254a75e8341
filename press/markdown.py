"""A resolved Sphinx document as Markdown that Colab and JupyterLab show properly.

`translate` walks the same document as the site's HTML writer, after every number,
cross-reference and citation is settled, and returns a list of pieces:

- str: a Markdown block;
- Caption: a Markdown block that belongs to the output above it;
- CodeCell: "the code cell with this index comes here";
- Break: "a new Markdown cell starts here".

Links inside the chapter are left as marks (see `anchor_mark` and `link_mark`), since
Colab follows links to cells only, and cells get their ids later.
"""

import base64
import html
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.locale import admonitionlabels
from sphinx.util import logging

logger = logging.getLogger(__name__)

# A drawing travels inside the notebook's text; beyond this size it is too heavy.
MAX_IMAGE_BYTES = 500_000

# Private-use characters: they cannot be in a chapter, and survive every join below.
_OPEN_ANCHOR, _CLOSE_ANCHOR, _OPEN_LINK, _CLOSE_LINK = "\ue000\ue001\ue002\ue003"
ANCHOR_MARK = re.compile(f"{_OPEN_ANCHOR}([^{_CLOSE_ANCHOR}]*){_CLOSE_ANCHOR}")
LINK_MARK = re.compile(f"{_OPEN_LINK}([^{_CLOSE_LINK}]*){_CLOSE_LINK}")
_ONLY_MARKS = re.compile(f"(?:{ANCHOR_MARK.pattern})+")

_LANGUAGES = {
    "ipython3": "python",
    "ipython": "python",
    "default": "",
    "none": "",
    "myst-ansi": "",
}
# What a reader never sees on the site either.
_INVISIBLE = (
    "comment",
    "docinfo",
    "index",
    "meta",
    "substitution_definition",
    "system_message",
    "tabular_col_spec",
    "toctree",
)


def anchor_mark(identifier: str) -> str:
    """A mark that says "the target `identifier` is here"."""
    return f"{_OPEN_ANCHOR}{identifier}{_CLOSE_ANCHOR}"


def link_mark(identifier: str) -> str:
    """A mark that stands for the address of the target `identifier`."""
    return f"{_OPEN_LINK}{identifier}{_CLOSE_LINK}"


class Caption(str):
    """Markdown that belongs to the output of the code cell above it."""


@dataclass
class CodeCell:
    """The place of an executed code cell.

    `index` counts the cells of the executed notebook; `form` is the title under which
    the code is folded away, or None; `alt` describes its picture.
    """

    index: int
    form: str | None = None
    alt: str = ""


@dataclass
class Break:
    """A new Markdown cell starts here; `key` names it from build to build."""

    key: str


def translate(document: nodes.document, docname: str, builder) -> list:
    """The pieces of a resolved document; a node with no Markdown form is a warning."""
    return Translator(document, docname, builder).pieces()


class Translator:
    """Walks one document. `block_X` and `inline_X` render a node of class X."""

    def __init__(self, document, docname, builder):
        self.document = document
        self.docname = docname
        self.builder = builder
        self.config = builder.config
        self.env = builder.env
        self.referenced = _referenced_ids(document)
        self.level = 0
        self.quoted = 0
        self.in_table = False
        self.solution = None
        self.solution_cells = 0
        self.described = set()

    def pieces(self) -> list:
        """The whole document."""
        return merge_marks(self.blocks(self.document.children))

    # Dispatch ------------------------------------------------------------------

    def handler(self, kind: str, node):
        """The method for this node, by its class or the nearest class above it."""
        for cls in type(node).__mro__:
            method = getattr(self, f"{kind}_{cls.__name__}", None)
            if method is not None:
                return method
        return None

    def blocks(self, children) -> list:
        """Block nodes as pieces; stray inline nodes among them become paragraphs."""
        pieces, inline = [], []
        for node in children:
            if node.__class__.__name__ in _INVISIBLE:
                continue
            method = self.handler("block", node)
            if method is None and self.handler("inline", node) is not None:
                inline.append(node)
                continue
            pieces += self.paragraph_of(inline)
            inline = []
            pieces += self.block(node, method)
        return pieces + self.paragraph_of(inline)

    def block(self, node, method) -> list:
        if method is None:
            self.unknown(node)
            return self.blocks(node.children) if node.children else []
        return [*self.anchors(node), *method(node)]

    def anchors(self, node) -> list[str]:
        marks = "".join(
            anchor_mark(identifier)
            for identifier in node.get("ids", [])
            if identifier in self.referenced
        )
        return [marks] if marks else []

    def inline(self, children) -> str:
        """Inline nodes as one line of Markdown."""
        text = ""
        for node in children:
            if node.__class__.__name__ in _INVISIBLE:
                continue
            method = self.handler("inline", node)
            if method is None:
                self.unknown(node)
                text += escape(node.astext(), self.in_table)
                continue
            if not isinstance(node, nodes.Text):
                text += "".join(self.anchors(node))
            piece = method(node)
            if piece.startswith("[") and text.endswith("!"):
                text = text[:-1] + "&#33;"
            text += piece
        return text

    def text_blocks(self, children) -> list[str]:
        """Blocks where no code cell can be: inside a quote, a list, a table."""
        kept = []
        for piece in merge_marks(self.blocks(children)):
            if isinstance(piece, CodeCell):
                self.warn("a code cell inside a list, quote or table", self.document)
            elif isinstance(piece, str):
                kept.append(piece)
        return kept

    def paragraph_of(self, inline) -> list[str]:
        text = self.inline(inline).strip()
        return [protect_start(text)] if text else []

    def unknown(self, node) -> None:
        self.warn(f"a node of type '{type(node).__name__}'", node)

    def warn(self, what: str, node) -> None:
        location = node if getattr(node, "line", None) else self.docname
        logger.warning(
            "the notebook of '%s' cannot show %s",
            self.docname,
            what,
            location=location,
            type="press",
            subtype="notebooks",
        )

    # Structure -----------------------------------------------------------------

    def block_section(self, node) -> list:
        if not any(isinstance(child, nodes.title) for child in node.children):
            return self.blocks(node.children)  # the content of an exercise
        self.level += 1
        pieces = self.blocks(node.children)
        self.level -= 1
        identifier = node["ids"][0] if node["ids"] else "untitled"
        return [Break(f"section:{identifier}"), *pieces]

    def block_title(self, node) -> list[str]:
        text = self.inline(node.children).strip()
        heading = f"{'#' * min(max(self.level, 1), 6)} {self.section_number(node)}"
        return [heading + text]

    def section_number(self, title) -> str:
        numbers = self.env.toc_secnumbers.get(self.docname, {})
        ids = title.parent.get("ids", [])
        anchor = f"#{ids[0]}" if ids else ""
        number = numbers.get(anchor if anchor in numbers else "")
        if not number:
            return ""
        suffix = self.config.html_secnumber_suffix.replace("\u00a0", " ")
        return ".".join(map(str, number)) + suffix

    def number_of(self, kind: str, node) -> str:
        """ "Fig. 1.3" for a numbered figure, "" for one without a number."""
        numbers = self.env.toc_fignumbers.get(self.docname, {}).get(kind, {})
        for identifier in node.get("ids", []):
            if identifier in numbers:
                number = ".".join(map(str, numbers[identifier]))
                return self.config.numfig_format.get(kind, "%s") % number
        return ""

    def block_paragraph(self, node) -> list[str]:
        return self.paragraph_of(node.children)

    def block_compound(self, node) -> list:
        return self.blocks(node.children)

    def block_target(self, node) -> list[str]:
        return []

    def block_transition(self, node) -> list[str]:
        if "footnotes" in node["classes"]:
            return [Break("footnotes"), "***"]
        return ["***"]

    def block_rubric(self, node) -> list[str]:
        return [f"**{self.inline(node.children).strip()}**"]

    def block_centered(self, node) -> list[str]:
        return self.block_rubric(node)

    def block_line_block(self, node) -> list[str]:
        return [protect_start("<br>".join(self.lines_of(node)))]

    def lines_of(self, node) -> list[str]:
        lines = []
        for child in node.children:
            if isinstance(child, nodes.line_block):
                lines += ["&emsp;" + line for line in self.lines_of(child)]
            else:
                lines.append(self.inline(child.children))
        return lines

    def block_literal_block(self, node) -> list[str]:
        code = node.astext().rstrip("\n")
        language = node.get("language", "")
        ticks = max((len(run) for run in re.findall("`+", code)), default=0)
        fence = "`" * max(3, ticks + 1)
        return [f"{fence}{_LANGUAGES.get(language, language)}\n{code}\n{fence}"]

    def block_doctest_block(self, node) -> list[str]:
        return [f"```python\n{node.astext().rstrip()}\n```"]

    # Cells ---------------------------------------------------------------------

    def block_container(self, node) -> list:
        if node.get("nb_element") == "cell_code":
            return self.code_cell(node)
        if node.get("literal_block"):
            return self.captioned_code(node)
        if node.children and all(
            isinstance(child, nodes.citation) for child in node.children
        ):
            return [self.bullets([self.block(c, self.block_citation) for c in node])]
        component = node.get("design_component")
        if component == "dropdown":
            return self.design_dropdown(node)
        if component and component.startswith("tab"):
            self.warn(f"a sphinx-design '{component}'", node)
        if {"toggle", "dropdown"} & set(node["classes"]):
            return self.details("Show", self.text_blocks(node.children))
        return self.blocks(node.children)

    def captioned_code(self, node) -> list:
        caption = "".join(
            self.inline(child.children)
            for child in node.children
            if isinstance(child, nodes.caption)
        )
        label = self.number_of("code-block", node)
        rest = [child for child in node if not isinstance(child, nodes.caption)]
        return [*self.blocks(rest), *caption_block(label, caption)]

    def code_cell(self, node) -> list:
        metadata = node.get("cell_metadata", {})
        tags = set(metadata.get("tags", []))
        image = metadata.get(self.config.nb_cell_metadata_key, {}).get("image", {})
        alt = str(image.get("alt", "")).strip()
        cell = CodeCell(node["cell_index"], alt=alt)
        figures = list(node.findall(nodes.figure))
        if self.solution is not None:
            self.solution_cells += 1
            part = f", part {self.solution_cells}" if self.solution_cells > 1 else ""
            cell.form = self.solution + part
        elif tags & {"hide-input", "hide-cell", "remove-input", "remove_input"}:
            label = self.number_of("figure", figures[0]) if figures else ""
            cell.form = f"Code for {label}" if label else "Code"
        return [cell, *self.captions_of(figures, alt)]

    def captions_of(self, figures, alt: str) -> list[Caption]:
        """What follows the outputs of a cell: captions, and what a picture shows.

        Colab's output frame has no place for an alternative text, so that it goes
        where a screen reader finds it and nobody else has to read it.
        """
        parts = []
        for figure in figures:
            ids = set(figure["ids"])
            if ids and ids <= self.described:
                continue
            self.described |= ids
            parts += self.anchors(figure) + self.caption_of(figure)
        if alt:
            parts += self.details("Description of the figure", [escape(alt)])
        text = "\n\n".join(merge_marks(parts))
        return [Caption(text)] if text else []

    def caption_of(self, figure) -> list[str]:
        caption, legend = "", []
        for child in figure.children:
            if isinstance(child, nodes.caption):
                caption = self.inline(child.children)
            elif isinstance(child, nodes.legend):
                legend = self.text_blocks(child.children)
        return caption_block(self.number_of("figure", figure), caption) + legend

    def block_figure(self, node) -> list[str]:
        pictures = [
            child
            for child in node.children
            if not isinstance(child, (nodes.caption, nodes.legend))
        ]
        return self.text_blocks(pictures) + self.caption_of(node)

    # Exercises and solutions -----------------------------------------------------

    def block_exercise_node(self, node) -> list:
        title = self.inline(node.children[0].children).strip()
        number = self.number_of("exercise", node)
        heading = f"**{' '.join(part for part in (number, title) if part)}**"
        return [
            Break(f"exercise:{node['label']}"),
            heading,
            *self.blocks(node.children[1:]),
            Break("after"),
        ]

    block_exercise_enumerable_node = block_exercise_node

    def block_solution_node(self, node) -> list:
        title = node.children[0]
        reference = title.next_node(nodes.reference)
        name = title.children[0].astext().strip()
        if reference is not None and reference.children:
            name = f"{name} {reference.children[0].astext().strip()}"
        self.solution, self.solution_cells = name, 0
        pieces = merge_marks(self.blocks(node.children[1:]))
        self.solution = None
        return [
            Break(f"solution:{node['target_label']}"),
            *self.folded(name, pieces),
            Break("after"),
        ]

    def folded(self, name: str, pieces: list) -> list:
        """Runs of text between the code cells of a solution, each in a fold."""
        result, run = [], []
        for piece in [*pieces, None]:
            if type(piece) is str:
                run.append(piece)
                continue
            if run:
                continued = any(isinstance(old, str) for old in result)
                summary = f"{name}, continued" if continued else name
                result += self.details(html.escape(summary, quote=False), run)
                run = []
            if piece is not None:
                result.append(piece)
        return result

    # Boxes -----------------------------------------------------------------------

    def block_admonition(self, node) -> list[str]:
        children = list(node.children)
        if children and isinstance(children[0], nodes.title):
            title_node, children = children[0], children[1:]
        else:
            title_node = None
        kind = type(node).__name__
        classes = set(node["classes"])
        folded = kind == "hint" or classes & {"dropdown", "toggle", "hint"}
        if folded:
            summary = (
                self.summary_of(title_node)
                if title_node is not None
                else str(admonitionlabels.get(kind, kind.title()))
            )
            return self.details(summary, self.text_blocks(children))
        title = (
            self.inline(title_node.children).strip()
            if title_node is not None
            else str(admonitionlabels.get(kind, kind.title()))
        )
        return self.boxed(title, children)

    # Each by its name: Sphinx's descriptions of functions are admonitions, too.
    block_attention = block_caution = block_danger = block_error = block_admonition
    block_hint = block_important = block_note = block_seealso = block_admonition
    block_tip = block_warning = block_admonition

    def summary_of(self, title) -> str:
        """A title as HTML: Markdown is not read inside <summary>, math is."""
        parts = []
        for node in title.children:
            if isinstance(node, nodes.math):
                parts.append(f"${clean_math(node.astext(), in_html=True)}$")
            else:
                text = html.escape(node.astext(), quote=False)
                parts.append(text.replace("$", "<span>&#36;</span>"))
        return "".join(parts).strip()

    def boxed(self, title: str, children) -> list[str]:
        self.quoted += 1
        body = self.text_blocks(children)
        self.quoted -= 1
        head = [f"**{title}**"] if title else []
        return [quote_lines("\n\n".join(head + body))]

    def details(self, summary: str, body: list[str]) -> list[str]:
        """A fold; the blank lines make Markdown and math inside it render."""
        text = "\n\n".join(body)
        return [f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"]

    def design_dropdown(self, node) -> list[str]:
        children = list(node.children)
        summary = "Details"
        if node.get("has_title") and children:
            summary = self.summary_of(children.pop(0))
        return self.details(summary, self.text_blocks(children))

    def block_sidebar(self, node) -> list[str]:
        children = list(node.children)
        title = ""
        if children and isinstance(children[0], nodes.title):
            title = self.inline(children.pop(0).children).strip()
        return self.boxed(title, children)

    block_topic = block_sidebar

    def block_block_quote(self, node) -> list[str]:
        return self.boxed("", node.children)

    def block_attribution(self, node) -> list[str]:
        return [f"— {self.inline(node.children).strip()}"]

    # Lists -----------------------------------------------------------------------

    def block_bullet_list(self, node) -> list[str]:
        return [self.bullets(self.items_of(node), self.marker_for(node, "-", "*"))]

    def block_enumerated_list(self, node) -> list[str]:
        start = node.get("start", 1)
        if node.get("enumtype", "arabic") != "arabic":
            items = [
                [
                    f"({enumerator(node['enumtype'], start + i)}) {first(item)}",
                    *item[1:],
                ]
                for i, item in enumerate(self.items_of(node))
            ]
            return [self.bullets(items)]
        end = self.marker_for(node, ".", ")")
        items = self.items_of(node)
        return [
            list_text([(f"{start + i}{end}", item) for i, item in enumerate(items)])
        ]

    def marker_for(self, node, usual: str, other: str) -> str:
        """Two lists in a row need different markers, or Markdown joins them."""
        parent = node.parent
        position = parent.index(node)
        flips = 0
        while position > 0 and type(parent[position - 1]) is type(node):
            flips += 1
            position -= 1
        return other if flips % 2 else usual

    def items_of(self, node) -> list[list[str]]:
        return [
            self.anchors(item) + self.text_blocks(item.children)
            for item in node.children
        ]

    def bullets(self, items: list[list[str]], marker: str = "-") -> str:
        return list_text([(marker, merge_marks(item)) for item in items])

    def block_definition_list(self, node) -> list[str]:
        items = []
        for item in node.children:
            head, body = [], []
            for child in item.children:
                if isinstance(child, nodes.definition):
                    body = self.text_blocks(child.children)
                elif isinstance(child, nodes.classifier):
                    head.append(f"*{self.inline(child.children)}*")
                else:
                    marks = "".join(self.anchors(child))
                    head.append(f"{marks}**{self.inline(child.children).strip()}**")
            opening = ", ".join(head)
            if body and is_plain(body[0]):
                opening = f"{opening}: {body.pop(0)}"
            items.append([opening, *body])
        return [self.bullets(items)]

    def block_glossary(self, node) -> list:
        return self.blocks(node.children)

    def block_field_list(self, node) -> list[str]:
        items = []
        for field in node.children:
            name = self.inline(field.children[0].children)
            body = self.text_blocks(field.children[1].children)
            items.append([f"**{name}**: {first(body)}", *body[1:]])
        return [self.bullets(items)]

    # Notes and sources -------------------------------------------------------------

    def block_footnote(self, node) -> list[str]:
        label, body = self.labelled(node)
        back = "".join(
            f" [↩]({link_mark(identifier)})" for identifier in node["backrefs"][:1]
        )
        text = f"**{label}.** {first(body)}"
        if len(body) > 1:
            return [text, *body[1:-1], body[-1] + back]
        return [text + back]

    def block_citation(self, node) -> list[str]:
        label, body = self.labelled(node)
        return [f"**[{label}]** {first(body)}", *body[1:]]

    def labelled(self, node) -> tuple[str, list[str]]:
        label = node.children[0]
        return escape(label.astext()), self.text_blocks(node.children[1:])

    def inline_footnote_reference(self, node) -> str:
        return f"<sup>[{node.astext()}]({link_mark(node['refid'])})</sup>"

    # Mathematics -------------------------------------------------------------------

    def block_math_block(self, node) -> list[str]:
        tex = display_math(node.astext(), self.equation_number(node))
        if self.quoted or self.in_table:
            return [f"$${one_line(tex)}$$"]
        return [f"$$\n{tex}\n$$"]

    def equation_number(self, node) -> str:
        if not node.get("number"):
            return ""
        if not (self.config.math_numfig and self.config.numfig):
            return str(node["number"])
        numbers = self.env.toc_fignumbers.get(self.docname, {}).get("displaymath", {})
        number = ".".join(map(str, numbers.get(node["ids"][0], ())))
        return getattr(self.config, "math_numsep", ".").join(number.rsplit(".", 1))

    def inline_math_block(self, node) -> str:
        tex = display_math(node.astext(), self.equation_number(node))
        return f" $${one_line(tex)}$$ "

    def inline_math(self, node) -> str:
        return f"${clean_math(node.astext(), in_table=self.in_table)}$"

    # Tables ------------------------------------------------------------------------

    def block_table(self, node) -> list[str]:
        title = next((c for c in node.children if isinstance(c, nodes.title)), None)
        group = next(c for c in node.children if isinstance(c, nodes.tgroup))
        caption = self.inline(title.children) if title is not None else ""
        above = caption_block(self.number_of("table", node), caption)
        return [*above, self.markdown_table(group) or self.html_table(group)]

    def markdown_table(self, group) -> str | None:
        """A GFM table, or None where a cell does not fit on one line."""
        head, body = rows_of(group, nodes.thead), rows_of(group, nodes.tbody)
        if len(head) != 1 or not all(
            fits_in_line(e) for row in head + body for e in row
        ):
            return None
        self.in_table = True
        lines = [[self.cell_text(entry) for entry in row] for row in head + body]
        self.in_table = False
        rule = [alignment(entry) for entry in head[0]]
        rows = [lines[0], rule, *lines[1:]]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def cell_text(self, entry) -> str:
        return " ".join(self.inline(child.children) for child in entry).strip()

    def html_table(self, group) -> str:
        """An HTML table; blank lines make the Markdown in its cells render."""
        parts = ["<table>"]
        for kind, tag in ((nodes.thead, "th"), (nodes.tbody, "td")):
            for row in rows_of(group, kind):
                parts.append("<tr>")
                for entry in row:
                    text = "\n\n".join(self.text_blocks(entry.children))
                    parts.append(f"<{tag}{spans(entry)}>\n\n{text}\n\n</{tag}>")
                parts.append("</tr>")
        return "\n".join([*parts, "</table>"])

    # Pictures and raw HTML -----------------------------------------------------------

    def block_image(self, node) -> list[str]:
        return [self.inline_image(node)]

    def inline_image(self, node) -> str:
        source = self.image_source(node)
        if source is None:
            return ""
        attributes = {"alt": node.get("alt", ""), "src": source}
        for name in ("width", "height"):
            size = re.fullmatch(r"(\d+)(?:px)?|(\d+%)", node.get(name, ""))
            if size:
                attributes[name] = size[1] or size[2]
        # Drawings have dark lines on nothing: keep them legible on a dark page.
        attributes["style"] = "background-color: white"
        pairs = (f'{name}="{html.escape(v)}"' for name, v in attributes.items())
        return f"<img {' '.join(pairs)}>"

    def image_source(self, node) -> str | None:
        uri = node["uri"]
        if uri.startswith(("data:", "https://", "http://")):
            return uri
        path = Path(self.builder.srcdir, uri)
        if not path.is_file():
            self.warn(f"the image {uri}: there is no such file", node)
            return None
        content = path.read_bytes()
        if len(content) > MAX_IMAGE_BYTES:
            self.warn(
                f"the image {uri} of {len(content) / 1000:.0f} kB: "
                f"make it smaller than {MAX_IMAGE_BYTES // 1000} kB",
                node,
            )
            return None
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    def block_raw(self, node) -> list[str]:
        # Extensions append scripts to the finished page; they have no source line.
        if node.parent is self.document and not (node.line or node.source):
            return []
        text = self.inline_raw(node).strip()
        return [text] if text else []

    def inline_raw(self, node) -> str:
        if "html" not in node.get("format", "").split():
            return ""
        text = node.astext()
        if 'type="checkbox"' in text:
            return "☑ " if "checked" in text else "☐ "
        if UNSAFE_HTML.search(text):
            self.warn("raw HTML with a script or a relative address", node)
            return ""
        return text

    # Inline ------------------------------------------------------------------------

    def inline_Text(self, node) -> str:
        return escape(node.astext(), self.in_table)

    def inline_emphasis(self, node) -> str:
        return wrapped(self.inline(node.children), "*", "em", stands_free(node))

    def inline_strong(self, node) -> str:
        return wrapped(self.inline(node.children), "**", "strong", stands_free(node))

    inline_title_reference = inline_emphasis
    inline_literal_emphasis = inline_emphasis
    inline_literal_strong = inline_strong

    def inline_subscript(self, node) -> str:
        return f"<sub>{self.inline(node.children)}</sub>"

    def inline_superscript(self, node) -> str:
        return f"<sup>{self.inline(node.children)}</sup>"

    def inline_literal(self, node) -> str:
        if "kbd" in node["classes"]:
            return f"<kbd>{escape(node.astext(), self.in_table)}</kbd>"
        return code_span(node.astext(), self.in_table)

    def inline_abbreviation(self, node) -> str:
        title = html.escape(node.get("explanation", ""))
        return f'<abbr title="{title}">{self.inline(node.children)}</abbr>'

    def inline_inline(self, node) -> str:
        return self.inline(node.children)

    def inline_target(self, node) -> str:
        return self.inline(node.children)

    inline_problematic = inline_inline
    inline_generated = inline_inline

    def inline_pending_xref(self, node) -> str:
        # Sphinx has already warned that nothing answers to this reference.
        return self.inline(node.children)

    def inline_reference(self, node) -> str:
        text = self.inline(node.children).strip()
        url = node.get("refuri", "")
        identifier = node.get("refid") or (url[1:] if url.startswith("#") else "")
        if identifier:
            return f"[{text}]({link_mark(identifier)})"
        if not url.startswith(("https://", "http://", "mailto:")):
            self.warn(f"the relative link to '{url}'", node)
            return text
        if node.astext() == url:
            return f"<{url}>"
        return f"[{text}]({link_address(url)})"


# Helpers without state ---------------------------------------------------------------

UNSAFE_HTML = re.compile(
    r"""<\s*(script|iframe|object|embed|style|form)\b|\son\w+\s*=|"""
    r"""\b(src|href)\s*=\s*["'](?!https?:|data:|mailto:|\#)""",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"^(>|[#+-]+(?=\s|$)|=+(?=\s*$)|\d+(?=[.)](?:\s|$)))")


def _referenced_ids(document) -> set[str]:
    """The ids in this document that some link in it points at."""
    found = set()
    for node in document.findall(nodes.Element):
        if isinstance(node, (nodes.reference, nodes.footnote_reference)):
            url = node.get("refuri", "")
            found.add(node.get("refid") or (url[1:] if url.startswith("#") else ""))
        elif isinstance(node, nodes.footnote):
            found.update(node["backrefs"])
    return found - {""}


def merge_marks(pieces: list) -> list:
    """Join a block that holds anchor marks alone to the next block.

    The marks of a section or exercise come before its Break; they move behind it.
    """
    merged, marks = [], ""
    for piece in pieces:
        if type(piece) is str and _ONLY_MARKS.fullmatch(piece):
            marks += piece
        elif isinstance(piece, str) and marks:
            merged.append(type(piece)(marks + piece))
            marks = ""
        else:
            merged.append(piece)
    return merged + ([marks] if marks else [])


def escape(text: str, in_table: bool = False) -> str:
    """Plain text as Markdown that shows exactly this text, on one line.

    A dollar sign is wrapped in an element of its own, because Jupyter and Colab look
    for mathematics twice: in the Markdown source and in the rendered page.
    """
    text = text.replace("\n", " ")
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    text = text.replace("\\", "&#92;").replace("<", "&lt;")
    text = re.sub(r"([*`])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    text = text.replace("~~", r"\~\~")
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)
    text = text.replace("$", "<span>&#36;</span>")
    return text.replace("|", r"\|") if in_table else text


def protect_start(text: str) -> str:
    """Keep a paragraph from reading as a heading, a list or a quote."""
    match = _LINE_START.match(text)
    if not match:
        return text
    end = match.end() if match[1][0].isdigit() else 0
    return f"{text[:end]}\\{text[end:]}"


def wrapped(text: str, mark: str, tag: str, free: bool) -> str:
    """Emphasis; as HTML where Markdown's rules about punctuation would miss it.

    `free` says that no letter or digit touches the emphasis from outside.
    """
    inner = text.strip()
    if not inner:
        return text
    before = text[: len(text) - len(text.lstrip())]
    after = text[len(text.rstrip()) :]
    ends = inner[0] + inner[-1]
    if ends.isalnum() or (free and "*" not in ends):
        return f"{before}{mark}{inner}{mark}{after}"
    return f"{before}<{tag}>{inner}</{tag}>{after}"


def stands_free(node) -> bool:
    """Whether the text on both sides of an inline node ends in no letter or digit."""
    siblings = node.parent.children
    at = siblings.index(node)
    left = siblings[at - 1].astext()[-1:] if at else ""
    right = siblings[at + 1].astext()[:1] if at + 1 < len(siblings) else ""
    return not (left.isalnum() or right.isalnum())


def code_span(code: str, in_table: bool = False) -> str:
    """Inline code, whatever backticks it has in it."""
    code = code.replace("\n", " ")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", code)), default=0))
    if code.startswith("`") or code.endswith("`"):
        code = f" {code} "
    if in_table:
        code = code.replace("|", r"\|")
    return f"{ticks}{code}{ticks}"


def link_address(url: str) -> str:
    """A URL that cannot end its Markdown link early."""
    for character, code in ((" ", "%20"), ("(", "%28"), (")", "%29")):
        url = url.replace(character, code)
    return url


def clean_math(tex: str, in_table: bool = False, in_html: bool = False) -> str:
    """TeX on one line that no Markdown parser takes for something else."""
    tex = one_line(strip_comments(tex))
    if in_html:
        tex = re.sub(r"\s*<\s*", r" \\lt ", tex)
        tex = re.sub(r"\s*>\s*", r" \\gt ", tex)
    else:
        # "<b" would open an HTML tag in a renderer that reads HTML before math.
        tex = re.sub(r"<(?=[A-Za-z/!?])", "< ", tex)
    if in_table:
        tex = re.sub(r"\\\|", r"\\Vert ", tex)
        tex = tex.replace("|", r"\vert ")
    return tex.strip()


def strip_comments(tex: str) -> str:
    return re.sub(r"(?<!\\)%.*", "", tex)


def one_line(tex: str) -> str:
    return " ".join(tex.split())


_ENVIRONMENTS = {
    "align": "aligned",
    "eqnarray": "aligned",
    "flalign": "aligned",
    "alignat": "alignedat",
    "gather": "gathered",
    "equation": "",
    "multline": "gathered",
}


def display_math(tex: str, number: str) -> str:
    r"""Display mathematics without its $$, numbered with \tag{number}.

    Top-level AMS environments cannot stand inside $$; their inner forms can.
    """
    tex = re.sub(r"\\label\{[^}]*\}", "", strip_comments(tex))
    tex = re.sub(r"<(?=[A-Za-z/!?])", "< ", tex)

    def inner(match):
        name = _ENVIRONMENTS[match[2]]
        return f"\\{match[1]}{{{name}}}" if name else ""

    names = "|".join(_ENVIRONMENTS)
    tex = re.sub(rf"\\(begin|end)\{{({names})\*?\}}", inner, tex)
    parts = [part.strip() for part in re.split(r"\n\s*\n", tex.strip()) if part.strip()]
    if len(parts) > 1:
        body = " \\\\\n".join(parts)
        tex = f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
    else:
        tex = parts[0] if parts else ""
        if re.search(r"\\\\", outside_environments(tex)):
            tex = f"\\begin{{aligned}}\n{tex}\n\\end{{aligned}}"
    tex = join_risky_lines(tex)
    return f"{tex}\n\\tag{{{number}}}" if number else tex


def outside_environments(tex: str) -> str:
    """TeX without what is inside \\begin...\\end or braces' environments."""
    pattern = re.compile(
        r"\\begin\{(\w+\*?)\}(?:(?!\\begin\{).)*?\\end\{\1\}", re.DOTALL
    )
    previous = None
    while previous != tex:
        previous, tex = tex, pattern.sub("", tex)
    return tex


def join_risky_lines(tex: str) -> str:
    """No line of math may look like a heading's underline, a list or a quote."""
    lines = []
    for line in (line.strip() for line in tex.splitlines() if line.strip()):
        if lines and line[0] in "=-+*#>|":
            lines[-1] += " " + line
        else:
            lines.append(line)
    return "\n".join(lines)


def quote_lines(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def indent_lines(text: str, width: int) -> str:
    pad = " " * width
    return "\n".join(pad + line if line else "" for line in text.split("\n"))


def first(blocks: list[str]) -> str:
    return blocks[0] if blocks else ""


def is_plain(block: str) -> bool:
    """Whether a block is a paragraph, so that it can follow other text on its line."""
    return not re.match(r"\s*(```|\$\$|<|[-*>#|]|\d+[.)])", ANCHOR_MARK.sub("", block))


def is_list(block: str) -> bool:
    return re.match(r"\s*([-*]|\d+[.)]) ", ANCHOR_MARK.sub("", block)) is not None


def list_text(items: list[tuple[str, list[str]]]) -> str:
    """A list from (marker, blocks) pairs, tight where every item is short."""
    tight = all(
        not blocks or (is_plain(blocks[0]) and all(map(is_list, blocks[1:])))
        for _, blocks in items
    )
    separator = "\n" if tight else "\n\n"
    lines = []
    for marker, blocks in items:
        width = len(marker) + 1
        body = indent_lines(separator.join(blocks), width).lstrip()
        lines.append(f"{marker} {body}".rstrip())
    return separator.join(lines)


def enumerator(kind: str, number: int) -> str:
    """ "b" for (loweralpha, 2), "iv" for (lowerroman, 4)."""
    if kind.endswith("alpha"):
        text = chr(ord("a") + number - 1)
    else:
        text, rest = "", number
        for value, letters in ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")):
            text += letters * (rest // value)
            rest %= value
    return text.upper() if kind.startswith("upper") else text


def caption_block(label: str, caption: str) -> list[str]:
    """ "**Fig. 1.2.** What it shows" as a block, or nothing."""
    head = f"**{label}.**" if label else ""
    text = " ".join(part for part in (head, caption.strip()) if part)
    return [text] if text else []


def rows_of(group, kind) -> list[list]:
    return [
        list(row.children)
        for part in group.children
        if isinstance(part, kind)
        for row in part.children
    ]


def fits_in_line(entry) -> bool:
    """Whether a table cell can be one cell of a GFM table."""
    if entry.get("morecols") or entry.get("morerows") or len(entry.children) > 1:
        return False
    if any(not isinstance(child, nodes.paragraph) for child in entry.children):
        return False
    return not any(
        isinstance(node, nodes.math_block)
        or (isinstance(node, nodes.math) and "\\begin" in node.astext())
        for node in entry.findall()
    )


def alignment(entry) -> str:
    classes = set(entry["classes"])
    if "text-center" in classes:
        return ":-:"
    if "text-right" in classes:
        return "--:"
    return ":--" if "text-left" in classes else "---"


def spans(entry) -> str:
    text = ""
    for name, attribute in (("morecols", "colspan"), ("morerows", "rowspan")):
        if entry.get(name):
            text += f' {attribute}="{entry[name] + 1}"'
    return text
