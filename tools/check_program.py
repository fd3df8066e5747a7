#!/usr/bin/env python3
"""Checks that a built program stands alone: it needs no shared library but glibc's, and stripped it is small.

    tools/check_program.py build/release/bin/kolosal [--max-megabytes 15]
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

GLIBC = re.compile(r"(libc|libm|libdl|libpthread|librt|ld-linux-x86-64)\.so\.\d+")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--max-megabytes", type=float, default=15)
    arguments = parser.parse_args()

    dynamic = subprocess.run(["readelf", "-d", arguments.program], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    foreign = [name for name in needed if not GLIBC.fullmatch(name)]
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "stripped"
        subprocess.run(["strip", "-o", stripped, arguments.program], check=True)
        megabytes = stripped.stat().st_size / 1e6
    print(f"needs {', '.join(needed)}; {megabytes:.1f} MB stripped")
    if foreign:
        print(f"not in glibc: {', '.join(foreign)}")
    if megabytes > arguments.max_megabytes:
        print(f"larger than {arguments.max_megabytes:g} MB")
    return 1 if foreign or megabytes > arguments.max_megabytes else 0


if __name__ == "__main__":
    sys.exit(main())
