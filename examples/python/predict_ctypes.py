#!/usr/bin/env python3
"""Predicts rows with the C library, without any package.

  predict_ctypes.py libkolosal.so model.kolosal < rows.jsonl     one JSON object a line; writes a line for each
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

    def close(self):
        self.api.kolosal_close(self.handle)


def main(library, path):
    model = Model(library, path)
    for line in sys.stdin:
        print(*model.predict(json.loads(line)), sep=",")
    model.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
