#!/usr/bin/env python3
"""Serving forests of other programs from their own files: rows per second against the peers that can run them.

  bench/other_forests_vs_peers.py --library build/bench/lib/libkolosal.so --folder WORK [--rows 300000]
                                  [--models xgboost,random_forest,categories] [--engines onnxruntime,...]

xgboost: 500 trees of at most 31 leaves, its JSON. random_forest: scikit-learn's, 200 trees of depth 12, as ONNX. categories:
LightGBM, 500 trees of 31 leaves on 22 numbers, a tenth of them missing, and 6 categories of 5 to 200 levels. Models are trained
once and kept in WORK. Every engine gets the same float32 rows in memory, row by row, in a process of its own, on one thread, and gives
probabilities; each number is the best of the repeats within 3 seconds. Peers that are not installed or can not run a model are
named and left out. Needs numpy, scikit-learn, lightgbm, xgboost; onnxruntime with skl2onnx and onnxmltools, lleaves, tl2cgen.
"""
import argparse, ctypes, json, os, pathlib, sys

import numpy as np

from forests_vs_peers import N_COLUMNS, answer_of, best_times, rows_and_target

N_CATEGORIES = 6


def rows_of(model, n, seed):
    x, y = rows_and_target(n, seed)
    if model != "categories":
        return x, y
    r = np.random.default_rng(seed + 100)
    for k, levels in enumerate((5, 12, 30, 60, 120, 200)):
        codes = r.integers(0, levels, size=n)
        effect = np.random.default_rng(k).standard_normal(levels)
        y = np.where(r.random(n) < 0.1 * np.abs(effect[codes]), effect[codes] > 0, y).astype(int)
        x[:, N_COLUMNS - N_CATEGORIES + k] = codes
    numbers = x[:, :N_COLUMNS - N_CATEGORIES]
    numbers[r.random(numbers.shape) < 0.1] = np.nan
    return x, y


def train(folder, model):
    path = folder / {"xgboost": "xgboost.json", "random_forest": "random_forest.onnx", "categories": "categories.txt"}[model]
    if path.exists():
        return path
    x, y = rows_of(model, 100_000, 1)
    if model == "xgboost":
        import xgboost
        params = dict(objective="binary:logistic", eta=0.05, tree_method="hist", grow_policy="lossguide", max_leaves=31, max_depth=0,
                      nthread=2)
        xgboost.train(params, xgboost.DMatrix(x, y), 500).save_model(path)
    elif model == "random_forest":
        from skl2onnx import to_onnx
        from sklearn.ensemble import RandomForestClassifier
        forest = RandomForestClassifier(200, max_depth=12, n_jobs=2, random_state=1).fit(x, y)
        import joblib
        joblib.dump(forest, folder / "random_forest.joblib")
        path.write_bytes(to_onnx(forest, x[:1], options={"zipmap": False}).SerializeToString())
    else:
        import lightgbm
        params = dict(objective="binary", learning_rate=0.05, num_leaves=31, verbose=-1, num_threads=2)
        rows = lightgbm.Dataset(x, y, categorical_feature=list(range(N_COLUMNS - N_CATEGORIES, N_COLUMNS)))
        lightgbm.train(params, rows, 500).save_model(path)
    return path


# Each returns a function of the rows; it raises where it can not run the model.

def kolosal_engine(path, folder, library):
    api, handle = ctypes.CDLL(str(library)), ctypes.c_void_p()
    api.kolosal_last_error.restype = ctypes.c_char_p
    api.kolosal_n_outputs.restype = ctypes.c_size_t
    if api.kolosal_open(str(path).encode(), ctypes.byref(handle)) != 0:
        raise ValueError(api.kolosal_last_error().decode())
    assert api.kolosal_n_outputs(handle) == 1

    def predict(x):
        out = np.empty(len(x))
        status = api.kolosal_predict_matrix_f32(handle, x.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(x)),
                                                ctypes.c_size_t(x.shape[1]), out.ctypes.data_as(ctypes.c_void_p))
        if status != 0:
            raise ValueError(api.kolosal_last_error().decode())
        return out
    return predict


def onnxruntime_engine(path, folder, library):
    import onnxruntime
    onnx = path
    if path.suffix == ".json":
        import xgboost
        from onnxmltools import convert_xgboost
        from onnxmltools.convert.common.data_types import FloatTensorType
        onnx = folder / "xgboost.onnx"
        if not onnx.exists():
            made = convert_xgboost(xgboost.Booster(model_file=path), initial_types=[("x", FloatTensorType([None, N_COLUMNS]))])
            onnx.write_bytes(made.SerializeToString())
    elif path.suffix == ".txt":
        raise ValueError("its trees have no sets of categories")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: np.asarray(session.run(["probabilities"], {name: x})[0])[:, 1]


def own_engine(path, folder, library):
    """Of the program that made the model."""
    if path.suffix == ".json":
        import xgboost
        booster = xgboost.Booster({"nthread": 1}, model_file=path)
        return lambda x: booster.inplace_predict(x)
    if path.suffix == ".txt":
        import lightgbm
        booster = lightgbm.Booster(model_file=path)
        return lambda x: booster.predict(x, num_threads=1)
    import joblib
    forest = joblib.load(folder / "random_forest.joblib").set_params(n_jobs=1)
    return lambda x: forest.predict_proba(x)[:, 1]


def lleaves_engine(path, folder, library):
    import lleaves
    if path.suffix != ".txt":
        raise ValueError("it takes models of LightGBM alone")
    model = lleaves.Model(model_file=path)
    model.compile(cache=folder / (path.stem + ".lleaves.o"))
    return lambda x: model.predict(x, n_jobs=1)


def tl2cgen_engine(path, folder, library):
    import tl2cgen, treelite
    compiled = folder / (path.stem + ".tl2cgen.so")
    if not compiled.exists():
        if path.suffix == ".json":
            model = treelite.frontend.load_xgboost_model(str(path))
        elif path.suffix == ".txt":
            model = treelite.frontend.load_lightgbm_model(str(path))
        else:
            import joblib
            model = treelite.sklearn.import_model(joblib.load(folder / "random_forest.joblib"))
        tl2cgen.export_lib(model, toolchain="gcc", libpath=compiled, params={"parallel_comp": 16}, nthread=2)
    predictor = tl2cgen.Predictor(compiled, nthread=1)
    kind = np.float64 if path.suffix == ".txt" else np.float32
    return lambda x: predictor.predict(tl2cgen.DMatrix(x.astype(kind))).reshape(len(x), -1)[:, -1]


ENGINES = {"kolosal": kolosal_engine, "onnxruntime": onnxruntime_engine, "own": own_engine, "lleaves": lleaves_engine,
           "tl2cgen": tl2cgen_engine}


def time_engine(engine, path, a):
    x = np.fromfile(a.folder / "other_rows.f32", dtype=np.float32).reshape(-1, N_COLUMNS)
    wall, _, p = best_times(ENGINES[engine](path, a.folder, a.library), x)
    answer = a.folder / "other_ours.f64"
    if engine == "kolosal":
        np.asarray(p, dtype=np.float64).tofile(answer)
    return {"rows_s": len(x) / wall, "difference": float(np.abs(p - np.fromfile(answer)).max())}


def race(a, model):
    path = train(a.folder, model)
    rows_of(model, a.rows, 9)[0].tofile(a.folder / "other_rows.f32")
    results = {}
    for engine in ["kolosal", *a.engines.split(",")]:
        answer = answer_of([sys.executable, __file__, "--time", engine, "--folder", a.folder, "--models", model, "--library", a.library],
                           f"{engine} for {model}")
        if answer:
            results[engine] = answer
    print(f"\n{model}, one thread, {a.rows} rows, load {os.getloadavg()[0]:.1f}")
    ours = results["kolosal"]["rows_s"]
    for engine, result in sorted(results.items(), key=lambda item: -item[1]["rows_s"]):
        print(f"  {engine:<13}{result['rows_s']:>12,.0f} rows/s   ratio {ours / result['rows_s']:7.2f}   largest difference "
              f"{result['difference']:.1e}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--library", type=pathlib.Path, required=True)
    arguments.add_argument("--folder", type=pathlib.Path, required=True)
    arguments.add_argument("--rows", type=int, default=300_000)
    arguments.add_argument("--models", default="xgboost,random_forest,categories")
    arguments.add_argument("--engines", default=",".join(name for name in ENGINES if name != "kolosal"))
    arguments.add_argument("--time", help=argparse.SUPPRESS)
    a = arguments.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    if a.time:
        print(json.dumps(time_engine(a.time, train(a.folder, a.models), a)))
        return
    for model in a.models.split(","):
        race(a, model)


if __name__ == "__main__":
    main()
