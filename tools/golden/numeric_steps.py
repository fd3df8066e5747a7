"""Golden values of the steps on numbers: what scikit-learn gives for the same cells.

Run:  python tools/golden/numeric_steps.py > tests/data/transform/numeric_steps.json     (needs numpy, scikit-learn)

The format is that of transform.py. "tolerance" is given where the definition has a search in it (powers), whose end
depends on rounding.
"""

import json
import math

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.preprocessing import KBinsDiscretizer, Normalizer, PowerTransformer, QuantileTransformer
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

rng = np.random.default_rng(11)
N = 40
FIT = [i for i in range(N) if i % 4 != 3]


def plain(values):
    return [None if math.isnan(v) else float(v) for v in values]


def columns_of(*names):
    holes = rng.normal(size=N)
    holes[::5] = np.nan
    counts = rng.integers(0, 5, size=N).astype(float)
    counts[1::6] = np.nan
    known = {"normal": rng.normal(size=N) * 3 + 1, "skewed": np.exp(rng.normal(size=N) * 2),
             "far": 1e4 + rng.normal(size=N) * 5, "negative": -np.exp(rng.normal(size=N)), "holes": holes,
             "counts": counts, "constant": np.full(N, 0.1), "small": rng.normal(size=N) * 1e-4, "near": 5 + rng.normal(size=N)}
    return {name: known[name] for name in names}


def case(name, step, params, columns, want, tolerance=None):
    out = {"name": name, "step": step, "params": params, "kind": "float", "rows": FIT,
           "columns": {key: plain(cells) for key, cells in columns.items()},
           "want": {key: plain(cells) for key, cells in want.items()}}
    if tolerance:
        out["tolerance"] = tolerance
    return out


def by_column(estimator, columns):
    x = np.column_stack(list(columns.values()))
    y = estimator.fit(x[FIT]).transform(x)
    return {key: y[:, i] for i, key in enumerate(columns)}


cases = []
ALL = ("normal", "skewed", "far", "negative", "holes", "counts", "constant", "small")
for distribution in ("uniform", "normal"):
    for n in (1000, 7):
        columns = columns_of(*ALL)
        cases.append(case(f"quantile_transform {distribution} {n}", "quantile_transform",
                          {"output_distribution": distribution, "n_quantiles": n}, columns,
                          by_column(QuantileTransformer(n_quantiles=n, output_distribution=distribution, subsample=None),
                                    columns)))
for standardize in (True, False):
    columns = columns_of("normal", "skewed", "negative", "holes", "counts", "constant", "small")
    cases.append(case(f"power_transform yeo_johnson {standardize}", "power_transform", {"standardize": standardize},
                      columns, by_column(PowerTransformer(standardize=standardize), columns), 1e-6))
    columns = columns_of("skewed", "near")
    cases.append(case(f"power_transform box_cox {standardize}", "power_transform",
                      {"method": "box_cox", "standardize": standardize}, columns,
                      by_column(PowerTransformer("box-cox", standardize=standardize), columns),
                      1e-6 if standardize else 2e-5))
for norm in ("l1", "l2", "max"):
    columns = columns_of("normal", "skewed", "negative", "small")
    cases.append(case(f"normalize_rows {norm}", "normalize_rows", {"norm": norm}, columns,
                      by_column(Normalizer(norm), columns)))
columns = columns_of("normal", "negative", "far")
cases.append(case("log1p", "log1p", {}, columns,
                  {key: np.sign(cells) * np.log1p(np.abs(cells)) for key, cells in columns.items()}))
columns = columns_of("normal", "skewed", "holes")
cases.append(case("clip", "clip", {"lower": -1.0}, columns,
                  {key: np.clip(cells, max(-1, np.nanmin(cells[FIT])), np.nanmax(cells[FIT]))
                   for key, cells in columns.items()}))

x = rng.normal(size=(N, 3)) @ rng.normal(size=(3, 5)) + rng.normal(size=(N, 5)) * 0.2
x[rng.random(x.shape) < 0.2] = np.nan
x[5, :] = np.nan                 # shares nothing with anybody
x[:, 4] = np.nan
correlated = {f"c{i}": x[:, i] for i in range(5)}
for k in (1, 4, 100):
    for weights in ("uniform", "distance"):
        cases.append(case(f"knn_impute {k} {weights}", "knn_impute", {"n_neighbors": k, "weights": weights}, correlated,
                          by_column(KNNImputer(n_neighbors=k, weights=weights, keep_empty_features=True), correlated)))
for params in ({}, {"max_iter": 3, "tol": 0.0}, {"initial": "median", "max_iter": 40}):
    given = {"initial_strategy" if key == "initial" else key: value for key, value in params.items()}
    cases.append(case(f"iterative_impute {params}", "iterative_impute", params, correlated,
                      by_column(IterativeImputer(keep_empty_features=True, **given), correlated)))

columns = columns_of("normal", "skewed", "far", "negative", "constant")
columns["whole"] = rng.integers(0, 9, size=N).astype(float)
for method in ("uniform", "quantile", "kmeans"):
    for n in (4, 7) if method != "kmeans" else (3, 4):
        bins = KBinsDiscretizer(n, encode="ordinal", strategy=method, subsample=None,
                                quantile_method="averaged_inverted_cdf")
        cases.append(case(f"discretize {method} {n}", "discretize", {"method": method, "n_bins": n}, columns,
                          by_column(bins, columns)))
# Trees look at float32.
columns = {key: np.round(cells * 64) / 64 for key, cells in columns_of("normal", "skewed", "negative").items()}
targets = {"regression": np.sin(columns["normal"]) + rng.normal(size=N) * 0.1, "binary": rng.integers(0, 2, size=N),
           "multiclass": rng.integers(0, 3, size=N)}
for task, y in targets.items():
    model = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    want = {}
    for key, cells in columns.items():
        tree = model(max_leaf_nodes=4, min_samples_leaf=3, random_state=0).fit(cells[FIT, None], y[FIT])
        edges = np.sort(tree.tree_.threshold[tree.tree_.children_left >= 0])
        want[key] = np.searchsorted(edges, cells, side="left").astype(float)
    cases.append({**case(f"discretize tree {task}", "discretize", {"method": "tree", "n_bins": 4, "min_rows": 3}, columns,
                         want), "target": [float(v) for v in y], "task": task})


def bounds_of(method, cells):
    fit = cells[FIT]
    fit = fit[np.isfinite(fit)]
    if method == "zscore":
        return fit.mean() - 2 * fit.std(), fit.mean() + 2 * fit.std()
    if method == "modified_zscore":
        reach = 2 * np.median(np.abs(fit - np.median(fit))) / 0.6745
        return np.median(fit) - reach, np.median(fit) + reach
    if method == "iqr":
        low, high = np.percentile(fit, [25, 75])
        return low - 2 * (high - low), high + 2 * (high - low)
    return tuple(np.percentile(fit, [2, 98]))


columns = columns_of("normal", "skewed", "negative", "holes")
for method in ("zscore", "modified_zscore", "iqr", "percentile"):
    for action in ("clip", "missing"):
        want = {}
        for key, cells in columns.items():
            low, high = bounds_of(method, cells)
            want[key] = np.clip(cells, low, high) if action == "clip" else np.where((cells < low) | (cells > high), np.nan, cells)
        cases.append(case(f"outliers {method} {action}", "outliers", {"method": method, "threshold": 2.0, "action": action},
                          columns, want))
# Scores of many trees, so that the draws matter little; compared with a wide tolerance.
columns = columns_of("normal", "far", "small")
x = np.column_stack(list(columns.values()))
scores = -np.mean([IsolationForest(n_estimators=1000, max_samples=16, random_state=seed).fit(x[FIT]).score_samples(x)
                   for seed in range(4)], axis=0)
cases.append(case("outliers isolation_forest", "outliers",
                  {"method": "isolation_forest", "action": "flag", "n_trees": 4000, "max_samples": 16}, columns,
                  {**columns, "isolation_score": scores}, 0.006))

print(json.dumps({"made_by": "tools/golden/numeric_steps.py", "cases": cases}, indent=None, separators=(",", ":")))
