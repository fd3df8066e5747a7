"""Tables made by known rules, beside the public ones: what a portfolio is ordered on must not be those tables alone."""
import csv
import os

import numpy as np


def _levels(rng, n, k, skew=1.0):
    share = 1 / np.arange(1, k + 1) ** skew
    return rng.choice(k, n, p=share / share.sum())


def _named(codes, prefix):
    return [f"{prefix}{code}" for code in codes]


def interactions(rng, n=12000):
    x = rng.normal(size=(n, 10))
    z = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) - (x[:, 3] > 0.5) * x[:, 4] + rng.normal(size=n)
    return {f"x{i}": x[:, i] for i in range(10)}, np.where(z > z.mean(), "yes", "no")


def rare_class(rng, n=15000):
    x = rng.normal(size=(n, 15)) * rng.gamma(2, size=15)
    z = x[:, :6] @ rng.normal(size=6) + 2 * np.sin(x[:, 7]) + 2 * rng.normal(size=n)
    return {f"x{i}": x[:, i] for i in range(15)}, np.where(z > np.quantile(z, 0.97), "yes", "no")


def many_levels(rng, n=20000):
    columns, z = {}, rng.normal(size=n)
    for i, k in enumerate((5, 40, 300, 2000)):
        codes = _levels(rng, n, k, 0.7)
        z += rng.normal(size=k)[codes]
        columns[f"c{i}"] = _named(codes, "v")
    for i in range(4):
        columns[f"x{i}"] = rng.exponential(size=n)
        z += 0.5 * np.log1p(columns[f"x{i}"])
    return columns, np.where(z > np.median(z), "yes", "no")


def friedman(rng, n=8000):
    x = rng.uniform(size=(n, 12))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4] + 2 * rng.normal(size=n)
    return {f"x{i}": x[:, i] for i in range(12)}, y


def skewed_price(rng, n=25000):
    size, age = rng.lognormal(3, 0.5, n), rng.uniform(0, 60, n)
    place, kind = _levels(rng, n, 60, 0.5), _levels(rng, n, 6)
    worth = rng.normal(0, 0.4, 60)[place] + rng.normal(0, 0.2, 6)[kind]
    y = np.exp(4 + 0.8 * np.log(size) - 0.01 * age + worth + 0.2 * rng.normal(size=n))
    return {"size": size, "age": age.round(), "place": _named(place, "p"), "kind": _named(kind, "k"), "noise": rng.normal(size=n)}, y


def linear_wide(rng, n=900, p=40):
    x = rng.normal(size=(n, p))
    return {f"x{i}": x[:, i] for i in range(p)}, x[:, :15] @ rng.normal(size=15) + 3 * rng.normal(size=n)


def clusters(rng, n=6000, k=8):
    centres, spread = rng.normal(size=(3 * k, 9)) * 1.6, rng.gamma(3, 0.4, 3 * k)
    which = rng.integers(0, 3 * k, n)
    x = centres[which] + rng.normal(size=(n, 9)) * spread[which, None]
    return {f"x{i}": x[:, i] for i in range(9)}, _named(which % k, "class")


def steps_with_holes(rng, n=3000):
    x = rng.integers(0, 10, (n, 14)).astype(float)
    y = (x[:, 0] > 5) * 3 + (x[:, 1] * x[:, 2] > 20) * 4 + x[:, 3] + rng.normal(size=n)
    x[rng.uniform(size=x.shape) < 0.15] = np.nan
    return {f"x{i}": x[:, i] for i in range(14)}, y


TABLES = {f.__name__: f for f in (interactions, rare_class, many_levels, friedman, skewed_price, linear_wide, clusters, steps_with_holes)}


def write(name, path):
    """Writes the table as CSV; the target is the column "target"."""
    columns, target = TABLES[name](np.random.default_rng(sorted(TABLES).index(name)))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "target"])
        for row in zip(*columns.values(), target):
            writer.writerow(["" if isinstance(v, float) and np.isnan(v) else f"{v:.6g}" if isinstance(v, float) else v for v in row])


def write_all(folder):
    os.makedirs(folder, exist_ok=True)
    for name in TABLES:
        write(name, os.path.join(folder, f"{name}.csv"))
