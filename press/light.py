"""What keeps a page light, offline and accessible.

The theme's functions stay; its stylesheets, scripts and icon fonts do not reach a page,
because press/templates replaces the template that asks for them. What a chapter brings
along is trimmed here while its page is written: pictures get sizes and smaller files,
dropdowns become <details>, and a few faults in the markup of extensions are mended.
"""

import base64
import hashlib
import io
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import imagesize
from docutils import nodes
from PIL import Image
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = Path(__file__).parent.parent
TEMPLATES = Path(__file__).parent / "templates"
ASSETS = ROOT / "assets"
OWN_FILES = ("book.css", "book.js", "icon.svg", "fonts", "katex")

# What pages use of the files that Sphinx and its extensions put into _static.
KEPT = {
    "documentation_options.js",
    "doctools.js",
    "language_data.js",
    "searchtools.js",
    "sphinx_highlight.js",
    "sphinx-design.min.css",
    *OWN_FILES,
}

# A picture shorter than this costs less inside the page than as one more request.
SMALLEST_FILE = 1500

_DATA_URI = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/=]+)")
_IMG = re.compile(r"<img\b[^>]*>")
_SRC = re.compile(r'\bsrc="([^"]*)"')
_STREAM = re.compile(
    r'(<div class="output stream[^>]*>\s*<div class="highlight"><pre>)(.*?)(</pre>)',
    re.DOTALL,
)
_CLAIM = re.compile(r"^(<span></span>)?(✓|✗)( .*)$", re.MULTILINE)
# Names, operators and brackets look like plain text; without their wrappers a page of
# code has half as many elements.
_PLAIN_TOKEN = re.compile(r'<span class="(?:n|nb|bp|nn|nv|o|p|w)">([^<]*)</span>')
_MARKUP_FAULTS = (
    # sphinx-exercise gives every exercise of a page the same ids.
    ('<section id="exercise-content">', '<section class="exercise-content">'),
    ('<section id="solution-content">', '<section class="solution-content">'),
    # Roles that current ARIA no longer has, or that need children they lack here.
    (' role="doc-biblioentry"', ""),
    ('<div role="list" class="citation-list">', '<div class="citation-list">'),
    (' role="doc-footnote"', ""),
    # A name that hides the words that are there: "Show code cell source".
    ('<summary aria-label="Toggle hidden content">', "<summary>"),
)


class details(nodes.General, nodes.Element):
    """A box that opens and closes without a script."""


class summary(nodes.TextElement):
    """The line of a `details` that is always there."""


class DropdownsToDetails(SphinxPostTransform):
    """Turn every admonition, hint and solution of class `dropdown` into `details`."""

    # After sphinx-exercise has settled the titles.
    default_priority = 900

    def is_supported(self) -> bool:
        """Only for pages; other builders know admonitions themselves."""
        return isinstance(self.app.builder, StandaloneHTMLBuilder)

    def run(self, **kwargs) -> None:
        """Replace the nodes in place."""
        found = [
            node
            for node in self.document.findall(nodes.Element)
            if "dropdown" in node.get("classes", [])
            and isinstance(node, nodes.Admonition)
        ]
        for node in found:
            node.replace_self(_as_details(node))


def _as_details(node: nodes.Element) -> details:
    box = details("", ids=node["ids"], classes=["admonition", *node["classes"]])
    kind = node.tagname.removesuffix("_node")
    if kind != "admonition" and kind not in box["classes"]:
        box["classes"].append(kind)
    children = list(node.children)
    head = next((c for c in children if isinstance(c, nodes.title)), None)
    if head is not None:
        children.remove(head)
    line = summary(classes=["admonition-title"])
    line += list(head.children) if head is not None else [nodes.Text(kind.title())]
    # A link inside what opens the box could not be told from it.
    for link in list(line.findall(nodes.reference)):
        link.replace_self(link.children)
    box += [line, *children]
    return box


def _visit_details(self, node):
    self.body.append(self.starttag(node, "details"))


def _depart_details(self, node):
    self.body.append("</details>\n")


def _visit_summary(self, node):
    self.body.append(self.starttag(node, "summary", ""))


def _depart_summary(self, node):
    self.body.append("</summary>\n")


def store_picture(data: bytes, kind: str, folder: Path) -> str:
    """Write a picture under a name made from its content; return that name.

    `kind` is its suffix ("png", "svg", …). A PNG is written as lossless WebP where that
    is smaller. A picture that is there already is not encoded again.
    """
    stem = hashlib.sha256(data).hexdigest()[:20]
    for suffix in {kind, "webp"}:
        if (folder / f"{stem}.{suffix}").exists():
            return f"{stem}.{suffix}"
    if kind == "png":
        smaller = _as_webp(data)
        if len(smaller) < len(data):
            data, kind = smaller, "webp"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.{kind}").write_bytes(data)
    return f"{stem}.{kind}"


def _as_webp(png: bytes) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        if image.mode not in ("RGB", "RGBA"):
            alpha = "A" in image.mode or "transparency" in image.info
            image = image.convert("RGBA" if alpha else "RGB")
        image.save(buffer, "WEBP", lossless=True, exact=True, quality=80)
    return buffer.getvalue()


def extract_pictures(body: str, folder: Path, address: str) -> str:
    """Move large `data:` pictures of a page into files of `folder`.

    They are found in attributes and in scripts alike; `address` is the folder as seen
    from the page.
    """

    def move(match: re.Match) -> str:
        if len(match[2]) < SMALLEST_FILE:
            return match[0]
        kind = "jpg" if match[1] == "jpeg" else match[1]
        name = store_picture(base64.b64decode(match[2]), kind, folder)
        return f"{address}/{name}"

    return _DATA_URI.sub(move, body)


@dataclass
class Pictures:
    """The pictures of one page: where their sources are and where they go.

    sources: name under _images -> path of the source file.
    folder: the built _images; address: that folder as seen from the page.
    """

    sources: dict[str, Path]
    folder: Path
    address: str

    def finish(self, body: str) -> str:
        """Give every <img> a size, a small file, and a late start when it is far down.

        What stands before the first section's heading is loaded at once.
        """
        fold = body.find("<h2")

        def one(match: re.Match) -> str:
            return self._finish_tag(match[0], lazy=0 <= fold < match.start())

        return _IMG.sub(one, body)

    def _finish_tag(self, tag: str, lazy: bool) -> str:
        source = _SRC.search(tag)
        name = source[1].removeprefix(self.address + "/") if source else ""
        added = ' loading="lazy"' if lazy and "loading=" not in tag else ""
        added += ' decoding="async"' if "decoding=" not in tag else ""
        path = self.sources.get(name, self.folder / name)
        if name and "/" not in name and path.is_file():
            if not re.search(r'\b(width|height)="|\bstyle="[^"]*width', tag):
                added += size_attributes(path)
            if name in self.sources and path.suffix == ".png":
                stored = store_picture(path.read_bytes(), "png", self.folder)
                tag = _SRC.sub(f'src="{self.address}/{stored}"', tag)
        return re.sub(r"\s*/?>$", f"{added}>", tag)


def size_attributes(path: Path) -> str:
    """`width` and `height` of a picture file as attributes, or nothing if unknown."""
    try:
        width, height = imagesize.get(path)
    except (OSError, ValueError):
        return ""
    if path.suffix == ".svg" and (width <= 0 or height <= 0):
        box = re.search(r'viewBox="([^"]+)"', path.read_text(encoding="utf-8")[:2000])
        numbers = re.split(r"[\s,]+", box[1].strip()) if box else []
        if len(numbers) != 4:
            return ""
        width, height = float(numbers[2]), float(numbers[3])
    if width <= 0 or height <= 0:
        return ""
    return f' width="{round(width)}" height="{round(height)}"'


def mark_claims(body: str) -> str:
    """Let a style tell apart the lines of output that begin with ✓ or ✗."""

    def line(match: re.Match) -> str:
        kind = "claim" if match[2] == "✓" else "claim claim-wrong"
        return f'{match[1] or ""}<span class="{kind}">{match[2]}{match[3]}</span>'

    def stream(match: re.Match) -> str:
        return match[1] + _CLAIM.sub(line, match[2]) + match[3]

    return _STREAM.sub(stream, body)


def mend_markup(body: str) -> str:
    """Take out what validators and assistive technology stumble over."""
    for wrong, right in _MARKUP_FAULTS:
        body = body.replace(wrong, right)
    return body


def section_size(section: str) -> tuple[int, int]:
    """About how tall a section is on a phone, in pixels: (what keeps its height, text).

    A browser that has not laid a section out yet keeps this much room for it. Too much
    is better than too little: then nothing of it seems to lie on its neighbours.
    """
    section = re.sub(r"<(script|style|math)\b.*?</\1>", "", section, flags=re.DOTALL)
    section = re.sub(r"(?s)</summary>(?:(?!<details).)*?</details>", "", section)
    blocks = re.findall(r"<pre>(.*?)</pre>", section, re.DOTALL)
    fixed = sum(21 * block.count("\n") + 70 for block in blocks)
    section = re.sub(r"(?s)<pre>.*?</pre>", "", section)
    for width, height in re.findall(r'<img[^>]*width="(\d+)" height="(\d+)"', section):
        fixed += round(int(height) * min(1, 740 / int(width))) + 60
    fixed += 100 * section.count('<div class="math"')
    fixed += 130 * section.count('class="dlb-control"')
    for tag, room in (("<h2", 130), ("<h3", 90), ("<tr", 55), ("<summary", 60)):
        fixed += room * section.count(tag)
    section = re.sub(r'(?s)<div class="math".*?</div>\s*</div>', "", section)
    fixed += 20 * section.count("<p>")
    text = re.sub(r"<[^>]+>", "", section)
    return round(1.1 * fixed), round(1.15 * 29 * len(" ".join(text.split())) / 36)


def reserve_sections(body: str) -> str:
    """Write those sizes into the sections that are laid out late (see book.css)."""
    starts, pieces, end = [], [], 0
    for match in re.finditer(r"<section\b|</section>", body):
        if match[0] != "</section>":
            starts.append(match.start())
            continue
        start = starts.pop() if starts else 0
        if len(starts) == 1:
            fixed, text = section_size(body[start : match.end()])
            pieces.append(body[end:start])
            pieces.append(f'<section style="--fixed:{fixed}px;--text:{text}px"')
            end = start + len("<section")
    return "".join([*pieces, body[end:]])


def early_math_fonts(body: str) -> list[str]:
    """The fonts of formulas before the first section: a page shows those at once."""
    early = body.partition("<h2")[0]
    fonts = []
    if re.search(r'"m(?:ord|op|bin|rel|open|close|punct)">[^<]', early):
        fonts.append("katex/fonts/KaTeX_Main-Regular")
    if "mathnormal" in early:
        fonts.append("katex/fonts/KaTeX_Math-Italic")
    return fonts


def unwrap_plain_tokens(body: str) -> str:
    """Take away the wrappers of those words of code that have no colour."""
    return _PLAIN_TOKEN.sub(r"\1", body)


def _finish_page(app, pagename, templatename, context, doctree):
    """Finish the body of one page; runs only for pages that are rewritten."""
    context["early_math_fonts"] = []
    if not context.get("body"):
        return
    builder = app.builder
    folder = Path(builder.outdir) / builder.imagedir
    address = context["pathto"](builder.imagedir, 1)
    sources = {
        name: Path(app.srcdir, source) for source, name in builder.images.items()
    }
    body = extract_pictures(context["body"], folder, address)
    body = Pictures(sources, folder, address).finish(body)
    body = unwrap_plain_tokens(mend_markup(mark_claims(body)))
    context["body"] = reserve_sections(body)
    context["early_math_fonts"] = early_math_fonts(body)
    context["has_math"] = 'class="katex' in body
    context["has_design"] = 'class="sd-' in body


def _use_own_files(app, config):
    """Put our template before the theme's, and our files into _static."""
    config.templates_path.insert(0, str(TEMPLATES))
    config.html_static_path.append(str(ASSETS))


def _drop_unused_files(app, exception):
    """Take the theme's scripts, styles and fonts out of the built site."""
    if exception or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    for path in Path(app.outdir, "_static").glob("*"):
        if path.name in KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def setup(app):
    """Connect the steps above to the building of pages."""
    app.add_node(details, html=(_visit_details, _depart_details))
    app.add_node(summary, html=(_visit_summary, _depart_summary))
    app.add_post_transform(DropdownsToDetails)
    app.connect("config-inited", _use_own_files)
    app.connect("html-page-context", _finish_page, priority=900)
    app.connect("build-finished", _drop_unused_files, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
