#!/usr/bin/env python3
"""AutoML race: kolosal and its peers on the same splits, one after the other, each in a process of its own.

  bench/automl_race.py --data DIR [--budget 30] [--seeds 1,2,3] [--sets adult,titanic] [--threads 2] [--busy]
         [--peer lightgbm=PYTHON] [--peer flaml=PYTHON] [--peer autogluon=PYTHON] [--peer h2o=PYTHON] [--peer lightautoml=PYTHON] [--out FILE.jsonl] [-- train options]

DIR holds manifest.json and its tables (bench/tables.py). Each peer has a Python of its own (bench/automl_peers.py). With --out every
result is kept, and what is there already is not run again (kolosal always is). --busy keeps one core busy meanwhile.

Prints per table the test score of each (AUC, log loss or RMSE; mean over the seeds), then per peer: the mean rank, on how many
tables we are better or equal, the geometric mean of our error over theirs, the longest time over the budget and the peak memory.
Times are of the whole process for us, and of the fit alone for the peers.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

from scores import METRIC, score
from tables import manifest, split

HERE = os.path.dirname(os.path.abspath(__file__))
KOLOSAL = os.environ.get("KOLOSAL_BIN", os.path.join(HERE, "..", "build", "release", "bin", "kolosal"))


def measured(command, **options):
    """Runs it. Returns its wall seconds, peak memory of any of its processes in MB, and output."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - start, usage.ru_maxrss / 1024, output


def run_kolosal(paths, table, seed, work, args):
    model, out = os.path.join(work, "model.kolosal"), os.path.join(work, "kolosal.csv")
    wall, peak, _ = measured([KOLOSAL, "train", "--data", paths["train"], "--target", table["target"], "--time-budget", str(args.budget),
                              "--seed", str(seed), "--output", model, "--progress", "none", "--threads", str(args.threads),
                              *args.kolosal_args])
    proba = [] if table["task"] == "regression" else ["--proba"]
    subprocess.run([KOLOSAL, "predict", "--model", model, "--data", paths["features"], "--output", out, *proba], check=True)
    return {"fit_s": wall, "peak_mb": peak, "model_mb": os.path.getsize(model) / 1e6}, out


def run_peer(name, python, paths, table, seed, work, args):
    out = os.path.join(work, name + ".csv")
    count = str(args.threads)
    _, peak, output = measured([python, os.path.join(HERE, "automl_peers.py"), name, paths["train"], paths["features"], table["target"],
                                table["task"], str(seed), str(args.budget), count, out], cwd=work,
                               stderr=subprocess.DEVNULL, env={**os.environ, "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": count})
    return {"fit_s": float(output.split()[-1]), "peak_mb": peak}, out


def known_results(path, args):
    """(table, seed, name) -> result of earlier runs with the same budget, threads and load."""
    out = {}
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                if (row["budget"], row["threads"], row["busy"]) == (args.budget, args.threads, args.busy):
                    out[row["table"], row["seed"], row["name"]] = row
    return out


def race(args, peers):
    wanted = [name for name in args.sets.split(",") if name]
    results = known_results(args.out, args)
    for table in manifest(args.data):
        if wanted and table["name"] not in wanted:
            continue
        for seed in (int(s) for s in args.seeds.split(",")):
            with tempfile.TemporaryDirectory() as work:
                paths = split(args.data, table, seed, work)
                for name in ["kolosal", *peers]:
                    if name != "kolosal" and (table["name"], seed, name) in results:
                        continue
                    try:
                        row, out = (run_kolosal(paths, table, seed, work, args) if name == "kolosal" else
                                    run_peer(name, peers[name], paths, table, seed, work, args))
                        row["score"] = score(paths["test"], table["target"], table["task"], out)
                    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
                        print(f"{table['name']} seed {seed}: {name} failed: {error}", file=sys.stderr)
                        row = {"score": None, "fit_s": None, "peak_mb": None}
                    row.update(table=table["name"], task=table["task"], seed=seed, name=name, budget=args.budget, threads=args.threads,
                               busy=args.busy)
                    results[table["name"], seed, name] = row
                    if args.out:
                        with open(args.out, "a", encoding="utf-8") as file:
                            file.write(json.dumps(row) + "\n")
        yield table, results


def mean(values):
    return sum(values) / len(values)


def scores_of(table, results, names, seeds):
    """Mean test score per name; without those that failed on a seed."""
    out = {}
    for name in names:
        values = [results[table["name"], seed, name]["score"] for seed in seeds]
        if None not in values:
            out[name] = mean(values)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--budget", type=float, default=30)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--sets", default="")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--out")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("kolosal_args", nargs="*", help="after --: passed to kolosal train")
    args = parser.parse_args()
    peers = dict(entry.split("=", 1) for entry in args.peer)
    names, seeds = ["kolosal", *peers], [int(s) for s in args.seeds.split(",")]
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if args.busy else None
    ranks, ratios, overtime, peaks = ({name: [] for name in names} for _ in range(4))
    try:
        for table, results in race(args, peers):
            metric, higher = METRIC[table["task"]]
            found = scores_of(table, results, names, seeds)
            order = sorted(found.values(), reverse=higher)
            for name, value in found.items():
                ranks[name].append(mean([i + 1 for i, other in enumerate(order) if other == value]))
                error = (lambda v: 1 - v) if higher else (lambda v: v)
                if "kolosal" in found:
                    ratios[name].append(max(error(found["kolosal"]), 1e-9) / max(error(value), 1e-9))
                for seed in seeds:
                    row = results[table["name"], seed, name]
                    overtime[name].append(row["fit_s"] - args.budget)
                    peaks[name].append(row["peak_mb"])
            print(f"{table['name']:14s} {metric:8s} " + "  ".join(f"{name} {value:.5f}" for name, value in found.items()), flush=True)
    finally:
        if spinner:
            spinner.kill()
    print(f"\n{'':16s}{'mean rank':>10s}{'we win or tie':>15s}{'our error / theirs':>20s}{'over budget, s':>16s}{'peak MB':>9s}")
    for name in names:
        if not ranks[name]:
            continue
        wins = sum(ratio <= 1 for ratio in ratios[name])
        geometric = math.exp(mean([math.log(ratio) for ratio in ratios[name]])) if ratios[name] else math.nan
        print(f"{name:16s}{mean(ranks[name]):10.2f}{wins:8d} of {len(ratios[name]):3d}{geometric:20.3f}{max(overtime[name]):16.2f}"
              f"{max(peaks[name]):9.0f}")


if __name__ == "__main__":
    main()
