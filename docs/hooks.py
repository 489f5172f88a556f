"""Make a site of files that also work as plain Markdown; MkDocs calls these functions.

README.md becomes the first page. Files outside docs/ that a page links to are copied to the site,
so that every link leads somewhere without the repository.
"""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README, INDEX = "README.md", "index.md"
COPIED = "files"
"""The folder of the site with copies of files from outside docs/."""
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s#]+)((?:#[^)]*)?\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the first page, and the files that pages link to."""
    files.append(File.generated(config, INDEX, content=(ROOT / README).read_text(encoding="utf-8")))
    waiting = [ROOT / README, *DOCS.glob("*.md")]
    seen = set(waiting)
    while waiting:
        page = waiting.pop()
        for _, link, _ in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            if target in seen or "://" in link or not target.is_file():
                continue
            seen.add(target)
            if not target.is_relative_to(DOCS):
                content = target.read_text(encoding="utf-8")
                files.append(File.generated(config, _name_on_site(target), content=content))
            if target.suffix == ".md":
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let the links of a page lead to where the files are on the site."""
    place = Path(page.file.src_uri)
    if place == Path(INDEX):
        source = ROOT / README
    elif place.parts[0] == COPIED:
        source = ROOT.joinpath(*place.parts[1:])
    else:
        source = DOCS / place

    def moved(found: re.Match[str]) -> str:
        target = (source.parent / found[2]).resolve()
        if "://" in found[2] or not target.is_file():
            return found[0]
        return found[1] + os.path.relpath(_name_on_site(target), place.parent) + found[3]

    return LINK.sub(moved, markdown)


def _name_on_site(target: Path) -> str:
    if target == ROOT / README:
        return INDEX
    if target.is_relative_to(DOCS):
        return target.relative_to(DOCS).as_posix()
    return f"{COPIED}/{target.relative_to(ROOT).as_posix()}"
