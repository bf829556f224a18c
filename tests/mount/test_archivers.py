"""Read-ahead by listing (archivers=): cp and tar read all names before they open the first file."""
import subprocess

import pytest

from harness import eventually, ok

SECRETS = 300
PAGES = -(-SECRETS // 25)


@pytest.fixture
def vault(vaults):
    """A vault whose list comes in slowly."""
    vault = vaults("first", seed=f"secrets={SECRETS},keys=0,certificates=0")
    vault.all_names = vault.list("secrets")
    vault.reset()
    vault.fault(operation="list", delay_ms=200)
    return vault


def backups(vault):
    return vault.stats("first")["backups"]


def archive(m, command):
    return subprocess.Popen(command, cwd=m.path, stdout=subprocess.DEVNULL, start_new_session=True)


@pytest.mark.parametrize("command", [["cp", "-r", "secrets", "OUT"], ["tar", "-cf", "OUT", "secrets"]])
def test_a_copy_of_all_is_fetched_while_the_list_comes_in(vault, mount, tmp_path, command):
    # The list is not complete before 5 s.
    vault.clear()
    vault.fault(operation="list", type="secrets", delay_ms=200, count=5)
    vault.fault(operation="list", type="secrets", delay_ms=5000, count=1)
    m = mount(vault, "ro,archivers=cp:tar")
    with archive(m, [str(tmp_path / "out") if word == "OUT" else word for word in command]) as process:
        eventually(lambda: len(backups(vault)) >= 50, "objects fetched")
        assert vault.count("list", vault="first") < PAGES
        assert process.wait(60) == 0
    assert backups(vault) == {f"secrets/{name}": 1 for name in vault.all_names}


@pytest.mark.parametrize("option", ["archivers=tar", "archivers=tar,prefetch=64"])
def test_of_a_selection_at_most_64_are_fetched_in_vain(vault, mount, tmp_path, option):
    m = mount(vault, "ro", option)
    picked = sorted(vault.all_names)[:: SECRETS // 5]
    (tmp_path / "others").write_text(
        "".join(f"secrets/{n}.blob\n" for n in vault.all_names if n not in picked), encoding="utf-8")
    ok("tar", "-cf", tmp_path / "out.tar", "-X", tmp_path / "others", "-C", m.path, "secrets")
    assert {f"secrets/{name}" for name in picked} <= set(backups(vault))
    assert len(backups(vault)) <= len(picked) + 64


def test_of_a_folder_that_is_opened_and_not_listed_nothing_is_fetched(vault, mount, tmp_path):
    m = mount(vault, "ro,archivers=tar")
    name = vault.all_names[-1]
    ok("tar", "-cf", tmp_path / "out.tar", "-C", m / "secrets", f"{name}.blob")
    assert backups(vault) == {f"secrets/{name}": 1}


def test_nothing_more_is_fetched_for_a_program_that_was_ended(vault, mount, tmp_path):
    m = mount(vault, "ro,archivers=cp")
    with archive(m, ["cp", "-r", "secrets", str(tmp_path / "out")]) as process:
        eventually(lambda: len(backups(vault)) >= 25, "objects fetched")
        process.kill()
    ok("ls", m / "secrets")  # waits for the whole list
    assert vault.count("list", vault="first") >= PAGES
    assert len(backups(vault)) < SECRETS
