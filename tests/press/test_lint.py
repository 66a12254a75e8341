"""The lint for authors: each slip is found at its line, and a good chapter passes."""

import nbformat
import pytest

from press import lint

FRONT = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3, language: python}
---

# Chapter

```{code-cell} ipython3
from dlbook import begin, claim, explore

begin()
```

"""
EXERCISE = """\
```{exercise-start} Sum ★
:label: ex-sum
```

:::{admonition} Hint
:class: hint dropdown

Add.
:::

```{exercise-end}
```

"""
SOLUTION = """\
```{solution-start} ex-sum
:class: dropdown
```

```{solution-end}
```
"""


@pytest.fixture
def problems(tmp_path):
    """Lint a chapter that goes on like this after its first cell."""

    def run(rest, front=FRONT, **options):
        path = tmp_path / "chapter.md"
        path.write_text(front + rest, "utf-8")
        return lint.lint(path, **options)

    return run


def cell(code, options=""):
    return f"```{{code-cell}} ipython3\n{options}{code}\n```\n"


def line_in(rest, text):
    """The line of the whole file that `text` is on."""
    return FRONT.count("\n") + rest[: rest.index(text)].count("\n") + 1


def test_a_good_chapter_has_no_problem(problems):
    assert problems(EXERCISE + SOLUTION + cell("1 + 1")) == []


NESTED = {
    "note": ":::{note}\n```{code-cell} ipython3\n1\n```\n:::\n",
    "note in a note": "::::{note}\n:::{tip}\n```{code-cell}\n1\n```\n:::\n::::\n",
    "list": "- text\n\n  ```{code-cell} ipython3\n  1\n  ```\n",
    "quote": "> ```{code-cell} ipython3\n> 1\n> ```\n",
    "backticks": "````{exercise}\n:label: ex-sum\n```{code-cell}\n1\n```\n````\n",
    "colon fence": ":::{code-cell} ipython3\n1\n:::\n",
}


@pytest.mark.parametrize("name", NESTED)
def test_a_cell_that_would_not_run(problems, name):
    rest = "Text.\n\n" + NESTED[name]
    lines = [p.line for p in problems(rest) if "does not run" in p.message]
    assert lines == [line_in(rest, "{code-cell}")]


def test_a_cell_shown_as_an_example_is_text(problems):
    assert problems("````markdown\n```{code-cell} ipython3\n1\n```\n````\n") == []


def test_a_chapter_that_is_no_notebook(problems):
    found = problems(cell("begin()"), front="# Chapter\n\n")
    assert [problem.line for problem in found] == [1]


def test_first_cell_must_begin(problems):
    front = FRONT.replace("begin()\n", "1\n")
    assert [p.line for p in problems("", front=front)] == [9]
    inside = FRONT.replace("begin()\n", "device = begin(seed=1)\n")
    assert problems("", front=inside) == []


def test_long_line_of_code_at_its_place(problems):
    rest = cell("x = 1\ny = '" + "a" * 100 + "'", "---\ntags: [hide-input]\n---\n")
    assert [p.line for p in problems(rest)] == [line_in(rest, "y = ")]
    exact = cell("z" * 88)
    assert problems(exact) == []


def test_long_line_of_prose_is_fine(problems):
    assert problems("word " * 100 + "\n") == []


FIGURE = "---\nmystnb:\n  figure: {name: fig-x, caption: X.}\n---\n"


def test_a_quiz_does_not_show_its_answers(problems):
    question = "quiz(dict(ask='Two?', choices=[]))"
    assert problems(cell(question, ":tags: [hide-input]\n\n")) == []
    shown = cell("x = 1\n" + question)
    assert [p.line for p in problems(shown)] == [line_in(shown, "x = 1")]


def test_explore_needs_words_and_a_number(problems):
    good = 'explore(\n    draw,\n    k=[1, 2],\n    alt="K {k}",\n)'
    assert problems(cell(good, FIGURE)) == []
    assert len(problems(cell(good))) == 1
    silent = cell("x = 1\nexplore(draw, k=[1, 2])", FIGURE)
    assert [p.line for p in problems(silent)] == [line_in(silent, "explore(")]


def test_claim_of_a_constant(problems):
    assert len(problems(cell('claim("It is so", True)'))) == 1
    assert problems(cell('claim("It is so", x > 1)')) == []


def test_exercises_and_solutions_belong_together(problems):
    assert problems(EXERCISE + SOLUTION) == []
    alone = problems(EXERCISE)
    assert [p.line for p in alone] == [line_in(EXERCISE, "```{exercise-start}")]
    orphan = problems(SOLUTION)
    assert [p.line for p in orphan] == [line_in(SOLUTION, "```{solution-start}")]
    twice = problems(EXERCISE + EXERCISE + SOLUTION)
    assert len(twice) == 1 and "ex-sum" in twice[0].message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (":class: hint dropdown", ":class: dropdown"),
        (" ★", ""),
        (":label: ex-sum\n", ""),
        ("```{exercise-end}\n```\n", ""),
    ],
)
def test_an_exercise_that_lacks_something(problems, old, new):
    assert old in EXERCISE
    assert problems(EXERCISE.replace(old, new) + SOLUTION)


def test_drawn_picture_without_words(problems):
    good = "```{figure} a.svg\n:name: fig-a\n:alt: A line\n\nA line.\n```\n"
    assert problems(good) == []
    assert len(problems(good.replace(":alt: A line\n", ""))) == 1
    assert len(problems(good.replace(":name: fig-a\n", ""))) == 1
    assert len(problems("![](a.svg)\n")) == 1
    assert problems("![A line](a.svg)\n") == []


@pytest.mark.parametrize(
    "tag", ["nbval-skip", "nbval-ignore-output", "raises-exception"]
)
def test_a_cell_left_alone_needs_a_reason(problems, tag):
    assert len(problems(cell("1", f"---\ntags: [{tag}]\n---\n"))) == 1
    assert problems(cell("1", f"---\ntags: [{tag}, reason-x]\n---\n")) == []
    assert len(problems(cell("# NBVAL_IGNORE_OUTPUT\n1"))) == 1


def test_counts_are_warnings_and_only_where_asked(problems):
    assert problems("") == []
    found = problems("", counted=True)
    assert len(found) == len(lint.LEAST)
    assert not any(problem.error for problem in found)
    claims = cell("\n".join(f'claim("c{i}", x > {i})' for i in range(3)))
    assert len(problems(claims, counted=True)) == len(lint.LEAST) - 1


def test_ruff_speaks_of_the_lines_of_the_chapter(tmp_path):
    path = tmp_path / "chapter.md"
    rest = (
        cell("import os", ":tags: [hide-input]\n\n") + "\nText.\n\n" + cell("print(y)")
    )
    front = FRONT.replace("begin, claim, explore", "begin")
    path.write_text(front + rest, "utf-8")
    text = (front + rest).splitlines()
    found = {(text[p.line - 1], p.message.split()[0]) for p in lint.ruff([path])}
    assert found == {("import os", "F401"), ("print(y)", "F821")}


def test_ruff_takes_a_cell_for_a_cell(tmp_path):
    path = tmp_path / "chapter.md"
    front = FRONT.replace("begin, claim, explore", "begin")
    stub = "def f(x):\n    ...\n\n\nf(1)"
    late = "import math\n\nmath.pi"
    path.write_text(front + cell(stub) + cell(late) + cell(stub), "utf-8")
    assert lint.ruff([path]) == []


def executed(**mystnb):
    output = nbformat.v4.new_output("display_data", data={"image/png": "AAAA"})
    code = nbformat.v4.new_code_cell("plot()", outputs=[output])
    code.metadata["mystnb"] = mystnb
    return nbformat.v4.new_notebook(cells=[code])


def test_a_picture_that_a_cell_makes_needs_words_and_a_number():
    alt = {"alt": "A line"}
    figure = {"name": "fig-a", "caption": "A line."}
    assert lint.output_problems(executed(image=alt, figure=figure)) == []
    assert len(lint.output_problems(executed(image=alt))) == 1
    assert len(lint.output_problems(executed(figure=figure))) == 1
    assert len(lint.output_problems(executed())) == 2
    hidden = executed()
    hidden.cells[0].metadata["tags"] = ["remove-output"]
    assert lint.output_problems(hidden) == []


def test_main_says_how_it_went(tmp_path, capsys):
    path = tmp_path / "chapter.md"
    path.write_text(FRONT.replace("begin, claim, explore", "begin"), "utf-8")
    assert lint.main([path]) == 0
    path.write_text("![](a.svg)\n", "utf-8")
    assert lint.main([path]) == 1
    assert "chapter.md:1:" in capsys.readouterr().out
    assert lint.main([tmp_path / "none.md"]) == 1


def test_the_book_has_no_errors(root):
    chapters = lint.chapters(root)
    assert chapters
    numbered = lint.numbered(root)
    assert numbered <= {path.resolve() for path in chapters}
    found = [problem for path in chapters for problem in lint.lint(path)]
    assert [str(problem) for problem in found + lint.ruff(chapters, root)] == []
