"""What waits for the vault holds up nothing else in its folder."""
import signal
import time

from harness import SLOW, Process, eventually, ok, run


def test_a_look_up_that_waits_holds_up_nothing_else_in_its_folder(vault, mount, tmp_path):
    """libfuse before 3.17 does not pass FUSE_PARALLEL_DIROPS on: every other look-up and ls would wait, unkillably."""
    m = mount(vault, "timeout=60")
    names = m.names("secrets")
    vault.fault(operation="versions", action="stall")
    waiting = Process(["stat", m / "secrets/not-listed.blob"], tmp_path, "waiting")
    eventually(lambda: "fuse" in open(f"/proc/{waiting.pid}/wchan", encoding="ascii").read() or
               "request_wait" in open(f"/proc/{waiting.pid}/stack", encoding="ascii").read(), "the look-up waits")
    for name in names:
        assert run("stat", m / "secrets" / name, seconds=5).code == 0
    assert sorted(run("ls", m / "secrets", seconds=5).out.split()) == sorted(names)
    assert waiting.is_running()
    waiting.child.terminate()
    assert waiting.wait(5) == -signal.SIGTERM


def test_look_ups_of_one_folder_are_asked_side_by_side(vault, mount, tmp_path):
    m = mount(vault)
    m.names("secrets")
    for i in range(40):
        vault.set_secret(f"later-{i}")
    vault.config(latency_ms=500)
    paths = "\n".join(str(m / f"secrets/later-{i}.blob") for i in range(40))
    start = time.monotonic()
    ok("xargs", "-P20", "-n1", "stat", "-c", "%n", stdin=paths, env=None, seconds=60)
    # one after the other they take 20 s and more
    assert time.monotonic() - start < 10 * SLOW
