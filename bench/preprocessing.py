#!/usr/bin/env python3
"""Preprocessing of tables in memory: our recipes against scikit-learn's pipelines and polars' expressions.

  bench/preprocessing.py --build build/bench [--rounds 5] [--only numbers]

numbers  1,000,000 x 10 float64 with 5 % missing: median impute and standardize, fit and transform
mixed    200,000 x 40: 30 numbers with 5 % missing (median, standardize), 10 categories of 5 to 5,000 levels with
         3 % missing (one-hot up to 50 levels, target encoding out of fold above)

Everyone gets 2 threads and data already in memory in the form it likes best (we and polars: columns and categories;
scikit-learn: arrays and strings of pandas). Runs are interleaved, each in a process of its own; the best of each counts.
Peak memory is above that of the process with the data loaded; CPU time tells more than time when the machine is
busy with other work. The results are compared, too.
Needs numpy, pandas, scikit-learn and polars, and a build folder with the modules compiled.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

THREADS = 2
os.environ.update({"POLARS_MAX_THREADS": str(THREADS), "OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": str(THREADS)})
import numpy as np

from own_program import compile_program

LEVELS = [5, 8, 12, 20, 35, 50, 200, 800, 2000, 5000]
ONE_HOT = 6  # of these, the rest is target encoded
PEERS = {"numbers": ["sklearn", "polars"], "mixed": ["sklearn", "polars"]}
HERE = pathlib.Path(__file__).resolve().parent


def numbers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1_000_000, 10)) * np.arange(1, 11) + 3
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, np.empty((len(x), 0), np.int64), (rng.random(len(x)) < 0.4).astype(float)


def mixed():
    rng = np.random.default_rng(1)
    n = 200_000
    x = rng.standard_normal((n, 30)) * np.arange(1, 31) + 3
    x[rng.random(x.shape) < 0.05] = np.nan
    codes = np.stack([rng.integers(0, k, n) for k in LEVELS], 1)
    codes[rng.random(codes.shape) < 0.03] = -1
    return x, codes, (rng.random(n) < 0.3 + 0.2 * (codes[:, 8] % 2)).astype(float)


TABLES = {"numbers": numbers, "mixed": mixed}


def recipe(task):
    columns = lambda first, last: [f"x{i}" for i in range(first, last)]
    n_numbers = 10 if task == "numbers" else 30
    steps = [{"step": "impute", "params": {"strategy": "median"}, "columns": columns(0, n_numbers)},
             {"step": "scale", "columns": columns(0, n_numbers)}]
    if task == "mixed":
        steps += [{"step": "one_hot", "columns": columns(30, 30 + ONE_HOT)},
                  {"step": "target_encode", "columns": columns(30 + ONE_HOT, 40)}]
    return steps


def status(key):
    for line in open("/proc/self/status"):
        if line.startswith(key):
            return int(line.split()[1]) * 1024


def strings(codes):
    import pandas as pd
    names = np.array([f"v{i:04d}" for i in range(max(LEVELS))] + [None], object)
    return pd.DataFrame({f"c{i}": names[codes[:, i]] for i in range(codes.shape[1])})


def sklearn_work(task, x, codes, y):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
    pipeline = lambda: make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    if task == "numbers":
        return lambda: pipeline().fit_transform(x)
    import pandas as pd
    table = pd.concat([pd.DataFrame(x, columns=[f"n{i}" for i in range(30)]), strings(codes)], axis=1)
    numbers, categories = list(table.columns[:30]), list(table.columns[30:])
    return lambda: ColumnTransformer([
        ("n", pipeline(), numbers), ("o", OneHotEncoder(handle_unknown="ignore", dtype=np.float32), categories[:ONE_HOT]),
        ("t", TargetEncoder(smooth=10, cv=5), categories[ONE_HOT:])], sparse_threshold=1).fit_transform(table, y.astype(int))


def polars_work(task, x, codes, y):
    import polars as pl
    table = pl.DataFrame({f"x{i}": x[:, i] for i in range(x.shape[1])}).with_columns(pl.all().fill_nan(None))
    filled = [pl.col(name).fill_null(pl.col(name).median()) for name in table.columns]
    if task == "numbers":
        return lambda: table.select(filled).select((pl.all() - pl.all().mean()) / pl.all().std(ddof=0))
    numbers = table.columns
    categories = pl.from_pandas(strings(codes)).with_columns(pl.all().cast(pl.Categorical), y=pl.Series(y))
    table = pl.concat([table, categories], how="horizontal")
    names = categories.columns[:-1]
    fold = pl.Series("fold", np.random.default_rng(0).integers(0, 5, len(y)).astype(np.int8))

    def work():
        made = table.with_columns(filled).with_columns([(pl.col(c) - pl.col(c).mean()) / pl.col(c).std(ddof=0) for c in numbers])
        made = made.with_columns(fold)
        prior = pl.col("y").mean()
        for c in names[ONE_HOT:]:  # out of fold: the sums of the level less those of the level within the fold
            total, count = pl.col("y").sum().over(c), pl.len().over(c)
            own, own_count = pl.col("y").sum().over([c, "fold"]), pl.len().over([c, "fold"])
            made = made.with_columns(((total - own + 10 * prior) / (count - own_count + 10)).alias(c + "_t"))
        return made.drop("y", "fold", *names[ONE_HOT:]).to_dummies(names[:ONE_HOT])
    return work


def run_peer(name, task, result):
    x, codes, y = TABLES[task]()
    work = {"sklearn": sklearn_work, "polars": polars_work}[name](task, x, codes, y)
    open("/proc/self/clear_refs", "w").write("5")
    before, best, best_cpu, made = status("VmRSS:"), 1e9, 1e9, None
    for _ in range(2):
        made = None
        start, start_cpu = time.perf_counter(), time.process_time()
        made = work()
        best, best_cpu = min(best, time.perf_counter() - start), min(best_cpu, time.process_time() - start_cpu)
    print(json.dumps({"s": best, "cpu_s": best_cpu, "peak_mb": (status("VmHWM:") - before) / 1e6}))
    if name == "sklearn":
        from scipy import sparse
        np.save(result, (made[:, :30].toarray() if sparse.issparse(made) else made))


def write(path, x, codes, y):
    with open(path, "wb") as out:
        np.array([len(y), x.shape[1] + codes.shape[1], 2], np.int64).tofile(out)
        for i in range(x.shape[1]):
            np.array([0], np.int64).tofile(out)
            x[:, i].tofile(out)
        for i in range(codes.shape[1]):
            np.array([LEVELS[i]], np.int64).tofile(out)
            codes[:, i].astype(float).tofile(out)
        y.tofile(out)


def read_numbers(path, n, n_numbers):
    with open(path, "rb") as file:  # every dense column has a header of two numbers
        cells = []
        while len(cells) < n_numbers and (header := np.fromfile(file, np.int64, 2)).size:
            width, n_cells = header
            if width:
                file.seek((n + 1) * 8 + int(n_cells) * 4, 1)
            else:
                cells.append(np.fromfile(file, np.float64, n))
        return np.stack(cells, 1)


def race(task, program, folder, rounds):
    x, codes, y = TABLES[task]()
    write(f"{folder}/{task}.bin", x, codes, y)
    best = {}
    for _ in range(rounds):
        for name in ["kolosal", *PEERS[task]]:
            command = ([program, f"{folder}/{task}.bin", f"{folder}/{task}.out", str(THREADS), "3", json.dumps(recipe(task))]
                       if name == "kolosal" else [sys.executable, __file__, "--peer", name, "--task", task, "--result", f"{folder}/{name}.npy"])
            got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
            known = best.setdefault(name, got)
            best[name] = {key: min(known[key], got[key]) for key in got}
    ours = best["kolosal"]
    for name, figures in best.items():
        ratio = "" if name == "kolosal" else (f"  {figures['s'] / ours['s']:6.1f}x the time, {figures['cpu_s'] / ours['cpu_s']:6.1f}x the CPU time, "
                                              f"{figures['peak_mb'] / ours['peak_mb']:5.1f}x the memory")
        print(f"{task:8s} {name:8s} {figures['s'] * 1e3:9.1f} ms  CPU {figures['cpu_s'] * 1e3:9.1f} ms  peak +{figures['peak_mb']:7.1f} MB{ratio}", flush=True)
    n_numbers = x.shape[1]
    want = np.load(f"{folder}/sklearn.npy")[:, :n_numbers]
    # Our number columns come first or after what passes; they are told by their order.
    got = read_numbers(f"{folder}/{task}.out", len(y), n_numbers)
    print(f"{task:8s} largest difference to scikit-learn: {np.abs(got - want).max():.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only")
    parser.add_argument("--peer")
    parser.add_argument("--task")
    parser.add_argument("--result")
    options = parser.parse_args()
    if options.peer:
        run_peer(options.peer, options.task, options.result)
    else:
        with tempfile.TemporaryDirectory() as folder:
            ours = compile_program("preprocess_bench.cpp", os.path.abspath(options.build), f"{folder}/preprocess_bench")
            for each in TABLES:
                if options.only in (None, each):
                    race(each, ours, folder, options.rounds)
