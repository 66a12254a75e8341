"""What `explore` and `quiz` share: escaping, a little markup, and one look.

The look follows the page it stands on. Text takes the page's own colour, lines are a
faint mix of it, and the few colours of our own come in a light and a dark version.
"""

import html
import re

# The selectors after each other: this book's site, JupyterLab, Colab. Each of them says
# with an attribute that it is dark; native controls follow `color-scheme`. The site's
# theme would put a light box behind an output in the dark (`.text_html`): not here.
STYLE = """
.dlb{color:var(--pst-color-text-base,var(--jp-ui-font-color1,inherit));
--dlb-line:color-mix(in srgb,currentColor 22%,transparent);
--dlb-accent:light-dark(#0b5cad,#7cb7ff);
margin:1rem auto;text-align:left;line-height:1.5;box-sizing:border-box}
html[data-theme=light] .dlb,[data-jp-theme-light=true] .dlb{color-scheme:light}
html[data-theme=dark] .dlb,[data-jp-theme-light=false] .dlb,
html[theme=dark] .dlb{color-scheme:dark}
.dlb *,.dlb ::before{box-sizing:border-box}
.dlb [hidden]{display:none!important}
.dlb p{margin:0}
.dlb :is(input,select,button){font:inherit;accent-color:var(--dlb-accent)}
.dlb :is(input,select,button,summary):focus-visible{
outline:2px solid var(--dlb-accent);outline-offset:2px}
.dlb-button{display:inline-flex;align-items:center;gap:.5em;min-height:2.25rem;
padding:.2rem 1rem;color:inherit;background:transparent;cursor:pointer;
border:1px solid #888;border-color:color-mix(in srgb,currentColor 55%,transparent);
border-radius:.4rem}
.dlb-button:hover{background:#8881;background:var(--dlb-line)}
.dlb summary{cursor:pointer;min-height:1.75rem}
.dlb-away{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;
clip-path:inset(50%);white-space:nowrap}
.text_html:has(>.dlb){background:none!important;color:inherit!important;
padding:0!important}
@media print{.dlb{break-inside:avoid}.dlb-button{display:none!important}}
"""

_CODE = re.compile(r"(`[^`]+`)")
_MARKS = (
    (re.compile(r"_\{([^{}]*)\}"), "sub"),
    (re.compile(r"\^\{([^{}]*)\}"), "sup"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*]+?)(?<=\S)\*(?![\w*])"), "em"),
)


def escape(text: str) -> str:
    """Text made safe for the inside of an element or a double-quoted attribute."""
    return html.escape(str(text), quote=True)


def compact(css_or_script: str) -> str:
    """The same style or script without line ends and indentation."""
    return "".join(line.strip() for line in css_or_script.splitlines())


def _convert(text: str, wrap, plain) -> str:
    """Convert the code spans of `text` by `wrap`, everything else by `plain`."""
    pieces = _CODE.split(text)
    return "".join(
        wrap(piece[1:-1], "code") if number % 2 else plain(piece)
        for number, piece in enumerate(pieces)
    )


def markup(text: str) -> str:
    """HTML of a short text that uses `code`, *emphasis*, x_{i} and x^{2}."""

    def plain(piece: str) -> str:
        piece = escape(piece)
        for pattern, tag in _MARKS:
            piece = pattern.sub(rf"<{tag}>\1</{tag}>", piece)
        return piece

    return _convert(text, lambda inner, tag: f"<{tag}>{escape(inner)}</{tag}>", plain)


def unmarked(text: str) -> str:
    """The same text for a terminal: emphasis dropped, code and indices kept."""

    def plain(piece: str) -> str:
        return _MARKS[2][0].sub(r"\1", piece)

    return _convert(text, lambda inner, tag: inner, plain)


def has_tex(text: str) -> bool:
    """True where a text, outside its code, holds a dollar sign or a backslash."""
    outside = _CODE.sub("", text)
    return "$" in outside or "\\" in outside
