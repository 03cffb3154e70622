# The few things one does with this repository. `make run` needs nothing but cargo.
#
#   make run [ARGS="--shards 2"] [PROFILE=quick]     build the release server and start it on port 6379; with the
#                                                    profile quick sooner, for a slower server
#   make test                                        everything that CI checks
#   make bench                                       Curfew beside Redis and Valkey, one table, and the picture of the lag
#   make picture                                     docs/expiry-lag.svg again, from the last full run
#   make fuzz [SEED=1] [SECONDS=60]                  random input of all kinds, each time from another seed
#   make differential [SEED=0] [SECONDS=60]          generated commands, compared with Redis 8.0

ARGS ?=
# bash counts SECONDS by itself and make would take it from the environment: only the command line sets it.
ifneq ($(origin SECONDS),command line)
SECONDS := 60
endif
REFERENCE := $(or $(CURFEW_REFERENCE),$(CURDIR)/.cache/reference)

.PHONY: run test bench picture fuzz differential reference

# Not ?=, as many an environment has a PROFILE.
run: PROFILE := release
run:
	cargo build --profile $(PROFILE) -p curfew-server
	exec $${CARGO_TARGET_DIR:-target}/$(PROFILE:dev=debug)/curfew-server --port 6379 $(ARGS)

test:
	scripts/test.sh

reference:
	scripts/reference-servers.sh

bench: reference
	cargo build --release --workspace --bins
	CURFEW_REFERENCE=$(REFERENCE) scripts/bench.sh $(ARGS)
	$${CARGO_TARGET_DIR:-target}/release/curfew-picture

picture:
	cargo build --release -p curfew-benches --bin curfew-picture
	$${CARGO_TARGET_DIR:-target}/release/curfew-picture

fuzz: reference
	CURFEW_REFERENCE=$(REFERENCE) SECONDS_EACH=$(SECONDS) SEED=$(SEED) scripts/fuzz.sh

differential: reference
	CURFEW_REFERENCE=$(REFERENCE) CURFEW_DIFF_SECONDS=$(SECONDS) $(if $(SEED),CURFEW_SEED=$(SEED)) \
		cargo test -p curfew-server --test differential -- --nocapture --test-threads 2
