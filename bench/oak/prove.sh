#!/bin/sh
# Puts the OAK package of the real light network into Luxonis' own libraries, without a camera: compiles it with OpenVINO's
# Myriad plugin, sends it with depthai 2.33 to a false camera on loopback, and has depthai 3.12 and luxonis-ml read it.
# Then all tests of the exporter are run with nothing skipped for want of a Python. Prints `ok …` lines.
#
# usage: bench/oak/prove.sh [IMPASTO]      by default target/release/impasto
#
# Linux x86-64, network for the Python package index, Python 3.10 to 3.13, libusb-1.0. Everything lands below target/.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
impasto=$(realpath "${1:-$root/target/release/impasto}")
python=$root/target/python
scripts=$root/crates/impasto-export/tests/python
work=$root/target/oak-proof
rm -rf "$work"
mkdir -p "$work"

for name in onnx depthai2 depthai3; do
    [ -d "$python/$name" ] || "$scripts/make_venv.sh" "$name"
done
libs=${IMPASTO_OPENVINO_LIBS:-$root/target/openvino/onnxruntime/capi}
if [ ! -d "$libs" ]; then
    python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.8 --implementation cp \
        --platform manylinux2014_x86_64 --dest "$work" onnxruntime-openvino==1.12.0
    python3 -m zipfile -e "$work"/onnxruntime_openvino-1.12.0-*.whl "$root/target/openvino"
fi

cd "$work"
styles="--style starry-night --style waves --style mosaic"
for folder in rgb yuv; do
    # shellcheck disable=SC2086
    "$impasto" --quiet export --target oak --size 512x288 $styles $([ $folder = yuv ] && echo --yuv420) -o "$folder" \
        --compile --openvino-libs "$libs" --shaves 6 > /dev/null
    blob=$(tar -xOf "$folder/models/impasto-light.rvc2.tar.xz" painter.blob | wc -c)
    echo "ok impasto export --target oak ($folder): a blob of $blob bytes for 6 SHAVEs"
    PYTHONDONTWRITEBYTECODE=1 "$python/depthai2/bin/python" "$scripts/with_depthai2.py" \
        "$folder/models/impasto-light.rvc2.tar.xz"
done
"$impasto" --quiet export --target oak --size 512x288 --yuv420 --style waves -o all --compile --openvino-libs "$libs" > /dev/null
tar -xOf yuv/models/impasto-light.rvc2.tar.xz painter.blob > six.blob
PYTHONDONTWRITEBYTECODE=1 "$python/depthai3/bin/python" "$scripts/with_depthai3.py" yuv/models/impasto-light.rvc2.tar.xz \
    all/models/impasto-light.rvc2.tar.xz yuv/models/impasto-light.onnx.tar.xz six.blob

# The program itself, with the real library and no camera, says so on the page.
"$impasto" live --camera oak --oak-app yuv --oak-python "$python/depthai3/bin/python" --no-open --port 0 \
    > live.out 2> live.err &
live=$!
trap 'kill $live 2> /dev/null || true' EXIT
for _ in $(seq 120); do
    if grep -q 'no OAK camera answers' live.err; then break; fi
    sleep 0.5
done
grep -q 'no OAK camera answers' live.err || { cat live.err >&2; exit 1; }
echo "ok impasto live --camera oak: $(grep -m1 -o 'no OAK camera answers.*' live.err)"
kill -INT $live
wait $live || true

cd "$root"
passed=0
IMPASTO_OPENVINO_LIBS=$libs cargo test --release --locked -p impasto-export -- --nocapture > "$work/tests.log" 2>&1 || passed=1
grep -E '^test |skipped:|test result|dB, median|panicked|^error' "$work/tests.log"
exit $passed
