"""Groups the images of an album by who is in them."""

from collections import defaultdict
from collections.abc import Sequence

from app.main import registry
from app.services.steps import apply


def by_face_count(images: Sequence[bytes]) -> dict[int, list[bytes]]:
    groups: dict[int, list[bytes]] = defaultdict(list)
    finder = registry.get("faces")
    for image, answer in zip(images, apply(finder.run, images), strict=True):
        groups[len(answer["faces"])].append(image)
    return dict(groups)
