"""What no list shows: a change to an older version of an object is found by its version list."""
from harness import listed_again, ok, tree


def old_version(vault, name):
    versions = vault.pages(f"/secrets/{name}/versions")
    return min(versions, key=lambda v: v["attributes"]["created"])["id"].rpartition("/")[2]


def archive(m, directory):
    ok("rsync", "-a", "--delete", f"{m.path}/secrets/", f"{directory}/")
    return tree(directory)


def test_a_change_to_an_old_version_is_archived_after_max_age(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=3,versions=3")
    name = vault.list("secrets")[0]
    m = mount(vault, "types=secrets", "list_ttl=1", "max_age=1", "ro")
    before = archive(m, tmp_path / "copy")
    shown = ok("stat", "-c", "%Y", m / f"secrets/{name}.blob")
    vault.call("PATCH", f"/secrets/{name}/{old_version(vault, name)}", {"tags": {"owner": "somebody else"}})
    listed_again(lambda: ok("stat", "-c", "%Y", m / f"secrets/{name}.blob") > shown, "a newer time")
    vault.reset()
    after = archive(m, tmp_path / "copy")
    assert {n for n in after if after[n] != before[n]} == {f"{name}.blob"}
    # None, if the stat above was the one; more than one, if another listing ended meanwhile.
    assert set(vault.stats("first")["backups"]) <= {f"secrets/{name}"}


def test_what_did_not_change_is_not_fetched_again(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=3,versions=3")
    m = mount(vault, "types=secrets", "list_ttl=1", "max_age=1", "ro")
    archive(m, tmp_path / "copy")
    vault.reset()

    def looked_at():
        archive(m, tmp_path / "copy")
        return vault.count("versions") >= 6

    listed_again(looked_at, "each object looked at twice")
    assert vault.count("backup") == 0


def test_an_object_is_not_looked_at_before_max_age(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=3,versions=3")
    m = mount(vault, "types=secrets", "list_ttl=1", "ro")
    archive(m, tmp_path / "copy")
    vault.reset()

    def listed_anew():
        archive(m, tmp_path / "copy")
        return vault.count("list") >= 4

    listed_again(listed_anew, "further listings")
    assert vault.count("versions") == 0
