#!/usr/bin/env python3
"""Golden values of ordered_boosting: tests/data/ordered_boosting/golden.json.

"exact": what CatBoost predicts for the rows of a small table of numbers after some rounds without chance (no bootstrap, no
random strength), which leaves nothing to differ in. Numbers have few digits, so that borders are the same.
"categories": a table of categories, the rows of its two halves, and the loss that CatBoost of that many rounds has on the second
half after learning the first, the mean over seeds. Run it with numpy, catboost and scikit-learn, from the root of the repository.
"""
import json, pathlib

import catboost
import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor, Pool
from sklearn.metrics import log_loss

rng = np.random.default_rng(5)
N = 160
numbers = np.column_stack([rng.integers(0, 40, N) / 4, rng.integers(-9, 9, N), rng.integers(0, 3, N)]).astype(float)
signal = numbers[:, 0] / 4 + np.sin(numbers[:, 1]) - (numbers[:, 2] == 1) + 0.5 * rng.normal(size=N)
numbers[rng.random(N) < 0.1, 0] = np.nan
weights = rng.integers(1, 4, N).astype(float)
targets = {"regression": np.round(signal, 3), "binary": (signal > np.median(signal)).astype(float),
           "poisson": rng.poisson(np.exp(signal / 3)).astype(float)}


def exact(target, weighted, rounds, depth, rate, l2, steps):
    y = targets[target]
    kind = CatBoostClassifier if target == "binary" else CatBoostRegressor
    loss = {"regression": "RMSE", "binary": "Logloss", "poisson": "Poisson"}[target]
    settings = {} if target == "poisson" else {"boost_from_average": True}
    if target == "poisson":  # it starts at 0, ours at the logarithm of the mean
        settings["leaf_estimation_method"] = "Newton"
    start = np.log(np.average(y, weights=weights if weighted else None)) if target == "poisson" else None
    model = kind(iterations=rounds, depth=depth, learning_rate=rate, l2_leaf_reg=l2, loss_function=loss, bootstrap_type="No",
                 random_strength=0, score_function="Cosine", boosting_type="Plain", leaf_estimation_iterations=steps, verbose=False,
                 thread_count=1, allow_writing_files=False, **settings)
    pool = Pool(numbers, y, weight=weights if weighted else None, baseline=None if start is None else np.full(N, start))
    model.fit(pool)
    if target == "binary":
        p = model.predict_proba(numbers)[:, 1]
    elif target == "poisson":
        p = np.exp(model.predict(Pool(numbers, baseline=np.full(N, start)), prediction_type="RawFormulaVal"))
    else:
        p = model.predict(numbers)
    params = {"n_estimators": rounds, "depth": depth, "learning_rate": rate, "l2_leaf_reg": l2, "random_strength": 0.0,
              "bagging_temperature": 0.0, "leaf_estimation_iterations": steps}
    if target == "poisson":
        params["objective"] = "poisson"
    return {"target": target, "weighted": weighted, "params": params, "prediction": [float(f"{v:.9g}") for v in p]}


def categories():
    n = 2400
    many, few, kind = rng.integers(0, 60, n), rng.integers(0, 5, n), rng.integers(0, 2, n)
    effect = rng.normal(size=60)
    z = effect[many] + np.where((few == 2) == (kind == 1), 0.8, -0.8) + 0.4 * rng.normal(size=n)
    number = np.round(rng.normal(size=n), 2)
    y = (3 * z + number + rng.logistic(size=n) > 0).astype(int)
    x = np.array([[str(a), str(b), str(c), v] for a, b, c, v in zip(many, few, kind, number)], dtype=object)
    half = n // 2
    losses = []
    for seed in range(10):
        model = CatBoostClassifier(iterations=200, learning_rate=0.05, boosting_type="Plain", cat_features=[0, 1, 2], thread_count=1,
                                   random_seed=seed, verbose=False, allow_writing_files=False).fit(x[:half], y[:half])
        losses.append(log_loss(y[half:], model.predict_proba(x[half:])[:, 1]))
    return {"many": many.tolist(), "few": few.tolist(), "kind": kind.tolist(), "number": number.tolist(), "target": y.tolist(),
            "n_train": half, "rounds": 200, "learning_rate": 0.05, "loss": float(np.mean(losses)), "deviation": float(np.std(losses)),
            "loss_of_mean": float(log_loss(y[half:], np.full(n - half, y[:half].mean())))}


cases = [exact("regression", False, 20, 3, 0.2, 3.0, 1), exact("regression", True, 10, 5, 0.3, 1.0, 1),
         exact("binary", False, 15, 4, 0.1, 3.0, 1), exact("binary", True, 15, 3, 0.1, 3.0, 10),
         exact("poisson", False, 10, 3, 0.1, 3.0, 1)]
folder = pathlib.Path("tests/data/ordered_boosting")
folder.mkdir(parents=True, exist_ok=True)
cell = lambda v: None if np.isnan(v) else float(v)
(folder / "golden.json").write_text(json.dumps(
    {"made_by": f"tools/golden/ordered_boosting.py with catboost {catboost.__version__}", "numbers": [[cell(v) for v in c] for c in numbers.T],
     "weights": weights.tolist(), "targets": {k: v.tolist() for k, v in targets.items()}, "exact": cases,
     "categories": categories()}, separators=(",", ":")) + "\n")
