#!/usr/bin/env bash
# Makes a virtual environment for each rival: make_venvs.sh [FOLDER]   (default: $TENFOLD_RIVALS, else ~/.cache/tenfold-rivals)
# They are needed for benchmarks and for recording test values, never by Tenfold itself. About 4.5 GB.
set -euo pipefail

folder=${1:-${TENFOLD_RIVALS:-$HOME/.cache/tenfold-rivals}}
python=${PYTHON:-python3}
mkdir -p "$folder"

make_venv() {  # NAME PACKAGE...
  local venv="$folder/venv-$1"
  shift
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

make_venv tensorflow tensorflow-cpu
make_venv jax jax optax
# PyTorch's own index has the build without CUDA; where it cannot be reached, the build of PyPI measures the same.
# onnx and onnxscript export its models for the engines that only infer.
make_venv torch numpy onnx onnxscript torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu --extra-index-url https://pypi.org/simple ||
  make_venv torch numpy onnx onnxscript torch==2.13.0
make_venv onnxruntime onnxruntime
make_venv openvino openvino
make_venv litert ai-edge-litert
echo "made in $folder: $(ls "$folder" | tr '\n' ' ')"
