"""Two plugins that do real work on images, with Pillow (the extra `plugins`)."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runtime_min.kernel.errors import ValidationFailed
from runtime_min.plugins.contract import BasePlugin

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
_MAX_PIXELS = 50_000_000  # a small file can unpack to gigabytes


class Thumbnail(BasePlugin):
    """Scales an image down, keeping its proportions."""

    name = "thumbnail"
    version = "1.0"
    summary = "an image of at most `max_side` pixels a side (default 128), as PNG in base64"

    def run(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        side = _integer(payload, "max_side", 128, 1, 4096)
        image = _decode(payload)
        width, height = image.size
        image.thumbnail((side, side))
        out = io.BytesIO()
        image.convert("RGBA").save(out, "PNG", optimize=False)
        return {
            "source": {"width": width, "height": height},
            "width": image.width,
            "height": image.height,
            "mime_type": "image/png",
            "image": base64.b64encode(out.getvalue()).decode("ascii"),
        }


class ImageReport(BasePlugin):
    """Measures an image: size, brightness, main colours, and a fingerprint that resizing keeps."""

    name = "image-report"
    version = "1.0"
    summary = "size, mean brightness, up to `colors` main colours (default 5), difference hash"

    def run(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        from PIL import ImageStat

        count = _integer(payload, "colors", 5, 1, 64)
        image = _decode(payload)
        rgb = image.convert("RGB")
        small = rgb.resize((64, 64))
        palette = small.quantize(count)
        shares = sorted(palette.getcolors() or [], key=lambda pair: (-pair[0], str(pair[1])))
        table = palette.getpalette() or []
        colors = []
        for share, index in shares:
            at = int(str(index)) * 3
            red, green, blue = table[at : at + 3]
            colors.append({"hex": f"#{red:02x}{green:02x}{blue:02x}", "share": share / 4096})
        return {
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
            "brightness": round(ImageStat.Stat(rgb.convert("L")).mean[0], 3),
            "colors": colors,
            "dhash": _difference_hash(rgb),
        }


def _decode(payload: Mapping[str, Any]) -> Image:
    from PIL import Image as images

    mime_type = payload["mime_type"]
    if mime_type not in _FORMATS:
        raise ValidationFailed(
            f"mime_type {mime_type!r}: accepted are {', '.join(_FORMATS)}", field="mime_type"
        )
    try:
        data = base64.b64decode(payload["image"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValidationFailed("image is not base64", field="image") from error
    try:
        image = images.open(io.BytesIO(data), formats=[_FORMATS[mime_type]])
        if image.width * image.height > _MAX_PIXELS:
            raise ValidationFailed(
                f"the image has {image.width} × {image.height} pixels; "
                f"accepted are {_MAX_PIXELS} in all",
                field="image",
            )
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, images.DecompressionBombError) as error:
        raise ValidationFailed(f"the bytes are no {mime_type}", field="image") from error
    return image


def _difference_hash(image: Image) -> str:
    """64 bits: whether each pixel of a 9 × 8 grey copy is brighter than its right neighbour."""
    grey = image.convert("L").resize((9, 8)).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            at = row * 9 + column
            bits = bits << 1 | (grey[at] > grey[at + 1])
    return f"{bits:016x}"


def _integer(payload: Mapping[str, Any], key: str, default: int, low: int, high: int) -> int:
    value = payload.get(key, default)
    if type(value) is not int or not low <= value <= high:
        raise ValidationFailed(f"{key} is {value!r}; accepted are {low} to {high}", field=key)
    return value
