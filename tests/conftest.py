"""What every test shares: where the repository is and where its build is."""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HARNESS = ROOT / "tests" / "notebooks"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A headless browser for tests asks no other machine for anything.
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The book is a folder, not an installed package; the tests import it as a chapter does.
for folder in (HARNESS, ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_addoption(parser):
    """Let a run look at a build other than the one of `make book`."""
    parser.addoption(
        "--build",
        default=str(ROOT / "_build"),
        help="the build to test: a folder that holds html/ and notebooks/",
    )


def pytest_configure(config):
    """Name the one marker that the tests use."""
    config.addinivalue_line("markers", "browser: needs Chromium")


def pytest_terminal_summary(terminalreporter, config):
    """Say how many notebook cells nbval was told to leave alone."""
    from harness import exemption_report

    if any("notebooks" in str(arg) for arg in config.args) or any(
        Path(arg).name == "tests" for arg in config.args
    ):
        terminalreporter.section("notebooks")
        for line in exemption_report(Path(config.option.build)):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def root():
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def build(request):
    """The build under test; a missing one fails with what to do about it."""
    folder = Path(request.config.option.build).resolve()
    if not (folder / "html" / "index.html").is_file():
        pytest.fail(
            f"There is no built site in {folder / 'html'}: run `make book` first.",
            pytrace=False,
        )
    return folder


@pytest.fixture(scope="module")
def browser():
    """Chromium: without it the tests are skipped on a laptop and fail in CI."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing; install it, for example from Debian.")
        pytest.skip("Chromium is missing; install it to run the browser tests.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        browser.close()
