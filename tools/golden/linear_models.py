#!/usr/bin/env python3
"""Golden values of the linear learners from scikit-learn: tests/data/linear/golden.json.

Each case has its table, its parameters, and what predict (regression) or predict_proba gives on the same rows.
Run it with numpy and scikit-learn installed, from the root of the repository.
"""
import json, pathlib

import numpy as np
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import ElasticNet, GammaRegressor, HuberRegressor, LogisticRegression, PoissonRegressor, QuantileRegressor, Ridge, TweedieRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

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
mean = np.exp(0.4 * score[:, 0] + 0.5 * score[:, 1] + 1)
counts = rng.poisson(mean).astype(float)
amounts = mean * rng.gamma(3, 1 / 3, N)
claims = np.where(rng.random(N) < 0.3, 0.0, amounts)
wild = y + np.where(rng.random(N) < 0.1, 30 * rng.normal(size=N), 0.0)


def design(standardize, w=None):
    dense = StandardScaler().fit(numbers, sample_weight=w).transform(numbers) if standardize else numbers
    return np.hstack([dense, one_hot])


def case(name, learner, params, task, target, model, weighted=False, standardize=False, calibrated=False,
         tolerance=1e-6):
    x = design(standardize, weights if weighted else None)
    model.fit(x, target, sample_weight=weights if weighted else None)
    if calibrated:
        model = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid")
        model.fit(x, target, sample_weight=weights if weighted else None)
    if task == "regression":
        prediction = model.predict(x)
    else:
        prediction = model.predict_proba(x)
        prediction = prediction[:, 1] if task == "binary" else prediction
    params = params | {"standardize": standardize}
    if learner != "huber":
        params["search_strength"] = False
    return {"name": name, "learner": learner, "params": params, "task": task, "target": target.tolist(),
            "weighted": weighted, "tolerance": tolerance, "prediction": np.ravel(prediction).tolist()}


tight = {"tol": 1e-10, "max_iter": 10000}
logistic = lambda c: LogisticRegression(C=c, tol=1e-10, max_iter=1000, solver="newton-cholesky")
net = lambda a, r: ElasticNet(alpha=a, l1_ratio=r, tol=1e-14, max_iter=1000000)
# A large intercept_scaling: in this program the intercept is not penalized. What is left of the penalty moves slopes by 1e-6.
# HuberRegressor stops within 7e-5 of its optimum (a search from its solution on goes that far).
svc = lambda c: LinearSVC(C=c, dual=False, intercept_scaling=300, tol=1e-13, max_iter=1000000)
svr = lambda c, e: LinearSVR(C=c, epsilon=e, loss="squared_epsilon_insensitive", dual=False, intercept_scaling=3000, tol=1e-13, max_iter=1000000)
glm = {"tol": 1e-11, "solver": "newton-cholesky", "max_iter": 1000}
no_folds = tight | {"calibration_folds": 0}
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
    case("svm, two classes", "linear_svm", no_folds | {"C": 0.5}, "binary", two, svc(0.5), calibrated=True, standardize=True, tolerance=2e-5),
    case("svm, weighted", "linear_svm", no_folds | {"C": 0.1}, "binary", two, svc(0.1), weighted=True, calibrated=True, standardize=True, tolerance=2e-5),
    case("svm, classes", "linear_svm", no_folds | {"C": 1.0}, "multiclass", three, svc(1.0), calibrated=True, standardize=True, tolerance=2e-5),
    case("svm, numbers", "linear_svm", tight | {"C": 1.0, "epsilon": 0.2}, "regression", y, svr(1.0, 0.2), standardize=True, tolerance=1e-5),
    case("svm, numbers, weighted", "linear_svm", tight | {"C": 0.1}, "regression", y, svr(0.1, 0.0), weighted=True, standardize=True, tolerance=1e-5),
    case("poisson", "glm", tight | {"alpha": 0.1}, "regression", counts, PoissonRegressor(alpha=0.1, **glm), standardize=True),
    case("poisson, weighted", "glm", tight | {"alpha": 0.01}, "regression", counts, PoissonRegressor(alpha=0.01, **glm), weighted=True),
    case("gamma", "glm", tight | {"alpha": 0.1, "family": "gamma"}, "regression", amounts, GammaRegressor(alpha=0.1, **glm), standardize=True),
    case("tweedie", "glm", tight | {"alpha": 0.1, "family": "tweedie", "power": 1.3}, "regression", claims,
         TweedieRegressor(power=1.3, alpha=0.1, link="log", **glm), standardize=True, weighted=True),
    case("huber", "huber", tight | {"alpha": 0.01}, "regression", wild, HuberRegressor(alpha=0.01, tol=1e-12, max_iter=100000),
         standardize=True, tolerance=2e-4),
    case("huber, weighted", "huber", tight | {"alpha": 1.0, "epsilon": 2.0}, "regression", wild,
         HuberRegressor(epsilon=2.0, alpha=1.0, tol=1e-12, max_iter=100000), weighted=True, standardize=True, tolerance=2e-4),
    case("median", "quantile_regression", tight | {"alpha": 0.02}, "regression", wild, QuantileRegressor(alpha=0.02), standardize=True),
    case("upper quantile", "quantile_regression", tight | {"alpha": 0.001, "quantile": 0.9}, "regression", y,
         QuantileRegressor(quantile=0.9, alpha=0.001), standardize=True),
    case("lower quantile, weighted", "quantile_regression", tight | {"alpha": 0.01, "quantile": 0.25}, "regression", y,
         QuantileRegressor(quantile=0.25, alpha=0.01), weighted=True),
]
out = {"made_by": f"tools/golden/linear_models.py with scikit-learn {sklearn.__version__}", "numbers": numbers.T.tolist(),
       "codes": codes.tolist(), "weights": weights.tolist(), "cases": cases}
path = pathlib.Path("tests/data/linear/golden.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out) + "\n")
