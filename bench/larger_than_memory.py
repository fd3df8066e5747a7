#!/usr/bin/env python3
"""A table of several times the memory limit, fitted and written batch by batch, measured from outside.

    bench/larger_than_memory.py [--gigabytes 6] [--memory-limit 1GB] [--threads 2] [--folder DIR] [--keep]

The table is generated: 10 numbers (4 of them with 5 % missing cells), 2 whole numbers, a flag, 4 categories of 5 to 5,000 levels, a date, and a
target that depends on one of the categories. Three runs, each with wall time, CPU time and peak resident memory (wait4): (a) a recipe is fitted and saved;
(b) it is applied and the table is written; (c) a recipe without the target is fitted and the table is written in one command. The rows of the
output are counted. Then the same recipe is fitted on a small table in memory and in batches, and both are applied to the same rows.
"""
import argparse
import os
import random
import subprocess
import tempfile
import time
from multiprocessing import Pool

KOLOSAL = os.environ.get("KOLOSAL_BIN", os.path.join(os.path.dirname(__file__), "..", "build", "release", "bin", "kolosal"))

LEVELS = [5, 50, 500, 5000]
NAMES = [f"n{i}" for i in range(10)] + ["i0", "i1", "flag"] + [f"c{k}" for k in LEVELS] + ["day", "label"]
BLOCK = 100_000

ENCODED = '''
[[steps]]
step = "group_rare"
columns = ["c500"]
params = {{ min_rows = 20 }}
[[steps]]
step = "{encode}"
columns = ["c500", "c5000"]
'''
RECIPE = '''
target = "label"
[[steps]]
step = "date_parts"
params = {{ drop_constant = false }}
[[steps]]
step = "impute"
columns = ["n0", "n1", "n2", "n3"]
params = {{ strategy = "{impute}" }}
''' + ENCODED + '''
[[steps]]
step = "one_hot"
columns = ["c5"]
params = {{ dense = true }}
[[steps]]
step = "binary_encode"
columns = ["c50"]
[[steps]]
step = "scale"
columns = "float"
'''


class Table:
    """Blocks of rows. Each column is drawn once; a block takes each of them from another place on, so no two blocks have the same rows."""

    def __init__(self, seed):
        draw = self.draw = random.Random(seed)
        columns = [[f"{draw.gauss(i, 10 ** (i % 4)):.6g}" for _ in range(BLOCK)] for i in range(10)]
        for column in columns[:4]:
            for row in range(BLOCK):
                if draw.random() < 0.05:
                    column[row] = ""
        columns += [[str(draw.randrange(10 ** k)) for _ in range(BLOCK)] for k in (2, 6)]
        columns.append(draw.choices(["true", "false"], k=BLOCK))
        # Squares, so that levels are of very different frequency.
        columns += [[f"level {int(n * draw.random() ** 2)}" for _ in range(BLOCK)] for n in LEVELS]
        columns.append([f"{draw.randrange(2000, 2020)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}" for _ in range(BLOCK)])
        share = {f"level {k}": draw.random() for k in range(500)}
        columns.append(["1" if draw.random() < share[level] else "0" for level in columns[NAMES.index("c500")]])
        self.columns = [column + column for column in columns]

    def block(self):
        begins = [self.draw.randrange(BLOCK) for _ in self.columns]
        begins[-1] = begins[NAMES.index("c500")]
        return "\n".join(map(",".join, zip(*(column[at:at + BLOCK] for column, at in zip(self.columns, begins))))) + "\n"


def generate(path, n_bytes, seed=1):
    """Returns the number of rows."""
    table, n_rows = Table(seed), 0
    with open(path, "w") as file:
        file.write(",".join(NAMES) + "\n")
        while file.tell() < n_bytes:
            file.write(table.block())
            n_rows += BLOCK
    return n_rows


def apart(function, *arguments):
    """In a process of its own: what this one holds when it starts kolosal counts as kolosal's peak."""
    with Pool(1) as pool:
        return pool.apply(function, arguments)


def run(what, *words, peak_limit=None):
    start = time.monotonic()
    child = subprocess.Popen([KOLOSAL, "preprocess", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    told = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall, cpu, peak = time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    if status != 0:
        raise SystemExit(f"{what} failed:\n{told}")
    verdict = "" if peak_limit is None else "  ok" if peak < peak_limit else "  TOO MUCH MEMORY"
    print(f"{what:36s} {wall:7.1f} s  cpu {cpu:7.1f} s ({cpu / wall:.2f} cores)  peak {peak:6.0f} MB{verdict}", flush=True)
    return "batch by batch" in told


def count_rows(path):
    n = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            n += block.count(b"\n")
    return n - 1


def compare(folder, threads, megabytes):
    """Fits in memory and in batches, without the target: in memory, later steps are fitted on its encodings out of fold."""
    small, rows = os.path.join(folder, "small.csv"), os.path.join(folder, "rows.csv")
    apart(generate, small, megabytes * 1e6, 2)
    apart(generate, rows, 1e6, 3)
    for impute in ("mean", "median"):
        recipe = os.path.join(folder, "compare.toml")
        with open(recipe, "w") as file:
            file.write(RECIPE.format(encode="frequency_encode", impute=impute))
        made = []
        for name, limit in (("in memory", "16GB"), ("in batches", "64MB")):
            saved, output = os.path.join(folder, f"{limit}.kolosal"), os.path.join(folder, f"{limit}.csv")
            streamed = run(f"  {impute}, fit {name}", "--data", small, "--recipe", recipe, "--save-recipe", saved, "--memory-limit", limit,
                           "--threads", threads)
            if streamed != (limit == "64MB"):
                raise SystemExit(f"the fit {name} was not {name}")
            subprocess.run([KOLOSAL, "preprocess", "--data", rows, "--recipe", saved, "--output", output], check=True, stderr=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
            made.append(output)
        n_cells, largest = apart(largest_difference, *made)
        print(f"  {impute}: {n_cells:,} cells, largest difference {largest:.2g}", flush=True)


def largest_difference(one, other):
    n_cells, largest = 0, 0.0
    with open(one) as a, open(other) as b:
        if a.readline() != b.readline():
            raise SystemExit("the columns differ")
        for line, with_line in zip(a, b, strict=True):
            for x, y in zip(line.rstrip("\n").split(","), with_line.rstrip("\n").split(","), strict=True):
                n_cells += 1
                if x != y:
                    largest = max(largest, abs(float(x) - float(y)) / max(1.0, abs(float(x))))
    return n_cells, largest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=6)
    parser.add_argument("--memory-limit", default="1GB")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--compare-megabytes", type=float, default=200, help="size of the table that is fitted in memory too")
    parser.add_argument("--folder", help="where there is room for four times the table; default: a temporary one")
    parser.add_argument("--data", help="a table that an earlier run made with --keep")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as work:
        data = args.data or os.path.join(args.folder or work, "larger_than_memory.csv")
        start = time.monotonic()
        n_rows = count_rows(data) if args.data else apart(generate, data, args.gigabytes * 1e9)
        print(f"{os.path.getsize(data) / 1e9:.2f} GB of CSV, {n_rows:,} rows x {len(NAMES)} columns, made in {time.monotonic() - start:.0f} s; "
              f"limit {args.memory_limit}, {args.threads} threads", flush=True)
        limits = ["--memory-limit", args.memory_limit, "--threads", args.threads]
        most = float(args.memory_limit.removesuffix("GB")) * 1000 if args.memory_limit.endswith("GB") else None
        recipes = {}
        for encode in ("target_encode", "frequency_encode"):
            recipes[encode] = os.path.join(work, f"{encode}.toml")
            with open(recipes[encode], "w") as file:
                file.write(RECIPE.format(encode=encode, impute="median"))
        saved, output = os.path.join(work, "fitted.kolosal"), os.path.join(work, "out.csv")
        for what, words in (("(a) fit, save the recipe", ["--recipe", recipes["target_encode"], "--save-recipe", saved]),
                            ("(b) apply it, write the table", ["--recipe", saved, "--output", output]),
                            ("(c) fit and write in one command", ["--recipe", recipes["frequency_encode"], "--output", output])):
            streamed = run(what, "--data", data, *words, *limits, peak_limit=most)
            if what[1] != "b" and not streamed:
                print("    the table was read into memory: it is not larger than the limit")
            if output in words:
                written = count_rows(output)
                print(f"    {os.path.getsize(output) / 1e9:.2f} GB written, {written:,} rows{'' if written == n_rows else ', SOME ARE LOST'}", flush=True)
                os.remove(output)
        compare(work, args.threads, args.compare_megabytes)
        if not args.keep and not args.data:
            os.remove(data)


if __name__ == "__main__":
    main()
