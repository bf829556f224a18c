"""Read-ahead across files: nobody waits for one round trip an object, and nothing is fetched in vain."""
import subprocess

import pytest

from harness import TYPES, eventually, listed_again, needs, ok, passes, run, tree
from tools import TOOLS, Bench


@pytest.fixture
def vault(vaults):
    """Names as people give them, and between the secrets those of certificates, which are not shown."""
    return vaults("first", seed="keys=10,secrets=40,certificates=10")


def copies(m, directory, tool="cp -r"):
    """What a tool that copies folders makes of the secrets: "secrets/db" -> bytes."""
    directory.mkdir()
    ok(*tool.split(), m / "secrets", directory)
    return {name.removesuffix(".blob"): blob for name, blob in tree(directory).items()}


def each_once(vault):
    return {f"secrets/{name}": 1 for name in vault.list("secrets")}


def asked(vault):
    return vault.stats("first")["backups"]


def slow_backups(vault):
    vault.reset()
    vault.fault(operation="backup", delay_ms=60)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_reads_one_file_at_a_time_has_several_requests_under_way(vault, mount, tmp_path, tool):
    needs(tool)
    bench = Bench(TOOLS[tool], tmp_path / "bench")
    m = mount(vault, "ro")
    slow_backups(vault)
    result = bench.archive(m)
    assert result.code == 0, result
    assert asked(vault) == {f"{kind}/{name}": 1 for kind in TYPES for name in vault.list(kind)}
    assert vault.stats("first")["max_in_flight"] >= 8
    assert set(bench.blobs()) == set(asked(vault))
    m.unmount()


def test_names_in_the_order_of_the_listing_are_an_order_too(vault, mount):
    m = mount(vault, "ro")
    slow_backups(vault)
    ok(shell=f"cd {m.path}/secrets && cat $(ls -U) >/dev/null")
    assert asked(vault) == each_once(vault)
    assert vault.stats("first")["max_in_flight"] >= 8


def test_what_is_known_but_not_kept_is_fetched_ahead_too(vault, mount, tmp_path):
    """The first run with cache=disk, where an index has all sizes and no blob is there."""
    m = mount(vault, "ro")
    copies(m, tmp_path / "first")
    m.unmount()
    m = mount(vault, "ro", "cache=disk", again=m)
    ok("ls", m / "secrets")
    slow_backups(vault)
    copied = copies(m, tmp_path / "second")
    assert sum(asked(vault).values()) >= len(copied) - 1  # the newest is kept
    assert max(asked(vault).values()) == 1
    assert vault.stats("first")["max_in_flight"] >= 8


def test_prefetch_0_asks_for_what_is_read_alone(vault, mount, tmp_path):
    m = mount(vault, "ro", "prefetch=0")
    ok("ls", m / "secrets")
    slow_backups(vault)
    copied = copies(m, tmp_path / "copy")
    assert asked(vault) == {name: 1 for name in copied}
    assert vault.stats("first")["max_in_flight"] == 1


def test_prefetch_n_is_how_many_are_ahead(vault, mount, tmp_path):
    m = mount(vault, "ro", "prefetch=2")
    ok("ls", m / "secrets")
    slow_backups(vault)
    copied = copies(m, tmp_path / "copy")
    assert asked(vault) == {name: 1 for name in copied}
    # The one that is read, and two ahead.
    assert 2 <= vault.stats("first")["max_in_flight"] <= 3


@pytest.mark.parametrize("tool", ["ls -f", "ls -lR", "find -name *.blob", "find -type f", "du -a"])
def test_a_look_at_names_fetches_nothing(vault, mount, tool):
    m = mount(vault, "ro")
    program, *rest = tool.split()
    ok(program, m / "secrets", *rest) if program == "find" else ok(program, *rest, m / "secrets")
    m.unmount()
    assert asked(vault) == {}


def test_a_single_file_is_a_single_request(vault, mount):
    m = mount(vault, "ro")
    for kind in ("secrets", "certificates"):
        ok("cat", m / kind / m.names(kind)[0])
    # Whatever it would have fetched ahead, it has sent before it ends.
    m.unmount()
    assert sum(asked(vault).values()) == 2


def test_files_here_and_there_are_a_request_each(vault, mount):
    m = mount(vault, "ro")
    names = m.names("secrets")
    chosen = [names[i] for i in (30, 3, 21, 12)]
    for name in chosen:
        ok("cat", m / "secrets" / name)
    m.unmount()
    assert asked(vault) == {f"secrets/{name.removesuffix('.blob')}": 1 for name in chosen}


@pytest.mark.parametrize("option", ["spill=0", "cache=none", "spill=200K"])
def test_an_archive_that_fits_into_no_cache_is_whole(vaults, mount, tmp_path, option):
    vault = vaults("first", seed="secrets=60,value=40000")
    m = mount(vault, "ro", "cache_size=500K", option)
    copied = copies(m, tmp_path / "copy", "rsync -a")
    assert set(copied) == set(each_once(vault))
    for name, blob in copied.items():
        assert len(blob) == len(vault.backup(*name.split("/")))


def test_what_does_not_fit_into_memory_is_kept_on_disk_until_it_is_read(vaults, mount, tmp_path):
    """rsync looks at all files before it reads the first."""
    vault = vaults("first", seed="secrets=60,value=40000")
    m = mount(vault, "ro", "cache_size=500K")
    copied = copies(m, tmp_path / "copy", "rsync -a")
    assert sum(len(blob) for blob in copied.values()) > 3 * 500_000
    assert asked(vault) == each_once(vault)
    m.unmount()
    # And of the disk nothing stays but the index.
    assert sum(f.stat().st_size for f in (tmp_path / "cache").rglob("*") if f.is_file()) < 500_000


def test_two_archives_at_once_ask_for_each_once(vault, mount, tmp_path):
    m = mount(vault, "ro")
    slow_backups(vault)
    copiers = [subprocess.Popen([*tool.split(), str(m / "secrets"), str(tmp_path / tool.split()[0])])
               for tool in ("cp -r", "rsync -a")]
    assert [copier.wait(60) for copier in copiers] == [0, 0]
    assert asked(vault) == each_once(vault)
    copies_of_rsync = {name.removeprefix("secrets/"): blob for name, blob in tree(tmp_path / "rsync").items()}
    assert tree(tmp_path / "cp") == copies_of_rsync and len(copies_of_rsync) == 40


def test_an_archive_that_was_cut_off_goes_on_where_it_was(vault, mount, tmp_path):
    m = mount(vault, "ro", rate=10)
    slow_backups(vault)
    copier = subprocess.Popen(["rsync", "-a", str(m / "secrets"), str(tmp_path / "copy")], stderr=subprocess.DEVNULL)
    eventually(lambda: len(asked(vault)) >= 10, "the archive is under way")
    copier.terminate()
    assert copier.wait(30) != 0
    ok("rsync", "-a", m / "secrets", tmp_path / "copy")
    assert asked(vault) == each_once(vault)
    assert len(tree(tmp_path / "copy")) == 40


def test_one_that_cannot_be_fetched_does_not_stop_the_others(vault, mount, tmp_path):
    m = mount(vault, "ro")
    bad = m.names("secrets")[20].removesuffix(".blob")
    vault.fault(operation="backup", name=bad, status=403, code="ForbiddenByPolicy")
    vault.fault(operation="backup", delay_ms=60)
    vault.reset()
    result = run("cp", "-r", m / "secrets", tmp_path / "copy")
    assert result.code == 1 and f"{bad}.blob" in result.err, result
    assert {name.removesuffix(".blob") for name in tree(tmp_path / "copy")} == set(vault.list("secrets")) - {bad}
    others = {name: count for name, count in asked(vault).items() if name != f"secrets/{bad}"}
    assert all(count == 1 for count in others.values())
    assert vault.stats("first")["max_in_flight"] >= 4


def test_what_was_fetched_ahead_and_changed_since_is_fetched_anew(vault, mount):
    m = mount(vault, "ro", "list_ttl=1")
    names = m.names("secrets")
    for name in names[:3]:
        ok("cat", m / "secrets" / name)
    ahead = eventually(lambda: [n for n in names[3:] if f"secrets/{n.removesuffix('.blob')}" in asked(vault)],
                       "something is fetched ahead")[-1]
    before = ok("ls", "-l", "--time-style=full-iso", m / "secrets" / ahead).split()[5:7]
    vault.set_secret(ahead.removesuffix(".blob"), "x" * 5000)
    wanted = len(vault.backup("secrets", ahead.removesuffix(".blob")))
    listed_again(lambda: ok("ls", "-l", "--time-style=full-iso", m / "secrets" / ahead).split()[5:7] != before,
                 "the new time is listed")
    # When a program began is known to 10 ms. One that may have begun before that look is refused the new size.
    passes(0.02)
    assert len(ok("cat", m / "secrets" / ahead, text=False)) == wanted


def test_who_waits_goes_before_what_is_fetched_ahead(vault, mount, tmp_path):
    """With one place for requests, a reader waits for one that is under way, not for all that are ahead."""
    m = mount(vault, "ro", "max_inflight=1")
    name = m.names("certificates")[0]
    ok("ls", m / "secrets")
    vault.fault(operation="backup", delay_ms=250)
    copier = subprocess.Popen(["cp", "-r", str(m / "secrets"), str(tmp_path / "copy")])
    try:
        eventually(lambda: len(asked(vault)) >= 10, "the archive is under way, with many ahead")
        before = len(asked(vault))
        ok("cat", m / "certificates" / name)
        # Its own, those of the archive's reader, and what was sent before it came.
        assert len(asked(vault)) - before <= 15
        assert copier.wait(60) == 0
    finally:
        copier.kill()
        copier.wait()
