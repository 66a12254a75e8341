"""explore and quiz in a browser, on a bare page: keyboard, no script, phone, axe."""

import matplotlib
import pytest

from dlbook._explore import explore
from dlbook._quiz import quiz

matplotlib.use("agg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.browser

STATUS = ".dlb-explore [role=status]"


def draw(size, kind="line"):
    figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    ax.plot([0, 1], [0, size], "--" if kind == "dashed" else "-")
    ax.set(ylim=(0, 5), title=f"{kind}, {size}")
    return figure


@pytest.fixture(scope="module")
def figure():
    shown = explore(
        draw,
        size=[1, 2, 3, 4],
        kind=["line", "dashed"],
        labels={"size": "Size (pixels)", "kind": "Kind of line"},
        alt="A {kind} of size {size}",
        start={"size": 2},
        play="size",
        caption="A line that grows.",
    )
    return shown._repr_mimebundle_()["text/html"]


@pytest.fixture(scope="module")
def questions():
    return quiz(
        {
            "ask": "Which padding keeps the width for a 3 × 3 kernel?",
            "choices": [
                ("`p = 0`", False, "It loses two columns."),
                ("`p = 1`", True, "One on either side."),
                ("`p = 3`", False, "It gains four."),
            ],
        },
        {
            "ask": "Which are linear?",
            "choices": [
                ("Box", True, "A mean."),
                ("Gaussian", True, "A weighted mean."),
                ("Median", False, "It sorts."),
            ],
        },
        {
            "ask": "Half of 3?",
            "answer": 1.5,
            "within": 0.01,
            "right": "Halved.",
            "wrong": "Divide by two.",
            "traps": {6: "That is twice 3."},
        },
        {"ask": "A thousand?", "answer": 1000, "right": "Good.", "wrong": "No."},
    )._repr_html_()


@pytest.fixture
def open_page(browser):
    """Open a page with this body; at the end, no error may have been on its console."""
    contexts, errors = [], []

    def open_(body: str, theme: str = "light", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if said.type == "error" else None,
        )
        colors = {"light": "#222;background:#fff", "dark": "#ced6dd;background:#14181e"}
        page.set_content(
            f'<!doctype html><html lang="en" data-theme="{theme}"><head>'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>Test</title><style>body{{color:{colors[theme]}}}</style></head>"
            f"<body><main><h1>Test</h1>{body}</main></body></html>"
        )
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def alt(page, number=0) -> str:
    return page.locator(".dlb-explore img").nth(number).get_attribute("alt")


def wait_alt(page, text: str, number=0) -> None:
    page.wait_for_function(
        "([n, text]) => document.querySelectorAll('.dlb-explore img')[n].alt === text",
        arg=[number, text],
        timeout=5000,
    )


def wait_status(page, text: str) -> None:
    page.wait_for_function(
        "([s, text]) => document.querySelector(s).textContent === text",
        arg=[STATUS, text],
        timeout=5000,
    )


class TestExplore:
    def test_keyboard_changes_frame_value_and_live_region(self, open_page, figure):
        page = open_page(figure)
        slider = page.get_by_role("slider", name="Size (pixels)", exact=True)
        image = page.locator(".dlb-explore img")
        first = image.get_attribute("src")
        assert alt(page) == "A line of size 2"
        slider.focus()
        for key, size in (("ArrowRight", 3), ("End", 4), ("Home", 1)):
            page.keyboard.press(key)
            wait_alt(page, f"A line of size {size}")
            assert slider.get_attribute("aria-valuetext") == f"{size} pixels"
            assert page.locator("output").inner_text() == str(size)
        assert image.get_attribute("src") != first
        wait_status(page, "A line of size 1")

    def test_quick_changes_are_announced_once(self, open_page, figure):
        page = open_page(figure)
        page.evaluate(
            """selector => {
            window.said = [];
            const status = document.querySelector(selector);
            new MutationObserver(() => said.push(status.textContent))
                .observe(status, {childList: true}) }""",
            STATUS,
        )
        page.get_by_role("slider").focus()
        for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        wait_status(page, "A line of size 4")
        assert page.evaluate("said") == ["A line of size 4"]

    def test_two_controls_work_together(self, open_page, figure):
        page = open_page(figure)
        page.get_by_role("combobox", name="Kind of line", exact=True).select_option(
            "dashed"
        )
        wait_alt(page, "A dashed of size 2")
        page.get_by_role("slider").press("ArrowRight")
        wait_alt(page, "A dashed of size 3")
        page.get_by_role("combobox").focus()
        page.keyboard.press("ArrowUp")
        wait_alt(page, "A line of size 3")

    def test_play_runs_to_the_end_and_starts_over(self, open_page, figure):
        page = open_page(figure)
        button = page.get_by_role("button", name="Play Size")
        assert button.get_attribute("aria-pressed") == "false"
        button.press("Enter")
        assert button.get_attribute("aria-pressed") == "true"
        wait_alt(page, "A line of size 4")
        page.wait_for_selector(".dlb-play[aria-pressed=false]")
        button.press(" ")
        wait_alt(page, "A line of size 1")

    def test_play_pauses_by_button_and_by_slider(self, open_page, figure):
        page = open_page(figure)
        button = page.get_by_role("button", name="Play Size")
        page.get_by_role("slider").press("Home")
        button.click()
        wait_alt(page, "A line of size 2")
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        stopped = alt(page)
        page.wait_for_timeout(700)
        assert alt(page) == stopped
        wait_status(page, stopped)
        button.click()
        page.get_by_role("slider").press("Home")
        assert button.get_attribute("aria-pressed") == "false"
        wait_alt(page, "A line of size 1")

    def test_nothing_plays_by_itself(self, open_page, figure):
        page = open_page(figure)
        page.wait_for_timeout(900)
        assert alt(page) == "A line of size 2"
        assert page.locator(STATUS).inner_text() == ""

    def test_two_identical_copies_are_independent(self, open_page, figure):
        page = open_page(figure + figure)
        page.get_by_role("slider").nth(1).press("End")
        wait_alt(page, "A line of size 4", 1)
        assert alt(page, 0) == "A line of size 2"
        page.get_by_role("slider").nth(0).press("Home")
        wait_alt(page, "A line of size 1", 0)
        assert alt(page, 1) == "A line of size 4"

    def test_it_works_when_a_notebook_inserts_it(self, open_page, figure, questions):
        """Notebooks set innerHTML, then replace each script by a fresh copy."""
        page = open_page("<div id=cell></div>")
        before = page.evaluate("Object.keys(window)")
        page.evaluate(
            """source => {
            const cell = document.createElement('div');
            cell.innerHTML = source;
            for (const old of cell.querySelectorAll('script')) {
                const fresh = document.createElement('script');
                for (const a of old.attributes) fresh.setAttribute(a.name, a.value);
                fresh.textContent = old.textContent;
                old.replaceWith(fresh);
            }
            document.getElementById('cell').append(cell) }""",
            figure + questions,
        )
        page.get_by_role("slider").press("End")
        wait_alt(page, "A line of size 4")
        page.get_by_role("radio", name="p = 1").check()
        page.get_by_role("button", name="Check").first.click()
        assert "Right." in page.locator(".dlb-feedback").first.inner_text()
        assert page.evaluate("Object.keys(window)") == before

    def test_a_notebook_leaves_the_keys_to_the_controls(
        self, open_page, figure, questions
    ):
        """JupyterLab takes arrow keys for itself unless the control itself says no."""
        page = open_page(figure + questions)
        for control in page.locator(".dlb :is(input, select, button)").all():
            assert control.get_attribute("data-lm-suppress-shortcuts") is not None

    def test_frames_are_loaded_only_when_they_are_needed(self, open_page, figure):
        page = open_page(
            "<script>window.made = 0; const Old = Image;"
            "window.Image = function () { made += 1; return new Old() }</script>"
            + figure
        )
        assert page.evaluate("made") == 0
        page.get_by_role("slider").press("ArrowRight")
        wait_alt(page, "A line of size 3")
        page.wait_for_timeout(50)
        assert 1 <= page.evaluate("made") < 8

    def test_the_page_does_not_move(self, open_page, figure):
        page = open_page(figure + "<p id=after>after</p>")
        place = page.locator("#after").bounding_box()
        page.get_by_role("slider").press("End")
        wait_alt(page, "A line of size 4")
        assert page.locator("#after").bounding_box() == place

    def test_without_script_the_start_frame_is_described(self, open_page, figure):
        page = open_page(figure, java_script_enabled=False)
        assert page.locator(".dlb-explore img").is_visible()
        assert not page.locator(".dlb-controls").is_visible()
        still = page.locator(".dlb-still")
        assert "Size (pixels) = 2, Kind of line = line" in still.inner_text()
        page.locator(".dlb-still summary").click()
        assert "A line of size 2" in still.inner_text()
        assert "line, dashed" in still.inner_text()

    def test_print_shows_the_values_and_no_controls(self, open_page, figure):
        page = open_page(figure)
        assert not page.locator(".dlb-still").is_visible()
        page.get_by_role("slider").press("End")
        wait_alt(page, "A line of size 4")
        page.emulate_media(media="print")
        assert not page.locator(".dlb-controls").is_visible()
        shown = page.locator(".dlb-still").inner_text()
        assert shown.strip() == "Shown: Size (pixels) = 4, Kind of line = line."


def question(page, number: int):
    form = page.locator(".dlb-question").nth(number)
    return form, form.get_by_role("button", name="Check"), form.get_by_role("status")


@pytest.fixture(scope="module")
def shared_quiz(browser, questions):
    """One page with the questions, for tests that leave no trace on it."""
    page = browser.new_page()
    page.set_content(questions)
    yield page
    page.close()


class TestQuiz:
    def test_one_right_choice_by_keyboard(self, open_page, questions):
        page = open_page(questions)
        _, button, status = question(page, 0)
        button.press("Enter")
        assert "Choose" in status.inner_text()
        page.get_by_role("radio", name="p = 0").focus()
        page.keyboard.press(" ")
        button.press("Enter")
        assert status.inner_text() == "✗ Not this. It loses two columns."
        page.get_by_role("radio", name="p = 0").focus()
        page.keyboard.press("ArrowDown")
        assert status.inner_text() == ""
        page.keyboard.press("Enter")
        assert status.inner_text() == "✓ Right. One on either side."
        assert page.url == "about:blank"

    def test_several_right_choices(self, open_page, questions):
        page = open_page(questions)
        form, button, status = question(page, 1)
        form.get_by_role("checkbox", name="Box").check()
        form.get_by_role("checkbox", name="Median").check()
        button.click()
        said = status.inner_text()
        assert "A mean." in said and "It sorts." in said and "1 more" in said
        assert status.get_attribute("data-mark") == "wrong"
        form.get_by_role("checkbox", name="Median").uncheck()
        form.get_by_role("checkbox", name="Gaussian").check()
        button.click()
        assert status.get_attribute("data-mark") == "right"

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ("1.5", "✓ Right. Halved."),
            (" 1,5 ", "✓ Right. Halved."),
            ("+1.509", "✓ Right. Halved."),
            ("15e-1", "✓ Right. Halved."),
            ("−1.5", "✗ Not this. Divide by two."),
            ("6", "✗ Not this. That is twice 3."),
            ("1.52", "✗ Not this. Divide by two."),
            ("half", "Write a number, such as 12 or 0.5."),
            ("1.5 pixels", "Write a number, such as 12 or 0.5."),
            ("", "Write a number, such as 12 or 0.5."),
        ],
    )
    def test_a_number(self, shared_quiz, typed, said):
        _, _, status = question(shared_quiz, 2)
        field = shared_quiz.get_by_role("textbox", name="Your answer").first
        field.fill(typed)
        field.press("Enter")
        assert status.inner_text() == said

    @pytest.mark.parametrize("typed", ["1000", "1,000", "1 000", "1.000,0", "1e3"])
    def test_a_thousand_in_any_style(self, shared_quiz, typed):
        _, button, status = question(shared_quiz, 3)
        shared_quiz.get_by_role("textbox", name="Your answer").nth(1).fill(typed)
        button.click()
        assert status.inner_text() == "✓ Right. Good."

    def test_two_identical_copies_are_independent(self, open_page, questions):
        page = open_page(questions + questions)
        page.get_by_role("radio", name="p = 0").nth(0).check()
        page.get_by_role("radio", name="p = 1").nth(1).check()
        assert page.get_by_role("radio", name="p = 0").nth(0).is_checked()
        page.get_by_role("button", name="Check").nth(4).click()
        said = page.locator(".dlb-feedback")
        assert said.nth(0).inner_text() == ""
        assert said.nth(4).inner_text() == "✓ Right. One on either side."

    def test_without_script_all_can_be_read(self, open_page, questions):
        page = open_page(questions, java_script_enabled=False)
        assert page.get_by_role("button", name="Check").count() == 0
        assert page.get_by_text("Which are linear?").is_visible()
        page.get_by_role("radio", name="p = 1").press("Enter")
        assert page.url == "about:blank"
        page.locator("summary").first.click()
        said = page.locator(".dlb-answers").first.inner_text()
        assert "✓ p = 1: One on either side." in said
        assert "✗ p = 0: It loses two columns." in said

    def test_print_holds_the_answers(self, open_page, questions):
        page = open_page(questions)
        assert not page.locator(".dlb-answers").first.is_visible()
        page.emulate_media(media="print")
        assert page.get_by_text("One on either side.").first.is_visible()


def test_the_light_box_of_the_theme_is_not_behind_a_figure(open_page, figure):
    theme = "<style>html div.out .text_html{background:#ced6dd;padding:9px}</style>"
    page = open_page(f'{theme}<div class="out"><div class="text_html">{figure}</div>')
    box = page.locator(".text_html")
    shown = box.evaluate("e => getComputedStyle(e).backgroundColor")
    assert shown == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_phone_and_desktop_in_both_themes(open_page, figure, questions, width, theme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(
        figure + questions, theme, viewport={"width": width, "height": 844}
    )
    page.get_by_role("radio", name="p = 0").check()
    page.get_by_role("button", name="Check").first.click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in page.locator("input, select, button, summary").all():
        if control.is_visible() and control.get_attribute("type") not in (
            "radio",
            "checkbox",
        ):
            assert control.bounding_box()["height"] >= 24
    for choice in page.locator(".dlb-choice").all():
        assert choice.bounding_box()["height"] >= 24
