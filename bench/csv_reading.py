#!/usr/bin/env python3
"""CSV to typed columns: us against polars, pandas, pyarrow and DuckDB, each read in a process of its own.

  bench/csv_reading.py --build build/release --python PY [--threads 2] [--rounds 5] [--megabytes 200] [--file FILE]

The table is made by seed: 18 columns of whole numbers, floats, categories, dates, timestamps, booleans, free text, with missing
cells and quoted cells that hold delimiters. We type all rows. The rounds interleave the engines; the least of each counts.
PY needs the peers and numpy. Row counts, missing cells and sums of all columns must agree, or nothing is printed but the difference.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

from own_program import compile_program

DATES = ["day", "due"]
STAMPS = ["at", "seen"]


def make(path, megabytes, seed=7):
    import numpy as np
    import polars as pl
    rng = np.random.default_rng(seed)
    words = np.array("order shipped late customer asked for refund parcel damaged box returned paid by card thanks quick "
                     "delivery wrong size colour blue red seller reply within hours never arrived great value".split(), object)
    part_rows = 100_000
    first = 0
    with open(path, "wb") as out:
        while out.tell() < megabytes * 1e6:
            n = part_rows
            level = lambda prefix, size: np.array([f"{prefix}{i}" for i in range(size)], object)[
                np.minimum((size * rng.random(n) ** 1.5).astype(int), size - 1)]
            day = lambda count: (count * 86_400_000).astype("datetime64[ms]")
            days = rng.integers(17_897, 19_897, n)  # since 1970: from 2019 on
            moment = lambda count: (count * 1000).astype("datetime64[ms]")
            seconds = 1_672_531_200 + rng.integers(0, 60_000_000, n)  # from 2023 on
            text = [" ".join(words[rng.integers(0, len(words), k)]) for k in rng.integers(6, 11, n)]
            marks = rng.random(n)
            text = [t + ", said \"no\"" if m < 0.03 else t.replace(" ", ", ", 1) if m < 0.15 else t for t, m in zip(text, marks)]
            table = pl.DataFrame({
                "id": np.arange(first, first + n), "quantity": rng.integers(0, 100, n), "stock": rng.integers(-50_000, 1_000_000, n),
                "price": np.round(rng.lognormal(3, 1, n), 2), "discount": np.round(rng.random(n), 4),
                "ratio": np.round(rng.normal(0, 1, n), 6), "score": rng.normal(50, 10, n), "weight": np.round(rng.normal(70, 15, n), 1),
                "status": level("status_", 5), "region": level("region ", 40), "product": level("SKU-", 4000),
                "city": np.array(["Paris, FR", "Berlin", "Rome, IT", "Oslo", "Porto", "Lyon, FR"], object)[rng.integers(0, 6, n)],
                "active": rng.random(n) < 0.7, "day": day(days), "due": day(days + rng.integers(1, 60, n)),
                "at": moment(seconds), "seen": moment(seconds + rng.integers(0, 9_000_000, n)), "note": text})
            gaps = [pl.when(pl.Series(rng.random(n) < share)).then(None).otherwise(pl.col(name)).alias(name)
                    for name, share in (("quantity", 0.05), ("ratio", 0.1), ("weight", 0.02), ("region", 0.03), ("due", 0.1), ("seen", 0.05))]
            table = table.with_columns(pl.col(DATES).cast(pl.Date)).with_columns(gaps)
            out.write(table.write_csv(include_header=first == 0, datetime_format="%Y-%m-%d %H:%M:%S", date_format="%Y-%m-%d").encode())
            first += n


def peer(engine, path, threads):
    """Reads once and prints what csv_bench prints."""
    import resource
    if engine == "polars":  # types from the first 100 rows only: from all of them it takes minutes
        import polars as pl
        read = lambda: pl.read_csv(path, try_parse_dates=True)
    elif engine == "pandas":
        import pandas as pd
        read = lambda: pd.read_csv(path, parse_dates=DATES + STAMPS)
    elif engine == "pyarrow":
        import pyarrow as pa
        import pyarrow.csv
        pa.set_cpu_count(threads)
        pa.set_io_thread_count(threads)
        read = lambda: pa.csv.read_csv(path)
    else:
        import duckdb
        connection = duckdb.connect()
        connection.execute(f"set threads={threads}")
        # Typing by all rows; the table stays in DuckDB's memory as ours stays in ours.
        read = lambda: connection.execute(f"create table t as select * from read_csv('{path}', sample_size=-1)")
    usage = lambda: resource.getrusage(resource.RUSAGE_SELF)
    before, start = usage(), time.perf_counter()
    table = read()
    seconds, after = time.perf_counter() - start, usage()
    out = {"seconds": seconds, "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
           "peak_mb": after.ru_maxrss / 1024}
    if engine == "polars":
        out |= {"n_rows": table.height, "columns": {c: summary(table[c]) for c in table.columns}}
    print(json.dumps(out))


def summary(column):
    import polars as pl
    kind = column.dtype
    if kind == pl.String:
        value = column.str.len_bytes().sum()
    elif kind == pl.Date:
        value = column.to_physical().cast(pl.Int64).sum()
    elif isinstance(kind, pl.Datetime):
        value = column.dt.timestamp("us").cast(pl.Float64).sum() / 86400e6
    else:
        value = column.sum()
    return [str(kind), column.null_count(), float(value)]


def compare(ours, peers):
    if ours["n_rows"] != peers["n_rows"]:
        sys.exit(f"rows differ: {ours['n_rows']} and {peers['n_rows']}")
    for name, (kind, n_missing, value) in ours["columns"].items():
        peer_kind, peer_missing, peer_value = peers["columns"][name]
        if n_missing != peer_missing or abs(value - peer_value) > 1e-9 * max(1.0, abs(peer_value)):
            sys.exit(f"column '{name}' differs: {kind} {n_missing} {value} and {peer_kind} {peer_missing} {peer_value}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", type=pathlib.Path)
    arguments.add_argument("--python", default=sys.executable)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--megabytes", type=float, default=200)
    arguments.add_argument("--file", type=pathlib.Path, help="a table to read instead, or where to keep the generated one")
    arguments.add_argument("--peers", default="polars,pandas,pyarrow,duckdb")
    arguments.add_argument("--peer", help=argparse.SUPPRESS)
    a = arguments.parse_args()
    if a.peer == "make":
        return make(a.file, a.megabytes)
    if a.peer:
        return peer(a.peer, str(a.file), a.threads)
    folder = pathlib.Path(tempfile.mkdtemp())
    path = a.file or folder / "table.csv"
    environment = dict(os.environ, POLARS_MAX_THREADS=str(a.threads), OMP_NUM_THREADS=str(a.threads))
    script = [a.python, str(pathlib.Path(__file__).resolve()), "--file", str(path), "--threads", str(a.threads)]
    if not path.exists():
        subprocess.run([*script, "--peer", "make", "--megabytes", str(a.megabytes)], check=True)
    compile_program("csv_bench.cpp", a.build, folder / "csv_bench")
    commands = {"kolosal": [str(folder / "csv_bench"), str(path), str(a.threads)]}
    commands |= {name: [*script, "--peer", name] for name in a.peers.split(",") if name}
    best = {}
    for _ in range(a.rounds):
        for name, command in commands.items():
            start = time.perf_counter()
            run = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
            run["process_s"] = time.perf_counter() - start
            seen = best.setdefault(name, run)
            for key in ("seconds", "cpu_s", "peak_mb", "process_s"):
                seen[key] = min(seen[key], run[key])
    if "polars" in best:
        compare(best["kolosal"], best["polars"])
    gigabytes = path.stat().st_size / 1e9
    print(f"{path.name}: {gigabytes * 1e3:.0f} MB, {best['kolosal']['n_rows']} rows, {a.threads} threads, least of {a.rounds}")
    print(f"{'engine':<16}{'read s':>8}{'GB/s':>7}{'CPU s':>8}{'process s':>11}{'peak MB':>9}{'s / ours':>10}{'MB / ours':>11}")
    ours = best["kolosal"]
    for name, run in best.items():
        print(f"{name:<16}{run['seconds']:>8.3f}{gigabytes / run['seconds']:>7.2f}{run['cpu_s']:>8.3f}{run['process_s']:>11.3f}"
              f"{run['peak_mb']:>9.0f}{run['seconds'] / ours['seconds']:>10.2f}{run['peak_mb'] / ours['peak_mb']:>11.2f}")


if __name__ == "__main__":
    main()
