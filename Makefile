# SPDX-License-Identifier: Apache-2.0
# The front desk; Meson builds.  `make help` lists every entry.

BUILD ?= build
PYTHON ?= /usr/bin/python3
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 600
JOBS ?= $(shell nproc)
SOURCES = $(shell git ls-files 'src/*.[ch]' 'tests/*.[ch]')

.DEFAULT_GOAL := build
.PHONY: help deps build test demo bench floors format format-check tidy asan tsan fuzz soak install clean hooks

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install every package of tools/deps that is missing
	@tools/install

build: ## install what the build needs, and build build/pgcdc
	@tools/install build
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) >$(BUILD).log || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@[ -f $(BUILD)/pgcdc ] || echo "building ..."
	@ninja -C $(BUILD) -j $(JOBS) --quiet >$(BUILD)/ninja.log || { cat $(BUILD)/ninja.log; exit 1; }

test: ## install, build, every test; ends with `N passed, N failed`
	@tools/install build demo test
	@$(MAKE) --no-print-directory build
	@$(PYTHON) tools/test $(BUILD)

demo: ## a throw-away PostgreSQL, changes, pgcdc and live messages until Ctrl-C (DEMO_SECONDS=n)
	@tools/install build demo
	@$(MAKE) --no-print-directory build
	@$(PYTHON) tools/demo $(BUILD)/pgcdc

bench: ## cost of everything against bare references (BENCH="fanout slow": those parts; BENCH_QUICK=1)
	@tools/install build demo test
	@meson setup build-bench --buildtype=release -Db_ndebug=true -Dbench=true >/dev/null 2>&1 || true
	@ninja -C build-bench -j $(JOBS) --quiet >/dev/null
	@$(PYTHON) tests/bench/run build-bench $(BENCH)

floors: ## check who includes whom, libraries' homes and file lengths
	@$(PYTHON) tools/floors

format: ## lay the sources out with clang-format
	@tools/install tools
	@clang-format -i $(SOURCES)

format-check: ## fail if clang-format would change a file
	@tools/install tools
	@clang-format --dry-run --Werror $(SOURCES)

tidy: ## clang-tidy over src
	@tools/install build tools
	@[ -f build-tidy/build.ninja ] || CC=clang meson setup build-tidy >/dev/null
	@git ls-files 'src/*.c' | xargs -P $(JOBS) -n 1 clang-tidy --quiet -p build-tidy

asan: ## every test under AddressSanitizer and UBSan
	@tools/install build demo test
	@[ -f build-asan/build.ninja ] || meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@ninja -C build-asan -j $(JOBS) --quiet
	@ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	    $(PYTHON) tools/test build-asan

tsan: ## every test under ThreadSanitizer
	@tools/install build demo test tools
	@[ -f build-tsan/build.ninja ] || CC=clang meson setup build-tsan -Db_sanitize=thread -Db_lundef=false >/dev/null
	@ninja -C build-tsan -j $(JOBS) --quiet
	@TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 $(PYTHON) tools/test build-tsan

fuzz: ## each fuzz target for FUZZ_SECONDS (60), with libFuzzer, ASan and UBSan
	@tools/install build tools
	@[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzzing=true -Db_lundef=false \
	    -Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link >/dev/null
	@ninja -C build-fuzz -j $(JOBS) --quiet
	@tools/fuzz build-fuzz $(FUZZ_SECONDS)

soak: ## consistency under random faults for SOAK_SECONDS (600) a plugin, storms of clients and snapshots, 5 million rows; PGCDC_SEED=n repeats it
	@tools/install build demo test
	@$(MAKE) --no-print-directory build
	@PGCDC_SOAK_SECONDS=$(SOAK_SECONDS) PGCDC_STORM_CLIENTS=600 PGCDC_BINARY=$(BUILD)/pgcdc LC_ALL=C.UTF-8 \
	    $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/integration/test_consistency.py \
	    tests/integration/test_churn.py 'tests/integration/test_snapshot.py::test_whoever_begins_in_a_storm_has_the_rows_of_select' \
	    'tests/integration/test_streaming.py::test_any_size_in_bounded_memory'

install: build ## install the program, man pages, a sample configuration, a systemd unit (DESTDIR works)
	@meson install -C $(BUILD) --no-rebuild

hooks: ## check format and floors before each local commit
	@printf '#!/bin/sh\nexec make --no-print-directory format-check floors\n' >"$$(git rev-parse --git-path hooks/pre-commit)"
	@chmod +x "$$(git rev-parse --git-path hooks/pre-commit)"

clean: ## remove every build directory
	@rm -rf build build-asan build-bench build-fuzz build-tidy build-tsan
