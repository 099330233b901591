#!/usr/bin/env bash
# Paints the pictures of README.md and docs/how-it-works.md: docs/img/make.sh FOLDER
# FOLDER holds content/ and style/ (the evaluation pictures); classic.safetensors lies in the working directory.
set -euo pipefail
eval=${1:?name the folder that holds content/ and style/}
out=$(dirname "$0")
impasto() { cargo run --quiet --release --locked -p impasto-cli -- --quiet "$@"; }
paint() { # NAME PHOTO WORDS...
    local name=$1 photo=$2
    shift 2
    impasto stylize "$eval/content/$photo" --model classic --quality 82 -o "$out/$name.jpg" "$@"
}
irises=$eval/style/vangogh_irises.jpg
night=$eval/style/vangogh_starry_night.jpg
kandinsky=$eval/style/kandinsky_deluge.jpg
etching=$eval/style/goya_sleep_of_reason.jpg

impasto try "$eval/content/cove.jpg" --size 220 -o "$out/styles.jpg" --force -s mosaic -s self-portrait -s udnie -s woodcut \
    -s starry-night -s composition -s red-blue-horse
rm "$out/styles.html"
impasto demo --model classic --size 180 -o "$out/demo.jpg" --style "$irises" --style "$night" --style "$kandinsky" \
    --style "$etching" --style "$eval/style/malevich_flower_girl.jpg"
for strength in 0 0.5 1; do
    paint "strength-$strength" kodim19.jpg --size 300 --style "$irises" --strength "$strength"
done
for brush in 128 256 768; do
    paint "brush-$brush" kodim19.jpg --size 300 --style "$irises" --style-size "$brush"
done
paint mix kodim19.jpg --size 300 --style "$irises:0.5" --style "$etching:0.5"
paint keep-color kodim19.jpg --size 300 --style "$night" --keep-color 1
paint night kodim19.jpg --size 300 --style "$night"
