"""The words shown below a thumbnail while the analysis is still waiting."""

from app.plugins.ocr import OcrPlugin

MAX_WORDS = 12

recognise = OcrPlugin().run


def caption(image: bytes) -> str:
    words = recognise({"image": image})["text"].split()
    return " ".join(words[:MAX_WORDS])
