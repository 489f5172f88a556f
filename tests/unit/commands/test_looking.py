"""The commands by which people look at runs."""

import pytest
import typer
from typer.testing import CliRunner

from sirna.commands.looking import register


@pytest.fixture
def app():
    made = typer.Typer()
    made.callback()(lambda: None)
    register(made)
    return made


@pytest.mark.parametrize("command", ["report", "explain"])
def test_a_command_describes_itself(app, command):
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "--out" in shown.output
