"""A script as the check reads it: its syntax tree, and what the names in it stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# Modules that bring names of others under their own.
_CANONICAL = {
    "requests.Session": "requests.sessions.Session",
    "requests.session": "requests.sessions.session",
    "urllib3.PoolManager": "urllib3.poolmanager.PoolManager",
    "unittest.mock.patch": "mock.patch",
}


class Source:
    """One file. Raises `SyntaxError`, `ValueError` or `OSError` if it cannot be read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.tree = ast.parse(Path(path).read_bytes(), filename=path)
        self.names: dict[str, str] = {}
        self._parents: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
            self._note_import(node)

    def _note_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.asname:
                    self.names[name.asname] = name.name
                else:
                    root = name.name.partition(".")[0]
                    self.names[root] = root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                self.names[name.asname or name.name] = f"{node.module}.{name.name}"

    def walk(self) -> Iterator[ast.AST]:
        """Every node of the tree."""
        return ast.walk(self.tree)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node around it."""
        return self._parents.get(node)

    def inside(self, node: ast.AST, kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> ast.AST | None:
        """The innermost node of that kind around it."""
        found = self._parents.get(node)
        while found is not None and not isinstance(found, kind):
            found = self._parents.get(found)
        return found

    def resolve(self, node: ast.AST | None) -> str | None:
        """The dotted name that an expression stands for if its first name was imported: `locust.events.request`."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.names:
            return None
        dotted = ".".join([self.names[node.id], *reversed(parts)])
        for short, full in _CANONICAL.items():
            if dotted == short or dotted.startswith(short + "."):
                return full + dotted[len(short) :]
        return dotted

    def bases(self, node: ast.ClassDef) -> set[str]:
        """Last parts of the names of the classes it derives from, through classes of the same file."""
        classes = {one.name: one for one in self.walk() if isinstance(one, ast.ClassDef)}
        found: set[str] = set()
        waiting = [node]
        while waiting:
            for base in waiting.pop().bases:
                name = (self.resolve(base) or ast.unparse(base)).rpartition(".")[2]
                if name not in found:
                    found.add(name)
                    if isinstance(base, ast.Name) and base.id in classes:
                        waiting.append(classes[base.id])
        return found


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword argument."""
    return next((entry.value for entry in call.keywords if entry.arg == name), None)


def is_constant(node: ast.AST | None, value: object) -> bool:
    """Whether it is this literal."""
    return isinstance(node, ast.Constant) and node.value is value


def shown(node: ast.AST, limit: int = 60) -> str:
    """The expression on one line, shortened."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
