#!/usr/bin/env bash
# Brings what the build needs: system packages, and the pinned libraries of tools/third_party.lock, laid out in
# third_party/prefix (ignored by git). Safe to repeat and to interrupt; a second run only looks and returns.
#
#   usage: tools/bootstrap.sh
#
# Nothing is written outside the repository, except by apt-get. Downloads come through pip, from the index that
# pip is configured with. Without network, put the files of the lock into third_party/downloads yourself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly lock=tools/third_party.lock
readonly prefix=third_party/prefix
readonly downloads=third_party/downloads

# To build: the tools, then the libraries. The last line is for the tests and the micro benchmarks.
readonly packages=(
  cmake g++ make ninja-build ccache patchelf
  libboost1.81-dev libcli11-dev libeigen3-dev libfmt-dev libhwy-dev libspdlog-dev libsqlite3-dev libtomlplusplus-dev libzstd-dev
  nlohmann-json3-dev zlib1g-dev
  libbenchmark-dev libgmock-dev libgtest-dev librapidcheck-dev)

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# The names of the packages that dpkg does not have.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
  local package
  for package in "${packages[@]}"; do
    [[ $installed == *"installed $package"$'\n'* || $installed == *"installed $package" ]] || printf '%s\n' "$package"
  done
}

install_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    say "this system has no apt; please install with its own package manager what these Debian packages hold:"
    say "  ${packages[*]}"
    local tool
    for tool in cmake ninja patchelf g++; do
      command -v "$tool" >/dev/null || fail "'$tool' was not found. Install it, then run tools/bootstrap.sh again."
    done
    return
  fi
  mapfile -t missing < <(missing_packages)
  [[ ${#missing[@]} -gt 0 ]] || return 0

  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! { command -v sudo && sudo -n true; } >/dev/null 2>&1; then
      say "system packages are missing. Please run, then try again:"
      fail "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    as_root=(sudo -n)
  fi
  say "installing system packages: ${missing[*]}"
  local log=third_party/apt.log
  if ! { "${as_root[@]}" apt-get -q update &&
         "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
           apt-get -q install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    say "apt-get could not install: ${missing[*]}"
    fail "Is there a network? Once it is there, run tools/bootstrap.sh again. The whole log is in $log."
  fi
}

check_compiler() {
  local major
  major=$(g++ -dumpversion | cut -d. -f1)
  [[ $major -ge 12 ]] || fail "g++ $major is too old: the code is C++23 and needs g++ 12 or newer."
}

intact() { [[ -f $1 && $(sha256sum "$1" | cut -d' ' -f1) == "$2" ]]; }

# The lines of the lock.
wheels() { grep -v '^ *\(#\|$\)' "$lock"; }

# download <package==version> <python> <sha256> <file>: leaves the checked wheel in third_party/downloads.
download() {
  local spec=$1 python=$2 hash=$3 file=$4
  if intact "$downloads/$file" "$hash"; then return; fi
  rm -f "${downloads:?}/$file"
  if ! python3 -m pip --version >/dev/null 2>&1; then
    say "pip is needed to download $spec. Please run, then try again:"
    fail "  sudo apt-get install -y --no-install-recommends python3-pip"
  fi
  say "downloading $spec"
  local log=third_party/pip.log
  # The platform and the Python are named, so that the user's own Python does not matter.
  if ! printf '%s --hash=sha256:%s\n' "$spec" "$hash" |
      python3 -m pip download --quiet --disable-pip-version-check --retries 2 --no-deps --only-binary=:all: \
        --implementation cp --python-version "$python" --platform manylinux_2_28_x86_64 \
        --require-hashes --dest "$downloads" -r /dev/stdin >"$log" 2>&1; then
    tail -n 3 "$log" >&2
    return 1
  fi
  intact "$downloads/$file" "$hash"
}

download_all() {
  local spec python hash file failed=
  while read -r spec python hash file; do
    [[ -z $failed ]] && download "$spec" "$python" "$hash" "$file" || failed=yes
  done < <(wheels)
  [[ -n $failed ]] || return 0
  say "not all could be downloaded with the hash of $lock. Missing in $downloads:"
  while read -r spec python hash file; do
    intact "$downloads/$file" "$hash" || say "  $file"
  done < <(wheels)
  fail "Is there a network? Once it is there, run tools/bootstrap.sh again, or put these files there yourself."
}

# unpack <wheel> <folder> <member prefix>...: the members whose names start with one of the prefixes.
unpack() {
  python3 - "$@" <<'PYTHON'
import sys, zipfile
wheel, folder, *prefixes = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    wanted = [name for name in archive.namelist() if name.startswith(tuple(prefixes)) or ".dist-info/licenses/" in name]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in wanted):
            sys.exit(f"set-up: {wheel} has no {prefix}")
    archive.extractall(folder, wanted)
PYTHON
}

# install_library <file> <folder> [link...]: under its SONAME, looking for other libraries beside itself.
install_library() {
  local source=$1 folder=$2 soname
  shift 2
  soname=$(patchelf --print-soname "$source")
  install -m 755 "$source" "$folder/$soname"
  if [[ $(patchelf --print-rpath "$folder/$soname") != '$ORIGIN' ]]; then
    patchelf --set-rpath '$ORIGIN' "$folder/$soname"
  fi
  local link
  for link in "$@"; do ln -s "$soname" "$folder/$link"; done
}

fill_prefix() {
  local new=third_party/prefix.new unpacked=third_party/unpacked
  rm -rf "$new" "$unpacked" third_party/prefix.old
  mkdir -p "$new"/{include,lib,bin,share/licenses} "$unpacked"

  local spec python hash file
  while read -r spec python hash file; do
    case $spec in
      pyarrow==*)
        # Reading and writing needs no more than these two; compute, acero and dataset are left out.
        unpack "$downloads/$file" "$unpacked" pyarrow/include/ pyarrow/libarrow.so. pyarrow/libparquet.so.
        cp -r "$unpacked/pyarrow/include/." "$new/include/"
        rm -rf "$new/include/arrow/python"
        install_library "$unpacked"/pyarrow/libarrow.so.* "$new/lib" libarrow.so
        install_library "$unpacked"/pyarrow/libparquet.so.* "$new/lib" libparquet.so ;;
      lightgbm==*)
        unpack "$downloads/$file" "$unpacked" lightgbm/lib/lib_lightgbm.so
        install_library "$unpacked/lightgbm/lib/lib_lightgbm.so" "$new/lib" ;;
      xgboost-cpu==*)
        unpack "$downloads/$file" "$unpacked" xgboost/lib/libxgboost.so
        install_library "$unpacked/xgboost/lib/libxgboost.so" "$new/lib" libxgboost.so
        # Its private OpenMP runtime gives way to the system's: one runtime in the process, as LightGBM uses.
        local private
        private=$(patchelf --print-needed "$new/lib/libxgboost.so" | grep '^libgomp-' || true)
        [[ -z $private ]] || patchelf --replace-needed "$private" libgomp.so.1 "$(realpath "$new/lib/libxgboost.so")" ;;
      onnxruntime==*)
        unpack "$downloads/$file" "$unpacked" onnxruntime/capi/libonnxruntime.so. onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt
        install_library "$unpacked"/onnxruntime/capi/libonnxruntime.so.* "$new/lib"
        mkdir -p "$new/share/licenses/${spec/==/-}"
        cp "$unpacked"/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$new/share/licenses/${spec/==/-}/" ;;
      clang-format==*)
        unpack "$downloads/$file" "$unpacked" clang_format/data/bin/clang-format
        install -m 755 "$unpacked/clang_format/data/bin/clang-format" "$new/bin/clang-format" ;;
      *) fail "$lock: tools/bootstrap.sh does not know what to take out of $spec." ;;
    esac
  done < <(wheels)

  local licenses name
  for licenses in "$unpacked"/*.dist-info/licenses; do
    name=$(basename "$(dirname "$licenses")" .dist-info)
    cp -r "$licenses" "$new/share/licenses/$name"
  done
  rm -rf "$unpacked"
  printf '%s\n' "$stamp" > "$new/.stamp"

  # A reader of the prefix sees the old one or the new one, whole.
  if [[ -e $prefix ]]; then mv "$prefix" third_party/prefix.old; fi
  mv "$new" "$prefix"
  rm -rf third_party/prefix.old
}

stamp=$(sha256sum tools/bootstrap.sh "$lock")
if [[ -f $prefix/.stamp && $(<"$prefix/.stamp") == "$stamp" ]] &&
    { ! command -v dpkg-query >/dev/null || [[ -z $(missing_packages) ]]; }; then
  exit 0
fi

[[ $(uname -sm) == "Linux x86_64" ]] || fail "$lock has libraries for Linux on x86-64 only; this is $(uname -sm)."
command -v python3 >/dev/null || fail "python3 was not found. Install it, then run tools/bootstrap.sh again."
mkdir -p "$downloads"
if command -v flock >/dev/null; then
  exec 9>third_party/.lock
  flock 9  # another set-up in this folder may be running
fi
install_packages
check_compiler
if [[ ! -f $prefix/.stamp || $(<"$prefix/.stamp") != "$stamp" ]]; then
  download_all
  fill_prefix
fi
say "ready ($(du -sh "$prefix" | cut -f1) in $prefix)"
