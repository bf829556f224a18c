"""The table of figures: table.py FIGURES.csv [docs/performance.md], which puts it between the marks of that page."""
import pathlib
import sys

import report

BEGIN, END = "<!-- figures: make bench-keep -->", "<!-- end of figures -->"
# The figures that the page shows, in plain words.
ROWS = (
    ("cold/rsync", "first `rsync -a`, when the listing is complete; the ideal is objects/rate + 3 round trips"),
    ("cold/cp", "the same with `cp -r`"),
    ("cold/tar", "the same with `tar c`"),
    ("whole/rsync", "`rsync -a` directly after the mount; the ideal is the longer of listing and downloads"),
    ("many/rsync", "the same for a large vault, larger than the cache"),
    ("http2/rsync", "the same by HTTP/2"),
    ("many/rsync/resident", "resident memory after that"),
    ("list/cold", "listing of a large vault; the ideal is its pages one after the other"),
    ("remount/parts", "an unchanged large vault after a remount, `rsync -a`; the ideal is list pages / 200 a second"),
    ("remount/serial", "the same with `list_parts=1`"),
    ("hour/list requests", "list requests of a used mount, compared with `list_parts=1`"),
    ("first/remount/cp", "`cp -r` directly after a remount; the ideal is the longer of listing and downloads"),
    ("first/remount/tar", "the same with `tar c`"),
    ("first/archivers/cp", "`cp -r` directly after the first mount, with `archivers=cp:tar`"),
    ("first/archivers/tar", "the same with `tar c`"),
    ("exclude/archivers", "objects that `tar --exclude` of all but ten fetches in vain, with `archivers=tar`"),
    ("memory/resident", "resident memory with 250,000 objects listed"),
    ("remount/rsync", "backup requests of a second `rsync -a`, after a remount"),
    ("remount/restic", "the same with `restic backup`"),
    ("remount/borg", "the same with `borg create`"),
    ("peers/sdk-32-threads", "times faster than the Azure SDK for Python with 32 threads"),
    ("peers/sdk-32-threads/cpu", "CPU time of the whole process, compared with the SDK's"),
    ("peers/rclone-mount", "times faster than rclone's mount of as many files by webdav"),
    ("peers/az", "times faster than `az keyvault … backup` in a loop, with `rate=800`"),
    ("peers/az/at-rate", "the same with `rate=400`"),
    ("restore/cp", "`cp -r` into `restore/`, compared with objects × the time of a single restore"),
    ("restore/xargs", "`xargs -P16 cp` with `rate=200`; the ideal is objects/rate"),
    ("restore/command", "`kvfs restore` with `rate=200`, its list included; the ideal is objects/rate"),
    ("app/429", "429 answers to an application at 40 % of the limit, during a first archive"),
    ("app/p99", "its 99th percentile of latency, compared with no archive"),
    ("four/rsync", "four vaults in one mount, `rsync -a` of all at once; the ideal is one vault's objects/rate + 3 round trips"),
    ("ten/429", "429 answers to an application in an eleventh vault, while ten are archived; all share a limit of five times one vault's"),
    ("warm/ls-l", "`ls -l` of a large vault, when the listing is complete"),
    ("warm/open+read+close", "open, read and close of cached 20 KB files, compared with tmpfs"),
    ("stat/p99", "99th percentile of `stat` while 64 reads hang"),
    ("halved/used", "share of a limit that is halved during an archive"),
    ("faulty/speed", "speed when one answer in ten is 503, compared with none"),
    ("cpu/archive", "CPU time of kvfs per object"),
    ("callgrind/archive", "the same in instructions (callgrind)"),
)


def table(path):
    notes, rows = report.read(path)
    rows = {row["name"]: row for row in rows}
    lines = ["| figure | measured | compared with | ratio | target |", "| --- | --- | --- | --- | --- |"]
    for name, text in ROWS:
        row = rows.get(name)
        if row and row["value"]:
            lines.append(f"| {text} | {row['value']} {row['unit']} | {row['base']} {row['against']} | {row['ratio']} | "
                         f"{row['target'].replace('<=', '≤').replace('>=', '≥')} |".replace("|  |", "| |"))
        elif row:
            lines.append(f"| {text} | {row['verdict']} | | | |")
    return "\n".join([*lines, "", f"Measured {'; '.join(notes)}."])


def main(source, page=None):
    text = table(source)
    if page is None:
        print(text)
        return
    path = pathlib.Path(page)
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"table: {page} has no {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
