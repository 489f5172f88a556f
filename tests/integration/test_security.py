"""What SECURITY.md promises, as far as a table of limits can show it."""

from pathlib import Path

from sirna.system.limits import LIMITS

ROOT = Path(__file__).parents[2]


def test_security_md_lists_every_limit():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = {
        tuple(cell.strip() for cell in line.split("|")[1:3])
        for line in text.splitlines()
        if line.startswith("|")
    }
    assert {(limit.what, str(limit)) for limit in LIMITS.values()} <= rows
