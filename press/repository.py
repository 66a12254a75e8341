"""Where the book lives: the one setting from which every published address follows.

`press_repository = "owner/name"` in the configuration names the repository; in a
GitHub workflow the environment's GITHUB_REPOSITORY takes over, so that a fork's
site opens the fork's own notebooks with no edit.
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import quote

from sphinx.errors import ConfigError

DEFAULT = "a-book-that-runs/deep-learning"
ENVIRONMENT_NAME = "GITHUB_REPOSITORY"
# CI pushes what the notebooks builder writes to this branch; the sources are on main.
NOTEBOOKS_BRANCH = "notebooks"
SOURCE_BRANCH = "main"
SOURCE_FOLDER = "chapters"

_VALID = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)/([A-Za-z0-9._-]+)")


@dataclass(frozen=True)
class Repository:
    """A GitHub repository and the addresses that follow from it."""

    owner: str
    name: str
    base_url: str = ""

    @property
    def url(self) -> str:
        """The repository's own page, without a slash at its end."""
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def site_url(self) -> str:
        """The website's address, with a slash at its end."""
        if self.base_url:
            return self.base_url.rstrip("/") + "/"
        host = f"{self.owner.lower()}.github.io"
        if self.name.lower() == host:
            return f"https://{host}/"
        return f"https://{host}/{self.name}/"

    def page_url(self, docname: str) -> str:
        """The rendered page of a document."""
        return f"{self.site_url}{quote(docname)}.html"

    def colab_url(self, docname: str) -> str:
        """What opens the published notebook of a document in Colab."""
        return (
            "https://colab.research.google.com/github/"
            f"{self.owner}/{self.name}/blob/{NOTEBOOKS_BRANCH}/{quote(docname)}.ipynb"
        )

    def edit_url(self, docname: str) -> str:
        """GitHub's editor on the document's source."""
        return f"{self.url}/edit/{SOURCE_BRANCH}/{SOURCE_FOLDER}/{quote(docname)}.md"

    def source_url(self, docname: str) -> str:
        """The document's source, to read."""
        return f"{self.url}/blob/{SOURCE_BRANCH}/{SOURCE_FOLDER}/{quote(docname)}.md"


def repository(config) -> Repository:
    """The repository that this build is for.

    `config` is the Sphinx configuration. Raises ConfigError, with what to write,
    when the name does not have the form owner/name.
    """
    from_environment = os.environ.get(ENVIRONMENT_NAME, "").strip()
    value = from_environment or config.press_repository
    match = _VALID.fullmatch(value) if isinstance(value, str) else None
    if match is None or set(match[2]) <= {"."}:
        setting = ENVIRONMENT_NAME if from_environment else "press_repository"
        raise ConfigError(
            f"{setting} is {value!r}; write it as owner/name, for example {DEFAULT!r}."
        )
    base = getattr(config, "html_baseurl", "") or ""
    return Repository(match[1], match[2], base)


def setup(app):
    """Add the setting and refuse a malformed one before anything is built."""
    app.add_config_value("press_repository", DEFAULT, "html", str)
    app.connect("config-inited", lambda app, config: repository(config))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
