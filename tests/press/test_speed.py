"""What makes a rebuild quick must not make it wrong."""

import os
import subprocess
import sys

from press.speed import Remembering


class Environment:
    """As much of a Sphinx environment as `Remembering` looks at."""

    def __init__(self, folder):
        self.doctreedir = str(folder)
        self.loaded = 0

    def get_doctree(self, docname):
        self.loaded += 1
        return f"{docname} {self.loaded}"


def test_a_doctree_is_loaded_once_until_it_changes(tmp_path):
    path = tmp_path / "page.doctree"
    path.touch()
    env = Remembering(Environment(tmp_path))
    assert env.get_doctree("page") == env.get_doctree("page") == "page 1"
    os.utime(path, ns=(1, 1))
    assert env.get_doctree("page") == "page 2"


def test_the_rest_of_the_environment_is_the_true_one(tmp_path):
    assert Remembering(Environment(tmp_path)).loaded == 0


def test_figures_are_numbered_on_the_site(make_site):
    text = "# Page\n\nSee {numref}`one` and {numref}`two`.\n"
    text += "".join(
        f"\n:::{{figure}} box.svg\n:name: {n}\n{n}\n:::\n" for n in ("one", "two")
    )
    box = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    index = "# Book\n\n```{toctree}\n:numbered:\npage\n```\n"
    site = make_site({"index": index, "page": text, "box.svg": box})
    assert site.warnings == ""
    assert "Fig. 1.1</span></a> and" in site("page").html
    assert "Fig. 1.2</span></a>." in site("page").html


def test_notebooks_are_still_validated_without_the_slow_import():
    code = "import press, nbformat, sys; nb = nbformat.v4.new_notebook()\n"
    code += "nbformat.validate(nb); nb.metadata = 3\n"
    code += (
        "try: nbformat.validate(nb)\nexcept nbformat.ValidationError: print('caught')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "caught", done.stderr
