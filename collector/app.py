"""The web application: routes of every feature, one place where errors become answers."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from checks.discovery import Catalogue
from collector.answers import no_such_place, not_understood, refused, unavailable
from collector.assessment.worker import Assessing, Worker, WorkerApart
from collector.database import Database
from collector.enrolment.routes import router as enrolment
from collector.errors import DatabaseUnusable, Refused
from collector.identity import Identity
from collector.intake.admission import Admission
from collector.intake.routes import router as intake
from collector.intake.writer import Writer


def create_app(
    database: Database, catalogue: Catalogue, identity: Identity, *, apart: bool = False
) -> FastAPI:
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
    app.state.database = database
    app.state.identity = identity
    app.state.admission = Admission()
    app.include_router(intake)
    app.include_router(enrolment)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(DatabaseUnusable, unavailable)
    app.add_exception_handler(RequestValidationError, not_understood)
    app.add_exception_handler(HTTPException, no_such_place)
    return app
