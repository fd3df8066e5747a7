"""The peers of bench/automl_race.py, each in a process and a Python of its own.

  automl_peers.py NAME TRAIN.csv FEATURES.csv TARGET TASK SEED BUDGET THREADS OUT.csv

NAME: lightgbm (one fit with early stopping on 15 % of the training rows, as most people do it; it has no budget), flaml,
autogluon (medium_quality), autogluon_best (best_quality). Prints the seconds of the fit alone.
"""
import csv
import sys
import tempfile
import time

import numpy as np
import pandas as pd


def read(path):
    return pd.read_csv(path, na_values=["?", "#N/A"])


def write(out, prediction, classes):
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if classes is None:
            writer.writerow(["prediction"])
            writer.writerows([[float(v)] for v in np.asarray(prediction)])
        else:
            writer.writerow([f"proba_{c}" for c in classes])
            writer.writerows([[float(v) for v in row] for row in np.asarray(prediction)])


def encode(frame, levels):
    def column(name):
        given = frame[name]
        if levels[name] is None:
            return given.to_numpy()
        text = given.astype("string")
        return pd.Categorical(text.where(text.isin(levels[name])), categories=levels[name])
    return pd.DataFrame({f"c{i}": column(name) for i, name in enumerate(levels)}, index=frame.index)


def lightgbm(table, test, target, task, seed, budget, threads):
    import lightgbm as lgb
    levels = {}
    for name in table.columns.drop(target):
        if pd.api.types.is_numeric_dtype(table[name]):
            levels[name] = None
            continue
        present = table[name].dropna().astype("string").unique().tolist()
        if len(present) <= 0.9 * len(table):  # a column that names each row is no feature
            levels[name] = sorted(present)
    y = table[target]
    params = dict(learning_rate=0.05, num_leaves=31, min_child_samples=20, bagging_fraction=0.9, bagging_freq=1,
                  feature_fraction=0.9, num_threads=threads, verbose=-1, seed=seed)
    classes = None
    if task == "regression":
        params.update(objective="regression", metric="rmse")
    else:
        classes = sorted(y.unique())
        y = y.map({c: i for i, c in enumerate(classes)})
        if task == "binary":
            params.update(objective="binary", metric="binary_logloss")
        else:
            params.update(objective="multiclass", metric="multi_logloss", num_class=len(classes))
    valid = np.random.RandomState(seed).rand(len(y)) < 0.15
    x = encode(table, levels)
    fit_set = lgb.Dataset(x[~valid], y[~valid])
    stop_set = lgb.Dataset(x[valid], y[valid], reference=fit_set)
    booster = lgb.train(params, fit_set, 3000, valid_sets=[stop_set], callbacks=[lgb.early_stopping(50, verbose=False)])

    def predict():
        prediction = booster.predict(encode(test, levels), num_iteration=booster.best_iteration)
        return np.column_stack([1 - prediction, prediction]) if task == "binary" else prediction
    return predict, classes


def flaml(table, test, target, task, seed, budget, threads):
    from flaml import AutoML
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]
    model = AutoML()
    model.fit(dataframe=table, label=target, task="regression" if task == "regression" else "classification", metric=metric,
              time_budget=budget, n_jobs=threads, seed=seed, verbose=0)
    if task == "regression":
        return lambda: model.predict(test), None
    return lambda: model.predict_proba(test), list(model.classes_)


def autogluon(table, test, target, task, seed, budget, threads, preset="medium_quality"):
    from autogluon.tabular import TabularPredictor
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}[task]
    model = TabularPredictor(label=target, problem_type=task, eval_metric=metric, path=tempfile.mkdtemp(), verbosity=0)
    model.fit(table, presets=preset, time_limit=budget, num_cpus=threads, num_gpus=0)
    if task == "regression":
        return lambda: model.predict(test), None
    return lambda: model.predict_proba(test), list(model.class_labels)


PEERS = {"lightgbm": lightgbm, "flaml": flaml, "autogluon": autogluon,
         "autogluon_best": lambda *args: autogluon(*args, preset="best_quality")}


def main(name, train, features, target, task, seed, budget, threads, out):
    table, test = read(train), read(features)
    start = time.monotonic()
    predict, classes = PEERS[name](table, test, target, task, int(seed), float(budget), int(threads))
    print(time.monotonic() - start)
    write(out, predict(), classes)


if __name__ == "__main__":
    main(*sys.argv[1:])
