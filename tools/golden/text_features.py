"""Golden values of the features of texts: what scikit-learn's TfidfVectorizer gives for the same texts.

Run:  python tools/golden/text_features.py > tests/data/transform/text_features.json   (needs numpy and scikit-learn)

The cases are as in transform.py; "cells" are the columns and numbers of each row that are not zero. Our sparse cells are
float32: "tolerance" is how near they must be.
"""

import json

from sklearn.feature_extraction.text import TfidfVectorizer

TEXTS = [
    "The quick brown fox jumps over the lazy dog", "the dog sleeps, the fox runs; a DOG!", "", None, "a b c d",
    "price: 1,200 EUR (incl. 19% VAT)", "snake_case and CamelCase words", "tab\tand\nnew  line   here ",
    "Ärger über Öl, Straße naïve café — señor", "ПРИВЕТ мир! привет, Мир?", "ΑΒΓ αβγ", "東京 は 日本 の 首都。東京!",
    "emoji 😀 between😀words ☃ here", "“quoted” ‘text’… and — dashes–here", "x² + y³ = ½ z", "dog dog dog dog fox",
    "don't can't e-mail@host.org", "  leading blanks", "one", "non\u00a0breaking\u2009blanks", "the the the",
    "quick brown dogs and lazy foxes", "under_score __init__ _x_", "año niño piñata", "jumps jumps over",
]
FIT = [i for i in range(len(TEXTS)) if i % 6 != 5]

CASES = [
    {}, {"ngram_max": 2}, {"ngram_min": 2, "ngram_max": 3}, {"use_idf": False, "norm": "l1"},
    {"sublinear_tf": True, "smooth_idf": False}, {"binary": True, "norm": "none"}, {"min_rows": 2, "max_share": 0.3},
    {"min_share": 0.11}, {"lowercase": False, "min_word_length": 1}, {"strip_accents": True},
    {"stop_words": "the, and,dog", "ngram_max": 2},
    {"analyzer": "char", "ngram_min": 2, "ngram_max": 3}, {"analyzer": "char_wb", "ngram_min": 1, "ngram_max": 4},
    {"analyzer": "char_wb", "ngram_min": 5, "ngram_max": 7}, {"analyzer": "char", "ngram_min": 3, "ngram_max": 3, "min_rows": 3},
]


def vectorizer(params):
    options = {"ngram_range": (params.get("ngram_min", 1), params.get("ngram_max", 1)),
               "max_df": params.get("max_share", 1.0),
               "min_df": params.get("min_share", params.get("min_rows", 1))}
    options.update({key: params[key] for key in ("analyzer", "lowercase", "use_idf", "smooth_idf", "sublinear_tf", "binary")
                    if key in params})
    if "norm" in params:
        options["norm"] = None if params["norm"] == "none" else params["norm"]
    if "strip_accents" in params:
        options["strip_accents"] = "unicode"
    if "min_word_length" in params:
        options["token_pattern"] = r"(?u)\b\w+\b"
    if "stop_words" in params:
        options["stop_words"] = [word.strip() for word in params["stop_words"].split(",")]
    return TfidfVectorizer(**options)


cases = []
for params in CASES:
    texts = [text or "" for text in TEXTS]
    matrix = vectorizer(params).fit([texts[i] for i in FIT]).transform(texts).toarray()
    cases.append({"name": f"text_tfidf {params}", "step": "text_tfidf", "params": params, "kind": "text", "rows": FIT,
                  "columns": {"notes": TEXTS}, "tolerance": 5e-7 if params.get("norm") == "none" else 6e-8,
                  "width": matrix.shape[1],
                  "cells": [[[int(i), round(float(row[i]), 10)] for i in row.nonzero()[0]] for row in matrix]})

print(json.dumps({"made_by": "tools/golden/text_features.py", "cases": cases}, indent=None, separators=(",", ":")))
