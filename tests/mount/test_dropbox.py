"""The drop box as a file system: names, several writers, what a close says of its own bytes."""
import signal

import pytest

from harness import Process, errno_of, eventually, fails, ok, passes, run

PREAMBLE = """
import errno, os, sys
def said(call, *args):
    try:
        call(*args)
        return "0"
    except OSError as e:
        return errno.errorcode[e.errno]
folder, source = sys.argv[1:3]
blob = open(source, "rb").read()
half = len(blob) // 2
def begin(name, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    return os.open(os.path.join(folder, name), flags, 0o600)
"""


@pytest.fixture
def two(vaults):
    return vaults("first", "second", seed="secrets=3,vault=first")


@pytest.fixture
def box(two, mount):
    return mount(two, name="second")


@pytest.fixture
def script(two, box, tmp_path):
    """A function that runs python lines in restore/secrets of the second vault, and gives the words it prints."""
    def runs(lines, where="restore/secrets", blob=0):
        source = tmp_path / f"source{blob}"
        if not source.exists():
            source.write_bytes(two.backup("secrets", two.list("secrets", "first")[blob], "first"))
        more = [str(tmp_path / f"source{i}") for i in (1, 2) if (tmp_path / f"source{i}").exists()]
        return ok("/usr/bin/python3", "-c", PREAMBLE + lines, box / where, source, *more).split()

    return runs


def restored(vault):
    return vault.list("secrets", "second")


def sent(vault):
    return vault.stats("second")["restores_seen"]


# A close tells what became of the bytes that were written through it.

@pytest.mark.parametrize("rewrite", ["os.pwrite(fd, blob, 0)", "os.ftruncate(fd, 0); os.pwrite(fd, blob, 0)",
                                     "os.lseek(fd, 0, 0); [os.write(fd, blob[i:i + 1000]) for i in "
                                     "range(0, len(blob), 1000)]"])
def test_what_is_written_again_after_a_failed_close_is_sent_or_the_next_close_fails(two, script, rewrite):
    two.fault(operation="restore", status=403, code="Forbidden", count=1)
    words = script(f"""
fd = begin("x.blob")
os.write(fd, blob)
print(said(os.close, os.dup(fd)))
{rewrite}
print(said(os.close, fd))
""")
    assert words == ["EACCES", "0"]
    assert restored(two) == [two.list("secrets", "first")[0]] and sent(two) == 2


def test_a_part_written_again_after_a_close_is_not_taken_for_the_whole(two, script):
    words = script("""
fd = begin("x.blob")
os.write(fd, blob)
print(said(os.close, os.dup(fd)))
print(said(os.pwrite, fd, blob[:half], 0))
print(said(os.close, fd))
""")
    assert words == ["0", "0", "EINVAL"] and sent(two) == 1


@pytest.mark.parametrize("end", ["os.unlink(path)", "os.rename(other, path)"])
def test_a_file_that_loses_its_name_before_its_close_fails_its_writer(two, box, script, end):
    words = script(f"""
path, other = os.path.join(folder, "x.blob"), os.path.join(folder, "y.blob")
if "other" in {end!r}:
    fd = begin("y.blob"); os.write(fd, blob); os.close(fd)
fd = begin("x.blob")
os.write(fd, blob)
{end}
print(said(os.close, os.dup(fd)))
print(said(os.close, fd))
""")
    assert words == ["ESTALE", "ESTALE"]
    assert sent(two) == ("other" in end)
    assert "removed or replaced" in box.line(op="restore", errno="ESTALE").text


def test_a_file_that_loses_its_name_after_its_close_repeats_the_result(two, script):
    words = script("""
fd = begin("x.blob")
os.write(fd, blob)
print(said(os.close, os.dup(fd)))
os.unlink(os.path.join(folder, "x.blob"))
print(said(os.close, fd))
""")
    assert words == ["0", "0"] and sent(two) == 1


def test_an_fstat_of_a_restored_file_whose_name_was_removed_is_of_its_bytes(two, script):
    words = script("""
fd = begin("x.blob")
os.write(fd, blob)
os.close(fd)
fd = begin("x.blob", os.O_RDONLY)
os.unlink(os.path.join(folder, "x.blob"))
print(os.fstat(fd).st_size == len(blob), os.stat(f"/dev/fd/{fd}").st_nlink)
""")
    assert words == ["True", "1"] and sent(two) == 1 and two.count("versions") == 0


def test_a_close_long_after_an_earlier_one_is_told_what_the_vault_says_then(two, box, script, tmp_path):
    lines = """
fd = begin("x.blob")
os.write(fd, blob)
print(said(os.close, os.dup(fd)), flush=True)
while not os.path.exists(sys.argv[3]):
    pass
print(said(os.close, fd))
"""
    name = two.list("secrets", "first")[0]
    (tmp_path / "blob").write_bytes(two.backup("secrets", name, "first"))
    p = Process(["/usr/bin/python3", "-c", PREAMBLE + lines, box / "restore/secrets", tmp_path / "blob", tmp_path / "go"],
                tmp_path, "writer")
    eventually(lambda: p.out.split() == ["0"], "the first close")
    two.lose("secrets", name, "second")
    passes(5.5)  # so long a restore's own answer is good
    (tmp_path / "go").write_text("")
    assert p.wait() == 0 and p.out.split() == ["0", "ESTALE"]
    assert "write it again" in box.line(op="restore", errno="ESTALE").text


@pytest.mark.parametrize("order", ["first", "second"])
def test_two_writers_of_one_name_are_each_told_of_their_own_bytes(two, box, tmp_path, script, order):
    (tmp_path / "source1").write_bytes(two.backup("secrets", two.list("secrets", "first")[1], "first"))
    first, second = ("a", "b") if order == "first" else ("b", "a")
    words = script(f"""
other = open(sys.argv[3], "rb").read()
a = begin("x.blob")
b = begin("x.blob")
os.write(a, blob)
os.write(b, other)
print(said(os.close, {first}), said(os.close, {second}))
""")
    assert sorted(words) == ["0", "ESTALE"]
    assert restored(two) == [two.list("secrets", "first")[1]] and sent(two) == 1
    assert words[0 if order == "second" else 1] == "0"
    assert "another program" in box.line(op="restore", errno="ESTALE").text


def test_a_descriptor_that_wrote_nothing_disturbs_nobody(two, script):
    words = script("""
fd = begin("x.blob")
os.write(fd, blob[:half])
print(said(os.close, begin("x.blob", os.O_WRONLY)))
os.write(fd, blob[half:])
print(said(os.close, fd))
""")
    assert words == ["0", "0"] and sent(two) == 1


def test_a_write_that_failed_fails_the_close_even_where_it_was_ignored(two, script):
    words = script("""
fd = begin("x.blob")
print(said(os.write, fd, b"x\\n"))
print(said(os.pwrite, fd, blob, 0))
print(said(os.close, fd))
fd = begin("x.blob")
print(said(os.write, fd, blob), said(os.close, fd))
""")
    assert words == ["EINVAL", "EINVAL", "EINVAL", "0", "0"] and sent(two) == 1


def test_a_file_that_never_becomes_one_gives_its_room_back_at_once(two, box, tmp_path):
    """Not only when the kernel forgets the inode: no stat is needed in between."""
    header = b")AzureKeyVaultSecretBackupV1.microsoft.com"
    (tmp_path / "cut").write_bytes(header + b"A" * (60 << 20))
    for i in range(4):
        assert errno_of("write", box / f"restore/secrets/{i}.blob", tmp_path / "cut") == "EINVAL"
    (tmp_path / "large").write_bytes(header + b"A" * (100 << 20))
    assert errno_of("write", box / "restore/secrets/large.blob", tmp_path / "large") == "EFBIG"
    assert sent(two) == 0


# What the shell's redirections do: they ignore a failing close.

@pytest.mark.parametrize("what", ["x", "", " ", "hello world", "# a comment", "0", ")", "AAAA", "<html>"])
@pytest.mark.parametrize("where", ["restore/y", "restore/secrets/y", "restore/a/b/y"])
def test_echo_of_what_is_no_blob_fails_in_the_shell(two, box, what, where):
    ok("mkdir", "-p", box / "restore/a/b")
    for shell in ("bash", "sh"):
        result = run(shell, "-c", f'echo "$1" >{box.path}/{where}', shell, what)
        assert result.code != 0, result
    assert errno_of("stat", box / where) == "ENOENT" and sent(two) == 0


@pytest.mark.parametrize("form", ["raw", "byte by byte", "text", "wrapped", "wrapped with CRLF", "quoted", "json", "BOM",
                                  "BOM and raw", "padded"])
def test_every_form_of_a_blob_is_understood(two, box, tmp_path, form):
    name = two.list("secrets", "first")[0]
    raw = two.backup("secrets", name, "first")
    (tmp_path / "raw").write_bytes(raw)
    path = tmp_path / "form"
    text = ok("base64", "-w0", tmp_path / "raw").strip().encode()
    url = text.replace(b"+", b"-").replace(b"/", b"_").rstrip(b"=")
    wrapped = ok("base64", tmp_path / "raw").encode()
    path.write_bytes({
        "raw": raw, "byte by byte": raw, "text": url, "padded": text + b"\n", "wrapped": wrapped,
        "wrapped with CRLF": wrapped.replace(b"\n", b"\r\n"), "quoted": b'"' + url + b'"\n',
        "json": b'{ "value": "' + url + b'" }\n', "BOM": b"\xef\xbb\xbf" + url, "BOM and raw": b"\xef\xbb\xbf\r\n" + raw,
    }[form])
    ok("dd", f"if={path}", f"of={box.path}/restore/secrets/{name}.blob", "status=none",
       f"bs={1 if form == 'byte by byte' else 4096}")
    assert restored(two) == [name]
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / f"{name}.blob").write_bytes(path.read_bytes())
    ok("rsync", "-a", f"{tmp_path}/staged/", box / "restore/secrets/")
    assert restored(two) == [name] and sent(two) == 1


def test_json_that_is_no_backup_is_refused_at_the_close(two, box, tmp_path):
    (tmp_path / "x").write_text('{"name": "value"}')
    assert errno_of("write", box / "restore/secrets/x.blob", tmp_path / "x") == "EINVAL"
    assert "value" in box.line(op="restore", errno="EINVAL").text and sent(two) == 0


def test_a_readme_among_the_blobs_does_not_stop_rsync(two, box, tmp_path):
    for name in two.list("secrets", "first"):
        (tmp_path / "archive").mkdir(exist_ok=True)
        (tmp_path / "archive" / f"{name}.blob").write_bytes(two.backup("secrets", name, "first"))
    (tmp_path / "archive" / "README").write_text("This is the archive.\n")
    assert run("rsync", "-a", f"{tmp_path}/archive/", box / "restore/secrets/").code == 23
    assert sorted(restored(two)) == sorted(two.list("secrets", "first"))


# Folders.

def test_the_built_in_folders_cannot_be_removed_or_moved(two, box):
    for folder in ("restore", "restore/keys", "restore/secrets", "restore/certificates"):
        assert errno_of("rmdir", box / folder) == "EBUSY"
    assert errno_of("rename", box / "restore/keys", box / "restore/other") == "EBUSY"
    ok("mkdir", box / "restore/other")
    assert errno_of("rename", box / "restore/other", box / "restore/keys") == "EBUSY"
    fails("rm", "-rf", box / "restore/secrets")
    assert errno_of("stat", box / "restore/secrets") == "0"


@pytest.mark.parametrize("state", ["nothing written", "half written", "written", "staged"])
@pytest.mark.parametrize("how", ["os.rmdir(d)", "os.rename(q, d)", "os.rmdir(up)", "os.rename(q, up)"])
def test_a_folder_with_unsent_bytes_cannot_be_removed_or_replaced(two, script, state, how):
    write = {"nothing written": "", "half written": "os.write(fd, blob[:half])", "written": "os.write(fd, blob)",
             "staged": "os.write(fd, blob); os.close(fd); fd = None"}[state]
    name = ".x.blob.aB3dE9" if state == "staged" else "x.blob"
    words = script(f"""
up, q = os.path.join(folder, "up"), os.path.join(folder, "q")
d = os.path.join(up, "secrets")
os.makedirs(d); os.mkdir(q)
fd = begin("up/secrets/{name}")
{write}
def how(): {how}
print(said(how))
if fd is None:
    print(said(os.rename, os.path.join(d, "{name}"), os.path.join(d, "x.blob")))
else:
    os.pwrite(fd, blob, 0)
    print(said(os.close, fd))
print(said(how))
""", where="restore")
    assert words == ["ENOTEMPTY", "0", "0"] and sent(two) == 1


def test_a_folder_below_one_that_was_removed_takes_no_new_names(two, box, script):
    words = script("""
os.makedirs(os.path.join(folder, "up", "down", "secrets"))
os.chdir(os.path.join(folder, "up", "down"))
os.rmdir(os.path.join(folder, "up"))
for name in ("secrets", "."):
    print(said(os.open, os.path.join(name, "x.blob"), os.O_WRONLY | os.O_CREAT))
print(said(os.mkdir, "new"))
for name in ("y.blob", ".y.blob.aB3dE9"):
    fd = begin("secrets/" + name)
    os.write(fd, blob)
    os.close(fd)
    print(said(os.rename, os.path.join(folder, "secrets", name), "y.blob"))
print(said(os.rename, os.path.join(folder, "secrets", "y.blob"), os.path.join(folder, "y.blob")))
""", where="restore")
    assert words == ["ENOENT"] * 5 + ["0"] and sent(two) == 1
    assert "its folder was removed" in box.line(op="restore", errno="ENOENT").text


def test_rm_rf_and_tar_u_over_what_was_restored_work(two, box, tmp_path):
    for name in two.list("secrets", "first"):
        (tmp_path / "x/secrets").mkdir(parents=True, exist_ok=True)
        (tmp_path / "x/secrets" / f"{name}.blob").write_bytes(two.backup("secrets", name, "first"))
    ok("cp", "-r", tmp_path / "x", box / "restore")
    ok("rm", "-rf", box / "restore/x")
    assert errno_of("stat", box / "restore/x") == "ENOENT"
    for options in ("-x", "-xU", "-xU", "--recursive-unlink -x"):
        ok(shell=f"tar -C {tmp_path} -c x | tar {options} -C {box.path}/restore")
    assert sent(two) == 3 and len(restored(two)) == 3


@pytest.mark.parametrize("options", ["--delay-updates", "--delay-updates --delete", "--partial-dir=.partial", "--fsync",
                                     "--temp-dir=.", "--inplace", "--append", "-W --no-times", "--ignore-existing"])
def test_rsync_s_ways_to_write_restore_everything_and_end_with_0(two, box, tmp_path, options):
    for name in two.list("secrets", "first"):
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "x" / f"{name}.blob").write_bytes(two.backup("secrets", name, "first"))
    for _ in range(2):
        ok(shell=f"rsync -a {options} {tmp_path}/x/ {box.path}/restore/secrets/")
    assert sorted(restored(two)) == sorted(two.list("secrets", "first")) and sent(two) == 3


def test_links_and_devices_are_eperm(two, box, tmp_path):
    (tmp_path / "x").write_text("")
    assert errno_of("symlink", "/etc/passwd", box / "restore/secrets/x") == "EPERM"
    assert errno_of("mkfifo", box / "restore/secrets/x") == "EPERM"
    name = two.list("secrets", "first")[0]
    (tmp_path / "blob").write_bytes(two.backup("secrets", name, "first"))
    ok("cp", tmp_path / "blob", box / "restore/secrets/x.blob")
    assert errno_of("link", box / "restore/secrets/x.blob", box / "restore/secrets/y.blob") == "EPERM"


def test_a_file_cannot_be_hidden_behind_a_dot_name(two, script):
    words = script("""
fd = begin("x.blob")
os.write(fd, blob)
x = os.path.join(folder, "x.blob")
print(said(os.rename, x, os.path.join(folder, ".x.blob.aB3dE9")), said(os.rename, x, os.path.join(folder, ".x")))
print(said(os.close, fd))
""")
    assert words == ["EINVAL", "EINVAL", "0"] and sent(two) == 1


@pytest.mark.parametrize("tool", ["cp", "install", "mv"])
def test_numbered_backups_are_refused_and_no_tool_looks_for_a_number_for_ever(two, box, tmp_path, tool):
    blob = two.backup("secrets", two.list("secrets", "first")[0], "first")
    for expected in (0, 1, 1):
        (tmp_path / "x.blob").write_bytes(blob)
        result = run(tool, "--backup=numbered", tmp_path / "x.blob", box / "restore/secrets/x.blob", seconds=20)
        assert result.code == expected, result
    assert [x for x in box.lines(op="restore", errno="EINVAL") if "numbered" in x.text]
    for _ in range(2):
        (tmp_path / "x.blob").write_bytes(blob)
        ok(tool, "--backup=simple", tmp_path / "x.blob", box / "restore/secrets/x.blob", seconds=20)
    assert sent(two) == 1


def test_a_close_while_the_mount_ends_sends_nothing_and_fails(two, box, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("secrets", two.list("secrets", "first")[0], "first"))
    (tmp_path / "blob2").write_bytes(two.backup("secrets", two.list("secrets", "first")[1], "first"))
    go = tmp_path / "go"
    lines = """
second = begin("y.blob")
os.write(second, blob)
print("ready", flush=True)
while not os.path.exists(sys.argv[3]):
    pass
print(said(os.close, second))
"""
    p = Process(["/usr/bin/python3", "-c", PREAMBLE + lines, box / "restore/secrets", tmp_path / "blob", go], tmp_path, "p")
    eventually(lambda: "ready" in p.out, "the writer is ready")
    two.fault(operation="restore", action="delay", delay_ms=6000, count=1)
    q = Process(["cp", tmp_path / "blob2", box / "restore/secrets/z.blob"], tmp_path, "q")
    eventually(lambda: sent(two) == 1, "a restore is under way")
    box.process.child.send_signal(signal.SIGTERM)
    eventually(lambda: errno_of("stat", box / "secrets/x.blob") == "EIO", "the mount is ending")
    go.write_text("")
    assert p.wait() == 0 and p.out.split() == ["ready", "EIO"]
    assert q.wait() == 0
    box.process.wait()
    assert sent(two) == 1
