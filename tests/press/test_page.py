"""The bar, the description, the contents: what stands around a chapter's text."""

import re

import pytest
from docutils import nodes
from docutils.utils import new_document

from press import page
from press.repository import Repository


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (30.1, "31 s"), (60, "1 min"), (64.2, "1 min 5 s"), (120, "2 min")],
)
def test_running_time_is_rounded_up(seconds, text):
    assert page.running_time(seconds) == text


def _bar(seconds=31.0, source="part/name.md"):
    def pathto(uri, resource=False):
        return f"../{uri}"

    repo = Repository("someone", "book")
    return page.page_bar("part/name", pathto, repo, seconds, source)


def test_bar_links_to_every_way_to_read():
    bar = _bar()
    assert 'href="../notebooks/part/name.ipynb" download' in bar
    assert 'href="../notebooks/part/name.py" download' in bar
    assert 'href="../_sources/part/name.md"' in bar
    assert "colab.research.google.com/github/someone/book/" in bar
    assert "github.com/someone/book/edit/" in bar


def test_bar_says_the_time_only_when_it_is_known():
    assert "31 s" in _bar()
    assert "Runs in" not in _bar(seconds=None)


def test_bar_is_inserted_once_under_the_title():
    body = page.insert_bar("<h1>A</h1><h1>B</h1>", "BAR")
    assert body.index("BAR") < body.index("B</h1>")
    assert body.count("BAR") == 1


@pytest.mark.parametrize("words", [3, 80])
def test_description_is_a_short_plain_text(words):
    document = new_document("test")
    section = nodes.section()
    section += nodes.note("", nodes.paragraph("", "Not this."))
    section += nodes.paragraph(
        "", "", nodes.emphasis("", "word "), nodes.Text("x " * words)
    )
    document += section
    text = page.description(document)
    assert text.startswith("word x")
    assert len(text) <= page.DESCRIPTION_LENGTH


def test_description_of_a_document_without_text_is_empty():
    assert page.description(new_document("test")) == ""


def test_contents_leave_the_title_out():
    inner = '<ul>\n<li><a href="#a">A</a></li>\n</ul>'
    toc = f'<ul>\n<li><a href="#">T</a>{inner}\n</li>\n</ul>'
    inner = page.contents(toc)
    assert 'href="#a"' in inner
    assert 'href="#"' not in inner
    assert page.contents('<ul>\n<li><a href="#">T</a></li>\n</ul>') == ""


def test_only_chapters_have_a_bar(site):
    assert 'class="page-bar"' in site("page").html
    assert 'class="page-bar"' not in site("plain").html
    assert 'class="page-bar"' not in site("index").html


@pytest.mark.parametrize("name", ["index", "page", "plain", "search", "genindex"])
def test_every_page_is_described_for_search_engines(site, name):
    html = site(name).html
    assert len(re.findall(r"<title>[^<]+</title>", html)) == 1
    described = re.findall(r'<meta name="description" content="([^"]+)">', html)
    assert len(described) == 1
    assert len(described[0]) <= 200  # escaping may lengthen the 160 characters
    assert '<html lang="en"' in html
    assert html.count("<h1") == 1
    assert html.count('name="viewport"') == 1


def test_titles_differ(site):
    names = ["index", "page", "plain", "search", "genindex"]
    titles = {re.search("<title>(.*?)</title>", site(n).html)[1] for n in names}
    assert len(titles) == len(names)


def test_the_current_page_and_the_numbered_part_are_marked(site):
    html = site("page").html
    sidebar = re.search(r'id="book-sidebar".*?</nav>', html, re.S)[0]
    assert len(re.findall(r'aria-current="page"', sidebar)) == 1
    assert 'class="caption part"><span class="caption-text">Part<' in sidebar
    assert 'class="caption"><span class="caption-text">Rest<' in sidebar


def test_a_base_address_gives_canonical_links(make_site):
    built = make_site(
        {"index": "# One\n\nText.\n"}, html_baseurl="https://example.org/book/"
    )
    assert (
        '<link rel="canonical" href="https://example.org/book/index.html">'
        in built("index").html
    )
