#!/usr/bin/env python3
"""Golden values of the metrics, from scikit-learn (1.9.1): tests/data/metric/scikit_learn.json.

    python tools/golden/metrics.py

Each case has a task, targets, predictions (row by row), weights (may be empty) and the scores by our names; null is NaN, "-inf" minus
infinity. Whole weights are scored by repeating the rows: so the metrics are covered whose scikit-learn form has no weights.
What scikit-learn does not have (ece, lift, smape, the costs) is computed here by its definition, with NumPy.
"""

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

OUTPUT = Path(__file__).resolve().parent.parent.parent / "tests/data/metric/scikit_learn.json"
EPSILON = np.finfo(float).eps


def label_scores(y, predicted, w, binary):
    scores = {
        "accuracy": m.accuracy_score(y, predicted, sample_weight=w),
        "balanced_accuracy": m.balanced_accuracy_score(y, predicted, sample_weight=w),
        "matthews_corrcoef": m.matthews_corrcoef(y, predicted, sample_weight=w),
        "cohen_kappa": m.cohen_kappa_score(y, predicted, sample_weight=w),
    }
    for name, function in [("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score),
                           ("jaccard", m.jaccard_score)]:
        for average in ["macro", "weighted", "micro"]:
            scores[f"{name}_{average}"] = function(y, predicted, average=average, sample_weight=w, zero_division=0)
        if binary:
            # labels: a constant target of zeros still asks about class 1
            scores[name] = function(y, predicted, labels=[0, 1], average=None, sample_weight=w, zero_division=0)[1]
    return scores


def ece(outcome, probability, n_bins, w):
    """The bins of sklearn.calibration.calibration_curve()."""
    w = np.ones(len(outcome)) if w is None else w
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], probability)
    by_bin = np.bincount(bins, weights=w * (probability - outcome), minlength=n_bins)
    frequency, mean = calibration_curve(outcome, probability, n_bins=n_bins)
    counts = np.bincount(bins)
    unweighted = np.bincount(bins, weights=probability - outcome)[counts > 0] / counts[counts > 0]
    assert np.allclose(unweighted, mean - frequency, atol=1e-12)
    return np.abs(by_bin).sum() / w.sum()


def lift(y, p, share, w):
    """Rows of one score are taken together, in part when they do not all fit into the share."""
    w = np.ones(len(y)) if w is None else w
    above = np.array([w[p > v].sum() for v in p])
    level = np.array([w[p == v].sum() for v in p])
    taken = np.clip((share * w.sum() - above) / np.where(level > 0, level, 1), 0, 1)
    if (w * y).sum() == 0:
        return np.nan
    return (w * y * taken).sum() / (share * w.sum()) / ((w * y).sum() / w.sum())


def cost_scores(y, predicted, p, w):
    """Costs by the confusion matrix of the decisions; p has a column per class."""
    n = p.shape[1]
    costs = np.arange(n * n).reshape(n, n)[::-1] % 7 + 0.5 * np.arange(n)
    text = ";".join(" ".join(str(float(v)) for v in row) for row in costs)

    def mean_cost(decided, costs):
        counts = m.confusion_matrix(y, decided, labels=np.arange(n), sample_weight=w)
        return (counts * costs).sum() / counts.sum()

    return {
        f"label_cost:{text}": mean_cost(predicted, costs),
        f"expected_cost:{text}": mean_cost((p @ costs).argmin(axis=1), costs),
        "label_cost": mean_cost(predicted, 1 - np.eye(n)),
    }


def likelihood_ratios(y, predicted, w):
    return m.class_likelihood_ratios(y, predicted, labels=[0, 1], sample_weight=w, replace_undefined_by=np.nan)


def d2(loss, loss_of_shares):
    return np.float64(1) - np.float64(loss) / np.float64(loss_of_shares)


def d2_scores(y, p, w):
    """d2_brier_score() divides Python floats, so it fails on one class; its limit is written out."""
    labels = np.arange(p.shape[1])
    shares = np.average(np.eye(p.shape[1])[y], axis=0, weights=w)
    if len(y) < 2 or shares.max() < 1:
        brier = m.d2_brier_score(y, p, labels=labels, sample_weight=w)
    else:
        brier = d2(m.brier_score_loss(y, p, labels=labels, sample_weight=w), 0)
    return {"d2_log_loss": m.d2_log_loss_score(y, p, labels=labels, sample_weight=w), "d2_brier": brier}


def binary(y, p, w=None):
    y, p = np.array(y), np.array(p, dtype=float)
    return case("binary", 2, y, p, w, binary_scores(y, p, w))


def binary_scores(y, p, w):
    scores = label_scores(y, (p > 0.5).astype(int), w, True)
    scores["roc_auc"] = m.roc_auc_score(y, p, sample_weight=w)
    scores["average_precision"] = m.average_precision_score(y, p, sample_weight=w)
    scores["log_loss"] = m.log_loss(y, p, labels=[0, 1], sample_weight=w)
    scores["brier_score"] = m.brier_score_loss(y, p, labels=[0, 1], sample_weight=w) if 1 in y else np.mean(p**2)
    scores.update(d2_scores(y, np.column_stack([1 - p, p]), w))
    scores.update(cost_scores(y, (p > 0.5).astype(int), np.column_stack([1 - p, p]), w))
    scores["positive_likelihood_ratio"], scores["negative_likelihood_ratio"] = likelihood_ratios(
        y, (p > 0.5).astype(int), w)
    for bins in [1, 10, 15]:
        scores[f"ece:{bins}"] = ece(y, p, bins, w)
    scores["ece"] = scores["ece:15"]
    for share in ["0.1", "0.25", "1"]:
        scores[f"lift:{share}"] = lift(y, p, float(share), w)
    scores["lift"] = scores["lift:0.1"]
    if w is None and len(y) > 1:
        scores["ndcg"] = m.ndcg_score([y], [p])
        scores["ndcg:3"] = m.ndcg_score([y], [p], k=3)
    return scores


def multiclass(y, p, w=None):
    y, p = np.array(y), np.array(p, dtype=float)
    return case("multiclass", p.shape[1], y, p, w, multiclass_scores(y, p, w))


def multiclass_scores(y, p, w):
    labels = np.arange(p.shape[1])
    scores = label_scores(y, p.argmax(axis=1), w, False)
    scores["log_loss"] = m.log_loss(y, p, labels=labels, sample_weight=w)
    scores["brier_score"] = m.brier_score_loss(y, p, labels=labels, sample_weight=w)
    if len(np.unique(y)) == p.shape[1]:
        scores["roc_auc_ovr"] = m.roc_auc_score(y, p, multi_class="ovr", sample_weight=w)
        scores["roc_auc_ovr_weighted"] = m.roc_auc_score(y, p, multi_class="ovr", average="weighted", sample_weight=w)
        scores["average_precision"] = m.average_precision_score(y, p, sample_weight=w)
        if w is None:
            scores["roc_auc_ovo"] = m.roc_auc_score(y, p, multi_class="ovo")
            scores["roc_auc_ovo_weighted"] = m.roc_auc_score(y, p, multi_class="ovo", average="weighted")
    scores.update(d2_scores(y, p, w))
    scores.update(cost_scores(y, p.argmax(axis=1), p, w))
    scores["ndcg"] = m.ndcg_score(np.eye(p.shape[1])[y], p, sample_weight=w)
    scores["ndcg:2"] = m.ndcg_score(np.eye(p.shape[1])[y], p, sample_weight=w, k=2)
    scores["top_k_accuracy"] = m.top_k_accuracy_score(y, p, labels=labels, sample_weight=w)
    for k in [1, 2, 3]:
        scores[f"top_k_accuracy:{k}"] = m.top_k_accuracy_score(y, p, k=k, labels=labels, sample_weight=w)
    scores["ece:10"] = ece((p.argmax(axis=1) == y).astype(int), p.max(axis=1), 10, w)
    return scores


def regression(y, p, w=None):
    y, p = np.array(y, dtype=float), np.array(p, dtype=float)
    return case("regression", 0, y, p, w, regression_scores(y, p, w))


def regression_scores(y, p, w):
    scores = {
        "rmse": m.root_mean_squared_error(y, p, sample_weight=w),
        "mse": m.mean_squared_error(y, p, sample_weight=w),
        "mae": m.mean_absolute_error(y, p, sample_weight=w),
        "median_absolute_error": m.median_absolute_error(y, p, sample_weight=w),
        "mape": m.mean_absolute_percentage_error(y, p, sample_weight=w),
        "r2": m.r2_score(y, p, sample_weight=w),
        "explained_variance": m.explained_variance_score(y, p, sample_weight=w),
        "max_error": m.max_error(y, p),
        "d2_absolute_error": m.d2_absolute_error_score(y, p, sample_weight=w),
    }
    if min(y.min(), p.min()) > -1:
        scores["msle"] = m.mean_squared_log_error(y, p, sample_weight=w)
        scores["rmsle"] = m.root_mean_squared_log_error(y, p, sample_weight=w)
    if y.min() >= 0 and p.min() > 0:
        scores["mean_tweedie_deviance"] = m.mean_tweedie_deviance(y, p, power=1.5, sample_weight=w)
        scores["mean_tweedie_deviance:1.2"] = m.mean_tweedie_deviance(y, p, power=1.2, sample_weight=w)
        scores["mean_tweedie_deviance:1"] = m.mean_tweedie_deviance(y, p, power=1, sample_weight=w)
        scores["mean_poisson_deviance"] = m.mean_poisson_deviance(y, p, sample_weight=w)
    if y.min() > 0 and p.min() > 0:
        scores["mean_gamma_deviance"] = m.mean_gamma_deviance(y, p, sample_weight=w)
        scores["mean_tweedie_deviance:2"] = m.mean_tweedie_deviance(y, p, power=2, sample_weight=w)
        scores["mean_tweedie_deviance:3"] = m.mean_tweedie_deviance(y, p, power=3, sample_weight=w)
    if p.min() > 0:
        scores["mean_tweedie_deviance:-0.5"] = m.mean_tweedie_deviance(y, p, power=-0.5, sample_weight=w)
    scores["mean_tweedie_deviance:0"] = m.mean_tweedie_deviance(y, p, power=0, sample_weight=w)
    scores["pinball"] = m.mean_pinball_loss(y, p, sample_weight=w)
    for quantile in ["0", "0.05", "0.9", "1"]:
        scores[f"pinball:{quantile}"] = m.mean_pinball_loss(y, p, alpha=float(quantile), sample_weight=w)
    size = np.abs(y) + np.abs(p)
    scores["smape"] = np.average(2 * np.abs(y - p) / np.where(size > 0, size, 1), weights=w)
    if w is None and len(y) > 1 and y.min() >= 0:
        scores["ndcg"] = m.ndcg_score([y], [p])
        scores["ndcg:3"] = m.ndcg_score([y], [p], k=3)
    return scores


def repeated(scores_of, task, n_classes, y, p, w):
    """Whole weights: the scores of the rows, each as often as its weight says."""
    return case(task, n_classes, y, p, w, scores_of(np.repeat(y, w), np.repeat(p, w, axis=0), None))


def case(task, n_classes, y, p, w, scores):
    return {
        "task": task,
        "n_classes": n_classes,
        "y": [float(v) for v in y],
        "prediction": [float(v) for v in p.ravel()],
        "weights": [] if w is None else [float(v) for v in w],
        "scores": {k: None if np.isnan(v) else "-inf" if v == -np.inf else float(v) for k, v in sorted(scores.items())},
    }


def main():
    warnings.simplefilter("ignore")  # the degenerate cases warn, that is their point
    rng = np.random.default_rng(7)
    n = 37
    y2 = (rng.random(n) < 0.35).astype(int)
    p2 = np.round(np.clip(0.3 + 0.25 * y2 + 0.25 * rng.normal(size=n), 0, 1), 2)  # with ties
    w = np.round(rng.gamma(2, 1, n), 3)
    w_zero = np.where(rng.random(n) < 0.2, 0, w)
    y4 = rng.integers(0, 4, n)
    p4 = rng.dirichlet(np.ones(4), n)
    p4 = np.round(p4 * 0.5 + 0.5 * np.eye(4)[y4] * rng.random((n, 1)), 3)
    p4 = p4 / p4.sum(axis=1, keepdims=True)
    never = np.array([[0.5, 0.5, 0], [0.4, 0.6, 0], [0.1, 0.9, 0], [0.7, 0.3, 0]])
    yr = np.round(rng.gamma(2, 3, n), 2)
    pr = np.abs(np.round(yr + rng.normal(size=n), 2)) + 0.01
    whole = rng.integers(0, 4, n)
    certain = np.eye(3)[[0, 1, 2, 0, 2]]
    cases = {
        "binary": binary(y2, p2),
        "binary, weights": binary(y2, p2, w),
        "binary, some weights zero": binary(y2, p2, w_zero),
        "binary, perfect": binary([0, 0, 1, 1], [0.0, 0.1, 0.9, 1.0]),
        "binary, certain and wrong": binary([0, 1, 1], [1.0, 0.0, 0.7]),
        "binary, all tied at the threshold": binary([0, 1, 1, 0, 0], [0.5] * 5),
        "binary, only class 0": binary([0, 0, 0], [0.2, 0.7, 0.4]),
        "binary, only class 1": binary([1, 1, 1], [0.2, 0.7, 0.4]),
        "binary, one row": binary([1], [0.8]),
        "binary, minus zero ties with zero": binary([1, 0, 0, 1], [-0.0, 0.0, 0.0, 0.3]),
        "binary, whole weights": repeated(binary_scores, "binary", 2, y2, p2, whole),
        "binary, constant predictions": binary([0, 1, 1, 0, 0], [0.2] * 5),
        "binary, only class 1, weights": binary([1, 1, 1], [0.2, 0.7, 0.4], np.array([1, 0.5, 2])),
        "binary, at the edges of bins": binary([0, 1, 0, 1, 1, 0, 1, 0, 1], [0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.9, 0.95, 1]),
        "multiclass, whole weights": repeated(multiclass_scores, "multiclass", 4, y4, p4, whole),
        "multiclass, certain": multiclass([0, 1, 2, 0, 2], certain),
        "multiclass, certain and wrong": multiclass([0, 1, 2, 1, 0], certain),
        "multiclass, one class in the target": multiclass([1, 1, 1, 1], never),
        "multiclass, one row": multiclass([1], never[:1]),
        "multiclass": multiclass(y4, p4),
        "multiclass, weights": multiclass(y4, p4, w),
        "multiclass, some weights zero": multiclass(y4, p4, w_zero),
        "multiclass, ties": multiclass([0, 1, 2, 1, 0], np.full((5, 3), 1 / 3)),
        "multiclass, a class neither there nor predicted": multiclass([0, 1, 1, 0], never),
        "multiclass, a class never predicted": multiclass([0, 1, 2, 0], never),
        "regression": regression(yr, pr),
        "regression, weights": regression(yr, pr, w),
        "regression, some weights zero": regression(yr, pr, w_zero),
        "regression, even number of rows": regression(yr[:20], pr[:20]),
        "regression, equal weights": regression(yr[:20], pr[:20], np.full(20, 0.25)),
        "regression, negative values": regression(yr - 5, pr - 5),
        "regression, zeros in the target": regression([0, 0, 3], [0.5, 0.1, 2]),
        "regression, perfect": regression([1, 2, 4], [1, 2, 4]),
        "regression, constant target": regression([2, 2, 2], [1, 2, 4]),
        "regression, constant target, perfect": regression([2, 2, 2], [2, 2, 2]),
        "regression, whole weights": repeated(regression_scores, "regression", 0, yr, pr, whole),
        "regression, constant predictions": regression(yr, np.full(n, 3.5)),
        "regression, constant predictions, weights": regression(yr, np.full(n, 3.5), w),
        "regression, ties": regression(np.round(yr), np.round(pr) + 1),
        "regression, zeros in both": regression([0, 0, 3, 0], [0, 1, 2, 0]),
        "regression, one row": regression([3], [2]),
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in cases.items())
    OUTPUT.write_text("{\n" + lines + "\n}\n")
    print(f"{OUTPUT}: {len(cases)} cases")


if __name__ == "__main__":
    main()
