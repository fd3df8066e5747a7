#!/usr/bin/env python3
"""Test scores of kolosal under a time budget against LightGBM with early stopping, on the same splits, in one run.

  bench/quality.py --data DIR [--budget 30] [--seeds 1,2,3] [--sets adult,titanic] [--python PY] [--busy]

DIR holds manifest.json and its tables (bench/tables.py). PY is a Python with lightgbm and pandas. --busy keeps one core
busy meanwhile. Prints each score, the mean over the seeds, and our error over the peer's (below 1: we are better); also the
longest wall time of training over the budget and the peak memory.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

from scores import METRIC, score
from tables import manifest, split

KOLOSAL = os.environ.get("KOLOSAL_BIN", os.path.join(os.path.dirname(__file__), "..", "build", "release", "bin", "kolosal"))


def run_kolosal(paths, table, budget, seed, work, extra):
    model, out = os.path.join(work, "model.kolosal"), os.path.join(work, "kolosal.csv")
    start = time.monotonic()
    subprocess.run([KOLOSAL, "train", "--data", paths["train"], "--target", table["target"], "--time-budget", str(budget),
                    "--seed", str(seed), "--output", model, "--progress", "none", *extra], check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - start
    proba = [] if table["task"] == "regression" else ["--proba"]
    subprocess.run([KOLOSAL, "predict", "--model", model, "--data", paths["features"], "--output", out, *proba], check=True)
    return out, wall, os.path.getsize(model)


def run_peer(python, paths, table, seed, work):
    out = os.path.join(work, "peer.csv")
    peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lightgbm_peer.py")
    subprocess.run([python, peer, paths["train"], paths["features"], table["target"], table["task"], str(seed), out], check=True,
                   env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--budget", type=float, default=30)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--sets", default="")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("kolosal_args", nargs="*", help="after --: passed to kolosal train")
    args = parser.parse_args()
    wanted = [name for name in args.sets.split(",") if name]
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if args.busy else None
    wins = ties = n = 0
    try:
        for table in manifest(args.data):
            if wanted and table["name"] not in wanted:
                continue
            name, higher = METRIC[table["task"]]
            ours, peers, walls = [], [], []
            for seed in (int(s) for s in args.seeds.split(",")):
                with tempfile.TemporaryDirectory() as work:
                    paths = split(args.data, table, seed, work)
                    predictions, wall, n_bytes = run_kolosal(paths, table, args.budget, seed, work, args.kolosal_args)
                    ours.append(score(paths["test"], table["target"], table["task"], predictions))
                    walls.append(wall)
                    peer = run_peer(args.python, paths, table, seed, work)
                    peers.append(score(paths["test"], table["target"], table["task"], peer))
            mean, peer = sum(ours) / len(ours), sum(peers) / len(peers)
            ratio = (1 - mean) / (1 - peer) if higher else mean / peer
            n += 1
            wins += ratio < 1
            print(f"{table['name']:14s} {name:8s} kolosal {mean:.5f} [{', '.join(f'{v:.5f}' for v in ours)}]  lightgbm {peer:.5f}"
                  f"  error ratio {ratio:.3f}  wall/budget {max(walls) / args.budget:.3f}  model {n_bytes / 1e6:.1f} MB", flush=True)
    finally:
        if spinner:
            spinner.kill()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"better on {wins} of {n}; peak memory of any child {peak:.0f} MB")


if __name__ == "__main__":
    main()
