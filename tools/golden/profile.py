#!/usr/bin/env python3
"""Golden values of `kolosal profile`, from pandas, SciPy and scikit-learn: tests/data/profile/profile.json.

    python tools/golden/profile.py

Each case is a table (columns of numbers with null, or of texts), and what these libraries say about it. The folds of
target relations are those of kolosal: fold = murmur3_finalizer(row + 1) % 5.
"""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics

OUTPUT = Path(__file__).resolve().parent.parent.parent / "tests/data/profile/profile.json"
QUANTILES = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]


def clean(value):
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return None if not math.isfinite(value) else float(value)
    if isinstance(value, np.integer):
        return int(value)
    return value


def number_column(s):
    x = s.dropna()
    q1, q3 = x.quantile(0.25), x.quantile(0.75)
    beyond = lambda k: int(((x < q1 - k * (q3 - q1)) | (x > q3 + k * (q3 - q1))).sum())
    return {"missing": int(s.isna().sum()), "distinct": int(x.nunique()), "mean": x.mean(), "sd": x.std(), "skewness": x.skew(),
            "kurtosis": x.kurt(), "quantiles": [x.quantile(q) for q in QUANTILES], "outliers": beyond(1.5),
            "far_outliers": beyond(3), "zeros": int((x == 0).sum()), "negative": int((x < 0).sum())}


def cramers_v(a, b):
    table = pd.crosstab(a, b).to_numpy()
    n = table.sum()
    value = stats.contingency.association(table, method="cramer", correction=False)
    r, c = table.shape
    phi2 = stats.chi2_contingency(table, correction=False)[0] / n
    corrected = max(0, phi2 - (r - 1) * (c - 1) / (n - 1))
    rc, cc = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return {"value": value, "adjusted": math.sqrt(corrected / min(rc - 1, cc - 1)), "rows": int(n)}


def correlation_ratio(levels, numbers):
    both = pd.DataFrame({"l": levels, "x": numbers}).dropna()
    groups = [g["x"].to_numpy() for _, g in both.groupby("l")]
    n, k = len(both), len(groups)
    # eta2 from SciPy's F test: F = eta2 / (1 - eta2) * (n - k) / (k - 1)
    f = stats.f_oneway(*groups).statistic
    eta2 = f * (k - 1) / (f * (k - 1) + n - k)
    return {"value": math.sqrt(eta2), "adjusted": math.sqrt(max(0, 1 - (1 - eta2) * (n - 1) / (n - k))), "rows": n}


def associations(df):
    out = []
    for a, b in itertools.combinations(df.columns, 2):
        numeric = [pd.api.types.is_numeric_dtype(df[c]) for c in (a, b)]
        if all(numeric):
            both = df[[a, b]].dropna()
            item = {"value": df[a].corr(df[b]), "spearman": stats.spearmanr(both[a], both[b]).statistic, "rows": len(both)}
        elif any(numeric):
            item = correlation_ratio(*((df[b], df[a]) if numeric[0] else (df[a], df[b])))
        else:
            item = cramers_v(df[a], df[b])
        out.append({"a": a, "b": b, **item})
    return out


def fold_of(row):
    mask, h = (1 << 64) - 1, row + 1
    h = ((h ^ (h >> 33)) * 0xFF51AFD7ED558CCD) & mask
    h = ((h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53) & mask
    return (h ^ (h >> 33)) % 5


def bins_of(s):
    """Few values or levels: each is a bin; missing ones are a bin of their own."""
    return s.astype(object).where(s.notna(), "(missing)").astype(str).to_numpy()


def tenths(y):
    below = np.searchsorted(np.sort(y), y)
    return 10 * below // len(y)


def relation(s, y, classes):
    bins, folds = bins_of(s), np.array([fold_of(i) for i in range(len(y))])
    auc_sum, auc_weight, right, error, total = {}, {}, 0, 0.0, 0.0
    for f in range(5):
        train, test = folds != f, folds == f
        if classes:
            prior = np.array([(y[train] == k).mean() for k in range(classes)])
            predict = lambda b: (np.array([(y[train & (bins == b)] == k).sum() for k in range(classes)]) + prior) / ((train & (bins == b)).sum() + 1)
            p = np.array([predict(b) for b in bins[test]])
            right += (p.argmax(axis=1) == y[test]).sum()
            for k in [1] if classes == 2 else range(classes):
                if len(set(y[test] == k)) == 2:
                    auc_sum[k] = auc_sum.get(k, 0) + metrics.roc_auc_score(y[test] == k, p[:, k]) * test.sum()
                    auc_weight[k] = auc_weight.get(k, 0) + test.sum()
        else:
            mean = y[train].mean()
            p = np.array([(y[train & (bins == b)].sum() + mean) / ((train & (bins == b)).sum() + 1) for b in bins[test]])
            error += ((y[test] - p) ** 2).sum()
            total += ((y[test] - mean) ** 2).sum()
    # The shrinkage of regression is towards the mean of the training folds, in centred numbers: no difference.
    out = {"mutual_information": metrics.mutual_info_score(bins, y if classes else tenths(y))}
    if classes:
        sizes = {k: (y == k).sum() for k in auc_sum}
        out["auc"] = sum(auc_sum[k] / auc_weight[k] * sizes[k] for k in auc_sum) / sum(sizes.values())
        out["accuracy"] = right / len(y)
    else:
        out["r2"] = 1 - error / total
    return out


def serial_z(x):
    """Exact over all orders of a short list."""
    x = np.asarray(x, dtype=float) - np.mean(x)
    all_r = [sum(a * b for a, b in zip(p, p[1:] + p[:1])) for p in itertools.permutations(x.tolist())]
    r = (x * np.roll(x, -1)).sum()
    return {"values": x.tolist(), "value": r / (x * x).sum(), "z": (r - np.mean(all_r)) / np.std(all_r)}


def table():
    rng = np.random.default_rng(7)
    n = 300
    a = rng.normal(size=n) * 3 + 10
    df = pd.DataFrame({
        "a": a,
        "b": np.exp(a / 6) + rng.normal(size=n),
        "few": rng.integers(0, 6, n).astype(float),
        "gaps": np.where(rng.random(n) < 0.2, np.nan, np.round(a + rng.normal(size=n), 1)),
        "heavy": rng.standard_t(2, n),
        "level": rng.choice(["x", "y", "z", "w"], n, p=[0.5, 0.3, 0.15, 0.05]),
    })
    df["follows"] = np.where(rng.random(n) < 0.7, df["level"].map({"x": "p", "y": "q", "z": "q", "w": "r"}), "s")
    df.loc[rng.random(n) < 0.1, "follows"] = None
    return df


def main():
    df = table()
    few = df["few"].to_numpy()
    binary = ((few + np.random.default_rng(1).normal(size=len(df)) * 2) > 2.5).astype(int)
    multi = np.clip(few + np.random.default_rng(2).integers(0, 2, len(df)), 0, 3).astype(int)
    amount = few * 2.0 + np.random.default_rng(3).normal(size=len(df))
    features = ["few", "level", "follows"]
    out = {
        "columns": {c: df[c].where(df[c].notna(), None).tolist() for c in df.columns},
        "numbers": {c: number_column(df[c]) for c in df.columns if pd.api.types.is_numeric_dtype(df[c])},
        "associations": associations(df),
        "targets": {name: {"values": y.tolist(), "relations": {c: relation(df[c], y, k) for c in features}}
                    for name, y, k in [("binary", binary, 2), ("multiclass", multi, 4), ("regression", amount, 0)]},
        "serial": [serial_z(x) for x in ([1, 2, 3, 4, 5, 7.5], [3, 1, 4, 1, 5, 9, 2], [0, 0, 0, 1, 1, 0, 1])],
        "extremes": [{"values": x, "mean": float(np.mean(np.array(x, dtype=np.longdouble))),
                      "skewness": float(pd.Series(np.array(x) / max(map(abs, x))).skew())}
                     for x in ([1e308, 1.5e308, -1e308, 3e307], [1e-310, 3e-310, 2e-310, 9e-310])],
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(clean(out), indent=None, separators=(",", ":"), allow_nan=False) + "\n")
    print(OUTPUT, OUTPUT.stat().st_size)


if __name__ == "__main__":
    main()
