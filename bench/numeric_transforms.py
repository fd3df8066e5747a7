#!/usr/bin/env python3
"""Our steps on numbers against scikit-learn's: seconds of fit and transform, CPU seconds, peak memory, and how far the results
are apart.

  bench/numeric_transforms.py --build build/bench [--runs 3] [--only knn] [--rows 1000000]

Both run as processes of their own, in turn, with 2 threads each; the best of the runs counts. On a
busy machine the CPU ratio tells more than the ratio of seconds. The build folder must have the
modules compiled (preset bench or release). Needs numpy and scikit-learn.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

import numpy as np

from own_program import compile_program


def skewed(rows, columns):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, columns))
    x[:, ::2] = np.exp(x[:, ::2])
    x[rng.random(x.shape) < 0.05] = np.nan
    return x


def correlated(rows, columns):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(rows, 6)) @ rng.normal(size=(6, columns)) + rng.normal(size=(rows, columns)) * 0.3
    x[rng.random(x.shape) < 0.05] = np.nan
    return x


def estimator(name):
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.ensemble import IsolationForest
    from sklearn.impute import IterativeImputer, KNNImputer
    from sklearn.preprocessing import PowerTransformer, QuantileTransformer
    return {"quantile uniform": lambda: QuantileTransformer(subsample=None),
            "quantile normal": lambda: QuantileTransformer(subsample=None, output_distribution="normal"),
            "quantile sampled": lambda: QuantileTransformer(output_distribution="normal"),
            "yeo_johnson": PowerTransformer, "knn": KNNImputer, "iterative": IterativeImputer}[name]()


# name: our step and parameters, the table, its columns, its rows (None: --rows)
WORK = {
    "quantile uniform": (["quantile_transform"], skewed, 10, None),
    "quantile normal": (["quantile_transform", "output_distribution=normal"], skewed, 10, None),
    "quantile sampled": (["quantile_transform", "output_distribution=normal", "max_rows=10000"], skewed, 10, None),
    "yeo_johnson": (["power_transform"], skewed, 10, None),
    "knn": (["knn_impute"], correlated, 20, 50_000),
    "iterative": (["iterative_impute"], correlated, 20, 50_000),
}


def peer(name, data, out):
    """Runs in a process of its own."""
    import resource
    with open(data, "rb") as file:
        rows, columns = np.fromfile(file, np.int64, 2)
        x = np.fromfile(file).reshape(columns, rows).T
    step = estimator(name)
    begun = time.process_time()
    start = time.perf_counter()
    step.fit(x)
    fitted = time.perf_counter()
    made = step.transform(x)
    end = time.perf_counter()
    print(json.dumps({"fit_s": fitted - start, "transform_s": end - fitted,
                      "cpu_s": time.process_time() - begun,
                      "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    made.T.tofile(out)


def run(command):
    two = {key: "2" for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **two}).stdout)


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--peer":
        return peer(*sys.argv[2:])
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--only", default="")
    a = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    program = compile_program("transform_step.cpp", a.build, folder / "transform_step")
    print(f"{'work':<18}{'rows':>9}{'ours s':>9}{'peer s':>9}{'ratio':>7}{'cpu':>7}{'ours MB':>9}{'peer MB':>9}"
          "  largest difference")
    for name, (step, table, columns, rows) in WORK.items():
        if a.only not in name:
            continue
        rows = rows or a.rows
        with open(folder / "data", "wb") as file:
            np.array([rows, columns], np.int64).tofile(file)
            table(rows, columns).T.tofile(file)
        ours, theirs = [], []
        for _ in range(a.runs):
            ours.append(run([program, folder / "data", folder / "ours", "2", *step]))
            theirs.append(run([sys.executable, __file__, "--peer", name, folder / "data", folder / "theirs"]))
        seconds = [min(r["fit_s"] + r["transform_s"] for r in runs) for runs in (ours, theirs)]
        cpu = [min(r["cpu_s"] for r in runs) for runs in (ours, theirs)]
        memory = [max(r["peak_mb"] for r in runs) for runs in (ours, theirs)]
        difference = np.nanmax(np.abs(np.fromfile(folder / "ours") - np.fromfile(folder / "theirs")))
        print(f"{name:<18}{rows:>9}{seconds[0]:>9.3f}{seconds[1]:>9.3f}{seconds[1] / seconds[0]:>7.1f}"
              f"{cpu[1] / cpu[0]:>7.1f}{memory[0]:>9.0f}{memory[1]:>9.0f}  {difference:.2g}", flush=True)


if __name__ == "__main__":
    main()
