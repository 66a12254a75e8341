"""The two plots: what they accept, what they return, and how they look."""

import io
import json
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from dlbook import _plots, plot_curves, show_images
from dlbook._plots import DASHES, MARKERS, PALETTE, STYLE


@pytest.fixture(autouse=True)
def _no_figure_is_left_open(monkeypatch):
    """Each test starts before the style was set and must leave no figure open."""
    plt.close("all")
    monkeypatch.setattr(_plots, "_styled", False)
    with mpl.rc_context():
        yield
    assert plt.get_fignums() == []


def shown_images(figure: Figure) -> list:
    """The images that a figure shows, a colour bar's not among them."""
    return [image for ax in figure.axes for image in ax.images]


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, metadata={"Software": None})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("images", "count"),
    [
        (torch.rand(5, 1, 8, 9), 5),
        (torch.rand(2, 3, 8, 9), 2),
        (torch.rand(7, 8, 9), 7),
        (np.random.rand(8, 9), 1),
        ([torch.rand(8, 9), np.random.rand(1, 6, 5), torch.rand(3, 4, 4)], 3),
        (torch.rand(2, 8, 8).to(torch.bfloat16), 2),
        (torch.rand(2, 8, 8) > 0.5, 2),
        (torch.rand(2, 1, 8, 8, requires_grad=True), 2),
        (torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8), 2),
    ],
)
def test_every_accepted_form_of_images(images, count):
    figure = show_images(images)
    assert isinstance(figure, Figure)
    assert len(shown_images(figure)) == count
    assert len(png(figure)) > 100


def test_images_share_one_scale_unless_told_otherwise():
    figure = show_images([torch.zeros(4, 4), torch.full((4, 4), 5.0)])
    assert {image.get_clim() for image in shown_images(figure)} == {(0, 5)}
    figure = show_images(torch.rand(2, 4, 4), vmin=-1, vmax=1)
    assert {image.get_clim() for image in shown_images(figure)} == {(-1, 1)}


def test_titles_columns_and_color_bar():
    figure = show_images(
        torch.rand(5, 4, 4), titles=[0.12345, 2, "c", "d", "e"], columns=2
    )
    assert [ax.get_title() for ax in figure.axes][:3] == ["0.123", "2", "c"]
    assert len(figure.axes) == 6
    with_bar = show_images(torch.rand(5, 4, 4), colorbar=True)
    assert len(with_bar.axes) == 6
    assert (
        show_images(torch.rand(2, 4, 4), titles=torch.tensor([3, 4]))
        .axes[1]
        .get_title()
        == "4"
    )


@pytest.mark.parametrize(
    "images",
    [
        [],
        torch.rand(0, 4, 4),
        torch.rand(4),
        torch.rand(2, 2, 4, 4),
        torch.rand(1, 1, 1, 4, 4),
        [torch.rand(4, 4, 3)],
        torch.full((2, 4, 4), float("nan")),
        torch.rand(1, 0, 4),
    ],
)
def test_images_of_a_wrong_shape(images):
    with pytest.raises(ValueError, match="show_images"):
        show_images(images)


@pytest.mark.parametrize("images", ["photo", None, [["a"]], torch.rand(2, 2).cfloat()])
def test_what_is_no_image(images):
    with pytest.raises(TypeError, match="show_images"):
        show_images(images)


def test_a_row_of_images_fits_the_page_unless_told_otherwise():
    assert show_images(torch.rand(6, 4, 4)).get_figwidth() < 7
    assert show_images(torch.rand(4, 4)).get_figwidth() < 2
    assert show_images(torch.rand(6, 4, 4), size=2).get_figwidth() == 12


@pytest.mark.parametrize("kwargs", [{"titles": ["a"]}, {"columns": 0}])
def test_titles_and_columns_must_fit(kwargs):
    with pytest.raises(ValueError, match="show_images"):
        show_images(torch.rand(2, 4, 4), **kwargs)


def test_curves_differ_in_more_than_color():
    x = np.linspace(0, 1, 50)
    figure = plot_curves(
        {f"curve {i}": (x, x + i) for i in range(7)}, "time (s)", "loss"
    )
    ax = figure.axes[0]
    for look in ("get_color", "get_marker"):
        assert len({getattr(line, look)() for line in ax.lines}) == 7
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "loss")
    assert [t.get_text() for t in ax.get_legend().get_texts()][6] == "curve 6"
    assert len(PALETTE) == len(DASHES) == len(MARKERS)


def test_bands_scales_and_limits():
    x = torch.arange(1, 5)
    figure = plot_curves(
        {"a": (x, x.float(), torch.ones(4))}, logx=True, logy=True, ylim=(1, 10)
    )
    ax = figure.axes[0]
    assert len(ax.collections) == 1
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylim()) == ("log", "log", (1, 10))


def test_curves_side_by_side_share_the_given_figure():
    figure, axes = plt.subplots(1, 2)
    for ax in axes:
        assert plot_curves({"a": ([1, 2], [3, 4])}, ax=ax) is figure
    assert all(len(ax.lines) == 1 for ax in axes)


@pytest.mark.parametrize(
    "curve",
    [
        ([1, 2], [1, 2, 3]),
        ([], []),
        ([[1, 2]], [[1, 2]]),
        ([1, 2], [float("nan")] * 2),
        ([1, 2], [1, 2], [1]),
    ],
)
def test_curves_of_wrong_lengths(curve):
    with pytest.raises(ValueError, match='"a"'):
        plot_curves({"a": curve})


@pytest.mark.parametrize(
    "curves", [{}, None, [1, 2], {"a": [1, 2, 3, 4]}, {"a": (["x"], ["y"])}, {"a": 1}]
)
def test_what_is_no_curve(curves):
    with pytest.raises(TypeError, match="plot_curves"):
        plot_curves(curves)


def luminance(color: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", PALETTE)
def test_every_color_stands_out_on_white(color):
    assert 1.05 / (luminance(color) + 0.05) >= 3


def test_a_picture_is_the_same_every_time_and_carries_no_metadata():
    pictures = [png(plot_curves({"a": ([1, 2], [3, 4])})) for _ in range(2)]
    assert pictures[0] == pictures[1]
    assert set(Image.open(io.BytesIO(pictures[0])).info) <= {"dpi"}


def test_the_style_is_set_once_and_then_left_to_the_reader():
    show_images(torch.rand(4, 4))
    with mpl.rc_context({"font.size": 20}):
        plot_curves({"a": ([1, 2], [3, 4])})
        assert mpl.rcParams["font.size"] == 20
    assert mpl.rcParams["axes.spines.top"] == STYLE["axes.spines.top"]


NOTEBOOK = """
import sys, nbformat, json
from nbclient import NotebookClient
cells = json.loads(sys.stdin.read())
nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
NotebookClient(nb, timeout=60).execute()
print(json.dumps([cell.outputs for cell in nb.cells]))
"""


def test_a_notebook_shows_a_figure_once():
    cells = [
        "import torch\nfrom dlbook import _plots, plot_curves, show_images",
        "show_images(torch.eye(8))",
        'figure = plot_curves({"a": ([1, 2], [3, 4])})',
        "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots(1, 2)\n"
        'plot_curves({"a": ([1, 2], [3, 4])}, ax=axes[0])',
    ]
    run = subprocess.run(
        [sys.executable, "-c", NOTEBOOK],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        check=True,
    )
    outputs = json.loads(run.stdout)
    assert [len(cell) for cell in outputs] == [0, 1, 0, 1]
    assert "image/png" in outputs[1][0]["data"]
    assert " at 0x" not in json.dumps(outputs)
