#!/usr/bin/env python3
"""Golden values of the calibrations: tests/data/calibration/golden.json.

Platt is scikit-learn's _SigmoidCalibration of the log-odds (per class and divided by the sum, as CalibratedClassifierCV
does it for more than two), isotonic its IsotonicRegression, beta calibration SciPy's L-BFGS-B with bounds on the loss
that Kull et al. (2017) write down, with a prior worth `prior_rows` rows. Run it with scikit-learn and SciPy installed,
from the root of the repository.
"""
import json, pathlib

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(11)
N = 120
truth = rng.normal(size=N) * 1.5
target = (rng.uniform(size=N) < expit(truth)).astype(float)
weights = np.round(rng.uniform(0.5, 2, N), 3)
NEW = np.concatenate([[0.0, 1.0], np.round(rng.uniform(size=20), 4)])  # what is calibrated; 0 and 1 are off the knots
shapes = {  # how a model may be wrong
    "sharp": np.round(expit(2.2 * truth + 0.4), 6),
    "skewed": np.round(expit(truth) ** 3, 6),
    "noise": np.round(rng.uniform(0.05, 0.95, N), 6),
    "tied": np.round(expit(1.5 * truth), 1) * 0.98 + 0.01,
    "reversed on one side": np.round(np.where(truth < 0, expit(-truth), expit(3 * truth + 1)), 6),
}


def clipped(p):
    return np.clip(p, 1e-15, 1 - 1e-15)


def beta(p, w, prior_rows):
    p = clipped(p)
    x = np.column_stack([np.log(p), -np.log(1 - p), np.ones(N)])
    w = w * N / w.sum()
    start = np.array([1.0, 1.0, 0.0])

    def loss(at):
        z = x @ at
        value = (w * (np.logaddexp(0, z) - target * z)).sum() + prior_rows * ((at - start) ** 2).sum() / 2
        return value, x.T @ (w * (expit(z) - target)) + prior_rows * (at - start)

    done = minimize(loss, start, jac=True, bounds=[(0, None), (0, None), (None, None)], method="L-BFGS-B",
                    options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000})
    return done.x


cases = []
for name, p in shapes.items():
    for weighted in [False, True]:
        w = weights if weighted else np.ones(N)
        sigmoid = _SigmoidCalibration().fit(logit(p), target, sample_weight=w)
        edge = 1 / (N + 2)
        isotonic = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(p, target, sample_weight=w)
        case = {"name": name, "prediction": p.tolist(), "weighted": weighted,
                "platt": sigmoid.predict(logit(clipped(NEW))).tolist(), "isotonic": isotonic.predict(NEW).tolist()}
        for prior_rows in [0, 1]:
            a, b, c = beta(p, w, prior_rows)
            case[f"beta_{prior_rows}"] = expit(a * np.log(clipped(NEW)) - b * np.log(1 - clipped(NEW)) + c).tolist()
            case[f"beta_{prior_rows}_parameters"] = [a, b, c]
        cases.append(case)

scores = rng.normal(size=(N, 3)) * 1.2
classes = np.argmax(scores + rng.gumbel(size=(N, 3)), axis=1)
many = np.exp(1.8 * scores + np.array([0.5, 0, -0.5]))
many = np.round(many / many.sum(1, keepdims=True), 6)
parts = np.column_stack([_SigmoidCalibration().fit(logit(clipped(many[:, k])), (classes == k).astype(float), sample_weight=weights)
                         .predict(logit(clipped(many[:, k]))) for k in range(3)])
per_class = {"prediction": many.ravel().tolist(), "target": classes.tolist(), "platt_per_class": (parts / parts.sum(1, keepdims=True)).ravel().tolist()}

out = {"made_by": f"tools/golden/calibration.py with scikit-learn {sklearn.__version__} and SciPy {scipy.__version__}", "target": target.tolist(),
       "weights": weights.tolist(), "new": NEW.tolist(), "cases": cases, "per_class": per_class}
path = pathlib.Path("tests/data/calibration/golden.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out) + "\n")
