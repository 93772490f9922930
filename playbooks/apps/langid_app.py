"""Says which language a text is in: GET or POST /identify?text=…, GET /health.

The model ships inside the py3langid wheel.
"""

from __future__ import annotations

import argparse
from functools import cache
from importlib.metadata import version
from typing import Any

import uvicorn
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MAX_CHARACTERS = 100_000


@cache
def identifier() -> Any:
    return LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)


def health(request: Request) -> JSONResponse:
    """Answers 200 only when the model itself answers."""
    language, _ = identifier().classify("This is an English sentence.")
    return JSONResponse(
        {
            "status": "ok" if language == "en" else "wrong answer",
            "model": "py3langid",
            "numpy": version("numpy"),
            "py3langid": version("py3langid"),
        },
        status_code=200 if language == "en" else 503,
    )


async def identify(request: Request) -> JSONResponse:
    text = request.query_params.get("text", "")
    if request.method == "POST" and not text:
        text = (await request.body()).decode("utf-8", errors="replace")
    if not text.strip():
        return JSONResponse({"error": "no text given: ?text=… or a body"}, status_code=400)
    if len(text) > MAX_CHARACTERS:
        return JSONResponse({"error": f"more than {MAX_CHARACTERS} characters"}, status_code=413)
    language, probability = identifier().classify(text)
    return JSONResponse({"language": language, "probability": round(float(probability), 4)})


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/identify", identify, methods=["GET", "POST"]),
    ]
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8101)
    options = parser.parse_args()
    identifier()  # fail at the start rather than at the first request
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
