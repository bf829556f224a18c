# kvfs: an Azure Key Vault as a file system.
#
#   make                    build/kvfs and build/localvault
#   make demo               try it: archives a local vault and restores it into a second one
#   make check              every test, plain and under ASan+UBSan
#   make interop            clients of others: Azure SDKs, az, another Key Vault server (PARTS='go java': these alone)
#   make nightly            what is too long for every change: many seeds, long fuzzing, arm64, all figures
#   make bench              how fast it is, beside other clients (QUICK=1: whether the bench works)
#   make deb                the Debian package, built in a clean tree and tried in a bare one (RELEASE=trixie ARCH=arm64)
#   make dist               the tarball of this version, and its checksum, in build/dist
#   make install            PREFIX=/usr/local DESTDIR= HELPERDIR=/sbin (empty without root)
#   make lint format hdr-check clean uninstall
#
# CC, CPPFLAGS, CFLAGS, LDFLAGS and PKG_CONFIG are honoured; V=1 shows the commands, DEV=1 adds
# -Werror, SANITIZE=address,undefined builds with sanitizers. Each flavour has its own directory
# below build/, so that none rebuilds another. To parse this file nothing but make is needed:
# pkg-config is asked when the first object is compiled.

VERSION = 0.2.0

PREFIX ?= /usr/local
DESTDIR ?=
# Where mount(8) looks for mount.kvfs, whatever PREFIX is: /sbin, or what that is a link to; empty: nowhere.
HELPERDIR ?= $(or $(realpath /sbin),/sbin)
BINDIR = $(DESTDIR)$(PREFIX)/bin
DATADIR = $(DESTDIR)$(PREFIX)/share
# Where zsh looks: Debian leaves site-functions to the administrator.
ZSHDIR ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
# A file, and where it is installed.
DATA = contrib/completion/kvfs.bash:$(DATADIR)/bash-completion/completions/kvfs \
	contrib/completion/_kvfs:$(DESTDIR)$(ZSHDIR)/_kvfs \
	contrib/completion/kvfs.fish:$(DATADIR)/fish/vendor_completions.d/kvfs.fish \
	contrib/systemd/kvfs.sysusers:$(DESTDIR)$(PREFIX)/lib/sysusers.d/kvfs.conf \
	contrib/kvfs.conf.example:$(DATADIR)/doc/kvfs/examples/kvfs.conf.example
HELPERS = $(if $(HELPERDIR),$(addprefix $(DESTDIR)$(HELPERDIR)/,mount.kvfs mount.fuse.kvfs))
SBINDIR = $(DESTDIR)$(PREFIX)/sbin
MANDIR = $(DESTDIR)$(PREFIX)/share/man
SYSTEMDDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system

ifeq ($(origin CC),default)
CC = gcc
endif
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
PYTHON = /usr/bin/python3
FUZZ_S = 20
V ?= 0
Q_0 = @
Q = $(Q_$V)
say = $(if $(filter 0,$V),@echo '  $1	$2')

# ---- flavours

comma = ,
empty =
space = $(empty) $(empty)
FLAVOUR = $(subst $(space),-,$(strip $(filter-out gcc cc,$(notdir $(firstword $(CC)))) \
	$(if $(SANITIZE),sanitize $(subst $(comma), ,$(SANITIZE))) $(if $(DEV),dev)))
B := build$(if $(FLAVOUR),/$(FLAVOUR))

# ---- flags

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough $(if $(DEV),-Werror)
# _FORTIFY_SOURCE needs an optimizer, and hides from the sanitizers what they look for. dpkg has its own.
FORTIFY = $(if $(SANITIZE)$(filter -O0,$(CFLAGS))$(findstring _FORTIFY_SOURCE,$(CPPFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
SAN_COMPILE = $(if $(SANITIZE),-fsanitize=$(subst fuzzer,fuzzer-no-link,$(SANITIZE)) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer)
SAN_LINK = $(if $(SANITIZE),-fsanitize=$(subst $(space),$(comma),$(filter-out \
	fuzzer,$(subst $(comma), ,$(SANITIZE)))))
KV_CPPFLAGS = -I. -D_GNU_SOURCE -DKV_VERSION='"$(VERSION)"' $(FORTIFY) $(CPPFLAGS)
KV_CFLAGS = -std=c17 $(WARN) -fno-common -fstack-protector-strong -fPIE $(SAN_COMPILE) $(CFLAGS)
KV_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN_LINK) $(LDFLAGS)

# ---- libraries: asked once, when the first recipe needs them

KVFS_PKGS = fuse3 libcurl libssl libcrypto libcjson sqlite3
VAULT_PKGS = libmicrohttpd sqlite3 libcrypto libcjson gnutls
TEST_PKGS = cmocka

# The warnings of foreign headers are not ours.
pkg = $(patsubst -I%,-isystem%,$(shell $(PKG_CONFIG) $1))$(if $(filter 0,$(.SHELLSTATUS)),,$(error \
	$(PKG_CONFIG) does not know all of: $(strip $(filter-out --%,$1)). "tests/install-packages build" installs them))
KVFS_INC = $(eval KVFS_INC := $(call pkg,--cflags $(KVFS_PKGS)))$(KVFS_INC)
KVFS_LIBS = $(eval KVFS_LIBS := $(call pkg,--libs $(KVFS_PKGS)) -lm)$(KVFS_LIBS)
VAULT_INC = $(eval VAULT_INC := $(call pkg,--cflags $(VAULT_PKGS)))$(VAULT_INC)
VAULT_LIBS = $(eval VAULT_LIBS := $(call pkg,--libs $(VAULT_PKGS)))$(VAULT_LIBS)
TEST_INC = $(eval TEST_INC := $(call pkg,--cflags $(TEST_PKGS)))$(TEST_INC)
TEST_LIBS = $(eval TEST_LIBS := $(call pkg,--libs $(TEST_PKGS)))$(TEST_LIBS)

# ---- files

obj = $(patsubst %.c,$B/%.o,$1)
LIB_SRC := $(sort $(wildcard client/*.c client/*/*.c cache/*.c cache/*/*.c))
FS_SRC := $(sort $(wildcard fs/*.c fs/*/*.c))
VAULT_SRC := $(sort $(wildcard tests/vault/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
BENCH_SRC := tests/bench/reread.c
SRC := $(LIB_SRC) $(FS_SRC) $(VAULT_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(BENCH_SRC)
HDR := $(sort $(wildcard $(foreach d,client cache fs,$d/*.h $d/*/*.h) tests/vault/*.h tests/unit/*.h))
MAN := $(sort $(wildcard man/*.[1-8]))
UNITS := $(sort $(wildcard contrib/systemd/*.service contrib/systemd/*.timer))
installed = $(MANDIR)/man$(subst .,,$(suffix $1))/$(notdir $1)

PROGRAMS := $B/kvfs $B/localvault
UNIT_TESTS := $(patsubst tests/unit/%.c,$B/tests/%,$(filter %_test.c,$(UNIT_SRC)))
FUZZERS := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(filter %_fuzz.c,$(FUZZ_SRC)))

all: $(PROGRAMS)
unit-tests: $(UNIT_TESTS)
fuzzers: $(FUZZERS)

# ---- compile and link

$(call obj,$(LIB_SRC) $(FS_SRC) $(FUZZ_SRC)): INC = $(KVFS_INC)
$(call obj,$(VAULT_SRC)): INC = $(VAULT_INC)
$(call obj,$(UNIT_SRC)): INC = $(KVFS_INC) $(TEST_INC)

$B/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(KV_CPPFLAGS) $(INC) $(KV_CFLAGS) -MMD -MP -c -o $@ $<

$B/libkv.a: $(call obj,$(LIB_SRC))
	$(call say,AR,$@)
	$Qrm -f $@ && $(AR) rcs $@ $^

$B/kvfs: $(call obj,$(FS_SRC)) $B/libkv.a
	$(call say,LINK,$@)
	$Q$(CC) $(KV_CFLAGS) $(KV_LDFLAGS) -o $@ $^ $(KVFS_LIBS)

$B/localvault: $(call obj,$(VAULT_SRC))
	$(call say,LINK,$@)
	$Q$(CC) $(KV_CFLAGS) $(KV_LDFLAGS) -o $@ $^ $(VAULT_LIBS)

$B/bench/reread: $(call obj,$(BENCH_SRC))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$Q$(CC) $(KV_CFLAGS) $(KV_LDFLAGS) -o $@ $^

# A test that includes "tests/unit/X.h" is linked with tests/unit/X.c, and with what that one includes, before
# the archive: so fake_clock.c takes the place of client/base/clock.c. One that includes "fs/X.h" is linked with fs/X.c.
UNIT_USES := $(shell grep -osE '^.include "(tests/unit|fs)(/[a-z0-9_]+)+' /dev/null $(UNIT_SRC) | sed 's/:.*"/:/')
used = $(patsubst $1:%,%,$(filter $(patsubst %,$1:%,$2),$(addsuffix .c,$(UNIT_USES))))
uses = $(call obj,$(sort $(call used,$1,$(UNIT_SRC) $(FS_SRC)) \
	$(foreach f,$(call used,$1,$(UNIT_SRC)),$(call used,$f,$(UNIT_SRC)))))
WRAP_ALLOC = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=free

.SECONDEXPANSION:
$(UNIT_TESTS): $B/tests/%: $B/tests/unit/%.o $$(call uses,tests/unit/$$*.c) $B/libkv.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$Q$(CC) $(KV_CFLAGS) $(KV_LDFLAGS) $(if $(findstring fake_alloc,$^),$(WRAP_ALLOC)) -o $@ $^ \
	    $(KVFS_LIBS) $(TEST_LIBS)

$(FUZZERS): $B/fuzz/%: $B/tests/fuzz/%.o $B/libkv.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$Q$(CC) $(KV_CFLAGS) $(KV_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(KVFS_LIBS)

# Every header must compile when it is the first one.
hdr-check:
	$Qfor h in $(HDR); do \
		$(CC) $(KV_CPPFLAGS) $(KVFS_INC) $(VAULT_INC) $(TEST_INC) $(KV_CFLAGS) \
		    -fsyntax-only -include $$h -x c /dev/null || exit 1; \
	done

# ---- tests. Nothing is built before tests/install-packages has run, hence the second make.

JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))
SANITIZERS = address,undefined
# The mount tests in which buffers, handles and completions come and go; sanitizers find little in the others.
OF_MEMORY = $(patsubst %,tests/mount/test_%.py,backups byok control dropbox import index listing model \
	prefetch process reading receipts robustness)
MOUNT_TESTS = $(wildcard tests/mount tests/sdk)

demo:
	@tests/install-packages build demo
	$Q$(MAKE) $(JOBS) all
	$QKVFS=$(CURDIR)/$B/kvfs LOCALVAULT=$(CURDIR)/$B/localvault tests/demo

# The README's picture of a terminal, from a real run.
picture:
	@tests/install-packages build demo
	$Q$(MAKE) $(JOBS) all
	$QKVFS=$(CURDIR)/$B/kvfs LOCALVAULT=$(CURDIR)/$B/localvault $(PYTHON) docs/terminal.py

check:
	@tests/install-packages build check tools
	$Qfailed=; \
	for part in check-unit check-mount; do \
		for sanitize in '' $(SANITIZERS); do \
			echo "== $$part$${sanitize:+, SANITIZE=$$sanitize}"; \
			$(MAKE) SANITIZE=$$sanitize $${sanitize:+MOUNT_TESTS='$(wildcard $(OF_MEMORY))'} $$part || failed="$$failed $$part$${sanitize:+($$sanitize)}"; \
		done; \
	done; \
	if [ -n "$$failed" ]; then echo "check: failed:$$failed"; exit 1; fi; \
	echo 'check: passed'

check-unit:
	$Q$(MAKE) $(JOBS) unit-tests
	$Qfailed=; \
	for t in $(UNIT_TESTS); do \
		KVFS=$(CURDIR)/$B/kvfs LOCALVAULT=$(CURDIR)/$B/localvault $$t >$$t.log 2>&1 || failed="$$failed $$t"; \
		grep -E '^\[  (SKIPPED|FAILED) +\]|^skipped:' $$t.log; \
		sed -n '$$s/^/'"$${t##*/}"': /p' $$t.log; \
	done; \
	for t in $$failed; do echo "== $$t"; cat $$t.log; done; \
	if [ -n "$$failed" ]; then echo "check-unit: failed:$$failed"; exit 1; fi

check-mount:
	$Q$(MAKE) $(JOBS) all
	$QKVFS=$(CURDIR)/$B/kvfs LOCALVAULT=$(CURDIR)/$B/localvault PYTHONDONTWRITEBYTECODE=1 \
	    $(PYTHON) -m pytest -q -rs -p no:cacheprovider $(MOUNT_TESTS)

interop:
	$Qtests/interop/run $(PARTS)

# The figures are in $B/bench/figures.csv; status 1 says that one missed its target. FIGURES='cold peers' takes these
# alone; the other variables are sizes, see tests/bench/run --help.
BENCH_VARIABLES = FIGURES QUICK OBJECTS MANY LATENCY LATENCIES RATE LIMIT SEED SAMPLE REPEAT
bench:
	@tests/install-packages build bench
	$Q$(MAKE) $(JOBS) all $B/bench/reread $B/tests/pacing_test
	$QKVFS=$(CURDIR)/$B/kvfs LOCALVAULT=$(CURDIR)/$B/localvault \
	    $(foreach v,$(BENCH_VARIABLES),BENCH_$v='$($v)') $(PYTHON) tests/bench/run --out $B/bench

bench-quick:
	$Q$(MAKE) bench QUICK=1

# What the last bench measured becomes what the repository shows.
bench-plots: $B/bench/curves.csv
	$Q$(PYTHON) tests/bench/plot.py $< tests/bench/plots
bench-keep: bench-plots $B/bench/figures.csv
	$Qcp $B/bench/figures.csv tests/bench/figures.csv
	$Q$(PYTHON) tests/bench/table.py tests/bench/figures.csv docs/performance.md

# What a fuzzer finds is left in its directory below build/.
check-fuzz:
	@tests/install-packages build fuzz
	$Q$(MAKE) $(JOBS) CC=clang SANITIZE=fuzzer,$(SANITIZERS) run-fuzzers
run-fuzzers: $(FUZZERS:%=%.run)
$(FUZZERS:%=%.run): %.run: %
	$Qx=$(*F); x=$${x%_fuzz}; mkdir -p $*.found; \
	$* -max_total_time=$(FUZZ_S) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	    -artifact_prefix=$*.found/ $*.found tests/fuzz/corpus/$$x >$*.log 2>&1 \
	    || { echo "== $$x"; tail -n 40 $*.log; exit 1; }; \
	sed -n "s/^stat::\(number_of_executed_units\|new_units_added\): */$$x \1: /p" $*.log

# What is too long for every change: the drop box's model with many seeds, unfit tools, the fuzzers, the other Debian and
# architecture, all figures.
nightly:
	@tests/install-packages build check tools
	$Q$(MAKE) check-mount MOUNT_TESTS=tests/mount/test_tools.py
	$QKVFS_TEST_SEEDS=300 $(MAKE) check-mount MOUNT_TESTS=tests/mount/test_model.py
	$QKVFS_TEST_SEEDS=300 $(MAKE) SANITIZE=$(SANITIZERS) check-mount MOUNT_TESTS=tests/mount/test_model.py
	$Q$(MAKE) $B/tests/parts_test
	PARTS_SEEDS=200000 $B/tests/parts_test
	$Q$(MAKE) check-fuzz FUZZ_S=600
	$Q$(MAKE) deb RELEASE=trixie
	$Qtests/boot/run trixie
	$Qtests/package/installed trixie
	$Q$(MAKE) deb ARCH=arm64
	$Q$(MAKE) bench

lint:
	@tests/install-packages build lint
	$Q$(MAKE) DEV=1 hdr-check run-lint
run-lint:
	$Qtests/lint $(SRC) $(HDR) -- -I. -D_GNU_SOURCE -DKV_VERSION='"lint"' -std=c17 $(KVFS_INC) $(VAULT_INC) $(TEST_INC)

format:
	clang-format -i $(SRC) $(HDR)

# ---- install

dist:
	$Qtests/package/dist $(VERSION) build/dist

deb:
	$Qtests/package/run "$(RELEASE)" $(ARCH)

# contrib/Containerfile, with that package.
container:
	$Qtests/package/container $(RELEASE)

install: $B/kvfs
	install -d $(BINDIR) $(addprefix $(MANDIR)/man,$(sort $(subst .,,$(suffix $(MAN)))))
	install -m 755 $B/kvfs $(BINDIR)/kvfs
	$(if $(HELPERS),install -d $(DESTDIR)$(HELPERDIR) && for x in $(HELPERS); do ln -sfn $(PREFIX)/bin/kvfs $$x; done)
	$(foreach x,$(DATA),install -D -m 644 $(subst :, ,$x) &&) true
	$(foreach page,$(MAN),install -m 644 $(page) $(call installed,$(page)) &&) true
	ln -sfn mount.kvfs.8 $(MANDIR)/man8/mount.fuse.kvfs.8
	install -d $(SBINDIR) $(SYSTEMDDIR)
	install -m 755 contrib/kvfs-archive $(SBINDIR)/kvfs-archive
	$(foreach unit,$(UNITS),sed -E 's,/usr/(s?bin/kvfs),$(PREFIX)/\1,' $(unit) >$(SYSTEMDDIR)/$(notdir $(unit)) && \
	    chmod 644 $(SYSTEMDDIR)/$(notdir $(unit)) &&) true

uninstall:
	rm -f $(BINDIR)/kvfs $(HELPERS) $(MANDIR)/man8/mount.fuse.kvfs.8 $(foreach x,$(DATA),$(lastword $(subst :, ,$x))) $(foreach page,$(MAN),$(call installed,$(page))) \
	    $(SBINDIR)/kvfs-archive $(addprefix $(SYSTEMDDIR)/,$(notdir $(UNITS)))

clean:
	rm -rf build

.PHONY: all unit-tests fuzzers hdr-check demo picture check check-unit check-mount check-fuzz nightly run-fuzzers \
	interop bench bench-quick bench-plots bench-keep $(FUZZERS:%=%.run) \
	lint run-lint format dist deb container install uninstall clean
.DELETE_ON_ERROR:

-include $(patsubst %.c,$B/%.d,$(SRC))
