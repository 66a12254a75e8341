"""Every explore and every quiz of the built site, worked by keyboard."""

import re

import pytest

from press.lint import numbered

pytestmark = pytest.mark.browser

WAIT = 5000  # ms
CHANGED = """([image, before]) =>
  image.alt + image.currentSrc !== before && image.complete && image.naturalWidth > 0"""
SHOWN = "image => image.alt + image.currentSrc"


def test_every_numbered_chapter_has_its_widgets(build, root):
    wanted = [path.relative_to(root / "chapters") for path in numbered(root)]
    assert wanted
    for path in wanted:
        text = (build / "html" / path.with_suffix(".html")).read_text("utf-8")
        assert len(re.findall(r'class="[^"]*\bdlb-explore\b', text)) >= 2, path
        assert len(re.findall(r'class="[^"]*\bdlb-question\b', text)) >= 5, path


def test_explores_follow_the_keyboard(name, build, origin, visit):
    seen = visit(f"{origin}/{name}")
    for explore in seen.page.locator(".dlb-explore").all():
        work_explore(seen.page, explore)
    assert seen.complaints == []
    assert seen.foreign(origin) == []


def work_explore(page, explore):
    """Move each control one step, with keys alone; frame and words must follow."""
    image = explore.locator("img").first
    image.scroll_into_view_if_needed()
    controls = explore.locator("input[type=range], select").all()
    assert controls
    for control in controls:
        assert control.evaluate("c => c.labels.length > 0")
        before, value = image.evaluate(SHOWN), control.input_value()
        press_one_step(control)
        page.wait_for_function(
            CHANGED, arg=[image.element_handle(), before], timeout=WAIT
        )
        assert control.input_value() != value
        alt = image.get_attribute("alt")
        assert alt
        page.wait_for_function(
            "([status, alt]) => status.textContent === alt",
            arg=[explore.locator("[role=status]").element_handle(), alt],
            timeout=WAIT,
        )


def press_one_step(control):
    """One arrow key on a slider or a list, away from its end."""
    control.focus()
    if control.evaluate("c => c.localName") == "select":
        last = control.evaluate("c => c.selectedIndex === c.options.length - 1")
        control.press("ArrowUp" if last else "ArrowDown")
    else:
        last = control.evaluate("c => c.value === c.max")
        control.press("ArrowLeft" if last else "ArrowRight")


def test_explores_show_a_frame_without_script(name, build, origin, visit):
    seen = visit(f"{origin}/{name}", java_script_enabled=False)
    for image in seen.page.locator(".dlb-explore img").all():
        image.scroll_into_view_if_needed()
        assert image.is_visible()
        box = image.bounding_box()
        assert box["width"] > 50 and box["height"] > 50


def test_quizzes_answer_every_choice(name, build, origin, visit):
    seen = visit(f"{origin}/{name}")
    for form in seen.page.locator(".dlb-question").all():
        if form.locator(".dlb-choice").count():
            work_choices(form)
        else:
            work_number(form)
    assert seen.page.url == f"{origin}/{name}"
    assert seen.complaints == []


def work_choices(form):
    """Tick every choice in turn, with keys alone, then all that are right."""
    answers = form.locator(".dlb-answers li")
    boxes = form.locator(".dlb-choice input").all()
    right = [
        i for i in range(len(boxes)) if answers.nth(i).get_attribute("data-right") == ""
    ]
    assert right and len(right) < len(boxes)
    status = form.locator("[role=status]")
    for number, box in enumerate(boxes):
        box.press(" ")
        box.press("Enter")
        why = answers.nth(number).locator(".dlb-why").text_content()
        assert why.strip() and why in status.text_content()
        alone = "right" if right == [number] else "wrong"
        assert status.get_attribute("data-mark") == alone
        if box.get_attribute("type") == "checkbox":
            box.press(" ")
    for number in right:
        boxes[number].press(" ")
    boxes[right[-1]].press("Enter")
    assert status.get_attribute("data-mark") == "right"


def work_number(form):
    """Type the right number, then one that is far off."""
    answer = form.locator(".dlb-answers li[data-right]").get_attribute("data-value")
    field, status = form.locator(".dlb-entry input"), form.locator("[role=status]")
    for text, mark in ((answer, "right"), (str(float(answer) + 98765), "wrong")):
        field.fill(text)
        field.press("Enter")
        assert status.get_attribute("data-mark") == mark
