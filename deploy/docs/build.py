"""Builds the documentation site from `docs/`, and checks every link in it.

Pages link to files of the repository, which the site doesn't have: such a link becomes the file's
path. What is left must lead somewhere: a page, an anchor on it, or a picture.
"""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
DOCS, SITE = ROOT / "docs", ROOT / "site"
SOURCE, HTML = SITE / "source", SITE / "html"
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def main() -> None:
    """Build it; exits with 1 where a link leads nowhere."""
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(DOCS, SOURCE)
    decisions = sorted((SOURCE / "decisions").glob("[0-9]*.md"))
    listed = [f"- [{_title(page)}]({page.name})" for page in decisions]
    (SOURCE / "decisions" / "index.md").write_text("\n".join(["# Decisions", "", *listed, ""]))
    for page in SOURCE.rglob("*.md"):
        page.write_text(LINK.sub(lambda link, page=page: _keep(link, page), page.read_text()))
    program = Path(sys.executable).with_name("zensical")
    if subprocess.run([program, "build", "--clean"], cwd=ROOT, check=False).returncode:
        sys.exit(1)
    broken = find_broken_links(HTML)
    for problem in broken:
        sys.stderr.write(problem + "\n")
    if broken:
        sys.exit(1)
    sys.stdout.write(f"The site is in {HTML.relative_to(ROOT)}: every link leads somewhere.\n")


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def _keep(link: re.Match[str], page: Path) -> str:
    """Keep a link within the documentation; write a file of the repository as its path."""
    is_picture, text, target = link.groups()
    place = urlsplit(target)
    if place.scheme or not place.path or is_picture:
        return link[0]
    file = (page.parent / unquote(place.path)).resolve()
    if file.is_relative_to(SOURCE):
        return link[0]
    return text if "`" in text else f"{text} (`{unquote(place.path).lstrip('./')}`)"


class _Links(HTMLParser):
    """Collects where a page links to, and what on it can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag's address and its name."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def find_broken_links(html: Path) -> list[str]:
    """List the links within a site that lead nowhere."""
    pages = {}
    for file in html.rglob("*.html"):
        pages[file] = _Links()
        pages[file].feed(file.read_text(encoding="utf-8"))
    broken = []
    for file, links in pages.items():
        for target in links.targets:
            place = urlsplit(target)
            if place.scheme or place.netloc or file.name == "404.html":
                continue
            leads_to = (file.parent / unquote(place.path)).resolve() if place.path else file
            if leads_to.is_dir():
                leads_to /= "index.html"
            known = pages.get(leads_to)
            if not leads_to.is_file() or (
                known and place.fragment and unquote(place.fragment) not in known.anchors
            ):
                broken.append(f"{file.relative_to(html)}: {target} leads nowhere")
    return broken


if __name__ == "__main__":
    main()
