#!/usr/bin/env python3
"""Golden values of the learner lightgbm: tests/data/lightgbm/modes.json.

What LightGBM's own Python package predicts after some rounds, by way of boosting (gbdt, dart, rf, extremely random trees) and with a
custom objective (the focal loss, whose predictions are log odds before they are corrected). Run it with numpy and lightgbm, of the
version that the engine is built with, from the root of the repository.
"""
import json
import pathlib

import lightgbm as lgb
import numpy as np

rng = np.random.default_rng(3)
N, TRAIN = 400, 300
x = np.column_stack([np.round(rng.normal(size=N), 2), rng.integers(-20, 20, N), rng.integers(0, 4, N)]).astype(float)
signal = x[:, 0] + np.sin(x[:, 1] / 3) + (x[:, 2] == 2) + 0.5 * rng.normal(size=N)
x[rng.random(N) < 0.1, 0] = np.nan
weights = rng.integers(1, 4, N).astype(float)
targets = {"binary": (signal > 1).astype(float), "multiclass": np.digitize(signal, [0, 1.2]).astype(float),
           "regression": np.round(signal, 2)}
GAMMA = 2.0


def focal(score, y):
    """The direction and curvature of -(1 - q)^gamma log q by its score, where q is the probability of the row's class."""
    sign = np.where(y > 0.5, 1.0, -1.0)
    q = 1 / (1 + np.exp(-sign * score))
    slope = 1 - q - GAMMA * q * np.log(q)
    gradient = -sign * (1 - q) ** GAMMA * slope
    exact = GAMMA * slope + (1 - q) * (GAMMA * np.log(q) + GAMMA + 1)
    return gradient, (1 - q) ** GAMMA * q * np.maximum(exact, 1 - q)


def focal_log_odds(score):
    p = 1 / (1 + np.exp(-score))
    return GAMMA * score + np.log(p - GAMMA * (1 - p) * np.log(1 - p)) - np.log(1 - p - GAMMA * p * np.log(p))


def case(task, rounds, **params):
    y, n_classes = targets[task], 3 if task == "multiclass" else 1
    settings = {"verbosity": -1, "deterministic": True, "force_col_wise": True, "num_threads": 1, "seed": 7, "max_bin": 255, "min_data_in_bin": 3,
                "feature_pre_filter": False, "min_data_in_leaf": 10, "num_leaves": 12, "learning_rate": 0.2, "bagging_freq": 1, **params}
    start, mean, deviation = 0.0, 0.0, 1.0
    if task == "regression":  # the engine learns it in this unit
        mean = np.average(y[:TRAIN], weights=weights[:TRAIN])
        deviation = np.sqrt(np.average((y[:TRAIN] - mean) ** 2, weights=weights[:TRAIN]))
        y = (y - mean) / deviation
    if params.get("objective") == "focal":
        share = np.average(y[:TRAIN], weights=weights[:TRAIN])
        low, high = -30.0, 30.0
        for _ in range(100):
            start = (low + high) / 2
            low, high = (start, high) if focal_log_odds(start) < np.log(share / (1 - share)) else (low, start)

        def objective(score, data):
            gradient, curvature = focal(score + start, y[:TRAIN])
            return gradient * weights[:TRAIN], curvature * weights[:TRAIN]
        settings["objective"] = objective
    else:
        settings["objective"] = {"binary": "binary", "multiclass": "multiclass", "regression": "l2"}[task]
    if task == "multiclass":
        settings["num_class"] = n_classes
    # The engine bins all rows at once; folds have the bins of the table.
    binning = {name: settings[name] for name in ("verbosity", "max_bin", "min_data_in_bin", "feature_pre_filter")}
    table = lgb.Dataset(x, y, weight=weights, params=binning, free_raw_data=False).construct()
    model = lgb.train(settings, table.subset(list(range(TRAIN))), rounds)
    p = mean + deviation * model.predict(x[TRAIN:])
    if params.get("objective") == "focal":
        p = 1 / (1 + np.exp(-focal_log_odds(p + start)))
    return {"task": task, "params": {"n_estimators": rounds, **params}, "prediction": [float(f"{v:.9g}") for v in np.ravel(p)]}


cases = [case(task, 25, **params)
         for task in targets
         for params in ({"boosting": "gbdt"}, {"boosting": "gbdt", "bagging_fraction": 0.7, "feature_fraction": 0.7},
                        {"boosting": "dart", "drop_rate": 0.3}, {"boosting": "rf", "bagging_fraction": 0.6, "feature_fraction_bynode": 0.7},
                        {"boosting": "gbdt", "extra_trees": True})]
cases += [case("binary", 12, boosting=boosting, objective="focal") for boosting in ("gbdt", "dart")]
out = {"x": [[None if np.isnan(v) else v for v in row] for row in x], "n_train": TRAIN, "weights": list(weights),
       "targets": {name: list(y) for name, y in targets.items()}, "cases": cases}
path = pathlib.Path("tests/data/lightgbm/modes.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out) + "\n", encoding="utf-8")
print(len(cases), "cases by lightgbm", lgb.__version__)
