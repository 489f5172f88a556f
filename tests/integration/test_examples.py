"""The examples run."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_recurrent_example_learns_and_draws(tmp_path):
    command = [sys.executable, ROOT / "examples" / "recurrent.py", "--out", "page.html"]
    ended = subprocess.run(
        [*map(str, command), "--epochs", "8", "--windows", "150"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    accuracies = [float(text) for text in re.findall(r"accuracy ([\d.]+)", ended.stdout)]
    assert len(accuracies) == 2
    assert min(accuracies) > 0.9
    assert re.search("loss after 80 steps: (nan|inf) not clipped, 0", ended.stdout)
    page = (tmp_path / "page.html").read_text()
    assert page.count('class="chart"') == 8
