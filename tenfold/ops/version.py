"""`tf.version.*`: Tenfold's version."""

VERSION = "0.1.0"
GIT_VERSION = "unknown"
COMPILER_VERSION = "llvmlite"
GRAPH_DEF_VERSION = 0
