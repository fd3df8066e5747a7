"""Golden values on real tables: what scikit-learn, category_encoders and pandas give for tests/data/tables.

Run:  python tools/golden/real_tables.py > tests/data/transform/real_tables.json
      (needs numpy, pandas, scikit-learn and category_encoders)

A case: the table, its columns and their kinds, the step and its parameters. Rows are fitted whose number does not leave
3 when divided by 4; "want" are the wanted columns of every 7th row ("matrix": of a sparse column), "training" those of
every 7th fitted row in training, and "cells" replace columns of the table.
"""

import json
import math
import pathlib
import warnings

import category_encoders as ce
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.preprocessing import (KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder,
                                   OrdinalEncoder, PolynomialFeatures, PowerTransformer, QuantileTransformer,
                                   RobustScaler, SplineTransformer, StandardScaler, TargetEncoder)
from sklearn.tree import DecisionTreeRegressor

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).parents[2] / "tests" / "data" / "tables"
TABLES = {name: pd.read_csv(ROOT / f"{name}.csv", dtype=str, keep_default_na=False)
          for name in ("mpg", "german_credit", "soybean", "titanic")}
# Names in their order: the objects of a JSON file have no other.
MPG = ["acceleration", "displacement", "horsepower", "weight"]
WHOLE = ["acceleration", "displacement", "weight"]
CREDIT = ["a0", "a2", "a3", "a6"]
SOY = ["area.dam", "fruit.spots", "leaf.halo", "sever"]
TITANIC = ["embarked", "pclass", "sex"]
cases = []


def numbers(table, names):
    return TABLES[table][names].replace("", np.nan).astype(float)


def levels(table, names):
    return TABLES[table][names].replace("", np.nan).astype(object)


def fitted(n):
    return np.array([i for i in range(n) if i % 4 != 3])


def plain(values):
    """Twelve digits are enough for a tolerance of 1e-9, and make a smaller file."""
    return [None if math.isnan(v) else int(v) if float(v).is_integer() else float(f"{v:.12g}") for v in values]


def case(name, table, kinds, step, params, **more):
    """want, training: {column: values of all (fitted) rows}; matrix: rows x features."""
    out = {"name": f"{name} on {table}", "table": table, "kinds": kinds, "step": step, "params": params}
    for key in ("want", "training"):
        if key in more:
            out[key] = {column: plain(np.asarray(v, float)[::7]) for column, v in more.pop(key).items()}
    if "matrix" in more:
        out["matrix"] = [plain(row) for row in np.asarray(more.pop("matrix"), float)[::7]]
    cases.append({**out, **more})


def number_case(step, params, estimator, table="mpg", names=MPG, **more):
    x = numbers(table, names)
    rows = fitted(len(x))
    got = estimator.fit(x.iloc[rows]).transform(x)
    case(f"{step} {params}", table, dict.fromkeys(names, "float"), step, params,
         want={name: np.asarray(got)[:, i] for i, name in enumerate(names)}, **more)


for strategy in ("mean", "median", "most_frequent"):
    number_case("impute", {"strategy": strategy}, SimpleImputer(strategy=strategy))
number_case("scale", {}, StandardScaler())
number_case("scale", {"method": "robust", "quantile_low": 10.0, "quantile_high": 85.0},
            RobustScaler(quantile_range=(10, 85)))
number_case("scale", {"method": "minmax", "range_low": -2.0, "range_high": 3.0}, MinMaxScaler((-2, 3)))
number_case("scale", {"method": "maxabs"}, MaxAbsScaler())
for distribution in ("uniform", "normal"):
    number_case("quantile_transform", {"output_distribution": distribution, "n_quantiles": 50},
                QuantileTransformer(n_quantiles=50, output_distribution=distribution, subsample=None))
# The end of the search for a power depends on rounding.
number_case("power_transform", {}, PowerTransformer(), tolerance=1e-6)
number_case("power_transform", {"method": "box_cox"}, PowerTransformer("box-cox"), tolerance=1e-6)
for norm in ("l1", "l2", "max"):
    number_case("normalize_rows", {"norm": norm}, Normalizer(norm), names=WHOLE)
number_case("knn_impute", {}, KNNImputer())
# On titanic many rows are equally near: there the first ones count here, and any in scikit-learn.
number_case("knn_impute", {"weights": "distance", "n_neighbors": 3}, KNNImputer(n_neighbors=3, weights="distance"))
number_case("iterative_impute", {}, IterativeImputer(), tolerance=1e-8)
for table, names in (("mpg", MPG), ("titanic", ["age", "fare", "parch", "sibsp"])):
    number_case("iterative_impute", {"estimator": "tree", "max_iter": 2, "tol": 0.0, "min_leaf": 8},
                IterativeImputer(DecisionTreeRegressor(min_samples_leaf=8, random_state=0), max_iter=2, tol=0.0),
                table=table, names=names)
for method in ("uniform", "quantile", "kmeans"):
    number_case("discretize", {"method": method, "n_bins": 6},
                KBinsDiscretizer(6, encode="ordinal", strategy=method, subsample=None,
                                 quantile_method="averaged_inverted_cdf"), names=WHOLE)

x = numbers("titanic", ["age", "fare"])
rows = fitted(len(x))
got = MissingIndicator(features="all").fit(x.iloc[rows]).transform(x)
case("missing_indicator", "titanic", dict.fromkeys(x, "float"), "missing_indicator", {"features": "all"},
     want={**x, "age_missing": got[:, 0], "fare_missing": got[:, 1]})

x = numbers("mpg", WHOLE)
rows = fitted(len(x))
made = PolynomialFeatures(2, include_bias=False).fit(x)
case("polynomial", "mpg", dict.fromkeys(WHOLE, "float"), "polynomial", {},
     want=dict(zip(made.get_feature_names_out(), made.transform(x).T)))
one = SplineTransformer(knots="quantile", n_knots=6).fit(x[["weight"]].iloc[rows])
case("splines", "mpg", {"weight": "float"}, "splines", {"knots": "quantile", "n_knots": 6},
     want=dict(zip(one.get_feature_names_out(), one.transform(x[["weight"]]).T)))
scores = PCA(2, svd_solver="full").fit(x.iloc[rows]).transform(x)
case("pca", "mpg", dict.fromkeys(WHOLE, "float"), "pca", {"n_components": 2, "solver": "exact"},
     want={"pca0": scores[:, 0], "pca1": scores[:, 1]})

names = TABLES["mpg"]["name"]
vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=3).fit(names.iloc[fitted(len(names))])
case("text_tfidf", "mpg", {"name": "text"}, "text_tfidf", {"ngram_max": 2, "min_rows": 3},
     matrix=np.round(vectorizer.transform(names).toarray(), 8), tolerance=1e-7)

# ---- categories: features ------------------------------------------------------------------------------
for table, columns in (("german_credit", ["a0", "a3"]), ("soybean", ["fruit.spots", "sever"]),
                       ("titanic", ["embarked", "sex"])):
    x = levels(table, columns)
    rows = fitted(len(x))
    for params in ({}, {"drop": "first"}, {"drop": "if_binary"}, {"drop": "first", "max_categories": 3},
                   {"drop": "if_binary", "min_frequency": 60}, {"handle_unknown": "ignore", "min_frequency": 40}):
        options = {"handle_unknown": "infrequent_if_exist", **params}
        encoder = OneHotEncoder(sparse_output=False, **options).fit(x.iloc[rows])
        case(f"one_hot {params}", table, dict.fromkeys(columns, "category"), "one_hot", params,
             matrix=encoder.transform(x))

x = levels("german_credit", CREDIT)
hashed = FeatureHasher(16).transform([dict(row) for _, row in x.iterrows()]).toarray()
case("hash_encode", "german_credit", dict.fromkeys(CREDIT, "category"), "hash_encode", {"width": 16}, matrix=hashed)

# ---- categories: numbers, with the rules for missing and unknown levels -----------------------------------
x = levels("soybean", SOY)
rows = fitted(len(x))
encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
got = encoder.fit(x.iloc[rows]).transform(x)
case("ordinal_encode", "soybean", dict.fromkeys(SOY, "category"), "ordinal_encode",
     {"missing_value": -2.0, "unknown_value": -1.0, "handle_unknown": "value"},
     want={name: got[:, i] for i, name in enumerate(SOY)})
got = ce.CountEncoder(cols=SOY).fit(x.iloc[rows]).transform(x)
case("frequency_encode", "soybean", dict.fromkeys(SOY, "category"), "frequency_encode",
     {"method": "count", "handle_missing": "level"}, want=got)
got = ce.CountEncoder(cols=SOY, normalize=True).fit(x.iloc[rows]).transform(x)
case("frequency_encode share", "soybean", dict.fromkeys(SOY, "category"), "frequency_encode",
     {"method": "share", "handle_missing": "level"}, want=got, tolerance=1e-7)


def target_of(table, column):
    labels = sorted(TABLES[table][column].unique())
    return TABLES[table][column].map(labels.index)


def target_case(step, suffix, params, encoder, table, columns, y, task="binary", training=False):
    x = levels(table, columns).copy()
    # Levels that training does not have, and missing cells it does have.
    x.iloc[7::28, 0] = "never"
    if training and table != "titanic":
        x.iloc[14::21, 1] = np.nan
    rows = fitted(len(x))
    encoder.fit(x.iloc[rows], y.iloc[rows])
    more = {}
    if training:
        got = encoder.transform(x.iloc[rows], y.iloc[rows])
        more["training"] = {name + suffix: got[name] for name in columns}
    got = encoder.transform(x)
    more["cells"] = {name: [None if v != v else v for v in x[name]] for name in columns
                     if not x[name].equals(levels(table, columns)[name])}
    case(f"{step} {params}", table, dict.fromkeys(columns, "category"), step, params,
         want={name + suffix: got[name] for name in columns}, target=y.tolist(), task=task, **more)


risk, survived = target_of("german_credit", "risk"), target_of("titanic", "survived")
NAN = {"handle_unknown": "nan", "handle_missing": "nan"}
RETURN_NAN = {"handle_unknown": "return_nan", "handle_missing": "return_nan"}
for table, columns, y in (("german_credit", CREDIT, risk), ("titanic", TITANIC, survived)):
    for rules, theirs in (({}, {}), (NAN, RETURN_NAN)):
        target_case("target_encode", "_target", {"smoothing": 5.0, **rules},
                    ce.MEstimateEncoder(cols=columns, m=5, **theirs), table, columns, y)
        target_case("leave_one_out_encode", "_loo", rules, ce.LeaveOneOutEncoder(cols=columns, **theirs), table,
                    columns, y, training=not rules)
        target_case("weight_of_evidence", "_woe", {"regularization": 0.5, **rules},
                    ce.WOEEncoder(cols=columns, regularization=0.5, **theirs), table, columns, y)
target_case("target_encode", "_target", {"method": "james_stein"}, ce.JamesSteinEncoder(cols=CREDIT, model="pooled"),
            "german_credit", CREDIT, risk)
mpg = numbers("mpg", ["mpg"])["mpg"]
target_case("target_encode", "_target", {"method": "empirical_bayes"},
            type("Peer", (), {"fit": lambda s, x, y: setattr(s, "e", TargetEncoder(target_type="continuous").fit(x, y)),
                              "transform": lambda s, x: pd.DataFrame(s.e.transform(x), columns=list(x))})(),
            "mpg", ["cylinders", "origin"], mpg, "regression")
disease = target_of("soybean", "Class")
SOY = SOY[:1]
x = levels("soybean", SOY)
rows = fitted(len(x))
got = TargetEncoder(target_type="multiclass", smooth=3.0).fit(x.iloc[rows], disease.iloc[rows]).transform(x)
n_classes = disease.nunique()
case("target_encode multiclass", "soybean", dict.fromkeys(SOY, "category"), "target_encode", {"smoothing": 3.0},
     want={f"{name}_target_{k}": got[:, i * n_classes + k] for i, name in enumerate(SOY) for k in range(n_classes)},
     target=disease.tolist(), task="multiclass")

# Levels in the order of numbers, in which the peer must meet them.
x = levels("german_credit", ["a0", "a3"]).sort_values("a3", kind="stable").reset_index(drop=True)
x = x[["a3"]]
x.iloc[-20:, 0] = np.nan
x.iloc[3, 0] = "never"  # not fitted
rows = fitted(len(x))
for rules, theirs in (({}, {}), (NAN, RETURN_NAN)):
    got = ce.BinaryEncoder(cols=["a3"], **theirs).fit(x.iloc[rows]).transform(x)
    case(f"binary_encode {rules}", "german_credit", {"a3": "category"}, "binary_encode", rules, want=got,
         cells={"a3": [None if v != v else v for v in x["a3"]]})

# ---- groups and order, as pandas has them -----------------------------------------------------------------
x = numbers("titanic", ["age", "fare"])
sex = levels("titanic", ["sex"])["sex"]
for direction, fill in (("forward", "ffill"), ("backward", "bfill")):
    filled = getattr(x.groupby(sex), fill)(limit=2)
    case(f"fill_in_order {direction}", "titanic", {"age": "float", "fare": "float", "sex": "category"}, "fill_in_order",
         {"direction": direction, "group_by": "sex", "limit": 2}, want=filled, n_other_columns=1)
rows = fitted(len(x))
stats = x.iloc[rows].groupby(sex.iloc[rows])["age"].agg(["mean", "std", "min", "max", "count"])
case("group_stats", "titanic", {"age": "float", "sex": "category"}, "group_stats", {"stats": "mean,std,min,max,count"},
     want={"age": x["age"], **{f"age_{stat}_by_sex": sex.map(stats[stat]) for stat in stats}}, n_other_columns=1)

print(json.dumps({"made_by": "tools/golden/real_tables.py", "cases": cases}, indent=None, separators=(",", ":")))
