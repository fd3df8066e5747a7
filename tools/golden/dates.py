"""Golden values of date_parts: what the calendar of pandas gives.

Run:  python tools/golden/dates.py > tests/data/transform/dates.json       (needs numpy and pandas)

The cases are as in transform.py; the cells of a timestamp are nanoseconds since 1970. Parts are float32 here.
"""

import json

import numpy as np
import pandas as pd

rng = np.random.default_rng(5)
EDGES = ["1969-12-31 23:59:59.999999999", "1970-01-01", "1900-02-28", "1900-03-01", "2000-02-29 12:00", "2024-02-29 23:59:59",
         "2023-12-31", "2024-12-30", "2021-01-03", "2020-12-31 06:30:15", "2016-01-01", "1700-09-22", "2262-04-11", "2100-03-01"]
moments = pd.to_datetime(EDGES + list(pd.to_datetime(rng.integers(-10**18, 4 * 10**18, size=86))), format="ISO8601").to_series()
moments = moments.reset_index(drop=True).astype("datetime64[ns]")
t = moments.dt
days = (moments.astype("int64").to_numpy() / 86_400e9)
parts = {"year": t.year, "quarter": t.quarter, "month": t.month, "week": t.isocalendar().week, "day": t.day,
         "weekday": t.day_of_week, "hour": t.hour, "minute": t.minute, "second": t.second, "day_of_year": t.day_of_year,
         "is_weekend": t.day_of_week >= 5, "is_month_start": t.is_month_start, "is_month_end": t.is_month_end, "epoch": days}
want = {f"t_{name}": values for name, values in parts.items()}
of_day = (moments - t.normalize()).dt.total_seconds() / 86_400
for cycle, share in (("hour", of_day), ("weekday", (t.day_of_week + of_day) / 7), ("month", (t.month - 1) / 12)):
    want[f"t_{cycle}_sin"], want[f"t_{cycle}_cos"] = np.sin(2 * np.pi * share), np.cos(2 * np.pi * share)
want["t_elapsed_days"] = days - 10_957  # 2000-01-01 is day 10,957
params = {"parts": ",".join(parts), "cyclic": True, "cycles": "hour,weekday,month", "since": "2000-01-01",
          "drop_constant": False}
print(json.dumps({"made_by": "tools/golden/dates.py", "cases": [{
    "name": "date_parts", "step": "date_parts", "params": params, "kind": "timestamp", "rows": [0, 1, 2], "tolerance": 2e-7,
    "columns": {"t": [int(v) for v in moments.astype("int64")]},
    "want": {name: [float(v) for v in values] for name, values in want.items()}}]}, separators=(",", ":")))
