"""Counts the words of a text."""

import argparse
import collections
import ctypes
import json
from pathlib import Path

import six

parser = argparse.ArgumentParser()
parser.add_argument("--text", required=True)
parser.add_argument("--counts", required=True)
options = parser.parse_args()
text = Path(options.text).read_text(encoding="utf-8")
words = collections.Counter(text.split())
library = ctypes.CDLL(str(Path(__file__).with_name("words.so")))
library.count_words.restype = ctypes.c_size_t
total = library.count_words(text.encode())
Path(options.counts).mkdir(parents=True, exist_ok=True)
result = {"words": words, "total": total, "six": six.__version__}
Path(options.counts, "counts.json").write_text(json.dumps(result), encoding="utf-8")
