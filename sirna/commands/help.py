"""The help of the commands: options in groups, what is read and written, and examples."""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

OTHER = "Options"
"""The group of options without one of their own; it is listed last."""
Example = tuple[str, str]
"""A command, and what it does."""


class GroupedCommand(TyperCommand):
    """A command whose help lists its options in groups and ends with examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, group by group."""
        _write_groups(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the last part as it is, line by line."""
        _write_lines(self.epilog, formatter)


class GroupedGroup(TyperGroup):
    """The program itself: its help lists the commands in groups and ends with examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, group by group, then the options."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            about = command.get_short_help_str(formatter.width)
            groups.setdefault(command.rich_help_panel or "Commands", []).append((name, about))
        widest = max(len(name) for name in self.list_commands(ctx))
        for title, commands in groups.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{widest}}", about) for name, about in commands])
        _write_groups(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the last part as it is, line by line."""
        _write_lines(self.epilog, formatter)


def add_command(
    app: typer.Typer,
    command: Callable[..., None],
    group: str,
    reads_and_writes: Sequence[tuple[str, str]],
    examples: Sequence[Example],
) -> None:
    """Add a command, named like its function, with a help that ends in examples.

    Parameters
    ----------
    app : Typer
    command : callable
    group : str
        The group of commands that it is listed in.
    reads_and_writes : sequence of (str, str)
        "Reads" or "Writes", and what.
    examples : sequence of (str, str)
        A command line, and what it does.
    """
    epilog = [*_listed(reads_and_writes), "", *examples_text(examples)]
    app.command(cls=GroupedCommand, rich_help_panel=group, epilog="\n".join(epilog))(command)


def examples_text(examples: Sequence[Example]) -> list[str]:
    """Return the lines that show examples."""
    lines = ["Examples:"]
    for line, about in examples:
        lines += [f"  {line}", f"      {about}"]
    return lines


def _listed(items: Sequence[tuple[str, str]]) -> list[str]:
    lines = []
    for title, text in items:
        first, *more = text.splitlines()
        lines += [f"{title + ':':8}{first}", *(f"{'':8}{line.strip()}" for line in more)]
    return lines


def _write_groups(command: Any, ctx: Any, formatter: Any) -> None:
    groups: dict[str, list[tuple[str, str]]] = {}
    last: list[tuple[str, str]] = []
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        if parameter.param_type_name == "argument":
            groups.setdefault("Arguments", []).append(record)
        elif parameter.rich_help_panel:
            groups.setdefault(parameter.rich_help_panel, []).append(record)
        else:
            last.append(record)
    for title, records in (*groups.items(), (OTHER, last)):
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def _write_lines(text: str | None, formatter: Any) -> None:
    if text:
        formatter.write(f"\n{text}\n")
