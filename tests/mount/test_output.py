"""What a command prints arrives, or its exit status says that it did not."""
import pytest

from harness import KVFS, environment, fails, ok, run

LOST = [">/dev/full", ">&-"]
ERRORS = {">/dev/full": "No space left on device", ">&-": "Bad file descriptor"}


@pytest.fixture
def archive(vault, mount, tmp_path):
    """A mount, and an archive of it with one file that the vault lacks by now."""
    vault.create_key("lost")
    m = mount(vault)
    ok("rsync", "-a", f"{m.path}/", tmp_path / "archive")
    vault.lose("keys", "lost")
    return tmp_path / "archive", m.path


def is_said_once(result, to, code):
    assert (result.code, result.err.count("\n")) == (code, 1), result
    assert result.err == f"kvfs: standard output: {ERRORS[to]}\n"


@pytest.mark.parametrize("to", LOST)
@pytest.mark.parametrize("command, code", [("plan", 2), ("verify", 3), ("verify --json", 3)])
def test_a_report_about_an_archive_that_is_lost_is_an_error(archive, command, code, to):
    tree, mount = archive
    is_said_once(fails(shell=f"{KVFS} {command} {tree} {mount} {to}"), to, code)


@pytest.mark.parametrize("to", LOST)
def test_a_result_of_restore_that_is_lost_is_an_error(archive, vault, to):
    tree, mount = archive
    result = fails(shell=f"{KVFS} restore {tree} {mount} {to}")
    assert result.code == 2 and result.err.endswith(f"kvfs: standard output: {ERRORS[to]}\n")
    assert "lost" in vault.list("keys"), "it was restored nevertheless"


@pytest.mark.parametrize("to", LOST)
@pytest.mark.parametrize("arguments", ["-h", "-V", "--print-config", "--print-config myvault", "help", "help status",
                                       "byok -h", "complete -- st"])
def test_what_needs_no_mount_is_an_error_too(arguments, to):
    is_said_once(run(shell=f"{KVFS} {arguments} {to}", env=environment()), to, 1)


@pytest.mark.parametrize("to", LOST)
def test_a_command_that_prints_nothing_needs_no_standard_output(vault, mount, to):
    m = mount(vault)
    ok(shell=f"{KVFS} umount {m.path} {to}")
    assert m.process.wait() == 0
    m.is_ended = True
