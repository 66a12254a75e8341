"""What the report counts and weighs."""

import base64
import gzip
import os

import pytest

from press.build import Book, Problem
from press.report import contents, report, table, weight

SOURCE = """\
# A chapter

```{code-cell} ipython3
---
mystnb:
  figure: {name: fig-a, caption: A}
---
explore(draw, x=[1, 2], alt="a claim(1) in a string")
```

```{code-cell} ipython3
:tags: [hide-input]
%matplotlib inline
claim("one", True)
claim("two", True)
# claim("three", True)
```

````{exercise-start} Sum
:label: ex-a
````
```{code-cell} ipython3
check(answer, 3)
```
````{exercise-end}
````

:::{figure} drawn.svg
:name: fig-b
:::

```{code-cell} ipython3
quiz(dict(ask="?", answer=1))
```
"""


def test_contents_counts_code_and_not_mentions_of_it():
    found = contents(SOURCE)
    assert found == {
        "figures": 2,
        "explores": 1,
        "claims": 2,
        "exercises": 1,
        "checks": 1,
        "quizzes": 1,
    }


@pytest.fixture
def site(tmp_path):
    html = tmp_path / "_build" / "html"
    (html / "_static").mkdir(parents=True)
    (html / "_images").mkdir()
    (html / "_static" / "a.css").write_text("p { color: red }\n" * 100)
    (html / "_images" / "figure.png").write_bytes(os.urandom(5000))
    inline = base64.b64encode(os.urandom(3000)).decode()
    (html / "index.html").write_text(
        '<link rel="stylesheet" href="_static/a.css?v=1">'
        '<link rel="next" href="other.html">'
        '<img src="_images/figure.png"><img src="https://example.org/far.png">'
        f'<img src="data:image/png;base64,{inline}">'
    )
    return html


def test_weight_is_that_of_what_a_browser_fetches(site):
    bare, full = weight(site / "index.html", site)
    style = len(gzip.compress((site / "_static" / "a.css").read_bytes(), 6))
    assert style < bare < style + 400
    assert 8000 <= full - bare < 9000


def test_report_of_a_book(site, tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "index.md").write_text(SOURCE)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    rows = report(Book(tmp_path))
    assert rows["index"]["claims"] == 2
    assert rows["index"]["seconds"] is None
    assert "index" in table(rows)


def test_report_before_the_book_is_built_says_so(tmp_path):
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    with pytest.raises(Problem, match="make book"):
        report(Book(tmp_path))
