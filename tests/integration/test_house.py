"""The structure of the package: folders, the direction of imports, file sizes."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "sirna"
LADDER = [
    "errors",
    "system",
    "protocols",
    "config",
    "simulate",
    "table",
    "prediction",
    "features",
    "members",
    "bundle",
    "runs",
    "tuning",
    "stages",
    "cli",
]
"""The folders (and root modules) from the lowest up; each imports only from those before it."""
FAMILY_ROOMS = sorted(
    folder.name for folder in (HOUSE / "members").iterdir() if (folder / "__init__.py").exists()
)
FILES = sorted(HOUSE.rglob("*.py"))
FOR_ALL_FAMILIES = [
    "bundle/build.py",
    "bundle/bundle.py",
    "bundle/store.py",
    "members/fold_members.py",
    "runs/checkpoint.py",
    "runs/run.py",
    "stages/fold_training.py",
    "stages/submit.py",
    "stages/train.py",
]
"""Modules that loop over the registry and name no family."""


@cache
def _imports(path):
    """Return the modules of the package that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sirna"):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("sirna")}
    return {name for name in found if _file(name)}


def _file(module):
    place = ROOT.joinpath(*module.split("."))
    return next(
        (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists()), None
    )


def _room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _name(path):
    return str(path.relative_to(HOUSE))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_file_is_short(path):
    assert len(path.read_text().splitlines()) <= 330


def test_the_root_has_five_files_at_most():
    assert len(list(HOUSE.glob("*.*"))) <= 5


def test_every_folder_is_a_room_of_the_ladder():
    rooms = {path.name for path in HOUSE.iterdir() if (path / "__init__.py").exists()}
    rooms |= {path.stem for path in HOUSE.glob("*.py")} - {"__init__"}
    assert rooms == set(LADDER)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_room_imports_from_lower_rooms_only(path):
    own = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for module in _imports(path):
        room = _room(module)
        lower = room in {"__init__", own} or LADDER.index(room) < LADDER.index(own)
        assert lower, f"{_name(path)} imports {module}"


@pytest.mark.parametrize("family", FAMILY_ROOMS)
def test_a_family_imports_no_other_family(family):
    others = [f"sirna.members.{other}" for other in FAMILY_ROOMS if other != family]
    for path in (HOUSE / "members" / family).glob("*.py"):
        for module in _imports(path):
            assert not any(module.startswith(other) for other in others), _name(path)


@pytest.mark.parametrize("name", FOR_ALL_FAMILIES)
def test_a_module_that_serves_all_families_names_none(name):
    path = HOUSE / name
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for family in FAMILY_ROOMS:
        assert family not in strings
        assert not any(m.startswith(f"sirna.members.{family}") for m in _imports(path))


def test_inference_imports_no_training_loop():
    seen, waiting = set(), {"sirna.bundle.store"}
    while waiting:
        module = waiting.pop()
        seen.add(module)
        tree = ast.parse(_file(module).read_text())
        top = {n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.module}
        waiting |= {name for name in top if _file(name)} - seen
    assert not seen & {f"sirna.members.{family}.fit" for family in FAMILY_ROOMS}
    assert "sirna.members.network.member" in seen


@pytest.mark.parametrize("folder", [f for f in LADDER if (HOUSE / f).is_dir()])
def test_unit_tests_mirror_the_house(folder):
    assert any((ROOT / "tests" / "unit" / folder).rglob("test_*.py"))


def test_no_test_patches_a_private_name():
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr":
                names = [a.value for a in node.args if isinstance(a, ast.Constant)]
                private = [n for n in map(str, names) if n.split(".")[-1].startswith("_")]
                assert not private, f"{path.name} patches {private}"
