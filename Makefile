# Everything a developer or a build machine runs. `make help` lists it.
# Variables: FUZZTIME per fuzz target, TIME of differential, ONLY of interop, BENCHCOUNT runs per benchmark, TESTFLAGS for go test.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

FUZZTIME   ?= 60s
BENCHCOUNT ?= 1
TESTFLAGS  ?=
TIME       ?= 30m
ONLY       ?= all

tool        = go tool -modfile=.ci/tools.mod
go_build    = CGO_ENABLED=0 go build -trimpath
go_test     = .ci/with-postgres go test $(TESTFLAGS)

.PHONY: help build demo test race cover differential fuzz bench load lint vuln verify certs-testdata interop crash vectors

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/ctrd and bin/ctr, static
	$(go_build) -o bin/ctrd ./cmd/ctrd
	$(go_build) -o bin/ctr ./cmd/ctr

demo: build ## the whole main job once, on loopback; leaves demo/implant-card-NUMBER.pdf
	bin/ctrd demo

test: ## every test, on SQLite and PostgreSQL
	$(go_test) ./...

race: ## every test under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(go_test) -race ./...

cover: ## statement coverage of internal/, in bin/cover.html
	@mkdir -p bin
	$(go_test) -coverpkg=./internal/... -coverprofile=bin/cover.txt ./...
	go tool cover -html=bin/cover.txt -o bin/cover.html
	go tool cover -func=bin/cover.txt | tail -n 1

differential: ## mutated signed messages against an independent verifier for TIME; CTR_XMLSEC1=1 asks xmlsec1 as well
	CTR_DIFFERENTIAL=$(TIME) go test -count=1 -timeout 0 -v -run '^TestDifferential$$' ./internal/message/wsse

fuzz: ## every fuzz target for FUZZTIME each
	.ci/fuzz $(FUZZTIME)

bench: ## every benchmark, BENCHCOUNT times, compared with the run before
	@mkdir -p bin; if [ -f bin/bench.txt ]; then mv bin/bench.txt bin/bench-before.txt; fi
	.ci/with-postgres go test -p 1 -run '^$$' -bench . -benchmem -count $(BENCHCOUNT) ./... | tee bin/bench.txt
	$(tool) benchstat $$(ls bin/bench-before.txt 2>/dev/null || true) bin/bench.txt

load: ## what must hold at full size: fifty attackers, a list of 200,000 devices, a million implants, a file of 10,000 (on a quiet machine)
	CTR_LOAD=1 go test -count=1 -v -run '^TestOneMessageAmongAttackers$$' ./internal/endpoint
	CTR_LOAD=1 .ci/with-postgres go test -count=1 -v -run '^TestLargeList$$' ./internal/admin
	CTR_LOAD=1 .ci/with-postgres go test -count=1 -v -timeout 30m -run '^TestRecallOfAMillion$$' ./internal/store
	CTR_LOAD=1 go test -count=1 -v -timeout 30m -run '^TestBatch' ./internal/interop

lint: ## golangci-lint with the set of .golangci.yml
	$(tool) golangci-lint run --allow-serial-runners ./...

vuln: ## known vulnerabilities, where the database can be reached
	.ci/vuln

verify: ## what a reviewer should not have to look for: tidy, formatted, generated files and documents in step
	.ci/verify

certs-testdata: ## make the frozen test PKI anew (its files change; tests must still pass)
	go generate ./certs-testdata

interop: ## foreign clients against the real service on both databases, in every variant, or those of ONLY; makes docs/interop.md
	.ci/install interop
	CTR_INTEROP=$(ONLY) $(go_test) -count=1 -timeout 30m -v -run '^TestToolkits$$' ./internal/interop -args $(if $(CI),,-update)

crash: ## kill -9 under load, 20 times on each database; every acknowledged number must be there
	@go test -list '^TestCrash' ./internal/... | grep '^TestCrash' >/dev/null || { echo 'crash: there is no TestCrash to run' >&2; exit 1; }
	CTR_CRASH=1 $(go_test) -count=1 -timeout 30m -run '^TestCrash' ./internal/...

vectors: ## judge the signatures of a corpus in DIR: verified, unsupported or failed, a line each
	@test -d "$(DIR)" || { echo 'vectors: DIR must be a directory; see docs/vectors.md' >&2; exit 2; }
	@go test ./internal/message/dsig -count=1 -v -run '^TestCorpus$$' -args -corpus '$(abspath $(DIR))'
