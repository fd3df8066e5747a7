#!/usr/bin/env python3
"""One JSON row to its prediction through the C library, against scikit-learn's Pipeline on a one-row DataFrame.

  bench/row_latency.py --model adult.kolosal --table adult.csv --library build/bench/lib/libkolosal.so

The rows are those of the table. The peers are fitted on the same table in the Python of --python (with pandas and
scikit-learn): a Pipeline of imputation, scaling, one-hot encoding and a learner, asked as a server would ask it, with a
DataFrame of one row made from the parsed JSON object. Both sides begin with the bytes of the JSON text.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples/python"))

PEER = r"""
import json, sys, time
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
rows_path, labels_path, is_class, seconds = sys.argv[1], sys.argv[2], sys.argv[3] == "1", float(sys.argv[4])
texts = open(rows_path, "rb").read().splitlines()
table = pd.DataFrame([json.loads(text) for text in texts])
target = json.load(open(labels_path))
names = [c for c in table if table[c].dtype != object and str(table[c].dtype) not in ("str", "string")]
levels = [c for c in table if c not in names]
def prepare():
    return ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), StandardScaler()), names),
                              ("levels", OneHotEncoder(handle_unknown="ignore", sparse_output=False), levels)])
learners = [HistGradientBoostingClassifier(max_iter=300), LogisticRegression(max_iter=300)] if is_class else \
           [HistGradientBoostingRegressor(max_iter=300), Ridge()]
for learner in learners:
    pipeline = Pipeline([("prepare", prepare()), ("learn", learner)]).fit(table, target)
    ask = pipeline.predict_proba if is_class else pipeline.predict
    took, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(took) < 50:
        text = texts[len(took) % len(texts)]
        start = time.perf_counter_ns()
        ask(pd.DataFrame([json.loads(text)], columns=table.columns))
        took.append((time.perf_counter_ns() - start) / 1000)
    took = sorted(took[10:])
    print(type(learner).__name__, took[len(took) // 2], took[len(took) * 99 // 100])
"""


def rows_of(table, schema, target, n_rows):
    """JSON texts as a client would send them, and the targets."""
    texts, targets = [], []
    with open(table, newline="") as file:
        for row in csv.DictReader(file):
            if len(texts) == n_rows:
                break
            cells = {}
            for column in schema["columns"]:
                cell = row[column["name"]]
                is_number = column["type"] in ("int", "float", "float32")
                cells[column["name"]] = None if cell in ("", "?") else float(cell) if is_number else cell
            texts.append(json.dumps(cells))
            targets.append(row[target])
    return texts, targets


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--table", required=True, help="CSV with the columns of the model and its target")
    parser.add_argument("--library", default="build/bench/lib/libkolosal.so")
    parser.add_argument("--python", help="a Python with pandas and scikit-learn; without it there is no peer")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    from predict_ctypes import Model
    model = Model(options.library, options.model)
    schema = model.schema
    model.close()
    texts, targets = rows_of(options.table, schema, schema["target"], options.rows)
    with tempfile.TemporaryDirectory() as folder:
        rows, labels, program = (pathlib.Path(folder) / name for name in ("rows.jsonl", "labels.json", "row_latency"))
        rows.write_text("\n".join(texts) + "\n")
        subprocess.run(["gcc", "-O2", "-rdynamic", "-o", program, str(HERE / "row_latency.c"), "-ldl"], check=True)
        library = str(pathlib.Path(options.library).resolve())
        told = subprocess.run([program, library, options.model, rows, str(options.seconds)], check=True, capture_output=True, text=True)
        n, p50, p99, p999, n_allocations = told.stdout.split()
        print(f"{'':32}{'p50 us':>12}{'p99 us':>12}{'ratio p50':>12}")
        print(f"{'kolosal, C library':32}{float(p50):12.2f}{float(p99):12.2f}{'':12}   p99.9 {p999}, {n} calls, {n_allocations} allocations")
        if not options.python:
            return
        is_class = schema["task"] != "regression"
        labels.write_text(json.dumps(targets if is_class else [float(y) for y in targets]))
        peer = subprocess.run([options.python, "-c", PEER, rows, labels, "1" if is_class else "0", str(options.seconds)], check=True,
                              capture_output=True, text=True)
        for line in peer.stdout.splitlines():
            name, peer_p50, peer_p99 = line.split()
            print(f"{name:32}{float(peer_p50):12.2f}{float(peer_p99):12.2f}{float(peer_p50) / float(p50):12.0f}")


if __name__ == "__main__":
    main()
