"""Golden values of the category encoders: what category_encoders and scikit-learn give for the same cells.

Run:  python tools/golden/encoders.py > tests/data/transform/encoders.json
      (needs numpy, pandas, scikit-learn and category_encoders)

The cases are as in transform.py; "training" are the wanted columns of the training rows where they differ from those
of transform(). Levels come first in their order, so that encoders that number them by their first row agree.
"""

import json

import numpy as np
import pandas as pd
from category_encoders import BinaryEncoder, JamesSteinEncoder, LeaveOneOutEncoder, WOEEncoder
from sklearn.feature_extraction import FeatureHasher

rng = np.random.default_rng(11)
N = 60
FIT = [i for i in range(N) if i % 5 != 4]

towns = np.sort(rng.choice(["Aix", "Bonn", "Essen", "Hof", "Kiel", "Ulm"], size=N, p=[0.4, 0.3, 0.1, 0.1, 0.07, 0.03]))
towns = towns.astype(object)
towns[59] = "Zug"   # not fitted: unseen
towns[58] = "Worms"  # fitted once
colours = rng.choice(["red", "green", "blue"], size=N).astype(object)
colours[3::7] = None
frame = pd.DataFrame({"towns": towns, "colours": colours})
targets = {"binary": rng.integers(0, 2, size=N), "regression": rng.normal(size=N) * 10 + 1000}


def cells(values):
    return [None if v is None or v != v else v for v in values]


def case(name, step, params, columns, want, target=None, task=None, training=None):
    out = {"name": name, "step": step, "params": params, "kind": "category", "rows": FIT,
           "columns": {key: cells(columns[key]) for key in columns}}
    for key, table in (("want", want), ("training", training)):
        if table is not None:
            out[key] = {column: [float(v) for v in values] for column, values in table.items()}
    if target is not None:
        out["target"] = [float(v) for v in target]
        out["task"] = task
    return out


def renamed(table, suffix):
    return {column + suffix: table[column] for column in table}


cases = []
fitted = frame.iloc[FIT]
for task, y in targets.items():
    y = pd.Series(y)
    encoder = LeaveOneOutEncoder(cols=list(frame)).fit(fitted, y.iloc[FIT])
    cases.append(case(f"leave_one_out_encode {task}", "leave_one_out_encode", {}, frame,
                      renamed(encoder.transform(frame), "_loo"), y, task,
                      renamed(encoder.transform(fitted, y.iloc[FIT]), "_loo")))
for task, y in targets.items():
    y = pd.Series(y)
    # Four levels and more: with fewer, both give the plain means.
    encoder = JamesSteinEncoder(cols=["towns"], model="pooled").fit(fitted[["towns"]], y.iloc[FIT])
    cases.append(case(f"target_encode james_stein {task}", "target_encode", {"method": "james_stein"}, frame[["towns"]],
                      renamed(encoder.transform(frame[["towns"]]), "_target"), y, task))
y = pd.Series(targets["binary"])
for regularization in (1.0, 0.25):
    encoder = WOEEncoder(cols=list(frame), regularization=regularization).fit(fitted, y.iloc[FIT])
    want = renamed(encoder.transform(frame), "_woe")
    cases.append(case(f"weight_of_evidence {regularization}", "weight_of_evidence",
                      {"regularization": regularization, "out_of_fold": False}, frame, want, y, "binary",
                      {key: values.iloc[FIT] for key, values in want.items()}))
encoder = BinaryEncoder(cols=["towns"]).fit(fitted[["towns"]])
cases.append(case("binary_encode", "binary_encode", {}, frame[["towns"]], encoder.transform(frame[["towns"]])))

for params in ({"width": 16}, {"width": 5, "alternate_sign": False}):
    hasher = FeatureHasher(params["width"], alternate_sign=params.get("alternate_sign", True))
    rows = [{key: row[key] for key in frame if isinstance(row[key], str)} for _, row in frame.iterrows()]
    hashed = case(f"hash_encode {params}", "hash_encode", params, frame, None)
    hashed["matrix"] = hasher.transform(rows).toarray().tolist()
    cases.append(hashed)

print(json.dumps({"made_by": "tools/golden/encoders.py", "cases": cases}, indent=None, separators=(",", ":")))
