# The short front door. Each target does its own set-up on a fresh Debian 12 machine.
#
#   make run      build and start the server on :5001      (ARGS="--auth open" for options)
#   make test     build and run every test that CI runs on the dev build
#   make build    the release binary: build/release/maru
#   make bench    benchmarks of the release build          (BENCH_ARGS="--document docs/performance.md")
#   make asan, make tsan   the tests that CI runs sanitized
#   make fuzz     libFuzzer on every decoder               (FUZZ_SECONDS=60 each)
#   make check    formatting, clang-tidy on changed files, include levels
#   make format   format the sources

JOBS ?= $(shell nproc)
ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?=
FUZZ_SECONDS ?= 60

# Lets checkouts in different folders share what ccache holds.
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1

.PHONY: run test build bench check format asan tsan fuzz setup-run setup-test setup-check dev node_modules

# A tree that `make test` configured stays as it is: its objects serve both.
run: setup-run
	cmake --preset dev $(if $(wildcard build/dev/CMakeCache.txt),,-DMARU_TESTS=OFF)
	cmake --build build/dev -j $(JOBS) --target maru
	./build/dev/maru $(ARGS)

test: setup-test node_modules
	cmake --preset dev -DMARU_TESTS=ON
	cmake --build build/dev -j $(JOBS)
	ctest --preset dev -j $(JOBS) $(TEST_ARGS)

build: setup-run
	cmake --preset release -DMARU_TESTS=OFF
	cmake --build build/release -j $(JOBS) --target maru

bench: setup-test
	cmake --preset release -DMARU_TESTS=ON
	cmake --build build/release -j $(JOBS) --target maru benchmarks
	tools/bench build/release $(BENCH_ARGS)

# What CI runs after `make test`: unit, integration, conformance and the kill -9 test, sanitized.
asan tsan: setup-test node_modules
	cmake --preset $@ -DMARU_TESTS=ON
	cmake --build build/$@ -j $(JOBS)
	ctest --preset $@ -j $(JOBS) -LE dev_only $(TEST_ARGS)

fuzz: setup-check
	cmake --preset fuzz -DMARU_TESTS=ON
	cmake --build build/fuzz -j $(JOBS) --target fuzzers
	tools/fuzz build/fuzz $(FUZZ_SECONDS)

check: setup-check
	tools/check

format: setup-check
	git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

node_modules:
	cd tests && (test -f node_modules/.package-lock.json && \
	  test node_modules/.package-lock.json -nt package-lock.json || npm ci --ignore-scripts)

setup-run:
	@tools/setup run
setup-test:
	@tools/setup test
setup-check:
	@tools/setup check
