"""Reads chapters as text and says what an author forgot; it runs nothing.

    python -m press lint [CHAPTER.md ...]

Errors are what a reader would stumble over: a cell that never runs, a figure without a
description, an exercise without a solution, code that Ruff complains about. Warnings
count what a chapter of a numbered part still lacks. Each names its file and line.
"""

import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml
from markdown_it.renderer import RendererHTML
from myst_nb.core.read import (
    is_myst_markdown_notebook,
    read_myst_markdown_notebook,
)
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from myst_parser.parsers.options import TokenizeError, options_to_items
from sphinx.util import logging

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
LINE_LENGTH = 88
NBVAL_TAGS = ("nbval-", "raises-exception", "skip-execution")
NBVAL_COMMENT = re.compile(r"^\s*#+\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$")
CELL_OPENER = re.compile(r"^[\s>*+\-\d.)]*(`{3,}|~{3,}|:{3,})\s*\{(code|raw)-cell\}")
DIRECTIVE = re.compile(r"^\{([\w:-]+)\}\s*(.*)$", re.DOTALL)
CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
EMPTY_ALT = re.compile(r"!\[\s*\]\(")
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
HIDING = {"remove-cell", "remove-output"}
STARS = re.compile(r"★")
GATES = ("exercise", "solution")

# What a chapter of a numbered part needs at least, and how to call it in a sentence.
LEAST = {
    "assert_close": (2, "comparisons with PyTorch's own (assert_close)"),
    "claim": (3, "claims"),
    "explore": (2, "interactive figures (explore)"),
    "quiz questions": (5, "quiz questions"),
    "exercises": (8, "exercises"),
    "exercise checks": (3, "exercises with a check"),
    "citations": (5, "cited sources"),
}

# Ruff's rules that do not suit a chapter: imports where they are first needed, a stub
# that its solution defines again, a variable that only the reader uses. The length of
# lines is checked above.
RUFF_IGNORED = "E402,E501,F811,B018,RUF059"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend, at a line (from 1) of a file."""

    path: Path
    line: int
    message: str
    error: bool = True

    def __str__(self) -> str:
        """The line that an editor can jump to."""
        try:
            path = self.path.relative_to(Path.cwd())
        except ValueError:
            path = self.path
        kind = "" if self.error else "warning: "
        return f"{path}:{self.line}: {kind}{self.message}"


@dataclass
class Cell:
    """A code cell: its source, and the line of the file that the source begins at."""

    source: str
    line: int
    options: dict[str, Any]

    @property
    def tags(self) -> list[str]:
        """The cell's tags."""
        return [str(tag) for tag in self.options.get("tags") or []]

    @property
    def calls(self) -> list[ast.Call]:
        """Every call in the cell; none where the source is not Python."""
        try:
            tree = ast.parse(MAGIC.sub(r"\1pass", self.source))
        except SyntaxError:
            return []
        return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]

    def named(self, name: str) -> list[ast.Call]:
        """The calls of `name(...)` or `something.name(...)`."""
        return [call for call in self.calls if _called(call) == name]


@dataclass
class Block:
    """A fence that is a directive: its name, argument, content and place."""

    name: str
    argument: str
    content: str
    line: int
    nested: bool
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Chapter:
    """A chapter as the lint sees it."""

    path: Path
    text: str
    cells: list[Cell]
    blocks: list[Block]
    not_run: list[int]

    @property
    def has_code(self) -> bool:
        """Whether the file means to run code."""
        return bool(self.cells or self.not_run)


def _called(call: ast.Call) -> str:
    function = call.func
    return getattr(function, "id", getattr(function, "attr", ""))


def _options(content: str) -> tuple[dict[str, Any], str]:
    """Split a directive's content into its options and its body."""
    lines = content.splitlines()
    if lines and lines[0].strip() == "---":
        ends = [i for i, text in enumerate(lines[1:], 1) if text.strip() == "---"]
        if ends:
            head, body = lines[1 : ends[0]], lines[ends[0] + 1 :]
            return yaml.safe_load("\n".join(head)) or {}, "\n".join(body)
    count = next(
        (i for i, text in enumerate(lines) if not text.lstrip().startswith(":")),
        len(lines),
    )
    head = [text.lstrip()[1:] for text in lines[:count]]
    try:
        pairs = options_to_items("\n".join(head))[0] if head else []
    except TokenizeError:
        pairs = []
    options = {key: _value(value) for key, value in pairs}
    return options, "\n".join(lines[count:])


def _value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def read(path: Path) -> Chapter:
    """Read a chapter's file."""
    return parse(Path(path).read_text("utf-8"), path)


def parse(text: str, path: Path | str = "") -> Chapter:
    """Read a chapter's text with the parser that myst-nb reads it with."""
    config = MdParserConfig(
        enable_extensions={"colon_fence", "dollarmath", "deflist"},
        disable_syntax=["inline"],
    )
    tokens = create_md_parser(config, RendererHTML).parse(text + "\n")
    chapter = Chapter(Path(path), text, [], [], [])
    spans, level = [], 0
    for token in tokens:
        level += token.nesting
        if token.type not in ("fence", "colon_fence") or not token.map:
            continue
        match = DIRECTIVE.match(token.info.strip())
        runs = level == 0 and token.type == "fence"
        if match and match[1] == "code-cell" and runs:
            chapter.cells.append(_cell(token))
            spans.append(range(token.map[0], token.map[1]))
        elif not match:
            # Shown as text, as an example of how a cell is written.
            spans.append(range(token.map[0], token.map[1]))
        elif match[1] != "code-cell":
            chapter.blocks += _blocks(token.content, match, token.map[0] + 1)
    shown = {line for span in spans for line in span}
    for number, line in enumerate(text.splitlines()):
        if number not in shown and CELL_OPENER.match(line):
            chapter.not_run.append(number + 1)
    return chapter


def _cell(token) -> Cell:
    options, body = _options(token.content)
    lines = token.content.splitlines()
    skipped = len(lines) - len(body.splitlines())
    return Cell(body, token.map[0] + 2 + skipped, options)


def _blocks(content: str, match: re.Match, line: int, nested=False) -> Iterator[Block]:
    """Yield a directive and the directives inside it."""
    options, body = _options(content)
    yield Block(match[1], match[2].strip(), body, line, nested, options)
    lines, i = body.splitlines(), 0
    offset = line + 1 + len(content.splitlines()) - len(lines)
    while i < len(lines):
        opener = re.match(r"^\s*(`{3,}|:{3,})(\{.+)$", lines[i])
        if opener and (inner := DIRECTIVE.match(opener[2].strip())):
            closer = re.compile(rf"^\s*{opener[1][0]}{{{len(opener[1])},}}\s*$")
            end = next(
                (j for j in range(i + 1, len(lines)) if closer.match(lines[j])),
                len(lines),
            )
            inside = "\n".join(lines[i + 1 : end])
            yield from _blocks(inside, inner, offset + i, nested=True)
            i = end
        i += 1


def lint(path: Path, counted: bool = False) -> list[Problem]:
    """Return the problems of one chapter, but for those that Ruff finds.

    Parameters
    ----------
    path : Path
        A chapter, in MyST Markdown.
    counted : bool
        Also warn of what a chapter of a numbered part should have more of.
    """
    chapter = read(path)
    found = [
        *_cells_that_do_not_run(chapter),
        *_cell_problems(chapter),
        *_first_cell(chapter),
        *_exercises(chapter),
        *_pictures(chapter),
    ]
    if counted:
        found += _too_few(chapter)
    return sorted(
        Problem(chapter.path, line, message, error) for line, message, error in found
    )


Found = Iterator[tuple[int, str, bool]]


def _cells_that_do_not_run(chapter: Chapter) -> Found:
    for line in chapter.not_run:
        yield (
            line,
            "this code cell does not run, as it is inside another block or fenced with "
            "colons; write it at the left margin with backticks, between "
            "{exercise-start} and {exercise-end} for example",
            True,
        )
    if chapter.has_code and not is_myst_markdown_notebook(chapter.text):
        yield (
            1,
            "no cell of this file runs, as its front matter lacks `jupytext: "
            "text_representation: format_name: myst`; copy it from another chapter",
            True,
        )


def _cell_problems(chapter: Chapter) -> Found:
    for cell in chapter.cells:
        yield from _lines(cell)
        yield from _reasons(cell)
        yield from _explores(cell)
        yield from _quizzes(cell)
        yield from _claims(cell)


def _lines(cell: Cell) -> Found:
    for number, text in enumerate(cell.source.splitlines()):
        if len(text) > LINE_LENGTH:
            yield (
                cell.line + number,
                f"this line of code has {len(text)} characters; at most {LINE_LENGTH} "
                "fit on the page",
                True,
            )


def _reasons(cell: Cell) -> Found:
    tags = [tag for tag in cell.tags if tag.startswith(NBVAL_TAGS)]
    if any(tag.startswith("reason-") for tag in cell.tags):
        return
    if tags:
        yield (
            cell.line,
            f"the tag {tags[0]} needs a reason; add a tag such as reason-needs-a-gpu",
            True,
        )
    for number, text in enumerate(cell.source.splitlines()):
        if NBVAL_COMMENT.match(text):
            yield (
                cell.line + number,
                "this comment hides the cell from the tests; add a tag reason-… too",
                True,
            )


def _explores(cell: Cell) -> Found:
    calls = [c for c in cell.named("explore") if isinstance(c.func, ast.Name)]
    for call in calls:
        keywords = {keyword.arg for keyword in call.keywords}
        if "alt" not in keywords and None not in keywords:
            yield (
                cell.line + call.lineno - 1,
                "explore() has no alt=; say what its frames show, as in "
                'alt="The photograph blurred with sigma {sigma}"',
                True,
            )
    figure = (cell.options.get("mystnb") or {}).get("figure") or {}
    if calls and not (figure.get("name") and figure.get("caption")):
        yield (
            cell.line,
            "the figure of this explore() has no number; add `mystnb: figure:` with a "
            "name and a caption to the cell",
            True,
        )


def _quizzes(cell: Cell) -> Found:
    hidden = {"hide-input", "hide-cell", "remove-input"} & set(cell.tags)
    calls = [c for c in cell.named("quiz") if isinstance(c.func, ast.Name)]
    if calls and not hidden:
        yield (
            cell.line,
            "the code of this quiz() tells its answers; add `tags: [hide-input]`",
            True,
        )


def _claims(cell: Cell) -> Found:
    for call in cell.named("claim"):
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            yield (
                cell.line + call.lineno - 1,
                "this claim can never change; compute its condition from the results "
                "above",
                True,
            )


def _first_cell(chapter: Chapter) -> Found:
    if chapter.cells and not chapter.cells[0].named("begin"):
        yield (
            chapter.cells[0].line,
            "the first code cell must call begin(), which seeds every generator",
            True,
        )


def _exercises(chapter: Chapter) -> Found:
    exercises, solutions, still_open = {}, {}, []
    for block in chapter.blocks:
        kind, _, edge = block.name.partition("-")
        if kind not in GATES:
            continue
        if edge == "end":
            if not still_open or still_open.pop().name != f"{kind}-start":
                yield (block.line, f"{{{block.name}}} closes nothing", True)
            continue
        if edge == "start":
            still_open.append(block)
        if kind == "exercise":
            label = str(block.options.get("label", ""))
            if not label:
                yield (block.line, "this exercise has no :label:", True)
            elif label in exercises:
                yield (block.line, f"the label {label} is used twice", True)
            exercises[label] = block
            if not STARS.search(block.argument):
                yield (block.line, f"the exercise {label} has no ★ in its title", True)
        else:
            solutions[block.argument] = block
    for block in still_open:
        end = block.name.replace("start", "end")
        yield (block.line, f"{{{block.name}}} is not closed by {{{end}}}", True)
    hinted = _hinted(chapter)
    for label, block in exercises.items():
        if label not in solutions:
            yield (block.line, f"the exercise {label} has no solution", True)
        if label not in hinted:
            yield (block.line, f"the exercise {label} has no hint", True)
    for label, block in solutions.items():
        if label not in exercises:
            yield (block.line, f"the solution {label} belongs to no exercise", True)


def _hinted(chapter: Chapter) -> set[str]:
    """Labels of the exercises that have a hint inside."""
    labels, inside = set(), ""
    for block in chapter.blocks:
        if block.name in ("exercise", "exercise-start"):
            inside = str(block.options.get("label", ""))
        elif block.name == "exercise-end" or block.name.startswith("solution"):
            inside = ""
        elif inside and "hint" in str(block.options.get("class", "")).split():
            labels.add(inside)
    return labels


def _pictures(chapter: Chapter) -> Found:
    for block in chapter.blocks:
        if block.name not in ("figure", "image"):
            continue
        if not block.options.get("alt"):
            yield (block.line, f"the picture {block.argument} has no :alt:", True)
        if block.name == "figure" and not block.options.get("name"):
            yield (block.line, f"the picture {block.argument} has no :name:", True)
    for number, text in enumerate(chapter.text.splitlines(), 1):
        if EMPTY_ALT.search(text):
            yield (number, "this picture has no alt text between its brackets", True)


def counts(chapter: Chapter) -> dict[str, int]:
    """Count what a chapter should have enough of."""

    def calls(name):
        return sum(len(cell.named(name)) for cell in chapter.cells)

    quizzes = [call for cell in chapter.cells for call in cell.named("quiz")]
    keys = CITATION.findall(chapter.text)
    names = [block.name for block in chapter.blocks]
    return {
        "assert_close": calls("assert_close"),
        "claim": calls("claim"),
        "explore": calls("explore"),
        "quiz questions": sum(len(call.args) for call in quizzes),
        "exercises": names.count("exercise") + names.count("exercise-start"),
        "exercise checks": calls("check") // 2,  # one in the stub, one in the solution
        "citations": len({key.strip() for group in keys for key in group.split(",")}),
    }


def _too_few(chapter: Chapter) -> Found:
    have = counts(chapter)
    for key, (least, name) in LEAST.items():
        if have[key] < least:
            yield (1, f"{have[key]} {name}; a chapter has at least {least}", False)


def ruff(paths: Iterable[Path], root: Path = ROOT) -> list[Problem]:
    """Return what Ruff says of the chapters' cells, at the lines of the chapters."""
    chapters = [read(path) for path in paths]
    chapters = [chapter for chapter in chapters if chapter.cells]
    if not chapters:
        return []
    with tempfile.TemporaryDirectory(prefix="lint-") as folder:
        files = {}
        for number, chapter in enumerate(chapters):
            file = Path(folder, f"{number}-{chapter.path.stem}.ipynb").resolve()
            file.write_text(_as_notebook(chapter), "utf-8")
            files[str(file)] = chapter
        return _run_ruff(folder, files, root)


def _as_notebook(chapter: Chapter) -> str:
    """The chapter's cells as a notebook, which Ruff reads cell by cell."""
    notebook = nbformat.v4.new_notebook()
    for number, cell in enumerate(chapter.cells):
        code = nbformat.v4.new_code_cell(cell.source, id=f"cell-{number}")
        notebook.cells.append(code)
    return nbformat.writes(notebook)


def _run_ruff(folder: str, files: dict[str, Chapter], root: Path) -> list[Problem]:
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "json"]
    # For a reader of the notebook, dlbook is one more library.
    command += ["--config", 'lint.isort.known-third-party = ["dlbook"]']
    command += ["--no-cache", "--extend-ignore", RUFF_IGNORED, folder]
    if (root / "pyproject.toml").is_file():
        command += ["--config", str(root / "pyproject.toml")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"Ruff did not run: {done.stderr.strip()}")
    problems = []
    for item in json.loads(done.stdout):
        chapter = files[item["filename"]]
        cell = chapter.cells[item["cell"] - 1]
        line = cell.line + item["location"]["row"] - 1
        message = f"{item['code']} {item['message']}"
        problems.append(Problem(chapter.path, line, message))
    return sorted(problems)


def output_problems(notebook) -> list[tuple[int, str]]:
    """Return what a reader would miss at the pictures that cells have made.

    The sources cannot tell which cell makes a picture, so this reads an executed
    notebook. Each problem comes with the number of its cell, from 0.
    """
    problems = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or HIDING & set(cell.metadata.get("tags", [])):
            continue
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if not any(kind.startswith("image/") for kind in kinds):
            continue
        options = cell.metadata.get("mystnb", {})
        figure = options.get("figure") or {}
        if not str((options.get("image") or {}).get("alt") or "").strip():
            problems.append(
                (
                    number,
                    "this cell's picture has no alt text; say what it shows with "
                    "`mystnb: image: alt:`",
                )
            )
        if not (figure.get("name") and figure.get("caption")):
            problems.append(
                (
                    number,
                    "this cell's picture has no number; add `mystnb: figure:` "
                    "with a name and a caption",
                )
            )
    return problems


def warn_of_outputs(app, doctree) -> None:
    """Make a picture that nobody described a warning of the build."""
    document = app.env.docname
    path = Path(app.env.mystnb_config.output_folder, f"{document}.ipynb")
    source = Path(app.env.doc2path(document))
    if not path.is_file() or source.suffix != ".md":
        return
    problems = output_problems(nbformat.read(path, as_version=4))
    if not problems or not is_myst_markdown_notebook(source.read_text("utf-8")):
        return
    lines = read_myst_markdown_notebook(
        source.read_text("utf-8"), add_source_map=True, path=source
    ).metadata.source_map
    for number, message in problems:
        logger.warning(message, location=(document, lines[number]), type="press")


def chapters(root: Path = ROOT) -> list[Path]:
    """Every source file of the book, drafts (`_…`) too."""
    folder = root / "chapters"
    return sorted(
        path for path in folder.rglob("*.md") if ".ipynb_checkpoints" not in path.parts
    )


def numbered(root: Path = ROOT) -> set[Path]:
    """The chapters of the numbered parts of _toc.yml."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8")) or {}
    names = [
        chapter["file"]
        for part in toc.get("parts", [])
        if part.get("numbered")
        for chapter in part.get("chapters", [])
        if "file" in chapter
    ]
    return {(root / "chapters" / f"{name}.md").resolve() for name in names}


def main(paths: Sequence[str | Path] = (), root: Path = ROOT) -> int:
    """Lint these chapters, or all of them; print the problems.

    Returns 1 if there is an error, else 0.
    """
    files = [Path(path) for path in paths] or chapters(root)
    missing = [path for path in files if not path.is_file()]
    if missing:
        print(f"There is no chapter {missing[0]}.", file=sys.stderr)
        return 1
    counted = numbered(root)
    found = []
    for path in files:
        found += lint(path, counted=path.resolve() in counted)
    found += ruff(files, root)
    for problem in sorted(found):
        print(problem)
    errors = sum(problem.error for problem in found)
    print(f"{len(files)} files, {errors} errors, {len(found) - errors} warnings")
    return int(errors > 0)


def setup(app) -> dict:
    """Let Sphinx warn of the pictures that cells have made."""
    app.connect("doctree-read", warn_of_outputs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
