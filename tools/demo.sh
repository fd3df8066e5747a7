#!/usr/bin/env bash
# The demo of the README: a real table becomes a model, and the model meets rows it has never seen.
set -euo pipefail
cd "$(dirname "$0")/.."
kolosal=build/release/bin/kolosal
out=build/demo
mkdir -p "$out"

say() { printf '\n$ %s\n' "$*"; "$@"; }
say "$kolosal" train --data examples/data/census_train.csv --target income --time-budget 15 --output "$out/census.kolosal"
say "$kolosal" predict --model "$out/census.kolosal" --data examples/data/census_test.csv --proba --output "$out/predictions.csv"
printf '\n$ head -4 %s\n' "$out/predictions.csv"
head -4 "$out/predictions.csv"
say "$kolosal" evaluate --model "$out/census.kolosal" --data examples/data/census_test.csv
