"""The built site on a server of this machine, and windows to look at it."""

import functools
import http.server
import threading

import pytest
from built_site import page_names

NO_BUILD = "no-build"


def pytest_generate_tests(metafunc):
    """Give a test that takes `name` every page; with no build, one that fails."""
    if "name" in metafunc.fixturenames and "build" in metafunc.fixturenames:
        names = page_names(metafunc.config.option.build) or [NO_BUILD]
        metafunc.parametrize("name", names)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing: the browser's console tells what is missing."""


@pytest.fixture(scope="module")
def origin(build):
    """The address of the built site."""
    handler = functools.partial(_Quiet, directory=str(build / "html"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Visit:
    """A page in a browser window that notes every complaint and every request."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)
        self.context.on("request", lambda request: self.requests.append(request.url))

    def _said(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def foreign(self, origin):
        """Requests that left the origin."""
        own = (f"{origin}/", "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture
def visit(browser):
    """Open windows: `visit(url, **options of the window)` returns a Visit."""
    visits = []

    def open_(url, **options):
        seen = Visit(browser, **options)
        visits.append(seen)
        seen.page.goto(url, wait_until="load")
        return seen

    yield open_
    for seen in visits:
        seen.context.close()
