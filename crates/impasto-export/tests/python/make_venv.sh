#!/bin/sh
# Makes the Python environments that the tests of impasto-export look for, below target/python.
# usage: make_venv.sh [onnx] [depthai2] [depthai3]      (all three without an argument)
# Another Python can be named instead: IMPASTO_PYTHON_ONNX, IMPASTO_PYTHON_DEPTHAI2, IMPASTO_PYTHON_DEPTHAI3.
set -eu
root=$(cd "$(dirname "$0")/../../../.." && pwd)
make() {
    folder="$root/target/python/$1"
    shift
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
[ $# -gt 0 ] || set -- onnx depthai2 depthai3
for name in "$@"; do
    case $name in
    onnx) make onnx 'numpy>=2' 'onnx>=1.17' 'onnxruntime>=1.20' 'openvino>=2025' 'opencv-python-headless>=4.10' ;;
    depthai2) make depthai2 depthai==2.33.0.0 'numpy>=2' 'msgpack>=1' ;;
    depthai3) make depthai3 depthai==3.12.0 luxonis-ml==0.10.2 'numpy>=2' 'msgpack>=1' bsdiff4==1.3.2 ;;
    *) echo "$0: no environment is called $name" >&2; exit 2 ;;
    esac
    echo "made $name"
done
