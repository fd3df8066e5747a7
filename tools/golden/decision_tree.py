#!/usr/bin/env python3
"""Golden values of the learner decision_tree from scikit-learn: tests/data/decision_tree/golden.json.

Every number has at most 255 distinct values, so binning loses none. Predictions are of the training rows: between them
thresholds may differ, since ours lie halfway between neighbouring values of the table, not of the node.
Run it with numpy and scikit-learn installed, from the root of the repository.
"""
import json, pathlib

import numpy as np
import sklearn
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

rng = np.random.default_rng(3)
N = 200
x = rng.normal(size=(N, 4))
y = x[:, 0] * 2 + np.where(x[:, 1] > 0, x[:, 2], -1) + 0.3 * rng.normal(size=N)
three = np.digitize(y + 0.5 * rng.normal(size=N), [-1, 1])
two = (three == 2).astype(int)
weights = np.round(rng.uniform(0.5, 2, N), 3)


def case(params, task, target, weighted=False):
    learner = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    model = learner(random_state=0, **{k: v if v != "none" else None for k, v in params.items()})
    model.fit(x, target, sample_weight=weights if weighted else None)
    prediction = model.predict(x) if task == "regression" else model.predict_proba(x)
    return {"params": params, "task": task, "target": target.tolist(), "weighted": weighted,
            "prediction": np.ravel(prediction[:, 1] if task == "binary" else prediction).tolist()}


cases = [
    case({"max_depth": 3}, "regression", y),
    case({"min_samples_leaf": 7}, "regression", y, weighted=True),
    case({"max_depth": 4, "min_samples_split": 20}, "binary", two),
    case({"max_depth": 3, "criterion": "entropy"}, "binary", two),
    case({"max_depth": 3}, "multiclass", three),
    case({"max_depth": 3, "criterion": "entropy", "min_samples_leaf": 5}, "multiclass", three, weighted=True),
]
out = {"made_by": f"tools/golden/decision_tree.py with scikit-learn {sklearn.__version__}", "x": x.T.tolist(),
       "weights": weights.tolist(), "cases": cases}
path = pathlib.Path("tests/data/decision_tree/golden.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out) + "\n")
