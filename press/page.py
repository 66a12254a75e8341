"""What stands around a chapter's text: the bar under its title, description, contents.

The bar tells how long the chapter ran at the last build and leads to the other ways to
read it: Colab, the notebook, the script, the source, the editor.
"""

import hashlib
import html
import math
import re
from functools import cache
from pathlib import Path

from docutils import nodes

from .light import ASSETS
from .repository import repository

DESCRIPTION_LENGTH = 160

# Pages that Sphinx makes without a source.
DESCRIPTIONS = {
    "genindex": "The index of the book: every term with the page that explains it.",
    "search": "Search every chapter of the book. It works without a network.",
}


def running_time(seconds: float) -> str:
    """Seconds as a reader would say them, rounded up: "31 s", "1 min 5 s"."""
    whole = max(1, math.ceil(seconds))
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{whole} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def page_bar(docname: str, pathto, repo, seconds: float | None, source: str) -> str:
    """HTML of the bar.

    `pathto` gives addresses as seen from the page, `source` is the name of the copied
    source file or nothing, `seconds` the measured running time or None.
    """
    links = [
        ("colab", "Open in Colab", repo.colab_url(docname), ""),
        ("notebook", "Notebook", pathto(f"notebooks/{docname}.ipynb", 1), " download"),
        ("script", "Script", pathto(f"notebooks/{docname}.py", 1), " download"),
    ]
    if source:
        links.append(("source", "Source", pathto(f"_sources/{source}", 1), ""))
    links.append(("edit", "Edit", repo.edit_url(docname), ""))
    items = "".join(
        f'<li><a class="page-bar-{kind}" href="{html.escape(url)}"{extra}>'
        f"{text}</a></li>"
        for kind, text, url, extra in links
    )
    note = ""
    if seconds is not None:
        note = (
            f"<p>Runs in <strong>{running_time(seconds)}</strong> on two CPU cores, "
            "measured at the last build.</p>"
        )
    return (
        f'<div class="page-bar">{note}'
        f'<ul aria-label="Other ways to read this chapter">{items}</ul></div>'
    )


def insert_bar(body: str, bar: str) -> str:
    """Put the bar right under the page's title."""
    return body.replace("</h1>", "</h1>\n" + bar, 1)


def description(doctree: nodes.document) -> str:
    """The beginning of the first paragraph as plain text, at most 160 characters."""
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph.parent, nodes.section | nodes.document):
            continue
        text = " ".join(paragraph.astext().split())
        if len(text) > DESCRIPTION_LENGTH:
            text = text[: DESCRIPTION_LENGTH - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
        if text:
            return text
    return ""


def navigation(tree: str) -> str:
    """The book's contents with the current page marked for everyone.

    `tree` is what Sphinx's `toctree` returns. Parts whose chapters are numbered get a
    class, from which the style counts them.
    """
    tree = tree.replace(
        '<a class="current reference internal"',
        '<a aria-current="page" class="current reference internal"',
    )
    tree = re.sub(
        r'class="caption"(?=[^\n]*</p>\s*<ul[^>]*>\s*<li[^>]*><a[^>]*>\d)',
        'class="caption part"',
        tree,
    )
    # The parts are no headings of this page's text.
    return tree.replace(' role="heading"', "").replace(' aria-level="2"', "")


def contents(toc: str) -> str:
    """The contents of one page without the line of its own title."""
    inner = re.search(r"<ul>\s*<li>.*?</a>\s*(<ul>.*</ul>)\s*</li>\s*</ul>", toc, re.S)
    return inner[1] if inner else ""


@cache
def _version(name: str) -> str:
    """A short fingerprint of one of our files, so that browsers notice a change."""
    return hashlib.sha256(Path(ASSETS, name).read_bytes()).hexdigest()[:8]


def _seconds(env, docname: str) -> float | None:
    notebooks = getattr(env, "nb_metadata", {})
    data = notebooks.get(docname, {}).get("exec_data") or {}
    return data.get("runtime")


def _add_page_context(app, pagename, templatename, context, doctree):
    """Fill in what press/templates/layout.html needs."""
    pathto = context["pathto"]
    context["asset"] = lambda name: f"{pathto(f'_static/{name}', 1)}?v={_version(name)}"
    context["book_navigation"] = lambda: navigation(
        context["toctree"](includehidden=True, titles_only=True, maxdepth=1) or ""
    )
    context["page_contents"] = contents(context.get("toc") or "")
    title = app.env.titles.get(pagename)
    if title is not None:
        context["pagetitle"] = title.astext()
    # The template writes this one itself, for pages without a source too.
    metatags = re.sub(r'<meta name="viewport"[^>]*>', "", context.get("metatags") or "")
    context["metatags"] = metatags
    context["page_description"] = ""
    if 'name="description"' not in metatags:
        text = DESCRIPTIONS.get(pagename, "")
        if doctree is not None:
            text = description(doctree) or context.get("pagetitle", "")
        context["page_description"] = text
    if "kernelspec" in app.env.metadata.get(pagename, {}) and context.get("body"):
        bar = page_bar(
            pagename,
            pathto,
            repository(app.config),
            _seconds(app.env, pagename),
            context.get("sourcename", ""),
        )
        context["body"] = insert_bar(context["body"], bar)


def setup(app):
    """Connect to the building of pages, after the theme has done its part."""
    app.connect("html-page-context", _add_page_context, priority=800)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
