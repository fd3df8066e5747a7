"""Compiles a C++ program of this folder with the objects of a build folder, so that it calls modules directly."""
import glob
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# In the order of dependency; the linker takes what it needs.
MODULES = ("core", "kernel", "data", "artifact", "profile", "io", "metric", "transform", "model", "hpo", "store", "pipeline", "ensemble", "automl",
           "infer")


def compile_program(source, build, output):
    """source: a file beside this one. build: a folder that cmake made, say build/bench. Returns the program."""
    objects = [path for module in MODULES
               for path in glob.glob(f"{build}/src/kolosal/{module}/CMakeFiles/kolosal_{module}.dir/**/*.o", recursive=True)]
    if not objects:
        sys.exit(f"nothing is compiled in {build}: cmake --preset bench && cmake --build --preset bench")
    prefix = HERE.parent / "third_party/prefix"
    subprocess.run(["g++", "-std=c++23", "-O2", "-DSPDLOG_FMT_EXTERNAL", f"-I{HERE.parent / 'src'}", f"-I{build}/generated",
                    f"-I{prefix / 'include'}", str(HERE / source), *objects, "-l:libz.a", "-l:libzstd.a", "-l:libsqlite3.a", "-pthread", "-ldl",
                    "-Wl,--gc-sections",
                    "-o", str(output)], check=True)
    return output
