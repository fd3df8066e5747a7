#!/usr/bin/env python3
"""Golden scores of texts from scikit-learn: tests/data/linear_score/golden.json.

TfidfVectorizer, then LogisticRegression or Ridge: what cross_val_predict() gives the fitted rows, with the folds that the step deals,
and what a fit on all of them gives rows to come. FOLDS are those of make_splits() by the step's seed; the test checks that they are.
Run it with numpy and scikit-learn installed, from the root of the repository.
"""
import json, pathlib

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict

FOLDS = {"binary": "211221313321032202100412432334244304430034024012130413232114012034410431200423013420101344",
         "multiclass": "303033431333440010400121444221324112204201244134221100000320123032431011324242412344120133",
         "regression": "310233422134333110314440023142420230022214241023043133142442012211420114300114043303042001"}

rng = np.random.default_rng(11)
N, N_LATER = 90, 20
words = [a + b for a in ("ba", "di", "fo", "gu", "ke", "lo") for b in ("ra", "sti", "nu", "mel", "x")]
worth = rng.normal(size=len(words))
texts, latent = [], []
for _ in range(N + N_LATER):
    chosen = rng.integers(0, len(words), rng.integers(2, 9))
    texts.append(" ".join(words[c] for c in chosen))
    latent.append(worth[chosen].sum())
latent = np.array(latent) + 0.5 * rng.normal(size=len(latent))
targets = {"binary": (latent > 0).astype(int), "multiclass": np.digitize(latent, [-1.5, 1.0]), "regression": latent.round(4)}
learners = {"binary": lambda: LogisticRegression(C=3, tol=1e-10, max_iter=2000, solver="newton-cholesky"),
            "multiclass": lambda: LogisticRegression(C=3, tol=1e-10, max_iter=2000, solver="newton-cg"),
            "regression": lambda: Ridge(alpha=1, tol=1e-12)}

vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
x = vectorizer.fit_transform(texts[:N])
later = vectorizer.transform(texts[N:])
cases = []
for task, target in targets.items():
    y, folds = target[:N], [int(fold) for fold in FOLDS[task]]
    method = "predict" if task == "regression" else "predict_proba"
    one = (lambda p: p[:, 1]) if task == "binary" else (lambda p: p)
    fitted = learners[task]().fit(x, y)
    out_of_fold = cross_val_predict(learners[task](), x, y, cv=PredefinedSplit(folds), method=method)
    cases.append({"task": task, "target": y.tolist(), "folds": FOLDS[task], "out_of_fold": np.ravel(one(out_of_fold)).tolist(),
                  "later": np.ravel(one(getattr(fitted, method)(later))).tolist()})
out = {"made_by": "tools/golden/linear_score.py", "scikit_learn": sklearn.__version__, "texts": texts[:N], "later_texts": texts[N:], "cases": cases}
pathlib.Path("tests/data/linear_score/golden.json").write_text(json.dumps(out, indent=1) + "\n")
