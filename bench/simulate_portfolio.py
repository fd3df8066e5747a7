#!/usr/bin/env python3
"""Learns the order of the portfolio: fits every entry on many tables once, then simulates searches.

    bench/simulate_portfolio.py collect --data DIR --build build/bench --out TRIALS   fits all entries, minutes per table
    bench/simulate_portfolio.py order --out TRIALS                                    prints the learned order and its worth

A search is simulated as the engine runs it: entries in their order, folds side by side on two threads, a greedy blend (Caruana et al. 2004) of
what is done. An order is worth the mean, over tables and budgets, of log(loss of the blend at the budget / loss of the blend of everything).
The order is built greedily by gain per second (Leskovec et al. 2007) and then improved by moving single entries; it is judged on tables that
it was not learned on (four parts).
"""
import argparse
import functools
import json
import os
import pathlib
import subprocess

import numpy as np

import generated_tables
import own_program
import tables

BUDGETS_S = (1, 3, 10, 30, 60)
THREADS = 2
MOST_ROWS = 1500  # validated rows that a simulation looks at
MOST_TABLE_ROWS = 40_000
BLEND_STEPS = 15


def collect(args):
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    program = own_program.compile_program("portfolio_trials.cpp", args.build, pathlib.Path(args.build) / "bin/portfolio_trials")
    work = [(t["name"], os.path.join(args.data, t["file"]), t["target"]) for t in tables.manifest(args.data)]
    generated_tables.write_all(out / "tables")
    work += [(f"gen_{name}", out / "tables" / f"{name}.csv", "target") for name in generated_tables.TABLES]
    for name, path, target in work:
        print(name, flush=True)
        subprocess.run([program, path, target, str(MOST_TABLE_ROWS), out / name], check=True)


class Table:
    """The trials of one table: seconds, and predictions of the same validated rows."""

    def __init__(self, path):
        with open(path, "rb") as file:
            head = json.loads(file.readline())
            values = np.frombuffer(file.read())
        n = head["n_rows"]
        self.name, self.task = path.name, head["task"]
        keep = np.sort(np.random.default_rng(1).permutation(n)[:MOST_ROWS])
        self.target = values[:n][keep]
        self.seconds, self.predictions, at = {}, {}, n
        for trial in head["trials"]:
            size = n * trial["outputs"]
            if trial["label"] != "constant":
                self.predictions[trial["label"]] = values[at:at + size].reshape(n, -1)[keep]
                self.seconds[trial["label"]] = trial["seconds"]
            at += size
        self.blend_loss = functools.lru_cache(maxsize=None)(self._blend_loss)

    def loss(self, prediction):
        if self.task == "regression":
            return np.sqrt(np.mean((prediction[:, 0] - self.target) ** 2))
        if prediction.shape[1] == 1:
            p = np.clip(prediction[:, 0], 1e-7, 1 - 1e-7)
            return -np.mean(np.where(self.target == 1, np.log(p), np.log1p(-p)))
        return -np.mean(np.log(np.clip(prediction[np.arange(len(self.target)), self.target.astype(int)], 1e-7, 1)))

    def _blend_loss(self, labels):
        """labels: a frozenset. Greedy selection with replacement."""
        members = [self.predictions[label] for label in sorted(labels)]
        total, best = 0, np.inf
        for step in range(1, BLEND_STEPS + 1):
            losses = [self.loss((total + member) / step) for member in members]
            chosen = int(np.argmin(losses))
            total = total + members[chosen]
            best = min(best, losses[chosen])
        return best

    def worth(self, order):
        """Mean over the budgets; lower is better."""
        all_loss = self.blend_loss(frozenset(self.predictions))
        out = 0
        for budget in BUDGETS_S:
            done, clock = [], 0
            for label in order:
                if label in self.seconds and clock + self.seconds[label] / THREADS <= 0.85 * budget:
                    clock += self.seconds[label] / THREADS
                    done.append(label)
            # Nothing done: the constant, three times as bad as the first booster would be.
            loss = self.blend_loss(frozenset(done)) if done else 3 * all_loss
            out += np.log(loss / all_loss)
        return out / len(BUDGETS_S)


def worth(order, sets):
    return float(np.mean([table.worth(order) for table in sets]))


def learn(sets, labels):
    """Greedy by gain per second, then moves of single entries."""
    order, left = [], list(labels)
    while left:
        def rate(label):
            out = 0
            for table in sets:
                if label not in table.seconds:
                    continue
                done = frozenset(o for o in order if o in table.seconds)
                before = table.blend_loss(done) if done else 3 * table.blend_loss(frozenset(table.predictions))
                gain = np.log(before / table.blend_loss(done | {label}))
                out += gain / (0.02 * sum(table.seconds.values()) + table.seconds[label])
            return out
        best = max(left, key=rate)
        order.append(best)
        left.remove(best)
    value, improved = worth(order, sets), True
    while improved:
        improved = False
        for label in list(order):
            rest = [o for o in order if o != label]
            moves = [rest[:i] + [label] + rest[i:] for i in range(len(order))]
            values = [worth(move, sets) for move in moves]
            if min(values) < value - 1e-5:
                value, order, improved = min(values), moves[int(np.argmin(values))], True
    return order


def judge_unseen(sets, labels, n_parts=4):
    """Per table, the worth of an order that was learned on the other parts."""
    out = [0.0] * len(sets)
    for part in range(n_parts):
        order = learn([table for k, table in enumerate(sets) if k % n_parts != part], labels)
        for k in range(part, len(sets), n_parts):
            out[k] = worth(order, [sets[k]])
    return out


def show(args):
    sets = [Table(path) for path in sorted(pathlib.Path(args.out).iterdir()) if path.is_file()]
    labels = list(dict.fromkeys(label for table in sets for label in table.seconds))
    current = [label for label in labels if label not in args.leave_out.split(",")]
    order = learn(sets, labels)
    print("learned order")
    for n, label in enumerate(order, 1):
        with_it, without = worth(order[:n], sets), worth(order[:n - 1], sets) if n > 1 else float("nan")
        seconds = np.median([t.seconds[label] for t in sets if label in t.seconds])
        print(f"  {n:2} {label:28} median {seconds:6.2f} s   worth so far {with_it:.4f}  gain {without - with_it:.4f}")
    held_out = judge_unseen(sets, labels) if args.held_out else []
    print(f"worth (lower is better): order of the portfolio {worth(current, sets):.4f}, learned {worth(order, sets):.4f}"
          + (f", learned on other tables {np.mean(held_out):.4f}" if held_out else ""))
    for k, table in enumerate(sets):
        print(f"  {table.name:24} portfolio {table.worth(current):.4f}  learned {table.worth(order):.4f}"
              + (f"  held out {held_out[k]:.4f}" if held_out else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("collect", "order"))
    parser.add_argument("--data")
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--out", required=True)
    parser.add_argument("--leave-out", default="", help="entries that are not in the portfolio now, by commas")
    parser.add_argument("--held-out", action="store_true", help="also judge orders on tables they were not learned on")
    args = parser.parse_args()
    collect(args) if args.what == "collect" else show(args)


if __name__ == "__main__":
    main()
