"""A small demo mesh, made and served by the real command line, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LAST, BROKEN = date(2026, 11, 19), date(2026, 11, 16)
DAYS = ("--days", "5", "--to", f"{LAST}")
WAIT = 30_000  # milliseconds: the machine may be busy


@dataclass(frozen=True)
class Demo:
    """Where the mesh's UI answers, and the mesh's home."""

    url: str
    home: Path

    @property
    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("DAGMESH_LAKE", "DAGSTER_HOME")}
        return {**kept, "DAGMESH_HOME": str(self.home)}

    def python(self, *arguments: str, code: int = 0) -> str:
        """What a command printed, which ended with the code expected."""
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def export(self, *more: str) -> None:
        """Hand over the five days, as far as that is not done."""
        self.python("domains/shop.py", "--out", f"{self.home}/exports", *DAYS, "--orders-per-day", "300", *more)

    def build(self, *more: str, code: int = 0) -> None:
        """Make what is stale of the five days."""
        self.python("-m", "dagmesh", "build", *DAYS, *more, code=code)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Five good days of all domains; then logistics hands over one of them again, with a carrier that does not exist."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install it (apt-get install chromium) to run the browser tests")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        port, analysts = server.getsockname()[1], other.getsockname()[1]
    demo = Demo(f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("demo"))
    demo.export()
    demo.build()
    demo.export("--broken", f"{BROKEN}:logistics")
    demo.build("--domain", "logistics", code=6)
    command = [sys.executable, "-m", "dagmesh", "up", "--port", str(port), "--analysts-port", str(analysts)]
    with (
        (demo.home / "up.err").open("w") as errors,
        subprocess.Popen(command, cwd=ROOT, env=demo.environment, stdout=subprocess.PIPE, stderr=errors, text=True) as up,
    ):
        assert up.stdout is not None
        said = up.stdout.readline()
        try:
            assert demo.url in said, said + (demo.home / "up.err").read_text()
            yield demo
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(60)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(demo: Demo, browser: Browser) -> Iterator[Page]:
    """A page of the UI; it may ask nobody but the UI, and is asked whether it tried."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=demo.url)
    context.set_default_timeout(WAIT)
    strangers: list[str] = []

    def refuse(route: Route) -> None:
        strangers.append(route.request.url)
        route.abort()

    context.route(lambda url: not url.startswith((demo.url, "data:", "blob:")), refuse)
    yield context.new_page()
    context.close()
    assert strangers == []
