"""What does a house cost, and how far does a car go? Dense networks on three tables, with the data's mean and deviation in the model.

Result: mean errors of 2,610 dollars in Boston, 37,600 in California, and 2.14 miles a gallon; ordinary least squares: 3,460, 51,500 and 2.36.

    TENFOLD_DATA_DIR=... python examples/house_prices.py
"""

import os
from pathlib import Path

import numpy as np

import tenfold as tf
from tenfold.keras import layers


def auto_mpg() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    path = Path(os.environ["TENFOLD_DATA_DIR"]) / "tabular" / "auto-mpg.data"
    lines = [line.split("\t")[0].split() for line in path.read_text().splitlines() if "?" not in line]
    rows = np.random.default_rng(0).permutation(np.array(lines, "float32"))
    x = np.column_stack([rows[:, 1:7], np.eye(4, dtype="float32")[rows[:, 7].astype(int)][:, 1:]])
    cut = int(0.8 * len(x))
    return (x[:cut], rows[:cut, 0]), (x[cut:], rows[cut:, 0])


def mean_error(data, scale: float = 1.0, epochs: int = 100, units: int = 64, batch_size: int = 16) -> float:
    """Mean absolute error on the test rows, after training with targets divided by `scale`."""
    (x_train, y_train), (x_test, y_test) = data
    normalize = layers.Normalization()
    normalize.adapt(x_train)
    model = tf.keras.Sequential([
        tf.keras.Input(x_train.shape[1:]),
        normalize,
        layers.Dense(units, activation="relu"),
        layers.Dense(units, activation="relu"),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x_train, y_train / scale, batch_size=batch_size, epochs=epochs, verbose=0)
    return scale * model.evaluate(x_test, y_test / scale, verbose=0)[1]


def main() -> dict[str, float]:
    tf.keras.utils.set_random_seed(0)
    errors = {
        "Boston, thousands of dollars": mean_error(tf.keras.datasets.boston_housing.load_data()),
        "California, dollars": mean_error(tf.keras.datasets.california_housing.load_data(), 1e5, epochs=25, batch_size=128),
        "cars, miles a gallon": mean_error(auto_mpg()),
    }
    for name, error in errors.items():
        print(f"{name}: off by {error:.4g} in the mean")
    return errors


if __name__ == "__main__":
    main()
