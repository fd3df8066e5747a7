#!/usr/bin/env bash
# Installs MLflow into third_party/test_python (ignored by git), by the hashes of tools/test_python.lock, for the test against a
# real server. Without it that test is skipped. Safe to repeat: a second run only looks and returns.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly lock=tools/test_python.lock
readonly folder=third_party/test_python log=third_party/test_python.log
stamp="$(python3 --version) $(sha256sum "$lock")"
if [[ -f $folder/.stamp && $(<"$folder/.stamp") == "$stamp" ]]; then exit 0; fi

printf 'set-up: installing MLflow for the tests\n' >&2
rm -rf "$folder" "$folder.new"
mkdir -p third_party
if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile \
    --only-binary=:all: --require-hashes --target "$folder.new" -r "$lock" >"$log" 2>&1 </dev/null; then
  tail -n 3 "$log" >&2
  printf 'set-up: MLflow was not installed; the test against its server will be skipped\n' >&2
  rm -rf "$folder.new"
  exit 1
fi
printf '%s\n' "$stamp" >"$folder.new/.stamp"
mv "$folder.new" "$folder"
