#!/usr/bin/env python3
"""Serving LightGBM forests: rows per second of many rows, and the time of one row, against the peers.

  bench/forests_vs_peers.py --build build/bench --folder WORK [--rows 1000000] [--threads 1,2] [--models 500x31,100x255]
                            [--engines lleaves,onnxruntime,...] [--only batch|one]

500 trees of 31 leaves and 100 of 255 are trained on 28 float32 columns of noise with a non-linear target (and kept in WORK). Every
engine gets the same float32 rows in memory, row by row, and gives probabilities. "rows/s" is by wall time, "per CPU s" by the
processor time of the process: what to compare where the machine has other work. Each number is the best of the repeats within 3
seconds. One row: from C, by the engines' own C functions, turn by turn in one process. Peers that are not installed are left out.
Needs numpy and lightgbm, and a build folder with the modules compiled; lleaves, onnxruntime with onnxmltools, tl2cgen, daal4py.
"""
import argparse, json, os, pathlib, subprocess, sys, time

import numpy as np

from own_program import compile_program

MODELS = {"500x31": (500, 31), "100x255": (100, 255)}
N_COLUMNS = 28


def rows_and_target(n, seed):
    """n x 28 float32: half normal, half skewed; a binary target."""
    r = np.random.default_rng(seed)
    x = r.standard_normal((n, N_COLUMNS), dtype=np.float32)
    x[:, 14:] = np.abs(x[:, 14:]) ** 1.5
    z = (x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + (x[:, 3] > 0.3) * x[:, 4] - 0.5 * x[:, 14] * (x[:, 5] > 0) + 0.4 * x[:, 6] ** 2
         - 0.3 * x[:, 16] + 0.25 * x[:, 7] * x[:, 8] - 0.2 * x[:, 20])
    return x, (z + 0.7 * r.logistic(size=n) > 0.1).astype(int)


def train(folder, name):
    import lightgbm
    path = folder / f"{name}.txt"
    if not path.exists():
        n_trees, n_leaves = MODELS[name]
        x, y = rows_and_target(100_000, 1)
        params = dict(objective="binary", learning_rate=0.05, num_leaves=n_leaves, verbose=-1, num_threads=2)
        lightgbm.train(params, lightgbm.Dataset(x, y), n_trees).save_model(path)
    return path


# Each returns a function of the rows, or raises ImportError.

def lightgbm_engine(path, threads, folder):
    import lightgbm
    booster = lightgbm.Booster(model_file=path)
    return lambda x: booster.predict(x, num_threads=threads)


def lleaves_engine(path, threads, folder):
    import lleaves
    model = lleaves.Model(model_file=path)
    model.compile(cache=folder / (path.stem + ".lleaves.o"))
    return lambda x: model.predict(x, n_jobs=threads)


def onnxruntime_engine(path, threads, folder):
    import lightgbm, onnxruntime
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType
    onnx = folder / (path.stem + ".onnx")
    if not onnx.exists():
        made = convert_lightgbm(lightgbm.Booster(model_file=path), initial_types=[("x", FloatTensorType([None, N_COLUMNS]))],
                                zipmap=False)
        onnx.write_bytes(made.SerializeToString())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["probabilities"], {"x": x})[0][:, 1]


def tl2cgen_engine(path, threads, folder):
    import tl2cgen, treelite
    library = folder / (path.stem + ".tl2cgen.so")
    if not library.exists():
        model = treelite.frontend.load_lightgbm_model(str(path))
        tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={"parallel_comp": 16}, nthread=2)
    predictor = tl2cgen.Predictor(library, nthread=threads)
    return lambda x: predictor.predict(tl2cgen.DMatrix(x.astype(np.float64))).ravel()


def onedal_engine(path, threads, folder):
    import daal4py, lightgbm
    daal4py.daalinit(threads)
    model = daal4py.mb.convert_model(lightgbm.Booster(model_file=path))
    return lambda x: model.predict_proba(x)[:, 1]


PEERS = {"lleaves": lleaves_engine, "lightgbm": lightgbm_engine, "onnxruntime": onnxruntime_engine, "tl2cgen": tl2cgen_engine,
         "onedal": onedal_engine}


def best_times(predict, x):
    """Seconds by wall and by processor, each the best of the repeats within 3 seconds, and what was predicted."""
    predict(x[:1000])
    wall, cpu, until = [], [], time.perf_counter() + 3
    while len(wall) < 2 or (time.perf_counter() < until and len(wall) < 100):
        w, c = time.perf_counter(), time.process_time()
        p = predict(x)
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    return min(wall), min(cpu), p


def answer_of(command, what):
    """The JSON that a process ends with; nothing, and why, when it fails."""
    child = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in child.stdout.splitlines() if line.startswith("{")]
    if lines:
        return json.loads(lines[-1])
    print(f"{what} is left out: {(child.stderr.strip().splitlines() or ['no answer'])[-1][:140]}", flush=True)
    return None


def time_peer(engine, path, threads, folder):
    """In a process of its own, as the engines bring threads and libraries that get into each other's way."""
    x = np.fromfile(folder / "rows.f32", dtype=np.float32).reshape(-1, N_COLUMNS)
    wall, cpu, p = best_times(PEERS[engine](path, threads, folder), x)
    want = np.fromfile(folder / "ours.f64")
    return {"rows_s": len(x) / wall, "rows_cpu_s": len(x) / cpu, "difference": float(np.abs(p - want).max())}


def race_batch(a, program, name, path, engines):
    for threads in a.threads:
        run = subprocess.run([program, "rows", path, a.folder / "rows.f32", str(N_COLUMNS), str(threads), a.folder / "ours.f64"],
                             check=True, capture_output=True, text=True)
        ours = json.loads(run.stdout)
        peers = {}
        for engine in engines:
            answer = answer_of([sys.executable, __file__, "--peer", engine, "--folder", a.folder, "--models", name, "--threads",
                                str(threads), "--build", a.build], engine)
            if answer:
                peers[engine] = answer
        print(f"\n{name}, {threads} thread(s), {a.rows} rows, load {os.getloadavg()[0]:.1f}; ours by the kernel {ours['kernel']}")
        print(f"  {'engine':<13}{'rows/s':>12}{'ratio':>7}{'per CPU s':>12}{'ratio':>7}  largest difference")
        print(f"  {'kolosal':<13}{ours['rows_s']:>12,.0f}{'':>7}{ours['rows_cpu_s']:>12,.0f}")
        for engine, peer in sorted(peers.items(), key=lambda item: -item[1]["rows_cpu_s"]):
            print(f"  {engine:<13}{peer['rows_s']:>12,.0f}{ours['rows_s'] / peer['rows_s']:>7.2f}{peer['rows_cpu_s']:>12,.0f}"
                  f"{ours['rows_cpu_s'] / peer['rows_cpu_s']:>7.2f}  {peer['difference']:.1e}", flush=True)


def race_one(a, program, name, path):
    import lightgbm
    libraries = [f"lightgbm={next(pathlib.Path(lightgbm.__file__).parent.rglob('lib_lightgbm.so'))}"]
    compiled = a.folder / f"{name}.lleaves.o"
    try:
        if not compiled.exists():
            lleaves_engine(path, 1, a.folder)
        shared = compiled.with_suffix(".so")
        subprocess.run(["gcc", "-shared", compiled, "-lm", "-o", shared], check=True)
        libraries.append(f"lleaves={shared}")
    except ImportError:
        pass
    run = subprocess.run([program, "one", path, a.folder / "rows.f32", str(N_COLUMNS), *libraries], check=True, capture_output=True,
                         text=True)
    times = json.loads(run.stdout)
    clock = times.pop("clock_ns")
    print(f"\n{name}, one row from C, load {os.getloadavg()[0]:.1f}; reading the clock takes {clock:.0f} ns of each")
    ours = next(iter(times.values()))
    for engine, t in times.items():
        print(f"  {engine:<18} p50 {t['p50_ns'] / 1e3:7.2f} us{t['p50_ns'] / ours['p50_ns']:7.2f}   p99 {t['p99_ns'] / 1e3:7.2f} us"
              f"{t['p99_ns'] / ours['p99_ns']:7.2f}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--folder", type=pathlib.Path, required=True)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--threads", default="1,2", type=lambda text: [int(n) for n in text.split(",")])
    arguments.add_argument("--models", default=",".join(MODELS))
    arguments.add_argument("--engines", default=",".join(PEERS))
    arguments.add_argument("--only", choices=("batch", "one"))
    arguments.add_argument("--peer", help=argparse.SUPPRESS)
    a = arguments.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    if a.peer:
        print(json.dumps(time_peer(a.peer, a.folder / f"{a.models}.txt", a.threads[0], a.folder)))
        return
    program = compile_program("forest_bench.cpp", a.build, a.folder / "forest_bench")
    rows_and_target(a.rows, 9)[0].tofile(a.folder / "rows.f32")
    for name in a.models.split(","):
        path = train(a.folder, name)
        if a.only != "one":
            race_batch(a, program, name, path, a.engines.split(","))
        if a.only != "batch":
            race_one(a, program, name, path)


if __name__ == "__main__":
    main()
