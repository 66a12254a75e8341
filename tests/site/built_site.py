"""Where the pages of the built site are."""

from pathlib import Path


def page_names(build):
    """Every page of the built site, as its path under html/."""
    site = Path(build) / "html"
    names = (
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if not path.relative_to(site).parts[0].startswith(("_", "."))
    )
    # Chapters first: the longest pages should not be the last that a worker gets.
    return sorted(names, key=lambda name: ("/" not in name, name))
