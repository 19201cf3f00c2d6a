"""keras.tree: containers keep their types, dicts are visited by sorted keys, and structures that differ are told apart."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest

from tenfold.keras import tree

Point = namedtuple("Point", ["x", "y"])
NESTED = [Point(1, (2,)), {"b": deque([3], 5), "a": None}, OrderedDict(z=5, y=6), defaultdict(int, k=7)]


def test_leaves_and_back() -> None:
    leaves = tree.flatten(NESTED)
    assert leaves == [1, 2, None, 3, 5, 6, 7]
    back = tree.pack_sequence_as(NESTED, range(7))
    assert back == [Point(0, (1,)), {"b": deque([3]), "a": 2}, OrderedDict(z=4, y=5), {"k": 6}]
    assert [type(x) for x in back] == [type(x) for x in NESTED] and list(back[1]) == ["b", "a"]
    assert back[1]["b"].maxlen == 5 and back[3].default_factory is int
    assert tree.flatten_with_path(NESTED)[3] == ((1, "b", 0), 3)


@pytest.mark.parametrize("other", [(1, 2), [1], [1, [2]], {"a": 1}, 3])
def test_structures_that_differ(other: object) -> None:
    with pytest.raises(ValueError, match="nested structure"):
        tree.map_structure(lambda x, y: x, [1, 2], other)


def test_dicts_are_all_alike_but_their_keys_count() -> None:
    tree.assert_same_structure({"a": 1}, OrderedDict(a=2))
    with pytest.raises(ValueError, match="key mismatch"):
        tree.assert_same_structure({"a": 1}, {"b": 1})
    with pytest.raises(ValueError, match="same paths"):
        tree.assert_same_paths([1, 2], [1])


def test_none() -> None:
    assert tree.map_structure(lambda x: 0, [None, 1]) == [0, 0]
    assert tree.map_structure(lambda x: 0, [None, 1], none_is_leaf=False) == [None, 0]


def test_traverse_may_replace_a_part_and_then_leaves_its_children_alone() -> None:
    seen = []

    def visit(x: object) -> object:
        seen.append(x)
        return tree.MAP_TO_NONE if isinstance(x, tuple) else None

    assert tree.traverse(visit, [(1, 2), [3]]) == [None, [3]]
    assert seen == [[(1, 2), [3]], (1, 2), [3], 3]


def test_up_to_a_shallow_structure() -> None:
    assert tree.map_structure_up_to({"a": 0, "b": 0}, lambda x, y: (x, y), {"a": [1], "b": 2}, {"a": 3, "b": {}}) == {"a": ([1], 3), "b": (2, {})}
