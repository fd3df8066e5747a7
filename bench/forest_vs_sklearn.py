#!/usr/bin/env python3
"""Our forests and linear learners against scikit-learn's: CPU seconds of fit() and test score.

  bench/forest_vs_sklearn.py --data DIR --build build/release [--trees 100] [--only adult/extra_trees]

DIR holds adult.csv, wine_white.csv, diamonds.csv and cnae9.csv. Categories go to our learners as they are, to scikit-learn as
ordinal codes (forests) or one-hot (linear). Needs numpy, pandas and scikit-learn, and a build folder with the modules compiled.
"""
import argparse, json, pathlib, subprocess, tempfile, time

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from own_program import compile_program

TABLES = {"adult": "income", "wine_white": "quality", "diamonds": "price", "cnae9": "category"}


def load(folder, name, seed):
    table = pd.read_csv(folder / f"{name}.csv")
    target = table.pop(TABLES[name])
    classes = None if name == "diamonds" else np.unique(target)
    y = target.to_numpy(float) if classes is None else np.searchsorted(classes, target).astype(float)
    levels = {}
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            codes, names = pd.factorize(table[column], sort=True)
            table[column], levels[column] = codes, len(names)
    train, test = train_test_split(np.arange(len(y)), test_size=0.25, random_state=seed,
                                   stratify=None if classes is None else y)
    return table, y, 0 if classes is None else len(classes), levels, train, test


def write(path, table, y, n_classes, levels, train, test):
    order = np.concatenate([train, test])
    with open(path, "wb") as out:
        np.array([len(order), len(train), table.shape[1], n_classes], np.int64).tofile(out)
        for column in table.columns:
            np.array([levels.get(column, 0)], np.int64).tofile(out)
            table[column].to_numpy(float)[order].tofile(out)
        y[order].tofile(out)


def peer(learner, n_classes, levels, trees):
    numbers = lambda x: [c for c in x.columns if c not in levels]
    if learner in ("ridge", "logistic_regression"):
        model = Ridge(alpha=3) if learner == "ridge" else LogisticRegression(max_iter=500)
        encode = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), list(levels)))
        return make_pipeline(encode, model)
    kind = {("random_forest", True): RandomForestClassifier, ("random_forest", False): RandomForestRegressor,
            ("extra_trees", True): ExtraTreesClassifier, ("extra_trees", False): ExtraTreesRegressor}
    return kind[learner, n_classes > 0](n_estimators=trees, n_jobs=1, random_state=1)


def score(y, p, n_classes):
    if n_classes == 0:
        return "rmse", float(np.sqrt(np.mean((y - p) ** 2)))
    if n_classes == 2:
        return "auc", roc_auc_score(y, p)
    return "logloss", log_loss(y, p, labels=list(range(n_classes)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=pathlib.Path, required=True)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--trees", type=int, default=100)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--no-peer", action="store_true")
    a = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    compile_program("learner_bench.cpp", a.build, folder / "bench")
    print(f"{'table':<12}{'learner':<22}{'metric':<9}{'ours':>9}{'peer':>9}{'fit s':>9}{'peer s':>9}{'ratio':>7}  note")
    for name in TABLES:
        data = load(a.data, name, 1)
        table, y, n_classes, levels, train, test = data
        write(folder / "data", *data)
        for learner in ("random_forest", "extra_trees", "ridge" if n_classes == 0 else "logistic_regression"):
            if a.only not in f"{name}/{learner}":
                continue
            params = [f"n_estimators={a.trees}"] if learner in ("random_forest", "extra_trees") else []
            run = subprocess.run([folder / "bench", folder / "data", folder / "out", str(a.threads), learner, *params],
                                 check=True, capture_output=True, text=True)
            ours = json.loads(run.stdout)
            p = np.fromfile(folder / "out").reshape(len(test), -1)
            metric, value = score(y[test], p[:, 0] if p.shape[1] == 1 else p, n_classes)
            peer_value = peer_s = float("nan")
            if not a.no_peer:
                model = peer(learner, n_classes, levels, a.trees)
                start = time.process_time()
                model.fit(table.iloc[train], y[train])
                peer_s = time.process_time() - start
                p = model.predict(table.iloc[test]) if n_classes == 0 else model.predict_proba(table.iloc[test])
                _, peer_value = score(y[test], p[:, 1] if n_classes == 2 else p, n_classes)
            seconds = ours["prepare_s"] + ours["fit_s"]
            print(f"{name:<12}{learner:<22}{metric:<9}{value:>9.4f}{peer_value:>9.4f}{seconds:>9.3f}{peer_s:>9.3f}"
                  f"{peer_s / seconds:>7.1f}  predict {ours['predict_s']:.3f} s {ours['note']}", flush=True)


if __name__ == "__main__":
    main()
