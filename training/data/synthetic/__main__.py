"""``python -m training.data.synthetic --out DIR --count N --seed S``: bills as a pack of annotated receipts."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2

from training.data.fonts import NoFontsError
from training.data.synthetic.corpus import LOCALES
from training.data.synthetic.pack import contact_sheet, scenes, write_pack, write_samples


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.data.synthetic", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder for NAME.jpg and NAME.json")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--locale", choices=LOCALES)
    parser.add_argument("--mode", choices=("scan", "photo"))
    parser.add_argument("--fonts", choices=("train", "held_out"), default="train")
    parser.add_argument("--colour", action="store_true", help="colour pictures instead of grey ones")
    parser.add_argument("--contact-sheet", type=Path, metavar="FILE", help="one picture of the first 24 bills")
    parser.add_argument("--samples", type=Path, metavar="DIR", help="the user interface's six sample bills")
    options = parser.parse_args(arguments)
    if not (options.out or options.contact_sheet or options.samples):
        parser.error("nothing to do: give --out, --contact-sheet or --samples")
    kind = (options.seed, options.locale, options.mode, options.fonts)
    try:
        if options.out:
            start = time.monotonic()
            count = write_pack(options.out, scenes(options.count, *kind, colour=options.colour))
            print(f"{count} bills in {options.out}, {count / (time.monotonic() - start):.1f} a second")
        if options.samples:
            write_samples(options.samples)
        if options.contact_sheet:
            sheet = contact_sheet(scenes(min(options.count, 24), *kind, colour=True))
            _, data = cv2.imencode(".jpg", sheet, (cv2.IMWRITE_JPEG_QUALITY, 60))
            options.contact_sheet.write_bytes(data.tobytes())
    except (NoFontsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
