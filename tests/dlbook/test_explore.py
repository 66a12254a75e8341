"""explore: what it emits, that it is the same every time, and what it refuses."""

import html
import json
import math
import re
import sys

import matplotlib
import numpy as np
import pytest
import torch

from dlbook._explore import Explore, explore, show

matplotlib.use("agg")
import matplotlib.pyplot as plt


def draw(size=1.0, kind="plain", on=True):
    """A small figure that shows its arguments."""
    figure, ax = plt.subplots(figsize=(2, 1.2))
    ax.plot([0, 1], [0, float(size)], "r" if kind == "plain" else "b")
    ax.set(ylim=(0, 3))
    ax.set_axis_off()
    return figure


def make(**options):
    options = {"alt": "A line of size {size}", "size": [1, 2, 3]} | options
    return explore(draw, **options)


def page(figure: Explore) -> str:
    return figure._repr_mimebundle_()["text/html"]


def frames(figure: Explore) -> list[dict]:
    found = re.search(r'<script type="application/json">(.*?)</script>', page(figure))
    return json.loads(found[1])


class TestPage:
    def test_every_combination_has_a_frame_with_its_alt_text(self):
        figure = make(kind=["plain", "other"], alt="Size {size}, {kind}")
        assert [frame["alt"] for frame in frames(figure)] == [
            f"Size {size}, {kind}" for size in (1, 2, 3) for kind in ("plain", "other")
        ]
        assert len({frame["src"] for frame in frames(figure)}) == 6

    def test_the_start_frame_is_the_one_image_of_the_page(self):
        figure = make(start={"size": 2})
        images = re.findall(r'<img [^>]*src="([^"]+)" alt="([^"]+)"', page(figure))
        assert images == [(frames(figure)[1]["src"], "A line of size 2")]

    def test_numbers_get_a_slider_and_words_a_menu(self):
        text = page(make(kind=["plain", "other"], on=[True, False]))
        assert text.count('type="range"') == 1
        assert text.count("<select") == 2
        assert "<option selected>yes</option><option>no</option>" in text

    def test_the_slider_says_value_and_unit(self):
        text = page(make(labels={"size": "Size (pixels)"}, start={"size": 3}))
        assert 'aria-valuetext="3 pixels"' in text
        assert "Size (pixels)" in text

    def test_two_runs_give_the_same_bytes(self):
        assert page(make()) == page(make())

    def test_there_is_no_id_that_could_collide(self):
        assert not re.search(r'\sid="', page(make(play="size")))

    def test_text_cannot_break_out_of_its_place(self):
        alt = 'A "quoted" </script><b>{size}</b> & more'
        text = page(make(alt=alt, labels={"size": "<i>size</i>"}))
        assert frames(make(alt=alt))[0]["alt"] == alt.format(size=1)
        assert "<b>" not in text and "<i>" not in text
        assert html.escape(alt.format(size=1)) in text

    def test_caption_with_markup(self):
        text = page(make(caption="A `code` and *stress*, x_{i}^{2} < 1"))
        assert (
            "A <code>code</code> and <em>stress</em>, x<sub>i</sub><sup>2</sup> &lt; 1"
            in text
        )
        assert "<figcaption" not in page(make())

    def test_alt_can_be_a_function(self):
        figure = make(alt=lambda size: f"{size} squared is {size**2}")
        assert frames(figure)[2]["alt"] == "3 squared is 9"

    def test_alt_shows_numbers_as_the_slider_does(self):
        figure = make(size=[0.1 * 3, 1e-5], alt="size {size}, {size:.2f}")
        assert frames(figure)[0]["alt"] == "size 0.3, 0.30"
        assert frames(figure)[1]["alt"] == "size 1e−5, 0.00"

    def test_numpy_and_torch_values(self):
        by_numpy = make(size=np.linspace(1, 3, 3))
        by_torch = make(size=torch.linspace(1, 3, 3))
        assert page(by_numpy) == page(by_torch) == page(make(size=[1.0, 2.0, 3.0]))

    def test_start_finds_a_value_by_what_is_shown(self):
        figure = make(size=[0.1, 0.2, 0.1 * 3], start={"size": 0.3})
        assert 'value="2"' in page(figure)

    def test_a_drawn_frame_is_small(self):
        assert all(len(frame["src"]) < 10_000 for frame in frames(make()))

    def test_noise_is_stored_as_a_photograph_and_stays_small(self):
        def noise(seed):
            figure = plt.figure(figsize=(2, 2))
            ax = figure.add_axes((0, 0, 1, 1))
            values = np.random.default_rng(seed).random((40, 40, 3))
            ax.imshow(values, interpolation="bilinear")
            return figure

        figure = explore(noise, seed=[1, 2], alt="Noise")
        assert all(len(frame["src"]) < 40_000 for frame in frames(figure))

    def test_plain_text_names_controls_values_and_picture(self):
        text = repr(make(kind=["plain", "other"], labels={"size": "Size (px)"}))
        assert "Size (px): 1, 2, 3" in text
        assert "kind: plain, other" in text
        assert "A line of size 1" in text

    def test_values_as_the_reader_sees_them(self):
        values = (1, -2, 0.30000000000000004, 1e-5, 2.5e6, math.inf, True, "a-b")
        shown = ["1", "−2", "0.3", "1e−5", "2.5e6", "∞", "yes", "a-b"]
        assert [show(value) for value in values] == shown


class TestFigures:
    def test_all_are_closed_afterwards(self):
        plt.close("all")
        make()
        assert plt.get_fignums() == []

    def test_they_are_closed_when_draw_fails_and_others_are_left(self):
        plt.close("all")
        mine = plt.figure()

        def fails(size):
            plt.figure()
            raise ValueError("no")

        with pytest.raises(RuntimeError):
            explore(fails, size=[1], alt="x")
        assert plt.get_fignums() == [mine.number]
        plt.close("all")

    def test_a_figure_used_again_works(self):
        figure = plt.figure(figsize=(2, 1))

        def again(level):
            figure.clear()
            figure.text(0.5, 0.5, str(level))
            return figure

        assert (
            len({f["src"] for f in frames(explore(again, level=[1, 2], alt="x"))}) == 2
        )

    def test_a_transparent_figure_gets_white_paper(self):
        def clear(level):
            figure = plt.figure(figsize=(1, 1))
            figure.patch.set_alpha(0)
            return figure

        picture = explore(clear, level=[1, 2], alt="x")._picture({"level": 1})
        assert picture.getpixel((5, 5)) == (255, 255, 255)


def sizes_differ(size):
    return plt.figure(figsize=(1 + size, 1))


def fails(size):
    return 1 / (size - 2)


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda: make(size=range(97)), ValueError, "97"),
        (lambda: make(size=range(10), kind=map(str, range(10))), ValueError, "10 × 10"),
        (lambda: explore(draw(), size=[1], alt="x"), TypeError, "Figure"),
        (lambda: explore(3, size=[1], alt="x"), TypeError, "int"),
        (lambda: explore(lambda size: None, size=[1], alt="x"), TypeError, "nothing"),
        (lambda: explore(lambda size: (1, 2), size=[1], alt="x"), TypeError, "tuple"),
        (lambda: make(size=[]), ValueError, "'size'"),
        (lambda: explore(draw, alt="x"), ValueError, "parameter"),
        (lambda: make(sise=[1]), TypeError, "did you mean 'size'"),
        (lambda: explore(lambda a, b: 1, a=[1], alt="x"), TypeError, "'b'"),
        (lambda: make(draw=[1, 2]), TypeError, "'draw'"),
        (lambda: make(start=[1, 2]), TypeError, "'start'"),
        (lambda: make(play=[1, 2]), TypeError, "'play'"),
        (lambda: make(labels=["a"]), TypeError, "'labels'"),
        (lambda: make(caption=["a"]), TypeError, "'caption'"),
        (lambda: make(alt=["a"]), TypeError, "'alt'"),
        (lambda: make(size=[[1, 2], [3, 4]]), TypeError, "list"),
        (lambda: make(size=np.ones((2, 2))), TypeError, "ndarray"),
        (lambda: make(size=[None]), TypeError, "NoneType"),
        (lambda: make(size=[1, math.nan]), ValueError, "NaN"),
        (lambda: make(size={1, 2}), TypeError, "order"),
        (lambda: make(size=3), TypeError, "list"),
        (lambda: make(kind="plain"), TypeError, "list"),
        (lambda: make(size=[1, 2, 1.0]), ValueError, "twice"),
        (lambda: make(start={"size": 9}), ValueError, "1, 2, 3"),
        (lambda: make(start={"wide": 1}), ValueError, "'wide'"),
        (lambda: make(labels={"wide": "Wide"}), ValueError, "'wide'"),
        (lambda: make(play="time"), ValueError, "'time'"),
        (lambda: make(alt=None), ValueError, "alt"),
        (lambda: make(alt="  "), ValueError, "alt"),
        (lambda: make(alt="{width}"), ValueError, "width"),
        (lambda: make(alt="{}"), ValueError, "'size'"),
        (lambda: make(alt="{size"), ValueError, "brace"),
        (lambda: make(alt=lambda size: None), ValueError, "None"),
        (lambda: make(caption="$x$"), ValueError, "TeX"),
        (lambda: explore(sizes_differ, size=[1, 2], alt="x"), ValueError, "220 × 110"),
        (lambda: explore(fails, size=[1, 2], alt="x"), TypeError, "float"),
        (lambda: explore(fails, size=[2, 1], alt="x"), RuntimeError, "size=2"),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, kind, says):
    with pytest.raises(kind, match=re.escape(says)) as raised:
        call()
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("explore")


def test_a_heavy_figure_says_how_heavy_and_what_to_do(monkeypatch):
    monkeypatch.setattr("dlbook._explore.MAX_BYTES", 3000)
    with pytest.raises(ValueError, match=r"more than 3 kB \(3 frames of \d+ kB\)"):
        make()


def test_the_cause_of_a_failed_draw_is_kept():
    with pytest.raises(RuntimeError) as raised:
        explore(fails, size=[2], alt="x")
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


class TestLive:
    @pytest.fixture
    def calls(self):
        return []

    @pytest.fixture
    def figure(self, calls):
        def counted(size, kind):
            calls.append((size, kind))
            if size == 3 and kind == "other" and len(calls) > 7:
                raise ValueError("only when live <&>")
            return draw(size, kind)

        return explore(
            counted,
            size=[1, 2, 3],
            kind=["plain", "other"],
            alt="Size {size}, {kind}",
            start={"size": 2},
            play="size",
            caption="A *caption*",
        )

    def controls(self, figure):
        return {
            child.description: child
            for child in figure.widget.children
            if getattr(child, "description", "") and hasattr(child, "options")
        }

    def test_a_change_calls_draw_and_changes_picture_and_alt(self, figure, calls):
        calls.clear()
        picture = figure.widget.children[0]
        before = picture.value
        assert 'alt="Size 2, plain"' in before
        calls.clear()
        self.controls(figure)["size"].value = 1
        assert calls == [(1, "plain")]
        assert 'alt="Size 1, plain"' in picture.value != before
        self.controls(figure)["kind"].value = "other"
        assert calls[-1] == (1, "other")
        assert 'alt="Size 1, other"' in picture.value

    def test_play_moves_the_slider(self, figure, calls):
        import ipywidgets

        slider = self.controls(figure)["size"]
        player = next(
            child
            for child in figure.widget.children
            if isinstance(child, ipywidgets.Play)
        )
        assert player.value == 1
        player.value = 2
        assert slider.value == 3
        assert calls[-1] == (3, "plain")

    def test_an_error_is_shown_in_place_of_the_picture(self, figure):
        controls = self.controls(figure)
        controls["size"].value = 3
        controls["kind"].value = "other"
        shown = figure.widget.children[0].value
        assert "only when live &lt;&amp;&gt;" in shown
        controls["kind"].value = "plain"
        assert "<img" in figure.widget.children[0].value

    def test_without_a_kernel_there_is_no_widget_view(self, figure):
        assert set(figure._repr_mimebundle_()) == {"text/plain", "text/html"}

    def test_with_a_kernel_there_are_both(self, figure, monkeypatch):
        monkeypatch.setattr("dlbook._explore._kernel_is_live", lambda: True)
        bundle = figure._repr_mimebundle_()
        view = bundle["application/vnd.jupyter.widget-view+json"]
        assert view["model_id"] == figure.widget.model_id
        assert "text/html" in bundle

    def test_colab_gets_the_live_figure_alone_and_draws_one_frame(self, monkeypatch):
        monkeypatch.setattr("dlbook._explore._kernel_is_live", lambda: True)
        monkeypatch.setitem(sys.modules, "google.colab", object())
        seen = []

        def counted(size):
            seen.append(size)
            return draw(size)

        figure = explore(counted, size=range(20), alt="x", start={"size": 5})
        assert seen == [5]
        bundle = figure._repr_mimebundle_()
        assert "text/html" not in bundle
        assert "application/vnd.jupyter.widget-view+json" in bundle


def test_in_a_real_kernel_there_are_both_and_a_change_draws(root):
    import nbformat
    from nbclient import NotebookClient

    define = f"""
import sys; sys.path.insert(0, {str(root)!r})
import matplotlib.pyplot as plt
from dlbook._explore import explore
calls = []
def draw(size):
    calls.append(size)
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, size])
    return figure
figure = explore(draw, size=[1, 2, 3], alt="size {{size}}")
figure"""
    change = "figure.widget.children[1].value = 3; print(calls[-1])"
    cells = [nbformat.v4.new_code_cell(source) for source in (define, change)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (shown,) = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in shown.data
    assert shown.data["text/html"].count("<img") == 1
    assert notebook.cells[1].outputs[0].text == "3\n"
