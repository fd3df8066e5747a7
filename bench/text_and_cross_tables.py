#!/usr/bin/env python3
"""Tables with texts, and with categories that tell in pairs, made by known rules: what text scores and crosses of categories are worth.

  bench/text_and_cross_tables.py FOLDER       writes the tables and manifest.json there, for bench/automl_race.py --data FOLDER

Of *_noise tables the texts, or the categories, tell nothing: there made features must cost nothing.
"""
import csv
import json
import os
import sys

import numpy as np

SYLLABLES = [a + b for a in "bcdfglmnprstv" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]


def vocabulary(rng, n):
    words = set()
    while len(words) < n:
        words.add("".join(rng.choice(SYLLABLES, rng.integers(1, 4))))
    return sorted(words)


class Writer:
    """Texts of words by Zipf's law, of which some carry a weight; "not" before a word turns it around."""

    def __init__(self, rng, n_words=4000, n_telling=150, spread=1.0):
        self.rng, self.words = rng, np.array(vocabulary(rng, n_words))
        rng.shuffle(self.words)
        self.share = 1 / np.arange(1, n_words + 1) ** 0.9
        self.share /= self.share.sum()
        self.weight = np.zeros(n_words)
        self.weight[rng.choice(np.arange(10, n_words // 8), n_telling, replace=False)] = spread * rng.normal(size=n_telling)

    def text(self, mean_words):
        n = max(3, self.rng.poisson(mean_words))
        chosen = self.rng.choice(len(self.words), n, p=self.share)
        turned = (self.rng.uniform(size=n) < 0.15) & (self.weight[chosen] != 0)
        worth = np.where(turned, -1, 1) @ self.weight[chosen]
        return " ".join(("not " if t else "") + self.words[c] for c, t in zip(chosen, turned)), worth

    def texts(self, n, mean_words):
        made = [self.text(mean_words) for _ in range(n)]
        return [text for text, _ in made], np.array([worth for _, worth in made])


def scaled(x):
    return (x - x.mean()) / x.std()


def labels(rng, z, names=("no", "yes")):
    return np.where(rng.uniform(size=len(z)) < 1 / (1 + np.exp(-z)), names[1], names[0])


def reviews(rng, n=6000):
    texts, worth = Writer(rng).texts(n, 35)
    x, shop = rng.normal(size=(n, 4)), rng.integers(0, 12, n)
    z = 1.6 * scaled(worth) + x[:, 0] * (x[:, 1] > 0) + rng.normal(size=12)[shop]
    return {"text": texts, **{f"x{i}": x[:, i] for i in range(4)}, "shop": [f"s{s}" for s in shop]}, labels(rng, z)


def short_titles(rng, n=2500):
    texts, worth = Writer(rng, 1200, 80).texts(n, 7)
    x = rng.normal(size=(n, 6))
    z = 1.2 * scaled(worth) + np.sin(2 * x[:, 0]) + 0.8 * x[:, 1] * x[:, 2]
    return {"title": texts, **{f"x{i}": x[:, i] for i in range(6)}}, labels(rng, z)


def listings(rng, n=8000):
    texts, worth = Writer(rng).texts(n, 40)
    size, place = rng.lognormal(4, 0.4, n), rng.integers(0, 40, n)
    z = 0.35 * scaled(worth) + 0.8 * np.log(size) + rng.normal(0, 0.3, 40)[place] + 0.2 * rng.normal(size=n)
    return {"description": texts, "size": size, "place": [f"p{p}" for p in place], "age": rng.integers(0, 80, n)}, np.exp(z + 2)


def tickets(rng, n=9000, k=6):
    writers, chosen = [Writer(np.random.default_rng(5), 3000, 0)] * k, rng.integers(0, k, n)
    themes = [rng.choice(np.arange(10, 1500), 40, replace=False) for _ in range(k)]
    texts = []
    for c in chosen:
        words = rng.choice(3000, max(4, rng.poisson(22)), p=writers[c].share)
        theme = rng.uniform(size=len(words)) < 0.12
        words[theme] = rng.choice(themes[c], theme.sum())
        texts.append(" ".join(writers[c].words[words]))
    x = rng.normal(size=(n, 5))
    x[:, 0] += (chosen % 3) * 0.9
    hour = (rng.integers(0, 24, n) + 3 * (chosen // 3)) % 24
    return {"text": texts, **{f"x{i}": x[:, i] for i in range(5)}, "hour": hour}, [f"queue{c}" for c in chosen]


def text_noise(rng, n=6000):
    texts, _ = Writer(rng).texts(n, 30)
    x = rng.normal(size=(n, 6))
    return {"text": texts, **{f"x{i}": x[:, i] for i in range(6)}}, labels(rng, x[:, 0] * x[:, 1] + np.abs(x[:, 2]) - 0.7)


def crosses(rng, n=12000):
    sizes = (12, 15, 8, 30, 20, 5)
    codes = [rng.integers(0, k, n) for k in sizes]
    z = 1.2 * rng.normal(size=(12, 15))[codes[0], codes[1]] + 1.0 * rng.normal(size=(8, 30))[codes[2], codes[3]]
    z += 0.5 * rng.normal(size=20)[codes[4]]
    x = rng.normal(size=(n, 3))
    return {**{f"c{i}": [f"v{v}" for v in c] for i, c in enumerate(codes)}, **{f"x{i}": x[:, i] for i in range(3)}}, labels(rng, z + 0.5 * x[:, 0])


def cross_prices(rng, n=15000):
    brand, kind, town, colour = (np.minimum(rng.geometric(1 / (k / 3), n) - 1, k - 1) for k in (60, 25, 40, 9))
    age = rng.uniform(0, 20, n)
    z = 5 + 0.3 * rng.normal(size=60)[brand] + 0.5 * rng.normal(size=(60, 25))[brand, kind] + 0.2 * rng.normal(size=40)[town] - 0.05 * age
    named = {"brand": brand, "kind": kind, "town": town, "colour": colour}
    return {**{k: [f"{k}{v}" for v in c] for k, c in named.items()}, "age": age}, np.exp(z + 0.25 * rng.normal(size=n))


def cross_noise(rng, n=8000):
    codes = [rng.integers(0, k, n) for k in (12, 15, 8, 30, 20, 5, 4, 6)]
    x = rng.normal(size=(n, 4))
    z = x[:, 0] * x[:, 1] + 0.8 * rng.normal(size=12)[codes[0]]
    return {**{f"c{i}": [f"v{v}" for v in c] for i, c in enumerate(codes)}, **{f"x{i}": x[:, i] for i in range(4)}}, labels(rng, z)


TABLES = {"reviews": (reviews, "binary"), "short_titles": (short_titles, "binary"), "listings": (listings, "regression"),
          "tickets": (tickets, "multiclass"), "text_noise": (text_noise, "binary"), "crosses": (crosses, "binary"),
          "cross_prices": (cross_prices, "regression"), "cross_noise": (cross_noise, "binary")}


def write_all(folder):
    os.makedirs(folder, exist_ok=True)
    for i, (name, (make, _)) in enumerate(TABLES.items()):
        columns, target = make(np.random.default_rng(i))
        with open(os.path.join(folder, name + ".csv"), "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*columns, "target"])
            for row in zip(*columns.values(), target):
                writer.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in row])
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump([{"name": name, "file": name + ".csv", "target": "target", "task": task} for name, (_, task) in TABLES.items()], file, indent=1)


if __name__ == "__main__":
    write_all(sys.argv[1])
