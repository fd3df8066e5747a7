"""Golden values of features made of numbers: what scikit-learn's PolynomialFeatures and SplineTransformer give.

Run:  python tools/golden/number_features.py > tests/data/transform/number_features.json    (needs numpy and scikit-learn)

The cases are as in transform.py. Rows that are not fitted reach beyond the range of the others.
"""

import json

import numpy as np
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer

rng = np.random.default_rng(3)
N = 24
FIT = [i for i in range(N) if i % 4 != 1]

plain = rng.normal(size=N)
skewed = np.round(np.exp(rng.normal(size=N)), 3)
plain[1], plain[5], skewed[1], skewed[9] = -6.5, 9.25, -1.0, 40.0
columns = {"far": 1000 + rng.uniform(size=N), "plain": plain, "skewed": skewed}  # by name: JSON does not keep an order
x = np.column_stack(list(columns.values()))
holes = x.copy()
holes[::5, 1] = np.nan


def case(name, step, params, names, table, values):
    return {"name": name, "step": step, "params": params, "kind": "float", "rows": FIT,
            "columns": {key: [None if v != v else float(v) for v in values[:, i]] for i, key in enumerate(columns)},
            "want": {key: [None if v != v else float(v) for v in table[:, i]] for i, key in enumerate(names)}}


cases = []
for params in ({}, {"degree": 3}, {"degree": 3, "interaction_only": True}, {"degree": 2, "include_bias": True}):
    options = {"degree": 2, "include_bias": False, **params}
    made = PolynomialFeatures(**options).fit(x)
    cases.append(case(f"polynomial {params}", "polynomial", params, made.get_feature_names_out(list(columns)),
                      made.transform(x), x))
for params in ({}, {"degree": 2, "n_knots": 4, "extrapolation": "linear"}, {"extrapolation": "continue"},
               {"extrapolation": "periodic"}, {"knots": "quantile", "n_knots": 6}, {"degree": 1, "extrapolation": "linear"},
               {"degree": 0, "n_knots": 3, "extrapolation": "continue"}, {"include_bias": False, "n_knots": 3}, {"missing": "zero"},
               {"knots": "quantile", "degree": 2, "extrapolation": "periodic"}):
    options = {**params, "handle_missing": "zeros"}
    values = holes if options.pop("missing", "") else x
    # Column by column: with degree 1 and "linear", scikit-learn takes wrong knots for all columns but the first.
    names, made = [], []
    for i, key in enumerate(columns):
        one = SplineTransformer(**options).fit(values[FIT][:, [i]])
        names += list(one.get_feature_names_out([key]))
        made.append(one.transform(values[:, [i]]))
    cases.append(case(f"splines {params}", "splines", params, names, np.hstack(made), values))

print(json.dumps({"made_by": "tools/golden/number_features.py", "cases": cases}, indent=None, separators=(",", ":")))
