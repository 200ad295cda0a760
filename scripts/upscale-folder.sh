#!/usr/bin/env bash
# Upscales a tree of images, goes on where an earlier run stopped, and lists what failed.
#
#     scripts/upscale-folder.sh IN OUT [any option of `realesr image`]
#
# What has an output already is left alone. OUT/realesr.jsonl gets a line of JSON for each file, and
# OUT/failed.txt the names of those that failed in this run. Exits as realesr does: 0 all done, 1
# something failed, 2 the command line makes no sense, 130 interrupted.
set -uo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 IN OUT [options of realesr image]" >&2
    exit 2
fi
in=$1
out=$2
shift 2

realesr=$(command -v realesr) || realesr=$(dirname -- "$0")/../.venv/bin/realesr
if [ ! -x "$realesr" ]; then
    echo "realesr is not installed: run \`python3 scripts/demo.py\`, or \`pip install .\`" >&2
    exit 1
fi

mkdir -p -- "$out" || exit 1
"$realesr" image -i "$in" -r -o "$out" --skip-existing --suffix '' --json "$@" |
    tee -a -- "$out/realesr.jsonl" > "$out/.this-run.jsonl"
code=${PIPESTATUS[0]}

# "output" is null where a file failed; the first key of a line is its input.
grep '"output": null' "$out/.this-run.jsonl" |
    sed 's/^{"input": "\([^"]*\)".*/\1/' > "$out/failed.txt"
rm -f -- "$out/.this-run.jsonl"
if [ -s "$out/failed.txt" ]; then
    echo "failed: see $out/failed.txt" >&2
else
    rm -f -- "$out/failed.txt"
fi
exit "$code"
