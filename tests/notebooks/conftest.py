"""Collect every published notebook for every environment of environments.toml."""

import tomllib
from functools import partial
from pathlib import Path

import pytest
from colab import colab_python
from harness import PublishedNotebook, Sentence, missing_notebooks, published_notebooks


def pytest_collect_file(file_path, parent):
    """Turn environments.toml into one test file for each notebook."""
    if file_path.name == "environments.toml":
        return Environments.from_parent(parent, path=file_path)
    return None


class Environments(pytest.File):
    """The notebooks of the build, in each environment."""

    def collect(self):
        """Yield the notebooks, or one failing test where there are none."""
        settings = tomllib.loads(self.path.read_text("utf-8"))
        option = self.config.option
        option.nbval_cell_timeout = min(
            option.nbval_cell_timeout, settings.pop("cell_timeout")
        )
        build = Path(option.build).resolve()
        sentence = missing_notebooks(build)
        if sentence:
            yield Sentence.from_parent(self, name="notebooks", sentence=sentence)
            return
        for name, environment in settings.items():
            yield from self.notebooks(name, environment, build)

    def notebooks(self, name, environment, build):
        """Yield every notebook for the environment called `name`."""
        python = {}
        if "requirements" in environment:
            requirements = self.path.parent / environment["requirements"]
            python = {"python": partial(colab_python, requirements)}
        for path in published_notebooks(build):
            label = f"{name}/{path.relative_to(build / 'notebooks').as_posix()}"
            # The name before "::" is also what xdist keeps together on one worker.
            yield PublishedNotebook.from_parent(
                self, path=path, name=label, nodeid=label, **python
            )
