"""Makes the README's pictures of the console anew, from a run of the demo that really happens."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parents[2] / "docs"
ADDRESS = re.compile(r"The story in the console: (http://\S+)/heals")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZE = {"width": 1280, "height": 860}


def main() -> None:
    """Play the demo, take the pictures while it stays, and end it."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        sys.exit("Chromium is needed: apt install chromium fonts-noto-cjk, or set CHROMIUM.")
    command = [Path(sys.executable).with_name("selfheal"), "demo", "--llm", "simulated", "--keep"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "120"}
    ) as demo:
        assert demo.stdout is not None
        try:
            url = next((found[1] for line in demo.stdout if (found := ADDRESS.search(line))), "")
            if not url:
                sys.exit("The demo ended before there was something to see.")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
                take_pictures(browser.new_page(viewport=SIZE, device_scale_factor=1.5), url)
        finally:
            demo.send_signal(signal.SIGINT)


def take_pictures(page: Page, url: str) -> None:
    """Take the latest heal's page, and the one that says how it is now, in the dark theme."""
    page.goto(f"{url}/heals")
    page.locator("table a").first.click()
    page.wait_for_load_state("networkidle")
    # Answers are counted every ten seconds.
    while not page.get_by_text("answers passed since").count():
        page.wait_for_timeout(1_000)
        page.reload(wait_until="networkidle")
    page.screenshot(path=DOCS / "console-heal.png")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{url}/?span=1h")
    page.locator("summary").first.click()
    page.wait_for_load_state("networkidle")
    bottom = page.locator("article.card .table-frame").first.bounding_box()
    assert bottom is not None
    height = round(bottom["y"] + bottom["height"])
    page.set_viewport_size({**SIZE, "height": height + 8})
    page.screenshot(path=DOCS / "console-now.png")


if __name__ == "__main__":
    main()
