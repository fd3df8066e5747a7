#!/usr/bin/env python3
"""A model file served to 64 callers with and without the dynamic batcher, and what the batcher adds to a lone call.

  bench/batching.py --build build/bench --model FILE [--seconds 2] [--keep PROGRAM]

Everything runs in one process: "no batching" means that each thread predicts by itself. Needs a build folder with the modules compiled.
"""
import argparse, pathlib, subprocess, tempfile

from own_program import compile_program


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", default="2")
    parser.add_argument("--keep", help="where the compiled program stays")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(args.keep or folder + "/batcher_bench")
        if not program.exists():
            compile_program("batcher_bench.cpp", args.build, program)
        subprocess.run([program, args.model, args.seconds], check=True)


main()
