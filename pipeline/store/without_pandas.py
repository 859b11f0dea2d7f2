"""PyArrow without pandas: to see whether it is given something of pandas, the first array that it makes imports it where
it is installed, 0.3 CPU seconds and 50 MB in each process. Nothing here is of pandas.
"""

import sys
from typing import Any

import pyarrow as pa


class _NoPandas:
    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("not now")


def without_pandas() -> None:
    """For this process, and for good: not where `datasets` reads, which hands tables of pandas to PyArrow."""
    if "pandas" not in sys.modules:
        finder: Any = _NoPandas()
        sys.meta_path.insert(0, finder)
        try:
            pa.array([""])  # it looks once
        finally:
            sys.meta_path.remove(finder)
