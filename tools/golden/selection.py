"""Golden values of selection, reduction and resampling: what scikit-learn, SciPy and imbalanced-learn give.

Run:  python tools/golden/selection.py > tests/data/selection/golden.json
(needs numpy, scipy, scikit-learn and imbalanced-learn)
"""

import json
import math

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, SMOTENC, BorderlineSMOTE
from imblearn.under_sampling import NearMiss, TomekLinks
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import chi2_contingency
from scipy.stats import f as f_distribution
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import (SelectFdr, SelectFwe, VarianceThreshold, chi2, f_classif, f_regression,
                                       mutual_info_classif, mutual_info_regression)
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(11)
N = 150


def rounded(values):
    """Short numbers in the file: what the peers see is exactly what the file says."""
    return np.round(values, 6)


y_class = rng.integers(0, 3, size=N)
y_number = rounded(rng.normal(size=N) * 3 + 10)
x = rng.normal(size=(N, 8))
x[:, 0] += y_class
x[:, 1] += 0.6 * y_number
x[:, 2] = 5 + x[:, 2]  # further from zero scikit-learn itself loses digits to cancellation
x[:, 4] = x[:, 3] + 0.1 * x[:, 4]
x[:, 5] = -x[:, 3] + 0.3 * x[:, 5]
x[:, 7] = np.exp(2 * x[:, 7]) + (y_class == 1)
x = rounded(x)
counts = rng.poisson(1.5, size=(N, 4)) + np.outer(y_class, [0, 1, 0, 2])
levels = np.where(rng.random(N) < 0.5, y_class, rng.integers(0, 4, size=N))

out = {"x": x.T.tolist(), "counts": counts.T.tolist(), "levels": levels.tolist(), "y_class": y_class.tolist(),
       "y_number": y_number.tolist()}

f, p = f_classif(x, y_class)
out["f_classif"] = {"f": f.tolist(), "p": p.tolist(),
                    "fdr": SelectFdr(f_classif, alpha=0.05).fit(x, y_class).get_support().tolist(),
                    "bonferroni": SelectFwe(f_classif, alpha=0.05).fit(x, y_class).get_support().tolist()}
f, p = f_regression(x, y_number)
out["f_regression"] = {"f": f.tolist(), "p": p.tolist()}
s, p = chi2(counts, y_class)
out["chi2"] = {"value": s.tolist(), "p": p.tolist()}
table = np.array([[np.sum((levels == v) & (y_class == k)) for k in range(3)] for v in range(4)])
result = chi2_contingency(table, correction=False)
out["chi2_levels"] = {"value": result.statistic, "p": result.pvalue}
out["variance"] = [{"threshold": t, "kept": VarianceThreshold(t).fit(x).get_support().tolist()} for t in (0.0, 0.9, 1.5)]

out["f_tail"] = [[q, a, b, f_distribution.sf(q, a, b)] for q in (0.3, 1.0, 5.0, 80.0) for a in (1, 4, 30)
                 for b in (3, 50, 100000)]
out["chi2_tail"] = [[q, a, chi2_distribution.sf(q, a)] for q in (0.1, 3.0, 60.0, 900.0) for a in (1, 2, 7, 400)]

r = np.corrcoef(x.T)
distance = squareform(1 - np.abs(r), checks=False)
out["clusters"] = []
for method in ("complete", "average", "single"):
    for threshold in (0.05, 0.1, 0.5, 0.9, 0.98):
        labels = fcluster(linkage(distance, method), 1 - threshold, criterion="distance")
        out["clusters"].append({"linkage": method, "threshold": threshold,
                                "kept": [bool(labels[c] not in labels[:c]) for c in range(8)]})

# The random noise that scikit-learn adds is of size 1e-10 and so changes no neighbour here.
out["mutual_information"] = {
    "classes": mutual_info_classif(x, y_class, random_state=0).tolist(),
    "classes_7": mutual_info_classif(x, y_class, n_neighbors=7, random_state=0).tolist(),
    "number": mutual_info_regression(x, y_number, random_state=0).tolist(),
    "levels_classes": mutual_info_classif(levels.reshape(-1, 1), y_class, discrete_features=True).tolist(),
    "levels_number": mutual_info_regression(levels.reshape(-1, 1), y_number, discrete_features=True,
                                            random_state=0).tolist()}

pca = PCA(4, svd_solver="full").fit(x)
out["pca"] = {"components": pca.components_.tolist(), "variance": pca.explained_variance_.tolist(),
              "share": pca.explained_variance_ratio_.tolist(), "scores": pca.transform(x).T.tolist(),
              "whitened": PCA(3, svd_solver="full", whiten=True).fit_transform(x).T.tolist(),
              "n_for_90": int(PCA(0.999999, svd_solver="full").fit(x).n_components_),
              "wide": PCA(3, svd_solver="full").fit_transform(x[:6]).T.tolist()}
svd = TruncatedSVD(3, algorithm="arpack", random_state=0).fit(counts.astype(float))
out["svd"] = {"singular_values": svd.singular_values_.tolist(),
              "scores": svd.transform(counts.astype(float)).T.tolist()}

# Sizes of the coefficients on scaled columns; the largest one over the classes.
z = (x - x.mean(axis=0)) / x.std(axis=0)


def logistic(target, alpha):
    model = LogisticRegression(l1_ratio=1, solver="saga", C=1 / (alpha * N), tol=1e-12, max_iter=200000)
    return np.abs(model.fit(z, target).coef_).max(axis=0).tolist()


out["l1"] = {"lasso": {"alpha": 0.2, "size": np.abs(Lasso(0.2, tol=1e-14, max_iter=100000).fit(z, y_number).coef_).tolist()},
             "binary": {"alpha": 0.03, "size": logistic((y_class == 1).astype(int), 0.03)},
             "multiclass": {"alpha": 0.04, "size": logistic(y_class, 0.04)}}

# Two classes that overlap, for the resamplers.
n_small = 30
points = rounded(np.vstack([rng.normal(size=(N - n_small, 3)), rng.normal(size=(n_small, 3)) * 0.8 + 0.9]))
order = rng.permutation(N)
points = points[order]
labels = (np.arange(N) >= N - n_small).astype(int)[order]
minority = np.flatnonzero(labels == 1)
colour = rng.integers(0, 3, size=N)


def neighbours(of, among, k):
    return NearestNeighbors(n_neighbors=k).fit(among).kneighbors(of, return_distance=False)


smote = SMOTE(random_state=0)
made_smote = smote.fit_resample(points, labels)
adasyn = ADASYN(random_state=0)
made_adasyn = adasyn.fit_resample(points, labels)
nn = neighbours(points[minority], points, 6)[:, 1:]
ratio = np.sum(labels[nn] != 1, axis=1) / 5
ratio /= ratio.sum()
borderline = BorderlineSMOTE(random_state=0)
made_borderline = borderline.fit_resample(points, labels)
nc = SMOTENC([3], random_state=0)
made_nc = nc.fit_resample(np.column_stack([points, colour]), labels)
encoded = np.column_stack([points[minority],
                           np.eye(3)[colour[minority]] * nc.median_std_[1] / math.sqrt(2)])
out["resample"] = {
    "points": points.T.tolist(), "labels": labels.tolist(), "colour": colour.tolist(),
    "minority": minority.tolist(),
    "smote_neighbours": minority[neighbours(points[minority], points[minority], 6)[:, 1:]].tolist(),
    "smote_counts": np.bincount(made_smote[1]).tolist(),
    "adasyn_counts": np.bincount(made_adasyn[1]).tolist(),
    "adasyn_per_row": np.rint(ratio * (N - 2 * n_small)).astype(int).tolist(),
    "borderline_danger": borderline.in_danger_indices[1].tolist(),
    "borderline_counts": np.bincount(made_borderline[1]).tolist(),
    "smote_nc_neighbours": minority[neighbours(encoded, encoded, 6)[:, 1:]].tolist(),
    "smote_nc_median_deviation": nc.median_std_[1],
    "tomek": {}, "near_miss": {}}
for name, strategy in (("not_minority", "auto"), ("majority", "majority"), ("all", "all")):
    sampler = TomekLinks(sampling_strategy=strategy)
    sampler.fit_resample(points, labels)
    out["resample"]["tomek"][name] = np.sort(sampler.sample_indices_).tolist()
for version in (1, 2, 3):
    sampler = NearMiss(version=version)
    sampler.fit_resample(points, labels)
    out["resample"]["near_miss"][str(version)] = np.sort(sampler.sample_indices_).tolist()

print(json.dumps(out))
