"""Random orders of calls on the drop box and changes of the vault in between, against a model of what must hold.

Whenever a close or a rename returns 0, the vault has the very version that the written blob holds, unless the bytes were
restored by an earlier close and not written again. Whenever a program that has just begun sees a file, so has the vault.
KVFS_TEST_SEEDS=200 runs more of them, KVFS_TEST_SEED=N one again.
"""
import os
import random
import subprocess

import pytest

from harness import run

SEEDS = [int(os.environ["KVFS_TEST_SEED"])] if "KVFS_TEST_SEED" in os.environ else \
    range(int(os.environ.get("KVFS_TEST_SEEDS", "4")))
STEPS = 120
NAMES = ["x.blob", "y.blob", "d/x.blob", ".x.blob.aB3dE9"]

# Does one call a line, as a program of its own would, and prints "0", a number or the error's name.
DRIVER = """
import errno, os, sys
open_files = {}
for line in sys.stdin:
    words = line.split()
    try:
        if words[0] == "open":
            flags = os.O_WRONLY | (os.O_CREAT if "c" in words[3] else 0) | (os.O_TRUNC if "t" in words[3] else 0)
            open_files[words[1]] = os.open(words[2], flags, 0o600)
            result = 0
        elif words[0] == "write":
            data = open(words[2], "rb").read()
            os.pwrite(open_files[words[1]], data[int(words[3]):int(words[4])], int(words[3]))
            result = 0
        elif words[0] == "truncate":
            result = os.ftruncate(open_files[words[1]], int(words[2])) or 0
        elif words[0] == "dup":
            result = os.close(os.dup(open_files[words[1]])) or 0
        elif words[0] == "close":
            result = os.close(open_files.pop(words[1])) or 0
        else:
            result = getattr(os, words[0])(*words[1:]) or 0
        print(result, flush=True)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
"""


class Driver:
    def __init__(self):
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", DRIVER], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


class Writer:
    """What was written through a descriptor: the bytes of which blob, and whether a close has answered for them."""

    def __init__(self):
        self.blob, self.covered, self.is_answered, self.is_odd = None, [], False, False

    def wrote(self, blob, begin, end, size):
        if self.blob is not blob:
            self.is_odd = self.is_odd or (self.blob is not None and begin > 0)
            self.blob, self.covered = blob, []
            if begin == 0 and end == size:
                self.is_odd = False
        self.covered.append((begin, end))
        self.is_answered = False

    def is_whole(self, size):
        at = 0
        for begin, end in sorted(self.covered):
            if begin > at:
                return False
            at = max(at, end)
        return at >= size


class Blob:
    """The backup of a secret of the first vault: a file, its name and the newest version in it."""

    def __init__(self, vault, directory, name, value):
        vault.set_secret(name, value, vault="first")
        self.name, self.version = name, vault.versions("secrets", name, "first")[-1]
        self.path = directory / f"{name}-{value}"
        self.path.write_bytes(vault.backup("secrets", name, "first"))
        self.size = self.path.stat().st_size
        mtime = 1700000000 + 1000 * len(list(directory.iterdir()))  # rsync takes what has the same size and time for the same
        os.utime(self.path, (mtime, mtime))
        vault.lose("secrets", name, "first")


class Model:
    def __init__(self, vault, mount, blobs, random_source):
        self.vault, self.mount, self.blobs, self.random = vault, mount, blobs, random_source
        self.driver, self.writers, self.history = Driver(), {}, []

    def has(self, blob):
        path = f"/secrets/{blob.name}/versions"
        return self.vault.status("GET", path, vault="second") == 200 and \
            blob.version in self.vault.versions("secrets", blob.name, "second")

    def call(self, *words):
        result = self.driver(*words)
        self.history.append(f"{' '.join(map(str, words))} -> {result}")
        return result

    def path(self):
        return self.mount / "restore/secrets" / self.random.choice(NAMES)

    def claim(self, writer, what):
        """A close returned 0 for what this writer wrote."""
        if writer.blob is None or writer.is_answered:
            return
        if writer.is_whole(writer.blob.size) and not writer.is_odd:
            assert self.has(writer.blob), f"{what} returned 0, the vault has no {writer.blob.path.name}"
            writer.is_answered = True

    # The steps.

    def open(self):
        name = f"f{len(self.history)}"
        if len(self.writers) < 3 and self.call("open", name, self.path(), self.random.choice(["ct", "ct", "c", "t"])) == "0":
            self.writers[name] = Writer()

    def write(self):
        if not self.writers:
            return
        name, blob = self.random.choice(list(self.writers)), self.random.choice(self.blobs)
        half = blob.size // 2
        for begin, end in self.random.choice([[(0, blob.size)], [(0, blob.size)], [(0, half), (half, blob.size)],
                                              [(0, half)], [(half, blob.size)]]):
            if self.call("write", name, blob.path, begin, end) == "0":
                self.writers[name].wrote(blob, begin, end, blob.size)

    def truncate(self):
        if self.writers:
            name = self.random.choice(list(self.writers))
            if self.call("truncate", name, self.random.choice([0, 100])) == "0":
                self.writers[name] = Writer()

    def close(self):
        for how in ("dup", "close"):
            if self.writers and self.random.random() < 0.6:
                name = self.random.choice(list(self.writers))
                writer = self.writers[name]
                if self.call(how, name) == "0" and not self.is_staged(name):
                    self.claim(writer, how)
                if how == "close":
                    del self.writers[name]

    def is_staged(self, name):
        opened = next(h for h in self.history if h.startswith(f"open {name} "))
        return ".x.blob.aB3dE9" in opened  # perhaps renamed since: then the rename has answered

    def cp(self):
        blob, path = self.random.choice(self.blobs), self.path()
        tool = self.random.choice([["cp"], ["cp", "-n"], ["rsync", "-a"], ["rsync", "-a", "--inplace"]])
        if ".aB3dE9" in str(path):
            return
        result = run(*tool, blob.path, path, seconds=30)
        self.history.append(f"{' '.join(tool)} {blob.path.name} {path} -> {result.code}")
        # cp -n may find another blob's receipt, which it is right to keep; rsync goes by size and time
        if result.code == 0 and tool == ["cp"]:
            assert self.has(blob), "cp returned 0"
        if result.code == 0 and tool[0] == "rsync":
            assert self.has(blob), "rsync returned 0"

    def stat(self):
        path = self.path()
        result = run("stat", "-c", "%s", path, seconds=30)
        self.history.append(f"stat {path} -> {result.code} {result.out.strip()}")
        # nobody has it open: what is there was restored, and is there still
        if result.code == 0 and not self.writers and ".aB3dE9" not in str(path):
            assert any(self.has(b) for b in self.blobs if str(b.size) == result.out.strip()), "stat shows what is not there"

    def unlink(self):
        self.call("unlink", self.path())

    def rename(self):
        source, target = self.path(), self.path()
        self.call("rename", source, target)

    def folder(self):
        d = self.mount / "restore/secrets/d"
        self.call(*self.random.choice([("mkdir", d), ("mkdir", d), ("rmdir", d), ("rename", d, f"{d}2"),
                                       ("rename", f"{d}2", d)]))

    def change_vault(self):
        name = self.random.choice(self.blobs).name
        self.history.append(f"the vault: {name}")
        if self.vault.status("GET", f"/secrets/{name}/versions", vault="second") == 200 and \
                self.vault.versions("secrets", name, "second"):
            self.vault.delete("secrets", name, "second")
            if self.random.random() < 0.7:
                self.vault.purge("secrets", name, "second")
        elif self.vault.status("GET", f"/deletedsecrets/{name}", vault="second") == 200:
            self.vault.purge("secrets", name, "second")
        elif self.random.random() < 0.2:
            self.vault.set_secret(name, "somebody else's", vault="second")

    def step(self):
        kinds = [self.open] * 3 + [self.write] * 4 + [self.close] * 4 + [self.truncate, self.unlink, self.rename,
                                                                        self.folder, self.cp, self.cp, self.stat] + \
            [self.change_vault] * 2
        self.random.choice(kinds)()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_returns_0_is_in_the_vault_in_whatever_order(vaults, mount, tmp_path, seed):
    vault = vaults("first", "second")
    blobs = [Blob(vault, tmp_path, name, value) for name, value in (("a", "one"), ("a", "another"), ("b", "three-three"))]
    m = mount(vault, name="second")
    model = Model(vault, m, blobs, random.Random(seed))
    try:
        for _ in range(STEPS):
            model.step()
    except AssertionError as e:
        raise AssertionError(f"{e} (seed {seed})\n" + "\n".join(model.history[-40:]) + "\n" + m.process.err[-3000:]) from e
    finally:
        model.driver.end()
    m.unmount()
