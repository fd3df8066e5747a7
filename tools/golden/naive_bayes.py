#!/usr/bin/env python3
"""Golden values of the naive Bayes learners from scikit-learn: tests/data/naive_bayes/golden.json.

gaussian_nb with a category is GaussianNB and CategoricalNB added: their joint log likelihoods, with one prior.
A category is one-hot for the other two, with a further level for missing cells that no row has.
Run it with numpy and scikit-learn installed, from the root of the repository.
"""
import json, pathlib

import numpy as np
import sklearn
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB

rng = np.random.default_rng(5)
N = 80
numbers = np.column_stack([rng.normal(size=N), 100 + 20 * rng.normal(size=N)])
codes = rng.integers(0, 3, N)
three = np.argmax(np.column_stack([numbers[:, 0], 0.05 * (numbers[:, 1] - 100), codes - 1]) + rng.gumbel(size=(N, 3)), axis=1)
two = (three == 0).astype(int)
counts = rng.poisson(np.array([[0.2, 1, 3, 0.5, 2]]) * (1 + np.arange(5) * (three[:, None] == 1)))
weights = np.round(rng.uniform(0.5, 2, N), 3)
one_hot = np.hstack([counts, np.eye(4)[codes]])


def case(learner, params, target, model, weighted=False, with_codes=True):
    w = weights if weighted else None
    if learner == "gaussian_nb":
        joint = model.fit(numbers, target, sample_weight=w).predict_joint_log_proba(numbers)
        if with_codes:
            levels = CategoricalNB(alpha=params.get("alpha", 1.0), min_categories=3).fit(codes[:, None], target, sample_weight=w)
            joint = joint + levels.predict_joint_log_proba(codes[:, None]) - levels.class_log_prior_
        p = np.exp(joint - joint.max(1, keepdims=True))
        p = p / p.sum(1, keepdims=True)
    else:
        x = one_hot
        if "binarize" in params:  # of the numbers alone
            x = np.hstack([counts > params["binarize"], np.eye(4)[codes]])
        p = model.fit(x, target, sample_weight=w).predict_proba(x)
    binary = target is two
    return {"learner": learner, "params": params, "task": "binary" if binary else "multiclass", "target": target.tolist(),
            "weighted": weighted, "with_codes": with_codes, "prediction": np.ravel(p[:, 1] if binary else p).tolist()}


cases = [
    case("gaussian_nb", {}, two, GaussianNB(), with_codes=False),
    case("gaussian_nb", {"var_smoothing": 0.01}, three, GaussianNB(var_smoothing=0.01), weighted=True, with_codes=False),
    case("gaussian_nb", {"alpha": 2.0}, three, GaussianNB(), weighted=True),
    case("multinomial_nb", {}, two, MultinomialNB()),
    case("multinomial_nb", {"alpha": 0.1}, three, MultinomialNB(alpha=0.1), weighted=True),
    case("multinomial_nb", {"fit_prior": False}, three, MultinomialNB(fit_prior=False)),
    case("bernoulli_nb", {}, two, BernoulliNB()),
    case("bernoulli_nb", {"alpha": 0.3}, three, BernoulliNB(alpha=0.3), weighted=True),
    case("bernoulli_nb", {"binarize": 1.5, "fit_prior": False}, three, BernoulliNB(binarize=None, fit_prior=False)),
]
out = {"made_by": f"tools/golden/naive_bayes.py with scikit-learn {sklearn.__version__}", "numbers": numbers.T.tolist(),
       "counts": counts.T.tolist(), "codes": codes.tolist(), "weights": weights.tolist(), "cases": cases}
path = pathlib.Path("tests/data/naive_bayes/golden.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out) + "\n")
