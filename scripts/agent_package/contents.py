"""What goes into the package, and where it goes.

xunjian-agent          the executable
lib/python311.zip      every pure module: Python's own, ours, those of the dependencies
lib/<full name>.so     extension modules
lib/lib*.so*           the libraries that they want
licenses/              licence texts
"""

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from agent.surroundings import PACKED_DIGEST
from scripts.agent_package import compiling
from scripts.agent_package.errors import CannotBuild
from scripts.agent_package.linking import is_elf, needed, strip
from scripts.agent_package.wheels import change

ROOT = Path(__file__).parent.parent.parent
OURS = ("agent", "checks", "wire")
_DATA = {".py", ".sql", ".toml"}

DEPENDENCIES = (
    "cryptography", "mnemonic", "msgspec", "nacl", "psutil", "sqlglot", "stamina", "tenacity",
)  # fmt: skip
"""Packages of the wheels; modules that are one file stand in _FILES."""
_SYSCONFIG = ("_sysconfigdata__linux_x86_64-linux-gnu", "_sysconfigdata__x86_64-linux-gnu")
"""What sysconfig asks for, and what Debian's asks for."""
_FILES = ("_cffi_backend", "pyodbc")
_NOT_NEEDED = (
    "mnemonic/wordlist/", "psutil/_psaix", "psutil/_psbsd", "psutil/_psosx", "psutil/_pssunos",
    "psutil/_pswindows", "sqlglot/executor/", "sqlglot/lineage", "sqlglot/planner",
    "tenacity/tornadoweb",
)  # fmt: skip
_BY_DIALECT = ("dialects", "generators", "parsers", "typing")
_DIALECTS = {"__init__", "base", "dialect", "mysql", "oracle", "postgres", "tsql"}
"""agent.queries.examining speaks these; sqlglot loads a dialect when it is asked for."""

NO_STANDARD_MODULES = {
    "_aix_support", "_bootsubprocess", "_markupbase", "_osx_support", "_pydecimal", "_pyio", "aifc",
    "antigravity", "asynchat", "asyncio", "asyncore", "bdb", "cgi", "cgitb", "chunk", "cmd", "code",
    "colorsys", "compileall", "cProfile", "crypt", "curses", "dbm", "distutils", "doctest",
    "ensurepip", "fileinput", "ftplib", "html", "idlelib", "imaplib", "imghdr", "lib2to3",
    "mailbox", "mailcap", "modulefinder", "multiprocessing", "nntplib", "optparse", "pdb",
    "pickletools", "pipes", "plistlib", "poplib", "profile", "pstats", "py_compile", "pyclbr",
    "pydoc", "pydoc_data", "rlcompleter", "sched", "shelve", "smtpd", "smtplib", "sndhdr",
    "socketserver", "sunau", "symtable", "tabnanny", "telnetlib", "this", "timeit", "tkinter",
    "trace", "turtle", "turtledemo", "unittest", "uu", "venv", "wave", "webbrowser", "wsgiref",
    "xdrlib", "xml", "xmlrpc", "zipapp",
}  # fmt: skip
"""Of Python's own modules: what is for developers, terminals and servers."""
_NO_STANDARD_FILES = (
    "concurrent/futures/process", "encodings/big5", "encodings/cp932",
    "encodings/cp949", "encodings/cp950", "encodings/euc_", "encodings/iso2022_",
    "encodings/johab", "encodings/mac_", "encodings/mbcs", "encodings/oem", "encodings/shift_",
    "http/server", "logging/config",
)  # fmt: skip
"""What wants modules that are left out; of the codecs the Chinese and the universal ones stay."""
_NO_EXTENSIONS = {
    "_asyncio", "_codecs_hk", "_codecs_iso2022", "_codecs_jp", "_codecs_kr", "_codecs_tw",
    "_crypt", "_ctypes_test", "_curses", "_curses_panel", "_dbm", "_elementtree", "_gdbm",
    "_lsprof", "_multiprocessing", "_posixshmem", "_testbuffer", "_testcapi", "_testclinic",
    "_testimportmultiple", "_testinternalcapi", "_testmultiphase", "_uuid", "_xxsubinterpreters",
    "_xxtestfuzz", "audioop", "nis", "ossaudiodev", "pyexpat", "readline", "spwd", "xxlimited",
    "xxlimited_35",
}  # fmt: skip
"""Of Python's extension modules: the same, what wants GPL or LGPL libraries, what is obsolete."""


def put(wheels: Path, into: Path, digest: str) -> None:
    """Fill the folder of the package but for its executable. Raise CannotBuild."""
    library = into / "lib"
    _put_extensions(wheels, library)
    _put_libraries(wheels, library)
    demand_complete(library)
    recorded = into.with_name("checks-digest")
    recorded.write_text(digest, encoding="ascii")
    entries = dict(_pure(wheels))
    entries[f"checks/{PACKED_DIGEST}"] = recorded
    lines = "".join(f"{json.dumps([str(entries[name]), name])}\n" for name in sorted(entries))
    # Which columns a line's code comes from is a fifth of it: tracebacks name lines, that's enough.
    options = ("-I", "-S", "-X", "no_debug_ranges")
    command = [sys.executable, *options, compiling.__file__, str(library / "python311.zip")]
    result = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CannotBuild(f"a module can't be compiled: {result.stderr.strip()[-500:]}")


def _pure(wheels: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name in the archive, file)."""
    yield "xunjian_start.py", Path(__file__).with_name("start.py")
    for name in _SYSCONFIG:
        yield f"{name}.py", Path(__file__).with_name("sysconfigdata.py")
    for package in OURS:
        for path in _files(ROOT / package):
            if path.suffix in _DATA:
                yield str(path.relative_to(ROOT)), path
    for package in DEPENDENCIES:
        root = _holding(wheels, package)
        for path in _files(root / package):
            name = str(path.relative_to(root))
            english = name == "mnemonic/wordlist/english.txt"
            if english or (path.suffix == ".py" and _is_needed(path.relative_to(root))):
                yield name, path
    standard = Path(sysconfig.get_path("stdlib"))
    for place in sorted(standard.iterdir()):
        # Distributions put modules of their own there, too.
        if place.stem not in sys.stdlib_module_names - NO_STANDARD_MODULES:
            continue
        for path in _files(place) if place.is_dir() else (place,):
            name = str(path.relative_to(standard))
            tested = {"test", "tests"} & set(path.parts)
            if path.suffix == ".py" and not tested and not name.startswith(_NO_STANDARD_FILES):
                yield name, path


def _is_needed(module: Path) -> bool:
    package, folder, *_ = (*module.parts, "")
    if package == "sqlglot" and folder in _BY_DIALECT:
        return module.stem in _DIALECTS
    return not str(module).startswith(_NOT_NEEDED)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _holding(wheels: Path, module: str) -> Path:
    """Return the folder of the wheel that a module or package comes from."""
    for wheel in sorted(wheels.iterdir()):
        if (wheel / module).is_dir() or any(wheel.glob(f"{module}.*.so")):
            return wheel
    raise CannotBuild(f"no wheel has {module}")


def _put_extensions(wheels: Path, library: Path) -> None:
    for path in sorted((wheels / "panda3d/deploy_libs").glob("*.cpython-311-*.so")):
        name = path.name.partition(".")[0]
        if name not in _NO_EXTENSIONS:
            _copy(path, library / f"{name}.so")
    for package in DEPENDENCIES:
        root = _holding(wheels, package)
        for path in _files(root / package):
            if path.suffix == ".so":
                folders = path.relative_to(root).parent.parts
                name = ".".join((*folders, path.name.partition(".")[0]))
                strip(_copy(path, library / f"{name}.so"))
    for module in _FILES:
        file = next(_holding(wheels, module).glob(f"{module}.*.so"))
        strip(_copy(file, library / f"{module}.so"))


def _put_libraries(wheels: Path, library: Path) -> None:
    """Put what Panda3D's extension modules want: its own, OpenSSL and SQLite of other wheels."""
    for name in ("libbz2.so.1", "libffi.so.6", "liblzma.so.5", "libz.so.1"):
        _copy(wheels / "panda3d/deploy_libs" / name, library / name)
    openssl = wheels / "psycopg_binary/psycopg_binary.libs"
    for name in ("libcrypto", "libssl"):
        file = _copy(next(openssl.glob(f"{name}-*.so.3")), library / f"{name}.so.3")
        # auditwheel renames what it puts into a wheel; here they have their own names again.
        renamed = [
            argument
            for old in needed(file)
            if old.startswith("libcrypto-")
            for argument in ("--replace-needed", old, "libcrypto.so.3")
        ]
        own = ("--set-soname", file.name, "--force-rpath", "--set-rpath", "$ORIGIN")
        change(wheels, file, *renamed, *own)
    # A module with a whole SQLite in it that exports SQLite's functions: it serves as the library.
    sqlite = next((wheels / "pysqlite3_binary/pysqlite3").glob("_sqlite3.*.so"))
    strip(_copy(sqlite, library / "libsqlite3.so"))


def demand_complete(library: Path) -> None:
    """Raise CannotBuild where a file wants a library that neither we nor every system has."""
    present = {path.name for path in library.iterdir()} | EVERYWHERE
    for path in filter(is_elf, sorted(library.iterdir())):
        missing = set(needed(path)) - present
        if missing:
            raise CannotBuild(f"{path.name} needs {', '.join(sorted(missing))}")


EVERYWHERE = {
    "ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6",
    "libpthread.so.0", "librt.so.1", "libutil.so.1",
    "libodbc.so.2",  # of the host, wanted by pyodbc, which is loaded for databases only
    "libstdc++.so.6",  # the same
}  # fmt: skip


def _copy(source: Path, target: Path) -> Path:
    shutil.copyfile(source, target)
    target.chmod(0o755)
    return target
