#!/usr/bin/env python3
"""Golden values of the learner knn from scikit-learn: tests/data/knn/golden.json.

Numbers alone go by metric="nan_euclidean". With the category, the distances are made here (a category that differs adds
1, over the cells that both rows have) and given as metric="precomputed".
Run it with numpy and scikit-learn installed, from the root of the repository.
"""
import json, pathlib

import numpy as np
import sklearn
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(11)
N, TRAIN = 90, 70
numbers = np.column_stack([rng.normal(size=N), 100 + 20 * rng.normal(size=N), rng.exponential(size=N)])
numbers[rng.random(numbers.shape) < 0.15] = np.nan
numbers[np.isnan(numbers).all(1), 0] = 0.25
numbers[80] = numbers[3]  # a query that is a training row
codes = rng.integers(-1, 4, N)  # -1: missing
codes[80] = codes[3]
y = np.nan_to_num(numbers) @ [3, -0.1, 1] + 0.5 * rng.normal(size=N)
three = np.digitize(y, np.quantile(y, [0.4, 0.7]))
two = (three == 0).astype(int)


def mixed(a, b, code_a, code_b):
    difference = (a[:, None, :] - b[None, :, :]) ** 2
    there = (code_a[:, None] >= 0) & (code_b[None, :] >= 0)
    total = np.nansum(difference, axis=2) + (there & (code_a[:, None] != code_b[None, :]))
    count = (~np.isnan(difference)).sum(axis=2) + there
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.sqrt(total / count * 4), nan=1e9)  # nothing in common: the farthest


def case(name, k, weights, task, target, with_codes, standardize=True):
    x = StandardScaler().fit(numbers[:TRAIN]).transform(numbers) if standardize else numbers
    train, query = x[:TRAIN], x[TRAIN:]
    if with_codes:
        query = mixed(query, train, codes[TRAIN:], codes[:TRAIN])
        train = mixed(train, train, codes[:TRAIN], codes[:TRAIN])
    learner = KNeighborsRegressor if task == "regression" else KNeighborsClassifier
    model = learner(n_neighbors=k, weights=weights, metric="precomputed" if with_codes else "nan_euclidean",
                    algorithm="brute").fit(train, target[:TRAIN])
    if task == "regression":
        prediction = model.predict(query)
    else:
        prediction = model.predict_proba(query)
        prediction = prediction[:, 1] if task == "binary" else prediction
    return {"name": name, "params": {"n_neighbors": k, "weights": weights, "standardize": standardize}, "task": task,
            "target": target.tolist(), "with_codes": with_codes, "prediction": np.ravel(prediction).tolist()}


cases = [
    case("regression", 5, "uniform", "regression", y, False),
    case("as they are", 3, "distance", "regression", y, False, standardize=False),
    case("regression by distance, mixed", 7, "distance", "regression", y, True),
    case("binary", 5, "uniform", "binary", two, False),
    case("binary by distance, mixed", 9, "distance", "binary", two, True),
    case("classes", 6, "uniform", "multiclass", three, True),
    case("one neighbour", 1, "uniform", "multiclass", three, False),
]
nan_as_null = lambda column: [None if np.isnan(v) else v for v in column]
out = {"made_by": f"tools/golden/knn.py with scikit-learn {sklearn.__version__}", "n_train": TRAIN,
       "numbers": [nan_as_null(c) for c in numbers.T], "codes": codes.tolist(), "cases": cases}
path = pathlib.Path("tests/data/knn/golden.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out) + "\n")
