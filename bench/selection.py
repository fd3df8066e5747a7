#!/usr/bin/env python3
"""Mutual information, PCA and SMOTE against scikit-learn and imbalanced-learn: seconds, peak memory and the ratio.

  bench/selection.py --build build/bench [--threads 2] [--repeats 3] [--only pca]

Runs of both sides alternate and the fastest of each counts. Each side is a process of its own that is given the same table.
Needs numpy, scikit-learn and imbalanced-learn, and a build folder with the modules up to `transform` compiled.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from own_program import compile_program

WORK = {  # name: rows, columns, classes
    "mutual_information classes": (100_000, 50, 2),
    "mutual_information number": (100_000, 50, 0),
    "pca": (100_000, 200, 2),
    "smote": (100_000, 30, 2),
}


def write(path, n, p, n_classes):
    import numpy as np
    rng = np.random.default_rng(7)
    x = rng.normal(size=(n, p))
    if n_classes:
        y = (np.arange(n) % 10 == 0).astype(float)
        x[:, :5] += 0.5 * y[:, None]
    else:
        y = x[:, 0] + x[:, 1] ** 2 + 0.5 * rng.normal(size=n)
    with open(path, "wb") as out:
        np.array([n, p, n_classes], np.int64).tofile(out)
        np.asfortranarray(x).T.tofile(out)
        y.tofile(out)


def peer(path, work, threads):
    """In a process of its own: one run, after a small one that loads the libraries."""
    import resource
    import time

    import numpy as np
    from imblearn.over_sampling import SMOTE
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
    with open(path, "rb") as file:
        n, p, n_classes = np.fromfile(file, np.int64, 3)
        x = np.ascontiguousarray(np.fromfile(file, float, n * p).reshape(p, n).T)
        y = np.fromfile(file, float, n)

    def run(x, y):
        if work == "pca":
            PCA(20).fit_transform(x)
        elif work == "smote":
            SMOTE(random_state=0).fit_resample(x, y)
        elif n_classes:
            mutual_info_classif(x, y, random_state=0, n_jobs=threads)
        else:
            mutual_info_regression(x, y, random_state=0, n_jobs=threads)

    run(x[:1000], y[:1000])
    best = 1e9
    for _ in range(1 if work.startswith("mutual") else 3):
        start = time.perf_counter()
        run(x, y)
        best = min(best, time.perf_counter() - start)
    usage = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": best, "peak_mb": usage // 1024}))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", type=pathlib.Path)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    a = arguments.parse_args()
    if a.peer:
        return peer(*a.peer, a.threads)
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "bench")
        compile_program("selection_bench.cpp", a.build, program)
        print(f"{'work':<28}{'rows':>8}{'columns':>8}{'ours s':>9}{'peer s':>9}{'ratio':>7}{'ours MB':>9}{'peer MB':>9}")
        for name, (n, p, n_classes) in WORK.items():
            if a.only not in name:
                continue
            data, work = os.path.join(folder, "data"), name.split()[0]
            write(data, n, p, n_classes)
            environment = dict(os.environ, **{f"{v}_NUM_THREADS": str(a.threads) for v in ("OMP", "OPENBLAS", "MKL")})
            ours, theirs = [], []
            for _ in range(a.repeats):
                for command, results in (([program, data, str(a.threads), work, "3"], ours),
                                         ([sys.executable, __file__, "--threads", str(a.threads), "--peer", data, work], theirs)):
                    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
                    results.append(json.loads(run.stdout))
            us, them = (min(r["seconds"] for r in side) for side in (ours, theirs))
            print(f"{name:<28}{n:>8}{p:>8}{us:>9.3f}{them:>9.3f}{them / us:>7.1f}{ours[0]['peak_mb']:>9}{theirs[0]['peak_mb']:>9}", flush=True)


if __name__ == "__main__":
    main()
