#!/usr/bin/env python3
"""Golden values of the linear learners from scikit-learn: tests/data/linear/golden.json.

Each case has its table, its parameters, and what predict (regression) or predict_proba gives on the same rows.
Run it with numpy and scikit-learn installed, from the root of the repository.
"""
import json, pathlib

import numpy as np
import sklearn
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(7)
N = 60
numbers = np.column_stack([rng.normal(size=N), 100 + 20 * rng.normal(size=N), rng.exponential(size=N),
                           np.where(rng.random(N) < 0.1, rng.normal(size=N), 0.0)])
codes = rng.integers(0, 4, N)
one_hot = np.eye(4)[codes]
weights = np.round(rng.uniform(0.5, 2, N), 3)
y = 3 * numbers[:, 0] - 0.1 * numbers[:, 1] + one_hot @ [0, 1, -1, 2] + 0.5 * rng.normal(size=N)
score = np.column_stack([numbers[:, 0], 0.05 * (numbers[:, 1] - 100), one_hot @ [1, 0, -1, 0]])
three = np.argmax(score + rng.gumbel(size=score.shape), axis=1)
two = (three == 0).astype(int)


def design(standardize):
    dense = StandardScaler().fit_transform(numbers) if standardize else numbers
    return np.hstack([dense, one_hot])


def case(name, learner, params, task, target, model, weighted=False, standardize=False):
    x = design(standardize)
    model.fit(x, target, sample_weight=weights if weighted else None)
    if task == "regression":
        prediction = model.predict(x)
    else:
        prediction = model.predict_proba(x)
        prediction = prediction[:, 1] if task == "binary" else prediction
    params = params | {"search_strength": False, "standardize": standardize}
    return {"name": name, "learner": learner, "params": params, "task": task, "target": target.tolist(),
            "weighted": weighted, "prediction": np.ravel(prediction).tolist()}


tight = {"tol": 1e-10, "max_iter": 10000}
logistic = lambda c: LogisticRegression(C=c, tol=1e-10, max_iter=1000, solver="newton-cholesky")
net = lambda a, r: ElasticNet(alpha=a, l1_ratio=r, tol=1e-14, max_iter=1000000)
cases = [
    case("ridge", "ridge", {"alpha": 1.0}, "regression", y, Ridge(alpha=1.0)),
    case("ridge strong, weighted", "ridge", {"alpha": 50.0}, "regression", y, Ridge(alpha=50.0), weighted=True),
    case("elastic net", "elastic_net", tight | {"alpha": 0.1, "l1_ratio": 0.5}, "regression", y, net(0.1, 0.5)),
    case("lasso, weighted", "elastic_net", tight | {"alpha": 0.05, "l1_ratio": 1.0}, "regression", y, net(0.05, 1.0), weighted=True),
    case("binary", "logistic_regression", tight | {"C": 1.0}, "binary", two, logistic(1.0)),
    case("binary, weighted", "logistic_regression", tight | {"C": 0.1}, "binary", two, logistic(0.1), weighted=True),
    case("multinomial", "logistic_regression", tight | {"C": 1.0}, "multiclass", three, logistic(1.0)),
    case("balanced classes", "logistic_regression", tight | {"C": 2.0, "class_weight": "balanced"}, "multiclass", three,
         LogisticRegression(C=2.0, tol=1e-10, max_iter=1000, solver="newton-cholesky", class_weight="balanced")),
    case("standardized", "logistic_regression", tight | {"C": 1.0}, "binary", two, logistic(1.0), standardize=True),
    case("ridge standardized", "ridge", {"alpha": 1.0}, "regression", y, Ridge(alpha=1.0), standardize=True),
]
out = {"made_by": f"tools/golden/linear_models.py with scikit-learn {sklearn.__version__}", "numbers": numbers.T.tolist(),
       "codes": codes.tolist(), "weights": weights.tolist(), "cases": cases}
path = pathlib.Path("tests/data/linear/golden.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out) + "\n")
