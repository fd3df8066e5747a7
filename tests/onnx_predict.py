"""Predicts a CSV with an ONNX model that kolosal wrote: a line of numbers per row, as JSON.

    python onnx_predict.py MODEL.onnx TABLE.csv

Runs in whatever Python has onnxruntime and numpy; test_cli_export.py calls it. Cells that are empty or a question mark are missing.
"""

import csv
import json
import sys

import numpy as np
import onnxruntime


def main(model, table):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    feed = {}
    for given in session.get_inputs():
        cells = ["" if row[given.name] == "?" else row[given.name] for row in rows]
        if given.type == "tensor(string)":
            feed[given.name] = np.array(cells, dtype=object).reshape(-1, 1)
        else:
            words = {"true": 1.0, "false": 0.0}
            numbers = [words.get(cell.lower(), cell or np.nan) for cell in cells]
            feed[given.name] = np.array(numbers, dtype=np.float64).reshape(-1, 1)
    names = [given.name for given in session.get_outputs()]
    made = dict(zip(names, session.run(names, feed)))
    numbers = made.get("probabilities", made.get("prediction"))
    print(json.dumps({"numbers": numbers.tolist(), "labels": made["label"].tolist() if "label" in made else None}))


if __name__ == "__main__":
    main(*sys.argv[1:])
