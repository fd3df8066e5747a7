"""Reference values of Quantizer: steps, quantized numbers and ranges as onnxruntime.quantization gives them.

    python tools/golden/quantization.py > tests/data/quantization/golden.json

Needs onnxruntime and onnx.
"""

import contextlib
import json
import sys

import numpy as np
from onnx import TensorProto
from onnxruntime.quantization import quant_utils
from onnxruntime.quantization.calibrate import HistogramCollector

TYPES = {"int8": TensorProto.INT8, "uint8": TensorProto.UINT8, "int16": TensorProto.INT16, "int4": TensorProto.INT4}


def arrays():
    draw = np.random.default_rng(7)
    return {
        "normal": draw.normal(size=96).astype(np.float32),
        "skewed": draw.exponential(3, size=96).astype(np.float32),
        "negative": (-draw.gamma(2, 1, size=96)).astype(np.float32),
        "wide": (draw.normal(size=96) * 10.0 ** draw.integers(-4, 4, size=96)).astype(np.float32),
        "zeros": np.zeros(12, np.float32),
    }


def step_cases():
    out = []
    for name, values in arrays().items():
        for type_name, kind in TYPES.items():
            for symmetric in (True, False):
                zero, scale = quant_utils.compute_data_quant_params(values, kind, symmetric, False)
                quantized = quant_utils.quantize_nparray(kind, values, scale, zero)
                out.append({"array": name, "type": type_name, "symmetric": symmetric, "scale": float(scale), "zero_point": int(zero),
                            "quantized": [int(q) for q in quantized]})
    return out


def range_cases():
    draw = np.random.default_rng(11)
    batches = [np.concatenate([draw.normal(size=900), draw.standard_t(2, size=100)]).astype(np.float32).round(3),
               (1.5 * draw.normal(size=1000)).astype(np.float32).round(3)]
    out = []
    for method, n_bins, percentile in [("percentile", 2048, 99.0), ("percentile", 512, 90.0), ("entropy", 512, 99.99), ("entropy", 1024, 99.99)]:
        collector = HistogramCollector(method, False, n_bins, 128, percentile, "same")
        for batch in batches:
            collector.collect({"x": batch})
        low, high = collector.compute_collection_result()["x"][:2]
        out.append({"method": method, "n_bins": n_bins, "percentile": percentile, "low": float(low), "high": float(high)})
    return {"batches": [[float(v) for v in batch] for batch in batches], "cases": out}


def half_cases():
    draw = np.random.default_rng(3)
    values = np.concatenate([draw.normal(size=40), draw.normal(size=40) * 10.0 ** draw.integers(-9, 6, size=40),
                             [0, -0.0, 65504, 65519.996, 65520, 1e30, 5.9e-8, 2.98e-8, 2.99e-8, 6.1e-5, 1 + 2.0**-11, 1 + 3 * 2.0**-11]])
    values = values.astype(np.float32)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    bits = values.view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return {"values": [float(v) for v in values], "float16": [int(b) for b in half.view(np.uint16)], "bfloat16": [int(b) for b in rounded]}


def main():
    with contextlib.redirect_stdout(sys.stderr):
        out = {"arrays": {name: [float(v) for v in values] for name, values in arrays().items()}, "steps": step_cases(), "ranges": range_cases(),
               "half": half_cases()}
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
