# FC-Redirect. The two commands that matter: make run, make test. Each installs what it needs.
SHELL := /bin/bash
GO ?= go
BIN := bin
# From 24.11 on, libdpdk's pkg-config asks for a flag that Go lets pass only when told.
export CGO_CFLAGS_ALLOW := -mrtm

.PHONY: help build run test lab bench soak fuzz clean

help:
	@sed -n 's/^## //p' Makefile

## build   the programs, into bin/
build:
	@ci/deps build
	$(GO) build -trimpath -o $(BIN)/ ./cmd/...

## run     a simulated fabric through the data plane, redirected, with a live view; needs root
run: build
	@ci/deps test store
	@ci/demo/run

## test    unit, property and race tests, style checks; needs root for the tests on veths
test: build
	@ci/deps test store
	@ci/test

## lab     real Linux hosts in QEMU log in and do I/O through the appliance; needs root
lab: build
	@ci/deps lab
	FCR_LAB=1 $(GO) test -count=1 -v -timeout 15m ./ci/lab

## bench   the fast path against testpmd, a C loop and Open vSwitch; needs root
bench: build
	@ci/deps bench
	@ci/bench/build
	@ci/hugepages 2048
	$(BIN)/fcr-dataplane bench fastpath --flows 24000 --frame 64 --rivals testpmd,ovs --runs 9
	$(BIN)/fcr-dataplane bench fastpath --flows 1000000 --frame 64 --rivals testpmd --runs 9

## soak    what is too long for every change: 10 minutes at the highest rate, a stopped sink, GC pressure, long fuzzing
soak: build
	@ci/deps test store bench
	@ci/soak

## clean   removes what make built
clean:
	rm -rf $(BIN) build
