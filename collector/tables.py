"""Every table of the collector in one place, for migrations and for the tests that compare them."""

from sqlalchemy import MetaData

from collector.assessment import models as assessment
from collector.backups import models as backups
from collector.customers import models as customers
from collector.database import Base
from collector.enrolment import models as enrolment
from collector.grants import models as grants
from collector.intake import models as intake
from collector.policy import models as policy
from collector.sessions import models as sessions

MODULES = (customers, enrolment, intake, assessment, backups, policy, grants, sessions)


def metadata() -> MetaData:
    """Return the tables as the code has them."""
    return Base.metadata
