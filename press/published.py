"""What may not be left in the Markdown of a published notebook."""

import re

_FENCE = re.compile(
    r"^(?P<lead>[ >]*)(?P<ticks>`{3,}|~{3,})(?P<info>[^\n]*)\n"
    r"(?P<body>.*?)^[ >]*(?P=ticks)[`~]*[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_MATH = re.compile(r"\$\$.+?\$\$|(?<![\\$])\$(?!\s)[^$\n]+?\$", re.DOTALL)
_DATA_URI = re.compile(r"""(data:[\w/+.-]+;base64,)[A-Za-z0-9+/=]+""")
_ABSOLUTE = r"(?:https?:|mailto:|data:)"

# (what is wrong, pattern); looked for outside code and mathematics.
_PROBLEMS = [
    ("a MyST role", re.compile(r"\{[A-Za-z][\w:.+-]*\}`")),
    ("a MyST directive", re.compile(r"^[ >]*[`~:]{3,}\s*\{[^}\n]*\}", re.MULTILINE)),
    ("a colon fence", re.compile(r"^[ >]*:{3,}", re.MULTILINE)),
    ("a MyST label", re.compile(r"^[ >]*\([^()\s]+\)=\s*$", re.MULTILINE)),
    ("a MyST comment or cell break", re.compile(r"^(?:% |\+\+\+)", re.MULTILINE)),
    ("a substitution", re.compile(r"\{\{.*?\}\}")),
    ("a footnote mark", re.compile(r"\[\^[^\]]+\]")),
    ("a hidden comment", re.compile(r"<!--")),
    ("an attachment", re.compile(r"\]\(\s*attachment:|=[\"']attachment:")),
    ("an unresolved reference", re.compile(r"\?\?\?|\[\?\]")),
    (
        "an image that is not in the notebook",
        re.compile(rf"!\[[^\]]*\]\(\s*<?(?!{_ABSOLUTE}|attachment:)[^)]*\)"),
    ),
    (
        "an image that is not in the notebook",
        re.compile(
            rf"<img\b[^>]*\bsrc\s*=\s*[\"'](?!{_ABSOLUTE}|attachment:)[^\"']*",
            re.IGNORECASE,
        ),
    ),
    (
        "an image with no description",
        re.compile(r"!\[\s*\]\(|<img\b(?![^>]*\balt\s*=\s*[\"'][^\"'])[^>]*>", re.I),
    ),
    (
        "a relative link",
        re.compile(
            rf"(?<!\\)\]\(\s*<?(?!{_ABSOLUTE}|attachment:|#|\s*\))[^)\s]*[^)]*\)"
        ),
    ),
    (
        "a relative link",
        re.compile(rf"<a\b[^>]*\bhref\s*=\s*[\"'](?!{_ABSOLUTE}|#)[^\"']*", re.I),
    ),
    ("an empty link", re.compile(r"(?<!!)\[\s*\]\(|(?<!\\)\]\(\s*#?\s*\)")),
]
_LOCAL_LINK = re.compile(r"(?<!\\)\]\(#([^)\s]+)\)|\bhref\s*=\s*[\"']#([^\"']+)")
_ANCHOR = re.compile(r"""\b(?:id|name)\s*=\s*["']([^"']+)["']""")


def published_markdown_problems(nb) -> list[str]:
    """What is wrong with the Markdown of a published notebook; [] when nothing is.

    Finds what a reader in Colab would see as a fault: MyST syntax, images and links
    that lead out of the file, links to nowhere. Code and mathematics may look like
    anything. Each problem is one line that quotes the place.
    """
    problems, links, anchors = [], [], set()
    for position, cell in enumerate(nb["cells"], start=1):
        if cell["cell_type"] != "markdown":
            continue
        source = "".join(cell["source"])
        text = without_code(source)
        for what, place in _in_fences(source) + _in_math(source) + _in_text(text):
            problems.append(f"cell {position}: {what}: {_excerpt(place)}")
        links += [(position, a or b) for a, b in _LOCAL_LINK.findall(text)]
        anchors |= set(_ANCHOR.findall(text))
    problems += [
        f"cell {position}: a link to nowhere: #{target}"
        for position, target in links
        if target not in anchors
    ]
    return problems


def without_code(source: str) -> str:
    """Markdown with its code blanked (the backticks stay) and its mathematics gone."""
    text = _without_fences(_DATA_URI.sub(r"\1", source))
    text = _CODE_SPAN.sub(r"\1 \1", text)
    return _MATH.sub("", text)


def _without_fences(source: str) -> str:
    return _FENCE.sub(lambda match: f"{match['lead']}\n", source)


def _in_math(source: str) -> list[tuple[str, str]]:
    """A directive that was not closed swallows what follows it."""
    return [
        ("text inside mathematics", match[0])
        for match in _MATH.finditer(_without_fences(source))
        if re.search(r"```|^[ >]*:\w+: |:::", match[0], re.MULTILINE)
    ]


def _in_fences(source: str) -> list[tuple[str, str]]:
    return [
        ("a MyST directive", match[0])
        for match in _FENCE.finditer(source)
        if re.match(r"\s*\{", match["info"])
    ]


def _in_text(text: str) -> list[tuple[str, str]]:
    return [
        (what, match[0])
        for what, pattern in _PROBLEMS
        for match in pattern.finditer(text)
    ]


def _excerpt(place: str, length: int = 60) -> str:
    line = " ".join(place.split())
    return line if len(line) <= length else line[: length - 1] + "…"
