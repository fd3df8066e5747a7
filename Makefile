# The commands people type. CMake does the work; see CMakePresets.json for the other builds.

JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: help demo build test bench format clean setup
.NOTPARALLEL:

help:
	@echo "make demo     set up, build, then train on a bundled table and predict with the model"
	@echo "make build    set up, build build/release/bin/kolosal"
	@echo "make test     set up, build with assertions, run all tests"
	@echo "make bench    build and run the micro benchmarks"
	@echo "make format   format the C++ sources"
	@echo "make clean    remove what was built (the set-up in third_party/ stays)"

setup:
	@tools/bootstrap.sh

# Configured once; after that ninja runs CMake by itself when a file of the build changes.
build/%/build.ninja: | setup
	cmake --preset $*

build: setup build/release/build.ninja
	cmake --build build/release -j $(JOBS)

demo: build
	tools/demo.sh

test: setup build/dev/build.ninja
	cmake --build build/dev -j $(JOBS)
	OMP_WAIT_POLICY=passive ctest --test-dir build/dev --output-on-failure -j $(JOBS)

bench: setup build/bench/build.ninja
	cmake --build build/bench -j $(JOBS)
	@for program in build/bench/bin/kolosal_*_bench; do \
	  if [ -x "$$program" ]; then echo "$$program"; "$$program" || exit 1; fi; done

format: setup
	tools/format

clean:
	rm -rf build
