#!/usr/bin/env python3
"""Writes the small models of other programs in tests/data/foreign and what these programs predict with them.

usage: foreign_models.py  (needs lightgbm, xgboost, scikit-learn, skl2onnx, onnxmltools, onnxruntime, onnx, pandas)

rows.csv: the rows that are predicted. expected.json: by file, n_rows x n_outputs numbers (two classes: the probability
of the second). Models that take numbers alone read the columns NUMBERS.
"""
import json
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import xgboost as xgb
from onnx import TensorProto, helper
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
FOLDER = Path(__file__).resolve().parents[2] / "tests/data/foreign"
NUMBERS = ["age", "income", "visits", "score"]
LEVELS = ["Bandung", "Jakarta", "Medan", "Surabaya"]
N_TRAIN, N_ROWS = 400, 40
expected = {}


def make_table(n, seed, with_missing):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "age": np.round(rng.uniform(18, 80, n), 1),
        "income": np.round(np.exp(rng.normal(8, 1, n)), 2),
        "visits": rng.poisson(3, n).astype(float),
        "score": np.round(rng.normal(0, 1, n), 4),
        "city": rng.choice(LEVELS, n),
    })
    if with_missing:
        for name in ("age", "score", "city"):
            table.loc[rng.random(n) < 0.15, name] = np.nan
    return table


def targets(table):
    city = table.city.map({"Bandung": 0.5, "Jakarta": 1.5, "Medan": -1.0, "Surabaya": 0.0}).fillna(0.3)
    raw = (table.age.fillna(40) - 45) / 15 + np.log(table.income) - 8 + city + 0.5 * table.score.fillna(0)
    rng = np.random.default_rng(9)
    raw = raw + rng.normal(0, 0.5, len(raw))
    return raw, (raw > 0.3).astype(int), np.digitize(raw, [-0.5, 1.0]), rng.poisson(np.exp(np.clip(raw, -2, 2.5)))


def categories(table):
    return table.assign(city=pd.Categorical(table.city, categories=LEVELS))


def keep(name, predicted):
    expected[name] = np.asarray(predicted, dtype=float).reshape(N_ROWS, -1).tolist()


train = make_table(N_TRAIN, 1, True)
rows = make_table(N_ROWS, 2, True)
rows.loc[3, "city"] = "Nowhere"  # a level that no model has seen
FOLDER.mkdir(parents=True, exist_ok=True)
rows.to_csv(FOLDER / "rows.csv", index=False)
raw, binary, three, counts = targets(train)
train_c, rows_c = categories(train), categories(rows)


# ---- LightGBM ---------------------------------------------------------------------------------------------
def lightgbm_model(name, params, label, x=None, x_rows=None, rounds=8, **dataset):
    x, x_rows = (train_c, rows_c) if x is None else (x, x_rows)
    params = {"verbosity": -1, "num_leaves": 7, "min_data_in_leaf": 10, "min_data_per_group": 10, "cat_smooth": 1,
              "num_threads": 1, "seed": 3, **params}
    booster = lgb.train(params, lgb.Dataset(x, label, params={"min_data_in_bin": 1}, **dataset), rounds)
    path = FOLDER / f"lightgbm_{name}.txt"
    booster.save_model(path)
    keep(path.name, lgb.Booster(model_file=path).predict(x_rows))


lightgbm_model("binary", {"objective": "binary", "sigmoid": 0.7}, binary)
lightgbm_model("multiclass", {"objective": "multiclass", "num_class": 3}, three, rounds=4)
lightgbm_model("ova", {"objective": "multiclassova", "num_class": 3}, three, rounds=3)
lightgbm_model("poisson", {"objective": "poisson"}, counts)
lightgbm_model("linear", {"objective": "regression", "linear_tree": True}, raw)
lightgbm_model("forest", {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, binary)
lightgbm_model("dart", {"objective": "huber", "boosting": "dart", "drop_rate": 0.5}, raw)
lightgbm_model("sqrt", {"objective": "regression", "reg_sqrt": True}, raw)
lightgbm_model("xentlambda", {"objective": "cross_entropy_lambda"}, binary)
codes = np.column_stack([train[NUMBERS].to_numpy(), train_c.city.cat.codes.to_numpy(dtype=float)])
rows_codes = np.column_stack([rows[NUMBERS].to_numpy(), rows_c.city.cat.codes.to_numpy(dtype=float)])
lightgbm_model("positions", {"objective": "regression", "zero_as_missing": True}, raw, codes, rows_codes,
               categorical_feature=[4])


# ---- XGBoost ----------------------------------------------------------------------------------------------
def xgboost_model(name, params, label, x=None, x_rows=None, rounds=5, suffixes=("json",)):
    x, x_rows = (train_c, rows_c) if x is None else (x, x_rows)
    params = {"max_depth": 3, "nthread": 1, "seed": 3, "max_cat_to_onehot": 2, **params}
    booster = xgb.train(params, xgb.DMatrix(x, label, enable_categorical=True), rounds)
    for suffix in suffixes:
        path = FOLDER / f"xgboost_{name}.{suffix}"
        booster.save_model(path)
        keep(path.name, xgb.Booster(model_file=path).predict(xgb.DMatrix(x_rows, enable_categorical=True)))


xgboost_model("binary", {"objective": "binary:logistic"}, binary, suffixes=("json", "ubj"))
xgboost_model("multiclass", {"objective": "multi:softprob", "num_class": 3}, three, rounds=3, suffixes=("ubj",))
xgboost_model("poisson", {"objective": "count:poisson"}, counts, suffixes=("ubj",))
xgboost_model("dart", {"booster": "dart", "rate_drop": 0.5, "one_drop": 1}, raw)
xgboost_model("forest", {"num_parallel_tree": 4, "subsample": 0.6, "objective": "reg:tweedie"}, counts, rounds=2,
              suffixes=("ubj",))
numbers, rows_numbers = train[NUMBERS].to_numpy(), rows[NUMBERS].to_numpy()
xgboost_model("linear", {"booster": "gblinear", "objective": "binary:logistic"}, binary, numbers, rows_numbers)
xgboost_model("positions", {"objective": "reg:squarederror"}, raw, numbers, rows_numbers)
stopped = xgb.XGBClassifier(n_estimators=60, max_depth=3, n_jobs=1, early_stopping_rounds=2, learning_rate=1.0)
stopped.fit(train[NUMBERS][:200], binary[:200], eval_set=[(train[NUMBERS][200:], binary[200:])], verbose=False)
stopped.save_model(FOLDER / "xgboost_stopped.ubj")
keep("xgboost_stopped.ubj", stopped.predict_proba(rows[NUMBERS])[:, 1])


# ---- ONNX -------------------------------------------------------------------------------------------------
full = train[NUMBERS].fillna({"age": 40, "score": 0}).to_numpy(dtype=np.float32)
rows_full = rows[NUMBERS].fillna({"age": 40, "score": 0})
rows_full.to_csv(FOLDER / "rows_full.csv", index=False)
x_rows = rows_full.to_numpy(dtype=np.float32)
names = np.array(["low", "mid", "top"])[three]


def onnx_model(name, model, label, **options):
    model.fit(full, label)
    proto = to_onnx(model, full[:1], options={id(model): options} if options else None)
    save_onnx(name, proto, {proto.graph.input[0].name: x_rows})


def save_onnx(name, proto, inputs):
    onnx.checker.check_model(proto)
    path = FOLDER / f"onnx_{name}.onnx"
    path.write_bytes(proto.SerializeToString())
    outputs = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"]).run(None, inputs)
    if len(outputs) == 1:
        return keep(path.name, outputs[0])
    scores = pd.DataFrame(outputs[1]).to_numpy() if isinstance(outputs[1], list) else outputs[1]
    keep(path.name, scores[:, 1] if scores.shape[1] == 2 else scores)


onnx_model("forest_two", RandomForestClassifier(6, max_depth=4, random_state=1), binary, zipmap=False)
onnx_model("forest_three", RandomForestClassifier(6, max_depth=4, random_state=1), names)
onnx_model("forest_numbers", RandomForestRegressor(6, max_depth=4, random_state=1), raw)
onnx_model("boosting_two", GradientBoostingClassifier(n_estimators=8, random_state=1), binary)
onnx_model("boosting_three", GradientBoostingClassifier(n_estimators=4, random_state=1), names, zipmap=False)
onnx_model("boosting_numbers", GradientBoostingRegressor(n_estimators=8, random_state=1), raw)
# Scaled: ONNX Runtime sums in float32, and loses digits where income is thousands of times the other columns.
onnx_model("logistic_two", make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)), binary)
onnx_model("logistic_three", make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)), names)
onnx_model("linear", make_pipeline(StandardScaler(), LinearRegression()), raw)
onnx_model("network", make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=300, random_state=1)), names)
onnx_model("neighbours", KNeighborsRegressor(3), raw)

# LightGBM as onnxmltools converts it: missing values have a way, and the probabilities are multiplied by 1.
gaps = rows[NUMBERS].to_numpy(dtype=np.float32)
booster = lgb.train({"objective": "binary", "verbosity": -1, "num_leaves": 7, "num_threads": 1, "seed": 3},
                    lgb.Dataset(train[NUMBERS].to_numpy(dtype=np.float32), binary), 6)
proto = convert_lightgbm(booster, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
save_onnx("lightgbm", proto, {"x": gaps})

# The mean of trees, as a graph of its own.
forest = RandomForestRegressor(3, max_depth=3, random_state=1).fit(full, raw)
proto = to_onnx(forest, full[:1])
for attribute in proto.graph.node[0].attribute:
    if attribute.name == "target_weights":
        attribute.floats[:] = [3 * w for w in attribute.floats]
proto.graph.node[0].output[0] = "sum"
proto.graph.node.append(helper.make_node("Div", ["sum", "three"], ["variable"]))
proto.graph.initializer.append(helper.make_tensor("three", TensorProto.FLOAT, [1], [3.0]))
save_onnx("mean", proto, {proto.graph.input[0].name: x_rows})

# A column by name each, texts among them, which are encoded in the graph.
columns = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 1]) for n in ("age", "income")]
columns.append(helper.make_tensor_value_info("city", TensorProto.STRING, [None, 1]))
nodes = [helper.make_node("LabelEncoder", ["city"], ["coded"], domain="ai.onnx.ml", keys_strings=LEVELS,
                          values_floats=[1.0, 2.0, 3.0, 4.0], default_float=-1.0),
         helper.make_node("Concat", ["age", "income", "coded"], ["joined"], axis=1),
         helper.make_node("MatMul", ["joined", "weights"], ["sum"])]
weights = helper.make_tensor("weights", TensorProto.FLOAT, [3, 1], [0.1, -0.002, 1.5])
graph = helper.make_graph(nodes, "texts", columns, [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [None, 1])],
                          [weights])
proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)])
proto.ir_version = 8
filled = rows.fillna({"age": 40})
save_onnx("texts", proto, {"age": filled[["age"]].to_numpy(np.float32), "income": filled[["income"]].to_numpy(np.float32),
                           "city": filled[["city"]].fillna("").to_numpy(dtype=object)})

# An operator of a library of its own (tests/data/foreign holds the model alone): y = gain * x, then the sum of the row.
nodes = [helper.make_node("Amplify", ["x"], ["louder"], domain="kolosal.test", gain=2.5),
         helper.make_node("ReduceSum", ["louder", "axes"], ["y"], keepdims=1)]
graph = helper.make_graph(nodes, "custom", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
                          [helper.make_tensor("axes", TensorProto.INT64, [1], [1])])
proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("kolosal.test", 1)])
proto.ir_version = 8
(FOLDER / "onnx_custom.onnx").write_bytes(proto.SerializeToString())
keep("onnx_custom.onnx", (x_rows * np.float32(2.5)).sum(axis=1))

# One that wants 32 GiB for a row.
nodes = [helper.make_node("Expand", ["x", "shape"], ["many"]),
         helper.make_node("ReduceSum", ["many", "axes"], ["y"], keepdims=1)]
graph = helper.make_graph(nodes, "greedy", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
                          [helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
                           helper.make_tensor("shape", TensorProto.INT64, [2], [1, 2**33])])
proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
proto.ir_version = 8
(FOLDER / "onnx_greedy.onnx").write_bytes(proto.SerializeToString())

with open(FOLDER / "expected.json", "w", encoding="utf-8") as file:
    file.write("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in sorted(expected.items())) + "\n}\n")
