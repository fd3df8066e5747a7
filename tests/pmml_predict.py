"""Carries out the part of PMML 4.4 that kolosal writes, by its specification: for test_cli_export.py."""

import math
import struct
import xml.etree.ElementTree as ElementTree

MISSING = None
TABLES = {}  # by MapValues element, of all models


def tag(element):
    return element.tag.split("}")[1]


def child(element, name):
    return next((one for one in element if tag(one) == name), None)


def as_float(x):
    return struct.unpack("f", struct.pack("f", x))[0]


FUNCTIONS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "exp": math.exp, "ln": math.log, "abs": abs, "floor": math.floor, "pow": math.pow,
    "min": lambda *a: min(a), "max": lambda *a: max(a), "sum": lambda *a: sum(a),
    "lessThan": lambda a, b: a < b, "greaterThan": lambda a, b: a > b, "notEqual": lambda a, b: a != b,
}


class Scope:
    """Fields of a row: given, or derived when they are asked for."""

    def __init__(self, values, derived, parent=None):
        self.values, self.derived, self.parent = values, derived, parent

    def get(self, name):
        if name not in self.values:
            if name in self.derived:
                self.values[name] = self.derive(self.derived[name])
            elif self.parent is not None:
                return self.parent.get(name)
            else:
                raise KeyError(name)
        return self.values[name]

    def derive(self, field):
        value = self.expression(field[0])
        return as_float(value) if value is not MISSING and field.get("dataType") == "float" else value

    def expression(self, e):
        kind = tag(e)
        if kind == "FieldRef":
            return self.get(e.get("field"))
        if kind == "Constant":
            return e.text if e.get("dataType") == "string" else float(e.text)
        if kind == "MapValues":
            return self.mapped(e)
        name = e.get("function")
        if name == "isMissing":
            return self.expression(e[0]) is MISSING
        if name == "isNotMissing":
            return self.expression(e[0]) is not MISSING
        if name == "if":
            branch = 1 if self.expression(e[0]) else 2
            return self.expression(e[branch]) if branch < len(e) else MISSING
        arguments = [self.expression(one) for one in e]
        return MISSING if MISSING in arguments else FUNCTIONS[name](*arguments)

    def mapped(self, e):
        pairs = [one for one in e if tag(one) == "FieldColumnPair"]
        keys = [self.get(pair.get("field")) for pair in pairs]
        convert = float if e.get("dataType") == "double" else int
        if MISSING in keys:
            return convert(e.get("mapMissingTo")) if e.get("mapMissingTo") else MISSING
        if e not in TABLES:
            TABLES[e] = {tuple(cell.text or "" for cell in row[:-1]): convert(row[-1].text) for row in child(e, "InlineTable")}
        other = e.get("defaultValue")
        return TABLES[e].get(tuple(str(key) for key in keys), convert(other) if other else MISSING)


def holds(predicate, scope):
    """True, False, or MISSING."""
    kind = tag(predicate)
    if kind in ("True", "False"):
        return kind == "True"
    value = scope.get(predicate.get("field"))
    if predicate.get("operator") in ("isMissing", "isNotMissing"):
        return (value is MISSING) == (predicate.get("operator") == "isMissing")
    if value is MISSING:
        return MISSING
    if kind == "SimpleSetPredicate":
        is_in = value in {int(word) for word in (predicate[0].text or "").split()}
        return is_in == (predicate.get("booleanOperator") == "isIn")
    limit = float(predicate.get("value"))
    return value <= limit if predicate.get("operator") == "lessOrEqual" else value > limit


def tree(model, scope):
    node = child(model, "Node")
    while True:
        children = [one for one in node if tag(one) == "Node"]
        if not children:
            return float(node.get("score"))
        results = [holds(one[0], scope) for one in children]
        if MISSING in results:
            node = next(one for one in children if one.get("id") == node.get("defaultChild"))
        else:
            node = children[results.index(True)]


def table(element, scope):
    return float(element.get("intercept")) + sum(float(p.get("coefficient")) * scope.get(p.get("name")) for p in element)


def segments(model):
    return [[one for one in segment if tag(one) != "True"][0] for segment in child(model, "Segmentation")]


class Model:
    def __init__(self, path):
        root = ElementTree.parse(path).getroot()
        self.fields = {f.get("name"): f for f in child(root, "DataDictionary")}
        self.derived = {f.get("name"): f for f in child(root, "TransformationDictionary")}
        self.chain = segments(child(root, "MiningModel"))

    def predict(self, row):
        """row: text by column, "" missing. Gives the value, or a list of (class, probability)."""
        given = {}
        for name, field in self.fields.items():
            cell = row.get(name, "")
            given[name] = MISSING if cell == "" else float(cell) if field.get("dataType") == "double" else cell
        scope = Scope(given, self.derived)
        for model in self.chain[:-1]:
            if tag(model) == "RegressionModel":
                value = table(child(model, "RegressionTable"), scope)
            else:
                value = sum(tree(one, scope) for one in segments(model))
            scope.values[child(model, "Output")[0].get("name")] = value
        last = self.chain[-1]
        inner = Scope({}, {f.get("name"): f for f in child(last, "LocalTransformations")}, scope)
        results = [(one.get("targetCategory"), table(one, inner)) for one in last if tag(one) == "RegressionTable"]
        return results[0][1] if results[0][0] is None else results
