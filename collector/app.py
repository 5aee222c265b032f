"""The web application: routes of every feature, one place where errors become answers."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from checks.discovery import Catalogue
from collector.assessment.worker import Assessing, Worker, WorkerApart
from collector.database import Database
from collector.errors import DatabaseUnusable, Refused
from collector.intake.routes import router as intake
from collector.intake.writer import Writer

PROBLEM = "application/problem+json"


def create_app(database: Database, catalogue: Catalogue, *, apart: bool = False) -> FastAPI:
    """Return the application on a database; its threads live as long as its lifespan.

    With `apart` the assessment runs in a process of its own, as a collector for many agents wants.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.arrived = threading.Event()
        app.state.writer = Writer(database)
        worker: Assessing = (
            WorkerApart(database.url) if apart else Worker(database, catalogue, app.state.arrived)
        )
        app.state.writer.start()
        worker.start()
        try:
            yield
        finally:
            app.state.writer.stop()
            worker.stop()

    # No page of documentation is served: it would load scripts from elsewhere.
    app = FastAPI(title="Xunjian collector", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(intake)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(DatabaseUnusable, _unavailable)
    app.add_exception_handler(RequestValidationError, _not_understood)
    return app


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, Refused) else 400
    return problem(status, str(error))


async def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    return problem(503, str(error), {"Retry-After": "30"})


async def _not_understood(_request: Request, error: Exception) -> JSONResponse:
    faults: list[dict[str, Any]] = (
        list(error.errors()) if isinstance(error, RequestValidationError) else []
    )
    where = "; ".join(
        f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}" for fault in faults
    )
    return problem(422, f"The request is not understood: {where}.")


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an answer in the form of RFC 9457: one sentence a person can act on."""
    return JSONResponse(
        {"status": status, "detail": detail},
        status_code=status,
        media_type=PROBLEM,
        headers=headers,
    )
