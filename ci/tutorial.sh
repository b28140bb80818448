#!/usr/bin/env bash
# The commands that docs/TUTORIAL.md shows, as they stand there but for a shorter experiment, and
# the LaTeX: its structure, and that the files which it names were made. Where there is a pdflatex
# with acmart and pgfplots it compiles the LaTeX too. With `--latex` it sees to it that there is one, from
# Debian's packages (620 MB), compiles with nothing in their place, and keeps the paper's pages as
# target/tutorial/page-N.png, to be looked at.
set -euo pipefail
cd "$(dirname "$0")/.."
tutorial=docs/TUTORIAL.md
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
root=$PWD

fail() {
    echo "tutorial: $*" >&2
    exit 1
}

case ${1:-} in
    '') latex= ;;
    --latex) latex=1 ;;
    *) echo "tutorial: the one argument that there is, is --latex" >&2; exit 2 ;;
esac
if [ -n "$latex" ] && ! { kpsewhich acmart.cls && kpsewhich pgfplots.sty && command -v pdftoppm; } >/dev/null 2>&1; then
    command -v apt-get >/dev/null || fail "--latex knows only Debian's packages"
    apt-get update >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends poppler-utils \
        texlive-fonts-extra texlive-fonts-recommended texlive-latex-extra texlive-pictures texlive-plain-generic \
        texlive-publishers >/dev/null || fail "cannot install a LaTeX"
fi

command -v python3 >/dev/null || fail "needs python3 to check the LaTeX"

# The fenced blocks of one language, one after the other.
blocks() { # language
    awk -v open="\`\`\`$1" '$0 == open { inside = 1; next } $0 == "```" { inside = 0 } inside' "$tutorial"
}

# In a folder that looks like the clone, so that nothing is written into it.
clone=$out/clone
mkdir "$clone" "$clone/experiments"
for file in Cargo.toml Cargo.lock harness structures ci notebooks docs rustfmt.toml; do
    ln -s "$root/$file" "$clone/$file"
done
bench=$(realpath "$(bash ci/bench.sh)")

# The experiment is a file of its own: the block of TOML, with less to measure.
blocks toml | sed -e 's/^seconds = .*/seconds = 0.02/' -e 's/^warmup = .*/warmup = 0.01/' \
    -e 's/^blocks = .*/blocks = 2/' -e 's/^keys = .*/keys = 4096/' >"$clone/experiments/mine.toml"
[ "$(grep -cE '^(seconds = 0.02|warmup = 0.01|blocks = 2|keys = 4096)$' "$clone/experiments/mine.toml")" -eq 4 ] ||
    fail "the experiment of $tutorial has not the keys that are shortened here"

ran=0
while IFS= read -r line; do
    case $line in
        '' | '#'*) continue ;;
        # The notebooks have a check of their own.
        'bash ci/notebooks.sh') continue ;;
        'cargo run --release -- '*) ;;
        *) fail "$tutorial shows a command that this script does not know: $line" ;;
    esac
    echo "\$ $line"
    read -ra words <<<"${line#cargo run --release -- }"
    (cd "$clone" && "$bench" "${words[@]}") >"$out/printed" 2>"$out/said" || {
        cat "$out/said" >&2
        fail "the command failed: $line"
    }
    ran=$((ran + 1))
done < <(blocks sh)
[ "$ran" -ge 5 ] || fail "only $ran commands found in $tutorial"

# The LaTeX, as a paper beside the results.
paper=$clone/paper.tex
blocks latex >"$paper"
python3 - "$paper" "$clone" <<'EOF' || fail "the LaTeX of $tutorial is not well-formed"
"""Braces, environments, and that every file which is included exists."""
import re
import sys
from pathlib import Path

paper, root = Path(sys.argv[1]), Path(sys.argv[2])


def uncommented(path):
    return "\n".join(re.split(r"(?<!\\)%", line)[0] for line in path.read_text().splitlines())


def check(path, text):
    problems, open_ = [], []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            open_.append(name)
        elif not open_ or open_.pop() != name:
            problems.append(f"{path.name}: \\end{{{name}}} closes nothing of that name")
    problems += [f"{path.name}: \\begin{{{name}}} is not closed" for name in open_]
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    if depth != 0:
        problems.append(f"{path.name}: braces do not match")
    return problems


text = uncommented(paper)
folder = re.search(r"\\newcommand\*\{\\benchfigures\}\{([^}]*)\}", text)
problems = check(paper, text)
if not folder:
    sys.exit("no \\benchfigures is defined")
for part in (r"\documentclass", r"\begin{document}", r"\usepackage{pgfplots}"):
    if part not in text:
        problems.append(f"no {part}")
included = re.findall(r"\\(includegraphics|input)\{\\benchfigures ([^}]*)\}", text)
if len(included) < 2:
    problems.append("it includes no picture, or inputs none")
for command, name in included:
    path = root / folder[1] / (name if command == "includegraphics" else f"{name}.tex")
    if not path.is_file() or path.stat().st_size == 0:
        problems.append(f"\\{command} names {path.relative_to(root)}, which the commands did not make")
    elif command == "input":
        inner = uncommented(path)
        problems += check(path, inner)
        for table in re.findall(r"\\benchfigures ([\w.-]+\.dat)", inner):
            if not (path.parent / table).is_file():
                problems.append(f"{path.name} reads {table}, which the commands did not make")
sys.exit("\n".join(problems) or None)
EOF

if ! command -v pdflatex >/dev/null || ! kpsewhich pgfplots.sty >/dev/null; then
    echo "tutorial: $ran commands ran; the LaTeX was checked by its structure and not compiled, as" \
        "there is no pdflatex with pgfplots"
    exit 0
fi
class="acmart"
if ! kpsewhich acmart.cls >/dev/null; then
    class="article in place of acmart, which is not installed"
    sed -i 's/^\\documentclass.*/\\documentclass[twocolumn]{article}\\usepackage{graphicx}\\newcommand\\affiliation[1]{}\\newcommand\\Description[1]{}/' "$paper"
fi
(cd "$clone" && pdflatex -interaction=nonstopmode -halt-on-error paper.tex >"$out/latex" 2>&1) || {
    grep -A 3 '^!' "$out/latex" >&2 || tail -n 20 "$out/latex" >&2
    fail "the LaTeX does not compile"
}
[ -s "$clone/paper.pdf" ] || fail "pdflatex made no paper.pdf"
if [ -n "$latex" ]; then
    [ "$class" = acmart ] || fail "there is still no acmart"
    mkdir -p target/tutorial
    rm -f target/tutorial/*
    pdftoppm -r 150 -png "$clone/paper.pdf" target/tutorial/page
    ls target/tutorial/*.png
    # One figure of each kind, drawn by LaTeX.
    gallery=$out/gallery
    while IFS= read -r line; do
        read -ra words <<<"${line#cargo run --release -- }"
        "$bench" "${words[@]/docs\/gallery/$gallery}" --format pgf >/dev/null
    done < <(sed -n 's/ --format svg / /; /^cargo run --release -- plot /p' docs/GALLERY.md)
    {
        printf '%s\n' '\documentclass[sigconf]{acmart}' '\usepackage{pgfplots}' \
            '\usepgfplotslibrary{groupplots}' '\pgfplotsset{compat=1.16}' '\title{Gallery}' '\author{A}' '\begin{document}' '\maketitle'
        for figure in "$gallery"/*.tex; do
            printf '\\noindent\\input{%s}\\clearpage\n' "$(basename "$figure" .tex)"
        done
        printf '%s\n' '\end{document}'
    } >"$out/all.tex"
    mv "$out/all.tex" "$gallery/"
    (cd "$gallery" && pdflatex -interaction=nonstopmode -halt-on-error all.tex >"$out/latex" 2>&1) || {
        grep -A 3 '^!' "$out/latex" >&2
        fail "a figure of docs/GALLERY.md does not compile"
    }
    pdftoppm -r 150 -png "$gallery/all.pdf" target/tutorial/gallery
    echo "tutorial: LaTeX draws $(find "$gallery" -name '*.tex' ! -name all.tex | wc -l) figures of the gallery"
fi
echo "tutorial: $ran commands ran, and the LaTeX compiles with $class"
