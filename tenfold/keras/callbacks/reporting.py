"""Callbacks that report the logs elsewhere: CSVLogger and RemoteMonitor."""

from __future__ import annotations

import csv
import importlib
import json
import os
import urllib.parse
import urllib.request
import warnings
from typing import Any

import numpy as np

from tenfold.keras.callbacks.base import Callback


class CSVLogger(Callback):
    """Writes the logs of every epoch into a CSV file.

    Args:
        filename: the file.
        separator: between the columns.
        append: whether to go on with an existing file.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._writer: Any = None
        self._header = True

    def on_train_begin(self, logs: Any = None) -> None:
        if self.append:
            if os.path.exists(self.filename):
                with open(self.filename, newline="") as file:
                    self._header = not file.readline()
            mode = "a"
        else:
            mode = "w"
        self._file = open(self.filename, mode, newline="")  # noqa: SIM115

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = dict(logs or {})
        if self.keys is None:
            self.keys = sorted(logs)
            validation = [f"val_{k}" for k in self.keys if not k.startswith("val_") and f"val_{k}" not in self.keys]
            self.keys += validation if self.params.get("do_validation") else []
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, fieldnames=["epoch", *self.keys], delimiter=self.sep, extrasaction="ignore")
            if self._header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **{k: logs.get(k, "NA") for k in self.keys}})
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


class RemoteMonitor(Callback):
    """Posts the logs of every epoch to a server.

    Args:
        root: the server's address.
        path: what follows it.
        field: the form field that holds the JSON text.
        headers: further HTTP headers.
        send_as_json: whether to send JSON itself instead of a form.
    """

    def __init__(self, root: str = "http://localhost:9000", path: str = "/publish/epoch/end/", field: str = "data", headers: Any = None,
                 send_as_json: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        plain = {k: v.item() if isinstance(v, (np.ndarray, np.generic)) else v for k, v in (logs or {}).items()}
        message = {"epoch": epoch, **plain}
        try:
            self._post(message)
        except OSError:  # what both libraries raise, or derive from
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)

    def _post(self, message: dict[str, Any]) -> None:
        """Sends the message: with `requests` where that is installed, which knows of proxies and certificates."""
        url = self.root + self.path
        form = {self.field: json.dumps(message)}
        try:
            requests: Any = importlib.import_module("requests")
        except ImportError:
            data = json.dumps(message) if self.send_as_json else urllib.parse.urlencode(form)
            kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
            request = urllib.request.Request(url, data.encode(), {"Content-Type": kind, **(self.headers or {})})
            urllib.request.urlopen(request, timeout=10).close()
            return
        if self.send_as_json:
            requests.post(url, json=message, headers=self.headers)
        else:
            requests.post(url, form, headers=self.headers)
