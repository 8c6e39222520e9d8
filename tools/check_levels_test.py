#!/usr/bin/env python3
"""The level check itself must bite: a tree with one forbidden include each is refused."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).with_name("check_levels.py")
CASES = {
    "upward": {"chat/a.cpp": '#include "storage/b.hpp"', "storage/b.hpp": ""},
    "sideways": {"net/a.cpp": '#include "json/b.hpp"', "json/b.hpp": ""},
    "driver": {"gateway/a.cpp": "#include <sqlite3.h>"},
    "heavy header": {"json/a.hpp": "#include <simdjson.h>"},
    "unknown folder": {"misc/a.cpp": ""},
    "relative": {"chat/a.cpp": '#include "../storage/b.hpp"', "storage/b.hpp": ""},
    "relative, from a folder below": {
        "gateway/rest/a.cpp": '#include "../../storage/b.hpp"',
        "storage/b.hpp": "",
    },
    "outside": {"chat/a.cpp": '#include "../../tests/b.hpp"', "../tests/b.hpp": ""},
    "missing": {"chat/a.cpp": '#include "chat/nowhere.hpp"'},
}
GOOD = {
    "chat/a.cpp": '#include "base/b.hpp"\n#include "c.hpp"\n#include <vector>',
    "chat/c.hpp": '#include "../base/b.hpp"',
    "base/b.hpp": "",
}


def run(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root) / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, CHECK, root], capture_output=True).returncode


failed = [name for name, files in CASES.items() if run(files) != 1]
if run(GOOD) != 0:
    failed.append("good tree refused")
print(f"check_levels_test: {len(CASES) + 1} cases, failed: {failed or 'none'}")
sys.exit(1 if failed else 0)
