"""PyArrow without pandas.

If pandas is installed, PyArrow imports it with the first array that it makes, to recognise pandas objects. That costs
each process 0.3 CPU seconds and 50 MB, and nothing here uses pandas.
"""

import sys
from typing import Any

import pyarrow as pa


class _NoPandas:
    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("not now")


def without_pandas() -> None:
    """For the rest of this process. Not for processes that read with `datasets`, which gives pandas tables to PyArrow."""
    if "pandas" not in sys.modules:
        finder: Any = _NoPandas()
        sys.meta_path.insert(0, finder)
        try:
            pa.array([""])  # it looks once
        finally:
            sys.meta_path.remove(finder)
