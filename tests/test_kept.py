"""What programs for several sizes of one function keep together: packed weights."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
from tenfold.compiler import pipeline
from tenfold.compiler.kept import Kept

SIZES = (40, 64, 90)  # rows; all of them pack the weights alike


class Product:
    """x @ w * (scale + 1) for any number of rows."""

    def __init__(self):
        random = np.random.default_rng(0)
        self.w = tf.Variable(random.standard_normal((30, 50)).astype(np.float32))
        self.scale = tf.Variable(np.ones(50, np.float32))
        self.x = random.standard_normal((max(SIZES), 30)).astype(np.float32)
        signature = [tf.TensorSpec((None, 30))]
        self.function = tf.function(lambda x: tf.matmul(x, self.w) * tf.math.rsqrt(self.scale + 1.0), input_signature=signature)
        self.scaled = tf.function(lambda: self.w.assign(self.w * 1.5))  # changes elements in place

    def check(self, rows):
        expected = self.x[:rows].astype(np.float64) @ self.w._tensor._array / np.sqrt(self.scale._tensor._array + 1.0)
        np.testing.assert_allclose(self.function(tf.constant(self.x[:rows])), expected, rtol=1e-4, atol=1e-4)

    def programs(self):
        (concrete,) = self.function._concrete.values()
        return list(concrete._programs.values())


def test_programs_for_several_sizes_keep_one_copy():
    p = Product()
    for rows in SIZES:
        p.check(rows)
    programs = p.programs()
    assert len(programs) == len(SIZES) and programs[0].kept_bytes >= 4 * 30 * 50
    assert len({id(program._contents) for program in programs}) == 1


def test_where_weights_are_packed_already_the_first_run_uses_them(monkeypatch):
    monkeypatch.setattr(pipeline, "LARGE", 1)
    p = Product()
    p.check(SIZES[0])
    assert not p.programs()[0]._kept.made, "a first run packs nothing"
    p.check(SIZES[0])
    p.check(SIZES[1])
    assert p.programs()[1]._first is None and p.programs()[1]._contents is p.programs()[0]._contents


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*SIZES, "assign", "in place", "scale"]), max_size=12))
def test_changes_are_seen_by_all_of_them(steps):
    p = Product()
    for step in steps:
        if step == "assign":
            p.w.assign(p.w._tensor._array + 1)
        elif step == "in place":
            p.scaled()
        elif step == "scale":
            p.scale.assign_add(np.ones(50, np.float32))
        else:
            p.check(step)


def test_nobody_writes_where_a_run_reads():
    kept, fills = Kept(64), []

    def take(version, seen=None):
        return kept.take(seen, list, [version], fills.append)

    first = take(1)
    assert take(1) is first and len(fills) == 1
    second = take(2)
    assert second.address != first.address, "two runs read the first contents"
    for contents in (first, first, second):
        kept.give(contents)
    assert take(3).address == second.address, "nobody read the second any more"
    assert len(fills) == 3


def test_what_fails_is_made_again():
    kept, found = Kept(64), []

    def fail(address):
        raise RuntimeError("no")

    kept.give(kept.take(None, list, [1], found.append))
    with pytest.raises(RuntimeError):
        kept.take(None, list, [2], fail)
    assert not kept.made
    kept.take(None, list, [1], found.append)
    assert len(found) == 2


def test_threads_with_other_sizes_and_changing_weights():
    p, wrong = Product(), []
    exact = {rows: [np.asarray(p.function(tf.constant(p.x[:rows])))] for rows in SIZES}
    values = [p.w.numpy(), p.w.numpy() * 2]
    p.w.assign(values[1])
    for rows in SIZES:
        exact[rows].append(np.asarray(p.function(tf.constant(p.x[:rows]))))
    stop = threading.Event()

    def run(rows):
        while not stop.is_set():
            found = np.asarray(p.function(tf.constant(p.x[:rows])))
            if not any(np.array_equal(found, e) for e in exact[rows]):
                wrong.append(rows)

    threads = [threading.Thread(target=run, args=(rows,)) for rows in SIZES]
    for thread in threads:
        thread.start()
    for k in range(200):
        p.w.assign(values[k % 2])
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
