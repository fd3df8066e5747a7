#!/usr/bin/env python3
"""`kolosal profile` on 1,000,000 rows x 30 columns, on 2 threads, the reading of the file included; and the peer.

    bench/profile.py [--rows 1000000] [--runs 5] [--python PY]

The table is generated: 20 numbers (a fifth of them with 5 % missing cells), 4 whole numbers, 5 categories of 5 to 5,000 levels, a target.
With --python a Python with pandas does the nearest that it has: read_csv, describe(), nunique(), skew(), duplicated(), corr(). It computes
less: no rank correlations, no relations of categories, no relation to the target, no order of the rows. Runs alternate; the best counts.
"""
import argparse
import os
import random
import subprocess
import tempfile
import time

KOLOSAL = os.environ.get("KOLOSAL_BIN", os.path.join(os.path.dirname(__file__), "..", "build", "release", "bin", "kolosal"))

PEER = """
import sys, pandas as pd
df = pd.read_csv(sys.argv[1])
numbers = df.select_dtypes("number")
print(df.describe(include="all").shape, df.nunique().sum(), numbers.skew().sum(), numbers.kurt().sum(), df.duplicated().sum(),
      df.isna().sum().sum(), numbers.corr().shape)
"""


def generate(path, n_rows):
    draw = random.Random(1)
    levels = [5, 50, 500, 5000, 20]
    with open(path, "w") as file:
        file.write(",".join([f"n{i}" for i in range(20)] + [f"i{i}" for i in range(4)] + [f"c{i}" for i in range(5)] + ["label"]) + "\n")
        for _ in range(n_rows):
            cells = ["" if i % 5 == 0 and draw.random() < 0.05 else f"{draw.gauss(0, 10 ** (i % 4)):.6g}" for i in range(20)]
            cells += [str(draw.randrange(10 ** (i + 2))) for i in range(4)]
            cells += [f"level {draw.randrange(k)}" for k in levels]
            file.write(",".join(cells) + f",{int(draw.random() < 0.3)}\n")


def measured(words):
    start = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env={**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"})
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {words}")
    return time.monotonic() - start, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", help="a table to use (with a column `label`) in place of the generated one")
    parser.add_argument("--python")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        path = args.data or os.path.join(work, "table.csv")
        if not args.data:
            generate(path, args.rows)
        jobs = {"kolosal profile": [KOLOSAL, "profile", path, "--threads", "2", "--target", "label", "--html", os.path.join(work, "page.html")]}
        if args.python:
            jobs["pandas"] = [args.python, "-c", PEER, path]
        best = {}
        for _ in range(args.runs):
            for name, words in jobs.items():
                result = measured(words)
                best[name] = min(best.get(name, result), result)
        print(f"{os.path.getsize(path) / 1e6:.0f} MB of CSV, best of {args.runs}")
        for name, (seconds, peak, cpu) in best.items():
            ratio = f"  {seconds / best['kolosal profile'][0]:5.1f}x" if name != "kolosal profile" else ""
            print(f"{name:16s} {seconds:6.2f} s  cpu {cpu:6.2f} s  peak {peak:6.0f} MB{ratio}")


if __name__ == "__main__":
    main()
