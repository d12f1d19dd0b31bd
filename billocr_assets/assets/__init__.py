"""The stages of a bill's road, one asset a module. The work is in ``billocr_assets.ocr`` and ``.fields``."""
