"""Compile Python files into one archive: lines of JSON [file, name in the archive] on stdin.

Run as a program, in a process of its own: what a code object looks like when it is written out
depends on which of its strings somebody else holds, so the process must always do the same.
"""

import ast
import importlib.util
import json
import marshal
import sys
import zipfile
from pathlib import Path

_NO_SOURCE_CHECK = 0b01
"""PEP 552: checked by hash, and that not at all."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def main(target: str) -> None:
    """Write the archive; modules are compiled, any other file goes in as it is."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for line in sys.stdin:
            file, name = json.loads(line)
            content = Path(file).read_bytes()
            if name.endswith(".py"):
                name, content = f"{name}c", _compiled(content, name)
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def _compiled(source: bytes, name: str) -> bytes:
    """Return what stands in a .pyc file; tracebacks name the file as it is in the archive."""
    tree = _without_docstrings(ast.parse(source, name))
    code = compile(tree, name, "exec", dont_inherit=True, optimize=0)
    header = importlib.util.MAGIC_NUMBER + _NO_SOURCE_CHECK.to_bytes(4, "little")
    return header + importlib.util.source_hash(source) + marshal.dumps(code)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Take out what nobody reads on a host, but not the assertions, as -OO would."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            while node.body and _is_text(node.body[0]):
                first = node.body.pop(0)
                if not node.body and not isinstance(node, ast.Module):
                    node.body.append(ast.copy_location(ast.Pass(), first))
    return tree


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


if __name__ == "__main__":
    main(sys.argv[1])
