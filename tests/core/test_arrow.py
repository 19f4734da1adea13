from __future__ import annotations

import subprocess
import sys


def test_arrays_do_not_import_pandas_and_data_frames_do() -> None:
    code = (
        "import sys\n"
        "from trendcli.core.arrow import pa\n"
        "table = pa.table({'n': [1, 2]})\n"
        "assert 'pandas' not in sys.modules\n"
        "assert table.to_pandas()['n'].tolist() == [1, 2]\n"
        "import pandas\n"
        "assert pa.array(pandas.Series([1, 2])).to_pylist() == [1, 2]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
