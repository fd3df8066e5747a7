#!/usr/bin/env python3
"""From a model file of 20 MB to the first prediction, in one process through the C library.

  bench/model_opening.py --build build/bench --folder WORK [--python PY]

Trains a random forest on a generated table so that its file has about 20 MB (kept in WORK for the next time), then
opens it again and again: open, first row, both. Before each time the processor's caches are driven out; "cold" also takes
the file out of the page cache, so that it comes from the disk. With --python (lightgbm in it) a LightGBM model of about
20 MB of text is opened by us and by LightGBM itself, and the ratio is printed.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WANTED_BYTES = 20e6
PEER = r"""
import sys, time
import numpy as np
import lightgbm as lgb
path, n_times = sys.argv[1], int(sys.argv[2])
if n_times == 0:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60000, 20)); y = (x[:, :5].sum(1) + rng.normal(size=len(x)) > 0).astype(int)
    lgb.train({"objective": "binary", "num_leaves": 255, "verbose": -1, "min_data_in_leaf": 5}, lgb.Dataset(x, y), 900).save_model(path)
    raise SystemExit
row, other, took = np.zeros((1, 20)), np.zeros(8 << 20), []
for i in range(n_times):
    other[:] = i
    start = time.perf_counter()
    lgb.Booster(model_file=path).predict(row, num_threads=1)
    took.append(time.perf_counter() - start)
print(1e6 * sorted(took)[n_times // 2])
"""


def write_table(path, n_rows):
    rng = random.Random(1)
    with open(path, "w") as file:
        file.write(",".join(f"n{i}" for i in range(10)) + ",c0,c1,y\n")
        for _ in range(n_rows):
            numbers = [rng.gauss(0, 1) for _ in range(10)]
            levels = [rng.randrange(8), rng.randrange(30)]
            y = numbers[0] + numbers[1] * numbers[2] + levels[0] / 4 + rng.gauss(0, 1) > 1
            file.write(",".join(f"{v:.4f}" for v in numbers) + f",k{levels[0]},m{levels[1]},{'yes' if y else 'no'}\n")


def make_model(program, folder, path):
    """Trains until the file is about as large as wanted: it grows with the rows."""
    n_rows = 10000
    learners = json.loads(subprocess.run([program, "info", "--json"], check=True, capture_output=True, text=True).stdout)["learners"]
    others = ",".join(name for name in learners if name not in ("random_forest", "constant"))
    for _ in range(4):
        write_table(folder / "table.csv", n_rows)
        subprocess.run([program, "train", "--data", folder / "table.csv", "--target", "y", "--trials", "1", "--folds", "1", "--no-ensemble",
                        "--exclude-models", others, "--no-history", "--progress", "none", "--output", path], check=True,
                       stdout=subprocess.DEVNULL)
        size = path.stat().st_size
        if abs(size - WANTED_BYTES) < 0.1 * WANTED_BYTES:
            return
        n_rows = int(n_rows * WANTED_BYTES / size)
    print(f"the model has {size / 1e6:.1f} MB", file=sys.stderr)


def first_row(program, path):
    """Zeros, and categories that are not known."""
    about = json.loads(subprocess.run([program, "info", path, "--json"], check=True, capture_output=True, text=True).stdout)
    return json.dumps({c["name"]: None if c["type"] == "category" else 0 for c in about["columns"] if c.get("role", "feature") == "feature"})


def time_ours(tool, program, library, path, n_times, cold):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as row:
        row.write(first_row(program, path))
        row.flush()
        done = subprocess.run([tool, library, path, row.name, str(n_times), str(int(cold))], check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--library", type=pathlib.Path, help="default: lib/libkolosal.so of the build")
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--python", help="with lightgbm")
    parser.add_argument("--times", type=int, default=50)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    library = (args.library or args.build / "lib/libkolosal.so").resolve()
    program = (args.build / "bin/kolosal").resolve()
    tool = args.folder / "model_opening"
    subprocess.run(["cc", "-O2", "-o", tool, HERE / "model_opening.c", "-ldl"], check=True)
    own = args.folder / "forest.kolosal"
    if not own.exists():
        make_model(program, args.folder, own)
    print(f"{'file':<16} {'MB':>6} {'pages':<6} {'open ms':>8} {'row ms':>8} {'both ms':>8} {'CPU ms':>8} {'peak MB':>8}")

    def show(path):
        for cold in (False, True):
            opened, row, both, cpu, peak = time_ours(tool, program, library, path, args.times, cold)
            print(f"{path.name:<16} {path.stat().st_size / 1e6:6.1f} {'cold' if cold else 'warm':<6} {opened / 1e3:8.2f} {row / 1e3:8.2f} "
                  f"{both / 1e3:8.2f} {cpu / 1e3:8.2f} {peak / 1e3:8.0f}")
            if not cold:
                warm = both
        return warm

    show(own)
    if not args.python:
        return
    text = args.folder / "lightgbm.txt"
    if not text.exists():
        subprocess.run([args.python, "-c", PEER, text, "0"], check=True)
    ours = show(text)
    done = subprocess.run([args.python, "-c", PEER, text, str(max(args.times // 5, 5))], check=True, capture_output=True, text=True)
    theirs = float(done.stdout)
    print(f"LightGBM {theirs / 1e3:.2f} ms, ratio {theirs / ours:.2f}")


if __name__ == "__main__":
    main()
