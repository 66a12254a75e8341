"""Light, offline, accessible: what reaches a page and what does not."""

import base64
import io
import re

import pytest
from PIL import Image

from press import light


def _png(mode="RGB", size=(40, 30)):
    count = size[0] * size[1] * len(Image.new(mode, (1, 1)).getbands())
    pixels = bytes(i % 251 for i in range(count))
    buffer = io.BytesIO()
    Image.frombytes(mode, size, pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_a_smaller_picture_has_the_same_pixels(tmp_path, mode):
    data = _png(mode)
    name = light.store_picture(data, "png", tmp_path)
    kept, original = Image.open(tmp_path / name), Image.open(io.BytesIO(data))
    assert (tmp_path / name).stat().st_size <= len(data)
    target = "RGBA" if "A" in mode else "RGB"
    assert list(kept.convert(target).getdata()) == list(
        original.convert(target).getdata()
    )


def test_a_picture_is_encoded_once(tmp_path, monkeypatch):
    name = light.store_picture(_png(), "png", tmp_path)
    monkeypatch.setattr(light, "_as_webp", lambda data: pytest.fail("encoded again"))
    assert light.store_picture(_png(), "png", tmp_path) == name


def test_data_pictures_move_to_files_in_attributes_and_scripts(tmp_path):
    data = _png(size=(200, 150))
    uri = "data:image/png;base64," + base64.b64encode(data).decode()
    body = f'<img src="{uri}"><script type="application/json">["{uri}"]</script>'
    moved = light.extract_pictures(body, tmp_path, "../_images")
    assert "data:" not in moved
    assert len(set(re.findall(r"\.\./_images/(\w+\.\w+)", moved))) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_small_data_pictures_stay(tmp_path):
    body = '<img src="data:image/png;base64,AAAA">'
    assert light.extract_pictures(body, tmp_path, "_images") == body


def test_svg_sizes_come_from_the_view_box(tmp_path):
    path = tmp_path / "a.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20"/>')
    assert light.size_attributes(path) == ' width="30" height="20"'


def test_unknown_pictures_get_no_size(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    assert light.size_attributes(path) == ""


def test_only_claims_in_printed_output_are_marked():
    stream = (
        '<div class="output stream x"><div class="highlight"><pre><span></span>'
        "✓ true (1)\nplain ✓\n✗ expected 1\n</pre></div></div><p>✓ prose</p>"
    )
    marked = light.mark_claims(stream)
    assert '<span class="claim">✓ true (1)</span>' in marked
    assert '<span class="claim claim-wrong">✗ expected 1</span>' in marked
    assert marked.count("claim") == 3
    assert "<p>✓ prose</p>" in marked


def test_sections_say_how_tall_they_are_about():
    inner = "<section><h2>A</h2><p>word</p></section>"
    body = f"<section><h1>T</h1>{inner}{inner}</section>"
    done = light.reserve_sections(body)
    assert len(re.findall(r'<section style="--fixed:\d+px;--text:\d+px">', done)) == 2
    short, _ = light.section_size("<pre>a\nb</pre>")
    long, _ = light.section_size("<pre>" + "a\n" * 50 + "</pre>")
    assert long > short + 900


def test_only_fonts_of_the_first_screen_are_fetched_ahead():
    letter = '<span class="mord mathnormal">x</span>'
    digit = '<span class="mord">2</span>'
    assert light.early_math_fonts(f"<h2>A</h2>{letter}{digit}") == []
    assert light.early_math_fonts(letter) == ["katex/fonts/KaTeX_Math-Italic"]
    assert len(light.early_math_fonts(letter + digit)) == 2


def test_words_without_a_colour_lose_their_wrappers():
    code = '<span class="k">if</span> <span class="n">x</span><span class="p">:</span>'
    assert light.unwrap_plain_tokens(code) == '<span class="k">if</span> x:'


def test_dropdowns_need_no_script(site):
    html = site("page").html
    boxes = re.findall(r'<details class="([^"]*)"', html)
    assert len(boxes) == 3
    assert all("admonition" in box for box in boxes)
    assert sum("solution" in box for box in boxes) == 1
    assert re.search(r"<summary[^>]*>Hint</summary>", html)
    assert re.search(r"<summary[^>]*>Note</summary>", html)
    # A link inside the summary would be one control inside another.
    for line in re.findall(r"<summary.*?</summary>", html, re.S):
        assert "<a " not in line


def test_pictures_have_sizes_and_those_far_down_start_late(site):
    tags = re.findall(r"<img[^>]*>", site("page").html)
    assert len(tags) == 2
    assert all('width="120" height="80"' in tag for tag in tags)
    assert ["lazy" in tag for tag in tags] == [False, True]


@pytest.mark.parametrize("name", ["index", "page", "plain", "search", "genindex"])
def test_a_page_loads_only_own_files_that_exist(site, name):
    html = site(name).html
    loaded = re.findall(r'<(?:script|img|link)[^>]*? (?:src|href)="([^"]+)"', html)
    assert any(address.startswith("_static/book.js") for address in loaded)
    for address in loaded:
        assert "//" not in address
        assert (site.out / address.split("?")[0]).exists(), address


@pytest.mark.parametrize("name", ["index", "page", "plain", "search", "genindex"])
def test_every_script_file_is_deferred_and_the_theme_brings_none(site, name):
    html = site(name).html
    for tag in re.findall(r"<script[^>]*src=[^>]*>", html):
        assert "defer" in tag
    tags = " ".join(re.findall(r"<(?:script|link)[^>]*>", html)).lower()
    for word in ("thebe", "fontawesome", "bootstrap", "mathjax", "togglebutton"):
        assert word not in tags


def test_ids_are_unique(site):
    for name in ("index", "page", "plain", "search", "genindex"):
        ids = re.findall(r'\bid="([^"]+)"', site(name).html)
        assert len(ids) == len(set(ids))


def test_style_sheet_names_only_files_that_exist():
    css = (light.ASSETS / "book.css").read_text(encoding="utf-8")
    for address in re.findall(r'url\("([^")]+)"\)', css):
        if not address.startswith("data:"):
            assert (light.ASSETS / address).exists(), address
    assert "http" not in css.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("ground", ["paper", "ground"])
def test_text_colours_have_contrast(ground):
    css = (light.ASSETS / "book.css").read_text(encoding="utf-8")
    pairs = dict(re.findall(r"--([\w-]+): light-dark\(([^)]*)\)", css))
    for name in (
        "ink",
        "quiet",
        "accent",
        "green",
        "orange",
        "purple",
        "red",
        "comment",
    ):
        for front, back in zip(
            pairs[name].split(", "), pairs[ground].split(", "), strict=True
        ):
            assert _contrast(front, back) >= 4.5, (name, front, back)


def _contrast(first, second):
    def luminance(colour):
        digits = colour.lstrip("#")
        if len(digits) == 3:
            digits = "".join(2 * digit for digit in digits)
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)
