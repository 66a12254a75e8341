"""`make lab` in a browser: a double-click on a chapter opens it as a notebook."""

import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from press.__main__ import lab_environment

CHAPTER = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3, language: python}
---
# A chapter

:::{admonition} A boxed note
It is a directive of MyST.
:::

```{code-cell} ipython3
print(6 * 7)
```
"""
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab that shows one chapter; no token, loopback only."""
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "one.md").write_text(CHAPTER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"HOME": "home", "JUPYTERLAB_SETTINGS_DIR": "settings"}
    own["JUPYTERLAB_WORKSPACES_DIR"] = "workspaces"
    own = {name: str(tmp_path / folder) for name, folder in own.items()}
    (tmp_path / "home").mkdir()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
    command += [f"--notebook-dir={tmp_path}/chapters"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=lab_environment() | own, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}/lab"
    try:
        wait_for(f"{address}/api/settings", server)
        yield address
    finally:
        server.terminate()
        server.wait(30)
    assert not (tmp_path / "home" / ".jupyter").exists()


def wait_for(address, server):
    """Wait until the server answers."""
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended at once"
        try:
            urllib.request.urlopen(address).close()
        except OSError:
            time.sleep(0.25)
        else:
            return
    pytest.fail("JupyterLab does not answer")


def until(page, wanted, act):
    """Do what a person does, again if a slow page lost it, until something appears."""
    from playwright.sync_api import TimeoutError as TooSlow

    for _ in range(6):
        act()
        try:
            page.wait_for_selector(wanted, timeout=20_000)
        except TooSlow:
            question = page.locator(".jp-Dialog .jp-mod-accept")
            if question.count():  # the kernel was not ready: "Select Kernel"
                question.first.click()
        else:
            return
    pytest.fail(f"{wanted} does not appear on: {page.inner_text('body')}")


def test_a_chapter_opens_as_a_notebook_and_runs(lab, browser):
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(lab)
    chapter = page.locator(".jp-DirListing-item", has_text="one.md")
    until(page, ".jp-NotebookPanel .jp-CodeCell", chapter.dblclick)
    page.wait_for_selector(".jp-NotebookPanel aside:has-text('A boxed note')")
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")

    def run_the_cell():
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")

    until(page, ".jp-OutputArea-output pre", run_the_cell)
    output = page.locator(".jp-OutputArea-output pre").first
    assert output.inner_text().strip() == "42"
    page.close()
