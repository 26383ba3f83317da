# All commands for developers and build machines. `make help` lists them.
# Variables: FUZZTIME per fuzz target, TIME for differential, ONLY for interop, BENCHCOUNT runs per benchmark,
# TESTFLAGS for go test.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

FUZZTIME   ?= 60s
BENCHCOUNT ?= 1
TESTFLAGS  ?=
TIME       ?= 30m
ONLY       ?= all

# What --version prints, and the packages with concurrent production code.
VERSION    ?= $(shell git describe --tags --always --abbrev=12 --match 'v[0-9]*' --dirty=-modified 2>/dev/null || echo devel)
RACE       ?= ./internal/admission ./internal/service ./internal/soapdoor ./internal/store/... ./internal/auditlog \
              ./internal/batch ./internal/client ./internal/devkit/sandbox ./internal/message/revocation ./internal/message/x509id

tool        = go tool -modfile=.ci/tools.mod
go_build    = CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$(VERSION)"
go_test     = .ci/with-postgres go test $(TESTFLAGS)

.PHONY: help build demo test race cover differential fuzz bench load names lint vuln verify certs-testdata interop card-check browser crash vectors release release-check manual

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build static binaries bin/ctrd and bin/ctr
	$(go_build) -o bin/ctrd ./cmd/ctrd
	$(go_build) -o bin/ctr ./cmd/ctr

demo: build ## run the main workflow once, on loopback; writes demo/implant-card-NUMBER.pdf
	bin/ctrd demo

test: ## run every test, on SQLite and PostgreSQL
	$(go_test) ./...

race: ## run the tests of the packages with concurrent code, or those of RACE, with the race detector (needs a C compiler)
	CGO_ENABLED=1 $(go_test) -race -timeout 30m $(RACE)

cover: ## measure statement coverage of internal/; writes bin/cover.html
	@mkdir -p bin
	$(go_test) -coverpkg=./internal/... -coverprofile=bin/cover.txt ./...
	go tool cover -html=bin/cover.txt -o bin/cover.html
	go tool cover -func=bin/cover.txt | tail -n 1

differential: ## compare with an independent verifier on mutated signed messages for TIME; CTR_XMLSEC1=1 adds xmlsec1
	CTR_DIFFERENTIAL=$(TIME) go test -count=1 -timeout 0 -v -run '^TestDifferential$$' ./internal/message/wsse

fuzz: ## run every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

bench: ## run every benchmark BENCHCOUNT times and compare with the previous run
	@mkdir -p bin; if [ -f bin/bench.txt ]; then mv bin/bench.txt bin/bench-before.txt; fi
	.ci/with-postgres go test -p 1 -run '^$$' -bench . -benchmem -count $(BENCHCOUNT) ./... | tee bin/bench.txt
	$(tool) benchstat $$(ls bin/bench-before.txt 2>/dev/null || true) bin/bench.txt

load: ## run the load tests (idle machine): 50 to 600 attackers, overload, 200,000 devices, a million implants, a file of 10,000 rows
	CTR_LOAD=1 go test -count=1 -v -run '^TestOneMessageAmongAttackers$$' ./internal/soapdoor
	CTR_LOAD=1 .ci/with-postgres go test -count=1 -v -timeout 30m -run '^TestLoad' ./internal/service
	CTR_LOAD=1 .ci/with-postgres go test -count=1 -v -run '^TestLargeList$$' ./internal/operator
	CTR_LOAD=1 .ci/with-postgres go test -count=1 -v -timeout 30m -run '^TestRecallOfAMillion$$' ./internal/store
	CTR_LOAD=1 go test -count=1 -v -timeout 30m -run '^TestBatch' ./internal/testing/interop

names: ## count how functions are named and how long packages are; fail for a name that docs/glossary.md retires
	@go test -count=1 -v -run '^TestNames$$' ./internal/testing/archtest

lint: names ## run golangci-lint with .golangci.yml, and names
	$(tool) golangci-lint run --allow-serial-runners ./...

vuln: ## check for known vulnerabilities; CTR_SKIP_VULN=1 waives the check if its database is unreachable
	.ci/vuln

verify: ## run the mechanical checks: go.mod, formatting, generated files, documents
	.ci/verify

certs-testdata: ## regenerate the frozen test PKI (its files change; tests must still pass)
	go generate ./certs-testdata

interop: ## run the foreign clients, or those of ONLY, against the service on both databases, and seal with Bouncy Castle; writes docs/interop.md
	.ci/install interop
	CTR_INTEROP=$(ONLY) $(go_test) -count=1 -timeout 30m -v -run '^(TestToolkits|TestBouncyCastle)$$' ./internal/testing/interop -args $(if $(CI),,-update)

card-check: ## validate cards and their signatures with other programs, and read their symbols back from the page
	.ci/install card-check
	CTR_CARD_CHECK=1 go test -count=1 -timeout 20m -v -run '^(TestVeraPDF|TestSignaturesVerify|TestSymbolsDecode)$$' ./internal/implants/card

browser: ## drive the portal with a real browser, checked by axe-core; CTR_PICTURES=DIR keeps the screenshots
	.ci/install browser
	cd internal/testing/browser && npm ci --silent
	CTR_BROWSER=1 go test -count=1 -timeout 20m -v ./internal/testing/browser

crash: ## kill -9 under load, 20 times on each database; every acknowledged number must be stored
	@go test -list '^TestCrash' ./internal/... | grep '^TestCrash' >/dev/null || { echo 'crash: there is no TestCrash to run' >&2; exit 1; }
	CTR_CRASH=1 $(go_test) -count=1 -timeout 30m -run '^TestCrash' ./internal/...

vectors: ## verify the signatures of a corpus in DIR: one line each, verified, unsupported or failed
	@test -d "$(DIR)" || { echo 'vectors: DIR must be a directory; see docs/vectors.md' >&2; exit 2; }
	@go test ./internal/message/dsig -count=1 -v -run '^TestCorpus$$' -args -corpus '$(abspath $(DIR))'

release: ## build the release files of the current commit in bin/release: archives, bills of materials, checksums
	.ci/release

release-check: ## build them twice, in two directories with two build caches; fail if a byte differs
	.ci/release --check

manual: build ## write the manual pages bin/ctr.1 and bin/ctrd.8, made from the commands
	bin/ctr man >bin/ctr.1
	bin/ctrd man >bin/ctrd.8
