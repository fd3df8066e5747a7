#!/usr/bin/env python3
"""Ten million rows of a matrix in one call of the C library, and in a file through the program: seconds and memory.

  bench/large_batches.py --build build/bench --model MODEL [--rows 10000000]

The matrix and the predictions are the caller's; what the call takes beside them should not grow with the rows, so a tenth
of the rows is measured too. Columns of categories get NaN, which is missing. The program reads the same rows as a CSV file
with --memory-limit 512MB.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

CALL = r"""
import ctypes, json, resource, sys, time
library, path, n_rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
api = ctypes.CDLL(library)
api.kolosal_last_error.restype = ctypes.c_char_p
for name in ("kolosal_n_outputs", "kolosal_n_features"):
    getattr(api, name).restype, getattr(api, name).argtypes = ctypes.c_size_t, [ctypes.c_void_p]
api.kolosal_predict_matrix_f32.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
model = ctypes.c_void_p()
assert api.kolosal_open(path.encode(), ctypes.byref(model)) == 0, api.kolosal_last_error()
width = api.kolosal_n_features(model)
is_level = json.loads(sys.argv[4])
block = (ctypes.c_float * (1000 * width))(*[float("nan") if is_level[i % width] else (i * 37 % 1000) / 10 for i in range(1000 * width)])
rows, out = (ctypes.c_float * (n_rows * width))(), (ctypes.c_double * (n_rows * api.kolosal_n_outputs(model)))()
for at in range(0, n_rows, 1000):
    ctypes.memmove(ctypes.addressof(rows) + at * width * 4, block, min(1000, n_rows - at) * width * 4)
ctypes.memset(out, 0, ctypes.sizeof(out))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
assert api.kolosal_predict_matrix_f32(model, rows, n_rows, width, out) == 0, api.kolosal_last_error()
print(time.perf_counter() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def write_csv(path, columns, n_rows):
    lines = [",".join("" if c["type"] == "category" else str((i * len(columns) + k) * 37 % 1000 // 10) for k, c in enumerate(columns))
             for i in range(1000)]
    block = "\n".join(lines) + "\n"
    with open(path, "w") as file:
        file.write(",".join(c["name"] for c in columns) + "\n")
        for _ in range(n_rows // 1000):
            file.write(block)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000_000)
    args = parser.parse_args()
    program, library = (args.build / "bin/kolosal").resolve(), (args.build / "lib/libkolosal.so").resolve()
    about = json.loads(subprocess.run([program, "info", args.model, "--json"], check=True, capture_output=True, text=True).stdout)
    columns = [c for c in about["columns"] if c.get("role", "feature") == "feature"]
    is_level = json.dumps([c["type"] == "category" for c in columns])
    for n_rows in (args.rows // 10, args.rows):
        done = subprocess.run([sys.executable, "-c", CALL, library, args.model, str(n_rows), is_level], check=True, capture_output=True, text=True)
        seconds, extra_mb = (float(word) for word in done.stdout.split())
        print(f"{n_rows:>10} rows in one call: {seconds:.2f} s, {n_rows / seconds / 1e6:.2f}M rows/s, {extra_mb:.0f} MB beside rows and predictions")
    with tempfile.TemporaryDirectory() as folder:
        for n_rows in (args.rows // 10, args.rows):
            table = pathlib.Path(folder) / "rows.csv"
            write_csv(table, columns, n_rows)
            start = time.perf_counter()
            done = subprocess.run(["/usr/bin/env", "time", "-f", "%M", program, "predict", "--model", args.model, "--data", table, "--output",
                                   pathlib.Path(folder) / "out.csv", "--memory-limit", "512MB"], check=True, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
            peak_mb = int(done.stderr.split()[-1]) / 1024
            print(f"{n_rows:>10} rows of a file ({table.stat().st_size / 1e6:.0f} MB): {time.perf_counter() - start:.2f} s, peak memory {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
