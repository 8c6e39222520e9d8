#!/usr/bin/env python3
"""Holds the includes of src/ to the levels of docs/ARCHITECTURE.md.

A folder may include only what its row names; heavy third-party headers stay in the folder that owns
them. Tests, benchmarks and testing/ doubles may include any folder.
Exit 0: clean. Exit 1: each finding on a line of its own.
"""
import pathlib
import re
import sys

LOW = {"base", "text", "json", "net", "engineio", "socketio", "chat", "endpoint", "wire", "fanout"}
MAY_INCLUDE = {
    "base": set(),
    "text": {"base"},
    "json": {"base"},
    "net": {"base"},
    "engineio": {"base"},
    "socketio": {"base", "json"},
    "chat": {"base", "text"},
    "storage": {"base", "text", "chat"},
    "bus": {"base", "json", "chat"},
    "commandlog": {"base", "json", "chat"},
    "endpoint": {"base", "json", "net", "engineio", "socketio"},
    "wire": {"base", "json", "net", "engineio", "socketio", "chat"},
    "fanout": {"base", "net", "chat", "wire"},
    "gateway": LOW,
    "app": LOW | {"gateway", "storage", "bus", "commandlog"},
}
# Third-party and system headers that only one folder may see, by the start of their name.
OWNED = {
    "simdjson": {"json"},
    "unicode/": {"text"},
    "sqlite3": {"storage"},
    "boost/": {"net"},
    "openssl/": {"net"},
    "sys/epoll": {"net"},
    "sys/socket": {"net", "app"},
    "sodium": {"gateway", "app"},
    "argon2": {"gateway"},
    "CLI/": {"app"},
    "toml++/": {"app"},
    "prometheus/": {"app"},
}
# Containers are words like the standard's.
FOR_ALL = ("boost/unordered/",)
IN_SOURCE_ONLY = ("argon2", "simdjson", "unicode/", "sqlite3", "boost/", "openssl/", "CLI/", "toml++/", "prometheus/")
QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
ANGLED = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.M)


def resolve(including: pathlib.Path, include: str, source: pathlib.Path):
    """Where `#include "include"` leads, as the compiler looks: beside the file, then from src/."""
    for start in (including.parent, source):
        target = (start / include).resolve()
        if target.exists():
            return target
    return None


def is_test(path: pathlib.Path) -> bool:
    return path.stem.endswith(("_test", "_benchmark")) or "testing" in path.parts


def findings(root: pathlib.Path):
    source = root / "src"
    for path in sorted(source.rglob("*.[ch]pp")):
        folder = path.relative_to(source).parts[0]
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root)
        if folder not in MAY_INCLUDE:
            yield f"{name}: folder {folder}/ has no level"
            continue
        for include in QUOTED.findall(text):
            target = resolve(path, include, source)
            if target is None:
                if not include.endswith(".inc"):
                    yield f"{name}: includes {include}, which is not there"
                continue
            if not target.is_relative_to(source):
                yield f"{name}: includes {include}, which is outside src/"
                continue
            theirs = target.relative_to(source).parts[0]
            if theirs != folder and theirs not in MAY_INCLUDE[folder] and not is_test(path):
                yield f"{name}: {folder}/ may not include {include}"
        for include in ANGLED.findall(text):
            if include.startswith(FOR_ALL):
                continue
            for start, owners in OWNED.items():
                if not include.startswith(start) or is_test(path):
                    continue
                if folder not in owners:
                    yield f"{name}: <{include}> belongs to {', '.join(sorted(owners))}/"
                elif path.suffix == ".hpp" and include.startswith(IN_SOURCE_ONLY):
                    yield f"{name}: <{include}> belongs in a .cpp file"


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = list(findings(root))
    for line in found:
        print(line)
    files = len(list((root / "src").rglob("*.[ch]pp")))
    print(f"check_levels: {files} files, {len(found)} findings")
    return 1 if found or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
