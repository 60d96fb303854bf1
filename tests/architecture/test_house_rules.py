"""The house rules hold for every file of the project; that each rule can fail is shown next door."""

import pytest

from tests.architecture.source_rules import SOURCE_RULES, machine_paths
from tests.architecture.sources import python_files, text_files


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule):
    assert [breach for source in python_files() for breach in rule(source)] == []


def test_no_file_names_a_path_of_one_machine():
    assert [breach for source in text_files() for breach in machine_paths(source)] == []
