"""The web application: routes of every feature, one place where errors become answers."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import Semaphore
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from checks.discovery import Catalogue
from collector.answers import (
    EVERYWHERE,
    documented,
    hung_up,
    no_such_place,
    not_understood,
    refused,
    unavailable,
)
from collector.assessment.worker import Assessing, Worker, WorkerApart
from collector.database import Database
from collector.enrolment.routes import router as enrolment
from collector.errors import DatabaseUnusable, Refused
from collector.identity import Identity
from collector.intake.admission import MOST_CONTROL_BYTES, Admission
from collector.intake.known import KnownKeys
from collector.intake.routes import router as intake
from collector.intake.writer import Writer
from collector.sessions.known import KnownSessions
from collector.sessions.routes import router as sessions

MOST_CONTROL_THREADS = 4
"""Control messages that are answered at the same time: one connection of the database each."""


def create_app(
    database: Database, catalogue: Catalogue, identity: Identity, *, apart: bool = False
) -> FastAPI:
    """Return the application on a database; its threads live as long as its lifespan.

    With `apart` the assessment runs in a process of its own, as a collector for many agents wants.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.arrived = threading.Event()
        app.state.writer = Writer(database, identity)
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

    # Nothing is told to strangers: neither pages of documentation nor the OpenAPI document, which
    # is for tests and developers (`app.openapi()`). No redirect: it would repeat the Host header,
    # which nothing else here looks at.
    app = FastAPI(
        title="Xunjian collector",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses=documented(*EVERYWHERE),
    )
    app.state.database = database
    app.state.identity = identity
    app.state.admission = Admission()
    app.state.control_admission = Admission(MOST_CONTROL_BYTES)
    app.state.control_threads = Semaphore(MOST_CONTROL_THREADS)
    app.state.known_keys = KnownKeys(database)
    app.state.known_sessions = KnownSessions(database)
    app.include_router(intake)
    app.include_router(enrolment)
    app.include_router(sessions)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(DatabaseUnusable, unavailable)
    app.add_exception_handler(RequestValidationError, not_understood)
    app.add_exception_handler(HTTPException, no_such_place)
    app.add_exception_handler(ClientDisconnect, hung_up)
    return app
