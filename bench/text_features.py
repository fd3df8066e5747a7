#!/usr/bin/env python3
"""Our text_tfidf against scikit-learn's TfidfVectorizer on short texts: seconds of fit_transform and transform, peak memory.

  bench/text_features.py --build build/release [--rows 100000] [--runs 5]

Texts are made up: 4 to 16 words drawn by Zipf's law from 50,000. Runs of both alternate, and the fastest of each counts; ours
uses 2 threads, scikit-learn's has one. Both must make the same matrix. Needs numpy and scikit-learn, and a build folder with
the transform module compiled.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

import numpy as np

from own_program import compile_program

CASES = {
    "words": {},
    "words and pairs": {"ngram_max": 2},
    "pairs, frequent": {"ngram_max": 2, "min_rows": 5, "max_features": 20000},
    "char_wb 3 to 5": {"analyzer": "char_wb", "ngram_min": 3, "ngram_max": 5},
}


def write_texts(path, n_rows):
    rng = np.random.default_rng(1)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    weights = 1 / np.arange(2, 28)
    words = ["".join(rng.choice(letters, size=n, p=weights / weights.sum())) for n in rng.integers(2, 11, size=50000)]
    shares = np.cumsum(1 / np.arange(1, len(words) + 1))
    lengths = rng.integers(4, 17, size=n_rows)
    drawn = iter(np.searchsorted(shares, rng.uniform(0, shares[-1], size=lengths.sum())).tolist())
    with open(path, "w") as out:
        for n in lengths:
            text = [words[next(drawn)] for _ in range(n)]
            text[0] = text[0].capitalize()
            out.write(", ".join([" ".join(text[:3]), " ".join(text[3:])]) + ".\n")


def peer(path, params):
    from sklearn.feature_extraction.text import TfidfVectorizer
    texts = open(path).read().splitlines()
    vectorizer = TfidfVectorizer(analyzer=params.get("analyzer", "word"), min_df=params.get("min_rows", 1),
                                 ngram_range=(params.get("ngram_min", 1), params.get("ngram_max", 1)),
                                 max_features=params.get("max_features"))
    start = time.perf_counter()
    matrix = vectorizer.fit_transform(texts)
    fitted = time.perf_counter()
    vectorizer.transform(texts)
    print(json.dumps({"fit_transform_s": fitted - start, "transform_s": time.perf_counter() - fitted,
                      "width": matrix.shape[1], "cells": matrix.nnz, "sum": float(matrix.sum())}))


def run(command):
    """The printed measurements and the peak memory in MB."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {command}")
    return [json.loads(line) for line in out.splitlines()], usage.ru_maxrss / 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", type=pathlib.Path)
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    a = arguments.parse_args()
    if a.peer:
        return peer(a.peer[0], json.loads(a.peer[1]))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        compile_program("text_bench.cpp", a.build, folder / "bench")
        texts = folder / "texts"
        write_texts(texts, a.rows)
        print(f"{'case':<18}{'features':>9}{'ours s':>9}{'peer s':>9}{'ratio':>7}{'apply s':>9}{'peer s':>9}{'ratio':>7}{'MB':>7}{'peer MB':>9}", flush=True)
        for case, params in CASES.items():
            if a.only not in case:
                continue
            best = {}
            for _ in range(a.runs):
                for who, command in (
                        ("ours", [folder / "bench", texts, str(a.threads), "1", "text_tfidf", *(f"{k}={v}" for k, v in params.items())]),
                        ("peer", [sys.executable, __file__, "--peer", str(texts), json.dumps(params)])):
                    (result,), memory = run(command)
                    best.setdefault(who, (result, memory))
                    for key in ("fit_transform_s", "transform_s"):
                        best[who][0][key] = min(best[who][0][key], result[key])
            (ours, ours_mb), (theirs, peer_mb) = best["ours"], best["peer"]
            same = ours["width"] == theirs["width"] and ("max_features" in params or (
                ours["cells"] == theirs["cells"] and abs(ours["sum"] / theirs["sum"] - 1) < 1e-6))
            if not same:
                raise SystemExit(f"{case}: the matrices differ: {ours} {theirs}")
            print(f"{case:<18}{ours['width']:>9}{ours['fit_transform_s']:>9.3f}{theirs['fit_transform_s']:>9.3f}"
                  f"{theirs['fit_transform_s'] / ours['fit_transform_s']:>7.1f}{ours['transform_s']:>9.3f}{theirs['transform_s']:>9.3f}"
                  f"{theirs['transform_s'] / ours['transform_s']:>7.1f}{ours_mb:>7.0f}{peer_mb:>9.0f}", flush=True)


if __name__ == "__main__":
    main()
