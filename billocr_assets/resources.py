"""What stages and sensors work with: the store, and the networks that read."""

import functools
from pathlib import Path

import cv2
import dagster as dg

from billocr_assets.ocr.detection import LineDetector
from billocr_assets.ocr.engine import Runtime
from billocr_assets.ocr.models import Models
from billocr_assets.ocr.recognition import LineRecogniser
from billocr_assets.ocr.segmentation import LineSegmenter
from billocr_assets.settings import Settings, get_settings
from billocr_assets.store.reading import NETWORKS, model_path, promoted_models, sync_shipped_models
from billocr_assets.store.store import Store, open_store


class StoreResource(dg.ConfigurableResource):
    """The database and the objects that the environment names."""

    def open(self) -> Store:
        return _open(get_settings().model_dump_json())


class ModelsResource(dg.ConfigurableResource):
    """The networks that the registry has promoted."""

    store: dg.ResourceDependency[StoreResource]

    def load(self) -> Models:
        """The promoted networks; the same objects until others are promoted.

        Raises:
            RuntimeError: a network has no promoted version, since no weights are installed.
        """
        store = self.store.open()
        promoted = promoted_models(store)
        if set(NETWORKS) - set(promoted):
            promoted = sync_shipped_models(store)
        if missing := sorted(set(NETWORKS) - set(promoted)):
            raise RuntimeError(f"No weights for {', '.join(missing)} in {store.settings.models}.")
        detector, segmenter, recogniser = (model_path(store, promoted[network]) for network in NETWORKS)
        return _load(detector, segmenter, recogniser, store.settings.runtime)


# One a process: sensors tick every few seconds and should find their connections open.
@functools.lru_cache(maxsize=4)
def _open(settings: str) -> Store:
    return open_store(Settings.model_validate_json(settings))


@functools.lru_cache(maxsize=2)
def _load(detector: Path, segmenter: Path, recogniser: Path, runtime: Runtime) -> Models:
    # Runs stand side by side on the cores; threads inside them would only fight.
    cv2.setNumThreads(1)
    return Models(
        LineDetector(detector, runtime=runtime),
        LineSegmenter(segmenter, runtime=runtime),
        LineRecogniser(recogniser, runtime=runtime),
    )
