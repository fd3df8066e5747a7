"""Tables for the benchmarks: a folder with manifest.json, split into training and test part by seed.

manifest.json is a list of {"name", "file", "target", "task"}; task is binary, multiclass or regression.
"""
import csv
import json
import os
import random


def manifest(folder):
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        return json.load(file)


def read_rows(path):
    csv.field_size_limit(1 << 27)
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


def write_rows(path, head, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def split(folder, table, seed, out, test_share=0.25):
    """Writes train.csv, test.csv and features.csv (test without its target) into out; stratified by class."""
    head, rows = read_rows(os.path.join(folder, table["file"]))
    at = head.index(table["target"])
    by_class = {}
    for i, row in enumerate(rows):
        by_class.setdefault("" if table["task"] == "regression" else row[at], []).append(i)
    rng = random.Random(seed)
    train, test = [], []
    for key in sorted(by_class):
        members = by_class[key]
        rng.shuffle(members)
        n_train = max(1, round(len(members) * (1 - test_share)))
        train += members[:n_train]
        test += members[n_train:]
    paths = {name: os.path.join(out, name + ".csv") for name in ("train", "test", "features")}
    write_rows(paths["train"], head, [rows[i] for i in sorted(train)])
    write_rows(paths["test"], head, [rows[i] for i in sorted(test)])
    drop = lambda row: row[:at] + row[at + 1:]
    write_rows(paths["features"], drop(head), [drop(rows[i]) for i in sorted(test)])
    return paths


def generated(path, n_rows, n_columns=30, seed=0):
    """n_rows x n_columns: numbers, four category columns, some missing cells, a binary target with noise."""
    rng = random.Random(seed)
    n_numbers = n_columns - 4
    levels = [[f"c{j}_{k}" for k in range(size)] for j, size in enumerate((3, 12, 60, 400))]
    with open(path, "w", encoding="utf-8") as file:
        file.write(",".join([f"x{i}" for i in range(n_numbers)] + [f"k{j}" for j in range(4)] + ["label"]) + "\n")
        gauss, uniform = rng.gauss, rng.random
        for _ in range(n_rows):
            x = [gauss(0, 1) for _ in range(n_numbers)]
            k = [int(uniform() * len(names)) for names in levels]
            z = x[0] * x[1] + (x[2] > 0.3) * x[3] + 0.5 * x[4] + 0.3 * (k[1] % 3) + 0.2 * (k[3] % 7 == 0) + gauss(0, 1)
            cells = ["" if uniform() < 0.02 else f"{v:.4f}" for v in x] + [names[c] for names, c in zip(levels, k)]
            file.write(",".join(cells) + ("," + ("yes" if z > 0.6 else "no")) + "\n")
