"""Test scores from a file of predictions, in plain Python so that they share no code with what they judge."""
import math

from tables import read_rows


def plain(text):
    """One spelling per class: 1, 1.0 and "1" are the same."""
    try:
        number = float(text)
        return str(int(number)) if number == int(number) else repr(number)
    except (ValueError, OverflowError):
        return text.strip()


def auc(labels, scores):
    order = sorted(range(len(scores)), key=scores.__getitem__)
    n_positive = sum(labels)
    n_negative = len(labels) - n_positive
    rank_sum, i = 0.0, 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and scores[order[j + 1]] == scores[order[i]]:
            j += 1
        rank_sum += ((i + j) / 2 + 1) * sum(labels[order[k]] for k in range(i, j + 1))
        i = j + 1
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


METRIC = {"binary": ("auc", True), "multiclass": ("log_loss", False), "regression": ("rmse", False)}


def score(test, target, task, predictions):
    """AUC of the rarer class, log loss, or RMSE. predictions: a CSV with prediction or proba_<class> columns."""
    head, rows = read_rows(test)
    truth = [row[head.index(target)] for row in rows]
    names, given = read_rows(predictions)
    if len(given) != len(truth):
        raise SystemExit(f"{predictions}: {len(given)} predictions for {len(truth)} rows")
    if task == "regression":
        at = names.index("prediction")
        return math.sqrt(sum((float(row[at]) - float(y)) ** 2 for row, y in zip(given, truth)) / len(truth))
    truth = [plain(y) for y in truth]
    column = {plain(name[len("proba_"):]): i for i, name in enumerate(names) if name.startswith("proba_")}
    if task == "binary":
        positive = min(sorted(set(truth)), key=truth.count)
        return auc([int(y == positive) for y in truth], [float(row[column[positive]]) for row in given])
    loss = 0.0
    for row, y in zip(given, truth):
        total = sum(float(row[i]) for i in column.values())
        loss -= math.log(max(float(row[column[y]]) / total if y in column else 0.0, 1e-7))
    return loss / len(truth)
