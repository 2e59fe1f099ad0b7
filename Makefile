# check is what must pass before anything lands; soak is the same tests at their
# large sizes, run by hand, whose last run stands in docs/promises.md.
.PHONY: check soak fmt vet tidy test race fuzz modules foreign

# A number of inputs, not a time: Go before 1.27 now and then fails a target whose
# time is up while an input runs (go.dev/issue/75804), and says nothing else.
FUZZTIME ?= 30000x
SOAKINPUTS ?= 5000000x

check: fmt vet tidy test race fuzz modules foreign

fmt:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "not gofmt-ed:"; echo "$$bad"; exit 1; fi

vet:
	go vet ./...

tidy:
	@./.ci/tidy

test:
	go test ./...

race:
	go test -race -timeout 20m ./...

fuzz:
	@./.ci/fuzz $(FUZZTIME)

# Every nested module on its own, without the workspace.
modules:
	@./.ci/modules

# The library as a host imports it: from a module of its own.
foreign:
	@./.ci/foreign

soak:
	@./.ci/soak $(SOAKINPUTS)
