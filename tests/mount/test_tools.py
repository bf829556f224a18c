"""The tools that people archive with: exact copies, no request for what did not change, and restores."""
import os
import re

import pytest

import harness
from harness import ROOT, TYPES, errno_of, fails, listed_again, needs, ok, passes, run, tree
from tools import TOOLS, UNFIT, Bench

# As people give them: prefixes of one another, dashes, mixed case.
NAMES = {"keys": ("sign", "sign-2023", "Sign2", "api"), "secrets": ("db", "db-prod", "DB2", "db-prod-old"),
         "certificates": ("www", "www-old", "WWW2", "intra")}
OBJECTS = [f"{kind}/{name}" for kind in TYPES for name in NAMES[kind]]
EACH_ONCE = {name: 1 for name in OBJECTS}
# The one that changes, or cannot be read or restored.
ONE = "secrets/db-prod"
OTHERS = set(OBJECTS) - {ONE}
# Of each type the one that was changed last.
NEWEST = {"keys/sign-2023", "secrets/db-prod-old", "certificates/www-old"}


@pytest.fixture(scope="session")
def stock(tmp_path_factory, protection_key):
    """The blobs of a vault that has been at rest for a while, and as "changed" what ONE becomes later."""
    vault = harness.Vault(tmp_path_factory.mktemp("stock"), "stock", options=["--protection-key", protection_key])
    try:
        for name in NAMES["keys"]:
            vault.create_key(name)
        for i, name in enumerate(NAMES["secrets"]):
            vault.set_secret(name, "v1" * 1000 * i, tags={"owner": "team 1"})
            vault.set_secret(name, "v2")
        for name in NAMES["certificates"]:
            vault.create_certificate(name)
        passes(1)
        vault.create_key("sign-2023")
        vault.set_secret("db-prod-old", "v3")
        vault.create_certificate("www-old")
        blobs = {name: vault.backup(*name.split("/")) for name in OBJECTS}
        passes(1)
        vault.set_secret(ONE.partition("/")[2], "v3")
        blobs["changed"] = vault.backup(*ONE.split("/"))
        # Of what was changed within the last two seconds, kvfs does not trust the time.
        passes(3)
        return blobs
    finally:
        vault.stop()


@pytest.fixture
def vault(vaults, stock):
    """Two vaults of one subscription and geography; the first has the stock."""
    vault = vaults("first", "second")
    for name in OBJECTS:
        vault.restore(name.partition("/")[0], stock[name])
    vault.reset()
    return vault


@pytest.fixture(params=TOOLS)
def bench(request, tmp_path):
    needs(request.param)
    return Bench(TOOLS[request.param], tmp_path / "bench")


def archive(bench, m):
    """What is in the archive of a run that must succeed."""
    result = bench.archive(m)
    assert result.code == 0, result
    return bench.blobs()


def change(vault, stock):
    vault.lose(*ONE.split("/"))
    vault.restore("secrets", stock["changed"])
    vault.reset()


def seen(m, where):
    """What the mount shows: "keys/db" -> bytes."""
    where.mkdir()
    ok("cp", "-r", *(m / kind for kind in TYPES), where)
    return {name.removesuffix(".blob"): blob for name, blob in tree(where).items()}


def content(vault, name):
    """All that a vault holds, by type and name."""
    return {f"{x['type']}/{x['name']}": x for x in vault.dump(name)}


def test_the_first_archive_asks_for_each_object_once_and_the_second_for_none(vault, mount, bench, tmp_path):
    m = mount(vault, "ro")
    first = archive(bench, m)
    assert vault.stats("first")["backups"] == EACH_ONCE
    assert first == seen(m, tmp_path / "seen")
    assert archive(bench, m) == first
    assert vault.stats("first")["backups"] == EACH_ONCE
    m.unmount()


def test_after_a_remount_only_who_reads_everything_asks_again(vault, mount, bench, tmp_path):
    m = mount(vault, "ro")
    first = archive(bench, m)
    m.unmount()
    vault.reset()
    m = mount(vault, "ro", again=m)
    second = archive(bench, m)
    # The blobs of the newest are kept on disk, because borg reads them on every run.
    asked = set(OBJECTS) - NEWEST if bench.tool.reads_all else set()
    assert vault.stats("first")["backups"] == {name: 1 for name in asked}
    assert {name for name in OBJECTS if second[name] != first[name]} == asked
    if bench.tool.reads_all:
        assert second == seen(m, tmp_path / "seen")
    m.unmount()


def test_with_the_blobs_on_disk_a_remount_asks_for_what_changed_alone(vault, mount, bench, stock):
    options = ("ro", "cache=disk")
    m = mount(vault, *options)
    first = archive(bench, m)
    m.unmount()
    vault.reset()
    m = mount(vault, *options, again=m)
    assert archive(bench, m) == first
    assert vault.stats("first")["backups"] == {}
    m.unmount()
    change(vault, stock)
    m = mount(vault, *options, again=m)
    second = archive(bench, m)
    assert vault.stats("first")["backups"] == {ONE: 1}
    assert {name for name in OBJECTS if second[name] != first[name]} == {ONE}
    m.unmount()


def test_an_object_that_changed_is_asked_for_once_and_archived_anew(vault, mount, bench, stock):
    m = mount(vault, "ro", "list_ttl=1")
    first = archive(bench, m)
    look = ["ls", "-l", "--time-style=full-iso", m / f"{ONE}.blob"]
    time_before = ok(*look).split()[5:7]
    change(vault, stock)
    listed_again(lambda: run(*look).out.split()[5:7] not in ([], time_before), "the new time")
    # When a program began is known to 10 ms. One that may have begun before that look is refused the new size.
    passes(0.02)
    second = archive(bench, m)
    assert vault.stats("first")["backups"] == {ONE: 1}
    assert {name for name in OBJECTS if second[name] != first[name]} == {ONE}
    m.unmount()


@pytest.mark.parametrize("tool", [name for name, tool in TOOLS.items() if not tool.believes_stat])
def test_with_sizes_told_at_the_open_an_archive_is_exact(vault, mount, tmp_path, tool):
    needs(tool)
    bench = Bench(TOOLS[tool], tmp_path / "bench")
    m = mount(vault, "ro", "size=open")
    first = archive(bench, m)
    assert vault.stats("first")["backups"] == EACH_ONCE
    assert first == seen(m, tmp_path / "seen")
    assert archive(bench, m) == first
    assert vault.stats("first")["backups"] == EACH_ONCE
    m.unmount()


def test_an_archive_restores_everything_into_another_vault(vault, mount, bench):
    m = mount(vault, "ro")
    archive(bench, m)
    m.unmount()
    box = mount(vault, name="second")
    result = bench.restore(box)
    assert result.code == 0, result
    assert content(vault, "second") == content(vault, "first")
    assert vault.count("restore", 200, "second") == vault.stats("second")["restores_seen"] == len(OBJECTS)
    box.unmount()


def test_a_restore_that_is_run_again_after_a_remount_sends_nothing(vault, mount, bench):
    m = mount(vault, "ro")
    archive(bench, m)
    m.unmount()
    box = mount(vault, name="second")
    assert bench.restore(box).code == 0
    box.unmount()
    vault.reset()
    box = mount(vault, name="second", again=box)
    result = bench.restore_again(box)
    assert result.code == 0, result
    assert vault.stats("second")["restores_seen"] == 0
    assert content(vault, "second") == content(vault, "first")
    box.unmount()


def test_an_object_that_cannot_be_read_does_to_a_tool_what_the_table_says(vault, mount, bench):
    m = mount(vault, "ro")
    kind, name = ONE.split("/")
    vault.fault(operation="backup", type=kind, name=name, status=403, code="ForbiddenByPolicy")
    result = bench.archive(m)
    assert result.code == bench.tool.unread, result
    others = OTHERS
    if bench.tool.stops_reading:
        others = {name for name in OTHERS if not name.startswith("secrets/")}
    assert others <= set(bench.blobs()) <= OTHERS
    assert m.lines(op="backup", object=ONE, errno="EACCES")


def test_an_object_that_cannot_be_restored_does_to_a_tool_what_the_table_says(vault, mount, bench, stock):
    m = mount(vault, "ro")
    archive(bench, m)
    m.unmount()
    vault.restore("secrets", stock[ONE], "second")
    box = mount(vault, name="second")
    result = bench.restore(box)
    assert result.code == bench.tool.unwritten, result
    assert box.lines(op="restore", object=ONE, errno="EEXIST")
    if bench.tool.stops_writing:
        assert content(vault, "second").keys() < content(vault, "first").keys()
    else:
        assert content(vault, "second") == content(vault, "first")


# A list that fails.

@pytest.fixture(scope="module")
def unlisted(tmp_path_factory, stock, protection_key):
    """A mount whose secrets can no longer be listed: one for all tools, because the earlier list serves for a while."""
    directory = tmp_path_factory.mktemp("unlisted")
    vault = harness.Vault(directory / "vault", options=["--protection-key", protection_key])
    m = None
    try:
        for name in OBJECTS:
            vault.restore(name.partition("/")[0], stock[name])
        m = harness.Mount(directory / "mount", ["-o", f"cacert={vault.ca},rate=400,ro,list_ttl=1", vault.url],
                          harness.environment(vault)).wait_until_mounted()
        # It fails at once, while a 503 is repeated until the time-out.
        vault.fault(operation="list", type="secrets", status=403, code="ForbiddenByFirewall")
        listed_again(lambda: errno_of("list", m / "secrets") == "EACCES", "the list that fails")
        yield m
        m.unmount()
    finally:
        if m:
            m.discard()
        vault.stop()


def has_failed_as_the_table_says(result, bench, name):
    assert result.code == bench.tool.unlisted, result
    cell = row_of(name)["a list fails"]
    assert ("prints nothing" in cell) == (result.out + result.err == ""), result
    if "archives nothing" not in cell:
        assert set(bench.blobs()) == {name for name in OBJECTS if not name.startswith("secrets/")}


@pytest.mark.parametrize("name", TOOLS)
def test_a_list_that_fails_does_to_a_tool_what_the_table_says(unlisted, tmp_path, name):
    needs(name)
    bench = Bench(TOOLS[name], tmp_path / "bench")
    has_failed_as_the_table_says(bench.archive(unlisted), bench, name)


@pytest.mark.parametrize("name", UNFIT)
def test_a_list_that_fails_does_to_an_unfit_tool_what_the_table_says(unlisted, tmp_path, name):
    needs(name)
    bench = Bench(UNFIT[name], tmp_path / "bench")
    has_failed_as_the_table_says(bench.archive(unlisted), bench, name)


def zip_by_names(m, home, names=None):
    """The commands of docs/tools.md; names: what find has listed before, instead of find."""
    home.mkdir()
    (home / "vault").symlink_to(m.path)
    script = re.search(r"^    (cd ~/vault &&\n.*?)\n\n", (ROOT / "docs/tools.md").read_text() + "\n", re.M | re.S).group(1)
    if names:
        (home / "names").write_text(names)
        script = re.sub(r"find .*&&", "", script)
    return run(shell=script, env={"PATH": os.environ["PATH"], "HOME": str(home)})


def test_an_archive_by_names_fails_if_a_list_fails(unlisted, vault, mount, tmp_path):
    needs("zip")
    m = mount(vault, "ro")
    assert zip_by_names(m, tmp_path / "whole").code == 0
    names = (tmp_path / "whole/names").read_text()
    assert {name.removesuffix(".blob") for name in names.split()} == set(OBJECTS)
    assert zip_by_names(unlisted, tmp_path / "before").code == 1
    assert zip_by_names(unlisted, tmp_path / "after", names).code == 1


# Tools that are not fit for it. "tests/install-packages tools" installs them; a test of one that is missing is skipped.

@pytest.fixture(params=UNFIT)
def unfit(request, tmp_path):
    needs(request.param)
    return Bench(UNFIT[request.param], tmp_path / "bench")


def test_an_unfit_tool_does_what_the_table_says_where_an_object_cannot_be_read(vault, mount, unfit):
    m = mount(vault, "ro")
    kind, name = ONE.split("/")
    vault.fault(operation="backup", type=kind, name=name, status=403, code="ForbiddenByPolicy")
    result = unfit.archive(m)
    assert result.code == unfit.tool.unread, result
    if not unfit.tool.stops_reading:
        blobs = unfit.blobs()
        assert blobs.pop(ONE, None) == (b"" if unfit.tool.stores_empty else None)
        assert set(blobs) == OTHERS


def test_an_unfit_tool_does_what_the_table_says_where_an_object_cannot_be_restored(vault, mount, unfit, stock):
    m = mount(vault, "ro")
    assert set(archive(unfit, m)) == set(OBJECTS)
    m.unmount()
    vault.restore("secrets", stock[ONE], "second")
    box = mount(vault, name="second")
    result = unfit.restore(box)
    assert result.code == unfit.tool.unwritten, result
    if unfit.tool.stops_writing:
        assert content(vault, "second").keys() < content(vault, "first").keys()
    else:
        assert box.lines(op="restore", object=ONE, errno="EEXIST")
        assert content(vault, "second") == content(vault, "first")


# The tables of the manual.

def cells(line):
    return [x.strip() for x in line.split("|")[1:-1]]


def row_of(name):
    """What the table of docs/tools.md says of a tool, by column, without what is bold."""
    text = (ROOT / "docs/tools.md").read_text().replace("**", "")
    before, row = re.match(rf"(.*)^(\| `{name}`[^\n]*)", text, re.MULTILINE | re.DOTALL).groups()
    return dict(zip(cells(re.findall(r"^\| tool .*$", before, re.MULTILINE)[-1]), cells(row)))


def exit_status(cell):
    return int(re.match(r"\d+", cell).group(0))


@pytest.mark.parametrize("name", TOOLS)
def test_the_table_of_tools_is_what_is_tested(name):
    _, second, unread, unlisted, unwritten = row_of(name).values()
    tool = TOOLS[name]
    assert second.startswith("reads everything" if tool.reads_all else "by size and time")
    assert exit_status(unread) == tool.unread and exit_status(unlisted) == tool.unlisted
    if tool.restore:
        assert unwritten.startswith("cannot write into `restore/`")
    else:
        assert exit_status(unwritten) == tool.unwritten
    assert ("the rest of that folder" in unread) == tool.stops_reading
    assert ("stops" in unwritten) == tool.stops_writing


@pytest.mark.parametrize("name", UNFIT)
def test_the_table_of_unfit_tools_is_what_is_tested(name):
    _, unread, unlisted, unwritten = row_of(name).values()
    tool = UNFIT[name]
    assert exit_status(unread) == tool.unread and exit_status(unwritten) == tool.unwritten
    assert exit_status(unlisted) == tool.unlisted
    assert ("archives nothing" in unread) == tool.stops_reading
    assert ("empty file" in unread) == tool.stores_empty
    assert ("cannot restore" in unwritten) == tool.stops_writing


def test_rdiff_backup_cannot_write_into_the_drop_box_and_says_so(vault, mount, tmp_path):
    needs("rdiff-backup")
    bench = Bench(TOOLS["rdiff-backup"], tmp_path / "bench")
    m = mount(vault, "ro")
    archive(bench, m)
    m.unmount()
    box = mount(vault, name="second")
    fails("rdiff-backup", "restore", tmp_path / "bench/repo", box / "restore")
    assert content(vault, "second") == {} and vault.stats("second")["restores_seen"] == 0
