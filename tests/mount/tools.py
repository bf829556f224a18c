"""The tools that people archive with, a row each: what is typed, and what it does where a file fails.

A row's lines are for bash. $m is the mount, $s a directory of the tool's own (its HOME, too), $n the
number of the run, $d an empty directory, plain or the drop box.
"""
import dataclasses
import os
import pathlib

from harness import run

FOLDERS = "keys secrets certificates"

# Each file by a mapping of its own.
BY_MMAP = """
import mmap, os, sys
source, target = sys.argv[1:]
def copy(path, to):
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data, open(to, "wb") as out:
        out.write(data)
status = 0
for folder, _, names in os.walk(source):
    to = os.path.join(target, os.path.relpath(folder, source))
    os.makedirs(to, exist_ok=True)
    for name in names:
        try:
            copy(os.path.join(folder, name), os.path.join(to, name))
        except OSError as e:
            print(e, file=sys.stderr)
            status = 1
sys.exit(status)
"""
BY_SHUTIL = "import shutil, sys; shutil.copytree(*sys.argv[1:], dirs_exist_ok=True)"

EACH_FILE = """cd {source} && status=0 && mkdir -p {target}/{{keys,secrets,certificates}} &&
for f in */*; do {copy} || status=1; done; exit $status"""


@dataclasses.dataclass(frozen=True)
class Tool:
    archive: str
    extract: str
    # Whether it reads all files on every run, or goes by size and time where nothing changed.
    reads_all: bool = False
    # Whether it goes by the size that it was told before the open, so that size=open is not for it.
    believes_stat: bool = False
    # Its exit status where one file cannot be read, and where the close of one that it writes fails.
    unread: int = 1
    unwritten: int = 1
    # Its exit status where one folder cannot be listed.
    unlisted: int = 1
    # Whether it leaves out files after that one, too.
    stops_reading: bool = False
    stops_writing: bool = False
    # Where it does not write into the drop box itself.
    restore: str = ""
    # Where it is to be told that files may be there.
    again: str = ""
    # Whether its archive has an empty file in the place of one that cannot be read.
    stores_empty: bool = False


TOOLS = {
    "cp -a": Tool(f"mkdir $s/$n && cd $m && cp -a {FOLDERS} $s/$n/", "cp -a $s/$n/* $d/", reads_all=True),
    "rsync -a": Tool("rsync -a $m/ $s/copy/", "rsync -a $s/copy/ $d/", unlisted=23, unread=23, unwritten=23),
    "rsync -c": Tool("rsync -ac $m/ $s/copy/", "rsync -ac $s/copy/ $d/", reads_all=True,
                     unlisted=23, unread=23, unwritten=23),
    "tar": Tool(f"tar -C $m -cf $s/$n.tar {FOLDERS}", "tar -xf $s/$n.tar -C $d", reads_all=True,
                unlisted=2, unread=2, unwritten=2),
    "bsdtar": Tool(f"bsdtar -C $m -cf $s/$n.tar {FOLDERS}", "bsdtar -xf $s/$n.tar -C $d", reads_all=True,
                   believes_stat=True, unwritten=0, stops_reading=True),
    "borg": Tool(f"[ -e $s/repo ] || borg init -e none $s/repo; cd $m && borg create $s/repo::$n {FOLDERS}",
                 "cd $d && borg extract $s/repo::$n", unwritten=2, stops_writing=True),
    "restic": Tool(f"[ -e $s/repo ] || restic init -q; cd $m && restic backup -q {FOLDERS}",
                   "restic restore -q latest --target $d", unlisted=3, unread=3),
    # It wants a directory that is not there yet, and its log alone says what failed.
    "duplicity": Tool("duplicity --no-encryption $m file://$s/repo",
                      "duplicity --no-encryption restore file://$s/repo $d/all", unlisted=0, unread=0, unwritten=0),
    # It tries the file system it restores into with files that are no blobs.
    "rdiff-backup": Tool("rdiff-backup --current-time $(($(date +%s) - 1000 + n)) backup $m $s/repo",
                         "rdiff-backup restore $s/repo $d", believes_stat=True, unlisted=0, unread=0,
                         restore="rdiff-backup restore $s/repo $s/plain && cp -r $s/plain/* $d/",
                         again="cp -r $s/plain/* $d/"),
    "rclone copy": Tool("rclone copy $m $s/copy", "rclone copy $s/copy $d", unlisted=6),
    "zip": Tool(f"cd $m && zip -qr $s/$n.zip {FOLDERS}", "unzip -q $s/$n.zip -d $d", reads_all=True,
                unlisted=0, unread=18, unwritten=0, again="unzip -qo $s/$n.zip -d $d"),
    "python shutil": Tool(f"/usr/bin/python3 -c '{BY_SHUTIL}' $m $s/$n", f"/usr/bin/python3 -c '{BY_SHUTIL}' $s/$n $d",
                          reads_all=True),
    "python mmap": Tool(f"/usr/bin/python3 -c '{BY_MMAP}' $m $s/$n", "cp -r $s/$n/* $d/", unlisted=0, reads_all=True),
    "dd": Tool(EACH_FILE.format(source="$m", target="$s/$n", copy="dd if=$f of=$s/$n/$f status=none"),
               EACH_FILE.format(source="$s/$n", target="$d", copy="dd if=$f of=$d/$f bs=1000 status=none"),
               unlisted=0, reads_all=True),
}

# Tools that hide a failed restore or a failed backup, and two that cannot restore at all.
GIT = "git --git-dir=$s/repo -c user.name=x -c user.email=x"
UNFIT = {
    "lftp": Tool('lftp -c "open file:$m && mirror . $s/$n"', 'lftp -c "open file:$s/$n && mirror . $d"', unwritten=0),
    "pax": Tool(f"cd $m && pax -wf $s/$n.pax {FOLDERS}", "cd $d && pax -rf $s/$n.pax", unwritten=0),
    "afio": Tool(f"cd $m && find {FOLDERS} | afio -o $s/$n.afio", "cd $d && afio -i $s/$n.afio", unlisted=0, unwritten=0),
    "busybox tar": Tool(f"busybox tar -C $m -cf $s/$n.tar {FOLDERS}", "busybox tar -C $d -xf $s/$n.tar", unwritten=0),
    "git": Tool(f"git init -q --bare $s/repo && {GIT} --work-tree=$m add -A && {GIT} --work-tree=$m commit -q -m x",
                f"{GIT} --work-tree=$d checkout -q -f .", unlisted=0, unread=128, unwritten=0, stops_reading=True),
    "storeBackup": Tool("mkdir $s/$n && storeBackup --sourceDir $m --backupDir $s/$n --series x >$s/log 2>&1",
                        "storeBackupRecover -b $s/$n/x/* -r . -t $d", unlisted=0, unwritten=0),
    "mksquashfs": Tool("mksquashfs $m/keys $m/secrets $m/certificates $s/$n.sqfs -quiet -no-progress",
                       "unsquashfs -q -n -f -d $d $s/$n.sqfs", unlisted=0, unread=0, unwritten=2, stores_empty=True),
    # It replaces the directories that it finds.
    "bup": Tool("bup init && bup index $m && bup save -q -n x $m && printf %s $m >$s/where",
                "bup restore -q -C $d /x/latest$(cat $s/where)/.", stops_reading=True, stops_writing=True),
    # It writes under other names and renames directories into place.
    "unison": Tool("unison -batch -silent -logfile $s/log $m $s/$n", "cp -r $s/$n/* $d/", unwritten=2,
                   restore="unison -batch -silent -logfile $s/log $s/$n $d", stops_writing=True),
}


class Bench:
    """A tool with a directory of its own: archives of a mount, numbered from 1, and what is in the newest."""

    def __init__(self, tool, directory):
        self.tool, self.directory, self.runs = tool, pathlib.Path(directory), 0
        self.directory.mkdir(parents=True)

    def _run(self, line, **places):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LANG": "C.UTF-8",
               "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
               "RESTIC_REPOSITORY": f"{self.directory}/repo", "RESTIC_PASSWORD": "x",
               "s": str(self.directory), "n": str(self.runs), **{k: str(v) for k, v in places.items()}}
        return run(shell=line, env=env)

    def archive(self, mount):
        self.runs += 1
        return self._run(self.tool.archive, m=mount.path)

    def restore(self, mount):
        """The newest archive into the drop box."""
        return self._run(self.tool.restore or self.tool.extract, d=mount / "restore")

    def restore_again(self, mount):
        """The same once more."""
        return self._run(self.tool.again or self.tool.restore or self.tool.extract, d=mount / "restore")

    def blobs(self):
        """What is in the newest archive: "keys/db" -> bytes."""
        plain = self.directory / f"extracted-{self.runs}"
        plain.mkdir()
        result = self._run(self.tool.extract, d=plain)
        assert result.code == 0, result
        return {f"{p.parent.name}/{p.stem}": p.read_bytes() for p in plain.rglob("*.blob")}
