#!/usr/bin/env python3
"""Layers of networks in float32 against whole numbers of 8 and 4 bits, and distances in double against whole numbers: ns, ratios.

    bench/quantized_products.py --build build/bench

KOLOSAL_CPU=avx2 or baseline measures what such a processor can do.
"""

import argparse
import pathlib
import subprocess
import tempfile

from own_program import compile_program

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", type=pathlib.Path, required=True)
args = parser.parse_args()
with tempfile.TemporaryDirectory() as folder:
    program = pathlib.Path(folder) / "quantized_products"
    compile_program("quantized_products.cpp", args.build, program)
    subprocess.run([program], check=True)
