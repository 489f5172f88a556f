"""The mutants of a module: each differs from it in one operator, value or statement."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

SWAPS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
"""Operator -> what it is replaced by."""
NOT_MUTATED = (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)
"""Nodes that are left alone, with all in them: messages, whose words are free, and imports."""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes
    ----------
    place : str
        Line and what was changed into what.
    tree : ast.Module
        The changed module.
    """

    place: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    for number, node in enumerate(_mutable(tree)):
        for variant, (words, _) in enumerate(_changes(node)):
            other = copy.deepcopy(tree)
            changed = list(_mutable(other))[number]
            line = ast.unparse(node).splitlines()[0][:70]
            list(_changes(changed))[variant][1]()
            yield Mutant(f"{node.lineno}: {words}: {line}", ast.fix_missing_locations(other))


def _mutable(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that can be changed, without annotations and documentation."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, NOT_MUTATED):
                if isinstance(child, ast.Raise):
                    yield child
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            yield child
            yield from _mutable(child)


def _changes(node: ast.AST) -> list:
    """Return the changes of one node: what each is called, and the function that makes it."""
    found = []
    if isinstance(node, ast.Compare):
        for index, one in enumerate(node.ops):
            swapped = SWAPS[type(one)]
            found.append((_words(one, swapped), lambda i=index, s=swapped: _put(node.ops, i, s())))
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
        swapped = SWAPS[type(node.op)]
        found.append((_words(node.op, swapped), lambda: setattr(node, "op", swapped())))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        found.append(("without the sign", lambda: _become(node, node.operand)))
    if isinstance(node, ast.Constant):
        other = _other(node.value)
        if other is not None:
            words = f"{node.value!r} -> {other!r}"
            found.append((words, lambda: setattr(node, "value", other)))
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        turned = ast.UnaryOp(ast.Not(), node.test)
        found.append(("turned round", lambda: setattr(node, "test", turned)))
    if isinstance(node, ast.Return) and node.value is not None:
        found.append(("returns None", lambda: setattr(node, "value", ast.Constant(None))))
    if isinstance(node, ast.Raise | ast.Expr | ast.AugAssign | ast.Continue | ast.Break):
        found.append(("left out", lambda: _become(node, ast.Pass())))
    return found


def _words(old: object, new: type) -> str:
    return f"{type(old).__name__} -> {new.__name__}"


def _other(value: object) -> object:
    """Return another value of the same kind; None if there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}~" if isinstance(value, str) and value else None


def _put(items: list, index: int, value: object) -> None:
    items[index] = value


def _become(node: ast.AST, other: ast.AST) -> None:
    """Turn a node into another one, in place."""
    place = {name: getattr(node, name) for name in ("lineno", "col_offset")}
    node.__class__ = other.__class__
    node.__dict__ = {**place, **other.__dict__}
