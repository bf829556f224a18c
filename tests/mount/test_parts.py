"""Long lists are read in several parts at once where that is safe, and are complete everywhere.

The oracle is the vault: its own list, and what it counted.
"""
import os
import sqlite3
import threading

import pytest

from harness import eventually, run

OBJECTS = 300
PAGE = 5
LATENCY_MS = 20


def start(vaults, *options):
    vault = vaults("first", seed=f"secrets={OBJECTS},kty=EC", options=["--page", PAGE, *options])
    vault.config(empty_pages=False)
    return vault


def shown(m):
    names = m.names("secrets")
    assert len(names) == len(set(names)), "a name is shown twice"
    return sorted(names)


def held(vault):
    return sorted(f"{name}.blob" for name in vault.list("secrets"))


def parts(m):
    """In how many parts each complete listing of secrets was read so far."""
    return [int(line["parts"]) for line in m.lines(module="listing", type="secrets") if "parts" in line]


def listed_once(vault, mount, *options):
    """A mount that has read the whole list, and has ended: the next one may have bookmarks."""
    m = mount(vault, "debug=listing", *options)
    assert shown(m) == held(vault)
    m.unmount()


def remounted(vault, mount, *options, latency_ms=LATENCY_MS):
    vault.config(latency_ms=latency_ms)
    vault.reset()
    return mount(vault, "debug=listing", *options)


def test_after_a_remount_a_list_is_read_in_parts_with_hardly_more_requests(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    m = remounted(vault, mount, latency_ms=200)  # page by page it would be 12 s
    names = m.names("secrets")
    vault.config(latency_ms=0)
    assert names == [f"{n}.blob" for n in vault.list("secrets")]  # in the list's order, too
    assert parts(m)[-1] > 5
    assert vault.count("list") - OBJECTS // PAGE < OBJECTS // PAGE * 1.1 + 5  # less our own list
    m.unmount()


def test_one_part_turns_it_off(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    m = remounted(vault, mount, "list_parts=1")
    assert shown(m) == held(vault)
    assert parts(m) == [1]
    m.unmount()


def test_a_list_that_nobody_waits_for_is_read_page_by_page(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    m = remounted(vault, mount)
    eventually(lambda: parts(m), "the listing of the start is complete", 20)
    assert parts(m) == [1]
    m.unmount()


def test_a_look_up_waits_for_its_page_only(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    last = vault.list("secrets")[-1]
    m = remounted(vault, mount)
    vault.config(latency_ms=200)  # page by page it would be 12 s
    result = run("stat", "-c", "%n", m / f"secrets/{last}.blob", seconds=60)
    assert result.code == 0, result
    assert result.seconds < 8
    m.unmount()


@pytest.mark.parametrize("paging", ["offset", "insertion", "snapshot"])
def test_servers_that_page_otherwise_are_read_page_by_page(vaults, mount, paging):
    vault = start(vaults)
    vault.config(paging=paging)
    vault.set_secret("aaa-created-last")
    listed_once(vault, mount)
    vault.set_secret("aab")
    m = remounted(vault, mount)
    assert shown(m) == held(vault)
    assert parts(m) == [1]
    m.unmount()


@pytest.mark.parametrize("paging", ["offset", "insertion", "snapshot"])
def test_bookmarks_of_another_paging_do_no_harm(vaults, mount, paging):
    """As after a failover to another implementation: the bookmarks are Key Vault's, the server is not any more."""
    vault = start(vaults)
    listed_once(vault, mount)
    vault.set_secret("aaa-created-last")
    vault.config(paging=paging)
    m = remounted(vault, mount)
    assert shown(m) == held(vault)
    m.unmount()


@pytest.mark.parametrize("status", [400, 404, 410])
def test_old_links_that_are_refused_only_cost_time(vaults, mount, status):
    vault = start(vaults)
    listed_once(vault, mount)
    vault.config(refuse_links=status)
    m = remounted(vault, mount)
    assert shown(m) == held(vault)
    m.unmount()


def test_a_page_that_fails_fails_the_list(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    m = remounted(vault, mount)
    eventually(lambda: parts(m), "the listing of the start is complete", 20)
    m.unmount()
    vault.fault(operation="list", type="secrets", status=403, skip=10)
    m = remounted(vault, mount, latency_ms=200)  # ten pages one after another would be 2 s
    result = run("ls", "-f", m / "secrets")
    assert result.code != 0
    vault.clear()
    m.unmount()


def test_a_vault_that_was_recreated_is_shown_as_it_is(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    names = vault.list("secrets")
    for name in names[20:280]:
        vault.lose("secrets", name)
    for i in range(100):
        vault.set_secret(f"zz-{i}")
    m = remounted(vault, mount)
    assert shown(m) == held(vault)
    m.unmount()


@pytest.mark.parametrize("how", ["equal", "exchanged", "garbage", "cut"])
def test_an_index_with_spoilt_bookmarks_does_no_harm(vaults, mount, tmp_path, how):
    vault = start(vaults)
    listed_once(vault, mount)
    index = next((tmp_path / "cache").rglob("*.db"))
    with sqlite3.connect(index) as db:
        (tokens,), = db.execute("SELECT tokens FROM bookmark WHERE type = 1").fetchall()
        lines = tokens.split()
        assert len(lines) > 10
        if how == "equal":
            lines[3] = lines[4]
        elif how == "exchanged":
            lines[3], lines[7] = lines[7], lines[3]
        elif how == "garbage":
            lines[3] = "eyJOZXh0TWFya2VyIjoiMiJ9&x=y"
        else:
            lines[3] = lines[3][:20]
        db.execute("UPDATE bookmark SET tokens = ? WHERE type = 1", ("\n".join(lines) + "\n",))
    db.close()
    m = remounted(vault, mount)
    assert shown(m) == held(vault)
    m.unmount()


def test_what_is_there_all_the_time_is_shown_while_others_come_and_go(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    names = vault.list("secrets")
    going, staying = names[::10], [n for i, n in enumerate(names) if i % 10]
    m = remounted(vault, mount)

    def change():
        for i, name in enumerate(going):
            vault.lose("secrets", name)
            vault.set_secret(f"{name[:-1]}-new{i}")

    changes = threading.Thread(target=change)
    changes.start()
    try:
        for _ in range(3):
            with os.scandir(m / "secrets") as entries:
                seen = [e.name for e in entries]
            assert len(seen) == len(set(seen))
            assert {f"{n}.blob" for n in staying} <= set(seen)
    finally:
        changes.join()
    m.unmount()


def test_an_open_folder_keeps_its_place_while_parts_come_in(vaults, mount):
    vault = start(vaults)
    listed_once(vault, mount)
    m = remounted(vault, mount)
    with os.scandir(m / "secrets") as entries:
        first = next(entries).name
        other = shown(m)  # a second reader, to the end
        rest = [e.name for e in entries]
    assert sorted([first, *rest]) == other == held(vault)
    m.unmount()


def test_a_managed_hsm_is_never_read_in_parts(vaults, mount):
    hsm = vaults("first", seed="keys=60", options=["--hsm", "--page", PAGE])
    for _ in range(2):
        m = mount(hsm, "debug=listing", "hsm")
        names = m.names("keys")
        assert len(names) == 60
        assert [int(x["parts"]) for x in m.lines(module="listing", type="keys")] == [1]
        m.unmount()
