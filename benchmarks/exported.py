"""The engines that only infer: ONNX Runtime, OpenVINO and LiteRT run the models of vision.py and transformers.py.

PyTorch (ONNX) and TensorFlow (TFLite) write them once, in their own environments, into `models/` beside these:

    python exported.py --export resnet18_b1 FILE      what runs there
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common
import transformers
import vision
import vision_torch
from common import Run, Suite

SUITE = Suite("exported.py")
WRITERS = {".onnx": "torch", ".tflite": "tensorflow"}


def example(workload: str, suffix: str) -> Any:
    """The input; ONNX models have it as PyTorch does, NCHW and words of 64 bits."""
    if workload.startswith("bert"):
        return transformers.words(transformers.BERT).astype("int64" if suffix == ".onnx" else "int32")
    x = vision.images(1)[0]
    return x.transpose(0, 3, 1, 2).copy() if suffix == ".onnx" else x


def model_file(workload: str, suffix: str) -> Path:
    """Where the model is; written if it is not there yet. The same for float32 and bfloat16: precision is the engine's choice."""
    workload = workload.removesuffix("_bf16")
    path = common.RIVALS / "models" / (workload + suffix)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [str(common.python_of(WRITERS[suffix])), __file__, "--export", workload, str(path)]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return path


def write_onnx(workload: str, path: Path) -> None:
    torch = common.torch()
    bert = workload.startswith("bert")
    model = transformers.torch_blocks(torch, transformers.BERT, first=False, causal=False) if bert else vision_torch.model_of(torch, workload)
    x = torch.from_numpy(example(workload, ".onnx"))
    torch.onnx.export(model.eval(), (x,), str(path), dynamo=True, external_data=False)


def write_tflite(workload: str, path: Path) -> None:
    tf = common.tensorflow()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = transformers.keras_bert(tf) if workload.startswith("bert") else vision.keras_model(tf, workload)
    x = example(workload, ".tflite")
    function = tf.function(lambda inputs: model(inputs, training=False)).get_concrete_function(tf.TensorSpec(x.shape, x.dtype))
    frozen = convert_variables_to_constants_v2(function)
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


def onnxruntime_call(workload: str) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = common.THREADS, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(str(model_file(workload, ".onnx")), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: example(workload, ".onnx")}
    return Run(lambda: session.run(None, feed))


def openvino_call(workload: str) -> Run:
    """For latency; the hint asks for bfloat16, which a processor without it answers in float32."""
    import openvino

    precision = "bf16" if workload.endswith("bf16") else "f32"
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": common.THREADS, "INFERENCE_PRECISION_HINT": precision}
    compiled = openvino.Core().compile_model(str(model_file(workload, ".onnx")), "CPU", options)
    request, x = compiled.create_infer_request(), example(workload, ".onnx")
    return Run(lambda: request.infer([x], share_inputs=True, share_outputs=True))


def litert_call(workload: str) -> Run:
    """Through XNNPACK; the input lies in the model's memory already."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(model_file(workload, ".tflite")), num_threads=common.THREADS)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], example(workload, ".tflite"))
    output = interpreter.get_output_details()[0]["index"]

    def call() -> Any:
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return Run(call)


def register(workload: str, framework: str, prepare: Callable[[str], Run]) -> None:
    SUITE.add(workload, framework)(lambda: prepare(workload))


for each in ("resnet18_b1", "mobilenetv2_b1", "bert"):
    register(each, "onnxruntime", onnxruntime_call)
    register(each, "openvino", openvino_call)
    register(each, "litert", litert_call)
for each in ("resnet18_b1_bf16", "bert_bf16"):
    register(each, "openvino", openvino_call)

if __name__ == "__main__":
    if sys.argv[1:2] == ["--export"]:
        target = Path(sys.argv[3])
        (write_onnx if target.suffix == ".onnx" else write_tflite)(sys.argv[2], target)
    else:
        common.main(SUITE)
