"""Chooses the files of a corpus: `fuzz_corpus.py CONTROL FOLDER`, of ci/fuzz.sh.

CONTROL is what libFuzzer's merge has written of each input: its size and the features that it reaches.
FOLDER gets, one after another, the input that reaches most new features, until there are no new ones
or a limit is reached; what else is in FOLDER is removed, unless its name begins with
`keep-`: the inputs that once failed.
"""

import hashlib
import pathlib
import sys

MOST_FILES = 60
MOST_BYTES = 200_000


def read(control):
    """The inputs' contents, each with its features."""
    lines = control.read_text().splitlines()
    names = lines[2 : 2 + int(lines[0])]
    features = {}
    for line in lines[2 + int(lines[0]) :]:
        kind, *numbers = line.split()
        if kind == "FT":
            features[int(numbers[0])] = set(map(int, numbers[1:]))
    return [(pathlib.Path(names[i]).read_bytes(), found) for i, found in features.items()]


def choose(inputs, files, size):
    """Few of `inputs` that reach as much as all, greedily."""
    chosen, seen = [], set()
    while inputs and len(chosen) < files:
        best = max(inputs, key=lambda one: (len(one[1] - seen), -len(one[0])))
        if not best[1] - seen:
            break
        inputs.remove(best)
        if sum(map(len, chosen)) + len(best[0]) <= size:
            chosen.append(best[0])
            seen |= best[1]
    return chosen, seen


def main():
    control, folder = map(pathlib.Path, sys.argv[1:])
    inputs = read(control)
    old = [file for file in folder.iterdir() if file.is_file()]
    kept = [file for file in old if file.name.startswith("keep-")]
    size = MOST_BYTES - sum(file.stat().st_size for file in kept)
    chosen, seen = choose(list(inputs), MOST_FILES - len(kept), size)
    if not chosen:
        sys.exit(f"fuzz_corpus.py: {control} names no input that reaches anything")
    for file in set(old) - set(kept):
        file.unlink()
    for content in chosen:
        (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    every = set().union(*(features for _, features in inputs))
    print(
        f"{folder}: {len(chosen) + len(kept)} of {len(inputs)} inputs, "
        f"{sum(map(len, chosen))} bytes, {len(seen)} of {len(every)} features"
    )


main()
