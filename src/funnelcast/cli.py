"""The front door `funnelcast …`: parses, calls, prints. Nothing imports it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from funnelcast.errors import FunnelcastError
from funnelcast.grammar import build_parser
from funnelcast.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0 done, 1 failed with a reason; argparse itself ends with 2 on wrong usage."""
    options = build_parser().parse_args(arguments)
    try:
        settings = Settings.read()
        settings.confine_libraries()
        # libraries may print: with --json stdout holds one document and nothing else
        with contextlib.redirect_stdout(sys.stderr):
            document = options.run(options, settings)
    except FunnelcastError as error:
        return _failed(str(error), debug=options.debug)
    except KeyboardInterrupt:
        return _failed("Stopped.", debug=False, status=130)
    except Exception as error:  # noqa: BLE001 (the one place where a fault of ours becomes a sentence)
        reason = f"Something of funnelcast's own broke: {type(error).__name__}: {error}. Run again with --debug to see where."
        return _failed(reason, debug=options.debug)
    if document is not None:
        _print(options, document)
    return _exit_status(options, document)


def _exit_status(options: argparse.Namespace, document: Any) -> int:
    if options.command == "check":
        return int(any(finding["level"] == "error" for finding in document["findings"]))
    if options.command == "retrain":
        return int(any(row["outcome"] == "failed" for row in document["summary"]) or "failed" in document["refresh"])
    failed_all = options.command == "train" and isinstance(document, dict) and document.get("failed") and not document.get("trained")
    return int(bool(failed_all))


def _print(options: argparse.Namespace, document: Any) -> None:
    if options.json:
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
        return
    from funnelcast.terminal import show  # noqa: PLC0415 (rich is only needed for tables)

    show(options.command, document)


def _failed(reason: str, *, debug: bool, status: int = 1) -> int:
    if debug:
        traceback.print_exc()
    print(f"funnelcast: {reason}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
