"""Counts the words of a text."""

import argparse
import collections
import json
from pathlib import Path

import six

parser = argparse.ArgumentParser()
parser.add_argument("--text", required=True)
parser.add_argument("--counts", required=True)
options = parser.parse_args()
words = collections.Counter(Path(options.text).read_text(encoding="utf-8").split())
Path(options.counts).mkdir(parents=True)
result = {"words": words, "six": six.__version__}
Path(options.counts, "counts.json").write_text(json.dumps(result), encoding="utf-8")
