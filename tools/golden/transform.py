"""Golden values of the transformers: what scikit-learn gives for the same cells.

Run:  python tools/golden/transform.py > tests/data/transform/golden.json     (needs numpy and scikit-learn)

A case: the step and its parameters, input columns (missing cells are null), the fitted rows, and the wanted
columns for all rows. "matrix" is the wanted content of a sparse column, row by row.
"""

import json
import math

import numpy as np
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import (MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler,
                                   TargetEncoder)

rng = np.random.default_rng(7)
N = 40
FIT = [i for i in range(N) if i % 4 != 3]


def plain(values):
    return [None if isinstance(v, float) and math.isnan(v) else v for v in values]


def number_columns():
    far = 1e4 + rng.normal(size=N)
    skewed = np.exp(rng.normal(size=N) * 3)
    holes = rng.normal(size=N)
    holes[::5] = np.nan
    counts = rng.integers(0, 5, size=N).astype(float)
    counts[1::6] = np.nan
    constant = np.full(N, 0.1)
    return {"far": far, "skewed": skewed, "holes": holes, "counts": counts, "constant": constant}


def category_columns():
    colours = rng.choice(["red", "green", "blue", "violet"], size=N, p=[0.5, 0.3, 0.15, 0.05]).astype(object)
    towns = rng.choice(["Bonn", "Aix", "Ulm", "Essen", "Hof", "Kiel"], size=N).astype(object)
    towns[3] = "Rom"  # row 3 is not fitted: unseen
    return {"colours": colours, "towns": towns}


def case(name, step, params, kind, columns, want=None, matrix=None, target=None, task=None, rows=FIT):
    out = {"name": name, "step": step, "params": params, "kind": kind, "rows": list(rows),
           "columns": {key: plain(list(values)) for key, values in columns.items()}}
    if want is not None:
        out["want"] = {key: plain([float(v) for v in values]) for key, values in want.items()}
    if matrix is not None:
        out["matrix"] = [[float(v) for v in row] for row in matrix]
    if target is not None:
        out["target"] = [float(v) for v in target]
        out["task"] = task
    return out


def by_column(estimator, columns):
    x = np.column_stack(list(columns.values()))
    y = estimator.fit(x[FIT]).transform(x)
    return {key: y[:, i] for i, key in enumerate(columns)}


cases = []
numbers = number_columns()
for strategy in ("mean", "median", "most_frequent"):
    columns = {key: numbers[key] for key in ("holes", "counts", "skewed")}
    cases.append(case(f"impute {strategy}", "impute", {"strategy": strategy}, "float", columns,
                      by_column(SimpleImputer(strategy=strategy), columns)))
columns = {"holes": numbers["holes"], "skewed": numbers["skewed"]}
filled = by_column(SimpleImputer(strategy="constant", fill_value=-5.0), columns)
x = np.column_stack(list(columns.values()))
filled["holes_missing"] = MissingIndicator(error_on_new=False).fit(x[FIT]).transform(x)[:, 0].astype(float)
cases.append(case("impute constant with indicator", "impute",
                  {"strategy": "constant", "fill_value": -5.0, "indicator": True}, "float", columns, filled))

for method, scaler in (("standard", StandardScaler()), ("robust", RobustScaler()), ("minmax", MinMaxScaler())):
    cases.append(case(f"scale {method}", "scale", {"method": method}, "float", numbers, by_column(scaler, numbers)))

categories = category_columns()
x = np.column_stack(list(categories.values()))
encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan).fit(x[FIT])
codes = encoder.transform(x)
cases.append(case("ordinal_encode", "ordinal_encode", {}, "category", categories,
                  {key: codes[:, i] for i, key in enumerate(categories)}))

for params in ({}, {"min_frequency": 6}, {"max_categories": 3}, {"min_frequency": 3, "max_categories": 4}):
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, **params).fit(x[FIT])
    cases.append(case(f"one_hot {params}", "one_hot", params, "category", categories, matrix=encoder.transform(x)))
with_missing = {"colours": categories["colours"].copy()}
with_missing["colours"][::7] = None
encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
xm = with_missing["colours"].reshape(-1, 1)
cases.append(case("one_hot missing level", "one_hot", {}, "category", with_missing,
                  matrix=encoder.fit(xm[FIT]).transform(xm)))

targets = {
    "regression": rng.normal(size=N) * 10 + 1000,
    "binary": rng.integers(0, 2, size=N),
    "multiclass": rng.integers(0, 3, size=N),
}
for task, y in targets.items():
    for params, smooth in (({"smoothing": 4.0}, 4.0), ({"method": "empirical_bayes"}, "auto")):
        kind = "continuous" if task == "regression" else task
        encoded = TargetEncoder(target_type=kind, smooth=smooth).fit(x[FIT], y[FIT]).transform(x)
        width = 3 if task == "multiclass" else 1
        want = {}
        for i, key in enumerate(categories):
            for k in range(width):
                want[f"{key}_target" + (f"_{k}" if width > 1 else "")] = encoded[:, i * width + k]
        cases.append(case(f"target_encode {task} {smooth}", "target_encode", params, "category", categories, want,
                          target=y, task=task))

print(json.dumps({"made_by": "tools/golden/transform.py", "cases": cases}, indent=None, separators=(",", ":")))
