"""Says what kind of file some bytes are: POST /identify with the bytes, GET /health.

The model ships inside the magika wheel and runs on onnxruntime.
"""

from __future__ import annotations

import argparse
from functools import cache
from importlib.metadata import version
from typing import Any

import uvicorn
from magika import Magika
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MAX_BYTES = 16 << 20
_SAMPLE = b"import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n\n\nmain()\n"


@cache
def model() -> Any:
    return Magika()


def health(request: Request) -> JSONResponse:
    """Answers 200 only when the model itself answers."""
    label = str(model().identify_bytes(_SAMPLE).output.label)
    return JSONResponse(
        {
            "status": "ok" if label == "python" else "wrong answer",
            "model": "magika",
            "numpy": version("numpy"),
            "magika": version("magika"),
            "onnxruntime": version("onnxruntime"),
        },
        status_code=200 if label == "python" else 503,
    )


async def identify(request: Request) -> JSONResponse:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            return JSONResponse({"error": f"more than {MAX_BYTES} bytes"}, status_code=413)
    if not body:
        return JSONResponse({"error": "an empty body has no type"}, status_code=400)
    result = await run_in_threadpool(model().identify_bytes, bytes(body))
    return JSONResponse(
        {
            "label": str(result.output.label),
            "mime_type": result.output.mime_type,
            "score": round(float(result.score), 4),
        }
    )


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/identify", identify, methods=["POST"]),
    ]
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8102)
    options = parser.parse_args()
    model()  # fail at the start rather than at the first request
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
