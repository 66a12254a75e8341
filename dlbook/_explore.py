"""`explore`: one figure with controls, alive on a web page and in a notebook.

With a kernel (JupyterLab, Colab) the controls are ipywidgets, and every change calls
the chapter's own function again. On the website, and in a saved notebook, the same
figure is HTML with every frame drawn beforehand and a small script.
"""

import base64
import difflib
import hashlib
import inspect
import io
import itertools
import json
import math
import numbers
import string
import sys

from ._html import STYLE, compact, escape, has_tex, markup

MAX_FRAMES = 96
MAX_BYTES = 600_000
DPI = 110  # sharp at the width of the page's text, and small enough for 96 frames
RESERVED = ("draw", "alt", "caption", "labels", "start", "play")

_STYLE = (
    STYLE
    + """
.dlb-explore{max-width:100%}
.dlb-card{margin:0;padding:.5rem;background:#fff;border-radius:.5rem;
border:1px solid #8884}
.dlb-card img{display:block;max-width:100%;height:auto;margin:0 auto;
padding:0!important;background:#fff!important}
.dlb-controls{display:grid;gap:.5rem 1.5rem;align-items:end;padding:.75rem .25rem 0;
grid-template-columns:repeat(auto-fit,minmax(min(14rem,100%),1fr))}
.dlb-control{display:grid;grid-template-columns:auto 1fr auto;gap:.15rem .75rem}
.dlb-control label{display:contents}
.dlb-control label>span{grid-row:1;grid-column:1/3}
.dlb-control input,.dlb-control select{grid-row:2;grid-column:1/4;width:100%;
min-height:2.25rem;margin:0}
.dlb-play{grid-row:2;grid-column:1}
.dlb-play+label input,.dlb-play+label select{grid-column:2/4}
.dlb-control select{color:inherit;background:transparent;border:1px solid #888;
border-radius:.4rem;padding:.2rem .5rem}
.dlb-control option{color:CanvasText;background:Canvas}
.dlb-control output{grid-row:1;grid-column:3;font-variant-numeric:tabular-nums;
font-weight:600}
.dlb-play::before{content:"";width:.75em;height:.8em;background:currentColor;
clip-path:polygon(0 0,100% 50%,0 100%)}
.dlb-play[aria-pressed=true]::before{
clip-path:polygon(0 0,35% 0,35% 100%,65% 100%,65% 0,100% 0,100% 100%,0 100%)}
.dlb-still,.dlb-caption{padding:.5rem .25rem 0}
[data-ready]>.dlb-still{display:none}
@media print{.dlb-controls,.dlb-still details{display:none!important}
.dlb-explore>.dlb-still{display:block}}
"""
)

# Figures are found by class, because document.currentScript is null in notebooks, and
# each is set up once, however often the script runs. Nothing is left on `window`.
# JupyterLab would take arrow keys for its own, but for data-lm-suppress-shortcuts.
_SCRIPT = """
document.querySelectorAll('.dlb-explore:not([data-ready])').forEach(function(box){
var find=function(s){return box.querySelector(s)};
var all=function(s){return Array.from(box.querySelectorAll(s))};
var image=find('img'),status=find('[role=status]'),play=find('.dlb-play');
var inputs=all('.dlb-control input,.dlb-control select');
var frames,loaded={},now,timer,telling;
var sizes=inputs.map(function(e){return e.options?e.options.length:+e.max+1});
var at=inputs.map(function(e){return e.options?e.selectedIndex:+e.value});
function frame(places){
return places.reduce(function(sum,p,i){return sum*sizes[i]+p},0)}
function load(n){
if(!loaded[n]){loaded[n]=new Image();loaded[n].src=frames[n].src}
return loaded[n]}
function near(){
at.forEach(function(p,i){[p+1,p-1].forEach(function(q){
if(q>=0&&q<sizes[i]){var next=at.slice();next[i]=q;load(frame(next))}})})}
function tell(){
clearTimeout(telling);
if(!timer)telling=setTimeout(function(){status.textContent=frames[now].alt},400)}
function show(){
frames=frames||JSON.parse(find('script[type]').textContent);
var n=now=frame(at);
find('.dlb-still p').textContent='Shown: '+inputs.map(function(e,i){
var v=names(e)[at[i]];
if(!e.options){e.value=at[i];e.setAttribute('aria-valuetext',v[1]);
e.closest('.dlb-control').querySelector('output').textContent=v[0]}
return e.previousSibling.textContent+' = '+v[0]}).join(', ')+'.';
tell();
function swap(){
if(n===now){image.src=frames[n].src;image.alt=frames[n].alt;near()}}
return load(n).decode().then(swap,swap)}
function names(e){
return e.options?Array.from(e.options,function(o){return[o.text]})
:JSON.parse(e.dataset.values)}
function stop(){
clearTimeout(timer);timer=0;if(play)play.setAttribute('aria-pressed','false')}
inputs.forEach(function(e,i){e.addEventListener('input',function(){
stop();at[i]=e.options?e.selectedIndex:+e.value;show()})});
if(play)play.addEventListener('click',function(){
if(timer){stop();tell();return}
var i=+play.dataset.play,last=sizes[i]-1;
var pause=matchMedia('(prefers-reduced-motion:reduce)').matches?1200:400;
if(at[i]===last)at[i]=-1;
function step(){
if(!box.isConnected){stop();return}
at[i]+=1;
show().then(function(){
if(timer){if(at[i]<last)timer=setTimeout(step,pause);else{stop();tell()}}})}
play.setAttribute('aria-pressed','true');timer=1;step()});
all('input,select,button').forEach(function(e){
e.setAttribute('data-lm-suppress-shortcuts','')});
find('.dlb-controls').hidden=false;
box.setAttribute('data-ready','')});
"""


def explore(
    draw, /, *, alt=None, caption="", labels=None, start=None, play=None, **values
):
    """A figure with one control for every parameter of `draw`.

    `draw` takes the parameters by name and returns a matplotlib Figure; give the values
    of each parameter as a list: `explore(draw, sigma=[0.5, 1, 2], kind=["box", "disc"],
    alt="Photograph blurred with sigma {sigma}")`. Numbers become a slider, strings and
    booleans a menu. All combinations are drawn, at most 96 of them.

    alt: what the picture shows: a text with {parameter} in it, or a function of the
        parameters that returns one. Required.
    caption: printed under the figure (`code`, *emphasis*, x_{i} and x^{2} work).
    labels: names of the controls, as {"sigma": "Blur σ (pixels)"}; what stands in
        parentheses at the end is the unit.
    start: the values shown first, as {"sigma": 1}; otherwise the first of each.
    play: the parameter that is time: it gets a play button.

    Raises ValueError or TypeError with a sentence that says what to change, and
    RuntimeError, naming the values, when `draw` itself fails.
    """
    return Explore(draw, values, alt, caption, labels, start, play)


class Explore:
    """What `explore` returns; a notebook shows it by itself."""

    def __init__(self, draw, values, alt, caption, labels, start, play):
        _check_options(alt, caption, labels, start, play)
        self._draw = draw
        self._values = {name: _listed(name, given) for name, given in values.items()}
        _check_values(self._values)
        _check_draw(draw, self._values)
        self._alt = alt
        self._caption = caption
        self._labels = _labels(labels or {}, self._values)
        self._start = _start(start or {}, self._values)
        self._play = play
        if play is not None and play not in self._values:
            raise ValueError(
                f"explore: play={play!r} is not a parameter; "
                f"choose one of {_names(self._values)}."
            )
        _check_alt(alt, self._values)
        self._widget = None
        # A reader in Colab sees the live figure only, so one frame is enough there.
        self._only_live = _in_colab() and _kernel_is_live()
        settings = [self._start] if self._only_live else self._settings()
        self._frames, self._store, self._size = _frames(self, settings)
        self._html = None if self._only_live else self._page()

    def _settings(self) -> list[dict]:
        """Every combination of values, the last parameter running fastest."""
        return [
            dict(zip(self._values, chosen, strict=True))
            for chosen in itertools.product(*self._values.values())
        ]

    def _describe(self, setting: dict) -> str:
        write = self._alt if callable(self._alt) else _Shown(self._alt)
        text = write(**setting)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"explore: alt gave {text!r} for {_said(setting)}; "
                "it must be a text that says what the picture shows."
            )
        return " ".join(text.split())

    def _picture(self, setting: dict):
        return _picture(self._draw, setting)

    # -- the static page ---------------------------------------------------------------

    def _page(self) -> str:
        first = self._frames[self._settings().index(self._start)]
        data = json.dumps(self._frames, ensure_ascii=False, separators=(",", ":"))
        width, height = self._size
        tag = "figure" if self._caption else "div"
        controls = "".join(
            self._control(index, name) for index, name in enumerate(self._values)
        )
        body = (
            f'<div class="dlb-card"><img class="dark-light" src="{first["src"]}" '
            f'alt="{escape(first["alt"])}" width="{width}" height="{height}" '
            f'style="aspect-ratio:{width}/{height}" decoding="async"></div>'
            f'<div class="dlb-controls" hidden>{controls}</div>'
            f'<div class="dlb-away" role="status" aria-live="polite"></div>'
            f"{self._still(first['alt'])}"
            + (
                f'<figcaption class="dlb-caption">{markup(self._caption)}</figcaption>'
                if self._caption
                else ""
            )
            + f'<script type="application/json">{data.replace("<", chr(92) + "u003c")}'
            "</script>"
        )
        digest = hashlib.sha256(body.encode()).hexdigest()[:12]
        label = escape(self._title())
        page = (
            f"<style>{compact(_STYLE)}</style>"
            f'<{tag} class="dlb dlb-explore" role="group" aria-label="{label}" '
            f'data-figure="{digest}" '
            f'style="max-width:{width + 18}px">{body}</{tag}>'
            f"<script>{compact(_SCRIPT)}</script>"
        )
        _check_weight(len(page.encode()), len(self._frames))
        return page

    def _title(self) -> str:
        names = [self._labels[name][0] for name in self._values]
        return "Interactive figure: " + ", ".join(names)

    def _control(self, index: int, name: str) -> str:
        label, unit = self._labels[name]
        values = self._values[name]
        chosen = values.index(self._start[name])
        text = f"<span>{escape(label)}</span>"
        if _as_menu(values):
            options = "".join(
                f"<option{' selected' if place == chosen else ''}>{escape(show(value))}"
                "</option>"
                for place, value in enumerate(values)
            )
            control = f'<select autocomplete="off">{options}</select>'
            output = ""
        else:
            shown = [[show(value), _with_unit(value, unit)] for value in values]
            pairs = escape(json.dumps(shown, ensure_ascii=False))
            control = (
                f'<input type="range" min="0" max="{len(values) - 1}" step="1" '
                f'value="{chosen}" autocomplete="off" '
                f'aria-valuetext="{escape(shown[chosen][1])}" data-values="{pairs}">'
            )
            # aria-live off: the slider itself already says its value.
            output = f'<output aria-live="off">{escape(shown[chosen][0])}</output>'
        button = ""
        if name == self._play:
            button = (
                '<button type="button" class="dlb-button dlb-play" '
                f'aria-pressed="false" data-play="{index}">Play'
                f'<span class="dlb-away"> {escape(label)}</span></button>'
            )
        return (
            f'<div class="dlb-control">{button}'
            f"<label>{text}{control}</label>{output}</div>"
        )

    def _still(self, alt: str) -> str:
        """What stands there without script, and the values in print."""
        choices = "".join(
            f"<li>{escape(self._labels[name][0])}: "
            f"{escape(', '.join(show(value) for value in values))}</li>"
            for name, values in self._values.items()
        )
        return (
            f'<div class="dlb-still"><p>Shown: {escape(self._shown(self._start))}.</p>'
            "<details><summary>The controls of this figure need JavaScript</summary>"
            f"<p>{escape(alt)}</p><ul>{choices}</ul></details></div>"
        )

    def _shown(self, setting: dict) -> str:
        return ", ".join(
            f"{self._labels[name][0]} = {show(value)}"
            for name, value in setting.items()
        )

    # -- the live figure ---------------------------------------------------------------

    @property
    def widget(self):
        """The live figure: ipywidgets controls that call `draw` on every change."""
        if self._widget is None:
            self._widget = _live(self)
        return self._widget

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": repr(self)}
        if self._html is not None:
            bundle["text/html"] = self._html
        if _kernel_is_live():
            bundle["application/vnd.jupyter.widget-view+json"] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            }
        return bundle

    def __repr__(self) -> str:
        lines = ["Interactive figure"]
        for name, values in self._values.items():
            shown = ", ".join(show(value) for value in values)
            lines.append(f"  {self._labels[name][0]}: {shown}")
        lines.append(f"  Shown: {self._describe(self._start)}")
        return "\n".join(lines)


# -- values and words ------------------------------------------------------------------


class _Shown(string.Formatter):
    """str.format, but {sigma} of 0.30000000000000004 is 0.3."""

    def __init__(self, text: str):
        self._text = text

    def __call__(self, **setting) -> str:
        return self.vformat(self._text, (), setting)

    def format_field(self, value, format_spec):
        return format(value, format_spec) if format_spec else show(value)


def show(value) -> str:
    """A value as the reader sees it: 0.3, −2, yes, 1e−5, ∞."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if not isinstance(value, float):
        return str(value).replace("-", "−")
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    mantissa, mark, exponent = f"{value:.6g}".partition("e")
    text = mantissa + (f"e{int(exponent)}" if mark else "")
    return text.replace("-", "−")


def _with_unit(value, unit: str) -> str:
    """The value and its unit as a screen reader says them."""
    gap = " " if unit[:1].isalpha() else ""
    return f"{show(value)}{gap}{unit}"


def _said(setting: dict) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in setting.items())


def _names(things) -> str:
    return ", ".join(repr(name) for name in things)


def _as_menu(values: list) -> bool:
    return any(isinstance(value, (str, bool)) for value in values)


def _listed(name: str, given) -> list:
    """The values of one parameter as plain Python numbers, strings and booleans."""
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise TypeError(
            f"explore: give the values of {name!r} as a list, such as "
            f"{name}=[{given!r}, …]."
        )
    if isinstance(given, (set, frozenset)):
        raise TypeError(f"explore: {name!r} is a set, which has no order; use a list.")
    values = [_plain(name, value) for value in given]
    if not values:
        raise ValueError(
            f"explore: parameter {name!r} has no values; give at least one."
        )
    shown = [show(value) for value in values]
    for value, text in zip(values, shown, strict=True):
        if shown.count(text) > 1:
            raise ValueError(
                f"explore: parameter {name!r} shows the value {text} twice; "
                f"leave one out (it was given as {value!r})."
            )
    return values


def _plain(name: str, value):
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()  # a NumPy or PyTorch scalar
    if not isinstance(value, (str, bool, numbers.Real)):
        raise TypeError(
            f"explore: a value of {name!r} is a {type(value).__name__}; values are "
            "numbers, strings or booleans: give names, and look the things up in draw."
        )
    if isinstance(value, float) and math.isnan(value):
        raise ValueError(f"explore: a value of {name!r} is NaN; leave it out.")
    if isinstance(value, str) and not value.strip():
        raise ValueError(f"explore: a value of {name!r} is an empty string; name it.")
    return value


def _labels(labels: dict, values: dict) -> dict:
    """For each parameter its label and the unit in the label's last parentheses."""
    for name in labels:
        _known("labels", name, values)
    found = {}
    for name in values:
        text = str(labels.get(name, name.replace("_", " "))).strip()
        unit = text[:-1].rpartition("(")[2] if text.endswith(")") else ""
        found[name] = (text, unit)
    return found


def _start(start: dict, values: dict) -> dict:
    """The values shown first; they are compared as the reader sees them."""
    for name in start:
        _known("start", name, values)
    chosen = {}
    for name, known in values.items():
        shown = [show(value) for value in known]
        wanted = show(_plain(name, start[name])) if name in start else shown[0]
        if wanted not in shown:
            raise ValueError(
                f"explore: start asks for {name} = {wanted}, which is not among its "
                f"values {', '.join(shown)}."
            )
        chosen[name] = known[shown.index(wanted)]
    return chosen


def _known(option: str, name: str, values: dict) -> None:
    if name not in values:
        raise ValueError(
            f"explore: {option} names {name!r}, which is not a parameter; "
            f"the parameters are {_names(values)}."
        )


# -- what can be wrong -----------------------------------------------------------------


def _check_options(alt, caption, labels, start, play) -> None:
    if alt is None:
        raise ValueError(
            "explore: alt is missing; say what the picture shows, such as "
            'alt="Photograph blurred with sigma {sigma}".'
        )
    kinds = {
        "alt": (alt, isinstance(alt, str) or callable(alt), "a text or a function"),
        "caption": (caption, isinstance(caption, str), "a text"),
        "labels": (labels, labels is None or isinstance(labels, dict), "a dict"),
        "start": (start, start is None or isinstance(start, dict), "a dict"),
        "play": (play, play is None or isinstance(play, str), "a parameter's name"),
    }
    for name, (given, fine, kind) in kinds.items():
        if not fine:
            raise TypeError(
                f"explore: {name} must be {kind}, not {type(given).__name__}; if draw "
                f"has a parameter of that name, rename it: explore keeps {name!r} for "
                "itself."
            )
    if has_tex(caption):
        raise ValueError(
            "explore: caption holds TeX, which it does not show; write Unicode such as "
            "σ², or x_{i} and x^{2}, or use the cell's own `figure: caption:`."
        )


def _check_values(values: dict) -> None:
    if not values:
        raise ValueError(
            "explore: there is nothing to explore; give at least one parameter with "
            "its values, such as sigma=[0.5, 1, 2]."
        )
    if "draw" in values:
        raise TypeError(
            "explore keeps the name 'draw' for itself; rename the parameter."
        )
    count = math.prod(len(known) for known in values.values())
    if count > MAX_FRAMES:
        sizes = " × ".join(str(len(known)) for known in values.values())
        raise ValueError(
            f"explore: {sizes} = {count} frames are more than {MAX_FRAMES}; "
            "give fewer values."
        )


def _check_draw(draw, values: dict) -> None:
    if not callable(draw):
        raise TypeError(
            f"explore: draw is a {type(draw).__name__}; pass the function that returns "
            "the figure, without calling it."
        )
    try:
        accepted = inspect.signature(draw).parameters
    except (TypeError, ValueError):  # some functions written in C
        return
    if any(one.kind is one.VAR_KEYWORD for one in accepted.values()):
        return
    by_name = [
        name
        for name, one in accepted.items()
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    for name in values:
        if name not in by_name:
            close = difflib.get_close_matches(name, by_name, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes {by_name}."
            raise TypeError(f"explore: draw has no parameter {name!r}; {hint}")
    for name in by_name:
        if accepted[name].default is inspect.Parameter.empty and name not in values:
            raise TypeError(
                f"explore: draw needs {name!r} too; give its values, or give it a "
                "default in draw."
            )


def _check_alt(alt, values: dict) -> None:
    """A text with a field that is no parameter, or with a broken brace, is an error."""
    if callable(alt):
        return
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(alt)]
    except ValueError as error:
        raise ValueError(
            f"explore: alt is not a valid format string ({error}); "
            "write a brace that is meant as one twice."
        ) from None
    for field in fields:
        if field is not None and field not in values:
            raise ValueError(
                f"explore: alt names {{{field}}}, which is not a parameter; "
                f"the parameters are {_names(values)}."
            )


def _check_weight(size: int, count: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(
            f"explore: the figure is {size / 1000:.0f} kB, more than "
            f"{MAX_BYTES // 1000} kB ({count} frames of {size / count / 1000:.0f} kB); "
            "give fewer values, a smaller figsize, or draw less noise."
        )


# -- pictures --------------------------------------------------------------------------


def _picture(draw, setting: dict):
    """The RGB picture that `draw` makes of one setting; its figures are closed."""
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    before = set(plt.get_fignums())
    figure = None
    try:
        try:
            figure = draw(**setting)
        except Exception as error:
            raise RuntimeError(
                f"explore: draw failed for {_said(setting)}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(figure, Figure):
            what = "nothing" if figure is None else f"a {type(figure).__name__}"
            raise TypeError(
                f"explore: draw returned {what} for {_said(setting)}; "
                "end it with `return figure`, a matplotlib Figure."
            )
        figure.set_dpi(DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        size = canvas.get_width_height()
        picture = Image.frombuffer("RGBA", size, canvas.buffer_rgba())
        paper = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(paper, picture).convert("RGB")
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
        if isinstance(figure, Figure):
            plt.close(figure)


def _lossless(picture) -> bytes:
    """A WebP of at most 256 colours: enough for a plot, and a third of a plain PNG."""
    out = io.BytesIO()
    palette = picture.quantize(256, method=0, dither=0).convert("RGB")
    palette.save(out, "WEBP", lossless=True, quality=75, method=4)
    return out.getvalue()


def _photo(picture) -> bytes:
    """A WebP as photographs are stored: small, with losses that are hard to see."""
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def _frames(figure, settings: list[dict]):
    """The frames {src, alt} of all settings, how they are stored, and their size."""
    pictures = []
    for setting in settings:
        picture = figure._picture(setting)
        if pictures and picture.size != pictures[0].size:
            raise ValueError(
                f"explore: draw made a picture of {_pixels(picture)} for "
                f"{_said(setting)} and of {_pixels(pictures[0])} before; "
                "use one figsize for all."
            )
        pictures.append(picture)
    store = _storage(pictures)
    frames = [
        {"src": _uri(store(picture)), "alt": figure._describe(setting)}
        for picture, setting in zip(pictures, settings, strict=True)
    ]
    return frames, store, pictures[0].size


def _pixels(picture) -> str:
    return "{} × {} pixels".format(*picture.size)


def _storage(pictures: list):
    """One way of storing them all: with losses only where that is clearly smaller.

    Drawn plots come out smaller without losses, photographs a quarter with them; three
    of the pictures are tried, because trying all would take longer than drawing them.
    """
    sample = pictures[:: max(1, len(pictures) // 3)][:3]
    exact = sum(len(_lossless(picture)) for picture in sample)
    lossy = sum(len(_photo(picture)) for picture in sample)
    return _photo if exact > 1.5 * lossy else _lossless


def _uri(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"


# -- live ------------------------------------------------------------------------------


def _in_colab() -> bool:
    return "google.colab" in sys.modules


def _kernel_is_live() -> bool:
    """True where a widget can be shown: an IPython kernel, and ipywidgets installed."""
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def _live(figure: Explore):
    """The ipywidgets version; works with ipywidgets 7.7 and 8."""
    import ipywidgets

    style = {"description_width": "initial"}
    wide = ipywidgets.Layout(width="auto", max_width="40rem")
    controls = {}
    for name, values in figure._values.items():
        kind = ipywidgets.SelectionSlider
        if _as_menu(values):
            kind = ipywidgets.Dropdown
        controls[name] = kind(
            options=[(show(value), value) for value in values],
            value=figure._start[name],
            description=figure._labels[name][0],
            style=style,
            layout=wide,
        )
    picture = ipywidgets.HTML()

    def update(change=None):
        setting = {name: control.value for name, control in controls.items()}
        try:
            shown = figure._picture(setting)
            source, alt = _uri(figure._store(shown)), figure._describe(setting)
        except Exception as error:
            picture.value = f"<p><strong>✗</strong> {escape(error)}</p>"
            return
        width, height = shown.size
        picture.value = (
            f'<img src="{source}" alt="{escape(alt)}" width="{width}" '
            f'height="{height}" style="max-width:100%;height:auto;padding:.5rem;'
            'box-sizing:content-box;background:#fff;border-radius:.5rem">'
        )

    update()
    for control in controls.values():
        control.observe(update, names="value")
    rows = list(controls.values())
    if figure._play is not None:
        slider = controls[figure._play]
        player = ipywidgets.Play(
            min=0, max=len(slider.options) - 1, interval=400, value=slider.index
        )
        ipywidgets.link((player, "value"), (slider, "index"))
        rows.insert(rows.index(slider), player)
    if figure._caption:
        rows.append(ipywidgets.HTML(markup(figure._caption)))
    return ipywidgets.VBox([picture, *rows])
