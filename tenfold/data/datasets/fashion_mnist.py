"""Fashion-MNIST: 70,000 pictures of clothes, 28x28 grey pixels each."""

from __future__ import annotations

from tenfold.data.datasets import store
from tenfold.data.datasets.formats import Part, Split, checked, read_idx

FOLDER = "fashion-mnist"  # MNIST was published under the same file names, so only folders called fashion count
HASHES = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
SOURCES = {name: store.Source(f"https://storage.googleapis.com/tensorflow/tf-keras-datasets/{name}", name, sha256) for name, sha256 in HASHES.items()}


def load_data() -> Split:
    """Loads Fashion-MNIST: 60,000 pictures to train on and 10,000 to test with.

    The classes are T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and ankle boot. The four files are
    looked for in folders called `fashion-mnist` (or with `fashion` in their name) in `TENFOLD_DATA_DIR` and Keras's cache; else
    they are downloaded. Zalando SE holds the copyright; the licence is MIT.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: pixels as uint8 arrays of shape (n, 28, 28), labels as uint8 arrays of shape (n,).

    Raises:
        DataLossError: A file is truncated, corrupted or something else.
        UnavailableError: A file is missing, and it could not be downloaded; the message says where to put it.

    Example:
        >>> import tenfold as tf
        >>> (x_train, y_train), (x_test, y_test) = tf.keras.datasets.fashion_mnist.load_data()  # doctest: +SKIP
    """
    return read_part("train"), read_part("t10k")


def read_part(part: str) -> Part:
    images, labels = (
        store.find(name, within="fashion") or store.fetch(SOURCES[name], FOLDER)
        for name in (f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz")
    )
    return checked(images, read_idx(images), read_idx(labels), (28, 28), classes=10)
