"""Counts what each chapter holds, how long it runs and how heavy its page is.

The weight of a page is what a reader's browser fetches for it, as a server with gzip
would send it: the page itself and every style, script, image and preloaded font that it
names. Fonts that only a style names are left out, since a browser fetches few of them.
"""

import ast
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from press.build import SITE, Book, Problem
from press.execution import say, write_whole
from press.lint import parse

COMPRESSED = {".css", ".js", ".html", ".svg", ".json", ".ttf", ".txt"}
INLINE_IMAGE = re.compile(r"data:image/[^\"')\s]+")
COLUMNS = {
    "seconds": "seconds",
    "page_kb": "page kB",
    "page_with_figures_kb": "with figures",
    "figures": "figures",
    "explores": "explores",
    "claims": "claims",
    "exercises": "exercises",
    "checks": "checks",
    "quizzes": "quizzes",
}


class Named(HTMLParser):
    """Collects the addresses that a browser fetches to show a page."""

    def __init__(self):
        super().__init__()
        self.assets: set[str] = set()
        self.images: set[str] = set()

    def handle_starttag(self, tag, attrs):
        """Note the address in a tag, if it is fetched."""
        found = dict(attrs)
        rel = (found.get("rel") or "").split()
        if tag == "script" and found.get("src"):
            self.assets.add(found["src"])
        elif tag == "link" and {"stylesheet", "preload", "icon"} & set(rel):
            self.assets.add(found.get("href") or "")
        elif tag in ("img", "source") and found.get("src"):
            self.images.add(found["src"])


def contents(source: str) -> dict[str, int]:
    """Count what a chapter's source holds."""
    chapter = parse(source)
    names = [block.name for block in chapter.blocks]

    def calls(name: str) -> int:
        """Count the calls of one of the book's own functions."""
        found = (call for cell in chapter.cells for call in cell.named(name))
        return sum(isinstance(call.func, ast.Name) for call in found)

    computed = [
        cell for cell in chapter.cells if "figure" in (cell.options.get("mystnb") or {})
    ]
    return {
        "figures": names.count("figure") + len(computed),
        "explores": calls("explore"),
        "claims": calls("claim"),
        "exercises": names.count("exercise") + names.count("exercise-start"),
        "checks": calls("check"),
        "quizzes": calls("quiz"),
    }


def sent(path: Path) -> int:
    """Return a file's bytes on the wire; text is compressed."""
    data = path.read_bytes()
    return len(gzip.compress(data, 6)) if path.suffix in COMPRESSED else len(data)


def local_files(addresses, page: Path, site: Path) -> set[Path]:
    """Return the site's files among the addresses that a page names."""
    found = set()
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path:
            continue
        path = (page.parent / unquote(parts.path)).resolve()
        if path.is_file() and path.is_relative_to(site.resolve()):
            found.add(path)
    return found


def weight(page: Path, site: Path) -> tuple[int, int]:
    """Return a page's bytes on the wire without and with its own figures."""
    text = page.read_text(encoding="utf-8")
    named = Named()
    named.feed(text)
    images = local_files(named.images, page, site)
    figures = {path for path in images if "_images" in path.parts}
    assets = local_files(named.assets, page, site) | (images - figures)
    bare = len(gzip.compress(INLINE_IMAGE.sub("", text).encode(), 6))
    bare += sum(map(sent, assets))
    inline = len(gzip.compress(text.encode(), 6))
    inline -= len(gzip.compress(INLINE_IMAGE.sub("", text).encode(), 6))
    return bare, bare + inline + sum(map(sent, figures))


def seconds(book: Book, name: str) -> float | None:
    """Return how long the chapter's newest stored execution took."""
    path = Path(name)
    folder = path.parent.name or book.chapters.name
    stored = (book.out / ".executed").glob(f"*/{folder}.{path.name}-*.json")
    newest = max(stored, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        return None
    return json.loads(newest.read_text(encoding="utf-8"))["seconds"]


def report(book: Book) -> dict[str, dict]:
    """Return the figures of every page of a built book; raise Problem for none."""
    site, rows = book.out / SITE, {}
    for name in book.names():
        page, source = site / f"{name}.html", book.chapters / f"{name}.md"
        if not page.is_file():
            raise Problem(f"There is no page {name} yet: `make book` builds it.")
        bare, full = weight(page, site)
        rows[name] = {
            "seconds": seconds(book, name),
            "page_kb": round(bare / 1000, 1),
            "page_with_figures_kb": round(full / 1000, 1),
            **contents(source.read_text(encoding="utf-8")),
        }
    return rows


def table(rows: dict[str, dict]) -> str:
    """Return the rows as aligned text."""
    head = ["chapter", *COLUMNS.values()]
    body = [
        [name, *("–" if row[key] is None else str(row[key]) for key in COLUMNS)]
        for name, row in rows.items()
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in [head, *body]
    ]
    return "\n".join(lines)


def main(book: Book) -> None:
    """Print the report and write it to report.json in the build folder."""
    rows = report(book)
    say(table(rows))
    path = book.out / "report.json"
    write_whole(path, json.dumps(rows, indent=2) + "\n")
    say(f"The same as JSON: {path}")
