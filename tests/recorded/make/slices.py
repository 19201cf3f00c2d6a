"""Prints what TensorFlow and Keras make of gradients whose rows come several times: the figures in tests/test_indexed_slices.py.

python tests/recorded/make/slices.py        in an environment with tensorflow-cpu
"""

import numpy as np
import tensorflow as tf

INDICES = np.array([[1, 1, 3]], np.int32)
WEIGHTS = np.array([[[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]], np.float32)
OPTIMIZERS = {
    "sgd": lambda o: o.SGD(),
    "momentum": lambda o: o.SGD(momentum=0.9),
    "clipnorm": lambda o: o.SGD(clipnorm=1.0),
    "global_clipnorm": lambda o: o.SGD(global_clipnorm=1.0),
    "clipvalue": lambda o: o.SGD(clipvalue=0.5),
    "accumulation": lambda o: o.SGD(gradient_accumulation_steps=2),
    "adam": lambda o: o.Adam(),
    "adamw": lambda o: o.AdamW(),
    "amsgrad": lambda o: o.Adam(amsgrad=True),
    "rmsprop": lambda o: o.RMSprop(),
    "adagrad": lambda o: o.Adagrad(),
    "adamax": lambda o: o.Adamax(),
    "lion": lambda o: o.Lion(),
    "adadelta": lambda o: o.Adadelta(),
}


def gradient(layer):
    """The gradient by the layer's table."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.constant(INDICES)) * WEIGHTS)
    return tape.gradient(loss, layer.trainable_variables)


def embedding():
    layer = tf.keras.layers.Embedding(6, 2, embeddings_initializer=tf.keras.initializers.Constant(0.5))
    layer.build((None,))
    return layer


for name, make in OPTIMIZERS.items():
    layer, optimizer = embedding(), make(tf.keras.optimizers)
    optimizer.build(layer.trainable_variables)
    for _ in range(3):
        optimizer.apply(gradient(layer), layer.trainable_variables)
    state = [np.round(v.numpy()[1], 6).tolist() for v in optimizer.variables[2:]]
    print(name, state, np.round(layer.embeddings.numpy()[1], 6).tolist())

slices = gradient(embedding())
for name, clipped in {
    "clip_by_global_norm": tf.clip_by_global_norm([*slices, tf.constant([2.0])], 2.0)[0][0],
    "clip_by_norm": tf.clip_by_norm(slices[0], 2.0),
    "clip_by_value": tf.clip_by_value(slices[0], -0.75, 1.5),
}.items():
    print(name, type(clipped).__name__, np.round(clipped.values.numpy(), 6).tolist(), clipped.indices.numpy().tolist())
print("global_norm", float(tf.linalg.global_norm(slices)))
