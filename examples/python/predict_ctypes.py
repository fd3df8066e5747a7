#!/usr/bin/env python3
"""Predicts rows with the C library, without any package.

  predict_ctypes.py libkolosal.so model.kolosal < rows.jsonl     one JSON object a line; writes a line for each
  predict_ctypes.py libkolosal.so model.kolosal rows.csv         a table with its columns' names
"""
import ctypes
import json
import sys


class Model:
    def __init__(self, library, path):
        self.api = ctypes.CDLL(library)
        self.api.kolosal_last_error.restype = ctypes.c_char_p
        self.api.kolosal_schema.restype = ctypes.c_char_p
        self.api.kolosal_schema.argtypes = [ctypes.c_void_p]
        self.api.kolosal_n_outputs.restype = ctypes.c_size_t
        self.api.kolosal_n_outputs.argtypes = [ctypes.c_void_p]
        self.api.kolosal_close.argtypes = [ctypes.c_void_p]
        self.api.kolosal_predict_json.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                                                  ctypes.POINTER(ctypes.c_double), ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)]
        self.api.kolosal_predict_csv.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int,
                                                 ctypes.POINTER(ctypes.c_double), ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)]
        self.handle = ctypes.c_void_p()
        self.check(self.api.kolosal_open(path.encode(), ctypes.byref(self.handle)))
        self.schema = json.loads(self.api.kolosal_schema(self.handle))
        self.width = self.api.kolosal_n_outputs(self.handle)

    def check(self, status):
        if status != 0:
            raise ValueError(self.api.kolosal_last_error().decode())

    def predict(self, row):
        text = json.dumps(row).encode()
        out = (ctypes.c_double * self.width)()
        n_rows = ctypes.c_size_t()
        self.check(self.api.kolosal_predict_json(self.handle, text, len(text), out, self.width, ctypes.byref(n_rows)))
        return list(out)

    def predict_csv(self, text, has_header):
        """A list of predictions for each line of CSV."""
        room = self.width * (text.count(b"\n") + 1)
        out = (ctypes.c_double * room)()
        n_rows = ctypes.c_size_t()
        self.check(self.api.kolosal_predict_csv(self.handle, text, len(text), has_header, out, room, ctypes.byref(n_rows)))
        return [list(out[i * self.width:(i + 1) * self.width]) for i in range(n_rows.value)]

    def close(self):
        self.api.kolosal_close(self.handle)


def main(library, path, table=None):
    model = Model(library, path)
    if table:
        with open(table, "rb") as file:
            rows = model.predict_csv(file.read(), has_header=True)
    else:
        rows = (model.predict(json.loads(line)) for line in sys.stdin)
    for row in rows:
        print(*row, sep=",")
    model.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
