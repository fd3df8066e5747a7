"""The peers of bench/automl_race.py, each in a process and a Python of its own.

  automl_peers.py NAME TRAIN.csv FEATURES.csv TARGET TASK SEED BUDGET THREADS OUT.csv

NAME: lightgbm (one fit with early stopping on 15 % of the training rows, as most people do it; it has no budget), flaml,
autogluon (medium_quality), autogluon_best (best_quality), h2o (needs Java; its server is started before the clock), lightautoml.
Prints the seconds of the fit alone.
"""
import atexit
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


def start_h2o(threads):
    import h2o
    h2o.init(nthreads=threads, max_mem_size="6g", bind_to_localhost=True, verbose=False)
    h2o.no_progress()
    atexit.register(lambda: h2o.cluster().shutdown())


def h2o(table, test, target, task, seed, budget, threads):
    import h2o as server
    from h2o.automl import H2OAutoML
    metric = {"binary": "AUC", "multiclass": "logloss", "regression": "RMSE"}[task]
    rows = server.H2OFrame(table)
    if task != "regression":
        rows[target] = rows[target].asfactor()
    columns = [name for name in rows.columns if name != target]
    kinds = {name: "enum" if rows.types[name] == "enum" else "string" if rows.types[name] == "string" else "numeric" for name in columns}
    model = H2OAutoML(max_runtime_secs=int(budget), seed=seed, sort_metric=metric)
    model.train(x=columns, y=target, training_frame=rows)
    classes = None if task == "regression" else list(rows[target].levels()[0])

    def predict():
        answer = model.leader.predict(server.H2OFrame(test, column_types=kinds)).as_data_frame()
        return answer["predict"] if classes is None else answer.drop(columns=["predict"])
    return predict, classes


def lightautoml(table, test, target, task, seed, budget, threads):
    import torch
    from lightautoml.automl.presets.tabular_presets import TabularAutoML
    from lightautoml.tasks import Task
    torch.set_num_threads(threads)
    classes = None
    if task != "regression":
        classes = sorted(table[target].unique())
        table = table.assign(**{target: table[target].map({c: i for i, c in enumerate(classes)}).astype(int)})
    model = TabularAutoML(task=Task("reg" if task == "regression" else task), timeout=budget, cpu_limit=threads,
                          reader_params={"n_jobs": threads, "cv": 5, "random_state": seed})
    model.fit_predict(table, roles={"target": target}, verbose=0)
    mapping = getattr(model.reader, "class_mapping", None)
    if task == "multiclass" and mapping:  # its columns have an order of their own
        classes = [classes[int(i)] for i in sorted(mapping, key=mapping.get)]

    def predict():
        answer = model.predict(test).data
        if task == "regression":
            return answer[:, 0]
        return np.column_stack([1 - answer[:, 0], answer[:, 0]]) if task == "binary" else answer
    return predict, classes


PEERS = {"lightgbm": lightgbm, "flaml": flaml, "autogluon": autogluon, "h2o": h2o, "lightautoml": lightautoml,
         "autogluon_best": lambda *args: autogluon(*args, preset="best_quality")}


def main(name, train, features, target, task, seed, budget, threads, out):
    table, test = read(train), read(features)
    if name == "h2o":
        start_h2o(int(threads))
    start = time.monotonic()
    predict, classes = PEERS[name](table, test, target, task, int(seed), float(budget), int(threads))
    print(time.monotonic() - start)
    write(out, predict(), classes)


if __name__ == "__main__":
    main(*sys.argv[1:])
