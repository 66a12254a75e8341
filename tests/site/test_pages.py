"""Every page of the built site, in Chromium: quiet, accessible, at home on a phone."""

import re

import pytest
from built_site import page_names

pytestmark = pytest.mark.browser

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
# axe needs ten seconds for the thousands of elements of a chapter's formulas, and only
# its rules on color can tell one theme from the other. So these alone judge a chapter
# in the dark theme; pages beside the chapters, with the same frame, meet all rules.
COLOR_RULES = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# The whole page, so that what loads late loads now.
SCROLL = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 4000) {
    window.scrollTo(0, y);
    await new Promise(done => setTimeout(done, 20));
  }
  window.scrollTo(0, 0);
}"""
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .slice(-3).map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_page(name, build, origin, visit, size, theme):
    width, height = SIZES[size]
    seen = visit(
        f"{origin}/{name}",
        viewport={"width": width, "height": height},
        color_scheme=theme,
    )
    page = seen.page
    page.evaluate(SCROLL)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"the page is {wide} px wide: {page.evaluate(TOO_WIDE)}"
    only = COLOR_RULES if theme == "dark" and "/" in name else None
    assert violations(page, only) == []
    assert seen.complaints == []
    assert seen.foreign(origin) == []


def violations(page, only=None):
    """What axe-core finds on an open page, with all its rules or `only` with some."""
    from axe_playwright_python.sync_playwright import Axe

    # The many elements that pass need not be listed: that halves the time.
    options = {"resultTypes": ["violations"]} | ({"runOnly": only} if only else {})
    found = Axe().run(page, options=options)
    return [summary(violation) for violation in found.response["violations"]]


def summary(violation):
    """An axe violation in one line: its rule, and the first elements that break it."""
    places = [node["html"][:150] for node in violation["nodes"][:3]]
    return f"{violation['id']}: {violation['help']}: {places}"


def test_page_from_a_folder(name, build, visit):
    seen = visit((build / "html" / name).as_uri())
    assert seen.page.title()
    assert seen.complaints == []
    assert [
        url for url in seen.requests if not url.startswith(("file:", "data:"))
    ] == []


def test_theme_switch_works_by_keyboard_and_lasts(build, origin, visit):
    seen = visit(f"{origin}/index.html", color_scheme="light")
    page = seen.page
    shade = "getComputedStyle(document.body).backgroundColor"
    theme = "document.documentElement.dataset.theme"
    light = page.evaluate(shade)
    button = page.get_by_role("button", name="Color theme")
    for _ in range(3):
        button.press("Enter")
        if page.evaluate(theme) == "dark":
            break
    assert page.evaluate(theme) == "dark"
    page.wait_for_function(f"before => {shade} !== before", arg=light)
    page.reload()
    assert page.evaluate(theme) == "dark"
    assert seen.complaints == []


def test_search_finds_a_chapter(build, origin, visit):
    chapter = build / "html" / page_names(build)[0]
    heading = re.search(r"<h1.*?</h1>", chapter.read_text("utf-8"), re.DOTALL)[0]
    word = max(re.findall(r"[A-Za-z]+", re.sub("<[^>]*>", "", heading)), key=len)
    seen = visit(f"{origin}/search.html?q={word}")
    links = seen.page.locator("#search-results a")
    links.first.wait_for(timeout=10_000)
    hrefs = [link.get_attribute("href") for link in links.all()]
    assert any(chapter.name in href for href in hrefs)
    assert seen.complaints == []


def test_search_says_when_it_finds_nothing(build, origin, visit):
    seen = visit(f"{origin}/search.html?q=xyzzyplugh")
    seen.page.wait_for_function(
        "document.querySelector('#search-results').textContent.trim().length > 0"
    )
    assert seen.page.locator("#search-results li a").count() == 0


def test_the_menu_opens_on_a_phone(build, origin, visit):
    seen = visit(f"{origin}/index.html", viewport={"width": 390, "height": 844})
    link = seen.page.locator("#book-sidebar li a").first
    assert not link.is_visible()
    seen.page.get_by_role("button", name="Contents of the book").press("Enter")
    target = link.evaluate("a => a.href")
    link.press("Enter")
    seen.page.wait_for_url(target)
