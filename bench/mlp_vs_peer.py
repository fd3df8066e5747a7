#!/usr/bin/env python3
"""Our multilayer perceptron against scikit-learn's of the same size: CPU seconds of fit() and predict(), and test score.

  bench/mlp_vs_peer.py --data DIR --build build/release [--only adult] [mlp parameter=value]...

DIR holds adult.csv, wine_white.csv, diamonds.csv and cnae9.csv. Both get 2 x 256 units, batches of 256 rows and 12 epochs on one
thread. scikit-learn gets standardized numbers and one-hot categories as float32 and has neither norm, dropout nor bins; to
compare like with like in time, run with number_encoding=plain too. Needs numpy, pandas and scikit-learn, and a build folder with
the modules compiled.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse, json, pathlib, subprocess, tempfile, time, warnings

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from forest_vs_sklearn import TABLES, load, score, write
from own_program import compile_program

WIDTH, BATCH, EPOCHS = 256, 256, 12


def products(n_rows, n_inputs, n_outputs):
    """Floating-point operations of the matrix products: forward, weights' gradients, inputs' gradients but of the first layer."""
    weights = n_inputs * WIDTH * 2 + (WIDTH * WIDTH + WIDTH * n_outputs) * 3
    return 2 * n_rows * EPOCHS * weights


def run_peer(table, y, n_classes, levels, train, test):
    numbers = [c for c in table.columns if c not in levels]
    encode = make_column_transformer((StandardScaler(), numbers),
                                     (OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(levels)))
    x = encode.fit_transform(table.iloc[train]).astype(np.float32)
    kind = MLPRegressor if n_classes == 0 else MLPClassifier
    model = kind(hidden_layer_sizes=(WIDTH, WIDTH), batch_size=BATCH, max_iter=EPOCHS, random_state=1)
    centre, scale = (y[train].mean(), y[train].std()) if n_classes == 0 else (0, 1)
    start = time.process_time()
    model.fit(x, ((y[train] - centre) / scale).astype(np.float32) if n_classes == 0 else y[train])
    fitted = time.process_time()
    x_test = encode.transform(table.iloc[test]).astype(np.float32)
    before = time.process_time()
    p = centre + scale * model.predict(x_test) if n_classes == 0 else model.predict_proba(x_test).astype(float)
    predict_s = time.process_time() - before
    p = p / p.sum(axis=1, keepdims=True) if n_classes > 0 else p
    return fitted - start, predict_s, p[:, 1] if n_classes == 2 else p, x.shape[1]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=pathlib.Path, required=True)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--only", default="")
    arguments.add_argument("params", nargs="*")
    a = arguments.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    folder = pathlib.Path(tempfile.mkdtemp())
    compile_program("learner_bench.cpp", a.build, folder / "bench")
    print(f"{'table':<12}{'metric':<9}{'ours':>9}{'peer':>9}{'fit s':>8}{'peer s':>8}{'ratio':>7}{'GFLOP/s':>9}{'peer':>7}"
          f"{'predict s':>11}{'peer s':>8}")
    for name in TABLES:
        if a.only not in name:
            continue
        data = load(a.data, name, 1)
        table, y, n_classes, levels, train, test = data
        write(folder / "data", *data)
        sizes = [f"hidden_size={WIDTH}", f"batch_size={BATCH}", f"n_epochs={EPOCHS}"]
        run = subprocess.run([folder / "bench", folder / "data", folder / "out", "1", "mlp", *sizes, *a.params],
                             check=True, capture_output=True, text=True)
        ours = json.loads(run.stdout)
        p = np.fromfile(folder / "out").reshape(len(test), -1)
        metric, value = score(y[test], p[:, 0] if p.shape[1] == 1 else p, n_classes)
        peer_s, peer_predict_s, p, n_inputs = run_peer(*data)
        _, peer_value = score(y[test], p, n_classes)
        # Of the peer's products: ours has more inputs with bins, and takes one-hot inputs as sparse ones.
        operations = products(len(train), n_inputs, n_classes if n_classes > 2 else 1) * 1e-9
        print(f"{name:<12}{metric:<9}{value:>9.4f}{peer_value:>9.4f}{ours['fit_s']:>8.2f}{peer_s:>8.2f}"
              f"{peer_s / ours['fit_s']:>7.2f}{operations / ours['fit_s']:>9.1f}{operations / peer_s:>7.1f}"
              f"{ours['predict_s']:>11.3f}{peer_predict_s:>8.3f}", flush=True)


if __name__ == "__main__":
    main()
