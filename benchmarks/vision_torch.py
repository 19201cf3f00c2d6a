"""ResNet-18 and MobileNetV2 in PyTorch, channels_last: a training step, a call."""

from typing import Any

import common
import steps
from common import Run

# expansion, filters, blocks, stride
MOBILENET = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def normalized(nn: Any, inputs: int, filters: int, kernel: int, stride: int = 1, activation: Any = None, groups: int = 1) -> Any:
    convolution = nn.Conv2d(inputs, filters, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters), *([activation(inplace=True)] if activation else []))


def resnet18(torch: Any) -> Any:
    nn = torch.nn

    class Residual(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, inputs: int, filters: int, stride: int) -> None:
            super().__init__()
            self.first = normalized(nn, inputs, filters, 3, stride, nn.ReLU)
            self.second = normalized(nn, filters, filters, 3)
            self.shortcut = nn.Identity() if inputs == filters else normalized(nn, inputs, filters, 1, stride)

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.shortcut(x) + self.second(self.first(x)), inplace=True)

    layers = [normalized(nn, 3, 64, 7, 2, nn.ReLU), nn.MaxPool2d(3, 2, 1)]
    for inputs, filters in ((64, 64), (64, 128), (128, 256), (256, 512)):
        layers += [Residual(inputs, filters, filters // inputs), Residual(filters, filters, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def mobilenetv2(torch: Any) -> Any:
    nn = torch.nn

    class Inverted(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, inputs: int, filters: int, stride: int, expansion: int) -> None:
            super().__init__()
            wide = expansion * inputs
            widen = [normalized(nn, inputs, wide, 1, activation=nn.ReLU6)] if expansion > 1 else []
            depthwise = normalized(nn, wide, wide, 3, stride, nn.ReLU6, groups=wide)
            self.body = nn.Sequential(*widen, depthwise, normalized(nn, wide, filters, 1))
            self.skip = stride == 1 and inputs == filters

        def forward(self, x: Any) -> Any:
            return x + self.body(x) if self.skip else self.body(x)

    layers, inputs = [normalized(nn, 3, 32, 3, 2, nn.ReLU6)], 32
    for expansion, filters, count, stride in MOBILENET:
        for i in range(count):
            layers.append(Inverted(inputs, filters, stride if i == 0 else 1, expansion))
            inputs = filters
    layers += [normalized(nn, 320, 1280, 1, activation=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    return nn.Sequential(*layers)


def model_of(torch: Any, workload: str) -> Any:
    model = mobilenetv2(torch) if workload.startswith("mobilenet") else resnet18(torch)
    return model.to(memory_format=torch.channels_last)


def tensor(torch: Any, images: Any) -> Any:
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def step(images: Any, labels: Any, compiled: bool) -> Run:
    """Fused SGD."""
    torch = common.torch()
    model = model_of(torch, "resnet18")
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, fused=True)
    x, y = tensor(torch, images), torch.from_numpy(labels).long()

    def loss_of(inputs: Any, targets: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(inputs), targets)

    return steps.torch_step(torch, loss_of, optimizer, (x, y), compiled)


def call(workload: str, images: Any, compiled: bool) -> Run:
    """compiled: with frozen weights, so that batch normalization is folded into them."""
    torch = common.torch()
    model = model_of(torch, workload).eval()
    x = tensor(torch, images)
    if workload.endswith("bf16"):
        model, x = model.to(torch.bfloat16), x.to(torch.bfloat16)
    forward = torch.compile(model, options={"freezing": True}) if compiled else model

    def infer() -> Any:
        with torch.inference_mode():
            return forward(x)

    return Run(infer)
