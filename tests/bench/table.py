"""The table of figures: table.py FIGURES.csv [docs/performance.md], which puts it between the marks of that page."""
import pathlib
import sys

import report

BEGIN, END = "<!-- figures: make bench-keep -->", "<!-- end of figures -->"
# What of the figures a reader wants to know, and how it is said.
ROWS = (
    ("cold/rsync", "cold `rsync -a` from a complete listing on, over objects/rate + 3 round trips"),
    ("cold/cp", "the same with `cp -r`"),
    ("cold/tar", "the same with `tar c`"),
    ("whole/rsync", "`rsync -a` right after the mount, over the longer of listing and fetching"),
    ("many/rsync", "the same for a large vault, more than the cache holds"),
    ("http2/rsync", "the same by HTTP/2"),
    ("many/rsync/resident", "resident memory after that"),
    ("list/cold", "list of a large vault, over its pages"),
    ("remount/rsync", "backup requests of a second `rsync -a`, after a remount"),
    ("remount/restic", "of a second `restic backup`"),
    ("remount/borg", "of a second `borg create`"),
    ("peers/sdk-32-threads", "faster than the Azure SDK for Python with 32 threads"),
    ("peers/sdk-32-threads/cpu", "CPU time of the whole process, over the SDK's"),
    ("peers/rclone-mount", "faster than rclone's mount of as many files by webdav"),
    ("peers/az", "faster than `az keyvault … backup` in a loop, with `rate=800`"),
    ("peers/az/at-rate", "the same with `rate=400`"),
    ("restore/cp", "`cp -r` into `restore/`, over objects × one restore alone"),
    ("restore/xargs", "`xargs -P16 cp` with `rate=200`, over objects/rate"),
    ("app/429", "429s of an application at 40 % of the limit, beside a cold archive"),
    ("app/p99", "its 99th percentile, over alone"),
    ("warm/ls-l", "`ls -l` of a large vault that is known"),
    ("warm/open+read+close", "open+read+close of 20 KB files, over tmpfs"),
    ("stat/p99", "99th percentile of `stat` while 64 reads hang"),
    ("halved/used", "share of a limit that is halved in mid-archive"),
    ("faulty/speed", "speed where one answer in ten is 503, over clean"),
    ("cpu/archive", "CPU time of kvfs for an object"),
    ("callgrind/archive", "the same in instructions (callgrind)"),
)


def table(path):
    notes, rows = report.read(path)
    rows = {row["name"]: row for row in rows}
    lines = ["| figure | measured | beside | ratio | target |", "| --- | --- | --- | --- | --- |"]
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
