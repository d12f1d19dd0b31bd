"""From recognised text to merchant, date, total, tax, payment and items. Pure: imports only :mod:`ocr.document`."""

from billocr_assets.fields.extract import extract_fields
from billocr_assets.fields.model import Fields

__all__ = ["Fields", "extract_fields"]
