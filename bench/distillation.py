#!/usr/bin/env python3
"""What a distilled forest says of itself, and what it is like on rows that nobody has seen.

  bench/distillation.py --data DIR [--sets titanic,wine_white,mpg] [--seeds 1,2,3] [--trials 16]

Per table, mean over the seeds: the score that the run reports and the one on the test part, of the blend and of the forest, and the
cost (blend less forest, above 0: the forest is worse) by both; bytes of both models; nanoseconds per row when rows come one at a
time, of all their forests, as `kolosal info MODEL --kernels` measures them (learners of other kinds are counted, not timed).
"""
import argparse
import json
import os
import subprocess
import tempfile

from scores import METRIC, score
from tables import manifest, split

HERE = os.path.dirname(os.path.abspath(__file__))
KOLOSAL = os.environ.get("KOLOSAL_BIN", os.path.join(HERE, "..", "build", "release", "bin", "kolosal"))
OUR_METRIC = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def kolosal(*words):
    return subprocess.run([KOLOSAL, *map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout


def one_row_ns(model):
    """Of all forests together, and how many learners are none."""
    learners = json.loads(kolosal("info", model, "--kernels", "--json"))
    ns = 0
    for learner in learners:
        singles = [timing for timing in learner["timings"] if timing["rows"] == 1]
        ns += sum(min(kernel["ns_per_row"] for kernel in timing["kernels"]) for timing in singles)
    return ns, sum(not learner["timings"] for learner in learners)


def measured(paths, table, seed, trials, work, *more):
    model, out = os.path.join(work, "model.kolosal"), os.path.join(work, "predictions.csv")
    result = json.loads(kolosal("train", "--data", paths["train"], "--target", table["target"], "--metric", OUR_METRIC[table["task"]],
                                "--trials", trials, "--seed", seed, "--output", model, "--progress", "none", "--no-history", "--json",
                                *more))
    kolosal("predict", "--model", model, "--data", paths["features"], "--output", out,
            *([] if table["task"] == "regression" else ["--proba"]))
    ns, n_others = one_row_ns(model)
    return {"reported": result["score"], "test": score(paths["test"], table["target"], table["task"], out),
            "bytes": result["model_bytes"], "ns": ns, "others": n_others, "costs": result.get("distillation")}


def mean(values):
    return sum(values) / len(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--sets", default="")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--trials", type=int, default=16)
    args = parser.parse_args()
    wanted = [name for name in args.sets.split(",") if name]
    for table in manifest(args.data):
        if wanted and table["name"] not in wanted:
            continue
        _, higher = METRIC[table["task"]]
        blends, forests = [], []
        for seed in (int(s) for s in args.seeds.split(",")):
            with tempfile.TemporaryDirectory() as work:
                paths = split(args.data, table, seed, work)
                blends.append(measured(paths, table, seed, args.trials, work))
                forests.append(measured(paths, table, seed, args.trials, work, "--distill"))
        figures = {(who, key): mean([row[key] for row in rows]) for who, rows in (("blend", blends), ("forest", forests))
                   for key in ("reported", "test", "bytes", "ns", "others")}
        sign = 1 if higher else -1
        told = mean([row["costs"]["cost"] if row["costs"] else float("nan") for row in forests])
        true = sign * (figures["blend", "test"] - figures["forest", "test"])
        print(f"{table['name']:14s} {OUR_METRIC[table['task']]:9s} " + "  ".join(
            f"{who} {figures[who, 'reported']:.4f} told {figures[who, 'test']:.4f} on new rows, {figures[who, 'bytes'] / 1e3:.0f} kB, "
            f"{figures[who, 'ns']:.0f} ns (+ {figures[who, 'others']:.0f} not timed)" for who in ("blend", "forest")) +
            f"  cost {told:.4f} told {true:.4f} on new rows", flush=True)


if __name__ == "__main__":
    main()
