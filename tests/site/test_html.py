"""What the files of the built site promise, with no browser."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

VOID = re.compile(r"^(https?:|mailto:|data:|javascript:)")
FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp)$")


class Parsed(HTMLParser):
    """The ids, links, pictures and metadata of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.files, self.images = set(), [], [], []
        self.title, self.description, self._in_title = "", "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids.update(values[key] for key in ("id", "name") if values.get(key))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "img":
            self.images.append(values)
        elif tag == "meta" and values.get("name") == "description":
            self.description = values.get("content", "")
        self._in_title = tag == "title" and not self.title
        source = values.get("href") if tag == "link" else values.get("src")
        if source and values.get("rel") != "canonical":
            self.files.append(source)

    def handle_data(self, data):
        if self._in_title:
            self.title += data

    def handle_endtag(self, tag):
        self._in_title = False


@cache
def parsed(path):
    """A page of the site, read once."""
    return Parsed(Path(path).read_text("utf-8"))


def dead(page, reference, site):
    """Why an internal reference leads nowhere; "" if it does not."""
    parts = urlsplit(reference)
    if VOID.match(reference):
        return ""
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site):
        return f"{reference} leaves the site"
    if not target.is_file():
        return f"{reference}: there is no such file"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in parsed(target).ids:
        return f"{reference}: there is no such anchor"
    return ""


def test_every_internal_link_is_alive(name, build):
    site = (build / "html").resolve()
    page = site / name
    references = {*parsed(page).links, *parsed(page).files}
    assert references
    assert [why for link in sorted(references) if (why := dead(page, link, site))] == []


def test_title_and_description(name, build):
    page = parsed(build / "html" / name)
    assert len(page.title.strip()) > 3
    assert name in ("search.html", "genindex.html") or len(page.description) > 20


def test_pictures_are_described_and_have_a_size(name, build):
    for image in parsed(build / "html" / name).images:
        source = (image.get("src") or "")[:80]
        assert "alt" in image, source
        # myst-nb's own fallback is the file's name.
        assert image["alt"].strip() and not FILE_NAME.search(image["alt"]), source
        assert image.get("width") and image.get("height"), source


def test_no_traceback_is_on_the_page(name, build):
    text = (build / "html" / name).read_text("utf-8")
    assert "Traceback (most recent call last)" not in re.sub(r"<[^>]*>", "", text)
    assert not re.search(r'class="[^"]*\b(traceback|system-message)\b', text)


def test_ids_are_unique(name, build):
    text = (build / "html" / name).read_text("utf-8")
    text = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    ids = re.findall(r'<[^>]*\sid="([^"]+)"', text)
    assert sorted(ids) == sorted(set(ids))
