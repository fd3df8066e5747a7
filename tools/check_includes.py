#!/usr/bin/env python3
"""Checks that modules include only what lies below them.

    tools/check_includes.py              checks src/kolosal, prints file:line of each violation
    tools/check_includes.py --self-test  plants violations in a small tree and checks that each is found

The modules and what each may use are read from the kolosal_module(NAME ... DEPS ...) lines; a module must be
declared after those it uses, so a cycle can not be written. The rules:

  1. A module includes itself and the modules of its DEPS, directly or through them.
  2. x_internal.hpp is for its own module.
  3. A header in a plug-in folder is for its own module; others reach a plug-in by name, through the registry.
  4. testing/ is for tests.
  5. Arrow is included in io/arrow_plugin only, and that folder includes of ours only itself and data/arrow_*.hpp.
  6. Includes of ours are full paths: "kolosal/core/error.hpp".
"""

import re
import sys
import tempfile
from pathlib import Path

MODULE = re.compile(r"^\s*kolosal_module\(([^)]*)\)", re.MULTILINE)
SUBDIRECTORY = re.compile(r"^\s*add_subdirectory\((\w+)\)", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
KEYWORDS = {"NAME", "DEPS", "PLUGINS", "LIBS", "EXCLUDE", "UNITY", "SMALL"}


def without_comments(text):
    return re.sub(r"#[^\n]*", "", text)


def read_modules(root):
    """The modules in order of declaration, {name: {"below": set, "plugins": set}}, and the errors found."""
    modules, errors = {}, []
    listing = root / "CMakeLists.txt"
    for name in SUBDIRECTORY.findall(without_comments(listing.read_text())):
        file = root / name / "CMakeLists.txt"
        match = MODULE.search(without_comments(file.read_text())) if file.exists() else None
        if not match:
            errors.append(f"{file}:1: no kolosal_module(NAME {name} ...) here")
            continue
        arguments, keyword = {}, None
        for word in match.group(1).split():
            if word in KEYWORDS:
                keyword = word
                arguments[keyword] = []
            else:
                arguments.setdefault(keyword, []).append(word)
        if arguments.get("NAME") != [name]:
            errors.append(f"{file}:1: the module is called {arguments.get('NAME')}, its folder {name}")
        below = set()
        for dependency in arguments.get("DEPS", []):
            if dependency not in modules:
                errors.append(f"{file}:1: {name} uses {dependency}, which is not declared before it")
            else:
                below |= {dependency} | modules[dependency]["below"]
        modules[name] = {"below": below, "plugins": set(arguments.get("PLUGINS", []))}
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        if folder.name not in modules and any(folder.rglob("*.[ch]pp")):
            errors.append(f"{listing}:1: the folder {folder.name} is no declared module")
    return modules, errors


def is_for_tests(inside):
    return inside[0] == "testing" or re.search(r"_(test|bench)\.cpp$", inside[-1]) is not None


def judge(modules, module, inside, bracket, target):
    """Why the file <module>/<inside...> may not include target, or None."""
    in_arrow_plugin = module == "io" and inside[0] == "arrow_plugin"
    if bracket == "<":
        if re.match(r"(arrow|parquet)/", target) and not in_arrow_plugin:
            return "Arrow is included in io/arrow_plugin only"
        return None
    parts = target.split("/")
    if parts[0] != "kolosal" or len(parts) < 3:
        return 'write the full path, "kolosal/<module>/<file>.hpp"'
    other, path = parts[1], parts[2:]
    if other not in modules:
        return f"there is no module {other}"
    if other != module and other not in modules[module]["below"]:
        return f"{module} may not include {other}, which is not below it"
    if in_arrow_plugin and not is_for_tests(inside):
        if not (other == "io" and path[0] == "arrow_plugin") and not (other == "data" and path[0].startswith("arrow_")):
            return "the Arrow plug-in library shares only data/arrow_*.hpp with the rest"
    if other != module and re.search(r"_internal\.\w+$", path[-1]):
        return f"an internal header of {other}"
    if other != module and (path[0] in modules[other]["plugins"] or path[-1].endswith("_catalog.inc")):
        return f"a plug-in of {other}: other modules reach it by name, through the registry"
    if path[0] == "testing" and not is_for_tests(inside):
        return "testing/ is for tests"
    return None


def check(root):
    modules, errors = read_modules(root)
    for file in sorted(f for f in root.rglob("*") if f.suffix in {".hpp", ".cpp", ".h", ".inc"}):
        module, *inside = file.relative_to(root).parts
        if module not in modules:
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            reason = match and judge(modules, module, inside, *match.groups())
            if reason:
                errors.append(f"{file}:{number}: {line.strip()}: {reason}")
    return errors


SELF_TEST_TREE = {
    "CMakeLists.txt": "add_subdirectory(core)\nadd_subdirectory(data)\nadd_subdirectory(model)\nadd_subdirectory(io)\n"
    "# add_subdirectory(gone)\n",
    "core/CMakeLists.txt": "kolosal_module(NAME core)",
    "data/CMakeLists.txt": "kolosal_module(NAME data\n  DEPS core)",
    "model/CMakeLists.txt": "kolosal_module(NAME model DEPS data PLUGINS estimators LIBS x::y)",
    "io/CMakeLists.txt": "kolosal_module(NAME io DEPS data EXCLUDE arrow_plugin)",
    "core/error.hpp": "#include <string>",
    "core/log_internal.hpp": "",
    "data/frame.cpp": '#include "kolosal/data/frame.hpp"\n#include "kolosal/core/error.hpp"\n',
    "data/frame_test.cpp": '#include "kolosal/core/testing/data.hpp"\n#include <gtest/gtest.h>\n',
    "model/estimators/tree.cpp": '#include "kolosal/model/estimators/tree.hpp"\n#include "kolosal/core/error.hpp"\n'
    '#include "kolosal/model/estimators_catalog.inc"\n',
    "io/arrow_plugin/file.cpp": '#include <arrow/api.h>\n#include "kolosal/data/arrow_c_abi.hpp"\n',
}
SELF_TEST_PLANTS = [  # file, text, a part of the wanted message
    ("core/wrong.cpp", '#include "kolosal/data/frame.hpp"', "core/wrong.cpp:1:"),
    ("data/wrong.cpp", '\n  #  include "kolosal/model/model.hpp"', "data/wrong.cpp:2:"),
    ("data/wrong.cpp", '#include "kolosal/core/log_internal.hpp"', "internal header of core"),
    ("io/wrong.cpp", '#include "kolosal/model/model.hpp"', "io may not include model"),
    ("model/wrong.hpp", '#include "kolosal/core/testing/data.hpp"', "testing/ is for tests"),
    ("model/wrong.hpp", '#include "model.hpp"', "full path"),
    ("model/wrong.hpp", '#include "kolosal/nothing/model.hpp"', "no module nothing"),
    ("io/wrong.cpp", "#include <parquet/api.h>", "io/arrow_plugin only"),
    ("io/arrow_plugin/wrong.cpp", '#include "kolosal/core/error.hpp"', "shares only"),
    ("data/CMakeLists.txt", "kolosal_module(NAME data DEPS core model)", "not declared before it"),
    ("stray/wrong.cpp", "", "the folder stray is no declared module"),
    ("io/CMakeLists.txt|io/wrong.cpp", 'kolosal_module(NAME io DEPS data model)|#include "kolosal/model/estimators/tree.hpp"',
     "a plug-in of model"),
]


def self_test():
    def errors_with(files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**SELF_TEST_TREE, **files}.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check(Path(folder))

    failures = [f"the clean tree is refused: {e}" for e in errors_with({})]
    for names, texts, wanted in SELF_TEST_PLANTS:
        found = errors_with(dict(zip(names.split("|"), texts.split("|"))))
        if len(found) != 1 or wanted not in found[0]:
            failures.append(f"{names} with {texts!r}: wanted one message with {wanted!r}, got {found}")
    return failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        errors = self_test()
    else:
        errors = check(Path(sys.argv[1] if len(sys.argv) > 1 else "src/kolosal"))
    print("\n".join(errors) if errors else "include rule: no violation")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
