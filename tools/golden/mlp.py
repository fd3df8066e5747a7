#!/usr/bin/env python3
"""Golden values of the multilayer perceptron: tests/data/mlp/golden.json.

Each case has the numbers of a network and what it gives for the rows of a small table, computed here with numpy in
float64 from the formulas: standardized numbers (missing: 0, and an indicator), piecewise-linear bins (Gorishniy et al.,
2022, equation 1), sines and cosines, one-hot and embedded categories, batch or layer norm, SiLU. Run it with numpy and
scikit-learn installed, from the root of the repository.
"""
import json, pathlib

import numpy as np
from scipy.special import expit, softmax
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(11)
N, EPSILON = 40, 1e-5
numbers = np.column_stack([rng.normal(size=N), 50 + 20 * rng.exponential(size=N), rng.integers(0, 30, N).astype(float)])
numbers[rng.random(N) < 0.15, 1] = np.nan
few, many = rng.integers(0, 3, N), rng.permutation(np.arange(N) % 6)
numbers = np.round(numbers, 9)
few[:3] = np.arange(3)  # every level is there


def digits(values):
    """Nine of them hold a float32."""
    return [float(f"{v:.9g}") for v in np.ravel(values)]


def bins(z, n_bins):
    """The paper's encoding of a column without missing cells; 0 where it is missing."""
    present = z[~np.isnan(z)]
    edges = np.unique(np.quantile(present, np.arange(n_bins + 1) / n_bins, method="inverted_cdf"))
    out = np.zeros((len(z), len(edges) - 1))
    for t in range(len(edges) - 1):
        low, high = edges[t], edges[t + 1]
        out[:, t] = np.where(z < low, 0, np.where(z >= high, 1, (z - low) / (high - low)))
    return np.nan_to_num(out)


def case(name, n_bins, n_frequencies, norm, n_layers, task, n_outputs, width=20, size=3):
    z = StandardScaler().fit_transform(numbers)
    fixed = [np.nan_to_num(z), np.isnan(z[:, 1:2]).astype(float)]
    if n_bins:
        fixed += [bins(z[:, c], n_bins) for c in range(z.shape[1])]
    fixed = np.hstack(fixed)
    frequency = rng.normal(size=(z.shape[1], n_frequencies))
    turns = (np.nan_to_num(z)[:, :, None] * frequency).reshape(N, -1)
    vectors = rng.normal(size=(6, size))
    x = np.hstack([fixed, np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns), vectors[many], np.eye(3)[few]])
    parts = {"weights": [], "factor": [], "shift": [], "mean": [], "variance": []}
    for layer in range(n_layers):
        w = rng.normal(size=(x.shape[1], width)) / np.sqrt(x.shape[1])
        factor, shift = rng.uniform(0.5, 1.5, width), 0.3 * rng.normal(size=width)
        mean, variance = 0.2 * rng.normal(size=width), rng.uniform(0.5, 2, width)
        s = x @ w
        if norm == "batch":
            s = (s - mean) / np.sqrt(variance + EPSILON)
        elif norm == "layer":
            s = (s - s.mean(axis=1, keepdims=True)) / np.sqrt(s.var(axis=1, keepdims=True) + EPSILON)
        s = s * factor + shift
        x = s * expit(s)
        for key, value in zip(parts, (w, factor, shift, mean, variance)):
            parts[key].append(digits(value))
    w, bias = rng.normal(size=(width, n_outputs)) / np.sqrt(width), rng.normal(size=n_outputs)
    out = x @ w + bias
    parts["weights"].append(digits(w))
    prediction = {"regression": lambda v: v, "binary": expit, "multiclass": lambda v: softmax(v, axis=1)}[task](out)
    return {"name": name, "n_bins": n_bins, "n_frequencies": n_frequencies, "norm": norm, "width": width, "n_layers": n_layers,
            "embedding_size": size, "task": task, "n_outputs": n_outputs, "bias": digits(bias),
            "frequencies": digits(frequency), "embedding": digits(vectors), **parts,
            "prediction": digits(prediction)}


cases = [case("bins and batch norm", 8, 0, "batch", 2, "binary", 1),
         case("frequencies and layer norm", 0, 4, "layer", 2, "multiclass", 3),
         case("plain, one layer", 0, 0, "none", 1, "regression", 1),
         case("all of it, three layers", 5, 2, "batch", 3, "multiclass", 5, width=17)]
folder = pathlib.Path("tests/data/mlp")
folder.mkdir(parents=True, exist_ok=True)
cell = lambda v: None if np.isnan(v) else float(v)
(folder / "golden.json").write_text(json.dumps(
    {"made_by": f"tools/golden/mlp.py with numpy {np.__version__}", "numbers": [[cell(v) for v in c] for c in numbers.T],
     "few": few.tolist(), "many": many.tolist(), "cases": cases}, separators=(",", ":")) + "\n")
