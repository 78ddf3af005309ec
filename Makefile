# FC-Redirect. The two commands that matter: make run, make test. Each installs what it needs.
SHELL := /bin/bash
GO ?= go
BIN := bin
# From 24.11 on, libdpdk's pkg-config asks for a flag that Go lets pass only when told.
export CGO_CFLAGS_ALLOW := -mrtm

.PHONY: help build run test console lab peers faults appliance bench soak fuzz clean

help:
	@sed -n 's/^## //p' Makefile

## build   the programs, into bin/, with the console in them
build:
	@ci/deps build
	@web/build
	$(GO) build -trimpath -o $(BIN)/ ./cmd/...

## run     a simulated fabric through the appliance, redirected, kept in PostgreSQL, with console and live view; needs root
run: build
	@ci/deps test store
	@ci/demo/run

## test    unit, property and race tests, style checks, the console in a browser; needs root for the tests on veths
test: build
	@ci/deps test store metrics web
	@ci/test

## console the console's tests alone: types, units, a browser before the real programs; needs root
console: build
	@ci/deps test store web
	@ci/console

## lab     real Linux hosts in QEMU log in and do I/O through the appliance; needs root
lab: build
	@ci/deps lab
	FCR_LAB=1 $(GO) test -count=1 -v -timeout 15m ./ci/lab

## peers   three whole nodes in network namespaces, and faults between them; needs root
peers: build
	@ci/deps test store
	FCR_PEERS=1 $(GO) test -count=1 -v -timeout 10m ./ci/peers

## faults  everything of the slow path killed, stopped and starved at the highest rate, nothing lost; needs root
faults: build
	@ci/deps test store
	@ci/hugepages 512 || echo "make faults: no hugepages: going on without" >&2
	FCR_FAULTS=1 $(GO) test -count=1 -v -timeout 20m ./ci/faults

## appliance  rules and dashboards against the metrics, Ansible's plays against a real node; needs root
appliance: build
	@ci/deps store metrics ansible
	FCR_APPLIANCE=1 $(GO) test -count=1 -v -timeout 10m ./appliance

## bench   the fast path against testpmd, a C loop and Open vSwitch, the slow path and peer sync against the papers' variants, REST beside full load; needs root
bench: build
	@ci/deps bench store
	@ci/bench/build
	@ci/hugepages 2048
	$(BIN)/fcr-dataplane bench fastpath --flows 24000 --frame 64 --rivals testpmd,ovs,slowpath --runs 9
	$(BIN)/fcr-dataplane bench fastpath --flows 1000000 --frame 64 --rivals testpmd --runs 9
	$(BIN)/fcr-mgmtd bench slowpath
	$(BIN)/fcr-mgmtd bench bus
	$(BIN)/fcr-mgmtd bench peer
	ci/bench/rest

## soak    what is too long for every change: 10 minutes at the highest rate, 10 of kills, 10,000 seeds of peers, a stopped sink, GC pressure, an hour of dashboards, fuzzing
soak: build
	@ci/deps test store bench web
	@ci/soak

## clean   removes what make built
clean:
	rm -rf $(BIN) build
	find web/dist -mindepth 1 ! -name .keep -delete
