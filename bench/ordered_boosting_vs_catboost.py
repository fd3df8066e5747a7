#!/usr/bin/env python3
"""ordered_boosting against CatBoost at equal settings: CPU seconds of fit() and predict(), and test score.

  bench/ordered_boosting_vs_catboost.py --data DIR --build build/release [--only adult] [--seeds 3] [parameter=value]...

DIR holds manifest.json and its tables. Both learn every row of the training part, with the same number of rounds and learning
rate, on one thread; categories and missing cells go in as they are. CatBoost's other parameters are its defaults, plain mode.
Scores are means over the seeds of the split; +- is the deviation of the differences between the two over its root.
Needs catboost, numpy, pandas and scikit-learn, and a build folder with the modules compiled.
"""
import argparse, json, pathlib, subprocess, tempfile, time

import numpy as np
import pandas as pd
from catboost import CatBoostClassifier, CatBoostRegressor
from sklearn.model_selection import train_test_split

from forest_vs_sklearn import score, write
from own_program import compile_program
from tables import manifest

TABLES = ("adult", "german_credit", "titanic", "mpg", "diamonds", "taxis", "wine_white", "soybean", "mammography")


def load(folder, entry, seed):
    table = pd.read_csv(folder / entry["file"])
    target = table.pop(entry["target"])
    is_class = entry["task"] != "regression"
    y = np.unique(target, return_inverse=True)[1].astype(float) if is_class else target.to_numpy(float)
    n_classes = int(y.max()) + 1 if is_class else 0
    levels = {}
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            codes, names = pd.factorize(table[column], sort=True)
            table[column], levels[column] = codes, len(names)
    train, test = train_test_split(np.arange(len(y)), test_size=0.25, random_state=seed, stratify=y if is_class else None)
    return table, y, n_classes, levels, train, test


def run_peer(table, y, n_classes, levels, train, test, n_rounds, rate, seed):
    x = table.copy()
    for column in levels:
        x[column] = x[column].astype(str)
    kind = CatBoostRegressor if n_classes == 0 else CatBoostClassifier
    model = kind(iterations=n_rounds, learning_rate=rate, boosting_type="Plain", thread_count=1, random_seed=seed, verbose=False,
                 allow_writing_files=False, cat_features=list(levels))
    start = time.process_time()
    model.fit(x.iloc[train], y[train])
    fitted = time.process_time()
    p = model.predict(x.iloc[test]) if n_classes == 0 else model.predict_proba(x.iloc[test])
    return fitted - start, time.process_time() - fitted, p[:, 1] if n_classes == 2 else p


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=pathlib.Path, required=True)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--only", default="", help="names of tables, with commas")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--rounds", type=int, default=500)
    arguments.add_argument("--rate", type=float, default=0.05)
    arguments.add_argument("--learner", default="ordered_boosting", help="another of our learners, for comparison")
    arguments.add_argument("--peer-scores", type=pathlib.Path, help="a file in which the peer's results are kept")
    arguments.add_argument("params", nargs="*")
    a = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    compile_program("learner_bench.cpp", a.build, folder / "bench")
    known = json.loads(a.peer_scores.read_text()) if a.peer_scores and a.peer_scores.exists() else {}
    print(f"{'table':<15}{'metric':<9}{'ours':>10}{'peer':>10}{'ours-peer':>11}{'+-':>9}{'fit s':>8}{'peer s':>8}{'ratio':>7}"
          f"{'predict s':>11}{'peer s':>8}")
    for entry in manifest(a.data):
        name = entry["name"]
        if name not in (a.only.split(",") if a.only else TABLES):
            continue
        ours, peer, seconds = [], [], []
        for seed in range(a.seeds):
            data = load(a.data, entry, seed)
            _, y, n_classes, _, _, test = data
            write(folder / "data", *data)
            settings = [f"n_estimators={a.rounds}", f"learning_rate={a.rate}"]
            run = subprocess.run([folder / "bench", folder / "data", folder / "out", "1", a.learner, *settings, *a.params],
                                 check=True, capture_output=True, text=True)
            time_s = json.loads(run.stdout)
            p = np.fromfile(folder / "out").reshape(len(test), -1)
            metric, value = score(y[test], p[:, 0] if p.shape[1] == 1 else p, n_classes)
            key = f"{name}/{seed}/{a.rounds}/{a.rate}"
            if key not in known:
                peer_s, peer_predict_s, p = run_peer(*data, a.rounds, a.rate, seed)
                known[key] = [score(y[test], p, n_classes)[1], peer_s, peer_predict_s]
            ours.append(value)
            peer.append(known[key][0])
            seconds.append([time_s["prepare_s"] + time_s["fit_s"], known[key][1], time_s["predict_s"], known[key][2]])
        if a.peer_scores:
            a.peer_scores.write_text(json.dumps(known))
        difference = np.array(ours) - np.array(peer)
        error = difference.std(ddof=1) / np.sqrt(len(ours)) if len(ours) > 1 else float("nan")
        fit_s, peer_s, predict_s, peer_predict_s = np.mean(seconds, axis=0)
        print(f"{name:<15}{metric:<9}{np.mean(ours):>10.4f}{np.mean(peer):>10.4f}{difference.mean():>11.4f}{error:>9.4f}"
              f"{fit_s:>8.2f}{peer_s:>8.2f}{peer_s / fit_s:>7.1f}{predict_s:>11.3f}{peer_predict_s:>8.3f}", flush=True)


if __name__ == "__main__":
    main()
