"""The networks that there are: what each takes, what it gives, and where its weights lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

Layer: TypeAlias = Literal["pooled", "logits", "feature_map"]
"""What is taken of a network: the mean of its last map, the scores of ImageNet's 1,000 classes
before the softmax, or that map itself, (h, w, c)."""
LAYERS: Final[tuple[Layer, ...]] = get_args(Layer)

Preprocessing: TypeAlias = Literal["none", "tf", "caffe"]
"""What a network wants of RGB 0..255: nothing, -1..1, or BGR less the mean colour of ImageNet.

The names of the last two are Keras', in `keras.src.applications.imagenet_utils`.
"""

CLASSES: Final = 1000
"""Of ImageNet: the length of the logits."""


@dataclass(frozen=True)
class Backbone:
    """A network of `keras.applications`, with weights of ImageNet."""

    name: str
    """What people call it, and the name of its model in the database."""
    application: str
    """The function in `keras.applications`."""
    size: int
    """Side of its input, pixels."""
    side: int
    """Side of its last map."""
    channels: int
    """Channels of its last map, the length of the pooled vector."""
    preprocessing: Preprocessing
    weights: str
    """Name of the file of weights, without the layers on top."""
    weights_with_top: str

    def shape(self, layer: Layer) -> tuple[int, ...]:
        """Return the shape of what the network gives for one image."""
        if layer == "feature_map":
            return (self.side, self.side, self.channels)
        return (CLASSES,) if layer == "logits" else (self.channels,)

    def file(self, layer: Layer) -> str:
        """Return the name of the file of weights that a layer needs."""
        return self.weights_with_top if layer == "logits" else self.weights


_TENSORFLOW_ORDER: Final = "weights_tf_dim_ordering_tf_kernels"

_ALL: Final = (
    Backbone(
        "mobilenet_v2", "MobileNetV2", 224, 7, 1280, "tf",
        f"mobilenet_v2_{_TENSORFLOW_ORDER}_1.0_224_no_top.h5",
        f"mobilenet_v2_{_TENSORFLOW_ORDER}_1.0_224.h5",
    ),
    Backbone(
        "efficientnet_b0", "EfficientNetB0", 224, 7, 1280, "none",
        "efficientnetb0_notop.h5", "efficientnetb0.h5",
    ),
    Backbone(
        "efficientnet_v2_s", "EfficientNetV2S", 384, 12, 1280, "none",
        "efficientnetv2-s_notop.h5", "efficientnetv2-s.h5",
    ),
    Backbone(
        "resnet50", "ResNet50", 224, 7, 2048, "caffe",
        f"resnet50_{_TENSORFLOW_ORDER}_notop.h5", f"resnet50_{_TENSORFLOW_ORDER}.h5",
    ),
    Backbone(
        "vgg16", "VGG16", 224, 7, 512, "caffe",
        f"vgg16_{_TENSORFLOW_ORDER}_notop.h5", f"vgg16_{_TENSORFLOW_ORDER}.h5",
    ),
    Backbone(
        "vgg19", "VGG19", 224, 7, 512, "caffe",
        f"vgg19_{_TENSORFLOW_ORDER}_notop.h5", f"vgg19_{_TENSORFLOW_ORDER}.h5",
    ),
    Backbone(
        "inception_v3", "InceptionV3", 299, 8, 2048, "tf",
        f"inception_v3_{_TENSORFLOW_ORDER}_notop.h5", f"inception_v3_{_TENSORFLOW_ORDER}.h5",
    ),
)  # fmt: skip

BACKBONES: Final[Mapping[str, Backbone]] = MappingProxyType({one.name: one for one in _ALL})
"""By name; the first is the default."""
