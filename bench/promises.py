#!/usr/bin/env python3
"""What kolosal promises of time, memory, restarts and bytes, measured from outside.

  bench/promises.py budget --data DIR [--budgets 5,10,30] [--sets ...] [--generated-rows 1000000] [--busy] [--threads 2]
                                             wall time over the budget, peak memory, and whether more time gave a lower validated score
  bench/promises.py start  --data DIR        version time, seconds to the first valid model, peak memory on adult
  bench/promises.py bytes  --data DIR [--sets ...]  same seed, same model bytes with 1, 2 and 3 threads, and again with 2
  bench/promises.py kill   --data DIR        kill -9 at ten random moments, then --resume
"""
import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from tables import generated, manifest, split

KOLOSAL = os.environ.get("KOLOSAL_BIN", os.path.join(os.path.dirname(__file__), "..", "build", "release", "bin", "kolosal"))


def train(data, target, output, *more, **options):
    return subprocess.Popen([KOLOSAL, "train", "--data", data, "--target", target, "--output", output, "--progress", "none", *more],
                            stdout=subprocess.DEVNULL, **options)


def is_valid(model):
    return subprocess.run([KOLOSAL, "info", model], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def validated(model):
    """The model's own validated score, larger is better, and on what rows it was taken."""
    about = json.loads(subprocess.run([KOLOSAL, "info", model, "--json"], stdout=subprocess.PIPE, check=True).stdout)
    return about["score"] * (1 if about["higher_is_better"] else -1), about["validation"]


def tell_of_more_time(name, scores):
    """scores: budget -> validated(). Scores on other rows differ by chance too, so that is said."""
    first, last = min(scores), max(scores)
    (before, rows_before), (after, rows_after) = scores[first], scores[last]
    rows = "" if rows_before == rows_after else f" (not the same rows: {rows_before}; {rows_after})"
    print(f"{name:16s} validated {before:.6g} at {first:g} s, {after:.6g} at {last:g} s: {'no worse' if after >= before else 'WORSE'}{rows}",
          flush=True)
    return after < before


def budget(args):
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if args.busy else None
    try:
        return budgets_kept(args)
    finally:
        if spinner:
            spinner.kill()


def budgets_kept(args):
    failures = worse = 0
    with tempfile.TemporaryDirectory() as work:
        jobs = [(t["name"], split(args.data, t, 1, tempfile.mkdtemp(dir=work))["train"], t["target"]) for t in manifest(args.data)]
        if args.generated_rows:
            path = os.path.join(work, "generated.csv")
            generated(path, args.generated_rows)
            jobs.append((f"{args.generated_rows} x 30", path, "label"))
        wanted = [name for name in args.sets.split(",") if name]
        for name, path, target in jobs:
            if wanted and name not in wanted:
                continue
            scores = {}
            for seconds in (float(s) for s in args.budgets.split(",")):
                model = os.path.join(work, "m.kolosal")
                start = time.monotonic()
                child = train(path, target, model, "--time-budget", str(seconds), "--threads", str(args.threads))
                _, status, usage = os.wait4(child.pid, 0)
                wall = time.monotonic() - start
                over = wall - seconds
                ok = status == 0 and over <= max(0.02 * seconds, 0.3) and is_valid(model)
                failures += not ok
                print(f"{name:16s} budget {seconds:5.1f} s  wall {wall:6.2f} s  over {over:+.2f} s  peak {usage.ru_maxrss / 1024:5.0f} MB  "
                      f"{'ok' if ok else 'FAILED'}", flush=True)
                if ok:
                    scores[seconds] = validated(model)
            if len(scores) > 1:
                worse += tell_of_more_time(name, scores)
    print(f"{failures} failures; more time gave a lower validated score on {worse} tables")
    return failures


def adult(args, work):
    table = next(t for t in manifest(args.data) if t["name"] == "adult")
    return split(args.data, table, 1, work)["train"], table["target"]


def start(args):
    best = min(timed([KOLOSAL, "--version"]) for _ in range(10))
    print(f"--version {1000 * best:.1f} ms")
    with tempfile.TemporaryDirectory() as work:
        data, target = adult(args, work)
        model = os.path.join(work, "m.kolosal")
        begin = time.monotonic()
        child = train(data, target, model, "--time-budget", "20")
        while not os.path.exists(model):
            time.sleep(0.005)
        print(f"first model file after {time.monotonic() - begin:.2f} s, valid: {is_valid(model)}")
        _, _, usage = os.wait4(child.pid, 0)
        print(f"peak memory on adult {usage.ru_maxrss / 1024:.0f} MB")


def timed(command):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def same_bytes(args):
    wanted = (args.sets or "adult,titanic,mpg,wine_white,mammography").split(",")
    failures = 0
    for table in (t for t in manifest(args.data) if t["name"] in wanted):
        with tempfile.TemporaryDirectory() as work:
            data = split(args.data, table, 1, work)["train"]
            sums = []
            for threads in (1, 2, 3, 2):
                model = os.path.join(work, f"m{threads}.kolosal")
                if train(data, table["target"], model, "--trials", "12", "--seed", "7", "--threads", str(threads)).wait() != 0:
                    raise SystemExit("training failed")
                sums.append(hashlib.sha256(open(model, "rb").read()).hexdigest())
        is_same = len(set(sums)) == 1
        failures += not is_same
        print(f"{table['name']:16s} --threads 1, 2, 3, 2: {'identical ' + sums[0][:16] if is_same else 'DIFFERENT ' + ' '.join(d[:16] for d in sums)}",
              flush=True)
    return failures


def kill(args):
    rng = random.Random(args.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as work:
        data, target = adult(args, work)
        for turn in range(10):
            model = os.path.join(work, f"m{turn}.kolosal")
            child = train(data, target, model, "--time-budget", "10")
            moment = rng.uniform(0.05, 9.5)
            time.sleep(moment)
            child.send_signal(signal.SIGKILL)
            child.wait()
            before = is_valid(model) if os.path.exists(model) else None
            code = train(data, target, model, "--time-budget", "10", "--resume").wait()
            ok = before is not False and code == 0 and is_valid(model)
            failures += not ok
            print(f"killed after {moment:.2f} s: model {'absent' if before is None else 'valid' if before else 'DAMAGED'}; "
                  f"resume exit code {code}: {'ok' if ok else 'FAILED'}", flush=True)
    print(f"{failures} failures")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["budget", "start", "bytes", "kill"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--budgets", default="5,10,30")
    parser.add_argument("--sets", default="")
    parser.add_argument("--generated-rows", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--busy", action="store_true", help="keep one core busy meanwhile")
    args = parser.parse_args()
    sys.exit(1 if {"budget": budget, "start": start, "bytes": same_bytes, "kill": kill}[args.what](args) else 0)


if __name__ == "__main__":
    main()
