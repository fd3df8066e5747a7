"""The peer of bench/quality.py: one LightGBM with early stopping on 15 % of the training rows, as most people fit it.

  lightgbm_peer.py TRAIN.csv FEATURES.csv TARGET TASK SEED OUT.csv
"""
import csv
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd


def read(path):
    return pd.read_csv(path, na_values=["?", "#N/A"])


def encode(frame, levels):
    def column(name):
        given = frame[name]
        if levels[name] is None:
            return given.to_numpy()
        text = given.astype("string")
        return pd.Categorical(text.where(text.isin(levels[name])), categories=levels[name])
    return pd.DataFrame({f"c{i}": column(name) for i, name in enumerate(levels)}, index=frame.index)


def main(train, features, target, task, seed, out):
    table, test = read(train), read(features)
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
                  feature_fraction=0.9, num_threads=2, verbose=-1, seed=int(seed))
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
    valid = np.random.RandomState(int(seed)).rand(len(y)) < 0.15
    x = encode(table, levels)
    fit_set = lgb.Dataset(x[~valid], y[~valid])
    stop_set = lgb.Dataset(x[valid], y[valid], reference=fit_set)
    booster = lgb.train(params, fit_set, 3000, valid_sets=[stop_set], callbacks=[lgb.early_stopping(50, verbose=False)])
    prediction = booster.predict(encode(test, levels), num_iteration=booster.best_iteration)
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if classes is None:
            writer.writerow(["prediction"])
            writer.writerows([[float(v)] for v in prediction])
        else:
            writer.writerow([f"proba_{c}" for c in classes])
            if task == "binary":
                prediction = np.column_stack([1 - prediction, prediction])
            writer.writerows([[float(v) for v in row] for row in prediction])


if __name__ == "__main__":
    main(*sys.argv[1:])
